/** Admission: bounded running and waiting, order kept, orderly end. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { QUERIES_RUNNING_MAX, QUERIES_WAITING_MAX } from '../../src/base/limits.ts';
import { Admission } from '../../src/engine/admission.ts';
import type { Release } from '../../src/engine/admission.ts';

async function fill(admission: Admission): Promise<Release[]> {
  return Promise.all(Array.from({ length: QUERIES_RUNNING_MAX }, () => admission.enter(undefined)));
}

test('permits beyond the bound wait their turn, in order', async () => {
  const admission = new Admission();
  const held = await fill(admission);
  const order: number[] = [];
  const first = admission.enter(undefined).then((release) => (order.push(1), release));
  const second = admission.enter(undefined).then((release) => (order.push(2), release));
  assert.equal(admission.waitingCount, 2);
  held[0]?.();
  held[0]?.();
  await first;
  assert.equal(admission.waitingCount, 1, 'a second release of the same permit has no effect');
  held[1]?.();
  await second;
  assert.deepEqual(order, [1, 2]);
  assert.equal(admission.runningCount, QUERIES_RUNNING_MAX);
  admission.close();
});

test('too many waiting are told busy', async () => {
  const admission = new Admission();
  await fill(admission);
  const waiting = Array.from({ length: QUERIES_WAITING_MAX }, () => admission.enter(undefined));
  await assert.rejects(admission.enter(undefined), {
    code: 'busy',
    message: `${QUERIES_RUNNING_MAX.toString()} queries run and ${QUERIES_WAITING_MAX.toString()} wait; try again later`,
  });
  const refused = Promise.all(waiting.map((each) => assert.rejects(each, { code: 'draining' })));
  await admission.drain(0);
  await refused;
  admission.close();
});

test('a cancelled waiter leaves the queue', async () => {
  const admission = new Admission();
  const held = await fill(admission);
  const controller = new AbortController();
  const waiting = admission.enter(controller.signal);
  controller.abort();
  await assert.rejects(waiting, { code: 'cancelled', message: 'the query was cancelled' });
  assert.equal(admission.waitingCount, 0);
  for (const release of held) release();
  assert.equal(admission.runningCount, 0);
  admission.close();
});

test('drain ends when the last permit comes back', async () => {
  const admission = new Admission();
  const release = await admission.enter(undefined);
  const drained = admission.drain(60_000);
  await assert.rejects(admission.enter(undefined), {
    code: 'draining',
    message: 'the server is stopping; connect again in a few seconds',
  });
  release();
  await drained;
  admission.close();
});
