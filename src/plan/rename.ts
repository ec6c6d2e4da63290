/**
 * New names for the columns of a plan: `t(a, b)` and `WITH t(a, b)`, and for those that are called alike.
 *
 * Hides nothing. Invariant: only names change.
 */
import type { Identifier } from '../sql/ast.ts';
import { quoteText, sqlError } from '../sql/frame.ts';
import type { LogicalPlan } from './logical.ts';
import { pickColumns } from './logical.ts';

/** The plan with its first columns under `names`; `what` is named in the error. @throws `sql_bind` for too many */
export function renameColumns(
  sql: string,
  plan: LogicalPlan,
  names: readonly Identifier[],
  what: string,
): LogicalPlan {
  if (names.length === 0) return plan;
  const { fields } = plan.schema;
  const extra = names[fields.length];
  if (extra !== undefined) {
    const counts = `${names.length.toString()} names are given to ${quoteText(what)}, which has ${fields.length.toString()}`;
    throw sqlError('sql_bind', sql, extra.span, `${counts} column${fields.length === 1 ? '' : 's'}`);
  }
  return withNames(
    plan,
    fields.map((field, i) => names[i]?.name ?? field.name),
  );
}

function withNames(plan: LogicalPlan, names: readonly string[]): LogicalPlan {
  const { fields } = plan.schema;
  const picked = pickColumns(plan, [...fields.keys()]);
  const renamed = fields.map((field, i) => ({ ...field, name: names[i] ?? field.name }));
  return { ...picked, schema: { ...picked.schema, fields: renamed } };
}

/** The plan with columns of the same name told apart as DuckDB does: `a`, `a_1`, `a_2`. */
export function tellApart(plan: LogicalPlan): LogicalPlan {
  const given = plan.schema.fields.map(({ name }) => name);
  if (new Set(given).size === given.length) return plan;
  const counts = new Map<string, number>();
  const names = given.map((name) => {
    let own = name;
    while (counts.has(own)) {
      const count = (counts.get(name) ?? 0) + 1;
      counts.set(name, count);
      own = `${name}_${count.toString()}`;
    }
    counts.set(own, 0);
    return own;
  });
  return withNames(plan, names);
}
