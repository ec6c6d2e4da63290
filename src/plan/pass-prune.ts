/**
 * Pass `prune_columns`: only columns that somebody reads are read, projected and aggregated.
 *
 * Hides the renumbering. Invariant: the plan's own output keeps every column in its place.
 */
import type { Field, Schema } from '../arrow/schema.ts';
import type { Expr } from './expr.ts';
import { exprsOfCall, forEachColumn, mapCall, shiftColumns } from './expr-walk.ts';
import type { LogicalPlan } from './logical.ts';

/** A pruned plan, and where each of its old columns is now (-1: gone). */
interface Pruned {
  readonly plan: LogicalPlan;
  readonly places: readonly number[];
}

/** The whole plan, pruned. */
export function pruneColumns(plan: LogicalPlan): LogicalPlan {
  return prune(plan, new Set(plan.schema.fields.keys())).plan;
}

function prune(plan: LogicalPlan, wanted: ReadonlySet<number>): Pruned {
  const all = [...plan.schema.fields.keys()];
  switch (plan.kind) {
    case 'values':
      return { plan, places: all };
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
    case 'aggregate': {
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
    case 'distinct':
    case 'limit': {
      // Which rows are distinct depends on every column.
      const input = prune(plan.input, plan.kind === 'distinct' ? new Set(all) : wanted);
      return { plan: { ...plan, schema: input.plan.schema, input: input.plan }, places: input.places };
    }
  }
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
