/**
 * Goal: every stream that is not as the protocol says is refused with its reason and leaves nothing, by either way
 * in.
 *
 * Method: a raw gRPC client sends messages that pyarrow would not; the fake engine counts what is begun, stored and
 * aborted.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { gzipSync } from 'node:zlib';
import { connect } from 'node:http2';
import { connect as connectSocket } from 'node:net';
import type { Socket } from 'node:net';
import { encodeBatch } from '../../src/arrow/ipc-write.ts';
import { encodeSchema } from '../../src/arrow/ipc-schema.ts';
import { EngineError } from '../../src/base/errors.ts';
import { RECEIVE_MESSAGE_BYTES_MAX } from '../../src/base/limits.ts';
import { metricsText } from '../../src/base/metrics.ts';
import type { LaneKind } from '../../src/flight/lane.ts';
import { startFlightServer } from '../../src/flight/server.ts';
import { FakeEngine } from '../support/fake-engine.ts';
import { dataFields, field, pathField, rawFlight, readAll } from '../support/flight-client.ts';
import type { Ending, RawFlight } from '../support/flight-client.ts';
import { INT64, batchOf, schemaOf } from '../support/sample.ts';

const SCHEMA = schemaOf({ a: INT64 });
const BATCH = batchOf(SCHEMA, [[1, 2, null]]);
const schemaHeader = encodeSchema(SCHEMA).header;
const encoded = encodeBatch(BATCH);
const first = Buffer.concat([pathField('t'), field(2, schemaHeader)]);
const batch = dataFields(encoded.header, encoded.body);

interface Served {
  readonly engine: FakeEngine;
  readonly client: RawFlight;
  readonly address: string;
}

async function serve(t: TestContext, lane: LaneKind): Promise<Served> {
  const engine = new FakeEngine();
  const door = await startFlightServer(engine, { host: '127.0.0.1', port: 0, lane });
  const client = rawFlight(door.address);
  t.after(async () => {
    client.close();
    await door.close(0);
  });
  return { engine, client, address: door.address };
}

async function put(
  { client }: Served,
  messages: readonly Uint8Array[],
  headers: Readonly<Record<string, string>> = {},
): Promise<Ending> {
  const call = client.stream('DoPut', headers);
  const ended = readAll(call);
  for (const message of messages) call.write(Buffer.from(message));
  call.end();
  const { messages: results, ending } = await ended;
  assert.deepEqual(results, [], 'the status is the answer');
  return ending;
}

async function untilTrue(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

const OK: Ending = { grpc: 0, details: 'OK', code: '', position: '' };

const REFUSED: readonly (readonly [string, readonly Uint8Array[], string, string])[] = [
  [
    'no message',
    [],
    'request_invalid',
    'the put stream is empty; its first message must have a descriptor and the schema',
  ],
  [
    'no descriptor',
    [field(2, schemaHeader), batch],
    'request_invalid',
    'the put stream\'s first message has no descriptor; name the table by a path descriptor, for example ["trades"]',
  ],
  ['no schema', [pathField('t')], 'request_invalid', 'the put stream for table t ended before its schema'],
  [
    'a batch before the schema',
    [Buffer.concat([pathField('t'), batch])],
    'request_invalid',
    'expected a schema message first, got a batch message',
  ],
  [
    'a second schema',
    [first, batch, field(2, schemaHeader), batch],
    'request_invalid',
    'a second schema in mid-stream; a stream has one schema',
  ],
  [
    'a body without a header',
    [first, field(1000, Buffer.alloc(8))],
    'request_invalid',
    'a message has a body of 8 bytes and no header that describes it',
  ],
  [
    'a cut body',
    [first, dataFields(encoded.header, [Buffer.alloc(8)])],
    'request_invalid',
    `the message declares a body of ${encoded.bodyBytes.toString()} bytes, 8 came`,
  ],
  [
    'bytes that are no protobuf',
    [first, batch, Buffer.of(0x12, 0xff)],
    'request_invalid',
    'the FlightData message ends within a number; send it as the Flight protocol says',
  ],
  [
    'a path of two',
    [Buffer.concat([pathField('a', 'b'), field(2, schemaHeader)])],
    'request_invalid',
    'the descriptor\'s path has 2 elements (["a","b"]); it must be one, the table\'s name',
  ],
];

for (const lane of ['direct', 'messages'] as const) {
  test(`a stream is stored when it ends, whole and once, by the way "${lane}"`, async (t) => {
    const served = await serve(t, lane);
    assert.deepEqual(await put(served, [first, batch, batch]), OK);
    assert.equal(served.engine.table('t').rowCount, 6);
    assert.deepEqual([served.engine.putsOpen, served.engine.putsAborted], [0, 0]);
    assert.match(
      await metricsText(),
      new RegExp(`sheaf_flight_lane_calls_total{direction="in",kind="${lane}"} [1-9]`),
    );
  });

  test(`a schema alone, metadata alone and a descriptor before the schema are all right, by "${lane}"`, async (t) => {
    const served = await serve(t, lane);
    assert.deepEqual(await put(served, [first]), OK);
    const metadata = field(3, Buffer.from('{"seq":1}'));
    assert.deepEqual(await put(served, [pathField('t'), metadata, field(2, schemaHeader), metadata, batch]), OK);
    assert.equal(served.engine.table('t').rowCount, 3);
  });

  for (const [name, messages, code, message] of REFUSED) {
    test(`a stream with ${name} is refused and leaves nothing, by the way "${lane}"`, async (t) => {
      const served = await serve(t, lane);
      const grpc = code === 'unimplemented' ? 12 : 3;
      assert.deepEqual(await put(served, messages), { grpc, details: `${code}: ${message}`, code, position: '' });
      assert.equal(served.engine.stored.size, 0);
      assert.equal(served.engine.putsOpen, 0);
    });
  }

  test(`after an error the client is read to its end and then told, by the way "${lane}"`, async (t) => {
    const served = await serve(t, lane);
    served.engine.beforeWrite = () => Promise.reject(new EngineError('storage_full', 'the disk is full'));
    const call = served.client.stream('DoPut');
    const ended = readAll(call);
    call.write(first);
    call.write(batch);
    await untilTrue(() => served.engine.putsAborted === 1);
    for (let i = 0; i < 50; i++) {
      const large = Buffer.concat([batch, field(3, Buffer.alloc(1_000_000))]);
      if (!call.write(large)) await once(call, 'drain');
    }
    call.end();
    assert.deepEqual((await ended).ending, {
      grpc: 14,
      details: 'storage_full: the disk is full',
      code: 'storage_full',
      position: '',
    });
    assert.equal(served.engine.stored.size, 0);
  });

  test(`a commit that fails is the call's status, by the way "${lane}"`, async (t) => {
    const served = await serve(t, lane);
    served.engine.beforeCommit = () => Promise.reject(new EngineError('commit_unknown', 'unknown'));
    assert.equal((await put(served, [first, batch])).details, 'commit_unknown: unknown');
  });

  for (const [name, leave] of [
    ['cancels its stream', (socket: Socket) => socket.write(resetFrame(8))],
    ['resets its stream without an error', (socket: Socket) => socket.write(resetFrame(0))],
    ['breaks its connection', (socket: Socket) => socket.destroy()],
  ] as const) {
    test(`a client that ${name} in the middle stores nothing, by the way "${lane}"`, async (t) => {
      const { engine, address } = await serve(t, lane);
      let written = 0;
      engine.beforeWrite = () => {
        written++;
        return Promise.resolve();
      };
      const { socket, stream } = bare(t, address);
      stream.write(Buffer.concat([framed(first), framed(batch)]));
      await untilTrue(() => written === 1);
      leave(socket);
      await untilTrue(() => engine.putsOpen === 0);
      assert.deepEqual([engine.putsAborted, engine.stored.size], [1, 0]);
    });
  }

  test(`messages are taken no faster than they are stored, by the way "${lane}"`, async (t) => {
    const served = await serve(t, lane);
    let storing = 0;
    let most = 0;
    served.engine.beforeWrite = async () => {
      most = Math.max(most, ++storing);
      await new Promise((resolve) => setTimeout(resolve, 1));
      storing--;
    };
    assert.deepEqual(await put(served, [first, ...Array.from({ length: 100 }, () => batch)]), OK);
    assert.equal(most, 1);
    assert.equal(served.engine.table('t').rowCount, 300);
  });
}

/** A put on a bare HTTP/2 connection. */
function bare(t: TestContext, address: string, headers: Readonly<Record<string, string>> = {}) {
  const [host, port] = address.split(':');
  const socket = connectSocket(Number(port), host);
  const session = connect(`http://${address}`, { createConnection: () => socket });
  session.on('error', () => undefined);
  t.after(() => {
    session.destroy();
  });
  const stream = session.request({
    ':method': 'POST',
    ':path': '/arrow.flight.protocol.FlightService/DoPut',
    'content-type': 'application/grpc',
    te: 'trailers',
    ...headers,
  });
  stream.on('error', () => undefined);
  return { socket, session, stream };
}

/**
 * HTTP/2's RST_STREAM for the connection's first stream; Node's own `close` would end the stream in order before it.
 */
function resetFrame(code: number): Buffer {
  return Buffer.of(0, 0, 4, 3, 0, 0, 0, 0, 1, 0, 0, 0, code);
}

function framed(message: Uint8Array, flag = 0): Buffer {
  const prefix = Buffer.alloc(5);
  prefix[0] = flag;
  prefix.writeUInt32BE(message.byteLength, 1);
  return Buffer.concat([prefix, message]);
}

function textOf(header: unknown): string {
  return typeof header === 'string' || typeof header === 'number' ? header.toString() : '';
}

/** Status and decoded message of a bare call; an error without messages comes as headers only. */
async function statusOf(stream: ReturnType<typeof bare>['stream']): Promise<readonly [string, string]> {
  const found = new Promise<readonly [string, string]>((resolve) => {
    const look = (headers: Readonly<Record<string, unknown>>): void => {
      const status = headers['grpc-status'];
      if (status !== undefined) resolve([textOf(status), decodeURI(textOf(headers['grpc-message']))]);
    };
    stream.on('response', look);
    stream.on('trailers', look);
  });
  stream.resume();
  return found;
}

test('a stream that ends within a message is refused', async (t) => {
  const { engine, address } = await serve(t, 'direct');
  const { stream } = bare(t, address);
  stream.end(Buffer.concat([framed(first), framed(batch).subarray(0, 20)]));
  const lacks = (framed(batch).byteLength - 20).toString();
  assert.deepEqual(await statusOf(stream), [
    '3',
    `request_invalid: the stream ended within a message that lacks ${lacks} bytes; nothing was stored`,
  ]);
  assert.equal(engine.stored.size, 0);
});

test('a message above the limit is refused by its length, and the client is told when it ends', async (t) => {
  const { address } = await serve(t, 'direct');
  const { stream } = bare(t, address);
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(RECEIVE_MESSAGE_BYTES_MAX + 1, 1);
  stream.write(framed(first));
  stream.end(Buffer.concat([prefix, Buffer.alloc(1000)]));
  assert.deepEqual(await statusOf(stream), [
    '3',
    'limit_exceeded: a message has 1.5 GiB; at most 1.5 GiB are allowed: send smaller batches',
  ]);
});

test('messages compressed by gzip are read', async (t) => {
  const { engine, address } = await serve(t, 'direct');
  const { stream } = bare(t, address, { 'grpc-encoding': 'gzip' });
  stream.end(Buffer.concat([framed(first), framed(gzipSync(batch), 1), framed(batch), framed(gzipSync(batch), 1)]));
  assert.deepEqual(await statusOf(stream), ['0', 'OK']);
  assert.equal(engine.table('t').rowCount, 9);
});

test('an unknown compression and damaged gzip are refused', async (t) => {
  const { address } = await serve(t, 'direct');
  const unknown = bare(t, address, { 'grpc-encoding': 'snappy' }).stream;
  unknown.end(framed(first, 1));
  assert.deepEqual(await statusOf(unknown), [
    '12',
    'unimplemented: messages compressed by "snappy" are not read; use gzip or none',
  ]);
  const damaged = bare(t, address, { 'grpc-encoding': 'gzip' }).stream;
  damaged.end(framed(first, 1));
  assert.deepEqual(await statusOf(damaged), [
    '3',
    'request_invalid: a message is no valid gzip: Error: incorrect header check',
  ]);
});

test('the windows of a connection that puts are raised', async (t) => {
  const { address } = await serve(t, 'direct');
  const { session, stream } = bare(t, address);
  const [settings] = (await once(session, 'remoteSettings')) as [{ initialWindowSize: number }];
  const later =
    settings.initialWindowSize > 65_535
      ? settings
      : ((await once(session, 'remoteSettings')) as [{ initialWindowSize: number }])[0];
  assert.equal(later.initialWindowSize, 16 * 1024 * 1024);
  stream.close(8);
});

test('a large request of another kind is refused by its length', async (t) => {
  const { client } = await serve(t, 'direct');
  const { ending } = await readAll(
    client.read('DoAction', Buffer.concat([field(1, Buffer.from('ping')), field(2, Buffer.alloc(5_000_000))])),
  );
  assert.deepEqual(ending, {
    grpc: 3,
    details: 'limit_exceeded: the request is larger than 4194304 bytes',
    code: 'limit_exceeded',
    position: '',
  });
});
