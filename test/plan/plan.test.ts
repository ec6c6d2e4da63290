/**
 * Planning: statements to physical plans, over tables without rows. Plans and errors are held as text in test/golden/.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EngineError } from '../../src/base/errors.ts';
import { COLUMNS_MAX } from '../../src/base/limits.ts';
import { explainPlan } from '../../src/plan/explain.ts';
import type { PassName } from '../../src/plan/optimize.ts';
import { PASS_NAMES } from '../../src/plan/optimize.ts';
import type { PhysicalPlan } from '../../src/plan/physical.ts';
import { isReadOnly, planStatement } from '../../src/plan/plan.ts';
import { checkGolden } from '../golden/golden.ts';
import { fakeCatalog } from './fake-catalog.ts';

function planOf(sql: string, disabledPasses: readonly PassName[] = []): PhysicalPlan {
  const planned = planStatement(sql, fakeCatalog, { disabledPasses });
  assert.equal(planned.kind, 'query');
  return planned.plan;
}

function failureOf(sql: string): EngineError {
  try {
    planStatement(sql, fakeCatalog);
  } catch (error) {
    if (error instanceof EngineError) return error;
    throw error;
  }
  throw new Error(`planned: ${sql}`);
}

test('statements plan as the golden file has it', async () => {
  const inputs = await checkGolden('plans.txt', (sql) => explainPlan(planOf(sql)));
  assert.ok(inputs.length >= 60);
});

test('bad statements are refused as the golden file has it', async () => {
  const inputs = await checkGolden('sql-errors.txt', (sql) => {
    const { code, message } = failureOf(sql);
    return `${code}: ${message}`;
  });
  assert.ok(inputs.length >= 90);
});

test('every refusal of a statement has a position that its message and its caret agree with', async () => {
  const inputs = await checkGolden('sql-errors.txt', (sql) => `${failureOf(sql).code}: ${failureOf(sql).message}`);
  for (const sql of inputs) {
    const { message, position } = failureOf(sql);
    assert.ok(position !== undefined, sql);
    const place = `(line ${position.line.toString()}, column ${position.column.toString()})`;
    assert.ok(message.includes(place), message);
    const [, frame, caret] = message.split('\n');
    assert.equal(frame, (sql.split('\n')[position.line - 1] ?? '').trimEnd());
    assert.equal((caret ?? '').indexOf('^'), position.column - 1);
  }
});

test('without any one pass the result keeps its schema', async () => {
  const inputs = await checkGolden('plans.txt', (sql) => explainPlan(planOf(sql)));
  for (const sql of inputs) {
    const { schema } = planOf(sql);
    for (const disabled of [...PASS_NAMES.map((name) => [name]), PASS_NAMES]) {
      assert.deepEqual(planOf(sql, disabled).schema.fields, schema.fields, `${sql} without ${disabled.join()}`);
    }
  }
});

test('a list of more columns than a table may have is refused before it is unfolded', () => {
  const plan = (stars: number, more: string): PhysicalPlan =>
    planOf(`SELECT ${'*, '.repeat(stars)}${more} FROM wide`);
  assert.equal(plan(499, '*').schema.fields.length, COLUMNS_MAX);
  for (const sql of [`SELECT ${'*, '.repeat(500)}1 FROM wide`, `SELECT ${'*, '.repeat(300_000)}1 FROM wide`]) {
    const { code, message, position } = failureOf(sql);
    assert.deepEqual([code, position?.start], ['limit_exceeded', 7 + 500 * 3]);
    assert.match(message, /^the result would have more than 10000 columns \(line 1, column 1508\); select fewer\n/);
  }
});

test('each pass does its own work and no other', async () => {
  const sql =
    'SELECT side, sum(price) AS s FROM trades WHERE symbol > 1 + 1 GROUP BY side ' +
    "HAVING side > upper('a') ORDER BY s LIMIT 5";
  const without = async (...passes: PassName[]): Promise<string> => `${await explainPlan(planOf(sql, passes))}\n`;
  const cases: [title: string, passes: readonly PassName[]][] = [
    ['all passes', []],
    ...PASS_NAMES.map((name): [string, readonly PassName[]] => [`without ${name}`, [name]]),
    ['no passes', PASS_NAMES],
  ];
  const answers = new Map<string, string>();
  for (const [title, passes] of cases) answers.set(title, (await without(...passes)).trimEnd());
  await checkGolden('passes.txt', (title) => answers.get(title) ?? 'there is no such case');
});

test('SELECT * is a bare scan of the stored schema, metadata included', () => {
  for (const sql of ['SELECT * FROM trades', 'FROM trades', 'select t.* from trades t']) {
    const plan = planOf(sql);
    assert.equal(plan.kind, 'scan');
    assert.deepEqual(plan.schema.metadata, [['origin', 'test']]);
    assert.deepEqual(plan.schema.fields[0]?.metadata, [['unit', 'id']]);
  }
});

test('a bare column keeps its metadata under any name, an expression has none', () => {
  const { schema } = planOf('SELECT symbol AS s, symbol + 0 AS t FROM trades WHERE price > 1');
  assert.deepEqual(schema.fields[0]?.metadata, [['unit', 'id']]);
  assert.deepEqual(schema.fields[1]?.metadata, []);
  assert.deepEqual(schema.metadata, []);
  const grouped = planOf('SELECT symbol, count(*) FROM trades GROUP BY symbol').schema;
  assert.deepEqual(grouped.fields[0]?.metadata, [['unit', 'id']]);
});

test('nullability is exact where it can be known', () => {
  const nullable = (items: string): boolean[] =>
    planOf(`SELECT ${items} FROM trades`).schema.fields.map((field) => field.nullable);
  assert.deepEqual(nullable('symbol, price, symbol + 1, symbol + price, symbol // 2'), [
    false,
    true,
    false,
    true,
    true,
  ]);
  assert.deepEqual(nullable('price IS NULL, coalesce(price, 0.0), coalesce(price, volume), 1, NULL'), [
    false,
    false,
    true,
    false,
    true,
  ]);
  assert.deepEqual(nullable('CASE WHEN flag THEN 1 END, CASE WHEN flag THEN 1 ELSE 2 END, TRY_CAST(symbol AS INT)'), [
    true,
    false,
    true,
  ]);
  assert.deepEqual(nullable('count(*), count(price), sum(symbol)'), [false, false, true]);
});

test('CREATE TABLE maps the types of SQL to those of Arrow', () => {
  const types =
    'TINYINT, SMALLINT, INT, BIGINT, UTINYINT, USMALLINT, UINTEGER, UBIGINT, REAL, DOUBLE, ' +
    'DECIMAL(9,2), DECIMAL, VARCHAR(5), ' +
    'BLOB, BOOLEAN, DATE, TIME, TIMESTAMP, TIMESTAMP_S, TIMESTAMP_MS, TIMESTAMP_NS, TIMESTAMPTZ, INTERVAL';
  const columns = types.split(/, /u).map((type, i) => `c${i.toString()} ${type}`);
  const planned = planStatement(
    `CREATE TABLE IF NOT EXISTS main.x (${columns.join(', ')}, last TEXT NOT NULL)`,
    fakeCatalog,
  );
  assert.equal(planned.kind, 'create_table');
  if (planned.kind !== 'create_table') return;
  assert.equal(planned.name, 'x');
  assert.equal(planned.ifNotExists, true);
  const shown = planned.schema.fields.map(
    ({ type, nullable }) => `${JSON.stringify(type)}${nullable ? '' : ' not null'}`,
  );
  const int = (bitWidth: number, signed: boolean): string => JSON.stringify({ id: 'int', bitWidth, signed });
  const stamp = (unit: string, timezone?: string): string => JSON.stringify({ id: 'timestamp', unit, timezone });
  assert.deepEqual(shown, [
    ...[8, 16, 32, 64].map((width) => int(width, true)),
    ...[8, 16, 32, 64].map((width) => int(width, false)),
    '{"id":"float","bitWidth":32}',
    '{"id":"float","bitWidth":64}',
    '{"id":"decimal","bitWidth":128,"precision":9,"scale":2}',
    '{"id":"decimal","bitWidth":128,"precision":18,"scale":3}',
    '{"id":"utf8"}',
    '{"id":"binary"}',
    '{"id":"bool"}',
    '{"id":"date","unit":"day"}',
    '{"id":"time","unit":"microsecond","bitWidth":64}',
    stamp('microsecond'),
    stamp('second'),
    stamp('millisecond'),
    stamp('nanosecond'),
    stamp('microsecond', 'UTC'),
    '{"id":"interval","unit":"month_day_nano"}',
    '{"id":"utf8"} not null',
  ]);
});

test('DROP TABLE finds the table whatever the case of its name', () => {
  assert.deepEqual(planStatement('DROP TABLE TRADES', fakeCatalog), {
    kind: 'drop_table',
    name: 'trades',
    ifExists: false,
  });
  assert.deepEqual(planStatement('DROP TABLE IF EXISTS nope', fakeCatalog), {
    kind: 'drop_table',
    name: 'nope',
    ifExists: true,
  });
});

test('names match without regard to case, and exactly where they differ by case only', () => {
  const names = (sql: string): string[] => planOf(sql).schema.fields.map((field) => field.name);
  assert.deepEqual(names('SELECT PRICE, "Price", T.pRiCe FROM TRADES t'), ['price', 'price', 'price']);
  assert.deepEqual(names('SELECT a, A, MIXED FROM cases'), ['a', 'A', 'Mixed']);
  assert.deepEqual(names('SELECT a FROM twin'), ['a']);
});

test('the statements that write are known without a catalog', () => {
  assert.equal(isReadOnly('SELECT 1'), true);
  assert.equal(isReadOnly('EXPLAIN SELECT 1'), true);
  assert.equal(isReadOnly('CREATE TABLE t (a INT)'), false);
  assert.equal(isReadOnly('DROP TABLE t'), false);
});

test('aliases of aliases that would explode are refused', () => {
  const items = Array.from({ length: 60 }, (_, i) => `c${i.toString()} + c${i.toString()} AS c${(i + 1).toString()}`);
  const error = failureOf(`SELECT 1 AS c0, ${items.join(', ')} FROM trades`);
  assert.equal(error.code, 'limit_exceeded');
  assert.match(
    error.message,
    /^the expression is too large once its aliases are written out \(line 1, column \d+\)\n/u,
  );
  const deep = Array.from(
    { length: 20 },
    (_, i) => `c${i.toString()}${' + 1'.repeat(200)} AS c${(i + 1).toString()}`,
  );
  assert.equal(failureOf(`SELECT 1 AS c0, ${deep.join(', ')} FROM trades`).code, 'limit_exceeded');
});

test('SHOW TABLES and DESCRIBE answer with rows that stand in the plan', () => {
  const shown = planOf('SHOW TABLES');
  assert.equal(shown.kind, 'values');
  const [batch] = shown.kind === 'values' ? shown.batches : [];
  assert.equal(batch?.rowCount, 8);
  assert.equal(
    Buffer.from(batch.columns[0]?.buffers[2] ?? []).toString(),
    'CasesTWINencodedordersingletradestwinwide',
  );
  const rows = new BigInt64Array((batch.columns[1]?.buffers[1] ?? new Uint8Array()).slice().buffer);
  assert.deepEqual(
    [...rows],
    Array.from({ length: 8 }, () => 3000n),
  );
  const described = planOf('DESCRIBE SELECT symbol, price + 1 AS p, tags FROM trades');
  const [table] = described.kind === 'values' ? described.batches : [];
  assert.equal(Buffer.from(table?.columns[1]?.buffers[2] ?? []).toString(), 'BIGINTDOUBLEINTEGER[]');
  assert.equal(Buffer.from(table?.columns[2]?.buffers[2] ?? []).toString(), 'YESYESYES');
  assert.equal(table?.columns[3]?.nullCount, 3);
});

test('EXPLAIN yields its text when it is read, and counts batches then', async () => {
  const plan = planOf('EXPLAIN SELECT price FROM trades WHERE symbol = 1');
  assert.equal(plan.kind, 'scan');
  if (plan.kind !== 'scan') return;
  const texts: string[] = [];
  for await (const batch of plan.source.scan({ columns: [1], bounds: [], limit: undefined })) {
    assert.equal(batch.columns.length, 1);
    texts.push(Buffer.from(batch.columns[0]?.buffers[2] ?? []).toString());
  }
  assert.deepEqual(texts, [
    'Project [price]\n  Filter (symbol = 1)\n' +
      '    Scan trades columns=[symbol, price] bounds=[symbol = 1] batches=2 of 3',
  ]);
});

test('bounds are in the physical form of their column', () => {
  const scanOf = (condition: string): Extract<PhysicalPlan, { kind: 'scan' }> => {
    let plan = planOf(`SELECT * FROM trades WHERE ${condition}`);
    while (plan.kind !== 'scan' && 'input' in plan) plan = plan.input;
    assert.equal(plan.kind, 'scan');
    return plan;
  };
  assert.deepEqual(scanOf('symbol >= 5').bounds, [{ column: 0, operator: '>=', value: 5n }]);
  assert.deepEqual(scanOf('5 >= symbol').bounds, [{ column: 0, operator: '<=', value: 5n }]);
  assert.deepEqual(scanOf('price = 5').bounds, [{ column: 1, operator: '=', value: 5 }]);
  assert.deepEqual(scanOf("note < 'x'").bounds, [{ column: 4, operator: '<', value: 'x' }]);
  assert.deepEqual(scanOf("day > '1970-01-02'").bounds, [{ column: 5, operator: '>', value: 1 }]);
  assert.deepEqual(scanOf("at_s > '1970-01-02'").bounds, [{ column: 7, operator: '>', value: 86_400n }]);
  assert.deepEqual(scanOf('small = 5').bounds, [{ column: 8, operator: '=', value: 5 }]);
  assert.deepEqual(scanOf('fee = 2.5').bounds, [{ column: 11, operator: '=', value: 250n }]);
  assert.deepEqual(scanOf('NOT flag').bounds, [{ column: 12, operator: '=', value: false }]);
  assert.deepEqual(scanOf('price <> 5').bounds, []);
  assert.deepEqual(scanOf('symbol + 1 = 5').bounds, []);
  assert.deepEqual(scanOf("side = 'B'").bounds, []);
  assert.deepEqual(scanOf("price < 'nan'").bounds, []);
  assert.deepEqual(scanOf('symbol IN (5, 2, NULL)').bounds, [
    { column: 0, operator: '>=', value: 2n },
    { column: 0, operator: '<=', value: 5n },
  ]);
});
