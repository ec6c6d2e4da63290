/**
 * One segment file, as readers see it: its bytes, where its messages lie, and whether they are sound.
 *
 * Hides maps, the unmapped tail of an active segment, and lazy reading of batch rows. Invariants: bytes are looked
 * at only below the committed length of the caller's view; the file is mapped once and the map shared; every
 * message is verified against its checksum once per open, by `read` and not through the map, before its first use
 * (those written in this life count as verified: they came from memory); a mismatch marks the segment damaged for
 * good.
 */
import { crc32 } from 'node:zlib';
import type { RecordBatch } from '../arrow/batch.ts';
import type { Message } from '../arrow/batch.ts';
import { BatchReader } from '../arrow/ipc-read.ts';
import { assert, present } from '../base/assert.ts';
import { EngineError } from '../base/errors.ts';
import type { Clock } from '../base/clock.ts';
import { READ_AHEAD_FRESH_MS, READ_AHEAD_SLICE_BYTES, TAIL_BYTES_MAX, VERIFY_READ_BYTES } from '../base/limits.ts';
import type { Catalog } from '../catalog/catalog.ts';
import type { SegmentState } from '../catalog/rows.ts';
import type { Os, OsFile } from '../os/os.ts';
import { BatchIndex } from './batch-index.ts';
import type { StagedRow } from './batch-index.ts';
import type { TableDefinition } from './definition.ts';
import type { MapBudget, MapHolder } from './map-budget.ts';
import { checkEnd } from './segment-end.ts';

const PREFIX_BYTES = 8;

/** What segments need from the store around them. */
export interface SegmentContext {
  readonly os: Os;
  readonly catalog: Pick<Catalog, 'readBatches'>;
  readonly maps: MapBudget;
  readonly clock: Clock;
  /** Told once when a segment turns out damaged. */
  onDamage(segment: Segment, found: FoundDamage, error: EngineError): void;
}

/** What was found wrong with a segment, and whether it stays wrong. */
export interface FoundDamage {
  readonly offset: number;
  readonly what: string;
  readonly lasting: boolean;
}

export interface SegmentIdentity {
  readonly segmentId: number;
  /** The version of the table that it was written under. */
  readonly definition: TableDefinition;
  readonly path: string;
}

/** Bytes of a mapped or read file, from `start` on. */
interface Piece {
  readonly start: number;
  readonly bytes: Uint8Array;
}

/** A segment in one snapshot: how far it goes. */
export interface SegmentView {
  readonly segment: Segment;
  /** Committed length, in bytes of the file. */
  readonly length: number;
  readonly rowCount: number;
  /** Messages below `length`, dictionaries included. */
  readonly messageCount: number;
}

/** True for an error of the disk itself, as against a lack of descriptors or memory: what it was read for is not there. */
export function isUnreadable(error: EngineError): boolean {
  return error.code === 'io_error' && error.message.includes('(EIO)');
}

export class Segment implements MapHolder {
  readonly identity: SegmentIdentity;
  readonly #context: SegmentContext;
  /** When each slice was last asked for, by its number; at most one entry a slice of the file. */
  readonly #askedAtMs = new Map<number, number>();
  /** By offset how many bytes were found in memory, and when. */
  readonly #resident = new Map<number, { readonly length: number; readonly atMs: number }>();
  /** The latest committed state; snapshots hold their own SegmentView. */
  committedLength: number;
  rowCount: number;
  messageCount: number;
  state: SegmentState;
  /** The commit that made it visible; 0 before. */
  createdCommit: number;
  /** Where it stands in its table's order. */
  position: number;
  /** True when compaction made it in this life: it is not worth being compacted alone again. */
  isCompacted = false;
  /** The segment that compaction made of the rows that follow, since they did not go into this one. */
  apartFrom: number | undefined;
  /** True when the file has its end, footer and all; false while it is active, and until a torn one has it again. */
  hasEnd: boolean;
  /** Set while the catalog is being told of its end. */
  retiring = false;
  /** Set when a drop retired it. */
  retiredCommit: number | undefined;
  retireAtMs: number | undefined;
  #damage: EngineError | undefined;
  #index: BatchIndex | undefined;
  #loading: Promise<BatchIndex> | undefined;
  /** One byte per message, 1 = verified; undefined when all are. */
  #verified: Uint8Array | undefined;
  #unverified = 0;
  #map: Uint8Array | undefined;
  /** Read pieces of an active segment's end, beginning where the map ends. */
  #tail: Piece[] = [];
  #tailReading: Promise<void> | undefined;
  #reader: BatchReader | undefined;
  #dictionariesRead = 0;

  constructor(
    identity: SegmentIdentity,
    context: SegmentContext,
    stored: {
      readonly state: SegmentState;
      readonly committedLength: number;
      readonly rowCount: number;
      readonly messageCount: number;
      readonly createdCommit: number;
      readonly position: number;
    },
    index: BatchIndex | undefined,
  ) {
    this.identity = identity;
    this.#context = context;
    this.state = stored.state;
    this.hasEnd = stored.state !== 'active';
    this.createdCommit = stored.createdCommit;
    this.position = stored.position;
    this.committedLength = stored.committedLength;
    this.rowCount = stored.rowCount;
    this.messageCount = stored.messageCount;
    this.#index = index;
  }

  get damage(): EngineError | undefined {
    return this.#damage;
  }

  /** Where the first message after the schema begins. */
  get start(): number {
    return this.identity.definition.segmentHead.byteLength;
  }

  get tableName(): string {
    return this.identity.definition.name;
  }

  /** How many messages still have to be verified; only known once the rows are loaded. */
  get isVerified(): boolean {
    return this.#index !== undefined && this.#verified === undefined;
  }

  /** True when a snapshot at `version` holds some of it. */
  isVisibleAt(version: number): boolean {
    if (this.createdCommit === 0 || this.createdCommit > version) return false;
    return this.retiredCommit === undefined || version < this.retiredCommit;
  }

  /** Takes over what was built: the catalog has it as of commit `version`. */
  adopt(rows: readonly StagedRow[], version: number, rowCount: number, committedLength: number): void {
    const index = present(this.#index, 'batch rows of a new segment');
    for (const row of rows) index.add(row, version);
    this.state = 'sealed';
    this.hasEnd = true;
    this.createdCommit = version;
    this.rowCount = rowCount;
    this.messageCount = rows.length;
    this.committedLength = committedLength;
  }

  view(): SegmentView {
    return {
      segment: this,
      length: this.committedLength,
      rowCount: this.rowCount,
      messageCount: this.messageCount,
    };
  }

  /**
   * Marks the segment damaged; reads fail with the returned error from now on. `lasting` false: the disk refused to
   * answer, which it may do no more after a restart.
   */
  markDamaged(offset: number, what: string, lasting = true): EngineError {
    if (this.#damage !== undefined) return this.#damage;
    this.#damage = new EngineError(
      'corrupt',
      `table "${this.tableName}" is damaged: ${what} at offset ${offset.toString()} of ${this.identity.path}; ` +
        'it is read-only: stop the server and run `sheaf repair`, restore it from a backup, or drop it',
    );
    this.#context.onDamage(this, { offset, what, lasting }, this.#damage);
    return this.#damage;
  }

  /**
   * The rows of the messages, read from the catalog at first use; then the file is looked at, too, whether it is the
   * one that the catalog means. @throws `corrupt` when rows or file do not fit, `version_unsupported`
   */
  async loadIndex(): Promise<BatchIndex> {
    if (this.#index !== undefined) return this.#index;
    this.#loading ??= this.#readIndex().finally(() => (this.#loading = undefined));
    return this.#loading;
  }

  /** The rows if they are in memory. */
  get index(): BatchIndex | undefined {
    return this.#index;
  }

  async #readIndex(): Promise<BatchIndex> {
    const rows = await this.#context.catalog.readBatches(this.identity.segmentId);
    const index = new BatchIndex();
    let end = this.start;
    for (const row of rows) {
      if (row.isDamaged) throw this.markDamaged(row.offset, 'a batch row of the catalog contradicts its checksum');
      if (row.ordinal !== index.count || row.offset < end)
        throw this.markDamaged(row.offset, 'a misplaced batch row');
      index.add(row, row.commit);
      end = row.offset + row.headerLength + row.bodyLength;
    }
    if (index.rowsOf(index.count) !== this.rowCount) {
      const counts = `${index.rowsOf(index.count).toString()} rows in batches, ${this.rowCount.toString()} in all`;
      throw this.markDamaged(0, counts);
    }
    if (index.count !== this.messageCount || end > this.committedLength) {
      const counts = `${index.count.toString()} batch rows for ${this.messageCount.toString()} messages`;
      throw this.markDamaged(end, counts);
    }
    await this.#checkFile();
    this.#index = index;
    if (index.count > 0) {
      this.#verified = new Uint8Array(index.count);
      this.#unverified = index.count;
    }
    return index;
  }

  /** Those that are retired are read by few, and may be unlinked in this moment. */
  async #checkFile(): Promise<void> {
    if (this.state !== 'sealed' || !this.hasEnd) return;
    const fault = await checkEnd(this.#context.os, this.identity, this.committedLength);
    if (fault !== undefined) throw this.markDamaged(fault.offset, fault.what);
  }

  /**
   * Makes bytes [0, length) readable by `bytes`: maps them, or reads a short tail. Returns undefined when they are
   * already.
   */
  prepare(length: number): Promise<void> | undefined {
    if (this.#coveredEnd() >= length) {
      if (this.#map !== undefined) this.#context.maps.use(this);
      return undefined;
    }
    const mapped = this.#map?.byteLength ?? 0;
    if (this.state !== 'active' || this.committedLength - mapped >= TAIL_BYTES_MAX) {
      this.#mapAll();
      return undefined;
    }
    const before = this.#tailReading ?? Promise.resolve();
    const reading = before.then(() => this.#readTail(length));
    this.#tailReading = reading.catch(() => undefined);
    return reading;
  }

  #coveredEnd(): number {
    const last = this.#tail.at(-1);
    return last === undefined ? (this.#map?.byteLength ?? 0) : last.start + last.bytes.byteLength;
  }

  #mapAll(): void {
    assert(this.#damage === undefined, 'a damaged segment is not mapped');
    this.#map = this.#context.os.map(this.identity.path, this.committedLength);
    this.#tail = [];
    this.#context.maps.use(this);
  }

  async #readTail(length: number): Promise<void> {
    const start = this.#coveredEnd();
    if (start >= length) return;
    const end = this.committedLength;
    const file = await this.#context.os.open(this.identity.path, 'read');
    try {
      const bytes = await file.read(end - start, start);
      this.#checkTail(start, bytes);
      if (this.#coveredEnd() === start) this.#tail.push({ start, bytes });
    } finally {
      await file.close();
    }
  }

  /** Holds the messages in `bytes`, which were read from `start` on, against their checksums. @throws `corrupt` */
  #checkTail(start: number, bytes: Uint8Array): void {
    const index = present(this.#index, 'batch rows');
    let i = index.count;
    while (i > 0 && index.offset(i - 1) >= start) i--;
    for (; i < index.count && index.end(i) <= start + bytes.byteLength; i++) {
      this.#checkMessage(i, bytes.subarray(index.offset(i) - start, index.end(i) - start));
    }
  }

  #checkMessage(ordinal: number, bytes: Uint8Array): void {
    const index = present(this.#index, 'batch rows');
    if (crc32(bytes) === index.crc32(ordinal)) return;
    throw this.markDamaged(index.offset(ordinal), `checksum of message ${ordinal.toString()} is wrong`);
  }

  /** Bytes [offset, offset + length) of the file: a view, valid as long as it is held. Prepared by `prepare`. */
  bytes(offset: number, length: number): Uint8Array {
    const end = offset + length;
    if (this.#map !== undefined && end <= this.#map.byteLength) return this.#map.subarray(offset, end);
    let low = 0;
    let high = this.#tail.length - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      const piece = present(this.#tail[middle], 'piece of a tail');
      if (offset < piece.start) high = middle - 1;
      else if (end > piece.start + piece.bytes.byteLength) low = middle + 1;
      else return piece.bytes.subarray(offset - piece.start, end - piece.start);
    }
    this.#mapAll();
    return present(this.#map, 'map').subarray(offset, end);
  }

  /**
   * Asks the kernel to read ahead; nothing happens where the bytes are in memory of our own. The kernel looks at every
   * resident page of the range, which for a hot table costs a tenth of a scan: a slice that was asked for a moment
   * ago is left out.
   */
  willNeed(offset: number, length: number): void {
    if (this.#map === undefined || offset >= this.#map.byteLength) return;
    const slice = Math.floor(offset / READ_AHEAD_SLICE_BYTES);
    const now = this.#context.clock.monotonicMs();
    if (now - (this.#askedAtMs.get(slice) ?? -Infinity) < READ_AHEAD_FRESH_MS) return;
    this.#askedAtMs.set(slice, now);
    this.#context.os.willNeed(this.#map, offset, Math.min(length, this.#map.byteLength - offset));
  }

  /**
   * True when bytes of the file may be touched without waiting for the disk, as far as that is known. The kernel looks
   * at every page: what was in memory a moment ago is not asked for again.
   */
  isResident(offset: number, length: number): boolean {
    const map = this.#map;
    if (map === undefined || offset + length > map.byteLength) return true;
    const now = this.#context.clock.monotonicMs();
    const known = this.#resident.get(offset);
    if (known !== undefined && known.length >= length && now - known.atMs < READ_AHEAD_FRESH_MS) return true;
    const isResident = this.#context.os.isResident(map, offset, length);
    if (isResident) this.#resident.set(offset, { length, atMs: now });
    return isResident;
  }

  /** Where a message lies in the file, prefix and header included. */
  extent(ordinal: number): { readonly offset: number; readonly length: number } {
    const index = present(this.#index, 'batch rows');
    const offset = index.offset(ordinal);
    return { offset, length: index.end(ordinal) - offset };
  }

  dropMap(): void {
    this.#map = undefined;
    this.#reader = undefined;
    this.#dictionariesRead = 0;
    this.#tail = [];
  }

  /** Lets go of the map; whoever reads the segment after all makes it again. */
  release(): void {
    this.dropMap();
    this.#context.maps.forget(this);
  }

  /** The stored message: views on `whole`, the bytes of its extent, or on the map. */
  message(ordinal: number, whole?: Uint8Array): Message {
    const { offset, length } = this.extent(ordinal);
    const bytes = whole ?? this.bytes(offset, length);
    const headerLength = present(this.#index, 'batch rows').headerLength(ordinal);
    return {
      header: bytes.subarray(PREFIX_BYTES, headerLength),
      body: [bytes.subarray(headerLength)],
      bodyBytes: length - headerLength,
    };
  }

  /**
   * The batch at `ordinal`, decoded as views on `whole`, the bytes of its extent, or on the map. It must be verified,
   * and the dictionaries before it too.
   */
  decode(ordinal: number, whole?: Uint8Array): RecordBatch {
    const index = present(this.#index, 'batch rows');
    this.#reader ??= new BatchReader(this.identity.definition.schema, { trusted: true });
    for (; this.#dictionariesRead < ordinal; this.#dictionariesRead++) {
      if (index.isDictionary(this.#dictionariesRead)) this.#read(this.#reader, this.#dictionariesRead, undefined);
    }
    return present(this.#read(this.#reader, ordinal, whole), 'record batch');
  }

  #read(reader: BatchReader, ordinal: number, whole: Uint8Array | undefined): RecordBatch | undefined {
    const { header, body } = this.message(ordinal, whole);
    try {
      return reader.read(header, present(body[0], 'body'));
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      throw this.markDamaged(present(this.#index, 'batch rows').offset(ordinal), error.message);
    }
  }

  /** True when messages [from, to) may be used without looking at their checksums. */
  verifiedRange(from: number, to: number): boolean {
    if (this.#verified === undefined) return true;
    for (let i = from; i < to; i++) if (this.#verified[i] === 0) return false;
    return true;
  }

  /** End of the run of messages from `from` that one read verifies. */
  verifyEnd(from: number, to: number): number {
    const index = present(this.#index, 'batch rows');
    const start = index.offset(from);
    let end = from + 1;
    while (end < to && index.end(end) - start <= VERIFY_READ_BYTES) end++;
    return end;
  }

  /** Reads messages [from, to) from `file` and holds them against their checksums. @throws `corrupt` */
  async verify(file: OsFile, from: number, to: number): Promise<void> {
    if (this.verifiedRange(from, to)) return;
    const index = present(this.#index, 'batch rows');
    const start = index.offset(from);
    let bytes: Uint8Array;
    try {
      bytes = await file.read(index.end(to - 1) - start, start);
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      if (error.code === 'corrupt') throw this.markDamaged(start, 'the file ends early');
      if (isUnreadable(error)) throw this.markDamaged(start, error.message, false);
      throw error;
    }
    for (let i = from; i < to; i++) {
      this.#checkMessage(i, bytes.subarray(index.offset(i) - start, index.end(i) - start));
    }
    this.markVerified(from, to);
  }

  /** Notes that messages [from, to) were held against their checksums. */
  markVerified(from: number, to: number): void {
    if (this.#verified === undefined) return;
    for (let i = from; i < to; i++) {
      if (this.#verified[i] === 0) this.#unverified--;
      this.#verified[i] = 1;
    }
    if (this.#unverified === 0) this.#verified = undefined;
  }

  /** Opens the file for `verify`. */
  openFile(): Promise<OsFile> {
    return this.#context.os.open(this.identity.path, 'read');
  }
}
