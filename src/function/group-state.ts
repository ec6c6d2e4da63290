/**
 * Per-group state in typed arrays.
 *
 * Hides growth by doubling. Invariant: new elements are zero.
 */

/** `array` itself if it has `count` elements, else a copy of at least twice the length. */
export function grow(array: Float64Array<ArrayBuffer>, count: number): Float64Array<ArrayBuffer> {
  if (array.length >= count) return array;
  const grown = new Float64Array(Math.max(count, array.length * 2));
  grown.set(array);
  return grown;
}

/** The same for int32. */
export function growWords(array: Int32Array<ArrayBuffer>, count: number): Int32Array<ArrayBuffer> {
  if (array.length >= count) return array;
  const grown = new Int32Array(Math.max(count, array.length * 2));
  grown.set(array);
  return grown;
}

/** The same for flags. */
export function growFlags(array: Uint8Array<ArrayBuffer>, count: number): Uint8Array<ArrayBuffer> {
  if (array.length >= count) return array;
  const grown = new Uint8Array(Math.max(count, array.length * 2));
  grown.set(array);
  return grown;
}

/** The bitmap of the groups whose flag is set. */
export function flagBits(flags: Uint8Array, groupCount: number): Uint8Array {
  const bits = new Uint8Array((groupCount + 7) >> 3);
  for (let g = 0; g < groupCount; g++) if (flags[g] === 1) bits[g >> 3] = (bits[g >> 3] as number) | (1 << (g & 7));
  return bits;
}
