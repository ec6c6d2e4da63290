/**
 * Retention: rows past their table's time to live, snapshots and idempotency keys past theirs.
 *
 * Method: the clock is injected, and moves only when the test says so; housekeeping runs in every round of the sweep.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { buildVector } from '../../src/arrow/build.ts';
import { makeField, makeSchema } from '../../src/arrow/schema.ts';
import type { DataType } from '../../src/arrow/type.ts';
import type { Value } from '../../src/arrow/value.ts';
import { IDEMPOTENCY_KEY_LIFE_MS } from '../../src/base/limits.ts';
import { Catalog } from '../../src/catalog/catalog.ts';
import { join } from 'node:path';
import type { Storage } from '../../src/storage/contract.ts';
import { openStorage } from '../../src/storage/storage.ts';
import { MemoryOs } from '../support/memory-os.ts';
import { refusal } from '../support/refusal.ts';
import { INT64 } from '../support/sample.ts';
import { idsIn, stoppedClock, until } from './edits.ts';
import { SCHEMA, count, numbered, openFor, put, readIds, temporaryDirectory } from './fixture.ts';

const DAY_MS = 24 * 60 * 60 * 1_000;
/** Every round of the sweep keeps house; nothing else runs. */
const BUSY = { sweepMs: 5, housekeepingMs: 0, compactSegmentsMin: 0, scrubBytesPerSecond: 0, sealIdleMs: 1e12 };

type TimeType = Extract<DataType, { id: 'timestamp' | 'date' }>;

const TIME_TYPES: readonly TimeType[] = [
  { id: 'timestamp', unit: 'second', timezone: undefined },
  { id: 'timestamp', unit: 'millisecond', timezone: 'UTC' },
  { id: 'timestamp', unit: 'microsecond', timezone: 'Europe/Berlin' },
  { id: 'timestamp', unit: 'nanosecond', timezone: undefined },
  { id: 'date', unit: 'day' },
  { id: 'date', unit: 'millisecond' },
];

/** `ms` as a value of the type; it is a whole number of its units. */
function timeValue(type: TimeType, ms: number): Value {
  if (type.id === 'date') return type.unit === 'day' ? ms / DAY_MS : BigInt(ms);
  const perSecond = { second: 1n, millisecond: 1_000n, microsecond: 1_000_000n, nanosecond: 1_000_000_000n };
  return (BigInt(ms) * perSecond[type.unit]) / 1_000n;
}

async function putTimes(
  storage: Storage,
  name: string,
  type: TimeType,
  from: number,
  times: readonly (number | null)[],
) {
  const schema = makeSchema([makeField('id', INT64), makeField('ts', type)]);
  const ids = buildVector(
    INT64,
    times.map((_, i) => BigInt(from + i)),
  );
  const values = buildVector(
    type,
    times.map((ms) => (ms === null ? null : timeValue(type, ms))),
  );
  await put(storage, name, [{ schema, rowCount: times.length, columns: [ids, values] }], schema);
  await storage.seal(name);
}

/** Waits until housekeeping has run at least twice since now. */
async function housekeeping(storage: Storage): Promise<void> {
  void storage;
  await new Promise((resolve) => setTimeout(resolve, 80));
}

async function openBusy(t: TestContext, retentionMs = 3_600_000) {
  const directory = temporaryDirectory(t);
  const clock = stoppedClock(20_000 * DAY_MS);
  const os = new MemoryOs();
  const bounds = { ...BUSY, snapshotRetentionMs: retentionMs };
  return { directory, clock, os, bounds, storage: await openFor(t, { directory, os, clock, bounds }) };
}

test('segments of every type of time go as a whole when their youngest row is too old, to the unit', async (t) => {
  const { clock, storage } = await openBusy(t);
  const now = clock.now;
  for (const [i, type] of TIME_TYPES.entries()) {
    const name = `t${i.toString()}`;
    const day = (days: number): number => now - days * DAY_MS;
    await putTimes(storage, name, type, 0, [day(60), day(31)]);
    // One row is exactly as old as may be: it is kept, and keeps its segment.
    await putTimes(storage, name, type, 2, [day(40), day(30)]);
    await putTimes(storage, name, type, 4, [day(90), null]);
    await putTimes(storage, name, type, 6, [day(1)]);
    await storage.alterTable(name, { kind: 'set_ttl', ttl: { column: 'TS', ms: 30 * DAY_MS } });
  }
  const all = async (): Promise<number[][]> =>
    Promise.all(TIME_TYPES.map((_, i) => readIds(storage, `t${i.toString()}`)));
  const expected = TIME_TYPES.map(() => [2, 3, 4, 5, 6]);
  await until('the first segments are gone', async () => (await all()).every((ids) => ids.length <= 5));
  await housekeeping(storage);
  assert.deepEqual(await all(), expected);
  clock.now += 1_000;
  // The row of exactly thirty days is older than that now, by the unit of every type but the day, whose next is it.
  await until('the second segments are gone', async () => (await all()).every((ids) => ids.length === 3));
  clock.now += 365 * DAY_MS;
  await until('only the segment with a null is left', async () => (await all()).every((ids) => ids.length === 2));
  await housekeeping(storage);
  assert.deepEqual(
    await all(),
    TIME_TYPES.map(() => [4, 5]),
  );
});

test('a retention that is taken back, or that a drop of its column would break, is respected', async (t) => {
  const { clock, os, bounds, directory, storage } = await openBusy(t);
  const type: TimeType = { id: 'timestamp', unit: 'second', timezone: undefined };
  await putTimes(storage, 't', type, 0, [clock.now - 1_000, clock.now]);
  const ttl = { column: 'ts', ms: DAY_MS };
  await storage.alterTable('t', { kind: 'set_ttl', ttl });
  const message = 'column "ts" of table "t" decides how long rows are kept; ALTER TABLE … DROP TTL first';
  await assert.rejects(
    storage.alterTable('t', { kind: 'drop_column', column: 'ts' }),
    refusal('request_invalid', message),
  );
  // By its field id: a column that is called otherwise is still the one, also after an open.
  await storage.alterTable('t', { kind: 'rename_column', column: 'ts', to: 'when' });
  await storage.close();
  clock.now += DAY_MS + 1_000;
  const again = await openFor(t, { directory, os, clock, bounds });
  await until('the rows are gone', async () => (await readIds(again, 't')).length === 0);
  await again.alterTable('t', { kind: 'set_ttl', ttl: undefined });
  const schema = makeSchema([makeField('id', INT64), makeField('when', type)]);
  const columns = [buildVector(INT64, [7n]), buildVector(type, [0n])];
  await put(again, 't', [{ schema, rowCount: 1, columns }], schema);
  await again.seal();
  await housekeeping(again);
  assert.deepEqual(await readIds(again, 't'), [7]);
  await again.alterTable('t', { kind: 'drop_column', column: 'when' });
});

test('snapshots are listed, found by time, and forgotten past their retention when unpinned', async (t) => {
  const { clock, storage } = await openBusy(t, 10_000);
  const start = clock.now;
  await storage.createTable('t', SCHEMA);
  for (let i = 0; i < 4; i++) {
    clock.now += 1_000;
    await put(storage, 't', [numbered(i * 10, 10)]);
  }
  clock.now += 1_000;
  await storage.truncate('t');
  assert.deepEqual(
    (await storage.snapshots(100)).map(({ version, timeMs, what }) => [version, timeMs - start, what]),
    [
      [1, 0, 'create'],
      [2, 1_000, 'append'],
      [3, 2_000, 'append'],
      [4, 3_000, 'append'],
      [5, 4_000, 'append'],
      [6, 5_000, 'truncate'],
    ],
  );
  assert.deepEqual(
    (await storage.snapshots(2)).map(({ version }) => version),
    [5, 6],
  );
  assert.equal(await storage.versionAt(start - 1), 0);
  assert.equal(await storage.versionAt(start + 2_999), 3);
  assert.equal(await storage.versionAt(start + 3_000), 4);
  assert.equal(await storage.versionAt(start + 1e9), 6);
  const pinned = await storage.snapshotAt(3);
  // Version 5 was in force ten seconds ago; 3 is held by somebody.
  clock.now = start + 14_500;
  await until('version 1 is forgotten', async () => (await storage.snapshots(100))[0]?.version === 3);
  assert.deepEqual(await idsIn(pinned, 't'), count(20));
  const gone = `no snapshot of ${new Date(start + 1_500).toISOString()} is kept (any more); SHOW SNAPSHOTS lists them`;
  await assert.rejects(storage.versionAt(start + 1_500), refusal('snapshot_gone', gone));
  await assert.rejects(
    storage.snapshotAt(2),
    refusal('snapshot_gone', 'snapshot 2 is not there (any more): versions 3 to 6 can be read; ask again'),
  );
  pinned.release();
  await until('version 4 is forgotten', async () => (await storage.snapshots(100))[0]?.version === 5);
  assert.deepEqual(await idsIn(await storage.snapshotAt(5), 't'), count(40));
  assert.equal((await storage.snapshots(100)).length, 2);
});

test('a clock that goes back forgets nothing and finds the newest commit that is no later', async (t) => {
  const { clock, storage } = await openBusy(t, 1_000);
  const start = clock.now;
  await put(storage, 't', [numbered(0, 1)]);
  clock.now -= 500_000;
  await put(storage, 't', [numbered(1, 1)]);
  await housekeeping(storage);
  assert.equal(await storage.versionAt(start), 2);
  assert.equal(await storage.versionAt(start - 400_000), 2);
  assert.deepEqual(await idsIn(await storage.snapshotAt(1), 't'), [0]);
});

test('idempotency keys are forgotten after their day, and producers are not', async (t) => {
  const directory = temporaryDirectory(t);
  const clock = stoppedClock();
  const storage = await openStorage({ directory, clock, bounds: BUSY });
  await put(storage, 't', [numbered(0, 1)]);
  await storage.close();
  const key = { tableId: 1, kind: 'key' as const, name: 'k' };
  const producer = { tableId: 1, kind: 'producer' as const, name: 'p' };
  const tag = { epoch: 0, seq: 1, checksum: 'c', addedRows: 1, forgetBelow: 0 };
  let catalog = await Catalog.open(join(directory, 'catalog.db'));
  const producers = [
    { ...key, ...tag },
    { ...producer, ...tag },
  ];
  await catalog.apply({ commit: 2, timeMs: clock.now, producers });
  await catalog.close();
  clock.now += IDEMPOTENCY_KEY_LIFE_MS - 1;
  const again = await openStorage({ directory, clock, bounds: BUSY });
  await housekeeping(again);
  assert.equal((await again.ingestState('t', 'p')).seq, 1);
  await again.close();
  catalog = await Catalog.open(join(directory, 'catalog.db'));
  assert.equal((await catalog.readProducer(key))?.seq, 1);
  await catalog.close();
  clock.now += 2;
  const later = await openStorage({ directory, clock, bounds: BUSY });
  await housekeeping(later);
  await later.close();
  catalog = await Catalog.open(join(directory, 'catalog.db'));
  assert.equal(await catalog.readProducer(key), undefined);
  assert.equal((await catalog.readProducer(producer))?.seq, 1);
  await catalog.close();
});
