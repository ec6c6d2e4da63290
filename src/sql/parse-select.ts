/**
 * SELECT, in both orders: SELECT … FROM t and DuckDB's FROM t [SELECT …], up to its QUALIFY.
 *
 * Hides clause order. Invariant: a clause that DuckDB has and we lack is named in the error, at its place.
 */
import type { ExprNode, FromItem, GroupItem, GroupingSets, Select, SelectItem } from './ast.ts';
import type { Cursor } from './cursor.ts';
import { parseExpression, STAR_READERS } from './parse-expression.ts';
import { parseFrom } from './parse-from.ts';
import { asMatchingStar, asStar } from './parse-star.ts';
import { parseWindows } from './parse-window.ts';
import { BARE_FRAME, selectAll } from './plain-select.ts';

type List = Pick<Select, 'distinct' | 'distinctOn' | 'items'>;

/** Parses SELECT without what may stand around it. @throws `sql_syntax`, `sql_unsupported`, `limit_exceeded` */
export function parseSelect(cursor: Cursor): Select {
  const start = cursor.token.start;
  let from: FromItem | undefined;
  let list: List;
  if (cursor.takeWord('from')) {
    from = parseFrom(cursor);
    if (cursor.isWord('select')) {
      list = parseList(cursor);
    } else {
      cursor.note('SELECT');
      list = { distinct: false, distinctOn: [], items: selectAll(from, from.span).items };
    }
  } else {
    list = parseList(cursor);
    if (cursor.takeWord('from')) from = parseFrom(cursor);
  }
  cursor.refuseLacking();
  const where = cursor.takeWord('where') ? parseExpression(cursor) : undefined;
  const group = parseGroupBy(cursor);
  const having = cursor.takeWord('having') ? parseExpression(cursor) : undefined;
  const windows = parseWindows(cursor, parseExpression);
  const qualify = cursor.takeWord('qualify') ? parseExpression(cursor) : undefined;
  cursor.refuseLacking();
  return {
    kind: 'select',
    ...BARE_FRAME,
    ...list,
    from,
    where,
    ...group,
    having,
    windows,
    qualify,
    span: cursor.spanFrom(start),
  };
}

/** SELECT [ALL | DISTINCT [ON (…)]] item, … ; a comma after the last item is allowed, as in DuckDB. */
function parseList(cursor: Cursor): List {
  cursor.expectWord('select');
  const distinct = cursor.takeWord('distinct');
  const distinctOn: ExprNode[] = [];
  if (distinct && cursor.takeWord('on')) {
    cursor.expectSymbol('(');
    do distinctOn.push(parseExpression(cursor));
    while (cursor.takeComma());
    cursor.expectSymbol(')');
  }
  if (!distinct && cursor.isWord('all')) cursor.advance();
  return { distinct, distinctOn, items: parseItems(cursor) };
}

/** `item, …`, up to a comma before FROM. */
function parseItems(cursor: Cursor): SelectItem[] {
  const items = [parseItem(cursor)];
  while (cursor.takeComma()) items.push(parseItem(cursor));
  return items;
}

/** `RETURNING item, …`, or nothing. */
export function parseReturning(cursor: Cursor): readonly SelectItem[] {
  return cursor.takeWord('returning') ? parseItems(cursor) : [];
}

/** An expression with its alias behind it, or before it as in `a: 1`. */
function parseItem(cursor: Cursor): SelectItem {
  const start = cursor.token.start;
  const before = cursor.takePrefixAlias();
  const parsed = parseExpression(cursor);
  const expr = asMatchingStar(parsed) ?? asStar(cursor, parsed, STAR_READERS) ?? parsed;
  const alias = before ?? cursor.takeLabel();
  return { kind: 'select_item', expr, alias, span: cursor.spanFrom(start) };
}

function parseGroupBy(cursor: Cursor): Pick<Select, 'groupAll' | 'groups'> {
  const groups: GroupItem[] = [];
  if (!cursor.takeWord('group')) return { groupAll: false, groups };
  cursor.expectWord('by');
  if (cursor.takeWord('all')) return { groupAll: true, groups };
  do groups.push(parseGroup(cursor));
  while (cursor.takeComma());
  return { groupAll: false, groups };
}

function parseGroup(cursor: Cursor): GroupItem {
  const token = cursor.token;
  const next = cursor.peek(1);
  if (token.text === '(' && next.text === ')' && token.kind === 'symbol') {
    cursor.advance();
    cursor.advance();
    return { kind: 'empty_group', span: { start: token.start, end: next.end } };
  }
  if ((token.word === 'rollup' || token.word === 'cube') && next.text === '(') {
    cursor.advance();
    return parseSets(cursor, token.word, token.start);
  }
  if (token.word === 'grouping' && next.word === 'sets') {
    cursor.advance();
    cursor.advance();
    return parseSets(cursor, 'sets', token.start);
  }
  return parseExpression(cursor);
}

function parseSets(cursor: Cursor, form: GroupingSets['form'], start: number): GroupingSets {
  return cursor.nested(() => {
    cursor.expectSymbol('(');
    const items: GroupItem[] = [];
    do items.push(parseGroup(cursor));
    while (cursor.takeComma());
    cursor.expectSymbol(')');
    return { kind: 'grouping_sets', form, items, span: cursor.spanFrom(start) };
  });
}
