/**
 * The order of values in lists: sorted, reversed, and how they would be sorted.
 *
 * Hides sorting. Invariants: sorting is stable; nulls come last unless told otherwise, in either direction; the
 * direction and the place of nulls are constants.
 */
import type { DataType } from '../arrow/type.ts';
import type { Vector } from '../arrow/vector.ts';
import { byteRowsOf, rowText } from './byte-rows.ts';
import { bytesOf, vectorOf } from './column.ts';
import type { Kernel } from './contract.ts';
import type { FunctionEntry, KnownArgument } from './entry.ts';
import { gather } from './gather.ts';
import { elementType, listParameter, nestedEntry } from './list-frame.ts';
import { compactRows, listRowsOf, makeList } from './list-rows.ts';
import type { ListRows } from './list-rows.ts';
import { listOf } from './nested-type.ts';
import { INT64, isComparable, UTF8, valueType } from './signature.ts';
import { ALL_PRESENT, bitAt, validityOf } from './validity.ts';
import { comparer } from './value-order.ts';

/** How lists are sorted. */
export interface ListOrder {
  readonly descending: boolean;
  readonly nullsFirst: boolean;
}

/** The places of the values of compact rows, each row's in order. */
export function sortedPlaces({ starts, ends, values }: ListRows, order: ListOrder): Uint32Array {
  const compare = comparer(values, values);
  const { bits } = validityOf(values);
  const sign = order.descending ? -1 : 1;
  const nullSign = order.nullsFirst ? -1 : 1;
  const inOrder = (i: number, j: number): number => {
    if (bits !== undefined) {
      const [first, second] = [bitAt(bits, i) ? 0 : 1, bitAt(bits, j) ? 0 : 1];
      if (first + second > 0) return (first - second) * nullSign;
    }
    return sign * compare(i, j);
  };
  const places = new Uint32Array(values.length);
  for (let k = 0; k < places.length; k++) places[k] = k;
  for (let i = 0; i < starts.length; i++) {
    if ((ends[i] as number) - (starts[i] as number) > 1) places.subarray(starts[i], ends[i]).sort(inOrder);
  }
  return places;
}

function offsetsOfRows({ starts, ends }: ListRows): Uint32Array {
  const offsets = new Uint32Array(starts.length + 1);
  for (let i = 0; i < starts.length; i++) {
    offsets[i + 1] = (offsets[i] as number) + (ends[i] as number) - (starts[i] as number);
  }
  return offsets;
}

function wordOf(vector: Vector | undefined): string {
  return vector === undefined || vector.length === 0 ? '' : rowText(byteRowsOf(vector), 0).toLowerCase();
}

/** Directions and places of nulls, as DuckDB spells them. */
const DIRECTIONS = new Set(['asc', 'desc']);
const NULL_PLACES = new Set(['nulls first', 'nulls last']);

function orderOf(args: readonly Vector[], isReverse: boolean): ListOrder {
  const words = args.slice(1).map(wordOf);
  return { descending: isReverse || words.includes('desc'), nullsFirst: words.includes('nulls first') };
}

function sortKernel(isReverse: boolean): Kernel {
  return (args, _rowCount, type) => {
    const rows = compactRows(listRowsOf(args[0] as Vector));
    const places = sortedPlaces(rows, orderOf(args, isReverse));
    return makeList(type, offsetsOfRows(rows), gather(rows.values, places), rows.validity);
  };
}

const gradeKernel: Kernel = (args, rowCount, type) => {
  const rows = compactRows(listRowsOf(args[0] as Vector));
  const places = sortedPlaces(rows, orderOf(args, false));
  const words = new Int32Array(places.length * 2);
  for (let i = 0; i < rowCount; i++) {
    const start = rows.starts[i] as number;
    for (let k = start; k < (rows.ends[i] as number); k++) words[2 * k] = (places[k] as number) - start + 1;
  }
  const values = vectorOf(INT64, places.length, ALL_PRESENT, bytesOf(words));
  return makeList(type, offsetsOfRows(rows), values, rows.validity);
};

const reverseKernel: Kernel = (args, _rowCount, type) => {
  const rows = compactRows(listRowsOf(args[0] as Vector));
  const places = new Uint32Array(rows.values.length);
  for (let i = 0; i < rows.starts.length; i++) {
    const [start, end] = [rows.starts[i] as number, rows.ends[i] as number];
    for (let k = start; k < end; k++) places[k] = start + end - 1 - k;
  }
  return makeList(type, offsetsOfRows(rows), gather(rows.values, places), rows.validity);
};

function orderEntry(
  [name, ...aliases]: readonly [string, ...string[]],
  words: readonly ReadonlySet<string>[],
  doc: string,
  example: string,
  kernel: Kernel,
  result: (element: DataType) => DataType = listOf,
): FunctionEntry {
  const fits = (known: KnownArgument | undefined, allowed: ReadonlySet<string> | undefined): boolean => {
    return typeof known?.value === 'string' && allowed?.has(known.value.toLowerCase()) === true;
  };
  return nestedEntry({
    name,
    aliases,
    expects: words.length === 0 ? '(list)' : `(list${words.map((set) => `, '${[...set].join("' or '")}'`).join('')})`,
    doc,
    example,
    resolve: ([list, ...others], known) => {
      const element = elementType(list);
      if (list === undefined || element === undefined || !isComparable(element)) return undefined;
      if (others.length > words.length || !others.every((_, i) => fits(known[i + 1], words[i]))) return undefined;
      const own = valueType(element);
      return {
        parameters: [listParameter(list, own), ...others.map(() => UTF8)],
        type: result(own),
        canMakeNull: false,
      };
    },
    kernel,
  });
}

/** The entries of this family. */
export const LIST_ORDER: readonly FunctionEntry[] = [
  orderEntry(
    ['list_sort', 'array_sort'],
    [DIRECTIONS, NULL_PLACES],
    'The list sorted, nulls last unless told otherwise.',
    "list_sort([2, NULL, 3, 1], 'DESC') → [3, 2, 1, NULL]",
    sortKernel(false),
  ),
  orderEntry(
    ['list_reverse_sort', 'array_reverse_sort'],
    [NULL_PLACES],
    'The list sorted from its greatest value, nulls last unless told otherwise.',
    'list_reverse_sort([2, NULL, 3]) → [3, 2, NULL]',
    sortKernel(true),
  ),
  orderEntry(
    ['list_grade_up', 'array_grade_up', 'grade_up'],
    [DIRECTIONS, NULL_PLACES],
    'The places of the values in the order in which list_sort puts them.',
    'list_grade_up([30, 10, 20]) → [2, 3, 1]',
    gradeKernel,
    () => listOf(INT64),
  ),
  nestedEntry({
    name: 'list_reverse',
    aliases: ['array_reverse'],
    expects: '(list)',
    doc: 'The list from its end.',
    example: 'list_reverse([1, NULL, 2]) → [2, NULL, 1]',
    resolve: ([list, ...more]) => {
      const element = elementType(list);
      if (list === undefined || element === undefined || more.length > 0) return undefined;
      return { parameters: [listParameter(list, element)], type: listOf(element), canMakeNull: false };
    },
    kernel: reverseKernel,
  }),
];
