/**
 * Where the messages of one segment lie: the catalog's batch rows in columns, so that a million of them stay cheap.
 *
 * Hides the packing: six 32-bit words a message, the commit as a float64, statistics end to end in one buffer.
 * Invariants: rows are in file order; commits never fall; a row once added never changes, so a snapshot is a count
 * of rows. Lengths and offsets in bytes; segments are at most 1 GiB, so 32 bits hold them.
 */
import type { NewBatchRow } from '../catalog/rows.ts';

const STRIDE = 6;
const OFFSET = 0;
const HEADER = 1;
const BODY = 2;
const ROWS = 3;
const CRC = 4;
/** Where the statistics begin; the top bit says dictionary. */
const STATISTICS = 5;
const DICTIONARY_BIT = 0x80000000;

/** A batch row before its commit is known. */
export type StagedRow = NewBatchRow;

/** Batch rows of one segment. */
export class BatchIndex {
  #count = 0;
  #words = new Uint32Array(8 * STRIDE);
  #commits = new Float64Array(8);
  #statistics = new Uint8Array(512);
  #statisticsLength = 0;
  #statisticsView = new DataView(this.#statistics.buffer);

  /** Messages so far, dictionaries included. */
  get count(): number {
    return this.#count;
  }

  /** Statistics of all batches, end to end; valid until the next `add`. */
  get statistics(): DataView {
    return this.#statisticsView;
  }

  add(row: StagedRow, commit: number): void {
    const index = this.#count;
    if (index === this.#commits.length) this.#grow();
    const at = index * STRIDE;
    const words = this.#words;
    words[at + OFFSET] = row.offset;
    words[at + HEADER] = row.headerLength;
    words[at + BODY] = row.bodyLength;
    words[at + ROWS] = row.rowCount;
    words[at + CRC] = row.crc32;
    words[at + STATISTICS] = this.#statisticsLength | (row.kind === 'dictionary' ? DICTIONARY_BIT : 0);
    this.#commits[index] = commit;
    this.#addStatistics(row.statistics);
    this.#count = index + 1;
  }

  isDictionary(index: number): boolean {
    return ((this.#words[index * STRIDE + STATISTICS] ?? 0) & DICTIONARY_BIT) !== 0;
  }

  /** Where the message's prefix begins. */
  offset(index: number): number {
    return this.#words[index * STRIDE + OFFSET] ?? 0;
  }

  /** Prefix and flatbuffer. */
  headerLength(index: number): number {
    return this.#words[index * STRIDE + HEADER] ?? 0;
  }

  bodyLength(index: number): number {
    return this.#words[index * STRIDE + BODY] ?? 0;
  }

  /** Where the message ends. */
  end(index: number): number {
    return this.offset(index) + this.headerLength(index) + this.bodyLength(index);
  }

  rowCount(index: number): number {
    return this.#words[index * STRIDE + ROWS] ?? 0;
  }

  crc32(index: number): number {
    return this.#words[index * STRIDE + CRC] ?? 0;
  }

  commit(index: number): number {
    return this.#commits[index] ?? 0;
  }

  /** Where the batch's statistics begin within `statistics`. */
  statisticsStart(index: number): number {
    return (this.#words[index * STRIDE + STATISTICS] ?? 0) & ~DICTIONARY_BIT;
  }

  statisticsEnd(index: number): number {
    return index + 1 < this.#count ? this.statisticsStart(index + 1) : this.#statisticsLength;
  }

  /** Messages whose commit is at most `version`. */
  countAt(version: number): number {
    let low = 0;
    let high = this.#count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.commit(middle) <= version) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Rows of the batches among the first `count` messages. */
  rowsOf(count: number): number {
    let rows = 0;
    for (let i = 0; i < count; i++) if (!this.isDictionary(i)) rows += this.rowCount(i);
    return rows;
  }

  #grow(): void {
    const words = new Uint32Array(this.#words.length * 2);
    words.set(this.#words);
    this.#words = words;
    const commits = new Float64Array(this.#commits.length * 2);
    commits.set(this.#commits);
    this.#commits = commits;
  }

  #addStatistics(bytes: Uint8Array): void {
    const end = this.#statisticsLength + bytes.byteLength;
    if (end > this.#statistics.byteLength) {
      const larger = new Uint8Array(Math.max(end, this.#statistics.byteLength * 2));
      larger.set(this.#statistics.subarray(0, this.#statisticsLength));
      this.#statistics = larger;
      this.#statisticsView = new DataView(larger.buffer);
    }
    this.#statistics.set(bytes, this.#statisticsLength);
    this.#statisticsLength = end;
  }
}
