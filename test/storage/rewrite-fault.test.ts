/**
 * Rewrites on a disk that fails, and in a database that closes: what they leave.
 *
 * Method: segments lie on the in-memory disk, the catalog on the real one. A power cut is made by copying the catalog's
 * files and the in-memory disk after every operation of a rewrite; what is opened from such a copy must be the table
 * before or after.
 */
import assert from 'node:assert/strict';
import { cpSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { EngineError } from '../../src/base/errors.ts';
import { openStorage } from '../../src/storage/storage.ts';
import { MemoryOs } from '../support/memory-os.ts';
import { makeRandom } from '../support/random.ts';
import { refusal } from '../support/refusal.ts';
import { deleting, fillSealed, isEven, isOdd, memoryFiles, pinFor, remove, segmentFiles } from './edits.ts';
import { QUIET, collect, count, numbered, openFor, put, readIds, tableIn, temporaryDirectory } from './fixture.ts';

test('a power cut at any moment of a rewrite leaves the table before it or after it, and no other file', async (t) => {
  const seed = 4;
  const random = makeRandom(seed);
  const directory = temporaryDirectory(t);
  const copies = temporaryDirectory(t);
  const os = new MemoryOs();
  const bounds = { ...QUIET, batchRowsMax: 10 };
  const storage = await openFor(t, { directory, os, bounds });
  await fillSealed(storage, 't', 2, 20);
  await put(storage, 't', [numbered(40, 20)]);
  const states: { readonly path: string; readonly disk: MemoryOs; readonly what: string }[] = [];
  const shoot = (what: string): void => {
    const path = join(copies, states.length.toString());
    mkdirSync(path);
    for (const name of ['catalog.db', 'catalog.db-wal', 'catalog.db-shm']) {
      cpSync(join(directory, name), join(path, name));
    }
    states.push({ path, disk: os.crash(Math.floor(random() * 1e9)), what });
  };
  os.observe = ({ kind, path }) => {
    if (['create', 'write', 'dataSync', 'syncDirectory', 'truncate'].includes(kind)) shoot(`${kind} ${path}`);
  };
  await remove(storage, 't', isEven);
  shoot('the end');
  os.observe = undefined;
  assert.equal(states.length >= 10, true, `only ${states.length.toString()} states`);
  const found = new Set<number>();
  // Each costs an open: the last ones, around the commit, and some of the others.
  const chosen = states.filter((_, i) => i >= states.length - 4 || random() < 4 / states.length);
  for (const [i, { path, disk, what }] of chosen.entries()) {
    // The disk in memory knows its files by the paths of the first directory.
    const moved = movedOs(disk, directory, path);
    const again = await openStorage({ directory: path, os: moved, bounds });
    const ids = await readIds(again, 't');
    found.add(ids.length);
    const whole = ids.length === 60 ? count(60) : count(60).filter(isOdd);
    assert.deepEqual(ids, whole, `seed ${seed.toString()}, after ${what}`);
    if (i === chosen.length - 1) assert.equal(ids.length, 30);
    const { segmentCount } = again.status();
    assert.equal((await memoryFiles(disk, directory)).length, segmentCount, `files after ${what}`);
    await put(again, 't', [numbered(60, 1)]);
    assert.deepEqual(await readIds(again, 't'), [...whole, 60]);
    await again.close();
  }
  assert.deepEqual(
    [...found].sort((a, b) => a - b),
    [30, 60],
  );
});

/** `disk`, under another name of its directory. */
function movedOs(disk: MemoryOs, from: string, to: string): MemoryOs {
  const there = (path: string): string => {
    if (path === dirname(to)) return dirname(from);
    return path.startsWith(to) ? from + path.slice(to.length) : path;
  };
  return new Proxy(disk, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key, target);
      if (typeof value !== 'function') return value;
      return (...given: unknown[]): unknown =>
        Reflect.apply(
          value,
          target,
          given.map((one) => (typeof one === 'string' ? there(one) : one)),
        );
    },
  });
}

test('whichever operation of a rewrite fails, the table is as it was and no file is left', async (t) => {
  const directory = temporaryDirectory(t);
  const os = new MemoryOs();
  const storage = await openFor(t, {
    directory,
    os,
    bounds: { ...QUIET, batchRowsMax: 10, segmentBytesMax: 14_000 },
  });
  const left = count(150).filter((id) => id % 10 !== 0);
  let failures = 0;
  for (let nth = 1; ; nth++) {
    const name = `t${nth.toString()}`;
    await put(storage, name, [numbered(0, 150)]);
    await storage.seal();
    const before = await memoryFiles(os, directory);
    os.inject({ nth, errno: nth % 2 === 0 ? 'ENOSPC' : 'EIO' });
    const done = await remove(storage, name, (id) => id % 10 === 0).then(
      () => true,
      (error: unknown) => {
        assert.ok(error instanceof EngineError, `operation ${nth.toString()} gives ${String(error)}`);
        return false;
      },
    );
    const { faultHits } = os;
    os.heal();
    assert.equal(storage.status().readOnlyReason, undefined, `operation ${nth.toString()}`);
    // What fails without harm, such as the close of a file that is synced, is passed over.
    assert.deepEqual(await readIds(storage, name), done ? left : count(150), `operation ${nth.toString()}`);
    if (faultHits === 0) break;
    if (done) continue;
    failures++;
    // The file whose removal failed as well is an orphan; one fault a round has none.
    assert.deepEqual(await memoryFiles(os, directory), before, `operation ${nth.toString()}`);
  }
  assert.ok(failures >= 8, `only ${failures.toString()} operations failed`);
});

test('a disk that is full for good refuses a rewrite and goes on reading', async (t) => {
  const directory = temporaryDirectory(t);
  const os = new MemoryOs();
  const storage = await openFor(t, { directory, os, bounds: QUIET });
  await fillSealed(storage, 't', 2, 20);
  os.inject({ nth: 1, kind: 'write', errno: 'ENOSPC', forever: true });
  await assert.rejects(remove(storage, 't', isEven), { code: 'storage_full' });
  await assert.rejects(storage.truncate('t'), { code: 'storage_full' });
  os.heal();
  assert.deepEqual(await readIds(storage, 't'), count(40));
  assert.equal(await storage.truncate('t'), 40);
});

test('a rewrite that is under way when the database closes is refused, and leaves nothing behind', async (t) => {
  const directory = temporaryDirectory(t);
  const storage = await openStorage({ directory, bounds: { ...QUIET, batchRowsMax: 10 } });
  await fillSealed(storage, 't', 2, 20);
  const before = segmentFiles(directory);
  const base = deleting(storage, 't', isEven);
  let closing: Promise<void> | undefined;
  const rewriting = storage.rewrite('t', 'delete', {
    ...base,
    edit: (batch) => {
      closing ??= storage.close();
      return base.edit(batch, 0);
    },
  });
  const message = 'the database is closing; send it again when it is back';
  await assert.rejects(rewriting, refusal('draining', message));
  await closing;
  assert.deepEqual(segmentFiles(directory), before);
  const again = await openFor(t, { directory, bounds: QUIET });
  assert.deepEqual(await readIds(again, 't'), count(40));
  assert.equal((await collect(tableIn(pinFor(t, again), 't').messages())).length, 4);
});
