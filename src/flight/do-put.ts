/**
 * DoPut: one stream into one table, in one of two modes that the first batch fixes.
 *
 *     whole stream   all or nothing; with the x-ingest-* headers stored exactly once, and answered by one PutResult
 *     batch by batch each batch names a producer in its app_metadata: see batch-puts
 *
 * Order on the wire: the first message has the descriptor, and it or a later one the schema; then dictionaries and
 * batches; then the client ends. Without a producer no PutResult is sent: the status is the answer. Messages without
 * a header carry only app_metadata and are passed over.
 *
 * Commands of Flight SQL come here too: an ingest is a whole stream into the table that it names, others are sql-put's.
 *
 * Hides nothing of the engine. Invariants: the next message is read only when the one before is taken; in the first
 * mode whatever fails before the commit leaves nothing behind, and after a failure the client's stream is read on
 * (bounded) so that it learns the true status; in the second the client may be waiting for an answer, so the failure is
 * told at once, after the answers to what is durable. A stream that its client has ended is whole: a cancel that comes
 * after that is too late (Node's HTTP/2 client ends a stream in order before it resets it).
 */
import { prepareCodecs } from '../arrow/compression.ts';
import { BatchReader } from '../arrow/ipc-read.ts';
import { decodeSchema } from '../arrow/ipc-schema.ts';
import type { RecordBatch } from '../arrow/batch.ts';
import type { Schema } from '../arrow/schema.ts';
import { EngineError, toEngineError } from '../base/errors.ts';
import type { Put, PutOptions, PutTag } from '../engine/contract.ts';
import { BatchPuts } from './batch-puts.ts';
import type { SendAnswer } from './batch-puts.ts';
import { countBatch } from './call.ts';
import type { Caller } from './caller.ts';
import { putTarget } from './descriptor.ts';
import type { PutTarget } from './descriptor.ts';
import { decodeFlightData } from './encode.ts';
import type { Inbox, Received } from './inbox.ts';
import { encodeAnswer, headerTag, mayNameProducer, metadataTag } from './ingest-tag.ts';
import type { HeaderValues } from './ingest-tag.ts';
import { encodeMessage } from './message.ts';
import { ingestTarget } from './sql-ingest.ts';
import { isAnsweredAtOnce, sqlPut } from './sql-put.ts';

/** A call as its put sees it. */
export interface PutCall {
  readonly inbox: Inbox;
  readonly headers: HeaderValues;
  readonly send: SendAnswer;
}

/** Where a stream goes. */
interface Destination {
  readonly table: string;
  readonly create: PutOptions['create'];
}

/** What a stream begins with. */
interface Start {
  readonly target: PutTarget;
  /** The schema message's header; empty where a command came without one. */
  readonly header: Uint8Array;
}

/** Takes the stream; resolves when all of it is durable and answered. @throws what fails, after draining */
export async function doPut(caller: Caller, call: PutCall): Promise<void> {
  const { inbox } = call;
  let stream: PutStream | undefined;
  let isAwaited = false;
  try {
    const tag = headerTag(call.headers);
    await prepareCodecs();
    const { target, header } = await readStart(inbox);
    if (target.kind === 'table') {
      stream = new PutStream(caller, call, tag, { table: target.name, create: true }, decodeSchema(header));
      await stream.run();
    } else if (target.command.name === 'CommandStatementIngest') {
      const to = ingestTarget(caller, target.command);
      stream = new PutStream(caller, call, tag, to, decodeSchema(header));
      await call.send(encodeMessage('DoPutUpdateResult', { record_count: await stream.run() }));
    } else {
      isAwaited = isAnsweredAtOnce(target.command);
      await call.send(await sqlPut(caller, target.command, { header, inbox }));
      if (isAwaited) await inbox.drain(caller.signal);
    }
  } catch (error) {
    if (!isAwaited && stream?.answersAwaited !== true) await inbox.drain(caller.signal);
    throw error;
  } finally {
    inbox.close();
  }
}

/** Reads up to the schema, or to a command, which may do without. */
async function readStart(inbox: Inbox): Promise<Start> {
  let target: PutTarget | undefined;
  for (;;) {
    const received = await inbox.next();
    if (received === undefined) throw endedEarly(target);
    try {
      const message = decodeFlightData(received.bytes);
      if (metadataTag(message.appMetadata) !== undefined) throw tagWithoutBatch();
      if (target === undefined) {
        if (message.descriptor === undefined) throw noDescriptor();
        target = putTarget(message.descriptor);
      }
      const bare = target.kind === 'command' && target.command.name !== 'CommandStatementIngest';
      if (bare || message.header.byteLength > 0) return { target, header: message.header.slice() };
    } finally {
      received.release();
    }
  }
}

/** What follows the schema. */
class PutStream {
  readonly #caller: Caller;
  readonly #call: PutCall;
  readonly #tag: PutTag | undefined;
  readonly #to: Destination;
  readonly #reader: BatchReader;
  #rowCount = 0;
  /** One of the two, from the first batch on. */
  #whole: Put | undefined;
  #batches: BatchPuts | undefined;
  /** The client asks for an answer to each batch, so that it may wait for one and send nothing. */
  answersAwaited = false;

  constructor(caller: Caller, call: PutCall, tag: PutTag | undefined, to: Destination, schema: Schema) {
    this.#caller = caller;
    this.#call = call;
    this.#tag = tag;
    this.#to = to;
    this.#reader = new BatchReader(schema, { trusted: false });
  }

  /** Returns the rows that are stored. */
  async run(): Promise<number> {
    const { inbox } = this.#call;
    const { signal } = this.#caller;
    try {
      for (let received = await inbox.next(); received !== undefined; received = await inbox.next()) {
        await this.#takeMessage(received);
      }
      if (signal.aborted) throw signal.reason;
      return await this.#finish();
    } catch (error) {
      // What was begun before this failure is answered before it is told, and a failure among that comes first.
      await this.#batches?.settle();
      await this.#whole?.abort();
      throw error;
    }
  }

  async #finish(): Promise<number> {
    if (this.#batches !== undefined) {
      await this.#batches.settle();
      return this.#rowCount;
    }
    const result = await (await this.#wholePut()).commit();
    if (this.#tag !== undefined) await this.#call.send(encodeAnswer(this.#tag, result));
    return this.#rowCount;
  }

  async #takeMessage(received: Received): Promise<void> {
    let stored = false;
    try {
      const message = decodeFlightData(received.bytes);
      if (mayNameProducer(message.appMetadata)) this.answersAwaited = true;
      const tag = metadataTag(message.appMetadata);
      if (message.header.byteLength === 0) {
        if (message.body.byteLength > 0) throw bodyAlone(message.body.byteLength);
        if (tag !== undefined) throw tagWithoutBatch();
        return;
      }
      const batch = this.#reader.read(message.header, message.body);
      if (batch === undefined) {
        if (tag !== undefined) throw tagWithoutBatch();
        return;
      }
      await this.#takeBatch(batch, tag);
      stored = true;
      this.#rowCount += batch.rowCount;
      countBatch('in', batch.rowCount);
    } finally {
      // A put owns what it still needs once a write has resolved; dictionaries stay in use by the reader.
      received.release(stored);
    }
  }

  async #takeBatch(batch: RecordBatch, tag: PutTag | undefined): Promise<void> {
    if (tag === undefined) {
      if (this.#batches !== undefined) throw mixed('a batch names no producer, and those before it do');
      await (await this.#wholePut()).write(batch);
      return;
    }
    if (this.#tag !== undefined) throw mixed('the headers name a producer, and the app_metadata of a batch too');
    if (this.#whole !== undefined) throw mixed('a batch names a producer, and those before it do not');
    this.#batches ??= this.#beginBatches();
    await this.#batches.take(batch, tag);
  }

  async #wholePut(): Promise<Put> {
    const { table, create = true } = this.#to;
    const options = this.#tag === undefined ? { create } : { create, tag: this.#tag };
    this.#whole ??= await this.#caller.engine.beginPut(table, this.#reader.schema, options);
    return this.#whole;
  }

  #beginBatches(): BatchPuts {
    const { inbox, send } = this.#call;
    // The client may wait for its answer and send nothing: the failure ends the wait for its next message.
    return new BatchPuts(this.#caller.engine, this.#to.table, this.#reader.schema, send, (error) => {
      inbox.fail(toEngineError(error));
    });
  }
}

function endedEarly(target: PutTarget | undefined): EngineError {
  const what = target?.kind === 'table' ? `table ${target.name}` : target?.command.name;
  const message =
    what === undefined
      ? 'the put stream is empty; its first message must have a descriptor and the schema'
      : `the put stream for ${what} ended before its schema`;
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

function tagWithoutBatch(): EngineError {
  return new EngineError(
    'request_invalid',
    'the app_metadata of a message without a batch names a producer; send it with each batch (write_with_metadata)',
  );
}

function mixed(what: string): EngineError {
  const remedy = 'name the producer in the headers, for the whole stream, or in the app_metadata of every batch';
  return new EngineError('request_invalid', `${what}; ${remedy}`);
}
