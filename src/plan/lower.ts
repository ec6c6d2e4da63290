/**
 * Logical plan to physical plan.
 *
 * Hides which physical operators stand for a logical one. Invariant: the schema does not change.
 */
import type { Expr } from './expr.ts';
import type { LogicalPlan } from './logical.ts';
import type { PhysicalPlan } from './physical.ts';

/** The physical plan that runs `plan`. */
export function lowerPlan(plan: LogicalPlan): PhysicalPlan {
  switch (plan.kind) {
    case 'scan':
    case 'values':
      return plan;
    case 'filter':
    case 'project':
    case 'aggregate':
    case 'sort':
    case 'limit':
      return { ...plan, input: lowerPlan(plan.input) };
    case 'distinct': {
      // Distinct rows are groups without aggregates, in order of first appearance.
      const groups = plan.schema.fields.map(({ name, type, nullable }, index): Expr => {
        return { kind: 'column', index, name, type, nullable, span: { start: 0, end: 0 } };
      });
      return { kind: 'aggregate', schema: plan.schema, input: lowerPlan(plan.input), groups, aggregates: [] };
    }
  }
}
