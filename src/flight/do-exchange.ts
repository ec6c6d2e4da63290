/**
 * DoExchange: a query over the rows that the client sends with it.
 *
 * The first message has the descriptor, a command that is SQL text; the stream is the table `input` in it, beside those
 * of the database. The answer comes when the client has ended its stream, since rows may be read more than once.
 *
 * Hides how the stream is held. Invariants: nothing is written; what is held of one stream is bounded, and counts as
 * bytes that are being received until the answer has been sent; after a failure the client's stream is read on, so that
 * it learns the true status. A stream without a schema brings no table.
 */
import type { RecordBatch } from '../arrow/batch.ts';
import { prepareCodecs } from '../arrow/compression.ts';
import { BatchReader } from '../arrow/ipc-read.ts';
import { decodeSchema } from '../arrow/ipc-schema.ts';
import { vectorBytes } from '../arrow/vector.ts';
import { formatBytes } from '../base/bytes.ts';
import { EngineError } from '../base/errors.ts';
import { EXCHANGE_INPUT_BYTES_MAX } from '../base/limits.ts';
import type { InputTable } from '../engine/contract.ts';
import { countBatch } from './call.ts';
import { statementOptions } from './caller.ts';
import type { Caller } from './caller.ts';
import { readTarget } from './descriptor.ts';
import { decodeFlightData } from './encode.ts';
import type { FlightDescriptor } from './encode.ts';
import type { Inbox, Received } from './inbox.ts';
import type { Outbox } from './lane.ts';
import { sendResult } from './send-result.ts';

/** What the client's rows are called in the query. */
const INPUT_NAME = 'input';

/** Takes the stream and answers the query, as `doGet` does its ticket. @throws what fails, after draining */
export async function doExchange(caller: Caller, inbox: Inbox, open: () => Outbox, silenceMs: number): Promise<void> {
  const input = new InputStream(inbox);
  try {
    await prepareCodecs();
    const { sql, table } = await input.read();
    const options = { ...statementOptions(caller), readOnly: true, ...(table === undefined ? {} : { input: table }) };
    await sendResult(await caller.engine.query(sql, options), open, silenceMs);
  } catch (error) {
    await inbox.drain(caller.signal);
    throw error;
  } finally {
    input.release();
    inbox.close();
  }
}

class InputStream {
  readonly #inbox: Inbox;
  /** Messages that batches are views on. */
  readonly #held: Received[] = [];
  readonly #batches: RecordBatch[] = [];
  #bytes = 0;
  #sql: string | undefined;
  #reader: BatchReader | undefined;

  constructor(inbox: Inbox) {
    this.#inbox = inbox;
  }

  /** Reads to the end of the client's stream. @throws `request_invalid`, `limit_exceeded`, `unimplemented` */
  async read(): Promise<{ readonly sql: string; readonly table: InputTable | undefined }> {
    for (let received = await this.#inbox.next(); received !== undefined; received = await this.#inbox.next()) {
      this.#held.push(received);
      this.#take(received);
    }
    if (this.#sql === undefined) {
      throw new EngineError('request_invalid', `the exchange's stream is empty; ${FIRST_MESSAGE}`);
    }
    const schema = this.#reader?.schema;
    const table = schema === undefined ? undefined : { name: INPUT_NAME, schema, batches: this.#batches };
    return { sql: this.#sql, table };
  }

  /** Gives back the memory of what was received; the batches must not be used any more. */
  release(): void {
    for (const received of this.#held.splice(0)) received.release();
  }

  #take(received: Received): void {
    const message = decodeFlightData(received.bytes);
    this.#sql ??= queryOf(message.descriptor);
    if (message.header.byteLength === 0) return;
    if (this.#reader === undefined) {
      this.#reader = new BatchReader(decodeSchema(message.header), { trusted: false });
      return;
    }
    const batch = this.#reader.read(message.header, message.body);
    if (batch === undefined) return;
    this.#bytes += batch.columns.reduce((sum, column) => sum + vectorBytes(column), 0);
    if (this.#bytes > EXCHANGE_INPUT_BYTES_MAX) {
      const most = `more than the ${formatBytes(EXCHANGE_INPUT_BYTES_MAX)} that may be sent with a query`;
      throw new EngineError('limit_exceeded', `the table ${INPUT_NAME} has ${most}; put it into a table of its own`);
    }
    countBatch('in', batch.rowCount);
    this.#batches.push(batch);
  }
}

const FIRST_MESSAGE = 'its first message must have a command descriptor with the SQL text';

/** @throws `request_invalid` for anything but SQL text */
function queryOf(descriptor: FlightDescriptor | undefined): string {
  if (descriptor === undefined) {
    throw new EngineError('request_invalid', `the exchange's first message has no descriptor; ${FIRST_MESSAGE}`);
  }
  const target = readTarget(descriptor);
  if (target.kind === 'sql') return target.sql;
  const found = target.kind === 'table' ? 'a path' : target.command.name;
  throw new EngineError('request_invalid', `the exchange's descriptor is ${found}; ${FIRST_MESSAGE}`);
}
