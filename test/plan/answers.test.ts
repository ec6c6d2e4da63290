/**
 * Answers: every pass may be switched off, and the rows stay the same.
 *
 * Method: statements run over a small table of three batches (nulls, NaN, -0, extremes, empty and non-ASCII text) whose
 * source prunes like a stored table does, with all passes, without each, and without any.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RecordBatch } from '../../src/arrow/batch.ts';
import { buildVector } from '../../src/arrow/build.ts';
import { makeField, makeSchema } from '../../src/arrow/schema.ts';
import type { Bound, ScanRequest } from '../../src/arrow/source.ts';
import type { DataType } from '../../src/arrow/type.ts';
import type { Value } from '../../src/arrow/value.ts';
import { makeReader } from '../../src/arrow/value.ts';
import { runPlan } from '../../src/exec/exec.ts';
import type { PassName } from '../../src/plan/optimize.ts';
import { PASS_NAMES } from '../../src/plan/optimize.ts';
import type { PlanCatalog } from '../../src/plan/physical.ts';
import { planStatement } from '../../src/plan/plan.ts';
import { BOOL, DATE, DOUBLE, FLOAT, INT32, INT64, MONEY, TEXT } from './fake-catalog.ts';

const COLUMNS: readonly [name: string, type: DataType, values: readonly Value[]][] = [
  ['i', INT64, [1n, 2n, null, 9223372036854775807n, -9223372036854775808n, 2n, 0n, null, 7n]],
  ['n', INT32, [1, null, 3, -4, 5, 1000000000, 0, 1, 1]],
  ['x', DOUBLE, [1.5, Number.NaN, null, -0, 0, 2.5, Number.POSITIVE_INFINITY, 1.5, -7]],
  ['f', FLOAT, [0.5, 0.25, null, 1, 2, 3, 4, 5, 6]],
  ['s', TEXT, ['a', '', null, 'é', 'b', 'a', 'Z', 'aa', 'b']],
  ['b', BOOL, [true, false, null, true, false, true, null, false, true]],
  ['d', DATE, [19_723, null, 0, -1, 19_724, 19_723, 20_000, 1, 2]],
  ['m', MONEY, [150n, -1n, null, 0n, 250n, 999n, 150n, 1n, 2n]],
];
const SCHEMA = makeSchema(COLUMNS.map(([name, type]) => makeField(name, type)));
const BATCH_ROWS = 3;
const BATCHES: readonly RecordBatch[] = [0, 3, 6].map((start) => ({
  schema: SCHEMA,
  rowCount: BATCH_ROWS,
  columns: COLUMNS.map(([, type, values]) => buildVector(type, values.slice(start, start + BATCH_ROWS))),
}));

/** Where SQL puts a value among others: NaN is above every number. */
function order(a: Value, b: Value): number {
  if (typeof a === 'string' && typeof b === 'string') return Buffer.compare(Buffer.from(a), Buffer.from(b));
  const [left, right] = [Number(a), Number(b)];
  if (Number.isNaN(left) || Number.isNaN(right)) return Number(Number.isNaN(left)) - Number(Number.isNaN(right));
  return left - right;
}

/** True when some row of the batch may meet the bound. */
function mayHold(batch: RecordBatch, bound: Bound): boolean {
  const vector = batch.columns[bound.column];
  if (vector === undefined || vector.type.id === 'decimal' || bound.operator === 'not_null') return true;
  const values = Array.from({ length: batch.rowCount }, (_, row) => makeReader(vector)(row));
  if (bound.operator === 'is_null') return values.includes(null);
  return values.some((value) => {
    if (value === null || bound.value === undefined) return false;
    const place = order(value, bound.value);
    const holds = { '=': place === 0, '<': place < 0, '<=': place <= 0, '>': place > 0, '>=': place >= 0 };
    return holds[bound.operator as keyof typeof holds];
  });
}

async function* scan(request: ScanRequest): AsyncGenerator<RecordBatch> {
  const schema = makeSchema(request.columns.map((column) => SCHEMA.fields[column] as (typeof SCHEMA.fields)[number]));
  for (const batch of BATCHES) {
    if (!request.bounds.every((bound) => mayHold(batch, bound))) continue;
    const columns = request.columns.map((column) => batch.columns[column] as (typeof batch.columns)[number]);
    yield await Promise.resolve({ schema, rowCount: batch.rowCount, columns });
  }
}

const catalog: PlanCatalog = {
  table(name) {
    if (name !== 't') return undefined;
    const rowCount = BATCH_ROWS * BATCHES.length;
    return { name, schema: SCHEMA, rowCount, scan, countBatches: () => Promise.resolve({ pruned: 0, total: 3 }) };
  },
  tableNames: () => ['t'],
  view: () => undefined,
  viewNames: () => [],
  at: () => catalog,
  system: () => undefined,
};

async function rowsOf(sql: string, disabledPasses: readonly PassName[]): Promise<string[]> {
  const planned = planStatement(sql, catalog, { disabledPasses });
  assert.equal(planned.kind, 'query');
  if (planned.kind !== 'query') return [];
  const rows: string[] = [];
  for await (const batch of runPlan(planned.plan)) {
    assert.equal(batch.columns.length, planned.schema.fields.length);
    const readers = batch.columns.map(makeReader);
    for (let row = 0; row < batch.rowCount; row++) {
      rows.push(readers.map((read) => textOf(read(row))).join('|'));
    }
  }
  return rows;
}

const STATEMENTS = [
  'SELECT * FROM t',
  'SELECT s, i FROM t',
  'SELECT x, x, n + 1 AS m FROM t',
  'SELECT * FROM t WHERE i > 1',
  'SELECT n FROM t WHERE i >= 1.5 AND i < 1e3',
  'SELECT n FROM t WHERE i <= -0.5 OR i IS NULL',
  'SELECT n FROM t WHERE x > 1.5',
  "SELECT n FROM t WHERE x = 'nan' OR x < 0",
  'SELECT x FROM t WHERE x >= 0 AND x < 2',
  "SELECT s FROM t WHERE s > 'Z' ORDER BY s",
  "SELECT s FROM t WHERE s IN ('a', 'b') AND b",
  'SELECT n FROM t WHERE NOT b',
  'SELECT n FROM t WHERE b IS NOT TRUE AND d IS NOT NULL',
  "SELECT d FROM t WHERE d >= '2024-01-01' AND d < DATE '2024-01-01' + 1",
  'SELECT m FROM t WHERE m > 1 AND m <= 2.505 ORDER BY m DESC',
  'SELECT f FROM t WHERE f = 0.25 OR f BETWEEN 3 AND 5',
  'SELECT n FROM t WHERE i IN (2, 7, NULL)',
  'SELECT n FROM t WHERE i NOT IN (2, 7)',
  'SELECT n FROM t WHERE 1 = 1 AND i = 2 OR false',
  'SELECT n FROM t WHERE false',
  'SELECT count(*), count(i), count(1) FROM t',
  'SELECT count(*) FROM t WHERE false',
  'SELECT sum(n), min(x), max(x), avg(f), min(s), max(d), sum(m) FROM t',
  'SELECT s, count(*), sum(n) FROM t GROUP BY s ORDER BY s NULLS FIRST',
  'SELECT b, count(*) AS c FROM t GROUP BY ALL HAVING b AND c > 1',
  "SELECT s, max(n) FROM t GROUP BY s HAVING s >= 'a' AND max(n) > 1 ORDER BY 2 DESC, 1",
  'SELECT n % 2, sum(n) / count(*) FROM t WHERE n IS NOT NULL GROUP BY n % 2 ORDER BY n % 2',
  'SELECT count(DISTINCT s), count(s) FROM t',
  'SELECT DISTINCT b, n > 1 FROM t ORDER BY b, 2',
  'SELECT n FROM t ORDER BY x DESC, s LIMIT 4 OFFSET 1',
  'SELECT s FROM t ORDER BY n NULLS FIRST LIMIT 2',
  'SELECT n FROM t LIMIT 4 OFFSET 3',
  'SELECT n FROM t LIMIT 0',
  'SELECT sum(n) FROM t GROUP BY b ORDER BY b LIMIT 2',
  "SELECT CASE WHEN n > 1 THEN 'many' WHEN n = 1 THEN s END, coalesce(n, -1) FROM t",
  "SELECT 1 + 2, 'a' || 'b', NULL, 7 // 0 WHERE 1 < 2",
  'SELECT 1 FROM t HAVING true',
  'SELECT n + 1 AS p, p * 2 AS q FROM t WHERE q > 5 ORDER BY q',
  'SELECT n FROM (SELECT n, i FROM t ORDER BY n LIMIT 5) WHERE i > 0',
  'SELECT count(*) FROM (SELECT n FROM t LIMIT 4)',
  "SELECT s, c FROM (SELECT s, count(*) AS c, max(i) FROM t GROUP BY s) WHERE c > 1 AND s > 'a' ORDER BY s",
  'SELECT p + p, p FROM (SELECT n * 2 AS p FROM t WHERE i = 1) WHERE p IS NOT NULL',
  'WITH a AS (SELECT DISTINCT b, d FROM t), c AS (SELECT b, max(d) AS m FROM a GROUP BY b) FROM c ORDER BY b LIMIT 2',
  "SELECT sum(x) FROM (SELECT n AS x, s FROM (SELECT * FROM t WHERE b) WHERE n > 0) WHERE s <> 'a'",
];

test('no pass changes an answer', async () => {
  for (const sql of STATEMENTS) {
    const wanted = await rowsOf(sql, []);
    for (const disabled of [...PASS_NAMES.map((name) => [name]), PASS_NAMES]) {
      assert.deepEqual(await rowsOf(sql, disabled), wanted, `${sql} without ${disabled.join(', ')}`);
    }
  }
});

test('the answers are the right ones', async () => {
  const answer = (sql: string): Promise<string[]> => rowsOf(sql, []);
  assert.deepEqual(await answer('SELECT n FROM t WHERE i >= 1.5 AND i < 1e3'), ['null', '1000000000', '1']);
  assert.deepEqual(await answer('SELECT n FROM t WHERE x > 1.5'), ['null', '1000000000', '0']);
  assert.deepEqual(await answer('SELECT x FROM t WHERE x >= 0 AND x < 2'), ['1.5', '-0', '0', '1.5']);
  assert.deepEqual(await answer('SELECT count(*), count(i), count(1) FROM t'), ['9|7|9']);
  assert.deepEqual(await answer('SELECT n FROM t WHERE i NOT IN (2, 7)'), ['1', '-4', '5', '0']);
  assert.deepEqual(await answer('SELECT m FROM t WHERE m > 1 AND m <= 2.505 ORDER BY m DESC'), [
    '2.50',
    '1.50',
    '1.50',
  ]);
  assert.deepEqual(await answer('SELECT b, count(*) AS c FROM t GROUP BY ALL HAVING b AND c > 1'), ['true|4']);
  assert.deepEqual(await answer('SELECT n FROM t ORDER BY x DESC, s LIMIT 4 OFFSET 1'), [
    '0',
    '1000000000',
    '1',
    '1',
  ]);
  assert.deepEqual(await answer("SELECT d FROM t WHERE d >= '2024-01-01' AND d < DATE '2024-01-01' + 1"), [
    '19723',
    '19723',
  ]);
});

/** A flat value as text that tells -0 from 0. */
function textOf(value: Value): string {
  if (Object.is(value, -0)) return '-0';
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value);
}
