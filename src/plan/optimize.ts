/**
 * The passes, in order.
 *
 * Hides nothing: this list is the optimiser. Invariants: a pass never changes the plan's schema; the plan is
 * verified after each; any pass can be switched off by name and the answers stay the same.
 */
import { sameType } from '../arrow/type.ts';
import { assert } from '../base/assert.ts';
import type { LogicalPlan } from './logical.ts';
import { verifyPlan } from './logical.ts';
import { boundScans } from './pass-bounds.ts';
import { countRows } from './pass-count.ts';
import { pushFilters } from './pass-filter.ts';
import { foldConstants } from './pass-fold.ts';
import { pushLimits } from './pass-limit.ts';
import { removeProjects } from './pass-project.ts';
import { pruneColumns } from './pass-prune.ts';

export type PassName =
  | 'fold_constants'
  | 'push_filters'
  | 'prune_columns'
  | 'scan_bounds'
  | 'remove_projects'
  | 'count_rows'
  | 'push_limits';

const PASSES: readonly (readonly [name: PassName, run: (plan: LogicalPlan) => LogicalPlan])[] = [
  ['fold_constants', foldConstants],
  ['push_filters', pushFilters],
  ['prune_columns', pruneColumns],
  ['scan_bounds', boundScans],
  ['remove_projects', removeProjects],
  ['count_rows', countRows],
  ['push_limits', pushLimits],
];

/** Names of all passes, in the order in which they run. */
export const PASS_NAMES: readonly PassName[] = PASSES.map(([name]) => name);

/** Runs every pass that is not in `disabled`. */
export function optimize(plan: LogicalPlan, disabled: readonly PassName[]): LogicalPlan {
  verifyPlan(plan, 'bind');
  let current = plan;
  for (const [name, run] of PASSES) {
    if (disabled.includes(name)) continue;
    const made = run(current);
    if (made === current) continue;
    current = made;
    verifyPlan(current, name);
    verifySchema(plan, current, name);
  }
  return current;
}

function verifySchema(before: LogicalPlan, after: LogicalPlan, pass: PassName): void {
  const [old, made] = [before.schema.fields, after.schema.fields];
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
