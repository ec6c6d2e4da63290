/**
 * The registry: every SQL function, operator, cast and aggregate by name.
 *
 * Hides the families' files. Invariants: names and aliases are unique; look-ups ignore case; what `resolve…` gave is
 * what `kernelOf`, `castKernel` and `aggregateMethod` accept.
 */
import { assert, present } from '../base/assert.ts';
import type { DataType } from '../arrow/type.ts';
import { IS_OTHER_BIN } from './aggregate-histogram.ts';
import { AGGREGATES } from './aggregate.ts';
import { ARITHMETIC } from './arithmetic.ts';
import { BIT } from './bit.ts';
import { BOOLEAN } from './boolean.ts';
import { makeCastKernel } from './cast.ts';
import { COMPARE } from './compare.ts';
import { CONDITIONAL } from './conditional.ts';
import type { ConstantValue } from './constant.ts';
import type { AggregateMethod, Kernel, ResolvedCall, Unresolved } from './contract.ts';
import type { AggregateEntry, FunctionEntry, KnownArgument } from './entry.ts';
import { MATH } from './math.ts';
import { WHOLE_NUMBERS } from './math-integer.ts';
import { ROUNDING } from './math-round.ts';
import { PATTERN } from './pattern.ts';
import { GENERIC } from './generic.ts';
import { HASH } from './hash.ts';
import { LIST_ACCESS } from './list-access.ts';
import { LIST_AGGREGATE } from './list-aggregate.ts';
import { DECIMAL_DIVISION } from './decimal-exact.ts';
import { LIST_MAKE } from './list-make.ts';
import { LIST_PICK } from './list-pick.ts';
import { LIST_SERIES } from './list-series.ts';
import { LIST_ORDER } from './list-order.ts';
import { LIST_SEARCH } from './list-search.ts';
import { LIST_TEXT } from './list-text.ts';
import { MAP } from './map.ts';
import { MAP_CONCAT } from './map-concat.ts';
import { STRING } from './string.ts';
import { RANDOM } from './random.ts';
import { REMAP } from './remap.ts';
import { STRUCT } from './struct.ts';
import { STRUCT_SEARCH } from './struct-search.ts';
import { TIME_FUNCTIONS } from './time-function.ts';
import { TEXT_CODE } from './text-code.ts';
import { TEXT_DISTANCE } from './text-distance.ts';
import { TEXT_FORMAT } from './text-format.ts';
import { TEXT_PATH } from './text-path.ts';
import { TEXT_SEARCH } from './text-search.ts';
import { TEXT_SHOW } from './text-show.ts';
import { TEXT_SLICE } from './text-slice.ts';
import { WINDOW_FUNCTIONS } from './window.ts';
import type { WindowEntry } from './window.ts';

export { momentValue, isNowFunction, isNowWord } from './time-now.ts';
export { constantCall, partFields } from './time-function.ts';
export type { KnownText } from './time-function.ts';
export { countsFromEnd, reversedQuantile } from './aggregate-quantile-entry.ts';
export { groupCountOf } from './pattern.ts';
export { elementOf } from './nested-type.ts';
export type { KnownArgument } from './entry.ts';
export { castKind, commonType, isComparable, resultType } from './signature.ts';

/** What drivers call numeric functions: of numbers and bits. */
const NUMERIC: readonly FunctionEntry[] = [...ARITHMETIC, ...MATH, ...ROUNDING, ...WHOLE_NUMBERS, ...BIT];

/** Functions of text and patterns; `STRING` stands before the others in the reference. */
const TEXT: readonly FunctionEntry[] = [
  ...TEXT_SLICE,
  ...TEXT_SEARCH,
  ...TEXT_CODE,
  ...TEXT_DISTANCE,
  ...TEXT_FORMAT,
  ...TEXT_SHOW,
  ...TEXT_PATH,
  ...PATTERN,
];

/** All scalar functions, in the order of the reference. */
export const FUNCTIONS: readonly FunctionEntry[] = [
  ...NUMERIC,
  ...COMPARE,
  ...BOOLEAN,
  ...CONDITIONAL,
  ...STRING,
  ...TIME_FUNCTIONS,
  ...TEXT,
  ...HASH,
  ...LIST_MAKE,
  ...LIST_SERIES,
  ...LIST_PICK,
  ...LIST_ACCESS,
  ...LIST_SEARCH,
  ...LIST_ORDER,
  ...LIST_TEXT,
  ...STRUCT,
  ...STRUCT_SEARCH,
  REMAP,
  ...MAP,
  MAP_CONCAT,
  ...LIST_AGGREGATE,
  ...GENERIC,
  ...RANDOM,
  IS_OTHER_BIN,
  DECIMAL_DIVISION,
];

/** Functions by the families that drivers ask for; those of lists, structs and maps are in none. */
export const FUNCTION_FAMILIES = {
  numeric: NUMERIC,
  string: [...STRING, ...TEXT],
  datetime: TIME_FUNCTIONS,
  system: [...CONDITIONAL, ...HASH, ...GENERIC, ...RANDOM],
} as const satisfies Readonly<Record<string, readonly FunctionEntry[]>>;

export { AGGREGATES };
export type { AggregateEntry, WindowEntry };

type Entry = FunctionEntry | AggregateEntry | WindowEntry;

function byName<T extends Entry>(entries: readonly T[]): ReadonlyMap<string, T> {
  const map = new Map<string, T>();
  for (const entry of entries) {
    for (const name of [entry.name, ...(entry.aliases ?? [])]) {
      assert(!map.has(name), `the function name ${name} is given twice`);
      map.set(name, entry);
    }
  }
  return map;
}

const functions = byName(FUNCTIONS);
const aggregates = byName(AGGREGATES);
const windows = byName(WINDOW_FUNCTIONS);

function resolve(
  entry: Entry | undefined,
  args: readonly DataType[],
  known: readonly KnownArgument[] = [],
): ResolvedCall | Unresolved {
  if (entry === undefined) return { known: false, expects: '' };
  return entry.resolve(args, known) ?? { known: true, expects: `expects ${entry.expects}` };
}

/** Finds the overload of a scalar function that takes arguments of these types, `known` beside their types. */
export function resolveFunction(
  name: string,
  args: readonly DataType[],
  known: readonly KnownArgument[] = [],
): ResolvedCall | Unresolved {
  return resolve(functions.get(name.toLowerCase()), args, known);
}

/** Finds the overload of an aggregate; no arguments mean `count(*)`. */
export function resolveAggregate(name: string, args: readonly DataType[]): ResolvedCall | Unresolved {
  return resolve(aggregates.get(name.toLowerCase()), args);
}

/** The window function of that name or alias, aggregates apart. */
export function windowFunctionOf(name: string): WindowEntry | undefined {
  return windows.get(name.toLowerCase());
}

/** Finds the overload of a window function. */
export function resolveWindow(name: string, args: readonly DataType[]): ResolvedCall | Unresolved {
  return resolve(windowFunctionOf(name), args);
}

/** True when `name` is an aggregate's name or alias. */
export function isAggregate(name: string): boolean {
  return aggregates.has(name.toLowerCase());
}

/** Names of all functions and aggregates with aliases, operators left out, sorted; for suggestions. */
export function functionNames(): readonly string[] {
  return [...new Set([...functions.keys(), ...aggregates.keys(), ...windows.keys()])]
    .filter((name) => /^[a-z]/.test(name))
    .sort();
}

/** True when a call of this canonical name may be an error for some row, arithmetic apart. */
export function canFailForRow(name: string): boolean {
  return functions.get(name)?.fails === true;
}

/** True when a call of this name or alias answers anew for each row. */
export function isVolatile(name: string): boolean {
  return functions.get(name)?.isVolatile === true;
}

/** A look at a text: false when no call in it can answer anew for each row. */
export function mayBeVolatile(sql: string): boolean {
  return VOLATILE_NAME.test(sql);
}

const VOLATILE_NAME = new RegExp(
  String.raw`\b(?:${[...functions].flatMap(([name, entry]) => (entry.isVolatile === true ? [name] : [])).join('|')})\b`,
  'iu',
);

/** The kernel of a resolved call, by its canonical name and parameter types. */
export function kernelOf(name: string, parameters: readonly DataType[]): Kernel {
  return present(functions.get(name), `the function ${name}`).kernel(parameters);
}

/**
 * The kernel that casts one vector; with `attempt`, values that do not convert become null instead of `value_error`.
 */
export function castKernel(from: DataType, to: DataType, attempt: boolean): Kernel {
  return makeCastKernel(from, to, attempt);
}

/** The entry of an aggregate, by name or alias. */
export function aggregateOf(name: string): AggregateEntry | undefined {
  return aggregates.get(name.toLowerCase());
}

/**
 * How a resolved aggregate is computed, with fresh state. `parameters`: of the arguments that are not constant.
 */
export function aggregateMethod(
  name: string,
  parameters: readonly DataType[],
  constants: readonly ConstantValue[],
): AggregateMethod {
  return present(aggregates.get(name), `the aggregate ${name}`).method(parameters, constants);
}
