/**
 * System tables that tell of the running engine.
 *
 * Method: an engine on a directory of its own is asked about itself; what changes by itself (times, bytes) is compared
 * with what else is known of it.
 */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { makeField, makeSchema } from '../../src/arrow/schema.ts';
import { EngineError } from '../../src/base/errors.ts';
import { QUERIES_REMEMBERED_MAX, QUERY_TEXT_LENGTH_MAX } from '../../src/base/limits.ts';
import { metricsText } from '../../src/base/metrics.ts';
import { open, Session } from '../../src/engine/engine.ts';
import type { Engine } from '../../src/engine/engine.ts';
import type { StatementOptions } from '../../src/engine/contract.ts';
import { AGGREGATES, FUNCTIONS } from '../../src/function/registry.ts';
import { openStorage } from '../../src/storage/storage.ts';
import { rowsOf } from '../support/sample.ts';
import { temporaryDirectory } from '../support/temporary.ts';

type Run = (sql: string, options?: StatementOptions) => Promise<unknown[][]>;

async function openEngine(t: TestContext, directory = temporaryDirectory(t)): Promise<{ engine: Engine; run: Run }> {
  const engine = await open(directory);
  t.after(() => engine.close());
  return { engine, run: async (sql, options) => rowsOf((await engine.query(sql, options)).batches()) };
}

test('sheaf_tables and sheaf_segments tell what the snapshot holds', async (t) => {
  const { engine, run } = await openEngine(t);
  await run('CREATE TABLE flights (origin VARCHAR, day DATE)');
  await run('CREATE TABLE ports AS SELECT 1 AS id');
  await run("ALTER TABLE flights SET TTL '2 days' ON day");
  await run("INSERT INTO flights VALUES ('SEA', DATE '2024-02-29'), ('PDX', DATE '2024-03-01')");
  await engine.seal('flights');
  await run('ALTER TABLE flights ADD COLUMN delay INTEGER');
  await run("INSERT INTO flights VALUES ('BOI', DATE '2024-03-02', 7)");
  const columns =
    'table_name, column_count, row_count, segment_count, schema_version, ttl_column, ttl_seconds, damage';
  assert.deepEqual(await run(`SELECT ${columns} FROM sheaf_tables ORDER BY 1`), [
    ['flights', 3n, 3n, 2n, 2n, 'day', 172_800n, null],
    ['ports', 1n, 1n, 1n, 1n, null, null, null],
  ]);
  const [[bytes] = []] = await run("SELECT byte_count FROM sheaf_tables WHERE table_name = 'flights'");
  assert.equal(Number(bytes), engine.table('flights').byteCount);
  const segments = await run(
    'SELECT is_sealed, row_count, message_count, schema_version, damage FROM sheaf_segments ' +
      "WHERE table_name = 'flights'",
  );
  assert.deepEqual(segments, [
    [true, 2n, 1n, 1n, null],
    [false, 1n, 1n, 2n, null],
  ]);
  for (const [file] of await run('SELECT file FROM sheaf_segments')) {
    assert(existsSync(join(engine.directory, String(file))), String(file));
  }
  const joined =
    'SELECT count(*), min(s.created_version) > 0 FROM sheaf_segments s JOIN sheaf_tables t USING (table_name) ' +
    'WHERE s.row_count <= t.row_count';
  assert.deepEqual(await run(joined), [[3n, true]]);
});

test('sheaf_snapshots is what SHOW SNAPSHOTS lists', async (t) => {
  const { run } = await openEngine(t);
  await run('CREATE TABLE t (a INTEGER)');
  await run('INSERT INTO t VALUES (1)');
  const shown = await run('SHOW SNAPSHOTS');
  assert.deepEqual(await run('FROM sheaf_snapshots'), shown);
  assert.equal(shown.length, 2);
  assert.deepEqual(await run('SELECT count(*) FROM t AT (VERSION => 1), sheaf_snapshots'), [[0n]]);
});

test('sheaf_queries has those that run, the reader among them, and those that ended', async (t) => {
  const { engine, run } = await openEngine(t);
  await run('CREATE TABLE t AS SELECT range AS a FROM range(10)');
  await run('FROM t ORDER BY a DESC');
  await assert.rejects(run('FROM nowhere'));
  await assert.rejects(run("SELECT CAST('x' || a AS INTEGER) FROM t"));
  const left = await engine.query('SELECT a + 1 FROM t');
  const started = await engine.query('SELECT a + 2 FROM t');
  left.close();
  const rows = await run(
    'SELECT query_id, query, state, row_count, memory_bytes > 0, error FROM sheaf_queries WHERE elapsed_ms >= 0 ORDER BY 1',
  );
  const isError =
    (text: RegExp): ((row: unknown[]) => boolean) =>
    (row) =>
      text.test(String(row[5]));
  assert.deepEqual(
    rows.map((row) => row.slice(0, 5)),
    [
      [1n, 'CREATE TABLE t AS SELECT range AS a FROM range(10)', 'done', 10n, false],
      [2n, 'FROM t ORDER BY a DESC', 'done', 10n, true],
      [3n, 'FROM nowhere', 'failed', 0n, false],
      [4n, "SELECT CAST('x' || a AS INTEGER) FROM t", 'failed', 0n, false],
      [5n, 'SELECT a + 1 FROM t', 'cancelled', 0n, false],
      [6n, 'SELECT a + 2 FROM t', 'running', 0n, false],
      [7n, rows[6]?.[1], 'running', 0n, false],
    ],
  );
  assert.match(String(rows[6]?.[1]), /FROM sheaf_queries/u);
  assert.deepEqual(rows.map(isError(/^sql_bind: there is no table "nowhere"/u)).indexOf(true), 2);
  assert.deepEqual(rows.map(isError(/^value_error: /u)).indexOf(true), 3);
  assert.equal((await rowsOf(started.batches())).length, 10);
  const [[state, count] = []] = await run('SELECT state, row_count FROM sheaf_queries WHERE query_id = 6');
  assert.deepEqual([state, count], ['done', 10n]);
  const twice = 'SELECT count(*) FROM (FROM sheaf_queries EXCEPT FROM sheaf_queries)';
  assert.deepEqual(await run(twice), [[0n]]);
});

test('statements that ended are remembered up to a bound, and long texts are cut', async (t) => {
  const { run } = await openEngine(t);
  const long = `SELECT 1 -- ${'x'.repeat(QUERY_TEXT_LENGTH_MAX)}`;
  await run(long);
  assert.deepEqual(await run('SELECT query FROM sheaf_queries WHERE query_id = 1'), [
    [`${long.slice(0, QUERY_TEXT_LENGTH_MAX)}…`],
  ]);
  for (let i = 0; i < QUERIES_REMEMBERED_MAX; i++) await run('SELECT 1');
  const [[count, first] = []] = await run('SELECT count(*), min(query_id) FROM sheaf_queries');
  assert.deepEqual([count, first], [BigInt(QUERIES_REMEMBERED_MAX + 1), 3n]);
});

test('a promised result of a system table stays what was promised', async (t) => {
  const { engine, run } = await openEngine(t);
  await run('SELECT 1');
  const promised = await engine.promise('SELECT query FROM sheaf_queries');
  assert.equal(promised.rowCount, 2);
  await run('SELECT 2');
  const redeemed = await engine.redeem(promised.ticket);
  assert.deepEqual(await rowsOf(redeemed.batches()), [['SELECT 1'], ['SELECT query FROM sheaf_queries']]);
});

test('sheaf_metrics has the lines of the metrics page', async (t) => {
  const { run } = await openEngine(t);
  await run('SELECT 1');
  const rows = await run(
    'SELECT name, kind, labels, value FROM sheaf_metrics ' +
      "WHERE name IN ('sheaf_queries_total', 'sheaf_plan_seconds_count')",
  );
  const text = await metricsText();
  assert(rows.length >= 2);
  for (const [name, , labels] of rows) {
    const series = labels === '' ? String(name) : `${String(name)}{${String(labels)}}`;
    assert(text.includes(`\n${series} `), series);
  }
  const ok = rows.find(([, , labels]) => labels === 'outcome="ok"');
  assert(Number(ok?.[3]) >= 1);
  assert.equal(ok?.[1], 'counter');
});

test('sheaf_settings shows those of the session', async (t) => {
  const { run } = await openEngine(t);
  const session = new Session();
  await run('SET threads = 3', { session });
  const sql =
    "SELECT name, value, input_type, aliases FROM sheaf_settings WHERE name LIKE 'th%' OR name LIKE 'int%' ORDER BY 1";
  assert.deepEqual(await run(sql, { session }), [
    ['integer_division', 'false', 'BOOLEAN', ''],
    ['threads', '3', 'BIGINT', 'worker_threads'],
  ]);
  assert.deepEqual((await run(sql))[1], ['threads', '1', 'BIGINT', 'worker_threads']);
});

test('sheaf_functions has every entry of the registry with the type of its example', async (t) => {
  const { run } = await openEngine(t);
  const sql =
    'SELECT name, kind, arguments, returns, aliases FROM main.sheaf_functions ' +
    "WHERE name IN ('mode', '//', 'epoch') ORDER BY name";
  assert.deepEqual(await run(sql), [
    ['//', 'operator', '(number, number)', 'INTEGER', 'divide'],
    ['epoch', 'scalar', '(date), (timestamp), (time), (interval)', 'DOUBLE', ''],
    ['mode', 'aggregate', '(a value with an order)', 'INTEGER', ''],
  ]);
  assert.deepEqual(await run("SELECT description, example FROM sheaf_functions WHERE name = 'lower'"), [
    ['The text in lower case.', "lower('ÄB') → 'äb'"],
  ]);
  const faulty = "returns = '' OR description NOT LIKE '%.' OR example NOT LIKE '%→%'";
  assert.deepEqual(await run(`SELECT count(*) FROM sheaf.main.SHEAF_FUNCTIONS WHERE ${faulty}`), [[0n]]);
  const total = FUNCTIONS.length + AGGREGATES.length;
  assert.deepEqual(await run('SELECT count(*) FROM sheaf_functions'), [[BigInt(total)]]);
});

test('system tables are described, and refuse to be changed or read at another moment', async (t) => {
  const { engine, run } = await openEngine(t);
  assert.deepEqual(
    (await run('DESCRIBE sheaf_snapshots')).map((row) => row.slice(0, 3)),
    [
      ['version', 'BIGINT', 'NO'],
      ['time', 'TIMESTAMP WITH TIME ZONE', 'NO'],
      ['changes', 'VARCHAR', 'NO'],
    ],
  );
  assert.deepEqual(await run('SHOW TABLES'), []);
  const refused = async (sql: string, message: string): Promise<void> => {
    await assert.rejects(run(sql), (error: unknown) => {
      assert(error instanceof EngineError);
      assert.equal(`${error.code}: ${error.message.split('\n')[0] ?? ''}`, message, sql);
      return true;
    });
  };
  const readOnly = (at: number): string =>
    `sql_bind: "sheaf_queries" is a system table, and can only be read (line 1, column ${at.toString()})`;
  await refused('DELETE FROM sheaf_queries', readOnly(13));
  await refused("UPDATE sheaf_queries SET query = ''", readOnly(8));
  await refused('INSERT INTO sheaf_queries VALUES (1)', readOnly(13));
  await refused('TRUNCATE sheaf_queries', readOnly(10));
  await refused('DROP TABLE sheaf_queries', readOnly(12));
  await refused('ALTER TABLE sheaf_queries ADD COLUMN a INTEGER', readOnly(13));
  const belongs =
    'sql_bind: "information_schema.tables" belongs to a schema of system tables, which can only be read';
  await refused('DELETE FROM information_schema.tables', `${belongs} (line 1, column 13)`);
  await refused(
    'FROM sheaf_queries AT (VERSION => 0)',
    'sql_bind: "sheaf_queries" is a system table, and has no other moments (line 1, column 20); leave AT out',
  );
  await refused(
    'FROM sheaf_querys',
    'sql_bind: there is no table "sheaf_querys" (line 1, column 6); did you mean "sheaf_queries"?',
  );
  const kept = 'cannot name a table: names that begin with sheaf_ are kept for system tables';
  await refused(
    'CREATE TABLE Sheaf_mine (a INTEGER)',
    `sql_bind: "Sheaf_mine" ${kept} (line 1, column 14); choose another name`,
  );
  const schema = makeSchema([makeField('a', { id: 'utf8' })]);
  const isKept = { code: 'request_invalid', message: `"sheaf_mine" ${kept}; choose another name` };
  await assert.rejects(engine.createTable('sheaf_mine', schema), isKept);
  await assert.rejects(engine.beginPut('sheaf_mine', schema), isKept);
});

test('a table that had a kept name before goes on being read and written', async (t) => {
  const directory = temporaryDirectory(t);
  const schema = makeSchema([makeField('a', { id: 'int', bitWidth: 64, signed: true })]);
  const storage = await openStorage({ directory });
  await storage.createTable('sheaf_queries', schema);
  await storage.close();
  const { engine, run } = await openEngine(t, directory);
  await run('INSERT INTO sheaf_queries VALUES (1)');
  const put = await engine.beginPut('sheaf_queries', schema);
  await put.abort();
  assert.deepEqual(await run('FROM sheaf_queries'), [[1n]]);
  await run('DROP TABLE sheaf_queries');
  assert.deepEqual(await run('SELECT count(*) FROM sheaf_queries WHERE query_id = 1'), [[1n]]);
});

test('EXPLAIN ANALYZE runs the query, and tells what the zone maps spared it', async (t) => {
  const { engine, run } = await openEngine(t);
  await run('CREATE TABLE t AS SELECT range AS a FROM range(5)');
  await engine.seal('t');
  await run('INSERT INTO t SELECT range + 10 FROM range(5)');
  const [[key, text] = []] = await run('EXPLAIN ANALYZE SELECT a FROM t WHERE a >= 12');
  assert.equal(key, 'analyzed_plan');
  const lines = String(text).split('\n');
  assert.match(lines[0] ?? '', /^Filter \(a >= 12\) \(rows=3 batches=1 /u);
  assert.match(lines[1] ?? '', /^ {2}Scan t .* batches=1 of 2 \(rows=5 batches=1 .* segments=1 of 2\)$/u);
  assert.match(lines[2] ?? '', /^Total rows=3 time=[\d.]+ms planning=[\d.]+ms$/u);
  const promised = await engine.promise('EXPLAIN ANALYZE FROM t ORDER BY a');
  const [row] = await rowsOf((await engine.redeem(promised.ticket)).batches());
  assert.match(String(row?.[1]), /^Sort .* memory=/u);
  const [[memory] = []] = await run(
    "SELECT max(memory_bytes) FROM sheaf_queries WHERE query LIKE 'EXPLAIN ANALYZE FROM%'",
  );
  assert(Number(memory) > 0);
});
