/**
 * apache-arrow tables from our batches and back, through IPC bytes.
 *
 * The sole user of apache-arrow: a convenience for embedded users and for libraries that speak its tables. Hides the
 * conversion. Invariants: both ways copy; types that apache-arrow lacks (run-end, list-view) fail there, with its
 * message.
 */
import { tableFromIPC, tableToIPC } from 'apache-arrow';
import type { Table } from 'apache-arrow';
import { concatBytes } from '../base/bytes.ts';
import { EngineError } from '../base/errors.ts';
import type { RecordBatch } from './batch.ts';
import { numberDictionaries } from './ipc-schema.ts';
import { encodeResults, readStream, writeStream } from './ipc-stream.ts';
import type { Schema } from './schema.ts';

export type { Table as ArrowTable } from 'apache-arrow';

/** The rows of `batches` as an apache-arrow table. @throws `unimplemented` for types that it does not know */
export async function toArrowTable(schema: Schema, batches: AsyncIterable<RecordBatch>): Promise<Table> {
  const numbered = numberDictionaries(schema);
  const parts: Uint8Array[] = [];
  for await (const bytes of writeStream(numbered, encodeResults(numbered, batches))) parts.push(bytes);
  try {
    return tableFromIPC(concatBytes(parts));
  } catch (cause) {
    const detail = cause instanceof Error ? cause.message : String(cause);
    throw new EngineError('unimplemented', `apache-arrow cannot hold this table: ${detail}`, { cause });
  }
}

/** Schema and batches of an apache-arrow table. @throws `request_invalid` */
export async function fromArrowTable(
  table: Table,
): Promise<{ readonly schema: Schema; readonly batches: readonly RecordBatch[] }> {
  const stream = await readStream(once(tableToIPC(table, 'stream')));
  const batches: RecordBatch[] = [];
  for await (const batch of stream.batches) batches.push(batch);
  return { schema: stream.schema, batches };
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(bytes);
}
