/**
 * Hostile Flight clients against the real server: deranged puts over raw HTTP/2, forged tickets, damaged requests of
 * every RPC, and HTTP/2 itself abused (rapid reset, floods, endless headers, garbage).
 *
 * Invariants: each call is answered, or its connection is closed; what was refused leaves no table; the server
 * answers at both doors afterwards, reports no failure of its own, and its memory stays level.
 */
import assert from 'node:assert/strict';
import { constants } from 'node:http2';
import type { ClientHttp2Session } from 'node:http2';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { dataFields, field, pathField } from '../support/flight-client.ts';
import type { Random } from '../support/random.ts';
import { changeHeader, damage } from './mutation.ts';
import { below, fuzz, pick } from './rounds.ts';
import { dictionaryMessages, randomMessages } from './samples.ts';
import { assertLevel, bareCall, endOf, framed, startTarget, within } from './server.ts';
import type { Target } from './server.ts';

/** Statuses that tell the caller of a fault of its own. */
const CALLERS_FAULT = [3, 5, 6, 7, 12];
/** By which memory may grow once the server is warm. */
const GROWTH_MIB_MAX = 128;

/** gRPC frames of a put into `table`; the first message has the schema. */
function framesOf(table: string, random: Random): Buffer[] {
  const flat = random() < 0.3 ? dictionaryMessages() : randomMessages(random);
  return flat.map(({ header, body }, i) => {
    const changed = random() < 0.15 ? changeHeader(header, random) : header;
    const message = i === 0 ? Buffer.concat([pathField(table), field(2, changed)]) : dataFields(changed, [body]);
    const kind = random();
    if (kind < 0.05) return framed(damage(message, random));
    if (kind < 0.1) return framed(kind < 0.08 ? gzipSync(message) : message, 1);
    if (kind < 0.13)
      return framed(message, 0, pick(random, [0, 1, 0xffff_ffff, 0x6000_0000, message.byteLength + 9]));
    return framed(message);
  });
}

async function putOnce(session: ClientHttp2Session, table: string, random: Random): Promise<boolean> {
  const frames = framesOf(table, random);
  const kind = random();
  const at = below(random, frames.length);
  if (kind < 0.1) frames.splice(at, 1);
  else if (kind < 0.2) frames.splice(at, 0, frames[at] ?? Buffer.alloc(0));
  else if (kind < 0.3) frames.push(...frames.splice(at, 1));
  const headers = random() < 0.3 ? { 'grpc-encoding': pick(random, ['gzip', 'deflate', 'snappy', '']) } : {};
  const call = bareCall(session, 'DoPut', headers);
  const ended = endOf(call);
  const bytes = Buffer.concat(frames);
  const split = below(random, bytes.byteLength);
  call.write(bytes.subarray(0, split));
  if (random() < 0.1) {
    call.close(constants.NGHTTP2_CANCEL);
    await ended;
    return false;
  }
  call.end(random() < 0.9 ? bytes.subarray(split) : undefined);
  const [status, message] = await within('a put', ended);
  assert.ok(status === 0 || CALLERS_FAULT.includes(status), `${status.toString()} ${message}`);
  return status === 0;
}

test('deranged puts are answered, leave nothing when refused, and memory stays level', async (t) => {
  const target = await startTarget(t);
  const session = target.session();
  const stored = new Set<string>();
  let before = 0;
  await fuzz(t, 'flight put', 120, async (random, seed) => {
    const table = `t${seed.toString()}`;
    if (await putOnce(session, table, random)) stored.add(table);
    if (before === 0) before = target.residentBytes();
  });
  await target.mustServe();
  assertLevel(t, 'puts', before, target.residentBytes(), GROWTH_MIB_MAX);
  const names = (await target.tables()).map(([name]) => name);
  assert.deepEqual(
    names.filter((name) => !stored.has(name)),
    [],
    'a refused put leaves no table',
  );
});

const RPCS = [
  'DoGet',
  'DoAction',
  'GetFlightInfo',
  'GetSchema',
  'ListFlights',
  'ListActions',
  'PollFlightInfo',
].concat(['Handshake', 'DoExchange', 'DoPut', 'Nothing']);

function randomRequest(random: Random): Buffer {
  const texts = ['SELECT 1', 'trades', 'ping', 'CancelFlightInfo', 'create', '', '\xff\x53SHEAFT1'.repeat(2), '../x'];
  const bytes = Buffer.from(pick(random, texts), 'latin1');
  const samples = [
    field(1, bytes),
    Buffer.concat([field(1, bytes), field(2, Buffer.from(pick(random, texts)))]),
    pathField(pick(random, texts)),
    Buffer.concat([Buffer.of(0x08, 2), field(2, bytes)]),
    field(1, field(3, field(1, field(1, bytes)))),
  ];
  const sample = pick(random, samples);
  return random() < 0.5 && sample.byteLength > 0 ? Buffer.from(damage(sample, random)) : sample;
}

test('requests of every RPC that are damaged, forged or framed by a lie are answered', async (t) => {
  const target = await startTarget(t);
  const session = target.session();
  await fuzz(t, 'flight requests', 250, async (random) => {
    const message = randomRequest(random);
    const kind = random();
    const bytes = kind < 0.8 ? framed(message) : kind < 0.9 ? framed(message, below(random, 3)) : message;
    const call = bareCall(session, pick(random, RPCS));
    const ended = endOf(call);
    call.end(random() < 0.9 ? bytes : Buffer.concat([bytes, bytes]));
    const [status, text] = await within('a request', ended);
    // grpc-js itself tells of broken frames by INTERNAL and by a reset.
    assert.ok(
      status < 2 || CALLERS_FAULT.includes(status) || !text.includes('incident'),
      `${status.toString()} ${text}`,
    );
  });
  await target.mustServe();
});

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

/** An HTTP/2 frame. */
function http2Frame(type: number, flags: number, streamId: number, payload: Uint8Array, length?: number): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(length ?? payload.byteLength, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(streamId, 5);
  return Buffer.concat([head, payload]);
}

const SETTINGS = http2Frame(4, 0, 0, Buffer.alloc(0));
/** HPACK: literal headers without indexing; a call of DoPut. */
const CALL_HEADERS = Buffer.concat(
  [
    [':method', 'POST'],
    [':scheme', 'http'],
    [':path', '/arrow.flight.protocol.FlightService/DoPut'],
    [':authority', 'a'],
    ['content-type', 'application/grpc'],
    ['te', 'trailers'],
  ].map(([name = '', value = '']) =>
    Buffer.concat([Buffer.of(0, name.length), Buffer.from(name), Buffer.of(value.length), Buffer.from(value)]),
  ),
);

function repeated(frame: Buffer, times: number): Buffer {
  return Buffer.concat(Array.from({ length: times }, () => frame));
}

/** Streams that are opened and reset at once. */
function rapidReset(from: number, count: number): Buffer {
  const frames = Array.from({ length: count }, (_, i) => {
    const id = 2 * (from + i) + 1;
    return Buffer.concat([http2Frame(1, 4, id, CALL_HEADERS), http2Frame(3, 0, id, Buffer.of(0, 0, 0, 8))]);
  });
  return Buffer.concat(frames);
}

/** Streams that are opened and left open. */
function openStreams(count: number): Buffer {
  return Buffer.concat(Array.from({ length: count }, (_, i) => http2Frame(1, 4, 2 * i + 1, CALL_HEADERS)));
}

const FLOODS: readonly (readonly [string, () => Buffer])[] = [
  ['rapid reset', () => rapidReset(0, 20_000)],
  ['open streams', () => openStreams(20_000)],
  ['settings', () => repeated(SETTINGS, 200_000)],
  ['large settings', () => repeated(http2Frame(4, 0, 0, Buffer.alloc(6 * 2_000, 1)), 300)],
  ['pings', () => repeated(http2Frame(6, 0, 0, Buffer.alloc(8)), 200_000)],
  ['window updates', () => repeated(http2Frame(8, 0, 0, Buffer.of(0, 0, 0, 1)), 200_000)],
  ['priorities', () => repeated(http2Frame(2, 0, 1, Buffer.of(0, 0, 0, 3, 7)), 200_000)],
  [
    'empty data',
    () => Buffer.concat([http2Frame(1, 4, 1, CALL_HEADERS), repeated(http2Frame(0, 0, 1, Buffer.alloc(0)), 200_000)]),
  ],
  [
    'padded data',
    () =>
      Buffer.concat([
        http2Frame(1, 4, 1, CALL_HEADERS),
        repeated(http2Frame(0, 8, 1, Buffer.alloc(256, 255)), 20_000),
      ]),
  ],
  [
    'endless headers',
    () =>
      Buffer.concat([
        http2Frame(1, 0, 1, CALL_HEADERS),
        repeated(http2Frame(9, 0, 1, Buffer.from(`\0\x01a\x7f${'\x81\0'}${'b'.repeat(256)}`, 'latin1')), 50_000),
      ]),
  ],
  [
    'empty continuations',
    () => Buffer.concat([http2Frame(1, 0, 1, CALL_HEADERS), repeated(http2Frame(9, 0, 1, Buffer.alloc(0)), 200_000)]),
  ],
  ['a frame of 16 MiB', () => http2Frame(0, 0, 1, Buffer.alloc(1_000_000), 0xff_ffff)],
  [
    'an HPACK bomb',
    () =>
      Buffer.concat(
        Array.from({ length: 500 }, (_, i) =>
          http2Frame(
            1,
            4,
            2 * i + 1,
            Buffer.concat([
              CALL_HEADERS,
              Buffer.of(0x40, 1, 0x61, 0x7f, 0x81, 0x1e),
              Buffer.alloc(4_000, 0x62),
              Buffer.alloc(8_000, 0xbe),
            ]),
          ),
        ),
      ),
  ],
];

function openSocket({ server }: Target): Promise<Socket> {
  const [host = '', port = ''] = server.flight.split(':');
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), host, () => {
      resolve(socket);
    });
    socket.on('error', reject);
  });
}

/** Sends a flood, reads or not, and leaves when the server has taken it or has closed. */
async function flood(target: Target, bytes: Buffer, isReading: boolean): Promise<void> {
  const socket = await openSocket(target);
  socket.removeAllListeners('error');
  socket.on('error', () => undefined);
  if (isReading) socket.resume();
  else socket.pause();
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, 500);
    const done = (): void => {
      clearTimeout(timer);
      resolve();
    };
    socket.on('close', done);
    socket.write(Buffer.concat([PREFACE, SETTINGS, bytes]), done);
  });
  await target.mustServe();
  socket.destroy();
}

test('the hand-made HTTP/2 of the floods is understood: an honest call is answered', async (t) => {
  const target = await startTarget(t);
  const socket = await openSocket(target);
  const answered = new Promise<string>((resolve) => {
    let text = '';
    socket.on('data', (piece: Buffer) => {
      text += piece.toString('latin1');
      // The trailers of stream 1: HPACK leaves names of its own as they are, or by Huffman; the frame is enough.
      if (text.includes('\x01\x05\0\0\0\x01') || text.includes('\x01\x04\0\0\0\x01')) resolve(text);
    });
  });
  socket.write(
    Buffer.concat([
      PREFACE,
      SETTINGS,
      http2Frame(1, 4, 1, CALL_HEADERS),
      http2Frame(0, 1, 1, framed(pathField('t'))),
    ]),
  );
  await within('an honest call', answered);
  socket.destroy();
});

test('HTTP/2 floods and lies end in a closed connection or are borne, and memory stays level', async (t) => {
  const target = await startTarget(t);
  await target.mustServe();
  await flood(target, rapidReset(0, 2_000), true);
  const before = target.residentBytes();
  for (const [name, make] of FLOODS) {
    for (const isReading of [true, false]) {
      try {
        await flood(target, make(), isReading);
      } catch (cause) {
        throw new Error(`${name}${isReading ? '' : ', answers not read'}`, { cause });
      }
    }
    t.diagnostic(`${name}: resident ${(target.residentBytes() / 1024 ** 2).toFixed(0)} MiB`);
  }
  assertLevel(t, 'floods', before, target.residentBytes(), GROWTH_MIB_MAX);
  t.diagnostic(`fuzz flight floods: ${(2 * FLOODS.length).toString()} rounds, seed 0`);
});

test('random HTTP/2 frames end in a closed connection or are borne', async (t) => {
  const target = await startTarget(t);
  await fuzz(t, 'flight http2', 60, async (random) => {
    const frames = Array.from({ length: 1 + below(random, 30) }, () => {
      const payload =
        random() < 0.3
          ? CALL_HEADERS
          : Buffer.from(Uint8Array.from({ length: below(random, 64) }, () => below(random, 256)));
      const type = random() < 0.9 ? below(random, 10) : below(random, 256);
      return http2Frame(type, below(random, 64), pick(random, [0, 1, 1, 3, 5, 0x7fff_ffff]), payload);
    });
    const socket = await openSocket(target);
    socket.removeAllListeners('error');
    socket.on('error', () => undefined);
    socket.resume();
    socket.write(Buffer.concat([random() < 0.9 ? PREFACE : Buffer.alloc(24), SETTINGS, ...frames]));
    await new Promise<void>((resolve) => {
      socket.on('close', resolve);
      socket.end(resolve);
    });
    socket.destroy();
  });
  await target.mustServe();
});
