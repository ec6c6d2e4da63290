/**
 * The entries of quantiles: median, quantile_cont, quantile_disc, approx_quantile, reservoir_quantile and mad.
 *
 * Hides in which type each value is interpolated. Invariants: quantiles are constants, one or a list of them, which are
 * answered by a list; those of a list count from one end; a group without values is null, whatever is asked.
 */
import type { DataType } from '../arrow/type.ts';
import { makeReader } from '../arrow/value.ts';
import type { Vector } from '../arrow/vector.ts';
import { groupValidity, listVector } from './aggregate-list.ts';
import {
  continuousQuantile,
  discreteQuantile,
  medianDistance,
  middleQuantile,
  quantileMethod,
} from './aggregate-quantile.ts';
import { gather } from './gather.ts';
import { joinVectors } from '../arrow/concat.ts';
import { constantText, isNestedValue } from './constant.ts';
import type { ConstantValue } from './constant.ts';
import type { AggregateMethod, GroupedValues, QuantileMethod, ResolvedCall } from './contract.ts';
import type { AggregateEntry } from './entry.ts';
import { INTERVAL } from './interval.ts';
import { elementOf, listOf } from './nested-type.ts';
import { DOUBLE, FLOAT, flatType, HUGE, INT64, isComparable, isNumeric, valueType } from './signature.ts';
import { momentType } from './temporal-type.ts';

function call(name: string, parameters: readonly DataType[], type: DataType): ResolvedCall {
  return { name, parameters, type, canMakeNull: true, nulls: 'custom' };
}

function isNumber(type: DataType): boolean {
  return type.id === 'null' || isNumeric(type);
}

function continuousType(type: DataType): DataType | undefined {
  switch (type.id) {
    case 'null':
    case 'int':
      return DOUBLE;
    case 'float':
      return type.bitWidth === 16 ? FLOAT : type;
    case 'decimal':
      return type;
    default:
      return momentType(type);
  }
}

/** Whether values of the type, brought to `parameter`, are interpolated. */
interface QuantileType {
  readonly parameter: DataType;
  readonly isContinuous: boolean;
}

function medianType(type: DataType): QuantileType | undefined {
  const continuous = type.id === 'timestamp' ? type : continuousType(type);
  if (continuous !== undefined) return { parameter: continuous, isContinuous: true };
  return isComparable(type) ? { parameter: valueType(type), isContinuous: false } : undefined;
}

/** DuckDB has the digest's answer in few types. */
function approximateType(type: DataType): DataType | undefined {
  if (type.id === 'null') return DOUBLE;
  if (type.id === 'float') return DOUBLE;
  if (type.id === 'decimal' || type.id === 'date') return type;
  if (type.id !== 'int') return momentType(type);
  if (type.bitWidth === 64 && !type.signed) return HUGE;
  return type.signed && (type.bitWidth === 16 || type.bitWidth === 32) ? type : INT64;
}

/** The quantiles that a constant asks for; undefined where one is NULL. */
function sharesOf(value: ConstantValue | undefined): readonly number[] | undefined {
  if (typeof value === 'number') return [value];
  if (value === undefined || !isNestedValue(value)) return undefined;
  const items = makeReader(value)(0);
  if (!Array.isArray(items)) return undefined;
  return items.every((item): item is number => typeof item === 'number') ? items : undefined;
}

function isNegative(share: number): boolean {
  return share < 0 || Object.is(share, -0);
}

/** True when a quantile, or one of a list, counts from the greatest value. */
export function countsFromEnd(value: ConstantValue | undefined): boolean {
  return sharesOf(value)?.some(isNegative) === true;
}

/** The quantiles counted from the other end. */
export function reversedQuantile(value: ConstantValue): ConstantValue {
  if (typeof value === 'number') return -value;
  const shares = sharesOf(value);
  if (shares === undefined || value === null || !isNestedValue(value)) return value;
  const [child] = value.children;
  if (child === undefined) return value;
  const turned = new Float64Array(child.length);
  shares.forEach((share, i) => (turned[i] = -share));
  const buffers = [child.buffers[0] ?? new Uint8Array(0), new Uint8Array(turned.buffer)];
  return { ...value, children: [{ ...child, buffers }] };
}

function outOfRange(least: number): (constants: readonly ConstantValue[]) => string | undefined {
  return ([constant, ...more]) => {
    const shares = sharesOf(constant);
    const range = `takes a quantile from ${least.toString()} to 1`;
    if (shares === undefined || more.includes(null)) return `${range}, not NULL`;
    const wrong = shares.find((share) => !(share >= least && share <= 1));
    if (wrong !== undefined) return `${range}, not ${constantText(wrong)}`;
    const areMixed = shares.some((share) => share < 0) && shares.some((share) => share > 0);
    return areMixed ? 'takes quantiles of one sign in a list' : undefined;
  };
}

/** One answer, or a list of them where a list of quantiles is given. */
function methodFor(
  constant: ConstantValue | undefined,
  methodOf: (quantile: number) => QuantileMethod,
): AggregateMethod {
  const shares = sharesOf(constant) ?? [];
  const [only] = shares;
  if (typeof constant === 'number') return quantileMethod(methodOf(only ?? 0));
  const methods = shares.map((share) => quantileMethod(methodOf(share)));
  return { kind: 'collected', order: 'ascending', finish: (grouped) => listOfAnswers(grouped, methods) };
}

type Collected = Extract<AggregateMethod, { kind: 'collected' }>;

function listOfAnswers(grouped: GroupedValues, methods: readonly Collected[]): Vector {
  const { groupCount, values } = grouped;
  const validity = groupValidity(grouped);
  const answers = methods.map((method) => method.finish(grouped));
  const width = methods.length;
  // Answer k of group g becomes value g × width + k; those of groups without values are nobody's.
  const rows = new Uint32Array(groupCount * width);
  const starts = new Uint32Array(groupCount + 1);
  for (let g = 0; g < groupCount; g++) {
    for (let k = 0; k < width; k++) rows[g * width + k] = k * groupCount + g;
    starts[g + 1] = (g + 1) * width;
  }
  const [first] = answers;
  const joined = first === undefined ? gather(values, new Uint32Array(0)) : gather(joinVectors(answers), rows);
  const list = listVector(listOf(joined.type), { values: joined, starts, groupCount });
  return {
    ...list,
    nullCount: validity.nullCount,
    buffers: [validity.bits ?? new Uint8Array(0), ...list.buffers.slice(1)],
  };
}

function quantile(
  names: readonly [string, ...string[]],
  typeOf: (type: DataType) => DataType | undefined,
  methodOf: (quantile: number) => QuantileMethod,
  doc: string,
  example: string,
): AggregateEntry {
  const [name, ...aliases] = names;
  const isSampled = name === 'reservoir_quantile';
  return {
    name,
    aliases,
    expects: `(a value with an order, a constant number or list of numbers${isSampled ? '[, constant integer]' : ''})`,
    doc,
    example,
    constantsFrom: 1,
    isQuantile: true,
    refuse: outOfRange(name === 'approx_quantile' || isSampled ? 0 : -1),
    resolve: ([given, share, size, ...more]) => {
      if (given === undefined || share === undefined || more.length > 0) return undefined;
      if (size !== undefined && !(isSampled && (size.id === 'int' || size.id === 'null'))) return undefined;
      const element = elementOf(flatType(share));
      if (!isNumber(element ?? share)) return undefined;
      const type = typeOf(valueType(given));
      if (type === undefined) return undefined;
      const constants = [element === undefined ? DOUBLE : listOf(DOUBLE), ...(size === undefined ? [] : [size])];
      return call(name, [type, ...constants], element === undefined ? type : listOf(type));
    },
    method: (_, [share]) => methodFor(share, methodOf),
  };
}

/** The entries of this family. */
export const QUANTILES: readonly AggregateEntry[] = [
  {
    name: 'median',
    expects: '(a value with an order)',
    doc: 'The middle value, or what lies between the two middle ones; of text, booleans and the like the lesser.',
    example: 'median(x) over 1, 2, 4, 10 → 3.0',
    resolve: (args) => {
      const type = args.length === 1 && args[0] !== undefined ? medianType(valueType(args[0])) : undefined;
      return type === undefined ? undefined : call('median', [type.parameter], type.parameter);
    },
    method: ([type]) => {
      const isContinuous = medianType(type as DataType)?.isContinuous === true;
      return quantileMethod((isContinuous ? continuousQuantile : discreteQuantile)(0.5));
    },
  },
  quantile(
    ['quantile_cont'],
    continuousType,
    continuousQuantile,
    'The quantile, interpolated between neighbours; below zero it counts from the greatest. Of a list, all of them.',
    'quantile_cont(x, 0.25) over 1, 2, 3, 5 → 1.75',
  ),
  quantile(
    ['quantile_disc', 'quantile'],
    (type) => (isComparable(type) ? type : undefined),
    discreteQuantile,
    'The quantile, always one of the values; below zero it counts from the greatest. Of a list, all of them.',
    'quantile_disc(x, 0.25) over 1, 2, 3, 5 → 1',
  ),
  quantile(
    ['approx_quantile'],
    approximateType,
    middleQuantile,
    'The quantile, which is exact here. Of a list, all of them.',
    'approx_quantile(x, 0.5) over 1, 2, 3 → 2',
  ),
  quantile(
    ['reservoir_quantile'],
    (type) => (isNumber(type) ? (type.id === 'null' ? DOUBLE : type) : undefined),
    discreteQuantile,
    'As quantile_disc, of all values: the size of a sample, which may be given, means nothing here.',
    'reservoir_quantile(x, 0.5) over 1, 2, 3 → 2',
  ),
  {
    name: 'mad',
    expects: '(number, date, time or timestamp)',
    doc: 'The median of the distances from the median.',
    example: 'mad(x) over 1, 2, 4, 10 → 1.5',
    resolve: (args) => {
      const type = args.length === 1 && args[0] !== undefined ? continuousType(valueType(args[0])) : undefined;
      if (type === undefined) return undefined;
      return call('mad', [type], type.id === 'float' || type.id === 'decimal' ? type : INTERVAL);
    },
    method: () => ({ kind: 'collected', order: 'ascending', finish: medianDistance }),
  },
];
