/**
 * SELECT, in both orders: SELECT … FROM t and DuckDB's FROM t [SELECT …]; WITH before it, and queries in FROM.
 *
 * Hides clause order. Invariant: a clause that DuckDB has and we lack is named in the error, at its place.
 */
import type {
  CommonTable,
  ExprNode,
  Identifier,
  OrderItem,
  Select,
  SelectItem,
  Subquery,
  TableName,
  TimeTravel,
} from './ast.ts';
import type { Cursor } from './cursor.ts';
import { CLAUSES_LACKING } from './keyword.ts';
import { parseExpression } from './parse-expression.ts';

/** True when a query begins here. */
export function isSelect(cursor: Cursor): boolean {
  return cursor.isWord('select') || cursor.isWord('from') || cursor.isWord('with');
}

/** Parses one query. @throws `sql_syntax`, `sql_unsupported`, `limit_exceeded` */
export function parseSelect(cursor: Cursor): Select {
  const start = cursor.token.start;
  const common = parseWith(cursor);
  let from: TableName | Subquery | undefined;
  let list: { distinct: boolean; items: SelectItem[] };
  if (cursor.takeWord('from')) {
    from = parseFrom(cursor);
    if (cursor.isWord('select')) {
      list = parseList(cursor);
    } else {
      cursor.note('SELECT');
      list = { distinct: false, items: [wholeStar(from)] };
    }
  } else {
    list = parseList(cursor);
    if (cursor.takeWord('from')) from = parseFrom(cursor);
  }
  refuseLacking(cursor);
  const where = cursor.takeWord('where') ? parseExpression(cursor) : undefined;
  const group = parseGroupBy(cursor);
  const having = cursor.takeWord('having') ? parseExpression(cursor) : undefined;
  refuseLacking(cursor);
  const order = parseOrderBy(cursor);
  const bounds = parseLimit(cursor);
  refuseLacking(cursor);
  return {
    kind: 'select',
    common,
    ...list,
    from,
    where,
    ...group,
    having,
    ...order,
    ...bounds,
    span: cursor.spanFrom(start),
  };
}

/** The `*` that `FROM t` alone means; its span is the table's. */
function wholeStar(from: TableName | Subquery): SelectItem {
  const expr: ExprNode = { kind: 'star', table: [], span: from.span };
  return { kind: 'select_item', expr, alias: undefined, span: from.span };
}

function refuseLacking(cursor: Cursor): void {
  const feature = CLAUSES_LACKING.get(cursor.token.word);
  if (feature !== undefined) throw cursor.unsupported(feature, cursor.token);
}

/** SELECT [ALL | DISTINCT] item, … ; a comma after the last item is allowed before FROM, as in DuckDB. */
function parseList(cursor: Cursor): { distinct: boolean; items: SelectItem[] } {
  cursor.expectWord('select');
  const distinct = cursor.takeWord('distinct');
  if (distinct && cursor.isWord('on')) throw cursor.unsupported('DISTINCT ON', cursor.token);
  if (!distinct && cursor.isWord('all')) cursor.advance();
  const items = [parseItem(cursor)];
  while (cursor.takeSymbol(',')) {
    if (cursor.isWord('from')) break;
    items.push(parseItem(cursor));
  }
  return { distinct, items };
}

const STAR_CLAUSES = new Set(['exclude', 'replace', 'rename', 'like', 'ilike']);

function parseItem(cursor: Cursor): SelectItem {
  const start = cursor.token.start;
  const expr = parseExpression(cursor);
  if (expr.kind === 'star') {
    const word = cursor.token.word;
    if (STAR_CLAUSES.has(word)) throw cursor.unsupported(`* ${word.toUpperCase()}`, cursor.token);
    return { kind: 'select_item', expr, alias: undefined, span: expr.span };
  }
  const alias = cursor.takeAlias(true);
  return { kind: 'select_item', expr, alias, span: cursor.spanFrom(start) };
}

/** One table with its alias; everything else that FROM may hold is named as lacking. */
function parseFrom(cursor: Cursor): TableName | Subquery {
  const token = cursor.token;
  if (cursor.isSymbol('(')) return parseSubquery(cursor);
  if (token.kind === 'string') throw cursor.unsupported('a file in FROM', token);
  if (token.word === 'values') throw cursor.unsupported('VALUES in FROM', token);
  if (token.word === 'lateral') throw cursor.unsupported('LATERAL', token);
  const table = parseTableName(cursor);
  if (cursor.isSymbol('(')) throw cursor.unsupported('a table function', table.span);
  refuseAsOf(cursor);
  const early = parseTimeTravel(cursor);
  refuseLacking(cursor);
  const alias = cursor.takeAlias(false);
  if (alias !== undefined && cursor.isSymbol('('))
    throw cursor.unsupported('column aliases of a table', cursor.token);
  if (alias !== undefined) refuseAsOf(cursor);
  // DuckDB has the alias before AT; either order is taken.
  const at = early ?? parseTimeTravel(cursor);
  if (cursor.isSymbol(',')) throw cursor.unsupported('more than one table in FROM', cursor.token);
  refuseLacking(cursor);
  return { ...table, at, alias, span: cursor.spanFrom(table.span.start) };
}

/** `(SELECT …) [AS] alias`. */
function parseSubquery(cursor: Cursor): Subquery {
  const token = cursor.token;
  const query = parseInner(cursor, 'a join or a table in parentheses in FROM');
  const alias = cursor.takeAlias(false);
  if (alias !== undefined && cursor.isSymbol('('))
    throw cursor.unsupported('column aliases of a subquery', cursor.token);
  if (cursor.isWord('at')) throw cursor.unsupported('AT after a subquery; write it after the table', cursor.token);
  if (cursor.isSymbol(',')) throw cursor.unsupported('more than one table in FROM', cursor.token);
  refuseLacking(cursor);
  return { kind: 'subquery', query, alias, span: cursor.spanFrom(token.start) };
}

/** A query in parentheses; `otherwise` names what else may begin with one. */
function parseInner(cursor: Cursor, otherwise: string): Select {
  const token = cursor.token;
  cursor.expectSymbol('(');
  if (cursor.isWord('values')) throw cursor.unsupported('VALUES as a query', cursor.token);
  if (!isSelect(cursor)) throw cursor.unsupported(otherwise, token);
  const query = cursor.nested(() => parseSelect(cursor));
  cursor.expectSymbol(')');
  return query;
}

/** `WITH name AS (SELECT …), …`, or nothing. */
function parseWith(cursor: Cursor): CommonTable[] {
  if (!cursor.takeWord('with')) return [];
  if (cursor.isWord('recursive')) throw cursor.unsupported('WITH RECURSIVE', cursor.token);
  const tables: CommonTable[] = [];
  do {
    const start = cursor.token.start;
    const name = cursor.expectName('a name for the query');
    if (cursor.isSymbol('(')) throw cursor.unsupported('column names in WITH', cursor.token);
    cursor.expectWord('as');
    // Whether it is made once or each time makes no difference to the rows.
    if (cursor.takeWord('not')) cursor.expectWord('materialized');
    else cursor.takeWord('materialized');
    const query = parseInner(cursor, 'a statement in WITH that is no query');
    tables.push({ kind: 'common_table', name, query, span: cursor.spanFrom(start) });
  } while (cursor.takeSymbol(','));
  expectSelect(cursor);
  return tables;
}

/** @throws `sql_syntax` unless a query begins here */
export function expectSelect(cursor: Cursor): void {
  if (isSelect(cursor)) return;
  for (const word of ['SELECT', 'FROM']) cursor.note(word);
  throw cursor.unexpected();
}

/** `AT (VERSION => n)`, `AT (TIMESTAMP => t)`, or undefined when neither begins here. */
export function parseTimeTravel(cursor: Cursor): TimeTravel | undefined {
  const start = cursor.token.start;
  if (!cursor.takeWord('at')) return undefined;
  cursor.expectSymbol('(');
  const isVersion = cursor.takeWord('version');
  if (!isVersion) cursor.expectWord('timestamp');
  cursor.expectSymbol('=>');
  const value = parseExpression(cursor);
  cursor.expectSymbol(')');
  return { kind: 'time_travel', unit: isVersion ? 'version' : 'timestamp', value, span: cursor.spanFrom(start) };
}

const AT_FORMS = "write FROM t AT (VERSION => 42) or FROM t AT (TIMESTAMP => '2024-02-29 12:00:00')";
/** Words with which other dialects name a moment: `FOR SYSTEM_TIME AS OF`, `AS OF TIMESTAMP`. */
const MOMENT_WORDS = new Set(['system_time', 'system_version', 'version', 'timestamp', 'timestamptz', 'date', 'scn']);

/** Shows the right form to those who write time travel as other dialects do. */
function refuseAsOf(cursor: Cursor): void {
  const token = cursor.token;
  const [next, after] = [cursor.peek(1), cursor.peek(2)];
  if (token.word === 'for' && MOMENT_WORDS.has(next.word)) {
    throw cursor.unsupported(`FOR ${next.word.toUpperCase()}; ${AT_FORMS}`, { start: token.start, end: next.end });
  }
  if (token.word !== 'as' || next.word !== 'of') return;
  if (after.kind === 'number' || after.kind === 'string' || MOMENT_WORDS.has(after.word)) {
    throw cursor.unsupported(`AS OF; ${AT_FORMS}`, { start: token.start, end: next.end });
  }
}

/** `t`, `schema.t` or `catalog.schema.t`, without a moment and an alias. */
export function parseTableName(cursor: Cursor): TableName {
  const start = cursor.token.start;
  const path: Identifier[] = [cursor.expectName('a table name')];
  while (cursor.isSymbol('.')) {
    cursor.advance();
    path.push(cursor.expectLabel('a table name'));
  }
  return { kind: 'table_name', path, at: undefined, alias: undefined, span: cursor.spanFrom(start) };
}

const GROUPING_WORDS = new Set(['grouping', 'rollup', 'cube']);

function parseGroupBy(cursor: Cursor): { groupAll: boolean; groups: ExprNode[] } {
  const groups: ExprNode[] = [];
  if (!cursor.takeWord('group')) return { groupAll: false, groups };
  cursor.expectWord('by');
  if (cursor.takeWord('all')) return { groupAll: true, groups };
  do {
    const token = cursor.token;
    const next = cursor.peek(1);
    if (GROUPING_WORDS.has(token.word) && (next.text === '(' || next.word === 'sets')) {
      throw cursor.unsupported('GROUPING SETS, ROLLUP and CUBE', token);
    }
    groups.push(parseExpression(cursor));
  } while (cursor.takeSymbol(','));
  return { groupAll: false, groups };
}

function parseOrderBy(cursor: Cursor): { orderAll: OrderItem | undefined; orders: OrderItem[] } {
  const orders: OrderItem[] = [];
  if (!cursor.takeWord('order')) return { orderAll: undefined, orders };
  cursor.expectWord('by');
  if (cursor.isWord('all')) {
    const token = cursor.advance();
    const span = { start: token.start, end: token.end };
    return { orderAll: parseDirection(cursor, { kind: 'star', table: [], span }), orders };
  }
  do orders.push(parseDirection(cursor, parseExpression(cursor)));
  while (cursor.takeSymbol(','));
  return { orderAll: undefined, orders };
}

/** [ASC | DESC] [NULLS FIRST | NULLS LAST] after `expr`. */
function parseDirection(cursor: Cursor, expr: ExprNode): OrderItem {
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

/** LIMIT n and OFFSET m, in either order. */
function parseLimit(cursor: Cursor): { limit: ExprNode | undefined; offset: ExprNode | undefined } {
  let limit: ExprNode | undefined;
  let offset: ExprNode | undefined;
  let limited = false;
  for (;;) {
    if (!limited && cursor.takeWord('limit')) {
      limited = true;
      if (cursor.takeWord('all')) continue;
      refusePercent(cursor);
      limit = parseExpression(cursor);
    } else if (offset === undefined && cursor.takeWord('offset')) {
      offset = parseExpression(cursor);
      if (cursor.isWord('row') || cursor.isWord('rows')) cursor.advance();
    } else {
      return { limit, offset };
    }
  }
}

function refusePercent(cursor: Cursor): void {
  if (cursor.token.kind !== 'number') return;
  const sign = cursor.peek(1);
  const after = cursor.peek(2);
  const ends = after.kind === 'end' || after.text === ';' || after.word === 'offset';
  if (sign.word === 'percent' || (sign.text === '%' && ends)) throw cursor.unsupported('LIMIT in percent', sign);
}
