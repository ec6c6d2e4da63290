/**
 * Pass `remove_projects`: projections that only pass columns on disappear.
 *
 * Hides when a scan can do a projection's work. Invariants: the output's schema does not change; a projection that
 * computes, renames or repeats stays. This pass makes `SELECT * FROM t` a bare scan, which doors send as the bytes
 * that are stored.
 */
import type { Field, Schema } from '../arrow/schema.ts';
import type { Expr } from './expr.ts';
import { mapColumns } from './expr-walk.ts';
import type { LogicalPlan } from './logical.ts';
import { mapPlan } from './logical.ts';

/** The whole plan without needless projections. */
export function removeProjects(plan: LogicalPlan): LogicalPlan {
  return mapPlan(plan, (operator) => (operator.kind === 'project' ? removeProject(operator) : operator));
}

type Project = Extract<LogicalPlan, { kind: 'project' }>;

function removeProject(project: Project): LogicalPlan {
  const { input, schema } = project;
  if (input.kind === 'project') {
    const exprs = project.exprs.map((expr) => mapColumns(expr, (column) => input.exprs[column.index] ?? column));
    // Substituting an expression that is used twice would compute it twice.
    if (isCheap(input.exprs) || usesOnce(project.exprs))
      return removeProject({ ...project, input: input.input, exprs });
    return project;
  }
  const places = project.exprs.map((expr) => (expr.kind === 'column' ? expr.index : -1));
  const isIdentity = places.length === input.schema.fields.length && places.every((place, i) => place === i);
  // An aggregate and values make their rows under whatever names they are given.
  if (isIdentity && input.kind === 'aggregate') return { ...input, schema };
  if (isIdentity && input.kind === 'values') {
    return { ...input, schema, batches: input.batches.map((batch) => ({ ...batch, schema })) };
  }
  if (!places.every((place, i) => sameField(input.schema.fields[place], schema.fields[i]))) return project;
  if (isIdentity) return relabel(input, schema);
  if ((input.kind !== 'scan' && input.kind !== 'shared') || new Set(places).size !== places.length) return project;
  return { ...input, schema, columns: places.map((place) => input.columns[place] as number) };
}

function isCheap(exprs: readonly Expr[]): boolean {
  return exprs.every((expr) => expr.kind === 'column' || expr.kind === 'literal');
}

function usesOnce(exprs: readonly Expr[]): boolean {
  const seen = new Set<number>();
  let once = true;
  for (const expr of exprs) {
    mapColumns(expr, (column) => {
      once &&= !seen.has(column.index);
      seen.add(column.index);
      return column;
    });
  }
  return once;
}

function sameField(a: Field | undefined, b: Field | undefined): boolean {
  if (a === undefined || b === undefined) return false;
  const sameMetadata = a.metadata === b.metadata || JSON.stringify(a.metadata) === JSON.stringify(b.metadata);
  return a.name === b.name && a.type === b.type && a.nullable === b.nullable && sameMetadata;
}

/** `plan` under `schema`, which differs in its own metadata at most. */
function relabel(plan: LogicalPlan, schema: Schema): LogicalPlan {
  if (plan.schema.metadata === schema.metadata) return plan;
  if (plan.schema.metadata.length === 0 && schema.metadata.length === 0) return plan;
  switch (plan.kind) {
    case 'scan':
    case 'project':
    case 'aggregate':
      return { ...plan, schema };
    case 'values':
      return { ...plan, schema, batches: plan.batches.map((batch) => ({ ...batch, schema })) };
    case 'shared':
    case 'working':
    case 'join':
    case 'window':
    case 'union':
    case 'recursive':
    case 'unnest':
      return plan;
    default: {
      const input = relabel(plan.input, schema);
      return { ...plan, schema: input.schema, input };
    }
  }
}
