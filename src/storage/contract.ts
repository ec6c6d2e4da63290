/**
 * What storage gives to the engine: tables that are appended to in transactions and read in snapshots.
 *
 * Hides segments, the catalog and the disk. Invariants: a snapshot never changes; an append is invisible until `commit`
 * resolves, and durable from then on; names of tables are compared without regard to ASCII case and never become paths.
 */
import type { RecordBatch, ResultBatch } from '../arrow/batch.ts';
import type { Field, Schema } from '../arrow/schema.ts';
import type { Bound, ColumnDefault, Source } from '../arrow/source.ts';
import type { Vector } from '../arrow/vector.ts';

/** One segment of a table, as a snapshot sees it. */
export interface SegmentDescription {
  readonly segmentId: number;
  /** False while it may still get rows. */
  readonly isSealed: boolean;
  /** Version of the table's schema that it was written under. */
  readonly schemaVersion: number;
  readonly rowCount: number;
  /** Record batches and dictionaries. */
  readonly messageCount: number;
  /** Bytes of its file that are committed. */
  readonly byteCount: number;
  /** The version of the database that it came with. */
  readonly createdVersion: number;
  readonly path: string;
  /** What is wrong with it; undefined when nothing is known to be. */
  readonly damage: string | undefined;
}

/** What is known of a table beside its rows. */
export interface TableDetails {
  /** In the order of rows. */
  readonly segments: readonly SegmentDescription[];
  readonly schemaVersion: number;
  readonly ttl: { readonly column: string; readonly ms: number } | undefined;
  /** Why appends are refused; undefined when they are not. */
  readonly damage: string | undefined;
}

/** One table in one snapshot. */
export interface TableSnapshot extends Source {
  readonly name: string;
  readonly tableId: number;
  /** What new rows get in columns that they are given no value for; undefined for NULL. */
  readonly defaults: readonly (ColumnDefault | undefined)[];
  /**
   * Bytes of the stored messages (headers and bodies) that a full scan sends. Exact, but that a dictionary which
   * several segments store counts each time, and is sent once.
   */
  readonly byteCount: number;
  /** True when `byteCount` is what a full scan sends; false while some segments have an older schema. */
  readonly isByteCountExact: boolean;
  /**
   * Every batch of the table in order, as stored bytes (or made anew, where a segment has an older schema). Columns and
   * bounds do not apply.
   */
  messages(): AsyncIterable<ResultBatch>;
  /**
   * The batches that begin at the rows `from` … `to` - 1, which count from 0, as a table of its own; `byteCount` is an
   * estimate then.
   */
  part(from: number, to: number): Promise<TableSnapshot>;
  /**
   * Where to cut the table so that the batches that `bounds` leave fall into at most `most` parts of about the same
   * bytes: rows at which batches begin, ascending, neither 0 nor the end.
   */
  cuts(bounds: readonly Bound[], most: number): Promise<readonly number[]>;
  /** Segments are those of the snapshot; the rest is as it is now. */
  details(): TableDetails;
}

/** A query under a name. */
export interface StoredView {
  readonly name: string;
  /** New names for the query's first columns. */
  readonly columns: readonly string[];
  /** The text of the query; storage does not know what it means. */
  readonly sql: string;
}

/** All tables at one commit. Pins the files it needs until `release`, which may be called again without effect. */
export interface Snapshot {
  readonly version: number;
  /** undefined when there is none; the name's case does not matter. */
  table(name: string): TableSnapshot | undefined;
  tableNames(): readonly string[];
  /** The same for views, which have no name in common with tables. */
  view(name: string): StoredView | undefined;
  viewNames(): readonly string[];
  release(): void;
}

export interface AppendResult {
  readonly commit: number;
  readonly rowCount: number;
  readonly byteCount: number;
  /**
   * True when the request was stored before: the counts and the commit are those of the first time, each -1 when it is
   * not kept any more (of a result beyond PRODUCER_RESULTS_KEPT all of them; `byteCount` always).
   */
  readonly duplicate: boolean;
}

/**
 * What makes an append happen exactly once. A producer numbers its appends to one table 1, 2, 3 …; a higher epoch
 * fences off those who still use a lower one, and goes on with the numbers. An idempotency key is used once (epoch 0,
 * seq 1).
 */
export interface AppendTag {
  readonly kind: 'producer' | 'key';
  readonly name: string;
  readonly epoch: number;
  readonly seq: number;
}

/** How far a producer came in one table; seq 0 when it is unknown. */
export interface IngestState {
  readonly epoch: number;
  readonly seq: number;
  /** Rows that it stored in all. */
  readonly rowCount: number;
}

/** A batch in which rows change. */
export interface EditedBatch {
  /** The batch as it shall be. */
  readonly batch: RecordBatch;
  readonly changedCount: number;
}

/** How DELETE and UPDATE see a table: batch by batch. */
export interface RowEdit<Edited extends EditedBatch = EditedBatch> {
  /** The table's schema that it was made for. */
  readonly schema: Schema;
  /** Known to hold for every row that changes; batches that they exclude are not looked at. */
  readonly bounds: readonly Bound[];
  /**
   * Where rows are chosen by their numbers, which count from 0 in the table's order: whether some of them change. It is
   * asked instead of reading them.
   */
  readonly changesIn?: (firstRow: number, rowCount: number) => boolean;
  /**
   * The batch as it shall be; undefined when it stays as it is. `firstRow` is the number of its first row where there
   * is `changesIn`. A batch may be asked for more than once.
   */
  edit(batch: RecordBatch, firstRow: number): Edited | undefined;
  /** Told of each batch in which rows change, once. */
  keep?(edited: Edited): void;
}

/** A change of a table's definition; names of columns are those of the table's newest schema. */
export type TableAlteration =
  /** `default`: what the rows that are there read as; `sql`: what new ones get, unless it is the same. */
  | {
      readonly kind: 'add_column';
      readonly field: Field;
      readonly default: Vector | undefined;
      readonly sql?: string | undefined;
    }
  /** What new rows get; undefined for NULL. */
  | { readonly kind: 'set_default'; readonly column: string; readonly sql: string | undefined }
  | { readonly kind: 'set_nullable'; readonly column: string; readonly nullable: boolean }
  | { readonly kind: 'drop_column'; readonly column: string }
  | { readonly kind: 'rename_column'; readonly column: string; readonly to: string }
  | { readonly kind: 'set_ttl'; readonly ttl: { readonly column: string; readonly ms: number } | undefined };

/** A snapshot that can still be read. */
export interface SnapshotDescription {
  readonly version: number;
  readonly timeMs: number;
  readonly what: string;
}

/** What one round of the scrub read. */
export interface ScrubReport {
  readonly segmentCount: number;
  readonly byteCount: number;
  readonly damagedCount: number;
}

/** What one run of compaction did. */
export interface CompactionReport {
  readonly inputCount: number;
  readonly outputCount: number;
  readonly byteCount: number;
}

/** One transaction of appended batches. Not for concurrent calls: await each. */
export interface Append {
  /** Schema that every batch must have: the table's own. */
  readonly schema: Schema;
  /** What rows get in columns that the caller has no values for; undefined for NULL. */
  readonly defaults: readonly (ColumnDefault | undefined)[];
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
  /** The newest version whose commit is no later than `timeMs`. @throws `snapshot_gone` */
  versionAt(timeMs: number): Promise<number>;
  /** The newest `most` snapshots that can be read, oldest first. */
  snapshots(most: number): Promise<readonly SnapshotDescription[]>;
  /**
   * `defaults`: SQL text of what new rows get, by the place of the column. With `replace` it takes the place of a table
   * of that name in one commit. @throws `already_exists`, `request_invalid` for a view's name
   */
  createTable(
    name: string,
    schema: Schema,
    options?: { readonly defaults?: readonly (string | undefined)[]; readonly replace?: boolean },
  ): Promise<void>;
  /** @throws `not_found` */
  dropTable(name: string): Promise<void>;
  /** Makes a view; with `replace` in the place of one of that name. @throws `already_exists` */
  createView(view: StoredView, options: { readonly replace: boolean }): Promise<void>;
  /** @throws `not_found` */
  dropView(name: string): Promise<void>;
  /**
   * Begins an append. With `create`, a missing table comes into being in the same commit, under `schema`; when
   * another append created it meanwhile, the schemas must be the same. With `new` it must be missing, also at the
   * commit (`already_exists`); with `replace` it takes the place of a table of that name. With `tag`,
   * a repetition stores nothing and gets the first result; @throws from
   * `commit`: `already_exists` (same seq, other content), `request_invalid` (a gap), `forbidden` (an older epoch).
   * @throws `not_found`, `schema_mismatch`, `busy`, `storage_full`.
   */
  beginAppend(
    name: string,
    schema: Schema,
    options: { readonly create: boolean | 'new' | 'replace'; readonly tag?: AppendTag },
  ): Promise<Append>;
  /** @throws `not_found` for the table; an unknown producer has seq 0 */
  ingestState(name: string, producer: string): Promise<IngestState>;
  /** Removes all rows of a table in one commit. @returns the rows removed. @throws `not_found` */
  truncate(name: string): Promise<number>;
  /**
   * Rewrites the segments in which `edit` changes rows, all in one commit. One rewriter a table; appends go on
   * meanwhile and are not looked at. `edit` may be made when the rewrite begins, from the snapshot whose rows it will
   * see, which it releases. @returns the rows changed. @throws `not_found`, and what `edit` throws
   */
  rewrite<Edited extends EditedBatch>(
    name: string,
    kind: 'delete' | 'update',
    edit: RowEdit<Edited> | ((snapshot: Snapshot) => Promise<RowEdit<Edited>>),
  ): Promise<number>;
  /** Changes a table's definition in one commit; no segment is rewritten. @throws `not_found`, `already_exists` */
  alterTable(name: string, change: TableAlteration): Promise<void>;
  /** Merges small segments and small batches of one table, or all, until there is nothing left to gain. */
  compact(name?: string): Promise<CompactionReport>;
  /** Reads every sealed segment once, as fast as it can, and holds it against its checksums. */
  scrub(): Promise<ScrubReport>;
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
