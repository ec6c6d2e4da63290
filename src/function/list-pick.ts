/**
 * Lists made of some values of another: list_select, list_where, list_resize, and repeat of a list.
 *
 * Hides that values are gathered by their places. Invariants: places count from 1, and outside of the list there is
 * NULL; what is made holds at most LIST_VALUES_MAX values a batch.
 */
import { joinVectors } from '../arrow/concat.ts';
import type { DataType } from '../arrow/type.ts';
import type { Vector } from '../arrow/vector.ts';
import { bitsOf } from './column.ts';
import type { Kernel } from './contract.ts';
import type { FunctionEntry } from './entry.ts';
import { gatherOrNull, NO_ROW } from './gather.ts';
import { elementType, listParameter, meetValue, nestedEntry } from './list-frame.ts';
import type { Shape } from './list-frame.ts';
import { checkValueCount, listRowsOf, makeList } from './list-rows.ts';
import type { ListRows } from './list-rows.ts';
import { listOf } from './nested-type.ts';
import { integersOf, rowError } from './scalar-frame.ts';
import { BOOL, INT64 } from './signature.ts';
import { bitAt, mergeValidity, validityOf } from './validity.ts';
import type { Validity } from './validity.ts';

/** Lists of the values at places that `take` adds for each row that is present; NO_ROW is NULL. */
function picked(
  values: Vector,
  rowCount: number,
  validity: Validity,
  type: DataType,
  take: (row: number, places: number[]) => void,
): Vector {
  const places: number[] = [];
  const offsets = new Uint32Array(rowCount + 1);
  for (let i = 0; i < rowCount; i++) {
    if (validity.bits === undefined || bitAt(validity.bits, i)) take(i, places);
    checkValueCount(places.length);
    offsets[i + 1] = places.length;
  }
  return makeList(type, offsets, gatherOrNull(values, Uint32Array.from(places)), validity);
}

function lengthOf({ starts, ends }: ListRows, row: number): number {
  return (ends[row] as number) - (starts[row] as number);
}

function refuseNulls(name: string, vector: Vector): void {
  if (validityOf(vector).nullCount > 0) throw rowError(`${name}: the second list holds a NULL`);
}

const selectKernel: Kernel = (args, rowCount, type) => {
  const [list, wanted] = args.map(listRowsOf) as [ListRows, ListRows];
  const numbers = integersOf(wanted.values);
  refuseNulls('list_select', wanted.values);
  return picked(list.values, rowCount, mergeValidity(args, rowCount), type, (row, places) => {
    const count = lengthOf(list, row);
    for (let k = wanted.starts[row] as number; k < (wanted.ends[row] as number); k++) {
      const place = numbers[k] as number;
      places.push(place >= 1 && place <= count ? (list.starts[row] as number) + place - 1 : NO_ROW);
    }
  });
};

const whereKernel: Kernel = (args, rowCount, type) => {
  const [list, flags] = args.map(listRowsOf) as [ListRows, ListRows];
  const bits = bitsOf(flags.values);
  refuseNulls('list_where', flags.values);
  return picked(list.values, rowCount, mergeValidity(args, rowCount), type, (row, places) => {
    const count = lengthOf(list, row);
    for (let k = 0; k < lengthOf(flags, row); k++) {
      if (!bitAt(bits, (flags.starts[row] as number) + k)) continue;
      places.push(k < count ? (list.starts[row] as number) + k : NO_ROW);
    }
  });
};

/** A NULL size is 0, and the value that fills may be NULL. */
const resizeKernel: Kernel = (args, rowCount, type) => {
  const [vector, sizes, filler] = args as [Vector, Vector, Vector | undefined];
  const list = listRowsOf(vector);
  const counts = integersOf(sizes);
  const { bits } = validityOf(sizes);
  const values = filler === undefined ? list.values : joinVectors([list.values, filler]);
  return picked(values, rowCount, list.validity, type, (row, places) => {
    const count = bits !== undefined && !bitAt(bits, row) ? 0 : (counts[row] as number);
    if (count < 0) throw rowError(`list_resize: a list cannot have ${count.toString()} values`);
    checkValueCount(places.length + count);
    for (let k = 0; k < count; k++) {
      const isOwn = k < lengthOf(list, row);
      places.push(
        isOwn ? (list.starts[row] as number) + k : filler === undefined ? NO_ROW : list.values.length + row,
      );
    }
  });
};

const repeatKernel: Kernel = (args, rowCount, type) => {
  const list = listRowsOf(args[0] as Vector);
  const counts = integersOf(args[1] as Vector);
  return picked(list.values, rowCount, mergeValidity(args, rowCount), type, (row, places) => {
    const times = Math.max(0, counts[row] as number);
    checkValueCount(places.length + times * lengthOf(list, row));
    for (let n = 0; n < times; n++) {
      for (let k = list.starts[row] as number; k < (list.ends[row] as number); k++) places.push(k);
    }
  });
};

function twoLists(second: DataType): (args: readonly DataType[]) => Shape | undefined {
  return ([list, other, ...more]) => {
    const [element, inner] = [elementType(list), elementType(other)];
    if (list === undefined || element === undefined || inner === undefined || more.length > 0) return undefined;
    if (inner.id !== 'null' && inner.id !== second.id) return undefined;
    return { parameters: [listParameter(list, element), listOf(second)], type: listOf(element) };
  };
}

function isCount(type: DataType | undefined): boolean {
  return type?.id === 'int' || type?.id === 'null';
}

/** repeat of a list. */
export const REPEAT_LIST: FunctionEntry = nestedEntry({
  name: 'repeat',
  expects: '(list, integer)',
  doc: 'The list so many times, one behind the other.',
  example: 'repeat([1, 2], 2) → [1, 2, 1, 2]',
  fails: true,
  resolve: ([list, count, ...more]) => {
    const element = elementType(list);
    if (list === undefined || element === undefined || !isCount(count) || more.length > 0) return undefined;
    return { parameters: [listParameter(list, element), INT64], type: listOf(element) };
  },
  kernel: repeatKernel,
});

/** The entries of this family. */
export const LIST_PICK: readonly FunctionEntry[] = [
  nestedEntry({
    name: 'list_select',
    aliases: ['array_select'],
    expects: '(list, list of integers)',
    doc: 'The values at the places that the second list names, counted from 1; NULL outside of the list.',
    example: 'list_select([10, 20, 30], [3, 1]) → [30, 10]',
    fails: true,
    resolve: twoLists(INT64),
    kernel: selectKernel,
  }),
  nestedEntry({
    name: 'list_where',
    aliases: ['array_where'],
    expects: '(list, list of booleans)',
    doc: 'The values beside which the second list has true.',
    example: 'list_where([10, 20, 30], [true, false, true]) → [10, 30]',
    fails: true,
    resolve: twoLists(BOOL),
    kernel: whereKernel,
  }),
  nestedEntry({
    name: 'list_resize',
    aliases: ['array_resize'],
    expects: '(list, integer) or (list, integer, a value of its type)',
    doc: 'The list cut, or filled up with NULL or the value, to have so many values.',
    example: 'list_resize([1, 2], 3, 0) → [1, 2, 0]',
    fails: true,
    resolve: ([list, size, value, ...more], known) => {
      const element = elementType(list);
      if (list === undefined || element === undefined || !isCount(size) || more.length > 0) return undefined;
      if (value === undefined) {
        return { parameters: [listParameter(list, element), INT64], type: listOf(element), nulls: 'custom' };
      }
      const met = meetValue(element, value, known[2]);
      if (met === undefined) return undefined;
      return { parameters: [listParameter(list, met), INT64, met], type: listOf(met), nulls: 'custom' };
    },
    kernel: resizeKernel,
  }),
];
