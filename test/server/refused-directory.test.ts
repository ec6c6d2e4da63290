/**
 * Data directories that the server must not open: read-only, and of a newer version. It says why, changes nothing,
 * and opens them again once the reason is gone.
 */
import assert from 'node:assert/strict';
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import Database from 'better-sqlite3';
import { runSheaf, startSheaf, temporaryDirectory } from '../support/sheaf-process.ts';
import { makeReadOnly, temporaryMount } from '../support/temporary.ts';

const SERVE = ['serve', '--flight-port', '0', '--http-port', '0', '--data-dir'];

/** A stopped server's directory with one table of three rows. */
async function fillDirectory(t: TestContext, directory: string): Promise<void> {
  const server = await startSheaf(t, ['--data-dir', directory]);
  const response = await fetch(`${server.url}/insert/csv?table=t`, { method: 'POST', body: 'a\n1\n2\n3\n' });
  assert.equal(response.status, 200);
  assert.equal(await server.stop(), 0);
}

async function countRows(directory: string): Promise<string> {
  const outcome = await runSheaf([
    'query',
    'SELECT count(*) AS n FROM t',
    '--format',
    'csv',
    '--data-dir',
    directory,
  ]);
  assert.equal(outcome.code, 0, outcome.stderr);
  return outcome.text;
}

/** Every file below the directory with its bytes. */
function contents(directory: string): Record<string, string> {
  const names = readdirSync(directory, { recursive: true, encoding: 'utf8' }).sort();
  const files = names.filter((name) => statSync(join(directory, name)).isFile());
  return Object.fromEntries(files.map((name) => [name, readFileSync(join(directory, name)).toString('base64')]));
}

test('a read-only directory is refused by the name of what is wrong, and opens once it is writable', async (t) => {
  const directory = temporaryMount(t, '8m');
  if (directory === undefined) return;
  await fillDirectory(t, directory);
  makeReadOnly(directory);
  const before = contents(directory);
  const refused = await runSheaf([...SERVE, directory]);
  const words = 'the file system is mounted read-only (EROFS); mount it for writing or choose another directory';
  assert.equal(refused.stderr, `error: cannot open ${join(directory, 'catalog.db')}: ${words}\n`);
  assert.notEqual(refused.code, 0);
  assert.equal(refused.text, '');
  assert.deepEqual(contents(directory), before);
  execFileSync('mount', ['-o', 'remount,rw', directory], { stdio: 'pipe' });
  assert.equal(await countRows(directory), 'n\n3\n');
});

test('an empty read-only directory is refused too', async (t) => {
  const directory = temporaryMount(t, '1m');
  if (directory === undefined) return;
  makeReadOnly(directory);
  const refused = await runSheaf([...SERVE, directory]);
  assert.match(refused.stderr, /^error: cannot \S.*the file system is mounted read-only \(EROFS\); mount it for /);
  assert.ok(refused.stderr.includes(directory));
  assert.notEqual(refused.code, 0);
});

test('a directory of a newer version is refused with both versions, is left as it is, and opens again', async (t) => {
  const directory = temporaryDirectory(t);
  await fillDirectory(t, directory);
  const path = join(directory, 'catalog.db');
  const setVersion = (add: number): number => {
    const database = new Database(path);
    const version = Number(database.pragma('user_version', { simple: true }));
    database.pragma(`user_version = ${(version + add).toString()}`);
    database.close();
    return version;
  };
  const version = setVersion(1);
  const before = contents(directory);
  const versions = `catalog version ${(version + 1).toString()}, this program knows versions up to ${version.toString()}`;
  const message = `error: ${path} has ${versions}; use the newer program that wrote it\n`;
  // The query comes first: it ends whatever happens, while a server that opens the directory would go on for ever.
  for (const words of [
    ['query', 'SELECT 1 AS a', '--data-dir', directory],
    [...SERVE, directory],
  ]) {
    const refused = await runSheaf(words);
    assert.equal(refused.stderr, message);
    assert.equal(refused.code, 3);
    assert.equal(refused.text, '');
  }
  assert.deepEqual(contents(directory), before);
  setVersion(-1);
  assert.equal(await countRows(directory), 'n\n3\n');
});
