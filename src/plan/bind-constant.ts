/**
 * Constants in statements: expressions without columns, computed while planning.
 *
 * Hides folding. Invariant: what is bound here is never evaluated again.
 */
import { nullVector } from '../arrow/null-vector.ts';
import type { DataType } from '../arrow/type.ts';
import type { Vector } from '../arrow/vector.ts';
import { EngineError } from '../base/errors.ts';
import { constantVector } from '../function/constant.ts';
import { castKernel, castKind } from '../function/registry.ts';
import type { ExprNode } from '../sql/ast.ts';
import { quoteText, sqlError } from '../sql/frame.ts';
import { ExpressionBinder } from './bind-expression.ts';
import { castTo, readText } from './coerce.ts';
import type { Literal } from './constant.ts';
import { castLiteral } from './constant.ts';
import type { Expr } from './expr.ts';
import { foldExpr } from './pass-fold.ts';
import { Scope } from './scope.ts';
import { sqlTypeName } from './sql-type.ts';

/**
 * The value of `node`, which `what` asks for; with `alsoVolatile` random() is a number there. @throws `sql_bind` when
 * it is no constant or cannot be computed.
 */
export function bindConstant(sql: string, node: ExprNode, what: string, alsoVolatile = true): Literal {
  if (node.kind === 'column_name') {
    throw sqlError('sql_bind', sql, node.span, `${what} takes a constant, not a column`);
  }
  const binder = new ExpressionBinder(sql, Scope.of(sql, undefined), new Map());
  const clause = { name: what, aggregates: undefined, aliasesBefore: 0 };
  const bound = foldExpr(binder.bind(node, clause), alsoVolatile);
  if (bound.kind === 'literal') return bound;
  throw sqlError('sql_bind', sql, node.span, `${what} takes a constant that can be computed`);
}

/**
 * A literal that shall be stored as `type`, by any cast there is, as DuckDB assigns. @throws `sql_bind` when there is
 * none, or this value does not convert.
 */
export function storeLiteral(sql: string, literal: Literal, type: DataType, what: string): Expr {
  if (literal.value === null) return castTo(sql, literal, type, false, literal.span);
  if (castKind(literal.type, type) === 'none') throw noCastError(sql, literal, type, what);
  if (literal.type.id === 'utf8') return readText(sql, literal, type);
  try {
    return castLiteral(literal, type) ?? castTo(sql, literal, type, false, literal.span);
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    const text = quoteText(sql.slice(literal.span.start, literal.span.end));
    throw sqlError('sql_bind', sql, literal.span, `${text} does not fit ${what}, which is ${sqlTypeName(type)}`);
  }
}

/**
 * The same as a vector of one row, also of types that literals cannot have; of nulls for NULL. @throws as storeLiteral,
 * and `sql_bind` for a value that does not convert
 */
export function storeVector(sql: string, literal: Literal, type: DataType, what: string): Vector {
  if (literal.value === null) return nullVector(type, 1);
  const stored = foldExpr(storeLiteral(sql, literal, type, what));
  if (stored.kind === 'literal' && stored.value !== null) return constantVector(type, stored.value, 1);
  const vector = constantVector(literal.type, literal.value, 1);
  try {
    return castKernel(literal.type, type, false)([vector], 1, type);
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    throw sqlError('sql_bind', sql, literal.span, error.message);
  }
}

/** The error for a value that can never be stored as `type`. */
export function noCastError(sql: string, expr: Expr, type: DataType, what: string): EngineError {
  const message = `${what} is ${sqlTypeName(type)} and cannot take a value of type ${sqlTypeName(expr.type)}`;
  return sqlError('sql_bind', sql, expr.span, message);
}
