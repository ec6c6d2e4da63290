/**
 * Aggregate calls: arguments, constants, DISTINCT, FILTER, ORDER BY and WITHIN GROUP.
 *
 * Hides names that are other forms of an aggregate (percentile_cont) and where ORDER BY means nothing. Invariants:
 * arguments have the parameters' types; constants are folded and fit; an order that does not change the answer is
 * checked and left out, so that nothing is sorted for it.
 */
import { present } from '../base/assert.ts';
import type { Span } from '../base/errors.ts';
import type { ConstantValue } from '../function/constant.ts';
import {
  aggregateOf,
  isComparable,
  countsFromEnd,
  resolveAggregate,
  reversedQuantile,
} from '../function/registry.ts';
import type { AggregateEntry } from '../function/registry.ts';
import type { ExprNode, FunctionCall, OrderItem } from '../sql/ast.ts';
import { sqlError } from '../sql/frame.ts';
import { coerce, toCondition, unresolvedError } from './coerce.ts';
import type { AggregateCall, Expr, SortKey } from './expr.ts';
import { exprKey, exprsOfCall, hasLeaf, literalKey } from './expr-walk.ts';
import { foldExpr } from './pass-fold.ts';
import { sqlTypeName } from './sql-type.ts';

/** Aggregates that take the rows' value from WITHIN GROUP, by the name that is written. */
const WITHIN_GROUP: ReadonlyMap<string, string> = new Map([
  ['percentile_cont', 'quantile_cont'],
  ['percentile_disc', 'quantile_disc'],
  ['mode', 'mode'],
]);

/** Aggregates over doubles round as they go, so that their order shows. */
const ROUNDED = new Set(['sum', 'avg', 'mean', 'product']);

/** The name of the aggregate that a call means; undefined when it means none. */
export function aggregateName(sql: string, node: FunctionCall): string | undefined {
  const name = node.name.name.toLowerCase();
  const within = WITHIN_GROUP.get(name);
  if (!node.withinGroup) {
    if (within === undefined || within === name) return aggregateOf(name) === undefined ? undefined : name;
    throw sqlError('sql_bind', sql, node.span, `${name} needs WITHIN GROUP (ORDER BY …)`, `or write ${within}(x, q)`);
  }
  if (within !== undefined) return within;
  const takers = [...WITHIN_GROUP.keys()].join(', ');
  throw sqlError('sql_bind', sql, node.span, `${name} takes no WITHIN GROUP`, `only ${takers} do`);
}

/** Reads an expression as it stands in the part of the call that is named. */
type Bind = (node: ExprNode, part: string) => Expr;

/** Binds a call of the aggregate `name`. @throws `sql_bind`, `sql_unsupported` */
export function bindAggregateCall(sql: string, node: FunctionCall, name: string, bind: Bind): AggregateCall {
  const entry = present(aggregateOf(name), `the aggregate ${name}`);
  const [within, ...others] = node.withinGroup ? node.orders : [];
  if (others.length > 0) throw sqlError('sql_bind', sql, node.span, 'WITHIN GROUP takes one expression');
  const given = (within === undefined ? node.args : [within.expr, ...node.args]).map((arg) => {
    const isNamed = arg.kind === 'named_argument' && entry.isQuantile === true && arg.name.name === 'quantile';
    return bind(isNamed ? arg.value : arg, 'an aggregate');
  });
  const answer = resolveAggregate(
    name,
    given.map((arg) => arg.type),
  );
  if (!('parameters' in answer)) throw unresolvedError(sql, name, given, answer, node.span);
  const coerced = given.map((arg, i) => coerce(arg, answer.parameters[i] ?? arg.type));
  const from = entry.constantsFrom ?? coerced.length;
  const args = coerced.slice(0, from);
  const constants = bindConstants(sql, entry, coerced.slice(from), node.span);
  const filter = node.filter === undefined ? undefined : toCondition(sql, bind(node.filter, 'FILTER'), 'FILTER');
  const keys = node.orders.map((item) => bindKey(sql, item, bind));
  if (node.distinct) checkDistinctOrder(sql, [...given, ...args], keys);
  if (within !== undefined && entry.isQuantile === true) checkPercentile(sql, entry, constants, node.span);
  const isReversed = entry.isQuantile === true && keys.length > 0 && isDescending(sql, entry, given, keys);
  return {
    name: answer.name,
    args,
    constants: isReversed ? constants.map(reversedQuantile) : constants,
    distinct: node.distinct,
    filter,
    // A constant orders nothing.
    order:
      entry.isOrdered === true || (ROUNDED.has(name) && answer.type.id === 'float')
        ? keys.filter((key) => key.expr.kind !== 'literal')
        : [],
    type: answer.type,
    nullable: answer.nulls !== 'never',
    span: node.span,
  };
}

/** A call of the aggregate `name` over all rows, of arguments that have its types. */
export function makeAggregate(name: string, args: readonly Expr[], span: Span): AggregateCall {
  const answer = resolveAggregate(
    name,
    args.map((arg) => arg.type),
  );
  if (!('parameters' in answer)) throw new TypeError(`no aggregate ${name} of such values`);
  const { type, nulls } = answer;
  const nullable = nulls !== 'never';
  return {
    name: answer.name,
    args,
    constants: [],
    distinct: false,
    filter: undefined,
    order: [],
    type,
    nullable,
    span,
  };
}

function bindConstants(sql: string, entry: AggregateEntry, exprs: readonly Expr[], span: Span): ConstantValue[] {
  const values = exprs.map((expr) => {
    const folded = foldExpr(expr);
    if (folded.kind === 'literal') return folded.value;
    throw sqlError('sql_bind', sql, expr.span, `this argument of ${entry.name} must be a constant`);
  });
  const fault = entry.refuse?.(values);
  if (fault !== undefined) throw sqlError('sql_bind', sql, exprs[0]?.span ?? span, `${entry.name} ${fault}`);
  return values;
}

/** Within a group the order alone says from which end a quantile counts. */
function checkPercentile(
  sql: string,
  { name }: AggregateEntry,
  constants: readonly ConstantValue[],
  span: Span,
): void {
  if (countsFromEnd(constants[0])) {
    throw sqlError('sql_bind', sql, span, `${name} takes quantiles from 0 to 1 with WITHIN GROUP`, 'order by … DESC');
  }
}

function bindKey(sql: string, item: OrderItem, bind: Bind): SortKey {
  const expr = bind(item.expr, 'an aggregate');
  if (!isComparable(expr.type)) {
    throw sqlError('sql_bind', sql, expr.span, `cannot order by a value of type ${sqlTypeName(expr.type)}`);
  }
  return { expr, descending: item.descending, nullsFirst: item.nullsFirst ?? false };
}

/** Which of several rows DISTINCT keeps must not decide the order. */
function checkDistinctOrder(sql: string, args: readonly Expr[], keys: readonly SortKey[]): void {
  const known = new Set(args.map(exprKey));
  const follows = (expr: Expr): boolean => {
    if (expr.kind === 'literal' || known.has(exprKey(expr))) return true;
    if (expr.kind === 'cast') return follows(expr.operand);
    return expr.kind === 'call' && expr.args.every(follows);
  };
  for (const { expr } of keys) {
    if (follows(expr)) continue;
    throw sqlError('sql_bind', sql, expr.span, 'with DISTINCT, ORDER BY inside a call takes only its arguments');
  }
}

/** Quantiles sort by their argument anyhow; the order only says from which end. */
function isDescending(sql: string, entry: AggregateEntry, args: readonly Expr[], keys: readonly SortKey[]): boolean {
  const [key] = keys;
  const [value] = args;
  if (key === undefined || value === undefined || keys.length > 1 || exprKey(key.expr) !== exprKey(value)) {
    const message = `ORDER BY inside ${entry.name} can only repeat its first argument`;
    throw sqlError('sql_unsupported', sql, keys[0]?.expr.span ?? value?.span ?? { start: 0, end: 0 }, message);
  }
  return key.descending;
}

/** True when a call reads columns of the query around, and none of its own: as in SQL it is that one's aggregate. */
export function isOfOuter(call: AggregateCall): boolean {
  const exprs = exprsOfCall(call);
  const reads = (kind: 'column' | 'outer' | 'pending'): boolean => exprs.some((expr) => hasLeaf(expr, kind));
  return reads('outer') && !reads('column') && !reads('pending');
}

/** The error of an aggregate where none may stand. */
export function misplacedAggregate(sql: string, { name, span }: AggregateCall, clause: string): Error {
  const remedy = clause === 'WHERE' ? 'filter groups with HAVING' : undefined;
  return sqlError('sql_bind', sql, span, `the aggregate ${name} cannot stand in ${clause}`, remedy);
}

/** The aggregates of a query, each once. */
export class AggregateList {
  readonly calls: AggregateCall[] = [];
  readonly #places = new Map<string, number>();

  /** The place of `call`, which joins the list unless an equal one is there. */
  placeOf(call: AggregateCall): number {
    const key = callKey(call);
    const known = this.#places.get(key);
    if (known !== undefined) return known;
    this.#places.set(key, this.calls.length);
    return this.calls.push(call) - 1;
  }
}

/** A text that is equal for equal calls. */
function callKey(call: AggregateCall): string {
  const order = call.order.map(
    ({ expr, descending, nullsFirst }) => `${exprKey(expr)}${descending ? 'd' : ''}${nullsFirst ? 'f' : ''}`,
  );
  const constants = call.constants.map((value) => JSON.stringify(literalKey(value)));
  const rows = `${call.distinct ? 'd' : ''}:${call.filter === undefined ? '' : exprKey(call.filter)}`;
  return `${call.name}:${rows}(${[...call.args.map(exprKey), ...constants].join(',')};${order.join(',')})`;
}
