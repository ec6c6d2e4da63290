/**
 * A result as NDJSON: one JSON object a line.
 *
 * Hides the framing; values are json-cell's. Invariants: every line, the last one too, ends in LF; column names that
 * repeat get `_1`, `_2` … so that no value is lost; an empty result is an empty text.
 */
import type { RecordBatch } from '../arrow/batch.ts';
import type { Schema } from '../arrow/schema.ts';
import { DEFAULT_JSON_FORM, jsonCell, jsonStringBytes, objectCell, uniqueNames } from './json-cell.ts';
import type { JsonForm } from './json-cell.ts';
import { ByteSink } from './sink.ts';

/** Yields the lines in pieces, each new memory. */
export async function* writeNdjson(
  schema: Schema,
  batches: AsyncIterable<RecordBatch>,
  form: JsonForm = DEFAULT_JSON_FORM,
): AsyncGenerator<Buffer> {
  const names = uniqueNames(schema.fields.map((field) => field.name)).map(jsonStringBytes);
  const sink = new ByteSink();
  for await (const batch of batches) {
    const cells = batch.columns.map((column) => jsonCell(column, form));
    const write = objectCell(names, cells);
    for (let row = 0; row < batch.rowCount; row++) {
      write(sink, row);
      sink.byte(10);
      if (sink.full) yield sink.take();
    }
  }
  if (sink.at > 0) yield sink.take();
}
