/**
 * RETURNING: a list over the rows that a statement adds, changes or takes away.
 *
 * Hides that it is a SELECT over rows which are not there yet. Invariant: its rows are the table's columns: of UPDATE
 * with their new values, of DELETE with their last.
 */
import type { Identifier, SelectItem } from '../sql/ast.ts';
import { coverSpans } from '../sql/ast.ts';
import { sqlError } from '../sql/frame.ts';
import { plainSelect } from '../sql/plain-select.ts';
import type { BindCatalog } from './bind-catalog.ts';
import { makeBinding } from './bind-query.ts';
import { bindSelect } from './bind-select.ts';
import { CollectedRows } from './changed-rows.ts';
import { scanAll } from './logical.ts';
import { lowerPlan } from './lower.ts';
import type { PassName } from './optimize.ts';
import { optimize } from './optimize.ts';
import type { Returning } from './physical.ts';
import type { CatalogTable } from './scope.ts';
import { Scope } from './scope.ts';

/** Binds RETURNING; undefined when there is none. @throws `sql_bind` for what is no expression over one row */
export function bindReturning(
  sql: string,
  items: readonly SelectItem[],
  table: CatalogTable,
  alias: Identifier | undefined,
  around: { readonly catalog: BindCatalog; readonly disabledPasses: readonly PassName[] },
): Returning | undefined {
  const [first] = items;
  const last = items.at(-1);
  if (first === undefined || last === undefined) return undefined;
  const span = coverSpans(first.span, last.span);
  const { name, schema } = table;
  const rows = new CollectedRows(schema);
  const scan = scanAll(name, rows);
  const binding = makeBinding(sql, around.catalog);
  const scope = Scope.of(sql, table, alias);
  const from = { plan: scan, scope, depth: 0 };
  const { plan } = bindSelect(binding, plainSelect(items, undefined, span), new Map(), undefined, from);
  if (plan.kind !== 'project' || plan.input !== scan) {
    const message = 'RETURNING takes expressions over the columns of one row: no aggregates, windows and subqueries';
    throw sqlError('sql_bind', sql, span, message);
  }
  const query = { plan, shared: binding.shared.plans };
  return { plan: lowerPlan(optimize(query, around.disabledPasses)), rows };
}
