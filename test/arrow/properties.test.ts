/**
 * Goal: slicing, joining, cutting and encoding change no value, whatever the type and wherever the cut.
 * Method: random valid vectors by seed; values are compared through value.ts. A failure names its seed.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RecordBatch } from '../../src/arrow/batch.ts';
import { joinVectors } from '../../src/arrow/concat.ts';
import { BatchReader } from '../../src/arrow/ipc-read.ts';
import { DictionaryWriter, cutRanges, encodeBatch, rangeBytes } from '../../src/arrow/ipc-write.ts';
import { makeField, makeSchema } from '../../src/arrow/schema.ts';
import { sliceVector } from '../../src/arrow/slice.ts';
import type { DataType } from '../../src/arrow/type.ts';
import { typeName } from '../../src/arrow/type.ts';
import { makeReader } from '../../src/arrow/value.ts';
import type { Value } from '../../src/arrow/value.ts';
import type { Vector } from '../../src/arrow/vector.ts';
import { bodyOf } from '../support/ipc.ts';
import { SAMPLE_TYPES, randomVector } from '../support/random-vector.ts';
import { makeRandom } from '../support/random.ts';

const SEEDS = [1, 2, 3, 4, 5, 6, 7, 8];

function valuesOf(vector: Vector): Value[] {
  const read = makeReader(vector);
  return Array.from({ length: vector.length }, (_, row) => read(row));
}

function batchOf(vector: Vector): RecordBatch {
  return { schema: makeSchema([makeField('c', vector.type)]), rowCount: vector.length, columns: [vector] };
}

/** Encodes rows of a batch and reads them as bytes from outside. */
function throughMessage(batch: RecordBatch, start: number, end: number): Vector {
  const reader = new BatchReader(batch.schema, { trusted: false });
  for (const message of new DictionaryWriter(batch.schema).messages(batch))
    reader.read(message.header, bodyOf(message));
  const message = encodeBatch(batch, { start, end });
  const column = reader.read(message.header, bodyOf(message))?.columns[0];
  assert.ok(column !== undefined);
  return column;
}

function forEachSample(check: (vector: Vector, random: () => number, what: string) => void): void {
  for (const type of SAMPLE_TYPES) {
    for (const seed of SEEDS) {
      const random = makeRandom(seed);
      check(
        randomVector(type, Math.floor(random() * 90), random),
        random,
        `${typeName(type)}, seed ${seed.toString()}`,
      );
    }
  }
}

test('a slice has the values of its rows', () => {
  forEachSample((vector, random, what) => {
    const start = Math.floor(random() * (vector.length + 1));
    const end = start + Math.floor(random() * (vector.length - start + 1));
    assert.deepEqual(valuesOf(sliceVector(vector, start, end)), valuesOf(vector).slice(start, end), what);
  });
});

test('slices joined again have the values of the whole', () => {
  forEachSample((vector, random, what) => {
    const cut = Math.floor(random() * (vector.length + 1));
    const parts = [sliceVector(vector, 0, cut), sliceVector(vector, cut, vector.length)];
    const joined = joinVectors([...parts, vector]);
    assert.deepEqual(valuesOf(joined), [...valuesOf(vector), ...valuesOf(vector)], what);
  });
});

test('rows that went through a message are the same, and pass validation', () => {
  forEachSample((vector, random, what) => {
    const batch = batchOf(vector);
    const start = Math.floor(random() * (vector.length + 1));
    const expected = valuesOf(vector);
    assert.deepEqual(valuesOf(throughMessage(batch, 0, vector.length)), expected, what);
    assert.deepEqual(valuesOf(throughMessage(batch, start, vector.length)), expected.slice(start), what);
  });
});

test('vectors with different dictionaries join into one whose values are the same', () => {
  const type: DataType = {
    id: 'dictionary',
    index: { id: 'int', bitWidth: 8, signed: true },
    value: { id: 'utf8' },
    ordered: false,
    dictionaryId: 0n,
  };
  for (const seed of SEEDS) {
    const random = makeRandom(seed);
    const parts: Vector[] = [5, 0, 9].map((length) => randomVector(type, length, random));
    const joined = joinVectors(parts);
    assert.deepEqual(valuesOf(joined), parts.flatMap(valuesOf), `seed ${seed.toString()}`);
    assert.equal(joined.dictionary?.length, 21);
  }
});

test('ranges cover every row once, and no estimate is below what is written', () => {
  forEachSample((vector, random, what) => {
    const batch = batchOf(vector);
    const rowsMax = 1 + Math.floor(random() * 20);
    const ranges = cutRanges(batch, rowsMax, 600);
    assert.equal(ranges[0]?.start, 0);
    assert.equal(ranges.at(-1)?.end, vector.length);
    ranges.forEach((range, i) => {
      if (i > 0) assert.equal(range.start, ranges[i - 1]?.end, what);
      const written = encodeBatch(batch, range).bodyBytes;
      const estimate = rangeBytes(batch, range.start, range.end);
      assert.ok(written <= estimate, `${what}: ${written.toString()} bytes, estimate ${estimate.toString()}`);
      assert.ok(range.end - range.start <= rowsMax, what);
      assert.ok(estimate <= 600 || range.end - range.start === 1, what);
    });
  });
});

test('the same rows give the same bytes, padded with zeros to 64', () => {
  forEachSample((vector, _random, what) => {
    const batch = batchOf(vector);
    const [a, b] = [encodeBatch(batch), encodeBatch(batch)];
    assert.deepEqual([a.header, bodyOf(a)], [b.header, bodyOf(b)], what);
    assert.equal(a.bodyBytes % 64, 0, what);
    assert.equal((8 + a.header.byteLength) % 64, 0, what);
    assert.equal(bodyOf(a).byteLength, a.bodyBytes, what);
  });
});
