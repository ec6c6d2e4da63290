/**
 * Goal: DoGet's bytes are the same by either way, nothing piles up in front of a reader that does not read, and every
 * way of leaving early ends the query.
 *
 * Method: a raw gRPC client on a real port; answers of the fake engine, whose bytes need not be Arrow.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:http2';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import type { Message, ResultBatch } from '../../src/arrow/batch.ts';
import { encodeSchema } from '../../src/arrow/ipc-schema.ts';
import { EngineError } from '../../src/base/errors.ts';
import { metricsText } from '../../src/base/metrics.ts';
import type { LaneKind } from '../../src/flight/lane.ts';
import { startFlightServer } from '../../src/flight/server.ts';
import { FakeEngine, NO_FIELDS } from '../support/fake-engine.ts';
import { dataFields, field, rawFlight, readAll } from '../support/flight-client.ts';
import type { RawFlight } from '../support/flight-client.ts';

const MIB = 1024 * 1024;

async function serve(
  t: TestContext,
  lane: LaneKind = 'direct',
): Promise<{ engine: FakeEngine; client: RawFlight; address: string }> {
  const engine = new FakeEngine();
  const door = await startFlightServer(engine, { host: '127.0.0.1', port: 0, lane });
  const client = rawFlight(door.address);
  t.after(async () => {
    client.close();
    await door.close(0);
  });
  return { engine, client, address: door.address };
}

function batchOf(message: Message, dictionaries: readonly Message[] = []): ResultBatch {
  return {
    rowCount: 1,
    dictionaries: () => dictionaries,
    message: () => message,
    batch: () => assert.fail('a door does not decode'),
  };
}

function message(seed: number, ...partBytes: readonly number[]): Message {
  const body = partBytes.map((bytes, i) => Buffer.alloc(bytes, seed + i));
  return { header: Buffer.alloc(40 + seed, seed), body, bodyBytes: partBytes.reduce((sum, bytes) => sum + bytes, 0) };
}

async function* yielding(batches: Iterable<ResultBatch>): AsyncGenerator<ResultBatch> {
  for (const batch of batches) {
    await Promise.resolve();
    yield batch;
  }
}

const ticket = (sql: string): Buffer => field(1, Buffer.from(sql));

const MIXED = [
  batchOf(message(1, 0)),
  batchOf(message(2, 10, 0, 20), [message(3, 100), message(4, 70_000)]),
  batchOf(message(5, 16_384)),
  batchOf(message(6, 16_385)),
  batchOf(message(7, MIB - 1, 1, 1, MIB)),
  ...Array.from({ length: 300 }, (_, i) => batchOf(message(i % 100, 64))),
  batchOf(message(8, 3 * MIB)),
];

for (const lane of ['direct', 'messages'] as const) {
  test(`DoGet sends schema, dictionaries and batches in order, whole and once, by the way "${lane}"`, async (t) => {
    const { engine, client } = await serve(t, lane);
    engine.answers.set('mixed', { schema: NO_FIELDS, batches: () => yielding(MIXED) });
    const { messages, ending } = await readAll(client.read('DoGet', ticket('mixed')));
    assert.equal(ending.grpc, 0);
    const wanted = [
      encodeSchema(NO_FIELDS),
      ...MIXED.flatMap((batch) => [...batch.dictionaries(), batch.message()]),
    ].map(({ header, body, bodyBytes }) => (bodyBytes === 0 ? field(2, header) : dataFields(header, body)));
    assert.equal(messages.length, wanted.length);
    wanted.forEach((each, i) => {
      assert(each.equals(messages[i] ?? Buffer.alloc(0)), `message ${i.toString()} differs`);
    });
    assert.equal(engine.resultsOpen, 0);
    assert.match(
      await metricsText(),
      new RegExp(`sheaf_flight_lane_calls_total{direction="out",kind="${lane}"} [1-9]`),
    );
  });

  test(`an error after some batches ends the call with its status, by the way "${lane}"`, async (t) => {
    const { engine, client } = await serve(t, lane);
    engine.answers.set('breaks', {
      schema: NO_FIELDS,
      async *batches() {
        await Promise.resolve();
        yield batchOf(message(1, 100));
        yield batchOf(message(2, 2 * MIB));
        throw new EngineError('value_error', 'row 7 overflows');
      },
    });
    const { messages, ending } = await readAll(client.read('DoGet', ticket('breaks')));
    assert.deepEqual(ending, { grpc: 3, details: 'value_error: row 7 overflows', code: 'value_error', position: '' });
    assert.equal(messages.length, 3);
    assert.equal(engine.resultsOpen, 0);
  });

  test(`an error before the first batch carries code and position, by the way "${lane}"`, async (t) => {
    const { client } = await serve(t, lane);
    const { ending } = await readAll(client.read('DoGet', ticket('nonsense')));
    assert.deepEqual(ending, {
      grpc: 3,
      details: 'sql_syntax: the fake engine does not know "nonsense"',
      code: 'sql_syntax',
      position: '{"line":1,"column":1,"start":0,"end":8}',
    });
  });

  test(`a client that leaves ends the query, by the way "${lane}"`, async (t) => {
    const { engine, client } = await serve(t, lane);
    let made = 0;
    engine.answers.set('endless', {
      schema: NO_FIELDS,
      async *batches() {
        for (;;) {
          await Promise.resolve();
          made++;
          yield batchOf(message(1, MIB));
        }
      },
    });
    const call = client.read('DoGet', ticket('endless'));
    call.on('error', () => undefined);
    await once(call, 'data');
    call.cancel();
    await untilTrue(() => engine.resultsOpen === 0);
    const after = made;
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(made, after);
  });

  test(`a query that yields nothing is told when its client's deadline passes, by the way "${lane}"`, async (t) => {
    const { engine, client } = await serve(t, lane);
    let reason: unknown;
    engine.answers.set('slow', {
      schema: NO_FIELDS,
      async *batches(signal) {
        yield batchOf(message(1, 10));
        await new Promise((resolve) => signal?.addEventListener('abort', resolve));
        reason = signal?.reason;
        throw new EngineError('cancelled', 'the query was cancelled');
      },
    });
    const { ending } = await readAll(client.read('DoGet', ticket('slow'), { deadlineMs: 200 }));
    assert.equal(ending.grpc, 4);
    await untilTrue(() => engine.resultsOpen === 0);
    assert(reason instanceof EngineError);
    assert(['deadline', 'cancelled'].includes(reason.code), reason.code);
  });
}

/** Polls a condition that an event of another process or stream makes true; the test's own timeout is the bound. */
async function untilTrue(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** Begins a DoGet on a bare HTTP/2 connection and reads nothing, so that the window closes and stays closed. */
function stuckReader(t: TestContext, address: string, sql: string, headers: Readonly<Record<string, string>> = {}) {
  const session = connect(`http://${address}`);
  session.on('error', () => undefined);
  t.after(() => {
    session.destroy();
  });
  const stream = session.request({
    ':method': 'POST',
    ':path': '/arrow.flight.protocol.FlightService/DoGet',
    'content-type': 'application/grpc',
    te: 'trailers',
    ...headers,
  });
  stream.on('error', () => undefined);
  const request = ticket(sql);
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(request.byteLength, 1);
  stream.end(Buffer.concat([prefix, request]));
  return { session, stream };
}

test(
  'a reader that stops reading holds the query up, and costs at most a few slices of memory',
  { timeout: 30_000 },
  async (t) => {
    const { engine, address } = await serve(t);
    let made = 0;
    const large = message(1, 2 * MIB);
    engine.answers.set('large', {
      schema: NO_FIELDS,
      batches: () =>
        (async function* () {
          while (made < 1000) {
            await Promise.resolve();
            made++;
            yield batchOf({ ...large, body: [Buffer.alloc(2 * MIB, made)] });
          }
        })(),
    });
    const before = process.memoryUsage().arrayBuffers;
    const { session, stream } = stuckReader(t, address, 'large');
    await once(stream, 'response');
    await untilTrue(() => made > 0);
    await quiet(() => made);
    assert(made <= 4, `${made.toString()} batches of 2 MiB were made for a reader that takes 64 KiB`);
    assert(process.memoryUsage().arrayBuffers - before < 24 * MIB);
    session.destroy();
    await untilTrue(() => engine.resultsOpen === 0);
  },
);

test('a deadline frees the query of a reader that has stopped', { timeout: 30_000 }, async (t) => {
  const { engine, address } = await serve(t);
  engine.answers.set('large', {
    schema: NO_FIELDS,
    batches: () => yielding(Array.from({ length: 100 }, () => batchOf(message(1, 2 * MIB)))),
  });
  const { stream } = stuckReader(t, address, 'large', { 'grpc-timeout': '300m' });
  await once(stream, 'response');
  assert.equal(engine.resultsOpen, 1);
  await untilTrue(() => engine.resultsOpen === 0);
  stream.resume();
  if (!stream.closed) await once(stream, 'close');
});

/** Resolves when `value` has not changed for a while. */
async function quiet(value: () => number): Promise<void> {
  for (let before = -1, same = 0; same < 20;) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    same = value() === before ? same + 1 : 0;
    before = value();
  }
}

test('calls on one connection do not mix', async (t) => {
  const { engine, client } = await serve(t);
  const names = ['a', 'b', 'c', 'd', 'e', 'f'];
  names.forEach((name, i) => {
    const batches = Array.from({ length: 20 }, (_, k) => batchOf(message(i, 300_000 + k)));
    engine.answers.set(name, { schema: NO_FIELDS, batches: () => yielding(batches) });
  });
  await Promise.all(
    names.map(async (name, i) => {
      const { messages, ending } = await readAll(client.read('DoGet', ticket(name)));
      assert.equal(ending.grpc, 0);
      assert.equal(messages.length, 21);
      messages.slice(1).forEach((each, k) => {
        const { header, body } = message(i, 300_000 + k);
        assert(each.equals(dataFields(header, body)));
      });
    }),
  );
});
