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
import type { Value } from '../../src/arrow/value.ts';
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

/** Numbers, booleans, null. */
function cellText(value: Value): string {
  return Object.is(value, -0) ? '-0' : `${value as number | bigint | boolean | null}`;
}

/** Rows as text, or the error. */
async function rowsOf(sql: string, table: MemorySource, compile: CompileMode): Promise<string> {
  const planned = planStatement(sql, catalogOf([table]));
  assert.equal(planned.kind, 'query');
  const rows: string[] = [];
  try {
    for await (const batch of runPlan(planned.plan, { compile })) {
      const readers = batch.columns.map(makeReader);
      for (let i = 0; i < batch.rowCount; i++) {
        rows.push(readers.map((read) => cellText(read(i))).join());
      }
    }
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    return error.message;
  }
  return rows.join('\n');
}

/** The same of an aggregate, which must have lanes where it is compiled. */
async function outcome(sql: string, table: MemorySource, compile: CompileMode): Promise<string> {
  const planned = planStatement(sql, catalogOf([table]));
  assert.equal(planned.kind, 'query');
  if (compile === 'always') {
    const pipeline = compilePipeline(planned.plan.kind === 'project' ? planned.plan.input : planned.plan, compile);
    assert(pipeline?.kind === 'aggregate' && hasLanes(pipeline), `${sql} has lanes`);
  }
  return rowsOf(sql, table, compile);
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
  for (const [n, size] of [0, 1, 7, 8, 9, 17, 2048, block - 1, 2 * block + 9].entries()) {
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

test('projections in lanes are those of single rows, also those that overflow or have nulls', async () => {
  const block = CODE_BLOCK_ROWS;
  const ends = [MOST, -MOST - 1n, 1n, -1n, 0n, 1n << 62n];
  for (const size of [0, 1, 7, 8, 9, 65, 2047, block, block + 13, 65_537]) {
    for (const holes of [false, true]) {
      const make = <T>(value: (i: number) => T): (T | null)[] =>
        Array.from({ length: size }, (_, i) => (holes && i % 13 === 5 ? null : value(i)));
      const table = tableOf('t', [
        { name: 'd', type: DOUBLE, values: make((i) => [0.5, -0, NaN, Infinity, i][i % 5] as number) },
        { name: 'e', type: DOUBLE, values: make((i) => [0, 3, -0][i % 3] as number) },
        { name: 'i', type: INT64, values: make((i) => BigInt(i) * 1_000_003n) },
        { name: 'w', type: INT32, values: make((i) => -i) },
      ]);
      for (const sql of [
        'SELECT d * e + 1 AS a, i + w AS b, d / e AS c, i - w AS f FROM t',
        'SELECT i + w AS a, w * w % 7 AS b, d > e AS c, d - e AS f FROM t',
      ]) {
        assert.equal(await rowsOf(sql, table, 'always'), await rowsOf(sql, table, 'never'), sql);
      }
    }
  }
  for (const a of ends) {
    for (const b of ends) {
      for (const [at, size] of [
        [3, 9],
        [17, 4100],
        [4099, 4104],
      ] as const) {
        const make = (end: bigint): bigint[] => Array.from({ length: size }, (_, i) => (i === at ? end : 5n));
        const table = tableOf('t', [
          { name: 'a', type: INT64, values: make(a), nullable: false },
          { name: 'b', type: INT64, values: make(b), nullable: false },
        ]);
        for (const sql of ['SELECT a + b AS x FROM t', 'SELECT a - b AS x, a + 0 AS y FROM t']) {
          assert.equal(await rowsOf(sql, table, 'always'), await rowsOf(sql, table, 'never'), sql);
        }
      }
    }
  }
});
