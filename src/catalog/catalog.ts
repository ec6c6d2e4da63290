/**
 * The catalog: what the database holds, in SQLite, and the commit record of every change to it.
 *
 * Hides SQLite and its thread (catalog-thread.ts). Invariants: a resolved `apply` is on the disk (synchronous = FULL);
 * changes are applied in the order of the calls; one Catalog per file, which LOCK.db ensures; a thread serves one
 * Catalog at a time, and at most one waits for the next. No other code of this process may open the catalog's files:
 * closing any descriptor of them would drop SQLite's locks (fcntl(2)).
 */
import { dirname } from 'node:path';
import { EngineError } from '../base/errors.ts';
import { makeHistogram } from '../base/metrics.ts';
import { realOs } from '../os/real-os.ts';
import { moduleBeside, startThread } from '../os/thread.ts';
import type { Thread } from '../os/thread.ts';
import { packChange } from './apply.ts';
import type { CatalogMethods } from './catalog-thread.ts';
import { unpackBatches } from './packed-batches.ts';
import type {
  BatchRow,
  CatalogChange,
  CatalogState,
  CommitRow,
  DamageRow,
  ProducerKey,
  ProducerRow,
} from './rows.ts';

const commitSeconds = makeHistogram(
  'catalog_commit_seconds',
  'Time from the call of a catalog change to its durable commit',
);

/**
 * The thread of the catalog that was closed last: starting one takes longer than opening a small database, so whoever
 * opens several, one after another, starts it once. It does not keep the process alive.
 */
let idleThread: Thread<CatalogMethods> | undefined;

function takeThread(): Thread<CatalogMethods> {
  const thread = idleThread;
  idleThread = undefined;
  if (thread?.alive === true) return thread;
  return startThread<CatalogMethods>(moduleBeside(import.meta.url, 'catalog-thread'), 'catalog');
}

async function leaveThread(thread: Thread<CatalogMethods>): Promise<void> {
  await thread.settle();
  if (idleThread === undefined && thread.alive) idleThread = thread;
  else await thread.end();
}

/** The catalog's only handle. Every method runs in the catalog's own thread; no fsync blocks the event loop. */
export class Catalog {
  readonly #path: string;
  readonly #thread: Thread<CatalogMethods>;
  #closed = false;

  private constructor(path: string, thread: Thread<CatalogMethods>) {
    this.#path = path;
    this.#thread = thread;
  }

  /**
   * Opens or creates the catalog file at `path`: pragmas set and read back, SQLite's version checked, the file checked
   * for damage, migrations run, the mark of a clean stop taken away. The directory must exist.
   * @throws `version_unsupported`, `corrupt`, `io_error`, `forbidden`, `storage_full`, `busy`
   */
  static async open(path: string): Promise<Catalog> {
    await makeFile(path);
    const thread = takeThread();
    try {
      await thread.call('open', path);
    } catch (error) {
      await leaveThread(thread);
      throw error;
    }
    return new Catalog(path, thread);
  }

  /** Everything but batches, as of the last `apply`. `cleanStop` stays what it was at open. */
  readState(): Promise<CatalogState> {
    return this.#call('readState', undefined);
  }

  /** Batches of a segment in file order; none for an unknown segment. Their statistics share one buffer. */
  async readBatches(segmentId: number): Promise<readonly BatchRow[]> {
    return unpackBatches(await this.#call('readBatches', segmentId));
  }

  /**
   * One transaction under synchronous = FULL; all of the change or nothing. The change is copied before this returns.
   * @throws `storage_full`, `already_exists`, `io_error` (nothing happened), or `commit_unknown` when the outcome
   * cannot be told; then every later change fails, and a reopened catalog tells
   */
  async apply(change: CatalogChange): Promise<void> {
    const { packed, transfer } = packChange(change);
    const stop = commitSeconds.startTimer();
    try {
      await this.#call('apply', packed, transfer);
    } catch (error) {
      throw this.#thread.alive ? error : this.#unknown(change, error);
    }
    stop();
  }

  /** The value under `key`; undefined when there is none. */
  readMeta(key: string): Promise<Uint8Array | undefined> {
    return this.#call('readMeta', key);
  }

  /** Keeps `value` under `key`, durably, in place of an older one. */
  writeMeta(key: string, value: Uint8Array): Promise<void> {
    return this.#call('writeMeta', { key, value: value.slice() });
  }

  /** How far a producer came; undefined when it is unknown. */
  readProducer(key: ProducerKey): Promise<ProducerRow | undefined> {
    return this.#call('readProducer', key);
  }

  /** The newest `most` commits from `from` on, oldest first. */
  readCommits(from: number, most: number): Promise<readonly CommitRow[]> {
    return this.#call('readCommits', { from, most });
  }

  /** The newest commit that is no later than `timeMs`. */
  commitAt(timeMs: number): Promise<number | undefined> {
    return this.#call('commitAt', timeMs);
  }

  /** Deletes at most `most` commits below `version`; returns how many. */
  forgetCommits(version: number, most: number): Promise<number> {
    return this.#call('forgetCommits', { version, most });
  }

  /** Deletes at most `most` idempotency keys used before `beforeMs`, and of those that are more than `kept`. */
  forgetKeys(beforeMs: number, kept: number, most: number): Promise<number> {
    return this.#call('forgetKeys', { beforeMs, kept, most });
  }

  /** Deletes the views that no snapshot from `version` on has. */
  forgetViews(version: number): Promise<void> {
    return this.#call('forgetViews', version);
  }

  /** Remembers that a segment is damaged; the first finding stays. */
  addDamage(damage: DamageRow, timeMs: number): Promise<void> {
    return this.#call('addDamage', { damage, timeMs });
  }

  /**
   * Copies the catalog as of now to the SQLite file at `path`, durably, in place of an older copy; commits go on
   * meanwhile. Returns the last commit in the copy.
   */
  copyTo(path: string): Promise<number> {
    return this.#call('copyTo', path);
  }

  /** The connection's pragmas as SQLite reads them back, by name: for checks. */
  readPragmas(): Promise<Readonly<Record<string, unknown>>> {
    return this.#call('readPragmas', undefined);
  }

  /** Marks the stop as clean (unless a commit's outcome is unknown), checkpoints, leaves the thread. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    try {
      await this.#thread.call('close', undefined);
    } finally {
      await leaveThread(this.#thread);
    }
  }

  /** Asks the thread, which serves another catalog once this one is closed. @throws `draining` then */
  readonly #call: Thread<CatalogMethods>['call'] = (method, argument, transfer) => {
    if (!this.#closed) return this.#thread.call(method, argument, transfer);
    const message = `the catalog ${this.#path} has been closed; open the database again`;
    return Promise.reject(new EngineError('draining', message));
  };

  /** The thread died under a call: it may have committed before. */
  #unknown(change: CatalogChange, cause: unknown): EngineError {
    const what = change.commit === undefined ? 'a change of the catalog' : `commit ${change.commit}`;
    const message = `it is not known whether ${what} is on the disk: the thread that writes ${this.#path} has ended`;
    const remedy = 'restart, then look whether the rows are there before sending them again';
    return new EngineError('commit_unknown', `${message}; ${remedy}`, { cause });
  }
}

/**
 * SQLite would make the file with mode 0644; its log and index files take the mode of the file. One that is there is
 * opened for writing here, since the system's own words (read-only file system, permission denied) say more than
 * SQLite's SQLITE_CANTOPEN; SQLite has not opened it yet, so no lock is lost.
 */
async function makeFile(path: string): Promise<void> {
  const os = realOs();
  const isThere = await os.exists(path);
  const file = await os.open(path, isThere ? 'write' : 'create');
  await file.close();
  if (!isThere) await os.syncDirectory(dirname(path));
}
