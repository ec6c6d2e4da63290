/**
 * DoPut: one stream into one table, all or nothing.
 *
 * Order on the wire: the first message has the descriptor, and it or a later one the schema; then dictionaries and
 * batches; then the client ends. No PutResult is sent: the status is the answer. Messages without a header carry only
 * app_metadata and are passed over.
 *
 * Hides nothing of the engine. Invariants: the next message is read only when the one before is stored; whatever
 * fails before the commit leaves nothing behind; after a failure the client's stream is read on (bounded) so that it
 * learns the true status; app_metadata that asks for exactly-once is refused and never passed over. A stream that its
 * client has ended is whole: a cancel that comes after that is too late (Node's HTTP/2 client ends a stream in order
 * before it resets it).
 */
import { prepareCodecs } from '../arrow/compression.ts';
import { BatchReader } from '../arrow/ipc-read.ts';
import { decodeSchema } from '../arrow/ipc-schema.ts';
import { EngineError } from '../base/errors.ts';
import type { Engine, Put } from '../engine/contract.ts';
import { countBatch } from './call.ts';
import { putTarget } from './descriptor.ts';
import { decodeFlightData } from './encode.ts';
import type { FlightData } from './encode.ts';
import type { Inbox, Received } from './inbox.ts';

/** Header that names a producer for a whole stream. */
export const PRODUCER_HEADER = 'x-ingest-producer';

const BRACE = 0x7b;

/**
 * Takes the stream; resolves when it is durable. `producer` is the call's PRODUCER_HEADER. @throws what fails, after
 * draining
 */
export async function doPut(
  engine: Engine,
  inbox: Inbox,
  producer: string | undefined,
  signal: AbortSignal,
): Promise<void> {
  try {
    if (producer !== undefined) throw refuseProducer(`the header ${PRODUCER_HEADER}`);
    await prepareCodecs();
    const { table, schemaHeader } = await readStart(inbox);
    const schema = decodeSchema(schemaHeader);
    const put = await engine.beginPut(table, schema);
    await storeBatches(put, new BatchReader(schema, { trusted: false }), inbox, signal);
  } catch (error) {
    await inbox.drain(signal);
    throw error;
  } finally {
    inbox.close();
  }
}

/** Reads up to the schema. */
async function readStart(inbox: Inbox): Promise<{ readonly table: string; readonly schemaHeader: Uint8Array }> {
  let table: string | undefined;
  for (;;) {
    const received = await inbox.next();
    if (received === undefined) throw endedEarly(table);
    try {
      const message = decodeFlightData(received.bytes);
      checkMetadata(message);
      if (table === undefined) {
        if (message.descriptor === undefined) throw noDescriptor();
        table = putTarget(message.descriptor);
      }
      if (message.header.byteLength > 0) return { table, schemaHeader: message.header.slice() };
    } finally {
      received.release();
    }
  }
}

async function storeBatches(put: Put, reader: BatchReader, inbox: Inbox, signal: AbortSignal): Promise<void> {
  try {
    for (let received = await inbox.next(); received !== undefined; received = await inbox.next()) {
      await storeMessage(put, reader, received);
    }
    if (signal.aborted) throw signal.reason;
    await put.commit();
  } catch (error) {
    await put.abort();
    throw error;
  }
}

async function storeMessage(put: Put, reader: BatchReader, received: Received): Promise<void> {
  let stored = false;
  try {
    const message = decodeFlightData(received.bytes);
    checkMetadata(message);
    if (message.header.byteLength === 0) {
      if (message.body.byteLength > 0) throw bodyAlone(message.body.byteLength);
      return;
    }
    const batch = reader.read(message.header, message.body);
    if (batch === undefined) return;
    await put.write(batch);
    stored = true;
    countBatch('in', batch.rowCount);
  } finally {
    // A put owns what it still needs once a write has resolved; dictionaries stay in use by the reader.
    received.release(stored);
  }
}

/** Refuses app_metadata that is JSON and names a producer; any other is the client's own affair. */
function checkMetadata(message: FlightData): void {
  const bytes = message.appMetadata;
  if (bytes[0] !== BRACE) return;
  let content: unknown;
  try {
    content = JSON.parse(Buffer.from(bytes).toString());
  } catch {
    // Not JSON, so it cannot name a producer.
    return;
  }
  if (typeof content === 'object' && content !== null && 'producer' in content) {
    throw refuseProducer("a batch's app_metadata");
  }
}

function refuseProducer(where: string): EngineError {
  return new EngineError(
    'unimplemented',
    `${where} names a producer, and exactly-once ingest is not offered yet; leave it out: the stream is stored whole or not at all`,
  );
}

function endedEarly(table: string | undefined): EngineError {
  const message =
    table === undefined
      ? 'the put stream is empty; its first message must have a descriptor and the schema'
      : `the put stream for table ${table} ended before its schema`;
  return new EngineError('request_invalid', message);
}

function noDescriptor(): EngineError {
  return new EngineError(
    'request_invalid',
    'the put stream\'s first message has no descriptor; name the table by a path descriptor, for example ["trades"]',
  );
}

function bodyAlone(bytes: number): EngineError {
  return new EngineError(
    'request_invalid',
    `a message has a body of ${bytes.toString()} bytes and no header that describes it`,
  );
}
