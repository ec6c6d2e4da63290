/**
 * How much memory vectors hold.
 *
 * Hides nesting. Invariant: buffers are counted at their own length, so views on larger memory count only what they
 * show.
 */
import type { Vector } from '../arrow/vector.ts';

/** Bytes of a vector's buffers and children; dictionaries are shared and left out. */
export function vectorBytes(vector: Vector): number {
  let bytes = 0;
  for (const buffer of vector.buffers) bytes += buffer.byteLength;
  for (const child of vector.children) bytes += vectorBytes(child);
  return bytes;
}

/** Bytes of all columns together. */
export function columnsBytes(columns: readonly Vector[]): number {
  return columns.reduce((sum, column) => sum + vectorBytes(column), 0);
}
