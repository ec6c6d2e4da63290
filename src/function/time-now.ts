/**
 * now() and its kin: the moment of the statement.
 *
 * Hides nothing: the calls never run. Planning puts the moment in their place, one for all of a statement and of what
 * a ticket for it answers; a kernel that is reached says so.
 */
import { EngineError } from '../base/errors.ts';
import type { DataType } from '../arrow/type.ts';
import type { FunctionEntry } from './entry.ts';
import { strictCall } from './signature.ts';
import { DATE, MICROS, TIME, ZONED } from './time-signature.ts';

const MICROS_PER_DAY = 86_400_000_000n;

function nowEntry(
  name: string,
  aliases: readonly string[],
  type: DataType,
  doc: string,
  example: string,
): FunctionEntry {
  return {
    name,
    aliases,
    expects: 'no arguments',
    doc,
    example,
    resolve: (args) => (args.length === 0 ? strictCall(name, [], type) : undefined),
    kernel: () => () => {
      throw new EngineError('sql_unsupported', `${name}() is not possible here; write the moment itself`);
    },
  };
}

/** The entries of this family. */
export const NOW: readonly FunctionEntry[] = [
  nowEntry(
    'now',
    ['current_timestamp', 'get_current_timestamp', 'transaction_timestamp'],
    ZONED,
    'The moment at which the statement began, as a zoned timestamp; the same in all of it.',
    'now() = current_timestamp → true',
  ),
  nowEntry('today', ['current_date'], DATE, 'The date of now(), in UTC.', 'today() = now()::DATE → true'),
  nowEntry(
    'localtimestamp',
    ['current_localtimestamp'],
    MICROS,
    'now() as a timestamp without a zone, in UTC.',
    'localtimestamp = now()::TIMESTAMP → true',
  ),
  nowEntry(
    'localtime',
    ['current_localtime', 'current_time', 'get_current_time'],
    TIME,
    'The time of day of now(), in UTC.',
    'localtime = now()::TIMESTAMP::TIME → true',
  ),
];

const NAMES: ReadonlySet<string> = new Set(NOW.flatMap(({ name, aliases }) => [name, ...(aliases ?? [])]));

/** Names that stand for the moment without parentheses too. */
const BARE: ReadonlySet<string> = new Set([
  'current_timestamp',
  'current_date',
  'current_time',
  'localtimestamp',
  'localtime',
]);

/** True for names of functions that the statement's moment takes the place of. */
export function isNowFunction(name: string): boolean {
  return NAMES.has(name.toLowerCase());
}

/** True for words that mean the moment without being called, unless a column has the name. */
export function isNowWord(word: string): boolean {
  return BARE.has(word.toLowerCase());
}

/** The moment (microseconds since 1970) as a literal's value of `type`. */
export function momentValue(type: DataType, micros: bigint): number | bigint {
  const day = micros / MICROS_PER_DAY - (micros % MICROS_PER_DAY < 0n ? 1n : 0n);
  if (type.id === 'date') return Number(day);
  return type.id === 'time' ? micros - day * MICROS_PER_DAY : micros;
}
