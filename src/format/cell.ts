/**
 * One column's cells as plain text, without quotes: the part that JSON, CSV and printed tables share.
 *
 * Hides the physical layouts: a writer is chosen once per vector and closes over its typed arrays, so that loops
 * over rows have no type tests. Invariants: `scalarCell` and `textCell` write present rows only (callers look at
 * validity first); text is the vector's own UTF-8, copied and never decoded. Source: Arrow columnar format,
 * "Physical memory layout".
 */
import type { DataType } from '../arrow/type.ts';
import { typedView } from '../arrow/vector.ts';
import type { Vector } from '../arrow/vector.ts';
import { AssertionError, present } from '../base/assert.ts';
import {
  floatWriter,
  halfValue,
  roundToHalf,
  writeDecimal,
  writeInt64,
  writeInteger,
  writeUint64,
} from './number-text.ts';
import type { ByteSink, CellWriter } from './sink.ts';
import { dayWriter, timestampWriter, writeDuration, writeInterval, writeTime } from './time-text.ts';

/** Writes source[start, end) in some quoting. */
export type BytesWriter = (sink: ByteSink, source: Uint8Array, start: number, end: number) => void;

const TWO_32 = 4_294_967_296;
const INLINE_BYTES_MOST = 12;
const MS_PER_DAY = 86_400_000;

/** Buffer `index` of `vector`, in TYPE_TABLE's order. */
export function bufferOf(vector: Vector, index: number): Uint8Array {
  return present(vector.buffers[index], `buffer ${index.toString()} of a ${vector.type.id} vector`);
}

/** True for rows that are present by the vector's own bitmap; undefined when every row is. */
export function presenceOf(vector: Vector): ((row: number) => boolean) | undefined {
  if (vector.type.id === 'null') return () => false;
  const validity = vector.buffers[0];
  if (vector.nullCount === 0 || validity === undefined || validity.byteLength === 0) return undefined;
  if (vector.type.id === 'union' || vector.type.id === 'run_end') return undefined;
  return (row) => (((validity[row >> 3] ?? 0) >> (row & 7)) & 1) === 1;
}

/** Reads an integer vector of any width as numbers; 64-bit values must be below 2^53 (indexes, run ends). */
export function integerAt(vector: Vector, type: DataType): (row: number) => number {
  const bytes = bufferOf(vector, 1);
  if (type.id !== 'int') throw new AssertionError(`expected an integer type, got ${type.id}`);
  const { length } = vector;
  if (type.bitWidth === 64) {
    const halves = typedView(Int32Array, bytes, length * 2);
    return (row) => (halves[row * 2 + 1] ?? 0) * TWO_32 + ((halves[row * 2] ?? 0) >>> 0);
  }
  const view = smallIntegers(bytes, type.bitWidth, type.signed, length);
  return (row) => view[row] ?? 0;
}

type SmallIntegers = Int8Array | Uint8Array | Int16Array | Uint16Array | Int32Array | Uint32Array;

function smallIntegers(bytes: Uint8Array, bitWidth: 8 | 16 | 32, signed: boolean, length: number): SmallIntegers {
  if (bitWidth === 8) return signed ? typedView(Int8Array, bytes, length) : bytes;
  if (bitWidth === 16) return signed ? typedView(Int16Array, bytes, length) : typedView(Uint16Array, bytes, length);
  return signed ? typedView(Int32Array, bytes, length) : typedView(Uint32Array, bytes, length);
}

/** `count` numbers of a buffer of 32-bit or 64-bit offsets, as plain numbers. */
export function offsetsOf(bytes: Uint8Array, count: number, wide: boolean): Int32Array | Float64Array {
  // An empty column may come with an empty offsets buffer.
  if (bytes.byteLength === 0) return new Int32Array(count);
  if (!wide) return typedView(Int32Array, bytes, count);
  const halves = typedView(Int32Array, bytes, count * 2);
  const offsets = new Float64Array(count);
  for (let i = 0; i < count; i++) offsets[i] = (halves[i * 2 + 1] ?? 0) * TWO_32 + ((halves[i * 2] ?? 0) >>> 0);
  return offsets;
}

/** A writer of a text or binary vector's present rows, by `put`. */
export function textCell(vector: Vector, put: BytesWriter): CellWriter {
  const { type, length } = vector;
  switch (type.id) {
    case 'utf8':
    case 'binary':
    case 'large_utf8':
    case 'large_binary': {
      const wide = type.id === 'large_utf8' || type.id === 'large_binary';
      const offsets = offsetsOf(bufferOf(vector, 1), length + 1, wide);
      const bytes = bufferOf(vector, 2);
      return (sink, row) => put(sink, bytes, offsets[row] ?? 0, offsets[row + 1] ?? 0);
    }
    case 'fixed_binary': {
      const bytes = bufferOf(vector, 1);
      const width = type.byteWidth;
      return (sink, row) => put(sink, bytes, row * width, (row + 1) * width);
    }
    case 'utf8_view':
    case 'binary_view':
      return viewCell(vector, put);
    default:
      throw new AssertionError(`expected a text or binary type, got ${type.id}`);
  }
}

function viewCell(vector: Vector, put: BytesWriter): CellWriter {
  const views = bufferOf(vector, 1);
  const words = typedView(Int32Array, views, vector.length * 4);
  return (sink, row) => {
    const count = words[row * 4] ?? 0;
    if (count <= INLINE_BYTES_MOST) {
      put(sink, views, row * 16 + 4, row * 16 + 4 + count);
      return;
    }
    const start = words[row * 4 + 3] ?? 0;
    put(sink, bufferOf(vector, 2 + (words[row * 4 + 2] ?? 0)), start, start + count);
  };
}

/** Writes bytes as base64 (RFC 4648, padded). */
export const putBase64: BytesWriter = (sink, source, start, end) => {
  sink.ascii(Buffer.from(source.buffer, source.byteOffset + start, end - start).toString('base64'));
};

/** True for the types that `scalarCell` writes. */
export function isScalar(type: DataType): boolean {
  return SCALARS.has(type.id);
}

const SCALARS: ReadonlySet<DataType['id']> = new Set([
  'bool',
  'int',
  'float',
  'decimal',
  'date',
  'time',
  'timestamp',
  'duration',
  'interval',
]);

/** A writer of a scalar vector's present rows; floats that are not finite go to `nonfinite`. */
export function scalarCell(vector: Vector, nonfinite: (sink: ByteSink, value: number) => void): CellWriter {
  const { type, length } = vector;
  const values = bufferOf(vector, 1);
  switch (type.id) {
    case 'bool':
      return (sink, row) => sink.ascii(((values[row >> 3] ?? 0) >> (row & 7)) & 1 ? 'true' : 'false');
    case 'int':
      return type.bitWidth === 64
        ? wideIntegerCell(values, type.signed, length)
        : smallIntegerCell(smallIntegers(values, type.bitWidth, type.signed, length));
    case 'float':
      return floatCell(values, type.bitWidth, length, nonfinite);
    case 'decimal':
      return decimalCell(values, type.bitWidth, type.scale, length);
    case 'timestamp': {
      const halves = typedView(Int32Array, values, length * 2);
      const write = timestampWriter(type.unit, type.timezone !== undefined);
      return (sink, row) => write(sink, halves[row * 2] ?? 0, halves[row * 2 + 1] ?? 0);
    }
    case 'date':
    case 'time':
      return dayTimeCell(vector, values);
    case 'duration': {
      const counts = typedView(BigInt64Array, values, length);
      return (sink, row) => writeDuration(sink, counts[row] ?? 0n, type.unit);
    }
    case 'interval':
      return intervalCell(values, type.unit);
    default:
      throw new AssertionError(`expected a scalar type, got ${type.id}`);
  }
}

function smallIntegerCell(view: SmallIntegers): CellWriter {
  return (sink, row) => writeInteger(sink, view[row] ?? 0);
}

function wideIntegerCell(values: Uint8Array, signed: boolean, length: number): CellWriter {
  const halves = typedView(Int32Array, values, length * 2);
  return signed
    ? (sink, row) => writeInt64(sink, halves[row * 2] ?? 0, halves[row * 2 + 1] ?? 0)
    : (sink, row) => writeUint64(sink, (halves[row * 2] ?? 0) >>> 0, (halves[row * 2 + 1] ?? 0) >>> 0);
}

function floatCell(
  values: Uint8Array,
  bitWidth: 16 | 32 | 64,
  length: number,
  nonfinite: (sink: ByteSink, value: number) => void,
): CellWriter {
  const write = floatWriter(bitWidth === 64 ? (value) => value : bitWidth === 32 ? Math.fround : roundToHalf);
  const emit = (sink: ByteSink, value: number): void => {
    if (value - value === 0) write(sink, value);
    else nonfinite(sink, value);
  };
  if (bitWidth === 16) {
    const bits = typedView(Uint16Array, values, length);
    return (sink, row) => emit(sink, halfValue(bits[row] ?? 0));
  }
  if (bitWidth === 32) {
    const view = typedView(Float32Array, values, length);
    return (sink, row) => emit(sink, view[row] ?? 0);
  }
  const view = typedView(Float64Array, values, length);
  return (sink, row) => emit(sink, view[row] ?? 0);
}

function decimalCell(values: Uint8Array, bitWidth: number, scale: number, length: number): CellWriter {
  const words = bitWidth / 32;
  const view = typedView(Int32Array, values, length * words);
  return (sink, row) => {
    const first = row * words;
    let value = BigInt(view[first + words - 1] ?? 0);
    for (let i = words - 2; i >= 0; i--) value = (value << 32n) | BigInt((view[first + i] ?? 0) >>> 0);
    writeDecimal(sink, value.toString(), scale);
  };
}

function dayTimeCell(vector: Vector, values: Uint8Array): CellWriter {
  const { type, length } = vector;
  if (type.id === 'time') {
    const at = type.bitWidth === 32 ? typedView(Int32Array, values, length) : offsetsOf(values, length, true);
    return (sink, row) => writeTime(sink, at[row] ?? 0, type.unit);
  }
  const write = dayWriter();
  if (type.id === 'date' && type.unit === 'millisecond') {
    const milliseconds = offsetsOf(values, length, true);
    return (sink, row) => write(sink, Math.floor((milliseconds[row] ?? 0) / MS_PER_DAY));
  }
  const days = typedView(Int32Array, values, length);
  return (sink, row) => write(sink, days[row] ?? 0);
}

function intervalCell(values: Uint8Array, unit: 'year_month' | 'day_time' | 'month_day_nano'): CellWriter {
  const view = new DataView(values.buffer, values.byteOffset, values.byteLength);
  switch (unit) {
    case 'year_month':
      return (sink, row) => writeInterval(sink, view.getInt32(row * 4, true), 0, 0n);
    case 'day_time':
      return (sink, row) => {
        const milliseconds = BigInt(view.getInt32(row * 8 + 4, true));
        writeInterval(sink, 0, view.getInt32(row * 8, true), milliseconds * 1_000_000n);
      };
    case 'month_day_nano':
      return (sink, row) => {
        const at = row * 16;
        writeInterval(sink, view.getInt32(at, true), view.getInt32(at + 4, true), view.getBigInt64(at + 8, true));
      };
  }
}
