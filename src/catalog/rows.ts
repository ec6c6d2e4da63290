/**
 * What the catalog stores, as plain rows, and the one shape of a change to it.
 *
 * Hides SQLite's column names. Invariants: ids are given out by storage, grow, and are never used again; a row names
 * only bytes that are already synced (STORAGE I2); offsets and lengths are bytes within the segment file.
 */

/** `creating` is only ever seen by recovery. */
export type SegmentState = 'active' | 'sealed' | 'obsolete';

export interface TableRow {
  readonly tableId: number;
  readonly name: string;
  /** Random name of the table's directory under tables/; never made of user text. */
  readonly directory: string;
  /** The schema as an IPC Schema message header (flatbuffer, without prefix). */
  readonly schema: Uint8Array;
  /** The field ids of the schema's top-level fields, in order. */
  readonly fieldIds: readonly number[];
  readonly createdCommit: number;
  /** Commit that dropped it; undefined while it lives. */
  readonly droppedCommit: number | undefined;
}

export interface SegmentRow {
  readonly segmentId: number;
  readonly tableId: number;
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
}

/** Everything that one catalog transaction does; all of it or nothing. Missing lists mean nothing of that kind. */
export interface CatalogChange {
  /**
   * Must be the last commit + 1 when data or tables change; undefined for housekeeping (seal, unlink done), which makes
   * no snapshot.
   */
  readonly commit: number | undefined;
  readonly timeMs: number;
  readonly createTables?: readonly Omit<TableRow, 'createdCommit' | 'droppedCommit'>[];
  /** Marks table and segments retired at `commit`. */
  readonly dropTables?: readonly { readonly tableId: number; readonly retireAtMs: number }[];
  /** New segments, active or already sealed. */
  readonly createSegments?: readonly {
    readonly segmentId: number;
    readonly tableId: number;
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
  readonly batches?: readonly Omit<BatchRow, 'commit'>[];
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
  readonly segments: readonly SegmentRow[];
  /** True when the last stop closed the catalog in order. */
  readonly cleanStop: boolean;
  readonly tableIdMax: number;
  readonly segmentIdMax: number;
}
