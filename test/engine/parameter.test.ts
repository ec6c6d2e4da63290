/**
 * Parameters: their types come from their places, values from outside, and what does not fit is told by name.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { tableFromArrays } from 'apache-arrow';
import { buildVector } from '../../src/arrow/build.ts';
import { makeField, makeSchema } from '../../src/arrow/schema.ts';
import { typeName } from '../../src/arrow/type.ts';
import type { DataType } from '../../src/arrow/type.ts';
import type { Engine, ParameterValues } from '../../src/engine/contract.ts';
import { open, Session } from '../../src/engine/engine.ts';
import { open as openDatabase } from '../../src/engine/library.ts';
import { refusal } from '../support/refusal.ts';
import { INT64, rowsOf, UTF8 } from '../support/sample.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const TABLE = 'CREATE TABLE t (id BIGINT NOT NULL, name VARCHAR, price DECIMAL(10, 2), ts TIMESTAMP, on_day DATE)';

async function openEngine(t: TestContext): Promise<Engine> {
  const engine = await open(temporaryDirectory(t));
  t.after(() => engine.close());
  await rowsOf((await engine.query(TABLE)).batches());
  return engine;
}

async function run(engine: Engine, sql: string, values?: ParameterValues): Promise<unknown[][]> {
  return rowsOf((await engine.query(sql, values === undefined ? {} : { values })).batches());
}

/** A value and its type, as one query answers them. */
async function typed(engine: Engine, value: unknown): Promise<unknown> {
  return (await run(engine, 'SELECT typeof($1), $1', [value] as ParameterValues))[0];
}

test('values of JavaScript have the types that such literals have', async (t) => {
  const engine = await openEngine(t);
  assert.deepEqual(await typed(engine, 5), ['INTEGER', 5]);
  assert.deepEqual(await typed(engine, 2 ** 40), ['BIGINT', 2n ** 40n]);
  assert.deepEqual(await typed(engine, 9_007_199_254_740_993n), ['BIGINT', 9_007_199_254_740_993n]);
  assert.deepEqual(await typed(engine, 1.5), ['DOUBLE', 1.5]);
  assert.deepEqual(await typed(engine, -0), ['DOUBLE', -0]);
  assert.deepEqual(await typed(engine, 'é'), ['VARCHAR', 'é']);
  assert.deepEqual(await typed(engine, true), ['BOOLEAN', true]);
  assert.deepEqual(await typed(engine, null), ['NULL', null]);
  assert.deepEqual(await typed(engine, Uint8Array.of(0, 255)), ['BLOB', Uint8Array.of(0, 255)]);
  assert.deepEqual(((await typed(engine, { type: 'DECIMAL(10, 2)', value: '1.50' })) as unknown[])[1], '1.50');
  assert.deepEqual(await typed(engine, { type: 'bigint', value: '9007199254740993' }), [
    'BIGINT',
    9_007_199_254_740_993n,
  ]);
});

test('one value stands in all places of its number or name', async (t) => {
  const engine = await openEngine(t);
  assert.deepEqual(await run(engine, 'SELECT ?, ?1, $1, ?', [5, 6]), [[5, 5, 5, 6]]);
  assert.deepEqual(
    await run(engine, 'SELECT ?, $3, ?', [1, 2, 3]).catch((error: Error) => error.message),
    ['a value is given for parameter $2, which the statement does not have; it has $1, $3, $4'][0],
  );
  assert.deepEqual(await run(engine, 'SELECT $low, $LOW + 1', { low: 1 }), [[1, 2]]);
  assert.deepEqual(await run(engine, 'SELECT $1 + $2', { 1: 1, $2: 2 }), [[3n]]);
});

test('a value takes the type of its place: text of numbers, dates and decimals, a Date of a timestamp', async (t) => {
  const engine = await openEngine(t);
  const at = new Date('2024-02-29T12:00:00.123Z');
  await run(engine, 'INSERT INTO t VALUES (?, ?, ?, ?, ?)', [1, 'a', '12.30', at, '2024-02-29']);
  await run(engine, 'INSERT INTO t (id, price) VALUES ($id, $price)', { id: '2', price: 1.005 });
  assert.deepEqual(await run(engine, 'SELECT id, price FROM t WHERE id = ?', ['1']), [[1n, '12.30']]);
  for (const [condition, value] of [
    ['price = ?', '12.3'],
    ['price > ?', 12],
    ['ts = ?', at],
    ['ts = ?', '2024-02-29 12:00:00.123'],
    ['on_day <= ?', '2024-02-29'],
    ["on_day BETWEEN ? AND DATE '2024-03-01'", '2024-02-28'],
    ['id IN (?, 7)', 1n],
    ['name LIKE ?', 'a%'],
    ["(name = 'b') IS NOT DISTINCT FROM ?", false],
    ['id + ? = 3', 2],
  ] as const) {
    assert.deepEqual(await run(engine, `SELECT id FROM t WHERE ${condition} AND id < 2`, [value]), [[1n]], condition);
  }
  assert.deepEqual(await run(engine, 'SELECT id FROM t WHERE id = ?', [1.5]), []);
  assert.deepEqual(await run(engine, 'SELECT id FROM t WHERE id > ?', [1.5]), [[2n]]);
  assert.deepEqual(await run(engine, 'SELECT id FROM t ORDER BY id LIMIT ? OFFSET ?', ['1', 1]), [[2n]]);
  assert.deepEqual(await run(engine, 'SELECT count(*) FROM t LIMIT ?', [null]), [[2n]]);
  assert.deepEqual(await run(engine, 'UPDATE t SET name = $n WHERE id = $i', { n: 'z', i: 2 }), [[1n]]);
  assert.deepEqual(await run(engine, 'DELETE FROM t WHERE name = ?', ['z']), [[1n]]);
  assert.deepEqual(await run(engine, 'SELECT range FROM range(?)', [2]), [[0n], [1n]]);
  assert.deepEqual(await run(engine, "SELECT date_trunc('day', ?)", [at]), [[1_709_164_800_000_000n]]);
  const version = (await run(engine, 'SHOW SNAPSHOTS')).at(-2)?.[0] as bigint;
  assert.deepEqual(await run(engine, 'SELECT count(*) FROM t AT (VERSION => ?)', [version]), [[2n]]);
});

test('a value that is missing, too many or of the wrong kind is refused by name', async (t) => {
  const engine = await openEngine(t);
  const refused = (sql: string, values: unknown, code: Parameters<typeof refusal>[0], message: string) =>
    assert.rejects(run(engine, sql, values as ParameterValues), refusal(code, message));
  const one = 'SELECT * FROM t WHERE id = ?';
  await refused(
    one,
    [],
    'sql_bind',
    `parameter $1 has no value (line 1, column 28); give one for each parameter\n${one}\n${' '.repeat(27)}^`,
  );
  await refused(
    one,
    [1, 2],
    'request_invalid',
    'a value is given for parameter $2, which the statement does not have; it has $1',
  );
  await refused(
    'SELECT $price',
    { prise: 1 },
    'request_invalid',
    'a value is given for parameter $prise, which the statement does not have; did you mean $price?',
  );
  await refused(one, ['x'], 'value_error', "parameter $1: 'x' cannot be read as BIGINT");
  await refused(
    'SELECT * FROM t WHERE on_day = ?',
    [true],
    'value_error',
    'parameter $1 takes a value of type DATE, not BOOLEAN',
  );
  await refused(
    'SELECT CAST($d AS DATE)',
    { d: '2024-02-30' },
    'value_error',
    "parameter $d: '2024-02-30' cannot be read as DATE",
  );
  await refused(
    'SELECT 1 LIMIT ?',
    [-1],
    'sql_bind',
    `parameter $1: LIMIT must not be negative (line 1, column 16)\nSELECT 1 LIMIT ?\n${' '.repeat(15)}^`,
  );
  const insert = 'INSERT INTO t (id) VALUES (?)';
  await refused(
    insert,
    [null],
    'sql_bind',
    `parameter $1: column "id" is NOT NULL and cannot be set to NULL (line 1, column 28)\n${insert}\n${' '.repeat(27)}^`,
  );
  await refused(
    'SELECT ?',
    [2n ** 200n],
    'request_invalid',
    `parameter $1: ${(2n ** 200n).toString()} is beyond DECIMAL(38,0)`,
  );
  const forms = 'a number, text, boolean or null, or { "type": "DECIMAL(10, 2)", "value": "1.50" }';
  await refused('SELECT ?', [[1]], 'request_invalid', `parameter $1: the value is not ${forms}`);
  await refused(
    'SELECT 1',
    { a: 1 },
    'request_invalid',
    'a value is given for parameter $a, which the statement does not have; it has no parameters',
  );
});

test('a prepared statement knows the types of parameters and answer before it runs', async (t) => {
  const engine = await openEngine(t);
  const known = async (sql: string): Promise<readonly unknown[]> => {
    const { parameters, schema, writes } = await engine.prepare(sql);
    const names = (fields: readonly { name: string; type: DataType }[] | undefined): string =>
      (fields ?? []).map(({ name, type }) => `${name} ${typeName(type)}`).join(', ');
    return [names(parameters.fields), schema === undefined ? undefined : names(schema.fields), writes];
  };
  assert.deepEqual(await known('SELECT id, price + $p AS x FROM t WHERE id = $i AND on_day < $d'), [
    'p decimal128(11, 2), i int64, d date32[day]',
    'id int64, x decimal128(11, 2)',
    false,
  ]);
  assert.deepEqual(await known('INSERT INTO t (id, ts) VALUES ($2, $1)'), [
    '1 timestamp[us], 2 int64',
    'Count int64',
    true,
  ]);
  assert.deepEqual(await known('UPDATE t SET price = ? WHERE name = ?'), [
    '1 decimal128(10, 2), 2 string',
    'Count int64',
    true,
  ]);
  assert.deepEqual(await known('SELECT CAST(? AS INTEGER) AS x LIMIT ?'), ['1 int32, 2 int64', 'x int32', false]);
  assert.deepEqual(await known('SELECT range FROM range(?)'), ['1 int64', 'range int64', false]);
  // What depends on the value is not promised.
  assert.deepEqual(await known('SELECT ?'), ['1 null', undefined, false]);
  assert.deepEqual(await known('SELECT 1 AS x'), ['', 'x int32', false]);
  await assert.rejects(engine.prepare('SELECT nope FROM t WHERE id = ?'), /column "nope" is not in table t/);
});

test('a prepared statement runs again and again, on what there is then, also when the table has changed', async (t) => {
  const engine = await openEngine(t);
  const insert = await engine.prepare('INSERT INTO t (id, name) VALUES (?, ?)');
  const select = await engine.prepare('SELECT name FROM t WHERE id = ?');
  for (let i = 0; i < 20; i++) {
    await rowsOf((await insert.run([i, `n${i.toString()}`])).batches());
    assert.deepEqual(await rowsOf((await select.run([i])).batches()), [[`n${i.toString()}`]]);
  }
  await assert.rejects(select.run(['x']), refusal('value_error', "parameter $1: 'x' cannot be read as BIGINT"));
  await run(engine, 'DROP TABLE t');
  await run(engine, "CREATE TABLE t AS SELECT 'x' AS id, 7 AS name");
  assert.deepEqual(await rowsOf((await select.run(['x'])).batches()), [[7]]);
  await assert.rejects(insert.run([1]), /^EngineError: parameter \$2 has no value/);
});

test('rows of values are inserted in one commit, and run other statements one after another', async (t) => {
  const engine = await openEngine(t);
  const schema = makeSchema([makeField('a', INT64), makeField('b', UTF8)]);
  const batchOf = (ids: readonly (bigint | null)[], texts: readonly string[]) => {
    const columns = [buildVector(INT64, [...ids]), buildVector(UTF8, [...texts])];
    return { schema, rowCount: ids.length, columns };
  };
  const insert = await engine.prepare("INSERT INTO t (id, price, name) VALUES ($1, $2, upper('n' || $1))");
  const before = (await run(engine, 'SHOW SNAPSHOTS')).length;
  const result = await insert.runRows(batchOf([1n, 2n, 3n], ['1.5', '2.5', '3.5']));
  assert.deepEqual(await rowsOf(result.batches()), [[3n]]);
  assert.equal((await run(engine, 'SHOW SNAPSHOTS')).length, before + 1);
  const all = [
    [1n, '1.50', 'N1'],
    [2n, '2.50', 'N2'],
    [3n, '3.50', 'N3'],
  ];
  assert.deepEqual(await run(engine, 'SELECT id, price, name FROM t'), all);
  // All or nothing, also for the last row.
  await assert.rejects(insert.runRows(batchOf([4n, 5n], ['4', 'x'])), /'x'/);
  await assert.rejects(insert.runRows(batchOf([4n, null], ['4', '5'])), /NOT NULL/);
  assert.deepEqual(await run(engine, 'SELECT count(*) FROM t'), [[3n]]);
  const select = await engine.prepare('SELECT id FROM t WHERE id >= ? AND name <> ? ORDER BY id');
  const rows = await select.runRows(batchOf([3n, 2n], ['', 'N3']));
  assert.deepEqual(await rowsOf(rows.batches()), [[3n], [2n]]);
  const update = await engine.prepare('UPDATE t SET name = $2 WHERE id = $1');
  assert.deepEqual(await rowsOf((await update.runRows(batchOf([1n, 9n], ['x', 'y']))).batches()), [[1n]]);
  await assert.rejects(
    select.runRows({ schema: makeSchema([]), rowCount: 1, columns: [] }),
    /parameter \$1 has no value/,
  );
});

test('PREPARE, EXECUTE and DEALLOCATE keep statements in a session', async (t) => {
  const engine = await openEngine(t);
  const session = new Session();
  const say = async (sql: string): Promise<unknown[][]> => rowsOf((await engine.query(sql, { session })).batches());
  await say('PREPARE put AS INSERT INTO t (id, name) VALUES (?, ?)');
  assert.deepEqual(await say("EXECUTE put(1 + 1, lower('A'))"), [[1n]]);
  await say('PREPARE "Get" AS SELECT name, now() = now() FROM t WHERE id = $id');
  assert.deepEqual(await say('EXECUTE get(id := 2)'), [['a', true]]);
  await assert.rejects(say('EXECUTE put(1)'), /parameter \$2 has no value/);
  await assert.rejects(say('EXECUTE get(2)'), /a value is given for parameter \$1/);
  await assert.rejects(
    say('EXECUTE git'),
    refusal('not_found', 'there is no prepared statement "git"; did you mean "get"?'),
  );
  await say('DEALLOCATE get');
  await say('DEALLOCATE get');
  await assert.rejects(say('EXECUTE get(id := 2)'), /there is no prepared statement "get"/);
  await assert.rejects(
    engine.query('EXECUTE put(1, 2)'),
    refusal(
      'request_invalid',
      'EXECUTE needs a session, and this door keeps none; sessions are kept over Flight, and in an embedded database',
    ),
  );
  await assert.rejects(
    engine.query('EXECUTE put(1, 2)', { session, readOnly: true }),
    /^EngineError: INSERT writes, and this door only reads/,
  );
});

test('the library takes values by place and by name, and tables of them', async (t) => {
  const database = await openDatabase(temporaryDirectory(t));
  t.after(() => database.close());
  await database.query('CREATE TABLE t (a BIGINT, b VARCHAR)');
  const insert = await database.prepare('INSERT INTO t VALUES (?, ?)');
  await insert.queryRows(tableFromArrays({ a: [1, 2, 3], b: ['x', 'y', 'z'] }));
  await insert.query([4n, null]);
  const rows = await database.query('SELECT a FROM t WHERE a > $low ORDER BY a', { low: 2 });
  assert.deepEqual(
    rows.toArray().map((row) => Number(row['a'])),
    [3, 4],
  );
});
