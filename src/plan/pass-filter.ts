/**
 * Pass `push_filters`: conditions move towards the scan.
 *
 * Hides which operators a condition may pass. Invariants: a conjunct passes a projection by substitution, sorts,
 * DISTINCT and UNION as it is, and an aggregate only when it looks at group keys alone and there are any; it passes a
 * join towards a side whose rows the join cannot make up, or becomes part of an inner one, and where it is an OR over
 * both sides, what it asks of one is asked there too; it passes windows when all of them partition by every column that
 * it looks at; nothing passes a limit, and what answers anew for each row stays.
 */
import type { Expr, JoinKind, WindowCall } from './expr.ts';
import {
  conjunctionOf,
  factoredConjuncts,
  forEachColumn,
  hasVolatile,
  mapColumns,
  shiftColumns,
} from './expr-walk.ts';
import { impliedOn, sideOf, splitCondition } from './join-condition.ts';
import type { JoinPlan, LogicalPlan } from './logical.ts';
import { makeFilter, makeJoin, makeWindow, mapInputs } from './logical.ts';

/** The whole plan with its filters pushed down and adjacent ones joined. */
export function pushFilters(plan: LogicalPlan): LogicalPlan {
  if (plan.kind === 'join') return pushIntoJoin(plan, []);
  if (plan.kind !== 'filter') return mapInputs(plan, pushFilters);
  return push(plan.input, factoredConjuncts(plan.condition));
}

/** `plan` filtered by `conjuncts`, each as deep as it may go. */
function push(plan: LogicalPlan, conjuncts: readonly Expr[]): LogicalPlan {
  const fixed = conjuncts.filter(hasVolatile);
  if (fixed.length > 0) {
    const others = conjuncts.filter((conjunct) => !fixed.includes(conjunct));
    return filtered(others.length === 0 ? pushFilters(plan) : push(plan, others), fixed);
  }
  switch (plan.kind) {
    case 'filter':
      return push(plan.input, [...factoredConjuncts(plan.condition), ...conjuncts]);
    case 'project': {
      const moved = conjuncts.map((conjunct) => substitute(conjunct, plan.exprs));
      const below = moved.filter((conjunct) => !hasVolatile(conjunct));
      const above = conjuncts.filter((_, i) => hasVolatile(moved[i] as Expr));
      return filtered(
        { ...plan, input: below.length === 0 ? pushFilters(plan.input) : push(plan.input, below) },
        above,
      );
    }
    case 'sort':
      if (plan.limit !== undefined) break;
      return mapInputs(plan, (input) => push(input, conjuncts));
    case 'distinct':
      return mapInputs(plan, (input) => push(input, conjuncts));
    case 'aggregate': {
      const below = conjuncts.filter(
        (conjunct) => readsOnly(conjunct, plan.groups.length) && !plan.groups.some(hasVolatile),
      );
      const above = conjuncts.filter((conjunct) => !below.includes(conjunct));
      const substituted = below.map((conjunct) => substitute(conjunct, plan.groups));
      const input = substituted.length === 0 ? pushFilters(plan.input) : push(plan.input, substituted);
      return filtered({ ...plan, input }, above);
    }
    case 'join':
      return pushIntoJoin(plan, conjuncts);
    case 'window': {
      const below = conjuncts.filter((conjunct) => readsPartitions(conjunct, plan.calls));
      const above = conjuncts.filter((conjunct) => !below.includes(conjunct));
      return filtered(
        makeWindow(below.length === 0 ? pushFilters(plan.input) : push(plan.input, below), plan.calls),
        above,
      );
    }
    case 'unnest': {
      const below = conjuncts.filter((conjunct) => readsOnly(conjunct, plan.columns.length));
      const above = conjuncts.filter((conjunct) => !below.includes(conjunct));
      const moved = below.map((conjunct) => shiftColumns(conjunct, (index) => plan.columns[index] ?? index));
      return filtered(
        mapInputs(plan, (input) => (moved.length === 0 ? pushFilters(input) : push(input, moved))),
        above,
      );
    }
    case 'union':
      return mapInputs(plan, (input) => push(input, conjuncts));
    case 'scan':
    case 'values':
    case 'shared':
    case 'working':
    case 'recursive':
    case 'limit':
      break;
  }
  return filtered(mapInputs(plan, pushFilters), conjuncts);
}

/** A join below `conjuncts`, which are over what it yields. */
function pushIntoJoin(join: JoinPlan, conjuncts: readonly Expr[]): LogicalPlan {
  const width = join.left.schema.fields.length;
  // A condition on the side that a join fills with NULLs leaves none of those, if NULL does not meet it.
  const plan = { ...join, join: withoutFilling(join, conjuncts) };
  const isInner = plan.join === 'inner';
  const [toLeft, toRight, into, above]: [Expr[], Expr[], Expr[], Expr[]] = [[], [], [], []];
  const rightKeeps = isInner || plan.join === 'right';
  const leftKeeps = plan.join !== 'right' && plan.join !== 'full';
  const imply = (conjunct: Expr, left: boolean, right: boolean): void => {
    const onLeft = left ? impliedOn(conjunct, 'left', width) : undefined;
    const onRight = right ? impliedOn(conjunct, 'right', width) : undefined;
    if (onLeft !== undefined) toLeft.push(onLeft);
    if (onRight !== undefined) toRight.push(toSide(onRight, width));
  };
  for (const conjunct of conjuncts) {
    const side = sideOf(conjunct, width);
    if (side === 'both') imply(conjunct, leftKeeps, rightKeeps);
    if (side === 'left' && leftKeeps) toLeft.push(conjunct);
    else if (side === 'right' && rightKeeps) toRight.push(toSide(conjunct, width));
    else if (isInner && side !== 'none') into.push(conjunct);
    else above.push(conjunct);
  }
  const kept: Expr[] = [];
  const filtersRight = isInner || plan.join === 'left' || plan.join === 'semi' || plan.join === 'anti';
  const filtersLeft = isInner || plan.join === 'semi' || plan.join === 'right';
  for (const conjunct of plan.condition === undefined ? [] : factoredConjuncts(plan.condition)) {
    const side = sideOf(conjunct, width);
    if (side === 'both') imply(conjunct, filtersLeft, filtersRight);
    if (side === 'right' && filtersRight) toRight.push(toSide(conjunct, width));
    else if (side === 'left' && filtersLeft) toLeft.push(conjunct);
    else kept.push(conjunct);
  }
  const split = splitCondition([...kept, ...into], width);
  const keys = plan.nullAware ? plan.keys : [...plan.keys, ...split.keys];
  const condition = plan.nullAware ? plan.condition : split.condition;
  const [left, right] = [push(plan.left, toLeft), push(plan.right, toRight)];
  return filtered(makeJoin({ ...plan, left, right, keys, condition }), above);
}

function toSide(expr: Expr, width: number): Expr {
  return shiftColumns(expr, (index) => index - width);
}

function withoutFilling({ join, left }: JoinPlan, conjuncts: readonly Expr[]): JoinKind {
  const width = left.schema.fields.length;
  const rejects = (side: 'left' | 'right'): boolean => {
    return conjuncts.some((conjunct) => sideOf(conjunct, width) === side && rejectsNull(conjunct));
  };
  switch (join) {
    case 'left':
      return rejects('right') ? 'inner' : join;
    case 'right':
      return rejects('left') ? 'inner' : join;
    case 'full': {
      const [l, r] = [rejects('left'), rejects('right')];
      return l && r ? 'inner' : l ? 'left' : r ? 'right' : join;
    }
    default:
      return join;
  }
}

const STRICT = new Set(['=', '<>', '<', '<=', '>', '>=', 'like', 'ilike', '+', '-', '*']);

/** True when the condition is surely not true where all its columns are NULL. */
function rejectsNull(expr: Expr): boolean {
  if (expr.kind !== 'call') return expr.kind === 'column';
  if (expr.name === 'is_not_null') return expr.args.every(isStrict);
  return STRICT.has(expr.name) && expr.args.some((arg) => arg.kind !== 'literal' && isStrict(arg));
}

/** True when the value is NULL where its columns are. */
function isStrict(expr: Expr): boolean {
  if (expr.kind === 'column') return true;
  if (expr.kind === 'cast') return isStrict(expr.operand);
  return expr.kind === 'call' && STRICT.has(expr.name) && expr.args.some(isStrict);
}

function filtered(input: LogicalPlan, conjuncts: readonly Expr[]): LogicalPlan {
  const condition = conjunctionOf(conjuncts);
  return condition === undefined ? input : makeFilter(input, condition);
}

/** True when the condition keeps or drops whole partitions of each of the windows. */
function readsPartitions(expr: Expr, calls: readonly WindowCall[]): boolean {
  let columns = 0;
  let within = true;
  forEachColumn(expr, ({ index }) => {
    columns++;
    within &&= calls.every(({ partitions }) =>
      partitions.some((key) => key.kind === 'column' && key.index === index),
    );
  });
  return columns > 0 && within;
}

function substitute(expr: Expr, exprs: readonly Expr[]): Expr {
  return mapColumns(expr, (column) => exprs[column.index] ?? column);
}

/** True when the expression reads a column, and only ones before `count`. */
function readsOnly(expr: Expr, count: number): boolean {
  let columns = 0;
  let within = true;
  forEachColumn(expr, (column) => {
    columns++;
    within &&= column.index < count;
  });
  return columns > 0 && within;
}
