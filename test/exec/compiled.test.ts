/**
 * Pipelines of generated code: which operators they are made of, their code as text, their cache, their bounds.
 *
 * Method: equality with the interpreter is tested by compiled-differential and by the SQL corpus; here stands what
 * those cannot see.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EngineError } from '../../src/base/errors.ts';
import { CODE_BLOCK_ROWS, CODE_SOURCE_ROWS_MIN } from '../../src/base/limits.ts';
import { compileCounts } from '../../src/codegen/compile.ts';
import { codeOf } from '../../src/exec/compiled-memory.ts';
import { compiledOperators, compilePipeline } from '../../src/exec/compiled-pipeline.ts';
import { runPlan } from '../../src/exec/exec.ts';
import type { RunOptions } from '../../src/exec/exec.ts';
import { makeReader } from '../../src/arrow/value.ts';
import type { Value } from '../../src/arrow/value.ts';
import { explainPlan } from '../../src/plan/explain.ts';
import type { PhysicalPlan, PlanCatalog } from '../../src/plan/physical.ts';
import { planStatement } from '../../src/plan/plan.ts';
import { checkGolden } from '../golden/golden.ts';
import { fakeCatalog } from '../plan/fake-catalog.ts';
import { printFunction } from '../support/code-text.ts';
import { catalogOf, tableOf } from '../support/memory-source.ts';

function planOf(sql: string, catalog: PlanCatalog): PhysicalPlan {
  const planned = planStatement(sql, catalog);
  assert.equal(planned.kind, 'query');
  return planned.plan;
}

async function rowsOf(sql: string, catalog: PlanCatalog, options: RunOptions): Promise<Value[][]> {
  const rows: Value[][] = [];
  for await (const batch of runPlan(planOf(sql, catalog), options)) {
    const readers = batch.columns.map(makeReader);
    for (let i = 0; i < batch.rowCount; i++) rows.push(readers.map((read) => read(i)));
  }
  return rows;
}

function numbersTable(rows: number): PlanCatalog {
  const values = Array.from({ length: rows }, (_, i) => BigInt(i));
  return catalogOf([tableOf('t', [{ name: 'x', type: { id: 'int', bitWidth: 64, signed: true }, values }])]);
}

function codeText(sql: string, nullable: boolean, bits: readonly number[] = []): string {
  const pipeline = compilePipeline(planOf(sql, fakeCatalog), 'always');
  if (pipeline === undefined) return 'interpreted';
  return [pipeline.key, ...codeOf(pipeline, { nullable, bits }).map(printFunction)].join('\n');
}

test('the code of pipelines is as the golden files have it', async () => {
  await checkGolden('codegen-pipelines.txt', (sql) => codeText(sql, true));
  await checkGolden('codegen-lanes.txt', (sql) => codeText(sql, false, [24]));
});

test('EXPLAIN marks the operators that run as generated code, of large sources alone', async () => {
  const sql = 'SELECT x + 1 AS y, count(*) FROM t WHERE x % 2 = 0 GROUP BY 1 ORDER BY 2';
  const catalog = numbersTable(CODE_SOURCE_ROWS_MIN);
  const plan = planOf(sql, catalog);
  const text = await explainPlan(plan, compiledOperators(plan));
  assert.match(
    text,
    /Sort [^\n[]*keys=[^\n]*\n *Aggregate [^\n]* \[wasm\]\n *Filter [^\n]* \[wasm\]\n *Scan [^\n]*\d$/,
  );
  const explained = planStatement(`EXPLAIN ${sql}`, catalog, { compiledOperators });
  assert.equal(explained.kind, 'query');
  const [row] = await rowsOf(`EXPLAIN ${sql}`, catalog, {});
  assert.doesNotMatch(row?.[1] as string, /wasm/);
  for await (const batch of runPlan(explained.plan)) {
    const read = makeReader(batch.columns[1] as (typeof batch.columns)[number]);
    assert.equal(read(0), text);
  }
  const small = planOf(sql, numbersTable(CODE_SOURCE_ROWS_MIN - 1));
  assert.equal(compiledOperators(small).size, 0);
  assert.equal(compiledOperators(small, 'always').size, 2);
  assert.equal(compiledOperators(plan, 'never').size, 0);
});

test('the second run of a shape compiles nothing, whatever its constants', async () => {
  const catalog = numbersTable(100);
  const query = (n: number): string =>
    `SELECT sum(x * ${n.toString()}), count(*) FROM t WHERE x < ${(n + 7).toString()}`;
  const first = await rowsOf(query(3), catalog, { compile: 'always' });
  const { compiled, reused } = compileCounts();
  assert.deepEqual(first, [[135n, 10n]]);
  assert.deepEqual(await rowsOf(query(5), catalog, { compile: 'always' }), [[330n, 12n]]);
  assert.deepEqual(compileCounts(), { compiled, reused: reused + 1 });
});

test('what code holds is charged to the query, and given back', async () => {
  const catalog = numbersTable(CODE_BLOCK_ROWS * 8);
  const sql = 'SELECT x, count(*) FROM t GROUP BY x';
  await assert.rejects(rowsOf(sql, catalog, { compile: 'always', memoryBytesMax: 1 << 20 }), (error) => {
    assert(error instanceof EngineError);
    assert.equal(error.code, 'limit_exceeded');
    assert.match(error.message, /^GROUP BY needs more than the 1\.0 MiB|^GROUP BY needs more than/);
    return true;
  });
  const nested = `SELECT count(*) FROM (${sql}) a`;
  const [[count] = []] = await rowsOf(nested, catalog, { compile: 'always', memoryBytesMax: 16 << 20 });
  assert.equal(count, BigInt(CODE_BLOCK_ROWS * 8));
});

test('an error is the interpreter’s, and comes from the batch that has it', async () => {
  const values = [1n, 2n, (1n << 63n) - 1n, 4n];
  const type = { id: 'int', bitWidth: 64, signed: true } as const;
  const catalog = catalogOf([tableOf('t', [{ name: 'x', type, values }], 2)]);
  for (const sql of [
    'SELECT x + 1 AS y FROM t',
    'SELECT sum(x + 1) FROM t',
    'SELECT x + 1 AS y, count(*) FROM t GROUP BY 1',
  ]) {
    await assert.rejects(rowsOf(sql, catalog, { compile: 'always' }), (error) => {
      assert(error instanceof EngineError);
      const text = 'overflow in addition of int64: 9223372036854775807 + 1; cast an operand to a wider type';
      assert.equal(`${error.code}: ${error.message}`, `value_error: ${text}`);
      return true;
    });
  }
  assert.deepEqual(await rowsOf('SELECT x + 1 AS y FROM t WHERE x < 5', catalog, { compile: 'always' }), [
    [2n],
    [3n],
    [5n],
  ]);
});

test('groups keep the order of their first row over many blocks, and grow', async () => {
  const rows = CODE_BLOCK_ROWS * 5 + 3;
  const values = Array.from({ length: rows }, (_, i) => (i * 7919) % 20_011);
  const catalog = catalogOf([
    tableOf('t', [{ name: 'x', type: { id: 'int', bitWidth: 32, signed: true }, values, nullable: false }], 10_000),
  ]);
  const got = await rowsOf('SELECT x, count(*) FROM t GROUP BY x', catalog, { compile: 'always' });
  const counts = new Map<number, bigint>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0n) + 1n);
  assert.deepEqual(got, [...counts]);
});
