/**
 * Row filters: a join tells what it reads which keys it holds, and a top-N how far down its order rows are still
 * wanted, so that other rows are left out where they come from, before anything is computed or gathered of them.
 *
 * Hides the sets and bounds, and through which operators they go. Invariants: a filter leaves rows out, and never one
 * whose value is a key, or that is not behind the bound; whoever made it looks at every row all the same, so a filter
 * may be left out anywhere; a set that keeps most rows is given up, a bound only for the batch, for it gets tighter.
 */
import type { Field, Schema } from '../arrow/schema.ts';
import type { Bound, MovingBounds } from '../arrow/source.ts';
import { BOUND_FILTER_SHARE_MAX, KEY_FILTER_BATCHES_TRIED, KEY_FILTER_SHARE_MAX } from '../base/limits.ts';
import type { KeySet } from '../function/key-set.ts';
import type { Expr } from '../plan/expr.ts';
import type { PhysicalPlan } from '../plan/physical.ts';
import { laneForm } from './compiled-value.ts';
import type { LazyRows } from './rows.ts';
import type { TopBound } from './top-rows.ts';

type Column = Extract<Expr, { kind: 'column' }>;

/** Rows whose value of `column` is not in `keys`, null for one, are of no interest. */
export interface KeyFilter {
  readonly column: number;
  readonly keys: KeySet;
}

/** Rows that come behind `bound` by their value of `column` are of no interest. */
export interface BoundFilter {
  readonly column: number;
  readonly bound: TopBound;
}

export type RowFilter = KeyFilter | BoundFilter;
export type RowFilters = readonly RowFilter[];

/** The filters on columns that `exprs` pass on untouched, as filters on the columns that these are of. */
function lowered(filters: RowFilters, exprs: readonly Expr[]): RowFilters {
  return filters.flatMap((filter): RowFilters => {
    const expr = exprs[filter.column];
    return expr?.kind === 'column' ? [{ ...filter, column: expr.index }] : [];
  });
}

function isKeyFilter(filter: RowFilter): filter is KeyFilter {
  return 'keys' in filter;
}

function isBoundFilter(filter: RowFilter): filter is BoundFilter {
  return 'bound' in filter;
}

/** Of the filters on an operator's rows, what its one input can be asked. */
export function inputFilters(plan: PhysicalPlan, filters: RowFilters): RowFilters {
  if (filters.length === 0) return filters;
  switch (plan.kind) {
    case 'filter':
    case 'union':
      return filters;
    case 'project':
      return lowered(filters, plan.exprs);
    case 'aggregate':
      // A group goes as a whole. Without groups there are no keys to ask for.
      return lowered(filters, plan.groups);
    case 'sort':
      return plan.limit === undefined ? filters : [];
    default:
      return [];
  }
}

/** Of the filters on a join's rows, what either side can be asked. */
export function sideFilters(
  plan: Extract<PhysicalPlan, { kind: 'join' }>,
  filters: RowFilters,
): { readonly left: RowFilters; readonly right: RowFilters } {
  const width = plan.left.schema.fields.length;
  const left = filters.filter(({ column }) => column < width);
  const right = filters
    .filter(({ column }) => column >= width)
    .map((filter) => ({ ...filter, column: filter.column - width }));
  switch (plan.join) {
    case 'inner':
      return { left, right };
    case 'right':
      return { left: [], right };
    case 'full':
      return { left: [], right: [] };
    case 'left':
    case 'single':
    case 'semi':
    case 'anti':
    case 'mark':
      return { left, right: [] };
  }
}

/** What the zone maps of a table can tell of sets of keys. */
export function boundsOf(filters: RowFilters): readonly Bound[] {
  return filters.filter(isKeyFilter).flatMap(({ column, keys }): readonly Bound[] => [
    { column, operator: '>=', value: keys.least },
    { column, operator: '<=', value: keys.most },
  ]);
}

/** What they can tell of bounds, which get tighter; undefined without any. `columns` are the scan's in its table. */
export function movingBoundsOf(
  filters: RowFilters,
  columns: readonly number[],
  { fields }: Schema,
): MovingBounds | undefined {
  const moving = filters.filter(isBoundFilter);
  if (moving.length === 0) return undefined;
  return {
    version: () => moving.reduce((sum, { bound }) => sum + bound.version, 0),
    bounds: () =>
      moving.flatMap(({ column, bound }) => {
        return bound.zoneBounds(columns[column] as number, (fields[column] as Field).nullable);
      }),
  };
}

/** Filters that code can apply, and those that it cannot. */
export interface CodedFilters {
  readonly columns: readonly Column[];
  readonly sets: readonly KeySet[];
  readonly rest: RowFilters;
}

/** Parts filters on the rows of `schema` by whether code reads their columns as integers. */
export function codedFilters(filters: RowFilters, { fields }: Schema): CodedFilters {
  const isCoded = (filter: RowFilter): filter is KeyFilter => {
    return isKeyFilter(filter) && laneForm((fields[filter.column] as Field).type) === 'int';
  };
  const coded = filters.filter(isCoded);
  return {
    columns: coded.map(({ column }) => {
      return { kind: 'column', index: column, ...(fields[column] as Field), span: { start: 0, end: 0 } };
    }),
    sets: coded.map(({ keys }) => keys),
    rest: filters.filter((filter) => !isCoded(filter)),
  };
}

interface Tried {
  readonly filter: KeyFilter;
  batches: number;
  seen: number;
  kept: number;
}

/** Leaves rows out, batch by batch. */
export class RowSieve {
  #tried: Tried[];
  readonly #bounds: readonly BoundFilter[];

  constructor(filters: RowFilters) {
    this.#tried = filters.filter(isKeyFilter).map((filter) => ({ filter, batches: 0, seen: 0, kept: 0 }));
    this.#bounds = filters.filter(isBoundFilter);
  }

  /** The rows that are of interest; undefined when there are none. */
  pick(rows: LazyRows): LazyRows | undefined {
    let left: LazyRows = rows;
    for (const { column, bound } of this.#bounds) {
      const chosen = bound.choose(left.column(column));
      if (chosen === undefined || chosen.length > left.rowCount * BOUND_FILTER_SHARE_MAX) continue;
      bound.leftOut += left.rowCount - chosen.length;
      if (chosen.length === 0) return undefined;
      left = left.pick(chosen);
    }
    let isFruitless = false;
    for (const tried of this.#tried) {
      const { column, keys } = tried.filter;
      const chosen = keys.choose(left.column(column));
      tried.batches++;
      tried.seen += left.rowCount;
      tried.kept += chosen.length;
      if (chosen.length === 0) return undefined;
      if (chosen.length < left.rowCount) left = left.pick(chosen);
      if (tried.batches === KEY_FILTER_BATCHES_TRIED) isFruitless ||= tried.kept > tried.seen * KEY_FILTER_SHARE_MAX;
    }
    if (isFruitless) this.#tried = this.#tried.filter(isUseful);
    return left;
  }
}

function isUseful({ batches, seen, kept }: Tried): boolean {
  return batches < KEY_FILTER_BATCHES_TRIED || kept <= seen * KEY_FILTER_SHARE_MAX;
}
