/**
 * Subqueries in the condition of a join that keeps rows without a partner.
 *
 * Hides which side a subquery's value is joined to: the one whose columns it reads. Invariants: both sides keep their
 * rows and their columns, and values of subqueries stand behind these; conditions mean what they did.
 */
import type { Expr } from './expr.ts';
import { mapLeaves, shiftColumns } from './expr-walk.ts';
import type { LogicalPlan } from './logical.ts';
import type { SubqueryList } from './subquery.ts';

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
