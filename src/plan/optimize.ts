/**
 * The passes, in order.
 *
 * Hides nothing: this list is the optimiser. Invariants: a pass never changes the plan's schema; the plan is
 * verified after each; any pass can be switched off by name and the answers stay the same.
 */
import { sameType } from '../arrow/type.ts';
import { assert } from '../base/assert.ts';
import type { LogicalPlan, LogicalQuery } from './logical.ts';
import { boundScans } from './pass-bounds.ts';
import { countRows } from './pass-count.ts';
import { pushFilters } from './pass-filter.ts';
import { splitDistinct } from './pass-distinct.ts';
import { foldConstants } from './pass-fold.ts';
import { orderJoins } from './pass-join-order.ts';
import { holdSmallerSides } from './pass-join-side.ts';
import { pushLimits } from './pass-limit.ts';
import { removeProjects } from './pass-project.ts';
import { pruneColumns } from './pass-prune.ts';
import { pushSemiJoins } from './pass-semi-join.ts';
import { verifyQuery } from './verify.ts';

export type PassName =
  | 'fold_constants'
  | 'push_filters'
  | 'push_semi_joins'
  | 'order_joins'
  | 'hold_smaller_sides'
  | 'prune_columns'
  | 'split_distinct'
  | 'scan_bounds'
  | 'remove_projects'
  | 'count_rows'
  | 'push_limits';

/** A pass that looks at each plan of a query by itself. */
function eachPlan(rewrite: (plan: LogicalPlan) => LogicalPlan): (query: LogicalQuery) => LogicalQuery {
  return (query) => {
    const plan = rewrite(query.plan);
    const shared = new Map([...query.shared].map(([id, one]) => [id, rewrite(one)]));
    const isSame = plan === query.plan && [...shared].every(([id, one]) => one === query.shared.get(id));
    return isSame ? query : { plan, shared };
  };
}

const PASSES: readonly (readonly [name: PassName, run: (query: LogicalQuery) => LogicalQuery])[] = [
  ['fold_constants', eachPlan(foldConstants)],
  ['push_filters', eachPlan(pushFilters)],
  ['push_semi_joins', eachPlan(pushSemiJoins)],
  ['order_joins', eachPlan(orderJoins)],
  ['hold_smaller_sides', eachPlan(holdSmallerSides)],
  ['prune_columns', pruneColumns],
  ['split_distinct', eachPlan(splitDistinct)],
  ['scan_bounds', eachPlan(boundScans)],
  ['remove_projects', eachPlan(removeProjects)],
  ['count_rows', eachPlan(countRows)],
  ['push_limits', eachPlan(pushLimits)],
];

/** Names of all passes, in the order in which they run. */
export const PASS_NAMES: readonly PassName[] = PASSES.map(([name]) => name);

/** Runs every pass that is not in `disabled`. */
export function optimize(query: LogicalQuery, disabled: readonly PassName[]): LogicalQuery {
  verifyQuery(query, 'bind');
  let current = query;
  for (const [name, run] of PASSES) {
    if (disabled.includes(name)) continue;
    const made = run(current);
    if (made === current) continue;
    current = made;
    verifyQuery(current, name);
    verifySchema(query, current, name);
  }
  return current;
}

function verifySchema(before: LogicalQuery, after: LogicalQuery, pass: PassName): void {
  const [old, made] = [before.plan.schema.fields, after.plan.schema.fields];
  assert(
    old.length === made.length,
    () => `${pass}: the result has ${made.length.toString()} columns, not ${old.length.toString()}`,
  );
  old.forEach((field, i) => {
    const other = made[i];
    const same =
      other !== undefined &&
      other.name === field.name &&
      other.nullable === field.nullable &&
      sameType(other.type, field.type);
    assert(same, () => `${pass}: column ${i.toString()} of the result changed`);
  });
}
