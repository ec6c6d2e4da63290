/**
 * EXPLAIN ANALYZE: what operators did.
 *
 * Method: queries over small tables of several batches; times and sizes, which no two runs share, are replaced by …,
 * and looked at apart.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeReader } from '../../src/arrow/value.ts';
import { EngineError } from '../../src/base/errors.ts';
import { CODE_SOURCE_ROWS_MIN } from '../../src/base/limits.ts';
import { compiledOperators } from '../../src/exec/compiled-pipeline.ts';
import { analyzePlan, runPlan } from '../../src/exec/exec.ts';
import type { RunOptions } from '../../src/exec/exec.ts';
import { planStatement } from '../../src/plan/plan.ts';
import { catalogOf, tableOf } from '../support/memory-source.ts';
import type { MemorySource } from '../support/memory-source.ts';

const INT64 = { id: 'int', bitWidth: 64, signed: true } as const;

function numbers(name: string, rows: number, batchRows: number): MemorySource {
  const x = Array.from({ length: rows }, (_, i) => BigInt(i));
  const columns = [
    { name: 'x', type: INT64, values: x },
    { name: 'k', type: INT64, values: x.map((value) => value % 3n) },
  ];
  return tableOf(name, columns, batchRows);
}

async function analyze(sql: string, tables: readonly MemorySource[], run: RunOptions = {}): Promise<string> {
  const planned = planStatement(`EXPLAIN ANALYZE ${sql}`, catalogOf(tables), {
    analyze: (plan) => analyzePlan(plan, run),
    compiledOperators,
  });
  assert(planned.kind === 'query');
  for await (const batch of runPlan(planned.plan)) {
    const [key, value] = batch.columns.map((column) => makeReader(column)(0));
    assert.equal(key, 'analyzed_plan');
    return typeof value === 'string' ? value : 'no text';
  }
  return 'no rows';
}

/** The lines, without what is never the same. */
function fixed(text: string): readonly string[] {
  return text
    .replace(/(time|self|planning)=\d+\.\d{3}ms/gu, '$1=…')
    .replace(/memory=[\d.]+ [KM]?i?B/gu, 'memory=…')
    .split('\n');
}

/** A figure of every line, in ms. */
function times(text: string, name: string): readonly number[] {
  return [...text.matchAll(new RegExp(`${name}=(\\d+\\.\\d{3})ms`, 'gu'))].map((match) => Number(match[1]));
}

test('each line tells rows, batches and times of its operator, the last one those of the run', async () => {
  const t = numbers('t', 10, 3);
  const text = await analyze('SELECT k, sum(x) FROM t WHERE x > 1 GROUP BY k ORDER BY 2 DESC', [t]);
  assert.deepEqual(fixed(text), [
    'Sort keys=["sum(x)" DESC] (rows=3 batches=1 time=… self=… memory=…)',
    '  Aggregate groups=[k] aggregates=[sum(x)] (rows=3 batches=1 time=… self=… memory=…)',
    '    Filter (x > 1) (rows=8 batches=4 time=… self=…)',
    '      Scan t columns=all bounds=[x > 1] batches=4 of 4 (rows=10 batches=4 time=… self=…)',
    'Total rows=3 time=… memory=… planning=…',
  ]);
  const [total = 0] = times(text.split('\n').at(-1) ?? '', 'time');
  const selves = times(text, 'self');
  const wholes = times(text, 'time').slice(0, -1);
  // An operator's time has that of its input in it, and their own times add up to that of the topmost.
  wholes.slice(1).forEach((ms, i) => assert(ms <= (wholes[i] ?? 0), text));
  const sum = selves.reduce((all, ms) => all + ms, 0);
  assert(Math.abs(sum - (wholes[0] ?? 0)) < 0.01 && (wholes[0] ?? 0) <= total + 0.001, text);
  assert.equal(t.openScans, 0);
});

test('what a limit leaves unread is not counted, and what never ran says so', async () => {
  const [a, b] = [numbers('a', 10, 3), numbers('b', 10, 3)];
  const text = await analyze('(SELECT x FROM a UNION ALL SELECT x FROM b) LIMIT 4', [a, b]);
  assert.deepEqual(fixed(text), [
    'Limit rows=4 (rows=4 batches=2 time=… self=…)',
    '  Union (rows=6 batches=2 time=… self=…)',
    '    Scan a columns=[x] batches=4 of 4 (rows=6 batches=2 time=… self=…)',
    '    Scan b columns=[x] batches=4 of 4 (not run)',
    'Total rows=4 time=… planning=…',
  ]);
  assert.deepEqual([a.batchesRead, a.openScans, b.batchesRead], [2, 0, 0]);
});

test('plans that several places read are counted once, rounds of a recursion together', async () => {
  const t = numbers('t', 4, 2);
  const shared = fixed(
    await analyze('WITH s AS (SELECT k, count(*) c FROM t GROUP BY k) SELECT 1 FROM s a JOIN s b USING (k)', [t]),
  );
  assert.equal(shared.filter((line) => line.includes('Shared')).length, 2);
  assert.deepEqual(
    shared.filter((line) => /Scan t/u.test(line)).map((line) => line.trim()),
    ['Scan t columns=[k] batches=2 of 2 (rows=4 batches=2 time=… self=…)'],
  );
  assert.equal(t.batchesRead, 2);
  const rounds = fixed(
    await analyze('WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 5) FROM r', []),
  );
  const [recursive = '', ...rest] = rounds;
  assert.match(recursive, /^Recursive 0 \(rows=5 batches=5 /u);
  assert.match(rest.find((line) => line.includes('Working')) ?? '', /\(rows=5 batches=5 /u);
});

test('a pipeline of generated code has the figures of its topmost operator', async () => {
  const t = numbers('t', CODE_SOURCE_ROWS_MIN, 20_000);
  const lines = fixed(await analyze('SELECT k, sum(x) AS s FROM t WHERE x % 2 = 0 GROUP BY k', [t])).map((line) =>
    line.trim(),
  );
  const at = lines.findIndex((line) => line.startsWith('Aggregate'));
  assert.match(lines[at] ?? '', /\[wasm\] \(rows=3 batches=1 time=… self=… memory=…\)$/u);
  assert.match(lines[at + 1] ?? '', /^Filter .* \[wasm\]$/u);
  assert.match(lines[at + 2] ?? '', /^Scan t .*\(rows=\d+ batches=\d+ time=… self=…\)$/u);
});

test('an analysis is cold, is bounded, and is ended by its signal', async () => {
  const t = numbers('t', 100, 10);
  const sql = 'SELECT x FROM t ORDER BY x DESC';
  const planned = planStatement(`EXPLAIN ANALYZE ${sql}`, catalogOf([t]), { analyze: (plan) => analyzePlan(plan) });
  assert(planned.kind === 'query');
  assert.equal(t.batchesRead, 0);
  const isCode =
    (code: string) =>
    (error: unknown): boolean =>
      error instanceof EngineError && error.code === code;
  await assert.rejects(analyze(sql, [t], { memoryBytesMax: 100 }), isCode('limit_exceeded'));
  await assert.rejects(analyze(sql, [t], { signal: AbortSignal.abort() }), isCode('cancelled'));
  await assert.rejects(analyze("SELECT CAST('a' || x AS INTEGER) FROM t", [t]), isCode('value_error'));
  assert.equal(t.openScans, 0);
});

test('where nothing can be run, EXPLAIN ANALYZE is refused', () => {
  assert.throws(() => planStatement('EXPLAIN ANALYZE SELECT 1', catalogOf([])), {
    code: 'sql_unsupported',
    message: /^EXPLAIN ANALYZE is not possible here/u,
  });
});
