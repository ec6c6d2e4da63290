/**
 * Goal: a polled query runs between calls, tells how far it is, and ends as GetFlightInfo would have; forgotten ones
 * end by themselves.
 *
 * Method: the real engine and door; a query that scans for some seconds.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { decodeMessage, encodeMessage, packMessage } from '../../src/flight/message.ts';
import type { PollInfo } from '../../src/flight/message-type.ts';
import { field } from '../support/flight-client.ts';
import {
  FlightCaller,
  SLOW_SCAN,
  descriptorOf,
  makeSlowTable,
  rowsOfStatement,
  serveFlight,
} from '../support/flight-server.ts';

const QUICK = { idleMs: 60_000, waitMs: 60_000 };
const BRIEF = { idleMs: 60_000, waitMs: 20 };

async function poll(caller: FlightCaller, descriptor: Uint8Array): Promise<PollInfo> {
  const { messages, ending } = await caller.call('PollFlightInfo', descriptor);
  if (ending.grpc !== 0) throw new Error(ending.details);
  return decodeMessage('PollInfo', messages[0] ?? Buffer.alloc(0));
}

function next({ flight_descriptor: descriptor }: PollInfo): Buffer {
  assert(descriptor !== null, 'the query runs');
  return descriptorOf(descriptor.cmd);
}

test('a query that is done within the wait is answered whole: text, path and command', async (t) => {
  const { engine, address } = await serveFlight(t, { pollTimes: QUICK });
  await rowsOfStatement(engine, 'CREATE TABLE t AS SELECT range AS x FROM range(10)');
  const caller = new FlightCaller(t, address);
  const path = Buffer.concat([Buffer.of(0x08, 1), field(3, Buffer.from('t'))]);
  const sql = 'SELECT x FROM t WHERE x > 6';
  const packed = packMessage('CommandStatementQuery', { query: sql });
  for (const [descriptor, rowCount] of [
    [descriptorOf(Buffer.from(sql)), 3],
    [path, 10],
    // Here the count is known too, since the query has run.
    [descriptorOf(packed), 3],
  ] as const) {
    const { info, flight_descriptor: again, progress, expiration_time: expiry } = await poll(caller, descriptor);
    assert.deepEqual([again, progress, expiry, info.total_records], [null, 1, null, rowCount]);
    assert.equal((await caller.rows(info.endpoint[0]?.ticket.ticket ?? '')).length, rowCount);
  }
});

test('a slow query runs on between polls, says how far it is, and keeps its outcome', async (t) => {
  const { engine, address } = await serveFlight(t, { pollTimes: BRIEF });
  await makeSlowTable(engine, 300_000);
  const caller = new FlightCaller(t, address);
  const begun = await poll(caller, descriptorOf(Buffer.from(SLOW_SCAN)));
  assert.deepEqual([begun.info.endpoint, begun.info.total_records], [[], -1]);
  assert(begun.expiration_time !== null && begun.expiration_time.seconds > Date.now() / 1_000, 'it expires later');
  const again = next(begun);
  const seen: number[] = [];
  let last = begun;
  while (last.flight_descriptor !== null) {
    seen.push(last.progress ?? 0);
    last = await poll(caller, again);
  }
  assert.deepEqual(
    seen.toSorted((a, b) => a - b),
    seen,
  );
  assert(
    seen.some((progress) => progress > 0 && progress < 1),
    seen.join(' '),
  );
  assert.equal(engine.status().queriesRunning, 0);
  const same = await poll(caller, again);
  assert.deepEqual(same, last);
  assert.deepEqual(await caller.rows(last.info.endpoint[0]?.ticket.ticket ?? ''), [[8n]]);
});

test('errors come from the poll, also from the next one; nothing that writes is polled for', async (t) => {
  const { engine, address } = await serveFlight(t, { pollTimes: BRIEF });
  await makeSlowTable(engine, 200_000);
  const caller = new FlightCaller(t, address);
  const asText = descriptorOf(Buffer.from('SELECT nothing'));
  await assert.rejects(poll(caller, asText), /^Error: sql_bind: /);
  for (const sql of ['CREATE TABLE made AS SELECT 1 AS x', 'INSERT INTO slow VALUES (1)']) {
    for (const command of [Buffer.from(sql), packMessage('CommandStatementQuery', { query: sql })]) {
      await assert.rejects(
        poll(caller, descriptorOf(command)),
        /^Error: request_invalid: .* writes, and this door only reads/,
      );
    }
  }
  assert.deepEqual(
    engine.tables().map(({ name, rowCount }) => [name, rowCount]),
    [['slow', 200_000]],
  );
  const overflow = descriptorOf(Buffer.from('SELECT max((x - 10_000_000)::SMALLINT) FROM slow'));
  await assert.rejects(async () => {
    for (let info = await poll(caller, overflow); ; info = await poll(caller, next(info))) await wait(5);
  }, /^Error: value_error: /);
});

test('a running poll is cancelled by its FlightInfo', async (t) => {
  const { engine, address } = await serveFlight(t, { pollTimes: BRIEF });
  await makeSlowTable(engine, 4_000_000);
  const caller = new FlightCaller(t, address);
  const begun = await poll(caller, descriptorOf(Buffer.from(SLOW_SCAN)));
  const body = encodeMessage('CancelFlightInfoRequest', { info: begun.info });
  assert.deepEqual([...(await caller.act('CancelFlightInfo', body))], [0x08, 1]);
  await assert.rejects(poll(caller, next(begun)), { message: 'cancelled: the query was cancelled' });
  assert.equal(engine.status().queriesRunning, 0);
});

test('a query that nobody polls for ends by itself and is forgotten', async (t) => {
  const { engine, address } = await serveFlight(t, { pollTimes: { idleMs: 500, waitMs: 20 } });
  await makeSlowTable(engine, 6_000_000);
  const caller = new FlightCaller(t, address);
  const left = await poll(caller, descriptorOf(Buffer.from(SLOW_SCAN)));
  const again = next(left);
  while (engine.status().queriesRunning > 0) await wait(10);
  // It did not come to its end, which would have been an answer.
  await assert.rejects(poll(caller, again), {
    message:
      'not_found: there is no query of this poll: it was not asked for in time, or the server has started anew; poll ' +
      'with the query again',
  });
  const body = encodeMessage('CancelFlightInfoRequest', { info: left.info });
  assert.deepEqual([...(await caller.act('CancelFlightInfo', body))], [0x08, 3]);
});
