/**
 * A disk that fails: what a failing write, sync, directory sync or full disk costs, and what it never costs.
 *
 * Method: segments lie on the in-memory disk of test/support, which fails on command; the catalog lies on the real
 * one. The walk over every operation and every way to fail is test/crash/fault-walk.test.ts.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import type { Storage } from '../../src/storage/contract.ts';
import type { StorageBounds } from '../../src/storage/store.ts';
import { MemoryOs } from '../support/memory-os.ts';
import { SCHEMA, count, numbered, openFor, put, readIds, temporaryDirectory, undoAfter } from './fixture.ts';

interface Failing {
  readonly directory: string;
  readonly os: MemoryOs;
  readonly storage: Storage;
}

async function openFailing(t: TestContext, bounds: Partial<StorageBounds> = {}): Promise<Failing> {
  const directory = temporaryDirectory(t);
  const os = new MemoryOs();
  return { directory, os, storage: await openFor(t, { directory, os, bounds }) };
}

async function reopened(t: TestContext, { directory, os, storage }: Failing): Promise<Storage> {
  os.heal();
  await storage.close();
  return openFor(t, { directory, os });
}

test('a failed sync is not repeated: the group goes to a new file, and the old one keeps what it had', async (t) => {
  const failing = await openFailing(t);
  const { os, storage } = failing;
  await put(storage, 't', [numbered(0, 10)]);
  os.inject({ nth: 1, kind: 'dataSync', errno: 'EIO' });
  assert.equal((await put(storage, 't', [numbered(10, 10)])).commit, 2);
  await put(storage, 't', [numbered(20, 10)]);
  assert.equal(storage.status().segmentCount, 2);
  assert.equal(storage.status().readOnlyReason, undefined);
  assert.deepEqual(await readIds(storage, 't'), count(30));
  const syncs = os.operations.filter((operation) => operation.kind === 'dataSync').map((operation) => operation.path);
  assert.equal(syncs.filter((path) => path === syncs[0]).length, 2);
  assert.deepEqual(await readIds(await reopened(t, failing), 't'), count(30));
});

test('a second failed sync makes the database read-only, says why, and keeps serving reads', async (t) => {
  const failing = await openFailing(t);
  const { os, storage } = failing;
  await put(storage, 't', [numbered(0, 10)]);
  os.inject({ nth: 1, kind: 'dataSync', errno: 'EIO', forever: true });
  await assert.rejects(put(storage, 't', [numbered(10, 10)]), { code: 'io_error' });
  const reason = storage.status().readOnlyReason ?? '';
  assert.match(reason, /^fdatasync of .*000000000002\.arrow failed$/);
  await assert.rejects(put(storage, 't', [numbered(10, 10)]), {
    code: 'io_error',
    message: `the database is read-only: ${reason}; restart the server when the disk is well`,
  });
  assert.deepEqual(await readIds(storage, 't'), count(10));
  const again = await reopened(t, failing);
  assert.deepEqual(await readIds(again, 't'), count(10));
  await put(again, 't', [numbered(10, 5)]);
  assert.deepEqual(await readIds(again, 't'), count(15));
});

test('a failed sync of a private segment fails its stream only', async (t) => {
  const { os, storage } = await openFailing(t, { privateSegmentBytesMin: 1_000 });
  os.inject({ nth: 1, kind: 'dataSync', errno: 'EIO' });
  await assert.rejects(put(storage, 't', [numbered(0, 1_000)]), {
    code: 'io_error',
    message: /^fdatasync of .* failed; nothing of this stream was stored$/,
  });
  await put(storage, 't', [numbered(0, 1_000)]);
  assert.deepEqual(await readIds(storage, 't'), count(1_000));
});

test('a full disk fails the streams that met it, cuts their bytes off, and the next ones go on', async (t) => {
  const failing = await openFailing(t);
  const { os, storage } = failing;
  await put(storage, 't', [numbered(0, 10)]);
  const [path = ''] = os.operations
    .filter((operation) => operation.kind === 'write')
    .map((operation) => operation.path);
  const length = await os.size(path);
  os.inject({ nth: 1, kind: 'write', errno: 'ENOSPC' });
  await assert.rejects(put(storage, 't', [numbered(10, 10)]), { code: 'storage_full' });
  assert.equal(await os.size(path), length);
  os.inject({ nth: 1, kind: 'write', errno: 'ENOSPC' });
  await assert.rejects(put(storage, 'new', [numbered(0, 10)]), { code: 'storage_full' });
  assert.equal(storage.snapshot().table('new'), undefined);
  await put(storage, 'new', [numbered(0, 2)]);
  await put(storage, 't', [numbered(10, 10)]);
  assert.deepEqual(await readIds(storage, 't'), count(20));
  const again = await reopened(t, failing);
  assert.deepEqual(await readIds(again, 't'), count(20));
  assert.deepEqual(await readIds(again, 'new'), [0, 1]);
});

test('a failed directory sync makes no row of a file that could be lost', async (t) => {
  const failing = await openFailing(t);
  const { os, storage } = failing;
  os.inject({ nth: 1, kind: 'syncDirectory', errno: 'EIO' });
  await put(storage, 't', [numbered(0, 10)]);
  const crashed = os.crash(1);
  assert.ok(crashed.operations.length === 0);
  assert.deepEqual(await readIds(await reopened(t, failing), 't'), count(10));
});

test('a seal whose sync fails says so, and the next start gives the segment its end', async (t) => {
  const failing = await openFailing(t);
  const { os, storage } = failing;
  await put(storage, 't', [numbered(0, 10)]);
  os.inject({ nth: 1, kind: 'dataSync', errno: 'EIO' });
  await assert.rejects(storage.seal(), {
    code: 'io_error',
    message:
      /^fdatasync of .*000000000001\.arrow failed; its rows are stored, and the next start gives the segment its end$/,
  });
  assert.deepEqual(await readIds(await reopened(t, failing), 't'), count(10));
});

test('on a full file system appends are refused, drops free it, and nothing acknowledged is lost', async (t) => {
  if (process.getuid?.() !== 0) {
    t.skip('only root can mount a small file system');
    return;
  }
  const directory = temporaryDirectory(t);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', directory], { stdio: 'ignore' });
  } catch {
    t.skip('mounting is not allowed here');
    return;
  }
  undoAfter(t, () => {
    // Maps go away by garbage collection only, so the file system is still in use.
    execFileSync('umount', ['-l', directory]);
  });
  const bounds = { privateSegmentBytesMin: 1 << 20 };
  const storage = await openFor(t, { directory, bounds });
  await put(storage, 'ballast', [numbered(0, 60_000)]);
  await storage.seal();
  let stored = 0;
  const fill = async (): Promise<void> => {
    for (; stored < 1_000; stored++)
      await put(storage, 't', [numbered(stored * 10_000, stored % 2 === 0 ? 10_000 : 60_000)]);
  };
  await assert.rejects(fill(), { code: 'storage_full' });
  assert.ok(stored >= 2, `only ${stored.toString()} streams fitted`);
  assert.equal(storage.status().readOnlyReason, undefined);
  const rows = (await readIds(storage, 't')).length;
  assert.equal(rows, Math.ceil(stored / 2) * 10_000 + Math.floor(stored / 2) * 60_000);
  // Tables without rows cost the catalog's space, and stop at the same floor: above it drops still work.
  const made: string[] = [];
  const createAll = async (): Promise<void> => {
    for (; made.length < 2_000; made.push(`empty${made.length.toString()}`)) {
      await storage.createTable(`empty${made.length.toString()}`, SCHEMA);
    }
  };
  await assert.rejects(createAll(), { code: 'storage_full', message: /are kept for drops and checkpoints/ });
  for (const name of made) await storage.dropTable(name);
  // What was read is mapped, and a map keeps the space of a file that was unlinked.
  assert.equal((await readIds(storage, 'ballast')).length, 60_000);
  await storage.dropTable('ballast');
  await put(storage, 't', [numbered(0, 10_000)]);
  await storage.seal();
  await storage.close();
  const again = await openFor(t, { directory, bounds });
  assert.equal((await readIds(again, 't')).length, rows + 10_000);
  assert.equal(again.snapshot().table('ballast'), undefined);
});
