/**
 * Batch rows as two buffers, for the way between threads.
 *
 * Hides the packing. Structured clone of a thousand row objects costs more than the commit they belong to, and it would
 * copy the whole buffer under each statistics view; two buffers move without a copy:
 *
 *   numbers     FIELDS float64 per row: segment, ordinal, kind, offset, header length, body length, rows, crc32,
 *   commit, bytes
 *   statistics  the rows' statistics one after another, `bytes` each
 *
 * Invariant: every number is a safe integer, which float64 holds exactly.
 */
import type { BatchRow } from './rows.ts';

/** Numbers per row. */
export const FIELDS = 10;

/** Many batch rows. `numbers` has FIELDS values per row. */
export interface PackedBatches {
  readonly count: number;
  readonly numbers: Float64Array;
  readonly statistics: Uint8Array;
}

/** Packs rows into memory of their own, whose two buffers may be transferred; `commit` is that of every row. */
export function packBatches(rows: readonly Omit<BatchRow, 'commit'>[], commit: number): PackedBatches {
  let length = 0;
  for (const row of rows) length += row.statistics.byteLength;
  const numbers = new Float64Array(rows.length * FIELDS);
  const statistics = new Uint8Array(length);
  let at = 0;
  let next = 0;
  for (const row of rows) {
    numbers[at++] = row.segmentId;
    numbers[at++] = row.ordinal;
    numbers[at++] = row.kind === 'dictionary' ? 1 : 0;
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
    rows.push({
      segmentId: numbers[at]!,
      ordinal: numbers[at + 1]!,
      kind: numbers[at + 2] === 1 ? 'dictionary' : 'batch',
      offset: numbers[at + 3]!,
      headerLength: numbers[at + 4]!,
      bodyLength: numbers[at + 5]!,
      rowCount: numbers[at + 6]!,
      crc32: numbers[at + 7]!,
      commit: numbers[at + 8]!,
      statistics: statistics.subarray(next, next + length),
    });
    next += length;
  }
  return rows;
}
