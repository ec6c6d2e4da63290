/**
 * Aggregates: count, sum, min, max, avg.
 *
 * Hides the state's layout (aggregate-*). Invariants: nulls are skipped; without rows count is 0 and the others are
 * null; sums of integers are exact and `value_error` when the result type cannot hold them; sums of floats add in row
 * order.
 */
import type { DataType } from '../arrow/type.ts';
import { CountAccumulator } from './aggregate-count.ts';
import { DistinctAccumulator } from './aggregate-distinct.ts';
import { extremeAccumulator } from './aggregate-extreme.ts';
import { averageAccumulator, sumAccumulator } from './aggregate-sum.ts';
import type { Accumulator, ResolvedCall } from './contract.ts';
import type { AggregateEntry } from './entry.ts';
import { decimalType, DOUBLE, FLOAT, flatType, INT64, isNumeric, isOrdered, UINT64 } from './signature.ts';

function aggregateCall(name: string, parameter: DataType, type: DataType): ResolvedCall {
  return { name, parameters: [parameter], type, canMakeNull: true, nulls: 'custom' };
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

function extreme(name: 'min' | 'max', doc: string, example: string): AggregateEntry {
  return {
    name,
    expects: '(a value with an order: number, text, binary, boolean, date, time or timestamp)',
    doc,
    example,
    resolve: (args) => {
      const type = single(args);
      if (type === undefined || !isOrdered(type)) return undefined;
      return aggregateCall(name, type, type.id === 'dictionary' ? type.value : type);
    },
    accumulator: ([type]) => extremeAccumulator(name, type as DataType),
  };
}

/** The entries of this family. */
export const AGGREGATES: readonly AggregateEntry[] = [
  {
    name: 'count',
    expects: '(*) or (any)',
    doc: 'The number of rows, or of values that are not null.',
    example: 'count(*)',
    resolve: (args) => {
      if (args.length > 1) return undefined;
      return { name: 'count', parameters: args, type: INT64, canMakeNull: false, nulls: 'never' };
    },
    accumulator: (parameters) => new CountAccumulator(parameters.length === 1),
  },
  {
    name: 'sum',
    expects: '(number)',
    doc: 'The sum; int64 (uint64 for uint64) or an error for integers, double for floats, 38 digits for decimals.',
    example: 'sum(price)',
    resolve: (args) => {
      const type = single(args);
      const result = type === undefined ? undefined : sumType(type);
      if (type === undefined || result === undefined) return undefined;
      return aggregateCall('sum', numericParameter(type), result);
    },
    accumulator: ([type]) => sumAccumulator(type as DataType),
  },
  extreme('min', 'The least value; NaN is greater than every other number.', 'min(price)'),
  extreme('max', 'The greatest value; NaN is greater than every other number.', 'max(price)'),
  {
    name: 'avg',
    aliases: ['mean'],
    expects: '(number)',
    doc: 'The mean as a double; integers and decimals are summed exactly before the division.',
    example: 'avg(price)',
    resolve: (args) => {
      const type = single(args);
      if (type === undefined || (type.id !== 'null' && !isNumeric(type))) return undefined;
      return aggregateCall('avg', numericParameter(type), DOUBLE);
    },
    accumulator: ([type]) => averageAccumulator(type as DataType),
  },
];

/** Wraps an accumulator so that equal argument values count once in a group. */
export function distinctAccumulator(inner: Accumulator, parameters: readonly DataType[]): Accumulator {
  return new DistinctAccumulator(inner, parameters);
}
