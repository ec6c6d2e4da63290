/**
 * The catalog's thread: the one connection to catalog.db, and when its log is checkpointed.
 *
 * Hides SQLite from the rest of the process, and every fsync from its event loop. Invariants: calls run one after
 * another; a checkpoint runs between calls, never within a commit; after a commit whose outcome is unknown nothing is
 * written any more, and the stop is not marked as clean.
 */
import { systemClock } from '../base/clock.ts';
import { EngineError } from '../base/errors.ts';
import { CATALOG_CHECKPOINT_IDLE_MS, CATALOG_LOG_PAGES_MAX } from '../base/limits.ts';
import { makeLog } from '../base/log.ts';
import { present } from '../base/assert.ts';
import { Transferred, serveThread } from '../os/thread.ts';
import { applyChange, transact } from './apply.ts';
import type { PackedChange } from './apply.ts';
import { checkWhenNeeded, openConnection, readPragmas } from './connection.ts';
import { checkVersion, migrate, readMigrations } from './migrate.ts';
import type { PackedBatches } from './packed-batches.ts';
import type { CatalogState } from './rows.ts';
import { Statements } from './statements.ts';

/** What the thread can be asked; `open` comes first and `close` last. */
export interface CatalogMethods {
  open(path: string): Promise<void>;
  readState(argument: undefined): CatalogState;
  readBatches(segmentId: number): Transferred<PackedBatches>;
  apply(change: PackedChange): void;
  readMeta(key: string): Uint8Array | undefined;
  writeMeta(entry: { readonly key: string; readonly value: Uint8Array }): void;
  readPragmas(argument: undefined): Readonly<Record<string, unknown>>;
  close(argument: undefined): void;
}

const log = makeLog('catalog');

/** An open catalog.db. */
class OpenCatalog {
  readonly #path: string;
  readonly #statements: Statements;
  readonly #cleanStop: boolean;
  readonly #idle: NodeJS.Timeout;
  #checkpointDue = false;
  #closed = false;
  #unknown: string | undefined;

  constructor(path: string, statements: Statements, cleanStop: boolean) {
    this.#path = path;
    this.#statements = statements;
    this.#cleanStop = cleanStop;
    this.#idle = setTimeout(() => this.#checkpoint(), CATALOG_CHECKPOINT_IDLE_MS);
  }

  readState(): CatalogState {
    return { ...this.#statements.readState(), cleanStop: this.#cleanStop };
  }

  readBatches(segmentId: number): Transferred<PackedBatches> {
    const packed = this.#statements.readBatches(segmentId);
    return new Transferred(packed, [packed.numbers.buffer as ArrayBuffer, packed.statistics.buffer as ArrayBuffer]);
  }

  apply(change: PackedChange): void {
    this.#write(() => applyChange(this.#statements, this.#path, change));
  }

  readMeta(key: string): Uint8Array | undefined {
    return this.#statements.readMeta(key);
  }

  writeMeta(key: string, value: Uint8Array): void {
    this.#write(() => {
      transact(this.#statements, this.#path, `the entry ${key}`, () => this.#statements.writeMeta.run(key, value));
    });
  }

  readPragmas(): Readonly<Record<string, unknown>> {
    return readPragmas(this.#statements.connection);
  }

  /** Closing the last connection checkpoints the log and removes it. */
  close(): void {
    clearTimeout(this.#idle);
    this.#closed = true;
    try {
      if (this.#unknown === undefined) {
        transact(this.#statements, this.#path, 'the mark of a clean stop', () =>
          this.#statements.setCleanStop.run(1),
        );
      }
    } finally {
      this.#statements.connection.close();
    }
  }

  #write(run: () => void): void {
    if (this.#unknown !== undefined) {
      const message = `the catalog takes no more writes: ${this.#unknown}`;
      throw new EngineError('io_error', message);
    }
    // A port that always has a message waiting starves setImmediate.
    if (this.#checkpointDue) this.#checkpoint();
    try {
      run();
    } catch (error) {
      if (error instanceof EngineError && error.code === 'commit_unknown') this.#unknown = error.message;
      throw error;
    }
    this.#plan();
  }

  /**
   * Called after each commit. NOOP only counts the log's pages; the checkpoint itself waits until the answer is on its
   * way.
   */
  #plan(): void {
    if (this.#checkpointDue) return;
    const pages = this.#logPages('NOOP');
    if (pages >= CATALOG_LOG_PAGES_MAX) {
      this.#checkpointDue = true;
      setImmediate(() => this.#checkpoint());
    } else {
      this.#idle.refresh();
    }
  }

  #checkpoint(): void {
    this.#checkpointDue = false;
    if (this.#closed) return;
    try {
      this.#logPages('PASSIVE');
    } catch (error) {
      // The log keeps every commit until a later checkpoint works, so nothing is lost but space.
      log.warn('a checkpoint of the catalog failed and is tried again after the next commit', {
        reason: String(error),
      });
    }
  }

  #logPages(mode: 'NOOP' | 'PASSIVE'): number {
    const rows = this.#statements.connection.pragma(`wal_checkpoint(${mode})`) as { readonly log: number }[];
    return rows[0]?.log ?? 0;
  }
}

async function openCatalog(path: string): Promise<OpenCatalog> {
  const migrations = await readMigrations();
  const connection = openConnection(path);
  try {
    checkVersion(connection, path, migrations);
    checkWhenNeeded(connection, path);
    migrate(connection, path, migrations, systemClock.wallMs());
    const statements = new Statements(connection);
    const { cleanStop } = statements.readDatabase();
    if (cleanStop) transact(statements, path, 'the mark of a running server', () => statements.setCleanStop.run(0));
    return new OpenCatalog(path, statements, cleanStop);
  } catch (error) {
    connection.close();
    throw error;
  }
}

let opened: OpenCatalog | undefined;
const catalog = (): OpenCatalog => present(opened, 'the catalog to be open');

serveThread<CatalogMethods>({
  open: async (path) => {
    opened = await openCatalog(path);
  },
  readState: () => catalog().readState(),
  readBatches: (segmentId) => catalog().readBatches(segmentId),
  apply: (change) => catalog().apply(change),
  readMeta: (key) => catalog().readMeta(key),
  writeMeta: ({ key, value }) => catalog().writeMeta(key, value),
  readPragmas: () => catalog().readPragmas(),
  close: () => catalog().close(),
});
