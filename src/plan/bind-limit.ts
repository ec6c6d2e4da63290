/**
 * LIMIT and OFFSET: constants that are row counts.
 *
 * Hides how a constant expression becomes a number. Invariant: an answer is a whole number from 0 to 2^53 - 1.
 */
import type { ExprNode } from '../sql/ast.ts';
import { sqlError } from '../sql/frame.ts';
import { ExpressionBinder } from './bind-expression.ts';
import { castTo, readText } from './coerce.ts';
import { INT64 } from './constant.ts';
import { foldExpr } from './pass-fold.ts';
import { Scope } from './scope.ts';

/**
 * The rows that `node` counts; undefined when it is absent or NULL. @throws `sql_bind` when it is no constant row
 * count.
 */
export function bindRowCount(sql: string, node: ExprNode | undefined, clause: string): number | undefined {
  if (node === undefined) return undefined;
  if (node.kind === 'column_name') {
    throw sqlError('sql_bind', sql, node.span, `${clause} takes a number of rows, not a column`);
  }
  const binder = new ExpressionBinder(sql, new Scope(sql, undefined, undefined), new Map());
  const bound = foldExpr(binder.bind(node, { name: clause, aggregates: undefined, aliasesBefore: 0 }));
  const isText = bound.kind === 'literal' && typeof bound.value === 'string';
  const count = foldExpr(isText ? readText(sql, bound, INT64) : castTo(sql, bound, INT64, false, node.span));
  if (count.kind !== 'literal' || (count.value !== null && typeof count.value !== 'bigint')) {
    throw sqlError('sql_bind', sql, node.span, `${clause} takes a number of rows that is known beforehand`);
  }
  if (count.value === null) return undefined;
  if (count.value < 0n) throw sqlError('sql_bind', sql, node.span, `${clause} must not be negative`);
  return Number(count.value < BigInt(Number.MAX_SAFE_INTEGER) ? count.value : BigInt(Number.MAX_SAFE_INTEGER));
}
