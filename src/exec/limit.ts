/**
 * Limit and offset.
 *
 * Hides nothing. Invariants: order is kept; the input is closed as soon as the last row is out, and not opened for
 * LIMIT 0; nothing is held across batches.
 */
import { sliceBatch } from '../arrow/slice.ts';
import type { PhysicalPlan } from '../plan/physical.ts';
import type { Batches } from './operator.ts';

/** Yields rows [offset, offset + limit) of the input. */
export async function* runLimit(plan: Extract<PhysicalPlan, { kind: 'limit' }>, input: Batches): Batches {
  let skip = plan.offset;
  let left = plan.limit ?? Infinity;
  if (left === 0) {
    await input.return();
    return;
  }
  for await (const batch of input) {
    if (batch.rowCount <= skip) {
      skip -= batch.rowCount;
      continue;
    }
    const end = Math.min(batch.rowCount, skip + left);
    left -= end - skip;
    yield sliceBatch(batch, skip, end);
    skip = 0;
    if (left === 0) return;
  }
}
