/**
 * Goal: compressed bodies are decompressed exactly, bombs and lies are refused before they cost memory, and a missing
 * codec is told by name. Round trips of pyarrow's compressed streams are in round-trip.test.ts.
 */
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { before, describe, test } from 'node:test';
import { Decompressor, prepareCodecs } from '../../src/arrow/compression.ts';
import { lz4FrameBytes } from '../../src/arrow/lz4-frame.ts';
import { concatBytes } from '../../src/base/bytes.ts';
import { bytesOf } from '../support/ipc.ts';
import { makeRandom } from '../support/random.ts';
import { refusal } from '../support/refusal.ts';

const load = createRequire(import.meta.url);

interface Lz4 {
  compressFrameSync(bytes: Buffer): Buffer;
}
interface Zstd {
  init(): Promise<void>;
  compress(bytes: Uint8Array, level: number): Uint8Array;
}

const lz4 = load('lz4-napi') as Lz4;
const zstd = load('@bokuweb/zstd-wasm') as Zstd;

/** A compressed buffer as bodies hold it: int64 length, then the frame. */
function stored(length: number, frame: Uint8Array): Uint8Array {
  return concatBytes([bytesOf(BigInt64Array.of(BigInt(length))), frame]);
}

function sample(length: number): Uint8Array {
  const random = makeRandom(3);
  return Uint8Array.from({ length }, () => Math.floor(random() * 4));
}

before(async () => {
  await prepareCodecs();
  await zstd.init();
});

const compressors = {
  lz4: (bytes: Uint8Array): Uint8Array => lz4.compressFrameSync(Buffer.from(bytes)),
  zstd: (bytes: Uint8Array): Uint8Array => zstd.compress(bytes, 1),
} as const;

for (const codec of ['lz4', 'zstd'] as const) {
  describe(codec, () => {
    test('content comes out as it went in', () => {
      for (const length of [1, 7, 100, 70_000, 5_000_000]) {
        const content = sample(length);
        const buffer = stored(length, compressors[codec](content));
        const out = new Decompressor(codec, buffer.byteLength).decompress(buffer, 'b');
        assert.ok(Buffer.from(out).equals(content), `${length.toString()} bytes`);
      }
    });

    test('a buffer that is stored as it is, or empty, is taken as it is', () => {
      const decompressor = new Decompressor(codec, 100);
      assert.deepEqual([...decompressor.decompress(stored(-1, Uint8Array.of(1, 2)), 'b')], [1, 2]);
      assert.equal(decompressor.decompress(stored(0, Uint8Array.of()), 'b').byteLength, 0);
    });

    test('a length that lies is refused', () => {
      const frame = compressors[codec](sample(1_000));
      const held = codec === 'lz4' ? 'more' : '1000';
      for (const [length, holds] of [
        [999, held],
        [1_001, '1000'],
      ] as const) {
        const buffer = stored(length, frame);
        assert.throws(
          () => new Decompressor(codec, buffer.byteLength).decompress(buffer, 'column "c": data buffer'),
          refusal(
            'request_invalid',
            `column "c": data buffer is not ${length.toString()} bytes of ${codec}: the frame holds ${holds} bytes`,
          ),
        );
      }
    });

    test('damaged frames are refused, never more than a refusal', () => {
      const frame = compressors[codec](sample(1_000));
      const random = makeRandom(11);
      for (let round = 0; round < 300; round++) {
        const copy = new Uint8Array(frame);
        const at = Math.floor(random() * copy.byteLength);
        copy[at] = (copy[at] ?? 0) ^ (1 << Math.floor(random() * 8));
        const buffer = stored(1_000, round % 3 === 0 ? copy.subarray(0, at) : copy);
        try {
          assert.equal(new Decompressor(codec, buffer.byteLength).decompress(buffer, 'b').byteLength, 1_000);
        } catch (error) {
          assert.ok(error instanceof Error && error.name === 'EngineError', String(error));
        }
      }
    });
  });
}

test('an LZ4 bomb is refused by a walk that writes nothing', () => {
  const frame = compressors.lz4(new Uint8Array(100_000_000));
  assert.equal(lz4FrameBytes(frame, 100_000_000), 100_000_000);
  assert.ok(lz4FrameBytes(frame, 1_000) > 1_000);
  assert.throws(
    () => new Decompressor('lz4', frame.byteLength).decompress(stored(1_000, frame), 'b'),
    refusal('request_invalid', 'b is not 1000 bytes of lz4: the frame holds more bytes'),
  );
});

test('a message that unfolds beyond all proportion is refused, small ones are not', () => {
  const zeros = stored(1_000_000, compressors.zstd(new Uint8Array(1_000_000)));
  const decompressor = new Decompressor('zstd', zeros.byteLength);
  assert.equal(decompressor.decompress(zeros, 'b').byteLength, 1_000_000);
  assert.throws(
    () => decompressor.decompress(stored(100_000_000, Uint8Array.of(1)), 'b'),
    refusal(
      'limit_exceeded',
      `b: the message unfolds to 101000000 bytes from ${zeros.byteLength.toString()} compressed ones`,
    ),
  );
  assert.throws(
    () => new Decompressor('zstd', 1e9).decompress(stored(2 ** 40, Uint8Array.of(1)), 'b'),
    refusal('limit_exceeded', 'b: the message unfolds to 1099511627776 bytes from 1000000000 compressed ones'),
  );
});

test('buffers without a length or with a negative one are refused', () => {
  const decompressor = new Decompressor('lz4', 100);
  assert.throws(
    () => decompressor.decompress(Uint8Array.of(1, 2), 'b'),
    refusal('request_invalid', 'b of 2 bytes has no length prefix'),
  );
  assert.throws(
    () => decompressor.decompress(stored(-2, Uint8Array.of(1)), 'b'),
    refusal('request_invalid', 'b declares -2 uncompressed bytes'),
  );
});
