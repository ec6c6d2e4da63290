/**
 * Queries: WITH, and what stands around SELECT, set operations and VALUES.
 *
 * Hides which kind is bound where. Invariant: queries of WITH are bound once, in order, each seeing those before it.
 */
import { SQL_DEPTH_MAX } from '../base/limits.ts';
import { foldName } from '../base/names.ts';
import type { CommonTable, Query } from '../sql/ast.ts';
import { quoteText, sqlError } from '../sql/frame.ts';
import { bindLimit } from './bind-limit.ts';
import { bindOrder, bindOrderOfSets } from './bind-order.ts';
import { bindRecursive } from './bind-recursive.ts';
import { bindSelect } from './bind-select.ts';
import { bindSetOperation } from './bind-union.ts';
import { bindValues } from './bind-values.ts';
import type { BindCatalog } from './bind-catalog.ts';
import type { Binding, Bound, BoundViews, CommonRows, CommonTables, OuterColumns } from './binding.ts';
import { SharedPlans } from './binding.ts';
import { hasOuter } from './decorrelate.ts';
import type { LogicalQuery } from './logical.ts';
import { renameColumns } from './rename.ts';
import { inlineShared } from './share.ts';
import { SubqueryList } from './subquery.ts';

/** Binds a statement's query; `common` is a WITH before the statement. @throws `sql_bind`, `sql_unsupported`, `limit_exceeded` */
export function bindQuery(
  sql: string,
  query: Query,
  catalog: BindCatalog,
  common: readonly CommonTable[] = [],
): LogicalQuery {
  const binding = makeBinding(sql, catalog);
  const { plan } = binding.bind(query, bindCommon(binding, common), undefined);
  return inlineShared({ plan, shared: binding.shared.plans });
}

/** What binds the queries of a statement. */
export function makeBinding(sql: string, catalog: BindCatalog): Binding {
  return bindingOver(sql, catalog, new SharedPlans(), { bound: new Map(), open: [] });
}

function bindingOver(sql: string, catalog: BindCatalog, shared: SharedPlans, views: BoundViews): Binding {
  const binding: Binding = {
    sql,
    catalog,
    shared,
    views,
    bind: (inner, common, outer) => bindInner(binding, inner, common, outer),
    over: (text, other) => bindingOver(text, other, shared, views),
    apart: () => bindingOver(sql, catalog, new SharedPlans(), { bound: new Map(), open: [...views.open] }),
  };
  return binding;
}

function bindInner(binding: Binding, query: Query, around: CommonTables, outer: OuterColumns | undefined): Bound {
  const common = bindCommon(binding, query.common, around, outer);
  const bound = bindBody(binding, query, common, outer);
  // The text bounds how deep parentheses go, but a query of WITH can stand on any number of others.
  if (bound.depth <= SQL_DEPTH_MAX) return bound;
  const message = `queries stand on one another more than ${SQL_DEPTH_MAX.toString()} levels deep`;
  const span = (query.kind === 'select' ? query.from?.span : undefined) ?? query.span;
  throw sqlError('limit_exceeded', binding.sql, span, message, 'join some of them into one');
}

function bindBody(binding: Binding, query: Query, common: CommonTables, outer: OuterColumns | undefined): Bound {
  switch (query.kind) {
    case 'select':
      return bindSelect(binding, query, common, outer);
    case 'set_operation': {
      const left = binding.bind(query.left, common, outer);
      const right = binding.bind(query.right, common, outer);
      const { plan, find } = bindSetOperation(binding.sql, query, left, right);
      const ordered = bindOrderOfSets(binding.sql, query, plan, find);
      return { plan: bindLimit(binding.sql, query, ordered), depth: 1 + Math.max(left.depth, right.depth), find };
    }
    case 'values_query': {
      const plan = bindOrder(binding.sql, query, bindValues(binding, query, common, outer));
      const list = new SubqueryList(binding.sql, binding.shared);
      return { plan: bindLimit(binding.sql, query, plan, { binding, common, list }), depth: 1 };
    }
  }
}

/** The queries of a WITH, beside those `around` it. @throws as `bindQuery` */
export function bindCommon(
  binding: Binding,
  tables: readonly CommonTable[],
  around: CommonTables = new Map(),
  outer?: OuterColumns,
): CommonTables {
  if (tables.length === 0) return around;
  const known = new Map(around);
  const taken = new Set<string>();
  for (const table of tables) {
    const name = table.name.name;
    const key = foldName(name);
    if (taken.has(key))
      throw sqlError('sql_bind', binding.sql, table.name.span, `WITH names ${quoteText(name)} twice`);
    taken.add(key);
    const bound =
      bindRecursive(binding, table, known, outer) ??
      renamed(binding.sql, table, binding.bind(table.query, known, outer));
    known.set(key, commonRows(binding, name, bound, outer));
  }
  return known;
}

function renamed(sql: string, { name, columns }: CommonTable, { plan, depth }: Bound): Bound {
  return { plan: renameColumns(sql, plan, columns, name.name), depth };
}

function commonRows(
  binding: Binding,
  name: string,
  { plan, depth }: Bound,
  outer: OuterColumns | undefined,
): CommonRows {
  // What reads columns of the query around it means other rows for each of that one's, and cannot be shared.
  if (hasOuter(plan)) return { name, depth, read: () => plan, outer };
  const id = binding.shared.add(plan);
  return { name, depth, read: () => binding.shared.read(id), outer: undefined };
}
