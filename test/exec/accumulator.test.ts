/**
 * What aggregates hold: chosen values, all values, distinct values, of any type and within the query's memory.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeAccumulator } from '../../src/exec/accumulator.ts';
import { runPlan } from '../../src/exec/exec.ts';
import { planStatement } from '../../src/plan/plan.ts';
import { makeReader } from '../../src/arrow/value.ts';
import { makeVector } from '../../src/arrow/vector.ts';
import { catalogOf, tableOf } from '../support/memory-source.ts';
import { runTexts } from '../support/query.ts';
import { refusal } from '../support/refusal.ts';
import { typeOfName } from '../support/slt.ts';

const INT32 = typeOfName('int32');

test('values that are no longer chosen are let go of', () => {
  const accumulator = makeAccumulator('last', [INT32]);
  const rows = 1_000;
  const groups = Uint32Array.from({ length: rows }, (_, i) => i % rows);
  let most = 0;
  for (let batch = 0; batch < 500; batch++) {
    const numbers = Int32Array.from({ length: rows }, (_, i) => batch * rows + i);
    const vector = makeVector(INT32, rows, undefined, 0, [new Uint8Array(numbers.buffer)]);
    accumulator.update([vector], groups, rows, rows);
    most = Math.max(most, accumulator.byteCount());
  }
  const read = makeReader(accumulator.finish(rows + 1));
  assert.deepEqual([read(0), read(999), read(1_000)], [499_000, 499_999, null]);
  assert(most < 600_000, `${most.toString()} bytes`);
});

test('lists may hold lists, and first and last take any type', async () => {
  const columns = [
    { name: 'g', type: INT32, values: [1, 1, 2, null, 2] },
    { name: 'x', type: INT32, values: [5, null, 7, 8, 9] },
  ];
  const inner = 'SELECT g, list(x) AS l FROM t GROUP BY g ORDER BY g';
  const sql = `SELECT list(l), first(l), last(l ORDER BY g DESC), any_value(l) FILTER (WHERE g = 2), count(l) FROM (${inner})`;
  assert.deepEqual(await runTexts(sql, catalogOf([tableOf('t', columns, 2)])), [
    ['[[5, NULL], [7, 9], [8]]', '[5, NULL]', '[8]', '[7, 9]', '3'],
  ]);
});

test('aggregates that keep values refuse to hold more than the query may', async () => {
  const values = Array.from({ length: 5_000 }, (_, i) => i);
  const table = tableOf('t', [{ name: 'x', type: INT32, values }], 500);
  for (const call of ['median(x)', 'list(x)', 'mode(x)', 'sum(DISTINCT x)', 'string_agg(x)', 'first(x ORDER BY x)']) {
    const planned = planStatement(`SELECT ${call} FROM t`, catalogOf([table]));
    assert(planned.kind === 'query');
    await assert.rejects(
      async () => {
        for await (const batch of runPlan(planned.plan, { memoryBytesMax: 20_000 })) assert.equal(batch.rowCount, 0);
      },
      refusal(
        'limit_exceeded',
        'GROUP BY needs more than the 19.5 KiB that one query may hold; filter rows, select fewer columns or add a LIMIT',
      ),
    );
  }
});

test('a rough count of distinct values is within a few standard errors, whatever the type', async () => {
  const count = 20_000;
  for (const name of ['int32', 'int64', 'double', 'string'] as const) {
    const values = Array.from({ length: count * 2 }, (_, i) => {
      const value = (i % count) * 3 - 7;
      return name === 'string' ? value.toString() : name === 'int64' ? BigInt(value) : value;
    });
    const table = tableOf('t', [{ name: 'x', type: typeOfName(name), values }], 3_000);
    const [[answer = ''] = []] = await runTexts('SELECT approx_count_distinct(x) FROM t', catalogOf([table]));
    assert(Math.abs(Number(answer) - count) < count * 0.05, `${answer} of ${name}`);
  }
});
