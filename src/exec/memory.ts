/**
 * How much memory vectors hold.
 *
 * Hides nothing. Invariant: buffers are counted at their own length, so views on larger memory count only what they
 * show.
 */
import type { Vector } from '../arrow/vector.ts';
import { vectorBytes } from '../arrow/vector.ts';

/** Bytes of all columns together. */
export function columnsBytes(columns: readonly Vector[]): number {
  return columns.reduce((sum, column) => sum + vectorBytes(column), 0);
}
