/**
 * LIMIT and OFFSET: constants that are row counts.
 *
 * Hides how a constant expression becomes a number. Invariant: an answer is a whole number from 0 to 2^53 - 1.
 */
import type { ExprNode, Query } from '../sql/ast.ts';
import { sqlError } from '../sql/frame.ts';
import { ExpressionBinder } from './bind-expression.ts';
import { castTo, readText } from './coerce.ts';
import { DOUBLE, INT64 } from './constant.ts';
import type { LogicalPlan } from './logical.ts';
import { foldExpr } from './pass-fold.ts';
import { Scope } from './scope.ts';

/** Digits that every number of rows may have. */
const PLAIN_COUNT = /^\d{1,15}$/u;

/** The rows of `plan` within a query's LIMIT and OFFSET. @throws `sql_bind` */
export function bindLimit(
  sql: string,
  query: Pick<Query, 'limit' | 'limitPercent' | 'offset'>,
  plan: LogicalPlan,
): LogicalPlan {
  const isPart = query.limitPercent && query.limit !== undefined;
  const percent = isPart ? bindPercent(sql, query.limit) : undefined;
  const limit = isPart ? undefined : bindRowCount(sql, query.limit, 'LIMIT');
  const offset = bindRowCount(sql, query.offset, 'OFFSET') ?? 0;
  if (limit === undefined && percent === undefined && offset === 0) return plan;
  return { kind: 'limit', schema: plan.schema, input: plan, limit, percent, offset };
}

/** The constant of `LIMIT n %`, from 0 to 100; undefined when it is NULL. @throws `sql_bind` */
function bindPercent(sql: string, node: ExprNode): number | undefined {
  const binder = new ExpressionBinder(sql, Scope.of(sql, undefined), new Map());
  const bound = foldExpr(binder.bind(node, { name: 'LIMIT', aggregates: undefined, aliasesBefore: 0 }));
  const isText = bound.kind === 'literal' && typeof bound.value === 'string';
  const part = foldExpr(isText ? readText(sql, bound, DOUBLE) : castTo(sql, bound, DOUBLE, false, node.span));
  const value = part.kind === 'literal' ? part.value : undefined;
  if (value === null) return undefined;
  if (typeof value === 'number' && value >= 0 && value <= 100) return value;
  throw sqlError('sql_bind', sql, node.span, 'LIMIT in percent takes a constant from 0 to 100');
}

/**
 * The rows that `node` counts; undefined when it is absent or NULL. @throws `sql_bind` when it is no constant row
 * count.
 */
function bindRowCount(sql: string, node: ExprNode | undefined, clause: string): number | undefined {
  if (node === undefined) return undefined;
  if (node.kind === 'number' && PLAIN_COUNT.test(node.text)) return Number(node.text);
  if (node.kind === 'column_name') {
    throw sqlError('sql_bind', sql, node.span, `${clause} takes a number of rows, not a column`);
  }
  const binder = new ExpressionBinder(sql, Scope.of(sql, undefined), new Map());
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
