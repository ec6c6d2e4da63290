/**
 * Filter: keeps the rows whose condition is true.
 *
 * Hides selections. Invariants: order is kept; rows that are all wanted pass untouched, those of which none is are left
 * out; nothing is gathered but what the condition reads, and nothing held across batches.
 */
import { selectedRows, trueRows } from '../function/compare-kernel.ts';
import type { PhysicalPlan } from '../plan/physical.ts';
import { compileExpr } from './evaluate.ts';
import type { RowStream } from './operator.ts';

/** Filters the input. */
export async function* runFilter(plan: Extract<PhysicalPlan, { kind: 'filter' }>, input: RowStream): RowStream {
  const condition = compileExpr(plan.condition);
  for await (const rows of input) {
    const { rowCount } = rows;
    const { bits, count } = trueRows(condition(rows));
    if (count === rowCount) yield rows;
    else if (count > 0) yield rows.pick(selectedRows(bits, rowCount, count));
  }
}
