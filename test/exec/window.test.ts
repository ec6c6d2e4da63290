/**
 * Windows: sizes around the borders of batches, odd values, and stopping.
 *
 * Method: what can be said in closed form is compared with it; what cannot with another way to the same answer: the
 * aggregate over a frame written as a subquery, or the frame's mirror image.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildVector } from '../../src/arrow/build.ts';
import { makeField, makeSchema } from '../../src/arrow/schema.ts';
import type { DataType } from '../../src/arrow/type.ts';
import { EngineError } from '../../src/base/errors.ts';
import { runPlan } from '../../src/exec/exec.ts';
import type { RunOptions } from '../../src/exec/exec.ts';
import { WINDOW_FUNCTIONS } from '../../src/function/window.ts';
import { planStatement } from '../../src/plan/plan.ts';
import { catalogOf, tableOfVectors } from '../support/memory-source.ts';
import type { MemorySource } from '../support/memory-source.ts';
import { runTexts } from '../support/query.ts';

const INT32: DataType = { id: 'int', bitWidth: 32, signed: true };
const DOUBLE: DataType = { id: 'float', bitWidth: 64 };

/** n = 0 … rows - 1 in an order of their own, p = n % parts, and x, which has all kinds of doubles. */
function makeTable(rows: number, parts: number): MemorySource {
  // 7919 is prime to all sizes here.
  const numbers = Array.from({ length: rows }, (_, i) => (i * 7919) % rows);
  const odd = [NaN, -0, 0, Infinity, -Infinity, 1.5, null];
  const fields = [makeField('n', INT32), makeField('p', INT32), makeField('x', DOUBLE), makeField('z', INT32)];
  const vectors = [
    buildVector(INT32, numbers),
    buildVector(
      INT32,
      numbers.map((n) => n % parts),
    ),
    buildVector(
      DOUBLE,
      numbers.map((n) => odd[n % odd.length] ?? null),
    ),
    buildVector(
      INT32,
      numbers.map(() => null),
    ),
  ];
  return tableOfVectors('t', makeSchema(fields), vectors, rows, 4096);
}

async function one(sql: string, table: MemorySource): Promise<readonly string[]> {
  return (await runTexts(sql, catalogOf([table])))[0] ?? [];
}

for (const rows of [1, 2047, 2048, 2049, 65_535, 65_536, 65_537]) {
  for (const parts of [1, 100]) {
    test(`${rows.toString()} rows in ${parts.toString()} partitions`, async () => {
      const table = makeTable(rows, parts);
      const window = '(PARTITION BY p ORDER BY n';
      const place = `(n - p) // ${parts.toString()}`;
      const calls = [
        `row_number() OVER ${window}) = ${place} + 1`,
        `rank() OVER ${window}) = ${place} + 1`,
        `coalesce(lag(n) OVER ${window}), p - ${parts.toString()}) = n - ${parts.toString()}`,
        `sum(n) OVER ${window}) = (${place} + 1) * (p + n)::BIGINT // 2`,
        `sum(n) OVER ${window} ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) = n + greatest(n - ${parts.toString()}, 0)`,
        `min(n) OVER ${window} ROWS 100 PRECEDING) = greatest(p, n - 100 * ${parts.toString()})`,
        `count(*) OVER ${window} ROWS 100 PRECEDING) = least(101, ${place} + 1)`,
        `median(n) OVER ${window} ROWS 2 PRECEDING) = n - ${parts.toString()} * least(2, ${place}) / 2`,
        `first_value(n) OVER ${window}) = p`,
        `max(n) OVER (PARTITION BY p) = last_value(n) OVER ${window} RANGE BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING)`,
        `var_pop(n) OVER ${window} ROWS 1 PRECEDING) = CASE WHEN n < ${parts.toString()} THEN 0 ELSE ${((parts * parts) / 4).toString()} END`,
      ].filter((call) => !(parts === 100 && call.startsWith('sum(n) OVER (PARTITION BY p ORDER BY n ROWS')));
      const items = calls.map((call, i) => `(${call}) AS c${i.toString()}`).join(', ');
      const counts = calls.map((_, i) => `count_if(c${i.toString()})`).join(', ');
      const answer = await one(`SELECT ${counts} FROM (SELECT ${items} FROM t)`, table);
      calls.forEach((call, i) => {
        assert.equal(answer[i], rows.toString(), call);
      });
    });
  }
}

test('rows leave in the order in which they come, with their own columns', async () => {
  const table = makeTable(5000, 7);
  const plain = await runTexts('SELECT n, x FROM t', catalogOf([table]));
  const sorted = await runTexts(
    'SELECT n, x, row_number() OVER (PARTITION BY p ORDER BY x, n) FROM t',
    catalogOf([table]),
  );
  assert.deepEqual(
    sorted.map(([n, x]) => [n, x]),
    plain,
  );
});

test('NaN is one value and the greatest, -0 is 0, and null keys are peers', async () => {
  const table = makeTable(70, 1);
  const sql = `SELECT DISTINCT x, rank() OVER (ORDER BY x), dense_rank() OVER (ORDER BY abs(x) DESC NULLS FIRST),
    count(*) OVER (PARTITION BY x) FROM t WHERE x IS NULL OR x > 1 OR x < 0 OR x = 0 ORDER BY ALL`;
  const rows = await runTexts(sql, catalogOf([table]));
  assert.deepEqual(
    rows.map((row) => row.join(' ')),
    ['-inf 1 3 10', '0.0 11 5 20', '1.5 31 4 10', 'inf 41 3 10', 'nan 51 2 10', 'NULL 61 1 10'],
  );
  const nulls = await one(
    'SELECT max(r), max(c), min(c) FROM (SELECT rank() OVER (ORDER BY z) r, count(*) OVER (PARTITION BY z) c FROM t)',
    table,
  );
  assert.deepEqual(nulls, ['1', '70', '70']);
});

test('sums of frames are exact where doubles would lose them, and fail only where they pass their type', async () => {
  const table = makeTable(100, 1);
  const big = '4611686018427387904';
  const sum = (frame: string): string =>
    `SELECT max(s), min(s) FROM (SELECT sum(${big} + n) OVER (ORDER BY n ${frame}) AS s FROM t)`;
  assert.deepEqual(await one(sum('ROWS CURRENT ROW'), table), ['4611686018427388003', big]);
  const error = await one(sum('ROWS 1 PRECEDING'), table).catch((thrown: unknown) => thrown);
  assert(error instanceof EngineError);
  assert.equal(error.code, 'value_error');
  assert.match(error.message, /^overflow in sum: 9223372036854775809 is outside int64; sum doubles or decimals$/);
  const floats = `SELECT min(s), max(s) FROM (SELECT sum(CASE WHEN n = 0 THEN 1e300 ELSE 1.5 END) OVER (ORDER BY n ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS s, n FROM t) WHERE n > 1`;
  assert.deepEqual(await one(floats, table), ['3.0', '3.0']);
});

async function drain(sql: string, table: MemorySource, options: RunOptions): Promise<number> {
  const planned = planStatement(sql, catalogOf([table]));
  assert(planned.kind === 'query');
  let rows = 0;
  for await (const batch of runPlan(planned.plan, options)) rows += batch.rowCount;
  return rows;
}

test('frames that are run anew for each row can be stopped, and memory is bounded', async () => {
  const table = makeTable(20_000, 1);
  const sql = 'SELECT mode(n) OVER (ORDER BY n ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING EXCLUDE TIES) FROM t';
  const cancelled = await drain(sql, table, { signal: AbortSignal.timeout(50) }).catch((thrown: unknown) => thrown);
  assert(cancelled instanceof EngineError);
  assert.equal(cancelled.code, 'cancelled');
  const full = await drain('SELECT sum(n) OVER (ORDER BY n) FROM t', table, { memoryBytesMax: 100_000 }).catch(
    (thrown: unknown) => thrown,
  );
  assert(full instanceof EngineError);
  assert.equal(full.code, 'limit_exceeded');
  assert.match(full.message, /^a window needs more than the /);
});

test('each window function answers as its example says', async () => {
  for (const { name, example } of WINDOW_FUNCTIONS) {
    const [, call = '', values = '', answers = ''] = /^(.*) over (.*) → (.*)$/.exec(example) ?? [];
    assert(call.startsWith(name), example);
    const rows = values.split(', ').map((value) => `(${value})`);
    const sql = `SELECT ${call} OVER (ORDER BY x) FROM (VALUES ${rows.join(', ')}) v(x) ORDER BY x`;
    const got = (await runTexts(sql, catalogOf([]))).map(([cell]) =>
      cell === 'NULL' ? cell : Number(cell).toString(),
    );
    assert.equal(got.join(', '), answers, example);
  }
});
