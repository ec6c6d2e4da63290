/**
 * Power cuts: the in-memory disk drops, tears and reorders what was not synced; acknowledged rows must be there all
 * the same.
 *
 * Method: one run appends, spills, seals and drops. At chosen operations of the disk (by seed) a copy is taken of
 * what a cut would leave of the segments, and of the catalog's files as they are. Each copy is then opened. The
 * harness is itself tested: with syncs left out, for files or for directories, it must find losses.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import type { OpenMode, OsFile } from '../../src/os/os.ts';
import type { Storage } from '../../src/storage/contract.ts';
import { openStorage } from '../../src/storage/storage.ts';
import { count, numbered, put, readIds, temporaryDirectory } from '../storage/fixture.ts';
import { MemoryOs } from '../support/memory-os.ts';
import { makeRandom } from '../support/random.ts';

const BOUNDS = { privateSegmentBytesMin: 6_000, segmentBytesMax: 30_000, snapshotRetentionMs: 0 };
const CUTS = Number(process.env['SHEAF_POWER_CUTS'] ?? 24);

/** What was taken at one moment. */
interface Cut {
  readonly label: string;
  readonly disk: MemoryOs;
  /** Directory with copies of the catalog's files. */
  readonly catalog: string;
  readonly acknowledged: ReadonlyMap<string, readonly number[]>;
}

/** A disk whose syncs of one kind do nothing. */
class LyingOs extends MemoryOs {
  lie: 'dataSync' | 'syncDirectory' | undefined;

  override async open(path: string, mode: OpenMode): Promise<OsFile> {
    const file = await super.open(path, mode);
    if (this.lie === 'dataSync') file.dataSync = () => Promise.resolve();
    return file;
  }

  override syncDirectory(path: string): Promise<void> {
    return this.lie === 'syncDirectory' ? Promise.resolve() : super.syncDirectory(path);
  }
}

/** The run. Each stream has 10 or 300 rows; `acknowledged` gets them when their commit resolved. */
async function work(storage: Storage, acknowledged: Map<string, number[]>): Promise<void> {
  const stream = async (name: string, from: number, rows: number): Promise<void> => {
    await put(storage, name, [numbered(from, rows / 2), numbered(from + rows / 2, rows / 2)]);
    acknowledged.set(name, [...(acknowledged.get(name) ?? []), ...count(rows).map((i) => from + i)]);
  };
  await Promise.all([stream('a', 0, 10), stream('b', 0, 10)]);
  for (let round = 1; round <= 4; round++) {
    await Promise.all([
      stream('a', round * 10_000, 10),
      stream('b', round * 10_000, 10),
      stream('c', round * 10_000, 300),
    ]);
    await stream('a', round * 10_000 + 5_000, 300);
    if (round % 2 === 0) await storage.seal();
    await put(storage, 'scratch', [numbered(0, 10)]);
    await storage.dropTable('scratch');
  }
}

function copyCatalog(directory: string, to: string): void {
  mkdirSync(to);
  const files = ['catalog.db', 'catalog.db-wal']
    .map((name) => join(directory, name))
    .filter((path) => existsSync(path));
  // By another process: closing a descriptor of these files in this one would drop SQLite's locks.
  execFileSync('cp', [...files, to]);
}

/** Runs the work on `os`, and takes cuts at some of its operations. */
async function takeCuts(t: TestContext, os: MemoryOs, directory: string, seed: number): Promise<Cut[]> {
  const random = makeRandom(seed);
  const copies = temporaryDirectory(t);
  const acknowledged = new Map<string, number[]>();
  const cuts: Cut[] = [];
  const take = (label: string): void => {
    const catalog = join(copies, cuts.length.toString());
    copyCatalog(directory, catalog);
    const known = new Map([...acknowledged].map(([name, ids]) => [name, [...ids]]));
    cuts.push({ label, disk: os.crash(seed + cuts.length), catalog, acknowledged: known });
  };
  const storage = await openStorage({ directory, os, bounds: BOUNDS });
  os.observe = (operation) => {
    if (cuts.length < CUTS && random() < 0.2) take(`${operation.kind} ${operation.index.toString()}`);
  };
  await work(storage, acknowledged);
  os.observe = undefined;
  take('the end');
  await storage.close();
  return cuts;
}

/** Opens what the cut left. @throws when something acknowledged is missing or a stream is there in part */
async function checkCut(directory: string, cut: Cut): Promise<void> {
  for (const suffix of ['', '-wal', '-shm']) rmSync(join(directory, `catalog.db${suffix}`), { force: true });
  cpSync(cut.catalog, directory, { recursive: true });
  const storage = await openStorage({ directory, os: cut.disk, bounds: BOUNDS });
  try {
    const names = storage.snapshot().tableNames();
    for (const [name, rows] of cut.acknowledged) {
      assert.ok(names.includes(name), `table ${name} is lost`);
      const found = new Set(await readIds(storage, name));
      for (const id of rows) assert.ok(found.has(id), `row ${id.toString()} of ${name} is lost`);
    }
    for (const name of names) {
      const streams = new Map<number, number>();
      for (const id of await readIds(storage, name)) {
        const stream = Math.floor(id / 5_000);
        streams.set(stream, (streams.get(stream) ?? 0) + 1);
      }
      for (const rows of streams.values())
        assert.ok(rows === 10 || rows === 300, `a stream of ${name} is there in part`);
    }
    await put(storage, 'after', [numbered(0, 10)]);
  } finally {
    await storage.close();
  }
}

test('whenever the power is cut, what was acknowledged is there, and streams are whole', async (t) => {
  const seed = Number(process.env['SHEAF_SEED'] ?? Date.now() % 1_000_000);
  t.diagnostic(`seed ${seed.toString()}`);
  const directory = temporaryDirectory(t);
  const cuts = await takeCuts(t, new MemoryOs(), directory, seed);
  for (const cut of cuts) {
    await checkCut(directory, cut).catch((error: unknown) => {
      throw new Error(`cut at ${cut.label}, seed ${seed.toString()}: ${String(error)}`, { cause: error });
    });
  }
  t.diagnostic(`${cuts.length.toString()} cuts`);
});

for (const lie of ['dataSync', 'syncDirectory'] as const) {
  test(`a disk that leaves out ${lie} is found out`, async (t) => {
    const directory = temporaryDirectory(t);
    const os = new LyingOs();
    os.lie = lie;
    const cuts = await takeCuts(t, os, directory, 3);
    const failures: string[] = [];
    for (const cut of cuts.toReversed()) {
      if (failures.length > 0) break;
      await checkCut(directory, cut).catch((error: unknown) => failures.push(String(error)));
    }
    assert.ok(failures.length > 0, `${cuts.length.toString()} cuts found nothing`);
  });
}
