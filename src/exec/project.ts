/**
 * Project: computes columns.
 *
 * Hides nothing. Invariants: bare columns pass without a copy; order is kept; nothing is held across batches.
 */
import type { PhysicalPlan } from '../plan/physical.ts';
import { compileExpr } from './evaluate.ts';
import type { Batches } from './operator.ts';
import { rowsOf } from './rows.ts';

/** Computes the expressions for each batch of the input. */
export async function* runProject(plan: Extract<PhysicalPlan, { kind: 'project' }>, input: Batches): Batches {
  const evaluators = plan.exprs.map(compileExpr);
  for await (const batch of input) {
    const rows = rowsOf(batch);
    yield { schema: plan.schema, rowCount: batch.rowCount, columns: evaluators.map((evaluate) => evaluate(rows)) };
  }
}
