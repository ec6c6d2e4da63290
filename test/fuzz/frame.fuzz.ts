/**
 * Hostile Flight frames below the network: bytes cut at any place, lying lengths, damaged protobuf, messages left
 * out, repeated and swapped.
 *
 * Invariants: whatever comes, a put ends in a commit of what a whole stream held or in an EngineError and nothing
 * stored; every reserved byte is given back; how the bytes are cut changes nothing.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EngineError } from '../../src/base/errors.ts';
import { metricsText } from '../../src/base/metrics.ts';
import { doPut } from '../../src/flight/do-put.ts';
import { bodyOffset, decodeCancelRequest, decodeFlightData, decodeTicket } from '../../src/flight/encode.ts';
import { FrameReader } from '../../src/flight/frame.ts';
import { Inbox } from '../../src/flight/inbox.ts';
import { callerOf } from '../support/caller.ts';
import { FakeEngine } from '../support/fake-engine.ts';
import { dataFields, field, pathField } from '../support/flight-client.ts';
import type { Random } from '../support/random.ts';
import { changeHeader, damage } from './mutation.ts';
import { below, fuzz, pick, roundsOf } from './rounds.ts';
import { dictionaryMessages, randomMessages } from './samples.ts';
import { framed } from './server.ts';

const LENGTHS = [0, 1, 4, 5, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 1_610_612_736, 1_610_612_737];

/** Bytes that the process has reserved for messages. */
async function reservedBytes(): Promise<number> {
  return Number(/^sheaf_flight_receive_bytes (\S+)$/m.exec(await metricsText())?.[1]);
}

/** `bytes` in pieces of random lengths. */
function* pieces(bytes: Buffer, random: Random, longest: number): Generator<Buffer> {
  for (let at = 0; at < bytes.byteLength;) {
    const end = Math.min(bytes.byteLength, at + 1 + below(random, longest));
    yield bytes.subarray(at, end);
    at = end;
  }
}

/** Runs a put of these bytes, as the door does. */
async function put(engine: FakeEngine, parts: Iterable<Buffer>): Promise<string> {
  const source = { pause: () => undefined, resume: () => undefined };
  const inbox = new Inbox(source, () => 'gzip');
  for (const part of parts) inbox.writeBytes(part);
  inbox.end();
  try {
    await doPut(callerOf(engine), { inbox, headers: () => [], send: () => Promise.resolve() });
    return 'stored';
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    assert.notEqual(error.code, 'internal', error.message);
    return `${error.code}: ${error.message}`;
  }
}

function validMessages(random: Random): Buffer[] {
  const flat = random() < 0.3 ? dictionaryMessages() : randomMessages(random);
  return flat.map(({ header, body }, i) =>
    i === 0
      ? Buffer.concat([pathField('t'), field(2, header)])
      : Buffer.concat(
          [dataFields(header, [body]), random() < 0.2 ? field(3, Buffer.from('{"seq":1}')) : ''].map((part) =>
            Buffer.from(part),
          ),
        ),
  );
}

/** Frames of `messages`, of which some are damaged, lost, repeated, swapped, or framed by a lie. */
function derange(messages: readonly Buffer[], random: Random): Buffer {
  const list = messages.map((message) => ({ message, flag: 0, length: message.byteLength }));
  const kind = random();
  const at = below(random, list.length);
  const one = list[at];
  if (one === undefined) return Buffer.alloc(0);
  if (kind < 0.12) list.splice(at, 1);
  else if (kind < 0.24) list.splice(below(random, list.length + 1), 0, one);
  else if (kind < 0.36) list.push(...list.splice(at, 1));
  else if (kind < 0.6) one.message = Buffer.from(damage(one.message, random));
  else if (kind < 0.7) {
    const { header, body } = decodeFlightData(one.message);
    const head = at === 0 ? pathField(pick(random, ['t', '', '../x', 'a\0b', 'x'.repeat(300)])) : Buffer.alloc(0);
    one.message = Buffer.concat([head, dataFields(changeHeader(header, random), [body])]);
  } else if (kind < 0.8) one.flag = 1 + below(random, 255);
  else one.length = random() < 0.7 ? pick(random, LENGTHS) : below(random, 2 ** 32);
  if (kind < 0.7) one.length = one.message.byteLength;
  return Buffer.concat(list.map(({ message, flag, length }) => framed(message, flag, length)));
}

test('a put of deranged frames is stored or refused, however it is cut, and gives all memory back', async (t) => {
  const outcomes = { stored: 0, refused: 0 };
  await fuzz(t, 'frame put', 150, async (random) => {
    const messages = validMessages(random);
    const bytes = derange(messages, random);
    const verdicts: string[] = [];
    for (const longest of [bytes.byteLength, 7, 1_000]) {
      const engine = new FakeEngine();
      const verdict = await put(engine, pieces(bytes, random, Math.max(1, longest)));
      assert.equal(engine.putsOpen, 0, 'no put stays open');
      assert.equal(engine.stored.size, verdict === 'stored' ? 1 : 0, 'a refused stream leaves nothing');
      verdicts.push(verdict);
      outcomes[verdict === 'stored' ? 'stored' : 'refused']++;
    }
    assert.deepEqual(new Set(verdicts).size, 1, verdicts.join('\n'));
    assert.equal(await reservedBytes(), 0, 'every reserved byte is given back');
  });
  t.diagnostic(`stored ${outcomes.stored.toString()}, refused ${outcomes.refused.toString()}`);
});

test('a put cut at any byte is refused, and stored when nothing is missing', async () => {
  const stream = Buffer.concat(
    dictionaryMessages().map(({ header, body }, i) =>
      framed(i === 0 ? Buffer.concat([pathField('t'), field(2, header)]) : dataFields(header, [body])),
    ),
  );
  assert.equal(await put(new FakeEngine(), [stream]), 'stored');
  // By name every byte; in the suite some, and all of the first message's.
  const step = roundsOf(1) > 1 ? 1 : 7;
  for (let split = 1; split < stream.byteLength; split += split < 300 ? 1 : step) {
    const engine = new FakeEngine();
    const whole = await put(engine, [stream.subarray(0, split), stream.subarray(split)]);
    assert.equal(whole, 'stored', `split at ${split.toString()}`);
    // A stream that ends between messages is a shorter stream.
    await put(new FakeEngine(), [stream.subarray(0, split)]);
  }
  assert.equal(await reservedBytes(), 0);
});

test('frames come out the same however random bytes are cut, or are refused', async (t) => {
  await fuzz(t, 'frame cuts', 300, (random) => {
    const parts = Array.from({ length: 1 + below(random, 6) }, () => {
      const message = Buffer.from(Uint8Array.from({ length: below(random, 300) }, () => below(random, 256)));
      return framed(message, below(random, 3), random() < 0.9 ? message.byteLength : pick(random, LENGTHS));
    });
    const stream = Buffer.concat(parts);
    const seen = [stream.byteLength, 3, 50].map((longest) => {
      const found: string[] = [];
      const reader = new FrameReader((frame) => {
        found.push(`${String(frame.compressed)} ${Buffer.from(frame.bytes).toString('hex')}`);
        frame.release(random() < 0.5);
      });
      try {
        for (const piece of pieces(stream, random, longest)) reader.write(piece);
        found.push(`lacks ${String(reader.missingBytes)}`);
      } catch (error) {
        if (!(error instanceof EngineError)) throw error;
        found.push(error.code);
      }
      reader.close();
      return found.join('\n');
    });
    assert.equal(new Set(seen).size, 1);
  });
  assert.equal(await reservedBytes(), 0);
});

test('damaged protobuf is read or refused, and never beyond its bytes', async (t) => {
  const ticket = field(1, Buffer.from('SELECT 1'));
  const cancel = field(1, Buffer.concat([field(3, field(1, ticket)), field(3, field(1, ticket))]));
  await fuzz(t, 'frame protobuf', 600, (random) => {
    const [, message = ticket] = validMessages(random);
    const samples = [message, Buffer.concat([pathField('a', 'b'), message]), ticket, cancel];
    let bytes: Uint8Array = pick(random, samples);
    for (let times = 1 + below(random, 3); times > 0 && bytes.byteLength > 0; times--) bytes = damage(bytes, random);
    for (const decode of [decodeFlightData, decodeTicket, decodeCancelRequest]) {
      try {
        decode(bytes);
      } catch (error) {
        if (!(error instanceof EngineError)) throw error;
        assert.equal(error.code, 'request_invalid');
      }
    }
    bodyOffset(bytes);
  });
});
