/**
 * Guesses of how many rows a plan yields.
 *
 * Hides the guessing: a table's rows are known, a condition leaves a fraction of them. Passes compare guesses with each
 * other; nothing else depends on them.
 */
import type { Expr } from './expr.ts';
import { conjunctsOf } from './expr-walk.ts';
import type { JoinPlan, LogicalPlan } from './logical.ts';
import { inputsOf } from './logical.ts';

/** The share of rows that is guessed to meet a condition. */
const CHOSEN = { equal: 0.05, other: 0.3 };

/** Rows that a plan is guessed to yield. */
export function guessRows(plan: LogicalPlan): number {
  switch (plan.kind) {
    case 'scan':
      return plan.source.rowCount;
    case 'values':
      return plan.batches.reduce((sum, batch) => sum + batch.rowCount, 0);
    case 'filter':
      return conjunctsOf(plan.condition).reduce((rows, conjunct) => rows * shareOf(conjunct), guessRows(plan.input));
    case 'aggregate':
      return plan.groups.length === 0 ? 1 : guessRows(plan.input) * 0.3;
    case 'limit':
      return Math.min(plan.limit ?? Infinity, guessRows(plan.input) * ((plan.percent ?? 100) / 100));
    case 'join':
      return guessJoin(plan);
    case 'shared':
    case 'working':
      return 1_000;
    default:
      return inputsOf(plan).reduce((sum, input) => sum + guessRows(input), 0);
  }
}

function shareOf(conjunct: Expr): number {
  return conjunct.kind === 'call' && conjunct.name === '=' ? CHOSEN.equal : CHOSEN.other;
}

function guessJoin(plan: JoinPlan): number {
  const [left, right] = [guessRows(plan.left), guessRows(plan.right)];
  switch (plan.join) {
    case 'semi':
    case 'anti':
      return left * 0.5;
    case 'mark':
    case 'single':
      return left;
    default:
      return plan.keys.length === 0 ? left * right : Math.max(left, right);
  }
}

/** Rows of the smallest table under a plan: how many values a key of it may have. */
export function baseRows(plan: LogicalPlan): number {
  if (plan.kind === 'scan') return plan.source.rowCount;
  const inputs = inputsOf(plan);
  return inputs.length === 0 ? guessRows(plan) : Math.min(...inputs.map(baseRows));
}
