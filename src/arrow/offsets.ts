/**
 * Offsets, sizes, indices and run ends as plain numbers, whatever their width.
 *
 * Hides 64-bit integers: in a valid vector of a size that memory can hold their high words are 0, so that loops run
 * over 32-bit words. Invariants: arguments are buffers of valid vectors, unless said; results may be views.
 */
import type { DataType, IntType } from './type.ts';
import type { Vector } from './vector.ts';
import { typedView } from './vector.ts';

/** The first `count` unsigned 32-bit values, or the low words of 64-bit values when `wide` (a copy then). */
export function offsetWords(bytes: Uint8Array, wide: boolean, count: number): Uint32Array {
  if (!wide) return typedView(Uint32Array, bytes, count);
  const words = typedView(Uint32Array, bytes, count * 2);
  const low = new Uint32Array(count);
  for (let i = 0; i < count; i++) low[i] = words[2 * i] ?? 0;
  return low;
}

/** One value of such a buffer; memory may be at any alignment. */
export function offsetAt(bytes: Uint8Array, wide: boolean, index: number): number {
  const at = index * (wide ? 8 : 4);
  return (
    ((bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16) | ((bytes[at + 3] ?? 0) << 24)) >>>
    0
  );
}

/** Index of the first 64-bit value whose high word is not 0, or -1. For bytes that are not validated yet. */
export function firstWideValue(bytes: Uint8Array, count: number): number {
  const words = typedView(Uint32Array, bytes, count * 2);
  for (let i = 0; i < count; i++) if (words[2 * i + 1] !== 0) return i;
  return -1;
}

/** Signed value at `index` of a buffer of 32- or 64-bit integers, for messages. */
export function signedTextAt(bytes: Uint8Array, width: number, index: number): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (width === 8) return view.getBigInt64(index * 8, true).toString();
  return view.getInt32(index * 4, true).toString();
}

/** Integers of a fixed-width buffer as a typed array of numbers; 64-bit ones by their low words (a copy). */
export function integerWords(
  bytes: Uint8Array,
  bitWidth: 8 | 16 | 32 | 64,
  signed: boolean,
  count: number,
): Int8Array | Uint8Array | Int16Array | Uint16Array | Int32Array | Uint32Array {
  switch (bitWidth) {
    case 8:
      return signed ? typedView(Int8Array, bytes, count) : typedView(Uint8Array, bytes, count);
    case 16:
      return signed ? typedView(Int16Array, bytes, count) : typedView(Uint16Array, bytes, count);
    case 32:
      return signed ? typedView(Int32Array, bytes, count) : typedView(Uint32Array, bytes, count);
    case 64:
      return offsetWords(bytes, true, count);
  }
}

/** Values of an integer vector, nulls included as whatever lies there. */
export function integersOf(vector: Vector): ReturnType<typeof integerWords> {
  const type = vector.type.id === 'dictionary' ? vector.type.index : vector.type;
  if (type.id !== 'int') throw new TypeError(`integersOf takes integers, got ${type.id}`);
  return integerWords(vector.buffers[1] ?? new Uint8Array(0), type.bitWidth, type.signed, vector.length);
}

/** Index of the run that holds `row`: the first whose end is above it. `ends` increases strictly. */
export function runOf(ends: ReturnType<typeof integerWords>, row: number): number {
  return firstAbove(ends.length, row, (run) => ends[run] ?? 0);
}

/** As `runOf`, on a vector of run ends of any width, without a copy. */
export function runIn(ends: Vector, row: number): number {
  return firstAbove(ends.length, row, (run) => runEndAt(ends, run));
}

/** End of run `run` of a vector of run ends. */
export function runEndAt(ends: Vector, run: number): number {
  const bytes = ends.buffers[1] ?? new Uint8Array(0);
  const bitWidth = ends.type.id === 'int' ? ends.type.bitWidth : 32;
  if (bitWidth === 16) return (bytes[2 * run] ?? 0) | ((bytes[2 * run + 1] ?? 0) << 8);
  return offsetAt(bytes, bitWidth === 64, run);
}

function firstAbove(count: number, row: number, endOf: (run: number) => number): number {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (endOf(middle) > row) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Memory of `words` as bytes. */
export function bytesOfWords(words: Uint32Array | Int32Array | Int16Array): Uint8Array {
  return new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
}

/** 64-bit values from their low words. */
export function widen(low: Uint32Array): Uint8Array {
  const words = new Uint32Array(low.length * 2);
  for (let i = 0; i < low.length; i++) words[2 * i] = low[i] ?? 0;
  return bytesOfWords(words);
}

type RunEndType = Extract<DataType, { id: 'run_end' }>;

/** Run ends in the width of their type. */
export function narrow(ends: Uint32Array, type: RunEndType): Uint8Array {
  const { bitWidth } = type.runEnds.type as IntType;
  if (bitWidth === 64) return widen(ends);
  return bitWidth === 32 ? bytesOfWords(ends) : bytesOfWords(Int16Array.from(ends));
}
