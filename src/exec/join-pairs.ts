/**
 * Pairs of a batch's rows with the held rows that have their keys, a bounded number at a time.
 *
 * Hides where one key's rows are cut. Invariants: pairs come in the order of the batch's rows; a condition is evaluated
 * over pairs, and columns are gathered only where it reads them.
 */
import type { Vector } from '../arrow/vector.ts';
import { BATCH_ROWS_MAX } from '../base/limits.ts';
import { gather } from '../function/gather.ts';
import type { JoinTable } from './join-table.ts';
import type { Rows } from './rows.ts';
import { lazyRows } from './rows.ts';

/** Row `left[i]` of the batch beside row `right[i]` of the table. */
export interface Pairs {
  readonly left: Uint32Array;
  readonly right: Uint32Array;
}

/** How many pairs there are of rows with the keys `ids`; with `fill` one for a row that has none. */
function countPairs(ids: Uint32Array, starts: Uint32Array, fill: boolean): number {
  const keyCount = starts.length - 1;
  let count = 0;
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i] as number;
    const own = id < keyCount ? (starts[id + 1] as number) - (starts[id] as number) : 0;
    count += own === 0 && fill ? 1 : own;
  }
  return count;
}

function makePairs(count: number): Pairs {
  return { left: new Uint32Array(count), right: new Uint32Array(count) };
}

/** All pairs of rows with the keys `ids`. With `fill`, a row that has none is paired with the table's row of NULLs. */
export function* pairsOf(ids: Uint32Array, table: JoinTable, fill: boolean): Generator<Pairs> {
  const { starts, rows } = table.keyRows;
  // MISSING lies beyond the numbers of all keys.
  const keyCount = starts.length - 1;
  let open = countPairs(ids, starts, fill);
  let { left, right } = makePairs(Math.min(open, BATCH_ROWS_MAX));
  let count = 0;
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i] as number;
    let at = id < keyCount ? (starts[id] as number) : 0;
    const end = id < keyCount ? (starts[id + 1] as number) : 0;
    let isFilled = fill && at === end;
    while (at < end || isFilled) {
      left[count] = i;
      right[count++] = isFilled ? table.rowCount : (rows[at++] as number);
      isFilled = false;
      if (count < left.length) continue;
      yield { left, right };
      open -= count;
      ({ left, right } = makePairs(Math.min(open, BATCH_ROWS_MAX)));
      count = 0;
    }
  }
}

/** Pairs as rows for expressions: the batch's columns and then the table's. */
export function pairRows(rows: Rows, width: number, table: JoinTable, { left, right }: Pairs): Rows {
  return lazyRows(left.length, (index) => {
    if (index < width) return gather(rows.column(index), left);
    return gather(table.columns[index - width] as Vector, right);
  });
}
