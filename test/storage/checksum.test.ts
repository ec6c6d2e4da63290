/**
 * Goal: a replay has the checksum of the first time, and other rows have another one.
 *
 * Method: random vectors of every type. The same rows are laid out anew: buffers padded with garbage and moved to odd
 * addresses, null slots and what lies behind them overwritten, batches cut elsewhere, runs split, dictionaries
 * shuffled. Then one value is changed, as the value reader sees it. Seeds are in the names of the failures.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RecordBatch } from '../../src/arrow/batch.ts';
import { makeField, makeSchema } from '../../src/arrow/schema.ts';
import { sliceBatch, sliceVector } from '../../src/arrow/slice.ts';
import { TYPE_TABLE, typeName } from '../../src/arrow/type.ts';
import type { DataType } from '../../src/arrow/type.ts';
import { makeReader } from '../../src/arrow/value.ts';
import { isPresent } from '../../src/arrow/vector.ts';
import type { Vector } from '../../src/arrow/vector.ts';
import { ContentChecksum } from '../../src/storage/checksum.ts';
import { bytesOf } from '../support/ipc.ts';
import { SAMPLE_TYPES, randomVector } from '../support/random-vector.ts';
import { makeRandom } from '../support/random.ts';
import type { Random } from '../support/random.ts';
import { FLOAT64, INT32, INT64, UTF8, batchOf, schemaOf } from '../support/sample.ts';

const SEEDS = 60;

function batchOfVector(vector: Vector): RecordBatch {
  return { schema: makeSchema([makeField('c', vector.type)]), rowCount: vector.length, columns: [vector] };
}

function checksum(...batches: readonly RecordBatch[]): string {
  const [first] = batches;
  assert.ok(first !== undefined);
  const sum = new ContentChecksum(first.schema);
  for (const batch of batches) sum.update(batch);
  return sum.digest();
}

/** The same bytes at an odd address with garbage around them. */
function moved(bytes: Uint8Array, random: Random): Uint8Array {
  if (bytes.byteLength === 0) return bytes;
  const before = 1 + Math.floor(random() * 9);
  const memory = Uint8Array.from({ length: before + bytes.byteLength + 9 }, () => Math.floor(random() * 256));
  memory.set(bytes, before);
  return memory.subarray(before, before + bytes.byteLength);
}

/** The same rows: null slots of fixed-width values filled with garbage, every buffer moved. */
function disturbed(vector: Vector, random: Random): Vector {
  const kinds = TYPE_TABLE[vector.type.id].buffers(vector.type);
  const width = TYPE_TABLE[vector.type.id].byteWidth(vector.type);
  const buffers = vector.buffers.map((buffer, i) => {
    const copy = new Uint8Array(buffer);
    const kind = kinds[i];
    if (kind === 'validity' && copy.byteLength > 0 && (vector.length & 7) !== 0) {
      const last = vector.length >> 3;
      copy[last] = (copy[last] ?? 0) | (0xff << (vector.length & 7));
    }
    for (let row = 0; row < vector.length; row++) {
      if (vector.nullCount === 0 || isPresent(vector, row)) continue;
      // An index must stay within its dictionary, a view within its buffers.
      if (kind === 'data') {
        const most = vector.type.id === 'dictionary' ? 7 : 256;
        for (let at = row * width; at < (row + 1) * width; at++) copy[at] = Math.floor(random() * most);
      } else if (kind === 'bits') copy[row >> 3] = (copy[row >> 3] ?? 0) ^ (1 << (row & 7));
      else if (kind === 'views') copy.set([3, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8], row * 16);
    }
    return moved(copy, random);
  });
  const children = vector.type.id === 'run_end' ? vector.children : hidden(vector, random);
  const dictionary = vector.dictionary === undefined ? undefined : disturbed(vector.dictionary, random);
  return { ...vector, buffers, children, dictionary };
}

/** Children, disturbed themselves; of a struct, the rows that its nulls hide get other values. */
function hidden(vector: Vector, random: Random): readonly Vector[] {
  return vector.children.map((child) => {
    const { id } = vector.type;
    if (id !== 'struct' || vector.nullCount === 0 || child.buffers.length !== 2) return disturbed(child, random);
    const width = TYPE_TABLE[child.type.id].byteWidth(child.type);
    const data = new Uint8Array(child.buffers[1] ?? []);
    for (let row = 0; row < vector.length && width > 0; row++) {
      if (!isPresent(vector, row)) data.fill(0xa5, row * width, (row + 1) * width);
    }
    return disturbed({ ...child, buffers: [child.buffers[0] ?? data, data] }, random);
  });
}

function cutAnywhere(batch: RecordBatch, random: Random): RecordBatch[] {
  const pieces: RecordBatch[] = [];
  for (let start = 0; start < batch.rowCount;) {
    const end = Math.min(batch.rowCount, start + 1 + Math.floor(random() * 20));
    pieces.push(sliceBatch(batch, start, end));
    start = end;
  }
  return pieces;
}

/** Every row as JSON, with bigint and bytes told apart. */
function rowTexts(vector: Vector): string[] {
  const read = makeReader(vector);
  return Array.from({ length: vector.length }, (_, row) => JSON.stringify(plain(read(row))));
}

function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return `${value.toString()}n`;
  if (typeof value === 'number') return Object.is(value, -0) ? '-0' : value.toString();
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  if (value instanceof Map) return [...(value as Map<unknown, unknown>)].map(plain);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === 'object' && value !== null) return Object.entries(value).map(plain);
  return value;
}

for (const type of SAMPLE_TYPES) {
  test(`the same rows of ${typeName(type)} have the same checksum, however they lie in memory and are cut`, () => {
    for (let seed = 1; seed <= SEEDS; seed++) {
      const random = makeRandom(seed);
      const vector = randomVector(type, 1 + Math.floor(random() * 70), random);
      const batch = batchOfVector(vector);
      const sum = checksum(batch);
      const where = `seed ${seed.toString()}`;
      assert.match(sum, /^[0-9a-f]{32}$/);
      assert.equal(checksum(batchOfVector(disturbed(vector, random))), sum, `${where}: disturbed`);
      assert.equal(checksum(batchOfVector(sliceVector(vector, 0, vector.length))), sum, `${where}: canonical`);
      assert.equal(checksum(...cutAnywhere(batch, random)), sum, `${where}: cut`);
      const pieces = cutAnywhere(batchOfVector(disturbed(vector, random)), random);
      assert.equal(checksum(...pieces), sum, `${where}: disturbed and cut`);
    }
  });

  if (type.id === 'null') continue;
  test(`other rows of ${typeName(type)} have another checksum`, () => {
    let compared = 0;
    for (let seed = 1; seed <= SEEDS; seed++) {
      const random = makeRandom(seed);
      const length = 1 + Math.floor(random() * 30);
      const [a, b] = [randomVector(type, length, random), randomVector(type, length, random)];
      // One row of `a` replaced by one of `b`: cut and joined as three batches of an append.
      const row = Math.floor(random() * length);
      const [left, right] = [rowTexts(a), rowTexts(b)];
      if (left[row] === right[row]) continue;
      compared++;
      const whole = batchOfVector(a);
      const pieces = [
        sliceBatch(whole, 0, row),
        batchOfVector(sliceVector(b, row, row + 1)),
        sliceBatch(whole, row + 1, length),
      ];
      assert.notEqual(checksum(...pieces), checksum(whole), `seed ${seed.toString()}, row ${row.toString()}`);
    }
    assert.ok(compared > SEEDS / 3, `${compared.toString()} pairs differed`);
  });
}

test('the order of rows, their number, names and types of columns count', () => {
  const schema = schemaOf({ a: INT64 });
  const sum = checksum(batchOf(schema, [[1, 2, 3]]));
  assert.notEqual(checksum(batchOf(schema, [[1, 3, 2]])), sum);
  assert.notEqual(checksum(batchOf(schema, [[1, 2, 3, null]])), checksum(batchOf(schema, [[1, 2, 3, 0]])));
  assert.notEqual(checksum(batchOf(schemaOf({ b: INT64 }), [[1, 2, 3]])), sum);
  assert.notEqual(checksum(batchOf(schemaOf({ a: FLOAT64 }), [[0, 0]])), checksum(batchOf(schema, [[0, 0]])));
  assert.notEqual(checksum(batchOf(schemaOf({ a: INT32 }), [[1, 0]])), checksum(batchOf(schema, [[1]])));
  assert.notEqual(
    checksum(batchOf(schemaOf({ a: UTF8 }), [['ab', 'c']])),
    checksum(batchOf(schemaOf({ a: UTF8 }), [['a', 'bc']])),
  );
  const nothing: DataType = { id: 'null' };
  const rows = (length: number): RecordBatch => batchOfVector(randomVector(nothing, length, makeRandom(1)));
  assert.notEqual(checksum(rows(3)), checksum(rows(4)));
});

test('columns that swap a value, and values that swap their columns, differ', () => {
  const schema = schemaOf({ a: INT64, b: INT64 });
  const sum = checksum(batchOf(schema, [[1], [2]]));
  assert.notEqual(checksum(batchOf(schema, [[2], [1]])), sum);
});

test('nothing that is sent first makes a column longer than another: streams are told apart by their length', () => {
  const schema = schemaOf({ a: UTF8, b: UTF8 });
  const long = 'x'.repeat(40_000);
  const one = batchOf(schema, [[long], ['']]);
  const other = batchOf(schema, [[''], [long]]);
  assert.notEqual(checksum(one), checksum(other));
});

test('long columns have one checksum too, whatever is gathered and hashed at once', () => {
  const random = makeRandom(7);
  const schema = schemaOf({ id: INT64, text: UTF8 });
  const rows = 50_000;
  const ids = Array.from({ length: rows }, () => (random() < 0.1 ? null : Math.floor(random() * 1e9)));
  const texts = ids.map((id) => (id === null ? null : `text ${id.toString()}`));
  const whole = batchOf(schema, [ids, texts]);
  const sum = checksum(whole);
  for (const step of [1_000, 4_096, 33_333]) {
    const pieces: RecordBatch[] = [];
    for (let start = 0; start < rows; start += step)
      pieces.push(sliceBatch(whole, start, Math.min(rows, start + step)));
    assert.equal(checksum(...pieces), sum);
  }
  const [first = 0] = ids.filter((id) => id !== null);
  const at = ids.indexOf(first);
  const changed = batchOf(schema, [ids.with(at, first + 1), texts]);
  assert.notEqual(checksum(changed), sum);
});

const CODES: DataType = {
  id: 'dictionary',
  index: { id: 'int', bitWidth: 32, signed: true },
  value: UTF8,
  ordered: false,
  dictionaryId: 0n,
};

function encoded(values: readonly string[], indices: readonly number[]): RecordBatch {
  const [dictionary] = batchOf(schemaOf({ v: UTF8 }), [values]).columns;
  const buffers = [new Uint8Array(0), bytesOf(Int32Array.from(indices))];
  return batchOfVector({ type: CODES, length: indices.length, nullCount: 0, buffers, children: [], dictionary });
}

test('a dictionary counts by its values in the rows: order, unused ones and replacements do not', () => {
  const sum = checksum(encoded(['a', 'b', 'c'], [0, 1, 0, 2]));
  assert.equal(checksum(encoded(['c', 'b', 'unused', 'a'], [3, 1, 3, 0])), sum);
  assert.equal(checksum(encoded(['a', 'b'], [0, 1]), encoded(['c', 'a'], [1, 0])), sum);
  assert.notEqual(checksum(encoded(['a', 'b', 'd'], [0, 1, 0, 2])), sum);
  assert.notEqual(checksum(encoded(['a', 'b', 'c'], [0, 1, 1, 2])), sum);
});

test('runs count by their rows: where they are split does not', () => {
  const type: DataType = {
    id: 'run_end',
    runEnds: makeField('run_ends', INT32, false),
    values: makeField('values', UTF8),
  };
  const runs = (ends: readonly number[], texts: readonly string[]): RecordBatch => {
    const [values] = batchOf(schemaOf({ v: UTF8 }), [texts]).columns;
    const [runEnds] = batchOf(schemaOf({ e: INT32 }), [ends]).columns;
    assert.ok(values !== undefined && runEnds !== undefined);
    const children = [runEnds, values];
    return batchOfVector({
      type,
      length: ends.at(-1) ?? 0,
      nullCount: 0,
      buffers: [],
      children,
      dictionary: undefined,
    });
  };
  const sum = checksum(runs([3, 5], ['a', 'b']));
  assert.equal(checksum(runs([1, 3, 4, 5], ['a', 'a', 'b', 'b'])), sum);
  assert.notEqual(checksum(runs([2, 5], ['a', 'b'])), sum);
});
