/**
 * Pass `push_limits`: a sort that is limited keeps only the rows wanted (top-N), and a scan is told how many rows
 * are enough.
 *
 * Hides nothing. Invariant: the limit operator stays and is what counts; below it are hints that pass only
 * operators which yield one row for each row they take.
 */
import type { LogicalPlan } from './logical.ts';
import { mapPlan } from './logical.ts';

/** The whole plan with its limits pushed down. */
export function pushLimits(plan: LogicalPlan): LogicalPlan {
  return mapPlan(plan, (operator) => {
    if (operator.kind !== 'limit' || operator.limit === undefined) return operator;
    const rows = Math.min(Number.MAX_SAFE_INTEGER, operator.limit + operator.offset);
    return { ...operator, input: hint(operator.input, rows) };
  });
}

function hint(plan: LogicalPlan, rows: number): LogicalPlan {
  switch (plan.kind) {
    case 'project':
      return { ...plan, input: hint(plan.input, rows) };
    case 'sort':
    case 'scan':
      return { ...plan, limit: Math.min(rows, plan.limit ?? rows) };
    default:
      return plan;
  }
}
