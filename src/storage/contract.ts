/**
 * What storage gives to the engine: tables that are appended to in transactions and read in snapshots.
 *
 * Hides segments, the catalog and the disk. Invariants: a snapshot never changes; an append is invisible until `commit`
 * resolves, and durable from then on; names of tables are compared without regard to ASCII case and never become paths.
 */
import type { RecordBatch, ResultBatch } from '../arrow/batch.ts';
import type { Schema } from '../arrow/schema.ts';
import type { Source } from '../arrow/source.ts';

/** One table in one snapshot. */
export interface TableSnapshot extends Source {
  readonly name: string;
  readonly tableId: number;
  /**
   * Bytes of the stored messages (headers and bodies) that a full scan sends. Exact, but that a dictionary which
   * several segments store counts each time, and is sent once.
   */
  readonly byteCount: number;
  /** Every batch of the table in order, as stored bytes. Columns and bounds do not apply. */
  messages(): AsyncIterable<ResultBatch>;
}

/** All tables at one commit. Pins the files it needs until `release`, which may be called again without effect. */
export interface Snapshot {
  readonly version: number;
  /** undefined when there is none; the name's case does not matter. */
  table(name: string): TableSnapshot | undefined;
  tableNames(): readonly string[];
  release(): void;
}

export interface AppendResult {
  readonly commit: number;
  readonly rowCount: number;
  readonly byteCount: number;
}

/** One transaction of appended batches. Not for concurrent calls: await each. */
export interface Append {
  /** Schema that every batch must have: the table's own. */
  readonly schema: Schema;
  /**
   * Takes a validated batch of any size (it is re-cut). The batch's buffers must not change before the promise
   * resolves.
   */
  write(batch: RecordBatch): Promise<void>;
  /**
   * Makes everything written visible and durable; resolves after the catalog's COMMIT. An append without rows makes
   * no commit unless it creates the table.
   */
  commit(): Promise<AppendResult>;
  /** Drops everything written. May be called after a failed write or commit. */
  abort(): Promise<void>;
}

export interface StorageStatus {
  readonly version: number;
  readonly tableCount: number;
  readonly segmentCount: number;
  readonly mapCount: number;
  /** Set when writes are refused: why. */
  readonly readOnlyReason: string | undefined;
}

export interface Storage {
  readonly databaseId: string;
  readonly directory: string;
  snapshot(): Snapshot;
  /**
   * The snapshot of an older commit. Reads the catalog when that commit is older than this open. @throws
   * `snapshot_gone` when its files may be gone.
   */
  snapshotAt(version: number): Promise<Snapshot>;
  /** @throws `already_exists` */
  createTable(name: string, schema: Schema): Promise<void>;
  /** @throws `not_found` */
  dropTable(name: string): Promise<void>;
  /**
   * Begins an append. With `create`, a missing table comes into being in the same commit, under `schema`; when
   * another append created it meanwhile, the schemas must be the same. @throws `not_found`, `schema_mismatch`,
   * `busy`, `storage_full`.
   */
  beginAppend(name: string, schema: Schema, options: { readonly create: boolean }): Promise<Append>;
  /** Seals active segments (all tables, or one). Resolves when their footers are durable. */
  seal(name?: string): Promise<void>;
  status(): StorageStatus;
  /** A secret of `length` bytes under `name`, made at first use and kept in the catalog. */
  secret(name: string, length: number): Promise<Uint8Array>;
  /** Path of the directory for spool files; emptied at open. */
  readonly spoolDirectory: string;
  /** Seals, marks the stop as clean, frees the lock. */
  close(): Promise<void>;
}
