/**
 * Queries within expressions: as a value, after EXISTS, IN, ANY and ALL.
 *
 * Hides nothing. Invariant: the query stands in parentheses of its own.
 */
import type { ExprNode, Query } from './ast.ts';
import type { BinaryOperator } from './ast-word.ts';
import type { Cursor } from './cursor.ts';

/** The query in parentheses that begins here. */
function parseEnclosed(cursor: Cursor): Query {
  cursor.expectSymbol('(');
  const query = cursor.query();
  cursor.expectSymbol(')');
  return query;
}

/** `(SELECT …)` as a value, or undefined when the parenthesis here holds none. */
export function parseScalarQuery(cursor: Cursor): ExprNode | undefined {
  if (!cursor.isSymbol('(') || !cursor.isQuery(1)) return undefined;
  const start = cursor.token.start;
  return { kind: 'scalar_query', query: parseEnclosed(cursor), span: cursor.spanFrom(start) };
}

/** `EXISTS (SELECT …)`, or undefined when that does not begin here. */
export function parseExists(cursor: Cursor): ExprNode | undefined {
  if (!cursor.isWord('exists') || cursor.peek(1).text !== '(' || !cursor.isQuery(2)) return undefined;
  const start = cursor.advance().start;
  return { kind: 'exists', query: parseEnclosed(cursor), span: cursor.spanFrom(start) };
}

/** The query after IN, or undefined when a list stands there. */
export function parseInQuery(cursor: Cursor, operand: ExprNode, negated: boolean): ExprNode | undefined {
  if (!cursor.isSymbol('(') || !cursor.isQuery(1)) return undefined;
  const query = parseEnclosed(cursor);
  return { kind: 'in_query', operand, query, negated, span: cursor.spanFrom(operand.span.start) };
}

/** `ANY (SELECT …)`, `SOME (…)` or `ALL (…)` after a comparison; undefined when none stands here. */
export function parseQuantified(cursor: Cursor, operand: ExprNode, operator: BinaryOperator): ExprNode | undefined {
  const { word } = cursor.token;
  if (word !== 'any' && word !== 'some' && word !== 'all') return undefined;
  if (cursor.peek(1).text === '(' && !cursor.isQuery(2)) {
    throw cursor.unsupported(`${word.toUpperCase()} of a list`, cursor.token);
  }
  cursor.advance();
  const quantifier = word === 'all' ? 'all' : 'any';
  const query = parseEnclosed(cursor);
  return { kind: 'quantified', operator, quantifier, operand, query, span: cursor.spanFrom(operand.span.start) };
}
