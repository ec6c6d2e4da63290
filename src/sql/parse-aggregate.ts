/**
 * What an aggregate call may hold besides arguments: ORDER BY, WITHIN GROUP and FILTER.
 *
 * Hides their words. Invariant: nothing is read when the word is not there; how an expression is read is given, since
 * calls stand in expressions and expressions in calls.
 */
import type { ExprNode, OrderItem } from './ast.ts';
import type { Cursor } from './cursor.ts';
import { parseDirection } from './parse-order.ts';

type ReadExpression = (cursor: Cursor) => ExprNode;

/** `[ORDER BY expr [ASC|DESC] [NULLS FIRST|LAST], …]`. @throws `sql_syntax`, `sql_unsupported` */
export function parseCallOrder(cursor: Cursor, read: ReadExpression): readonly OrderItem[] {
  if (!cursor.takeWord('order')) return [];
  cursor.expectWord('by');
  if (cursor.isWord('all')) throw cursor.unsupported('ORDER BY ALL inside a call', cursor.token);
  const orders: OrderItem[] = [];
  do orders.push(parseDirection(cursor, read(cursor)));
  while (cursor.takeComma());
  return orders;
}

/** `[WITHIN GROUP (ORDER BY …)]`; undefined when it is not there. */
export function parseWithinGroup(cursor: Cursor, read: ReadExpression): readonly OrderItem[] | undefined {
  if (!cursor.isWord('within') || cursor.peek(1).word !== 'group') return undefined;
  cursor.advance();
  cursor.advance();
  cursor.expectSymbol('(');
  const orders = parseCallOrder(cursor, read);
  if (orders.length === 0) throw cursor.unexpected();
  cursor.expectSymbol(')');
  return orders;
}

/** `[FILTER ([WHERE] condition)]`. */
export function parseFilter(cursor: Cursor, read: ReadExpression): ExprNode | undefined {
  // Without a parenthesis it is an alias.
  if (!cursor.isWord('filter') || cursor.peek(1).text !== '(') return undefined;
  cursor.advance();
  cursor.expectSymbol('(');
  cursor.takeWord('where');
  const condition = read(cursor);
  cursor.expectSymbol(')');
  return condition;
}
