/**
 * LIMIT and OFFSET: row counts, constants or values that are known when the query runs.
 *
 * Hides how a constant expression becomes a number. Invariant: a constant is a whole number from 0 to 2^53 - 1.
 */
import { makeField, makeSchema } from '../arrow/schema.ts';
import type { DataType } from '../arrow/type.ts';
import type { ExprNode, Query } from '../sql/ast.ts';
import { sqlError } from '../sql/frame.ts';
import { ExpressionBinder } from './bind-expression.ts';
import type { SubqueryBinding } from './bind-subquery.ts';
import { castTo, readText } from './coerce.ts';
import { DOUBLE, INT64, makeLiteral } from './constant.ts';
import { hasOuter } from './decorrelate.ts';
import type { Expr } from './expr.ts';
import { hasLeaf } from './expr-walk.ts';
import type { LogicalPlan } from './logical.ts';
import { oneRow } from './logical.ts';
import { foldExpr } from './pass-fold.ts';
import { Scope } from './scope.ts';

/** Digits that every number of rows may have. */
const PLAIN_COUNT = /^\d{1,15}$/u;

type Bounds = Pick<Query, 'limit' | 'limitPercent' | 'offset'>;

/** What LIMIT or OFFSET says: a number of rows, or of percent; undefined when it is NULL; or what says so later. */
type Count = number | undefined | Expr;

function isLater(count: Count): count is Expr {
  return typeof count === 'object';
}

/**
 * The rows of `plan` within a query's LIMIT and OFFSET. With `subqueries` queries may say how many. @throws `sql_bind`
 */
export function bindLimit(sql: string, query: Bounds, plan: LogicalPlan, subqueries?: SubqueryBinding): LogicalPlan {
  const isPart = query.limitPercent && query.limit !== undefined;
  const percent = isPart ? bindPercent(sql, query.limit, subqueries) : undefined;
  const limit = isPart ? undefined : bindRowCount(sql, query.limit, 'LIMIT', subqueries);
  const offset = bindRowCount(sql, query.offset, 'OFFSET', subqueries) ?? 0;
  if (isLater(limit) || isLater(percent) || isLater(offset)) {
    return limitLater(sql, plan, { limit, percent, offset }, subqueries);
  }
  if (limit === undefined && percent === undefined && offset === 0) return plan;
  return { kind: 'limit', schema: plan.schema, input: plan, limit, percent, offset };
}

/** The counts of a limit, of which one at least is an expression. */
interface LaterCounts {
  readonly limit: Count;
  readonly percent: Count;
  readonly offset: Count;
}

/** The rows of `plan` within counts that are known when the query runs. */
function limitLater(
  sql: string,
  plan: LogicalPlan,
  counts: LaterCounts,
  subqueries: SubqueryBinding | undefined,
): LogicalPlan {
  const { span } = [counts.limit, counts.percent, counts.offset].find(isLater) as Expr;
  const exprOf = (count: Count, type: DataType): Expr => {
    if (isLater(count)) return count;
    const value = count === undefined ? null : type === INT64 ? BigInt(count) : count;
    return makeLiteral(value, type, span);
  };
  const exprs = [exprOf(counts.limit, INT64), exprOf(counts.offset, INT64), exprOf(counts.percent, DOUBLE)];
  const placed = subqueries?.list.place(oneRow(), exprs) ?? { plan: oneRow(), exprs };
  if (hasOuter(plan) || hasOuter(placed.plan) || placed.exprs.some((expr) => hasLeaf(expr, 'outer'))) {
    const message = 'a query that reads columns of the one around it takes only constants in LIMIT and OFFSET';
    throw sqlError('sql_bind', sql, span, message, 'filter by row_number() instead');
  }
  const schema = makeSchema(placed.exprs.map(({ type }, i) => makeField(COUNT_NAMES[i] ?? '', type, true)));
  const row: LogicalPlan = { kind: 'project', schema, input: placed.plan, exprs: placed.exprs };
  return { kind: 'limit', schema: plan.schema, input: plan, limit: undefined, offset: 0, counts: row };
}

const COUNT_NAMES = ['limit', 'offset', 'percent'];

/** The percent of `LIMIT n %`, a constant from 0 to 100; undefined when it is NULL. @throws `sql_bind` */
function bindPercent(sql: string, node: ExprNode, subqueries: SubqueryBinding | undefined): Count {
  const part = foldExpr(bindCount(sql, node, 'LIMIT', DOUBLE, subqueries));
  if (part.kind !== 'literal') return part;
  const { value } = part;
  if (value === null) return undefined;
  if (typeof value === 'number' && value >= 0 && value <= 100) return value;
  throw sqlError('sql_bind', sql, node.span, 'LIMIT in percent takes a number from 0 to 100');
}

/** The value of LIMIT or OFFSET, as a number. */
function bindCount(
  sql: string,
  node: ExprNode,
  clause: string,
  type: DataType,
  subqueries: SubqueryBinding | undefined,
): Expr {
  const binder = new ExpressionBinder(sql, Scope.of(sql, undefined), new Map(), { outer: undefined, subqueries });
  const bound = foldExpr(binder.bind(node, { name: clause, aggregates: undefined, aliasesBefore: 0 }));
  const isText = bound.kind === 'literal' && typeof bound.value === 'string';
  return isText ? readText(sql, bound, type) : castTo(sql, bound, type, false, node.span);
}

/** The rows that `node` counts; undefined when it is absent or NULL. @throws `sql_bind` when it is no row count */
function bindRowCount(
  sql: string,
  node: ExprNode | undefined,
  clause: string,
  subqueries: SubqueryBinding | undefined,
): Count {
  if (node === undefined) return undefined;
  if (node.kind === 'number' && PLAIN_COUNT.test(node.text)) return Number(node.text);
  if (node.kind === 'column_name') {
    throw sqlError('sql_bind', sql, node.span, `${clause} takes a number of rows, not a column`);
  }
  const count = foldExpr(bindCount(sql, node, clause, INT64, subqueries));
  if (count.kind !== 'literal' && subqueries !== undefined) return count;
  if (count.kind !== 'literal' || (count.value !== null && typeof count.value !== 'bigint')) {
    throw sqlError('sql_bind', sql, node.span, `${clause} takes a number of rows that is known beforehand`);
  }
  if (count.value === null) return undefined;
  if (count.value < 0n) throw sqlError('sql_bind', sql, node.span, `${clause} must not be negative`);
  return Number(count.value < BigInt(Number.MAX_SAFE_INTEGER) ? count.value : BigInt(Number.MAX_SAFE_INTEGER));
}
