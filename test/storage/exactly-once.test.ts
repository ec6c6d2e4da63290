/**
 * Goal: a tagged append is stored once, whatever is repeated, lost, refused or restarted in between.
 *
 * Method: real storage; appends whose commits are asked for together share a group; faults come from the disk in
 * memory.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EngineError } from '../../src/base/errors.ts';
import type { Append, AppendResult, AppendTag, Storage } from '../../src/storage/contract.ts';
import { openStorage } from '../../src/storage/storage.ts';
import { MemoryOs } from '../support/memory-os.ts';
import { refusal } from '../support/refusal.ts';
import { SCHEMA, count, numbered, openFor, readIds, temporaryDirectory } from './fixture.ts';

const ROWS = 10;
const tagOf = (seq: number, epoch = 0): AppendTag => ({ kind: 'producer', name: 'p', epoch, seq });
const KEY: AppendTag = { kind: 'key', name: 'k', epoch: 0, seq: 1 };

/** An append of rows [from, from + rows), written and not committed. */
async function begin(storage: Storage, tag: AppendTag, from: number, rows = ROWS): Promise<Append> {
  const append = await storage.beginAppend('t', SCHEMA, { create: true, tag });
  if (rows > 0) await append.write(numbered(from, rows));
  return append;
}

/** Append number `seq` of producer p: its rows follow those of the one before. */
async function put(storage: Storage, seq: number, epoch = 0): Promise<AppendResult> {
  return (await begin(storage, tagOf(seq, epoch), (seq - 1) * ROWS)).commit();
}

function first({ commit, rowCount }: AppendResult): AppendResult {
  return { commit, rowCount, byteCount: -1, duplicate: true };
}

test('a repetition is told the first result and stores nothing, after a restart too', async (t) => {
  const directory = temporaryDirectory(t);
  let storage = await openStorage({ directory });
  const results = [await put(storage, 1), await put(storage, 2)];
  assert.deepEqual(await put(storage, 1), first(results[0] ?? assert.fail()));
  await storage.close();
  storage = await openFor(t, { directory });
  assert.deepEqual(await storage.ingestState('t', 'p'), { epoch: 0, seq: 2, rowCount: 2 * ROWS });
  assert.deepEqual(await storage.ingestState('t', 'q'), { epoch: 0, seq: 0, rowCount: 0 });
  for (const [i, result] of results.entries()) assert.deepEqual(await put(storage, i + 1), first(result));
  await put(storage, 3);
  assert.deepEqual(await readIds(storage, 't'), count(3 * ROWS));
  await assert.rejects(put(storage, 5), (error) => error instanceof EngineError && error.code === 'request_invalid');
});

test('five of one producer under way at once are stored in order, and a repetition among them once', async (t) => {
  const storage = await openFor(t, { directory: temporaryDirectory(t) });
  await put(storage, 1);
  const appends: Append[] = [];
  for (const seq of [2, 3, 4, 3, 5, 6]) appends.push(await begin(storage, tagOf(seq), (seq - 1) * ROWS));
  const results = await Promise.all(appends.map((append) => append.commit()));
  assert.deepEqual(
    results.map(({ duplicate }) => duplicate),
    [false, false, false, true, false, false],
  );
  assert.deepEqual(results[3], first(results[1] ?? assert.fail()));
  assert.deepEqual(await readIds(storage, 't'), count(6 * ROWS));
  assert.deepEqual(await storage.ingestState('t', 'p'), { epoch: 0, seq: 6, rowCount: 6 * ROWS });
});

test('one that is refused in a group leaves the others alone', async (t) => {
  const storage = await openFor(t, { directory: temporaryDirectory(t) });
  const gap = await begin(storage, tagOf(2), 500);
  await assert.rejects(
    gap.commit(),
    refusal(
      'request_invalid',
      'producer "p" of table "t" has to send seq 1 next, and sent 2; send what lies between first',
    ),
  );
  assert.equal(storage.snapshot().table('t'), undefined, 'a refused append makes no table');
  const right = await begin(storage, tagOf(1), 0);
  const other = await begin(storage, tagOf(1), 700);
  const newer = await begin(storage, tagOf(2, 3), ROWS);
  const older = await begin(storage, tagOf(3, 2), 2 * ROWS);
  const settled = await Promise.allSettled([right, other, newer, older].map((append) => append.commit()));
  const outcomes = settled.map((each) =>
    each.status === 'fulfilled' ? 'stored' : each.reason instanceof EngineError ? each.reason.code : 'bug',
  );
  assert.deepEqual(outcomes, ['stored', 'already_exists', 'stored', 'forbidden']);
  assert.deepEqual(await readIds(storage, 't'), count(2 * ROWS));
});

test('a large append is not overtaken by the small ones behind it', async (t) => {
  const bounds = { privateSegmentBytesMin: 64 * 1024 };
  const storage = await openFor(t, { directory: temporaryDirectory(t), bounds });
  const commits: Promise<AppendResult>[] = [];
  for (const [i, rows] of [20_000, 10, 20_000, 10, 10].entries()) {
    const append = await begin(storage, tagOf(i + 1), 0, rows);
    commits.push(append.commit());
  }
  const results = await Promise.all(commits);
  assert.deepEqual(
    results.map(({ rowCount }) => rowCount),
    [20_000, 10, 20_000, 10, 10],
  );
  const again = await begin(storage, tagOf(3), 0, 20_000);
  assert.equal((await again.commit()).duplicate, true);
});

test('an append without rows takes its number too', async (t) => {
  const storage = await openFor(t, { directory: temporaryDirectory(t) });
  await put(storage, 1);
  const empty = await (await begin(storage, tagOf(2), 0, 0)).commit();
  assert.deepEqual([empty.rowCount, empty.duplicate], [0, false]);
  assert.deepEqual(await (await begin(storage, tagOf(2), 0, 0)).commit(), first(empty));
  assert.deepEqual(await storage.ingestState('t', 'p'), { epoch: 0, seq: 2, rowCount: ROWS });
});

test('of a result that is kept no more it is told that it is stored, and nothing is made up', async (t) => {
  const directory = temporaryDirectory(t);
  const bounds = { producerResultsKept: 2 };
  let storage = await openStorage({ directory, bounds });
  for (let seq = 1; seq <= 4; seq++) await put(storage, seq);
  const forgotten: AppendResult = { commit: -1, rowCount: -1, byteCount: -1, duplicate: true };
  assert.deepEqual(await put(storage, 2), forgotten);
  await storage.close();
  storage = await openFor(t, { directory, bounds });
  assert.deepEqual(await put(storage, 2), forgotten);
  assert.equal((await put(storage, 3)).rowCount, ROWS);
  assert.deepEqual(await readIds(storage, 't'), count(4 * ROWS));
});

test('a key is used once, and another table knows nothing of it', async (t) => {
  const storage = await openFor(t, { directory: temporaryDirectory(t) });
  const stored = await (await begin(storage, KEY, 0)).commit();
  assert.deepEqual(await (await begin(storage, KEY, 0)).commit(), first(stored));
  await assert.rejects(
    (await begin(storage, KEY, 1)).commit(),
    refusal(
      'already_exists',
      'the idempotency key "k" of table "t" was used for other rows; send new rows with a new key',
    ),
  );
  await storage.dropTable('t');
  assert.equal((await (await begin(storage, KEY, 1)).commit()).duplicate, false);
});

test('after a failed write the numbers are free, and the repetitions are stored once', async (t) => {
  const os = new MemoryOs();
  const storage = await openFor(t, { directory: temporaryDirectory(t), os });
  await put(storage, 1);
  const attempts: Append[] = [];
  for (const seq of [2, 2, 3]) attempts.push(await begin(storage, tagOf(seq), (seq - 1) * ROWS));
  // The first to ask is a group of its own; those that come meanwhile are the next.
  const before = await storage.beginAppend('other', SCHEMA, { create: true });
  const alone = before.commit();
  os.inject({ nth: 1, kind: 'write', errno: 'ENOSPC' });
  const settled = await Promise.allSettled(attempts.map((append) => append.commit()));
  await alone;
  // A repetition within the group fails with what it repeats.
  for (const each of settled) {
    assert.ok(each.status === 'rejected' && each.reason instanceof EngineError);
    assert.equal(each.reason.code, 'storage_full');
  }
  for (const seq of [2, 3]) assert.equal((await put(storage, seq)).duplicate, false);
  assert.deepEqual(await readIds(storage, 't'), count(3 * ROWS));
});

test('after a failed sync the group is stored in a new file, under its numbers', async (t) => {
  const os = new MemoryOs();
  const storage = await openFor(t, { directory: temporaryDirectory(t), os });
  await put(storage, 1);
  os.inject({ nth: 1, kind: 'dataSync', errno: 'EIO' });
  const second = await put(storage, 2);
  assert.deepEqual(await put(storage, 2), first(second));
  assert.deepEqual(await readIds(storage, 't'), count(2 * ROWS));
});
