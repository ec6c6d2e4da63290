/**
 * Scan and values: the leaves of a plan.
 *
 * Hides the source. Invariants: batches pass through untouched but for their schema object, and for batches larger
 * than BATCH_ROWS_MAX, which are cut; nothing is held; a source that is left early is closed.
 */
import type { RecordBatch } from '../arrow/batch.ts';
import type { Schema } from '../arrow/schema.ts';
import { sliceBatch } from '../arrow/slice.ts';
import { BATCH_ROWS_MAX } from '../base/limits.ts';
import { makeCounter } from '../base/metrics.ts';
import type { PhysicalPlan } from '../plan/physical.ts';
import { boundsOf, movingBoundsOf } from './key-filter.ts';
import type { RowFilters } from './key-filter.ts';
import { step } from './operator.ts';
import type { Batches, RunContext } from './operator.ts';

const scannedRows = makeCounter('scan_rows_total', 'Rows that queries read of tables, to compute with');

function* cut(batch: RecordBatch, schema: Schema): Generator<RecordBatch> {
  const whole: RecordBatch = { schema, rowCount: batch.rowCount, columns: batch.columns };
  if (batch.rowCount <= BATCH_ROWS_MAX) {
    yield whole;
    return;
  }
  for (let start = 0; start < batch.rowCount; start += BATCH_ROWS_MAX) {
    yield sliceBatch(whole, start, Math.min(start + BATCH_ROWS_MAX, batch.rowCount));
  }
}

/** Reads a table; batches that `filters` leave nothing of may be left out. */
export async function* runScan(
  plan: Extract<PhysicalPlan, { kind: 'scan' }>,
  filters: RowFilters,
  context: RunContext,
): Batches {
  await step(context);
  const { columns, limit } = plan;
  const known = boundsOf(filters).map((bound) => ({ ...bound, column: columns[bound.column] as number }));
  const moving = movingBoundsOf(filters, columns, plan.schema);
  for await (const batch of plan.source.scan({ columns, bounds: [...plan.bounds, ...known], moving, limit })) {
    await step(context);
    scannedRows.inc(batch.rowCount);
    if (context.progress !== undefined) context.progress.scannedRows += batch.rowCount;
    yield* cut(batch, plan.schema);
    await step(context);
  }
}

/** Yields the batches that stand in the plan. */
export async function* runValues(plan: Extract<PhysicalPlan, { kind: 'values' }>, context: RunContext): Batches {
  for (const batch of plan.batches) {
    await step(context);
    yield* cut(batch, plan.schema);
  }
}
