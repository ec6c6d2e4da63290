/**
 * Builders side by side: rows of text become record batches.
 *
 * Hides capacity. Invariants: a batch has at most BATCH_ROWS_MAX rows and ends early when its text grows large;
 * memory starts small, so that a short input stays cheap.
 */
import type { RecordBatch } from '../arrow/batch.ts';
import type { Schema } from '../arrow/schema.ts';
import { BATCH_ROWS_MAX, READ_BATCH_INPUT_BYTES } from '../base/limits.ts';
import type { ColumnBuilder } from './column.ts';
import { makeBuilder } from './column-build.ts';

const FIRST_CAPACITY_ROWS = 1_024;

/**
 * Builds batches of one schema. The schema that batches have may differ from the one asked for in view types: see
 * `schema`.
 */
export class BatchBuilder {
  readonly schema: Schema;
  readonly columns: readonly ColumnBuilder[];
  rowCount = 0;
  #inputBytes = 0;
  #capacity = FIRST_CAPACITY_ROWS;

  /** @throws `unimplemented` for a column that text cannot bring */
  constructor(schema: Schema) {
    this.columns = schema.fields.map((field) => makeBuilder(field.type, field.name));
    const types = this.columns.map((column) => column.type);
    this.schema = {
      ...schema,
      fields: schema.fields.map((field, i) => ({ ...field, type: types[i] ?? field.type })),
    };
    this.#reserve();
  }

  /** Makes room for one more row of `inputBytes` of text, all null until set, and returns its index. */
  beginRow(inputBytes: number): number {
    this.#inputBytes += inputBytes;
    if (this.rowCount === this.#capacity) {
      this.#capacity = Math.min(this.#capacity * 4, BATCH_ROWS_MAX);
      this.#reserve();
    }
    return this.rowCount++;
  }

  #reserve(): void {
    for (const column of this.columns) column.reserve(this.#capacity);
  }

  /** True when the batch should be finished before the next row begins. */
  get isFull(): boolean {
    return this.rowCount >= BATCH_ROWS_MAX || this.#inputBytes >= READ_BATCH_INPUT_BYTES;
  }

  /** The batch of the rows so far; the next one begins empty. */
  finish(): RecordBatch {
    const rowCount = this.rowCount;
    this.rowCount = 0;
    this.#inputBytes = 0;
    return { schema: this.schema, rowCount, columns: this.columns.map((column) => column.finish(rowCount)) };
  }
}
