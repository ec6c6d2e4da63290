/**
 * Subqueries in the condition of a join that keeps rows without a partner.
 *
 * Hides which side a subquery's value is joined to: the one whose columns it reads, or pairs of rows of both.
 * Invariants: both sides keep their rows and their columns, and values of subqueries stand behind these; conditions
 * mean what they did.
 */
import type { Field } from '../arrow/schema.ts';
import type { Span } from '../base/errors.ts';
import type { SharedPlans } from './binding.ts';
import { hasOuter } from './decorrelate.ts';
import type { Expr, JoinKey, JoinKind } from './expr.ts';
import { columnOf, hasLeaf, mapLeaves, shiftColumns } from './expr-walk.ts';
import { splitCondition } from './join-condition.ts';
import type { LogicalPlan } from './logical.ts';
import { makeJoin, pickColumns } from './logical.ts';
import { numberRows } from './numbered.ts';
import type { SubqueryList } from './subquery.ts';

const NOWHERE: Span = { start: 0, end: 0 };

type Pending = Extract<Expr, { kind: 'pending' }>;

/** The sides of a join with the values of subqueries, and conditions over both, which hold no subquery any more. */
interface Placed {
  readonly left: LogicalPlan;
  readonly right: LogicalPlan;
  readonly conditions: readonly Expr[];
}

/** Joins each subquery to its side; undefined where one reads both sides. */
export function placeOnSides(
  list: SubqueryList,
  left: LogicalPlan,
  right: LogicalPlan,
  conditions: readonly Expr[],
): Placed | undefined {
  const width = left.schema.fields.length;
  const found = new Map<number, { readonly pending: Pending; readonly onRight: boolean }>();
  for (const condition of conditions) {
    for (const pending of pendingIn(condition)) {
      const sides = sidesOf(list, pending, width);
      if (sides.left && sides.right) return undefined;
      found.set(pending.place, { pending, onRight: sides.right });
    }
  }
  const own = [...found.values()];
  const [onLeft, onRight] = [own.filter((one) => !one.onRight), own.filter((one) => one.onRight)];
  const toRight = (expr: Expr): Expr => shiftColumns(expr, (index) => index - width);
  const l = list.place(
    left,
    onLeft.map(({ pending }) => pending),
  );
  const r = list.place(
    right,
    onRight.map(({ pending }) => list.rewritten(pending, toRight)),
  );
  const shift = l.plan.schema.fields.length;
  const values = new Map<number, Expr>();
  onLeft.forEach(({ pending }, i) => values.set(pending.place, l.exprs[i] as Expr));
  onRight.forEach(({ pending }, i) => {
    values.set(
      pending.place,
      shiftColumns(r.exprs[i] as Expr, (index) => index + shift),
    );
  });
  const placed = conditions.map((condition) =>
    mapLeaves(condition, (leaf) => {
      if (leaf.kind === 'pending') return values.get(leaf.place) ?? leaf;
      return leaf.kind === 'column' && leaf.index >= width ? { ...leaf, index: leaf.index - width + shift } : leaf;
    }),
  );
  return { left: l.plan, right: r.plan, conditions: placed };
}

/** The columns of such a join that were there before subqueries were joined to its sides. */
export function ownColumns(plan: LogicalPlan, left: number, placedLeft: number, right: number): number[] {
  const all = [...Array(left).keys(), ...Array.from({ length: right }, (_, i) => placedLeft + i)];
  return all.filter((index) => index < plan.schema.fields.length);
}

/**
 * The join under conditions with subqueries that may read both sides. Rows of both are numbered, the pairs of numbers
 * for which the conditions hold are found by an inner join, and rows are joined to their pairs.
 */
export function joinByPairs(
  { list, shared }: { readonly list: SubqueryList; readonly shared: SharedPlans },
  join: JoinKind,
  left: LogicalPlan,
  right: LogicalPlan,
  conditions: readonly Expr[],
): LogicalPlan {
  const [l, r] = [left.schema.fields.length, right.schema.fields.length];
  const [readLeft, readRight] = [
    readTwice(shared, numberRows(left, [], [])),
    readTwice(shared, numberRows(right, [], [])),
  ];
  // The number of a left row stands between the columns of the two sides.
  const moved = conditions.map((condition) =>
    mapLeaves(condition, (leaf) => {
      if (leaf.kind === 'pending') return list.rewritten(leaf, (expr) => shiftColumns(expr, behindNumber));
      return leaf.kind === 'column' ? { ...leaf, index: behindNumber(leaf.index) } : leaf;
    }),
  );
  function behindNumber(index: number): number {
    return index < l ? index : index + 1;
  }
  const plain = moved.filter((condition) => !hasLeaf(condition, 'pending'));
  const { keys, condition } = splitCondition(plain, l + 1);
  const both = makeJoin({ join: 'inner', left: readLeft(), right: readRight(), keys, condition });
  const found = moved
    .filter((one) => hasLeaf(one, 'pending'))
    .reduce<LogicalPlan>((plan, one) => list.filter(plan, one), both);
  const pairs = pickColumns(found, [l, l + 1 + r]);
  return joinPairs(join, { read: readLeft, width: l }, { read: readRight, width: r }, pairs);
}

/** One side of a join by pairs: its rows, each with its number behind its columns, for one more reader. */
export interface NumberedSide {
  read(): LogicalPlan;
  /** How many columns it has without the number. */
  readonly width: number;
}

/** Rows of both sides, joined by the pairs of their numbers that are in `pairs`. */
export function joinPairs(join: JoinKind, left: NumberedSide, right: NumberedSide, pairs: LogicalPlan): LogicalPlan {
  const [l, r] = [left.width, right.width];
  const byLeft = [numberKey(left.read(), l, pairs, 0)];
  if (join === 'semi' || join === 'anti') {
    const chosen = makeJoin({ join, left: left.read(), right: pairs, keys: byLeft, condition: undefined });
    return pickColumns(chosen, [...Array(l).keys()]);
  }
  const keepsLeft = join === 'left' || join === 'full';
  const paired = makeJoin({
    join: keepsLeft ? 'left' : 'inner',
    left: left.read(),
    right: pairs,
    keys: byLeft,
    condition: undefined,
  });
  const byRight = [numberKey(paired, l + 2, right.read(), r)];
  const plan = makeJoin({ join, left: paired, right: right.read(), keys: byRight, condition: undefined });
  return pickColumns(plan, [...Array(l).keys(), ...Array.from({ length: r }, (_, i) => l + 3 + i)]);
}

/** What gives the plan's rows to each of several places. */
export function readTwice(shared: SharedPlans, plan: LogicalPlan): () => LogicalPlan {
  // As in openDependent: rows that depend on the query further out are made where they are needed.
  if (hasOuter(plan)) return () => plan;
  const id = shared.add(plan);
  return () => shared.read(id);
}

function numberKey(left: LogicalPlan, l: number, right: LogicalPlan, r: number): JoinKey {
  const side = (plan: LogicalPlan, index: number): Expr => {
    return columnOf(index, plan.schema.fields[index] as Field, NOWHERE);
  };
  return { left: side(left, l), right: side(right, r), nullsEqual: false };
}

function pendingIn(expr: Expr): Pending[] {
  const found: Pending[] = [];
  mapLeaves(expr, (leaf) => {
    if (leaf.kind === 'pending') found.push(leaf);
    return leaf;
  });
  return found;
}

/** Which sides a subquery reads columns of. */
function sidesOf(list: SubqueryList, pending: Pending, width: number): { left: boolean; right: boolean } {
  const sides = { left: false, right: false };
  for (const expr of list.reads(pending)) {
    mapLeaves(expr, (leaf) => {
      if (leaf.kind === 'column') sides[leaf.index < width ? 'left' : 'right'] = true;
      if (leaf.kind === 'pending') {
        const inner = sidesOf(list, leaf, width);
        sides.left ||= inner.left;
        sides.right ||= inner.right;
      }
      return leaf;
    });
  }
  return sides;
}
