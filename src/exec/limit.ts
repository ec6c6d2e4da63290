/**
 * Limit and offset.
 *
 * Hides nothing. Invariants: order is kept; the input is closed as soon as the last row is out, and not opened for
 * LIMIT 0; nothing is held across batches, but for a part of all rows, whose number is known at the end only.
 */
import type { RecordBatch } from '../arrow/batch.ts';
import { sliceBatch } from '../arrow/slice.ts';
import type { PhysicalPlan } from '../plan/physical.ts';
import { columnsBytes } from './memory.ts';
import type { Batches, RunContext } from './operator.ts';
import { step } from './operator.ts';

type LimitPlan = Extract<PhysicalPlan, { kind: 'limit' }>;

/** Yields rows [offset, offset + limit) of the input. */
export async function* runLimit(plan: LimitPlan, input: Batches, context: RunContext): Batches {
  if (plan.percent === undefined) yield* cut(input, plan.offset, plan.limit ?? Infinity);
  else yield* cutPart(plan.percent, plan.offset, input, context);
}

async function* cut(input: Batches, offset: number, limit: number): Batches {
  let skip = offset;
  let left = limit;
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

/** The first rows behind the offset, as many as the part of all rows, rounded down. */
async function* cutPart(percent: number, offset: number, input: Batches, context: RunContext): Batches {
  const batches: RecordBatch[] = [];
  let rowCount = 0;
  let held = 0;
  for await (const batch of input) {
    batches.push(batch);
    rowCount += batch.rowCount;
    held = context.memory.change('LIMIT in percent', held, held + columnsBytes(batch.columns));
  }
  async function* all(): Batches {
    for (const batch of batches) {
      await step(context);
      yield batch;
    }
  }
  yield* cut(all(), offset, Math.floor((rowCount * percent) / 100));
  context.memory.change('LIMIT in percent', held, 0);
}
