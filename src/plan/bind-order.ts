/**
 * ORDER BY of a query whose columns are all that it may sort by: set operations and VALUES.
 *
 * Hides nothing. Invariant: the rows and their columns stay.
 */
import type { Field } from '../arrow/schema.ts';
import type { EngineError, Span } from '../base/errors.ts';
import { foldName } from '../base/names.ts';
import type { ExprNode, OrderItem, Query } from '../sql/ast.ts';
import { sqlError } from '../sql/frame.ts';
import { isComparable } from '../function/registry.ts';
import { ExpressionBinder } from './bind-expression.ts';
import type { ColumnFinder } from './binding.ts';
import type { Expr, SortKey } from './expr.ts';
import { columnOf } from './expr-walk.ts';
import type { LogicalPlan } from './logical.ts';
import { Scope } from './scope.ts';
import { sqlTypeName } from './sql-type.ts';

/** The number of a GROUP BY or ORDER BY item that is a bare integer. */
export function positionOf(node: { readonly kind: string; readonly text?: string }): bigint | undefined {
  return node.kind === 'number' && /^-?\d+$/u.test(node.text ?? '') ? BigInt(node.text ?? '') : undefined;
}

/** The one of `list` that a number names, from 1. @throws `sql_bind` when there is none */
export function atPlace<T>(sql: string, list: readonly T[], place: bigint, span: Span, clause: string): T {
  const found = place >= 1n && place <= BigInt(list.length) ? list[Number(place) - 1] : undefined;
  if (found !== undefined) return found;
  const range = list.length === 1 ? 'there is only column 1' : `there are columns 1 to ${list.length.toString()}`;
  throw sqlError('sql_bind', sql, span, `${clause} names column ${place.toString()} of the list`, range);
}

type Ordering = Pick<Query, 'orders' | 'orderAll'>;

/**
 * `plan` sorted by the ORDER BY of a set operation: by its columns, by what its queries call or compute them, and by
 * expressions over them. @throws `sql_bind`
 */
export function bindOrderOfSets(
  sql: string,
  query: Ordering,
  plan: LogicalPlan,
  find: ColumnFinder | undefined,
): LogicalPlan {
  const { fields } = plan.schema;
  const bind = overColumns(sql, plan);
  return sorted(sql, query, plan, (item) => {
    const { span } = item.expr;
    if (isConstant(item.expr)) throw sortsNothing(sql, span);
    const place = fieldNamed(item.expr, fields) ?? placeOf(item.expr) ?? find?.(item.expr);
    const field = place === undefined ? undefined : fields[place];
    return place === undefined || field === undefined ? bind(item) : columnOf(place, field, span);
  });
}

/** The error of an ORDER BY that says nothing about the rows. */
export function sortsNothing(sql: string, span: Span): EngineError {
  const remedy = 'name a column, or its number in the list';
  return sqlError('sql_bind', sql, span, 'ORDER BY a constant sorts nothing', remedy);
}

/** True for a literal as it is written, which orders nothing. */
export function isConstant({ kind }: ExprNode): boolean {
  return kind === 'string' || kind === 'boolean' || kind === 'null' || kind === 'number' || kind === 'bytes';
}

/** The place of `#2`, from 0. */
function placeOf(expr: ExprNode): number | undefined {
  return expr.kind === 'position' ? expr.place : undefined;
}

function fieldNamed(expr: ExprNode, fields: readonly Field[]): number | undefined {
  if (expr.kind !== 'column_name' || expr.path.length !== 1) return undefined;
  const name = foldName(expr.path[0]?.name ?? '');
  const found = fields.findIndex((field) => foldName(field.name) === name);
  return found < 0 ? undefined : found;
}

/** `plan` sorted by the query's ORDER BY, over its own columns. @throws `sql_bind` */
export function bindOrder(sql: string, query: Ordering, plan: LogicalPlan): LogicalPlan {
  return sorted(sql, query, plan, overColumns(sql, plan));
}

function overColumns(sql: string, { schema }: LogicalPlan): (item: OrderItem) => Expr {
  const binder = new ExpressionBinder(sql, Scope.of(sql, { name: 'the result', schema }), new Map());
  return ({ expr }) => binder.bind(expr, { name: 'ORDER BY', aggregates: undefined, aliasesBefore: 0 });
}

function sorted(
  sql: string,
  { orders, orderAll }: Ordering,
  plan: LogicalPlan,
  bind: (item: OrderItem) => Expr,
): LogicalPlan {
  const { schema } = plan;
  const { fields } = schema;
  const keys: SortKey[] = [];
  const add = (expr: Expr, item: (typeof orders)[number]): void => {
    if (!isComparable(expr.type)) {
      throw sqlError('sql_bind', sql, item.span, `cannot order by a value of type ${sqlTypeName(expr.type)}`);
    }
    keys.push({ expr, descending: item.descending, nullsFirst: item.nullsFirst ?? false });
  };
  if (orderAll !== undefined) fields.forEach((field, i) => add(columnOf(i, field, orderAll.span), orderAll));
  for (const item of orders) {
    const place = positionOf(item.expr);
    if (place === undefined) {
      add(bind(item), item);
      continue;
    }
    const field = atPlace(sql, fields, place, item.expr.span, 'ORDER BY');
    add(columnOf(Number(place) - 1, field, item.expr.span), item);
  }
  return keys.length === 0 ? plan : { kind: 'sort', schema, input: plan, keys, limit: undefined };
}
