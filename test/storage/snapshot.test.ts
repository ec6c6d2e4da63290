/**
 * Snapshots, drops, and how long files stay.
 */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Clock } from '../../src/base/clock.ts';
import { openStorage } from '../../src/storage/storage.ts';
import { INT64, batchOf, rowsOf, schemaOf } from '../support/sample.ts';
import { SCHEMA, collect, count, numbered, openFor, put, readIds, tableIn, temporaryDirectory } from './fixture.ts';

/** A clock that stands still until it is set. */
function stoppedClock(): Clock & { now: number } {
  return {
    now: 1_000_000,
    wallMs() {
      return this.now;
    },
    monotonicMs() {
      return this.now;
    },
  };
}

test('every older version can be read again, in this life and after a restart', async (t) => {
  const directory = temporaryDirectory(t);
  const bounds = { privateSegmentBytesMin: 8_000 };
  let storage = await openStorage({ directory, bounds });
  const rowsAt: number[] = [0];
  const sizes = [10, 20, 500, 5, 7, 600, 3];
  let next = 0;
  for (const size of sizes) {
    await put(storage, 't', [numbered(next, size)]);
    next += size;
    rowsAt.push(next);
  }
  for (const life of ['first', 'second']) {
    for (const [version, rows] of rowsAt.entries()) {
      const snapshot = await storage.snapshotAt(version);
      const table = snapshot.table('t');
      assert.equal(table === undefined, version === 0, `${life} life, version ${version.toString()}`);
      if (table === undefined) continue;
      assert.equal(table.rowCount, rows);
      const ids = (await rowsOf(table.messages())).map((row) => Number(row[0]));
      assert.deepEqual(ids, count(rows));
      assert.equal((await rowsOf(table.scan({ columns: [0], bounds: [], limit: undefined }))).length, rows);
      snapshot.release();
      snapshot.release();
    }
    await storage.close();
    storage = await openFor(t, { directory, bounds });
  }
  await assert.rejects(storage.snapshotAt(8), {
    code: 'snapshot_gone',
    message: 'snapshot 8 is not there (any more): versions 0 to 7 can be read; ask again',
  });
});

test('a dropped table stays readable for the snapshots that have it, and its name is free at once', async (t) => {
  const directory = temporaryDirectory(t);
  const clock = stoppedClock();
  const storage = await openFor(t, { directory, clock, bounds: { snapshotRetentionMs: 5_000 } });
  await put(storage, 't', [numbered(0, 100)]);
  const pinned = storage.snapshot();
  await storage.dropTable('T');
  assert.equal(storage.snapshot().table('t'), undefined);
  await assert.rejects(storage.dropTable('t'), { code: 'not_found', message: 'there is no table "t"' });
  const other = schemaOf({ only: INT64 });
  await put(storage, 't', [batchOf(other, [[42]])], other);
  assert.deepEqual((await rowsOf(tableIn(storage.snapshot(), 't').messages())).flat(), [42n]);
  assert.deepEqual((await rowsOf(tableIn(pinned, 't').messages())).length, 100);
  const older = await storage.snapshotAt(1);
  assert.equal(tableIn(older, 't').rowCount, 100);
});

test('files of a dropped table go when their time has passed and nobody holds an older snapshot', async (t) => {
  const directory = temporaryDirectory(t);
  const clock = stoppedClock();
  const bounds = { snapshotRetentionMs: 5_000 };
  let storage = await openStorage({ directory, clock, bounds });
  await put(storage, 'gone', [numbered(0, 100)]);
  await put(storage, 'kept', [numbered(0, 3)]);
  await storage.dropTable('gone');
  await storage.close();
  const tables = (): number => readdirSync(join(directory, 'tables')).length;
  storage = await openStorage({ directory, clock, bounds });
  assert.equal(tables(), 2);
  assert.equal((await storage.snapshotAt(2)).table('gone')?.rowCount, 100);
  await storage.close();
  clock.now += 5_000;
  storage = await openFor(t, { directory, clock, bounds });
  assert.equal(tables(), 1);
  assert.equal(storage.status().segmentCount, 1);
  assert.deepEqual(await readIds(storage, 'kept'), [0, 1, 2]);
  await assert.rejects(storage.snapshotAt(2), { code: 'snapshot_gone' });
  assert.equal((await storage.snapshotAt(3)).table('gone'), undefined);
});

test('an append to a table that is dropped meanwhile fails, the others in its group do not', async (t) => {
  const storage = await openFor(t, { directory: temporaryDirectory(t) });
  await storage.createTable('a', SCHEMA);
  await storage.createTable('b', SCHEMA);
  const lost = await storage.beginAppend('a', SCHEMA, { create: false });
  await lost.write(numbered(0, 1));
  const kept = await storage.beginAppend('b', SCHEMA, { create: false });
  await kept.write(numbered(0, 1));
  const dropping = storage.dropTable('a');
  const outcomes = await Promise.allSettled([lost.commit(), kept.commit(), dropping]);
  assert.deepEqual(
    outcomes.map((outcome) => outcome.status),
    ['rejected', 'fulfilled', 'fulfilled'],
  );
  const { code, message } = (outcomes[0] as PromiseRejectedResult).reason as { code: string; message: string };
  assert.deepEqual(
    { code, message },
    { code: 'not_found', message: 'table "a" was dropped before the rows were committed' },
  );
});

test('a scan skips batches by bounds, stops at its limit, and counts what it would skip', async (t) => {
  const storage = await openFor(t, { directory: temporaryDirectory(t), bounds: { batchRowsMax: 100 } });
  await put(storage, 't', [numbered(0, 1_000)]);
  await storage.seal();
  const table = tableIn(storage.snapshot(), 't');
  const bounds = [
    { column: 0, operator: '>=', value: 250n } as const,
    { column: 0, operator: '<', value: 410n } as const,
  ];
  const batches = await collect(table.scan({ columns: [2, 0], bounds, limit: undefined }));
  assert.equal(batches.length, 3);
  assert.deepEqual(
    batches[0]?.schema.fields.map((field) => field.name),
    ['name', 'id'],
  );
  assert.deepEqual(await table.countBatches(bounds), { pruned: 7, total: 10, segments: { pruned: 0, total: 1 } });
  const limited = await collect(table.scan({ columns: [], bounds: [], limit: 150 }));
  assert.deepEqual(
    limited.map((batch) => [batch.columns.length, batch.rowCount]),
    [
      [0, 100],
      [0, 100],
    ],
  );
});

test('a scan takes up bounds that are found while it runs, whatever a segment calls their column', async (t) => {
  const storage = await openFor(t, { directory: temporaryDirectory(t), bounds: { batchRowsMax: 100 } });
  await put(storage, 't', [numbered(0, 500)]);
  await storage.seal();
  await storage.alterTable('t', { kind: 'drop_column', column: 'name' });
  await storage.alterTable('t', { kind: 'rename_column', column: 'id', to: 'number' });
  const table = tableIn(storage.snapshot(), 't');
  let version = 0;
  const moving = {
    version: () => version,
    bounds: () => (version === 0 ? [] : [{ column: 0, operator: '>=', value: BigInt(version) } as const]),
  };
  const rows: number[] = [];
  for await (const batch of table.scan({ columns: [0], bounds: [], moving, limit: undefined })) {
    rows.push(batch.rowCount);
    version = rows.length === 1 ? 250 : 450;
  }
  // Batch 0, then the one with 250, then the one with 450.
  assert.deepEqual(rows, [100, 100, 100]);
});

test('a snapshot keeps its rows while the table grows, seals and is read by others', async (t) => {
  const storage = await openFor(t, { directory: temporaryDirectory(t) });
  await put(storage, 't', [numbered(0, 10)]);
  const old = storage.snapshot();
  const scan = tableIn(old, 't').messages()[Symbol.asyncIterator]();
  for (let i = 1; i < 20; i++) await put(storage, 't', [numbered(i * 10, 10)]);
  await storage.seal('t');
  await put(storage, 't', [numbered(200, 10)]);
  assert.equal((await scan.next()).value?.rowCount, 10);
  assert.equal((await scan.next()).done, true);
  assert.equal(tableIn(old, 't').rowCount, 10);
  assert.deepEqual(await readIds(storage, 't'), count(210));
});
