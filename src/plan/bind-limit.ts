/**
 * LIMIT and OFFSET: row counts, constants or values that are known when the query runs.
 *
 * Hides how a constant expression becomes a number, and that other counts are compared with the numbers of the rows.
 * Invariants: a constant is a whole number from 0 to 2^53 - 1; without a constant rows keep their order, too.
 */
import type { Field } from '../arrow/schema.ts';
import type { DataType } from '../arrow/type.ts';
import type { ExprNode, Query } from '../sql/ast.ts';
import { sqlError } from '../sql/frame.ts';
import { ExpressionBinder } from './bind-expression.ts';
import type { SubqueryBinding } from './bind-subquery.ts';
import { castTo, makeCall, makeComparison, readText } from './coerce.ts';
import { DOUBLE, INT64, makeLiteral } from './constant.ts';
import { hasOuter } from './decorrelate.ts';
import type { Expr } from './expr.ts';
import { columnOf, hasLeaf } from './expr-walk.ts';
import type { LogicalPlan } from './logical.ts';
import { makeFilter, pickColumns } from './logical.ts';
import { countRows, numberRows } from './numbered.ts';
import { foldExpr } from './pass-fold.ts';
import { Scope } from './scope.ts';

/** Digits that every number of rows may have. */
const PLAIN_COUNT = /^\d{1,15}$/u;

const UINT64: DataType = { id: 'int', bitWidth: 64, signed: false };

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

/** Numbers the rows, and keeps those whose numbers are within the counts; a count that is NULL keeps all. */
function limitLater(
  sql: string,
  plan: LogicalPlan,
  { limit, percent, offset }: LaterCounts,
  subqueries: SubqueryBinding | undefined,
): LogicalPlan {
  const width = plan.schema.fields.length;
  const { span } = [limit, percent, offset].find(isLater) as Expr;
  const call = (name: string, args: Expr[]): Expr => makeCall(sql, name, args, span);
  const exprOf = (count: Count, type: DataType): Expr | undefined => {
    if (count === undefined || isLater(count)) return count;
    return makeLiteral(type === INT64 ? BigInt(count) : count, type, span);
  };
  const numbered = numberRows(plan, [], []);
  const counted = percent === undefined ? numbered : countRows(numbered);
  const at = (index: number): Expr => columnOf(index, counted.schema.fields[index] as Field, span);
  const skipped = call('coalesce', [exprOf(offset, INT64) as Expr, makeLiteral(0n, INT64, span)]);
  const place = call('-', [at(width), skipped]);
  const part = exprOf(percent, DOUBLE);
  const most = part === undefined ? exprOf(limit, INT64) : partOf(sql, part, at(width + 1));
  const conditions = [makeComparison(sql, '>', place, makeLiteral(0n, INT64, span), span)];
  if (most !== undefined) {
    conditions.push(
      call('coalesce', [makeComparison(sql, '<=', place, most, span), makeLiteral(true, { id: 'bool' }, span)]),
    );
  }
  const placed = subqueries?.list.place(counted, conditions) ?? { plan: counted, exprs: conditions };
  if (hasOuter(placed.plan) || placed.exprs.some((expr) => hasLeaf(expr, 'outer'))) {
    const message = 'a query that reads columns of the one around it takes only constants in LIMIT and OFFSET';
    throw sqlError('sql_bind', sql, span, message, 'filter by row_number() instead');
  }
  const kept = placed.exprs.reduce((input, condition) => makeFilter(input, condition), placed.plan);
  return pickColumns(kept, [...plan.schema.fields.keys()]);
}

/** So many percent of `count`, rounded down; the cast refuses what is no part. */
function partOf(sql: string, percent: Expr, count: Expr): Expr {
  const { span } = percent;
  const number = (value: number): Expr => makeLiteral(value, DOUBLE, span);
  const call = (name: string, args: Expr[]): Expr => makeCall(sql, name, args, span);
  const rows = call('floor', [
    call('/', [call('*', [castTo(sql, count, DOUBLE, false, span), percent]), number(100)]),
  ]);
  const isPart = call('and', [
    makeComparison(sql, '>=', percent, number(0), span),
    makeComparison(sql, '<=', percent, number(100), span),
  ]);
  const isOut = call('not', [isPart]);
  return rowCountOf(sql, call('case', [isOut, number(-1), rows]));
}

/** The value as a count of rows, which is never negative. */
function rowCountOf(sql: string, value: Expr): Expr {
  const count = castTo(sql, value, UINT64, false, value.span);
  return castTo(sql, count, INT64, false, value.span);
}

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
  if (count.kind !== 'literal' && subqueries !== undefined) return rowCountOf(sql, count);
  if (count.kind !== 'literal' || (count.value !== null && typeof count.value !== 'bigint')) {
    throw sqlError('sql_bind', sql, node.span, `${clause} takes a number of rows that is known beforehand`);
  }
  if (count.value === null) return undefined;
  if (count.value < 0n) throw sqlError('sql_bind', sql, node.span, `${clause} must not be negative`);
  return Number(count.value < BigInt(Number.MAX_SAFE_INTEGER) ? count.value : BigInt(Number.MAX_SAFE_INTEGER));
}
