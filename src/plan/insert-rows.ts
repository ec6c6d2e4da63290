/**
 * INSERT of one row with parameters, as an INSERT of a query over rows of parameters.
 *
 * Hides the name that these rows go by. Invariant: no table can have that name, since names of tables hold no slash.
 */
import type { Source } from '../arrow/source.ts';
import type { ExprNode, SelectItem, Statement } from '../sql/ast.ts';
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
  const name = { kind: 'identifier', name: ROWS_NAME, quoted: true, span } as const;
  const from = { kind: 'table_name', path: [name], at: undefined, alias: undefined, columns: [], span } as const;
  const clauses = { where: undefined, groupAll: false, groups: [], having: undefined, qualify: undefined };
  const frame = { common: [], orders: [], orderAll: undefined, limit: undefined, offset: undefined };
  const select = {
    kind: 'select',
    distinct: false,
    distinctOn: [],
    items,
    from,
    ...clauses,
    ...frame,
    span,
  } as const;
  return { ...statement, source: select };
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
