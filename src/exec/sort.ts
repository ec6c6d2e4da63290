/**
 * Sort, and top-N when only the first rows are wanted.
 *
 * Hides keys and their words. Invariants: stable; without a limit everything is held (bounded by the query's memory);
 * with one, what top-rows.ts holds. What a top-N still wants goes down to its input as a filter.
 */
import { BATCH_ROWS_MAX } from '../base/limits.ts';
import type { PhysicalPlan } from '../plan/physical.ts';
import { gather } from '../function/gather.ts';
import type { RowFilters } from './key-filter.ts';
import { step } from './operator.ts';
import type { Batches, RowStream, RunContext } from './operator.ts';
import { rowsOf } from './rows.ts';
import { joinRuns, runBytes, SortShape } from './sort-run.ts';
import type { Run } from './sort-run.ts';
import { TopRows } from './top-rows.ts';
import { paced } from './work.ts';

type SortPlan = Extract<PhysicalPlan, { kind: 'sort' }>;

async function* emit(runs: readonly Run[], shape: SortShape, plan: SortPlan, context: RunContext): Batches {
  if (runs.length === 0) return;
  const joined = await paced(joinRuns(runs), context);
  const order = await paced(shape.orderOf(joined), context);
  const end = Math.min(plan.limit ?? Infinity, joined.rowCount);
  for (let start = 0; start < end; start += BATCH_ROWS_MAX) {
    await step(context);
    const rows = order.subarray(start, Math.min(start + BATCH_ROWS_MAX, end));
    yield {
      schema: plan.schema,
      rowCount: rows.length,
      columns: joined.columns.slice(0, shape.width).map((column) => gather(column, rows)),
    };
  }
}

/** Sorts the whole input. */
export async function* runSort(plan: SortPlan, input: Batches, context: RunContext): Batches {
  const shape = new SortShape(plan.keys, plan.schema.fields.length);
  const runs: Run[] = [];
  let held = 0;
  for await (const batch of input) {
    const run = shape.runOf(rowsOf(batch));
    runs.push(run);
    // Joining needs the rows a second time.
    held = context.memory.change('ORDER BY', held, held + 2 * runBytes(run));
  }
  await step(context);
  yield* emit(runs, shape, plan, context);
  context.memory.change('ORDER BY', held, 0);
}

/** The first `limit` rows of the input, which `open` gives without rows that the filters leave out. */
export async function* runTop(
  plan: SortPlan,
  limit: number,
  open: (filters: RowFilters) => RowStream,
  context: RunContext,
): Batches {
  if (limit === 0) return;
  const shape = new SortShape(plan.keys, plan.schema.fields.length);
  const top = new TopRows(shape, limit);
  const lead = plan.keys[0]?.expr;
  let held = 0;
  for await (const rows of open(lead?.kind === 'column' ? [{ column: lead.index, bound: top.bound }] : [])) {
    top.add(rows);
    held = context.memory.change('ORDER BY', held, top.byteCount);
  }
  await step(context);
  context.profile?.leaveOut(plan, top.bound.leftOut);
  yield* emit(top.finish(), shape, plan, context);
  context.memory.change('ORDER BY', held, 0);
}
