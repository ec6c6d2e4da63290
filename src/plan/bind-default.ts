/**
 * DEFAULT: constant expressions that are kept as text, and computed when a row needs them.
 *
 * Hides when that is: with each statement that adds rows, so that now() is the moment of that statement. Invariants: a
 * text that is kept was computed once, and fitted its column; what is computed has the type of the column's values.
 */
import type { Field } from '../arrow/schema.ts';
import type { ColumnDefault } from '../arrow/source.ts';
import type { Vector } from '../arrow/vector.ts';
import { EngineError } from '../base/errors.ts';
import type { Span } from '../base/errors.ts';
import type { ExprNode } from '../sql/ast.ts';
import { quoteText, sqlError } from '../sql/frame.ts';
import { parseExpressionText } from '../sql/parse.ts';
import { printExpression } from '../sql/print.ts';
import { bindConstant, storeLiteral, storeVector } from './bind-constant.ts';
import type { Literal } from './constant.ts';
import { literalOfRow, makeLiteral } from './constant.ts';
import type { Expr } from './expr.ts';
import { freezeExpression } from './moment.ts';
import { storedType } from './stored-type.ts';

/** The text that is kept for DEFAULT, whose value now is `value`. @throws `sql_bind` unless it is a fitting constant */
export function bindDefault(
  sql: string,
  node: ExprNode,
  field: Field,
): { readonly text: string; readonly value: Vector } {
  const literal = { ...bindConstant(sql, node, 'DEFAULT'), span: node.span };
  const value = storeVector(sql, literal, storedType(field.type), `column ${quoteText(field.name)}`);
  return { text: printExpression(node), value };
}

/** A kept text as it means now: the literal, and its text for errors. */
function readDefault(text: string, nowMicros: bigint | undefined): Literal {
  const node = parseExpressionText(text);
  return bindConstant(text, nowMicros === undefined ? node : freezeExpression(node, nowMicros), 'DEFAULT', false);
}

/**
 * One row of what a column gets that is given no value for it, of the type of its values; undefined for NULL.
 * @throws `sql_bind` when the text cannot be computed (any more)
 */
export function defaultVector(text: string, field: Field, nowMicros: bigint | undefined): Vector | undefined {
  const literal = readDefault(text, nowMicros);
  if (literal.value === null) return undefined;
  return storeVector(text, literal, storedType(field.type), `column ${quoteText(field.name)}`);
}

/** Where a statement needs a default. */
export interface DefaultPlace {
  readonly sql: string;
  readonly span: Span;
  readonly nowMicros: bigint | undefined;
}

/** The same as an expression; NULL without a default. @throws `sql_bind` at the statement's place */
export function defaultExpr(given: ColumnDefault | undefined, field: Field, place: DefaultPlace): Expr {
  const type = storedType(field.type);
  const { sql, span, nowMicros } = place;
  const none = makeLiteral(null, type, span);
  if (given === undefined) return none;
  if ('value' in given) {
    const literal = literalOfRow(given.value, span);
    if (literal !== undefined) return storeLiteral(sql, literal, type, `column ${quoteText(field.name)}`);
    const message = `the default of column ${quoteText(field.name)} cannot be written into rows`;
    throw sqlError('sql_unsupported', sql, span, message, 'write the value itself');
  }
  return located(field, place, () => {
    const literal = readDefault(given.sql, nowMicros);
    if (literal.value === null) return none;
    return { ...storeLiteral(given.sql, literal, type, `column ${quoteText(field.name)}`), span };
  });
}

/** The same as one row; of nulls without a default. @throws `sql_bind` at the statement's place */
export function defaultRow(given: ColumnDefault | undefined, field: Field, place: DefaultPlace): Vector | undefined {
  if (given === undefined) return undefined;
  if ('value' in given) return given.value;
  return located(field, place, () => defaultVector(given.sql, field, place.nowMicros));
}

/** Errors of a kept text are told where the statement needs it. */
function located<T>(field: Field, { sql, span }: DefaultPlace, make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    const [first = ''] = error.message.split('\n');
    const cause = first.replaceAll(/ \(line \d+, column \d+\)/gu, '');
    throw sqlError(error.code, sql, span, `the default of column ${quoteText(field.name)} fails: ${cause}`);
  }
}
