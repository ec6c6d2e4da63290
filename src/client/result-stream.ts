/**
 * The answer to a query on its way: a schema, then record batches.
 *
 * Hides FlightData. Invariants: one reader reads it, in one of two forms; batches in our own form are validated, and
 * bytes of an IPC stream are those that the server sent, each message in memory of its own; abandoning it ends the
 * query.
 */
import type { RecordBatch } from '../arrow/batch.ts';
import { prepareCodecs } from '../arrow/compression.ts';
import { BatchReader } from '../arrow/ipc-read.ts';
import { decodeSchema } from '../arrow/ipc-schema.ts';
import { END_OF_STREAM, messageBytes } from '../arrow/ipc-stream.ts';
import type { Schema } from '../arrow/schema.ts';
import { concatBytes } from '../base/bytes.ts';
import { EngineError } from '../base/errors.ts';
import { decodeFlightData } from '../flight/encode.ts';
import type { FlightData } from '../flight/encode.ts';

export class ResultStream {
  readonly schema: Schema;
  readonly #header: Uint8Array;
  readonly #messages: AsyncGenerator<Buffer>;
  #isTaken = false;

  /** Reads up to the schema; `messages` are those of a DoGet. @throws EngineError, `request_invalid` */
  static async open(messages: AsyncGenerator<Buffer>): Promise<ResultStream> {
    for (;;) {
      const { value, done } = await messages.next();
      if (done === true) throw new EngineError('io_error', 'the answer ended before its schema');
      const { header } = decodeFlightData(value);
      if (header.byteLength > 0) return new ResultStream(header, messages);
    }
  }

  private constructor(header: Uint8Array, messages: AsyncGenerator<Buffer>) {
    this.schema = decodeSchema(header);
    this.#header = header;
    this.#messages = messages;
  }

  /** The batches. @throws EngineError, `request_invalid` when the answer is read twice */
  async *batches(): AsyncGenerator<RecordBatch> {
    const reader = new BatchReader(this.schema, { trusted: false });
    await prepareCodecs();
    for await (const { header, body } of this.#rest()) {
      const batch = reader.read(header, body);
      if (batch !== undefined) yield batch;
    }
  }

  /** The bytes of an IPC stream of the same, a whole message at a time. @throws as `batches` */
  async *pieces(): AsyncGenerator<Uint8Array> {
    yield wholeMessage(this.#header, new Uint8Array(0));
    for await (const { header, body } of this.#rest()) yield wholeMessage(header, body);
    yield END_OF_STREAM;
  }

  /** Ends the query, whether it was read or not. */
  async close(): Promise<void> {
    this.#isTaken = true;
    await this.#messages.return(undefined);
  }

  async *#rest(): AsyncGenerator<FlightData> {
    if (this.#isTaken) {
      throw new EngineError('request_invalid', 'this answer was read before, or closed; run the query again');
    }
    this.#isTaken = true;
    for await (const bytes of this.#messages) {
      const message = decodeFlightData(bytes);
      // Messages without a header tell that a slow query is alive.
      if (message.header.byteLength > 0) yield message;
    }
  }
}

function wholeMessage(header: Uint8Array, body: Uint8Array): Uint8Array {
  return concatBytes([...messageBytes({ header, body: [body], bodyBytes: body.byteLength })]);
}
