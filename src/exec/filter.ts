/**
 * Filter: keeps the rows whose condition is true.
 *
 * Hides selections. Invariants: order is kept; a batch that is wholly true passes untouched, one without a true row
 * is left out; nothing is held across batches.
 */
import { selectedRows, trueRows } from '../function/compare-kernel.ts';
import type { PhysicalPlan } from '../plan/physical.ts';
import { compileExpr } from './evaluate.ts';
import { gather } from '../function/gather.ts';
import type { Batches } from './operator.ts';
import { rowsOf } from './rows.ts';

/** Filters the input. */
export async function* runFilter(plan: Extract<PhysicalPlan, { kind: 'filter' }>, input: Batches): Batches {
  const condition = compileExpr(plan.condition);
  for await (const batch of input) {
    const { bits, count } = trueRows(condition(rowsOf(batch)));
    if (count === 0) continue;
    if (count === batch.rowCount) {
      yield batch;
      continue;
    }
    const rows = selectedRows(bits, batch.rowCount, count);
    yield { schema: plan.schema, rowCount: count, columns: batch.columns.map((column) => gather(column, rows)) };
  }
}
