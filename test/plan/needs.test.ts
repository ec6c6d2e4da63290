/**
 * What a statement needs before it is planned: the moments of AT, and system tables.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeReader } from '../../src/arrow/value.ts';
import { EngineError } from '../../src/base/errors.ts';
import { readNeeds, readStatement } from '../../src/plan/needs.ts';
import type { PlanCatalog, TimePoint } from '../../src/plan/physical.ts';
import { planStatement } from '../../src/plan/plan.ts';
import { fakeCatalog } from './fake-catalog.ts';

const NOON = BigInt(Date.UTC(2024, 1, 29, 12)) * 1_000n;

function pointOf(moment: string): TimePoint | undefined {
  const { points, system } = readNeeds(`FROM trades AT (${moment})`);
  assert.deepEqual(system, []);
  assert.equal(points.length, 1);
  return points[0];
}

test('a version is a number, and constants are computed', () => {
  assert.deepEqual(pointOf('VERSION => 7'), { kind: 'version', version: 7 });
  assert.deepEqual(pointOf('VERSION => 3 + 4'), { kind: 'version', version: 7 });
  assert.deepEqual(pointOf('version => 9007199254740991'), { kind: 'version', version: Number.MAX_SAFE_INTEGER });
  assert.deepEqual(pointOf('VERSION => 0'), { kind: 'version', version: 0 });
});

test('a moment without a zone is UTC, one with a zone is what it says', () => {
  const noon: TimePoint = { kind: 'timestamp', micros: NOON };
  assert.deepEqual(pointOf("TIMESTAMP => '2024-02-29 12:00:00'"), noon);
  assert.deepEqual(pointOf("TIMESTAMP => '2024-02-29T12:00:00Z'"), noon);
  assert.deepEqual(pointOf("TIMESTAMP => '2024-02-29 14:00:00+02'"), noon);
  assert.deepEqual(pointOf("TIMESTAMP => TIMESTAMP '2024-02-29 12:00:00'"), noon);
  assert.deepEqual(pointOf("TIMESTAMP => TIMESTAMPTZ '2024-02-29 07:00:00-05'"), noon);
  assert.deepEqual(pointOf("TIMESTAMP => TIMESTAMP_NS '2024-02-29 12:00:00'"), noon);
  assert.deepEqual(pointOf("TIMESTAMP => TIMESTAMP_S '2024-02-29 12:00:00'"), noon);
  assert.deepEqual(pointOf("TIMESTAMP => '2024-02-29 12:00:00.000001'"), { kind: 'timestamp', micros: NOON + 1n });
  const midnight: TimePoint = { kind: 'timestamp', micros: NOON - 43_200_000_000n };
  assert.deepEqual(pointOf("TIMESTAMP => DATE '2024-02-29'"), midnight);
  assert.deepEqual(pointOf("TIMESTAMP => '2024-02-29'"), midnight);
  assert.deepEqual(pointOf("TIMESTAMP => '1969-12-31 23:59:59'"), { kind: 'timestamp', micros: -1_000_000n });
});

test('the table is found in every statement that reads one, and other statements need nothing', () => {
  const seven: readonly TimePoint[] = [{ kind: 'version', version: 7 }];
  const at = 'trades AT (VERSION => 7)';
  for (const sql of [`SELECT 1 FROM ${at}`, `DESCRIBE ${at}`, `DESCRIBE FROM ${at}`, `EXPLAIN SELECT * FROM ${at}`]) {
    assert.deepEqual(readNeeds(sql), { points: seven, system: [] }, sql);
  }
  assert.deepEqual(readNeeds('SHOW SNAPSHOTS'), { points: [], system: ['sheaf_snapshots'] });
  const others = [
    'SELECT 1',
    'FROM nope',
    'SHOW TABLES',
    'DESCRIBE nope',
    'DELETE FROM nope',
    'UPDATE nope SET a = 1',
  ];
  for (const sql of [
    ...others,
    'TRUNCATE nope',
    'DROP TABLE nope',
    'CREATE TABLE n (a INT)',
    'ALTER TABLE n DROP a',
  ]) {
    assert.deepEqual(readNeeds(sql), { points: [], system: [] }, sql);
  }
});

test('planning asks for exactly the moments that were found', () => {
  const asked: TimePoint[] = [];
  const catalog: PlanCatalog = {
    ...fakeCatalog,
    at(point) {
      asked.push(point);
      return fakeCatalog.at(point);
    },
  };
  for (const sql of [
    'SELECT symbol FROM trades AT (VERSION => 7) WHERE symbol > 1',
    "DESCRIBE trades AT (TIMESTAMP => '2024-02-29 12:00:00')",
    'DESCRIBE SELECT symbol FROM trades q AT (VERSION => 8)',
    'EXPLAIN FROM trades AT (VERSION => 9)',
    'FROM trades',
  ]) {
    const parsed = readStatement(sql);
    asked.length = 0;
    planStatement(parsed, catalog);
    assert.deepEqual(asked, readNeeds(parsed).points, sql);
  }
});

test('a table at another moment has the schema and the rows of that moment', () => {
  const planned = planStatement('SELECT * FROM trades AT (VERSION => 7)', fakeCatalog);
  assert.equal(planned.kind, 'query');
  assert.deepEqual(
    planned.schema.fields.map((field) => field.name),
    ['symbol'],
  );
  const counted = planStatement('SELECT count(*) FROM trades AT (VERSION => 7)', fakeCatalog);
  assert.ok(counted.kind === 'query' && counted.plan.kind === 'values');
  const column = counted.plan.batches[0]?.columns[0];
  assert.ok(column !== undefined);
  assert.equal(makeReader(column)(0), 7n);
});

test('errors are those of planning', () => {
  for (const sql of ['selct 1', 'FROM trades AT (VERSION => x)', 'FROM a TABLESAMPLE 10']) {
    const errorOf = (run: () => unknown): EngineError => {
      try {
        run();
      } catch (error) {
        if (error instanceof EngineError) return error;
        throw error;
      }
      throw new Error(`no error: ${sql}`);
    };
    const wanted = errorOf(() => planStatement(sql, fakeCatalog));
    const { code, message } = errorOf(() => readNeeds(sql));
    assert.deepEqual([code, message], [wanted.code, wanted.message]);
  }
});

test('system tables of the engine are found wherever they stand, once, and in any case', () => {
  const found = (sql: string): readonly string[] => [...readNeeds(sql).system].sort();
  const both = ['sheaf_queries', 'sheaf_segments'];
  assert.deepEqual(found('FROM sheaf_queries, Main.SHEAF_segments s'), both);
  assert.deepEqual(
    found('SELECT 1 WHERE EXISTS (FROM sheaf_segments) UNION (FROM "sheaf_queries", sheaf_queries q)'),
    both,
  );
  assert.deepEqual(found('DESCRIBE sheaf.main.sheaf_metrics'), ['sheaf_metrics']);
  assert.deepEqual(found("SELECT 'sheaf_queries', sheaf_tables FROM information_schema.sheaf_queries"), []);
  assert.deepEqual(readNeeds('FROM sheaf_tables, trades AT (VERSION => 7)'), {
    points: [{ kind: 'version', version: 7 }],
    system: ['sheaf_tables'],
  });
});
