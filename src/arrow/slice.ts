/**
 * Rows [start, end) of vectors as vectors of their own, in canonical form.
 *
 * Hides offsets: a vector always begins at row 0 of its buffers, so a slice rebases offsets, shifts bits, trims
 * children and runs, and compacts view buffers. Invariants: results are valid; buffers have exactly the bytes that
 * the rows need, with zero bits past the last; offsets begin at 0; children have exactly the rows that are used;
 * where nothing must be rewritten buffers are views on the source. Source: Arrow columnar format, "Physical memory
 * layout".
 */
import { assert, present } from '../base/assert.ts';
import type { RecordBatch } from './batch.ts';
import { countOnes, sliceBits } from './bits.ts';
import { joinCanonical } from './join-canonical.ts';
import { bytesOfWords, narrow, offsetAt, offsetWords, runEndAt, runIn, widen } from './offsets.ts';
import type { DataType } from './type.ts';
import { TYPE_TABLE, childFields } from './type.ts';
import type { Vector } from './vector.ts';
import { sliceViews } from './view-slice.ts';

const EMPTY = new Uint8Array(0);

/** Rows [start, end) of every column. The same batch when that is all of it. */
export function sliceBatch(batch: RecordBatch, start: number, end: number): RecordBatch {
  if (start === 0 && end === batch.rowCount) return batch;
  const columns = batch.columns.map((column) => sliceVector(column, start, end));
  return { schema: batch.schema, rowCount: end - start, columns };
}

/** A vector of `type` without rows; dictionaries are empty too. */
export function emptyVector(type: DataType): Vector {
  const buffers = TYPE_TABLE[type.id].buffers(type).map((kind) => {
    return kind === 'offsets32' ? new Uint8Array(4) : kind === 'offsets64' ? new Uint8Array(8) : EMPTY;
  });
  const dictionary = type.id === 'dictionary' ? emptyVector(type.value) : undefined;
  const children = childFields(type).map((field) => emptyVector(field.type));
  return { type, length: 0, nullCount: 0, buffers, children, dictionary };
}

/** All of `vector`, canonical. */
export function wholeVector(vector: Vector): Vector {
  return sliceVector(vector, 0, vector.length);
}

/** Rows [start, end) of `vector`, canonical, also when that is all of it. The dictionary is shared. */
export function sliceVector(vector: Vector, start: number, end: number): Vector {
  assert(start >= 0 && start <= end && end <= vector.length, 'expected a range within the vector');
  const { type } = vector;
  switch (type.id) {
    case 'null':
      return { ...vector, length: end - start, nullCount: end - start };
    case 'union':
      return sliceUnion(vector, type, start, end);
    case 'run_end':
      return sliceRuns(vector, type, start, end);
    default:
      return sliceWithValidity(vector, start, end);
  }
}

function sliceWithValidity(vector: Vector, start: number, end: number): Vector {
  const rowCount = end - start;
  let validity: Uint8Array = EMPTY;
  let nullCount = 0;
  if (vector.nullCount > 0) {
    validity = sliceBits(bufferOf(vector, 0), start, end);
    nullCount = rowCount === vector.length ? vector.nullCount : rowCount - countOnes(validity, rowCount);
    if (nullCount === 0) validity = EMPTY;
  }
  const content = sliceContent(vector, start, end, nullCount === 0 ? undefined : validity);
  return {
    type: vector.type,
    length: rowCount,
    nullCount,
    buffers: [validity, ...content.buffers],
    children: content.children,
    dictionary: vector.dictionary,
  };
}

/** Buffers after the validity, and children. */
interface Content {
  readonly buffers: readonly Uint8Array[];
  readonly children: readonly Vector[];
}

const NO_VECTORS: readonly Vector[] = [];

function sliceContent(vector: Vector, start: number, end: number, validity: Uint8Array | undefined): Content {
  const { type } = vector;
  switch (type.id) {
    case 'bool':
      return { buffers: [sliceBits(bufferOf(vector, 1), start, end)], children: NO_VECTORS };
    case 'utf8':
    case 'binary':
    case 'large_utf8':
    case 'large_binary': {
      const { offsets, first, last } = sliceOffsets(vector, type.id.startsWith('large'), start, end);
      return { buffers: [offsets, bufferOf(vector, 2).subarray(first, last)], children: NO_VECTORS };
    }
    case 'utf8_view':
    case 'binary_view':
      return { buffers: sliceViews(vector, start, end, validity), children: NO_VECTORS };
    case 'list':
    case 'map':
    case 'large_list': {
      const { offsets, first, last } = sliceOffsets(vector, type.id === 'large_list', start, end);
      return { buffers: [offsets], children: [sliceVector(child(vector, 0), first, last)] };
    }
    case 'list_view':
    case 'large_list_view':
      return sliceListViews(vector, type.id === 'large_list_view', start, end, validity);
    case 'fixed_list':
      return { buffers: [], children: [sliceVector(child(vector, 0), start * type.listSize, end * type.listSize)] };
    case 'struct':
      return { buffers: [], children: vector.children.map((part) => sliceVector(part, start, end)) };
    default: {
      const width = TYPE_TABLE[type.id].byteWidth(type);
      return { buffers: [bufferOf(vector, 1).subarray(start * width, end * width)], children: NO_VECTORS };
    }
  }
}

function child(vector: Vector, index: number): Vector {
  return present(vector.children[index], 'a child vector');
}

function bufferOf(vector: Vector, index: number): Uint8Array {
  return present(vector.buffers[index], 'a buffer');
}

interface OffsetSlice {
  readonly offsets: Uint8Array;
  /** Half-open range of bytes or child rows that they cover. */
  readonly first: number;
  readonly last: number;
}

/** Offsets of rows [start, end) from 0 on; a view when they begin at 0 already. */
function sliceOffsets(vector: Vector, wide: boolean, start: number, end: number): OffsetSlice {
  const width = wide ? 8 : 4;
  const buffer = bufferOf(vector, 1);
  const first = offsetAt(buffer, wide, start);
  const last = offsetAt(buffer, wide, end);
  const stored = buffer.subarray(start * width, (end + 1) * width);
  if (first === 0) return { offsets: stored, first, last };
  const words = offsetWords(stored, wide, end - start + 1);
  const rebased = new Uint32Array(words.length);
  for (let i = 0; i < words.length; i++) rebased[i] = (words[i] ?? 0) - first;
  return { offsets: wide ? widen(rebased) : bytesOfWords(rebased), first, last };
}

/** Where the list views of a range point: how many values in all, and the window of the child that holds them. */
export interface ListWindow {
  readonly total: number;
  readonly first: number;
  readonly last: number;
}

/** Measures the list views of rows [start, end); null rows count as empty. */
export function listWindow(vector: Vector, wide: boolean, start: number, end: number): ListWindow {
  const startBytes = bufferOf(vector, 1);
  const sizeBytes = bufferOf(vector, 2);
  const validity = vector.nullCount === 0 ? undefined : bufferOf(vector, 0);
  let total = 0;
  let first = Number.MAX_SAFE_INTEGER;
  let last = 0;
  for (let i = start; i < end; i++) {
    if (validity !== undefined && (((validity[i >>> 3] ?? 0) >>> (i & 7)) & 1) === 0) continue;
    const size = offsetAt(sizeBytes, wide, i);
    if (size === 0) continue;
    const at = offsetAt(startBytes, wide, i);
    total += size;
    if (at < first) first = at;
    if (at + size > last) last = at + size;
  }
  return total === 0 ? { total, first: 0, last: 0 } : { total, first, last };
}

/** Keeps the window of the child that is used, or gathers the values when that is less. */
function sliceListViews(
  vector: Vector,
  wide: boolean,
  start: number,
  end: number,
  validity: Uint8Array | undefined,
): Content {
  const { total, first, last } = listWindow(vector, wide, start, end);
  const gather = total < last - first;
  const rowCount = end - start;
  const starts = new Uint32Array(rowCount);
  const sizes = new Uint32Array(rowCount);
  const pieces: Vector[] = [];
  const values = child(vector, 0);
  let gathered = 0;
  for (let i = 0; i < rowCount; i++) {
    if (validity !== undefined && (((validity[i >>> 3] ?? 0) >>> (i & 7)) & 1) === 0) continue;
    const size = offsetAt(bufferOf(vector, 2), wide, start + i);
    if (size === 0) continue;
    const at = offsetAt(bufferOf(vector, 1), wide, start + i);
    sizes[i] = size;
    starts[i] = gather ? gathered : at - first;
    gathered += size;
    if (gather) pieces.push(sliceVector(values, at, at + size));
  }
  const used = gather ? joinCanonical(pieces, wholeVector) : sliceVector(values, first, last);
  const buffers = wide ? [widen(starts), widen(sizes)] : [bytesOfWords(starts), bytesOfWords(sizes)];
  return { buffers, children: [used] };
}

/** Half-open range of each child's rows that a dense union's rows [start, end) use; `[0, 0)` when none. */
export function denseWindows(
  vector: Vector,
  type: Extract<DataType, { id: 'union' }>,
  start: number,
  end: number,
): { readonly first: Uint32Array; readonly last: Uint32Array; readonly childOf: Uint8Array } {
  const childOf = new Uint8Array(256);
  type.typeIds.forEach((id, i) => (childOf[id] = i));
  const first = new Uint32Array(type.children.length);
  const last = new Uint32Array(type.children.length);
  const ids = bufferOf(vector, 0);
  const starts = bufferOf(vector, 1);
  for (let i = start; i < end; i++) {
    const which = childOf[ids[i] ?? 0] ?? 0;
    const at = offsetAt(starts, false, i);
    if (last[which] === 0) first[which] = at;
    last[which] = at + 1;
  }
  return { first, last, childOf };
}

function sliceUnion(vector: Vector, type: Extract<DataType, { id: 'union' }>, start: number, end: number): Vector {
  const ids = bufferOf(vector, 0).subarray(start, end);
  const base = { type, length: end - start, nullCount: 0, dictionary: undefined };
  if (type.mode === 'sparse') {
    return { ...base, buffers: [ids], children: vector.children.map((part) => sliceVector(part, start, end)) };
  }
  const { first, last, childOf } = denseWindows(vector, type, start, end);
  const starts = new Uint32Array(end - start);
  for (let i = 0; i < starts.length; i++) {
    starts[i] = offsetAt(bufferOf(vector, 1), false, start + i) - (first[childOf[ids[i] ?? 0] ?? 0] ?? 0);
  }
  const children = vector.children.map((part, i) => sliceVector(part, first[i] ?? 0, last[i] ?? 0));
  return { ...base, buffers: [ids, bytesOfWords(starts)], children };
}

function sliceRuns(vector: Vector, type: Extract<DataType, { id: 'run_end' }>, start: number, end: number): Vector {
  const [ends, values] = [child(vector, 0), child(vector, 1)];
  const from = start === end ? 0 : runIn(ends, start);
  const to = start === end ? 0 : runIn(ends, end - 1) + 1;
  const cut = new Uint32Array(to - from);
  for (let i = from; i < to; i++) cut[i - from] = Math.min(runEndAt(ends, i), end) - start;
  const runEnds: Vector = { ...ends, length: to - from, buffers: [EMPTY, narrow(cut, type)] };
  return { ...vector, length: end - start, nullCount: 0, children: [runEnds, sliceVector(values, from, to)] };
}
