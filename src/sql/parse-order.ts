/**
 * What follows an expression that rows are sorted by.
 *
 * Hides nothing. Invariant: what was not written is not said.
 */
import type { ExprNode, OrderItem } from './ast.ts';
import type { Cursor } from './cursor.ts';

/** [ASC | DESC] [NULLS FIRST | NULLS LAST] after `expr`. @throws `sql_syntax` */
export function parseDirection(cursor: Cursor, expr: ExprNode): OrderItem {
  const ascending = cursor.takeWord('asc');
  const descending = !ascending && (cursor.takeWord('desc') || cursor.takeWord('descending'));
  const directed = ascending || descending;
  let nullsFirst: boolean | undefined;
  if (cursor.takeWord('nulls')) {
    nullsFirst = cursor.takeWord('first');
    if (!nullsFirst) cursor.expectWord('last');
  }
  return { kind: 'order_item', expr, descending, directed, nullsFirst, span: cursor.spanFrom(expr.span.start) };
}
