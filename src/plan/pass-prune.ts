/**
 * Pass `prune_columns`: only columns that somebody reads are read, projected and aggregated.
 *
 * Hides the renumbering. Invariant: the plan's own output keeps every column in its place.
 */
import type { Field, Schema } from '../arrow/schema.ts';
import type { Expr } from './expr.ts';
import { exprsOfCall, exprsOfWindow, forEachColumn, mapCall, mapWindow, shiftColumns } from './expr-walk.ts';
import type { JoinPlan, LogicalPlan, LogicalQuery } from './logical.ts';
import { inputsOf, makeJoin, makeUnnest, makeWindow, mapPlan, pickColumns } from './logical.ts';

/** A pruned plan, and where each of its old columns is now (-1: gone). */
interface Pruned {
  readonly plan: LogicalPlan;
  readonly places: readonly number[];
}

/** The whole query, pruned; a shared plan keeps the columns that any of its readers wants. */
export function pruneColumns(query: LogicalQuery): LogicalQuery {
  const asked = new Map<number, Set<number>>();
  const pruned = (plan: LogicalPlan, wanted: ReadonlySet<number>): Pruned => {
    const made = prune(plan, wanted);
    noteReaders(made.plan, asked);
    return made;
  };
  const main = pruned(query.plan, new Set(query.plan.schema.fields.keys()));
  const shared = new Map<number, Pruned>();
  // A shared plan is read by those after it, so that its readers are known when it is its turn.
  for (const [id, plan] of [...query.shared].sort(([a], [b]) => b - a)) {
    shared.set(id, pruned(plan, asked.get(id) ?? new Set()));
  }
  const place = (plan: LogicalPlan): LogicalPlan =>
    mapPlan(plan, (operator) => {
      if (operator.kind !== 'shared') return operator;
      const places = shared.get(operator.id)?.places ?? [];
      return { ...operator, columns: operator.columns.map((column) => places[column] as number) };
    });
  const plans = [...shared].sort(([a], [b]) => a - b).map(([id, { plan }]) => [id, place(plan)] as const);
  return { plan: place(main.plan), shared: new Map(plans) };
}

function noteReaders(plan: LogicalPlan, asked: Map<number, Set<number>>): void {
  if (plan.kind === 'shared') {
    const columns = asked.get(plan.id) ?? new Set();
    for (const column of plan.columns) columns.add(column);
    asked.set(plan.id, columns);
  }
  for (const input of inputsOf(plan)) noteReaders(input, asked);
}

function prune(plan: LogicalPlan, wanted: ReadonlySet<number>): Pruned {
  const all = [...plan.schema.fields.keys()];
  switch (plan.kind) {
    case 'values':
    case 'working':
      return { plan, places: all };
    case 'join':
      return pruneJoin(plan, wanted);
    case 'union': {
      const kept = all.filter((i) => wanted.has(i));
      const inputs = plan.inputs.map((input) => keepOnly(input, kept));
      return { plan: { ...plan, schema: keepFields(plan.schema, kept), inputs }, places: placesOf(all, kept) };
    }
    case 'recursive': {
      // What the step reads of the rows before depends on every column.
      const [base, step] = [keepOnly(plan.base, all), keepOnly(plan.step, all)];
      return { plan: { ...plan, base, step }, places: all };
    }
    case 'shared':
    case 'scan': {
      if (wanted.size === all.length) return { plan, places: all };
      const kept = all.filter((i) => wanted.has(i));
      const columns = kept.map((i) => plan.columns[i] as number);
      return { plan: { ...plan, columns, schema: keepFields(plan.schema, kept) }, places: placesOf(all, kept) };
    }
    case 'project': {
      const kept = all.filter((i) => wanted.has(i));
      const exprs = kept.map((i) => plan.exprs[i] as Expr);
      const input = prune(plan.input, columnsOf(exprs));
      const schema = kept.length === all.length ? plan.schema : keepFields(plan.schema, kept);
      return {
        plan: { ...plan, schema, input: input.plan, exprs: exprs.map(shifter(input)) },
        places: placesOf(all, kept),
      };
    }
    case 'aggregate':
      return pruneAggregate(plan, wanted);
    case 'window':
      return pruneWindow(plan, wanted);
    case 'filter': {
      const input = prune(plan.input, columnsOf([plan.condition], wanted));
      const condition = shifter(input)(plan.condition);
      return { plan: { ...plan, schema: input.plan.schema, input: input.plan, condition }, places: input.places };
    }
    case 'sort': {
      const exprs = plan.keys.map((key) => key.expr);
      const input = prune(plan.input, columnsOf(exprs, wanted));
      const shift = shifter(input);
      const keys = plan.keys.map((key) => ({ ...key, expr: shift(key.expr) }));
      return { plan: { ...plan, schema: input.plan.schema, input: input.plan, keys }, places: input.places };
    }
    case 'unnest':
      return pruneUnnest(plan, wanted);
    case 'distinct':
    case 'limit':
      // Which rows are distinct depends on every column.
      return pruneInput(plan, plan.kind === 'distinct' ? new Set(all) : wanted);
  }
}

/** The plan with its columns `kept` and no others, in that order. */
function keepOnly(plan: LogicalPlan, kept: readonly number[]): LogicalPlan {
  const pruned = prune(plan, new Set(kept));
  const places = kept.map((column) => pruned.places[column] as number);
  const isExact = places.length === pruned.plan.schema.fields.length && places.every((place, i) => place === i);
  return isExact ? pruned.plan : pickColumns(pruned.plan, places);
}

function pruneInput(plan: Extract<LogicalPlan, { kind: 'distinct' | 'limit' }>, wanted: ReadonlySet<number>): Pruned {
  const input = prune(plan.input, wanted);
  const pruned = { ...plan, schema: input.plan.schema, input: input.plan };
  if (pruned.kind === 'distinct' || pruned.counts === undefined) return { plan: pruned, places: input.places };
  const counts = keepOnly(pruned.counts, [...pruned.counts.schema.fields.keys()]);
  return { plan: { ...pruned, counts }, places: input.places };
}

function pruneWindow(plan: PlanOf<'window'>, wanted: ReadonlySet<number>): Pruned {
  const width = plan.input.schema.fields.length;
  const all = [...plan.calls.keys()];
  const kept = all.filter((i) => wanted.has(width + i));
  const calls = kept.flatMap((i) => plan.calls[i] ?? []);
  const own = [...wanted].filter((i) => i < width);
  const input = prune(plan.input, columnsOf(calls.flatMap(exprsOfWindow), own));
  const shift = shifter(input);
  const shifted = calls.map((call) => mapWindow(call, shift));
  const left = input.plan.schema.fields.length;
  const places = placesOf(all, kept).map((i) => (i < 0 ? i : left + i));
  return {
    plan: calls.length === 0 ? input.plan : makeWindow(input.plan, shifted),
    places: [...input.places, ...places],
  };
}

type PlanOf<K extends LogicalPlan['kind']> = Extract<LogicalPlan, { kind: K }>;

function pruneAggregate(plan: PlanOf<'aggregate'>, wanted: ReadonlySet<number>): Pruned {
  const all = [...plan.schema.fields.keys()];
  const groupCount = plan.groups.length;
  const kept = all.filter((i) => i < groupCount || wanted.has(i));
  const aggregates = kept.flatMap((i) => plan.aggregates[i - groupCount] ?? []);
  const input = prune(plan.input, columnsOf([...plan.groups, ...aggregates.flatMap(exprsOfCall)]));
  const shift = shifter(input);
  const groups = plan.groups.map(shift);
  const shifted = aggregates.map((call) => mapCall(call, shift));
  const schema = kept.length === all.length ? plan.schema : keepFields(plan.schema, kept);
  return {
    plan: { ...plan, schema, input: input.plan, groups, aggregates: shifted },
    places: placesOf(all, kept),
  };
}

/** Lists that nobody reads stay: they say how often a row is there. */
function pruneUnnest(plan: PlanOf<'unnest'>, wanted: ReadonlySet<number>): Pruned {
  const all = [...plan.schema.fields.keys()];
  const width = plan.columns.length;
  const kept = all.filter((i) => i >= width || wanted.has(i));
  const read = kept.flatMap((i) => plan.columns[i] ?? []);
  const input = prune(plan.input, columnsOf(plan.lists, read));
  const lists = plan.lists.map(shifter(input));
  const columns = read.map((column) => input.places[column] as number);
  const made = makeUnnest({ ...plan, input: input.plan, columns, lists }, plan.schema.fields.slice(width));
  return { plan: made, places: placesOf(all, kept) };
}

function pruneJoin(plan: JoinPlan, wanted: ReadonlySet<number>): Pruned {
  const width = plan.left.schema.fields.length;
  const yields = plan.schema.fields.length;
  const read = columnsOf(plan.condition === undefined ? [] : [plan.condition]);
  const fromLeft = columnsOf(plan.keys.map((key) => key.left));
  const fromRight = columnsOf(plan.keys.map((key) => key.right));
  const hasRight = plan.join !== 'semi' && plan.join !== 'anti' && plan.join !== 'mark';
  for (const column of [...read, ...[...wanted].filter((i) => i < width || hasRight)]) {
    if (column < width) fromLeft.add(column);
    else fromRight.add(column - width);
  }
  const [left, right] = [
    narrowed(prune(plan.left, fromLeft), fromLeft),
    narrowed(prune(plan.right, fromRight), fromRight),
  ];
  const leftWidth = left.plan.schema.fields.length;
  const placeOf = (column: number): number => {
    if (column < width) return left.places[column] ?? -1;
    const place = right.places[column - width] ?? -1;
    return place < 0 ? -1 : leftWidth + place;
  };
  const [shiftLeft, shiftRight] = [shifter(left), shifter(right)];
  const keys = plan.keys.map((key) => ({ ...key, left: shiftLeft(key.left), right: shiftRight(key.right) }));
  const condition = plan.condition === undefined ? undefined : shiftColumns(plan.condition, placeOf);
  const pruned = makeJoin({ ...plan, left: left.plan, right: right.plan, keys, condition });
  const places = Array.from({ length: yields }, (_, i) => {
    if (i >= width && plan.join === 'mark') return leftWidth;
    return placeOf(i);
  });
  return { plan: pruned, places };
}

/** Without columns that only the input's own conditions read: a join may hold what it is given. */
function narrowed(pruned: Pruned, wanted: ReadonlySet<number>): Pruned {
  const old = [...pruned.places.keys()].filter((column) => wanted.has(column));
  if (pruned.plan.kind !== 'filter' || old.length === pruned.plan.schema.fields.length) return pruned;
  const kept = old.map((column) => pruned.places[column] as number);
  return { plan: pickColumns(pruned.plan, kept), places: placesOf([...pruned.places.keys()], old) };
}

function columnsOf(exprs: readonly Expr[], also: Iterable<number> = []): Set<number> {
  const columns = new Set(also);
  for (const expr of exprs) forEachColumn(expr, (column) => columns.add(column.index));
  return columns;
}

function shifter(input: Pruned): (expr: Expr) => Expr {
  if (input.places.every((place, i) => place === i)) return (expr) => expr;
  return (expr) => shiftColumns(expr, (index) => input.places[index] ?? -1);
}

function keepFields(schema: Schema, kept: readonly number[]): Schema {
  return { fields: kept.map((i) => schema.fields[i] as Field), metadata: schema.metadata };
}

function placesOf(all: readonly number[], kept: readonly number[]): number[] {
  const places = all.map(() => -1);
  kept.forEach((old, place) => {
    places[old] = place;
  });
  return places;
}
