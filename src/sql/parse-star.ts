/**
 * The star with what may follow it, and COLUMNS.
 *
 * Hides the order of its clauses. Invariant: a star that has a filter is bare otherwise but for what it leaves out.
 */
import type { ColumnName, ColumnsNode, ExprNode, Identifier, LikeNode, SelectItem, Star } from './ast.ts';
import type { Cursor } from './cursor.ts';
import { sqlError } from './frame.ts';
import { bareStar } from './plain-select.ts';

/** How the expressions within are read: this one way back through the grammar is given. */
export interface StarReaders {
  readonly expression: (cursor: Cursor) => ExprNode;
  /** An expression, or a lambda. */
  readonly argument: (cursor: Cursor) => ExprNode;
  /** LIKE and what follows it. */
  readonly pattern: (cursor: Cursor, operand: ExprNode, negated: boolean) => LikeNode;
}

/** `* ~ 'pattern'` and `* ~* 'pattern'`, which are COLUMNS('pattern'); undefined for another expression. */
export function asMatchingStar(parsed: ExprNode): ColumnsNode | undefined {
  if (parsed.kind !== 'binary' || parsed.left.kind !== 'star' || parsed.right.kind !== 'string') return undefined;
  const { left: star, operator, right, span } = parsed;
  if (star.table.length > 0 || (operator !== '~' && operator !== '~*')) return undefined;
  return { kind: 'columns', star, pattern: operator === '~' ? right.value : `(?i)${right.value}`, span };
}

/** The star that `parsed` begins, with the clauses that follow; undefined for another expression. */
export function asStar(cursor: Cursor, parsed: ExprNode, readers: StarReaders): Star | undefined {
  if (parsed.kind === 'like' && parsed.operand.kind === 'star') {
    return { ...parsed.operand, filter: parsed, span: parsed.span };
  }
  if (parsed.kind !== 'star') return undefined;
  const star = parseStarClauses(cursor, parsed, readers);
  const negated = cursor.isWord('not');
  const word = negated ? cursor.peek(1).word : cursor.token.word;
  if (!['like', 'ilike', 'similar', 'glob'].includes(word)) return star;
  if (star.replace.length > 0 || star.rename.length > 0) {
    const message = 'REPLACE and RENAME cannot stand beside a pattern for names';
    throw sqlError('sql_bind', cursor.sql, star.span, message);
  }
  if (negated) cursor.advance();
  const filter = readers.pattern(cursor, bareStar(parsed.span), negated);
  return { ...star, filter, span: cursor.spanFrom(star.span.start) };
}

/** `* [EXCLUDE (…)] [REPLACE (…)] [RENAME (…)]`; EXCEPT means EXCLUDE unless a query follows. */
function parseStarClauses(cursor: Cursor, star: Star, { expression }: StarReaders): Star {
  let [exclude, replace, rename]: [readonly ColumnName[], SelectItem[], SelectItem[]] = [[], [], []];
  const isExcept = cursor.isWord('except') && !cursor.isQuery(1) && cursor.peek(1).word !== 'all';
  if (isExcept) cursor.advance();
  if (isExcept || cursor.takeWord('exclude')) exclude = parseInParentheses(cursor, parseColumnName);
  const replacement = (): SelectItem => parseReplacement(cursor, expression(cursor));
  if (cursor.takeWord('replace')) replace = parseInParentheses(cursor, replacement);
  if (cursor.takeWord('rename')) rename = parseInParentheses(cursor, replacement);
  return { ...star, exclude, replace, rename, span: cursor.spanFrom(star.span.start) };
}

/** `(item, …)`, a comma at the end allowed, or one item without parentheses. */
function parseInParentheses<T>(cursor: Cursor, parse: (cursor: Cursor) => T): T[] {
  if (!cursor.takeSymbol('(')) return [parse(cursor)];
  const items: T[] = [];
  do items.push(parse(cursor));
  while (cursor.takeComma());
  cursor.expectSymbol(')');
  return items;
}

/** `column`, `table.column` or `'column'`. */
function parseColumnName(cursor: Cursor): ColumnName {
  const { start, end, kind, text } = cursor.token;
  if (kind === 'string') {
    cursor.advance();
    const span = { start, end };
    return { kind: 'column_name', path: [{ kind: 'identifier', name: text, quoted: true, span }], span };
  }
  const path: Identifier[] = [cursor.expectName('a column name')];
  while (cursor.takeSymbol('.')) path.push(cursor.expectLabel('a column'));
  return { kind: 'column_name', path, span: cursor.spanFrom(start) };
}

/** `expr AS name`. */
function parseReplacement(cursor: Cursor, expr: ExprNode): SelectItem {
  cursor.expectWord('as');
  const alias = cursor.expectName('a column name');
  return { kind: 'select_item', expr, alias, span: cursor.spanFrom(expr.span.start) };
}

/** `COLUMNS(* …)`, `COLUMNS(t.* …)`, `COLUMNS('pattern')`, `COLUMNS(lambda x: …)` and `COLUMNS([name, …])`. */
export function parseColumns(cursor: Cursor, readers: StarReaders): ColumnsNode {
  const { start } = cursor.advance();
  cursor.expectSymbol('(');
  const parsed = readers.argument(cursor);
  const pattern = parsed.kind === 'string' ? parsed.value : undefined;
  const star = pattern === undefined ? asStar(cursor, parsed, readers) : undefined;
  const choice = pattern === undefined && star === undefined ? parsed : undefined;
  cursor.expectSymbol(')');
  return { kind: 'columns', star: star ?? bareStar(parsed.span), pattern, choice, span: cursor.spanFrom(start) };
}
