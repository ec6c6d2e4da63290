/**
 * GROUP BY: the expressions that rows are grouped by, and the sets of them that GROUPING SETS, ROLLUP and CUBE make.
 *
 * Hides how several sets become one plan. Invariant: the plan yields all groups in order, NULL where a set does not
 * have them, and then the aggregates.
 */
import type { Field, Schema } from '../arrow/schema.ts';
import { GROUPING_SETS_MAX } from '../base/limits.ts';
import type { ExprNode, GroupItem } from '../sql/ast.ts';
import { sqlError } from '../sql/frame.ts';
import { printExpression } from '../sql/print.ts';
import type { SharedPlans } from './binding.ts';
import type { AggregateCall, Expr } from './expr.ts';
import { columnOf } from './expr-walk.ts';
import type { LogicalPlan } from './logical.ts';

/** Distinct expressions, and the sets of their places; undefined when there is one set of all of them. */
export interface GroupList {
  readonly nodes: readonly ExprNode[];
  readonly sets: readonly (readonly number[])[] | undefined;
}

/** Writes the items of GROUP BY out. @throws `limit_exceeded` for too many sets */
export function expandGroups(sql: string, items: readonly GroupItem[]): GroupList {
  const nodes: ExprNode[] = [];
  const places = new Map<string, number>();
  const placeOf = (node: ExprNode): number => {
    const key = printExpression(node);
    let place = places.get(key);
    if (place === undefined) {
      place = nodes.push(node) - 1;
      places.set(key, place);
    }
    return place;
  };
  const check = (sets: readonly (readonly number[])[], item: GroupItem): void => {
    if (sets.length <= GROUPING_SETS_MAX) return;
    const message = `GROUP BY makes more than ${GROUPING_SETS_MAX.toString()} grouping sets`;
    throw sqlError('limit_exceeded', sql, item.span, message, 'write the ones that are needed');
  };
  // Columns of one step: `(a, b)` is one of two, anything else of one.
  const step = (item: GroupItem): readonly number[] => {
    if (item.kind === 'empty_group' || item.kind === 'grouping_sets') return [];
    return item.kind === 'row' ? item.items.map(placeOf) : [placeOf(item)];
  };
  const setsOf = (item: GroupItem): readonly (readonly number[])[] => {
    if (item.kind !== 'grouping_sets') return [step(item)];
    const made: (readonly number[])[] = [];
    if (item.form === 'sets') {
      for (const inner of item.items) made.push(...setsOf(inner));
    } else if (item.form === 'rollup') {
      const steps = item.items.map(step);
      for (let count = steps.length; count >= 0; count--) made.push(steps.slice(0, count).flat());
    } else {
      const steps = item.items.map(step);
      if (steps.length < 16) {
        for (let bits = (1 << steps.length) - 1; bits >= 0; bits--) {
          made.push(steps.filter((_, i) => ((bits >> (steps.length - 1 - i)) & 1) === 1).flat());
        }
      } else
        check(
          Array.from({ length: GROUPING_SETS_MAX + 1 }, () => []),
          item,
        );
    }
    check(made, item);
    return made;
  };
  let sets: readonly (readonly number[])[] = [[]];
  for (const item of items) {
    const more = setsOf(item);
    sets = sets.flatMap((set) => more.map((other) => [...new Set([...set, ...other])]));
    check(sets, item);
  }
  const isPlain = items.every((item) => item.kind !== 'grouping_sets' && item.kind !== 'empty_group');
  return { nodes, sets: isPlain ? undefined : sets };
}

/** What an aggregate operator is made of. */
export interface Grouping {
  readonly groups: readonly Expr[];
  readonly calls: readonly AggregateCall[];
  /** What the groups are called. */
  readonly names: readonly Pick<Field, 'name' | 'metadata'>[];
  readonly sets: readonly (readonly number[])[] | undefined;
}

/** The aggregate of `input`, for each of the sets. */
export function aggregateOver(shared: SharedPlans, input: LogicalPlan, grouping: Grouping): LogicalPlan {
  const { groups, sets } = grouping;
  if (sets === undefined) return aggregateOf(input, grouping, [...groups.keys()]);
  const [only] = sets;
  const isAll = sets.length === 1 && only?.length === groups.length;
  if (isAll) return aggregateOf(input, grouping, [...groups.keys()]);
  const id = shared.add(input);
  const inputs = sets.map((set) => widen(aggregateOf(shared.read(id), grouping, set), grouping, set));
  const isSure = (place: number): boolean => sets.every((set) => set.includes(place));
  const schema = schemaOf(grouping, [...groups.keys()], isSure);
  return { kind: 'union', schema, inputs };
}

function schemaOf(
  { groups, calls, names }: Grouping,
  set: readonly number[],
  isSure: (place: number) => boolean,
): Schema {
  const fields = set.map((place): Field => {
    const group = groups[place] as Expr;
    const { name, metadata } = names[place] ?? { name: '', metadata: [] };
    return { name, type: group.type, nullable: group.nullable || !isSure(place), metadata };
  });
  for (const { name, type, nullable } of calls) fields.push({ name, type, nullable, metadata: [] });
  return { fields, metadata: [] };
}

function aggregateOf(input: LogicalPlan, grouping: Grouping, set: readonly number[]): LogicalPlan {
  const schema = schemaOf(grouping, set, () => true);
  const groups = set.map((place) => grouping.groups[place] as Expr);
  return { kind: 'aggregate', schema, input, groups, aggregates: grouping.calls };
}

/** The aggregate of one set with all groups. */
function widen(input: LogicalPlan, grouping: Grouping, set: readonly number[]): LogicalPlan {
  const span = { start: 0, end: 0 };
  const { fields } = input.schema;
  const exprs = grouping.groups.map(({ type }, place): Expr => {
    const at = set.indexOf(place);
    if (at < 0) return { kind: 'literal', value: null, type, nullable: true, span };
    return columnOf(at, fields[at] as Field, span);
  });
  for (let i = 0; i < grouping.calls.length; i++) {
    exprs.push(columnOf(set.length + i, fields[set.length + i] as Field, span));
  }
  const schema = schemaOf(grouping, [...grouping.groups.keys()], (place) => set.includes(place));
  return { kind: 'project', schema, input, exprs };
}
