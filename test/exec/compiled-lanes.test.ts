/**
 * Aggregates of two rows at a time against the interpreter: zeros of both signs, NaN, infinities, ends of int64.
 *
 * Method: columns drawn from few such values, so that lanes meet them in every order, of sizes around a turn and a
 * block, all rows or those that a condition leaves.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DataType } from '../../src/arrow/type.ts';
import { makeReader } from '../../src/arrow/value.ts';
import { EngineError } from '../../src/base/errors.ts';
import { CODE_BLOCK_ROWS } from '../../src/base/limits.ts';
import type { CompileMode } from '../../src/exec/compiled-pipeline.ts';
import { compilePipeline } from '../../src/exec/compiled-pipeline.ts';
import { hasLanes } from '../../src/exec/compiled-lanes.ts';
import { runPlan } from '../../src/exec/exec.ts';
import { planStatement } from '../../src/plan/plan.ts';
import { catalogOf, tableOf } from '../support/memory-source.ts';
import type { MemorySource } from '../support/memory-source.ts';
import { makeRandom } from '../support/random.ts';

const INT64: DataType = { id: 'int', bitWidth: 64, signed: true };
const INT32: DataType = { id: 'int', bitWidth: 32, signed: true };
const DOUBLE: DataType = { id: 'float', bitWidth: 64 };

async function outcome(sql: string, table: MemorySource, compile: CompileMode): Promise<string> {
  const planned = planStatement(sql, catalogOf([table]));
  assert.equal(planned.kind, 'query');
  if (compile === 'always') {
    const pipeline = compilePipeline(planned.plan.kind === 'project' ? planned.plan.input : planned.plan, compile);
    assert(pipeline?.kind === 'aggregate' && hasLanes(pipeline), `${sql} has lanes`);
  }
  try {
    const cells: string[] = [];
    for await (const batch of runPlan(planned.plan, { compile })) {
      for (const column of batch.columns) {
        const value = makeReader(column)(0);
        cells.push(Object.is(value, -0) ? '-0' : String(value));
      }
    }
    return cells.join();
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    return error.message;
  }
}

const MOST = (1n << 63n) - 1n;
const DOUBLES: readonly (readonly number[])[] = [
  [0, -0],
  [0, -0, NaN],
  [NaN],
  [Infinity, NaN],
  [-Infinity, 0, -0, Infinity],
  [1, -1, 5e-324, -5e-324, 0, -0, NaN, Infinity, -Infinity],
  [2, -0, 3, 0],
  [-2, -0, -3, 0, NaN],
];
const INTEGERS: readonly (readonly bigint[])[] = [
  [0n, 1n, -1n],
  [MOST, -MOST - 1n, -1n, 1n << 32n, -(1n << 32n) - 1n],
  [MOST, -MOST],
  [MOST],
  [-MOST - 1n],
];

function queriesOf(where: string): string[] {
  return [
    `SELECT min(d) FROM t${where}`,
    `SELECT max(d) FROM t${where}`,
    `SELECT min(d), max(d), max(i), min(i), count(*) FROM t${where}`,
    `SELECT sum(i) FROM t${where}`,
    `SELECT avg(i), min(d) FROM t${where}`,
  ];
}

test('extremes of doubles and sums of int64 in lanes are those of single rows', async () => {
  const random = makeRandom(11);
  const pick = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)] as T;
  const block = CODE_BLOCK_ROWS;
  for (const [n, size] of [0, 1, 7, 8, 9, 16, 17, 31, 2048, block - 1, block, 2 * block + 9].entries()) {
    for (const [s, doubles] of DOUBLES.entries()) {
      const integers = INTEGERS[(s + n) % INTEGERS.length] as readonly bigint[];
      const make = <T>(values: readonly T[]): T[] => Array.from({ length: size }, () => pick(values));
      const table = tableOf(
        't',
        [
          { name: 'd', type: DOUBLE, values: make(doubles), nullable: false },
          { name: 'i', type: INT64, values: make(integers), nullable: false },
          { name: 'w', type: INT32, values: Array.from({ length: size }, (_, r) => r), nullable: false },
        ],
        block,
      );
      for (const where of ['', ' WHERE w > 3', ' WHERE w > 4100', ' WHERE w < 0']) {
        for (const sql of queriesOf(where)) {
          assert.equal(
            await outcome(sql, table, 'always'),
            await outcome(sql, table, 'never'),
            `${sql} ${doubles.join()}`,
          );
        }
      }
    }
  }
});
