/**
 * What a Flight client does, in our own Arrow terms: queries, updates, prepared statements, ingest. The CLI uses it;
 * library.ts is its face for programs.
 *
 * Hides Flight SQL. Invariants: a query that only reads is one call; a statement that writes runs once, and is never
 * sent again by this client; an ingest is all or nothing; neither direction holds more than a few record batches.
 */
import type { Message, RecordBatch } from '../arrow/batch.ts';
import { EngineError } from '../base/errors.ts';
import { decodeSchema, encodeSchema, numberDictionaries } from '../arrow/ipc-schema.ts';
import { encodeResults } from '../arrow/ipc-stream.ts';
import type { Schema } from '../arrow/schema.ts';
import { asBuffer } from '../base/bytes.ts';
import { CopiedMessage } from '../flight/encode.ts';
import { decodeMessage, encodeMessage, packMessage } from '../flight/message.ts';
import { FlightConnection } from './flight-call.ts';
import type { CallOptions, ConnectOptions, PutCall } from './flight-call.ts';
import type { ParameterValues } from './parameter-batch.ts';
import { PreparedCalls } from './prepared-calls.ts';
import { ResultStream } from './result-stream.ts';

/** Nothing of Arrow's: a message of commands alone. */
const NO_MESSAGE: Message = { header: new Uint8Array(0), body: [], bodyBytes: 0 };

const PATH_DESCRIPTOR = 1;
const COMMAND_DESCRIPTOR = 2;
/** Bytes of an encapsulated message before its header. */
const PREFIX_BYTES = 8;

/** What becomes of the table of an ingest; names and meaning as in ADBC. */
export type IngestMode = 'create_append' | 'append' | 'create' | 'replace';

const INGEST_OPTIONS = {
  create_append: { if_not_exist: 1, if_exists: 2 },
  append: { if_not_exist: 2, if_exists: 2 },
  create: { if_not_exist: 1, if_exists: 1 },
  replace: { if_not_exist: 1, if_exists: 3 },
} as const;

/** Options of one statement. */
export interface StatementOptions extends CallOptions {
  /** Values of the statement's parameters, by place or by name. */
  readonly parameters?: ParameterValues | undefined;
}

export class FlightClient {
  /** For what lies beside statements and ingest. */
  readonly connection: FlightConnection;

  /** Connects when first called. @throws `request_invalid` */
  constructor(url: string, options: ConnectOptions = {}) {
    this.connection = new FlightConnection(url, options);
  }

  /** True when a server answers `ping`. */
  async ping(options: CallOptions = {}): Promise<boolean> {
    try {
      return Buffer.from(await this.action('ping', new Uint8Array(0), options)).toString() === 'pong';
    } catch (error) {
      if (error instanceof EngineError && (error.code === 'io_error' || error.code === 'deadline')) return false;
      throw error;
    }
  }

  /**
   * Runs a statement that reads; its answer once its schema is there. @throws EngineError, `request_invalid` when it
   * writes
   */
  async query(sql: string, options: StatementOptions = {}): Promise<ResultStream> {
    if (options.parameters === undefined) return this.get(Buffer.from(sql), options);
    return this.#prepared(sql, options, (statement) => statement.query(options.parameters, options));
  }

  /** Runs any statement, once: its answer may be rows (RETURNING) or nothing. @throws EngineError */
  async run(sql: string, options: StatementOptions = {}): Promise<ResultStream> {
    if (options.parameters === undefined)
      return this.getCommand(packMessage('CommandStatementQuery', { query: sql }), options);
    return this.#prepared(sql, options, (statement) => statement.run(options.parameters, options));
  }

  /** Runs a statement for what it does; the rows that it changed, -1 where there is no such count. @throws EngineError */
  async execute(sql: string, options: StatementOptions = {}): Promise<number> {
    if (options.parameters === undefined)
      return this.update(packMessage('CommandStatementUpdate', { query: sql }), undefined, options);
    return this.#prepared(sql, options, (statement) => statement.execute(options.parameters, options));
  }

  /** Parses a statement to run it many times. @throws EngineError */
  prepare(sql: string, options: CallOptions = {}): Promise<PreparedCalls> {
    return PreparedCalls.prepare(this, sql, options);
  }

  /** Columns of a table; undefined when there is none. @throws EngineError */
  async tableSchema(table: string, options: CallOptions = {}): Promise<Schema | undefined> {
    const descriptor = { type: PATH_DESCRIPTOR, path: [table] };
    try {
      const answer = await this.connection.ask('GetSchema', encodeMessage('FlightDescriptor', descriptor), options);
      return decodeSchema(decodeMessage('SchemaResult', answer).schema.subarray(PREFIX_BYTES));
    } catch (error) {
      if (error instanceof EngineError && error.code === 'not_found') return undefined;
      throw error;
    }
  }

  /**
   * Sends `batches` as one transaction: all rows become visible and durable, or none. Resolves with their count.
   * @throws EngineError; `commit_unknown` when the answer was lost; what `batches` throw
   */
  async ingest(
    table: string,
    schema: Schema,
    batches: AsyncIterable<RecordBatch>,
    options: CallOptions & { readonly mode?: IngestMode | undefined } = {},
  ): Promise<number> {
    const mode = INGEST_OPTIONS[options.mode ?? 'create_append'];
    const command = packMessage('CommandStatementIngest', { table_definition_options: mode, table });
    const answer = await this.#put(command, schema, batches, options);
    if (answer === undefined) throw new EngineError('commit_unknown', 'the ingest was answered without a row count');
    return decodeMessage('DoPutUpdateResult', answer).record_count;
  }

  /** Sends an update, with values where there are some; the rows that it changed. For prepared statements. */
  async update(command: Buffer, values: RecordBatch | undefined, options: CallOptions): Promise<number> {
    const answer = await this.put(command, values, options);
    if (answer === undefined) throw new EngineError('commit_unknown', 'the update was answered without a row count');
    return decodeMessage('DoPutUpdateResult', answer).record_count;
  }

  /** Sends a command with one batch, or none; what its PutResult holds. */
  put(command: Buffer, batch: RecordBatch | undefined, options: CallOptions): Promise<Uint8Array | undefined> {
    return this.#put(command, batch?.schema, batch === undefined ? none() : one(batch), options);
  }

  /** The answer to a ticket. */
  get(ticket: Uint8Array, options: CallOptions): Promise<ResultStream> {
    return ResultStream.open(this.connection.read('DoGet', encodeMessage('Ticket', { ticket }), options));
  }

  /** Asks for what a command answers with, and reads it: what writes has run before it is read. */
  async getCommand(command: Buffer, options: CallOptions): Promise<ResultStream> {
    const descriptor = encodeMessage('FlightDescriptor', { type: COMMAND_DESCRIPTOR, cmd: command });
    const answer = await this.connection.ask('GetFlightInfo', descriptor, options, 'writes');
    const { endpoint } = decodeMessage('FlightInfo', answer);
    return ResultStream.open(
      this.#parts(
        endpoint.map(({ ticket }) => ticket.ticket),
        options,
      ),
    );
  }

  /** The body of an action's first result; empty when it has none. @throws EngineError */
  async action(type: string, body: Uint8Array, options: CallOptions = {}): Promise<Uint8Array> {
    let first: Uint8Array | undefined;
    const request = encodeMessage('Action', { type, body: asBuffer(body) });
    for await (const bytes of this.connection.read('DoAction', request, options)) {
      first ??= decodeMessage('Result', bytes).body;
    }
    return first ?? new Uint8Array(0);
  }

  /** Ends every call and the connection. */
  close(): void {
    this.connection.close();
  }

  async #prepared<T>(sql: string, options: CallOptions, use: (statement: PreparedCalls) => Promise<T>): Promise<T> {
    const statement = await this.prepare(sql, options);
    try {
      return await use(statement);
    } finally {
      // The server forgets it in time by itself; a failure here must not hide the answer.
      statement.close().catch(() => undefined);
    }
  }

  /** The parts of an answer one after the other, with one schema. */
  async *#parts(tickets: readonly Uint8Array[], options: CallOptions): AsyncGenerator<Buffer> {
    for (const [i, ticket] of tickets.entries()) {
      let isFirst = true;
      for await (const bytes of this.connection.read('DoGet', encodeMessage('Ticket', { ticket }), options)) {
        if (!isFirst || i === 0) yield bytes;
        isFirst = false;
      }
    }
  }

  async #put(
    command: Buffer,
    schema: Schema | undefined,
    batches: AsyncIterable<RecordBatch>,
    options: CallOptions,
  ): Promise<Uint8Array | undefined> {
    const call = this.connection.put(options);
    const answer = lastAnswer(call);
    // The source may fail first, and then nobody waits for the answer.
    answer.catch(() => undefined);
    const descriptor = encodeMessage('FlightDescriptor', { type: COMMAND_DESCRIPTOR, cmd: command });
    try {
      if (schema === undefined) await call.send(new CopiedMessage(NO_MESSAGE, { descriptor }));
      else await sendBatches(call, descriptor, schema, batches);
    } catch (error) {
      call.cancel();
      await answer.catch(() => undefined);
      throw error;
    }
    call.end();
    return answer;
  }
}

/** Sends what the server takes; stops when it has ended the call, which the answer then tells. */
async function sendBatches(
  call: PutCall,
  descriptor: Uint8Array,
  schema: Schema,
  batches: AsyncIterable<RecordBatch>,
): Promise<void> {
  const numbered = numberDictionaries(schema);
  if (!(await call.send(new CopiedMessage(encodeSchema(numbered), { descriptor })))) return;
  for await (const result of encodeResults(numbered, batches)) {
    for (const message of [...result.dictionaries(), result.message()]) {
      if (!(await call.send(new CopiedMessage(message)))) return;
    }
  }
}

async function lastAnswer(call: PutCall): Promise<Uint8Array | undefined> {
  let answer: Uint8Array | undefined;
  for await (const bytes of call.answers) answer = decodeMessage('PutResult', bytes).app_metadata;
  return answer;
}

async function* one(batch: RecordBatch): AsyncGenerator<RecordBatch> {
  yield await Promise.resolve(batch);
}

async function* none(): AsyncGenerator<RecordBatch> {
  // Nothing to send.
}
