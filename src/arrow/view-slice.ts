/**
 * Rows of view vectors with no more of their data buffers than they use.
 *
 * Hides how views point. Two ways: keep the window of each buffer that is used (no copy; the usual case, as views
 * mostly lie in order), or gather the values into one new buffer when the windows hold more than the values.
 * Invariants: views of null rows are all zero; nothing is larger than what the source had. Source: Arrow columnar
 * format, "Variable-size Binary View Layout": view = i32 length | 12 bytes, or i32 length | 4 first bytes | i32
 * buffer | i32 offset.
 */
import { present } from '../base/assert.ts';
import type { Vector } from './vector.ts';
import { typedView } from './vector.ts';
import { VIEW_INLINE_BYTES } from './view-check.ts';

/** What the long views of a range use. */
interface ViewUse {
  /** Bytes of all values, each counted once per view. */
  readonly total: number;
  /** Bytes of all windows. */
  readonly window: number;
  /** Window of each buffer, half-open; last = 0 when it is not used. */
  readonly first: Float64Array;
  readonly last: Float64Array;
}

/** The view structs as words: four per row. */
function viewWords(vector: Vector): Int32Array {
  return typedView(Int32Array, present(vector.buffers[1], 'views'), vector.length * 4);
}

function useOf(vector: Vector, words: Int32Array, start: number, end: number): ViewUse {
  const count = vector.buffers.length - 2;
  const first = new Float64Array(count).fill(Number.MAX_SAFE_INTEGER);
  const last = new Float64Array(count);
  const validity = vector.nullCount === 0 ? undefined : vector.buffers[0];
  let total = 0;
  for (let i = start; i < end; i++) {
    const length = words[4 * i] ?? 0;
    if (length <= VIEW_INLINE_BYTES) continue;
    if (validity !== undefined && (((validity[i >>> 3] ?? 0) >>> (i & 7)) & 1) === 0) continue;
    const which = words[4 * i + 2] ?? 0;
    const offset = words[4 * i + 3] ?? 0;
    total += length;
    if (offset < (first[which] ?? 0)) first[which] = offset;
    if (offset + length > (last[which] ?? 0)) last[which] = offset + length;
  }
  let window = 0;
  for (let i = 0; i < count; i++) if ((last[i] ?? 0) > 0) window += (last[i] ?? 0) - (first[i] ?? 0);
  return { total, window, first, last };
}

/** Bytes that the data buffers of rows [start, end) will have, and how many buffers that is at most. */
export function viewBytes(
  vector: Vector,
  start: number,
  end: number,
): { readonly bytes: number; readonly count: number } {
  const use = useOf(vector, viewWords(vector), start, end);
  if (use.window > use.total) return { bytes: use.total, count: 1 };
  let count = 0;
  for (const last of use.last) if (last > 0) count++;
  return { bytes: use.window, count };
}

/**
 * Buffers after the validity for rows [start, end): views, then data. `validity`: of those rows, undefined without
 * nulls.
 */
export function sliceViews(
  vector: Vector,
  start: number,
  end: number,
  validity: Uint8Array | undefined,
): Uint8Array[] {
  const words = viewWords(vector);
  const use = useOf(vector, words, start, end);
  const rowWords = words.slice(4 * start, 4 * end);
  if (validity !== undefined) zeroNulls(rowWords, validity);
  const data = use.window > use.total ? gather(vector, rowWords, use.total) : keepWindows(vector, rowWords, use);
  return [new Uint8Array(rowWords.buffer, rowWords.byteOffset, rowWords.byteLength), ...data];
}

function zeroNulls(words: Int32Array, validity: Uint8Array): void {
  for (let i = 0; i < words.length / 4; i++) {
    if ((((validity[i >>> 3] ?? 0) >>> (i & 7)) & 1) === 0) words.fill(0, 4 * i, 4 * i + 4);
  }
}

/** Points `words` into the used windows and returns them, as views. */
function keepWindows(vector: Vector, words: Int32Array, use: ViewUse): Uint8Array[] {
  const data: Uint8Array[] = [];
  const place = new Int32Array(use.last.length);
  for (let i = 0; i < use.last.length; i++) {
    if (use.last[i] === 0) continue;
    place[i] = data.length;
    data.push(present(vector.buffers[2 + i], 'a view buffer').subarray(use.first[i], use.last[i]));
  }
  for (let i = 0; i < words.length; i += 4) {
    if ((words[i] ?? 0) <= VIEW_INLINE_BYTES) continue;
    const which = words[i + 2] ?? 0;
    words[i + 2] = place[which] ?? 0;
    words[i + 3] = (words[i + 3] ?? 0) - (use.first[which] ?? 0);
  }
  return data;
}

/** Copies the values one after another into one buffer and points `words` there. */
function gather(vector: Vector, words: Int32Array, total: number): Uint8Array[] {
  const out = new Uint8Array(total);
  let at = 0;
  for (let i = 0; i < words.length; i += 4) {
    const length = words[i] ?? 0;
    if (length <= VIEW_INLINE_BYTES) continue;
    const offset = words[i + 3] ?? 0;
    const source = present(vector.buffers[2 + (words[i + 2] ?? 0)], 'a view buffer');
    out.set(source.subarray(offset, offset + length), at);
    words[i + 2] = 0;
    words[i + 3] = at;
    at += length;
  }
  return [out];
}
