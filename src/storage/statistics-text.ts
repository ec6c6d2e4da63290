/**
 * The least and greatest text of a column, in byte order.
 *
 * Hides the four layouts that text comes in. Invariants: only present rows count; `min` and `max` are views on the
 * column's own buffers, valid as long as those; a dictionary column counts only the values that its rows use. Most
 * rows are settled by their first four bytes, compared as one number.
 */
import type { RowRange } from '../arrow/ipc-write.ts';
import { isPresent, typedView } from '../arrow/vector.ts';
import type { Vector } from '../arrow/vector.ts';

const EMPTY = new Uint8Array(0);
const VIEW_BYTES = 16;
const VIEW_INLINE_BYTES = 12;

/** Finds where the text of a row lies; the answer stands in the fields until the next `find`. */
interface TextColumn {
  bytes: Uint8Array;
  start: number;
  end: number;
  find(row: number): void;
}

/** Bounds that take in one column's rows after another. */
export class TextBounds {
  found = false;
  min: Uint8Array = EMPTY;
  max: Uint8Array = EMPTY;
  #minHead = 0;
  #maxHead = 0;

  /** Takes in rows of a text column or of a dictionary of text. `validity` undefined: all rows are present. */
  addColumn(vector: Vector, range: RowRange, validity: Uint8Array | undefined): void {
    if (vector.type.id === 'dictionary') {
      this.#addDictionary(vector, range, validity);
      return;
    }
    const column = textColumn(vector, range);
    for (let row = range.start; row < range.end; row++) {
      if (validity !== undefined && (((validity[row >> 3] ?? 0) >> (row & 7)) & 1) === 0) continue;
      this.#add(column, row);
    }
  }

  #addDictionary(vector: Vector, range: RowRange, validity: Uint8Array | undefined): void {
    const values = vector.dictionary;
    if (values === undefined || values.length === 0) return;
    const used = usedValues(vector, values.length, range, validity);
    const column = textColumn(values, { start: 0, end: values.length });
    for (let value = 0; value < values.length; value++) {
      if (used[value] === 1 && isPresent(values, value)) this.#add(column, value);
    }
  }

  #add(column: TextColumn, row: number): void {
    column.find(row);
    const { bytes, start, end } = column;
    const head = headOf(bytes, start, end);
    if (!this.found) {
      this.found = true;
      this.min = this.max = bytes.subarray(start, end);
      this.#minHead = this.#maxHead = head;
      return;
    }
    if (head <= this.#minHead && (head < this.#minHead || compareBytes(bytes, start, end, this.min) < 0)) {
      this.min = bytes.subarray(start, end);
      this.#minHead = head;
    }
    if (head >= this.#maxHead && (head > this.#maxHead || compareBytes(bytes, start, end, this.max) > 0)) {
      this.max = bytes.subarray(start, end);
      this.#maxHead = head;
    }
  }
}

/** The first four bytes as a number that orders like them; missing ones count as zero. */
function headOf(bytes: Uint8Array, start: number, end: number): number {
  let head = start < end ? (bytes[start] ?? 0) << 24 : 0;
  if (start + 1 < end) head |= (bytes[start + 1] ?? 0) << 16;
  if (start + 2 < end) head |= (bytes[start + 2] ?? 0) << 8;
  if (start + 3 < end) head |= bytes[start + 3] ?? 0;
  return head >>> 0;
}

function compareBytes(bytes: Uint8Array, start: number, end: number, other: Uint8Array): number {
  const length = Math.min(end - start, other.byteLength);
  for (let i = 0; i < length; i++) {
    const difference = (bytes[start + i] as number) - (other[i] as number);
    if (difference !== 0) return difference;
  }
  return end - start - other.byteLength;
}

/** 1 for every dictionary value that a present row of the range names. */
function usedValues(
  vector: Vector,
  valueCount: number,
  { start, end }: RowRange,
  validity: Uint8Array | undefined,
): Uint8Array {
  const used = new Uint8Array(valueCount);
  const indices = indicesOf(vector, start, end);
  for (let i = 0; i < indices.length; i++) {
    const row = start + i;
    if (validity !== undefined && (((validity[row >> 3] ?? 0) >> (row & 7)) & 1) === 0) continue;
    used[indices[i] as number] = 1;
  }
  return used;
}

/** Indices as numbers. Of 64-bit ones the low half: a dictionary has fewer than 2^32 values. */
function indicesOf(vector: Vector, start: number, end: number): ArrayLike<number> {
  const bytes = vector.buffers[1] ?? EMPTY;
  const width = vector.type.id === 'dictionary' ? vector.type.index.bitWidth / 8 : 4;
  const slice = bytes.subarray(start * width, end * width);
  const rows = end - start;
  if (width === 1) return slice;
  if (width === 2) return typedView(Uint16Array, slice, rows);
  if (width === 4) return typedView(Uint32Array, slice, rows);
  const words = typedView(Uint32Array, slice, rows * 2);
  return Uint32Array.from({ length: rows }, (_, i) => words[i * 2] ?? 0);
}

function textColumn(vector: Vector, range: RowRange): TextColumn {
  switch (vector.type.id) {
    case 'utf8_view':
      return new ViewText(vector);
    case 'large_utf8':
      return new OffsetText(vector.buffers[2] ?? EMPTY, offsets64(vector, range), range.start);
    default: {
      const slice = (vector.buffers[1] ?? EMPTY).subarray(range.start * 4, (range.end + 1) * 4);
      const offsets = typedView(Int32Array, slice, Math.floor(slice.byteLength / 4));
      return new OffsetText(vector.buffers[2] ?? EMPTY, offsets, range.start);
    }
  }
}

function offsets64(vector: Vector, range: RowRange): Float64Array {
  const slice = (vector.buffers[1] ?? EMPTY).subarray(range.start * 8, (range.end + 1) * 8);
  const words = typedView(Uint32Array, slice, Math.floor(slice.byteLength / 8) * 2);
  return Float64Array.from({ length: words.length / 2 }, (_, i) => {
    return (words[i * 2] ?? 0) + (words[i * 2 + 1] ?? 0) * 0x100000000;
  });
}

/** utf8 and large_utf8. */
class OffsetText implements TextColumn {
  bytes: Uint8Array;
  start = 0;
  end = 0;
  readonly #offsets: Int32Array | Float64Array;
  readonly #first: number;

  constructor(bytes: Uint8Array, offsets: Int32Array | Float64Array, first: number) {
    this.bytes = bytes;
    this.#offsets = offsets;
    this.#first = first;
  }

  find(row: number): void {
    this.start = this.#offsets[row - this.#first] ?? 0;
    this.end = this.#offsets[row - this.#first + 1] ?? 0;
  }
}

/** utf8_view: 16 bytes a row: length, then the text, or four bytes of it, buffer index and offset. */
class ViewText implements TextColumn {
  bytes: Uint8Array = EMPTY;
  start = 0;
  end = 0;
  readonly #views: Uint8Array;
  readonly #view: DataView;
  readonly #buffers: readonly Uint8Array[];

  constructor(vector: Vector) {
    this.#views = vector.buffers[1] ?? EMPTY;
    this.#view = new DataView(this.#views.buffer, this.#views.byteOffset, this.#views.byteLength);
    this.#buffers = vector.buffers.slice(2);
  }

  find(row: number): void {
    const at = row * VIEW_BYTES;
    const length = this.#view.getInt32(at, true);
    if (length <= VIEW_INLINE_BYTES) {
      this.bytes = this.#views;
      this.start = at + 4;
    } else {
      this.bytes = this.#buffers[this.#view.getInt32(at + 8, true)] ?? EMPTY;
      this.start = this.#view.getInt32(at + 12, true);
    }
    this.end = this.start + length;
  }
}
