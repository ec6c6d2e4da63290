/**
 * A result as one JSON document: `{"columns":[…],"data":[[…],…],"rows":n,"execution_time_us":t}`.
 *
 * Hides the framing; values are json-cell's. Invariants: written piece by piece, so memory is bounded by a piece and
 * the widest row; `rows` and the time come last because they are known last; without its closing brace the document
 * is not whole.
 */
import type { RecordBatch } from '../arrow/batch.ts';
import type { Schema } from '../arrow/schema.ts';
import { DEFAULT_JSON_FORM, jsonCell } from './json-cell.ts';
import type { JsonForm } from './json-cell.ts';
import { ByteSink } from './sink.ts';

export type { JsonForm } from './json-cell.ts';

export interface JsonWriteOptions {
  readonly form?: JsonForm;
  /** Microseconds that the query took so far; asked once, after the last row. */
  readonly elapsedUs: () => number;
}

/** Yields the document's bytes in pieces, each new memory. */
export async function* writeJson(
  schema: Schema,
  batches: AsyncIterable<RecordBatch>,
  options: JsonWriteOptions,
): AsyncGenerator<Buffer> {
  const form = options.form ?? DEFAULT_JSON_FORM;
  const sink = new ByteSink();
  sink.text(`{"columns":${JSON.stringify(schema.fields.map((field) => field.name))},"data":[`);
  let rows = 0;
  for await (const batch of batches) {
    const cells = batch.columns.map((column) => jsonCell(column, form));
    for (let row = 0; row < batch.rowCount; row++) {
      sink.ascii(rows + row > 0 ? ',[' : '[');
      for (let i = 0; i < cells.length; i++) {
        if (i > 0) sink.byte(44);
        cells[i]?.(sink, row);
      }
      sink.byte(93);
      if (sink.full) yield sink.take();
    }
    rows += batch.rowCount;
  }
  const elapsed = Math.max(0, Math.round(options.elapsedUs()));
  sink.ascii(`],"rows":${rows.toString()},"execution_time_us":${elapsed.toString()}}\n`);
  yield sink.take();
}
