/**
 * The product without a network, as the doors, the CLI and embedded users see it.
 *
 * Hides storage, planning and execution. Invariants: every failure is an EngineError; a result holds a snapshot
 * until it is drained or closed; nothing here knows of gRPC, HTTP or the shell.
 */
import type { RecordBatch, ResultBatch } from '../arrow/batch.ts';
import type { Schema } from '../arrow/schema.ts';
import type { ParameterValues } from '../plan/parameter-value.ts';
import type { QueryRow } from './query-log.ts';
import type { Rights } from './rights.ts';
import type { Session } from './session.ts';
import type { AppendResult, AppendTag, CompactionReport, IngestState, StorageStatus } from '../storage/contract.ts';

export type { QueryRow } from './query-log.ts';
export type { ParameterValue, ParameterValues } from '../plan/parameter-value.ts';

/** The answer to one statement. */
export interface QueryResult {
  readonly schema: Schema;
  /** Exact rows where they are known before the run (plain scans, kept results), else undefined. */
  readonly rowCount: number | undefined;
  /** Exact message bytes where known, else undefined. */
  readonly byteCount: number | undefined;
  /** Rows that a statement that writes added, changed or removed, 0 where it is not about rows; undefined for queries. */
  readonly changedCount: number | undefined;
  /** Yields the batches once, as they are made; ends with EngineError `cancelled` when the signal fires. */
  batches(): AsyncIterable<ResultBatch>;
  /** Frees what the result holds; needed when `batches` is not drained. May be called again. */
  close(): void;
}

export interface QueryOptions {
  /** Refuse statements that write, as `request_invalid` (tickets, HTTP GET). */
  readonly readOnly?: boolean;
  readonly signal?: AbortSignal;
}

export interface StatementOptions extends QueryOptions {
  /** Whose settings hold, and are changed by SET; without one they are the defaults, and SET is refused. */
  readonly session?: Session;
  /** Values of the statement's parameters. */
  readonly values?: ParameterValues;
  /** A table for this statement alone, which hides one of its name. */
  readonly input?: InputTable;
}

/** Rows that a caller brings with a statement, in batches of one schema that nobody changes any more. */
export interface InputTable {
  readonly name: string;
  readonly schema: Schema;
  readonly batches: readonly RecordBatch[];
}

/** How far a run has come, for others to look at; a run adds to it. */
export interface Progress {
  scannedRows: number;
  /** Rows of all that it scans; undefined until that is known. */
  totalRows: number | undefined;
}

export interface PromiseOptions extends Omit<StatementOptions, 'values' | 'input'> {
  /** Run a query that has something to compute, to its end, also where its rows could be counted without. */
  readonly counted?: boolean;
  /** Told while the promise is made. */
  readonly progress?: Progress;
  /** Parts that it is cut into at most; the answer is kept for it where no table can be cut instead. 1 unless given. */
  readonly parts?: number;
}

/** A statement that can be run again and again with other values of its parameters. */
export interface PreparedStatement {
  readonly sql: string;
  /** A field for each parameter, by its number or name; of type null where any type will do. */
  readonly parameters: Schema;
  /**
   * What a run answers with when values have the types of `parameters`: that of a count or status for what writes.
   * Undefined where it cannot be known without values.
   */
  readonly schema: Schema | undefined;
  /** False for queries. */
  readonly writes: boolean;
  /**
   * Runs it as `query` does. @throws `request_invalid` for a missing or surplus value, `value_error` and `sql_bind`
   * for one that does not fit; the message names the parameter
   */
  run(values?: ParameterValues, options?: Omit<StatementOptions, 'values'>): Promise<QueryResult>;
  /**
   * Runs it for each row of values, whose columns are the parameters in order. An INSERT of one row of VALUES takes all
   * rows in one commit; other statements that write commit each row, and results of a query follow each other.
   */
  runRows(batch: RecordBatch, options?: Omit<StatementOptions, 'values'>): Promise<QueryResult>;
  /** What `Engine.promiseOnce` does for a text, with the rows of `batch` as `runRows` takes them. */
  promise(batch?: RecordBatch, options?: PromiseOptions): Promise<PromisedResult>;
}

/** What GetFlightInfo promises. Tickets are opaque, authenticated, and survive a restart. */
export interface PromisedResult {
  readonly schema: Schema;
  /** Of the whole. */
  readonly ticket: Uint8Array;
  /** Of parts which, read one after another, are the whole in its order; none where it was not cut. */
  readonly partTickets: readonly Uint8Array[];
  /** -1 when not known, which only `promiseOnce` may leave open. */
  readonly rowCount: number;
  /** -1 when not known. */
  readonly byteCount: number;
  readonly expiresAtMs: number;
}

export interface RenewedTicket {
  readonly ticket: Uint8Array;
  readonly expiresAtMs: number;
}

export interface TableDescription {
  readonly name: string;
  readonly schema: Schema;
  readonly rowCount: number;
  readonly byteCount: number;
}

/** By what a put is known when it is repeated. */
export type PutTag = AppendTag;

/** What became of a put. */
export type PutAnswer = AppendResult;

/** One atomic ingest. Takes batches under the stream's own schema and fits them to the table's by column name. */
export interface Put {
  write(batch: RecordBatch): Promise<void>;
  commit(): Promise<PutAnswer>;
  abort(): Promise<void>;
}

export interface PutOptions {
  /**
   * Make a missing table from the stream's schema; true unless said. With `new` the table must be missing, with
   * `replace` one that is there is replaced, in the same commit.
   */
  readonly create?: boolean | 'new' | 'replace';
  /** Store it exactly once: see Storage. */
  readonly tag?: PutTag;
}

export interface EngineStatus extends StorageStatus {
  readonly uptimeMs: number;
  readonly queriesRunning: number;
  readonly queriesWaiting: number;
  readonly putsOpen: number;
  readonly draining: boolean;
}

/** How a caller says who he is; never to be logged. */
export interface Credentials {
  /** `Bearer …` or `Basic …`, as it came. */
  readonly authorization?: string | undefined;
  /** Common name of the certificate that the connection was made with, once that has been verified. */
  readonly certificateName?: string | undefined;
}

/** Who may come in by a door, and as whom. */
export interface Gate {
  /** False where nobody is asked who he is. */
  readonly isGuarded: boolean;
  /** The engine for what everybody may ask: whether the server is well. */
  readonly open: Engine;
  /** The engine as the bearer of `credentials` may use it. `door` is for metrics. @throws `unauthenticated` */
  admit(door: string, credentials: Credentials): Engine;
  /** The token by which who brings `credentials` comes in from then on. @throws `unauthenticated` */
  logIn(door: string, credentials: Credentials): string;
}

export interface Engine {
  readonly directory: string;
  /** Whose calls these are; undefined for the engine itself, which may do everything. */
  readonly principal: string | undefined;
  /**
   * The same database as the holder of `rights` may use it: tables that it may not read are not there, and what it may
   * not change is `forbidden`. Draining and closing are the whole engine's.
   */
  as(rights: Rights): Engine;
  /**
   * Runs one SQL statement. A statement that writes has run when the promise resolves, and yields one row saying
   * what it did.
   */
  query(sql: string, options?: StatementOptions): Promise<QueryResult>;
  /** Parses a statement and infers its types; runs nothing. @throws as `query` does for text that cannot be planned */
  prepare(sql: string, options?: { readonly session?: Session }): Promise<PreparedStatement>;
  /** The schema that `query` would answer with; runs nothing. */
  describe(sql: string, options?: { readonly session?: Session }): Promise<Schema>;
  /** Plans a read-only statement, learns its exact row count, and makes the ticket for it. */
  promise(sql: string, options?: PromiseOptions): Promise<PromisedResult>;
  /**
   * What drivers ask for before every read: a query is planned and counted only where that is free, and runs when its
   * ticket is redeemed; a statement that writes runs here, once, and its ticket names the answer.
   */
  promiseOnce(sql: string, options?: PromiseOptions): Promise<PromisedResult>;
  /** As `promise`, for a whole table or view. @throws `not_found`, and for a view what its query throws */
  promiseTable(name: string, options?: PromiseOptions): Promise<PromisedResult>;
  /** True when `bytes` are a ticket of ours by their leading bytes. */
  isTicket(bytes: Uint8Array): boolean;
  /**
   * Opens a ticket's result, under the rights of who brings it: what was kept for other rights is made again on the
   * ticket's snapshot. @throws `request_invalid` (forged, damaged, expired), `snapshot_gone`.
   */
  redeem(ticket: Uint8Array, options?: QueryOptions): Promise<QueryResult>;
  /**
   * Ends every running redemption of a ticket, drops what is kept for it, and refuses it from now on. @throws as
   * `redeem`, `forbidden` for who neither made it nor administers all tables
   */
  cancel(ticket: Uint8Array): Promise<void>;
  /**
   * The same ticket for as long as what it names can surely be read, a ticket's life at most; for as long as before
   * where that is no longer. @throws as `redeem`
   */
  renew(ticket: Uint8Array): Promise<RenewedTicket>;
  tables(): readonly TableDescription[];
  /** Names of the views. */
  views(): readonly string[];
  /** The columns of a table or view. @throws as `promiseTable` */
  schemaOf(name: string): Promise<Schema>;
  /** Of tables alone. @throws `not_found` with the nearest name, `request_invalid` for a view */
  table(name: string): TableDescription;
  createTable(name: string, schema: Schema): Promise<void>;
  dropTable(name: string): Promise<void>;
  /**
   * Begins an ingest into `name`. `create` (default true): a missing table is made from `schema`. @throws
   * `schema_mismatch`, `busy`, `request_invalid` for a view.
   */
  beginPut(name: string, schema: Schema, options?: PutOptions): Promise<Put>;
  /** How far a producer came in a table. @throws `not_found` for the table */
  ingestState(table: string, producer: string): Promise<IngestState>;
  /** Merges small segments and batches of a table, or of all. @throws `not_found` */
  compact(name?: string): Promise<CompactionReport>;
  /** Seals active segments: see Storage. */
  seal(name?: string): Promise<void>;
  /** The statements that run, and the last ones that ended, by their coming. */
  queries(): readonly QueryRow[];
  /** Ends a statement that runs or waits, by its number there. @throws `not_found` for one that does neither */
  cancelQuery(id: number): void;
  status(): EngineStatus;
  /** Refuses new work as `draining`; resolves when running work ended or `graceMs` passed. */
  drain(graceMs: number): Promise<void>;
  close(): Promise<void>;
}
