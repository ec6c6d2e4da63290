/**
 * DELETE and UPDATE of rows that a query finds: it is run first, and then each batch of the table is edited.
 *
 * Hides in which order the query yields rows. Invariants: a row that comes more than once changes once, and gets the
 * values that came last; numbers and values are held in memory, charged to the query's budget; NULL is refused where
 * none may be.
 */
import type { RecordBatch } from '../arrow/batch.ts';
import { joinVectors } from '../arrow/concat.ts';
import type { Field } from '../arrow/schema.ts';
import { emptyVector, sliceVector } from '../arrow/slice.ts';
import type { Vector } from '../arrow/vector.ts';
import { typedView } from '../arrow/vector.ts';
import { QUERY_MEMORY_BYTES_MAX } from '../base/limits.ts';
import type { RowPlan } from '../plan/physical.ts';
import type { EditedBatch, EditPlan } from './edit.ts';
import { withColumns, withoutRows } from './edit.ts';
import { runPlan } from './exec.ts';
import type { RunOptions } from './exec.ts';
import { gather } from '../function/gather.ts';
import { columnsBytes } from './memory.ts';
import { MemoryBudget } from './operator.ts';
import { refuseNulls, replacerOf } from './replace.ts';
import type { Replace } from './scatter.ts';

/** The rows that a statement changes, by their numbers in the table. */
export interface FoundRows {
  /** Whether some of the rows [firstRow, firstRow + rowCount) change. */
  changesIn(firstRow: number, rowCount: number): boolean;
  /** The batch whose first row has that number, edited. For the batches of one table in order. */
  edit(batch: RecordBatch, firstRow: number): EditedBatch | undefined;
}

/** Runs the query of a planned DELETE or UPDATE. @throws what the query throws, `value_error` for NULLs */
export async function findRows(planned: EditPlan, plan: RowPlan, run: RunOptions): Promise<FoundRows> {
  const memory = new MemoryBudget(run.memoryBytesMax ?? QUERY_MEMORY_BYTES_MAX);
  const batches: RecordBatch[] = [];
  for await (const batch of runPlan(plan, run)) {
    memory.change(planned.kind.toUpperCase(), 0, columnsBytes(batch.columns));
    batches.push(batch);
  }
  const { numbers, order } = sortedNumbers(batches);
  const fields =
    planned.kind === 'delete' ? [] : planned.columns.map((index) => planned.schema.fields[index] as Field);
  const edits = fields.map((field, i): FoundColumn => {
    const parts = batches.map((batch) => batch.columns[i + 1] as Vector);
    const joined = parts.length === 0 ? emptyVector(field.type) : joinVectors(parts);
    const values = sliceVector(gather(joined, order), 0, order.length);
    if (!field.nullable) refuseNulls(values, field, planned.name, 'UPDATE');
    const index = planned.kind === 'delete' ? 0 : (planned.columns[i] as number);
    return { index, values, replace: replacerOf(field) };
  });
  return new SortedRows(numbers, planned.kind === 'delete' ? undefined : edits);
}

/** The new values of one column, in the order of the rows. */
interface FoundColumn {
  readonly index: number;
  readonly values: Vector;
  readonly replace: Replace;
}

/** The numbers in order, each once, and the place of the last row that had each. */
function sortedNumbers(batches: readonly RecordBatch[]): {
  readonly numbers: Float64Array;
  readonly order: Uint32Array;
} {
  const count = batches.reduce((sum, batch) => sum + batch.rowCount, 0);
  const all = new Float64Array(count);
  let at = 0;
  for (const { columns, rowCount } of batches) {
    all.set(typedView(Float64Array, (columns[0] as Vector).buffers[1] as Uint8Array, rowCount), at);
    at += rowCount;
  }
  const places = Uint32Array.from({ length: count }, (_, i) => i);
  if (!isAscending(all)) places.sort((a, b) => (all[a] as number) - (all[b] as number) || a - b);
  let kept = 0;
  for (let i = 0; i < count; i++) {
    const place = places[i] as number;
    const isLast = i + 1 === count || all[place] !== all[places[i + 1] as number];
    if (isLast) places[kept++] = place;
  }
  const order = places.slice(0, kept);
  const numbers = new Float64Array(kept);
  for (let i = 0; i < kept; i++) numbers[i] = all[order[i] as number] as number;
  return { numbers, order };
}

function isAscending(numbers: Float64Array): boolean {
  for (let i = 1; i < numbers.length; i++) if ((numbers[i] as number) < (numbers[i - 1] as number)) return false;
  return true;
}

class SortedRows implements FoundRows {
  readonly #numbers: Float64Array;
  /** Undefined: the rows go. */
  readonly #columns: readonly FoundColumn[] | undefined;

  constructor(numbers: Float64Array, columns: readonly FoundColumn[] | undefined) {
    this.#numbers = numbers;
    this.#columns = columns;
  }

  changesIn(firstRow: number, rowCount: number): boolean {
    const at = this.#lowerBound(firstRow);
    return (this.#numbers[at] ?? Infinity) < firstRow + rowCount;
  }

  edit(batch: RecordBatch, firstRow: number): EditedBatch | undefined {
    const { rowCount } = batch;
    const start = this.#lowerBound(firstRow);
    const end = this.#lowerBound(firstRow + rowCount);
    const count = end - start;
    if (count === 0) return undefined;
    const selected = new Uint32Array(count);
    for (let i = 0; i < count; i++) selected[i] = (this.#numbers[start + i] as number) - firstRow;
    if (this.#columns === undefined) return withoutRows(batch, count, bitsOf(selected, rowCount));
    const columns = [...batch.columns];
    const some = count === rowCount ? undefined : selected;
    for (const { index, values, replace } of this.#columns) {
      columns[index] = replace(batch.columns[index] as Vector, sliceVector(values, start, end), some);
    }
    return withColumns(batch, columns, some);
  }

  /** The place of the first number that is not less. */
  #lowerBound(number: number): number {
    let [low, high] = [0, this.#numbers.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#numbers[middle] as number) < number) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** A bit for each of the rows; undefined when they are all. */
function bitsOf(selected: Uint32Array, rowCount: number): Uint8Array | undefined {
  if (selected.length === rowCount) return undefined;
  const bits = new Uint8Array(Math.ceil(rowCount / 8));
  for (const row of selected) bits[row >> 3] = (bits[row >> 3] as number) | (1 << (row & 7));
  return bits;
}
