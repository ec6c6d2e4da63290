/**
 * All functions on dates, times, timestamps and intervals, and what a constant argument says of a call.
 *
 * Hides the families' files. Invariant: `constantCall` looks at text constants only and never changes what a call
 * answers, but its type: int64 for most parts, a zone or nanoseconds for formats that read them.
 */
import { DATE_ADD } from './arithmetic-date.ts';
import { DATE_DIFF } from './date-diff.ts';
import { DATE_PARTS, partFunction } from './date-function.ts';
import { DATE_MAKERS } from './date-make.ts';
import { DATE_TRUNC } from './date-trunc.ts';
import type { FunctionEntry } from './entry.ts';
import { INTERVAL_MAKERS } from './interval-make.ts';
import { formatTraits, STRPTIME } from './strftime-parse.ts';
import { STRFTIME } from './strftime.ts';
import { TIME_BUCKET } from './time-bucket.ts';
import { NOW } from './time-now.ts';
import { ZONES } from './zone-function.ts';

/** The entries of these families, in the order of the reference. */
export const TIME_FUNCTIONS: readonly FunctionEntry[] = [
  ...NOW,
  ...DATE_PARTS,
  ...DATE_TRUNC,
  ...DATE_ADD,
  ...DATE_DIFF,
  ...TIME_BUCKET,
  ...DATE_MAKERS,
  ...INTERVAL_MAKERS,
  ...STRFTIME,
  ...STRPTIME,
  ...ZONES,
];

/** What is known of an argument: a text constant, or a constant list of texts, NULLs left out. */
export type KnownText = string | readonly string[] | undefined;

/** Another call for the same: of function `name` with the arguments from `from` on, its result made zoned or not. */
export interface ConstantCall {
  readonly name: string;
  readonly from: number;
  readonly zoned: boolean;
}

/** Of date_part with a list of parts: the fields of its struct, each with the function of its part. */
export function partFields(
  name: string,
  constants: readonly KnownText[],
): readonly (readonly [part: string, name: string])[] | undefined {
  const [parts] = constants;
  if (constants.length !== 2 || typeof parts !== 'object' || (name !== 'date_part' && name !== 'datepart')) {
    return undefined;
  }
  return parts.map((part) => [part, partFunction(part)]);
}

/**
 * What a call becomes by a constant among its arguments: date_part('year', x) is year(x). @throws `value_error` for a
 * specifier or format that there is not
 */
export function constantCall(name: string, constants: readonly KnownText[]): ConstantCall | undefined {
  if (constants.length !== 2) return undefined;
  const [first, second] = constants;
  switch (name) {
    case 'date_part':
    case 'datepart':
      return typeof first !== 'string' ? undefined : { name: partFunction(first), from: 1, zoned: false };
    case 'strptime':
    case 'try_strptime': {
      if (second === undefined) return undefined;
      const { nanos, zoned } = formatTraits(typeof second === 'string' ? [second] : second);
      return { name: nanos ? `${name}_ns` : name, from: 0, zoned };
    }
    default:
      return undefined;
  }
}
