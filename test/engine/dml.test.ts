/**
 * Statements that change tables, from SQL text to rows read again: DELETE, UPDATE, ALTER, TRUNCATE, and reading the
 * past.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { open } from '../../src/engine/engine.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { refusal } from '../support/refusal.ts';
import { rowsOf } from '../support/sample.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { INT64, UTF8, batchOf, schemaOf } from '../support/sample.ts';

const ITEMS = schemaOf({ id: INT64, name: UTF8 });

async function openTemporary(t: TestContext): Promise<Engine> {
  const directory = temporaryDirectory(t);
  const engine = await open(directory);
  t.after(() => engine.close());
  return engine;
}

async function put(engine: Engine, from: number, rows: number): Promise<void> {
  const ids = Array.from({ length: rows }, (_, i) => from + i);
  const stream = await engine.beginPut('items', ITEMS);
  await stream.write(batchOf(ITEMS, [ids, ids.map((id) => `item ${id.toString()}`)]));
  await stream.commit();
}

async function select(engine: Engine, sql: string): Promise<unknown[][]> {
  return rowsOf((await engine.query(sql)).batches());
}

test('DELETE and UPDATE answer how many rows they changed, and the rows are as they say', async (t) => {
  const engine = await openTemporary(t);
  await put(engine, 0, 10);
  assert.deepEqual(await select(engine, 'DELETE FROM items WHERE id % 2 = 0'), [[5n]]);
  await put(engine, 10, 2);
  assert.deepEqual(await select(engine, 'UPDATE items SET name = upper(name), id = id + 100 WHERE id > 6'), [[4n]]);
  assert.deepEqual(await select(engine, 'SELECT * FROM items'), [
    [1n, 'item 1'],
    [3n, 'item 3'],
    [5n, 'item 5'],
    [107n, 'ITEM 7'],
    [109n, 'ITEM 9'],
    [110n, 'ITEM 10'],
    [111n, 'ITEM 11'],
  ]);
  assert.deepEqual(await select(engine, 'DELETE FROM items WHERE id < 0'), [[0n]]);
  assert.deepEqual(await select(engine, 'DELETE FROM items WHERE name IS NULL'), [[0n]]);
  assert.deepEqual(await select(engine, 'TRUNCATE items'), [[7n]]);
  assert.deepEqual(await select(engine, 'SELECT count(*) FROM items'), [[0n]]);
  await put(engine, 0, 3);
  assert.deepEqual(await select(engine, 'DELETE FROM items'), [[3n]]);
  await assert.rejects(engine.query('DELETE FROM nothing'), { code: 'sql_bind' });
});

test('tickets answer the snapshot that they were promised on, across deletes, updates and truncations', async (t) => {
  const engine = await openTemporary(t);
  await put(engine, 0, 6);
  const whole = await engine.promiseTable('items');
  const some = await engine.promise('SELECT id FROM items WHERE id >= 4');
  await select(engine, 'DELETE FROM items WHERE id > 2');
  const half = await engine.promiseTable('items');
  await select(engine, "UPDATE items SET name = 'x'");
  await select(engine, 'ALTER TABLE items DROP COLUMN name');
  await select(engine, 'TRUNCATE items');
  for (let again = 0; again < 2; again++) {
    const rows = await rowsOf((await engine.redeem(whole.ticket)).batches());
    assert.deepEqual(
      rows.map((row) => row[1]),
      [0, 1, 2, 3, 4, 5].map((id) => `item ${id.toString()}`),
    );
    assert.deepEqual(await rowsOf((await engine.redeem(some.ticket)).batches()), [[4n], [5n]]);
    assert.equal((await rowsOf((await engine.redeem(half.ticket)).batches())).length, 3);
  }
  assert.deepEqual(await select(engine, 'SELECT count(*) FROM items'), [[0n]]);
});

test('the past is read by version and by time, and SHOW SNAPSHOTS lists what can be', async (t) => {
  const engine = await openTemporary(t);
  await put(engine, 0, 2);
  await put(engine, 2, 2);
  await select(engine, 'DELETE FROM items WHERE id = 1');
  await select(engine, "ALTER TABLE items ADD COLUMN note VARCHAR DEFAULT 'none'");
  const snapshots = await select(engine, 'SHOW SNAPSHOTS');
  assert.deepEqual(
    snapshots.map((row) => Number(row[0])),
    [1, 2, 3, 4],
  );
  assert.equal(String(snapshots[2]?.[2]), 'delete');
  const at = (version: number): Promise<unknown[][]> =>
    select(engine, `SELECT * FROM items AT (VERSION => ${version.toString()})`);
  assert.deepEqual(
    (await Promise.all([1, 2, 3, 4].map(at))).map((rows) => rows.map((row) => Number(row[0]))),
    [
      [0, 1],
      [0, 1, 2, 3],
      [0, 2, 3],
      [0, 2, 3],
    ],
  );
  assert.deepEqual((await at(3))[0], [0n, 'item 0']);
  assert.deepEqual((await at(4))[0], [0n, 'item 0', 'none']);
  assert.deepEqual(await select(engine, "SELECT count(*) FROM items AT (TIMESTAMP => '2999-01-01 00:00:00')"), [
    [3n],
  ]);
  await assert.rejects(
    at(9),
    refusal('snapshot_gone', 'snapshot 9 is not there (any more): versions 0 to 4 can be read; ask again'),
  );
  assert.equal(engine.status().queriesRunning, 0);
});

test('describe says what a statement answers before it runs, and runs nothing', async (t) => {
  const engine = await openTemporary(t);
  await put(engine, 0, 3);
  for (const sql of ['DELETE FROM items', "UPDATE items SET name = 'x'", 'TRUNCATE items', 'DROP TABLE items']) {
    const { fields } = await engine.describe(sql);
    const [field] = fields;
    assert.equal(fields.length, 1);
    assert.deepEqual(
      [field?.name, field?.type.id, field?.nullable],
      sql.startsWith('DROP') ? ['status', 'utf8', false] : ['Count', 'int', false],
    );
  }
  assert.deepEqual(await select(engine, 'SELECT count(*) FROM items'), [[3n]]);
  const result = await engine.query('DELETE FROM items WHERE id = 0');
  assert.deepEqual(result.schema, await engine.describe('DELETE FROM items'));
});

test('where only reading is allowed, statements that change rows are refused and change none', async (t) => {
  const engine = await openTemporary(t);
  await put(engine, 0, 3);
  const cases = [
    ['DELETE FROM items', 'DELETE'],
    ["UPDATE items SET name = 'x'", 'UPDATE'],
    ['TRUNCATE items', 'TRUNCATE'],
    ['ALTER TABLE items DROP COLUMN name', 'ALTER TABLE'],
  ] as const;
  for (const [sql, kind] of cases) {
    const message =
      `${kind} writes, and this door only reads; ` +
      'send it by HTTP POST /query, the sheaf query command, or a Flight action';
    await assert.rejects(engine.query(sql, { readOnly: true }), refusal('request_invalid', message));
    await assert.rejects(engine.promise(sql), refusal('request_invalid', message));
  }
  assert.deepEqual(
    await select(engine, 'SELECT * FROM items AT (VERSION => 1)'),
    await select(engine, 'SELECT * FROM items'),
  );
  assert.equal((await select(engine, 'SHOW SNAPSHOTS')).length, 1);
});

test('a statement that fails on a row changes none, and NOT NULL holds', async (t) => {
  const engine = await openTemporary(t);
  await select(engine, 'CREATE TABLE strict (id BIGINT NOT NULL, name VARCHAR)');
  const schema = engine.table('strict').schema;
  const stream = await engine.beginPut('strict', schema);
  await stream.write({
    ...batchOf(schema, [
      [1, 2, 3],
      ['1', 'two', '3'],
    ]),
    schema,
  });
  await stream.commit();
  const before = await select(engine, 'SELECT * FROM strict');
  await assert.rejects(engine.query('UPDATE strict SET id = CAST(name AS BIGINT)'), { code: 'value_error' });
  await assert.rejects(engine.query('UPDATE strict SET id = NULL WHERE id = 2'), { code: 'sql_bind' });
  await assert.rejects(engine.query('UPDATE strict SET id = nullif(id, 2)'), { code: 'value_error' });
  assert.deepEqual(await select(engine, 'SELECT * FROM strict'), before);
  assert.deepEqual(await select(engine, 'UPDATE strict SET id = CAST(name AS BIGINT) * 10 WHERE id <> 2'), [[2n]]);
  assert.deepEqual(await select(engine, 'SELECT id FROM strict'), [[10n], [2n], [30n]]);
});

test('columns that come and go are seen by the next statement, with IF EXISTS and IF NOT EXISTS', async (t) => {
  const engine = await openTemporary(t);
  await put(engine, 0, 2);
  assert.deepEqual(await select(engine, 'ALTER TABLE items ADD COLUMN n BIGINT DEFAULT 5'), [
    ['added column n to table items'],
  ]);
  assert.deepEqual(await select(engine, 'ALTER TABLE items ADD COLUMN IF NOT EXISTS n BIGINT'), [
    ['column n exists'],
  ]);
  assert.deepEqual(await select(engine, 'ALTER TABLE items RENAME COLUMN n TO m'), [
    ['renamed column n of table items to m'],
  ]);
  assert.deepEqual(await select(engine, 'UPDATE items SET m = m + id WHERE m = 5'), [[2n]]);
  assert.deepEqual(await select(engine, 'SELECT m FROM items WHERE m > 5'), [[6n]]);
  assert.deepEqual(await select(engine, 'ALTER TABLE items DROP COLUMN IF EXISTS n'), [['no column n']]);
  assert.deepEqual(await select(engine, 'ALTER TABLE IF EXISTS absent DROP COLUMN n'), [['no table absent']]);
  assert.deepEqual(await select(engine, 'ALTER TABLE items DROP COLUMN m'), [['dropped column m of table items']]);
  assert.deepEqual(await select(engine, 'SELECT * FROM items'), [
    [0n, 'item 0'],
    [1n, 'item 1'],
  ]);
});

test('queries within queries read older versions, keep their promises, and feed INSERT and CREATE', async (t) => {
  const engine = await openTemporary(t);
  await put(engine, 0, 4);
  const { version } = engine.status();
  await select(engine, 'DELETE FROM items WHERE id < 2');
  const past = `FROM items AT (VERSION => ${version.toString()})`;
  const sql = `WITH gone AS (SELECT id ${past} WHERE id < 2) SELECT sum(n) FROM (SELECT id + 10 AS n FROM gone)`;
  assert.deepEqual(await select(engine, sql), [[21n]]);
  const nested = `SELECT count(*) FROM (SELECT id FROM (SELECT * ${past}) WHERE id <> 1)`;
  const promised = await engine.promise(nested);
  assert.deepEqual(await select(engine, `CREATE TABLE kept AS WITH all_of AS (SELECT * ${past}) FROM all_of`), [
    [4n],
  ]);
  assert.deepEqual(await select(engine, 'INSERT INTO kept WITH a AS (FROM items) SELECT id + 100, name FROM a'), [
    [2n],
  ]);
  assert.deepEqual(await select(engine, 'SELECT count(*), max(id) FROM (FROM kept WHERE name IS NOT NULL)'), [
    [6n, 103n],
  ]);
  await select(engine, 'TRUNCATE items');
  assert.deepEqual(await rowsOf((await engine.redeem(promised.ticket)).batches()), [[3n]]);
  assert.deepEqual(
    (await select(engine, 'DESCRIBE WITH a AS (SELECT id AS x FROM items) FROM a')).map((row) => row[0]),
    ['x'],
  );
});
