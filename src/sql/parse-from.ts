/**
 * FROM: tables, queries and functions, side by side and joined.
 *
 * Hides the words of joins. Invariants: joins lean to the left, a comma is a cross join that binds less than JOIN; a
 * form that DuckDB has and we lack is named in the error, at its place.
 */
import type {
  ExprNode,
  FromItem,
  Identifier,
  JoinKind,
  Subquery,
  ShownRows,
  TableFunction,
  TableName,
} from './ast.ts';
import { coverSpans } from './ast.ts';
import type { Cursor } from './cursor.ts';
import { sqlError } from './frame.ts';
import { parseExpression } from './parse-expression.ts';
import { selectAll } from './plain-select.ts';
import { isShown, parseShown } from './parse-show.ts';
import { canBeTableFunction } from './keyword.ts';
import { parseTableName, parseTimeTravel, refuseAsOf, tableNamed } from './parse-table.ts';

/** Parses what stands after FROM. @throws `sql_syntax`, `sql_unsupported`, `limit_exceeded` */
export function parseFrom(cursor: Cursor): FromItem {
  let left = parseJoins(cursor);
  while (cursor.takeComma()) {
    const right = parseJoins(cursor);
    const span = coverSpans(left.span, right.span);
    left = { kind: 'join', join: 'cross', left, right, on: undefined, using: [], natural: false, asof: false, span };
  }
  cursor.refuseLacking();
  return left;
}

/** What stands before JOIN. */
interface JoinWords {
  readonly join: JoinKind;
  readonly natural: boolean;
  readonly asof: boolean;
}

const OUTER_JOINS = new Set(['left', 'right', 'full']);
const INNER_JOINS = new Set(['inner', 'semi', 'anti']);
const FREE_JOINS = new Set(['cross', 'positional']);

/** Reads the words up to and with JOIN, or undefined when no join begins here. */
function takeJoinWords(cursor: Cursor): JoinWords | undefined {
  const natural = cursor.isWord('natural');
  if (natural) cursor.advance();
  const asof = !natural && cursor.isWord('asof');
  if (asof) cursor.advance();
  const { word } = cursor.token;
  if (OUTER_JOINS.has(word) || INNER_JOINS.has(word) || (!natural && !asof && FREE_JOINS.has(word))) {
    cursor.advance();
    if (OUTER_JOINS.has(word)) cursor.takeWord('outer');
    cursor.expectWord('join');
    return { join: word as JoinKind, natural, asof };
  }
  // Only JOIN itself is offered in messages, for all the words that may stand before it.
  if (cursor.takeWord('join')) return { join: 'inner', natural, asof };
  if (natural || asof) throw cursor.unexpected();
  return undefined;
}

function parseJoins(cursor: Cursor): FromItem {
  let left = parseItem(cursor);
  for (;;) {
    const words = takeJoinWords(cursor);
    if (words === undefined) return left;
    const right = parseItem(cursor);
    const isFree = words.natural || words.join === 'cross' || words.join === 'positional';
    let on: ExprNode | undefined;
    let using: readonly Identifier[] = [];
    if (!isFree) {
      if (cursor.takeWord('using')) {
        using = parseNames(cursor, true);
        if (using.length === 0) throw cursor.unexpected();
      } else {
        cursor.expectWord('on');
        on = parseExpression(cursor);
      }
    }
    const span = cursor.spanFrom(left.span.start);
    left = { kind: 'join', ...words, left, right, on, using, span };
  }
}

/** An item with its alias behind it, or before it as in `a: t`. */
function parseItem(cursor: Cursor): FromItem {
  const { start } = cursor.token;
  const before = cursor.takePrefixAlias();
  const item = parseAliased(cursor);
  if (before === undefined) return item;
  const span = cursor.spanFrom(start);
  if (item.kind === 'join' || item.alias !== undefined) {
    const message = item.kind === 'join' ? 'an alias before a join names nothing' : 'one alias is enough';
    throw sqlError('sql_syntax', cursor.sql, before.span, message);
  }
  return { ...item, alias: before, span };
}

function parseAliased(cursor: Cursor): FromItem {
  const token = cursor.token;
  const lateral = cursor.takeWord('lateral');
  if (cursor.isSymbol('(')) {
    if (cursor.isQuery(1)) return parseSubquery(cursor, lateral, token.start);
    if (isShown(cursor, 1)) return parseShownRows(cursor);
    if (!lateral) return cursor.nested(() => parseParenthesised(cursor));
  }
  const first = cursor.token;
  if (first.kind === 'string') throw cursor.unsupported('a file in FROM', first);
  if (first.word === 'values' && cursor.peek(1).text === '(') return parseValues(cursor, lateral);
  const calls = first.kind === 'word' && canBeTableFunction(first.word) && cursor.peek(1).text === '(';
  const table = calls ? tableNamed(cursor.expectLabel('a function')) : parseTableName(cursor);
  if (cursor.isSymbol('(')) {
    if (!calls && first.kind === 'word' && table.path.length === 1) throw cursor.unexpected();
    return parseTableFunction(cursor, table);
  }
  if (lateral) throw cursor.unsupported('LATERAL before a table', token);
  refuseAsOf(cursor);
  const early = parseTimeTravel(cursor);
  const alias = cursor.takeAlias();
  const columns = alias === undefined ? [] : parseNames(cursor, true);
  if (alias !== undefined) refuseAsOf(cursor);
  // DuckDB has the alias before AT; either order is taken.
  const at = early ?? parseTimeTravel(cursor);
  refuseSample(cursor);
  return { ...table, at, alias, columns, span: cursor.spanFrom(table.span.start) };
}

function refuseSample(cursor: Cursor): void {
  if (cursor.isWord('tablesample')) throw cursor.unsupported('TABLESAMPLE', cursor.token);
}

/** A join in parentheses; under an alias it is a query of all its columns. */
function parseParenthesised(cursor: Cursor): FromItem {
  const { start } = cursor.token;
  cursor.expectSymbol('(');
  const inner = parseFrom(cursor);
  cursor.expectSymbol(')');
  const alias = cursor.takeAlias();
  if (alias === undefined) return inner;
  const columns = parseNames(cursor, true);
  const span = cursor.spanFrom(start);
  return { kind: 'subquery', query: selectAll(inner, inner.span), lateral: false, alias, columns, span };
}

/** `(SELECT …) [AS] alias`. */
function parseSubquery(cursor: Cursor, lateral: boolean, start: number): Subquery {
  cursor.expectSymbol('(');
  const query = cursor.query();
  cursor.expectSymbol(')');
  const alias = cursor.takeAlias();
  const columns = alias === undefined ? [] : parseNames(cursor, true);
  if (cursor.isWord('at')) throw cursor.unsupported('AT after a subquery; write it after the table', cursor.token);
  refuseSample(cursor);
  return { kind: 'subquery', query, lateral, alias, columns, span: cursor.spanFrom(start) };
}

/** `(DESCRIBE …) [AS] alias`. */
function parseShownRows(cursor: Cursor): ShownRows {
  const { start } = cursor.advance();
  const statement = parseShown(cursor);
  cursor.expectSymbol(')');
  const alias = cursor.takeAlias();
  const columns = alias === undefined ? [] : parseNames(cursor, true);
  return { kind: 'shown_rows', statement, alias, columns, span: cursor.spanFrom(start) };
}

/** `VALUES (…), … [AS] alias(column, …)` without parentheses around it. */
function parseValues(cursor: Cursor, lateral: boolean): Subquery {
  const { start } = cursor.token;
  const query = cursor.query();
  const alias = cursor.takeAlias();
  const columns = alias === undefined ? [] : parseNames(cursor, true);
  return { kind: 'subquery', query, lateral, alias, columns, span: cursor.spanFrom(start) };
}

function parseTableFunction(cursor: Cursor, table: TableName): TableFunction {
  const [name, ...more] = table.path;
  if (name === undefined || more.length > 0) throw cursor.unsupported('a qualified function name', table.span);
  cursor.expectSymbol('(');
  const args: ExprNode[] = [];
  if (!cursor.isSymbol(')')) {
    do args.push(parseExpression(cursor));
    while (cursor.takeComma());
  }
  cursor.expectSymbol(')');
  const ordinality = cursor.isWord('with') && cursor.peek(1).word === 'ordinality';
  for (let words = ordinality ? 2 : 0; words > 0; words--) cursor.advance();
  const alias = cursor.takeAlias();
  const columns = alias === undefined ? [] : parseNames(cursor, true);
  return { kind: 'table_function', name, args, ordinality, alias, columns, span: cursor.spanFrom(table.span.start) };
}

/** `(name, …)`, or nothing; names may be text where they are given anew. */
export function parseNames(cursor: Cursor, allowsText = false): readonly Identifier[] {
  if (!cursor.takeSymbol('(')) return [];
  const names: Identifier[] = [];
  do names.push(allowsText ? cursor.expectNameOrText('a column name') : cursor.expectName('a column name'));
  while (cursor.takeComma());
  cursor.expectSymbol(')');
  return names;
}
