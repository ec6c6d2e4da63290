/**
 * Goal: text, views and offsets from outside that is wrong is refused, with a message that names field and value.
 * Method: hand-made headers and bodies; one test per refusal of STORAGE.md 6 "Wire" that concerns the buffers of flat
 * columns.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { makeField } from '../../src/arrow/schema.ts';
import type { DataType } from '../../src/arrow/type.ts';
import type { RawBatch } from '../support/ipc.ts';
import { readRaw } from '../support/ipc.ts';
import { NONE, TWO_ROWS, i32, i64, refusals, text } from '../support/raw-refusals.ts';

const INT32: DataType = { id: 'int', bitWidth: 32, signed: true };
const UTF8: DataType = { id: 'utf8' };
const VIEW: DataType = { id: 'utf8_view' };
const LIST: DataType = { id: 'list', child: makeField('item', INT32) };

describe('offsets and text', () => {
  const of = (offsets: Uint8Array, bytes: Uint8Array): RawBatch => ({
    rows: 2,
    nodes: TWO_ROWS,
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
      batch: { rows: 2, nodes: TWO_ROWS, buffers: [NONE, i32(1, 2)], variadic: [0] },
      message: 'the batch has 1 variadic counts; its schema needs 0',
    },
  ]);
});
