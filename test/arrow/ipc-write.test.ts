/**
 * Goal: cutting and encoding copy nothing that they need not, keep within their bounds, and send each dictionary once.
 * That values survive is shown in properties.test.ts.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { RecordBatch } from '../../src/arrow/batch.ts';
import { buildVector } from '../../src/arrow/build.ts';
import { readMessageHead, readDictionaryHead } from '../../src/arrow/ipc-header.ts';
import { DictionaryWriter, cutRanges, encodeBatch } from '../../src/arrow/ipc-write.ts';
import { makeField, makeSchema } from '../../src/arrow/schema.ts';
import { sliceVector } from '../../src/arrow/slice.ts';
import type { DataType } from '../../src/arrow/type.ts';
import { makeReader } from '../../src/arrow/value.ts';
import type { Vector } from '../../src/arrow/vector.ts';
import { makeVector } from '../../src/arrow/vector.ts';
import { bodyOf, bytesOf } from '../support/ipc.ts';

const INT64: DataType = { id: 'int', bitWidth: 64, signed: true };
const UTF8: DataType = { id: 'utf8' };
const VIEW: DataType = { id: 'utf8_view' };

function one(vector: Vector): RecordBatch {
  return { schema: makeSchema([makeField('c', vector.type)]), rowCount: vector.length, columns: [vector] };
}

function longs(count: number, validity?: Uint8Array): RecordBatch {
  const values = bytesOf(BigInt64Array.from({ length: count }, (_, i) => BigInt(i)));
  return one(makeVector(INT64, count, validity, validity === undefined ? 0 : count / 2, [values]));
}

describe('cutting', () => {
  test('no rows give one empty range', () => {
    assert.deepEqual(cutRanges(longs(0), 100, 100), [{ start: 0, end: 0 }]);
  });

  test('ranges end at multiples of 64 rows, so that bitmaps need no shift', () => {
    const ranges = cutRanges(longs(1_000, new Uint8Array(125).fill(0x55)), 1_000, 1_000);
    assert.ok(ranges.slice(0, -1).every((range) => range.end % 64 === 0));
    assert.equal(ranges.length, 15);
  });

  test('a row that is larger than the bound stands alone', () => {
    const texts = buildVector(UTF8, ['a', 'b'.repeat(5_000), 'c', 'd']);
    assert.deepEqual(cutRanges(one(texts), 100, 1_000), [
      { start: 0, end: 1 },
      { start: 1, end: 2 },
      { start: 2, end: 4 },
    ]);
  });

  test('a batch without columns is cut by rows alone', () => {
    assert.equal(cutRanges({ schema: makeSchema([]), rowCount: 250, columns: [] }, 100, 1).length, 3);
  });
});

describe('encoding', () => {
  test('fixed-width columns cut at multiples of 8 rows are views on the batch, validity included', () => {
    const batch = longs(100_000, new Uint8Array(12_500).fill(0x55));
    const memory = new Set(batch.columns[0]?.buffers.map((buffer) => buffer.buffer));
    const message = encodeBatch(batch, { start: 65_536, end: 98_304 });
    const copied = message.body.filter((part) => !memory.has(part.buffer));
    assert.equal(
      copied.reduce((total, part) => total + part.byteLength, 0),
      0,
    );
    assert.equal(message.bodyBytes, 32_768 * 8 + 4_096);
  });

  test('padding and bits past the last row are zero', () => {
    const batch = longs(16, new Uint8Array(2).fill(0x55));
    const body = bodyOf(encodeBatch(batch, { start: 0, end: 3 }));
    assert.equal(body[0], 0b101);
    assert.ok(body.subarray(1, 64).every((byte) => byte === 0));
    assert.ok(body.subarray(64 + 24).every((byte) => byte === 0));
  });

  test('views that lie in order keep windows of their buffers, without a copy', () => {
    const data = Buffer.from(
      Array.from({ length: 100 }, (_, i) => `a value of some length ${i.toString().padStart(3)}`).join(''),
    );
    const words = new Int32Array(400);
    for (let i = 0; i < 100; i++) words.set([26, data.readInt32LE(26 * i), 0, 26 * i], 4 * i);
    const vector = makeVector(VIEW, 100, undefined, 0, [bytesOf(words), new Uint8Array(data)]);
    const slice = sliceVector(vector, 10, 20);
    assert.equal(slice.buffers[2]?.byteLength, 260);
    assert.equal(slice.buffers[2]?.buffer, vector.buffers[2]?.buffer);
    assert.equal(makeReader(slice)(9), 'a value of some length  19');
  });

  test('views far apart are gathered, and buffers that no row uses are left out', () => {
    const words = new Int32Array(12);
    const data = Buffer.alloc(10_000, 'x');
    words.set([20, data.readInt32LE(0), 1, 0], 0);
    words.set([1, 0x79, 0, 0], 4);
    words.set([20, data.readInt32LE(0), 1, 9_980], 8);
    const vector = makeVector(VIEW, 3, undefined, 0, [bytesOf(words), new Uint8Array(50), new Uint8Array(data)]);
    assert.deepEqual(
      sliceVector(vector, 0, 3)
        .buffers.slice(2)
        .map((buffer) => buffer.byteLength),
      [40],
    );
    assert.deepEqual(sliceVector(vector, 1, 2).buffers.slice(2), []);
  });

  test('a null row of views leaves no bytes behind', () => {
    const words = Int32Array.of(5, 0x61616161, 0x61, 0, 20, 1, 7, 7);
    const vector = makeVector(VIEW, 2, Uint8Array.of(1), 1, [bytesOf(words)]);
    assert.deepEqual(
      [...(sliceVector(vector, 0, 2).buffers[1] ?? [])].slice(16),
      Array.from({ length: 16 }, () => 0),
    );
  });
});

describe('dictionaries', () => {
  const type = (value: DataType, dictionaryId: bigint): DataType => {
    return { id: 'dictionary', index: { id: 'int', bitWidth: 8, signed: true }, value, ordered: false, dictionaryId };
  };
  const encoded = (of: DataType, values: Vector): Vector => {
    const indices = Uint8Array.from({ length: values.length }, (_, i) => i);
    return {
      type: of,
      length: values.length,
      nullCount: 0,
      buffers: [new Uint8Array(0), indices],
      children: [],
      dictionary: values,
    };
  };
  const texts = (...values: string[]): Vector => buildVector(UTF8, values);

  function sent(writer: DictionaryWriter, batch: RecordBatch): string[] {
    return writer.messages(batch).map((message) => {
      const head = readDictionaryHead(readMessageHead(message.header).table);
      return `${head.dictionaryId.toString()} ${head.delta ? 'delta' : 'whole'} ${head.batch.rowCount.toString()}`;
    });
  }

  test('a dictionary is sent whole, as a delta when it grew, again when it changed, not when it is the same', () => {
    const of = type(UTF8, 5n);
    const batch = (values: Vector): RecordBatch => one(encoded(of, values));
    const writer = new DictionaryWriter(makeSchema([makeField('c', of)]));
    const first = texts('a', 'b');
    assert.equal(writer.change(batch(first)), 'delta');
    assert.deepEqual(sent(writer, batch(first)), ['5 whole 2']);
    assert.deepEqual(sent(writer, batch(first)), []);
    assert.deepEqual(sent(writer, batch(texts('a', 'b'))), []);
    assert.equal(writer.change(batch(texts('a', 'b', 'c'))), 'delta');
    assert.deepEqual(sent(writer, batch(texts('a', 'b', 'c'))), ['5 delta 1']);
    assert.equal(writer.change(batch(texts('a', 'b'))), 'replace');
    assert.deepEqual(sent(writer, batch(texts('a', 'x', 'c', 'd'))), ['5 whole 4']);
    assert.equal(writer.change(batch(texts('a', 'x', 'c', 'd'))), 'none');
  });

  test('a nested dictionary comes first, and takes the outer one along when it is replaced', () => {
    const inner = type(UTF8, 2n);
    const record: DataType = { id: 'struct', children: [makeField('x', inner)] };
    const outer = type(record, 1n);
    const batch = (values: Vector): RecordBatch => {
      const child = encoded(inner, values);
      const struct: Vector = {
        type: record,
        length: child.length,
        nullCount: 0,
        buffers: [new Uint8Array(0)],
        children: [child],
        dictionary: undefined,
      };
      return one(encoded(outer, struct));
    };
    const writer = new DictionaryWriter(makeSchema([makeField('c', outer)]));
    assert.deepEqual(sent(writer, batch(texts('a', 'b'))), ['2 whole 2', '1 whole 2']);
    assert.deepEqual(sent(writer, batch(texts('a', 'b', 'c'))), ['2 delta 1', '1 delta 1']);
    assert.deepEqual(sent(writer, batch(texts('z', 'b', 'c'))), ['2 whole 3', '1 whole 3']);
  });
});
