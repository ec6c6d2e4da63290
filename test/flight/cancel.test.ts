/**
 * Goal: whatever ends a read ends its work within a second: a cancel by either action, a client that is gone, a
 * deadline; and tickets live longer only as far as their snapshot does.
 *
 * Method: the real engine and door; the metric of scanned rows is looked at twice after the end.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { metricSamples } from '../../src/base/metrics.ts';
import { systemClock } from '../../src/base/clock.ts';
import { TICKET_LIFE_MS } from '../../src/base/limits.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { open } from '../../src/engine/engine.ts';
import { decodeMessage, encodeMessage, packMessage } from '../../src/flight/message.ts';
import type { FlightInfo } from '../../src/flight/message-type.ts';
import { field, readAll } from '../support/flight-client.ts';
import { FlightCaller, SLOW_SCAN, makeSlowTable, rowsOfStatement, serveFlight } from '../support/flight-server.ts';
import { temporaryDirectory } from '../support/temporary.ts';

async function scannedRows(): Promise<number> {
  const samples = await metricSamples();
  return samples.find(({ name }) => name === 'sheaf_scan_rows_total')?.value ?? 0;
}

async function waitFor(isTrue: () => boolean | Promise<boolean>, ms: number, what: string): Promise<void> {
  const since = performance.now();
  while (!(await isTrue())) {
    assert(performance.now() - since < ms, `${what} within ${ms.toString()} ms`);
    await wait(5);
  }
}

/** Begins the slow query by `begin`, ends it by `end`, and sees that its scan stops. */
async function stops(engine: Engine, begin: () => Promise<unknown>, end: () => Promise<unknown>): Promise<void> {
  const before = await scannedRows();
  const running = begin();
  await waitFor(async () => (await scannedRows()) > before, 20_000, 'rows are scanned');
  await end();
  await waitFor(() => engine.status().queriesRunning === 0, 1_000, 'the query ends');
  const atEnd = await scannedRows();
  await wait(300);
  assert.equal(await scannedRows(), atEnd);
  await running;
}

async function slowServer(t: TestContext): Promise<{ engine: Engine; caller: FlightCaller; info: FlightInfo }> {
  const { engine, address } = await serveFlight(t);
  await makeSlowTable(engine, 4_000_000);
  const caller = new FlightCaller(t, address);
  return { engine, caller, info: await caller.info(packMessage('CommandStatementQuery', { query: SLOW_SCAN })) };
}

test('the scan stops within a second of a cancel, a dropped client and a deadline', async (t) => {
  const { engine, caller, info } = await slowServer(t);
  const ticketOf = ({ endpoint }: FlightInfo): Buffer => field(1, endpoint[0]?.ticket.ticket ?? Buffer.alloc(0));
  const again = (): Promise<FlightInfo> => caller.info(packMessage('CommandStatementQuery', { query: SLOW_SCAN }));
  const bytes = encodeMessage('FlightInfo', info);
  await t.test('CancelQuery', async () => {
    const begin = async () => (await caller.call('DoGet', ticketOf(info))).ending.details;
    const details = begin();
    await stops(
      engine,
      () => details,
      async () => {
        const body = packMessage('ActionCancelQueryRequest', { info: bytes });
        const answer = await caller.act('CancelQuery', body);
        assert.deepEqual(answer, packMessage('ActionCancelQueryResult', { result: 1 }));
      },
    );
    assert.equal(await details, 'cancelled: the query was cancelled');
    const refused = 'cancelled: the ticket was cancelled; ask GetFlightInfo for a new one';
    assert.equal(await begin(), refused);
    const endpoint = info.endpoint[0] ?? null;
    const renew = caller.act('RenewFlightEndpoint', encodeMessage('RenewFlightEndpointRequest', { endpoint }));
    await assert.rejects(renew, { message: refused });
  });
  await t.test('CancelFlightInfo', async () => {
    const another = await again();
    await stops(
      engine,
      () => caller.call('DoGet', ticketOf(another)),
      async () => {
        const body = encodeMessage('CancelFlightInfoRequest', { info: another });
        assert.deepEqual([...(await caller.act('CancelFlightInfo', body))], [0x08, 1]);
      },
    );
  });
  await t.test('a client that leaves', async () => {
    const call = caller.client.read('DoGet', ticketOf(await again()));
    const ended = readAll(call);
    await stops(
      engine,
      () => ended,
      () => {
        call.cancel();
        return Promise.resolve();
      },
    );
  });
  await t.test('a deadline', async () => {
    const request = ticketOf(await again());
    const read = caller.call('DoGet', request, { deadlineMs: 1_500 });
    await stops(
      engine,
      () => read,
      () => read,
    );
    assert.equal((await read).ending.grpc, 4);
  });
});

test('a ticket is renewed for as long as its snapshot can surely be read', async (t) => {
  let passedMs = 0;
  const clock = { wallMs: () => systemClock.wallMs() + passedMs, monotonicMs: () => systemClock.monotonicMs() };
  const engine = await open(temporaryDirectory(t), { clock, snapshotRetentionMs: TICKET_LIFE_MS + 60_000 });
  t.after(() => engine.close());
  await rowsOfStatement(engine, 'CREATE TABLE t AS SELECT 1 AS x');
  const promised = await engine.promiseOnce('SELECT x FROM t');
  const done = await engine.promiseOnce('INSERT INTO t VALUES (2)');
  const fresh = await engine.promise('SELECT x FROM t WHERE x > 1');
  passedMs = TICKET_LIFE_MS - 1_000;
  const near = (found: number, wanted: number): void => {
    assert(Math.abs(found - wanted) < 500, `${(found - wanted).toString()} ms off`);
  };
  // Something was committed since: what it replaced is kept for a minute more than the ticket was to live.
  const renewed = await engine.renew(promised.ticket);
  near(renewed.expiresAtMs, promised.expiresAtMs + 60_000);
  // Nothing was committed since, so that all is there for the whole retention.
  near((await engine.renew(fresh.ticket)).expiresAtMs, clock.wallMs() + TICKET_LIFE_MS);
  near((await engine.renew(done.ticket)).expiresAtMs, clock.wallMs() + TICKET_LIFE_MS);
  passedMs += 2_000;
  await assert.rejects(engine.redeem(promised.ticket), /the ticket expired at/);
  await assert.rejects(engine.renew(promised.ticket), /the ticket expired at/);
  const rows = await engine.redeem(renewed.ticket);
  rows.close();
  // There is no longer life for it, and that is said by the same time.
  assert.equal((await engine.renew(renewed.ticket)).expiresAtMs, renewed.expiresAtMs);
});

test('RenewFlightEndpoint answers the endpoint with a ticket of the same kind, and says what is none', async (t) => {
  const { engine, address } = await serveFlight(t);
  await rowsOfStatement(engine, 'CREATE TABLE t AS SELECT 1 AS x');
  const caller = new FlightCaller(t, address);
  const renew = async (endpoint: FlightInfo['endpoint'][number]) => {
    const body = encodeMessage('RenewFlightEndpointRequest', { endpoint });
    return decodeMessage('FlightEndpoint', await caller.act('RenewFlightEndpoint', body));
  };
  for (const command of [Buffer.from('FROM t'), packMessage('CommandStatementQuery', { query: 'FROM t' })]) {
    const [endpoint] = (await caller.info(command)).endpoint;
    assert(endpoint !== undefined, 'there is an endpoint');
    await wait(5);
    const renewed = await renew(endpoint);
    const timeOf = ({ expiration_time: time }: typeof endpoint): number =>
      (time?.seconds ?? 0) * 1_000 + (time?.nanos ?? 0) / 1e6;
    assert(timeOf(renewed) > timeOf(endpoint), 'it lives longer');
    assert.deepEqual(await caller.rows(renewed.ticket.ticket), [[1]]);
    assert.equal(renewed.ticket.ticket[0], endpoint.ticket.ticket[0]);
  }
  const none = { ticket: { ticket: Buffer.from('SELECT 1') }, location: [], expiration_time: null };
  await assert.rejects(renew(none), /^Error: request_invalid: the ticket was not made by this database/);
  await assert.rejects(caller.act('RenewFlightEndpoint'), {
    message: 'request_invalid: the RenewFlightEndpointRequest holds no endpoint with a ticket',
  });
});

test('every action that is offered is listed with what it does', async (t) => {
  const { address } = await serveFlight(t);
  const caller = new FlightCaller(t, address);
  const { messages } = await caller.call('ListActions', Buffer.alloc(0));
  const listed = messages.map((bytes) => decodeMessage('ActionType', bytes));
  const standard = ['CancelFlightInfo', 'CancelQuery', 'CloseSession', 'GetSessionOptions', 'RenewFlightEndpoint'];
  for (const name of [...standard, 'SetSessionOptions']) {
    assert.match(listed.find(({ type }) => type === name)?.description ?? '', /\.$/, name);
  }
});

test('one that reads on is not disturbed by another that is cancelled', async (t) => {
  const { engine, caller, info } = await slowServer(t);
  const other = await caller.info(packMessage('CommandStatementQuery', { query: SLOW_SCAN }));
  const call = caller.client.read('DoGet', field(1, info.endpoint[0]?.ticket.ticket ?? Buffer.alloc(0)));
  await once(call, 'data');
  await caller.act('CancelFlightInfo', encodeMessage('CancelFlightInfoRequest', { info: other }));
  assert.equal(engine.status().queriesRunning, 1);
  call.cancel();
  call.on('error', () => undefined);
  await waitFor(() => engine.status().queriesRunning === 0, 1_000, 'the query ends');
});
