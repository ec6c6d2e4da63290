/**
 * access.db: what is kept of tokens, and that every process sees the changes of the others at once.
 */
import assert from 'node:assert/strict';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import Database from 'better-sqlite3';
import { AccessFile, accessPath, copyAccess } from '../../src/catalog/access-file.ts';
import type { Grant, NewToken } from '../../src/catalog/access-file.ts';
import { createToken, listTokens, revokeToken } from '../../src/engine/tokens.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const ALL: readonly Grant[] = [{ table: undefined, role: 'read' }];

function token(id: string, name: string, changes: Partial<NewToken> = {}): NewToken {
  return { id, name, hash: Buffer.alloc(32, id), grants: ALL, createdMs: 1_000, expiresMs: undefined, ...changes };
}

test('another process sees a token, and its end, at the next look', async (t) => {
  const path = accessPath(temporaryDirectory(t));
  const server = await AccessFile.open(path);
  const tool = await AccessFile.open(path);
  t.after(() => {
    server.close();
    tool.close();
  });
  const first = server.version;
  assert.equal(server.token('a'), undefined);
  tool.add(token('a', 'ann'));
  const second = server.version;
  assert.notEqual(second, first);
  assert.equal(server.token('a')?.name, 'ann');
  assert.equal(server.version, second, 'nothing has changed since');
  assert.equal(tool.revoke('a'), 1);
  assert.notEqual(server.version, second);
  assert.equal(server.token('a'), undefined);
  assert.equal(server.rightsOf('ann'), undefined, 'a principal goes with its last token');
});

test('a principal has one set of rights, and as many tokens as it likes', async (t) => {
  const access = await AccessFile.open(accessPath(temporaryDirectory(t)));
  t.after(() => access.close());
  access.add(token('a', 'ann', { expiresMs: 2_000 }));
  access.add(token('b', 'ann', { expiresMs: 3_000 }));
  const other: readonly Grant[] = [{ table: 't', role: 'admin' }];
  assert.throws(() => access.add(token('c', 'ann', { grants: other })), { code: 'already_exists' });
  assert.deepEqual([access.hasToken('ann', 2_500), access.hasToken('ann', 3_000)], [true, false]);
  assert.equal(access.revoke('ann'), 2);
  access.add(token('c', 'ann', { grants: other }));
  assert.deepEqual(access.rightsOf('ann'), other);
});

test('a token is nowhere in the file, which others may not read', async (t) => {
  const directory = temporaryDirectory(t);
  const { token: made, id } = await createToken(directory, { name: 'ann', grants: ALL, expiresMs: undefined });
  const secret = made.split('_')[2] ?? '';
  const bytes = readFileSync(accessPath(directory));
  assert.equal(secret.length, 64);
  assert.equal(bytes.includes(secret) || bytes.includes(Buffer.from(secret, 'hex')), false);
  assert.equal(bytes.includes(id), true);
  assert.equal(statSync(accessPath(directory)).mode & 0o777, 0o600);
  assert.deepEqual(
    (await listTokens(directory)).map(({ name, grants }) => [name, grants]),
    [['ann', ALL]],
  );
  // The whole token says which is meant, to who has nothing else.
  assert.equal(await revokeToken(directory, made), 1);
  await assert.rejects(revokeToken(directory, id), { code: 'not_found' });
});

test('names that would be mistaken for something else are refused', async (t) => {
  const directory = temporaryDirectory(t);
  for (const name of ['', 'a:b', ' a', '-a', '0123456789abcdef', 'x'.repeat(129), 'a\n']) {
    const made = createToken(directory, { name, grants: ALL, expiresMs: undefined });
    await assert.rejects(made, { code: 'request_invalid' }, JSON.stringify(name));
  }
});

test('a file of something else, or of a newer release, is refused and not changed', async (t) => {
  const path = accessPath(temporaryDirectory(t));
  writeFileSync(
    path,
    'no database at all, and longer than a header of SQLite has to be, which is a hundred bytes'.repeat(2),
  );
  await assert.rejects(AccessFile.open(path), { code: 'corrupt' });
  const stranger = accessPath(temporaryDirectory(t));
  const database = new Database(stranger);
  database.exec('CREATE TABLE theirs (x)');
  database.close();
  await assert.rejects(AccessFile.open(stranger), { code: 'corrupt' });
  const newer = accessPath(temporaryDirectory(t));
  (await AccessFile.open(newer)).close();
  const again = new Database(newer);
  again.pragma('user_version = 2');
  again.close();
  await assert.rejects(AccessFile.open(newer), { code: 'version_unsupported' });
});

test('a copy is of one moment, and one file', async (t) => {
  const directory = temporaryDirectory(t);
  const access = await AccessFile.open(accessPath(directory));
  t.after(() => access.close());
  access.add(token('a', 'ann'));
  const target = accessPath(temporaryDirectory(t));
  await copyAccess(accessPath(directory), target);
  access.revoke('a');
  const copy = await AccessFile.open(target);
  t.after(() => copy.close());
  assert.equal(copy.token('a')?.name, 'ann');
});
