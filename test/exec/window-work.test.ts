/**
 * Windows as guests of their process: whatever a call does, it looks up after each stretch of rows, to let others have
 * the event loop and to see whether it is cancelled.
 *
 * Method: a pace that only counts how often it is asked, over rows that come in one batch and are not sorted, so that
 * all that is counted is the call's own.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildVector } from '../../src/arrow/build.ts';
import { makeField, makeSchema } from '../../src/arrow/schema.ts';
import type { RecordBatch } from '../../src/arrow/batch.ts';
import { WORK_ROWS } from '../../src/base/limits.ts';
import { MemoryBudget } from '../../src/exec/operator.ts';
import type { Pace } from '../../src/exec/operator.ts';
import { runWindow } from '../../src/exec/window.ts';
import { inputsOf } from '../../src/plan/physical.ts';
import type { PhysicalPlan } from '../../src/plan/physical.ts';
import { planStatement } from '../../src/plan/plan.ts';
import { catalogOf, tableOfVectors } from '../support/memory-source.ts';

/** Stretches that a call must look up after. */
const STRETCHES = 4;
const ROWS = STRETCHES * WORK_ROWS;

const INT32 = { id: 'int', bitWidth: 32, signed: true } as const;
const DOUBLE = { id: 'float', bitWidth: 64 } as const;
const SCHEMA = makeSchema([makeField('n', INT32), makeField('x', DOUBLE), makeField('b', { id: 'bool' })]);
const BATCH: RecordBatch = {
  schema: SCHEMA,
  rowCount: ROWS,
  columns: [
    buildVector(
      INT32,
      Array.from({ length: ROWS }, (_, i) => (i % 7 === 0 ? null : i % 1000)),
    ),
    buildVector(
      DOUBLE,
      Array.from({ length: ROWS }, (_, i) => i / 8),
    ),
    buildVector(
      { id: 'bool' },
      Array.from({ length: ROWS }, (_, i) => i % 3 === 0),
    ),
  ],
};

function windowOf(plan: PhysicalPlan): Extract<PhysicalPlan, { kind: 'window' }> | undefined {
  return plan.kind === 'window'
    ? plan
    : inputsOf(plan)
        .map(windowOf)
        .find((found) => found !== undefined);
}

// oxlint-disable-next-line typescript/require-await -- inputs are asynchronous
async function* oneBatch(plan: PhysicalPlan): AsyncGenerator<RecordBatch> {
  const columns = plan.schema.fields.map(({ name }) => {
    return BATCH.columns[SCHEMA.fields.findIndex((field) => field.name === name)] as RecordBatch['columns'][number];
  });
  yield { schema: plan.schema, rowCount: ROWS, columns };
}

/** How often a call looks up. */
async function restsOf(call: string): Promise<number> {
  const table = tableOfVectors('t', SCHEMA, BATCH.columns, ROWS, ROWS);
  const planned = planStatement(`SELECT ${call} FROM t`, catalogOf([table]));
  assert(planned.kind === 'query');
  const plan = windowOf(planned.plan);
  assert(plan !== undefined);
  let rests = 0;
  const pace: Pick<Pace, 'rest'> = {
    rest: () => {
      rests++;
      return undefined;
    },
  };
  const context = {
    signal: undefined,
    memory: new MemoryBudget(2 ** 33),
    compile: 'never',
    pace: pace as Pace,
    progress: undefined,
    profile: undefined,
    shared: new Map(),
    working: new Map(),
  } as const;
  for await (const batch of runWindow(plan, oneBatch(plan.input), context)) assert.equal(batch.rowCount, ROWS);
  return rests;
}

const MOVING = '(ROWS BETWEEN 100 PRECEDING AND CURRENT ROW)';
const CALLS = [
  `row_number() OVER ()`,
  `lag(n) OVER ()`,
  `lag(n IGNORE NULLS) OVER ()`,
  `first_value(n) OVER ${MOVING}`,
  `count(n) OVER ${MOVING}`,
  `sum(n) FILTER (WHERE b) OVER ${MOVING}`,
  `sum(x) OVER ${MOVING}`,
  `sum(x) OVER (ROWS UNBOUNDED PRECEDING)`,
  `sum(DISTINCT n) OVER (ROWS UNBOUNDED PRECEDING)`,
  `sum(n::DECIMAL(30, 2)) OVER ${MOVING}`,
  `avg(x) OVER ${MOVING}`,
  `min(x) OVER ${MOVING}`,
  `max(n) OVER (ROWS UNBOUNDED PRECEDING)`,
  `arg_max(n, x) OVER ${MOVING}`,
  `last(n) OVER ${MOVING}`,
  `stddev(x) OVER ${MOVING}`,
  `median(x) OVER ${MOVING}`,
  `rank(ORDER BY n) OVER ${MOVING}`,
  `lead(n ORDER BY x) OVER ${MOVING}`,
];

for (const call of CALLS) {
  test(`looks up while it computes ${call}`, async () => {
    const rests = await restsOf(call);
    assert(rests >= STRETCHES, `it looked up ${rests.toString()} times`);
  });
}
