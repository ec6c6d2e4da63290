/**
 * Goal: schemas come through unchanged, and damaged or hostile ones are refused by name. Round trips through pyarrow
 * are in round-trip.test.ts. Wrong schemas are made by writing types that our own type system forbids.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Builder } from 'flatbuffers';
import { finishMessage } from '../../src/arrow/ipc-header.ts';
import { decodeSchema, encodeSchema, messagePrefix, numberDictionaries } from '../../src/arrow/ipc-schema.ts';
import { makeField, makeSchema } from '../../src/arrow/schema.ts';
import type { Schema } from '../../src/arrow/schema.ts';
import type { DataType } from '../../src/arrow/type.ts';
import { SAMPLE_TYPES } from '../support/random-vector.ts';
import { refusal } from '../support/refusal.ts';

const INT32: DataType = { id: 'int', bitWidth: 32, signed: true };

function throughBytes(schema: Schema): Schema {
  return decodeSchema(encodeSchema(schema).header);
}

/** A type as no caller could write it. */
function wrong(type: Record<string, unknown>): DataType {
  return type as unknown as DataType;
}

function nested(depth: number): DataType {
  let type: DataType = INT32;
  for (let i = 1; i < depth; i++) type = { id: 'list', child: makeField('item', type) };
  return type;
}

describe('schemas that come through unchanged', () => {
  test('every type, with names, nullability and metadata in order and repeated', () => {
    const metadata: [string, string][] = [
      ['z', '1'],
      ['a', 'ü'],
      ['z', '2'],
      ['', ''],
    ];
    const fields = SAMPLE_TYPES.map((type, i) => makeField(i === 3 ? '' : 'näme', type, i % 2 === 0, metadata));
    assert.deepEqual(throughBytes(makeSchema(fields, metadata)), makeSchema(fields, metadata));
  });

  test('no fields, and as many as are allowed', () => {
    assert.deepEqual(throughBytes(makeSchema([])), makeSchema([]));
    const many = makeSchema(Array.from({ length: 10_000 }, (_, i) => makeField(`c${i.toString()}`, INT32)));
    assert.deepEqual(throughBytes(many), many);
  });

  test('the deepest nesting that is allowed', () => {
    const schema = makeSchema([makeField('c', nested(64))]);
    assert.deepEqual(throughBytes(schema), schema);
  });

  test('a dictionary id beyond 53 bits', () => {
    const index = { id: 'int', bitWidth: 16, signed: false } as const;
    const type: DataType = { id: 'dictionary', index, value: INT32, ordered: true, dictionaryId: -(2n ** 62n) - 1n };
    assert.deepEqual(throughBytes(makeSchema([makeField('c', type)])).fields[0]?.type, type);
  });
});

describe('schemas that are refused', () => {
  const cases: readonly (readonly [name: string, type: DataType, message: string])[] = [
    [
      'an integer of 7 bits',
      wrong({ id: 'int', bitWidth: 7, signed: true }),
      'field "c": an integer of 7 bits is unknown; 8, 16, 32 and 64 are known',
    ],
    [
      'a decimal of 96 bits',
      wrong({ id: 'decimal', bitWidth: 96, precision: 5, scale: 0 }),
      'field "c": a decimal of 96 bits is unknown; 32, 64, 128 and 256 are known',
    ],
    [
      'a decimal precision that its bits do not hold',
      { id: 'decimal', bitWidth: 128, precision: 39, scale: 0 },
      'field "c": decimal precision 39 is outside 1 to 38',
    ],
    [
      'a decimal scale beyond all use',
      { id: 'decimal', bitWidth: 128, precision: 38, scale: -1_025 },
      'field "c": decimal scale -1025 is outside ±1024',
    ],
    ['a negative byte width', { id: 'fixed_binary', byteWidth: -1 }, 'field "c": byte width -1 is negative'],
    [
      'a negative list size',
      { id: 'fixed_list', listSize: -2, child: makeField('item', INT32) },
      'field "c": list size -2 is negative',
    ],
    [
      'a time of the wrong width',
      { id: 'time', unit: 'nanosecond', bitWidth: 32 },
      'field "c": time in nanoseconds takes 64 bits, not 32',
    ],
    [
      'a map of something else than entries',
      { id: 'map', keysSorted: false, child: makeField('entries', INT32) },
      'field "c": a map takes one struct of two fields, key and value',
    ],
    [
      'run ends of 8 bits',
      {
        id: 'run_end',
        runEnds: makeField('e', { id: 'int', bitWidth: 8, signed: true }),
        values: makeField('v', INT32),
      },
      'field "c": run ends must be int16, int32 or int64',
    ],
    [
      'more type ids than children',
      { id: 'union', mode: 'dense', typeIds: [0, 1], children: [makeField('a', INT32)] },
      'field "c": a union of 1 children has 2 type ids',
    ],
    [
      'a type id out of range',
      { id: 'union', mode: 'dense', typeIds: [-1], children: [makeField('a', INT32)] },
      'field "c": union type id -1 is outside 0 to 127',
    ],
    [
      'a type id twice',
      { id: 'union', mode: 'dense', typeIds: [1, 1], children: [makeField('a', INT32), makeField('b', INT32)] },
      'field "c": union type id 1 is there twice',
    ],
    [
      'a fault in a child, by its path',
      { id: 'struct', children: [makeField('a', wrong({ id: 'int', bitWidth: 1, signed: true }))] },
      'field "c.a": an integer of 1 bits is unknown; 8, 16, 32 and 64 are known',
    ],
  ];
  for (const [name, type, message] of cases) {
    test(name, () => {
      assert.throws(() => throughBytes(makeSchema([makeField('c', type)])), refusal('request_invalid', message));
    });
  }

  test('more fields than are allowed', () => {
    const many = makeSchema(Array.from({ length: 10_001 }, () => makeField('c', INT32)));
    assert.throws(
      () => throughBytes(many),
      refusal('limit_exceeded', 'the schema has more than 10000 fields, children counted'),
    );
  });

  test('deeper nesting than is allowed', () => {
    const path = ['c', ...Array.from({ length: 64 }, () => 'item')].join('.');
    assert.throws(
      () => throughBytes(makeSchema([makeField('c', nested(65))])),
      refusal('limit_exceeded', `field "${path}" is nested deeper than 64 levels`),
    );
  });

  test('big-endian buffers', () => {
    const builder = new Builder(64);
    builder.startObject(4);
    builder.addFieldInt16(0, 1, 0);
    const header = finishMessage(builder, 'schema', builder.endObject(), 0);
    assert.throws(
      () => decodeSchema(header),
      refusal('request_invalid', 'the schema says big-endian; send little-endian buffers'),
    );
  });

  /** A schema of one field "c" whose type has tag `tag`, an empty table, and as many int32 children as said. */
  function tagged(tag: number, childCount: number): Uint8Array {
    const builder = new Builder(256);
    const field = (name: string, type: number, children: readonly number[]): number => {
      builder.startVector(4, children.length, 4);
      for (const child of children) builder.addOffset(child);
      const childVector = builder.endVector();
      builder.startObject(2);
      builder.addFieldInt32(0, 32, 0);
      const table = builder.endObject();
      const text = builder.createString(name);
      builder.startObject(7);
      builder.addFieldOffset(0, text, 0);
      builder.addFieldInt8(2, type, 0);
      builder.addFieldOffset(3, table, 0);
      builder.addFieldOffset(5, childVector, 0);
      return builder.endObject();
    };
    const children = Array.from({ length: childCount }, () => field('x', 2, []));
    const fields = [field('c', tag, children)];
    builder.startVector(4, 1, 4);
    for (const offset of fields) builder.addOffset(offset);
    const vector = builder.endVector();
    builder.startObject(4);
    builder.addFieldOffset(1, vector, 0);
    return finishMessage(builder, 'schema', builder.endObject(), 0);
  }

  const tags: readonly (readonly [name: string, tag: number, children: number, message: string])[] = [
    ['a type tag that is unknown', 99, 0, 'field "c": type 99 is unknown'],
    ['a field without a type', 0, 0, 'field "c": type 0 is unknown'],
    ['children of a flat type', 5, 1, 'field "c": type 5 takes no children, 1 are there'],
    ['a list without a child', 12, 0, 'field "c": a list takes one child, 0 are there'],
    ['a list of two children', 12, 2, 'field "c": a list takes one child, 2 are there'],
    ['a run-end type of one child', 22, 1, 'field "c": a run-end encoded type takes two children, 1 are there'],
    ['a float precision that is unknown', 3, 0, 'field "c": float precision 32 is unknown'],
    ['an interval unit that is unknown', 11, 0, 'field "c": interval unit 32 is unknown'],
  ];
  for (const [name, tag, childCount, message] of tags) {
    test(name, () => {
      assert.throws(() => decodeSchema(tagged(tag, childCount)), refusal('request_invalid', message));
    });
  }

  test('another message than a schema', () => {
    const builder = new Builder(64);
    builder.startObject(5);
    const header = finishMessage(builder, 'batch', builder.endObject(), 0);
    assert.throws(
      () => decodeSchema(header),
      refusal('request_invalid', 'expected a schema message first, got a batch message'),
    );
  });

  test('few bytes that unfold into endless metadata', () => {
    const builder = new Builder(1024);
    const long = builder.createString('x'.repeat(64 * 1024));
    builder.startObject(2);
    builder.addFieldOffset(0, long, 0);
    builder.addFieldOffset(1, long, 0);
    const pair = builder.endObject();
    builder.startVector(4, 1_000, 4);
    for (let i = 0; i < 1_000; i++) builder.addOffset(pair);
    const pairs = builder.endVector();
    builder.startObject(4);
    builder.addFieldOffset(2, pairs, 0);
    const header = finishMessage(builder, 'schema', builder.endObject(), 0);
    assert.throws(
      () => decodeSchema(header),
      refusal('limit_exceeded', 'the message header unfolds to more than 16777216 bytes of tables'),
    );
  });
});

test('a prefix is the continuation marker and the header length, and ends at a multiple of 64 with the header', () => {
  const message = encodeSchema(makeSchema([makeField('c', INT32)]));
  const prefix = messagePrefix(message);
  assert.deepEqual([...prefix.subarray(0, 4)], [255, 255, 255, 255]);
  assert.equal(new DataView(prefix.buffer).getInt32(4, true), message.header.byteLength);
  assert.equal((8 + message.header.byteLength) % 64, 0);
});

test('dictionaries are numbered depth first, those inside of dictionaries after their own', () => {
  const dictionary = (value: DataType): DataType => {
    const index = { id: 'int', bitWidth: 8, signed: true } as const;
    return { id: 'dictionary', index, value, ordered: false, dictionaryId: 99n };
  };
  const inner: DataType = {
    id: 'struct',
    children: [makeField('a', dictionary(INT32)), makeField('b', dictionary(INT32))],
  };
  const schema = makeSchema([
    makeField('x', dictionary(inner)),
    makeField('y', { id: 'list', child: makeField('i', dictionary(INT32)) }),
  ]);
  const found: bigint[] = [];
  JSON.stringify(numberDictionaries(schema), (key, value: unknown) => {
    if (key === 'dictionaryId') found.push(value as bigint);
    return typeof value === 'bigint' ? value.toString() : value;
  });
  assert.deepEqual(
    found.toSorted((a, b) => Number(a - b)),
    [0n, 1n, 2n, 3n],
  );
  const [x, y] = numberDictionaries(schema).fields;
  assert.equal(x?.type.id === 'dictionary' ? x.type.dictionaryId : -1n, 0n);
  const item = y?.type.id === 'list' ? y.type.child.type : undefined;
  assert.equal(item?.id === 'dictionary' ? item.dictionaryId : -1n, 3n);
});
