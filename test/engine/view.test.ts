/**
 * Views and defaults as doors see them without SQL: descriptors by path, tickets, and puts.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { VIEW_DEPTH_MAX } from '../../src/base/limits.ts';
import { open } from '../../src/engine/engine.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { refusal } from '../support/refusal.ts';
import { INT64, batchOf, rowsOf, schemaOf } from '../support/sample.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const IDS = schemaOf({ id: INT64 });

async function openWith(t: TestContext, statements: readonly string[]): Promise<Engine> {
  const engine = await open(temporaryDirectory(t));
  t.after(() => engine.close());
  for (const sql of statements) await select(engine, sql);
  return engine;
}

async function select(engine: Engine, sql: string): Promise<unknown[][]> {
  return rowsOf((await engine.query(sql)).batches());
}

async function put(engine: Engine, name: string, ids: readonly number[]): Promise<void> {
  const stream = await engine.beginPut(name, IDS);
  await stream.write(batchOf(IDS, [ids]));
  await stream.commit();
}

test('a view is promised like a table; its ticket answers what was there, whatever becomes of it', async (t) => {
  const engine = await openWith(t, [
    'CREATE TABLE t (id BIGINT)',
    'CREATE VIEW "my view" AS SELECT id + 1 AS n FROM t',
  ]);
  await put(engine, 't', [1, 2]);
  const promised = await engine.promiseTable('MY VIEW');
  assert.deepEqual([promised.rowCount, promised.schema.fields.map((field) => field.name)], [2, ['n']]);
  assert.deepEqual((await engine.schemaOf('my view')).fields, promised.schema.fields);
  await put(engine, 't', [3]);
  await select(engine, 'DROP VIEW "my view"');
  assert.deepEqual(await rowsOf((await engine.redeem(promised.ticket)).batches()), [[2n], [3n]]);
  await assert.rejects(engine.promiseTable('my view'), { code: 'not_found' });
  assert.deepEqual(
    engine.tables().map(({ name }) => name),
    ['t'],
  );
});

test('puts and tables refuse the name of a view', async (t) => {
  const engine = await openWith(t, ['CREATE VIEW v AS SELECT 1 AS id']);
  const message = '"v" is a view, which has no rows of its own; use the tables that it reads';
  await assert.rejects(engine.beginPut('v', IDS), refusal('request_invalid', message));
  await assert.rejects(engine.createTable('V', IDS), refusal('request_invalid', message));
  await assert.rejects(engine.dropTable('v'), { code: 'request_invalid' });
  await assert.rejects(engine.compact('v'), { code: 'request_invalid' });
});

test('a put without a column gets its default, computed when the put begins', async (t) => {
  const engine = await openWith(t, [
    "CREATE TABLE t (id BIGINT, made TIMESTAMP NOT NULL DEFAULT now(), name VARCHAR DEFAULT 'é' || 'x', n INTEGER)",
  ]);
  await put(engine, 't', [1, 2]);
  assert.deepEqual(await select(engine, "SELECT id, made > TIMESTAMP '2024-01-01', name, n FROM t"), [
    [1n, true, 'éx', null],
    [2n, true, 'éx', null],
  ]);
  await select(engine, 'ALTER TABLE t ALTER name DROP DEFAULT');
  await put(engine, 't', [3]);
  assert.deepEqual(await select(engine, 'SELECT name FROM t WHERE id = 3'), [[null]]);
});

test('rows that come while a statement finds its rows are not changed by it', async (t) => {
  const engine = await openWith(t, ['CREATE TABLE t (id BIGINT)']);
  for (let i = 0; i < 5; i++) await put(engine, 't', [i * 2, i * 2 + 1]);
  const statements = [
    select(engine, 'UPDATE t SET id = id + 1000 WHERE id IN (SELECT max(id) FROM t WHERE id < 1000)'),
    select(engine, 'DELETE FROM t WHERE id = (SELECT min(id) FROM t)'),
    put(engine, 't', [500]),
  ];
  await Promise.all(statements);
  const ids = (await select(engine, 'FROM t')).map(([id]) => Number(id));
  assert.ok(ids.includes(500) || ids.includes(1500));
  assert.equal(ids.filter((id) => id >= 1000).length, 1);
  assert.equal(ids.length, 10);
  assert.ok(!ids.includes(0));
});

test('views stand on one another so deep and no deeper', async (t) => {
  const engine = await openWith(t, ['CREATE VIEW v0 AS SELECT 1 AS n']);
  const deep = `${'('.repeat(100)}SELECT 1${')'.repeat(100)}`;
  const text = (i: number): string =>
    `CREATE VIEW v${i.toString()} AS SELECT n + ${deep} AS n FROM v${(i - 1).toString()}`;
  for (let i = 1; i < VIEW_DEPTH_MAX; i++) await select(engine, text(i));
  assert.deepEqual(await select(engine, `FROM v${(VIEW_DEPTH_MAX - 1).toString()}`), [[VIEW_DEPTH_MAX]]);
  await select(engine, text(VIEW_DEPTH_MAX));
  const message = /views stand on one another more than 32 levels deep/u;
  await assert.rejects(select(engine, `FROM v${VIEW_DEPTH_MAX.toString()}`), { code: 'limit_exceeded', message });
});

test('information_schema.columns has the columns of views, but of those that cannot be read', async (t) => {
  const engine = await openWith(t, [
    'CREATE TABLE t (id BIGINT NOT NULL, name VARCHAR)',
    'CREATE TABLE gone (id BIGINT)',
    "CREATE VIEW v AS SELECT id, name || 'x' AS n FROM t",
    'CREATE VIEW broken AS SELECT * FROM gone',
    'CREATE VIEW meta AS SELECT table_name, count(*) AS columns FROM information_schema.columns GROUP BY ALL',
    'DROP TABLE gone',
  ]);
  const columns = 'table_name, column_name, ordinal_position, column_default, is_nullable, data_type';
  const text = `SELECT ${columns} FROM information_schema.columns ORDER BY table_name, ordinal_position`;
  assert.deepEqual(await select(engine, text), [
    ['meta', 'table_name', 1, null, 'YES', 'VARCHAR'],
    ['meta', 'columns', 2, null, 'YES', 'BIGINT'],
    ['t', 'id', 1, null, 'NO', 'BIGINT'],
    ['t', 'name', 2, null, 'YES', 'VARCHAR'],
    ['v', 'id', 1, null, 'YES', 'BIGINT'],
    ['v', 'n', 2, null, 'YES', 'VARCHAR'],
  ]);
  assert.deepEqual(await select(engine, 'SELECT * FROM meta ORDER BY ALL'), [
    ['t', 2n],
    ['v', 2n],
  ]);
});
