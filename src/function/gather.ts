/**
 * Rows of a vector by index, for every Arrow type.
 *
 * Hides layouts. Invariants: results are valid vectors that begin at row 0 and own what they hold, but for
 * dictionaries, data buffers of views and children of list views, which are shared; indexes may repeat and come in
 * any order; a null row takes no bytes. Cost: linear in the rows taken, nested rows included.
 * Source: Arrow columnar format, "Physical memory layout".
 */
import { viewOf } from '../base/bytes.ts';
import { EngineError } from '../base/errors.ts';
import { WORD_COPY_BYTES_MAX } from '../base/limits.ts';
import { joinVectors } from '../arrow/concat.ts';
import { nullVector } from '../arrow/null-vector.ts';
import { TYPE_TABLE, typeName } from '../arrow/type.ts';
import type { DataType } from '../arrow/type.ts';
import { typedView } from '../arrow/vector.ts';
import type { Vector } from '../arrow/vector.ts';
import { withValidity } from './column.ts';
import { runIndexes } from './run-end.ts';
import { bitAt, validityFrom, validityOf } from './validity.ts';

const EMPTY = new Uint8Array(0);
const INT32_MAX = 0x7fffffff;

function bytesOf(array: ArrayBufferView): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

/** The bits of a bitmap at `rows`, and how many are set. */
function gatherBits(bits: Uint8Array, rows: Uint32Array): { readonly bits: Uint8Array; readonly set: number } {
  const out = new Uint8Array((rows.length + 7) >> 3);
  let set = 0;
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i] as number;
    const bit = ((bits[row >> 3] as number) >> (row & 7)) & 1;
    set += bit;
    out[i >> 3] = (out[i >> 3] as number) | (bit << (i & 7));
  }
  return { bits: out, set };
}

interface Nulls {
  readonly bits: Uint8Array;
  readonly nullCount: number;
}

function gatherNulls(vector: Vector, rows: Uint32Array): Nulls {
  const bits = vector.buffers[0];
  if (vector.nullCount === 0 || bits === undefined || bits.byteLength === 0) return { bits: EMPTY, nullCount: 0 };
  const gathered = gatherBits(bits, rows);
  const nullCount = rows.length - gathered.set;
  return nullCount === 0 ? { bits: EMPTY, nullCount: 0 } : { bits: gathered.bits, nullCount };
}

function isNull(nulls: Nulls, row: number): boolean {
  return nulls.nullCount > 0 && (((nulls.bits[row >> 3] as number) >> (row & 7)) & 1) === 0;
}

function gatherWords(words: Int32Array, rows: Uint32Array, count: number): Int32Array {
  const out = new Int32Array(rows.length * count);
  if (count === 1) {
    for (let i = 0; i < rows.length; i++) out[i] = words[rows[i] as number] as number;
  } else if (count === 2) {
    for (let i = 0; i < rows.length; i++) {
      const row = rows[i] as number;
      out[2 * i] = words[2 * row] as number;
      out[2 * i + 1] = words[2 * row + 1] as number;
    }
  } else if (count === 4) {
    for (let i = 0; i < rows.length; i++) {
      const at = (rows[i] as number) * 4;
      out[4 * i] = words[at] as number;
      out[4 * i + 1] = words[at + 1] as number;
      out[4 * i + 2] = words[at + 2] as number;
      out[4 * i + 3] = words[at + 3] as number;
    }
  } else {
    for (let i = 0; i < rows.length; i++) {
      const at = (rows[i] as number) * count;
      for (let k = 0; k < count; k++) out[i * count + k] = words[at + k] as number;
    }
  }
  return out;
}

/** Fixed-width values of any width. */
function gatherFixed(bytes: Uint8Array, rows: Uint32Array, width: number, sourceRows: number): Uint8Array {
  if (width % 4 === 0 && width > 0) {
    const words = typedView(Int32Array, bytes, (sourceRows * width) / 4);
    return bytesOf(gatherWords(words, rows, width / 4));
  }
  const out = new Uint8Array(rows.length * width);
  for (let i = 0; i < rows.length; i++) {
    const at = (rows[i] as number) * width;
    for (let k = 0; k < width; k++) out[i * width + k] = bytes[at + k] as number;
  }
  return out;
}

function writeOffsets(offsets: Float64Array, wide: boolean, type: DataType): Uint8Array {
  if (!wide) {
    if ((offsets.at(-1) ?? 0) > INT32_MAX) {
      throw new EngineError(
        'limit_exceeded',
        `a batch of ${typeName(type)} values exceeds 2 GiB; ask for fewer rows`,
      );
    }
    return bytesOf(Int32Array.from(offsets));
  }
  const words = new Int32Array(offsets.length * 2);
  for (let i = 0; i < offsets.length; i++) {
    const offset = offsets[i] as number;
    const high = Math.floor(offset / 4294967296);
    words[2 * i] = offset - high * 4294967296;
    words[2 * i + 1] = high;
  }
  return bytesOf(words);
}

interface Ranges {
  readonly starts: Float64Array;
  /** rows + 1, cumulated. */
  readonly offsets: Float64Array;
}

/** Where each taken row begins in the source, and the offsets of the result. */
function gatherRanges(vector: Vector, rows: Uint32Array, nulls: Nulls, wide: boolean): Ranges {
  const starts = new Float64Array(rows.length);
  const offsets = new Float64Array(rows.length + 1);
  const bytes = vector.buffers[1] as Uint8Array;
  const words = (vector.length + 1) * (wide ? 2 : 1);
  // Without rows there may be no offset at all.
  if (bytes.byteLength < words * 4) return { starts, offsets };
  const source = typedView(Int32Array, bytes, words);
  if (wide) gatherWideStarts(source, rows, starts, offsets);
  else gatherStarts(source, rows, starts, offsets);
  if (nulls.nullCount > 0) for (let i = 0; i < rows.length; i++) if (isNull(nulls, i)) offsets[i + 1] = 0;
  sumUp(offsets);
  return { starts, offsets };
}

/** Turns lengths into offsets, in place. */
function sumUp(lengths: Float64Array): void {
  let at = 0;
  for (let i = 1; i < lengths.length; i++) {
    at += lengths[i] as number;
    lengths[i] = at;
  }
}

/** Where each taken row begins, and how long it is; the length of row i stands at i + 1. */
function gatherStarts(source: Int32Array, rows: Uint32Array, starts: Float64Array, lengths: Float64Array): void {
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i] as number;
    const start = source[row] as number;
    starts[i] = start;
    lengths[i + 1] = (source[row + 1] as number) - start;
  }
}

/** As `gatherStarts`, of offsets of two words, all of which lie below 2^53. */
function gatherWideStarts(source: Int32Array, rows: Uint32Array, starts: Float64Array, lengths: Float64Array): void {
  for (let i = 0; i < rows.length; i++) {
    const at = 2 * (rows[i] as number);
    const start = (source[at + 1] as number) * 4294967296 + ((source[at] as number) >>> 0);
    starts[i] = start;
    lengths[i + 1] = (source[at + 3] as number) * 4294967296 + ((source[at + 2] as number) >>> 0) - start;
  }
}

/**
 * Copies range after range. Short ones go word by word, the last word beyond the range's end, where the next range is
 * written over it: three times as fast as byte by byte.
 */
function copyRanges(source: Uint8Array, { starts, offsets }: Ranges): Uint8Array {
  const byteCount = offsets[starts.length] as number;
  const out = new Uint8Array(byteCount + 3);
  const from = viewOf(source);
  const to = viewOf(out);
  const wordsEnd = source.byteLength - 3;
  for (let i = 0; i < starts.length; i++) {
    const at = offsets[i] as number;
    const length = (offsets[i + 1] as number) - at;
    const start = starts[i] as number;
    if (length > WORD_COPY_BYTES_MAX || start + length > wordsEnd) {
      out.set(source.subarray(start, start + length), at);
      continue;
    }
    for (let k = 0; k < length; k += 4) to.setInt32(at + k, from.getInt32(start + k, true), true);
  }
  return out.subarray(0, byteCount);
}

function gatherBytes(vector: Vector, rows: Uint32Array, nulls: Nulls, wide: boolean): readonly Uint8Array[] {
  const ranges = gatherRanges(vector, rows, nulls, wide);
  const source = vector.buffers[2] ?? EMPTY;
  return [writeOffsets(ranges.offsets, wide, vector.type), copyRanges(source, ranges)];
}

/** Rows of the child of a list that the taken rows use. */
function childRows({ starts, offsets }: Ranges): Uint32Array {
  const rows = new Uint32Array(offsets.at(-1) ?? 0);
  for (let i = 0; i < starts.length; i++) {
    const start = starts[i] as number;
    const from = offsets[i] as number;
    const to = offsets[i + 1] as number;
    for (let k = from; k < to; k++) rows[k] = start + k - from;
  }
  return rows;
}

function gatherViews(vector: Vector, rows: Uint32Array, nulls: Nulls): readonly Uint8Array[] {
  const words = typedView(Int32Array, vector.buffers[1] as Uint8Array, vector.length * 4);
  const out = gatherWords(words, rows, 4);
  for (let i = 0; nulls.nullCount > 0 && i < rows.length; i++) if (isNull(nulls, i)) out.fill(0, i * 4, i * 4 + 4);
  return [bytesOf(out), ...vector.buffers.slice(2)];
}

function gatherListView(vector: Vector, rows: Uint32Array, nulls: Nulls, width: number): readonly Uint8Array[] {
  const starts = gatherFixed(vector.buffers[1] as Uint8Array, rows, width, vector.length);
  const sizes = gatherFixed(vector.buffers[2] as Uint8Array, rows, width, vector.length);
  for (let i = 0; nulls.nullCount > 0 && i < rows.length; i++) {
    if (!isNull(nulls, i)) continue;
    starts.fill(0, i * width, (i + 1) * width);
    sizes.fill(0, i * width, (i + 1) * width);
  }
  return [starts, sizes];
}

function gatherUnion(vector: Vector, type: DataType & { id: 'union' }, rows: Uint32Array): Vector {
  const typeIds = gatherFixed(vector.buffers[0] as Uint8Array, rows, 1, vector.length);
  const base = { type, length: rows.length, nullCount: 0, dictionary: undefined };
  if (type.mode === 'sparse') {
    return { ...base, buffers: [typeIds], children: vector.children.map((child) => gather(child, rows)) };
  }
  const source = typedView(Int32Array, vector.buffers[1] as Uint8Array, vector.length);
  const taken = type.children.map(() => new Uint32Array(rows.length));
  const counts = new Uint32Array(type.children.length);
  const starts = new Int32Array(rows.length);
  for (let i = 0; i < rows.length; i++) {
    const child = type.typeIds.indexOf(((typeIds[i] as number) << 24) >> 24);
    const at = counts[child] as number;
    (taken[child] as Uint32Array)[at] = source[rows[i] as number] as number;
    starts[i] = at;
    counts[child] = at + 1;
  }
  const children = vector.children.map((child, c) => gather(child, (taken[c] as Uint32Array).subarray(0, counts[c])));
  return { ...base, buffers: [typeIds, bytesOf(starts)], children };
}

/** Neighbours of the same run stay one run. */
function gatherRuns(vector: Vector, type: DataType & { id: 'run_end' }, rows: Uint32Array): Vector {
  const source = runIndexes(vector);
  const runs = new Uint32Array(rows.length);
  const ends = new Float64Array(rows.length);
  let count = 0;
  for (let i = 0; i < rows.length; i++) {
    const run = source[rows[i] as number] as number;
    if (count === 0 || runs[count - 1] !== run) runs[count++] = run;
    ends[count - 1] = i + 1;
  }
  const endType = type.runEnds.type;
  const width = TYPE_TABLE[endType.id].byteWidth(endType);
  if (width === 2 && rows.length > 32_767) {
    throw new EngineError(
      'limit_exceeded',
      `${typeName(type)} cannot count ${rows.length.toString()} rows in one batch`,
    );
  }
  const used = ends.subarray(0, count);
  const bytes =
    width === 2 ? bytesOf(Int16Array.from(used)) : width === 4 ? bytesOf(Int32Array.from(used)) : wideInts(used);
  const runEnds: Vector = {
    type: endType,
    length: count,
    nullCount: 0,
    buffers: [EMPTY, bytes],
    children: [],
    dictionary: undefined,
  };
  const values = gather(vector.children[1] as Vector, runs.subarray(0, count));
  return { type, length: rows.length, nullCount: 0, buffers: [], children: [runEnds, values], dictionary: undefined };
}

function wideInts(numbers: Float64Array): Uint8Array {
  const words = new Int32Array(numbers.length * 2);
  for (let i = 0; i < numbers.length; i++) words[2 * i] = numbers[i] as number;
  return bytesOf(words);
}

function fixedListRows(rows: Uint32Array, size: number): Uint32Array {
  const out = new Uint32Array(rows.length * size);
  for (let i = 0; i < rows.length; i++) {
    for (let k = 0; k < size; k++) out[i * size + k] = (rows[i] as number) * size + k;
  }
  return out;
}

/**
 * The rows of `vector` at `rows`, in that order. @throws `limit_exceeded` when the result passes what its type can
 * address
 */
export function gather(vector: Vector, rows: Uint32Array): Vector {
  const { type } = vector;
  const length = rows.length;
  if (type.id === 'null') return { ...vector, length, nullCount: length };
  if (type.id === 'union') return gatherUnion(vector, type, rows);
  if (type.id === 'run_end') return gatherRuns(vector, type, rows);
  const nulls = gatherNulls(vector, rows);
  const make = (buffers: readonly Uint8Array[], children: readonly Vector[] = []): Vector => {
    return {
      type,
      length,
      nullCount: nulls.nullCount,
      buffers: [nulls.bits, ...buffers],
      children,
      dictionary: vector.dictionary,
    };
  };
  const child = vector.children[0] as Vector;
  switch (type.id) {
    case 'bool':
      return make([gatherBits(vector.buffers[1] as Uint8Array, rows).bits]);
    case 'utf8':
    case 'binary':
      return make(gatherBytes(vector, rows, nulls, false));
    case 'large_utf8':
    case 'large_binary':
      return make(gatherBytes(vector, rows, nulls, true));
    case 'utf8_view':
    case 'binary_view':
      return make(gatherViews(vector, rows, nulls));
    case 'list':
    case 'map':
    case 'large_list': {
      const wide = type.id === 'large_list';
      const ranges = gatherRanges(vector, rows, nulls, wide);
      return make([writeOffsets(ranges.offsets, wide, type)], [gather(child, childRows(ranges))]);
    }
    case 'list_view':
    case 'large_list_view':
      return make(gatherListView(vector, rows, nulls, type.id === 'list_view' ? 4 : 8), [child]);
    case 'fixed_list':
      return make([], [gather(child, fixedListRows(rows, type.listSize))]);
    case 'struct':
      return make(
        [],
        vector.children.map((field) => gather(field, rows)),
      );
    default:
      return make([
        gatherFixed(vector.buffers[1] as Uint8Array, rows, TYPE_TABLE[type.id].byteWidth(type), vector.length),
      ]);
  }
}

/** In place of a row: there is none. */
export const NO_ROW = 0xffffffff;

/** Rows of `values`; null where a row is NO_ROW. */
export function gatherOrNull(values: Vector, rows: Uint32Array): Vector {
  const { type } = values;
  if (values.length === 0) return nullVector(type, rows.length);
  if (type.id === 'union' || type.id === 'run_end') {
    const last = values.length;
    return gather(
      joinVectors([values, nullVector(type, 1)]),
      rows.map((row) => (row === NO_ROW ? last : row)),
    );
  }
  const taken = gather(
    values,
    rows.map((row) => (row === NO_ROW ? 0 : row)),
  );
  if (!rows.includes(NO_ROW)) return taken;
  const own = validityOf(taken).bits;
  const bits = new Uint8Array((rows.length + 7) >> 3);
  for (let i = 0; i < rows.length; i++) {
    if (rows[i] === NO_ROW || (own !== undefined && !bitAt(own, i))) continue;
    bits[i >> 3] = (bits[i >> 3] as number) | (1 << (i & 7));
  }
  return type.id === 'null' ? taken : withValidity(taken, validityFrom(bits, rows.length));
}
