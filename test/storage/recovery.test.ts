/**
 * Opening: what recovery repairs, what it refuses, and what stays damaged.
 *
 * Method: files of a closed or copied database are changed by hand, then it is opened again. An unclean stop is
 * made by copying the directory of a database that is still open.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import Database from 'better-sqlite3';
import { openStorage } from '../../src/storage/storage.ts';
import {
  SCHEMA,
  collect,
  count,
  numbered,
  openFor,
  put,
  readIds,
  tableIn,
  temporaryDirectory,
  undoAfter,
} from './fixture.ts';

/** A directory with table `t` of 600 rows in sealed segments of 300, and table `u` of 10 rows. */
async function closedDatabase(t: TestContext): Promise<string> {
  const directory = temporaryDirectory(t);
  const storage = await openStorage({ directory });
  await put(storage, 't', [numbered(0, 300)]);
  await storage.seal();
  await put(storage, 't', [numbered(300, 300)]);
  await put(storage, 'u', [numbered(0, 10)]);
  await storage.close();
  return directory;
}

/** Segment paths of a table, in id order. */
function segmentPaths(directory: string, table: string): string[] {
  const tables = join(directory, 'tables');
  return readdirSync(tables)
    .map((name) => join(tables, name))
    .flatMap((path) => readdirSync(path).map((file) => join(path, file)))
    .filter((path) => ownerOf(directory, path) === table)
    .sort();
}

function ownerOf(directory: string, path: string): string {
  const catalog = new Database(join(directory, 'catalog.db'), { readonly: true });
  const name = catalog
    .prepare<[string], string>('SELECT name FROM tables WHERE directory = ?')
    .pluck()
    .get(path.split('/').at(-2) ?? '');
  catalog.close();
  return name ?? '';
}

/** Flips one bit of the file, `at` bytes from its beginning. */
function flipBit(path: string, at: number): void {
  const bytes = readFileSync(path);
  bytes[at] = (bytes[at] ?? 0) ^ 0x10;
  writeFileSync(path, bytes);
}

test('a flipped bit is found at first touch: reads name its place, the table is read-only, others serve', async (t) => {
  const directory = await closedDatabase(t);
  const [, path = ''] = segmentPaths(directory, 't');
  flipBit(path, statSync(path).size >> 1);
  const storage = await openFor(t, { directory });
  const damaged = {
    code: 'corrupt',
    message:
      `table "t" is damaged: checksum of message 0 is wrong at offset 320 of ${path}; ` +
      'it is read-only: stop the server and run `sheaf repair`, restore it from a backup, or drop it',
  };
  const table = tableIn(storage.snapshot(), 't');
  await assert.rejects(collect(table.messages()), damaged);
  await assert.rejects(collect(table.scan({ columns: [0], bounds: [], limit: 1 })), damaged);
  await assert.rejects(put(storage, 't', [numbered(0, 1)]), damaged);
  assert.deepEqual(await readIds(storage, 'u'), count(10));
  await put(storage, 'u', [numbered(10, 1)]);
  await storage.dropTable('t');
  await put(storage, 't', [numbered(0, 1)]);
});

test('every flipped bit of a message is found, whatever it hits', async (t) => {
  const directory = temporaryDirectory(t);
  const first = await openStorage({ directory });
  await put(first, 't', [numbered(0, 20)]);
  await first.close();
  const [path = ''] = segmentPaths(directory, 't');
  const whole = readFileSync(path);
  const start = 320;
  for (const at of [0, 5, 9, 60, 200, 256, 300, 500, 700]) {
    writeFileSync(path, whole);
    flipBit(path, start + at);
    const storage = await openStorage({ directory });
    await assert.rejects(collect(tableIn(storage.snapshot(), 't').messages()), { code: 'corrupt' });
    await storage.close();
  }
});

test('a file that lost committed bytes, or is missing, damages its table only', async (t) => {
  const directory = await closedDatabase(t);
  const [short = ''] = segmentPaths(directory, 't');
  const [missing = ''] = segmentPaths(directory, 'u');
  truncateSync(short, 1_000);
  rmSync(missing);
  const storage = await openFor(t, { directory });
  const remedy = 'it is read-only: stop the server and run `sheaf repair`, restore it from a backup, or drop it';
  await assert.rejects(readIds(storage, 'u'), {
    code: 'corrupt',
    message: `table "u" is damaged: the file is missing at offset 0 of ${missing}; ${remedy}`,
  });
  await assert.rejects(readIds(storage, 't'), { code: 'corrupt' });
  await assert.rejects(storage.beginAppend('t', SCHEMA, { create: true }), { code: 'corrupt' });
  await put(storage, 'v', [numbered(0, 1)]);
});

test('a sealed segment whose footer is lost or torn gets it again', async (t) => {
  const directory = await closedDatabase(t);
  const [first = '', second = ''] = segmentPaths(directory, 't');
  const whole = [readFileSync(first), readFileSync(second)];
  truncateSync(first, (whole[0]?.byteLength ?? 0) - 11);
  appendFileSync(second, 'rubbish');
  const storage = await openFor(t, { directory });
  assert.deepEqual(await readIds(storage, 't'), count(600));
  assert.deepEqual([readFileSync(first), readFileSync(second)], whole);
});

test('after an unclean stop torn bytes are cut off, orphans removed, and active segments sealed', async (t) => {
  const directory = temporaryDirectory(t);
  const live = await openFor(t, { directory });
  await put(live, 't', [numbered(0, 100)]);
  const copy = join(temporaryDirectory(t), 'copy');
  cpSync(directory, copy, { recursive: true });
  const [path = ''] = segmentPaths(copy, 't');
  appendFileSync(path, Buffer.alloc(5_000, 7));
  const tables = join(copy, 'tables');
  const own = path.split('/').slice(0, -1).join('/');
  writeFileSync(join(own, '000000000099.arrow'), 'an unfinished private segment');
  writeFileSync(join(own, 'notes.txt'), 'somebody put this here');
  mkdirSync(join(tables, 'f'.repeat(32)));
  writeFileSync(join(tables, 'f'.repeat(32), '000000000098.arrow'), 'of a table that never came to be');
  writeFileSync(join(copy, 'spool', 'left-over'), 'x');
  const storage = await openFor(t, { directory: copy });
  assert.deepEqual(await readIds(storage, 't'), count(100));
  assert.deepEqual(readdirSync(own), ['000000000001.arrow', 'notes.txt']);
  assert.equal(readdirSync(tables).length, 1);
  assert.deepEqual(readdirSync(join(copy, 'spool')), []);
  assert.equal(readFileSync(path).subarray(-6).toString(), 'ARROW1');
  await put(storage, 't', [numbered(100, 50)]);
  assert.deepEqual(await readIds(storage, 't'), count(150));
});

test('an unclean stop is followed by verification: damage shows before anybody reads', async (t) => {
  const directory = temporaryDirectory(t);
  const live = await openFor(t, { directory });
  await put(live, 't', [numbered(0, 100)]);
  const copy = join(temporaryDirectory(t), 'copy');
  cpSync(directory, copy, { recursive: true });
  const [path = ''] = segmentPaths(copy, 't');
  flipBit(path, statSync(path).size - 100);
  const storage = await openFor(t, { directory: copy });
  await assert.rejects(storage.beginAppend('t', SCHEMA, { create: false }), { code: 'corrupt' });
});

test('the directory of an empty table is made again', async (t) => {
  const directory = temporaryDirectory(t);
  const first = await openStorage({ directory });
  await first.createTable('t', SCHEMA);
  await first.close();
  rmSync(join(directory, 'tables'), { recursive: true });
  const storage = await openFor(t, { directory });
  await put(storage, 't', [numbered(0, 3)]);
  assert.deepEqual(await readIds(storage, 't'), [0, 1, 2]);
});

test('a second open of the same directory is refused while the first one lasts', async (t) => {
  const directory = temporaryDirectory(t);
  const storage = await openStorage({ directory });
  await assert.rejects(openStorage({ directory }), {
    code: 'locked',
    message: `the data directory ${directory} is in use by another process; stop it first, or choose another directory`,
  });
  await storage.close();
  await openFor(t, { directory });
});

test('a database of a newer version is refused and left as it is', async (t) => {
  const directory = await closedDatabase(t);
  const path = join(directory, 'catalog.db');
  const catalog = new Database(path);
  catalog.pragma('user_version = 999');
  catalog.close();
  await assert.rejects(openStorage({ directory }), { code: 'version_unsupported' });
  const [segment = ''] = segmentPaths(directory, 'u');
  assert.ok(existsSync(segment));
});

test('a read-only file system is refused by name', async (t) => {
  if (process.getuid?.() !== 0) {
    t.skip('only root can mount a read-only file system');
    return;
  }
  const directory = temporaryDirectory(t);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'ro', 'tmpfs', directory], { stdio: 'ignore' });
  } catch {
    t.skip('mounting is not allowed here');
    return;
  }
  undoAfter(t, () => {
    // Maps go away by garbage collection only, so the file system is still in use.
    execFileSync('umount', ['-l', directory]);
  });
  await assert.rejects(openStorage({ directory }), (error: { code: string; message: string }) => {
    assert.equal(error.code, 'forbidden');
    assert.ok(error.message.includes(directory), error.message);
    return true;
  });
});

test('many sealed segments open without being read', async (t) => {
  const directory = temporaryDirectory(t);
  const first = await openStorage({ directory });
  await Promise.all(count(200).map((i) => put(first, `table ${i.toString()}`, [numbered(i, 5)])));
  await first.close();
  const started = performance.now();
  const storage = await openFor(t, { directory });
  t.diagnostic(`200 segments opened in ${(performance.now() - started).toFixed(0)} ms`);
  assert.equal(storage.status().segmentCount, 200);
  assert.equal(storage.status().mapCount, 0);
  assert.deepEqual(await readIds(storage, 'TABLE 150'), [150, 151, 152, 153, 154]);
});

test('a lost catalog is refused, and no segment is taken for an orphan', async (t) => {
  for (const lose of [(path: string) => rmSync(path), (path: string) => truncateSync(path, 0)]) {
    const directory = await closedDatabase(t);
    const before = segmentPaths(directory, 't');
    lose(join(directory, 'catalog.db'));
    await assert.rejects(openStorage({ directory }), {
      code: 'corrupt',
      message:
        `${join(directory, 'tables')} holds 3 segment files, ` +
        `but ${join(directory, 'catalog.db')} is missing or new and ` +
        'knows none of them; put the catalog back (with its -wal), or move the tables elsewhere',
    });
    assert.equal(before.filter((path) => existsSync(path)).length, 2);
  }
});
