/**
 * ASOF joins: each left row with the nearest of the right rows that join it.
 *
 * Method: rows of both sides are numbered and put into one order, by the keys and then by what is compared, so that the
 * nearest right row is the last one before a left row. Where ON asks for more, all pairs are looked at. Invariant: of
 * right rows that are equally near, the first one joins.
 */
import type { Field } from '../arrow/schema.ts';
import { makeField, makeSchema } from '../arrow/schema.ts';
import type { Span } from '../base/errors.ts';
import { sqlError } from '../sql/frame.ts';
import { targetOf } from './adapt.ts';
import type { SharedPlans } from './binding.ts';
import { castTo, makeCall } from './coerce.ts';
import { INT64, makeLiteral } from './constant.ts';
import type { Expr, JoinKey, JoinKind, SortKey } from './expr.ts';
import { columnOf, conjunctionOf, hasLeaf, mapLeaves, shiftColumns } from './expr-walk.ts';
import { sideOf, splitCondition } from './join-condition.ts';
import type { NumberedSide } from './join-subquery.ts';
import { joinPairs, readTwice } from './join-subquery.ts';
import type { LogicalPlan } from './logical.ts';
import { makeFilter, makeJoin, makeWindow, pickColumns } from './logical.ts';
import { callOver, firstOfEach, numberRows } from './numbered.ts';

/** What is asked of a pair of rows. */
interface Asked {
  /** What must be nearest: the left value, over left columns, and the right one, over right columns. */
  readonly left: Expr;
  readonly right: Expr;
  /** The left value is above the right one, not below it. */
  readonly isAbove: boolean;
  /** They may be equal. */
  readonly isClosed: boolean;
  readonly keys: readonly JoinKey[];
  /** Over the columns of both sides. */
  readonly rest: readonly Expr[];
  /** All of it, over both sides. */
  readonly all: readonly Expr[];
}

const SWAPPED: Readonly<Record<string, string>> = { '>=': '<=', '>': '<', '<=': '>=', '<': '>' };

/** The join of two sides under `conditions`, over the columns of both. @throws `sql_bind`, `sql_unsupported` */
export function joinNearest(
  sql: string,
  shared: SharedPlans,
  join: JoinKind,
  sides: readonly [LogicalPlan, LogicalPlan],
  conditions: readonly Expr[],
  span: Span,
): LogicalPlan {
  const [left, right] = sides.map((plan): NumberedSide => {
    return { read: readTwice(shared, numberRows(plan, [], [])), width: plan.schema.fields.length };
  }) as [NumberedSide, NumberedSide];
  const asked = askedOf(sql, conditions, left.width, span);
  const pairs = asked.rest.length === 0 ? byOrder(sql, left, right, asked, span) : byPairs(sql, left, right, asked);
  return joinPairs(join, left, right, pairs);
}

function askedOf(sql: string, conditions: readonly Expr[], width: number, span: Span): Asked {
  if (conditions.some((condition) => hasLeaf(condition, 'pending') || hasLeaf(condition, 'outer'))) {
    const message = 'a query, or a column of the query around, in the condition of an ASOF JOIN is not supported yet';
    throw sqlError('sql_unsupported', sql, span, message);
  }
  const found: Omit<Asked, 'keys' | 'rest' | 'all'>[] = [];
  const others: Expr[] = [];
  for (const condition of conditions) {
    const [a, b] = condition.kind === 'call' && SWAPPED[condition.name] !== undefined ? condition.args : [];
    const places = a === undefined || b === undefined ? '' : `${sideOf(a, width)} ${sideOf(b, width)}`;
    if (
      a === undefined ||
      b === undefined ||
      condition.kind !== 'call' ||
      !/^(?:left right|right left)$/u.test(places)
    ) {
      others.push(condition);
      continue;
    }
    const isStraight = places === 'left right';
    const name = isStraight ? condition.name : (SWAPPED[condition.name] ?? '');
    const right = shiftColumns(isStraight ? b : a, (index) => index - width);
    found.push({ left: isStraight ? a : b, right, isAbove: name.startsWith('>'), isClosed: name.endsWith('=') });
  }
  const [nearest, ...more] = found;
  if (nearest === undefined)
    throw sqlError('sql_bind', sql, span, 'ASOF JOIN needs a comparison of both sides with < or >');
  if (more.length > 0)
    throw sqlError('sql_bind', sql, span, 'ASOF JOIN takes one comparison of both sides with < or >');
  const { keys, condition } = splitCondition(others, width);
  return { ...nearest, keys, rest: condition === undefined ? [] : [condition], all: conditions };
}

/** Pairs of numbers, by one order of the rows of both sides. */
function byOrder(sql: string, left: NumberedSide, right: NumberedSide, asked: Asked, span: Span): LogicalPlan {
  const none = castTo(sql, makeLiteral(null, { id: 'null' }, span), INT64, false, span);
  const part = (side: NumberedSide, isLeft: boolean): LogicalPlan => {
    const plan = side.read();
    const number = columnOf(side.width, plan.schema.fields[side.width] as Field, span);
    const keys = asked.keys.map((key) => (isLeft ? key.left : key.right));
    const values = [...keys, isLeft ? asked.left : asked.right].map((expr) => {
      return castTo(sql, expr, targetOf(expr.type), false, span);
    });
    // At one place right rows come before the left ones that they may join, and after those that they may not.
    const place = makeLiteral(isLeft === asked.isClosed ? 1n : 0n, INT64, span);
    const exprs = [...values, place, ...(isLeft ? [number, none] : [none, number])];
    const isThere = values
      .filter((_, i) => asked.keys[i]?.nullsEqual !== true)
      .map((value) => makeCall(sql, 'is_not_null', [value], span));
    const schema = makeSchema(exprs.map(({ type }) => makeField('', type, true)));
    return { kind: 'project', schema, input: makeFilter(plan, conjunctionOf(isThere) as Expr), exprs };
  };
  const inputs = [part(left, true), part(right, false)];
  const { schema } = inputs[0] as LogicalPlan;
  const union: LogicalPlan = { kind: 'union', schema, inputs };
  const at = (index: number): Expr => columnOf(index, schema.fields[index] as Field, span);
  const count = asked.keys.length;
  const sort = (index: number, descending: boolean): SortKey => ({ expr: at(index), descending, nullsFirst: false });
  const keys = [sort(count, !asked.isAbove), sort(count + 1, false), sort(count + 3, true)];
  const partitions = Array.from({ length: count }, (_, i) => at(i));
  const call = {
    ...callOver('last_value', partitions, keys),
    args: [at(count + 3)],
    ignoresNulls: true,
    nullable: true,
  };
  const nearest = makeWindow(union, [call]);
  const isPair = [count + 2, count + 4].map((index) => {
    return makeCall(sql, 'is_not_null', [columnOf(index, nearest.schema.fields[index] as Field, span)], span);
  });
  return pickColumns(makeFilter(nearest, conjunctionOf(isPair) as Expr), [count + 2, count + 4]);
}

/** Pairs of numbers, by looking at all rows that the conditions let join. */
function byPairs(sql: string, left: NumberedSide, right: NumberedSide, asked: Asked): LogicalPlan {
  const [l, r] = [left.width, right.width];
  // The number of a left row stands between the columns of the two sides.
  const all = asked.all.map((condition) =>
    mapLeaves(condition, (leaf) => {
      return leaf.kind === 'column' && leaf.index >= l ? { ...leaf, index: leaf.index + 1 } : leaf;
    }),
  );
  const { keys, condition } = splitCondition(all, l + 1);
  const pairs = makeJoin({ join: 'inner', left: left.read(), right: right.read(), keys, condition });
  const place = shiftColumns(asked.right, (index) => index + l + 1);
  const number = columnOf(l + 1 + r, pairs.schema.fields[l + 1 + r] as Field, place.span);
  const sorts = [
    { expr: place, descending: asked.isAbove, nullsFirst: false },
    { expr: number, descending: false, nullsFirst: false },
  ];
  return pickColumns(firstOfEach(sql, pairs, [l], sorts), [l, l + 1 + r]);
}
