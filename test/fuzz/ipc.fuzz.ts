/**
 * Damaged IPC streams: blind damage to small streams of every type, and damage by structure: known fields of the
 * flatbuffers changed, messages left out, repeated and swapped, bodies damaged, with dictionaries, deltas,
 * compression and nesting.
 *
 * Invariant: whatever is damaged, reading ends soon, in an EngineError or in batches that are valid, which is shown
 * by reading every value, writing them again, and reading the same values from what was written.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import type { RecordBatch } from '../../src/arrow/batch.ts';
import { makeField, makeSchema } from '../../src/arrow/schema.ts';
import { encodeSchema } from '../../src/arrow/ipc-schema.ts';
import { encodeBatch } from '../../src/arrow/ipc-write.ts';
import type { DataType } from '../../src/arrow/type.ts';
import { typeName } from '../../src/arrow/type.ts';
import { makeReader } from '../../src/arrow/value.ts';
import { EngineError } from '../../src/base/errors.ts';
import { COLUMNS_MAX, TYPE_DEPTH_MAX } from '../../src/base/limits.ts';
import { readAll, streamBytes } from '../support/ipc.ts';
import { SAMPLE_TYPES, randomVector } from '../support/random-vector.ts';
import { makeRandom } from '../support/random.ts';
import type { Random } from '../support/random.ts';
import { changeHeader, damage, headerPlaces } from './mutation.ts';
import { below, fuzz } from './rounds.ts';
import { compressed, dictionaryMessages, randomMessages, streamOf } from './samples.ts';
import type { FlatMessage } from './samples.ts';

/** Rows past which values are not looked at: a flipped row count may be large and still valid (null, run-end). */
const ROWS_READ_MAX = 1_000;
/** Within which the smallest of streams is read or refused, whatever it says. */
const ROUND_MS_MAX = 5_000;

function sampleBatch(type: DataType): RecordBatch {
  const vector = randomVector(type, 20, makeRandom(7));
  return { schema: makeSchema([makeField('c', type)], [['k', 'v']]), rowCount: 20, columns: [vector] };
}

function valuesOf(batches: readonly RecordBatch[]): unknown[] {
  return batches.flatMap((batch) =>
    batch.columns.map((column) => {
      const read = makeReader(column);
      return Array.from({ length: Math.min(column.length, ROWS_READ_MAX) }, (_, row) => read(row));
    }),
  );
}

/** Reads, reads every value, writes again, reads that. */
async function exercise(bytes: Uint8Array): Promise<'read' | 'refused'> {
  const started = performance.now();
  const outcome = await readAndWrite(bytes);
  const elapsed = performance.now() - started;
  assert.ok(elapsed < ROUND_MS_MAX, `took ${elapsed.toFixed(0)} ms`);
  return outcome;
}

async function readAndWrite(bytes: Uint8Array): Promise<'read' | 'refused'> {
  let found;
  try {
    found = await readAll(bytes);
  } catch (error) {
    if (error instanceof EngineError) return 'refused';
    throw error;
  }
  const { schema, batches } = found;
  const values = valuesOf(batches);
  if (!batches.every((batch) => batch.rowCount <= ROWS_READ_MAX)) return 'read';
  const again = await readAll(await streamBytes(schema, batches));
  // Empty batches may be left out, and rows may be cut; here neither happens.
  assert.ok(isDeepStrictEqual(valuesOf(again.batches), values), 'what was read differs once it is written and read');
  return 'read';
}

test('damaged streams of every type are refused or read as valid', async (t) => {
  const streams: Uint8Array[] = [];
  for (const type of SAMPLE_TYPES) {
    const batch = sampleBatch(type);
    streams.push(await streamBytes(batch.schema, [batch]));
  }
  const outcomes = { read: 0, refused: 0 };
  await fuzz(t, 'ipc types', 60, async (random, seed) => {
    for (const [i, bytes] of streams.entries()) {
      try {
        outcomes[await exercise(damage(bytes, i === 0 ? random : makeRandom(seed + i * 65_537)))]++;
      } catch (cause) {
        throw new Error(`by ${typeName(SAMPLE_TYPES[i] as DataType)}`, { cause });
      }
    }
  });
  assert.ok(outcomes.refused > 0, 'expected some damage to be seen');
});

/** One or two messages changed, or the order of all. */
function derange(messages: readonly FlatMessage[], random: Random): readonly FlatMessage[] {
  const list = [...messages];
  const kind = random();
  const at = below(random, list.length);
  if (kind < 0.1) list.splice(at, 1);
  else if (kind < 0.2) list.splice(below(random, list.length + 1), 0, list[at] as FlatMessage);
  else if (kind < 0.25) list.push(...list.splice(at, 1));
  else {
    for (let changes = 1 + below(random, 2); changes > 0; changes--) {
      const index = random() < 0.5 ? at : below(random, list.length);
      const { header, body } = list[index] as FlatMessage;
      if (kind < 0.85 || body.byteLength === 0) list[index] = { header: changeHeader(header, random), body };
      else list[index] = { header, body: damage(body, random) };
    }
  }
  return list;
}

async function derangeAndRead(messages: readonly FlatMessage[], random: Random): Promise<'read' | 'refused'> {
  return exercise(streamOf(derange(messages, random)));
}

test('streams of nested types whose header fields lie are refused or read as valid', async (t) => {
  const outcomes = { read: 0, refused: 0 };
  await fuzz(t, 'ipc nested', 700, async (random) => {
    const messages = randomMessages(random);
    assert.equal(await exercise(streamOf(messages)), 'read', 'the undamaged stream is valid');
    outcomes[await derangeAndRead(messages, random)]++;
  });
  t.diagnostic(`read ${outcomes.read.toString()}, refused ${outcomes.refused.toString()}`);
});

test('dictionaries and deltas whose header fields lie are refused or read as valid', async (t) => {
  const messages = dictionaryMessages();
  assert.equal(messages.length, 10);
  assert.equal(await exercise(streamOf(messages)), 'read');
  await fuzz(t, 'ipc dictionaries', 800, async (random) => {
    await derangeAndRead(messages, random);
  });
});

for (const codec of ['lz4', 'zstd'] as const) {
  test(`${codec} bodies that are damaged or lie are refused or read as valid`, async (t) => {
    await fuzz(t, `ipc ${codec}`, 150, async (random) => {
      const messages = await compressed(randomMessages(random), codec);
      assert.equal(await exercise(streamOf(messages)), 'read', 'the undamaged stream is valid');
      await derangeAndRead(messages, random);
    });
  });
}

test('nesting and columns are accepted up to their limits and refused beyond, also far beyond', async () => {
  const nested = (depth: number): Uint8Array => {
    let type: DataType = { id: 'bool' };
    for (let level = 1; level < depth; level++) type = { id: 'list', child: makeField('item', type) };
    return encodeSchema(makeSchema([makeField('c', type)])).header;
  };
  const columns = (count: number): Uint8Array =>
    encodeSchema(makeSchema(Array.from({ length: count }, (_, i) => makeField(i.toString(), { id: 'bool' })))).header;
  const verdict = (header: Uint8Array): Promise<string> => exercise(streamOf([{ header, body: new Uint8Array(0) }]));
  for (const depth of [1, TYPE_DEPTH_MAX]) assert.equal(await verdict(nested(depth)), 'read');
  for (const depth of [TYPE_DEPTH_MAX + 1, 1_000]) assert.equal(await verdict(nested(depth)), 'refused');
  for (const count of [0, COLUMNS_MAX]) assert.equal(await verdict(columns(count)), 'read');
  for (const count of [COLUMNS_MAX + 1, 100_000]) assert.equal(await verdict(columns(count)), 'refused');
});

test('the walk that changes fields knows the fields of every message', () => {
  const [schema, batch] = [sampleBatch({ id: 'utf8' }), sampleBatch({ id: 'utf8_view' })];
  assert.ok(headerPlaces(encodeSchema(schema.schema).header) > 40);
  assert.ok(headerPlaces(encodeBatch(batch).header) > 30);
});

test('every single-bit flip of a stream of strings is refused or read as valid', async () => {
  const batch = sampleBatch({ id: 'utf8' });
  const bytes = await streamBytes(batch.schema, [batch]);
  for (let bit = 0; bit < bytes.byteLength * 8; bit++) {
    const copy = new Uint8Array(bytes);
    copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    await exercise(copy);
  }
});
