/**
 * Join conditions, taken apart: which parts are equalities between the two sides, by which rows can be looked up.
 *
 * Hides nothing. Invariant: keys and what is left, together, are true where all conjuncts are.
 */
import type { Expr, JoinKey } from './expr.ts';
import { conjunctionOf, conjunctsOf, forEachColumn, hasLeaf, shiftColumns } from './expr-walk.ts';

/** Which side an expression reads, of columns of which the first `width` are the left side's. */
export function sideOf(expr: Expr, width: number): 'left' | 'right' | 'both' | 'none' {
  let [left, right] = [false, false];
  forEachColumn(expr, ({ index }) => {
    if (index < width) left = true;
    else right = true;
  });
  if (left) return right ? 'both' : 'left';
  return right ? 'right' : 'none';
}

/**
 * What an OR over both sides asks of one side alone: `(a AND x) OR (b AND y)` asks `a OR b` of the side that a and b
 * read. Undefined where one of its operands asks nothing of that side.
 */
export function impliedOn(conjunct: Expr, side: 'left' | 'right', width: number): Expr | undefined {
  if (conjunct.kind !== 'call' || conjunct.name !== 'or') return undefined;
  const args: Expr[] = [];
  for (const operand of conjunct.args) {
    const own = conjunctionOf(
      conjunctsOf(operand).flatMap((part) => {
        if (sideOf(part, width) === side) return [part];
        const implied = impliedOn(part, side, width);
        return implied === undefined ? [] : [implied];
      }),
    );
    if (own === undefined) return undefined;
    args.push(own);
  }
  return { ...conjunct, args, nullable: args.some(({ nullable }) => nullable) };
}

/** Keys, and what of the conjuncts is none. */
export interface SplitCondition {
  readonly keys: readonly JoinKey[];
  readonly condition: Expr | undefined;
}

/** Takes conjuncts over the left side's columns, `width` of them, and then the right side's apart. */
export function splitCondition(conjuncts: readonly Expr[], width: number): SplitCondition {
  const keys: JoinKey[] = [];
  const rest: Expr[] = [];
  for (const conjunct of conjuncts.flatMap(conjunctsOf)) {
    const key = keyOf(conjunct, width);
    if (key === undefined) rest.push(conjunct);
    else keys.push(key);
  }
  return { keys, condition: conjunctionOf(rest) };
}

function keyOf(expr: Expr, width: number): JoinKey | undefined {
  if (expr.kind !== 'call' || (expr.name !== '=' && expr.name !== 'is_not_distinct_from')) return undefined;
  const [a, b] = expr.args;
  if (a === undefined || b === undefined || hasLeaf(expr, 'outer') || hasLeaf(expr, 'pending')) return undefined;
  const sides = `${sideOf(a, width)} ${sideOf(b, width)}`;
  const nullsEqual = expr.name !== '=';
  const shift = (side: Expr): Expr => shiftColumns(side, (index) => index - width);
  if (sides === 'left right') return { left: a, right: shift(b), nullsEqual };
  if (sides === 'right left') return { left: b, right: shift(a), nullsEqual };
  return undefined;
}
