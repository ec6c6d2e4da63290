/**
 * DELETE and UPDATE: conditions and values over a table's columns, and over whatever else they read.
 *
 * Hides how a value becomes one of its column's type. Invariants: expressions are folded; each value has its column's
 * type or, for a column that is dictionary or run-end encoded, the type of its values (casts never encode); a
 * condition that holds for every row is left out, and one that holds for none is a literal; with subqueries, USING or
 * FROM a query finds the rows by their numbers, and gives their values.
 */
import type { Field } from '../arrow/schema.ts';
import { sameType } from '../arrow/type.ts';
import { castKind } from '../function/registry.ts';
import type { Assignment, DefaultValue, ExprNode, Statement } from '../sql/ast.ts';
import { quoteText, sqlError } from '../sql/frame.ts';
import type { BindCatalog } from './bind-catalog.ts';
import { noCastError, storeLiteral } from './bind-constant.ts';
import { defaultExpr } from './bind-default.ts';
import { ExpressionBinder } from './bind-expression.ts';
import type { From } from './bind-from.ts';
import { bindBeside } from './bind-from.ts';
import { bindCommon, makeBinding } from './bind-query.ts';
import { bindReturning } from './bind-returning.ts';
import type { Binding } from './binding.ts';
import { NumberedRows } from './changed-rows.ts';
import { castTo, toCondition } from './coerce.ts';
import type { Expr } from './expr.ts';
import { columnOf, hasLeaf } from './expr-walk.ts';
import type { LogicalPlan } from './logical.ts';
import { scanAll } from './logical.ts';
import { lowerPlan } from './lower.ts';
import type { PassName } from './optimize.ts';
import { optimize } from './optimize.ts';
import { conditionBounds } from './pass-bounds.ts';
import { foldExpr } from './pass-fold.ts';
import type { PlannedStatement, RowPlan } from './physical.ts';
import { findTable, Scope } from './scope.ts';
import type { CatalogTable } from './scope.ts';
import { inlineShared } from './share.ts';
import { storedType } from './stored-type.ts';
import { SubqueryList } from './subquery.ts';

type EditStatement = Extract<Statement, { kind: 'delete' | 'update' }>;
type Edit = Extract<PlannedStatement, { kind: 'delete' }>;

/** Binds DELETE. @throws `sql_bind`, `sql_unsupported`, `limit_exceeded` */
export function bindDelete(
  sql: string,
  statement: Extract<Statement, { kind: 'delete' }>,
  catalog: BindCatalog,
  disabledPasses: readonly PassName[],
): PlannedStatement {
  return new EditBinder(sql, statement, catalog, disabledPasses).bind([]);
}

/** Binds UPDATE. @throws `sql_bind`, `sql_unsupported`, `limit_exceeded` */
export function bindUpdate(
  sql: string,
  statement: Extract<Statement, { kind: 'update' }>,
  catalog: BindCatalog,
  disabledPasses: readonly PassName[],
): PlannedStatement {
  const binder = new EditBinder(sql, statement, catalog, disabledPasses);
  const columns = new Set<number>();
  const exprs: Expr[] = [];
  for (const assignment of statement.assignments) {
    const { index, field } = binder.column(assignment);
    if (columns.has(index)) {
      const message = `column ${quoteText(field.name)} is set twice`;
      throw sqlError('sql_bind', sql, assignment.column.span, message, 'set each column once');
    }
    columns.add(index);
    exprs.push(binder.bindValue(assignment.value, index, field));
  }
  return { ...binder.bind(exprs), kind: 'update', columns: [...columns], exprs };
}

class EditBinder {
  readonly #sql: string;
  readonly #statement: EditStatement;
  readonly #catalog: BindCatalog;
  readonly #disabledPasses: readonly PassName[];
  readonly #table: CatalogTable;
  /** The table's own columns, for the names of those that are set. */
  readonly #own: Scope;
  readonly #binding: Binding;
  readonly #subqueries: SubqueryList;
  readonly #from: From;
  readonly #binder: ExpressionBinder;

  constructor(sql: string, statement: EditStatement, catalog: BindCatalog, disabledPasses: readonly PassName[]) {
    const table = findTable(sql, catalog, statement.table);
    this.#sql = sql;
    this.#statement = statement;
    this.#catalog = catalog;
    this.#disabledPasses = disabledPasses;
    this.#table = table;
    this.#own = Scope.of(sql, table, statement.table.alias);
    this.#binding = makeBinding(sql, catalog);
    this.#subqueries = new SubqueryList(sql, this.#binding.shared);
    const target = this.#target();
    const common = bindCommon(this.#binding, statement.common);
    this.#from = statement.from === undefined ? target : bindBeside(this.#binding, target, statement.from, common);
    const subqueries = { binding: this.#binding, common, list: this.#subqueries };
    this.#binder = new ExpressionBinder(sql, this.#from.scope, new Map(), { outer: undefined, subqueries });
  }

  /** The table's rows with their numbers behind their columns, where no name finds them. */
  #target(): From {
    const source = new NumberedRows(this.#table);
    const scope = new Scope(this.#sql, source.schema, this.#own.relations);
    return { plan: scanAll(this.#table.name, source), scope, depth: 0 };
  }

  /** The column that an assignment names. */
  column({ column }: Assignment): { readonly index: number; readonly field: Field } {
    const node = { kind: 'column_name', path: [column], span: column.span } as const;
    const found = this.#own.find(node);
    if (found === undefined) throw this.#own.missing(node, []);
    return found;
  }

  #bind(node: ExprNode, clause: string): Expr {
    return this.#binder.bind(node, { name: clause, aggregates: undefined, aliasesBefore: 0 });
  }

  /** What both statements have: the table, and which of its rows. `exprs`: the new values. */
  bind(exprs: readonly Expr[]): Edit {
    const { where, from, returning, table } = this.#statement;
    const around = { catalog: this.#catalog, disabledPasses: this.#disabledPasses };
    const base = {
      kind: 'delete',
      name: this.#table.name,
      schema: this.#own.schema,
      condition: undefined,
      bounds: [],
      rows: undefined,
      returning: bindReturning(this.#sql, returning, this.#table, table.alias, around),
    } as const;
    const bound = where === undefined ? undefined : this.#bind(where, 'WHERE');
    const condition =
      bound === undefined ? undefined : foldExpr(toCondition(this.#sql, bound, 'the condition of WHERE'));
    const isRelated = [...exprs, ...(condition === undefined ? [] : [condition])].some((e) => hasLeaf(e, 'pending'));
    if (from !== undefined || isRelated) return { ...base, rows: this.#rows(condition, exprs) };
    if (condition === undefined || (condition.kind === 'literal' && condition.value === true)) return base;
    return { ...base, condition, bounds: conditionBounds(condition, this.#own.schema.fields.length) };
  }

  /** The query that gives numbers and values of the rows that change. */
  #rows(condition: Expr | undefined, exprs: readonly Expr[]): RowPlan {
    const { span } = this.#statement.table;
    const number = this.#own.schema.fields.length;
    const chosen = condition === undefined ? this.#from.plan : this.#subqueries.filter(this.#from.plan, condition);
    const { plan: input, exprs: values } = this.#subqueries.place(chosen, exprs);
    const key = columnOf(number, input.schema.fields[number] as Field, span);
    const made = [key, ...values];
    const fields = made.map(({ type, nullable }): Field => ({ name: '', type, nullable, metadata: [] }));
    const plan: LogicalPlan = { kind: 'project', schema: { fields, metadata: [] }, input, exprs: made };
    const query = inlineShared({ plan, shared: this.#binding.shared.plans });
    return lowerPlan(optimize(query, this.#disabledPasses));
  }

  /** A value for column `index`, by any cast there is, as DuckDB assigns. */
  bindValue(node: ExprNode | DefaultValue, index: number, field: Field): Expr {
    const what = `column ${quoteText(field.name)}`;
    const expr = foldExpr(
      node.kind === 'default_value' ? this.#default(node, index, field) : this.#bind(node, 'SET'),
    );
    if (expr.kind === 'literal' && expr.value === null && !field.nullable && expr.wish === undefined) {
      throw sqlError('sql_bind', this.#sql, node.span, `${what} is NOT NULL and cannot be set to NULL`);
    }
    if (expr.type.id === 'null') return castTo(this.#sql, expr, field.type, false, node.span);
    if (sameType(expr.type, field.type)) return expr;
    const type = storedType(field.type);
    if (expr.kind === 'literal') return storeLiteral(this.#sql, { ...expr, span: node.span }, type, what);
    if (castKind(expr.type, type) === 'none') throw noCastError(this.#sql, expr, type, what);
    return castTo(this.#sql, expr, type, false, node.span);
  }

  #default({ span }: DefaultValue, index: number, field: Field): Expr {
    const place = { sql: this.#sql, span, nowMicros: this.#catalog.nowMicros };
    return defaultExpr(this.#table.defaults?.[index], field, place);
  }
}
