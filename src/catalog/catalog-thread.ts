/**
 * The catalog's thread: the one connection to catalog.db, and when its log is checkpointed.
 *
 * Hides SQLite from the rest of the process, and every fsync from its event loop. Invariants: calls run one after
 * another; a checkpoint runs between calls, never within a commit; a failed commit is settled before it is answered,
 * and when that fails too its outcome is unknown: nothing is written any more, and the stop is not marked as clean.
 */
import { systemClock } from '../base/clock.ts';
import { EngineError } from '../base/errors.ts';
import { CATALOG_CHECKPOINT_IDLE_MS, CATALOG_LOG_PAGES_MAX } from '../base/limits.ts';
import { makeLog } from '../base/log.ts';
import { present } from '../base/assert.ts';
import { Transferred, serveThread } from '../os/thread.ts';
import { applyChange, transact } from './apply.ts';
import type { PackedChange } from './apply.ts';
import { checkWhenNeeded, isLogNeeded, openConnection, readPragmas } from './connection.ts';
import { copyCatalog } from './copy.ts';
import { dropLink, findLog, linkLog, lostLog, restoreLog } from './log-file.ts';
import { checkVersion, migrate, readMigrations } from './migrate.ts';
import type { PackedBatches } from './packed-batches.ts';
import { History } from './history.ts';
import type { CatalogState, CommitRow, DamageRow, ProducerKey, ProducerRow } from './rows.ts';
import { sqliteCodeOf, sqliteError } from './sqlite-error.ts';
import { Statements } from './statements.ts';

/** What the thread can be asked; `open` comes first and `close` last. */
export interface CatalogMethods {
  open(path: string): Promise<void>;
  readState(argument: undefined): CatalogState;
  readBatches(segmentId: number): Transferred<PackedBatches>;
  apply(change: PackedChange): void;
  readMeta(key: string): Uint8Array | undefined;
  writeMeta(entry: { readonly key: string; readonly value: Uint8Array }): void;
  readProducer(key: ProducerKey): ProducerRow | undefined;
  readCommits(range: { readonly from: number; readonly most: number }): CommitRow[];
  commitAt(timeMs: number): number | undefined;
  forgetCommits(below: { readonly version: number; readonly most: number }): number;
  forgetKeys(which: { readonly beforeMs: number; readonly kept: number; readonly most: number }): number;
  forgetViews(version: number): void;
  addDamage(found: { readonly damage: DamageRow; readonly timeMs: number }): void;
  copyTo(path: string): Promise<number>;
  readPragmas(argument: undefined): Readonly<Record<string, unknown>>;
  close(argument: undefined): Promise<void>;
}

const log = makeLog('catalog');

/** Where the last failure that was settled stands, for people who look into the file. */
const SETTLED_KEY = 'settled-failure';

/** An open catalog.db. */
class OpenCatalog {
  readonly #path: string;
  readonly #statements: Statements;
  readonly #history: History;
  readonly #cleanStop: boolean;
  readonly #idle: NodeJS.Timeout;
  #checkpointDue = false;
  #closed = false;
  #unknown: string | undefined;

  constructor(path: string, statements: Statements, cleanStop: boolean) {
    this.#path = path;
    this.#statements = statements;
    this.#history = new History(statements.connection);
    this.#cleanStop = cleanStop;
    this.#idle = setTimeout(() => this.#checkpoint(), CATALOG_CHECKPOINT_IDLE_MS);
  }

  readState(): CatalogState {
    return this.#read(() => ({
      ...this.#statements.readState(),
      damages: this.#history.damages(),
      cleanStop: this.#cleanStop,
    }));
  }

  readBatches(segmentId: number): Transferred<PackedBatches> {
    const packed = this.#read(() => this.#statements.readBatches(segmentId));
    return new Transferred(packed, [packed.numbers.buffer as ArrayBuffer, packed.statistics.buffer as ArrayBuffer]);
  }

  apply(change: PackedChange): void {
    this.#write(() => applyChange(this.#statements, this.#path, change));
  }

  readMeta(key: string): Uint8Array | undefined {
    return this.#read(() => this.#statements.readMeta(key));
  }

  writeMeta(key: string, value: Uint8Array): void {
    this.#write(() => {
      transact(this.#statements, this.#path, `the entry ${key}`, () => this.#statements.writeMeta.run(key, value));
    });
  }

  readHistory<T>(read: (history: History) => T): T {
    return this.#read(() => read(this.#history));
  }

  /** Runs `write` in a transaction of its own; `what` names it in errors. */
  writeHistory<T>(what: string, write: (history: History) => T): T {
    let value: T | undefined;
    this.#write(() => {
      transact(this.#statements, this.#path, what, () => {
        value = write(this.#history);
      });
    });
    return value as T;
  }

  forgetViews(version: number): void {
    this.#write(() => {
      transact(this.#statements, this.#path, 'the end of old views', () => this.#statements.views.forget(version));
    });
  }

  copyTo(path: string): Promise<number> {
    return copyCatalog(this.#path, path);
  }

  readPragmas(): Readonly<Record<string, unknown>> {
    return readPragmas(this.#statements.connection);
  }

  /** Closing the last connection checkpoints the log and removes it. */
  async close(): Promise<void> {
    clearTimeout(this.#idle);
    this.#closed = true;
    let isMarked = false;
    try {
      if (this.#unknown === undefined) {
        transact(this.#statements, this.#path, 'the mark of a clean stop', () =>
          this.#statements.setCleanStop.run(1),
        );
        isMarked = true;
      }
    } finally {
      this.#statements.connection.close();
      if (isMarked) await dropLink(this.#path);
    }
  }

  #read<T>(run: () => T): T {
    try {
      return run();
    } catch (error) {
      throw sqliteError('read', this.#path, error);
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
      this.#runWithRoom(run);
    } catch (error) {
      if (error instanceof EngineError && error.code === 'commit_unknown') throw this.#settle(error);
      throw error;
    }
    this.#plan();
  }

  /**
   * A failed commit may stand in the log all the same, whole, and a restart would then take it for done. SQLite writes
   * the next transaction over it, though: once that one is on the disk, the failed one can never come back. Returns the
   * error to answer with.
   */
  #settle(failure: EngineError): EngineError {
    try {
      const mark = Buffer.from(failure.message);
      transact(this.#statements, this.#path, 'a mark', () => this.#statements.writeMeta.run(SETTLED_KEY, mark));
    } catch (error) {
      log.error('it cannot be settled what became of a failed commit', error);
      this.#unknown = failure.message;
      return failure;
    }
    const known = sqliteError('write to', this.#path, failure.cause);
    log.warn('a commit failed, and it is settled that it did not happen', { reason: String(known) });
    return known instanceof EngineError ? known : new EngineError('io_error', failure.message, { cause: failure });
  }

  /** On a full disk the log cannot grow, but once it is checkpointed its own space serves again. */
  #runWithRoom(run: () => void): void {
    try {
      run();
    } catch (error) {
      if (!(error instanceof EngineError) || error.code !== 'storage_full') throw error;
      this.#checkpoint();
      run();
    }
  }

  /** Called after each commit. The checkpoint itself waits until the answer is on its way. */
  #plan(): void {
    if (this.#logPages('NOOP') < CATALOG_LOG_PAGES_MAX) {
      this.#idle.refresh();
      return;
    }
    this.#checkpointDue = true;
    setImmediate(() => {
      if (this.#checkpointDue) this.#checkpoint();
    });
  }

  #checkpoint(): void {
    this.#checkpointDue = false;
    if (!this.#closed) this.#logPages('PASSIVE');
  }

  /** The log's length in pages; NOOP only counts them, PASSIVE checkpoints as well. */
  #logPages(mode: 'NOOP' | 'PASSIVE'): number {
    try {
      const rows = this.#statements.connection.pragma(`wal_checkpoint(${mode})`) as { readonly log: number }[];
      return rows[0]?.log ?? 0;
    } catch (error) {
      // The commit before is on the disk, and stays in the log until a later checkpoint works: only space is lost.
      log.warn('the catalog could not be checkpointed; tried again later', { reason: String(error) });
      return 0;
    }
  }
}

/** Statements of ours that SQLite does not understand: the file's own schema is damaged. Other errors pass unchanged. */
function schemaDamage(path: string, error: unknown): unknown {
  if (sqliteCodeOf(error) !== 'SQLITE_ERROR' || !(error instanceof Error)) return error;
  const message = `${path} is damaged: ${error.message}; restore it from a backup`;
  return new EngineError('corrupt', message, { cause: error });
}

async function openCatalog(path: string): Promise<OpenCatalog> {
  const migrations = await readMigrations();
  const { hasLog } = await findLog(path);
  // Whatever comes, closing the connection must not take the log's last name away.
  if (hasLog) await linkLog(path);
  let connection = openConnection(path);
  try {
    checkVersion(connection, path, migrations);
    if (!hasLog && isLogNeeded(connection)) {
      connection.close();
      if (!(await findLog(path)).hasLink) throw lostLog(path);
      log.info('the log of the catalog is read by its second name: the last stop was not in order', { path });
      await restoreLog(path);
      connection = openConnection(path);
    }
    checkWhenNeeded(connection, path);
    migrate(connection, path, migrations, systemClock.wallMs());
    const statements = new Statements(connection);
    const { cleanStop } = statements.readDatabase();
    if (cleanStop) {
      transact(statements, path, 'the mark of a running server', () => statements.setCleanStop.run(0));
    }
    // The mark goes into the file itself, so that it tells also when the log is taken away. And what a log holds whose
    // last sync may have failed is written, and synced, once more.
    connection.pragma('wal_checkpoint(PASSIVE)');
    await linkLog(path);
    return new OpenCatalog(path, statements, cleanStop);
  } catch (error) {
    if (connection.open) connection.close();
    throw schemaDamage(path, sqliteError('open', path, error));
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
  readProducer: (key) => catalog().readHistory((history) => history.producer(key)),
  readCommits: ({ from, most }) => catalog().readHistory((history) => history.commits(from, most)),
  commitAt: (timeMs) => catalog().readHistory((history) => history.commitAt(timeMs)),
  forgetCommits: ({ version, most }) =>
    catalog().writeHistory('the end of old commits', (history) => history.forgetCommits(version, most)),
  forgetKeys: ({ beforeMs, kept, most }) =>
    catalog().writeHistory('the end of old keys', (history) => history.forgetKeys(beforeMs, kept, most)),
  forgetViews: (version) => catalog().forgetViews(version),
  addDamage: ({ damage, timeMs }) =>
    catalog().writeHistory('a damaged segment', (history) => history.addDamage(damage, timeMs)),
  copyTo: (path) => catalog().copyTo(path),
  readPragmas: () => catalog().readPragmas(),
  close: () => catalog().close(),
});
