/**
 * apache-arrow tables and batches from ours and back, through IPC bytes.
 *
 * The sole user of apache-arrow: a convenience for embedded users and for libraries that speak its tables. Hides the
 * conversion. Invariants: both ways copy; types that apache-arrow lacks (run-end, list-view) fail there, with its
 * message.
 */
import { RecordBatchReader, Table, tableFromIPC, tableToIPC } from 'apache-arrow';
import type { RecordBatch as ArrowBatch, RecordBatchReader as ArrowReader } from 'apache-arrow';
import { concatBytes } from '../base/bytes.ts';
import { EngineError } from '../base/errors.ts';
import type { RecordBatch } from './batch.ts';
import { numberDictionaries } from './ipc-schema.ts';
import { encodeResults, readStream, writeStream, once } from './ipc-stream.ts';
import type { Schema } from './schema.ts';

export type { Table as ArrowTable, RecordBatch as ArrowBatch } from 'apache-arrow';

/** The rows of `batches` as an apache-arrow table. @throws `unimplemented` for types that it does not know */
export async function toArrowTable(schema: Schema, batches: AsyncIterable<RecordBatch>): Promise<Table> {
  const numbered = numberDictionaries(schema);
  const parts: Uint8Array[] = [];
  for await (const bytes of writeStream(numbered, encodeResults(numbered, batches))) parts.push(bytes);
  try {
    return tableFromIPC(concatBytes(parts));
  } catch (error) {
    throw cannotHold(error);
  }
}

function cannotHold(cause: unknown): EngineError {
  const detail = cause instanceof Error ? cause.message : String(cause);
  return new EngineError('unimplemented', `apache-arrow cannot hold this table: ${detail}`, { cause });
}

/**
 * The batches of an IPC stream as apache-arrow has them, one at a time; `pieces` are whole messages, each in memory of
 * its own, on which the batches are views. @throws `unimplemented` for types that it does not know, what `pieces` throw
 */
export async function* readArrowBatches(pieces: AsyncGenerator<Uint8Array>): AsyncGenerator<ArrowBatch> {
  const reader = await openReader(pieces);
  try {
    for await (const batch of reader) yield batch;
  } finally {
    await pieces.return(undefined);
  }
}

/** All of an IPC stream as one table. @throws as `readArrowBatches` */
export async function readArrowTable(pieces: AsyncGenerator<Uint8Array>): Promise<Table> {
  const reader = await openReader(pieces);
  const batches: ArrowBatch[] = [];
  for await (const batch of reader) batches.push(batch);
  return new Table(reader.schema, batches);
}

/** Reads up to the schema, which is where unknown types are found. */
async function openReader(pieces: AsyncGenerator<Uint8Array>): Promise<ArrowReader> {
  try {
    const reader = await RecordBatchReader.from(pieces);
    return (await reader.open()) as ArrowReader;
  } catch (error) {
    await pieces.return(undefined);
    throw error instanceof EngineError ? error : cannotHold(error);
  }
}

/** Schema and batches of apache-arrow's batches, converted as they come. @throws `request_invalid` when there are none */
export async function fromArrowBatches(
  batches: AsyncIterator<ArrowBatch>,
): Promise<{ readonly schema: Schema; readonly batches: AsyncIterable<RecordBatch> }> {
  const first = await batches.next();
  if (first.done === true) throw new EngineError('request_invalid', 'there is no record batch, and so no schema');
  const { schema } = await fromArrowTable(new Table([first.value]));
  async function* all(): AsyncGenerator<RecordBatch> {
    try {
      for (let at = first; at.done !== true; at = await batches.next()) {
        yield* (await fromArrowTable(new Table([at.value]))).batches;
      }
    } finally {
      await batches.return?.();
    }
  }
  return { schema, batches: all() };
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
