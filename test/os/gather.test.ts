/** Short counts: a disk that takes less than it is given, played by functions. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WRITE_PARTS_MAX } from '../../src/base/limits.ts';
import { readFully, writeFully } from '../../src/os/gather.ts';
import { makeRandom } from '../support/random.ts';
import { refusal } from '../support/refusal.ts';

/** A disk that takes at most `most()` bytes a call. */
function shortDisk(most: () => number) {
  const content = new Uint8Array(100_000);
  const calls: number[] = [];
  const write = async (parts: Uint8Array[], position: number) => {
    calls.push(parts.length);
    let left = most();
    let at = position;
    for (const part of parts) {
      const taken = part.subarray(0, left);
      content.set(taken, at);
      at += taken.byteLength;
      left -= taken.byteLength;
    }
    return at - position;
  };
  const read = async (target: Uint8Array, offset: number, length: number, position: number) => {
    const bytes = content.subarray(position, position + Math.min(length, most()));
    target.set(bytes, offset);
    return bytes.byteLength;
  };
  return { content, calls, write, read };
}

function numbered(lengths: readonly number[]): Uint8Array[] {
  let next = 1;
  return lengths.map((length) => Uint8Array.from({ length }, () => next++ % 251));
}

test('a write of several parts goes on after short counts until every byte is taken', async () => {
  for (let seed = 1; seed <= 200; seed++) {
    const random = makeRandom(seed);
    const lengths = Array.from({ length: Math.floor(random() * 12) }, () => Math.floor(random() * random() * 400));
    const parts = numbered(lengths);
    const disk = shortDisk(() => 1 + Math.floor(random() * 97));
    await writeFully(disk.write, 'x', parts, 1_000);
    const expected = new Uint8Array(100_000);
    expected.set(Buffer.concat(parts), 1_000);
    assert.deepEqual(disk.content, expected, `seed ${seed}`);
    const length = Buffer.concat(parts).byteLength;
    assert.deepEqual(
      await readFully(disk.read, 'x', length, 1_000),
      expected.slice(1_000, 1_000 + length),
      `seed ${seed}`,
    );
  }
});

test('a write of more parts than the kernel takes at once is cut into several calls', async () => {
  const disk = shortDisk(() => 1_000_000);
  const parts = numbered(Array.from({ length: 2 * WRITE_PARTS_MAX + 1 }, () => 3));
  await writeFully(disk.write, 'x', parts, 0);
  assert.deepEqual(disk.calls, [WRITE_PARTS_MAX, WRITE_PARTS_MAX, 1]);
  assert.deepEqual(disk.content.subarray(0, parts.length * 3), new Uint8Array(Buffer.concat(parts)));
});

test('a write of empty parts, or of none, asks nothing of the disk', async () => {
  const disk = shortDisk(() => 10);
  await writeFully(disk.write, 'x', [], 0);
  await writeFully(disk.write, 'x', [new Uint8Array(0), new Uint8Array(0)], 0);
  assert.deepEqual(disk.calls, []);
});

test('a write that makes no progress fails instead of looping', async () => {
  let calls = 0;
  const stuck = async () => (calls++ === 0 ? 3 : 0);
  await assert.rejects(
    writeFully(stuck, 'a.arrow', numbered([10]), 7),
    refusal(
      'io_error',
      'cannot write to a.arrow: none of 7 bytes at 10 were taken, and no error was given; check the disk',
    ),
  );
});
