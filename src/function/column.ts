/**
 * Columns as kernels see them: numbers, words, or byte ranges.
 *
 * Hides which Arrow types share a physical form. There are five forms: `number` (up to 32 bits and floats; read as
 * float64, which holds them exactly), `words` (64 to 256 bits; 2, 4 or 8 little-endian 32-bit words a row, so that no
 * BigInt enters a loop; intervals of months, days and nanoseconds too, whose order is interval.ts's), `bool` (bits),
 * `bytes` (text and binary, see byte-rows), `none` (nested, null, other intervals).
 * Invariant: arrays returned here may be views on the vector's memory and are never written.
 */
import { assert } from '../base/assert.ts';
import type { DataType } from '../arrow/type.ts';
import { makeVector, typedView } from '../arrow/vector.ts';
import type { Vector } from '../arrow/vector.ts';
import { halvesFromNumbers, numbersFromHalves } from './half.ts';
import type { Validity } from './validity.ts';

/** The physical form of a type's rows. `words`: per row. `signed`: how the top word compares. */
export type Form =
  | { readonly kind: 'number'; readonly isFloat: boolean }
  | { readonly kind: 'words'; readonly words: 2 | 4 | 8; readonly signed: boolean }
  | { readonly kind: 'bool' | 'bytes' | 'none' };

const INTEGER: Form = { kind: 'number', isFloat: false };
const FLOATING: Form = { kind: 'number', isFloat: true };
const PAIR: Form = { kind: 'words', words: 2, signed: true };
const QUAD: Form = { kind: 'words', words: 4, signed: true };
const NONE: Form = { kind: 'none' };

/** The form of a type; dictionaries of text and binary are `bytes`, other encodings have none of their own. */
export function formOf(type: DataType): Form {
  switch (type.id) {
    case 'int':
      return type.bitWidth < 64 ? INTEGER : type.signed ? PAIR : { kind: 'words', words: 2, signed: false };
    case 'float':
      return FLOATING;
    case 'decimal':
      if (type.bitWidth === 32) return INTEGER;
      return { kind: 'words', words: (type.bitWidth / 32) as 2 | 4 | 8, signed: true };
    case 'bool':
      return { kind: 'bool' };
    case 'date':
      return type.unit === 'day' ? INTEGER : PAIR;
    case 'time':
      return type.bitWidth === 32 ? INTEGER : PAIR;
    case 'timestamp':
    case 'duration':
      return PAIR;
    case 'interval':
      return type.unit === 'month_day_nano' ? QUAD : NONE;
    case 'utf8':
    case 'large_utf8':
    case 'utf8_view':
    case 'binary':
    case 'large_binary':
    case 'binary_view':
    case 'fixed_binary':
      return { kind: 'bytes' };
    case 'dictionary':
      return formOf(type.value).kind === 'bytes' ? { kind: 'bytes' } : NONE;
    default:
      return NONE;
  }
}

/** The rows of a vector of form `number`, as float64: a view for doubles, a conversion for all others. */
export function numbersOf(vector: Vector): Float64Array {
  const { type, length } = vector;
  const bytes = vector.buffers[1] as Uint8Array;
  if (type.id === 'float' && type.bitWidth === 64) return typedView(Float64Array, bytes, length);
  if (type.id === 'float' && type.bitWidth === 32) return new Float64Array(typedView(Float32Array, bytes, length));
  if (type.id === 'float') return numbersFromHalves(typedView(Uint16Array, bytes, length));
  if (type.id === 'int' && type.bitWidth === 8) {
    return new Float64Array(typedView<Int8Array | Uint8Array>(type.signed ? Int8Array : Uint8Array, bytes, length));
  }
  if (type.id === 'int' && type.bitWidth === 16) {
    return new Float64Array(
      typedView<Int16Array | Uint16Array>(type.signed ? Int16Array : Uint16Array, bytes, length),
    );
  }
  if (type.id === 'int' && !type.signed) return new Float64Array(typedView(Uint32Array, bytes, length));
  assert(formOf(type).kind === 'number', () => `numbersOf: ${type.id} has no number form`);
  return new Float64Array(typedView(Int32Array, bytes, length));
}

/** The rows of a vector of form `words`: `words` × rows, low word first. */
export function wordsOf(vector: Vector): Int32Array {
  const form = formOf(vector.type);
  assert(form.kind === 'words', () => `wordsOf: ${vector.type.id} has no word form`);
  return typedView(Int32Array, vector.buffers[1] as Uint8Array, vector.length * (form as { words: number }).words);
}

/** The values bitmap of a boolean vector. */
export function bitsOf(vector: Vector): Uint8Array {
  return vector.buffers[1] as Uint8Array;
}

/** The raw bytes of a typed array. */
export function bytesOf(array: ArrayBufferView): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

/** A vector of a flat type from its validity and its other buffers. */
export function vectorOf(
  type: DataType,
  rowCount: number,
  validity: Validity,
  ...rest: readonly Uint8Array[]
): Vector {
  return makeVector(type, rowCount, validity.bits, validity.nullCount, rest);
}

/** A vector of form `number` from float64 values that fit the type (values of null rows may be anything). */
export function vectorFromNumbers(
  type: DataType,
  numbers: Float64Array,
  rowCount: number,
  validity: Validity,
): Vector {
  return vectorOf(type, rowCount, validity, bytesOf(narrowNumbers(type, numbers)));
}

function narrowNumbers(type: DataType, numbers: Float64Array): ArrayBufferView {
  if (type.id === 'float') {
    if (type.bitWidth === 64) return numbers;
    return type.bitWidth === 32 ? new Float32Array(numbers) : halvesFromNumbers(numbers);
  }
  if (type.id === 'int') {
    if (type.bitWidth === 8) return type.signed ? new Int8Array(numbers) : new Uint8Array(numbers);
    if (type.bitWidth === 16) return type.signed ? new Int16Array(numbers) : new Uint16Array(numbers);
    if (!type.signed) return new Uint32Array(numbers);
  }
  return new Int32Array(numbers);
}

/** A vector with a bitmap of its own under another validity. */
export function withValidity(vector: Vector, validity: Validity): Vector {
  const buffers = [validity.bits ?? new Uint8Array(0), ...vector.buffers.slice(1)];
  return { ...vector, nullCount: validity.nullCount, buffers };
}
