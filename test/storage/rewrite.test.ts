/**
 * Rewrites: DELETE, UPDATE and TRUNCATE as segments that replace others in one commit.
 *
 * Method: edits are made by hand, so that no SQL takes part. What a failing disk makes of them is in rewrite-fault.
 */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import Database from 'better-sqlite3';
import { EngineError } from '../../src/base/errors.ts';
import { metricsText } from '../../src/base/metrics.ts';
import { POSITION_SPACING } from '../../src/storage/table.ts';
import { openStorage } from '../../src/storage/storage.ts';
import type { RowEdit } from '../../src/storage/contract.ts';
import { refusal } from '../support/refusal.ts';
import { rowsOf } from '../support/sample.ts';
import { QUIET, SCHEMA, count, numbered, openFor, put, readIds, tableIn, temporaryDirectory } from './fixture.ts';
import {
  deleting,
  fillSealed,
  footerOf,
  idsIn,
  idsOf,
  isEven,
  isOdd,
  pinFor,
  remove,
  segmentFiles,
  stoppedClock,
  until,
} from './edits.ts';

test('a delete keeps the order of rows, and replaces only the segments in which rows go', async (t) => {
  const directory = temporaryDirectory(t);
  const storage = await openFor(t, { directory, bounds: { ...QUIET, batchRowsMax: 10 } });
  await fillSealed(storage, 't', 4, 25);
  const before = segmentFiles(directory);
  const { version } = storage.status();
  assert.equal(await remove(storage, 't', (id) => id >= 30 && id < 40), 10);
  assert.equal(storage.status().version, version + 1);
  const kept = count(100).filter((id) => id < 30 || id >= 40);
  assert.deepEqual(await readIds(storage, 't'), kept);
  const made = segmentFiles(directory).filter((file) => !before.includes(file));
  assert.equal(made.length, 1);
  const footer = footerOf(readFileSync(join(directory, 'tables', made[0] ?? '')));
  assert.equal(footer.get('sheaf.replaces'), '2');
  assert.equal(footer.get('sheaf.segment'), String(Number(made[0]?.slice(-18, -6))));
  assert.equal(await remove(storage, 't', (id) => id > 1_000), 0);
  assert.equal(storage.status().version, version + 1);
  assert.equal(await remove(storage, 't', isEven), 45);
  assert.deepEqual(await readIds(storage, 't'), kept.filter(isOdd));
  await put(storage, 't', [numbered(100, 3)]);
  assert.deepEqual(await readIds(storage, 't'), [...kept.filter(isOdd), 100, 101, 102]);
});

test('what a rewrite replaced is kept for tickets, and not kept mapped', async (t) => {
  const storage = await openFor(t, { directory: temporaryDirectory(t), bounds: QUIET });
  await fillSealed(storage, 't', 4, 10);
  const pin = pinFor(t, storage);
  for (let round = 0; round < 5; round++) {
    assert.equal(await remove(storage, 't', (id) => id % 10 === round), 4);
    await readIds(storage, 't');
    assert.equal(await mappedSegments(), 4, `round ${round.toString()}`);
  }
  assert.deepEqual(await idsIn(pin, 't'), count(40));
});

test('a rewrite does not write again what has rotted since: it is damage, and nothing changes', async (t) => {
  const directory = temporaryDirectory(t);
  const storage = await openFor(t, { directory, bounds: { ...QUIET, batchRowsMax: 10 } });
  await fillSealed(storage, 't', 2, 30);
  await put(storage, 'other', [numbered(0, 5)]);
  assert.equal((await readIds(storage, 't')).length, 60);
  const before = segmentFiles(directory);
  const rotting = Buffer.from(BigInt64Array.of(25n, 26n).buffer);
  const paths = before.map((file) => join(directory, 'tables', file));
  const path = paths.find((candidate) => readFileSync(candidate).includes(rotting)) ?? '';
  const bytes = readFileSync(path);
  const at = bytes.indexOf(rotting);
  bytes[at] = 24;
  writeFileSync(path, bytes);
  // Rows of the other batches go, and the one that rotted would be copied.
  await assert.rejects(
    remove(storage, 't', (id) => id < 5),
    {
      code: 'corrupt',
      message: /table "t" is damaged: checksum of message 2 is wrong at offset \d+ of /,
    },
  );
  assert.deepEqual(segmentFiles(directory), before);
  await assert.rejects(readIds(storage, 't'), { code: 'corrupt' });
  assert.deepEqual(await readIds(storage, 'other'), count(5));
});

async function mappedSegments(): Promise<number> {
  return Number(/^sheaf_storage_maps (\d+)$/m.exec(await metricsText())?.[1]);
}

test('an update changes rows where they stand, and their statistics at once', async (t) => {
  const storage = await openFor(t, { directory: temporaryDirectory(t), bounds: { ...QUIET, batchRowsMax: 10 } });
  await fillSealed(storage, 't', 3, 20);
  const { schema } = tableIn(pinFor(t, storage), 't');
  const edit: RowEdit = {
    schema,
    bounds: [{ column: 0, operator: '<', value: 5n }],
    edit: (batch) => {
      const ids = idsOf(batch);
      if (!ids.includes(3)) return undefined;
      const fresh = ids.map((id) => (id === 3 ? 9_003 : id));
      const columns = [numberedIds(fresh), ...batch.columns.slice(1)];
      return { batch: { ...batch, columns }, changedCount: 1 };
    },
  };
  assert.equal(await storage.rewrite('t', 'update', edit), 1);
  assert.deepEqual(
    await readIds(storage, 't'),
    count(60).map((id) => (id === 3 ? 9_003 : id)),
  );
  const table = tableIn(pinFor(t, storage), 't');
  const found = [{ column: 0, operator: '>', value: 9_000n } as const];
  const rows = await rowsOf(table.scan({ columns: [0, 2], bounds: found, limit: undefined }));
  assert.deepEqual(
    rows.filter(([id]) => id === 9_003n),
    [[9_003n, 'row 3']],
  );
  const { pruned, total } = await table.countBatches(found);
  assert.equal(total - pruned, 1);
  const gone = [{ column: 0, operator: '=', value: 3n } as const];
  const left = await table.countBatches(gone);
  // 3 lies between the least and the greatest of its batch still; no other batch may be read for it.
  assert.equal(left.total - left.pruned, 1);
});

/** A column of ids. */
function numberedIds(ids: readonly number[]) {
  const [column] = numbered(0, ids.length).columns;
  if (column === undefined) throw new Error('no column');
  const bytes = new Uint8Array(BigInt64Array.from(ids, BigInt).buffer);
  return { ...column, buffers: [column.buffers[0] ?? new Uint8Array(0), bytes] };
}

test('readers that hold a snapshot are not disturbed, and go on with the rows that they began with', async (t) => {
  const directory = temporaryDirectory(t);
  const bounds = { ...QUIET, batchRowsMax: 10, snapshotRetentionMs: 0, sweepMs: 10 };
  const storage = await openFor(t, { directory, bounds });
  await fillSealed(storage, 't', 3, 40);
  const pinned = storage.snapshot();
  const reading = tableIn(pinned, 't').messages()[Symbol.asyncIterator]();
  const scanning = tableIn(pinned, 't')
    .scan({ columns: [0], bounds: [], limit: undefined })
    [Symbol.asyncIterator]();
  assert.equal((await reading.next()).value?.rowCount, 10);
  assert.equal((await scanning.next()).value?.rowCount, 10);
  for (let round = 2; round < 6; round++) await remove(storage, 't', (id) => id % round === 0);
  await storage.truncate('t');
  await storage.dropTable('t');
  // Rounds of the sweep come and go: what is pinned stays.
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.equal(segmentFiles(directory).length >= 3, true, 'a pinned file is gone');
  const ids: number[] = [];
  for (let next = await reading.next(); next.done !== true; next = await reading.next()) {
    ids.push(...idsOf(next.value.batch()));
  }
  for (let next = await scanning.next(); next.done !== true; next = await scanning.next()) {
    assert.deepEqual(idsOf(next.value), ids.splice(0, 10));
  }
  assert.deepEqual(await idsIn(pinned, 't'), count(120));
  pinned.release();
  await until('the files are gone', () => segmentFiles(directory).length === 0);
  await assert.rejects(storage.snapshotAt(1), { code: 'snapshot_gone' });
});

test('appends during a rewrite are kept, stand behind, and are not looked at', async (t) => {
  const storage = await openFor(t, { directory: temporaryDirectory(t), bounds: { ...QUIET, batchRowsMax: 10 } });
  await fillSealed(storage, 't', 2, 20);
  await put(storage, 't', [numbered(40, 20)]);
  let appends: Promise<unknown> | undefined;
  const base = deleting(storage, 't', isEven);
  const seen: number[] = [];
  const edit: RowEdit = {
    ...base,
    edit: (batch) => {
      // Even rows come while the first batch is edited.
      appends ??= Promise.all([put(storage, 't', [numbered(60, 10)]), put(storage, 't', [numbered(70, 10)])]);
      seen.push(...idsOf(batch));
      return base.edit(batch, 0);
    },
  };
  assert.equal(await storage.rewrite('t', 'delete', edit), 30);
  await appends;
  assert.equal(Math.max(...seen), 59);
  assert.deepEqual(await readIds(storage, 't'), [...count(60).filter(isOdd), ...count(80).slice(60)]);
});

test('one rewriter a table: deletes, compactions and alterations at once all have their effect', async (t) => {
  const storage = await openFor(t, { directory: temporaryDirectory(t), bounds: { ...QUIET, batchRowsMax: 10 } });
  await fillSealed(storage, 't', 4, 30);
  const outcomes = await Promise.allSettled([
    remove(storage, 't', (id) => id % 2 === 0),
    remove(storage, 't', (id) => id % 3 === 0),
    storage.compact('t'),
    remove(storage, 't', (id) => id % 5 === 0),
    storage.alterTable('t', { kind: 'rename_column', column: 'name', to: 'label' }),
    remove(storage, 't', (id) => id % 7 === 0),
  ]);
  assert.deepEqual(
    outcomes.map((outcome) => outcome.status),
    ['fulfilled', 'fulfilled', 'fulfilled', 'fulfilled', 'fulfilled', 'rejected'],
  );
  const { reason } = outcomes[5] as PromiseRejectedResult;
  refusal('busy', 'table "t" was altered meanwhile; send the statement again')(reason);
  const left = count(120).filter((id) => [2, 3, 5].every((n) => id % n !== 0));
  assert.deepEqual(await readIds(storage, 't'), left);
});

test('a table that is dropped in the middle of a rewrite stays dropped, and no file is left', async (t) => {
  const directory = temporaryDirectory(t);
  const storage = await openFor(t, { directory, bounds: { ...QUIET, batchRowsMax: 10 } });
  await fillSealed(storage, 't', 3, 20);
  const before = segmentFiles(directory);
  const base = deleting(storage, 't', isEven);
  let dropping: Promise<void> | undefined;
  const edit: RowEdit = {
    ...base,
    edit: (batch) => {
      dropping ??= storage.dropTable('t');
      return base.edit(batch, 0);
    },
  };
  const rewriting = storage.rewrite('t', 'delete', edit);
  await assert.rejects(rewriting, refusal('not_found', 'there is no table "t"'));
  await dropping;
  assert.deepEqual(segmentFiles(directory), before);
  await assert.rejects(storage.truncate('t'), refusal('not_found', 'there is no table "t"'));
  await put(storage, 't', [numbered(7, 2)]);
  assert.deepEqual(await readIds(storage, 't'), [7, 8]);
});

test('an edit that fails, by whatever it throws, changes nothing and leaves no file', async (t) => {
  const directory = temporaryDirectory(t);
  const storage = await openFor(t, { directory, bounds: { ...QUIET, batchRowsMax: 10 } });
  await fillSealed(storage, 't', 3, 20);
  const before = segmentFiles(directory);
  const base = deleting(storage, 't', isEven);
  for (const failure of [new EngineError('value_error', 'division of 7 by zero'), new RangeError('a bug')]) {
    const edit: RowEdit = {
      ...base,
      edit: (batch) => {
        if (idsOf(batch).includes(45)) throw failure;
        return base.edit(batch, 0);
      },
    };
    const { version } = storage.status();
    await assert.rejects(storage.rewrite('t', 'delete', edit), failure);
    assert.equal(storage.status().version, version);
    assert.deepEqual(segmentFiles(directory), before, failure.name);
    assert.deepEqual(await readIds(storage, 't'), count(60));
  }
  assert.equal(await remove(storage, 't', isEven), 30);
});

test('the new segments may be more than those they replace, again and again, and the order stays', async (t) => {
  const directory = temporaryDirectory(t);
  const bounds = { ...QUIET, batchRowsMax: 10, segmentBytesMax: 14_000 };
  let storage = await openStorage({ directory, bounds });
  await fillSealed(storage, 't', 3, 80);
  let expected = count(240);
  // One row becomes two: each segment splits, its outputs split again, in the middle of the table.
  for (let round = 0; round < 5; round++) {
    const { schema } = tableIn(pinFor(t, storage), 't');
    const from = expected.length / 3;
    const grows = new Set(expected.slice(from, from + 60));
    const doubling: RowEdit = {
      schema,
      bounds: [],
      edit: (batch) => {
        const ids = idsOf(batch);
        const rows = ids.flatMap((id, row) => (grows.has(id) ? [row, row] : [row]));
        if (rows.length === ids.length) return undefined;
        const twice = rows.map((row) => ids[row] ?? -1);
        const names = numbered(0, rows.length);
        return {
          batch: { ...names, schema: batch.schema, columns: [numberedIds(twice), ...names.columns.slice(1)] },
          changedCount: rows.length - ids.length,
        };
      },
    };
    await storage.rewrite('t', 'update', doubling);
    expected = expected.flatMap((id) => (grows.has(id) ? [id, id] : [id]));
    assert.deepEqual(await readIds(storage, 't'), expected, `round ${round.toString()}`);
    if (round % 2 === 0) {
      await storage.close();
      storage = await openStorage({ directory, bounds });
      assert.deepEqual(await readIds(storage, 't'), expected, `round ${round.toString()}, opened again`);
    }
  }
  await put(storage, 't', [numbered(240, 5)]);
  await storage.close();
  storage = await openFor(t, { directory, bounds });
  assert.deepEqual(await readIds(storage, 't'), [...expected, ...count(245).slice(240)]);
  const catalog = new Database(join(directory, 'catalog.db'), { readonly: true });
  const positions = catalog
    .prepare<[], number>("SELECT position FROM segments WHERE state <> 'obsolete' ORDER BY position")
    .pluck()
    .all();
  catalog.close();
  assert.equal(new Set(positions).size, positions.length, 'two live segments share a position');
  assert.ok(
    positions.some((position) => position % POSITION_SPACING !== 0),
    'nothing was put between two segments',
  );
});

test('a catalog that refuses a rewrite leaves the order in memory and on disk the same', async (t) => {
  const directory = temporaryDirectory(t);
  const bounds = { ...QUIET, batchRowsMax: 10, segmentBytesMax: 14_000 };
  const storage = await openStorage({ directory, bounds });
  await put(storage, 't', [numbered(0, 240)]);
  const halves = (from: number): RowEdit => ({
    ...deleting(storage, 't', () => false),
    edit: (batch) => {
      const ids = idsOf(batch);
      if ((ids[0] ?? 0) < from || (ids[0] ?? 0) >= from + 40) return undefined;
      const twice = ids.flatMap((id) => [id, id]);
      const names = numbered(0, twice.length);
      const columns = [numberedIds(twice), ...names.columns.slice(1)];
      return { batch: { ...names, schema: batch.schema, columns }, changedCount: ids.length };
    },
  });
  await storage.seal();
  await storage.rewrite('t', 'update', halves(0));
  const before = await readIds(storage, 't');
  // The catalog is refused by a lock that another program holds.
  const other = new Database(join(directory, 'catalog.db'));
  other.exec('BEGIN IMMEDIATE');
  const files = segmentFiles(directory);
  await assert.rejects(storage.rewrite('t', 'update', halves(0)), { code: 'busy' });
  other.exec('ROLLBACK');
  other.close();
  assert.deepEqual(segmentFiles(directory), files);
  assert.deepEqual(await readIds(storage, 't'), before);
  await storage.rewrite('t', 'update', halves(40));
  await storage.rewrite('t', 'update', halves(0));
  const after = await readIds(storage, 't');
  await storage.close();
  const again = await openFor(t, { directory, bounds });
  assert.deepEqual(await readIds(again, 't'), after);
});

test('old versions can be read after rewrites, after an open too, until their time has passed', async (t) => {
  const directory = temporaryDirectory(t);
  const clock = stoppedClock();
  const bounds = { ...QUIET, snapshotRetentionMs: 5_000, batchRowsMax: 10 };
  let storage = await openStorage({ directory, bounds, clock });
  const wanted: number[][] = [[]];
  const note = async (): Promise<void> => {
    wanted[storage.status().version] = await readIds(storage, 't');
  };
  await put(storage, 't', [numbered(0, 30)]);
  await note();
  await put(storage, 't', [numbered(30, 30)]);
  await note();
  await remove(storage, 't', isEven);
  await note();
  await put(storage, 't', [numbered(60, 10)]);
  await note();
  await storage.compact('t');
  await note();
  await storage.truncate('t');
  await note();
  await put(storage, 't', [numbered(70, 4)]);
  await note();
  const check = async (): Promise<void> => {
    for (const [version, ids] of wanted.entries()) {
      if (version === 0) continue;
      const snapshot = await storage.snapshotAt(version);
      assert.deepEqual(await idsIn(snapshot, 't'), ids, `version ${version.toString()}`);
      assert.equal(tableIn(snapshot, 't').rowCount, ids.length);
      snapshot.release();
    }
  };
  assert.equal(wanted.length, 8);
  await check();
  await storage.close();
  storage = await openStorage({ directory, bounds, clock });
  await check();
  await storage.close();
  clock.now += 5_000;
  storage = await openFor(t, { directory, bounds, clock });
  await assert.rejects(storage.snapshotAt(1), { code: 'snapshot_gone' });
  assert.deepEqual(await readIds(storage, 't'), [70, 71, 72, 73]);
  // What is live, and the tombstone that says what the truncation took away.
  assert.equal(segmentFiles(directory).length, 2);
});

test('a truncation leaves an empty segment whose footer names what it took away', async (t) => {
  const directory = temporaryDirectory(t);
  const storage = await openFor(t, { directory, bounds: QUIET });
  await fillSealed(storage, 't', 3, 5);
  const before = segmentFiles(directory);
  assert.equal(await storage.truncate('T'), 15);
  assert.deepEqual(await readIds(storage, 't'), []);
  const [made = '', ...more] = segmentFiles(directory).filter((file) => !before.includes(file));
  assert.deepEqual(more, []);
  assert.equal(footerOf(readFileSync(join(directory, 'tables', made))).get('sheaf.replaces'), '1,2,3');
  await storage.createTable('empty', SCHEMA);
  assert.equal(await storage.truncate('empty'), 0);
  assert.equal(storage.status().readOnlyReason, undefined);
});
