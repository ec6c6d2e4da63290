/**
 * Key filters: a join tells what it reads which keys it holds, so that rows which cannot join are left out where they
 * come from, before anything is computed or gathered of them.
 *
 * Hides the sets, and through which operators they go. Invariants: a filter leaves rows out, and never one whose value
 * is a key; the join looks every row up all the same, so a filter may be left out anywhere; one that keeps most rows is
 * given up.
 */
import type { Field, Schema } from '../arrow/schema.ts';
import type { Bound } from '../arrow/source.ts';
import { KEY_FILTER_BATCHES_TRIED, KEY_FILTER_SHARE_MAX } from '../base/limits.ts';
import type { KeySet } from '../function/key-set.ts';
import type { Expr } from '../plan/expr.ts';
import type { PhysicalPlan } from '../plan/physical.ts';
import { laneForm } from './compiled-value.ts';
import type { LazyRows } from './rows.ts';

type Column = Extract<Expr, { kind: 'column' }>;

/** Rows whose value of `column` is not in `keys`, null for one, are of no interest. */
export interface KeyFilter {
  readonly column: number;
  readonly keys: KeySet;
}

export type KeyFilters = readonly KeyFilter[];

/** The filters on columns that `exprs` pass on untouched, as filters on the columns that these are of. */
function lowered(filters: KeyFilters, exprs: readonly Expr[]): KeyFilters {
  return filters.flatMap(({ column, keys }) => {
    const expr = exprs[column];
    return expr?.kind === 'column' ? [{ column: expr.index, keys }] : [];
  });
}

/** Of the filters on an operator's rows, what its one input can be asked. */
export function inputFilters(plan: PhysicalPlan, filters: KeyFilters): KeyFilters {
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
  filters: KeyFilters,
): { readonly left: KeyFilters; readonly right: KeyFilters } {
  const width = plan.left.schema.fields.length;
  const left = filters.filter(({ column }) => column < width);
  const right = filters
    .filter(({ column }) => column >= width)
    .map(({ column, keys }) => ({ column: column - width, keys }));
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

/** What the zone maps of a table can tell of filters. */
export function boundsOf(filters: KeyFilters): readonly Bound[] {
  return filters.flatMap(({ column, keys }): readonly Bound[] => [
    { column, operator: '>=', value: keys.least },
    { column, operator: '<=', value: keys.most },
  ]);
}

/** Filters that code can apply, and those that it cannot. */
export interface CodedFilters {
  readonly columns: readonly Column[];
  readonly sets: readonly KeySet[];
  readonly rest: KeyFilters;
}

/** Parts filters on the rows of `schema` by whether code reads their columns as integers. */
export function codedFilters(filters: KeyFilters, { fields }: Schema): CodedFilters {
  const isCoded = ({ column }: KeyFilter): boolean => laneForm((fields[column] as Field).type) === 'int';
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

  constructor(filters: KeyFilters) {
    this.#tried = filters.map((filter) => ({ filter, batches: 0, seen: 0, kept: 0 }));
  }

  /** The rows that are of interest; undefined when there are none. */
  pick(rows: LazyRows): LazyRows | undefined {
    let left: LazyRows = rows;
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
