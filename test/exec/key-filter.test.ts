/**
 * Rows that joins leave out where they come from are those that would not have joined.
 *
 * Method: chains of joins over three tables of keys that lie close together, sparse, far apart or at the ends of their
 * type, with NULLs; the filters go through projections, aggregates, unions, sorts, outer joins and shared queries. The
 * same query whose keys are computed (`k + 0`) asks for no filter and must answer the same, interpreted and compiled,
 * with passes and without. That filters were applied is seen by what scans give in EXPLAIN ANALYZE.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DataType } from '../../src/arrow/type.ts';
import type { CompileMode } from '../../src/exec/compiled-pipeline.ts';
import { analyzePlan, runPlan } from '../../src/exec/exec.ts';
import { PASS_NAMES } from '../../src/plan/optimize.ts';
import { inputsOf } from '../../src/plan/physical.ts';
import type { PhysicalPlan } from '../../src/plan/physical.ts';
import { planStatement } from '../../src/plan/plan.ts';
import { catalogOf, tableOf } from '../support/memory-source.ts';
import type { MemorySource } from '../support/memory-source.ts';
import { makeRandom } from '../support/random.ts';
import { cellTexts } from '../support/slt.ts';

const int = (bitWidth: 8 | 16 | 32 | 64, signed = true): DataType => ({ id: 'int', bitWidth, signed });
const many = (from: number, step: number): readonly number[] => Array.from({ length: 40 }, (_, i) => from + i * step);

/** Types of keys, and the values of each. */
const KEYS: readonly (readonly [string, DataType, readonly unknown[]])[] = [
  ['int8', int(8), [...many(-50, 1), 127, -128, null]],
  ['uint16', int(16, false), [...many(20, 3), 65_535, null]],
  ['int32, sparse', int(32), [...many(-3_000, 977), null]],
  ['int32, far apart', int(32), [...many(0, 1), 2_147_483_647, -2_147_483_648, null]],
  ['uint32', int(32, false), [...many(4_294_967_200, 1), null]],
  ['int64 beyond 32 bits', int(64), [...many(4_294_967_280, 1).map(BigInt), null]],
  ['int64, sparse', int(64), [...many(-9_000_000_000, 5_003).map(BigInt), null]],
  ['int64, far apart', int(64), [...many(0, 1).map(BigInt), 9223372036854775807n, -9223372036854775808n, null]],
  ['uint64', int(64, false), [...many(7, 2).map(BigInt), 18446744073709551615n, null]],
  ['date', { id: 'date', unit: 'day' }, [...many(19_000, 11), null]],
];

/** Queries by how a key is written. */
const QUERIES: readonly ((k: (column: string) => string) => string)[] = [
  (k) => `SELECT av, bv FROM a JOIN b ON ${k('ak')} = ${k('bk')}`,
  (k) => `SELECT av, bv, cv FROM a JOIN b ON ${k('ak')} = ${k('bk')} JOIN c ON ${k('ak')} = ${k('ck')} WHERE cv > 3`,
  (k) => `SELECT * FROM a JOIN b ON ${k('ak')} = ${k('bk')} JOIN c ON ${k('bk')} = ${k('ck')} AND cv = bv`,
  (k) => `SELECT * FROM a LEFT JOIN b ON ${k('ak')} = ${k('bk')} JOIN c ON ${k('ak')} = ${k('ck')} WHERE cv = 1`,
  (k) => `SELECT * FROM a LEFT JOIN b ON ${k('ak')} = ${k('bk')} JOIN c ON ${k('bk')} = ${k('ck')} WHERE cv = 1`,
  (k) => `SELECT * FROM c JOIN (SELECT * FROM a RIGHT JOIN b ON ${k('ak')} = ${k('bk')}) ON ${k('ck')} = ${k('bk')}`,
  (k) => `SELECT * FROM c JOIN (SELECT * FROM a RIGHT JOIN b ON ${k('av')} = ${k('bv')}) ON ${k('ck')} = ${k('ak')}`,
  (k) => `SELECT * FROM c JOIN (SELECT * FROM a FULL JOIN b ON ${k('ak')} = ${k('bk')}) ON ${k('ck')} = ${k('ak')}`,
  (k) => `SELECT av FROM a SEMI JOIN b ON ${k('ak')} = ${k('bk')} AND bv > 4`,
  (k) => `SELECT av FROM a ANTI JOIN b ON ${k('ak')} = ${k('bk')} JOIN c ON ${k('ak')} = ${k('ck')} WHERE cv = 2`,
  (k) =>
    `SELECT ${k('g')}, n, cv FROM (SELECT ak AS g, count(*) AS n FROM a GROUP BY ak) JOIN c ON ${k('g')} = ${k('ck')}`,
  (k) => `SELECT n, cv FROM (SELECT max(ak) AS g, count(*) AS n FROM a GROUP BY av) JOIN c ON ${k('g')} = ${k('ck')}`,
  (k) => `SELECT u, cv FROM (SELECT ak AS u FROM a UNION ALL SELECT bk FROM b) JOIN c ON ${k('u')} = ${k('ck')}`,
  (k) => `SELECT * FROM (SELECT ak, av FROM a ORDER BY av, ak LIMIT 20) JOIN c ON ${k('ak')} = ${k('ck')}`,
  (k) =>
    `SELECT * FROM (SELECT ak, row_number() OVER (ORDER BY av, ak) AS n FROM a) JOIN c ON ${k('ak')} = ${k('ck')}`,
  (k) =>
    `WITH s AS (SELECT ak, av FROM a WHERE av > 1) SELECT x.av, y.av FROM s x JOIN s y ON ${k('x.ak')} = ${k('y.ak')}`,
  (k) => `SELECT * FROM a JOIN (SELECT * FROM b WHERE bv > 100) ON ${k('ak')} = ${k('bk')}`,
  (k) => `SELECT * FROM a JOIN c ON ${k('ak')} IS NOT DISTINCT FROM ${k('ck')} AND cv = 1`,
  (k) => `SELECT av, ${k('ak')} IN (SELECT ${k('bk')} FROM b WHERE bv = 2) FROM a JOIN c ON ${k('ak')} = ${k('ck')}`,
];

function makeTable(name: string, type: DataType, keys: readonly unknown[], rowCount: number): MemorySource {
  const random = makeRandom(rowCount + name.charCodeAt(0));
  const values = Array.from({ length: rowCount }, () => keys[Math.floor(random() * keys.length)]);
  const small = Array.from({ length: rowCount }, () => Math.floor(random() * 7));
  return tableOf(
    name,
    [
      { name: `${name}k`, type, values: values as never },
      { name: `${name}v`, type: int(32), values: small },
    ],
    100,
  );
}

interface Way {
  readonly compile: CompileMode;
  readonly plain: boolean;
}

function planOf(sql: string, tables: readonly MemorySource[], plain: boolean): PhysicalPlan {
  const planned = planStatement(sql, catalogOf(tables), { disabledPasses: plain ? PASS_NAMES : [] });
  assert(planned.kind === 'query');
  return planned.plan;
}

async function run(
  sql: string,
  tables: readonly MemorySource[],
  { compile, plain }: Way,
): Promise<readonly string[]> {
  const rows: string[] = [];
  for await (const batch of runPlan(planOf(sql, tables, plain), { compile })) {
    const columns = batch.columns.map((column) => cellTexts(column, batch.rowCount));
    for (let i = 0; i < batch.rowCount; i++) rows.push(columns.map((cells) => cells[i]).join(' | '));
  }
  return rows.sort();
}

const WAYS: readonly Way[] = [
  { compile: 'never', plain: false },
  { compile: 'always', plain: false },
  { compile: 'always', plain: true },
];

for (const [name, type, keys] of KEYS) {
  test(`filters by keys of ${name} change no answer`, async () => {
    for (const counts of [
      [400, 30, 9],
      [9, 400, 60],
      [60, 9, 400],
      [0, 30, 9],
    ]) {
      const tables = ['a', 'b', 'c'].map((table, i) => makeTable(table, type, keys, counts[i] as number));
      for (const query of QUERIES) {
        const sql = query((column) => column);
        const expected = await run(
          query((column) => `(${column} + 0)`),
          tables,
          { compile: 'never', plain: true },
        );
        // A date plus nothing is the date; what a query shows of keys is not computed.
        for (const way of WAYS)
          assert.deepEqual(await run(sql, tables, way), expected, `${sql} ${JSON.stringify(way)}`);
      }
    }
  });
}

/** Rows that the scan of `table` gave. */
async function scanned(
  sql: string,
  tables: readonly MemorySource[],
  table: string,
  compile: CompileMode,
): Promise<number> {
  const plan = planOf(sql, tables, false);
  const { operators } = await analyzePlan(plan, { compile });
  let rows: number | undefined;
  const visit = (operator: PhysicalPlan): void => {
    if (operator.kind === 'scan' && operator.tableName === table) rows = operators.get(operator)?.rowCount;
    inputsOf(operator).forEach(visit);
  };
  visit(plan);
  assert(rows !== undefined, `${table} is not scanned`);
  return rows;
}

test('scans give the rows that join, interpreted and compiled', async () => {
  const [, type, keys] = KEYS[2] as (typeof KEYS)[number];
  const tables = [makeTable('a', type, keys, 4_000), makeTable('b', type, keys.slice(0, 3), 20)];
  for (const compile of ['never', 'always'] as const) {
    const sql = 'SELECT av, bv FROM a JOIN b ON ak = bk';
    const joining = await run('SELECT av FROM a SEMI JOIN b ON (ak + 0) = (bk + 0)', tables, {
      compile,
      plain: true,
    });
    assert.equal(await scanned(sql, tables, 'a', compile), joining.length, compile);
    assert.equal(await scanned('SELECT av FROM a JOIN b ON (ak + 0) = bk', tables, 'a', compile), 4_000);
  }
  // Compiled, the filter is part of the code above the scan.
  const through = 'SELECT g, bv FROM (SELECT ak AS g, count(*) FROM a WHERE av >= 0 GROUP BY ak) JOIN b ON g = bk';
  assert.ok((await scanned(through, tables, 'a', 'never')) < 1_000);
});
