/**
 * `sheaf check`, `backup`, `restore` and `repair` as processes: beside a running server, and on what it leaves.
 */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { runSheaf, startSheaf, temporaryDirectory } from '../support/sheaf-process.ts';
import type { RunOutcome } from '../support/sheaf-process.ts';

const ROWS = Array.from({ length: 1_000 }, (_, i) => `{"id":${i.toString()},"name":"row ${i.toString()}"}\n`).join(
  '',
);
const SUM = 'SELECT count(*) AS n, sum(id) AS total FROM t';

async function run(words: readonly string[], code = 0, input?: string): Promise<RunOutcome> {
  const outcome = await runSheaf(words, input === undefined ? {} : { input });
  assert.equal(outcome.code, code, `${words.join(' ')}: ${outcome.text}${outcome.stderr}`);
  return outcome;
}

function importRows(where: readonly string[], table = 't'): Promise<RunOutcome> {
  return run(['import', '-', '--format', 'ndjson', '--table', table, ...where], 0, ROWS);
}

async function answer(where: readonly string[], sql = SUM): Promise<string> {
  return (await run(['query', sql, '--format', 'csv', ...where])).text;
}

/** The one segment file of a database. */
function segmentOf(directory: string): string {
  const tables = join(directory, 'tables');
  const [table] = readdirSync(tables);
  const [file] = readdirSync(join(tables, table!));
  return join(tables, table!, file!);
}

test('check and backup run beside a server; the backup is restored and served', async (t) => {
  const parent = temporaryDirectory(t);
  const directory = join(parent, 'data');
  const where = ['--data-dir', directory];
  const server = await startSheaf(t, where);
  await importRows(where);
  const checked = await run(['check', ...where]);
  assert.match(
    checked.text,
    /^checked 1 tables, 1 segments, \d+\.\d KiB in \d+\.\d\d s \(\d+\.\d\d GB\/s\): sound\n$/,
  );
  const backup = join(parent, 'backup');
  const first = await run(['backup', backup, ...where]);
  assert.match(
    first.text,
    /^backed up commit 1, 1 segments of [\d.]+ KiB, to \S+ in \d+\.\d\d s: 0 linked, 1 copied \([\d.]+ KiB\), 0 kept; [\d.]+ KiB verified\n$/,
  );
  await run(['check', '--deep', '--data-dir', backup]);
  await importRows(where, 'later');
  assert.equal(await answer(where), 'n,total\n1000,499500\n');
  const restored = join(parent, 'restored');
  const made = await run(['restore', backup, '--data-dir', restored]);
  assert.match(
    made.text,
    /^restored commit 1 \(backed up \d{4}-\d\d-\d\dT[\d:.]+Z\) to \S+ in \d+\.\d\d s: 1 tables, 1 segments, [\d.]+ KiB\n$/,
  );
  const second = await startSheaf(t, ['--data-dir', restored]);
  const there = ['--url', second.url];
  assert.equal(await answer(there), 'n,total\n1000,499500\n');
  await importRows(there);
  assert.equal(await answer(there), 'n,total\n2000,999000\n');
  assert.equal(await second.stop(), 0);
  const locked = await run(['repair', ...where], 3);
  assert.match(
    locked.stderr,
    /^error: the data directory \S+ is in use by process \d+ \(flight=\S+ http=\S+\); stop it first/,
  );
  assert.equal(await server.stop(), 0);
  await run(['restore', backup, '--data-dir', restored], 1);
});

test('damage is found, told for people and programs, and repaired; a lost catalog comes back', async (t) => {
  const directory = join(temporaryDirectory(t), 'data');
  const where = ['--data-dir', directory];
  await importRows(where);
  const path = segmentOf(directory);
  const bytes = readFileSync(path);
  const changed = Buffer.from(bytes);
  changed[3_000] = changed[3_000]! ^ 4;
  writeFileSync(path, changed);
  const file = path.slice(directory.length + 1);
  const found = await run(['check', ...where], 3);
  const offset = Number(/offset (\d+)/.exec(found.text)?.[1]);
  assert.equal(
    found.text.split('\n')[0],
    `damage: table "t", ${file}, offset ${offset.toString()}: the checksum of message 0 is wrong`,
  );
  assert.match(found.text.split('\n')[1]!, /: 1 damages; see `sheaf repair --help`$/);
  const report = JSON.parse((await run(['check', '--json', ...where], 3)).text) as Record<string, unknown>;
  assert.deepEqual(report['findings'], [
    { kind: 'damage', table: 't', file, offset, what: 'the checksum of message 0 is wrong' },
  ]);
  assert.equal(report['isSound'], false);
  const plan = await run(['repair', '--dry-run', ...where], 3);
  assert.match(
    plan.text,
    /^would do: table "t": \S+ was damaged; nothing could be saved, the damaged file is in quarantine\/\nlost: /,
  );
  assert.match(plan.text, /\nnothing was changed in \d+\.\d\d s: 1 losses, 0 doubts\n$/);
  writeFileSync(path, bytes);
  assert.match((await run(['repair', ...where])).text, /^nothing to repair in \d+\.\d\d s: nothing is lost\n$/);
  for (const suffix of ['', '-wal', '-shm']) rmSync(join(directory, `catalog.db${suffix}`), { force: true });
  const lost = await run(['check', ...where], 3);
  assert.equal(lost.text.split('\n')[0], 'damage: catalog.db: the catalog is missing');
  const repaired = await run(['repair', ...where], 3);
  assert.deepEqual(repaired.text.split('\n').slice(0, 3), [
    'done: catalog.db: it is missing; it is made anew, the old one is in quarantine/',
    'done: table "t" is back, with 1 segment and 1000 rows',
    'doubt: the catalog was made anew from the segments alone: views, retention, defaults, producers and the key of tickets are lost',
  ]);
  await run(['check', '--deep', ...where]);
  assert.equal(await answer(where), 'n,total\n1000,499500\n');
});

test('what is no database is told, with the exit code of a failure', async (t) => {
  const directory = temporaryDirectory(t);
  const where = ['--data-dir', directory];
  const expected = `error: there is no database in ${directory}; name another with --data-dir\n`;
  for (const words of [['check'], ['backup', join(directory, 'x')], ['repair']]) {
    assert.equal((await run([...words, ...where], 1)).stderr, expected);
  }
  assert.equal(existsSync(join(directory, 'LOCK.db')), false);
  assert.equal(
    (await run(['restore', directory, '--data-dir', join(directory, 'y')], 3)).stderr.split(':')[0],
    'error',
  );
  await run(['backup'], 2);
});
