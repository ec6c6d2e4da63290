/**
 * Pass `push_filters`: conditions move towards the scan.
 *
 * Hides which operators a condition may pass. Invariants: a conjunct passes a projection by substitution, sorts and
 * DISTINCT as it is, and an aggregate only when it looks at group keys alone and there are any; nothing passes a
 * limit.
 */
import type { Expr } from './expr.ts';
import { conjunctionOf, conjunctsOf, forEachColumn, mapColumns } from './expr-walk.ts';
import type { LogicalPlan } from './logical.ts';
import { makeFilter, mapInput } from './logical.ts';

/** The whole plan with its filters pushed down and adjacent ones joined. */
export function pushFilters(plan: LogicalPlan): LogicalPlan {
  if (plan.kind !== 'filter') return mapInput(plan, pushFilters);
  return push(plan.input, conjunctsOf(plan.condition));
}

/** `plan` filtered by `conjuncts`, each as deep as it may go. */
function push(plan: LogicalPlan, conjuncts: readonly Expr[]): LogicalPlan {
  switch (plan.kind) {
    case 'filter':
      return push(plan.input, [...conjunctsOf(plan.condition), ...conjuncts]);
    case 'project': {
      const substituted = conjuncts.map((conjunct) => substitute(conjunct, plan.exprs));
      return { ...plan, input: push(plan.input, substituted) };
    }
    case 'sort':
      if (plan.limit !== undefined) break;
      return mapInput(plan, (input) => push(input, conjuncts));
    case 'distinct':
      return mapInput(plan, (input) => push(input, conjuncts));
    case 'aggregate': {
      const below = conjuncts.filter((conjunct) => readsOnly(conjunct, plan.groups.length));
      const above = conjuncts.filter((conjunct) => !below.includes(conjunct));
      const substituted = below.map((conjunct) => substitute(conjunct, plan.groups));
      const input = substituted.length === 0 ? pushFilters(plan.input) : push(plan.input, substituted);
      return filtered({ ...plan, input }, above);
    }
    case 'scan':
    case 'values':
    case 'limit':
      break;
  }
  return filtered(mapInput(plan, pushFilters), conjuncts);
}

function filtered(input: LogicalPlan, conjuncts: readonly Expr[]): LogicalPlan {
  const condition = conjunctionOf(conjuncts);
  return condition === undefined ? input : makeFilter(input, condition);
}

function substitute(expr: Expr, exprs: readonly Expr[]): Expr {
  return mapColumns(expr, (column) => exprs[column.index] ?? column);
}

/** True when the expression reads a column, and only ones before `count`. */
function readsOnly(expr: Expr, count: number): boolean {
  let columns = 0;
  let within = true;
  forEachColumn(expr, (column) => {
    columns++;
    within &&= column.index < count;
  });
  return columns > 0 && within;
}
