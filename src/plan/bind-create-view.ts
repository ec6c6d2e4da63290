/**
 * CREATE VIEW and DROP VIEW.
 *
 * Hides which names are taken. Invariants: a view that is made can be read as things are; one that takes the place of
 * another is read by what reads that one, and still nothing reads itself.
 */
import type { Identifier, Query, Statement } from '../sql/ast.ts';
import { quoteText, sqlError } from '../sql/frame.ts';
import type { BindCatalog } from './bind-catalog.ts';
import { withView } from './bind-catalog.ts';
import { makeBinding } from './bind-query.ts';
import { namedIn } from './needs.ts';
import { checkNewName, checkNewTableName } from './new-name.ts';
import type { PlannedStatement, PlanView } from './physical.ts';
import { renameColumns } from './rename.ts';
import { findTable, lookUpTable, lookUpView, tableNameOf } from './scope.ts';
import { engineTableOf } from './system-name.ts';

/** Binds CREATE VIEW. @throws `sql_bind`, `sql_unsupported`, `limit_exceeded`, `already_exists` for a table's name */
export function bindCreateView(
  sql: string,
  statement: Extract<Statement, { kind: 'create_view' }>,
  catalog: BindCatalog,
): PlannedStatement {
  const { query, columns, ifNotExists, orReplace, text } = statement;
  const name = tableNameOf(sql, statement.view);
  const named = statement.view.path.at(-1) as Identifier;
  checkNewTableName(sql, named);
  for (const column of columns) checkNewName(sql, column);
  const table = lookUpTable(sql, catalog, statement.view);
  if (table !== undefined) {
    const message = `${quoteText(table.name)} is a table, and a view cannot have its name`;
    throw sqlError('already_exists', sql, named.span, message, 'choose another name');
  }
  const { moments, tables } = namedIn(query);
  const [moment] = moments;
  if (moment !== undefined) {
    const remedy = 'snapshots do not live for ever; write AT where the view is read';
    throw sqlError('sql_unsupported', sql, moment.span, 'AT within a view is not supported', remedy);
  }
  const system = tables.find(
    (one) => engineTableOf(one) !== undefined && lookUpTable(sql, catalog, one) === undefined,
  );
  if (system !== undefined) {
    const remedy = 'read it in the statement itself';
    throw sqlError('sql_unsupported', sql, system.span, 'a system table within a view is not supported', remedy);
  }
  const view = { name, columns: columns.map((column) => column.name), sql: text };
  const existing = lookUpView(sql, catalog, statement.view);
  // One that is there stays as it is, whatever the query is.
  if (existing === undefined || !ifNotExists) {
    const replaced = orReplace ? existing : undefined;
    const { plan } = bindDefinition(
      sql,
      query,
      catalog,
      replaced === undefined ? undefined : { ...view, name: replaced },
    );
    renameColumns(sql, plan, columns, name);
  }
  return { kind: 'create_view', name, view, ifNotExists, orReplace };
}

/** Binds a view's query; with `replaced`, where other views read it in place of the one of its name. */
function bindDefinition(
  sql: string,
  query: Query,
  catalog: BindCatalog,
  replaced: PlanView | undefined,
): ReturnType<ReturnType<typeof makeBinding>['bind']> {
  if (replaced === undefined) return makeBinding(sql, catalog).bind(query, new Map(), undefined);
  const known = withView(catalog, replaced, query);
  const binding = makeBinding(sql, known);
  const self = known.readView(replaced.name);
  if (self !== undefined) binding.views.open.push(self);
  return binding.bind(query, new Map(), undefined);
}

/** Binds DROP VIEW. @throws `sql_bind` */
export function bindDropView(
  sql: string,
  { view, ifExists }: Extract<Statement, { kind: 'drop_view' }>,
  catalog: BindCatalog,
): PlannedStatement {
  const found = lookUpView(sql, catalog, view);
  const name = tableNameOf(sql, view);
  if (found !== undefined) return { kind: 'drop_view', name: found, ifExists };
  const { span } = view.path.at(-1) as Identifier;
  const table = lookUpTable(sql, catalog, view);
  if (table !== undefined) {
    throw sqlError('sql_bind', sql, span, `${quoteText(table.name)} is a table, not a view`, 'use DROP TABLE');
  }
  if (!ifExists) throw sqlError('sql_bind', sql, span, `there is no view ${quoteText(name)}`);
  return { kind: 'drop_view', name, ifExists };
}

/** Binds DROP TABLE. @throws `sql_bind` */
export function bindDropTable(
  sql: string,
  { table, ifExists }: Extract<Statement, { kind: 'drop_table' }>,
  catalog: BindCatalog,
): PlannedStatement {
  const found = lookUpTable(sql, catalog, table);
  if (found !== undefined) return { kind: 'drop_table', name: found.name, ifExists };
  const view = lookUpView(sql, catalog, table);
  const { span } = table.path.at(-1) as Identifier;
  if (view !== undefined) {
    throw sqlError('sql_bind', sql, span, `${quoteText(view)} is a view, not a table`, 'use DROP VIEW');
  }
  if (!ifExists) findTable(sql, catalog, table);
  return { kind: 'drop_table', name: tableNameOf(sql, table), ifExists };
}
