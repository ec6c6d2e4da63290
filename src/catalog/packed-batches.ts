/**
 * Batch rows as two buffers, for the way between threads, and the checksum of a row in the catalog.
 *
 * Hides the packing. Structured clone of a thousand row objects costs more than the commit they belong to, and it would
 * copy the whole buffer under each statistics view; two buffers move without a copy:
 *
 *   numbers     FIELDS float64 per row: segment, ordinal, kind, offset, header length, body length, rows, crc32,
 *   commit, bytes; kind has DAMAGED added when the catalog's checksum of the row is wrong
 *   statistics  the rows' statistics one after another, `bytes` each
 *
 * Invariant: every number is a safe integer, which float64 holds exactly.
 */
import { crc32 } from 'node:zlib';
import type { Statement } from 'better-sqlite3';
import { present } from '../base/assert.ts';
import type { BatchRow, NewBatchRow } from './rows.ts';

/** Numbers per row. */
const FIELDS = 10;

const DICTIONARY = 1;
const DAMAGED = 2;
const KIND_FIELD = 2;

/** Many batch rows. `numbers` has FIELDS values per row. */
export interface PackedBatches {
  readonly count: number;
  readonly numbers: Float64Array;
  readonly statistics: Uint8Array;
}

/** Packs rows into memory of their own, whose two buffers may be transferred; `commit` is that of every row. */
export function packBatches(rows: readonly NewBatchRow[], commit: number): PackedBatches {
  let length = 0;
  for (const row of rows) length += row.statistics.byteLength;
  const numbers = new Float64Array(rows.length * FIELDS);
  const statistics = new Uint8Array(length);
  let at = 0;
  let next = 0;
  for (const row of rows) {
    numbers[at++] = row.segmentId;
    numbers[at++] = row.ordinal;
    numbers[at++] = row.kind === 'dictionary' ? DICTIONARY : 0;
    numbers[at++] = row.offset;
    numbers[at++] = row.headerLength;
    numbers[at++] = row.bodyLength;
    numbers[at++] = row.rowCount;
    numbers[at++] = row.crc32;
    numbers[at++] = commit;
    numbers[at++] = row.statistics.byteLength;
    statistics.set(row.statistics, next);
    next += row.statistics.byteLength;
  }
  return { count: rows.length, numbers, statistics };
}

/** The rows of `packed` in order; their statistics are views into it. */
export function unpackBatches(packed: PackedBatches): BatchRow[] {
  const { numbers, statistics } = packed;
  const rows: BatchRow[] = [];
  let next = 0;
  for (let i = 0; i < packed.count; i++) {
    const at = i * FIELDS;
    const length = numbers[at + 9]!;
    const kind = numbers[at + KIND_FIELD]!;
    rows.push({
      segmentId: numbers[at]!,
      ordinal: numbers[at + 1]!,
      kind: (kind & DICTIONARY) === 0 ? 'batch' : 'dictionary',
      offset: numbers[at + 3]!,
      headerLength: numbers[at + 4]!,
      bodyLength: numbers[at + 5]!,
      rowCount: numbers[at + 6]!,
      crc32: numbers[at + 7]!,
      commit: numbers[at + 8]!,
      statistics: statistics.subarray(next, next + length),
      isDamaged: (kind & DAMAGED) !== 0,
    });
    next += length;
  }
  return rows;
}

/** What the catalog keeps as `row_crc32` of the row at `index`, whose statistics are `statistics`. */
function rowChecksum(numbers: Float64Array, index: number, statistics: Uint8Array): number {
  const { buffer, byteOffset, BYTES_PER_ELEMENT } = numbers;
  const bytes = new Uint8Array(buffer, byteOffset + index * FIELDS * BYTES_PER_ELEMENT, FIELDS * BYTES_PER_ELEMENT);
  const sum = crc32(bytes);
  // zlib takes an empty buffer without memory for a wish to begin anew.
  return statistics.byteLength === 0 ? sum : crc32(statistics, sum);
}

/** A row of the catalog as SQLite gives it, in the order of SELECT_BATCHES. */
export type BatchValues = [number, number, number, number, number, number, number, number, Buffer, number | null];

/** Packs rows of `segmentId` as they were read, and holds each against its checksum, if it has one. */
export function packValues(segmentId: number, rows: readonly BatchValues[]): PackedBatches {
  let length = 0;
  for (const row of rows) length += row[8].byteLength;
  const numbers = new Float64Array(rows.length * FIELDS);
  const statistics = new Uint8Array(length);
  let next = 0;
  rows.forEach((row, i) => {
    const [ordinal, kind, offset, headerLength, bodyLength, rowCount, sum, commit, blob, rowSum] = row;
    const fields = [
      segmentId,
      ordinal,
      kind,
      offset,
      headerLength,
      bodyLength,
      rowCount,
      sum,
      commit,
      blob.byteLength,
    ];
    numbers.set(fields, i * FIELDS);
    if (rowSum !== null && rowSum !== rowChecksum(numbers, i, blob))
      numbers[i * FIELDS + KIND_FIELD] = kind | DAMAGED;
    statistics.set(blob, next);
    next += blob.byteLength;
  });
  return { count: rows.length, numbers, statistics };
}

/** Writes rows by `insert`, which is a statement of INSERT_BATCH. */
export function insertBatches(insert: Statement, { count, numbers, statistics }: PackedBatches): void {
  let next = 0;
  for (let i = 0; i < count; i++) {
    const [...fields] = numbers.subarray(i * FIELDS, (i + 1) * FIELDS);
    const length = present(fields.pop(), 'the length of statistics');
    const blob = statistics.subarray(next, next + length);
    insert.run(...fields, blob, rowChecksum(numbers, i, blob));
    next += length;
  }
}
