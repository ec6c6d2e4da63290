/**
 * Views, tables that take the place of others, and defaults as storage keeps them: over snapshots, opens, backups and
 * failures of the catalog.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Catalog } from '../../src/catalog/catalog.ts';
import { EngineError } from '../../src/base/errors.ts';
import { openStorage } from '../../src/storage/storage.ts';
import type { Storage, StoredView } from '../../src/storage/contract.ts';
import { backUpDatabase } from '../../src/storage/backup.ts';
import { restoreDatabase } from '../../src/storage/restore.ts';
import { refusal } from '../support/refusal.ts';
import { rowsOf } from '../support/sample.ts';
import { QUIET, SCHEMA, count, numbered, openFor, put, readIds, tableIn, temporaryDirectory } from './fixture.ts';

const FIRST: StoredView = { name: 'V', columns: [], sql: 'SELECT 1' };
const SECOND: StoredView = { name: 'v', columns: ['a', 'b "c"'], sql: "SELECT 'é', 2 -- two" };

function viewOf(storage: Storage, name: string): unknown {
  const snapshot = storage.snapshot();
  const view = snapshot.view(name);
  const names = snapshot.viewNames();
  snapshot.release();
  return view === undefined ? undefined : { name: view.name, columns: view.columns, sql: view.sql, names };
}

/** Makes the next change of the catalog fail as nothing that happened. */
function failOnce(): void {
  const { prototype } = Catalog;
  const apply: unknown = Reflect.get(prototype, 'apply');
  prototype.apply = function () {
    prototype.apply = apply as Catalog['apply'];
    return Promise.reject(new EngineError('storage_full', 'the disk is full'));
  };
}

test('a view is there after an open, whatever the case of its name; each snapshot has that of its time', async (t) => {
  const directory = temporaryDirectory(t);
  let storage = await openStorage({ directory, bounds: QUIET });
  await storage.createView(FIRST, { replace: false });
  const before = storage.snapshot();
  await storage.createView(SECOND, { replace: true });
  assert.equal(before.view('v')?.sql, 'SELECT 1');
  await storage.close();
  storage = await openFor(t, { directory, bounds: QUIET });
  assert.deepEqual(viewOf(storage, 'V'), { ...SECOND, names: ['v'] });
  const old = await storage.snapshotAt(before.version);
  assert.deepEqual(old.view('v')?.sql, 'SELECT 1');
  old.release();
  await storage.dropView('V');
  assert.equal(viewOf(storage, 'v'), undefined);
  await assert.rejects(storage.dropView('v'), refusal('not_found', 'there is no view "v"'));
});

test('tables and views have no name in common', async (t) => {
  const storage = await openFor(t, { directory: temporaryDirectory(t), bounds: QUIET });
  await put(storage, 't', [numbered(0, 3)]);
  await storage.createView(FIRST, { replace: false });
  const taken = (what: string, name: string): ReturnType<typeof refusal> =>
    refusal('already_exists', `${what} "${name}" exists already; drop it first or choose another name`);
  await assert.rejects(storage.createView({ ...FIRST, name: 'T' }, { replace: true }), taken('table', 't'));
  await assert.rejects(storage.createView(SECOND, { replace: false }), taken('view', 'V'));
  const message = '"V" is a view, which has no rows of its own; use the tables that it reads';
  const isView = refusal('request_invalid', message);
  await assert.rejects(storage.createTable('v', SCHEMA), isView);
  await assert.rejects(storage.createTable('v', SCHEMA, { replace: true }), isView);
  await assert.rejects(storage.beginAppend('v', SCHEMA, { create: true }), isView);
  await assert.rejects(storage.truncate('v'), isView);
  // One that is made while a stream is under way is met at its commit.
  const append = await storage.beginAppend('late', SCHEMA, { create: true });
  await append.write(numbered(0, 1));
  await storage.createView({ ...FIRST, name: 'late' }, { replace: false });
  await assert.rejects(append.commit(), { code: 'request_invalid' });
});

test('a table takes the place of another in one commit; who reads the old one goes on', async (t) => {
  const directory = temporaryDirectory(t);
  let storage = await openStorage({ directory, bounds: QUIET });
  await put(storage, 't', [numbered(0, 5)]);
  const pinned = storage.snapshot();
  const late = await storage.beginAppend('t', SCHEMA, { create: false });
  await late.write(numbered(100, 1));
  const append = await storage.beginAppend('T', SCHEMA, { create: 'replace' });
  await append.write(numbered(10, 2));
  const { commit } = await append.commit();
  assert.equal(commit, pinned.version + 1);
  assert.deepEqual(await readIds(storage, 't'), [10, 11]);
  assert.equal((await rowsOf(tableIn(pinned, 't').messages())).length, 5);
  await assert.rejects(late.commit(), { code: 'not_found' });
  await storage.createTable('t', SCHEMA, { replace: true, defaults: ['7', undefined, "'x'"] });
  await storage.close();
  storage = await openFor(t, { directory, bounds: QUIET });
  const now = storage.snapshot();
  const table = tableIn(now, 't');
  assert.deepEqual(table.defaults, [{ sql: '7' }, undefined, { sql: "'x'" }]);
  assert.equal(table.rowCount, 0);
  now.release();
  const old = await storage.snapshotAt(pinned.version);
  assert.equal((await rowsOf(tableIn(old, 't').messages())).length, 5);
  old.release();
});

test('when the catalog refuses, the old table and the old view are there as before', async (t) => {
  const directory = temporaryDirectory(t);
  let storage = await openStorage({ directory, bounds: QUIET });
  await put(storage, 't', [numbered(0, 5)]);
  await storage.createView(FIRST, { replace: false });
  const append = await storage.beginAppend('t', SCHEMA, { create: 'replace' });
  await append.write(numbered(10, 2));
  failOnce();
  await assert.rejects(append.commit(), { code: 'storage_full' });
  failOnce();
  await assert.rejects(storage.createView(SECOND, { replace: true }), { code: 'storage_full' });
  await put(storage, 't', [numbered(5, 1)]);
  for (const _ of [1, 2]) {
    assert.deepEqual(await readIds(storage, 't'), count(6));
    assert.deepEqual(viewOf(storage, 'v'), { ...FIRST, names: ['V'] });
    await storage.close();
    storage = await openFor(t, { directory, bounds: QUIET });
  }
});

test('a stream that was begun before a column was made NOT NULL is refused at its commit', async (t) => {
  const storage = await openFor(t, { directory: temporaryDirectory(t), bounds: QUIET });
  await put(storage, 't', [numbered(1, 3)]);
  const late = await storage.beginAppend('t', SCHEMA, { create: false });
  await late.write(numbered(4, 1));
  await storage.alterTable('t', { kind: 'set_nullable', column: 'id', nullable: false });
  const message = 'column "id" of table "t" was made NOT NULL meanwhile; send the rows again';
  await assert.rejects(late.commit(), refusal('busy', message));
  await storage.alterTable('t', { kind: 'set_nullable', column: 'id', nullable: true });
  assert.deepEqual(await readIds(storage, 't'), [1, 2, 3]);
});

test('views and defaults are in a backup, and in what is restored from it', async (t) => {
  const directory = temporaryDirectory(t);
  const storage = await openStorage({ directory, bounds: QUIET });
  await storage.createTable('t', SCHEMA, { defaults: ['now()'] });
  await storage.createView(FIRST, { replace: false });
  await storage.createView(SECOND, { replace: true });
  const target = temporaryDirectory(t);
  const backup = `${target}/backup`;
  await backUpDatabase({ directory, target: backup });
  await storage.close();
  const restored = `${target}/restored`;
  await restoreDatabase({ backup, directory: restored });
  const again = await openFor(t, { directory: restored, bounds: QUIET });
  assert.deepEqual(viewOf(again, 'v'), { ...SECOND, names: ['v'] });
  const now = again.snapshot();
  assert.deepEqual(tableIn(now, 't').defaults[0], { sql: 'now()' });
  now.release();
});
