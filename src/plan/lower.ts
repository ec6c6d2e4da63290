/**
 * Logical plan to physical plan.
 *
 * Hides which physical operators stand for a logical one. Invariants: the schema does not change; each shared plan
 * becomes one object, which its readers share.
 */
import { present } from '../base/assert.ts';
import { columnOf } from './expr-walk.ts';
import type { LogicalPlan, LogicalQuery } from './logical.ts';
import type { PhysicalPlan, SharedRows } from './physical.ts';

/** The physical plan that runs a query. */
export function lowerPlan(query: LogicalQuery): PhysicalPlan {
  const shared = new Map<number, SharedRows>();
  for (const [id, plan] of query.shared) shared.set(id, { id, plan: lower(plan, shared) });
  return lower(query.plan, shared);
}

function lower(plan: LogicalPlan, shared: ReadonlyMap<number, SharedRows>): PhysicalPlan {
  switch (plan.kind) {
    case 'scan':
    case 'values':
    case 'working':
      return plan;
    case 'shared': {
      const rows = present(shared.get(plan.id), 'a shared plan');
      return { kind: 'shared', schema: plan.schema, rows, columns: plan.columns };
    }
    case 'filter':
    case 'project':
    case 'aggregate':
    case 'window':
    case 'sort':
    case 'unnest':
      return { ...plan, input: lower(plan.input, shared) };
    case 'limit': {
      const counts = plan.counts === undefined ? undefined : lower(plan.counts, shared);
      return { ...plan, input: lower(plan.input, shared), counts };
    }
    case 'join':
      return { ...plan, left: lower(plan.left, shared), right: lower(plan.right, shared) };
    case 'union':
      return { ...plan, inputs: plan.inputs.map((input) => lower(input, shared)) };
    case 'recursive':
      return { ...plan, base: lower(plan.base, shared), step: lower(plan.step, shared) };
    case 'distinct': {
      // Distinct rows are groups without aggregates, in order of first appearance.
      const groups = plan.schema.fields.map((field, index) => columnOf(index, field, { start: 0, end: 0 }));
      return { kind: 'aggregate', schema: plan.schema, input: lower(plan.input, shared), groups, aggregates: [] };
    }
  }
}
