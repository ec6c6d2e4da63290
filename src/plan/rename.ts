/**
 * New names for the columns of a plan: `t(a, b)` and `WITH t(a, b)`.
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
  const picked = pickColumns(
    plan,
    fields.map((_, i) => i),
  );
  const renamed = fields.map((field, i) => ({ ...field, name: names[i]?.name ?? field.name }));
  return { ...picked, schema: { ...picked.schema, fields: renamed } };
}
