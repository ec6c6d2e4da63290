/**
 * DELETE and UPDATE: conditions and values over a table's columns.
 *
 * Hides how a value becomes one of its column's type. Invariants: expressions are folded; each value has its column's
 * type or, for a column that is dictionary or run-end encoded, the type of its values (casts never encode); a
 * condition that holds for every row is left out, and one that holds for none is a literal.
 */
import type { Field } from '../arrow/schema.ts';
import { sameType } from '../arrow/type.ts';
import { castKind } from '../function/registry.ts';
import type { Assignment, ExprNode, Statement, TableName } from '../sql/ast.ts';
import { quoteText, sqlError } from '../sql/frame.ts';
import { noCastError, storeLiteral } from './bind-constant.ts';
import { ExpressionBinder } from './bind-expression.ts';
import { castTo, toCondition } from './coerce.ts';
import type { Expr } from './expr.ts';
import { conditionBounds } from './pass-bounds.ts';
import { foldExpr } from './pass-fold.ts';
import type { PlanCatalog, PlannedStatement } from './physical.ts';
import { findTable, Scope } from './scope.ts';
import { storedType } from './stored-type.ts';

type Edit = Extract<PlannedStatement, { kind: 'delete' }>;

/** Binds DELETE. @throws `sql_bind`, `sql_unsupported`, `limit_exceeded` */
export function bindDelete(
  sql: string,
  statement: Extract<Statement, { kind: 'delete' }>,
  catalog: PlanCatalog,
): PlannedStatement {
  return new EditBinder(sql, statement.table, catalog).bindWhere(statement.where);
}

/** Binds UPDATE. @throws `sql_bind`, `sql_unsupported`, `limit_exceeded` */
export function bindUpdate(
  sql: string,
  statement: Extract<Statement, { kind: 'update' }>,
  catalog: PlanCatalog,
): PlannedStatement {
  const binder = new EditBinder(sql, statement.table, catalog);
  const columns = new Set<number>();
  const exprs: Expr[] = [];
  for (const assignment of statement.assignments) {
    const { index, field } = binder.column(assignment);
    if (columns.has(index)) {
      const message = `column ${quoteText(field.name)} is set twice`;
      throw sqlError('sql_bind', sql, assignment.column.span, message, 'set each column once');
    }
    columns.add(index);
    exprs.push(binder.bindValue(assignment.value, field));
  }
  return { ...binder.bindWhere(statement.where), kind: 'update', columns: [...columns], exprs };
}

class EditBinder {
  readonly #sql: string;
  readonly #name: string;
  readonly #scope: Scope;
  readonly #binder: ExpressionBinder;

  constructor(sql: string, target: TableName, catalog: PlanCatalog) {
    const table = findTable(sql, catalog, target);
    this.#sql = sql;
    this.#name = table.name;
    this.#scope = Scope.of(sql, table, target.alias);
    this.#binder = new ExpressionBinder(sql, this.#scope, new Map());
  }

  /** The column that an assignment names. */
  column({ column }: Assignment): { readonly index: number; readonly field: Field } {
    const node = { kind: 'column_name', path: [column], span: column.span } as const;
    const found = this.#scope.find(node);
    if (found === undefined) throw this.#scope.missing(node, []);
    return found;
  }

  #bind(node: ExprNode, clause: string): Expr {
    return this.#binder.bind(node, { name: clause, aggregates: undefined, aliasesBefore: 0 });
  }

  /** What both statements have: the table, and which of its rows. */
  bindWhere(where: ExprNode | undefined): Edit {
    const base = { kind: 'delete', name: this.#name, schema: this.#scope.schema } as const;
    if (where === undefined) return { ...base, condition: undefined, bounds: [] };
    const condition = foldExpr(toCondition(this.#sql, this.#bind(where, 'WHERE'), 'the condition of WHERE'));
    if (condition.kind === 'literal' && condition.value === true)
      return { ...base, condition: undefined, bounds: [] };
    return { ...base, condition, bounds: conditionBounds(condition, this.#scope.schema.fields.length) };
  }

  /** A value for `field`, by any cast there is, as DuckDB assigns. */
  bindValue(node: ExprNode, field: Field): Expr {
    const expr = foldExpr(this.#bind(node, 'SET'));
    const what = `column ${quoteText(field.name)}`;
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
}
