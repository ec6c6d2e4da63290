/**
 * Statements that are run again, prepared or as the same text: what is kept of them never makes an answer an old one.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { STATEMENTS_CACHED_MAX } from '../../src/base/limits.ts';
import type { Engine, PreparedStatement } from '../../src/engine/contract.ts';
import { open, Session } from '../../src/engine/engine.ts';
import { StatementCache } from '../../src/engine/statement-cache.ts';
import { DEFAULT_SETTINGS } from '../../src/plan/setting.ts';
import { rowsOf } from '../support/sample.ts';
import { temporaryDirectory } from '../support/temporary.ts';

async function openEngine(t: TestContext, statements: readonly string[]): Promise<Engine> {
  const engine = await open(temporaryDirectory(t));
  t.after(() => engine.close());
  for (const sql of statements) await run(engine, sql);
  return engine;
}

async function run(engine: Engine, sql: string, session?: Session): Promise<unknown[][]> {
  return rowsOf((await engine.query(sql, session === undefined ? {} : { session })).batches());
}

async function runPrepared(prepared: PreparedStatement, values: Parameters<PreparedStatement['run']>[0]) {
  return rowsOf((await prepared.run(values)).batches());
}

/** Runs a text often enough that its plan is kept. */
async function runOften(engine: Engine, sql: string, session?: Session): Promise<unknown[][]> {
  let rows: unknown[][] = [];
  for (let i = 0; i < 3; i++) rows = await run(engine, sql, session);
  return rows;
}

const TABLE = ['CREATE TABLE t (id BIGINT, a INTEGER)', 'INSERT INTO t VALUES (1, 10), (2, 20)'];

test('rows that come and go between two runs are seen', async (t) => {
  const engine = await openEngine(t, TABLE);
  const prepared = await engine.prepare('SELECT a FROM t WHERE id = ?');
  const counted = 'SELECT count(*), (SELECT max(id) FROM t) FROM t';
  assert.deepEqual(await runPrepared(prepared, [2]), [[20]]);
  assert.deepEqual(await runOften(engine, counted), [[2n, 2n]]);
  await run(engine, 'INSERT INTO t VALUES (2, 21), (3, 30)');
  assert.deepEqual(await runPrepared(prepared, [2]), [[20], [21]]);
  assert.deepEqual(await run(engine, counted), [[4n, 3n]]);
  await run(engine, 'DELETE FROM t WHERE a = 20');
  assert.deepEqual(await runPrepared(prepared, [2]), [[21]]);
  await run(engine, 'TRUNCATE t');
  assert.deepEqual(await runPrepared(prepared, [2]), []);
  assert.deepEqual(await run(engine, counted), [[0n, null]]);
});

test('a table that was altered, or dropped and made anew, is read as it is', async (t) => {
  const engine = await openEngine(t, TABLE);
  const prepared = await engine.prepare('SELECT * FROM t WHERE id = ?');
  const text = 'SELECT * FROM t ORDER BY id LIMIT 1';
  assert.deepEqual(await runPrepared(prepared, [1]), [[1n, 10]]);
  assert.deepEqual(await runOften(engine, text), [[1n, 10]]);
  await run(engine, 'ALTER TABLE t ADD COLUMN b VARCHAR DEFAULT $$new$$');
  assert.deepEqual(await runPrepared(prepared, [1]), [[1n, 10, 'new']]);
  assert.deepEqual(await run(engine, text), [[1n, 10, 'new']]);
  await run(engine, 'ALTER TABLE t DROP COLUMN a');
  assert.deepEqual(await runPrepared(prepared, [1]), [[1n, 'new']]);
  await run(engine, 'ALTER TABLE t RENAME COLUMN id TO key');
  await assert.rejects(runPrepared(prepared, [1]), { code: 'sql_bind' });
  await run(engine, 'DROP TABLE t');
  await assert.rejects(runPrepared(prepared, [1]), { code: 'sql_bind' });
  await assert.rejects(run(engine, text), { code: 'sql_bind' });
  await run(engine, 'CREATE TABLE t (id VARCHAR)');
  await run(engine, "INSERT INTO t VALUES ('1'), ('x')");
  assert.deepEqual(await runPrepared(prepared, ['x']), [['x']]);
  assert.deepEqual(await run(engine, text), [['1']]);
});

test('a view that was replaced, or became a table, is read as it is', async (t) => {
  const engine = await openEngine(t, [...TABLE, 'CREATE VIEW v AS SELECT id FROM t']);
  const prepared = await engine.prepare('SELECT * FROM v WHERE id >= ?');
  assert.deepEqual(await runPrepared(prepared, [2]), [[2n]]);
  assert.deepEqual(await runPrepared(prepared, [1]), [[1n], [2n]]);
  await run(engine, 'CREATE OR REPLACE VIEW v AS SELECT a, id FROM t');
  assert.deepEqual(await runPrepared(prepared, [2]), [[20, 2n]]);
  await run(engine, 'DROP VIEW v');
  await run(engine, 'CREATE TABLE v AS SELECT 7 AS id');
  assert.deepEqual(await runPrepared(prepared, [2]), [[7]]);
});

test('settings are those of the session at each run', async (t) => {
  const engine = await openEngine(t, TABLE);
  const [one, two] = [new Session(), new Session()];
  const text = 'SELECT 7 / a FROM t WHERE id = 1';
  assert.deepEqual(await runOften(engine, text, one), [[0.7]]);
  await run(engine, 'PREPARE p AS SELECT 7 / a FROM t WHERE id = $1', one);
  assert.deepEqual(await runOften(engine, 'EXECUTE p(1)', one), [[0.7]]);
  await run(engine, 'SET integer_division = true', one);
  assert.deepEqual(await runOften(engine, text, one), [[0]]);
  assert.deepEqual(await runOften(engine, 'EXECUTE p(1)', one), [[0]]);
  assert.deepEqual(await runOften(engine, text, two), [[0.7]]);
  await run(engine, 'RESET integer_division', one);
  assert.deepEqual(await runOften(engine, 'EXECUTE p(1)', one), [[0.7]]);
});

test('now(), other moments and system tables are those of each run', async (t) => {
  let wallMs = 1_000;
  const clock = { wallMs: () => wallMs, monotonicMs: () => performance.now() };
  const engine = await open(temporaryDirectory(t), { clock });
  t.after(() => engine.close());
  await run(engine, 'CREATE VIEW later AS SELECT now() AS moment');
  const micros = async (sql: string): Promise<unknown> => (await run(engine, sql))[0]?.[0];
  const prepared = await engine.prepare('SELECT now(), ?');
  for (let i = 0; i < 4; i++) {
    wallMs += 1_000;
    assert.equal(await micros('SELECT now()'), BigInt(wallMs) * 1_000n);
    assert.equal(await micros('SELECT moment FROM later'), BigInt(wallMs) * 1_000n);
    assert.equal((await runPrepared(prepared, [1]))[0]?.[0], BigInt(wallMs) * 1_000n);
    const [[count]] = (await run(engine, 'SELECT count(*) FROM sheaf_queries')) as [[bigint]];
    assert(count > BigInt(i * 4), 'the statements that have run since');
    assert.deepEqual(await run(engine, 'SELECT count(*) FROM information_schema.tables'), [[BigInt(i + 1)]]);
    await run(engine, `CREATE TABLE t${i.toString()} (id BIGINT)`);
  }
});

test('values of other types are bound anew, and each run has its own', async (t) => {
  const engine = await openEngine(t, TABLE);
  const prepared = await engine.prepare('SELECT id FROM t WHERE a > ? ORDER BY id LIMIT ?');
  assert.deepEqual(await runPrepared(prepared, [5, 10]), [[1n], [2n]]);
  assert.deepEqual(await runPrepared(prepared, [5, 1]), [[1n]]);
  assert.deepEqual(await runPrepared(prepared, [10.5, 1]), [[2n]]);
  assert.deepEqual(await runPrepared(prepared, [null, 1]), []);
  assert.deepEqual(await runPrepared(prepared, ['10', null]), [[2n]]);
  assert.deepEqual(await runPrepared(prepared, [2 ** 40, 1]), []);
  const together = await Promise.all([5, 15, 25, 5].map((least) => runPrepared(prepared, [least, 10])));
  assert.deepEqual(together, [[[1n], [2n]], [[2n]], [], [[1n], [2n]]]);
});

test('a ticket of a text that is kept answers from its own snapshot', async (t) => {
  const engine = await openEngine(t, TABLE);
  const text = 'SELECT sum(a) FROM t WHERE id > 0';
  assert.deepEqual(await runOften(engine, text), [[30n]]);
  const { ticket } = await engine.promise(text);
  await run(engine, 'INSERT INTO t VALUES (3, 5)');
  assert.deepEqual(await runOften(engine, text), [[35n]]);
  assert.deepEqual(await rowsOf((await engine.redeem(ticket)).batches()), [[30n]]);
});

test('texts are remembered from the second time on, and no more of them than there may be', () => {
  const cache = new StatementCache();
  const read = (sql: string) => cache.read(sql, DEFAULT_SETTINGS);
  assert.equal(read('SELECT 1').memory, undefined);
  const kept = read('SELECT 1');
  assert.notEqual(kept.memory, undefined);
  assert.equal(read('SELECT 1'), kept);
  for (let i = 0; i < STATEMENTS_CACHED_MAX - 1; i++) read(`SELECT ${i.toString()} AS n`);
  assert.equal(read('SELECT 1'), kept, 'what was asked for lately stays');
  for (let i = 0; i < STATEMENTS_CACHED_MAX; i++) read(`SELECT ${i.toString()} AS m`);
  assert.notEqual(read('SELECT 1'), kept);
  assert.notEqual(cache.read('SELECT 1', { ...DEFAULT_SETTINGS, integer_division: true }), read('SELECT 1'));
  const long = `SELECT '${'x'.repeat(5_000)}'`;
  read(long);
  assert.equal(read(long).memory, undefined);
  const insert = 'INSERT INTO t VALUES (1)';
  read(insert);
  assert.equal(read(insert).memory, undefined);
});
