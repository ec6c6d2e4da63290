/**
 * How a statement ends before its time: its caller leaves, its number is cancelled, its time is over; and what is told
 * of those that took long.
 *
 * Method: a cross join that would count for minutes; each end must come within a second, with its own error.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { open } from '../../src/engine/engine.ts';
import type { Engine, OpenOptions } from '../../src/engine/engine.ts';
import type { QueryResult } from '../../src/engine/contract.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const LONG = 'SELECT count(*) FROM range(3000000) a(x), range(3000000) b(y) WHERE (x * y) % 7 = 3';
const SOON_MS = 2_000;

async function engineOf(t: TestContext, options: OpenOptions = {}): Promise<Engine> {
  const engine = await open(temporaryDirectory(t), options);
  t.after(() => engine.close());
  return engine;
}

async function drain(result: Promise<QueryResult>): Promise<number> {
  let rows = 0;
  for await (const batch of (await result).batches()) rows += batch.rowCount;
  return rows;
}

/** The number of the one statement that runs. */
function runningId(engine: Engine): number {
  const [row, ...others] = engine.queries().filter(({ state }) => state === 'running');
  assert.ok(row !== undefined && others.length === 0);
  return row.id;
}

/** Fails unless `work` ends soon after `end` was called. */
async function endsSoon(work: Promise<unknown>, end: () => void, expected: object): Promise<void> {
  const settled = assert.rejects(work, expected);
  // It is under way: results are read in turns of the event loop.
  await new Promise((resolve) => setTimeout(resolve, 50));
  const beganMs = performance.now();
  end();
  await settled;
  assert.ok(performance.now() - beganMs < SOON_MS);
}

test('a statement that runs is ended by its number, and says so', async (t) => {
  const engine = await engineOf(t);
  const expected = { code: 'cancelled', message: 'the statement was cancelled by its number, 1' };
  await endsSoon(drain(engine.query(LONG)), () => engine.cancelQuery(runningId(engine)), expected);
  assert.deepEqual(
    engine.queries().map(({ id, state, text }) => ({ id, state, text })),
    [{ id: 1, state: 'cancelled', text: LONG }],
  );
  assert.throws(() => engine.cancelQuery(1), {
    code: 'not_found',
    message: 'no statement with the number 1 runs: it has ended, or never was; sheaf_queries lists them',
  });
  assert.equal(engine.status().queriesRunning, 0);
});

test('the promise of a statement, and a ticket that is redeemed, are ended by their numbers too', async (t) => {
  const engine = await engineOf(t);
  await endsSoon(engine.promise(`${LONG} HAVING count(*) > 1`), () => engine.cancelQuery(runningId(engine)), {
    code: 'cancelled',
  });
  const { ticket } = await engine.promiseOnce(LONG);
  await endsSoon(drain(engine.redeem(ticket)), () => engine.cancelQuery(runningId(engine)), { code: 'cancelled' });
  assert.equal(engine.status().queriesRunning, 0);
});

test('a statement whose caller leaves ends with what the caller said', async (t) => {
  const engine = await engineOf(t);
  const leaving = new AbortController();
  const running = drain(engine.query(LONG, { signal: leaving.signal }));
  await endsSoon(running, () => leaving.abort(), { code: 'cancelled', message: 'the query was cancelled' });
});

test('a statement that takes longer than is allowed ends with deadline, and the next one runs', async (t) => {
  const engine = await engineOf(t, { queryTimeoutMs: 200 });
  await assert.rejects(drain(engine.query(LONG)), {
    code: 'deadline',
    message: 'the statement was ended after 0.2 seconds, its reading included; --query-timeout-seconds allows more',
  });
  assert.equal(await drain(engine.query('SELECT 1')), 1);
  assert.deepEqual(
    engine.queries().map(({ state }) => state),
    ['failed', 'done'],
  );
});

test('a statement that is read in time is not ended later', async (t) => {
  const engine = await engineOf(t, { queryTimeoutMs: 300 });
  const result = await engine.query('SELECT * FROM range(10)');
  result.close();
  await new Promise((resolve) => setTimeout(resolve, 400));
  assert.equal(await drain(engine.query('SELECT 1')), 1);
});
