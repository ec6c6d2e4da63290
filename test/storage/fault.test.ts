/**
 * A disk that fails: what a failing write, sync, directory sync or full disk costs, and what it never costs.
 *
 * Method: segments lie on the in-memory disk of test/support, which fails on command; the catalog lies on the real
 * one. The walk lets operation N fail, for many N, once or for ever: whatever happens, no acknowledged row may be
 * missing after the next open, no stream may be there in part, and nothing may hang.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import type { Storage } from '../../src/storage/contract.ts';
import { openStorage } from '../../src/storage/storage.ts';
import type { StorageBounds } from '../../src/storage/store.ts';
import { MemoryOs } from '../support/memory-os.ts';
import { makeRandom } from '../support/random.ts';
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

/**
 * What the walk does: two tables, small and private streams, a seal and a drop. Acknowledged streams by table, 10
 * rows each.
 */
async function work(storage: Storage, acknowledged: Map<string, number[]>): Promise<void> {
  const attempt = async (name: string, from: number, size: number): Promise<void> => {
    try {
      await put(storage, name, [numbered(from, size / 2), numbered(from + size / 2, size / 2)]);
      acknowledged.set(name, [...(acknowledged.get(name) ?? []), ...count(size).map((i) => from + i)]);
    } catch {
      // The stream was refused; that none of it is there is checked afterwards.
    }
  };
  await Promise.all([attempt('a', 0, 10), attempt('b', 0, 10)]);
  await attempt('a', 1_000, 400);
  await Promise.all([attempt('a', 2_000, 10), attempt('b', 2_000, 10)]);
  await storage.seal().catch(() => undefined);
  await Promise.all([attempt('a', 3_000, 10), attempt('b', 3_000, 400)]);
}

function checkTable(name: string, found: readonly number[], acknowledged: readonly number[]): void {
  const present = new Set(found);
  assert.equal(present.size, found.length, `table ${name} holds rows twice`);
  for (const id of acknowledged) assert.ok(present.has(id), `table ${name} lost row ${id.toString()}`);
  const streams = new Map<number, number>();
  for (const id of found) streams.set(Math.floor(id / 1_000), (streams.get(Math.floor(id / 1_000)) ?? 0) + 1);
  for (const [stream, rows] of streams) {
    assert.ok(rows === 10 || rows === 400, `stream ${stream.toString()} of table ${name} is there in part`);
  }
}

/** One walk: operation `nth` fails with `errno`. Returns how many streams were acknowledged. */
async function walkOnce(t: TestContext, nth: number, errno: string, forever: boolean): Promise<number> {
  const directory = temporaryDirectory(t);
  const os = new MemoryOs();
  const bounds = { privateSegmentBytesMin: 6_000 };
  const storage = await openStorage({ directory, os, bounds });
  os.inject({ nth, errno, forever });
  const acknowledged = new Map<string, number[]>();
  await work(storage, acknowledged);
  await storage.close();
  os.heal();
  const again = await openFor(t, { directory, os, bounds });
  const names = again.snapshot().tableNames();
  for (const [name, ids] of acknowledged) {
    assert.ok(names.includes(name), `table ${name} is lost`);
    checkTable(name, await readIds(again, name), ids);
  }
  for (const name of names) checkTable(name, await readIds(again, name), []);
  await put(again, 'a', [numbered(9_000, 10)]);
  return acknowledged.size;
}

test('whichever operation fails, acknowledged rows stay and no stream is there in part', async (t) => {
  const seed = 20_251_124;
  const random = makeRandom(seed);
  const walks = Number(process.env['SHEAF_FAULT_WALKS'] ?? 16);
  for (let walk = 0; walk < walks; walk++) {
    const nth = 1 + Math.floor(random() * 60);
    const errno = random() < 0.5 ? 'EIO' : 'ENOSPC';
    const forever = random() < 0.3;
    await t.test(
      `operation ${nth.toString()} fails ${forever ? 'from then on' : 'once'} with ${errno}`,
      async (t2) => {
        await walkOnce(t2, nth, errno, forever);
      },
    );
  }
  t.diagnostic(`${walks.toString()} walks, seed ${seed.toString()}`);
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
