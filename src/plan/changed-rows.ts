/**
 * Sources that stand in a plan for the rows of one table: with their numbers, and those that a statement has changed.
 *
 * Hides nothing. Invariants: a row's number counts from 0 in the order of the table, whatever else is asked for, so
 * bounds skip nothing; changed rows are read when the statement has ended.
 */
import type { RecordBatch } from '../arrow/batch.ts';
import { makeField } from '../arrow/schema.ts';
import type { Field, Schema } from '../arrow/schema.ts';
import type { ScanRequest, Source } from '../arrow/source.ts';
import { makeVector } from '../arrow/vector.ts';
import type { Vector } from '../arrow/vector.ts';
import { DOUBLE } from './constant.ts';
import type { ChangedRows } from './physical.ts';

/** The rows of a source, and behind their columns their numbers: float64, which every count of rows fits. */
export class NumberedRows implements Source {
  readonly schema: Schema;
  readonly rowCount: number;
  readonly #source: Source;

  constructor(source: Source) {
    this.#source = source;
    this.rowCount = source.rowCount;
    this.schema = { ...source.schema, fields: [...source.schema.fields, makeField('', DOUBLE, false)] };
  }

  async *scan({ columns, limit }: ScanRequest): AsyncGenerator<RecordBatch> {
    const width = this.#source.schema.fields.length;
    const own = columns.filter((column) => column < width);
    const schema = { fields: columns.map((column) => this.schema.fields[column] as Field), metadata: [] };
    let first = 0;
    for await (const batch of this.#source.scan({ columns: own, bounds: [], limit })) {
      const { rowCount } = batch;
      let next = 0;
      const vectors = columns.map((column) => {
        return column < width ? (batch.columns[next++] as Vector) : numbers(first, rowCount);
      });
      yield { schema, rowCount, columns: vectors };
      first += rowCount;
    }
  }

  countBatches(): Promise<{ readonly pruned: number; readonly total: number }> {
    return this.#source.countBatches([]);
  }
}

function numbers(first: number, count: number): Vector {
  const values = Float64Array.from({ length: count }, (_, i) => first + i);
  return makeVector(DOUBLE, count, undefined, 0, [new Uint8Array(values.buffer)]);
}

/** Rows that a statement adds to the source, batch by batch. */
export class CollectedRows implements ChangedRows {
  readonly schema: Schema;
  readonly #batches: RecordBatch[] = [];
  rowCount = 0;

  constructor(schema: Schema) {
    this.schema = schema;
  }

  add(batch: RecordBatch): void {
    this.#batches.push(batch);
    this.rowCount += batch.rowCount;
  }

  // oxlint-disable-next-line typescript/require-await -- sources are asynchronous
  async *scan({ columns }: ScanRequest): AsyncGenerator<RecordBatch> {
    const schema = { fields: columns.map((column) => this.schema.fields[column] as Field), metadata: [] };
    for (const { rowCount, columns: all } of this.#batches) {
      yield { schema, rowCount, columns: columns.map((column) => all[column] as Vector) };
    }
  }

  countBatches(): Promise<{ readonly pruned: number; readonly total: number }> {
    return Promise.resolve({ pruned: 0, total: this.#batches.length });
  }
}
