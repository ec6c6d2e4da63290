/**
 * Goal: every way in which a record batch from outside can be wrong is refused, with a message that names field and value.
 * Method: hand-made headers and bodies; one test per refusal of STORAGE.md 6 "Wire" that concerns batches.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { encodeDictionaryHeader } from '../../src/arrow/ipc-header.ts';
import { BatchReader } from '../../src/arrow/ipc-read.ts';
import { encodeSchema } from '../../src/arrow/ipc-schema.ts';
import { makeField, makeSchema } from '../../src/arrow/schema.ts';
import type { DataType } from '../../src/arrow/type.ts';
import type { ErrorCode } from '../../src/base/errors.ts';
import type { RawBatch } from '../support/ipc.ts';
import { bytesOf, rawMessage, readRaw } from '../support/ipc.ts';
import { refusal } from '../support/refusal.ts';

const NONE = new Uint8Array(0);
const INT32: DataType = { id: 'int', bitWidth: 32, signed: true };
const INT64: DataType = { id: 'int', bitWidth: 64, signed: true };
const UTF8: DataType = { id: 'utf8' };
const VIEW: DataType = { id: 'utf8_view' };
const LIST: DataType = { id: 'list', child: makeField('item', INT32) };

const i32 = (...values: number[]): Uint8Array => bytesOf(Int32Array.from(values));
const i64 = (...values: (number | bigint)[]): Uint8Array => bytesOf(BigInt64Array.from(values, BigInt));
const text = (value: string): Uint8Array => new Uint8Array(Buffer.from(value));

interface Refusal {
  readonly name: string;
  readonly type: DataType;
  readonly batch: RawBatch;
  readonly message: string;
  readonly nullable?: boolean;
  readonly code?: ErrorCode;
}

function refusals(cases: readonly Refusal[]): void {
  for (const { name, type, batch, message, nullable = true, code = 'request_invalid' } of cases) {
    test(name, () => {
      assert.throws(() => readRaw(type, batch, nullable), refusal(code, message));
    });
  }
}

const two: readonly (readonly [number, number])[] = [[2, 0]];

describe('nodes and buffers', () => {
  refusals([
    {
      name: 'a negative row count is refused',
      type: INT32,
      batch: { rows: -1, nodes: [[-1, 0]], buffers: [NONE, NONE] },
      message: 'the batch declares -1 rows',
    },
    {
      name: 'a row count beyond the limit is refused',
      type: { id: 'null' },
      batch: { rows: 2 ** 40, nodes: [[2 ** 40, 0]], buffers: [] },
      message: 'the batch declares 1099511627776 rows; at most 2147483647 per message',
      code: 'limit_exceeded',
    },
    {
      name: 'a column of other length than its batch is refused',
      type: INT32,
      batch: { rows: 3, nodes: two, buffers: [NONE, i32(1, 2)] },
      message: 'column "c": declares 2 rows in a batch of 3',
    },
    {
      name: 'a huge row count that the buffers do not hold is refused',
      type: INT32,
      batch: { rows: 1e9, nodes: [[1e9, 0]], buffers: [NONE, i32(1, 2)] },
      message: 'column "c": data buffer holds 8 bytes, 1000000000 rows need 4000000000',
    },
    {
      name: 'a child node with a huge row count is refused',
      type: { id: 'list', child: makeField('item', { id: 'null' }) },
      batch: {
        rows: 1,
        nodes: [
          [1, 0],
          [2 ** 33, 0],
        ],
        buffers: [NONE, i32(0, 1)],
      },
      message: 'column "c.item": declares 8589934592 rows; at most 2147483647',
      code: 'limit_exceeded',
    },
    {
      name: 'more nulls than rows are refused',
      type: INT32,
      batch: { rows: 2, nodes: [[2, 3]], buffers: [NONE, i32(1, 2)] },
      message: 'column "c": declares 3 nulls in 2 rows',
    },
    {
      name: 'too few nodes are refused',
      type: INT32,
      batch: { rows: 0, nodes: [], buffers: [NONE, NONE] },
      message: 'column "c": the batch has 0 nodes, too few for its schema',
    },
    {
      name: 'too many nodes are refused',
      type: INT32,
      batch: {
        rows: 2,
        nodes: [
          [2, 0],
          [2, 0],
        ],
        buffers: [NONE, i32(1, 2)],
      },
      message: 'the batch has 2 nodes; its schema needs 1',
    },
    {
      name: 'too few buffers are refused',
      type: INT32,
      batch: { rows: 2, nodes: two, buffers: [NONE] },
      message: 'column "c": the batch has 1 buffers, too few for its schema',
    },
    {
      name: 'too many buffers are refused',
      type: INT32,
      batch: { rows: 2, nodes: two, buffers: [NONE, i32(1, 2), NONE] },
      message: 'the batch has 3 buffers; its schema needs 2',
    },
    {
      name: 'a negative buffer length is refused',
      type: INT32,
      batch: {
        rows: 2,
        nodes: two,
        buffers: [NONE, i32(1, 2)],
        places: [
          [0, 0],
          [0, -8],
        ],
      },
      message: 'column "c": data buffer declares -8 bytes',
    },
    {
      name: 'a negative buffer offset is refused',
      type: INT32,
      batch: {
        rows: 2,
        nodes: two,
        buffers: [NONE, i32(1, 2)],
        places: [
          [0, 0],
          [-8, 8],
        ],
      },
      message: 'column "c": data buffer lies at bytes -8 to 0 of a body of 8 bytes',
    },
    {
      name: 'a buffer out of the body is refused',
      type: INT32,
      batch: {
        rows: 2,
        nodes: two,
        buffers: [NONE, i32(1, 2)],
        places: [
          [0, 0],
          [8, 8],
        ],
      },
      message: 'column "c": data buffer lies at bytes 8 to 16 of a body of 8 bytes',
    },
    {
      name: 'overlapping buffers are refused',
      type: INT32,
      batch: {
        rows: 2,
        nodes: [[2, 1]],
        buffers: [i32(1, 2)],
        places: [
          [0, 1],
          [0, 8],
        ],
      },
      message: 'column "c": data buffer begins at byte 0, inside of the buffer before it',
    },
    {
      name: 'a body shorter than declared is refused',
      type: INT32,
      batch: { rows: 2, nodes: two, buffers: [NONE, i32(1, 2)], bodyBytes: 4_096 },
      message: 'the message declares a body of 4096 bytes, 8 came',
    },
    {
      name: 'a body beyond the limit is refused',
      type: INT32,
      batch: { rows: 2, nodes: two, buffers: [NONE, i32(1, 2)], bodyBytes: 2 ** 32 },
      message: 'a message body of 4294967296 bytes; at most 1610612736',
      code: 'limit_exceeded',
    },
    {
      name: 'a negative body length is refused',
      type: INT32,
      batch: { rows: 2, nodes: two, buffers: [NONE, i32(1, 2)], bodyBytes: -1 },
      message: 'the message declares a body of -1 bytes',
    },
  ]);
});

describe('nulls', () => {
  const oneNull: RawBatch = { rows: 2, nodes: [[2, 1]], buffers: [Uint8Array.of(1), i32(1, 2)] };
  refusals([
    {
      name: 'a null count that lies is refused',
      type: INT32,
      batch: { ...oneNull, nodes: two },
      message: 'column "c": declares 0 nulls, its validity buffer has 1',
    },
    {
      name: 'nulls without a validity buffer are refused',
      type: INT32,
      batch: { rows: 2, nodes: [[2, 1]], buffers: [NONE, i32(1, 2)] },
      message: 'column "c": declares 1 nulls but has no validity buffer',
    },
    {
      name: 'a validity buffer that is too short is refused',
      type: { id: 'fixed_binary', byteWidth: 0 },
      batch: { rows: 9, nodes: [[9, 1]], buffers: [Uint8Array.of(1), NONE] },
      message: 'column "c": validity buffer holds 1 bytes, 9 rows need 2',
    },
    {
      name: 'nulls in a field without nulls are refused',
      type: INT32,
      batch: oneNull,
      nullable: false,
      message: 'column "c": row 1 is null, but the field is declared without nulls',
    },
    {
      name: 'null runs in values without nulls are refused',
      type: {
        id: 'run_end',
        runEnds: makeField('run_ends', INT32, false),
        values: makeField('values', INT32, false),
      },
      batch: {
        rows: 2,
        nodes: [
          [2, 0],
          [2, 0],
          [2, 1],
        ],
        buffers: [NONE, i32(1, 2), Uint8Array.of(2), i32(1, 2)],
      },
      message: 'column "c.values": row 0 is null, but the field is declared without nulls',
    },
    {
      name: 'a column of nulls in a field without nulls is refused',
      type: { id: 'null' },
      batch: { rows: 1, nodes: [[1, 1]], buffers: [] },
      nullable: false,
      message: 'column "c": row 0 is null, but the field is declared without nulls',
    },
  ]);

  test('a null count of -1 means that it is not known', () => {
    assert.equal(readRaw(INT32, { ...oneNull, nodes: [[2, -1]] })?.columns[0]?.nullCount, 1);
  });

  test('a null that a null parent hides is accepted, also in a field without nulls', () => {
    const type: DataType = { id: 'struct', children: [makeField('a', INT32, false)] };
    const buffers = [Uint8Array.of(1), Uint8Array.of(1), i32(1, 2)];
    assert.equal(
      readRaw(type, {
        rows: 2,
        nodes: [
          [2, 1],
          [2, 1],
        ],
        buffers,
      })?.rowCount,
      2,
    );
    assert.throws(
      () => readRaw(type, { rows: 2, nodes: two.concat([[2, 1]]), buffers: [NONE, Uint8Array.of(1), i32(1, 2)] }),
      refusal('request_invalid', 'column "c.a": row 1 is null, but the field is declared without nulls'),
    );
  });

  test('a null that no list shows is accepted, also in a field without nulls', () => {
    const type: DataType = { id: 'list', child: makeField('item', INT32, false) };
    const buffers = [NONE, i32(1, 2), Uint8Array.of(2), i32(1, 2)];
    assert.equal(
      readRaw(type, {
        rows: 1,
        nodes: [
          [1, 0],
          [2, 1],
        ],
        buffers,
      })?.rowCount,
      1,
    );
  });
});

describe('offsets and text', () => {
  const of = (offsets: Uint8Array, bytes: Uint8Array): RawBatch => ({
    rows: 2,
    nodes: two,
    buffers: [NONE, offsets, bytes],
  });
  refusals([
    {
      name: 'offsets that fall are refused',
      type: UTF8,
      batch: of(i32(0, 3, 2), text('abc')),
      message: 'column "c": offset 2 is 2, below the one before it, 3',
    },
    {
      name: 'a negative offset is refused',
      type: UTF8,
      batch: of(i32(-1, 1, 2), text('abc')),
      message: 'column "c": offset 0 is -1, outside of 0 to 3',
    },
    {
      name: 'an offset beyond the bytes is refused',
      type: { id: 'binary' },
      batch: of(i32(0, 1, 4), text('abc')),
      message: 'column "c": offset 2 is 4, outside of 0 to 3',
    },
    {
      name: 'a 64-bit offset beyond 32 bits is refused',
      type: { id: 'large_utf8' },
      batch: of(i64(0, 1, 2n ** 40n), text('abc')),
      message: 'column "c": offset 2 is 1099511627776, outside of 0 to 3',
    },
    {
      name: 'a negative 64-bit offset is refused',
      type: { id: 'large_list', child: makeField('item', INT32) },
      batch: {
        rows: 1,
        nodes: [
          [1, 0],
          [1, 0],
        ],
        buffers: [NONE, i64(-1, 1), NONE, i32(1)],
      },
      message: 'column "c": offset 0 is -1, outside of 0 to 1',
    },
    {
      name: 'too few offsets are refused',
      type: UTF8,
      batch: of(i32(0, 1), text('abc')),
      message: 'column "c": offsets32 buffer holds 8 bytes, 2 rows need 12',
    },
    {
      name: 'list offsets beyond the child are refused',
      type: LIST,
      batch: {
        rows: 2,
        nodes: [
          [2, 0],
          [2, 0],
        ],
        buffers: [NONE, i32(0, 1, 3), NONE, i32(1, 2)],
      },
      message: 'column "c": offset 2 is 3, outside of 0 to 2',
    },
    {
      name: 'text that is not UTF-8 is refused',
      type: UTF8,
      batch: of(i32(0, 1, 3), Uint8Array.of(65, 0xc3, 0x28)),
      message: 'column "c": row 1 is not UTF-8',
    },
    {
      name: 'text cut inside of a character is refused',
      type: UTF8,
      batch: of(i32(0, 1, 2), text('ü')),
      message: 'column "c": row 0 is not UTF-8',
    },
  ]);

  test('offsets that do not begin at 0 are accepted, and bytes of null rows need not be text', () => {
    const buffers = [Uint8Array.of(2), i32(1, 2, 3), Uint8Array.of(0xff, 0xff, 65)];
    assert.equal(readRaw(UTF8, { rows: 2, nodes: [[2, 1]], buffers })?.rowCount, 2);
  });

  test('a batch without rows may leave its offsets out', () => {
    const batch = readRaw(UTF8, { rows: 0, nodes: [[0, 0]], buffers: [NONE, NONE, NONE] });
    assert.equal(batch?.columns[0]?.buffers[1]?.byteLength, 4);
  });
});

describe('views', () => {
  const view = (length: number, prefix: string, buffer: number, offset: number): Uint8Array => {
    const bytes = Buffer.alloc(16);
    bytes.writeInt32LE(length, 0);
    bytes.write(prefix, 4, 'latin1');
    if (length > 12) {
      bytes.writeInt32LE(buffer, 8);
      bytes.writeInt32LE(offset, 12);
    }
    return new Uint8Array(bytes);
  };
  const of = (views: Uint8Array, bytes: Uint8Array): RawBatch => ({
    rows: 1,
    nodes: [[1, 0]],
    buffers: [NONE, views, bytes],
    variadic: [1],
  });
  const long = text('a text of more than twelve bytes');
  refusals([
    {
      name: 'a view of negative length is refused',
      type: VIEW,
      batch: of(view(-1, '', 0, 0), long),
      message: 'column "c": row 0 has a view of -1 bytes',
    },
    {
      name: 'a short view with bytes behind its value is refused',
      type: VIEW,
      batch: of(view(2, 'abc', 0, 0), long),
      message: 'column "c": row 0 has a view of 2 bytes with more behind them',
    },
    {
      name: 'a short view that is not UTF-8 is refused',
      type: VIEW,
      batch: of(view(2, '\xc3(', 0, 0), long),
      message: 'column "c": row 0 is not UTF-8',
    },
    {
      name: 'a view into a buffer that is not there is refused',
      type: VIEW,
      batch: of(view(20, 'a te', 1, 0), long),
      message: 'column "c": row 0 has a view into buffer 1, there are 1',
    },
    {
      name: 'a view beyond its buffer is refused',
      type: VIEW,
      batch: of(view(20, 'a te', 0, 20), long),
      message: 'column "c": row 0 has a view at bytes 20 to 40 of a buffer of 32 bytes',
    },
    {
      name: 'a view whose prefix is not that of its value is refused',
      type: VIEW,
      batch: of(view(20, 'b te', 0, 0), long),
      message: 'column "c": row 0 has a view whose first 4 bytes are not those of its value',
    },
    {
      name: 'a long view that is not UTF-8 is refused',
      type: VIEW,
      batch: of(view(20, 'a te', 0, 0), new Uint8Array(Buffer.from('a text of more\xc3 bytes', 'latin1'))),
      message: 'column "c": row 0 is not UTF-8',
    },
    {
      name: 'a long view that begins inside of a character is refused',
      type: VIEW,
      batch: of(view(13, '\xbcabc', 0, 1), text('üabcdefghijklmnop')),
      message: 'column "c": row 0 is not UTF-8',
    },
    {
      name: 'a variadic count beyond the buffers is refused',
      type: VIEW,
      batch: { ...of(view(1, 'a', 0, 0), long), variadic: [5] },
      message: 'column "c": declares 5 view buffers; the batch has fewer',
    },
    {
      name: 'a missing variadic count is refused',
      type: VIEW,
      batch: { ...of(view(1, 'a', 0, 0), long), variadic: [] },
      message: 'column "c": the batch has too few variadic counts for its schema',
    },
    {
      name: 'a variadic count too many is refused',
      type: INT32,
      batch: { rows: 2, nodes: two, buffers: [NONE, i32(1, 2)], variadic: [0] },
      message: 'the batch has 1 variadic counts; its schema needs 0',
    },
  ]);
});

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

  test('two fields that share a dictionary id must share its type', () => {
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

describe('messages', () => {
  test('a schema in mid-stream is refused', () => {
    const schema = makeSchema([makeField('c', INT32)]);
    assert.throws(
      () => new BatchReader(schema, { trusted: false }).read(encodeSchema(schema).header, NONE),
      refusal('request_invalid', 'a second schema in mid-stream; a stream has one schema'),
    );
  });

  test('a header of garbage is refused', () => {
    assert.throws(
      () => new BatchReader(makeSchema([]), { trusted: false }).read(Uint8Array.of(1, 2, 3), NONE),
      refusal('request_invalid', 'the message header is damaged: a root offset at byte 0 ends at 4 of 3'),
    );
  });

  test('a header beyond the limit is refused', () => {
    assert.throws(
      () => new BatchReader(makeSchema([]), { trusted: false }).read(new Uint8Array(16 * 1024 * 1024 + 8), NONE),
      refusal('limit_exceeded', 'a message header of 16777224 bytes; at most 16777216'),
    );
  });

  test('bytes of our own are only checked for bounds', () => {
    const schema = makeSchema([makeField('c', INT32, false)]);
    const { header, body } = rawMessage({ rows: 2, nodes: [[2, 1]], buffers: [Uint8Array.of(1), i32(1, 2)] });
    assert.equal(new BatchReader(schema, { trusted: true }).read(header, body)?.columns[0]?.nullCount, 1);
    assert.throws(
      () => new BatchReader(schema, { trusted: true }).read(header, body.subarray(0, 8)),
      refusal('request_invalid', 'the message declares a body of 16 bytes, 8 came'),
    );
  });

  test('vectors are views on the body, and copies where the body is not aligned', () => {
    const { header, body } = rawMessage({ rows: 2, nodes: [[2, 0]], buffers: [NONE, i32(1, 2)] });
    const schema = makeSchema([makeField('c', INT32)]);
    const aligned = new BatchReader(schema, { trusted: false }).read(header, body);
    assert.equal(aligned?.columns[0]?.buffers[1]?.buffer, body.buffer);
    const moved = new Uint8Array(body.byteLength + 1);
    moved.set(body, 1);
    const copied = new BatchReader(schema, { trusted: false }).read(header, Buffer.from(moved.buffer, 1));
    assert.deepEqual([...(copied?.columns[0]?.buffers[1] ?? [])], [...body]);
    assert.equal((copied?.columns[0]?.buffers[1]?.byteOffset ?? 1) % 4, 0);
  });
});
