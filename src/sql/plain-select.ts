/**
 * Queries of the simplest form, for statements that mean one without writing it.
 *
 * Hides nothing. Invariant: every clause that is not asked for is empty.
 */
import type { Span } from '../base/errors.ts';
import type { ExprNode, FromItem, Select, SelectItem, Star } from './ast.ts';

/** Nothing around a query; its span is to be set. */
export const BARE_FRAME = {
  common: [],
  orderAll: undefined,
  orders: [],
  limit: undefined,
  limitPercent: false,
  offset: undefined,
} as const;

/** `*` alone. */
export function bareStar(span: Span): Star {
  return { kind: 'star', table: [], exclude: [], replace: [], rename: [], filter: undefined, span };
}

/** An item without an alias. */
export function plainItem(expr: ExprNode): SelectItem {
  return { kind: 'select_item', expr, alias: undefined, span: expr.span };
}

/** `SELECT items FROM from`, and nothing around it. */
export function plainSelect(items: readonly SelectItem[], from: FromItem | undefined, span: Span): Select {
  const clauses = {
    where: undefined,
    groupAll: false,
    groups: [],
    having: undefined,
    windows: [],
    qualify: undefined,
  };
  return { kind: 'select', ...BARE_FRAME, distinct: false, distinctOn: [], items, from, ...clauses, span };
}

/** `SELECT * FROM` an item; the span of the star is the item's. */
export function selectAll(from: FromItem, span: Span): Select {
  return plainSelect([plainItem(bareStar(from.span))], from, span);
}

/** What a call has that is nothing but a name and arguments. */
export const PLAIN_CALL = {
  star: false,
  distinct: false,
  orders: [],
  withinGroup: false,
  nulls: undefined,
  filter: undefined,
  over: undefined,
} as const;

/** A call of a function by its name, which nothing qualifies. */
export function plainCall(name: string, args: readonly ExprNode[], span: Span): ExprNode {
  return {
    kind: 'function_call',
    name: { kind: 'identifier', name, quoted: false, span },
    args,
    ...PLAIN_CALL,
    span,
  };
}
