/**
 * Joins as guests of their process: others get the event loop, a signal ends them, and what they hold is bounded. Their
 * answers stand in test/slt.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runPlan } from '../../src/exec/exec.ts';
import type { RunOptions } from '../../src/exec/exec.ts';
import { planStatement } from '../../src/plan/plan.ts';
import { refusal } from '../support/refusal.ts';
import { catalogOf } from '../support/memory-source.ts';

async function drain(sql: string, options: RunOptions): Promise<void> {
  const planned = planStatement(sql, catalogOf([]));
  assert(planned.kind === 'query');
  for await (const batch of runPlan(planned.plan, options)) assert(batch.rowCount > 0);
}

/** Joins that look at 10^11 pairs and more; none would end in time. */
const ENDLESS = [
  'SELECT count(*) FROM range(1000000) a, range(100000) b',
  'SELECT a.range FROM range(1000000) a JOIN range(100000) b ON a.range * b.range < 0',
  'SELECT a.range FROM range(1000000) a LEFT JOIN range(100000) b ON a.range * b.range < 0',
  'SELECT a.range FROM range(1000000) a SEMI JOIN range(100000) b ON a.range * b.range < 0',
  'SELECT a.range > ALL (FROM range(100000)) FROM range(1000000) a',
  'WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT max(n) FROM r',
];

for (const sql of ENDLESS) {
  test(`others have their turn beside it, and a signal ends it: ${sql}`, async () => {
    const controller = new AbortController();
    let turns = 0;
    const timer = setInterval(() => {
      if (++turns === 5) controller.abort();
    }, 10);
    try {
      const run = drain(sql, { signal: controller.signal });
      await assert.rejects(run, refusal('cancelled', 'the query was cancelled'));
      assert.equal(turns, 5);
    } finally {
      clearInterval(timer);
    }
  });
}

test('a side that does not fit is refused', async () => {
  const sql = 'SELECT count(*) FROM range(1000000) a LEFT JOIN range(1000000) b ON a.range = b.range';
  const message =
    'JOIN needs more than the 1.0 MiB that one query may hold; filter rows, select fewer columns or add a LIMIT';
  await assert.rejects(drain(sql, { memoryBytesMax: 1 << 20 }), refusal('limit_exceeded', message));
});
