/**
 * Pairs of a batch's rows with the held rows that have their keys, a bounded number at a time.
 *
 * Hides where one key's rows are cut. Invariants: pairs come in the order of the batch's rows; a condition is evaluated
 * over pairs, and columns are gathered only where it reads them.
 */
import type { Vector } from '../arrow/vector.ts';
import { BATCH_ROWS_MAX } from '../base/limits.ts';
import { MISSING } from '../function/key-table.ts';
import { gather } from './gather.ts';
import type { JoinTable } from './join-table.ts';
import type { Rows } from './rows.ts';
import { lazyRows } from './rows.ts';

/** Row `left[i]` of the batch beside row `right[i]` of the table. */
export interface Pairs {
  readonly left: Uint32Array;
  readonly right: Uint32Array;
}

/** All pairs of rows with the keys `ids`. With `fill`, a row that has none is paired with the table's row of NULLs. */
export function* pairsOf(ids: Uint32Array, table: JoinTable, fill: boolean): Generator<Pairs> {
  const { starts, rows } = table.keyRows;
  let left = new Uint32Array(BATCH_ROWS_MAX);
  let right = new Uint32Array(BATCH_ROWS_MAX);
  let count = 0;
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i] as number;
    const start = id === MISSING || id >= starts.length - 1 ? 0 : (starts[id] as number);
    const end = id === MISSING || id >= starts.length - 1 ? 0 : (starts[id + 1] as number);
    if (start === end && fill) {
      left[count] = i;
      right[count++] = table.rowCount;
    }
    for (let at = start; at < end; at++) {
      if (count === BATCH_ROWS_MAX) {
        yield { left, right };
        left = new Uint32Array(BATCH_ROWS_MAX);
        right = new Uint32Array(BATCH_ROWS_MAX);
        count = 0;
      }
      left[count] = i;
      right[count++] = rows[at] as number;
    }
    if (count === BATCH_ROWS_MAX) {
      yield { left, right };
      left = new Uint32Array(BATCH_ROWS_MAX);
      right = new Uint32Array(BATCH_ROWS_MAX);
      count = 0;
    }
  }
  if (count > 0) yield { left: left.subarray(0, count), right: right.subarray(0, count) };
}

/** Pairs as rows for expressions: the batch's columns and then the table's. */
export function pairRows(rows: Rows, width: number, table: JoinTable, { left, right }: Pairs): Rows {
  return lazyRows(left.length, (index) => {
    if (index < width) return gather(rows.column(index), left);
    return gather(table.columns[index - width] as Vector, right);
  });
}
