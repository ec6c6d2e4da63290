/** INSERT and CREATE TABLE AS, from SQL text to rows read again: VALUES and queries, column lists, defaults, encodings, refusals. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { makeField, makeSchema } from '../../src/arrow/schema.ts';
import type { DataType } from '../../src/arrow/type.ts';
import { open } from '../../src/engine/engine.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { INT64, rowsOf } from '../support/sample.ts';
import { temporaryDirectory } from '../support/temporary.ts';

async function openTemporary(t: TestContext): Promise<Engine> {
  const engine = await open(temporaryDirectory(t));
  t.after(() => engine.close());
  return engine;
}

async function run(engine: Engine, sql: string): Promise<unknown[][]> {
  return rowsOf((await engine.query(sql)).batches());
}

/** The refusal of a statement: its code, its message and the text that it points at. */
async function refused(engine: Engine, sql: string): Promise<readonly [code: string, message: string, at: string]> {
  const error = await engine.query(sql).then(
    () => assert.fail(`${sql} was not refused`),
    (reason: unknown) => reason as { code: string; message: string; position?: { start: number; end: number } },
  );
  const { code, message, position } = error;
  return [code, message.split('\n')[0] ?? '', position === undefined ? '' : sql.slice(position.start, position.end)];
}

test('VALUES of every type that columns are made of come back as they were written', async (t) => {
  const engine = await openTemporary(t);
  await run(
    engine,
    `CREATE TABLE kinds (b BOOLEAN, i1 TINYINT, i2 SMALLINT, i4 INTEGER, i8 BIGINT, u1 UTINYINT, u8 UBIGINT, r REAL,
       d DOUBLE, n DECIMAL(10, 2), s VARCHAR, x BLOB, day DATE, moment TIMESTAMP, z TIMESTAMPTZ, t TIME)`,
  );
  const count = await run(
    engine,
    `INSERT INTO kinds VALUES
       (true, -128, 32767, -1, 9223372036854775807, 255, 18446744073709551615, 0.5, 1e300, 12.345, 'é', 'ab'::BLOB,
        '2024-02-29', '2024-02-29 12:34:56.789', '2024-02-29 12:00:00+01', '23:59:59.5'),
       (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
       (1 = 2, 1 + 1, '7', 1.7, 2 * 3, 0, 1, 3, '2.5', 7, 8, '', DATE '1969-12-31', DATE '2000-01-01', NULL, '00:00')`,
  );
  assert.deepEqual(count, [[3n]]);
  const texts = 'b, i1, i2, i4, i8, u1, u8, r, d, n, s, day, moment, z, t';
  const cast = texts
    .split(', ')
    .map((column) => `CAST(${column} AS VARCHAR)`)
    .join(', ');
  const [first, second, third] = await run(engine, `SELECT ${cast} FROM kinds`);
  assert.deepEqual(first?.slice(0, 8), [
    'true',
    '-128',
    '32767',
    '-1',
    '9223372036854775807',
    '255',
    '18446744073709551615',
    '0.5',
  ]);
  assert.deepEqual(first.slice(8), [
    '1e+300',
    '12.35',
    'é',
    '2024-02-29',
    '2024-02-29 12:34:56.789',
    '2024-02-29 11:00:00+00',
    '23:59:59.5',
  ]);
  assert.ok(second?.every((value) => value === null));
  assert.deepEqual(third, [
    'false',
    '2',
    '7',
    '2',
    '6',
    '0',
    '1',
    '3.0',
    '2.5',
    '7.00',
    '8',
    '1969-12-31',
    '2000-01-01 00:00:00',
    null,
    '00:00:00',
  ]);
});

test('a list names the columns that get values; others get their default or NULL', async (t) => {
  const engine = await openTemporary(t);
  await run(engine, 'CREATE TABLE trades (id BIGINT NOT NULL, price DOUBLE, note VARCHAR)');
  await run(engine, "ALTER TABLE trades ADD COLUMN venue VARCHAR DEFAULT 'XLON' NOT NULL");
  await run(engine, 'INSERT INTO trades (price, "ID") VALUES (1.5, 1), (NULL, 2)');
  await run(engine, "INSERT INTO trades (id, venue, price) VALUES (3, 'XPAR', DEFAULT), (4, 'XETR', DEFAULT)");
  await run(engine, 'INSERT INTO trades BY NAME SELECT id + 10 AS id, venue FROM trades WHERE id > 2');
  assert.deepEqual(await run(engine, 'SELECT * FROM trades ORDER BY id'), [
    [1n, 1.5, null, 'XLON'],
    [2n, null, null, 'XLON'],
    [3n, null, null, 'XPAR'],
    [4n, null, null, 'XETR'],
    [13n, null, null, 'XPAR'],
    [14n, null, null, 'XETR'],
  ]);
  await run(engine, 'CREATE TABLE optional (a BIGINT, b VARCHAR)');
  assert.deepEqual(await run(engine, 'INSERT INTO optional DEFAULT VALUES'), [[1n]]);
  assert.deepEqual(await run(engine, 'FROM optional'), [[null, null]]);
});

test('a query is inserted whole, from the table itself too, in one commit, with its values converted', async (t) => {
  const engine = await openTemporary(t);
  await run(engine, 'CREATE TABLE n (i BIGINT, s VARCHAR)');
  await run(engine, "INSERT INTO n VALUES (0, 'zero'), (1, 'one')");
  for (let doubling = 0; doubling < 17; doubling++) {
    const size = 2n ** BigInt(doubling + 1);
    assert.deepEqual(await run(engine, `INSERT INTO n SELECT i + ${size.toString()}, s FROM n`), [[size]]);
  }
  const appends = (await run(engine, 'SHOW SNAPSHOTS')).filter(([, , changes]) => changes === 'append');
  assert.equal(appends.length, 18);
  assert.deepEqual(await run(engine, 'SELECT count(*), count(DISTINCT i), min(i), max(i) FROM n'), [
    [262_144n, 262_144n, 0n, 262_143n],
  ]);
  await run(engine, 'CREATE TABLE sums (word VARCHAR, total DECIMAL(20, 1), many INTEGER)');
  await run(engine, 'INSERT INTO sums SELECT s, sum(i), count(*) FROM n GROUP BY s ORDER BY s');
  assert.deepEqual(await run(engine, 'SELECT word, CAST(total AS VARCHAR), many FROM sums'), [
    ['one', '17179869184.0', 131_072],
    ['zero', '17179738112.0', 131_072],
  ]);
  assert.deepEqual(await run(engine, 'INSERT INTO sums SELECT s, i, 0 FROM n WHERE i < 0'), [[0n]]);
});

test('encoded columns take plain values and encode them; a batch of many words shares one dictionary', async (t) => {
  const engine = await openTemporary(t);
  const words: DataType = {
    id: 'dictionary',
    index: { id: 'int', bitWidth: 16, signed: true },
    value: { id: 'utf8' },
    ordered: false,
    dictionaryId: 0n,
  };
  const runs: DataType = {
    id: 'run_end',
    runEnds: makeField('run_ends', { id: 'int', bitWidth: 32, signed: true }, false),
    values: makeField('values', INT64),
  };
  const view: DataType = { id: 'utf8_view' };
  await engine.createTable('coded', makeSchema([makeField('w', words), makeField('r', runs), makeField('v', view)]));
  await run(
    engine,
    "INSERT INTO coded VALUES ('a', 1, 'x'), ('b', 1, NULL), (NULL, NULL, 'a text of more than twelve bytes')",
  );
  await run(engine, 'INSERT INTO coded SELECT * FROM coded');
  await run(engine, 'INSERT INTO coded (w) SELECT upper(w) FROM coded WHERE w IS NOT NULL');
  const rows = await run(engine, 'SELECT CAST(w AS VARCHAR), CAST(r AS BIGINT), CAST(v AS VARCHAR) FROM coded');
  const first = [
    ['a', 1n, 'x'],
    ['b', 1n, null],
    [null, null, 'a text of more than twelve bytes'],
  ];
  const upper = ['A', 'B', 'A', 'B'].map((word) => [word, null, null]);
  assert.deepEqual(rows, [...first, ...first, ...upper]);
});

test('what cannot be inserted is refused at its place, and nothing of it is stored', async (t) => {
  const engine = await openTemporary(t);
  await run(engine, 'CREATE TABLE t (id BIGINT NOT NULL, price DOUBLE, day DATE)');
  const cases: readonly (readonly [sql: string, code: string, message: RegExp, at: string])[] = [
    ['INSERT INTO t VALUES (1, 2)', 'sql_bind', /table t has 3 columns, and 2 values a row are given/, '(1, 2)'],
    ['INSERT INTO t (id) VALUES (1), (2, 3)', 'sql_bind', /this row has 2 values, the first one has 1/, '(2, 3)'],
    ['INSERT INTO t SELECT 1', 'sql_bind', /table t has 3 columns, and 1 value a row is given/, 'SELECT 1'],
    ['INSERT INTO t (id, ID) VALUES (1, 2)', 'sql_bind', /column "id" is named twice/, 'ID'],
    ['INSERT INTO t (idd) VALUES (1)', 'sql_bind', /idd/, 'idd'],
    ['INSERT INTO tt VALUES (1)', 'sql_bind', /tt/, 'tt'],
    ['INSERT INTO t (id) VALUES (NULL)', 'sql_bind', /column "id" is NOT NULL and cannot be set to NULL/, 'NULL'],
    ["INSERT INTO t (id) VALUES ('one')", 'sql_bind', /'one' cannot be read as BIGINT/, "'one'"],
    [
      'INSERT INTO t (id) VALUES (9223372036854775808)',
      'sql_bind',
      /does not fit column "id"/,
      '9223372036854775808',
    ],
    ['INSERT INTO t (day) VALUES (TRUE)', 'sql_bind', /column "day" is DATE and cannot take/, 'TRUE'],
    ['INSERT INTO t (id) VALUES (price)', 'sql_bind', /VALUES takes a constant, not a column/, 'price'],
    [
      'INSERT INTO t (price) VALUES (1)',
      'schema_mismatch',
      /column "id" of table t is NOT NULL and has no default/,
      '',
    ],
    ['INSERT INTO t (id) SELECT NULL', 'value_error', /column "id" of table t is NOT NULL/, ''],
    [
      'INSERT INTO t BY NAME SELECT 1 AS id, 2 AS cost',
      'sql_bind',
      /a column "cost", which table t does not have/,
      'SELECT 1 AS id, 2 AS cost',
    ],
    ['INSERT INTO t BY NAME VALUES (1)', 'sql_bind', /BY NAME goes with a query/, 'VALUES (1)'],
    ['INSERT OR REPLACE INTO t VALUES (1)', 'sql_unsupported', /INSERT OR REPLACE/, 'OR'],
    ['INSERT INTO t (id) VALUES (1) ON CONFLICT DO NOTHING', 'sql_unsupported', /ON CONFLICT/, 'ON'],
    ['INSERT INTO t (id) VALUES (1) RETURNING nope', 'sql_bind', /column "nope" is not in table t/, 'nope'],
    ['INSERT INTO t (SELECT 1)', 'sql_bind', /table t has 3 columns, and 1 value a row is given/, 'SELECT 1'],
    ['INSERT INTO t (id) VALUES ()', 'sql_syntax', /./, ')'],
    ['INSERT INTO t (id) 1', 'sql_syntax', /VALUES/, '1'],
    ['INSERT t VALUES (1)', 'sql_syntax', /INTO/, 't'],
  ];
  for (const [sql, code, message, at] of cases) {
    const [foundCode, foundMessage, foundAt] = await refused(engine, sql);
    assert.deepEqual([sql, foundCode, foundAt], [sql, code, at], foundMessage);
    assert.match(foundMessage, message, sql);
  }
  await run(engine, 'CREATE TABLE words (w VARCHAR)');
  await run(engine, "INSERT INTO words VALUES ('1'), ('2'), ('three')");
  const [code] = await refused(engine, 'INSERT INTO t (id) SELECT CAST(w AS BIGINT) FROM words');
  assert.equal(code, 'value_error');
  assert.deepEqual(await run(engine, 'SELECT count(*) FROM t'), [[0n]]);
  await assert.rejects(engine.query('INSERT INTO t (id) VALUES (1)', { readOnly: true }), {
    code: 'request_invalid',
  });
});

test('an INSERT that is cancelled stores nothing; a snapshot from before does not see a later one', async (t) => {
  const engine = await openTemporary(t);
  await run(engine, 'CREATE TABLE n (i BIGINT)');
  await run(engine, 'INSERT INTO n VALUES (1), (2)');
  const ticket = await engine.promise('SELECT count(*) FROM n');
  const controller = new AbortController();
  controller.abort();
  await assert.rejects(engine.query('INSERT INTO n SELECT i FROM n', { signal: controller.signal }), {
    code: 'cancelled',
  });
  assert.deepEqual(await run(engine, 'SELECT count(*) FROM n'), [[2n]]);
  await run(engine, 'INSERT INTO n SELECT i FROM n');
  assert.deepEqual(await rowsOf((await engine.redeem(ticket.ticket)).batches()), [[2n]]);
});

test('CREATE TABLE AS makes a table of a query, columns and rows in one commit', async (t) => {
  const engine = await openTemporary(t);
  await run(engine, 'CREATE TABLE n (i BIGINT NOT NULL, s VARCHAR)');
  await run(engine, "INSERT INTO n VALUES (1, 'a'), (2, 'b'), (3, 'a')");
  const before = (await run(engine, 'SHOW SNAPSHOTS')).length;
  const sums =
    'CREATE TABLE sums AS SELECT s AS word, sum(i) AS total, avg(i), NULL AS nothing FROM n GROUP BY s ORDER BY s';
  assert.deepEqual(await run(engine, sums), [[2n]]);
  assert.equal((await run(engine, 'SHOW SNAPSHOTS')).length, before + 1);
  assert.deepEqual(await run(engine, 'FROM sums'), [
    ['a', 4n, 2, null],
    ['b', 2n, 2, null],
  ]);
  assert.deepEqual(
    (await run(engine, 'DESCRIBE sums')).map((row) => row.slice(0, 3)),
    [
      ['word', 'VARCHAR', 'YES'],
      ['total', 'BIGINT', 'YES'],
      ['avg(i)', 'DOUBLE', 'YES'],
      ['nothing', 'INTEGER', 'YES'],
    ],
  );
  assert.deepEqual(await run(engine, 'CREATE TABLE none AS FROM n WHERE i > 10'), [[0n]]);
  assert.deepEqual(await run(engine, 'SELECT count(*) FROM none'), [[0n]]);
  assert.deepEqual(await run(engine, 'CREATE TABLE IF NOT EXISTS none AS FROM n'), [[0n]]);
  await run(engine, 'INSERT INTO none VALUES (NULL, NULL)');
  const cases: readonly (readonly [sql: string, code: string, message: RegExp])[] = [
    ['CREATE TABLE none AS FROM n', 'already_exists', /table "none" exists already/],
    ['CREATE TABLE twice AS SELECT i, s AS I FROM n', 'sql_bind', /column "I" is given twice/],
    ['CREATE TABLE lost AS SELECT CAST(s AS BIGINT) AS x FROM n', 'value_error', /cannot cast 'a'/],
    ['CREATE TABLE x AS (SELECT 1) WITH NO DATA', 'sql_unsupported', /WITH \[NO\] DATA/],
    ['CREATE TABLE x AS 1', 'sql_syntax', /expected SELECT or FROM/],
    ['CREATE TABLE x AS SELECT 1 AS a WITH NO DATA', 'sql_unsupported', /WITH \[NO\] DATA/],
  ];
  for (const [sql, code, message] of cases) {
    const [foundCode, foundMessage] = await refused(engine, sql);
    assert.equal(foundCode, code, `${sql}: ${foundMessage}`);
    assert.match(foundMessage, message);
  }
  assert.deepEqual(
    (await run(engine, 'SHOW TABLES')).map(([name]) => name),
    ['n', 'none', 'sums'],
  );
});

test('of two statements that create the same table one wins, and the other stores nothing', async (t) => {
  const engine = await openTemporary(t);
  await run(engine, 'CREATE TABLE n (i BIGINT)');
  await run(engine, 'INSERT INTO n VALUES (1), (2)');
  const create = (): Promise<unknown> =>
    run(engine, 'CREATE TABLE copied AS FROM n').catch((error: unknown) => error);
  const outcomes = await Promise.all([create(), create(), create()]);
  const lost = outcomes.filter((outcome) => (outcome as { code?: string }).code === 'already_exists');
  assert.equal(lost.length, 2);
  assert.deepEqual(await run(engine, 'SELECT count(*) FROM copied'), [[2n]]);
});
