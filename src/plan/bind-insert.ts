/**
 * INSERT: which column of the source goes to which of the table, and how a value becomes one of its type.
 *
 * Hides VALUES, whose rows are computed here. Invariants: each column of the plan has the type of the values of its
 * table column (casts never encode); a table column is given at most once; a NULL written for a NOT NULL column is
 * refused here, one that a query yields when it runs.
 */
import { joinVectors, repeatVector } from '../arrow/concat.ts';
import { nullVector } from '../arrow/null-vector.ts';
import { makeField, makeSchema } from '../arrow/schema.ts';
import type { Field } from '../arrow/schema.ts';
import type { DataType } from '../arrow/type.ts';
import type { Vector } from '../arrow/vector.ts';
import { foldName } from '../base/names.ts';
import { castKind } from '../function/registry.ts';
import type { DefaultValue, ExprNode, Identifier, Query, Statement, ValueRows } from '../sql/ast.ts';
import { quoteText, sqlError } from '../sql/frame.ts';
import { BARE_FRAME } from '../sql/plain-select.ts';
import type { Node } from '../sql/walk.ts';
import { forEachChild } from '../sql/walk.ts';
import type { BindCatalog } from './bind-catalog.ts';
import { bindConstant, noCastError, storeVector } from './bind-constant.ts';
import type { DefaultPlace } from './bind-default.ts';
import { defaultExpr, defaultRow } from './bind-default.ts';
import { bindQuery } from './bind-query.ts';
import { bindReturning } from './bind-returning.ts';
import { castTo } from './coerce.ts';
import type { Expr } from './expr.ts';
import type { LogicalPlan } from './logical.ts';
import { lowerPlan } from './lower.ts';
import type { PassName } from './optimize.ts';
import { optimize } from './optimize.ts';
import type { PlannedStatement } from './physical.ts';
import { findTable, Scope } from './scope.ts';
import type { CatalogTable } from './scope.ts';
import { storedType } from './stored-type.ts';

type Insert = Extract<Statement, { kind: 'insert' }>;

/** A column that is given values. */
interface Target {
  readonly index: number;
  readonly field: Field;
}

/** Binds INSERT. @throws `sql_bind`, `sql_unsupported`, `limit_exceeded` */
export function bindInsert(
  sql: string,
  statement: Insert,
  catalog: BindCatalog,
  disabledPasses: readonly PassName[],
): PlannedStatement {
  const table = findTable(sql, catalog, statement.table);
  const { name, schema } = table;
  const { byName } = statement;
  const source = asQuery(statement.source) ?? statement.source;
  if (byName && (source.kind === 'value_rows' || statement.columns !== undefined)) {
    throw sqlError('sql_bind', sql, source.span, 'BY NAME goes with a query, and without a list of columns');
  }
  const place: DefaultPlace = { sql, span: statement.table.span, nowMicros: catalog.nowMicros };
  const returning = bindReturning(sql, statement.returning, table, undefined, { catalog, disabledPasses });
  if (source.kind === 'value_rows') {
    const targets = source.isDefault ? [] : targetsOf(sql, statement, table, source.rows[0]?.values.length ?? 0);
    return { kind: 'insert', name, schema, ...new RowBinder(sql, source, table, targets, place).bind(), returning };
  }
  const bound = bindQuery(sql, source, catalog, statement.common);
  const query = bound.plan;
  const targets = byName
    ? targetsByName(sql, table, query, source)
    : targetsOf(sql, statement, table, query.schema.fields.length);
  const fitted = fitQuery(sql, source, query, targets, defaultsBeside(table, targets, place));
  const plan = lowerPlan(optimize({ ...bound, plan: fitted.plan }, disabledPasses));
  return { kind: 'insert', name, schema, columns: fitted.columns, plan, returning };
}

/** VALUES that hold subqueries, as a query; undefined for all else, also where a value is DEFAULT. */
function asQuery(source: Insert['source']): Query | undefined {
  if (source.kind !== 'value_rows' || source.isDefault) return undefined;
  const { rows, span } = source;
  const values = rows.flatMap((row) => row.values);
  if (!values.some(holdsQuery) || values.some(({ kind }) => kind === 'default_value')) return undefined;
  return { kind: 'values_query', rows, ...BARE_FRAME, span };
}

function holdsQuery(node: Node): boolean {
  let found = QUERY_KINDS.has(node.kind);
  forEachChild(node, (child) => {
    found ||= holdsQuery(child);
  });
  return found;
}

const QUERY_KINDS: ReadonlySet<Node['kind']> = new Set<Node['kind']>(['select', 'set_operation', 'values_query']);

/** A column that is given no value, and what its default is now. */
interface DefaultTarget extends Target {
  readonly expr: Expr;
}

/** The columns beside `targets` whose default is an expression; others get theirs when the rows are stored. */
function defaultsBeside(table: CatalogTable, targets: readonly Target[], place: DefaultPlace): DefaultTarget[] {
  const given = new Set(targets.map(({ index }) => index));
  return table.schema.fields.flatMap((field, index): DefaultTarget[] => {
    const value = table.defaults?.[index];
    if (given.has(index) || value === undefined || 'value' in value) return [];
    const expr = defaultExpr(value, field, place);
    // A default that is NULL is none, so that a column that must not be NULL is asked for.
    return expr.kind === 'literal' && expr.value === null ? [] : [{ index, field, expr }];
  });
}

/** The columns of the statement's list, or the table's; as many as the source gives. */
function targetsOf(sql: string, { columns, source }: Insert, table: CatalogTable, given: number): Target[] {
  const targets =
    columns === undefined
      ? table.schema.fields.map((field, index) => ({ index, field }))
      : distinctTargets(sql, table, columns);
  if (targets.length === given) return targets;
  const what = columns === undefined ? `table ${table.name} has` : 'the list names';
  const counts = `${what} ${count(targets.length, 'column')}, and ${count(given, 'value')} a row ${given === 1 ? 'is' : 'are'} given`;
  const span = source.kind === 'value_rows' ? (source.rows[0]?.span ?? source.span) : source.span;
  throw sqlError(
    'sql_bind',
    sql,
    span,
    counts,
    columns === undefined ? 'list the columns that get values' : undefined,
  );
}

function count(number: number, what: string): string {
  return `${number.toString()} ${what}${number === 1 ? '' : 's'}`;
}

/** The places of the columns that `columns` names. @throws `sql_bind` for one that is missing or named twice */
export function targetColumns(sql: string, table: CatalogTable, columns: readonly Identifier[]): readonly number[] {
  return distinctTargets(sql, table, columns).map(({ index }) => index);
}

function distinctTargets(sql: string, table: CatalogTable, columns: readonly Identifier[]): Target[] {
  const scope = Scope.of(sql, table);
  const seen = new Set<number>();
  return columns.map((column) => {
    const node = { kind: 'column_name', path: [column], span: column.span } as const;
    const found = scope.find(node);
    if (found === undefined) throw scope.missing(node, []);
    if (seen.has(found.index)) {
      throw sqlError('sql_bind', sql, column.span, `column ${quoteText(found.field.name)} is named twice`);
    }
    seen.add(found.index);
    return { index: found.index, field: found.field };
  });
}

function targetsByName(sql: string, table: CatalogTable, query: LogicalPlan, source: Query): Target[] {
  const names = query.schema.fields.map(({ name }): Identifier => ({
    kind: 'identifier',
    name,
    quoted: true,
    span: source.span,
  }));
  const missing = names.find(
    ({ name }) => !table.schema.fields.some((field) => foldName(field.name) === foldName(name)),
  );
  if (missing === undefined) return distinctTargets(sql, table, names);
  const message = `the query gives a column ${quoteText(missing.name)}, which table ${table.name} does not have`;
  throw sqlError('sql_bind', sql, source.span, message, 'name it with AS as the table does');
}

/** The query with each column in the type of its target's values, by any cast there is, as DuckDB assigns. */
function fitQuery(
  sql: string,
  source: Query,
  query: LogicalPlan,
  targets: readonly Target[],
  defaults: readonly DefaultTarget[],
): { readonly plan: LogicalPlan; readonly columns: readonly number[] } {
  const fields: Field[] = [];
  const exprs = targets.map(({ field }, index): Expr => {
    const { name, type, nullable } = query.schema.fields[index] as Field;
    const column: Expr = { kind: 'column', index, name, type, nullable, span: source.span };
    const wanted = storedType(field.type);
    if (type.id !== 'null' && castKind(type, wanted) === 'none' && type.id !== field.type.id) {
      throw noCastError(sql, column, wanted, `column ${quoteText(field.name)}`);
    }
    const expr =
      type.id === field.type.id && isEncoded(type) ? column : castTo(sql, column, wanted, false, source.span);
    fields.push(makeField(field.name, expr.type, expr.nullable));
    return expr;
  });
  for (const { field, expr } of defaults) {
    fields.push(makeField(field.name, expr.type, expr.nullable));
    exprs.push(expr);
  }
  const columns = [...targets, ...defaults].map(({ index }) => index);
  return { plan: { kind: 'project', schema: makeSchema(fields), input: query, exprs }, columns };
}

/** A dictionary, or runs, which storage takes as they come when the column is encoded, too. */
function isEncoded(type: DataType): boolean {
  return type.id === 'dictionary' || type.id === 'run_end';
}

/** Rows of VALUES as vectors. */
class RowBinder {
  readonly #sql: string;
  readonly #source: ValueRows;
  readonly #table: CatalogTable;
  readonly #targets: readonly Target[];
  readonly #place: DefaultPlace;

  constructor(sql: string, source: ValueRows, table: CatalogTable, targets: readonly Target[], place: DefaultPlace) {
    this.#sql = sql;
    this.#source = source;
    this.#table = table;
    this.#targets = targets;
    this.#place = place;
  }

  bind(): Pick<Extract<PlannedStatement, { kind: 'insert' }>, 'columns' | 'plan'> {
    const { rows } = this.#source;
    for (const { values, span } of rows) {
      if (values.length === this.#targets.length || this.#source.isDefault) continue;
      const counts = `this row has ${count(values.length, 'value')}, the first one has ${this.#targets.length.toString()}`;
      throw sqlError('sql_bind', this.#sql, span, counts);
    }
    const columns: number[] = [];
    const fields: Field[] = [];
    const vectors: Vector[] = [];
    const add = ({ index, field }: Target, vector: Vector): void => {
      columns.push(index);
      fields.push(makeField(field.name, vector.type));
      vectors.push(vector);
    };
    this.#targets.forEach((target, at) => {
      const cells = rows.map(({ values }) => values[at] as ExprNode | DefaultValue);
      const vector = this.#column(target, cells);
      if (vector !== undefined) add(target, vector);
    });
    this.#table.schema.fields.forEach((field, index) => {
      const given = this.#table.defaults?.[index];
      const isGiven = this.#targets.some((target) => target.index === index);
      if (isGiven || given === undefined || 'value' in given) return;
      const value = defaultRow(given, field, this.#place);
      if (value !== undefined) add({ index, field }, repeatVector(value, rows.length));
    });
    const schema = makeSchema(fields);
    return {
      columns,
      plan: { kind: 'values', schema, batches: [{ schema, rowCount: rows.length, columns: vectors }] },
    };
  }

  /** The values of one column; undefined when every row says DEFAULT, and the default is none or stored as a value. */
  #column({ index, field }: Target, cells: readonly (ExprNode | DefaultValue)[]): Vector | undefined {
    const given = this.#table.defaults?.[index];
    const isDefault = cells.every((cell) => cell.kind === 'default_value');
    if (isDefault && (given === undefined || 'value' in given)) return undefined;
    const parts = cells.map((cell) => {
      if (cell.kind !== 'default_value') return this.#cell(cell, field);
      const value = defaultRow(given, field, { ...this.#place, span: cell.span });
      if (value !== undefined) return value;
      if (field.nullable) return nullVector(storedType(field.type), 1);
      const what = `column ${quoteText(field.name)}`;
      throw sqlError('sql_bind', this.#sql, cell.span, `${what} is NOT NULL and has no default`);
    });
    return joinVectors(parts);
  }

  #cell(node: ExprNode, field: Field): Vector {
    const what = `column ${quoteText(field.name)}`;
    const literal = { ...bindConstant(this.#sql, node, 'VALUES'), span: node.span };
    if (literal.value === null) {
      literal.wish?.want(storedType(field.type), true);
      if (field.nullable || literal.wish !== undefined) return nullVector(storedType(field.type), 1);
      throw sqlError('sql_bind', this.#sql, node.span, `${what} is NOT NULL and cannot be set to NULL`);
    }
    return storeVector(this.#sql, literal, storedType(field.type), what);
  }
}
