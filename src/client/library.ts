/**
 * The client as a library: `import { connect } from 'sheaf/client'`. SQL to a running server, Arrow or objects back,
 * Arrow or objects in.
 *
 * Record batches and tables are apache-arrow's, as those of the embedded library are: that is what charts, DuckDB-Wasm,
 * Arquero and other programs of this language take. Rows as objects come from our own vectors, since apache-arrow's
 * rows round timestamps to milliseconds.
 *
 * Hides Flight. Invariants: every failure is an EngineError with the server's code; nothing is sent twice by itself but
 * numbered batches; memory is bounded by a few record batches in each direction, but where all of an answer is asked
 * for.
 */
import { joinBatches } from '../arrow/concat.ts';
import { readArrowBatches, readArrowTable } from '../arrow/interop.ts';
import type { ArrowBatch, ArrowTable } from '../arrow/interop.ts';
import type { RecordBatch } from '../arrow/batch.ts';
import type { Schema } from '../arrow/schema.ts';
import { typeName } from '../arrow/type.ts';
import { EngineError } from '../base/errors.ts';
import { FlightClient } from './flight-client.ts';
import type { IngestMode, StatementOptions } from './flight-client.ts';
import type { CallOptions, ConnectOptions } from './flight-call.ts';
import { openSource } from './ingest-source.ts';
import type { IngestSource } from './ingest-source.ts';
import { objectsOf } from './object-rows.ts';
import type { KnownColumns } from './object-rows.ts';
import type { ParameterValues } from './parameter-batch.ts';
import type { PreparedCalls } from './prepared-calls.ts';
import { Producer } from './producer.ts';
import type { ProducerOptions } from './producer.ts';
import type { ResultStream } from './result-stream.ts';

export { EngineError } from '../base/errors.ts';
export type { ErrorCode, Position } from '../base/errors.ts';
export type { CallOptions, ConnectOptions } from './flight-call.ts';
export type { IngestMode, StatementOptions } from './flight-client.ts';
export type { IngestSource } from './ingest-source.ts';
export type { ParameterValue, ParameterValues } from './parameter-batch.ts';
export type { Ack, ProducerOptions } from './producer.ts';

/** A column of an answer. */
export interface Column {
  readonly name: string;
  /** Arrow's name of the type, such as `int64` or `timestamp[us, tz=UTC]`. */
  readonly type: string;
  readonly nullable: boolean;
}

/** A connection to a server. */
export interface Client {
  readonly url: string;
  /**
   * Runs a statement that reads; resolves when the server has begun to answer. With `returning` it may write, once, and
   * answer rows (INSERT … RETURNING).
   * @throws EngineError
   */
  query(sql: string, options?: StatementOptions & { readonly returning?: boolean }): Promise<Result>;
  /** Runs a statement for what it does; rows that it changed, undefined where there is no such count (CREATE). @throws EngineError */
  execute(sql: string, options?: StatementOptions): Promise<number | undefined>;
  /** Parses a statement to run it many times with other values. @throws EngineError */
  prepare(sql: string, options?: CallOptions): Promise<Statement>;
  /**
   * Adds all rows of `source` to a table in one transaction: all of them are durable when it resolves with their count,
   * or none is there. @throws EngineError; `commit_unknown` when the answer was lost: look, or use `exactlyOnce`
   */
  ingest(table: string, source: IngestSource, options?: IngestOptions): Promise<number>;
  /** Opens an exactly-once stream of batches into a table, under a name of your choice. @throws EngineError */
  exactlyOnce(table: string, producer: string, options?: ProducerOptions): Promise<ExactlyOnce>;
  /** Ends every call and the connection. */
  close(): void;
}

export interface IngestOptions extends CallOptions {
  /** `create_append` unless given: the table is made when it is missing. */
  readonly mode?: IngestMode;
}

/**
 * An answer on its way. Iterating over it, `rows` and `table` read it, once, in one of the three ways; leaving a loop
 * early ends the query on the server.
 */
export interface Result extends AsyncIterable<ArrowBatch> {
  readonly columns: readonly Column[];
  /** All of it. @throws `unimplemented` for types that apache-arrow does not know */
  table(): Promise<ArrowTable>;
  /** Rows as objects: 64-bit integers are bigints, decimals text, times bigints of their unit, structs objects. */
  rows(): AsyncGenerator<Record<string, unknown>>;
  /** Ends the query without reading on. */
  close(): Promise<void>;
}

/** A prepared statement. */
export interface Statement {
  readonly sql: string;
  /** Names (or numbers) and types of the parameters. */
  readonly parameters: readonly Column[];
  /** Runs it with one row of values, for its answer. @throws EngineError */
  query(values?: ParameterValues, options?: CallOptions): Promise<Result>;
  /** Runs it with one row of values, for what it does. @throws EngineError */
  execute(values?: ParameterValues, options?: CallOptions): Promise<number | undefined>;
  /** Runs it once for each row of a table whose columns are the parameters in order. @throws EngineError */
  executeRows(rows: ArrowTable, options?: CallOptions): Promise<number | undefined>;
  /** The server forgets it. */
  close(): Promise<void>;
}

/** A stream of numbered batches. */
export interface ExactlyOnce {
  /** The last number that is durable, 0 for none: a source that can be read again goes on behind it. */
  readonly seq: number;
  /**
   * Sends the next batch as one transaction; resolves with its number when there is room for the next, which is before
   * it is durable. All batches have the same columns. @throws EngineError of this batch or one before
   */
  write(batch: IngestSource): Promise<number>;
  /** Resolves with `seq` when all that was written is durable. @throws EngineError */
  flush(): Promise<number>;
  /** As `flush`, and ends the stream. */
  close(): Promise<number>;
}

/** Milliseconds that `connect` waits for an answer. */
const CONNECT_MS = 10_000;

/**
 * Connects to a server: `grpc://host:port`, or `grpc+tls://host:port` where it speaks TLS. A connection that breaks is
 * made again by the next call.
 * @throws `request_invalid`, `io_error` when no server answers
 */
export async function connect(url: string, options: ConnectOptions = {}): Promise<Client> {
  const client = new FlightClient(url, options);
  try {
    await client.action('ping', new Uint8Array(0), { deadlineMs: CONNECT_MS });
  } catch (error) {
    client.close();
    throw error;
  }
  return clientOf(client);
}

function clientOf(client: FlightClient): Client {
  return {
    url: client.connection.url,
    query: async (sql, options = {}) =>
      resultOf(await (options.returning === true ? client.run(sql, options) : client.query(sql, options))),
    execute: async (sql, options) => countOf(await client.execute(sql, options)),
    prepare: async (sql, options) => statementOf(await client.prepare(sql, options)),
    async ingest(table, source, options = {}) {
      const { signal, deadlineMs } = options;
      const columns = async (): Promise<KnownColumns> => ({
        table: await client.tableSchema(table, { signal, deadlineMs }),
      });
      const opened = await openSource(source, columns);
      return client.ingest(table, opened.schema, opened.batches, options);
    },
    async exactlyOnce(table, name, options) {
      const producer = await Producer.open(client, table, name, options);
      return {
        get seq() {
          return producer.seq;
        },
        write: async (source) => producer.write(await oneBatch(source, producer.columns)),
        flush: () => producer.flush(),
        close: () => producer.close(),
      };
    },
    close: () => {
      client.close();
    },
  };
}

function statementOf(statement: PreparedCalls): Statement {
  return {
    sql: statement.sql,
    parameters: columnsOf(statement.parameters),
    query: async (values, options = {}) => resultOf(await statement.run(values, options)),
    execute: async (values, options = {}) => countOf(await statement.execute(values, options)),
    async executeRows(rows, options = {}) {
      const batch = await oneBatch(rows, { table: undefined });
      return countOf(await statement.executeRows(batch, options));
    },
    close: () => statement.close(),
  };
}

function columnsOf({ fields }: Schema): readonly Column[] {
  return fields.map(({ name, type, nullable }) => ({ name, type: typeName(type), nullable }));
}

function resultOf(stream: ResultStream): Result {
  return {
    columns: columnsOf(stream.schema),
    [Symbol.asyncIterator]: () => readArrowBatches(stream.pieces()),
    table: () => readArrowTable(stream.pieces()),
    async *rows() {
      for await (const batch of stream.batches()) yield* objectsOf(batch);
    },
    close: () => stream.close(),
  };
}

/** Flight SQL's -1 is for "there is no such count". */
function countOf(count: number): number | undefined {
  return count < 0 ? undefined : count;
}

/** All of a source as one batch. @throws `request_invalid` when it has no rows */
async function oneBatch(source: IngestSource, columns: KnownColumns): Promise<RecordBatch> {
  const { batches } = await openSource(source, () => Promise.resolve(columns));
  const parts: RecordBatch[] = [];
  for await (const batch of batches) parts.push(batch);
  if (parts.length === 0) throw new EngineError('request_invalid', 'there is no row to send');
  return joinBatches(parts);
}
