/** The lock of a data directory: one holder, in this process and among processes, and none after its death. */
import assert from 'node:assert/strict';
import { readdirSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import Database from 'better-sqlite3';
import { acquireLock } from '../../src/catalog/lock.ts';
import { runChild, startChild } from '../support/child.ts';
import { refusal } from '../support/refusal.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const HOLD = `import { acquireLock } from './src/catalog/lock.ts';
  const lock = await acquireLock(process.argv[1]);
  console.log('held');
  setInterval(() => lock, 1000);`;

const REMEDY = 'stop it first, or choose another directory';

test('a second taker in the same process is refused until the first releases', async (t) => {
  const directory = temporaryDirectory(t);
  const lock = await acquireLock(`${directory}/LOCK.db`);
  await assert.rejects(
    acquireLock(`${directory}/LOCK.db`),
    refusal('locked', `the data directory ${directory} is in use by another process; ${REMEDY}`),
  );
  lock.release();
  lock.release();
  const again = await acquireLock(`${directory}/LOCK.db`);
  // Neither a journal nor a log may be left that a crash could replay.
  assert.deepEqual(readdirSync(directory), ['LOCK.db']);
  again.release();
});

test('another process is refused and told who holds the directory', async (t) => {
  const directory = temporaryDirectory(t);
  const path = `${directory}/LOCK.db`;
  const child = startChild(HOLD, [path]);
  await child.seen('held');
  writeFileSync(
    `${directory}/server.json`,
    JSON.stringify({ pid: child.pid, flight: '127.0.0.1:8815', http: '127.0.0.1:8123' }),
  );
  await assert.rejects(
    acquireLock(path),
    refusal(
      'locked',
      `the data directory ${directory} is in use by process ${child.pid} ` +
        `(flight=127.0.0.1:8815 http=127.0.0.1:8123); ${REMEDY}`,
    ),
  );
  for (const content of ['{"pid": 12}', 'not JSON', '[]', '{}']) {
    writeFileSync(`${directory}/server.json`, content);
    const holder = content === '{"pid": 12}' ? 'process 12' : 'another process';
    await assert.rejects(
      acquireLock(path),
      refusal('locked', `the data directory ${directory} is in use by ${holder}; ${REMEDY}`),
    );
  }
  child.kill();
  await child.ended;
  (await acquireLock(path)).release();
});

test('of several processes that start at once, exactly one gets the lock', async (t) => {
  const path = `${temporaryDirectory(t)}/LOCK.db`;
  const script = `import { acquireLock } from './src/catalog/lock.ts';
    try { await acquireLock(process.argv[1]); console.log('held'); setInterval(() => {}, 1000); }
    catch (error) { console.log(error.code); }`;
  const children = Array.from({ length: 4 }, () => startChild(script, [path]));
  const answers = await Promise.all(children.map((child) => child.printed(1)));
  for (const child of children) child.kill();
  await Promise.all(children.map((child) => child.ended));
  assert.deepEqual(answers.map((answer) => answer.trim()).sort(), ['held', 'locked', 'locked', 'locked']);
});

test('a lock file in WAL mode is turned back, since EXCLUSIVE would not exclude readers there', async (t) => {
  const path = `${temporaryDirectory(t)}/LOCK.db`;
  const database = new Database(path);
  database.pragma('journal_mode = WAL');
  database.exec('CREATE TABLE t (a)');
  database.close();
  const lock = await acquireLock(path);
  const other = new Database(path, { timeout: 0 });
  assert.throws(() => other.prepare('SELECT * FROM t').all(), /database is locked/);
  other.close();
  lock.release();
});

test('a directory that is not there is named', async (t) => {
  const path = `${temporaryDirectory(t)}/none/LOCK.db`;
  await assert.rejects(
    acquireLock(path),
    refusal('not_found', `cannot create ${path}: it does not exist (ENOENT); check the path`),
  );
});

test('a directory that may not be written is forbidden and named', async (t) => {
  if (process.getuid?.() !== 0) {
    t.skip('only root can run as another user');
    return;
  }
  const path = `${temporaryDirectory(t)}/LOCK.db`;
  const script = `import { acquireLock } from './src/catalog/lock.ts';
    await acquireLock(process.argv[1]).catch((error) => console.log(error.code, error.message));`;
  const outcome = await runChild(script, [path], { uid: 65_534 });
  if (outcome.stdout === '' && outcome.stderr.includes('EACCES')) {
    t.skip('this checkout cannot be read by another user, so permissions cannot be tried as root');
    return;
  }
  const why = 'permission denied (EACCES); let the user that runs this program read and write it';
  assert.match(outcome.stdout, /^forbidden cannot (create|look at) /, outcome.stderr);
  assert.ok(outcome.stdout.includes(`${path}: ${why}`), outcome.stdout);
});
