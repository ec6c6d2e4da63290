/**
 * Silent damage of segment files: no bit, length, block or file that changes behind the database's back gives a wrong
 * answer, a hang or a crash, and what is lost is named (damage.ts).
 *
 * SHEAF_DAMAGE_TYPES=all: every bit of a segment of every sample type, instead of one bit a byte of some and every
 * bit of one.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import type { RecordBatch } from '../../src/arrow/batch.ts';
import { makeField, makeSchema } from '../../src/arrow/schema.ts';
import type { Schema } from '../../src/arrow/schema.ts';
import { typeName } from '../../src/arrow/type.ts';
import { setLogLevel } from '../../src/base/log.ts';
import { SCHEMA, numbered } from '../storage/fixture.ts';
import { MemoryOs } from '../support/memory-os.ts';
import { makeRandom } from '../support/random.ts';
import { SAMPLE_TYPES, randomVector } from '../support/random-vector.ts';
import { report } from '../support/report.ts';
import { Sample } from './damage.ts';
import type { Damage, DamageCounts } from './damage.ts';
import { fastDirectory } from './workload.ts';

const ALL_TYPES = process.env['SHEAF_DAMAGE_TYPES'] === 'all';
const COMMAND = `${ALL_TYPES ? 'SHEAF_DAMAGE_TYPES=all ' : ''}npm run test:suite -- damage`;
const TABLES = 64;
const BLOCK_BYTES = 4_096;
const SEED = 11;
/** Types that the suite takes: a plain one, and the layouts with most to go wrong. */
const SUITE_TYPES = new Set(['utf8_view', 'dictionary', 'map']);

setLogLevel('silent');

function makeSample(t: TestContext, schema: Schema, batches: readonly RecordBatch[]): Promise<Sample> {
  return Sample.make(fastDirectory(t), new MemoryOs(), schema, batches, TABLES);
}

function flip(bit: number): Damage {
  return (bytes) => {
    bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    return bytes;
  };
}

function conclude(t: TestContext, id: string, what: string, unit: string, counts: readonly DamageCounts[]): void {
  const sum = (of: (one: DamageCounts) => number): number => counts.reduce((total, one) => total + of(one), 0);
  const failures = counts.flatMap((one) => one.failures);
  const [tried, found, harmless] = [sum((one) => one.tried), sum((one) => one.found), sum((one) => one.harmless)];
  const result =
    `${failures.length.toString()} silently wrong, stuck or unnamed ` +
    `(${found.toString()} found, ${harmless.toString()} in bytes that no read needs)`;
  t.diagnostic(`${tried.toString()} ${unit}: ${result}`);
  report({ id, what, command: COMMAND, count: tried, unit, result });
  assert.deepEqual(failures, []);
  assert.ok(tried > 0 && found > 0);
}

test(
  'every flipped bit of a sealed segment is found, or hits what no read needs',
  { timeout: 3_600_000 },
  async (t) => {
    const sample = await makeSample(t, SCHEMA, [numbered(0, 3), numbered(3, 3)]);
    const bits = Array.from({ length: sample.bytes.byteLength * 8 }, (_, bit) => flip(bit));
    const counts = [await sample.tryAll(bits, 'bit')];
    conclude(t, 'bit-flips', 'every bit of a sealed segment flipped (int64, float64, utf8)', 'bits', counts);
  },
);

test('flipped bits in segments of other types are found, too', { timeout: 3_600_000 }, async (t) => {
  const counts: DamageCounts[] = [];
  const random = makeRandom(SEED);
  const types = SAMPLE_TYPES.filter((type) => ALL_TYPES || SUITE_TYPES.has(type.id));
  for (const type of types) {
    const schema = makeSchema([makeField('x', type)]);
    const batch: RecordBatch = { schema, rowCount: 5, columns: [randomVector(type, 5, random)] };
    const sample = await makeSample(t, schema, [batch]);
    const step = ALL_TYPES ? 1 : 8;
    const bits = Array.from({ length: Math.floor((sample.bytes.byteLength * 8) / step) }, (_, i) =>
      flip(i * step + (ALL_TYPES ? 0 : Math.floor(random() * 8))),
    );
    counts.push(await sample.tryAll(bits, `${typeName(type)}, bit`));
  }
  t.diagnostic(`${types.length.toString()} types, seed ${SEED.toString()}`);
  const each = ALL_TYPES ? 'every bit' : 'a bit of every byte';
  conclude(t, 'bit-flips-types', `${each} of a segment of ${types.length.toString()} other types`, 'bits', counts);
});

test('a segment cut off at any length is found, or gets its end again', async (t) => {
  const sample = await makeSample(t, SCHEMA, [numbered(0, 3), numbered(3, 3)]);
  const cuts = Array.from(
    { length: sample.bytes.byteLength },
    (_, length): Damage =>
      (bytes) =>
        bytes.slice(0, length),
  );
  const counts = [await sample.tryAll(cuts, 'length')];
  conclude(t, 'truncations', 'a sealed segment cut off at every length', 'lengths', counts);
});

test('zeroed, doubled, swapped and misplaced blocks are found', async (t) => {
  const sample = await makeSample(t, SCHEMA, [numbered(0, 1_500), numbered(1_500, 1_500)]);
  const blocks = Math.floor(sample.bytes.byteLength / BLOCK_BYTES);
  const block = (bytes: Uint8Array, i: number): Uint8Array => bytes.slice(i * BLOCK_BYTES, (i + 1) * BLOCK_BYTES);
  const put =
    (at: number, make: (bytes: Uint8Array) => Uint8Array): Damage =>
    (bytes) => {
      bytes.set(make(bytes), at * BLOCK_BYTES);
      return bytes;
    };
  const damages: Damage[] = [];
  for (let i = 0; i < blocks; i++) {
    damages.push(put(i, () => new Uint8Array(BLOCK_BYTES)));
    for (let j = 0; j < blocks; j++) {
      if (i === j) continue;
      damages.push(put(i, (bytes) => block(bytes, j)));
      if (i < j) damages.push((bytes) => swapped(bytes, i, j));
    }
  }
  const other = await makeSample(t, SCHEMA, [numbered(10_000, 1_500), numbered(11_500, 1_500)]);
  for (let i = 0; i < blocks; i++) damages.push(put(i, () => block(other.bytes, i)));
  const counts = [await sample.tryAll(damages, 'block')];
  conclude(t, 'blocks', '4 KiB blocks zeroed, doubled, swapped, or those of another segment', 'blocks', counts);
});

function swapped(bytes: Uint8Array, i: number, j: number): Uint8Array {
  const first = bytes.slice(i * BLOCK_BYTES, (i + 1) * BLOCK_BYTES);
  bytes.copyWithin(i * BLOCK_BYTES, j * BLOCK_BYTES, (j + 1) * BLOCK_BYTES);
  bytes.set(first, j * BLOCK_BYTES);
  return bytes;
}

test("a missing file, an empty one, and another table's file in its place are found", async (t) => {
  const sample = await makeSample(t, SCHEMA, [numbered(0, 6)]);
  const alike = await makeSample(t, SCHEMA, [numbered(1_000_000, 6)]);
  const longer = await makeSample(t, SCHEMA, [numbered(50, 100)]);
  const damages: Damage[] = [
    () => undefined,
    () => new Uint8Array(0),
    () => alike.bytes.slice(),
    () => longer.bytes.slice(),
    (bytes) => new Uint8Array(bytes.byteLength),
    (bytes) => Buffer.alloc(bytes.byteLength, 0xff),
    (bytes) => Buffer.concat([bytes, bytes]),
  ];
  const counts = [await sample.tryAll(damages, 'file')];
  conclude(
    t,
    'files',
    "files missing, emptied, overwritten, doubled, or another table's in their place",
    'files',
    counts,
  );
});
