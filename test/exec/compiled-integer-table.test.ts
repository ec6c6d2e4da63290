/**
 * Groups of one integer against the interpreter: found by distance, by hash, and by one after the other.
 *
 * Method: keys whose range begins small and grows in either direction, jumps to the ends of int64, or lets groups catch
 * up with it; with nulls and without, in batches around the size of a block.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DataType } from '../../src/arrow/type.ts';
import { makeReader } from '../../src/arrow/value.ts';
import { EngineError } from '../../src/base/errors.ts';
import { CODE_BLOCK_ROWS, CODE_DIRECT_FREE } from '../../src/base/limits.ts';
import { compiledOperators } from '../../src/exec/compiled-pipeline.ts';
import type { CompileMode } from '../../src/exec/compiled-pipeline.ts';
import { runPlan } from '../../src/exec/exec.ts';
import { planStatement } from '../../src/plan/plan.ts';
import { catalogOf, tableOf } from '../support/memory-source.ts';
import type { MemorySource } from '../support/memory-source.ts';
import { makeRandom } from '../support/random.ts';

const INT64: DataType = { id: 'int', bitWidth: 64, signed: true };
const INT32: DataType = { id: 'int', bitWidth: 32, signed: true };

async function outcome(sql: string, table: MemorySource, compile: CompileMode): Promise<string> {
  const planned = planStatement(sql, catalogOf([table]));
  assert.equal(planned.kind, 'query');
  if (compile === 'always') assert(compiledOperators(planned.plan, compile).size > 0, `${sql} is compiled`);
  const rows: string[] = [];
  try {
    for await (const batch of runPlan(planned.plan, { compile })) {
      const readers = batch.columns.map(makeReader);
      for (let i = 0; i < batch.rowCount; i++) {
        rows.push(readers.map((read) => String(read(i) as bigint | number | string | null)).join());
      }
    }
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    return `${error.code}: ${error.message}`;
  }
  return rows.join('\n');
}

const QUERIES = [
  'SELECT k, count(*), sum(x), min(x), max(f), count(k) FROM t GROUP BY k',
  'SELECT k, sum(f) FROM t WHERE x % 3 <> 0 GROUP BY k',
  'SELECT k FROM t GROUP BY k',
  'SELECT count(DISTINCT k) FROM t',
  'SELECT k + 1 AS j, count(*) FROM t WHERE k < 9000000000000000000 GROUP BY 1',
  'SELECT k, arg_max(x, f), count(*) FROM t GROUP BY k',
];

async function hold(keys: readonly (bigint | null)[], batchRows: number): Promise<void> {
  const column = { name: 'k', type: INT64, values: keys, nullable: keys.includes(null) };
  const x = keys.map((_, i) => ((i * 7919) % 1009) - 500);
  const f = keys.map((_, i) => ((i * 31) % 97) / 4);
  const table = tableOf(
    't',
    [
      column,
      { name: 'x', type: INT32, values: x, nullable: false },
      { name: 'f', type: { id: 'float', bitWidth: 64 }, values: f, nullable: false },
    ],
    batchRows,
  );
  for (const sql of QUERIES) {
    assert.equal(await outcome(sql, table, 'always'), await outcome(sql, table, 'never'), sql);
  }
}

const most = (1n << 63n) - 1n;
const free = BigInt(CODE_DIRECT_FREE);
const block = CODE_BLOCK_ROWS;

test('groups of one integer are the same whatever their range does', async () => {
  const random = makeRandom(3);
  const draw = (size: number): bigint => BigInt(Math.floor(random() * size));
  const rows = 3 * block + 5;
  const make = (key: (i: number) => bigint | null): (bigint | null)[] =>
    Array.from({ length: rows }, (_, i) => key(i));
  const shapes = [
    make(() => draw(100)),
    make((i) => BigInt(i) - 5000n),
    make((i) => -BigInt(i * 11)),
    make((i) => (i < block ? 7n : i < 2 * block ? most : -most - 1n)),
    make((i) => (i === block + 1 ? most : draw(50))),
    make((i) => (i === 0 ? free - 1n : 0n)),
    make((i) => (i === 0 ? free : 0n)),
    make((i) => (i < block ? -most - 1n + draw(9) : most - draw(9))),
    make((i) => most - draw(100_000) - (i < block ? 1_000_000n : 0n)),
    // More than is free for few groups, not too much for many, and at last far too much.
    Array.from({ length: 8 * block }, (_, i) => (i < 7 * block + 9 ? draw(90_000) : most - draw(5))),
  ];
  for (const keys of shapes) {
    await hold(keys, 5000);
    await hold(
      keys.map((key) => (random() < 0.2 ? null : key)),
      block,
    );
  }
});

test('groups of one integer hold for no rows, one, nulls alone, and sizes around a block and a batch', async () => {
  await hold([], 10);
  await hold([null], 10);
  await hold([5n], 10);
  await hold(
    Array.from({ length: block + 1 }, () => null),
    block,
  );
  for (const rows of [2047, 2048, 2049, block - 1, block, block + 1]) {
    await hold(
      Array.from({ length: rows }, (_, i) => (i % 11 === 3 ? null : BigInt((i * i) % 301) - 100n)),
      rows,
    );
  }
});
