/**
 * INSERTs of rows that stand outside of the statement, as INSERTs of a query over them: of parameters, and of files.
 *
 * Hides the name that these rows go by. Invariant: no table can have that name, since names of tables hold no slash.
 */
import type { Source } from '../arrow/source.ts';
import type { ExprNode, Query, Statement } from '../sql/ast.ts';
import type { Span } from '../base/errors.ts';
import { bareStar, plainItem, plainSelect } from '../sql/plain-select.ts';
import type { PlanCatalog } from './physical.ts';

const ROWS_NAME = '/rows';

/** `INSERT … SELECT value, … FROM rows` for `INSERT … VALUES (value, …)`; undefined for other statements. */
export function insertOfRows(statement: Statement): Statement | undefined {
  if (statement.kind !== 'insert' || statement.source.kind !== 'value_rows') return undefined;
  const { rows, isDefault, span } = statement.source;
  const [row] = rows;
  if (row === undefined || rows.length > 1 || isDefault) return undefined;
  const exprs: ExprNode[] = [];
  for (const value of row.values) {
    if (value.kind === 'default_value') return undefined;
    exprs.push(value);
  }
  return { ...statement, source: selectOf(exprs, span) };
}

function selectOf(exprs: readonly ExprNode[], span: Span): Query {
  const name = { kind: 'identifier', name: ROWS_NAME, quoted: true, span } as const;
  const from = { kind: 'table_name', path: [name], at: undefined, alias: undefined, columns: [], span } as const;
  return plainSelect(exprs.map(plainItem), from, span);
}

/** `INSERT … SELECT * FROM rows` for `COPY … FROM`; `byName`: columns are matched by their names. */
export function insertOfFile(
  { table, columns, path }: Extract<Statement, { kind: 'copy_from' }>,
  byName: boolean,
): Extract<Statement, { kind: 'insert' }> {
  const { span } = path;
  const source = selectOf([bareStar(span)], span);
  return {
    kind: 'insert',
    common: [],
    table,
    columns: byName ? undefined : columns,
    byName,
    source,
    returning: [],
    span: table.span,
  };
}

/** The catalog with `rows` under the name that `insertOfRows` reads. */
export function withRows(catalog: PlanCatalog, rows: Source): PlanCatalog {
  return {
    table: (name) => (name === ROWS_NAME ? { ...rows, name } : catalog.table(name)),
    tableNames: () => catalog.tableNames(),
    view: (name) => catalog.view(name),
    viewNames: () => catalog.viewNames(),
    at: (point) => catalog.at(point),
    system: (name) => catalog.system(name),
  };
}
