/**
 * Goal: messages are cut out of any pieces, aligned, bounded before they are held, and their memory goes back.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EngineError } from '../../src/base/errors.ts';
import { encodeFrame } from '../../src/flight/encode.ts';
import { FrameReader, reserveBytes } from '../../src/flight/frame.ts';
import type { Frame } from '../../src/flight/frame.ts';
import { RECEIVE_BUDGET_BYTES_MAX, RECEIVE_MESSAGE_BYTES_MAX } from '../../src/base/limits.ts';
import { makeRandom } from '../support/random.ts';

function frame(body: Buffer, headerBytes = 40): Buffer {
  return encodeFrame({ header: Buffer.alloc(headerBytes, 7), body: [body], bodyBytes: body.byteLength });
}

test('frames come out the same however the stream is cut', () => {
  const random = makeRandom(11);
  const wanted = [0, 1, 70, 5000, 70_000, 3].map((length, i) => frame(Buffer.alloc(length, i + 1), i * 30));
  const stream = Buffer.concat([...wanted, Buffer.alloc(5)]);
  for (let round = 0; round < 200; round++) {
    const found: Buffer[] = [];
    const reader = new FrameReader((each) => {
      found.push(Buffer.from(each.bytes));
      each.release(round % 2 === 0);
    });
    for (let at = 0; at < stream.byteLength;) {
      const longest = round < 100 ? 7 : 20_000;
      const end = Math.min(stream.byteLength, at + 1 + Math.floor(random() * longest));
      reader.write(stream.subarray(at, end));
      at = end;
    }
    assert.equal(reader.missingBytes, undefined);
    assert.deepEqual(found, [...wanted.map((each) => each.subarray(5)), Buffer.alloc(0)]);
  }
});

test('a body is aligned so that typed arrays can look at it', () => {
  for (const headerBytes of [1, 40, 41, 47, 300]) {
    const found: Frame[] = [];
    const bytes = frame(Buffer.alloc(4096, 1), headerBytes);
    new FrameReader((each) => found.push(each)).write(bytes);
    const [message] = found;
    assert(message !== undefined);
    assert.equal((message.bytes.byteOffset + bytes.byteLength - 5 - 4096) % 64, 0);
    message.release();
  }
});

test('a frame that is not complete says what it lacks', () => {
  const reader = new FrameReader(() => assert.fail('nothing is complete'));
  assert.equal(reader.missingBytes, undefined);
  reader.write(Buffer.of(0, 0, 0));
  assert.equal(reader.missingBytes, 2);
  reader.write(Buffer.of(0, 10, 1, 2, 3));
  assert.equal(reader.missingBytes, 7);
  reader.close();
  assert.equal(reader.missingBytes, undefined);
});

function prefix(length: number): Buffer {
  const bytes = Buffer.alloc(5);
  bytes.writeUInt32BE(length, 1);
  return bytes;
}

test('a message above the limit is refused by its length prefix', () => {
  const reader = new FrameReader(() => assert.fail('nothing is complete'));
  assert.throws(
    () => {
      reader.write(prefix(RECEIVE_MESSAGE_BYTES_MAX + 1));
    },
    new EngineError('limit_exceeded', 'a message has 1.5 GiB; at most 1.5 GiB are allowed: send smaller batches'),
  );
});

test('messages that would not fit beside those being received are told to come later, until there is room', () => {
  const half = RECEIVE_MESSAGE_BYTES_MAX;
  const first = new FrameReader(() => undefined);
  const second = new FrameReader(() => undefined);
  const third = new FrameReader(() => undefined);
  first.write(prefix(half));
  second.write(prefix(half));
  assert(3 * half > RECEIVE_BUDGET_BYTES_MAX);
  assert.throws(
    () => {
      third.write(prefix(half));
    },
    new EngineError(
      'busy',
      'a message of 1.5 GiB has no room now: 3.0 GiB are being received, at most 4.0 GiB; try again later',
    ),
  );
  first.close();
  const fourth = new FrameReader(() => undefined);
  fourth.write(prefix(half));
  second.close();
  fourth.close();
  const all = reserveBytes(RECEIVE_MESSAGE_BYTES_MAX);
  all();
  all();
});

test('memory that is given back is used again, and a second release changes nothing', () => {
  const found: Frame[] = [];
  const reader = new FrameReader((each) => found.push(each));
  reader.write(frame(Buffer.alloc(100_000, 1)));
  const memory = found[0]?.bytes.buffer;
  found[0]?.release(true);
  found[0]?.release(true);
  reader.write(frame(Buffer.alloc(90_000, 2)));
  reader.write(frame(Buffer.alloc(90_000, 3)));
  assert.equal(found[1]?.bytes.buffer, memory);
  assert.notEqual(found[2]?.bytes.buffer, memory);
  assert(found[1]?.bytes.subarray(60).every((byte) => byte === 2));
  found[1]?.release();
  found[2]?.release();
});

test('hundreds of megabytes are freed at once, not at the next garbage collection', async () => {
  const found: Frame[] = [];
  const reader = new FrameReader((each) => found.push(each));
  const length = 200 * 1024 * 1024;
  reader.write(prefix(length));
  const piece = Buffer.alloc(16 * 1024 * 1024, 1);
  for (let at = 0; at < length; at += piece.byteLength) reader.write(piece.subarray(0, length - at));
  const held = process.memoryUsage.rss();
  found[0]?.release(true);
  await new Promise((resolve) => setImmediate(resolve));
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(found[0]?.bytes.byteLength, 0);
  assert(process.memoryUsage.rss() < held - length / 2);
});
