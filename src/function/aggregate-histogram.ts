/**
 * Histograms over given bins: histogram(x, bins), histogram_exact(x, bins), and the bin of all other values.
 *
 * Hides what that bin is called: a value of the type that stands for no bin. Invariants: bins are sorted and each is
 * there once, with nothing in it too; a value lies in the first bin that is not less (histogram) or in the one that is
 * equal (histogram_exact), else among the others, which have a bin where there are some; types that have no such value
 * leave them out (DuckDB). A group without values is null.
 */
import { buildVector } from '../arrow/build.ts';
import { joinVectors } from '../arrow/concat.ts';
import { nullVector } from '../arrow/null-vector.ts';
import type { DataType } from '../arrow/type.ts';
import type { Value } from '../arrow/value.ts';
import type { Vector } from '../arrow/vector.ts';
import { groupValidity } from './aggregate-list.ts';
import { histogramOf, histogramType } from './aggregate-tally.ts';
import type { ConstantValue } from './constant.ts';
import { isNestedValue } from './constant.ts';
import type { AggregateMethod, GroupedValues, ResolvedCall } from './contract.ts';
import type { AggregateEntry, FunctionEntry } from './entry.ts';
import { gather } from './gather.ts';
import { elementType } from './list-frame.ts';
import { listRowsOf, makeList, makeStruct } from './list-rows.ts';
import { elementOf, listOf } from './nested-type.ts';
import { boolRows, numberRows } from './scalar-frame.ts';
import { BOOL, DOUBLE, flatType, isComparable, strictCall, UINT64, UTF8, valueType } from './signature.ts';
import { COUNT_INFINITE, DAY_INFINITE, PER_SECOND } from './time-words.ts';
import { comparer } from './value-order.ts';
import { validityOf } from './validity.ts';

/** The value that stands for all others of a type; undefined where there is none. */
function otherValue(type: DataType): Value | undefined {
  switch (type.id) {
    case 'int': {
      const greatest = (1n << BigInt(type.signed ? type.bitWidth - 1 : type.bitWidth)) - 1n;
      return type.bitWidth === 64 ? greatest : Number(greatest);
    }
    case 'float':
      return Infinity;
    case 'date':
      return type.unit === 'day' ? DAY_INFINITE : undefined;
    case 'time': {
      const end = 86_400 * PER_SECOND[type.unit];
      return type.bitWidth === 64 ? BigInt(end) : end;
    }
    case 'timestamp':
      return COUNT_INFINITE;
    case 'utf8':
    case 'large_utf8':
      return '';
    case 'binary':
    case 'large_binary':
      return new Uint8Array(0);
    default:
      return undefined;
  }
}

function otherBin(type: DataType): Vector | undefined {
  if (type.id === 'struct') {
    return makeStruct(
      type,
      1,
      type.children.map((child) => nullVector(child.type, 1)),
    );
  }
  const element = elementOf(type);
  if (element !== undefined) return makeList(type, Uint32Array.of(0, 0), nullVector(element, 0));
  const value = otherValue(type);
  return value === undefined ? undefined : buildVector(type, [value]);
}

/** The bins of a constant list, sorted, each once. */
function binsOf(constant: ConstantValue | undefined, type: DataType): Vector {
  if (constant === undefined || !isNestedValue(constant)) return buildVector(type, []);
  const { starts, ends, values } = listRowsOf(constant);
  const compare = comparer(values, values);
  const [start, end] = [starts[0] ?? 0, ends[0] ?? 0];
  const places = Uint32Array.from({ length: end - start }, (_, i) => start + i).sort(compare);
  const kept = places.filter((place, i) => i === 0 || compare(places[i - 1] as number, place) !== 0);
  return gather(values, kept);
}

function refuseBins(constants: readonly ConstantValue[]): string | undefined {
  const [bins] = constants;
  if (bins === undefined) return undefined;
  if (!isNestedValue(bins)) return 'takes a list of bins, not NULL';
  const { starts, ends, values } = listRowsOf(bins);
  const { bits } = validityOf(
    gather(
      values,
      Uint32Array.from({ length: (ends[0] ?? 0) - (starts[0] ?? 0) }, (_, i) => i),
    ),
  );
  return bits === undefined ? undefined : 'takes bins that are not NULL';
}

/** Counts of each bin and of the others, of each group: `width` a group. */
function countBins(
  { values, starts, groupCount }: GroupedValues,
  counts: Float64Array,
  bins: Vector,
  isExact: boolean,
): Float64Array {
  const width = bins.length + 1;
  const out = new Float64Array(groupCount * width);
  const compare = comparer(bins, values);
  for (let g = 0; g < groupCount; g++) {
    // Values come sorted, as bins do.
    let bin = 0;
    for (let i = starts[g] as number; i < (starts[g + 1] as number); i++) {
      while (bin < bins.length && compare(bin, i) < 0) bin++;
      const isIn = bin < bins.length && (!isExact || compare(bin, i) === 0);
      const at = g * width + (isIn ? bin : bins.length);
      out[at] = (out[at] as number) + (counts[i] as number);
    }
  }
  return out;
}

function binnedMethod(constant: ConstantValue | undefined, type: DataType, isExact: boolean): AggregateMethod {
  const bins = binsOf(constant, type);
  const other = otherBin(type);
  const finish = (grouped: GroupedValues, counts: Float64Array): Vector => {
    const { groupCount } = grouped;
    const width = bins.length + 1;
    const binned = countBins(grouped, counts, bins, isExact);
    const places: number[] = [];
    const shown: number[] = [];
    const offsets = new Uint32Array(groupCount + 1);
    const validity = groupValidity(grouped);
    for (let g = 0; g < groupCount; g++) {
      const isNull = grouped.starts[g] === grouped.starts[g + 1];
      for (let k = 0; k < width && !isNull; k++) {
        const count = binned[g * width + k] as number;
        if (k === bins.length && (count === 0 || other === undefined)) continue;
        places.push(k);
        shown.push(count);
      }
      offsets[g + 1] = places.length;
    }
    const keys = gather(joinVectors(other === undefined ? [bins] : [bins, other]), Uint32Array.from(places));
    const numbers = numberRows([], shown.length, UINT64, (row) => shown[row] as number);
    const map = histogramType(type);
    const entries = makeStruct(map.id === 'map' ? map.child.type : map, places.length, [keys, numbers]);
    return makeList(map, offsets, entries, validity);
  };
  return { kind: 'tallied', order: 'ascending', finish };
}

function resolveBinned(name: string, args: readonly DataType[]): ResolvedCall | undefined {
  const [given, bins, ...more] = args;
  const element = elementType(bins);
  if (given === undefined || element === undefined || more.length > 0) return undefined;
  const own = valueType(given).id === 'null' ? element : valueType(given);
  const type = own.id === 'decimal' ? DOUBLE : own.id === 'utf8_view' ? UTF8 : own;
  if (!isComparable(type)) return undefined;
  return { name, parameters: [type, listOf(type)], type: histogramType(type), canMakeNull: true, nulls: 'custom' };
}

function histogramEntry(name: string, isExact: boolean, doc: string, example: string): AggregateEntry {
  return {
    name,
    expects: `${isExact ? '' : '(a value with an order) or '}(a value with an order, a constant list of bins)`,
    doc,
    example,
    constantsFrom: 1,
    refuse: refuseBins,
    resolve: (args) => {
      const [given] = args;
      if (args.length !== 1 || isExact || given === undefined) return resolveBinned(name, args);
      const type = valueType(given);
      if (!isComparable(type)) return undefined;
      return { name, parameters: [type], type: histogramType(type), canMakeNull: true, nulls: 'custom' };
    },
    method: ([type], constants) => {
      if (constants.length === 0) return { kind: 'tallied', order: 'ascending', finish: histogramOf };
      return binnedMethod(constants[0], type as DataType, isExact);
    },
  };
}

/** The aggregates of this family. */
export const HISTOGRAMS: readonly AggregateEntry[] = [
  histogramEntry(
    'histogram',
    false,
    'A map of each value to how often it occurs, in the order of the values; or of bins to the values up to them.',
    'histogram(x) over 2, 1, 2 → {1=1, 2=2}',
  ),
  histogramEntry(
    'histogram_exact',
    true,
    'A map of given values to how often each occurs; all other values are counted in one bin.',
    'histogram_exact(x, [1, 2]) over 2, 1, 2, 7 → {1=1, 2=2, 2147483647=1}',
  ),
];

/** True for the bin of all other values. */
export const IS_OTHER_BIN: FunctionEntry = {
  name: 'is_histogram_other_bin',
  expects: '(a value with an order)',
  doc: 'True for the value by which histogram and histogram_exact call the bin of all other values.',
  example: "is_histogram_other_bin('') → true",
  resolve: ([given, ...more]) => {
    if (given === undefined || more.length > 0 || !isComparable(given)) return undefined;
    return strictCall('is_histogram_other_bin', [flatType(given)], BOOL);
  },
  kernel: () => (args, rowCount, type) => {
    const values = args[0] as Vector;
    const other = otherBin(values.type);
    if (other === undefined) return boolRows(args, rowCount, type, () => false);
    const compare = comparer(values, other);
    return boolRows(args, rowCount, type, (row) => compare(row, 0) === 0);
  },
};
