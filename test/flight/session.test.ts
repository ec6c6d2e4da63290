/**
 * Goal: what a client sets holds for the calls that bring its cookie, and for nobody else; nothing is lost in silence.
 *
 * Method: the real engine and door; raw callers with and without a jar for cookies.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SESSIONS_PER_PRINCIPAL_MAX, SESSION_IDLE_MS_MAX } from '../../src/base/limits.ts';
import { Session } from '../../src/engine/engine.ts';
import { decodeMessage, encodeMessage, packMessage } from '../../src/flight/message.ts';
import { SessionStore } from '../../src/flight/session-store.ts';
import { FlightCaller, serveFlight } from '../support/flight-server.ts';

const NEW = 'arrow_flight_session_id=new';

/** Runs a statement as a driver does: it is prepared, promised, and its ticket redeemed. */
async function run(caller: FlightCaller, sql: string): Promise<unknown[][]> {
  const body = packMessage('ActionCreatePreparedStatementRequest', { query: sql });
  const made = decodeMessage('Packed', await caller.act('CreatePreparedStatement', body));
  const { prepared_statement_handle } = decodeMessage('ActionCreatePreparedStatementResult', made.value);
  const info = await caller.info(packMessage('CommandPreparedStatementQuery', { prepared_statement_handle }));
  return caller.rows(info.endpoint[0]?.ticket.ticket ?? '');
}

async function set(caller: FlightCaller, options: Parameters<typeof encodeOptions>[0]): Promise<object> {
  const { errors } = decodeMessage(
    'SetSessionOptionsResult',
    await caller.act('SetSessionOptions', encodeOptions(options)),
  );
  return Object.fromEntries(Object.entries(errors).map(([name, { value }]) => [name, value]));
}

type Options = Parameters<typeof encodeMessage<'SetSessionOptionsRequest'>>[1]['session_options'];

function encodeOptions(options: NonNullable<Options>): Buffer {
  return encodeMessage('SetSessionOptionsRequest', { session_options: options });
}

test('SET, PREPARE and RESET hold for the calls of a cookie, by every way that a statement is sent', async (t) => {
  const { address } = await serveFlight(t);
  const [mine, other] = [new FlightCaller(t, address), new FlightCaller(t, address)];
  assert.deepEqual(await run(mine, 'SELECT 7 / 2'), [[3.5]]);
  assert.equal(mine.cookie, NEW);
  assert.deepEqual(await run(mine, 'SET integer_division = true'), [['set integer_division to true']]);
  const cookie = mine.cookie;
  assert.match(cookie, /^arrow_flight_session_id=[\w-]{32}$/);
  assert.deepEqual(await run(mine, 'SELECT 7 / 2'), [[3]]);
  assert.deepEqual(await mine.rows('SELECT 7 / 2'), [[3]]);
  const text = await mine.info(Buffer.from('SELECT 7 / 2 AS x'));
  const packed = await mine.info(packMessage('CommandStatementQuery', { query: 'SELECT 7 / 2 AS x' }));
  await run(mine, 'PREPARE half AS SELECT 7 / $1::INTEGER');
  assert.deepEqual(await run(mine, 'EXECUTE half(2)'), [[3]]);
  const executed = await mine.info(Buffer.from('EXECUTE half(2)'));
  await run(mine, 'RESET integer_division');
  assert.deepEqual(await run(mine, 'EXECUTE half(2)'), [[3.5]]);
  // A ticket has the settings, and what was prepared, of the moment at which it was made; whoever sends it.
  for (const info of [text, packed, executed]) {
    for (const caller of [mine, other])
      assert.deepEqual(await caller.rows(info.endpoint[0]?.ticket.ticket ?? ''), [[3]]);
  }
  assert.equal(mine.cookie, cookie);
  assert.deepEqual(await run(other, 'SELECT 7 / 2'), [[3.5]]);
  await assert.rejects(run(other, 'EXECUTE half(2)'), /not_found: there is no prepared statement "half"/);
});

test('a client that keeps no cookie is told so instead of losing what it sets', async (t) => {
  const { address } = await serveFlight(t);
  const caller = new FlightCaller(t, address, { keepsCookies: false });
  const refusal =
    'request_invalid: a session is known by the cookie arrow_flight_session_id, and this client keeps no cookies, so ' +
    'that it would be lost; switch them on (ADBC: "adbc.flight.sql.rpc.with_cookie_middleware": "true"; pyarrow: a ' +
    'ClientMiddleware that sends the cookie back; JDBC keeps them), then send it again';
  await assert.rejects(run(caller, 'SET integer_division = true'), { message: refusal });
  await assert.rejects(run(caller, 'PREPARE q AS SELECT 1'), { message: refusal });
  await assert.rejects(caller.rows('SET threads = 1'), { message: refusal });
  // It has been offered a cookie by then, and has not kept it.
  await assert.rejects(set(caller, { threads: { int64_value: 1 } }), { message: refusal });
  assert.deepEqual(await set(caller, { catalog: { string_value: 'sheaf' }, schema: { string_value: 'main' } }), {});
  assert.deepEqual(await run(caller, 'SELECT 7 / 2'), [[3.5]]);
});

test('SetSessionOptions as the first call opens a session, whose cookie comes with the answer', async (t) => {
  const { address } = await serveFlight(t);
  const caller = new FlightCaller(t, address);
  assert.deepEqual(await set(caller, { catalog: { string_value: 'sheaf' } }), {});
  assert.equal(caller.cookie, NEW);
  caller.cookie = undefined;
  const fresh = new FlightCaller(t, address);
  assert.deepEqual(await set(fresh, { integer_division: { bool_value: true } }), {});
  assert.match(fresh.cookie ?? '', /^arrow_flight_session_id=[\w-]{32}$/);
  assert.deepEqual(await run(fresh, 'SELECT 7 / 2'), [[3]]);
});

test("options are the engine's settings, catalog and schema; each fails by itself", async (t) => {
  const { address } = await serveFlight(t);
  const caller = new FlightCaller(t, address);
  const errors = await set(caller, {
    catalog: { string_value: 'shelf' },
    schema: { int64_value: 1 },
    Integer_Division: { string_value: 'true' },
    threads: { double_value: 2 },
    default_order: { string_value: 'sideways' },
    null_order: { string_value: 'nulls_first' },
    memory_limit: { string_value: '1 GiB' },
    TimeZone: { string_value: 'Europe/Paris' },
    default_null_order: { string_list_value: { values: ['nulls_first'] } },
    show_behavior: { double_value: Number.NaN },
    colour: { string_value: 'red' },
    colours: { string_list_value: { values: [] } },
    ['__proto__']: { bool_value: true },
  });
  const [name, value] = [1, 2];
  assert.deepEqual(errors, {
    catalog: value,
    schema: value,
    default_order: value,
    TimeZone: value,
    default_null_order: value,
    show_behavior: value,
    colour: name,
    colours: name,
  });
  const told = async (): Promise<object> =>
    decodeMessage('GetSessionOptionsResult', await caller.act('GetSessionOptions')).session_options;
  const defaults = {
    catalog: { string_value: 'sheaf' },
    schema: { string_value: 'main' },
    default_null_order: { string_value: 'NULLS_LAST' },
    default_order: { string_value: 'ASC' },
    integer_division: { bool_value: false },
    memory_limit: { string_value: '2.0 GiB' },
    show_behavior: { string_value: 'auto' },
    threads: { int64_value: 1 },
    TimeZone: { string_value: 'UTC' },
  };
  assert.deepEqual(await told(), {
    ...defaults,
    default_null_order: { string_value: 'NULLS_FIRST' },
    integer_division: { bool_value: true },
    memory_limit: { string_value: '1.0 GiB' },
    threads: { int64_value: 2 },
  });
  const unset = { default_null_order: {}, integer_division: { string_value: '' }, memory_limit: {}, threads: {} };
  assert.deepEqual(await set(caller, { ...unset, catalog: {} }), {});
  assert.deepEqual(await told(), defaults);
});

test('a session that has ended is said once, and the client can begin anew; no client chooses an id', async (t) => {
  const { address } = await serveFlight(t);
  const caller = new FlightCaller(t, address);
  await caller.act('CloseSession');
  await run(caller, 'SELECT 1');
  await run(caller, 'SET integer_division = true');
  const ended = caller.cookie;
  assert.deepEqual([...(await caller.act('CloseSession'))], [0x08, 1]);
  assert.equal(caller.cookie, undefined);
  for (const cookie of [ended, 'arrow_flight_session_id=chosen', 'a=b; arrow_flight_session_id="x"']) {
    caller.cookie = cookie;
    await assert.rejects(run(caller, 'SELECT 7 / 2'), {
      message:
        'not_found: the session of this cookie has ended: it was closed, or idle for too long, or the server has ' +
        'started anew; what was set in it is lost',
    });
    assert.equal(caller.cookie, NEW);
    assert.deepEqual(await run(caller, 'SELECT 7 / 2'), [[3.5]]);
    caller.cookie = cookie;
    // Closing is never refused, nor is the health of the server a matter of sessions.
    assert.deepEqual([...(await caller.act('CloseSession'))], [0x08, 1]);
    caller.cookie = cookie;
    assert.equal((await caller.act('ping')).toString(), 'pong');
  }
});

test("sessions are their principal's own, end when idle, and the longest idle goes when there are too many", () => {
  let nowMs = 0;
  const store = new SessionStore({ wallMs: () => nowMs, monotonicMs: () => nowMs });
  const sessions = Array.from({ length: SESSIONS_PER_PRINCIPAL_MAX + 1 }, () => new Session());
  const ids = sessions.slice(0, -1).map((session) => store.add(session, 'ann'));
  assert.equal(new Set(ids).size, SESSIONS_PER_PRINCIPAL_MAX);
  const bob = store.add(new Session(), 'bob');
  assert.equal(store.find(ids[0] ?? '', 'bob'), undefined);
  store.end(ids[0] ?? '', 'bob');
  assert.equal(store.find(ids[0] ?? '', 'ann'), sessions[0]);
  const last = store.add(sessions.at(-1) ?? new Session(), 'ann');
  // The second was used longest ago by then, and bob's is not ann's to end.
  assert.equal(store.find(ids[1] ?? '', 'ann'), undefined);
  assert.equal(store.find(ids[0] ?? '', 'ann'), sessions[0]);
  nowMs += SESSION_IDLE_MS_MAX;
  assert.notEqual(store.find(bob, 'bob'), undefined);
  nowMs += 1;
  assert.notEqual(store.find(bob, 'bob'), undefined);
  for (const id of [last, ids[0] ?? '', ids[2] ?? '']) assert.equal(store.find(id, 'ann'), undefined);
});
