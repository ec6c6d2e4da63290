/**
 * CREATE TABLE: columns as they are defined, or those of a query.
 *
 * Hides how names are checked. Invariants: a table's columns differ in more than case; columns of a query may be NULL,
 * as in DuckDB, and have types that can be stored: what is nothing but NULL becomes INTEGER.
 */
import type { Field, Schema } from '../arrow/schema.ts';
import type { Span } from '../base/errors.ts';
import { foldName } from '../base/names.ts';
import type { Identifier, Query, Statement } from '../sql/ast.ts';
import { quoteText, sqlError } from '../sql/frame.ts';
import type { BindCatalog } from './bind-catalog.ts';
import { bindDefault } from './bind-default.ts';
import { bindQuery } from './bind-query.ts';
import { castTo } from './coerce.ts';
import { INT32 } from './constant.ts';
import type { Expr } from './expr.ts';
import type { LogicalPlan } from './logical.ts';
import { lowerPlan } from './lower.ts';
import { checkNewName, checkNewTableName } from './new-name.ts';
import type { PassName } from './optimize.ts';
import { optimize } from './optimize.ts';
import type { PlannedStatement } from './physical.ts';
import { lookUpView, tableNameOf } from './scope.ts';
import { arrowTypeOf } from './sql-type.ts';

type CreateTable = Extract<Statement, { kind: 'create_table' }>;

/** Binds CREATE TABLE. @throws `sql_bind`, `sql_unsupported`, `limit_exceeded` */
export function bindCreate(
  sql: string,
  statement: CreateTable,
  catalog: BindCatalog,
  disabledPasses: readonly PassName[],
): PlannedStatement {
  const name = tableNameOf(sql, statement.table);
  const named = statement.table.path.at(-1) as Identifier;
  checkNewTableName(sql, named);
  const view = lookUpView(sql, catalog, statement.table);
  if (view !== undefined) {
    const message = `${quoteText(view)} is a view, and a table cannot have its name`;
    throw sqlError('already_exists', sql, named.span, message, 'choose another name');
  }
  const { ifNotExists, orReplace, query } = statement;
  const base = { kind: 'create_table', name, ifNotExists, orReplace } as const;
  if (query === undefined) {
    const fields = definedFields(sql, statement);
    const defaults = statement.columns.map((column, i) => {
      return column.default === undefined ? undefined : bindDefault(sql, column.default, fields[i] as Field).text;
    });
    return { ...base, schema: { fields, metadata: [] }, defaults, plan: undefined };
  }
  const bound = bindQuery(sql, query, catalog);
  const rows = storable(sql, query, bound.plan);
  const schema: Schema = {
    ...rows.schema,
    fields: rows.schema.fields.map((field) => ({ ...field, nullable: true })),
  };
  return {
    ...base,
    schema,
    defaults: [],
    plan: lowerPlan(optimize({ ...bound, plan: rows }, disabledPasses)),
  };
}

function definedFields(sql: string, { columns }: CreateTable): Field[] {
  const taken = new Set<string>();
  return columns.map((column): Field => {
    checkNewName(sql, column.name);
    takeName(sql, taken, column.name.name, column.name.span, undefined);
    return { name: column.name.name, type: arrowTypeOf(sql, column.type), nullable: column.nullable, metadata: [] };
  });
}

function takeName(sql: string, taken: Set<string>, name: string, span: Span, remedy: string | undefined): void {
  const key = foldName(name);
  if (taken.has(key)) throw sqlError('sql_bind', sql, span, `column ${quoteText(name)} is given twice`, remedy);
  taken.add(key);
}

/** The query, with INTEGER in place of columns that have no type. */
function storable(sql: string, query: Query, plan: LogicalPlan): LogicalPlan {
  const taken = new Set<string>();
  for (const { name } of plan.schema.fields) takeName(sql, taken, name, query.span, 'rename one with AS');
  if (plan.schema.fields.every(({ type }) => type.id !== 'null')) return plan;
  const exprs = plan.schema.fields.map(({ name, type, nullable }, index): Expr => {
    const column: Expr = { kind: 'column', index, name, type, nullable, span: query.span };
    return type.id === 'null' ? castTo(sql, column, INT32, false, query.span) : column;
  });
  const fields = plan.schema.fields.map((field, i): Field => ({ ...field, type: exprs[i]?.type ?? field.type }));
  return { kind: 'project', schema: { ...plan.schema, fields }, input: plan, exprs };
}
