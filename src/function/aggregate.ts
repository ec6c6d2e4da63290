/**
 * Aggregates of every day: counts, sums, extremes, single values, bits, lists. Statistics stand in aggregate-statistic.
 *
 * Hides the state's layout (aggregate-*). Invariants: nulls are skipped, but by first, last, arbitrary and list;
 * without rows counts are 0 and the others are null; sums of integers are exact and `value_error` when the result
 * type cannot hold them; sums of floats add in row order.
 */
import type { DataType } from '../arrow/type.ts';
import type { Vector } from '../arrow/vector.ts';
import { BitAccumulator } from './aggregate-bit.ts';
import type { BitOperator } from './aggregate-bit.ts';
import { ExtremeChooser, PlaceChooser } from './aggregate-choice.ts';
import { CountAccumulator } from './aggregate-count.ts';
import { extremeAccumulator } from './aggregate-extreme.ts';
import { joinTexts, listVector } from './aggregate-list.ts';
import { STATISTICS } from './aggregate-statistic.ts';
import { averageAccumulator, sumAccumulator } from './aggregate-sum.ts';
import type { GroupedValues, ResolvedCall } from './contract.ts';
import type { AggregateEntry } from './entry.ts';
import { gatherOrNull, NO_ROW } from './gather.ts';
import { listOf } from './nested-type.ts';
import { BOOL, castKind, decimalType, DOUBLE, familyOf, FLOAT, flatType, INT64, isNumeric } from './signature.ts';
import { isComparable, isOrdered, UINT64, UTF8, valueType } from './signature.ts';
import { momentType } from './temporal-type.ts';

function aggregateCall(name: string, parameters: readonly DataType[], type: DataType): ResolvedCall {
  return { name, parameters, type, canMakeNull: true, nulls: 'custom' };
}

function single(args: readonly DataType[]): DataType | undefined {
  return args.length === 1 && args[0] !== undefined ? flatType(args[0]) : undefined;
}

function sumType(type: DataType): DataType | undefined {
  switch (type.id) {
    case 'null':
    case 'bool':
      return INT64;
    case 'int':
      return type.bitWidth === 64 && !type.signed ? UINT64 : INT64;
    case 'float':
      return DOUBLE;
    case 'decimal':
      return type.bitWidth === 256 ? decimalType(76, type.scale, 256) : decimalType(38, type.scale);
    default:
      return undefined;
  }
}

function numericParameter(type: DataType): DataType {
  if (type.id === 'null') return INT64;
  return type.id === 'float' && type.bitWidth === 16 ? FLOAT : type;
}

const COUNTS_AND_SUMS: readonly AggregateEntry[] = [
  {
    name: 'count',
    expects: '(*) or (any)',
    doc: 'The number of rows, or of values that are not null.',
    example: 'count(x) over 1, NULL, 3 → 2',
    resolve: (args) => {
      if (args.length > 1) return undefined;
      return { name: 'count', parameters: args, type: INT64, canMakeNull: false, nulls: 'never' };
    },
    method: (parameters) => ({ kind: 'running', accumulator: new CountAccumulator(parameters.length === 1) }),
  },
  {
    name: 'count_if',
    aliases: ['countif'],
    expects: '(boolean)',
    doc: 'The number of rows whose condition is true; null when all are null.',
    example: 'count_if(x > 1) over 1, 2, NULL, 3 → 2',
    resolve: (args) => {
      const type = single(args);
      if (type?.id !== 'bool' && type?.id !== 'null') return undefined;
      return aggregateCall('count_if', [BOOL], INT64);
    },
    method: () => ({ kind: 'running', accumulator: sumAccumulator(BOOL) }),
  },
  {
    name: 'sum',
    expects: '(number)',
    doc: 'The sum; int64 (uint64 for uint64) or an error for integers, double for floats, 38 digits for decimals.',
    example: 'sum(x) over 1, 2, NULL → 3',
    resolve: (args) => {
      const type = single(args);
      const result = type === undefined ? undefined : sumType(type);
      if (type === undefined || result === undefined) return undefined;
      return aggregateCall('sum', [numericParameter(type)], result);
    },
    method: ([type]) => ({ kind: 'running', accumulator: sumAccumulator(type as DataType) }),
  },
  {
    name: 'avg',
    aliases: ['mean'],
    expects: '(number, date, time or timestamp)',
    doc: 'The mean: of numbers as a double, integers and decimals being summed exactly; of dates as a timestamp.',
    example: 'avg(x) over 1, 2, NULL → 1.5',
    resolve: (args) => {
      const type = single(args);
      if (type === undefined) return undefined;
      const moment = momentType(type);
      if (moment !== undefined) return aggregateCall('avg', [moment], moment);
      if (type.id !== 'null' && !isNumeric(type)) return undefined;
      return aggregateCall('avg', [numericParameter(type)], DOUBLE);
    },
    method: ([type]) => ({ kind: 'running', accumulator: averageAccumulator(type as DataType) }),
  },
];

/** The first or last value of each group. */
function endOf(grouped: GroupedValues, wantsLast: boolean): Vector {
  const { values, starts, groupCount } = grouped;
  const rows = new Uint32Array(groupCount);
  for (let g = 0; g < groupCount; g++) {
    const [start, end] = [starts[g] as number, starts[g + 1] as number];
    rows[g] = start === end ? NO_ROW : wantsLast ? end - 1 : start;
  }
  return gatherOrNull(values, rows);
}

function extreme(name: 'min' | 'max', doc: string, example: string): AggregateEntry {
  return {
    name,
    expects: '(a value with an order)',
    doc,
    example,
    resolve: (args) => {
      const type = single(args);
      if (type === undefined || !isComparable(type)) return undefined;
      return aggregateCall(name, [type], type.id === 'dictionary' ? type.value : type);
    },
    method: ([type = BOOL]) => {
      if (familyOf(type) !== 'nested') return { kind: 'running', accumulator: extremeAccumulator(name, type) };
      return { kind: 'collected', order: 'ascending', finish: (grouped) => endOf(grouped, name === 'max') };
    },
  };
}

function place(
  names: readonly [string, ...string[]],
  wantsLast: boolean,
  skipsNulls: boolean,
  doc: string,
  example: string,
): AggregateEntry {
  const [name, ...aliases] = names;
  return {
    name,
    aliases,
    expects: '(any)',
    doc,
    example,
    isOrdered: true,
    resolve: (args) => {
      const [given] = args;
      if (args.length !== 1 || given === undefined) return undefined;
      return aggregateCall(name, [valueType(given)], valueType(given));
    },
    method: () => ({ kind: 'chosen', chooser: new PlaceChooser(wantsLast, skipsNulls) }),
  };
}

function best(
  names: readonly [string, ...string[]],
  wantsMax: boolean,
  skipsNulls: boolean,
  doc: string,
  example: string,
): AggregateEntry {
  const [name, ...aliases] = names;
  return {
    name,
    aliases,
    expects: '(any, a value with an order)',
    doc,
    example,
    isOrdered: true,
    resolve: (args) => {
      const [value, key] = args;
      if (args.length !== 2 || value === undefined || key === undefined || !isOrdered(key)) return undefined;
      return aggregateCall(name, [valueType(value), flatType(key)], valueType(value));
    },
    method: ([, key]) => ({ kind: 'chosen', chooser: new ExtremeChooser(key as DataType, wantsMax, skipsNulls) }),
  };
}

const VALUES: readonly AggregateEntry[] = [
  extreme('min', 'The least value; NaN is greater than every other number.', 'min(x) over 3, 1, NULL → 1'),
  extreme('max', 'The greatest value; NaN is greater than every other number.', 'max(x) over 3, 1, NULL → 3'),
  place(['first', 'arbitrary'], false, false, 'The first value, null or not.', 'first(x) over NULL, 1, 2 → NULL'),
  place(['last'], true, false, 'The last value, null or not.', 'last(x) over NULL, 1, 2 → 2'),
  place(['any_value'], false, true, 'The first value that is not null.', 'any_value(x) over NULL, 1, 2 → 1'),
  best(
    ['arg_min', 'argmin', 'min_by'],
    false,
    true,
    'x of the first row with the least y; rows with a null are left out.',
    "arg_min(x, y) over ('a', 2), ('b', 1), ('c', 1), (NULL, 0) → b",
  ),
  best(
    ['arg_max', 'argmax', 'max_by'],
    true,
    true,
    'x of the first row with the greatest y; rows with a null are left out.',
    "arg_max(x, y) over ('a', 2), ('b', 1), (NULL, 3) → a",
  ),
  best(
    ['arg_min_null'],
    false,
    false,
    'As arg_min, but x may be null.',
    "arg_min_null(x, y) over ('a', 2), ('b', NULL), (NULL, 1) → NULL",
  ),
  best(
    ['arg_max_null'],
    true,
    false,
    'As arg_max, but x may be null.',
    "arg_max_null(x, y) over ('a', 2), ('b', NULL), (NULL, 3) → NULL",
  ),
];

function bits(operator: BitOperator, doc: string, example: string): AggregateEntry {
  const name = `bit_${operator}`;
  return {
    name,
    expects: '(integer)',
    doc,
    example,
    resolve: (args) => {
      const type = single(args);
      if (type?.id === 'null') return aggregateCall(name, [INT64], INT64);
      return type?.id === 'int' ? aggregateCall(name, [type], type) : undefined;
    },
    method: ([type]) => ({ kind: 'running', accumulator: new BitAccumulator(operator, type as DataType) }),
  };
}

function truth(operator: 'and' | 'or', doc: string, example: string): AggregateEntry {
  const name = `bool_${operator}`;
  return {
    name,
    expects: '(boolean)',
    doc,
    example,
    resolve: (args) => {
      const type = single(args);
      return type?.id === 'bool' || type?.id === 'null' ? aggregateCall(name, [BOOL], BOOL) : undefined;
    },
    method: () => ({ kind: 'running', accumulator: new BitAccumulator(operator, BOOL) }),
  };
}

const BITS: readonly AggregateEntry[] = [
  bits('and', 'The bits that all values have.', 'bit_and(x) over 7, 13, NULL → 5'),
  bits('or', 'The bits that some value has.', 'bit_or(x) over 1, 4, NULL → 5'),
  bits('xor', 'The bits that an odd number of values have.', 'bit_xor(x) over 7, 1, NULL → 6'),
  truth('and', 'Whether all values are true.', 'bool_and(x) over true, false, NULL → false'),
  truth('or', 'Whether some value is true.', 'bool_or(x) over true, false, NULL → true'),
];

const LISTS: readonly AggregateEntry[] = [
  {
    name: 'list',
    aliases: ['array_agg'],
    expects: '(any)',
    doc: 'All values in the order of the rows, nulls too.',
    example: 'list(x) over 2, NULL, 1 → [2, NULL, 1]',
    isOrdered: true,
    resolve: (args) => {
      const [given] = args;
      if (args.length !== 1 || given === undefined) return undefined;
      return aggregateCall('list', [valueType(given)], listOf(valueType(given)));
    },
    method: ([type]) => ({
      kind: 'collected',
      order: 'given',
      finish: (grouped) => listVector(listOf(type as DataType), grouped),
    }),
  },
  {
    name: 'string_agg',
    aliases: ['group_concat', 'listagg'],
    expects: '(any) or (any, constant text)',
    doc: 'All values as text, with a separator between them: a comma unless given.',
    example: "string_agg(x) over 'a', NULL, 'b' → a,b",
    isOrdered: true,
    constantsFrom: 1,
    resolve: ([given, separator, ...more]) => {
      if (given === undefined || more.length > 0) return undefined;
      const family = familyOf(given);
      if (family === 'interval' || family === 'duration' || castKind(given, UTF8) === 'none') return undefined;
      const type = family === 'text' ? flatType(given) : UTF8;
      if (separator === undefined) return aggregateCall('string_agg', [type], UTF8);
      const isText = familyOf(separator) === 'text' || separator.id === 'null';
      return isText ? aggregateCall('string_agg', [type, UTF8], UTF8) : undefined;
    },
    method: (_, [separator]) => ({
      kind: 'collected',
      order: 'present',
      finish: (grouped) => joinTexts(grouped, separator === undefined ? ',' : separator),
    }),
  },
];

/** The entries of this family. */
export const AGGREGATES: readonly AggregateEntry[] = [
  ...COUNTS_AND_SUMS,
  ...VALUES,
  ...BITS,
  ...LISTS,
  ...STATISTICS,
];
