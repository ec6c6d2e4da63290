/**
 * What a statement that writes answers: one row, one text column.
 *
 * Hides nothing. Invariant: every such statement has the same schema, so that `describe` can promise it.
 */
import type { ResultBatch } from '../arrow/batch.ts';
import { encodeResults } from '../arrow/ipc-stream.ts';
import { makeField, makeSchema } from '../arrow/schema.ts';
import type { Schema } from '../arrow/schema.ts';
import { makeVector } from '../arrow/vector.ts';

/** `status`: utf8, not null. */
export const COMMAND_SCHEMA: Schema = makeSchema([makeField('status', { id: 'utf8' }, false)]);

/** Yields the one batch that says `outcome`. */
export function commandRow(outcome: string): AsyncIterable<ResultBatch> {
  const bytes = Buffer.from(outcome);
  const offsets = new Uint8Array(Int32Array.of(0, bytes.byteLength).buffer);
  const column = makeVector({ id: 'utf8' }, 1, undefined, 0, [offsets, new Uint8Array(bytes)]);
  return encodeResults(COMMAND_SCHEMA, once({ schema: COMMAND_SCHEMA, rowCount: 1, columns: [column] }));
}

async function* once<T>(value: T): AsyncGenerator<T> {
  yield await Promise.resolve(value);
}
