/**
 * Pass `push_semi_joins`: rows that a semi or anti join leaves out are left out before they are joined to others.
 *
 * Method: such a join asks something of each row of its left input. Where that is a join, and what is asked concerns
 * one of its inputs alone, that input is asked instead, if it is guessed to have fewer rows. Invariant: an input whose
 * rows may be filled with NULL is not asked.
 */
import { forEachColumn, shiftColumns } from './expr-walk.ts';
import { guessRows } from './guess-rows.ts';
import type { JoinPlan, LogicalPlan } from './logical.ts';
import { makeJoin, mapPlan } from './logical.ts';

/** The whole plan, its semi and anti joins as low as they should be. */
export function pushSemiJoins(plan: LogicalPlan): LogicalPlan {
  return mapPlan(plan, (operator) => {
    return operator.kind === 'join' && isAsking(operator) ? (pushed(operator, operator.left) ?? operator) : operator;
  });
}

function isAsking({ join }: JoinPlan): boolean {
  return join === 'semi' || join === 'anti';
}

/** `input` with `asking` somewhere below its top; undefined where it is not better off there. */
function pushed(asking: JoinPlan, input: LogicalPlan): LogicalPlan | undefined {
  if (input.kind === 'filter') {
    const below = pushed(asking, input.input);
    return below === undefined ? undefined : { ...input, schema: below.schema, input: below };
  }
  if (input.kind === 'project') {
    const over = throughProject(asking, input);
    const below = over === undefined ? undefined : pushed(over, input.input);
    return below === undefined ? undefined : { ...input, input: below };
  }
  return input.kind === 'join' ? intoJoin(asking, input) : undefined;
}

function intoJoin(asking: JoinPlan, input: JoinPlan): LogicalPlan | undefined {
  const width = input.left.schema.fields.length;
  const asked = columnsAsked(asking);
  if (asked.length === 0) return undefined;
  const isLeft = asked.every((index) => index < width) && (input.join === 'inner' || input.join === 'left');
  const isRight = asked.every((index) => index >= width) && (input.join === 'inner' || input.join === 'right');
  if (!isLeft && !isRight) return undefined;
  const side = isLeft ? input.left : input.right;
  if (guessRows(side) >= guessRows(input)) return undefined;
  const moved = overInput(asking, side, (index) => (isLeft ? index : index - width));
  const below = pushed(moved, side) ?? moved;
  return makeJoin(isLeft ? { ...input, left: below } : { ...input, right: below });
}

/** The columns of its left input that the join reads. */
function columnsAsked({ keys, condition, left }: JoinPlan): readonly number[] {
  const columns = new Set<number>();
  for (const key of keys) forEachColumn(key.left, ({ index }) => columns.add(index));
  if (condition !== undefined) {
    forEachColumn(condition, ({ index }) => {
      if (index < left.schema.fields.length) columns.add(index);
    });
  }
  return [...columns];
}

/** The join over another left input, in which the column `index` is at `placeOf(index)`. */
function overInput(asking: JoinPlan, left: LogicalPlan, placeOf: (index: number) => number): JoinPlan {
  const width = asking.left.schema.fields.length;
  const over = left.schema.fields.length;
  const keys = asking.keys.map((key) => ({ ...key, left: shiftColumns(key.left, placeOf) }));
  const condition =
    asking.condition === undefined
      ? undefined
      : shiftColumns(asking.condition, (index) => (index < width ? placeOf(index) : index - width + over));
  return makeJoin({ ...asking, left, keys, condition });
}

/** The join over a projection's input, where what it reads are columns of that. */
function throughProject(asking: JoinPlan, project: Extract<LogicalPlan, { kind: 'project' }>): JoinPlan | undefined {
  const places = new Map<number, number>();
  for (const index of columnsAsked(asking)) {
    const expr = project.exprs[index];
    if (expr?.kind !== 'column') return undefined;
    places.set(index, expr.index);
  }
  return overInput(asking, project.input, (index) => places.get(index) ?? index);
}
