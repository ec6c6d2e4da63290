/**
 * Single values out of vectors, for doors that print and for tests; not for kernels.
 *
 * Hides layouts: one reader is chosen per column, so that a loop over rows has no type tests. Invariants: exact,
 * nothing is rounded; bytes are views. Source: Arrow columnar format.
 *
 *   null                          null            int8-32, uint8-32, floats         number
 *   bool                          boolean         int64, uint64                     bigint
 *   utf8 and its variants         string          date[day], time32                 number, in the type's unit
 *   binary and its variants       Uint8Array      date[ms], time64, timestamp,
 *   decimal                       string          duration                          bigint, in the type's unit
 *   lists                         array           dictionary, run-end               what they encode
 *   struct, map                   array of [name or key, value] pairs, in order, repetitions kept
 *   union                         the chosen child's value
 *   interval                      { months } | { days, milliseconds } | { months, days, nanoseconds }
 */
import { isAscii } from 'node:buffer';
import { present } from '../base/assert.ts';
import { asBuffer } from '../base/bytes.ts';
import { getBit } from './bits.ts';
import { integersOf, offsetWords, runOf } from './offsets.ts';
import type { DataType } from './type.ts';
import type { Vector } from './vector.ts';
import { typedView } from './vector.ts';
import { VIEW_INLINE_BYTES } from './view-check.ts';

/** An interval's own parts. */
export interface IntervalValue {
  readonly months?: number;
  readonly days?: number;
  readonly milliseconds?: number;
  readonly nanoseconds?: bigint;
}

/** A value as the file header lists them. */
export type Value = null | boolean | number | bigint | string | Uint8Array | IntervalValue | readonly Value[];

/** Gives the value of a row. Rows outside of the vector give nonsense. */
export type ValueReader = (row: number) => Value;

type TypeOf<Id extends DataType['id']> = Extract<DataType, { id: Id }>;

/** Makes the reader of a column. Cost: O(1) but for columns with 64-bit offsets, whose offsets are copied once. */
export function makeReader(vector: Vector): ValueReader {
  const read = makeContentReader(vector);
  if (
    vector.nullCount === 0 ||
    vector.type.id === 'null' ||
    vector.type.id === 'union' ||
    vector.type.id === 'run_end'
  )
    return read;
  const validity = bufferOf(vector, 0);
  return (row) => (getBit(validity, row) ? read(row) : null);
}

function bufferOf(vector: Vector, index: number): Uint8Array {
  return present(vector.buffers[index], 'a buffer');
}

function child(vector: Vector, index: number): Vector {
  return present(vector.children[index], 'a child vector');
}

/** The reader of present rows. */
function makeContentReader(vector: Vector): ValueReader {
  const { type } = vector;
  switch (type.id) {
    case 'null':
      return () => null;
    case 'bool': {
      const bits = bufferOf(vector, 1);
      return (row) => getBit(bits, row);
    }
    case 'int':
      return type.bitWidth === 64 ? bigReader(vector, type.signed) : numberReader(vector);
    case 'float':
      return floatReader(vector, type.bitWidth);
    case 'decimal':
      return decimalReader(vector, type);
    case 'date':
      return type.unit === 'day' ? int32Reader(vector) : bigReader(vector, true);
    case 'time':
      return type.bitWidth === 32 ? int32Reader(vector) : bigReader(vector, true);
    case 'timestamp':
    case 'duration':
      return bigReader(vector, true);
    case 'interval':
      return intervalReader(vector, type);
    case 'utf8':
    case 'large_utf8':
    case 'binary':
    case 'large_binary':
      return offsetReader(vector, type.id === 'large_utf8' || type.id === 'large_binary', type.id.endsWith('utf8'));
    case 'utf8_view':
    case 'binary_view':
      return viewReader(vector, type.id === 'utf8_view');
    case 'fixed_binary': {
      const bytes = bufferOf(vector, 1);
      return (row) => bytes.subarray(row * type.byteWidth, (row + 1) * type.byteWidth);
    }
    default:
      return makeNestedReader(vector, type);
  }
}

function int32Reader(vector: Vector): ValueReader {
  const values = typedView(Int32Array, bufferOf(vector, 1), vector.length);
  return (row) => values[row] ?? 0;
}

function numberReader(vector: Vector): ValueReader {
  const values = integersOf(vector);
  return (row) => values[row] ?? 0;
}

function bigReader(vector: Vector, signed: boolean): ValueReader {
  const values = typedView<BigInt64Array | BigUint64Array>(
    signed ? BigInt64Array : BigUint64Array,
    bufferOf(vector, 1),
    vector.length,
  );
  return (row) => values[row] ?? 0n;
}

function floatReader(vector: Vector, bitWidth: 16 | 32 | 64): ValueReader {
  const bytes = bufferOf(vector, 1);
  if (bitWidth === 16) {
    const halves = typedView(Uint16Array, bytes, vector.length);
    return (row) => halfToNumber(halves[row] ?? 0);
  }
  const values = typedView<Float32Array | Float64Array>(
    bitWidth === 32 ? Float32Array : Float64Array,
    bytes,
    vector.length,
  );
  return (row) => values[row] ?? 0;
}

/** IEEE 754 half precision: 1 sign bit, 5 exponent bits, 10 fraction bits. */
export function halfToNumber(half: number): number {
  const sign = half >>> 15 === 1 ? -1 : 1;
  const exponent = (half >>> 10) & 31;
  const fraction = half & 1023;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}

function decimalReader(vector: Vector, type: TypeOf<'decimal'>): ValueReader {
  const width = type.bitWidth / 32;
  const words = typedView(Uint32Array, bufferOf(vector, 1), vector.length * width);
  return (row) => {
    let unscaled = 0n;
    for (let i = width - 1; i >= 0; i--) unscaled = (unscaled << 32n) | BigInt(words[row * width + i] ?? 0);
    return decimalText(BigInt.asIntN(type.bitWidth, unscaled), type.scale);
  };
}

/** An unscaled decimal as text, with all `scale` digits behind the point; a negative scale appends zeros. */
export function decimalText(unscaled: bigint, scale: number): string {
  const sign = unscaled < 0n ? '-' : '';
  const digits = (unscaled < 0n ? -unscaled : unscaled).toString();
  if (scale <= 0) return unscaled === 0n ? '0' : `${sign}${digits}${'0'.repeat(-scale)}`;
  const long = digits.padStart(scale + 1, '0');
  return `${sign}${long.slice(0, -scale)}.${long.slice(-scale)}`;
}

function intervalReader(vector: Vector, type: TypeOf<'interval'>): ValueReader {
  const bytes = bufferOf(vector, 1);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  switch (type.unit) {
    case 'year_month':
      return (row) => ({ months: view.getInt32(4 * row, true) });
    case 'day_time':
      return (row) => ({ days: view.getInt32(8 * row, true), milliseconds: view.getInt32(8 * row + 4, true) });
    case 'month_day_nano':
      return (row) => ({
        months: view.getInt32(16 * row, true),
        days: view.getInt32(16 * row + 4, true),
        nanoseconds: view.getBigInt64(16 * row + 8, true),
      });
  }
}

function offsetReader(vector: Vector, wide: boolean, text: boolean): ValueReader {
  const offsets = offsetWords(bufferOf(vector, 1), wide, vector.length + 1);
  const bytes = bufferOf(vector, 2);
  if (!text) return (row) => bytes.subarray(offsets[row], offsets[row + 1]);
  const buffer = asBuffer(bytes);
  const ascii = isAscii(bytes.subarray(offsets[0], offsets[vector.length]));
  if (ascii) return (row) => buffer.toString('latin1', offsets[row], offsets[row + 1]);
  return (row) => buffer.toString('utf8', offsets[row], offsets[row + 1]);
}

function viewReader(vector: Vector, text: boolean): ValueReader {
  const views = bufferOf(vector, 1);
  const words = typedView(Int32Array, views, vector.length * 4);
  const bytesAt = (row: number): Uint8Array => {
    const length = words[4 * row] ?? 0;
    if (length <= VIEW_INLINE_BYTES) return views.subarray(16 * row + 4, 16 * row + 4 + length);
    const offset = words[4 * row + 3] ?? 0;
    return bufferOf(vector, 2 + (words[4 * row + 2] ?? 0)).subarray(offset, offset + length);
  };
  return text ? (row) => asBuffer(bytesAt(row)).toString('utf8') : bytesAt;
}

type NestedType = Exclude<
  DataType,
  {
    id:
      | 'null'
      | 'bool'
      | 'int'
      | 'float'
      | 'decimal'
      | 'date'
      | 'time'
      | 'timestamp'
      | 'duration'
      | 'interval'
      | 'utf8'
      | 'large_utf8'
      | 'utf8_view'
      | 'binary'
      | 'large_binary'
      | 'binary_view'
      | 'fixed_binary';
  }
>;

function makeNestedReader(vector: Vector, type: NestedType): ValueReader {
  switch (type.id) {
    case 'list':
    case 'map':
    case 'large_list': {
      const offsets = offsetWords(bufferOf(vector, 1), type.id === 'large_list', vector.length + 1);
      const read = type.id === 'map' ? entryReader(child(vector, 0)) : makeReader(child(vector, 0));
      return (row) => valuesBetween(read, offsets[row] ?? 0, offsets[row + 1] ?? 0);
    }
    case 'list_view':
    case 'large_list_view': {
      const wide = type.id === 'large_list_view';
      const starts = offsetWords(bufferOf(vector, 1), wide, vector.length);
      const sizes = offsetWords(bufferOf(vector, 2), wide, vector.length);
      const read = makeReader(child(vector, 0));
      return (row) => valuesBetween(read, starts[row] ?? 0, (starts[row] ?? 0) + (sizes[row] ?? 0));
    }
    case 'fixed_list': {
      const read = makeReader(child(vector, 0));
      return (row) => valuesBetween(read, row * type.listSize, (row + 1) * type.listSize);
    }
    case 'struct': {
      const parts = vector.children.map((part, i) => [type.children[i]?.name ?? '', makeReader(part)] as const);
      return (row) => parts.map(([name, read]) => [name, read(row)]);
    }
    case 'union':
      return unionReader(vector, type);
    case 'dictionary': {
      const indices = integersOf(vector);
      const read = makeReader(present(vector.dictionary, 'a dictionary'));
      return (row) => read(indices[row] ?? 0);
    }
    case 'run_end': {
      const ends = integersOf(child(vector, 0));
      const read = makeReader(child(vector, 1));
      return (row) => read(runOf(ends, row));
    }
  }
}

function valuesBetween(read: ValueReader, start: number, end: number): Value[] {
  const values: Value[] = [];
  for (let i = start; i < end; i++) values.push(read(i));
  return values;
}

/** Entries of a map: pairs of key and value. */
function entryReader(entries: Vector): ValueReader {
  const readKey = makeReader(child(entries, 0));
  const readValue = makeReader(child(entries, 1));
  return (row) => [readKey(row), readValue(row)];
}

function unionReader(vector: Vector, type: TypeOf<'union'>): ValueReader {
  const ids = bufferOf(vector, 0);
  const readers = new Map(type.typeIds.map((id, i) => [id, makeReader(child(vector, i))]));
  const readerOf = (row: number): ValueReader => present(readers.get(ids[row] ?? 0), 'a child of the union');
  if (type.mode === 'sparse') return (row) => readerOf(row)(row);
  const starts = offsetWords(bufferOf(vector, 1), false, vector.length);
  return (row) => readerOf(row)(starts[row] ?? 0);
}
