/**
 * Goal: what is written by hand is what protobuf means, and what is read is checked byte by byte.
 *
 * Method: protobufjs on proto/Flight.proto is the other opinion; then damaged and random bytes.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { loadPackageDefinition } from '@grpc/grpc-js';
import type { MethodDefinition } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { EngineError } from '../../src/base/errors.ts';
import {
  CopiedMessage,
  FRAME_PREFIX_BYTES,
  bodyOffset,
  decodeFlightData,
  decodeTicket,
  encodeFrame,
  encodeFrameHead,
} from '../../src/flight/encode.ts';
import { field } from '../support/flight-client.ts';
import { makeRandom } from '../support/random.ts';

/** protobufjs on proto/Flight.proto: the other opinion. */
const proto = fileURLToPath(new URL('../../proto/Flight.proto', import.meta.url));
const loaded = loadPackageDefinition(loadSync(proto, { keepCase: true, enums: Number })) as unknown as {
  arrow: { flight: { protocol: { FlightService: { service: Record<string, MethodDefinition<object, object>> } } } };
};
const service = loaded.arrow.flight.protocol.FlightService.service;
const doPut = service['DoPut'];
const doGet = service['DoGet'];
assert(doPut !== undefined && doGet !== undefined);

function bytes(length: number, seed: number): Buffer {
  const random = makeRandom(seed);
  return Buffer.from(Array.from({ length }, () => Math.floor(random() * 256)));
}

for (const [headerBytes, partBytes] of [
  [0, [0]],
  [1, [1]],
  [127, [64, 64]],
  [128, [0, 127]],
  [200, [16384, 1]],
  [70_000, [300_000, 8, 0, 5]],
] as const) {
  const name = `a header of ${headerBytes.toString()} and a body of ${partBytes.join(' + ')} bytes`;
  test(`protobufjs reads the frame of ${name}`, () => {
    const body = partBytes.map((length, i) => bytes(length, i + 1));
    const bodyBytes = body.reduce((sum, part) => sum + part.byteLength, 0);
    const message = { header: bytes(headerBytes, 9), body, bodyBytes };
    const head = encodeFrameHead(message);
    const frame = Buffer.concat([head, ...body]);
    assert.equal(frame[0], 0);
    assert.equal(frame.readUInt32BE(1), frame.byteLength - FRAME_PREFIX_BYTES);
    const read = doGet.responseDeserialize(frame.subarray(FRAME_PREFIX_BYTES)) as Record<string, Buffer>;
    assert.deepEqual(Buffer.from(read['data_header'] ?? []), message.header);
    assert.deepEqual(Buffer.from(read['data_body'] ?? []), Buffer.concat(body));
    assert.deepEqual(encodeFrame(message), frame);

    const copied = new CopiedMessage(message);
    const target = Buffer.alloc(copied.byteLength + FRAME_PREFIX_BYTES);
    assert.equal(copied.copy(target, FRAME_PREFIX_BYTES), copied.byteLength);
    assert.deepEqual(target.subarray(FRAME_PREFIX_BYTES), frame.subarray(FRAME_PREFIX_BYTES));
    if (bodyBytes > 0) {
      assert.equal(bodyOffset(frame.subarray(FRAME_PREFIX_BYTES)), head.byteLength - FRAME_PREFIX_BYTES);
    }
  });
}

test('protobufjs reads metadata beside a header and a body, and alone', () => {
  const appMetadata = Buffer.from('{"k":1}');
  for (const [header, part] of [
    [bytes(200, 9), bytes(300, 1)],
    [Buffer.of(), Buffer.of()],
  ] as const) {
    const message = { header, body: [part], bodyBytes: part.byteLength };
    const frame = encodeFrame(message, appMetadata);
    assert.deepEqual(Buffer.concat([encodeFrameHead(message, appMetadata), part]), frame);
    assert.equal(frame.readUInt32BE(1), frame.byteLength - FRAME_PREFIX_BYTES);
    const read = doGet.responseDeserialize(frame.subarray(FRAME_PREFIX_BYTES)) as Record<string, Buffer>;
    assert.deepEqual(read['app_metadata'], appMetadata);
    assert.deepEqual(Buffer.from(read['data_header'] ?? []), header);
    assert.deepEqual(Buffer.from(read['data_body'] ?? []), part);
    const copied = new CopiedMessage(message, { appMetadata });
    const target = Buffer.alloc(copied.byteLength);
    copied.copy(target, 0);
    assert.deepEqual(target, frame.subarray(FRAME_PREFIX_BYTES));
  }
});

test('what protobufjs writes is read with the descriptor, metadata and body as views', () => {
  const message = {
    flight_descriptor: { type: 1, path: ['trades', 'grüße'] },
    data_header: bytes(100, 1),
    app_metadata: Buffer.from('{"seq":1}'),
    data_body: bytes(5000, 2),
  };
  const wire = doPut.requestSerialize(message);
  const read = decodeFlightData(wire);
  assert.deepEqual(read.descriptor, { type: 1, cmd: new Uint8Array(0), path: ['trades', 'grüße'] });
  assert.deepEqual(Buffer.from(read.header), message.data_header);
  assert.deepEqual(Buffer.from(read.appMetadata), message.app_metadata);
  assert.deepEqual(Buffer.from(read.body), message.data_body);
  assert.equal(read.body.buffer, wire.buffer);
  assert.equal(read.body.byteOffset, wire.byteOffset + (bodyOffset(wire) ?? -1));
  assert.deepEqual(
    decodeFlightData(doPut.requestSerialize({ flight_descriptor: { type: 2, cmd: Buffer.from('t') } })).descriptor,
    { type: 2, cmd: Buffer.from('t'), path: [] },
  );
});

test('a ticket is read as protobufjs writes it', () => {
  assert.deepEqual(
    Buffer.from(decodeTicket(doGet.requestSerialize({ ticket: Buffer.from('SELECT 1') }))),
    Buffer.from('SELECT 1'),
  );
  assert.equal(decodeTicket(new Uint8Array(0)).byteLength, 0);
});

test('fields that are not known are passed over', () => {
  const unknown = [
    Buffer.of(0x20, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01),
    field(99, Buffer.from('x')),
  ];
  const fixed = [Buffer.of(0x29, 1, 2, 3, 4, 5, 6, 7, 8), Buffer.of(0x35, 1, 2, 3, 4)];
  const read = decodeFlightData(
    Buffer.concat([...unknown, field(2, Buffer.from('h')), ...fixed, field(1000, Buffer.from('b'))]),
  );
  assert.deepEqual([Buffer.from(read.header).toString(), Buffer.from(read.body).toString()], ['h', 'b']);
});

for (const [name, wire, message] of [
  ['a field longer than the message', [0x12, 5, 1], 'has a field of 5 bytes with 1 left'],
  ['a number without an end', [0x12, 0x80], 'ends within a number'],
  ['a number of eleven bytes', [0x20, ...Array<number>(11).fill(0xff)], 'holds a number of more than 10 bytes'],
  ['a fixed field that is cut', [0x29, 1, 2], 'ends within a field'],
  ['a group', [0x23], 'has a field of the unknown wire type 3'],
  ['a length near 2^63', [0x12, ...Array<number>(8).fill(0xff), 0x7f], 'has a field of Infinity bytes with 0 left'],
] as const) {
  test(`${name} is refused`, () => {
    assert.throws(
      () => decodeFlightData(Uint8Array.from(wire)),
      new EngineError('request_invalid', `the FlightData message ${message}; send it as the Flight protocol says`),
    );
  });
}

test('a path that is not UTF-8 is refused', () => {
  const wire = field(1, Buffer.concat([Buffer.of(8, 1), field(3, Buffer.of(0xff))]));
  assert.throws(() => decodeFlightData(wire), {
    code: 'request_invalid',
    message: "the descriptor's path is not UTF-8 text (1 bytes)",
  });
});

test('no bytes make the reader do anything but answer or refuse', () => {
  const random = makeRandom(5);
  for (let round = 0; round < 20_000; round++) {
    const wire = Buffer.from(Array.from({ length: Math.floor(random() * 24) }, () => Math.floor(random() * 256)));
    bodyOffset(wire);
    try {
      decodeFlightData(wire);
    } catch (error) {
      assert(error instanceof EngineError && error.code === 'request_invalid', String(error));
    }
  }
});
