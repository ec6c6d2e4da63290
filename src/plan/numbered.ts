/**
 * Rows that are numbered within their likes, for what follows from that: DISTINCT ON, INTERSECT ALL and EXCEPT ALL,
 * LIMIT for each row of a query around, POSITIONAL JOIN.
 *
 * Hides the window. Invariant: without keys rows are numbered in the order in which they come.
 */
import type { Span } from '../base/errors.ts';
import { makeComparison } from './coerce.ts';
import { INT64, makeLiteral } from './constant.ts';
import type { Expr, SortKey, WindowCall } from './expr.ts';
import { columnOf } from './expr-walk.ts';
import type { LogicalPlan } from './logical.ts';
import { makeFilter, makeWindow, pickColumns } from './logical.ts';

const NOWHERE: Span = { start: 0, end: 0 };

/** A call over the rows that are equal in `partitions`, up to its own. */
export function callOver(
  name: 'row_number' | 'last_value',
  partitions: readonly Expr[],
  keys: readonly SortKey[],
): WindowCall {
  return {
    name,
    args: [],
    constants: [],
    distinct: false,
    filter: undefined,
    order: [],
    type: INT64,
    nullable: false,
    span: NOWHERE,
    isAggregate: false,
    ignoresNulls: false,
    partitions,
    keys,
    frame: {
      unit: 'rows',
      start: { kind: 'unbounded', value: undefined },
      end: { kind: 'current', value: undefined },
      exclude: 'nothing',
      rangeKey: undefined,
    },
  };
}

/** The plan with the number, from 1, of each row among those that are equal in the columns `by`, behind its columns. */
export function numberRows(plan: LogicalPlan, by: readonly number[], keys: readonly SortKey[]): LogicalPlan {
  const partitions = by.map((column) => columnAt(plan, column));
  return makeWindow(plan, [callOver('row_number', partitions, keys)]);
}

function columnAt(plan: LogicalPlan, column: number): Expr {
  const field = plan.schema.fields[column];
  if (field === undefined) throw new TypeError(`numbered: no column ${column.toString()}`);
  return columnOf(column, field, NOWHERE);
}

/** The rows of `plan` whose number within their likes is above `after` and at most `upTo`, in their order. */
export function rowsNumbered(
  sql: string,
  plan: LogicalPlan,
  by: readonly number[],
  keys: readonly SortKey[],
  after: number,
  upTo: number | undefined,
): LogicalPlan {
  const width = plan.schema.fields.length;
  const numbered = numberRows(plan, by, keys);
  const compare = (operator: string, count: number): Expr => {
    const bound = makeLiteral(BigInt(count), INT64, NOWHERE);
    return makeComparison(sql, operator, columnAt(numbered, width), bound, NOWHERE);
  };
  const above = after > 0 ? makeFilter(numbered, compare('>', after)) : numbered;
  const chosen = upTo === undefined ? above : makeFilter(above, compare('<=', upTo));
  return pickColumns(chosen, [...plan.schema.fields.keys()]);
}

/** The first row, by `keys`, of those that are equal in the columns `by`. */
export function firstOfEach(
  sql: string,
  plan: LogicalPlan,
  by: readonly number[],
  keys: readonly SortKey[],
): LogicalPlan {
  return rowsNumbered(sql, plan, by, keys, 0, 1);
}
