/**
 * Damaged IPC streams: single-bit flips, overwritten words and cuts of small streams of every type.
 *
 * Invariant: whatever is damaged, reading ends in an EngineError or in batches that are valid, which is shown by
 * writing them again and reading every value. Strategy: one stream per sample type, damaged by seed, as often as
 * SHEAF_FUZZ_ROUNDS says (per type; small in the suite). A failure prints type and seed.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RecordBatch } from '../../src/arrow/batch.ts';
import { makeField, makeSchema } from '../../src/arrow/schema.ts';
import type { DataType } from '../../src/arrow/type.ts';
import { typeName } from '../../src/arrow/type.ts';
import { makeReader } from '../../src/arrow/value.ts';
import { EngineError } from '../../src/base/errors.ts';
import { readAll, streamBytes } from '../support/ipc.ts';
import { SAMPLE_TYPES, randomVector } from '../support/random-vector.ts';
import type { Random } from '../support/random.ts';
import { makeRandom } from '../support/random.ts';

const ROUNDS = Number(process.env['SHEAF_FUZZ_ROUNDS'] ?? 60);
/** Rows past which values are not looked at: a flipped row count may be large and still valid (null, run-end). */
const ROWS_READ_MAX = 1_000;

function sampleBatch(type: DataType): RecordBatch {
  const vector = randomVector(type, 20, makeRandom(7));
  return { schema: makeSchema([makeField('c', type)], [['k', 'v']]), rowCount: 20, columns: [vector] };
}

function damage(bytes: Uint8Array, random: Random): Uint8Array {
  const copy = new Uint8Array(bytes);
  const at = Math.floor(random() * copy.byteLength);
  const kind = random();
  if (kind < 0.7) copy[at] = (copy[at] ?? 0) ^ (1 << Math.floor(random() * 8));
  else if (kind < 0.8) return copy.subarray(0, at);
  else if (kind < 0.9) copy.fill(random() < 0.5 ? 0xff : 0, at, at + 4);
  else copy[at] = Math.floor(random() * 256);
  return copy;
}

/** Reads, reads every value, writes again. */
async function exercise(bytes: Uint8Array): Promise<'read' | 'refused'> {
  try {
    const { schema, batches } = await readAll(bytes);
    for (const batch of batches) {
      for (const column of batch.columns) {
        const read = makeReader(column);
        for (let row = 0; row < Math.min(column.length, ROWS_READ_MAX); row++) read(row);
      }
    }
    if (batches.every((batch) => batch.rowCount <= ROWS_READ_MAX)) await streamBytes(schema, batches);
    return 'read';
  } catch (error) {
    if (error instanceof EngineError) return 'refused';
    throw error;
  }
}

for (const type of SAMPLE_TYPES) {
  test(`damaged streams of ${typeName(type)} are refused or read as valid`, { timeout: 600_000 }, async () => {
    const batch = sampleBatch(type);
    const bytes = await streamBytes(batch.schema, [batch]);
    const outcomes = { read: 0, refused: 0 };
    for (let seed = 1; seed <= ROUNDS; seed++) {
      try {
        outcomes[await exercise(damage(bytes, makeRandom(seed)))]++;
      } catch (cause) {
        throw new Error(`seed ${seed.toString()} of ${typeName(type)} broke the reader`, { cause });
      }
    }
    assert.equal(outcomes.read + outcomes.refused, ROUNDS);
    assert.ok(outcomes.refused > 0, 'expected some damage to be seen');
  });
}

test('every single-bit flip of a stream of strings is refused or read as valid', async () => {
  const batch = sampleBatch({ id: 'utf8' });
  const bytes = await streamBytes(batch.schema, [batch]);
  for (let bit = 0; bit < bytes.byteLength * 8; bit++) {
    const copy = new Uint8Array(bytes);
    copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    await exercise(copy);
  }
});
