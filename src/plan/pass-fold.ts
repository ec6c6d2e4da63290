/**
 * Pass `fold_constants`: calls and casts of constants are computed once, and conditions that constants decide are
 * simplified.
 *
 * Hides which calls have kernels for one row (all of them). Invariant: what would fail stays as it is: it fails
 * when a row asks for it, and not before.
 */
import type { Expr, JoinKey, SortKey } from './expr.ts';
import { evaluateCall, fixValue, tryCastLiteral } from './constant.ts';
import { mapCall, mapSame, mapWindow } from './expr-walk.ts';
import type { LogicalPlan } from './logical.ts';
import { mapPlan } from './logical.ts';

/** The whole plan, folded. */
export function foldConstants(plan: LogicalPlan): LogicalPlan {
  return mapPlan(plan, foldOperator);
}

function foldOperator(plan: LogicalPlan): LogicalPlan {
  switch (plan.kind) {
    case 'scan':
    case 'values':
    case 'shared':
    case 'working':
    case 'distinct':
    case 'limit':
    case 'union':
    case 'recursive':
      return plan;
    case 'unnest': {
      const lists = mapSame(plan.lists, (list) => foldExpr(list));
      return lists === plan.lists ? plan : { ...plan, lists };
    }
    case 'join': {
      const keys = mapSame(plan.keys, foldJoinKey);
      const condition = plan.condition === undefined ? undefined : foldExpr(plan.condition);
      return keys === plan.keys && condition === plan.condition ? plan : { ...plan, keys, condition };
    }
    case 'filter': {
      const condition = foldExpr(plan.condition);
      if (condition.kind !== 'literal') return condition === plan.condition ? plan : { ...plan, condition };
      fixValue(condition);
      // A condition that is false or null for every row leaves none.
      return condition.value === true ? plan.input : { kind: 'values', schema: plan.schema, batches: [] };
    }
    case 'project': {
      const exprs = mapSame(plan.exprs, foldKeepingType);
      return exprs === plan.exprs ? plan : { ...plan, exprs };
    }
    case 'aggregate': {
      const groups = mapSame(plan.groups, foldKeepingType);
      const aggregates = mapSame(plan.aggregates, (call) => mapCall(call, (expr) => foldExpr(expr)));
      return groups === plan.groups && aggregates === plan.aggregates ? plan : { ...plan, groups, aggregates };
    }
    case 'window': {
      const calls = mapSame(plan.calls, (call) => mapWindow(call, (expr) => foldExpr(expr)));
      return calls === plan.calls ? plan : { ...plan, calls };
    }
    case 'sort': {
      const keys = mapSame(plan.keys, foldKey);
      return keys === plan.keys ? plan : { ...plan, keys };
    }
  }
}

function foldJoinKey(key: JoinKey): JoinKey {
  const [left, right] = [foldExpr(key.left), foldExpr(key.right)];
  return left === key.left && right === key.right ? key : { ...key, left, right };
}

function foldKey(key: SortKey): SortKey {
  const expr = foldExpr(key.expr);
  return expr === key.expr ? key : { ...key, expr };
}

/** As foldExpr; the literal keeps saying "nullable" where the expression did, so that the schema stays. */
function foldKeepingType(expr: Expr): Expr {
  const folded = foldExpr(expr);
  return folded.nullable === expr.nullable ? folded : { ...folded, nullable: expr.nullable };
}

/** One expression, folded; shares what did not change. `alsoVolatile`: as for the only row that there will be. */
export function foldExpr(expr: Expr, alsoVolatile = false): Expr {
  switch (expr.kind) {
    case 'column':
    case 'literal':
    case 'outer':
    case 'pending':
      return expr;
    case 'cast': {
      const operand = foldExpr(expr.operand, alsoVolatile);
      const literal = operand.kind === 'literal' ? tryCastLiteral(operand, expr.type, expr.attempt) : undefined;
      if (literal !== undefined) return { ...literal, span: expr.span };
      return operand === expr.operand ? expr : { ...expr, operand };
    }
    case 'call': {
      const args = mapSame(expr.args, (arg) => foldExpr(arg, alsoVolatile));
      const call = args === expr.args ? expr : { ...expr, args };
      if (args.every((arg) => arg.kind === 'literal')) return evaluateCall(call, alsoVolatile) ?? call;
      if (call.name === 'and' || call.name === 'or') return foldLogical(call);
      return call;
    }
  }
}

/** AND and OR with some constant operands. */
function foldLogical(call: Extract<Expr, { kind: 'call' }>): Expr {
  const decisive = call.name === 'or';
  call.args.forEach(fixValue);
  const decided = call.args.find((arg) => arg.kind === 'literal' && arg.value === decisive);
  if (decided !== undefined) return { ...decided, span: call.span };
  const open = call.args.filter((arg) => arg.kind !== 'literal' || arg.value !== !decisive);
  const [only] = open;
  if (open.length === 1 && only !== undefined) return only;
  if (open.length === call.args.length) return call;
  return { ...call, args: open, nullable: open.some((arg) => arg.nullable) };
}
