/**
 * Byte rows: text and binary of any layout as ranges of bytes.
 *
 * Hides offsets of 32 and 64 bits, views, fixed widths and dictionaries. Invariants: buffers are below 2 GiB (a
 * message is, see RECEIVE_MESSAGE_BYTES_MAX), so starts and ends are int32; a null row's range is unspecified but
 * readable or empty.
 * Source: Arrow columnar format, "Variable-size Binary" and "Variable-size Binary View".
 */
import { assert } from '../base/assert.ts';
import type { DataType } from '../arrow/type.ts';
import { makeVector, typedView } from '../arrow/vector.ts';
import type { Vector } from '../arrow/vector.ts';
import type { Validity } from './validity.ts';

/** Row i is `buffers[which[i]]` from `starts[i]` to `ends[i]`; without `which` it is `buffers[0]`. */
export interface ByteRows {
  readonly buffers: readonly Uint8Array[];
  readonly which: Int32Array | undefined;
  readonly starts: Int32Array;
  readonly ends: Int32Array;
}

const EMPTY = new Uint8Array(0);

function lowWords(bytes: Uint8Array, count: number): Int32Array {
  const words = typedView(Int32Array, bytes, count * 2);
  const low = new Int32Array(count);
  for (let i = 0; i < count; i++) {
    assert(words[2 * i + 1] === 0, 'an offset is 2^32 or more');
    low[i] = words[2 * i] as number;
  }
  return low;
}

function offsetRows(offsets: Int32Array, bytes: Uint8Array, length: number): ByteRows {
  return { buffers: [bytes], which: undefined, starts: offsets.subarray(0, length), ends: offsets.subarray(1) };
}

function viewRows(vector: Vector): ByteRows {
  const { length } = vector;
  const words = typedView(Int32Array, vector.buffers[1] as Uint8Array, length * 4);
  const which = new Int32Array(length);
  const starts = new Int32Array(length);
  const ends = new Int32Array(length);
  for (let i = 0; i < length; i++) {
    const size = words[i * 4] as number;
    const inline = size <= 12;
    const start = inline ? i * 16 + 4 : (words[i * 4 + 3] as number);
    which[i] = inline ? 0 : 1 + (words[i * 4 + 2] as number);
    starts[i] = start;
    ends[i] = start + size;
  }
  return { buffers: vector.buffers.slice(1), which, starts, ends };
}

/** The indexes of a dictionary vector as int32; those of null rows are 0. */
export function indexesOf(vector: Vector): Int32Array {
  const { type, length } = vector;
  assert(type.id === 'dictionary', 'indexes belong to dictionaries');
  const { bitWidth, signed } = type.index;
  const bytes = vector.buffers[1] as Uint8Array;
  const present = vector.nullCount === 0 ? undefined : vector.buffers[0];
  let indexes: Int32Array;
  if (bitWidth === 64) indexes = lowWords(bytes, length);
  else if (bitWidth === 32) indexes = typedView(Int32Array, bytes, length);
  else if (bitWidth === 16) {
    indexes = new Int32Array(typedView<Int16Array | Uint16Array>(signed ? Int16Array : Uint16Array, bytes, length));
  } else indexes = new Int32Array(typedView<Int8Array | Uint8Array>(signed ? Int8Array : Uint8Array, bytes, length));
  if (present === undefined || present.byteLength === 0) return indexes;
  const cleaned = bitWidth === 32 ? indexes.slice() : indexes;
  for (let i = 0; i < length; i++) {
    if ((((present[i >> 3] as number) >> (i & 7)) & 1) === 0) cleaned[i] = 0;
  }
  return cleaned;
}

const dictionaryRows = new WeakMap<Vector, ByteRows>();

/** The rows of a dictionary's values, made once for each dictionary. */
export function dictionaryByteRows(values: Vector): ByteRows {
  let rows = dictionaryRows.get(values);
  if (rows === undefined) {
    rows = byteRowsOf(values);
    dictionaryRows.set(values, rows);
  }
  return rows;
}

function indexedRows(vector: Vector): ByteRows {
  const values = vector.dictionary as Vector;
  const rows = dictionaryByteRows(values);
  const indexes = indexesOf(vector);
  const starts = new Int32Array(vector.length);
  const ends = new Int32Array(vector.length);
  const which = rows.which === undefined ? undefined : new Int32Array(vector.length);
  if (values.length === 0) return { buffers: rows.buffers, which, starts, ends };
  for (let i = 0; i < vector.length; i++) {
    const index = indexes[i] as number;
    starts[i] = rows.starts[index] as number;
    ends[i] = rows.ends[index] as number;
    if (which !== undefined) which[i] = (rows.which as Int32Array)[index] as number;
  }
  return { buffers: rows.buffers, which, starts, ends };
}

/** The rows of a text or binary vector, dictionaries of such included. */
export function byteRowsOf(vector: Vector): ByteRows {
  const { type, length, buffers } = vector;
  switch (type.id) {
    case 'utf8':
    case 'binary': {
      const offsets = buffers[1] as Uint8Array;
      if (offsets.byteLength < 4) return offsetRows(new Int32Array(length + 1), EMPTY, length);
      return offsetRows(typedView(Int32Array, offsets, length + 1), buffers[2] ?? EMPTY, length);
    }
    case 'large_utf8':
    case 'large_binary': {
      const offsets = buffers[1] as Uint8Array;
      if (offsets.byteLength < 8) return offsetRows(new Int32Array(length + 1), EMPTY, length);
      return offsetRows(lowWords(offsets, length + 1), buffers[2] ?? EMPTY, length);
    }
    case 'utf8_view':
    case 'binary_view':
      return viewRows(vector);
    case 'fixed_binary': {
      const offsets = new Int32Array(length + 1);
      for (let i = 0; i <= length; i++) offsets[i] = i * type.byteWidth;
      return offsetRows(offsets, buffers[1] as Uint8Array, length);
    }
    case 'dictionary':
      return indexedRows(vector);
    default:
      throw new TypeError(`byteRowsOf: ${type.id} has no byte rows`);
  }
}

/** The bytes of one row, as a view. */
export function rowBytes(rows: ByteRows, row: number): Uint8Array {
  const buffer = rows.buffers[rows.which === undefined ? 0 : (rows.which[row] as number)] as Uint8Array;
  return buffer.subarray(rows.starts[row], rows.ends[row]);
}

/** Compares two rows by their bytes: negative, zero or positive. A prefix is less. */
export function compareRows(a: ByteRows, i: number, b: ByteRows, j: number): number {
  const left = a.buffers[a.which === undefined ? 0 : (a.which[i] as number)] as Uint8Array;
  const right = b.buffers[b.which === undefined ? 0 : (b.which[j] as number)] as Uint8Array;
  const start = a.starts[i] as number;
  const other = b.starts[j] as number;
  const leftLength = (a.ends[i] as number) - start;
  const rightLength = (b.ends[j] as number) - other;
  const shared = leftLength < rightLength ? leftLength : rightLength;
  for (let k = 0; k < shared; k++) {
    const difference = (left[start + k] as number) - (right[other + k] as number);
    if (difference !== 0) return difference;
  }
  return leftLength - rightLength;
}

/** Compares two byte strings like `compareRows`. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const shared = a.length < b.length ? a.length : b.length;
  for (let k = 0; k < shared; k++) {
    const difference = (a[k] as number) - (b[k] as number);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Reads one row as a string. */
export function rowText(rows: ByteRows, row: number): string {
  return decodeText(rowBytes(rows, row));
}

/** Decodes UTF-8; short ASCII without the decoder's call. */
export function decodeText(bytes: Uint8Array): string {
  if (bytes.length > 24) return decoder.decode(bytes);
  let text = '';
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] as number;
    if (byte >= 128) return decoder.decode(bytes);
    text += String.fromCharCode(byte);
  }
  return text;
}

/** Encodes a string as UTF-8. */
export function encodeText(text: string): Uint8Array {
  return encoder.encode(text);
}

/** Collects byte rows, then makes a vector of any text or binary type but dictionaries. */
export class ByteRowsBuilder {
  readonly #ends: Int32Array;
  #bytes: Uint8Array;
  #at = 0;
  #row = 0;

  constructor(rowCount: number, byteCount = rowCount * 8) {
    this.#ends = new Int32Array(rowCount + 1);
    this.#bytes = new Uint8Array(byteCount);
  }

  /** Bytes collected so far. */
  get byteCount(): number {
    return this.#at;
  }

  #reserve(count: number): void {
    if (this.#at + count <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.#at + count));
    grown.set(this.#bytes.subarray(0, this.#at));
    this.#bytes = grown;
  }

  /** Ends the row that `append` calls have filled. */
  endRow(): void {
    this.#ends[++this.#row] = this.#at;
  }

  /** Adds bytes to the open row. */
  append(source: Uint8Array, start: number, end: number): void {
    this.#reserve(end - start);
    if (end - start > 32) {
      this.#bytes.set(source.subarray(start, end), this.#at);
      this.#at += end - start;
      return;
    }
    for (let k = start; k < end; k++) this.#bytes[this.#at++] = source[k] as number;
  }

  /** Adds text to the open row. */
  appendText(text: string): void {
    this.#reserve(text.length * 3);
    this.#at += encoder.encodeInto(text, this.#bytes.subarray(this.#at)).written;
  }

  /** Adds one whole row of text. */
  addText(text: string): void {
    this.appendText(text);
    this.endRow();
  }

  /**
   * Makes the vector; the builder is not used again. `type`: utf8, binary, their large and view forms, fixed_binary.
   */
  finish(type: DataType, validity: Validity): Vector {
    const rowCount = this.#row;
    const bytes = this.#bytes.subarray(0, this.#at);
    const base = (...rest: Uint8Array[]): Vector =>
      makeVector(type, rowCount, validity.bits, validity.nullCount, rest);
    if (type.id === 'fixed_binary') return base(bytes);
    if (type.id === 'utf8_view' || type.id === 'binary_view') return base(this.#views(bytes, rowCount), bytes);
    if (type.id === 'utf8' || type.id === 'binary') return base(asBytes(this.#ends), bytes);
    const wide = new Int32Array((rowCount + 1) * 2);
    for (let i = 0; i <= rowCount; i++) wide[2 * i] = this.#ends[i] as number;
    return base(asBytes(wide), bytes);
  }

  #views(bytes: Uint8Array, rowCount: number): Uint8Array {
    const views = new Uint8Array(rowCount * 16);
    const words = new Int32Array(views.buffer);
    for (let i = 0; i < rowCount; i++) {
      const start = this.#ends[i] as number;
      const size = (this.#ends[i + 1] as number) - start;
      words[i * 4] = size;
      views.set(bytes.subarray(start, start + Math.min(size, size <= 12 ? 12 : 4)), i * 16 + 4);
      if (size > 12) words[i * 4 + 3] = start;
    }
    return views;
  }
}

function asBytes(array: Int32Array): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}
