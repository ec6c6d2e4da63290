/**
 * Pairs of a batch's rows with the held rows that have their keys, a bounded number at a time.
 *
 * Hides where one key's rows are cut. Invariants: pairs come in the order of the batch's rows, and of one row in that
 * of the held ones.
 */
import { BATCH_ROWS_MAX } from '../base/limits.ts';
import { NO_ROW } from '../function/gather.ts';
import type { JoinTable, KeyRows, Pairs } from './join-table.ts';

function makePairs(count: number): Pairs {
  return { left: new Uint32Array(count), right: new Uint32Array(count) };
}

/** Where pairs are listed before it is known how many they are. */
let scratch = makePairs(0);

/** Pairs where no two held rows have one key; at most one for each row. */
function uniquePairs(ids: Uint32Array, { firsts }: KeyRows): Pairs {
  if (scratch.left.length <= ids.length) scratch = makePairs(Math.max(ids.length, BATCH_ROWS_MAX) + 1);
  const { left, right } = scratch;
  let count = 0;
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i] as number;
    // MISSING lies beyond the numbers of all keys. Every row is written, and the place moves on for those that join.
    const row = id < firsts.length ? (firsts[id] as number) : NO_ROW;
    left[count] = i;
    right[count] = row;
    count += row === NO_ROW ? 0 : 1;
  }
  return { left: left.slice(0, count), right: right.slice(0, count) };
}

/** All rows, each with the one that it joins, or with the table's row of NULLs. */
function filledPairs(ids: Uint32Array, { firsts }: KeyRows, none: number): Pairs {
  const { left, right } = makePairs(ids.length);
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i] as number;
    const row = id < firsts.length ? (firsts[id] as number) : NO_ROW;
    left[i] = i;
    right[i] = row === NO_ROW ? none : row;
  }
  return { left, right };
}

/** All pairs of rows with the keys `ids`. With `fill`, a row that has none is paired with the table's row of NULLs. */
export function* pairsOf(ids: Uint32Array, table: JoinTable, fill: boolean): Generator<Pairs> {
  const { keyRows, rowCount } = table;
  const { firsts, nexts } = keyRows;
  if (nexts === undefined) {
    const pairs = fill ? filledPairs(ids, keyRows, rowCount) : uniquePairs(ids, keyRows);
    if (pairs.left.length > 0) yield pairs;
    return;
  }
  const { left, right } = table.scratch;
  let count = 0;
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i] as number;
    let row = id < firsts.length ? (firsts[id] as number) : NO_ROW;
    if (row === NO_ROW && !fill) continue;
    do {
      left[count] = i;
      right[count++] = row === NO_ROW ? rowCount : row;
      if (count === BATCH_ROWS_MAX) {
        yield { left: left.slice(), right: right.slice() };
        count = 0;
      }
      row = row === NO_ROW ? NO_ROW : (nexts[row] as number);
    } while (row !== NO_ROW);
  }
  if (count > 0) yield { left: left.slice(0, count), right: right.slice(0, count) };
}
