/**
 * Bitmaps: LSB first, as Arrow's validity and boolean buffers.
 *
 * Hides bit shifts. Invariants: results have exactly ceil(length / 8) bytes and zero bits past the last; inputs are
 * never written; where no shift is needed the result is a view. Source: Arrow columnar format, "Validity bitmaps".
 */
import { typedView } from './vector.ts';

/** Bytes of a bitmap of `count` bits. */
export function bitmapBytes(count: number): number {
  return Math.ceil(count / 8);
}

/** True when bit `index` is 1. */
export function getBit(bits: Uint8Array, index: number): boolean {
  return (((bits[index >>> 3] ?? 0) >>> (index & 7)) & 1) === 1;
}

function popcount32(word: number): number {
  let v = word - ((word >>> 1) & 0x5555_5555);
  v = (v & 0x3333_3333) + ((v >>> 2) & 0x3333_3333);
  return Math.imul((v + (v >>> 4)) & 0x0f0f_0f0f, 0x0101_0101) >>> 24;
}

/** Number of 1s among the first `count` bits. */
export function countOnes(bits: Uint8Array, count: number): number {
  const words = Math.floor(count / 32);
  const view = typedView(Uint32Array, bits, words);
  let ones = 0;
  for (let i = 0; i < words; i++) ones += popcount32(view[i] ?? 0);
  for (let at = words * 32; at < count; at += 8) {
    const left = count - at;
    const mask = left >= 8 ? 0xff : (1 << left) - 1;
    ones += popcount32((bits[at >>> 3] ?? 0) & mask);
  }
  return ones;
}

/** Bits [start, end) as a bitmap of their own: a view when `start` is a multiple of 8 and the tail is zero already. */
export function sliceBits(bits: Uint8Array, start: number, end: number): Uint8Array {
  const count = end - start;
  const length = bitmapBytes(count);
  const first = Math.floor(start / 8);
  const shift = start & 7;
  const tail = count & 7;
  const tailMask = tail === 0 ? 0xff : (1 << tail) - 1;
  if (shift === 0) {
    const view = bits.subarray(first, first + length);
    const last = view[length - 1] ?? 0;
    if ((last & ~tailMask) === 0) return view;
    const copy = new Uint8Array(view);
    copy[length - 1] = last & tailMask;
    return copy;
  }
  const out = new Uint8Array(length);
  for (let i = 0; i < length; i++) {
    out[i] = ((bits[first + i] ?? 0) >>> shift) | ((bits[first + i + 1] ?? 0) << (8 - shift));
  }
  if (length > 0) out[length - 1] = (out[length - 1] ?? 0) & tailMask;
  return out;
}

/** Writes `count` bits of `bits` from its first one on into `out` at bit `at`; the bits of `out` there must be 0. */
export function putBits(out: Uint8Array, at: number, bits: Uint8Array, count: number): void {
  const shift = at & 7;
  const first = Math.floor(at / 8);
  const exact = sliceBits(bits, 0, count);
  if (shift === 0) {
    out.set(exact, first);
    return;
  }
  for (let i = 0; i < exact.length; i++) {
    const byte = exact[i] ?? 0;
    out[first + i] = (out[first + i] ?? 0) | (byte << shift);
    const carry = byte >>> (8 - shift);
    if (carry !== 0) out[first + i + 1] = carry;
  }
}

/** Sets `count` bits of `out` from bit `at` on. */
export function fillOnes(out: Uint8Array, at: number, count: number): void {
  const end = at + count;
  let i = at;
  for (; i < end && (i & 7) !== 0; i++) out[i >>> 3] = (out[i >>> 3] ?? 0) | (1 << (i & 7));
  const bytes = Math.floor((end - i) / 8);
  if (bytes > 0) out.fill(0xff, i / 8, i / 8 + bytes);
  for (i += bytes * 8; i < end; i++) out[i >>> 3] = (out[i >>> 3] ?? 0) | (1 << (i & 7));
}
