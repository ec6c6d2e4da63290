/**
 * Damaged footers of segment files: every bit, every cut, known fields changed, blind damage.
 *
 * Invariant: a footer is read whole, with blocks that lie within the file, or refused as `corrupt` (or as beyond a
 * limit), and never anything else.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FileBlock } from '../../src/arrow/ipc-stream.ts';
import { decodeFileEnd, encodeFileEnd, fileEndLength } from '../../src/arrow/ipc-stream.ts';
import { numberDictionaries } from '../../src/arrow/ipc-schema.ts';
import { makeField, makeSchema } from '../../src/arrow/schema.ts';
import { EngineError } from '../../src/base/errors.ts';
import { SAMPLE_TYPES } from '../support/random-vector.ts';
import { changeFooter, damage } from './mutation.ts';
import { below, fuzz } from './rounds.ts';
import { randomType } from './samples.ts';

const BODY_BYTES = 10_000;
const TRAILER_BYTES = 10;
/** End-of-stream, which stands before the footer. */
const END_BYTES = 8;

function blocks(count: number): FileBlock[] {
  return Array.from({ length: count }, (_, i) => ({ offset: 8 + i * 640, headerLength: 128, bodyLength: 512 }));
}

const SCHEMA = numberDictionaries(
  makeSchema(
    SAMPLE_TYPES.map((type, i) => makeField(`c${i.toString()}`, type)),
    [['k', 'v']],
  ),
);
const FOOTER = encodeFileEnd(SCHEMA, blocks(3), blocks(9), [['rows', '7']]);
const SMALL = encodeFileEnd(makeSchema([makeField('a', { id: 'utf8' })]), blocks(1), blocks(2), [['k', 'v']]);

/** Reads as storage does: the length first, then the whole. */
function exercise(tail: Uint8Array, fileLength = BODY_BYTES + tail.byteLength): 'read' | 'refused' {
  try {
    const length = fileEndLength(tail);
    const footer = decodeFileEnd(tail, fileLength);
    for (const { offset, headerLength, bodyLength } of [...footer.dictionaries, ...footer.batches]) {
      assert.ok(offset >= 8 && headerLength >= 8 && bodyLength >= 0, 'a block begins after the magic');
      assert.ok(offset + headerLength + bodyLength <= fileLength - length, 'a block ends before the footer');
    }
    return 'read';
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    assert.ok(error.code === 'corrupt' || error.code === 'limit_exceeded', `${error.code}: ${error.message}`);
    return 'refused';
  }
}

test('a footer with any bit flipped is refused or read with blocks within the file', () => {
  assert.equal(exercise(SMALL), 'read');
  const outcomes = { read: 0, refused: 0 };
  for (let bit = 0; bit < SMALL.byteLength * 8; bit++) {
    const copy = new Uint8Array(SMALL);
    copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    outcomes[exercise(copy)]++;
  }
  assert.ok(outcomes.refused > 100);
});

test('a footer cut at any place, at either end, is refused', () => {
  for (let cut = 0; cut < FOOTER.byteLength; cut++) assert.equal(exercise(FOOTER.subarray(0, cut)), 'refused');
  for (let cut = END_BYTES + 1; cut < FOOTER.byteLength; cut++) {
    assert.equal(exercise(FOOTER.subarray(cut), BODY_BYTES + FOOTER.byteLength), 'refused');
  }
  assert.equal(exercise(FOOTER.subarray(END_BYTES), BODY_BYTES + FOOTER.byteLength), 'read');
});

test('a footer of a shorter file is refused: its blocks lie outside', () => {
  const end = 8 + 9 * 640 + FOOTER.byteLength - END_BYTES;
  assert.equal(exercise(FOOTER, end), 'read');
  for (const length of [end - 1, end - 640, FOOTER.byteLength, 0]) assert.equal(exercise(FOOTER, length), 'refused');
});

test('footers whose fields lie, and damaged ones, are refused or read with blocks within the file', async (t) => {
  const outcomes = { read: 0, refused: 0 };
  await fuzz(t, 'footer', 4_000, (random) => {
    if (random() < 0.3) {
      outcomes[exercise(damage(FOOTER, random))]++;
      return;
    }
    const schema = numberDictionaries(makeSchema([makeField('c', randomType(random, 4))]));
    const tail = encodeFileEnd(schema, blocks(below(random, 3)), blocks(below(random, 5)), [['k', 'v']]);
    const footer = tail.subarray(END_BYTES, tail.byteLength - TRAILER_BYTES);
    const changed = changeFooter(footer, random);
    outcomes[exercise(Buffer.concat([changed, tail.subarray(-TRAILER_BYTES)]))]++;
  });
  assert.ok(outcomes.read + outcomes.refused < 4_000 || (outcomes.read > 100 && outcomes.refused > 100));
});

test('random bytes that end as a footer does are refused', async (t) => {
  await fuzz(t, 'footer random', 2_000, (random) => {
    const bytes = Uint8Array.from({ length: TRAILER_BYTES + below(random, 300) }, () => below(random, 256));
    bytes.set(FOOTER.subarray(-6), bytes.byteLength - 6);
    if (random() < 0.8) {
      new DataView(bytes.buffer).setInt32(bytes.byteLength - 10, bytes.byteLength - TRAILER_BYTES, true);
    }
    assert.equal(exercise(bytes), 'refused');
  });
});
