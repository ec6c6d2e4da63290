/**
 * ORDER BY of a query whose columns are all that it may sort by: set operations and VALUES.
 *
 * Hides nothing. Invariant: the rows and their columns stay.
 */
import type { Field } from '../arrow/schema.ts';
import type { Span } from '../base/errors.ts';
import { foldName } from '../base/names.ts';
import type { ExprNode, Query } from '../sql/ast.ts';
import { sqlError } from '../sql/frame.ts';
import { isComparable } from '../function/registry.ts';
import { ExpressionBinder } from './bind-expression.ts';
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

/** The column, from 1, that only another query of a set operation calls by the name. */
function otherPlace(expr: ExprNode, fields: readonly Field[], others: readonly Field[]): bigint | undefined {
  if (expr.kind !== 'column_name' || expr.path.length !== 1) return undefined;
  const name = foldName(expr.path[0]?.name ?? '');
  if (fields.some((field) => foldName(field.name) === name)) return undefined;
  const place = others.findIndex((field) => foldName(field.name) === name);
  return place < 0 ? undefined : BigInt(place + 1);
}

/** `plan` sorted by the query's ORDER BY, which may call its columns by `others` too. @throws `sql_bind` */
export function bindOrder(
  sql: string,
  query: Pick<Query, 'orders' | 'orderAll'>,
  plan: LogicalPlan,
  others: readonly Field[] = [],
): LogicalPlan {
  const { orders, orderAll } = query;
  const { schema } = plan;
  const { fields } = schema;
  const binder = new ExpressionBinder(sql, Scope.of(sql, { name: 'the result', schema }), new Map());
  const keys: SortKey[] = [];
  const add = (expr: Expr, item: (typeof orders)[number]): void => {
    if (!isComparable(expr.type)) {
      throw sqlError('sql_bind', sql, item.span, `cannot order by a value of type ${sqlTypeName(expr.type)}`);
    }
    keys.push({ expr, descending: item.descending, nullsFirst: item.nullsFirst ?? false });
  };
  if (orderAll !== undefined) fields.forEach((field, i) => add(columnOf(i, field, orderAll.span), orderAll));
  for (const item of orders) {
    const place = positionOf(item.expr) ?? otherPlace(item.expr, fields, others);
    if (place === undefined) {
      add(binder.bind(item.expr, { name: 'ORDER BY', aggregates: undefined, aliasesBefore: 0 }), item);
      continue;
    }
    const field = atPlace(sql, fields, place, item.expr.span, 'ORDER BY');
    add(columnOf(Number(place) - 1, field, item.expr.span), item);
  }
  return keys.length === 0 ? plan : { kind: 'sort', schema, input: plan, keys, limit: undefined };
}
