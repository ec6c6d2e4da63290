/**
 * Which rows an aggregate over a window takes: those that FILTER lets through, that are not null, and of equal ones
 * the first.
 *
 * Hides how equal rows are found. Invariants: flags are by place, undefined when all rows are taken; DISTINCT is only
 * asked for where every frame begins with its partition, so that the first of equal rows is in each frame that has one.
 */
import { trueRows } from '../function/compare-kernel.ts';
import { PairTable, RowKeys } from '../function/key-table.ts';
import { bitAt, validityOf } from '../function/validity.ts';
import type { Expr, WindowCall } from '../plan/expr.ts';
import { freshRows, pick } from './accumulator.ts';
import { gather } from '../function/gather.ts';
import type { WindowOrder } from './window-order.ts';

/** Flags of the rows that FILTER lets through; undefined for all. */
export function filteredPlaces(order: WindowOrder, call: WindowCall): Uint8Array | undefined {
  if (call.filter === undefined) return undefined;
  const { bits, count } = trueRows(order.sorted(call.filter));
  if (count === order.rowCount) return undefined;
  const flags = new Uint8Array(order.rowCount);
  for (let i = 0; i < flags.length; i++) flags[i] = bitAt(bits, i) ? 1 : 0;
  return flags;
}

/** `flags` without the places where one of the values is null. */
export function presentPlaces(
  order: WindowOrder,
  exprs: readonly Expr[],
  flags: Uint8Array | undefined,
): Uint8Array | undefined {
  let made = flags;
  for (const expr of exprs) {
    const { bits } = validityOf(order.sorted(expr));
    if (bits === undefined) continue;
    made = made === undefined ? new Uint8Array(order.rowCount).fill(1) : made.slice();
    for (let i = 0; i < made.length; i++) if (!bitAt(bits, i)) made[i] = 0;
  }
  return made;
}

/** `flags` without the places that have the values of one before them in their partition. */
export function firstPlaces(
  order: WindowOrder,
  exprs: readonly Expr[],
  flags: Uint8Array | undefined,
): Uint8Array | undefined {
  const places = placesOf(flags, order.rowCount);
  const vectors = exprs.map((expr) => gather(order.sorted(expr), places));
  const ids = new RowKeys(exprs.map((expr) => expr.type)).number(vectors, places.length);
  const groups = pick(order.partitionRanges.begins, places);
  const { rows } = freshRows(new PairTable(), ids, groups, places.length);
  if (rows.length === order.rowCount) return flags;
  const made = new Uint8Array(order.rowCount);
  for (let i = 0; i < rows.length; i++) made[places[rows[i] as number] as number] = 1;
  return made;
}

/** The flagged places, in order. */
export function placesOf(flags: Uint8Array | undefined, count: number): Uint32Array {
  const places = new Uint32Array(count);
  let found = 0;
  for (let i = 0; i < count; i++) if (flags === undefined || flags[i] === 1) places[found++] = i;
  return places.subarray(0, found);
}

/** How many flagged places are before each; places + 1. Undefined when all are flagged. */
export function countsBefore(flags: Uint8Array | undefined): Uint32Array | undefined {
  if (flags === undefined) return undefined;
  const counts = new Uint32Array(flags.length + 1);
  let count = 0;
  for (let i = 0; i < flags.length; i++) {
    counts[i] = count;
    count += flags[i] as number;
  }
  counts[flags.length] = count;
  return counts;
}
