/**
 * Queries: SELECT, VALUES and set operations, with WITH before them and ORDER BY and LIMIT after.
 *
 * Hides precedence of set operations (INTERSECT binds tighter) and parentheses. Invariant: what stands around a query
 * in parentheses is about the whole of it, never joined with its own clauses.
 */
import type { CommonTable, ExprNode, Identifier, OrderItem, Query, SetOperation, ValueRow } from './ast.ts';
import { coverSpans } from './ast.ts';
import type { Cursor } from './cursor.ts';
import { parseExpression } from './parse-expression.ts';
import { parseNames } from './parse-from.ts';
import { parseTableName } from './parse-table.ts';
import { parseDirection } from './parse-order.ts';
import { parseSelect } from './parse-select.ts';
import { isShown, parseShownQuery } from './parse-show.ts';
import { BARE_FRAME, bareStar, selectAll } from './plain-select.ts';

/** Parses one query. @throws `sql_syntax`, `sql_unsupported`, `limit_exceeded` */
export function parseQuery(cursor: Cursor): Query {
  const { start } = cursor.token;
  return parseAfterWith(cursor, parseWith(cursor), start);
}

/** Parses the query that follows a WITH, which began at `start`. @throws as `parseQuery` */
export function parseAfterWith(cursor: Cursor, common: readonly CommonTable[], start: number): Query {
  // As in DuckDB what SHOW and its like answer is no query that WITH may stand before.
  if (common.length > 0 && (!cursor.isQuery() || (cursor.isSymbol('(') && isShown(cursor, 1)))) {
    for (const word of ['SELECT', 'FROM']) cursor.note(word);
    throw cursor.unexpected();
  }
  const { query, isClosed } = parseBody(cursor, 0);
  const order = parseOrderBy(cursor);
  const bounds = parseLimit(cursor);
  cursor.refuseLacking();
  const span = cursor.spanFrom(start);
  const isBare = common.length === 0 && order.orderAll === undefined && order.orders.length === 0;
  if (!isClosed) return { ...query, common, ...order, ...bounds, span };
  if (isBare && bounds.limit === undefined && bounds.offset === undefined) return query;
  // The clauses of a query in parentheses are its own: these go around it.
  const from = { kind: 'subquery', query, lateral: false, alias: undefined, columns: [], span: query.span } as const;
  return { ...selectAll(from, span), common, ...order, ...bounds };
}

/** A query, and whether parentheses stand around it. */
interface Body {
  readonly query: Query;
  readonly isClosed: boolean;
}

const SET_POWERS: ReadonlyMap<string, number> = new Map([
  ['union', 1],
  ['except', 1],
  ['intersect', 2],
]);

/** Set operations that bind tighter than `floor`. */
function parseBody(cursor: Cursor, floor: number): Body {
  let left = parsePrimary(cursor);
  for (;;) {
    const word = cursor.token.word;
    const power = SET_POWERS.get(word);
    if (power === undefined || power <= floor) return left;
    cursor.advance();
    const all = cursor.takeWord('all');
    if (!all) cursor.takeWord('distinct');
    const byName = cursor.takeWord('by');
    if (byName) cursor.expectWord('name');
    const right = parseBody(cursor, power);
    const query: SetOperation = {
      kind: 'set_operation',
      operator: word as SetOperation['operator'],
      all,
      byName,
      left: left.query,
      right: right.query,
      ...BARE_FRAME,
      span: coverSpans(left.query.span, right.query.span),
    };
    left = { query, isClosed: false };
  }
}

function parsePrimary(cursor: Cursor): Body {
  const start = cursor.token.start;
  if (cursor.isSymbol('(')) {
    cursor.advance();
    const query = isShown(cursor, 0) ? parseShownQuery(cursor) : cursor.query();
    cursor.expectSymbol(')');
    return { query, isClosed: true };
  }
  if (cursor.takeWord('values')) {
    const rows: ValueRow[] = [parseRow(cursor)];
    while (cursor.takeComma()) rows.push(parseRow(cursor));
    return { query: { kind: 'values_query', rows, ...BARE_FRAME, span: cursor.spanFrom(start) }, isClosed: false };
  }
  if (cursor.takeWord('table')) {
    return { query: selectAll(parseTableName(cursor), cursor.spanFrom(start)), isClosed: false };
  }
  return { query: parseSelect(cursor), isClosed: false };
}

function parseRow(cursor: Cursor): ValueRow {
  const start = cursor.token.start;
  cursor.expectSymbol('(');
  const values: ExprNode[] = [];
  do {
    if (cursor.isWord('default')) throw cursor.unsupported('DEFAULT in a query of VALUES', cursor.token);
    values.push(parseExpression(cursor));
  } while (cursor.takeComma());
  cursor.expectSymbol(')');
  return { kind: 'value_row', values, span: cursor.spanFrom(start) };
}

/** @throws `sql_syntax` unless a query begins here */
export function expectQuery(cursor: Cursor): Query {
  if (cursor.isQuery() || (cursor.isSymbol('(') && cursor.isQuery(1))) return cursor.query();
  for (const word of ['SELECT', 'FROM']) cursor.note(word);
  throw cursor.unexpected();
}

/** `WITH name AS (SELECT …), …`, or nothing. */
export function parseWith(cursor: Cursor): CommonTable[] {
  if (!cursor.takeWord('with')) return [];
  const recursive = cursor.takeWord('recursive');
  const tables: CommonTable[] = [];
  do {
    const start = cursor.token.start;
    const name = cursor.expectName('a name for the query');
    const columns: readonly Identifier[] = parseNames(cursor, true);
    if (cursor.isWord('using')) throw cursor.unsupported('USING KEY in WITH RECURSIVE', cursor.token);
    cursor.expectWord('as');
    // Whether it is made once or each time makes no difference to the rows.
    if (cursor.takeWord('not')) cursor.expectWord('materialized');
    else cursor.takeWord('materialized');
    const token = cursor.token;
    cursor.expectSymbol('(');
    if (!cursor.isQuery()) throw cursor.unsupported('a statement in WITH that is no query', token);
    const query = cursor.query();
    cursor.expectSymbol(')');
    tables.push({ kind: 'common_table', name, columns, recursive, query, span: cursor.spanFrom(start) });
  } while (cursor.takeComma());
  return tables;
}

function parseOrderBy(cursor: Cursor): { orderAll: OrderItem | undefined; orders: readonly OrderItem[] } {
  if (!cursor.takeWord('order')) return { orderAll: undefined, orders: [] };
  cursor.expectWord('by');
  if (cursor.isWord('all')) {
    const token = cursor.advance();
    const span = { start: token.start, end: token.end };
    return { orderAll: parseDirection(cursor, bareStar(span)), orders: [] };
  }
  const orders = parseOrderItems(cursor);
  const [first] = orders;
  if (orders.length === 1 && first?.expr.kind === 'star') return { orderAll: first, orders: [] };
  return { orderAll: undefined, orders };
}

/** `expr [ASC | DESC] [NULLS FIRST | NULLS LAST], …` */
function parseOrderItems(cursor: Cursor): OrderItem[] {
  const orders: OrderItem[] = [];
  do orders.push(parseDirection(cursor, parseExpression(cursor)));
  while (cursor.takeComma());
  return orders;
}

/** LIMIT n and OFFSET m, in either order. */
function parseLimit(cursor: Cursor): Pick<Query, 'limit' | 'limitPercent' | 'offset'> {
  let limit: ExprNode | undefined;
  let limitPercent = false;
  let offset: ExprNode | undefined;
  let limited = false;
  for (;;) {
    if (!limited && cursor.takeWord('limit')) {
      limited = true;
      if (cursor.takeWord('all')) continue;
      const part = parsePercentSign(cursor);
      limit = part ?? parseExpression(cursor);
      limitPercent = part !== undefined || cursor.takeWord('percent');
    } else if (offset === undefined && cursor.takeWord('offset')) {
      offset = parseExpression(cursor);
      if (cursor.isWord('row') || cursor.isWord('rows')) cursor.advance();
    } else {
      return { limit, limitPercent, offset };
    }
  }
}

/** `20 %` and `(10 + 10) %`, where nothing follows that the sign could divide by; undefined for all else. */
function parsePercentSign(cursor: Cursor): ExprNode | undefined {
  const { start, end, kind, text } = cursor.token;
  const isOpen = cursor.isSymbol('(');
  if (!isOpen && kind !== 'number' && kind !== 'string') return undefined;
  let ahead = 1;
  for (let depth = isOpen ? 1 : 0; depth > 0; ahead++) {
    const token = cursor.peek(ahead);
    if (token.kind === 'end') return undefined;
    if (token.kind === 'symbol' && (token.text === '(' || token.text === ')')) depth += token.text === '(' ? 1 : -1;
  }
  const sign = cursor.peek(ahead);
  const after = cursor.peek(ahead + 1);
  const isLast = after.kind === 'end' || after.text === ';' || after.text === ')' || after.word === 'offset';
  if (sign.kind !== 'symbol' || sign.text !== '%' || !isLast) return undefined;
  cursor.advance();
  let part: ExprNode;
  if (isOpen && cursor.isQuery()) {
    const query = cursor.query();
    cursor.expectSymbol(')');
    part = { kind: 'scalar_query', query, span: cursor.spanFrom(start) };
  } else if (isOpen) {
    part = parseExpression(cursor);
    cursor.expectSymbol(')');
  } else {
    const span = { start, end };
    part = kind === 'number' ? { kind, text, span } : { kind: 'string', value: text, span };
  }
  cursor.advance();
  return part;
}
