/**
 * Storage: opens a database directory, and puts its parts together.
 *
 * Hides which part does what: appends (append, commit, table-work, segment-writer), reading (snapshot,
 * table-snapshot, segment), seals (seal), drops (retire), recovery. Invariants: one open Storage per directory,
 * held by LOCK.db; everything that changes the snapshot goes through the committer, one after another; a clean
 * close leaves only sealed segments.
 */
import { randomBytes } from 'node:crypto';
import { dirname, resolve } from 'node:path';
import type { Schema } from '../arrow/schema.ts';
import { systemClock } from '../base/clock.ts';
import type { Clock } from '../base/clock.ts';
import { EngineError } from '../base/errors.ts';
import { makeLog } from '../base/log.ts';
import type { Log } from '../base/log.ts';
import { Catalog } from '../catalog/catalog.ts';
import { acquireLock } from '../catalog/lock.ts';
import type { DirectoryLock } from '../catalog/lock.ts';
import { realOs } from '../os/real-os.ts';
import type { Os } from '../os/os.ts';
import { TableAppend } from './append.ts';
import { alterTable } from './alter.ts';
import { Background } from './background.ts';
import { Ballast } from './ballast.ts';
import { Committer } from './commit.ts';
import { Compaction } from './compaction.ts';
import type {
  Append,
  AppendTag,
  CompactionReport,
  EditedBatch,
  IngestState,
  RowEdit,
  ScrubReport,
  Snapshot,
  SnapshotDescription,
  Storage,
  StoredView,
  StorageStatus,
  TableAlteration,
} from './contract.ts';
import { newDefinition } from './definition.ts';
import { ballastPath, databasePaths } from './filename.ts';
import { FreeSpace } from './free-space.ts';
import { HORIZON_KEY, Retirement, decodeVersion, dropTable, encodeVersion } from './retire.ts';
import { inlineMaintenance, threadMaintenance } from './maintenance.ts';
import { makeMaintenance } from './maintenance-work.ts';
import { countSegmentFiles, emptySpool, recover } from './recovery.ts';
import { expireTable, versionAt } from './retention.ts';
import { Rewriter } from './rewrite.ts';
import { Scrub } from './scrub.ts';
import { Sealer } from './seal.ts';
import type { Maintenance } from './maintenance.ts';
import { FORMAT_VERSION } from './segment-file.ts';
import { currentSnapshot, olderSnapshot } from './snapshot.ts';
import { createView, dropView } from './view-change.ts';
import { DEFAULT_BOUNDS, Store, alreadyExists, freeFloor, missingTable } from './store.ts';
import type { StorageBounds } from './store.ts';

/** Catalog key of the version at the last clean stop. */
const CLEAN_KEY = 'clean_version';
/** Catalog key that says that the catalog was there before any segment. */
const CLAIM_KEY = 'claimed';
const SECRET_PREFIX = 'secret:';

export interface OpenStorageOptions {
  /** Made when it is missing. */
  readonly directory: string;
  readonly os?: Os;
  readonly clock?: Clock;
  readonly log?: Log;
  /** Tightens bounds of base/limits, for tests. */
  readonly bounds?: Partial<StorageBounds>;
}

/**
 * Opens the database in a directory: locks it, reads the catalog, recovers. @throws `locked`,
 * `version_unsupported`, `corrupt` (of the catalog; damaged segments only disable their tables), `forbidden`,
 * `storage_full`, `io_error`
 */
export async function openStorage(options: OpenStorageOptions): Promise<Storage> {
  const os = options.os ?? realOs();
  const log = options.log ?? makeLog('storage');
  const clock = options.clock ?? systemClock;
  const paths = databasePaths(resolve(options.directory));
  await makeDurably(os, paths.directory);
  const lock = await acquireLock(paths.lock);
  let catalog: Catalog | undefined;
  try {
    for (const path of [paths.tables, paths.spool, paths.quarantine]) await os.makeDirectory(path);
    await os.syncDirectory(paths.directory);
    const ballast = new Ballast(os, ballastPath(paths), log);
    await ballast.releaseWhenFull();
    catalog = await Catalog.open(paths.catalog);
    await os.syncDirectory(paths.directory);
    const state = await catalog.readState();
    const bounds = { ...DEFAULT_BOUNDS, ...options.bounds };
    const store = new Store({ os, catalog, clock, log, paths, bounds, ballast }, state);
    store.horizon = decodeVersion(await catalog.readMeta(HORIZON_KEY));
    const started = clock.monotonicMs();
    const cleanVersion = decodeVersion(await catalog.readMeta(CLEAN_KEY));
    // An open that failed half-way also closes the catalog in order; only the version tells whether recovery ever
    // ended.
    const cleanStop = state.cleanStop && cleanVersion === state.lastCommit;
    await claimDirectory(catalog, store, state.lastCommit);
    const report = await recover(store, { ...state, cleanStop }, cleanVersion);
    await emptySpool(store);
    const floor = bounds.freeFloorBytes ?? freeFloor(await os.freeBytes(paths.directory));
    // The maintenance thread has a disk of its own: a caller's disk is worked on where it is.
    const maintenance = options.os === undefined ? threadMaintenance() : inlineMaintenance(makeMaintenance(os));
    const storage = new OpenedStorage(store, lock, floor, maintenance);
    await storage.start();
    log.info('storage is open', { ...report, cleanStop, ms: clock.monotonicMs() - started });
    return storage;
  } catch (error) {
    await catalog?.close().catch(() => undefined);
    lock.release();
    throw error;
  }
}

/**
 * Marks the catalog as the one of this directory. A catalog without mark and commits is new, and segment files that
 * stand beside a new catalog are no leftovers of a crash: the catalog that knew them is gone, and recovery must not
 * take them for orphans.
 * @throws `corrupt`
 */
async function claimDirectory(catalog: Catalog, store: Store, lastCommit: number): Promise<void> {
  if ((await catalog.readMeta(CLAIM_KEY)) !== undefined) return;
  const count = lastCommit > 0 ? 0 : await countSegmentFiles(store);
  if (count > 0) {
    throw new EngineError(
      'corrupt',
      `${store.paths.tables} holds ${count.toString()} segment file${count === 1 ? '' : 's'}, ` +
        `but ${store.paths.catalog} is missing or new and knows none of them; ` +
        'put the catalog back (with its -wal), or move the tables elsewhere',
    );
  }
  await catalog.writeMeta(CLAIM_KEY, Uint8Array.of(FORMAT_VERSION));
}

/** Makes the directory and its missing parents, and waits until a power cut cannot take them away again. */
async function makeDurably(os: Os, directory: string): Promise<void> {
  const parents = [dirname(directory)];
  for (let at = dirname(directory); !(await os.exists(at)); at = dirname(at)) parents.unshift(dirname(at));
  await os.makeDirectory(directory);
  for (const parent of parents) {
    try {
      await os.syncDirectory(parent);
    } catch (error) {
      // A parent that may not be read cannot be synced either; whoever made it so keeps it.
      if (!(error instanceof EngineError && error.code === 'forbidden')) throw error;
    }
  }
}

class OpenedStorage implements Storage {
  readonly databaseId: string;
  readonly directory: string;
  readonly spoolDirectory: string;
  readonly #store: Store;
  readonly #lock: DirectoryLock;
  readonly #space: FreeSpace;
  readonly #committer: Committer;
  readonly #sealer: Sealer;
  readonly #rewriter: Rewriter;
  readonly #compaction: Compaction;
  readonly #scrub: Scrub;
  readonly #background: Background;
  readonly #secrets = new Map<string, Promise<Uint8Array>>();
  #closed: Promise<void> | undefined;

  constructor(store: Store, lock: DirectoryLock, floor: number, maintenance: Maintenance) {
    this.databaseId = store.databaseId;
    this.directory = store.paths.directory;
    this.spoolDirectory = store.paths.spool;
    this.#store = store;
    this.#lock = lock;
    const sealer = new Sealer(store);
    const retirement = new Retirement(store);
    const seal = (): void => void sealer.sealQuietly();
    const space = new FreeSpace(store, store.paths.directory, floor, () => retirement.sweep(true));
    const committer = new Committer(store, space, seal);
    const rewriter = new Rewriter(store, committer, space, seal);
    const compaction = new Compaction({ store, rewriter, space, maintenance });
    const scrub = new Scrub(store, maintenance);
    this.#sealer = sealer;
    this.#space = space;
    this.#committer = committer;
    this.#rewriter = rewriter;
    this.#compaction = compaction;
    this.#scrub = scrub;
    this.#background = new Background({
      store,
      committer,
      sealer,
      retirement,
      rewriter,
      compaction,
      scrub,
      maintenance,
    });
  }

  start(): Promise<void> {
    return this.#background.start();
  }

  snapshot(): Snapshot {
    return currentSnapshot(this.#store);
  }

  snapshotAt(version: number): Promise<Snapshot> {
    return olderSnapshot(this.#store, version);
  }

  versionAt(timeMs: number): Promise<number> {
    return versionAt(this.#store, timeMs);
  }

  snapshots(most: number): Promise<readonly SnapshotDescription[]> {
    return this.#store.catalog.readCommits(Math.max(this.#store.horizon, 1), most);
  }

  async createTable(
    name: string,
    schema: Schema,
    options: { readonly defaults?: readonly (string | undefined)[]; readonly replace?: boolean } = {},
  ): Promise<void> {
    this.#store.checkWritable();
    const create = options.replace === true ? 'replace' : 'new';
    this.#refuseTaken(name, create);
    await this.#beginCreating(name, schema, create, { defaults: options.defaults }).commit();
  }

  async createView(view: StoredView, { replace }: { readonly replace: boolean }): Promise<void> {
    await this.#space.claim(0);
    await this.#committer.exclusive(() => createView(this.#store, view, replace));
  }

  async dropView(name: string): Promise<void> {
    await this.#committer.exclusive(() => dropView(this.#store, name));
  }

  async dropTable(name: string): Promise<void> {
    await this.#committer.exclusive(() => dropTable(this.#store, name));
    void this.#sealer.sealQuietly();
  }

  async alterTable(name: string, change: TableAlteration): Promise<void> {
    const table = await this.#rewriter.alone(name, async (live) => {
      await this.#committer.exclusive(() => alterTable(this.#store, live, change));
      return live;
    });
    if (change.kind !== 'set_ttl' || change.ttl === undefined) {
      void this.#sealer.sealQuietly();
      return;
    }
    // What is too old already goes now, and not at the next round.
    await this.seal(name);
    await expireTable(this.#store, this.#rewriter, table);
  }

  truncate(name: string): Promise<number> {
    return this.#rewriter.truncate(name);
  }

  rewrite<Edited extends EditedBatch>(
    name: string,
    kind: 'delete' | 'update',
    edit: RowEdit<Edited> | ((snapshot: Snapshot) => Promise<RowEdit<Edited>>),
  ): Promise<number> {
    return this.#rewriter.editRows(name, kind, edit);
  }

  async compact(name?: string): Promise<CompactionReport> {
    const table = name === undefined ? undefined : this.#store.requireTable(name);
    await this.seal(name);
    return this.#compaction.run(table === undefined ? this.#store.tables.values() : [table], true);
  }

  scrub(): Promise<ScrubReport> {
    return this.#scrub.run();
  }

  async ingestState(name: string, producer: string): Promise<IngestState> {
    const { tableId } = this.#store.requireTable(name).definition;
    const row = await this.#store.catalog.readProducer({ tableId, kind: 'producer', name: producer });
    if (row === undefined) return { epoch: 0, seq: 0, rowCount: 0 };
    return { epoch: row.epoch, seq: row.seq, rowCount: row.rowCount };
  }

  async beginAppend(
    name: string,
    schema: Schema,
    options: { readonly create: boolean | 'new' | 'replace'; readonly tag?: AppendTag },
  ): Promise<Append> {
    this.#store.checkWritable();
    const { create, tag } = options;
    this.#refuseTaken(name, create);
    const table = create === 'replace' ? undefined : this.#store.liveTable(name);
    if (table === undefined && create === false) throw missingTable(name);
    if (table?.damage !== undefined) throw table.damage;
    await this.#space.claim(0);
    if (table === undefined) return this.#beginCreating(name, schema, create, { tag });
    const target = { name, table, mustCreate: false, replaces: false, definition: table.definition, tag };
    return this.#append(target);
  }

  /** @throws `request_invalid` for a view, `already_exists` for a table that must be new */
  #refuseTaken(name: string, create: boolean | 'new' | 'replace'): void {
    const table = this.#store.liveTable(name);
    if (table === undefined) this.#store.refuseView(name);
    else if (create === 'new') throw alreadyExists('table', table.name);
  }

  #beginCreating(
    name: string,
    schema: Schema,
    create: boolean | 'new' | 'replace',
    options: {
      readonly tag?: AppendTag | undefined;
      readonly defaults?: readonly (string | undefined)[] | undefined;
    },
  ): TableAppend {
    const { tag, defaults } = options;
    const definition = newDefinition(this.#store.paths, this.#store.nextTableId(), name, schema, defaults);
    const how = { mustCreate: create === 'new', replaces: create === 'replace' };
    return this.#append({ name, table: undefined, ...how, definition, tag });
  }

  #append(target: ConstructorParameters<typeof TableAppend>[1]): TableAppend {
    return new TableAppend({ store: this.#store, committer: this.#committer, space: this.#space }, target);
  }

  async seal(name?: string): Promise<void> {
    this.#store.checkWritable();
    const tables = name === undefined ? this.#store.activeTables : [this.#store.requireTable(name)];
    await this.#sealer.detach(this.#committer, tables);
    await this.#sealer.sealAll();
  }

  status(): StorageStatus {
    let tableCount = 0;
    for (const table of this.#store.tables.values()) if (table.droppedCommit === undefined) tableCount++;
    return {
      version: this.#store.version,
      tableCount,
      segmentCount: this.#store.segmentCount,
      mapCount: this.#store.maps.count,
      readOnlyReason: this.#store.readOnlyReason,
    };
  }

  secret(name: string, length: number): Promise<Uint8Array> {
    let secret = this.#secrets.get(name);
    if (secret === undefined) {
      secret = this.#readSecret(SECRET_PREFIX + name, length);
      this.#secrets.set(name, secret);
      secret.catch(() => this.#secrets.delete(name));
    }
    return secret;
  }

  async #readSecret(key: string, length: number): Promise<Uint8Array> {
    const kept = await this.#store.catalog.readMeta(key);
    if (kept !== undefined && kept.byteLength === length) return kept;
    const made = new Uint8Array(randomBytes(length));
    await this.#store.catalog.writeMeta(key, made);
    return made;
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    const store = this.#store;
    store.closing = true;
    try {
      await this.#background.stop();
      await this.#sealer.detach(this.#committer, store.activeTables);
      await this.#sealer.sealQuietly();
      if (store.readOnlyReason === undefined) await this.#markClean();
    } finally {
      for (const table of store.tables.values()) for (const segment of table.segments) segment.release();
      for (const writer of store.unsealed) await writer.close();
      try {
        await store.catalog.close();
      } finally {
        this.#lock.release();
      }
    }
  }

  async #markClean(): Promise<void> {
    try {
      await this.#store.catalog.writeMeta(CLEAN_KEY, encodeVersion(this.#store.version));
    } catch (error) {
      this.#store.log.warn('the clean stop could not be noted; the next open verifies more', {
        reason: String(error),
      });
    }
  }
}
