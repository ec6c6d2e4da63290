/**
 * The committer against a catalog that refuses, or does not know: what is undone, what is left alone.
 *
 * Method: the parts of storage are put together by hand, with the in-memory disk and a catalog that answers as told.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../../src/base/clock.ts';
import { EngineError } from '../../src/base/errors.ts';
import { makeLog } from '../../src/base/log.ts';
import type { Catalog } from '../../src/catalog/catalog.ts';
import type { CatalogChange } from '../../src/catalog/rows.ts';
import { alterTable } from '../../src/storage/alter.ts';
import { TableAppend } from '../../src/storage/append.ts';
import { Ballast } from '../../src/storage/ballast.ts';
import { Committer } from '../../src/storage/commit.ts';
import type { AppendResult } from '../../src/storage/contract.ts';
import { newDefinition } from '../../src/storage/definition.ts';
import { databasePaths } from '../../src/storage/filename.ts';
import { FreeSpace } from '../../src/storage/free-space.ts';
import { dropTable } from '../../src/storage/retire.ts';
import { Rewriter } from '../../src/storage/rewrite.ts';
import { openStorage } from '../../src/storage/storage.ts';
import { DEFAULT_BOUNDS, Store } from '../../src/storage/store.ts';
import { MemoryOs } from '../support/memory-os.ts';
import { SCHEMA, count, numbered, put, readIds, temporaryDirectory } from './fixture.ts';

/** Storage without its catalog: `changes` is what it was asked to apply, `answer` how it answers. */
class Bench {
  readonly os = new MemoryOs();
  readonly changes: CatalogChange[] = [];
  answer: () => Promise<void> = () => Promise.resolve();
  readonly store: Store;
  readonly rewriter: Rewriter;
  readonly #committer: Committer;
  readonly #space: FreeSpace;

  constructor() {
    const apply = async (change: CatalogChange): Promise<void> => {
      this.changes.push(change);
      await this.answer();
    };
    const catalog = { apply } as unknown as Catalog;
    const log = makeLog('test');
    const ballast = new Ballast(this.os, '/db/ballast', log);
    const services = { os: this.os, catalog, clock: systemClock, log, ballast };
    const ids = { databaseId: 'x', lastCommit: 0, tableIdMax: 0, segmentIdMax: 0 };
    this.store = new Store({ ...services, paths: databasePaths('/db'), bounds: DEFAULT_BOUNDS }, ids);
    this.#space = new FreeSpace(this.store, '/db', 0, () => Promise.resolve());
    this.#committer = new Committer(this.store, this.#space, () => undefined);
    this.rewriter = new Rewriter(this.store, this.#committer, this.#space, () => undefined);
  }

  async put(name: string, from: number): Promise<AppendResult> {
    const table = this.store.liveTable(name);
    const fresh = (): ReturnType<typeof newDefinition> =>
      newDefinition(this.store.paths, this.store.nextTableId(), name, SCHEMA);
    const append = new TableAppend(
      { store: this.store, committer: this.#committer, space: this.#space },
      { tag: undefined, name, table, mustCreate: false, replaces: false, definition: table?.definition ?? fresh() },
    );
    await append.write(numbered(from, 10));
    return append.commit();
  }

  /** Bytes of all segment files, by their names. */
  async files(): Promise<[string, number][]> {
    const sizes: [string, number][] = [];
    for (const directory of await this.os.list('/db/tables')) {
      for (const file of await this.os.list(`/db/tables/${directory}`)) {
        sizes.push([file, await this.os.size(`/db/tables/${directory}/${file}`)]);
      }
    }
    return sizes;
  }
}

test('a group is one change: all tables, segments, lengths and rows of it', async () => {
  const bench = new Bench();
  await Promise.all([bench.put('a', 0), bench.put('b', 0), bench.put('a', 10), bench.put('A', 20)]);
  assert.equal(bench.changes.length, 2);
  const [, second] = bench.changes;
  assert.equal(second?.commit, 2);
  assert.deepEqual(
    second.createTables?.map((table) => table.name),
    ['b'],
  );
  assert.deepEqual(
    second.createSegments?.map(({ segmentId, state, fileLength }) => ({ segmentId, state, fileLength })),
    [{ segmentId: 2, state: 'active', fileLength: 0 }],
  );
  assert.deepEqual(
    second.appends?.map(({ segmentId, addedRows, addedBatches }) => ({ segmentId, addedRows, addedBatches })),
    [
      { segmentId: 2, addedRows: 10, addedBatches: 1 },
      { segmentId: 1, addedRows: 20, addedBatches: 2 },
    ],
  );
  assert.deepEqual(
    second.batches?.map(({ segmentId, ordinal, kind, rowCount }) => ({ segmentId, ordinal, kind, rowCount })),
    [
      { segmentId: 2, ordinal: 0, kind: 'batch', rowCount: 10 },
      { segmentId: 1, ordinal: 1, kind: 'batch', rowCount: 10 },
      { segmentId: 1, ordinal: 2, kind: 'batch', rowCount: 10 },
    ],
  );
});

test('when the catalog refuses, files are as before, and the same commit number is used again', async () => {
  const bench = new Bench();
  await bench.put('a', 0);
  const before = await bench.files();
  bench.answer = () => Promise.reject(new EngineError('storage_full', 'the catalog is full'));
  const outcomes = await Promise.allSettled([bench.put('a', 10), bench.put('b', 0)]);
  assert.deepEqual(
    outcomes.map((outcome) => (outcome as PromiseRejectedResult).reason as unknown),
    [new EngineError('storage_full', 'the catalog is full'), new EngineError('storage_full', 'the catalog is full')],
  );
  assert.deepEqual(await bench.files(), before);
  assert.equal(bench.store.readOnlyReason, undefined);
  bench.answer = () => Promise.resolve();
  assert.equal((await bench.put('a', 10)).commit, 2);
  assert.equal(bench.store.liveTable('b'), undefined);
});

test('when the outcome is unknown, no byte is cut off and nothing is written any more', async () => {
  const bench = new Bench();
  await bench.put('a', 0);
  const before = await bench.files();
  const unknown = new EngineError('commit_unknown', 'nobody knows');
  bench.answer = () => Promise.reject(unknown);
  await assert.rejects(bench.put('a', 10), unknown);
  const [[, length] = ['', 0]] = await bench.files();
  assert.ok(length > (before[0]?.[1] ?? 0));
  assert.equal(bench.store.readOnlyReason, 'the outcome of a commit is not known');
  const asked = bench.changes.length;
  await assert.rejects(bench.put('a', 20), { code: 'io_error' });
  assert.equal(bench.changes.length, asked);
  assert.equal(bench.store.version, 1);
});

const CHANGES: readonly (readonly [what: string, work: (bench: Bench) => Promise<unknown>])[] = [
  ['a rewrite', (bench) => bench.rewriter.truncate('a')],
  ['a drop', (bench) => dropTable(bench.store, 'a')],
  [
    'a change of a table',
    (bench) => {
      const change = { kind: 'rename_column', column: 'id', to: 'number' } as const;
      return alterTable(bench.store, bench.store.requireTable('a'), change);
    },
  ],
];

for (const [what, work] of CHANGES) {
  test(`an unknown outcome of ${what} leaves its files to recovery and ends all writing`, async () => {
    const bench = new Bench();
    await bench.put('a', 0);
    const before = await bench.files();
    const refused = new EngineError('busy', 'not now');
    bench.answer = () => Promise.reject(refused);
    await assert.rejects(work(bench), refused);
    assert.deepEqual(await bench.files(), before);
    assert.equal(bench.store.readOnlyReason, undefined);
    const unknown = new EngineError('commit_unknown', 'nobody knows');
    bench.answer = () => Promise.reject(unknown);
    await assert.rejects(work(bench), unknown);
    // The commit may be there, and need what a rewrite has built.
    assert.equal((await bench.files()).length, before.length + (what === 'a rewrite' ? 1 : 0));
    assert.equal(bench.store.readOnlyReason, `the outcome of ${what} is not known`);
    assert.equal(bench.store.version, 1);
    await assert.rejects(bench.put('a', 10), { code: 'io_error' });
  });
}

test('rows are visible only after the catalog answered', async () => {
  const bench = new Bench();
  await bench.put('a', 0);
  const seen: number[] = [];
  bench.answer = async () => {
    seen.push(bench.store.liveTable('a')?.manifest.rowCount ?? -1);
    await new Promise((resolve) => setImmediate(resolve));
    seen.push(bench.store.liveTable('a')?.manifest.rowCount ?? -1);
  };
  await bench.put('a', 10);
  assert.deepEqual(seen, [10, 10]);
  assert.equal(bench.store.liveTable('a')?.manifest.rowCount, 20);
});

test('a segment that was idle long enough is sealed by itself', { timeout: 20_000 }, async (t) => {
  const directory = temporaryDirectory(t);
  const os = new MemoryOs();
  let nowMs = 0;
  const clock = { wallMs: () => 1, monotonicMs: () => nowMs };
  const storage = await openStorage({ directory, os, clock, bounds: { sealIdleMs: 1_000, sweepMs: 1 } });
  await put(storage, 't', [numbered(0, 10)]);
  const [path = ''] = os.operations.filter(({ kind }) => kind === 'dataSync').map((operation) => operation.path);
  const length = await os.size(path);
  nowMs = 999;
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(await os.size(path), length);
  const sealed = new Promise<void>((resolve) => {
    os.observe = ({ kind }) => {
      if (kind === 'dataSync') resolve();
    };
  });
  nowMs = 1_000;
  // The sweep's own timer does not keep a process alive.
  const awake = setInterval(() => undefined, 1_000);
  await sealed;
  clearInterval(awake);
  assert.ok((await os.size(path)) > length);
  await put(storage, 't', [numbered(10, 10)]);
  assert.equal(storage.status().segmentCount, 2);
  assert.deepEqual(await readIds(storage, 't'), count(20));
  await storage.close();
});
