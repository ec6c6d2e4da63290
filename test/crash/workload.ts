/**
 * What the fault walk and the crash states do to a database, as a list of steps: add one here, and every fault is
 * tried in it.
 *
 * Hides the directory: segments lie on a disk in memory, the catalog in real files (in shared memory when there is
 * some). Invariants: a step may fail with an EngineError and with nothing else; after an open that failed, steps are
 * left out until the next one that opens; no step waits for a timer.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { EngineError } from '../../src/base/errors.ts';
import type { Storage } from '../../src/storage/contract.ts';
import { openStorage } from '../../src/storage/storage.ts';
import type { StorageBounds } from '../../src/storage/store.ts';
import { undoAfter } from '../storage/fixture.ts';
import type { MemoryOs } from '../support/memory-os.ts';
import { makeRandom } from '../support/random.ts';
import { Ledger } from './ledger.ts';

/** So small that a few rows fill a segment, and nothing happens on its own. */
export const SMALL_BOUNDS: Partial<StorageBounds> = {
  privateSegmentBytesMin: 6_000,
  segmentBytesMax: 30_000,
  snapshotRetentionMs: 0,
  sweepMs: 2 ** 31 - 1,
};

const SMALL_ROWS = 10;
const LARGE_ROWS = 400;

/** A new directory in memory where there is such a place. */
export function makeFastDirectory(): string {
  try {
    return mkdtempSync('/dev/shm/sheaf-crash-');
  } catch {
    return mkdtempSync(join(tmpdir(), 'sheaf-crash-'));
  }
}

/** The same, removed after `t`. */
export function fastDirectory(t: TestContext): string {
  const directory = makeFastDirectory();
  undoAfter(t, () => {
    rmSync(directory, { recursive: true, force: true });
  });
  return directory;
}

/** The catalog's files at one moment. */
export type CatalogFiles = ReadonlyMap<string, Uint8Array>;

/**
 * Copies the catalog's files. The log first: one that was checkpointed meanwhile changes nothing when it is replayed.
 * Locks of SQLite on these files are lost by this, which does not matter while nobody else opens them.
 */
export function readCatalog(directory: string): CatalogFiles {
  const files = new Map<string, Uint8Array>();
  for (const name of ['catalog.db-wal', 'catalog.db']) {
    try {
      files.set(name, readFileSync(join(directory, name)));
    } catch {
      // Not made yet, or not needed: then a copy lacks it, too.
    }
  }
  return files;
}

/** Puts copied files in place of those that are there. */
export function writeCatalog(directory: string, files: CatalogFiles): void {
  for (const suffix of ['', '-wal', '-shm']) rmSync(join(directory, `catalog.db${suffix}`), { force: true });
  for (const [name, bytes] of files) writeFileSync(join(directory, name), bytes, { mode: 0o600 });
}

/** A database under test. */
export class World {
  readonly directory: string;
  readonly ledger = new Ledger();
  os: MemoryOs;
  storage: Storage | undefined;
  /** Disks that are no more; the operations of `os` come after theirs. */
  readonly past: MemoryOs[] = [];
  readonly #bounds: Partial<StorageBounds>;
  readonly #random: () => number;

  constructor(directory: string, os: MemoryOs, seed: number, bounds: Partial<StorageBounds> = {}) {
    this.#bounds = { ...SMALL_BOUNDS, ...bounds };
    this.directory = directory;
    this.os = os;
    this.#random = makeRandom(seed);
  }

  async open(): Promise<void> {
    this.storage = await openStorage({ directory: this.directory, os: this.os, bounds: this.#bounds });
  }

  async close(): Promise<void> {
    const { storage } = this;
    this.storage = undefined;
    await storage?.close();
  }

  /** Cuts the power: what was not synced is kept, lost or torn; faults go on. */
  async cut(): Promise<void> {
    const after = this.os.crash(Math.floor(this.#random() * 2 ** 31));
    const catalog = readCatalog(this.directory);
    await tolerate(() => this.close());
    writeCatalog(this.directory, catalog);
    after.inheritFaults(this.os);
    after.observe = this.os.observe;
    this.past.push(this.os);
    this.os = after;
    await this.open();
  }
}

/** Runs `action`; an EngineError is what a failing disk may cause, and everything else passes on. */
export async function tolerate(action: () => Promise<unknown>): Promise<void> {
  try {
    await action();
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
  }
}

/** One step. `opens`: it needs no open storage, since it makes one. */
interface Step {
  readonly name: string;
  readonly opens?: boolean;
  readonly run: (world: World, storage: Storage) => Promise<void>;
}

async function all(...actions: readonly (() => Promise<unknown>)[]): Promise<void> {
  await Promise.all(actions.map(tolerate));
}

const small = ({ ledger }: World, storage: Storage): Promise<void> =>
  all(
    () => ledger.put(storage, 'a', SMALL_ROWS),
    () => ledger.put(storage, 'b', SMALL_ROWS),
  );

async function readAll(storage: Storage): Promise<void> {
  const snapshot = storage.snapshot();
  try {
    for (const name of snapshot.tableNames()) {
      const messages = snapshot.table(name)?.messages();
      await tolerate(async () => {
        for await (const message of messages ?? []) message.batch();
      });
    }
  } finally {
    snapshot.release();
  }
}

/** The steps, in order. Statements of one table follow one another; the ledger needs that. */
const STEPS: readonly Step[] = [
  { name: 'open', opens: true, run: (world) => world.open() },
  { name: 'small streams make two tables', run: small },
  { name: 'a private stream', run: ({ ledger }, storage) => ledger.put(storage, 'a', LARGE_ROWS) },
  { name: 'a dictionary', run: ({ ledger }, storage) => ledger.put(storage, 'words', SMALL_ROWS) },
  { name: 'small streams', run: small },
  {
    name: 'a dictionary that goes on',
    run: ({ ledger }, storage) =>
      all(
        () => ledger.put(storage, 'words', SMALL_ROWS),
        () => ledger.put(storage, 'words', SMALL_ROWS),
      ),
  },
  { name: 'read', run: (_world, storage) => readAll(storage) },
  { name: 'seal', run: (_world, storage) => storage.seal() },
  { name: 'a table to drop', run: ({ ledger }, storage) => ledger.put(storage, 'scratch', SMALL_ROWS) },
  { name: 'drop', run: ({ ledger }, storage) => ledger.drop(storage, 'scratch') },
  {
    name: 'small and private streams at once',
    run: ({ ledger }, storage) =>
      all(
        () => ledger.put(storage, 'a', SMALL_ROWS),
        () => ledger.put(storage, 'b', LARGE_ROWS),
        () => ledger.put(storage, 'new', LARGE_ROWS),
      ),
  },
  {
    name: 'numbered streams, sent twice',
    run: async ({ ledger }, storage) => {
      await ledger.putTagged(storage, 'tagged', SMALL_ROWS);
      await ledger.putTagged(storage, 'tagged', SMALL_ROWS);
      await ledger.retryTagged(storage, 'tagged');
    },
  },
  {
    name: 'delete, and delete in a dictionary, beside a stream',
    run: ({ ledger }, storage) =>
      all(
        () => ledger.edit(storage, 'a', { kind: 'delete', modulus: 3, rest: 1 }),
        () => ledger.edit(storage, 'words', { kind: 'delete', modulus: 4, rest: 0 }),
        () => ledger.put(storage, 'b', SMALL_ROWS),
      ),
  },
  {
    name: 'update',
    run: ({ ledger }, storage) => ledger.edit(storage, 'a', { kind: 'update', modulus: 5, rest: 2, value: -1.5 }),
  },
  {
    name: 'columns come, go and change their names',
    run: async ({ ledger }, storage) => {
      await ledger.edit(storage, 'b', { kind: 'add' });
      await ledger.put(storage, 'b', SMALL_ROWS);
      await ledger.edit(storage, 'b', { kind: 'rename' });
      await ledger.edit(storage, 'b', { kind: 'drop' });
    },
  },
  {
    name: 'truncate',
    run: async ({ ledger }, storage) => {
      await ledger.edit(storage, 'new', { kind: 'truncate' });
      await ledger.put(storage, 'new', SMALL_ROWS);
    },
  },
  {
    name: 'compaction beside a stream',
    run: ({ ledger }, storage) =>
      all(
        () => storage.compact(),
        () => ledger.put(storage, 'a', SMALL_ROWS),
      ),
  },
  { name: 'small streams before the cut', run: small },
  {
    name: 'a statement and a numbered stream before the cut',
    run: ({ ledger }, storage) =>
      all(
        () => ledger.edit(storage, 'a', { kind: 'delete', modulus: 7, rest: 3 }),
        () => ledger.putTagged(storage, 'tagged', SMALL_ROWS),
      ),
  },
  { name: 'power cut and recovery', opens: true, run: (world) => world.cut() },
  { name: 'the numbered stream again', run: ({ ledger }, storage) => ledger.retryTagged(storage, 'tagged') },
  { name: 'small streams after the cut', run: small },
  {
    name: 'statements after the cut',
    run: ({ ledger }, storage) =>
      all(
        () => ledger.edit(storage, 'b', { kind: 'delete', modulus: 3, rest: 2 }),
        () => ledger.edit(storage, 'a', { kind: 'update', modulus: 4, rest: 1, value: 2.25 }),
      ),
  },
  { name: 'compaction after the cut', run: (_world, storage) => storage.compact().then(() => undefined) },
  {
    name: 'stop and start',
    opens: true,
    run: async (world) => {
      await tolerate(() => world.close());
      await world.open();
    },
  },
  { name: 'read again', run: (_world, storage) => readAll(storage) },
  { name: 'a numbered stream after the start', run: ({ ledger }, storage) => ledger.putTagged(storage, 'tagged', 2) },
  { name: 'small streams after the start', run: small },
];

/** Runs all steps. `before` is told each one's name. */
export async function runSteps(world: World, before: (name: string) => void = () => undefined): Promise<void> {
  for (const step of STEPS) {
    const { storage } = world;
    if (storage === undefined && step.opens !== true) continue;
    before(step.name);
    // A step that opens does not look at the storage it is given.
    await tolerate(() => step.run(world, storage as Storage));
  }
}
