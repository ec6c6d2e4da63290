/**
 * Goal: a record batch from outside that is wrong is refused, with a message that names field and value.
 * Method: hand-made headers and bodies; one test per refusal of STORAGE.md 6 "Wire" that concerns nodes, buffers,
 * nulls and messages.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { BatchReader } from '../../src/arrow/ipc-read.ts';
import { encodeSchema } from '../../src/arrow/ipc-schema.ts';
import { makeField, makeSchema } from '../../src/arrow/schema.ts';
import type { DataType } from '../../src/arrow/type.ts';
import type { RawBatch } from '../support/ipc.ts';
import { rawMessage, readRaw } from '../support/ipc.ts';
import { NONE, TWO_ROWS, i32, refusals } from '../support/raw-refusals.ts';
import { refusal } from '../support/refusal.ts';

const INT32: DataType = { id: 'int', bitWidth: 32, signed: true };

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
      batch: { rows: 3, nodes: TWO_ROWS, buffers: [NONE, i32(1, 2)] },
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
      batch: { rows: 2, nodes: TWO_ROWS, buffers: [NONE] },
      message: 'column "c": the batch has 1 buffers, too few for its schema',
    },
    {
      name: 'too many buffers are refused',
      type: INT32,
      batch: { rows: 2, nodes: TWO_ROWS, buffers: [NONE, i32(1, 2), NONE] },
      message: 'the batch has 3 buffers; its schema needs 2',
    },
    {
      name: 'a negative buffer length is refused',
      type: INT32,
      batch: {
        rows: 2,
        nodes: TWO_ROWS,
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
        nodes: TWO_ROWS,
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
        nodes: TWO_ROWS,
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
      batch: { rows: 2, nodes: TWO_ROWS, buffers: [NONE, i32(1, 2)], bodyBytes: 4_096 },
      message: 'the message declares a body of 4096 bytes, 8 came',
    },
    {
      name: 'a body beyond the limit is refused',
      type: INT32,
      batch: { rows: 2, nodes: TWO_ROWS, buffers: [NONE, i32(1, 2)], bodyBytes: 2 ** 32 },
      message: 'a message body of 4294967296 bytes; at most 1610612736',
      code: 'limit_exceeded',
    },
    {
      name: 'a negative body length is refused',
      type: INT32,
      batch: { rows: 2, nodes: TWO_ROWS, buffers: [NONE, i32(1, 2)], bodyBytes: -1 },
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
      batch: { ...oneNull, nodes: TWO_ROWS },
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
      () =>
        readRaw(type, { rows: 2, nodes: TWO_ROWS.concat([[2, 1]]), buffers: [NONE, Uint8Array.of(1), i32(1, 2)] }),
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
