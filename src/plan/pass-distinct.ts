/**
 * Pass `split_distinct`: aggregates of distinct values become aggregates over groups, which run as generated code.
 *
 * `count(DISTINCT x) … GROUP BY g` counts the rows of `SELECT g, x … GROUP BY g, x`. Invariants: only where all
 * aggregates are of the distinct values of one expression, without FILTER and ORDER BY; groups, and values within them,
 * keep the order of their first rows, which is what is aggregated in.
 */
import { makeField, makeSchema } from '../arrow/schema.ts';
import type { AggregateCall, Expr } from './expr.ts';
import { columnOf, exprKey } from './expr-walk.ts';
import type { LogicalPlan } from './logical.ts';
import { mapPlan } from './logical.ts';

/** The whole plan, its aggregates of distinct values in two. */
export function splitDistinct(plan: LogicalPlan): LogicalPlan {
  return mapPlan(plan, (operator) => (operator.kind === 'aggregate' ? split(operator) : operator));
}

type Aggregate = Extract<LogicalPlan, { kind: 'aggregate' }>;

function split(plan: Aggregate): LogicalPlan {
  const value = sharedValue(plan.aggregates);
  if (value === undefined) return plan;
  const keys = [...plan.groups, value];
  const fields = keys.map((key, i) => {
    return makeField(key.kind === 'column' ? key.name : `key${i.toString()}`, key.type, key.nullable);
  });
  const input: LogicalPlan = {
    kind: 'aggregate',
    schema: makeSchema(fields),
    input: plan.input,
    groups: keys,
    aggregates: [],
  };
  const columns = fields.map((field, i) => columnOf(i, field, (keys[i] as Expr).span));
  const groups = columns.slice(0, plan.groups.length);
  const aggregates = plan.aggregates.map((call) => ({ ...call, args: columns.slice(-1), distinct: false }));
  return { ...plan, input, groups, aggregates };
}

/** The expression of whose distinct values all calls are; undefined where there is none. */
function sharedValue(calls: readonly AggregateCall[]): Expr | undefined {
  const [value] = calls[0]?.args ?? [];
  if (value === undefined || value.kind === 'literal') return undefined;
  const key = exprKey(value);
  const isShared = calls.every(({ args, distinct, filter, order }) => {
    const [own] = args;
    return (
      distinct &&
      filter === undefined &&
      order.length === 0 &&
      args.length === 1 &&
      own !== undefined &&
      exprKey(own) === key
    );
  });
  return isShared ? value : undefined;
}
