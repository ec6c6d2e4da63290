/**
 * Lists of any layout as ranges of their values; lists made from such ranges.
 *
 * Hides offsets of 32 and 64 bits, views and fixed sizes. Invariants: a null row's range is empty; maps are lists of
 * their entries; results are plain lists (or what `type` says) with offsets from 0.
 * Source: Arrow columnar format, "Variable-size List", "ListView" and "Fixed-Size List".
 */
import { EngineError } from '../base/errors.ts';
import { LIST_VALUES_MAX } from '../base/limits.ts';
import { offsetWords, widen } from '../arrow/offsets.ts';
import type { DataType } from '../arrow/type.ts';
import type { Vector } from '../arrow/vector.ts';
import { gather } from './gather.ts';
import { ALL_PRESENT, bitAt, validityOf } from './validity.ts';
import type { Validity } from './validity.ts';

const EMPTY = new Uint8Array(0);

/** Row i is `values` from `starts[i]` to `ends[i]`. */
export interface ListRows {
  readonly starts: Uint32Array;
  readonly ends: Uint32Array;
  readonly values: Vector;
  readonly validity: Validity;
}

/** The ranges of a vector of lists or maps. */
export function listRowsOf(vector: Vector): ListRows {
  const validity = validityOf(vector);
  const { starts, ends } = rangesOf(vector);
  const values = vector.children[0] as Vector;
  if (validity.bits === undefined) return { starts, ends, values, validity };
  const shown = { starts: starts.slice(), ends: ends.slice() };
  for (let i = 0; i < vector.length; i++) {
    if (bitAt(validity.bits, i)) continue;
    shown.starts[i] = 0;
    shown.ends[i] = 0;
  }
  return { ...shown, values, validity };
}

function rangesOf({ type, length, buffers }: Vector): Pick<ListRows, 'starts' | 'ends'> {
  const first = buffers[1] ?? EMPTY;
  switch (type.id) {
    case 'list':
    case 'map':
    case 'large_list': {
      const wide = type.id === 'large_list';
      if (first.byteLength < (length + 1) * (wide ? 8 : 4)) return blankRanges(length);
      const offsets = offsetWords(first, wide, length + 1);
      return { starts: offsets.subarray(0, length), ends: offsets.subarray(1) };
    }
    case 'list_view':
    case 'large_list_view': {
      const wide = type.id === 'large_list_view';
      const starts = offsetWords(first, wide, length);
      const sizes = offsetWords(buffers[2] ?? EMPTY, wide, length);
      return { starts, ends: sizes.map((size, i) => size + (starts[i] as number)) };
    }
    case 'fixed_list': {
      const starts = new Uint32Array(length);
      for (let i = 0; i < length; i++) starts[i] = i * type.listSize;
      return { starts, ends: starts.map((start) => start + type.listSize) };
    }
    default:
      throw new TypeError(`listRowsOf: ${type.id} is no list`);
  }
}

function blankRanges(length: number): Pick<ListRows, 'starts' | 'ends'> {
  return { starts: new Uint32Array(length), ends: new Uint32Array(length) };
}

/** The number of values in all rows. */
function countValues({ starts, ends }: ListRows): number {
  let count = 0;
  for (let i = 0; i < starts.length; i++) count += (ends[i] as number) - (starts[i] as number);
  return count;
}

/** The same lists with exactly their values, one row's after another's; the ranges' own vector where it is that. */
export function compactRows(rows: ListRows): ListRows {
  const { starts, ends, values } = rows;
  const count = countValues(rows);
  let isCompact = count === values.length;
  for (let i = 1; isCompact && i < starts.length; i++) isCompact = starts[i] === ends[i - 1] || starts[i] === ends[i];
  if (isCompact && (starts.length === 0 || rows.validity.bits === undefined)) return rows;
  const taken = new Uint32Array(count);
  const offsets = new Uint32Array(starts.length + 1);
  let at = 0;
  for (let i = 0; i < starts.length; i++) {
    for (let k = starts[i] as number; k < (ends[i] as number); k++) taken[at++] = k;
    offsets[i + 1] = at;
  }
  const shown = { starts: offsets.subarray(0, starts.length), ends: offsets.subarray(1) };
  return { ...shown, values: gather(values, taken), validity: rows.validity };
}

/** For each value of compact rows the row it belongs to. */
export function ownersOf({ starts, ends, values }: ListRows): Uint32Array {
  const owners = new Uint32Array(values.length);
  for (let i = 0; i < starts.length; i++) owners.fill(i, starts[i], ends[i]);
  return owners;
}

/** A list vector. `offsets`: rows + 1, from 0; null rows are empty. */
export function makeList(
  type: DataType,
  offsets: Uint32Array,
  values: Vector,
  validity: Validity = ALL_PRESENT,
): Vector {
  const length = offsets.length - 1;
  const buffers = [validity.bits ?? EMPTY];
  if (type.id === 'large_list') buffers.push(widen(offsets));
  else if (type.id !== 'fixed_list') {
    buffers.push(new Uint8Array(offsets.buffer, offsets.byteOffset, offsets.byteLength));
  }
  return { type, length, nullCount: validity.nullCount, buffers, children: [values], dictionary: undefined };
}

/** Refuses to make lists that together hold too many values, before they are made. @throws `limit_exceeded` */
export function checkValueCount(count: number): void {
  if (count <= LIST_VALUES_MAX) return;
  const bound = `${LIST_VALUES_MAX.toString()} values in the lists of one batch`;
  throw new EngineError('limit_exceeded', `a function makes more than ${bound}; make them shorter`);
}

/** The offsets of rows of these sizes. */
export function offsetsOf(sizes: Uint32Array): Uint32Array {
  const offsets = new Uint32Array(sizes.length + 1);
  let at = 0;
  for (let i = 0; i < sizes.length; i++) {
    at += sizes[i] as number;
    checkValueCount(at);
    offsets[i + 1] = at;
  }
  return offsets;
}

/** A struct vector of these fields. */
export function makeStruct(
  type: DataType,
  rowCount: number,
  children: readonly Vector[],
  validity: Validity = ALL_PRESENT,
): Vector {
  const buffers = [validity.bits ?? EMPTY];
  return { type, length: rowCount, nullCount: validity.nullCount, buffers, children, dictionary: undefined };
}
