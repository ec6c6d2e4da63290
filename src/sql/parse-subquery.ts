/**
 * Queries within expressions: as a value, after EXISTS, IN, ANY and ALL, and as a list.
 *
 * Hides nothing. Invariant: the query stands in parentheses of its own.
 */
import type { ExprNode, Query } from './ast.ts';
import type { BinaryOperator } from './ast-word.ts';
import type { Cursor } from './cursor.ts';
import { plainCall, plainItem, plainSelect } from './plain-select.ts';

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
  if (!cursor.isWord('exists') || cursor.peek(1).text !== '(') return undefined;
  const start = cursor.advance().start;
  if (!cursor.isQuery(1)) {
    cursor.advance();
    cursor.note('SELECT');
    throw cursor.unexpected();
  }
  return { kind: 'exists', query: parseEnclosed(cursor), span: cursor.spanFrom(start) };
}

/** The query after IN, or undefined when a list stands there. */
export function parseInQuery(cursor: Cursor, operand: ExprNode, negated: boolean): ExprNode | undefined {
  if (!cursor.isSymbol('(') || !cursor.isQuery(1)) return undefined;
  const query = parseEnclosed(cursor);
  return { kind: 'in_query', operand, query, negated, span: cursor.spanFrom(operand.span.start) };
}

/**
 * `ANY (SELECT …)`, `SOME (…)` or `ALL (…)` after a comparison; undefined when none stands here. A list is the query of
 * its values.
 */
export function parseQuantified(
  cursor: Cursor,
  operand: ExprNode,
  operator: BinaryOperator,
  readList: (cursor: Cursor) => ExprNode,
): ExprNode | undefined {
  const { word } = cursor.token;
  if (word !== 'any' && word !== 'some' && word !== 'all') return undefined;
  const isList = cursor.peek(1).text === '(' && !cursor.isQuery(2);
  cursor.advance();
  if (!cursor.isSymbol('(') && cursor.token.kind !== 'end') {
    throw cursor.unsupported('a list without parentheses behind ANY and ALL; write ANY (list)', cursor.token);
  }
  const quantifier = word === 'all' ? 'all' : 'any';
  const query = isList ? parseValuesOf(cursor, readList) : parseEnclosed(cursor);
  return { kind: 'quantified', operator, quantifier, operand, query, span: cursor.spanFrom(operand.span.start) };
}

/** `(list)` as `(SELECT unnest(list))`. */
function parseValuesOf(cursor: Cursor, readList: (cursor: Cursor) => ExprNode): Query {
  const start = cursor.token.start;
  cursor.expectSymbol('(');
  const list = readList(cursor);
  cursor.expectSymbol(')');
  const span = cursor.spanFrom(start);
  return plainSelect([plainItem(plainCall('unnest', [list], span))], undefined, span);
}

/** `ARRAY(SELECT …)`. */
export function parseArrayQuery(cursor: Cursor): ExprNode {
  const start = cursor.advance().start;
  return { kind: 'array_query', query: parseEnclosed(cursor), span: cursor.spanFrom(start) };
}
