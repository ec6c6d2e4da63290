/** What a catalog refuses to open, each time without changing the file, and how it stops. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import Database from 'better-sqlite3';
import { chmodSync, closeSync, openSync, readFileSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { EngineError } from '../../src/base/errors.ts';
import { Catalog } from '../../src/catalog/catalog.ts';
import { compareVersions, openConnection } from '../../src/catalog/connection.ts';
import { checkVersion, migrate, readMigrations } from '../../src/catalog/migrate.ts';
import { runChild, startChild } from '../support/child.ts';
import { refusal } from '../support/refusal.ts';
import { makeReadOnly, temporaryDirectory, temporaryMount } from '../support/temporary.ts';
import { append, createTable } from './sample.ts';

/** A closed catalog with one table and `batches` batches. */
async function closedCatalog(directory: string, batches = 0): Promise<string> {
  const path = `${directory}/catalog.db`;
  const catalog = await Catalog.open(path);
  await catalog.apply(createTable(1, 1, 'trades'));
  if (batches > 0) await catalog.apply(append(2, 1, 0, batches));
  await catalog.close();
  return path;
}

/** Changes a closed catalog by SQL. */
function edit(path: string, sql: string): void {
  const database = new Database(path);
  database.exec(sql);
  database.close();
}

async function refusesUnchanged(path: string, check: (error: unknown) => true): Promise<void> {
  const before = readFileSync(path);
  await assert.rejects(Catalog.open(path), check);
  assert.deepEqual(readFileSync(path), before);
}

test('a catalog of a newer program is refused, naming both versions', async (t) => {
  const path = await closedCatalog(temporaryDirectory(t));
  edit(path, 'PRAGMA user_version = 7; DROP TABLE database;');
  await refusesUnchanged(
    path,
    refusal(
      'version_unsupported',
      `${path} has catalog version 7, this program knows versions up to 4; use the newer program that wrote it`,
    ),
  );
});

test('a catalog whose migration was another one is refused', async (t) => {
  const path = await closedCatalog(temporaryDirectory(t));
  edit(path, 'UPDATE migrations SET sha256 = zeroblob(32)');
  await refusesUnchanged(
    path,
    refusal(
      'version_unsupported',
      `${path} was made by another form of migration 0001-tables-segments-batches.sql than this program has; ` +
        'use the program that wrote it',
    ),
  );
});

test('a file that is no database is refused', async (t) => {
  const path = `${temporaryDirectory(t)}/catalog.db`;
  writeFileSync(path, 'Dear diary, '.repeat(1_000));
  await refusesUnchanged(
    path,
    refusal(
      'corrupt',
      `cannot open ${path}: file is not a database (SQLITE_NOTADB); the file is not an SQLite database: ` +
        'restore it from a backup, or choose another directory',
    ),
  );
});

test("another program's database is refused", async (t) => {
  const path = `${temporaryDirectory(t)}/catalog.db`;
  edit(path, 'CREATE TABLE photos (id INTEGER PRIMARY KEY)');
  await refusesUnchanged(
    path,
    refusal(
      'corrupt',
      `${path} is an SQLite database of another program (application id 0, a catalog has 1397245254); ` +
        'choose another data directory',
    ),
  );
});

test('a damaged page is found at open', async (t) => {
  const path = await closedCatalog(temporaryDirectory(t), 5_000);
  const pages = statSync(path).size / 4_096;
  const file = openSync(path, 'r+');
  writeSync(file, Buffer.alloc(4_096, 0x5a), 0, 4_096, Math.floor(pages / 2) * 4_096);
  closeSync(file);
  await assert.rejects(Catalog.open(path), (error) => {
    assert.ok(error instanceof EngineError);
    assert.equal(error.code, 'corrupt');
    assert.match(error.message, /catalog\.db is damaged: .+; restore it from a backup$/);
    return true;
  });
});

test('a catalog that was cut off is refused', async (t) => {
  const path = await closedCatalog(temporaryDirectory(t), 5_000);
  writeFileSync(path, readFileSync(path).subarray(0, 40_000));
  await assert.rejects(Catalog.open(path), (error) => error instanceof EngineError && error.code === 'corrupt');
});

test('an unfinished creation is finished by the next open', async (t) => {
  const path = `${temporaryDirectory(t)}/catalog.db`;
  writeFileSync(path, '');
  const connection = openConnection(path);
  const broken = [
    { version: 1, title: 'broken', sql: 'CREATE TABLE a (b) STRICT; SELECT 1;', sha256: Buffer.alloc(32) },
  ];
  assert.throws(() => migrate(connection, path, broken, 1));
  connection.close();
  const catalog = await Catalog.open(path);
  assert.equal((await catalog.readState()).lastCommit, 0);
  await catalog.close();
});

test('a later migration is applied to an older catalog, once', async (t) => {
  const path = await closedCatalog(temporaryDirectory(t));
  const known = await readMigrations();
  const version = known.length + 1;
  const sha256 = Buffer.alloc(32, 1);
  const later = { version, title: 'later', sql: 'CREATE TABLE later (id INTEGER) STRICT', sha256 };
  for (let round = 0; round < 2; round++) {
    const connection = openConnection(path);
    checkVersion(connection, path, [...known, later]);
    migrate(connection, path, [...known, later], 5);
    assert.equal(connection.pragma('user_version', { simple: true }), version);
    assert.equal(connection.prepare('SELECT count(*) FROM migrations').pluck().get(), version);
    assert.equal(connection.prepare('SELECT name FROM tables').pluck().get(), 'trades');
    connection.close();
  }
});

test('a directory that may not be written is forbidden and named', async (t) => {
  const directory = temporaryMount(t, '4m');
  if (directory === undefined) return;
  const path = await closedCatalog(directory);
  makeReadOnly(directory);
  const words = 'the file system is mounted read-only (EROFS); mount it for writing or choose another directory';
  await assert.rejects(Catalog.open(path), refusal('forbidden', `cannot open ${path}: ${words}`));
  const other = `${directory}/other.db`;
  await assert.rejects(Catalog.open(other), refusal('forbidden', `cannot create ${other}: ${words}`));
});

test('a catalog of somebody else is forbidden and named', async (t) => {
  if (process.getuid?.() !== 0) {
    t.skip('only root can run as another user');
    return;
  }
  const directory = temporaryDirectory(t);
  const path = await closedCatalog(directory);
  chmodSync(directory, 0o755);
  chmodSync(path, 0o644);
  const script = `import { Catalog } from './src/catalog/catalog.ts';
    await Catalog.open(process.argv[1]).catch((error) => console.log(error.code, error.message));`;
  const outcome = await runChild(script, [path], { uid: 65_534 });
  if (outcome.stdout === '' && outcome.stderr.includes('EACCES')) {
    t.skip('this checkout cannot be read by another user, so permissions cannot be tried as root');
    return;
  }
  assert.ok(outcome.stdout.startsWith(`forbidden cannot open ${path}: `), outcome.stdout + outcome.stderr);
});

test('a full disk refuses a commit, keeps the ones before, and takes commits again after room was made', async (t) => {
  const directory = temporaryMount(t, '2m');
  if (directory === undefined) return;
  const path = `${directory}/catalog.db`;
  const catalog = await Catalog.open(path);
  await catalog.apply(createTable(1, 1, 'trades'));
  await catalog.apply(append(2, 1, 0));
  const ballast = `${directory}/ballast`;
  execFileSync('sh', ['-c', 'dd if=/dev/zero of="$1" bs=4096 2>/dev/null || true', 'sh', ballast]);
  await assert.rejects(
    catalog.apply(append(3, 1, 1, 2_000)),
    (error) =>
      error instanceof EngineError &&
      error.code === 'storage_full' &&
      error.message.startsWith(`cannot write to ${path}: `) &&
      error.message.endsWith('(SQLITE_FULL); free space on the disk that holds it'),
  );
  assert.equal((await catalog.readState()).lastCommit, 2);
  writeFileSync(ballast, '');
  await catalog.apply(append(3, 1, 1));
  await catalog.close();
  const again = await Catalog.open(path);
  const state = await again.readState();
  assert.deepEqual([state.lastCommit, state.cleanStop, (await again.readBatches(1)).length], [3, true, 2]);
  await again.close();
});

test('the mark of a clean stop is gone while open, and back after close', async (t) => {
  const path = `${temporaryDirectory(t)}/catalog.db`;
  const script = `import { Catalog } from './src/catalog/catalog.ts';
    const catalog = await Catalog.open(process.argv[1]);
    console.log('open', (await catalog.readState()).cleanStop);
    if (process.argv[2] === 'close') await catalog.close(); else setInterval(() => {}, 1000);`;
  const child = startChild(script, [path, 'stay']);
  assert.equal((await child.seen('open')).trim(), 'open true');
  child.kill();
  await child.ended;
  const second = await runChild(script, [path, 'close']);
  assert.equal(second.stdout.trim(), 'open false', second.stderr);
  const third = await runChild(script, [path, 'close']);
  assert.equal(third.stdout.trim(), 'open true', third.stderr);
});

test('after kill -9 in the middle of commits, every acknowledged one is whole and none is half', async (t) => {
  const directory = temporaryDirectory(t);
  const script = `import { Catalog } from './src/catalog/catalog.ts';
    import { append, createTable } from './test/catalog/sample.ts';
    const catalog = await Catalog.open(process.argv[1]);
    let { lastCommit, segments } = await catalog.readState();
    if (lastCommit === 0) await catalog.apply(createTable(++lastCommit, 1, 'trades'));
    let at = segments[0]?.batchCount ?? 0;
    for (;;) {
      await catalog.apply(append(++lastCommit, 1, at, 3));
      at += 3;
      process.stdout.write('acknowledged ' + lastCommit + ' ' + at + '\\n');
    }`;
  const path = `${directory}/catalog.db`;
  for (let round = 1; round <= 5; round++) {
    const child = startChild(script, [path]);
    // Each round ends at another moment: after this many acknowledgements, wherever the next commit is by then.
    await child.printed(round * 40);
    child.kill();
    const { stdout } = await child.ended;
    const last = [...stdout.matchAll(/^acknowledged (\d+) (\d+)\n/gm)].at(-1);
    assert.ok(last !== undefined);
    const catalog = await Catalog.open(path);
    const state = await catalog.readState();
    const rows = await catalog.readBatches(1);
    assert.equal(state.cleanStop, false);
    assert.ok(state.lastCommit >= Number(last[1]) && rows.length >= Number(last[2]), `round ${round}`);
    assert.equal(rows.length, (state.lastCommit - 1) * 3);
    assert.equal(state.segments[0]?.batchCount, rows.length);
    assert.equal(state.segments[0]?.committedLength, 100 + rows.length * 1_000);
    assert.deepEqual(
      rows.map(({ ordinal }) => ordinal),
      rows.map((_, i) => i),
    );
    await catalog.close();
  }
});

test('version texts are ordered by their numbers', () => {
  assert.ok(compareVersions('3.51.3', '3.51.3') === 0);
  assert.ok(compareVersions('3.51.10', '3.51.3') > 0);
  assert.ok(compareVersions('3.9.9', '3.51.3') < 0);
  assert.ok(compareVersions('4', '3.51.3') > 0);
});

test('the death of the catalog thread under a commit leaves its outcome unknown', async (t) => {
  const path = `${temporaryDirectory(t)}/catalog.db`;
  const catalog = await Catalog.open(path);
  await catalog.apply(createTable(1, 1, 'trades'));
  const post = t.mock.method(Worker.prototype, 'postMessage', function (this: Worker) {
    void this.terminate();
  });
  await assert.rejects(
    catalog.apply(append(2, 1, 0)),
    refusal(
      'commit_unknown',
      `it is not known whether commit 2 is on the disk: the thread that writes ${path} has ended; ` +
        'restart, then look whether the rows are there before sending them again',
    ),
  );
  post.mock.restore();
  await assert.rejects(
    catalog.close(),
    refusal('draining', 'the catalog thread has been ended; open the database again'),
  );
  const again = await Catalog.open(path);
  const state = await again.readState();
  assert.deepEqual([state.lastCommit, state.cleanStop], [1, false]);
  await again.close();
});
