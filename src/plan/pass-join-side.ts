/**
 * Pass `hold_smaller_sides`: of two inputs of a join the one that is guessed to have fewer rows is held.
 *
 * Method: a left join becomes a right join of the sides changed; a semi or anti join gets `holdsLeft`. Inner joins are
 * ordered by `order_joins`. Invariant: the columns keep their order.
 */
import { shiftColumns } from './expr-walk.ts';
import { guessRows } from './guess-rows.ts';
import type { JoinPlan, LogicalPlan } from './logical.ts';
import { makeJoin, mapPlan, pickColumns } from './logical.ts';

/** The whole plan, its joins on the smaller side. */
export function holdSmallerSides(plan: LogicalPlan): LogicalPlan {
  return mapPlan(plan, (operator) => {
    if (operator.kind !== 'join' || guessRows(operator.left) >= guessRows(operator.right)) return operator;
    switch (operator.join) {
      case 'semi':
      case 'anti':
        return makeJoin({ ...operator, holdsLeft: true });
      case 'left':
        return changedSides(operator);
      default:
        return operator;
    }
  });
}

/** A left join as a right join, under the same columns. */
function changedSides({ left, right, keys, condition }: JoinPlan): LogicalPlan {
  const [width, other] = [left.schema.fields.length, right.schema.fields.length];
  const join = makeJoin({
    join: 'right',
    left: right,
    right: left,
    keys: keys.map((key) => ({ ...key, left: key.right, right: key.left })),
    condition:
      condition === undefined
        ? undefined
        : shiftColumns(condition, (index) => (index < width ? index + other : index - width)),
  });
  return pickColumns(
    join,
    [...left.schema.fields, ...right.schema.fields].map((_, i) => (i < width ? i + other : i - width)),
  );
}
