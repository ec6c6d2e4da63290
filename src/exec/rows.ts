/**
 * The rows that expressions are evaluated over: a batch, or some rows of one.
 *
 * Hides gathering. Invariants: all columns have `rowCount` rows; a column of some rows is gathered when it is first
 * asked for, and once.
 */
import type { RecordBatch } from '../arrow/batch.ts';
import type { Vector } from '../arrow/vector.ts';
import { gather } from '../function/gather.ts';

/** The rows that an expression is evaluated over. */
export interface Rows {
  readonly rowCount: number;
  column(index: number): Vector;
}

/** A compiled expression. */
export type Evaluator = (rows: Rows) => Vector;

/** All rows of a batch. */
export function rowsOf(batch: RecordBatch): Rows {
  return { rowCount: batch.rowCount, column: (index) => batch.columns[index] as Vector };
}

/** Rows whose columns are made when they are first asked for. */
export function lazyRows(rowCount: number, make: (index: number) => Vector): Rows {
  const made = new Map<number, Vector>();
  return {
    rowCount,
    column: (index) => {
      let vector = made.get(index);
      if (vector === undefined) {
        vector = make(index);
        made.set(index, vector);
      }
      return vector;
    },
  };
}

/** Some rows of `rows`; columns are gathered when they are first asked for. */
export function someRows(rows: Rows, selected: Uint32Array): Rows {
  return lazyRows(selected.length, (index) => gather(rows.column(index), selected));
}

/** The rows whose entry is `value`. */
export function rowsWhere(entries: Uint8Array | Uint32Array, value: number): Uint32Array {
  let count = 0;
  for (let i = 0; i < entries.length; i++) if (entries[i] === value) count++;
  const rows = new Uint32Array(count);
  let at = 0;
  for (let i = 0; i < entries.length; i++) if (entries[i] === value) rows[at++] = i;
  return rows;
}
