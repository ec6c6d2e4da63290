/** STUB: H-catalog writes this. */
import type { BatchRow, CatalogChange, CatalogState } from './rows.ts';

/** The catalog's only handle. Every method runs in the catalog's own thread; no fsync blocks the event loop. */
export class Catalog {
  /** Opens or creates DIR/catalog.db: pragmas set and read back, SQLite version and quick_check verified, migrations run. @throws `version_unsupported`, `corrupt`, `io_error`, `forbidden`, `storage_full` */
  static open(_path: string): Promise<Catalog> {
    throw new Error('not written');
  }
  readState(): Promise<CatalogState> {
    throw new Error('not written');
  }
  /** Batches of a segment in file order. */
  readBatches(_segmentId: number): Promise<readonly BatchRow[]> {
    throw new Error('not written');
  }
  /** One transaction under synchronous=FULL. @throws `storage_full`, `already_exists`, or `commit_unknown` when the outcome cannot be told. */
  apply(_change: CatalogChange): Promise<void> {
    throw new Error('not written');
  }
  readMeta(_key: string): Promise<Uint8Array | undefined> {
    throw new Error('not written');
  }
  writeMeta(_key: string, _value: Uint8Array): Promise<void> {
    throw new Error('not written');
  }
  /** Checkpoints, marks the stop as clean, ends the thread. */
  close(): Promise<void> {
    throw new Error('not written');
  }
}
