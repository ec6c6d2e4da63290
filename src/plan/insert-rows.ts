/**
 * INSERTs of rows that stand outside of the statement, as INSERTs of a query over them: of parameters, and of files.
 *
 * Hides the name that these rows go by. Invariant: no table can have that name, since names of tables hold no slash.
 */
import type { Source } from '../arrow/source.ts';
import type { ExprNode, Query, SelectItem, Statement } from '../sql/ast.ts';
import type { Span } from '../base/errors.ts';
import type { PlanCatalog } from './physical.ts';

const ROWS_NAME = '/rows';

/** `INSERT … SELECT value, … FROM rows` for `INSERT … VALUES (value, …)`; undefined for other statements. */
export function insertOfRows(statement: Statement): Statement | undefined {
  if (statement.kind !== 'insert' || statement.source.kind !== 'value_rows') return undefined;
  const { rows, isDefault, span } = statement.source;
  const [row] = rows;
  if (row === undefined || rows.length > 1 || isDefault) return undefined;
  const items: SelectItem[] = [];
  for (const value of row.values) {
    if (value.kind === 'default_value') return undefined;
    items.push({ kind: 'select_item', expr: value satisfies ExprNode, alias: undefined, span: value.span });
  }
  return { ...statement, source: selectOf(items, span) };
}

function selectOf(items: readonly SelectItem[], span: Span): Query {
  const name = { kind: 'identifier', name: ROWS_NAME, quoted: true, span } as const;
  const from = { kind: 'table_name', path: [name], at: undefined, alias: undefined, columns: [], span } as const;
  const clauses = { where: undefined, groupAll: false, groups: [], having: undefined, qualify: undefined };
  const frame = { common: [], orders: [], orderAll: undefined, limit: undefined, offset: undefined };
  return { kind: 'select', distinct: false, distinctOn: [], items, from, ...clauses, ...frame, span };
}

/** `INSERT … SELECT * FROM rows` for `COPY … FROM`; `byName`: columns are matched by their names. */
export function insertOfFile(
  { table, columns, path }: Extract<Statement, { kind: 'copy_from' }>,
  byName: boolean,
): Extract<Statement, { kind: 'insert' }> {
  const { span } = path;
  const star: ExprNode = { kind: 'star', table: [], exclude: [], replace: [], rename: [], span };
  const source = selectOf([{ kind: 'select_item', expr: star, alias: undefined, span }], span);
  return { kind: 'insert', table, columns: byName ? undefined : columns, byName, source, span: table.span };
}

/** The catalog with `rows` under the name that `insertOfRows` reads. */
export function withRows(catalog: PlanCatalog, rows: Source): PlanCatalog {
  return {
    table: (name) => (name === ROWS_NAME ? { ...rows, name } : catalog.table(name)),
    tableNames: () => catalog.tableNames(),
    at: (point) => catalog.at(point),
    snapshots: () => catalog.snapshots(),
  };
}
