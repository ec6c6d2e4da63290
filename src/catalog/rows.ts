/**
 * What the catalog stores, as plain rows, and the one shape of a change to it.
 *
 * Hides SQLite's column names. Invariants: ids are given out by storage, grow, and are never used again; a row names
 * only bytes that are already synced (STORAGE I2); offsets and lengths are bytes within the segment file.
 */

/** `creating` is only ever seen by recovery. */
export type SegmentState = 'active' | 'sealed' | 'obsolete';

/** Retention of a table: rows whose value in the column is older than `ms` need not be kept. */
export interface TtlRow {
  readonly fieldId: number;
  readonly ms: number;
}

export interface TableRow {
  readonly tableId: number;
  readonly name: string;
  /** Random name of the table's directory under tables/; never made of user text. */
  readonly directory: string;
  readonly ttl: TtlRow | undefined;
  readonly createdCommit: number;
  /** Commit that dropped it; undefined while it lives. */
  readonly droppedCommit: number | undefined;
}

/** One version of a table's schema; the highest is in force. */
export interface SchemaRow {
  readonly tableId: number;
  /** 1, 2, 3 … within the table. */
  readonly version: number;
  readonly createdCommit: number;
  /** The schema as an IPC Schema message header (flatbuffer, without prefix). */
  readonly schema: Uint8Array;
  /** The field ids of the schema's top-level fields, in order. */
  readonly fieldIds: readonly number[];
  /** Empty, or an IPC stream of one row with a field for each field id that older segments lack and have a value for. */
  readonly defaults: Uint8Array;
  /** JSON object: what INSERT uses, by field id: SQL text, or null for none. Others get the value of `defaults`. */
  readonly insertDefaults: string;
}

/** A query under a name. */
export interface ViewRow {
  readonly name: string;
  /** New names for the first columns of the query. */
  readonly columns: readonly string[];
  /** The query's text. */
  readonly sql: string;
  readonly createdCommit: number;
  /** Commit that dropped or replaced it; undefined while it lives. */
  readonly droppedCommit: number | undefined;
}

export interface SegmentRow {
  readonly segmentId: number;
  readonly tableId: number;
  /** Where it stands in its table's order. */
  readonly position: number;
  readonly schemaVersion: number;
  readonly state: SegmentState;
  /** Bytes [0, committedLength) never change. */
  readonly committedLength: number;
  readonly rowCount: number;
  readonly batchCount: number;
  /** Bytes of the file when sealed (footer included); 0 while active. */
  readonly fileLength: number;
  readonly createdCommit: number;
  /** Commit from which on no snapshot holds it; undefined while live. */
  readonly retiredCommit: number | undefined;
  /** Wall time in ms after which its file may be unlinked; undefined while live. */
  readonly retireAtMs: number | undefined;
}

/** A snapshot. */
export interface CommitRow {
  readonly version: number;
  readonly timeMs: number;
  readonly what: string;
}

/** Whose appends are stored exactly once: a producer that numbers them, or an idempotency key. */
export interface ProducerKey {
  readonly tableId: number;
  readonly kind: 'producer' | 'key';
  readonly name: string;
}

/** How far a producer came. */
export interface ProducerRow {
  readonly epoch: number;
  readonly seq: number;
  /** Rows stored by it in all. */
  readonly rowCount: number;
  /** Its last results, oldest first. */
  readonly results: readonly ProducerResultRow[];
}

/** What one tagged append stored. */
export interface ProducerResultRow {
  readonly seq: number;
  readonly checksum: string;
  readonly commit: number;
  readonly rowCount: number;
}

/** Damage found in a segment's file. */
export interface DamageRow {
  readonly segmentId: number;
  readonly offset: number;
  readonly what: string;
}

/** One stored message: a record batch or a dictionary batch. */
export interface BatchRow {
  readonly segmentId: number;
  /** 0, 1, 2 … in file order, dictionaries counted too. */
  readonly ordinal: number;
  readonly kind: 'batch' | 'dictionary';
  /** Where the 8-byte prefix begins. */
  readonly offset: number;
  /** Prefix and flatbuffer with padding; the body begins at offset + headerLength. */
  readonly headerLength: number;
  readonly bodyLength: number;
  readonly rowCount: number;
  /** CRC-32 (zlib) of prefix, header and body. */
  readonly crc32: number;
  readonly commit: number;
  /** Packed statistics of all columns (storage/statistics reads it); empty for dictionaries. */
  readonly statistics: Uint8Array;
  /** The row in the catalog contradicts its own checksum: nothing in it can be relied on. */
  readonly isDamaged: boolean;
}

/** A batch row as it is written. */
export type SoundBatchRow = Omit<BatchRow, 'isDamaged'>;

/** The same, by a change that knows its commit. */
export type NewBatchRow = Omit<SoundBatchRow, 'commit'>;

/** Everything that one catalog transaction does; all of it or nothing. Missing lists mean nothing of that kind. */
export interface CatalogChange {
  /**
   * Must be the last commit + 1 when data or tables change; undefined for housekeeping (seal, unlink done), which makes
   * no snapshot.
   */
  readonly commit: number | undefined;
  readonly timeMs: number;
  /** The kind of change for people, where it cannot be told from the lists: `compact`, `delete`, `update` … */
  readonly what?: string;
  /** New tables, each with the first version of its schema. */
  readonly createTables?: readonly {
    readonly tableId: number;
    readonly name: string;
    readonly directory: string;
    readonly schema: Omit<SchemaRow, 'tableId' | 'createdCommit'>;
  }[];
  /** Marks table and segments retired at `commit`. */
  readonly dropTables?: readonly { readonly tableId: number; readonly retireAtMs: number }[];
  /** New versions of schemas. */
  readonly addSchemas?: readonly Omit<SchemaRow, 'createdCommit'>[];
  /** Names of views that end at `commit`; before the new ones come. */
  readonly dropViews?: readonly string[];
  readonly createViews?: readonly Pick<ViewRow, 'name' | 'columns' | 'sql'>[];
  readonly setTtls?: readonly { readonly tableId: number; readonly ttl: TtlRow | undefined }[];
  /** New segments, active or already sealed. */
  readonly createSegments?: readonly {
    readonly segmentId: number;
    readonly tableId: number;
    readonly position: number;
    readonly schemaVersion: number;
    readonly state: 'active' | 'sealed';
    readonly committedLength: number;
    readonly fileLength: number;
  }[];
  /** New committed lengths of segments; row and batch counts are added to. */
  readonly appends?: readonly {
    readonly segmentId: number;
    readonly committedLength: number;
    readonly addedRows: number;
    readonly addedBatches: number;
  }[];
  readonly batches?: readonly NewBatchRow[];
  /** Live segments that no snapshot from `commit` on holds. */
  readonly retireSegments?: readonly { readonly segmentId: number; readonly retireAtMs: number }[];
  /** New positions, given in one commit so that the order stays what it is. */
  readonly moveSegments?: readonly { readonly segmentId: number; readonly position: number }[];
  /** Tagged appends of this commit, in their order. `forgetBelow`: results of lower seqs go. */
  readonly producers?: readonly (ProducerKey & {
    readonly epoch: number;
    readonly seq: number;
    readonly checksum: string;
    /** Rows of this append. */
    readonly addedRows: number;
    readonly forgetBelow: number;
  })[];
  readonly sealSegments?: readonly { readonly segmentId: number; readonly fileLength: number }[];
  /**
   * Segments whose files are gone: rows and batch rows are deleted, and table rows of dropped tables without segments.
   */
  readonly removeSegments?: readonly number[];
}

/** What recovery reads at the start. Batches are read per segment, when first needed. */
export interface CatalogState {
  readonly databaseId: string;
  readonly lastCommit: number;
  /** Dropped tables too, while they have segments. */
  readonly tables: readonly TableRow[];
  /** All versions of the schemas of these tables, ascending. */
  readonly schemas: readonly SchemaRow[];
  /** Those that were dropped too, as long as a snapshot may have them; in the order of their commits. */
  readonly views: readonly ViewRow[];
  /** In the order of their tables. */
  readonly segments: readonly SegmentRow[];
  readonly damages: readonly DamageRow[];
  /** True when the last stop closed the catalog in order. */
  readonly cleanStop: boolean;
  readonly tableIdMax: number;
  readonly segmentIdMax: number;
}
