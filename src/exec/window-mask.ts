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
import type { Vector } from '../arrow/vector.ts';
import type { Expr, WindowCall } from '../plan/expr.ts';
import { freshRows, pick } from './accumulator.ts';
import { gather } from '../function/gather.ts';
import type { WindowOrder } from './window-order.ts';
import { inPieces } from './work.ts';
import type { Work } from './work.ts';

/** Flags of the rows that FILTER lets through; undefined for all. */
export function* filteredPlaces(order: WindowOrder, call: WindowCall): Work<Uint8Array | undefined> {
  if (call.filter === undefined) return undefined;
  const { bits, count } = trueRows(yield* order.sorted(call.filter));
  if (count === order.rowCount) return undefined;
  const flags = new Uint8Array(order.rowCount);
  yield* inPieces(flags.length, (from, to) => {
    for (let i = from; i < to; i++) flags[i] = bitAt(bits, i) ? 1 : 0;
  });
  return flags;
}

/** `flags` without the places where one of the values is null. */
export function* presentPlaces(
  order: WindowOrder,
  exprs: readonly Expr[],
  flags: Uint8Array | undefined,
): Work<Uint8Array | undefined> {
  let made = flags;
  for (const expr of exprs) {
    if (validityOf(order.column(expr)).bits === undefined) continue;
    const { bits } = validityOf(yield* order.sorted(expr));
    if (bits === undefined) continue;
    const without = made === undefined ? new Uint8Array(order.rowCount).fill(1) : made.slice();
    yield* inPieces(without.length, (from, to) => {
      for (let i = from; i < to; i++) if (!bitAt(bits, i)) without[i] = 0;
    });
    made = without;
  }
  return made;
}

/** `flags` without the places that have the values of one before them in their partition. */
export function* firstPlaces(
  order: WindowOrder,
  exprs: readonly Expr[],
  flags: Uint8Array | undefined,
): Work<Uint8Array | undefined> {
  const places = placesOf(flags, order.rowCount);
  const sorted: Vector[] = [];
  for (const expr of exprs) sorted.push(yield* order.sorted(expr));
  const { begins } = yield* order.partitionRanges();
  const keys = new RowKeys(exprs.map((expr) => expr.type));
  const pairs = new PairTable();
  const made = new Uint8Array(order.rowCount);
  let count = 0;
  yield* inPieces(places.length, (from, to) => {
    const piece = places.subarray(from, to);
    const ids = keys.number(
      sorted.map((vector) => gather(vector, piece)),
      piece.length,
    );
    const { rows } = freshRows(pairs, ids, pick(begins, piece), piece.length);
    for (let i = 0; i < rows.length; i++) made[piece[rows[i] as number] as number] = 1;
    count += rows.length;
  });
  return count === order.rowCount ? flags : made;
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
