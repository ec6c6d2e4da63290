/**
 * `sheaf token`: what is printed where, and that it works beside a server and without one.
 */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { runSheaf, startSheaf, temporaryDirectory } from '../support/sheaf-process.ts';
import type { RunOutcome } from '../support/sheaf-process.ts';

const FORM = /^sheaf_([0-9a-f]{16})_[0-9a-f]{64}\n$/;

function token(directory: string, ...words: readonly string[]): Promise<RunOutcome> {
  return runSheaf(['token', ...words, '--data-dir', directory]);
}

test('a token goes to standard output alone; the list has everything but the secret', async (t) => {
  const directory = join(temporaryDirectory(t), 'made', 'when-missing');
  const empty = await token(directory, 'list');
  assert.deepEqual([empty.code, empty.text.startsWith('no tokens')], [0, true]);
  assert.equal(existsSync(directory), false, 'a look makes nothing');
  const made = await token(directory, 'create', 'ann', '--table', 'a b', '--table', 'q:ingest', '--expires', '2h');
  const [, id = ''] = FORM.exec(made.text) ?? [];
  assert.notEqual(id, '', made.text);
  const told = new RegExp(`^token ${id} for ann: read a b, ingest q, until 20.*; it is shown this once\n$`);
  assert.match(made.stderr, told);
  const more = await token(directory, 'create', 'ann');
  assert.match(more.stderr, /for ann: read a b, ingest q; it/);
  const other = await token(directory, 'create', 'ann', '--role', 'admin');
  assert.equal(other.code, 1);
  assert.match(other.stderr, /ann is there already, with other rights; leave --role and --table out/);
  const listed = await token(directory, 'list');
  assert.match(listed.text, new RegExp(`^id +name +created +expires +rights\n${id} +ann +20.* read a b, ingest q\n`));
  assert.equal(listed.text.split('\n').length, 4);
  const [first] = JSON.parse((await token(directory, 'list', '--json')).text) as Record<string, unknown>[];
  assert.deepEqual(
    [first?.['name'], first?.['rights']],
    [
      'ann',
      [
        { table: 'a b', role: 'read' },
        { table: 'q', role: 'ingest' },
      ],
    ],
  );
  assert.equal((await token(directory, 'revoke', id)).text, 'revoked 1 token\n');
  const gone = await token(directory, 'revoke', id);
  assert.equal(gone.code, 1);
  assert.match(gone.stderr, /there is no token .*`sheaf token list` shows them/);
  assert.equal((await token(directory, 'revoke', 'ann')).text, 'revoked 1 token\n');
});

test('a wrong command line says what is expected', async (t) => {
  const directory = temporaryDirectory(t);
  for (const [words, told] of [
    [['create', 'a', '--role', 'root'], /Allowed choices are read, ingest, admin/],
    [['create', 'a', '--expires', 'soon'], /a time from now, such as 12h or 90d, or a date/],
    [['create', 'a', '--expires', '2001-01-01'], /names a time that has passed/],
    [['create', 'a', '--table', ':read'], /It must be the name of a table/],
    [['create'], /missing required argument 'name'/],
  ] as const) {
    const { code, stderr } = await token(directory, ...words);
    assert.equal(code, 2, words.join(' '));
    assert.match(stderr, told);
  }
  const named = await token(directory, 'create', 'a:b');
  assert.deepEqual([named.code, /cannot name a principal/.test(named.stderr)], [1, true]);
});

test('a token made before the first start opens the database, and one that has expired does not', async (t) => {
  const directory = temporaryDirectory(t);
  const root = (await token(directory, 'create', 'root', '--role', 'admin')).text.trim();
  const server = await startSheaf(t, ['--data-dir', directory, '--auth', 'required']);
  assert.equal(server.stderr(), '');
  const ask = async (shown: string): Promise<number> => {
    const headers = { authorization: `Bearer ${shown}` };
    return (await fetch(`${server.url}/query`, { method: 'POST', body: 'SELECT 1', headers })).status;
  };
  assert.equal(await ask(root), 200);
  const soon = new Date(Date.now() + 4_000).toISOString();
  const short = (await token(directory, 'create', 'short', '--expires', soon)).text.trim();
  const seen = new Set<number>();
  while (!seen.has(401)) seen.add(await ask(short));
  assert.ok(Date.now() >= Date.parse(soon) || seen.has(200));
});
