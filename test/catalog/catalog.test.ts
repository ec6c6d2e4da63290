/** The catalog as storage uses it: what is applied is there after reopening, all of it or nothing. */
import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { AssertionError } from '../../src/base/assert.ts';
import { Catalog } from '../../src/catalog/catalog.ts';
import type { CatalogChange } from '../../src/catalog/rows.ts';
import { refusal } from '../support/refusal.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { append, batchRow, createTable, newSegment, schemaVersion } from './sample.ts';

async function openNew(t: TestContext): Promise<{ catalog: Catalog; path: string }> {
  const path = `${temporaryDirectory(t)}/catalog.db`;
  return { catalog: await Catalog.open(path), path };
}

test('a new catalog is an empty database with an identity of its own', async (t) => {
  const { catalog, path } = await openNew(t);
  const state = await catalog.readState();
  assert.match(state.databaseId, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/);
  assert.deepEqual(state, {
    databaseId: state.databaseId,
    lastCommit: 0,
    tables: [],
    schemas: [],
    views: [],
    segments: [],
    damages: [],
    tableIdMax: 0,
    segmentIdMax: 0,
    cleanStop: true,
  });
  for (const file of [path, `${path}-wal`, `${path}-shm`]) assert.equal(statSync(file).mode & 0o777, 0o600, file);
  await catalog.close();
});

test('every pragma is in force on every open', async (t) => {
  const { catalog, path } = await openNew(t);
  const expected = {
    journal_mode: 'wal',
    synchronous: 2,
    foreign_keys: 1,
    trusted_schema: 0,
    cell_size_check: 1,
    busy_timeout: 5_000,
    journal_size_limit: 64 * 1_024 * 1_024,
    mmap_size: 0,
    temp_store: 2,
    wal_autocheckpoint: 0,
  };
  assert.deepEqual(await catalog.readPragmas(), expected);
  await catalog.close();
  const again = await Catalog.open(path);
  assert.deepEqual(await again.readPragmas(), expected);
  await again.close();
});

test('what was applied is read back, also after reopening', async (t) => {
  const { catalog, path } = await openNew(t);
  await catalog.apply(createTable(1, 1, 'Trades'));
  await catalog.apply(append(2, 1, 0));
  await catalog.apply(append(3, 1, 1, 2));
  await catalog.apply({ commit: undefined, timeMs: 9, sealSegments: [{ segmentId: 1, fileLength: 4_000 }] });
  const state = await catalog.readState();
  assert.equal(state.lastCommit, 3);
  assert.deepEqual(state.tables, [
    {
      tableId: 1,
      name: 'Trades',
      directory: 'dir1',
      ttl: undefined,
      createdCommit: 1,
      droppedCommit: undefined,
    },
  ]);
  assert.deepEqual(
    state.schemas.map((row) => ({
      ...row,
      schema: new Uint8Array(row.schema),
      defaults: new Uint8Array(row.defaults),
    })),
    [{ ...schemaVersion(1), tableId: 1, createdCommit: 1 }],
  );
  assert.deepEqual(state.segments, [
    {
      segmentId: 1,
      tableId: 1,
      position: 1,
      schemaVersion: 1,
      state: 'sealed',
      committedLength: 3_100,
      rowCount: 10,
      batchCount: 3,
      fileLength: 4_000,
      createdCommit: 1,
      retiredCommit: undefined,
      retireAtMs: undefined,
    },
  ]);
  const batches = await catalog.readBatches(1);
  assert.deepEqual(batches, [
    { ...batchRow(1, 0), commit: 2, isDamaged: false },
    { ...batchRow(1, 1), commit: 3, isDamaged: false },
    { ...batchRow(1, 2), commit: 3, isDamaged: false },
  ]);
  assert.deepEqual(await catalog.readBatches(2), []);
  await catalog.close();
  const again = await Catalog.open(path);
  assert.deepEqual(await again.readState(), state);
  assert.deepEqual(await again.readBatches(1), batches);
  await again.close();
});

test('a private segment is created sealed and filled in one commit, and never again', async (t) => {
  const { catalog } = await openNew(t);
  const created: CatalogChange = {
    ...append(1, 5, 0, 3),
    createTables: [{ tableId: 1, name: 't', directory: 'd', schema: schemaVersion(1) }],
    createSegments: [newSegment(5, 1, 'sealed', 3_100, 3_500)],
  };
  await catalog.apply(created);
  const [segment] = (await catalog.readState()).segments;
  assert.deepEqual([segment?.state, segment?.rowCount, segment?.batchCount], ['sealed', 10, 3]);
  await assert.rejects(
    catalog.apply(append(2, 5, 3)),
    new AssertionError('expected segment 5 to grow to 4100 bytes to be in the catalog, changed 0 rows'),
  );
  await catalog.close();
});

test('a change that fails in the middle leaves nothing behind', async (t) => {
  const { catalog } = await openNew(t);
  await catalog.apply(createTable(1, 1, 'a'));
  const before = await catalog.readState();
  // The second append names a segment that is not there, after tables, segments and the first append were written.
  const change: CatalogChange = {
    ...createTable(2, 2, 'b'),
    appends: [
      { segmentId: 2, committedLength: 1_100, addedRows: 5, addedBatches: 1 },
      { segmentId: 99, committedLength: 1_100, addedRows: 5, addedBatches: 1 },
    ],
    batches: [batchRow(2, 0)],
  };
  await assert.rejects(catalog.apply(change), AssertionError);
  assert.deepEqual(await catalog.readState(), before);
  assert.deepEqual(await catalog.readBatches(2), []);
  // A batch that is there already breaks the key at the very end.
  await catalog.apply(append(2, 1, 0));
  await assert.rejects(catalog.apply({ ...append(3, 1, 1), batches: [batchRow(1, 1), batchRow(1, 0)] }), /UNIQUE/);
  assert.equal((await catalog.readBatches(1)).length, 1);
  assert.equal((await catalog.readState()).lastCommit, 2);
  await catalog.apply(append(3, 1, 1));
  await catalog.close();
});

test('commits follow one another without a gap, and a change of rows has one', async (t) => {
  const { catalog } = await openNew(t);
  await catalog.apply(createTable(1, 1, 'a'));
  await assert.rejects(catalog.apply(append(3, 1, 0)), new AssertionError('commit 3 follows 1'));
  await assert.rejects(catalog.apply(append(1, 1, 0)), new AssertionError('commit 1 follows 1'));
  const { batches: _, ...without } = append(2, 1, 0);
  await assert.rejects(
    catalog.apply({ ...without, commit: undefined }),
    new AssertionError('a change of tables or rows has a commit'),
  );
  await catalog.close();
});

test('no two live tables have names that differ in ASCII case only', async (t) => {
  const { catalog } = await openNew(t);
  await catalog.apply(createTable(1, 1, 'Trades'));
  await assert.rejects(
    catalog.apply(createTable(2, 2, 'Trades')),
    refusal('already_exists', 'table "Trades" exists already; drop it first or choose another name'),
  );
  await assert.rejects(
    catalog.apply(createTable(2, 2, 'TRADES')),
    refusal(
      'already_exists',
      'table "TRADES" exists already (as "Trades"; the case of letters makes no difference); ' +
        'drop it first or choose another name',
    ),
  );
  await catalog.apply(createTable(2, 2, 'ÄTNA'));
  await catalog.apply(createTable(3, 3, 'ätna'));
  const replaced = createTable(4, 4, 'trades');
  await catalog.apply({ ...replaced, dropTables: [{ tableId: 1, retireAtMs: 77 }] });
  const names = (await catalog.readState()).tables.map(({ name, droppedCommit }) => [name, droppedCommit]);
  assert.deepEqual(names, [
    ['Trades', 4],
    ['ÄTNA', undefined],
    ['ätna', undefined],
    ['trades', undefined],
  ]);
  await catalog.close();
});

test('a dropped table stays while it has segments, and its numbers are never used again', async (t) => {
  const { catalog, path } = await openNew(t);
  await catalog.apply(createTable(1, 7, 'a'));
  await catalog.apply(append(2, 7, 0, 3));
  await catalog.apply({ commit: 3, timeMs: 1, dropTables: [{ tableId: 7, retireAtMs: 500 }] });
  const dropped = await catalog.readState();
  assert.equal(dropped.tables[0]?.droppedCommit, 3);
  const [segment] = dropped.segments;
  assert.deepEqual([segment?.state, segment?.retiredCommit, segment?.retireAtMs], ['obsolete', 3, 500]);
  assert.equal((await catalog.readBatches(7)).length, 3);
  await assert.rejects(
    catalog.apply({ commit: 4, timeMs: 1, dropTables: [{ tableId: 7, retireAtMs: 500 }] }),
    new AssertionError('expected live table 7 to drop to be in the catalog, changed 0 rows'),
  );
  await catalog.apply({ commit: undefined, timeMs: 1, removeSegments: [7] });
  await catalog.apply({ commit: undefined, timeMs: 1, removeSegments: [7] });
  assert.deepEqual(await catalog.readBatches(7), []);
  await catalog.close();
  const again = await Catalog.open(path);
  const { tables, segments, tableIdMax, segmentIdMax } = await again.readState();
  assert.deepEqual([tables, segments, tableIdMax, segmentIdMax], [[], [], 7, 7]);
  await again.close();
});

test('small values are kept under their names, and replaced', async (t) => {
  const { catalog, path } = await openNew(t);
  assert.equal(await catalog.readMeta('secret'), undefined);
  await catalog.writeMeta('secret', Uint8Array.of(1, 2, 3));
  await catalog.writeMeta('secret', new Uint8Array([9, 4, 5, 9]).subarray(1, 3));
  await catalog.close();
  const again = await Catalog.open(path);
  assert.deepEqual(new Uint8Array((await again.readMeta('secret')) ?? []), Uint8Array.of(4, 5));
  await again.close();
});

test('the log is checkpointed into the file when the catalog is idle', async (t) => {
  const { catalog, path } = await openNew(t);
  await catalog.apply(createTable(1, 1, 'a'));
  const before = statSync(path).size;
  await catalog.apply(append(2, 1, 0, 2_000));
  assert.equal(statSync(path).size, before);
  const deadline = Date.now() + 20_000;
  while (statSync(path).size === before && Date.now() < deadline) await new Promise((r) => setTimeout(r, 50));
  assert.ok(statSync(path).size > before);
  await catalog.close();
});

test('the log does not grow without bound under load', async (t) => {
  const { catalog, path } = await openNew(t);
  await catalog.apply(createTable(1, 1, 'a'));
  // About 40 pages a commit: 24,000 pages in all, six times the bound of 4,000.
  const row = { ...batchRow(1, 1), statistics: new Uint8Array(1_000) };
  for (let i = 0; i < 150; i++) {
    const batches = Array.from({ length: 500 }, (_, j) => ({ ...row, ordinal: i * 500 + j }));
    await catalog.apply({ ...append(i + 2, 1, i), batches });
  }
  assert.ok(statSync(`${path}-wal`).size < 6_000 * 4_096, `${statSync(`${path}-wal`).size}`);
  await catalog.close();
});
