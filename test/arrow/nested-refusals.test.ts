/**
 * Goal: a nested or dictionary column from outside that is wrong is refused, with a message that names field and value.
 * Method: hand-made headers and bodies; one test per refusal of STORAGE.md 6 "Wire" that concerns children and
 * dictionaries.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { encodeDictionaryHeader } from '../../src/arrow/ipc-header.ts';
import { BatchReader } from '../../src/arrow/ipc-read.ts';
import { makeField, makeSchema } from '../../src/arrow/schema.ts';
import type { DataType } from '../../src/arrow/type.ts';
import type { RawBatch } from '../support/ipc.ts';
import { rawMessage, readRaw } from '../support/ipc.ts';
import { NONE, i32, i64, refusals, text } from '../support/raw-refusals.ts';
import { refusal } from '../support/refusal.ts';

const INT32: DataType = { id: 'int', bitWidth: 32, signed: true };
const INT64: DataType = { id: 'int', bitWidth: 64, signed: true };
const UTF8: DataType = { id: 'utf8' };

describe('nested types', () => {
  const members = [makeField('a', INT32), makeField('b', INT32)];
  const sparse: DataType = { id: 'union', mode: 'sparse', typeIds: [0, 5], children: members };
  const dense: DataType = { id: 'union', mode: 'dense', typeIds: [0, 5], children: members };
  const unionNodes: readonly (readonly [number, number])[] = [
    [2, 0],
    [2, 0],
    [2, 0],
  ];
  const runs: DataType = {
    id: 'run_end',
    runEnds: makeField('run_ends', INT32, false),
    values: makeField('values', INT32),
  };
  const runBatch = (ends: Uint8Array): RawBatch => ({
    rows: 4,
    nodes: [
      [4, 0],
      [2, 0],
      [2, 0],
    ],
    buffers: [NONE, ends, NONE, i32(7, 8)],
  });
  const entries: DataType = { id: 'struct', children: [makeField('key', INT32, false), makeField('value', INT32)] };
  const map: DataType = { id: 'map', keysSorted: false, child: makeField('entries', entries, false) };
  const listView: DataType = { id: 'list_view', child: makeField('item', INT32) };
  refusals([
    {
      name: 'a struct whose child is shorter is refused',
      type: { id: 'struct', children: [makeField('a', INT32)] },
      batch: {
        rows: 2,
        nodes: [
          [2, 0],
          [1, 0],
        ],
        buffers: [NONE, NONE, i32(1)],
      },
      message: 'column "c": a child of 1 rows, but its rows need 2',
    },
    {
      name: 'a fixed list whose child is shorter is refused',
      type: { id: 'fixed_list', child: makeField('item', INT32), listSize: 3 },
      batch: {
        rows: 1,
        nodes: [
          [1, 0],
          [2, 0],
        ],
        buffers: [NONE, NONE, i32(1, 2)],
      },
      message: 'column "c": a child of 2 rows, but 1 lists need 3',
    },
    {
      name: 'a list view beyond its child is refused',
      type: listView,
      batch: {
        rows: 1,
        nodes: [
          [1, 0],
          [2, 0],
        ],
        buffers: [NONE, i32(1), i32(2), NONE, i32(1, 2)],
      },
      message: 'column "c": row 0 begins at 1 and has 2 values, outside of a child of 2 rows',
    },
    {
      name: 'a list view of negative size is refused',
      type: listView,
      batch: {
        rows: 1,
        nodes: [
          [1, 0],
          [2, 0],
        ],
        buffers: [NONE, i32(1), i32(-1), NONE, i32(1, 2)],
      },
      message: 'column "c": row 0 begins at 1 and has -1 values, outside of a child of 2 rows',
    },
    {
      name: 'a type id that the union lacks is refused',
      type: sparse,
      batch: { rows: 2, nodes: unionNodes, buffers: [Uint8Array.of(0, 1), NONE, i32(1, 2), NONE, i32(1, 2)] },
      message: 'column "c": row 1 has type id 1, which sparse_union<a: int32=0, b: int32=5> lacks',
    },
    {
      name: 'a dense union offset beyond its child is refused',
      type: dense,
      batch: {
        rows: 2,
        nodes: unionNodes,
        buffers: [Uint8Array.of(0, 5), i32(0, 2), NONE, i32(1, 2), NONE, i32(1, 2)],
      },
      message: 'column "c": row 1 has offset 2, its child has 2 rows',
    },
    {
      name: 'dense union offsets that fall are refused',
      type: dense,
      batch: {
        rows: 2,
        nodes: unionNodes,
        buffers: [Uint8Array.of(0, 0), i32(1, 0), NONE, i32(1, 2), NONE, i32(1, 2)],
      },
      message: 'column "c": row 1 has offset 0, below the one before it in the same child',
    },
    {
      name: 'a run end that is not positive is refused',
      type: runs,
      batch: runBatch(i32(0, 4)),
      message: 'column "c": run end 0 is 0, not positive',
    },
    {
      name: 'run ends that do not rise are refused',
      type: runs,
      batch: runBatch(i32(4, 4)),
      message: 'column "c": run end 1 is 4, not above the one before it, 4',
    },
    {
      name: 'runs that end before the rows do are refused',
      type: runs,
      batch: runBatch(i32(1, 3)),
      message: 'column "c": the last run ends at 3, before its 4 rows',
    },
    {
      name: 'null run ends are refused',
      type: { id: 'run_end', runEnds: makeField('run_ends', INT32), values: makeField('values', INT32) },
      batch: {
        ...runBatch(i32(1, 4)),
        nodes: [
          [4, 0],
          [2, 1],
          [2, 0],
        ],
        buffers: [Uint8Array.of(1), i32(1, 4), NONE, i32(7, 8)],
      },
      message: 'column "c": has 1 null run ends',
    },
    {
      name: 'a 64-bit run end beyond 32 bits is refused',
      type: { id: 'run_end', runEnds: makeField('run_ends', INT64, false), values: makeField('values', INT32) },
      batch: runBatch(i64(1, 2n ** 35n)),
      message: 'column "c": run end 1 is 34359738368, outside of what a batch can have',
    },
    {
      name: 'null keys of a map are refused',
      type: {
        ...map,
        child: makeField(
          'entries',
          { id: 'struct', children: [makeField('key', INT32), makeField('value', INT32)] },
          false,
        ),
      },
      batch: {
        rows: 1,
        nodes: [
          [1, 0],
          [1, 0],
          [1, 1],
          [1, 0],
        ],
        buffers: [NONE, i32(0, 1), NONE, Uint8Array.of(0), i32(1), NONE, i32(1)],
      },
      message: 'column "c": row 0 is null, but keys of a map are never null',
    },
    {
      name: 'null entries of a map are refused',
      type: { ...map, child: makeField('entries', entries) },
      batch: {
        rows: 1,
        nodes: [
          [1, 0],
          [1, 1],
          [1, 0],
          [1, 0],
        ],
        buffers: [NONE, i32(0, 1), Uint8Array.of(0), NONE, i32(1), NONE, i32(1)],
      },
      message: 'column "c": row 0 is null, but a map has no null entries',
    },
  ]);
});

describe('dictionaries', () => {
  const type: DataType = {
    id: 'dictionary',
    index: { id: 'int', bitWidth: 8, signed: true },
    value: UTF8,
    ordered: false,
    dictionaryId: 4n,
  };
  const schema = makeSchema([makeField('c', type)]);

  function dictionaryMessage(id: bigint, delta: boolean, words: string): { header: Uint8Array; body: Uint8Array } {
    const offsets = i32(...Array.from({ length: words.length + 1 }, (_, i) => i));
    const raw = rawMessage({ rows: words.length, nodes: [[words.length, 0]], buffers: [NONE, offsets, text(words)] });
    const padded = Math.ceil(offsets.byteLength / 8) * 8;
    const layout = {
      rowCount: words.length,
      nodes: [words.length, 0],
      buffers: [0, 0, 0, offsets.byteLength, padded, words.length],
      variadicCounts: [],
    };
    return { header: encodeDictionaryHeader(id, delta, layout, raw.body.byteLength), body: raw.body };
  }

  const indices = (...values: number[]): { header: Uint8Array; body: Uint8Array } =>
    rawMessage({ rows: values.length, nodes: [[values.length, 0]], buffers: [NONE, Uint8Array.from(values)] });

  test('an index beyond the dictionary is refused, and accepted once a delta has brought it', () => {
    const reader = new BatchReader(schema, { trusted: false });
    const read = (message: { header: Uint8Array; body: Uint8Array }): unknown =>
      reader.read(message.header, message.body);
    read(dictionaryMessage(4n, false, 'ab'));
    assert.throws(
      () => read(indices(0, 2)),
      refusal('request_invalid', 'column "c": row 1 has dictionary index 2, the dictionary has 2 values'),
    );
    read(dictionaryMessage(4n, true, 'c'));
    assert.notEqual(read(indices(0, 2)), undefined);
    read(dictionaryMessage(4n, false, 'x'));
    assert.throws(
      () => read(indices(1)),
      refusal('request_invalid', 'column "c": row 0 has dictionary index 1, the dictionary has 1 values'),
    );
  });

  test('a negative index is refused', () => {
    const reader = new BatchReader(schema, { trusted: false });
    const message = indices(255);
    assert.throws(
      () => reader.read(message.header, message.body),
      refusal('request_invalid', 'column "c": row 0 has dictionary index -1, the dictionary has 0 values'),
    );
  });

  test('a 64-bit index beyond 32 bits is refused', () => {
    const wide: DataType = { ...type, index: { id: 'int', bitWidth: 64, signed: false } };
    assert.throws(
      () => readRaw(wide, { rows: 1, nodes: [[1, 0]], buffers: [NONE, i64(2n ** 32n)] }),
      refusal('request_invalid', 'column "c": row 0 has dictionary index 4294967296, the dictionary has 0 values'),
    );
  });

  test('a null in the dictionary is refused where the field has no nulls', () => {
    const reader = new BatchReader(makeSchema([makeField('c', type, false)]), { trusted: false });
    const raw = rawMessage({ rows: 1, nodes: [[1, 1]], buffers: [Uint8Array.of(0), i32(0, 0), NONE] });
    const layout = { rowCount: 1, nodes: [1, 1], buffers: [0, 1, 8, 8, 16, 0], variadicCounts: [] };
    reader.read(encodeDictionaryHeader(4n, false, layout, raw.body.byteLength), raw.body);
    const message = indices(0);
    assert.throws(
      () => reader.read(message.header, message.body),
      refusal(
        'request_invalid',
        'column "c": row 0 is null in the dictionary, but the field is declared without nulls',
      ),
    );
  });

  test('a dictionary that no field has is refused', () => {
    const message = dictionaryMessage(9n, false, 'a');
    assert.throws(
      () => new BatchReader(schema, { trusted: false }).read(message.header, message.body),
      refusal('request_invalid', 'a dictionary message for id 9, which no field of the schema has'),
    );
  });

  test('TWO_ROWS fields that share a dictionary id must share its type', () => {
    const other: DataType = { ...type, value: INT32 };
    assert.throws(
      () => new BatchReader(makeSchema([makeField('c', type), makeField('d', other)]), { trusted: false }),
      refusal('request_invalid', 'dictionary 4 is string in "c" but int32 in "d"'),
    );
  });

  test('a batch keeps its dictionary when a later message replaces it', () => {
    const reader = new BatchReader(schema, { trusted: false });
    const first = dictionaryMessage(4n, false, 'ab');
    reader.read(first.header, first.body);
    const message = indices(1);
    const batch = reader.read(message.header, message.body);
    const second = dictionaryMessage(4n, false, 'x');
    reader.read(second.header, second.body);
    assert.equal(batch?.columns[0]?.dictionary?.length, 2);
  });
});
