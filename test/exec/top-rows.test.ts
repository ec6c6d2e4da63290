/**
 * The first rows by some keys are the beginning of all rows in that order.
 *
 * Method: keys of each form that top-N leaves rows out by (text with shared prefixes and many equal values, decimals of
 * 128 bits, int64, doubles with NaN), with NULLs first and last, up and down, a second key that settles ties; rows come
 * in many batches, so that the worst row kept is held against later ones.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DataType } from '../../src/arrow/type.ts';
import { runPlan } from '../../src/exec/exec.ts';
import { planStatement } from '../../src/plan/plan.ts';
import { catalogOf, tableOf } from '../support/memory-source.ts';
import type { MemorySource } from '../support/memory-source.ts';
import { makeRandom } from '../support/random.ts';
import { cellTexts } from '../support/slt.ts';

const ROWS = 6_000;
const INT64: DataType = { id: 'int', bitWidth: 64, signed: true };
const WIDE: DataType = { id: 'decimal', bitWidth: 128, precision: 38, scale: 2 };

/** Types of keys, and the value for a number from 0 to 1. */
const KEYS: readonly (readonly [DataType, (at: number) => unknown])[] = [
  [{ id: 'utf8' }, (at) => `a prefix that is shared ${Math.floor(at * 12).toString()}`],
  [{ id: 'utf8' }, (at) => 'ä'.repeat(Math.floor(at * 5))],
  [{ id: 'utf8' }, (at) => Math.floor(at * 1e9).toString()],
  [WIDE, (at) => BigInt(Math.floor((at - 0.5) * 40)) * (1n << 70n) + BigInt(Math.floor(at * 3))],
  [WIDE, (at) => BigInt(Math.floor((at - 0.5) * 1e6))],
  [INT64, (at) => BigInt(Math.floor((at - 0.5) * 30)) * 4_294_967_296n],
  [{ id: 'float', bitWidth: 64 }, (at) => (at > 0.99 ? NaN : Math.floor(at * 50) - 25)],
];

async function rowsOf(sql: string, table: MemorySource): Promise<readonly string[]> {
  const planned = planStatement(sql, catalogOf([table]));
  assert(planned.kind === 'query');
  const rows: string[] = [];
  for await (const batch of runPlan(planned.plan)) {
    const columns = batch.columns.map((column) => cellTexts(column, batch.rowCount));
    for (let i = 0; i < batch.rowCount; i++) rows.push(columns.map((cells) => cells[i]).join(' | '));
  }
  return rows;
}

KEYS.forEach(([type, value], index) => {
  test(`the first rows by ${type.id}, key ${index.toString()}`, async () => {
    const random = makeRandom(index + 1);
    for (const nullShare of [0, 0.001, 0.5]) {
      const keys = Array.from({ length: ROWS }, () => (random() < nullShare ? null : value(random())));
      const ties = Array.from({ length: ROWS }, () => BigInt(Math.floor(random() * 1e6)));
      const table = tableOf(
        't',
        [
          { name: 'k', type, values: keys as never, nullable: true },
          { name: 'v', type: INT64, values: ties },
        ],
        500,
      );
      for (const order of ['k ASC NULLS LAST', 'k DESC NULLS LAST', 'k ASC NULLS FIRST', 'k DESC NULLS FIRST']) {
        const all = await rowsOf(`SELECT k, v FROM t ORDER BY ${order}, v`, table);
        assert.equal(all.length, ROWS);
        for (const limit of [1, 10, 700]) {
          const first = await rowsOf(`SELECT k, v FROM t ORDER BY ${order}, v LIMIT ${limit.toString()}`, table);
          assert.deepEqual(first, all.slice(0, limit), `${order} LIMIT ${limit.toString()}`);
        }
      }
    }
  });
});
