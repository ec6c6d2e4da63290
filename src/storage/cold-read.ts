/**
 * Reads what the page cache does not hold, off the event loop, just before it would be touched through the map.
 *
 *     message of COLD_READ_BYTES_MIN or more   read into memory of its own: the reader gets that instead of the map, so
 *                                              that pages that go again meanwhile do no harm
 *     smaller ones                             the slice of the file that they lie in is read once, which brings its
 *                                              pages back; the reader uses the map
 *
 * Hides how many reads are under way. Invariants: a page that is cold stalls a thread of the pool and not the loop, as
 * far as the kernel says truly what is cold; warm messages cost one question to the kernel; the file is open only while
 * there is something to read; `close` may be called at any time, again and again.
 */
import { COLD_READS_AHEAD, COLD_READ_BYTES_MIN, READ_AHEAD_SLICE_BYTES } from '../base/limits.ts';
import { makeCounter } from '../base/metrics.ts';
import type { OsFile } from '../os/os.ts';
import type { Segment, SegmentView } from './segment.ts';

const coldTotal = makeCounter('storage_cold_read_bytes_total', 'Bytes read again because memory had let go of them');

/** Cold reads of one scan of one segment. The segment's rows must be loaded. */
export class ColdReads {
  readonly #segment: Segment;
  readonly #count: number;
  readonly #reads = new Map<number, Promise<Uint8Array>>();
  #file: Promise<OsFile> | undefined;
  /** Where the slices begin that were not asked about. */
  #known: number;

  constructor({ segment, messageCount }: SegmentView) {
    this.#segment = segment;
    this.#count = messageCount;
    this.#known = segment.start;
  }

  /**
   * The whole message, in memory of its own, when it is large and cold; undefined when it may be touched through the
   * map, at once. Ordinals must not fall.
   */
  read(ordinal: number): Promise<Uint8Array | undefined> | undefined {
    const begun = this.#reads.get(ordinal);
    if (begun !== undefined) return this.#take(ordinal, begun);
    const { offset, length } = this.#segment.extent(ordinal);
    if (length < COLD_READ_BYTES_MIN) return this.#warm(offset + length);
    if (this.#segment.isResident(offset, length)) return undefined;
    return this.#take(ordinal, this.#begin(ordinal));
  }

  /** Gives what was read, and begins with the next ones: where one is cold, its neighbours are likely to be. */
  async #take(ordinal: number, reading: Promise<Uint8Array>): Promise<Uint8Array> {
    const end = Math.min(this.#count, ordinal + 1 + COLD_READS_AHEAD);
    for (let next = ordinal + 1; next < end; next++) {
      const { offset, length } = this.#segment.extent(next);
      if (this.#reads.has(next) || length < COLD_READ_BYTES_MIN) continue;
      if (!this.#segment.isResident(offset, length)) void this.#begin(next);
    }
    const bytes = await reading;
    this.#reads.delete(ordinal);
    return bytes;
  }

  #begin(ordinal: number): Promise<Uint8Array> {
    const { offset, length } = this.#segment.extent(ordinal);
    const reading = this.#readBytes(offset, length);
    // Met by whoever takes it, or by nobody when the scan ends before.
    reading.catch(() => undefined);
    this.#reads.set(ordinal, reading);
    return reading;
  }

  async #readBytes(offset: number, length: number): Promise<Uint8Array> {
    this.#file ??= this.#segment.openFile();
    coldTotal.inc(length);
    return (await this.#file).read(length, offset);
  }

  /** Brings back the slices up to byte `end`. */
  #warm(end: number): Promise<undefined> | undefined {
    if (end <= this.#known) return undefined;
    const start = this.#known - (this.#known % READ_AHEAD_SLICE_BYTES);
    const length = Math.min(Math.ceil(end / READ_AHEAD_SLICE_BYTES) * READ_AHEAD_SLICE_BYTES, this.#end) - start;
    this.#known = start + length;
    if (length <= 0 || this.#segment.isResident(start, length)) return undefined;
    return this.#readBytes(start, length).then(() => undefined);
  }

  get #end(): number {
    const { offset, length } = this.#segment.extent(this.#count - 1);
    return offset + length;
  }

  /** Waits for reads that still run, and closes the file. */
  async close(): Promise<void> {
    const file = this.#file;
    if (file === undefined) return;
    this.#file = undefined;
    for (const reading of this.#reads.values()) await reading.catch(() => undefined);
    this.#reads.clear();
    await (await file).close();
  }
}
