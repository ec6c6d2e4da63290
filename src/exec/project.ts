/**
 * Project: computes columns.
 *
 * Hides nothing. Invariants: bare columns pass without being looked at; order is kept; nothing is held across batches.
 */
import type { PhysicalPlan } from '../plan/physical.ts';
import { compileExpr } from './evaluate.ts';
import type { RowStream } from './operator.ts';

/** Computes the expressions for each batch of the input. */
export async function* runProject(plan: Extract<PhysicalPlan, { kind: 'project' }>, input: RowStream): RowStream {
  const evaluators = plan.exprs.map((expr) => (expr.kind === 'column' ? expr.index : compileExpr(expr)));
  for await (const rows of input) {
    yield rows.arrange(evaluators.map((evaluate) => (typeof evaluate === 'number' ? evaluate : evaluate(rows))));
  }
}
