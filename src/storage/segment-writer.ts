/**
 * Writes one segment file: head, messages, end.
 *
 *     ┌────────┬────────────────────────┬─────────┬─────────┬───┬─────────────┬────────┬────────┬────────┐
 *     │ magic  │ schema message, padded │ message │ message │ … │ end of      │ footer │ length │ ARROW1 │
 *     │ 8      │ to a multiple of 64    │         │         │   │ stream (8)  │        │        │        │
 *     └────────┴────────────────────────┴─────────┴─────────┴───┴─────────────┴────────┴────────┴────────┘
 *                                       ◀─ up to committedLength ─▶◀──────── only when sealed ──────────▶
 *
 * Hides the file. Invariants: bytes below the committed length are never written again and never cut off; messages
 * are staged, then flushed, then synced, then committed (in the catalog, by the caller), in this order; a file is
 * never above `bytesMax`, its end included; a segment holds one dictionary per column, which only grows; after a
 * failed sync nothing is written any more.
 */
import type { RecordBatch } from '../arrow/batch.ts';
import { DictionaryWriter } from '../arrow/ipc-write.ts';
import { assert, present } from '../base/assert.ts';
import { concatBytes } from '../base/bytes.ts';
import { SEGMENT_BYTES_MAX } from '../base/limits.ts';
import { makeHistogram } from '../base/metrics.ts';
import type { Os, OsFile } from '../os/os.ts';
import type { BatchIndex, StagedRow } from './batch-index.ts';
import { dictionaryBytes } from './dictionaries.ts';
import type { Segment } from './segment.ts';
import { segmentEnd } from './segment-file.ts';
import type { FileMessage } from './segment-file.ts';
import { storeDictionary, storedBytes } from './stored-message.ts';
import type { StoredMessage } from './stored-message.ts';
import type { TableDefinition } from './definition.ts';

/** Footer bytes kept free per message (its block, its checksum, slack), and once for schema and metadata. */
const FOOTER_BYTES_PER_MESSAGE = 48;
const FOOTER_BYTES_FIXED = 8_192;

const syncSeconds = makeHistogram('storage_sync_seconds', 'Time of one fdatasync of a segment file');

/** A failed fdatasync: what was written since the last one may be lost, and may never be synced again. */
export class SyncError extends Error {
  override readonly name = 'SyncError';
}

export class SegmentWriter {
  segment: Segment;
  definition: TableDefinition;
  readonly #os: Os;
  readonly #bytesMax: number;
  readonly #dictionaries: DictionaryWriter | undefined;
  #file: OsFile | undefined;
  /** End of what is staged. */
  #length: number;
  /** End of what is written or being written. */
  #flushed = 0;
  #parts: Uint8Array[];
  /** Parts at the front whose memory is ours alone. */
  #ownedParts = 1;
  /** Rows of staged messages that are not committed. */
  #rows: StagedRow[] = [];
  #stagedRowCount = 0;
  /** Set when nothing more may be written: a failed sync, or a failed cut. */
  frozen = false;
  /** Bytes of the whole file once its end is written. */
  fileLength = 0;
  /** Monotonic time of the last commit, in ms. */
  committedAtMs = 0;
  /** Segments that this one takes the place of; its footer names them, so that they do not come back by a repair. */
  replaces: readonly number[] = [];

  constructor(os: Os, segment: Segment, definition: TableDefinition, bytesMax: number) {
    this.#os = os;
    this.segment = segment;
    this.definition = definition;
    this.#bytesMax = bytesMax;
    this.#dictionaries = definition.hasDictionaries ? new DictionaryWriter(definition.schema) : undefined;
    this.#parts = [definition.segmentHead];
    this.#length = definition.segmentHead.byteLength;
  }

  /** True until its first commit. */
  get isNew(): boolean {
    return this.segment.messageCount === 0;
  }

  /** End of the staged messages: the committed length after the next commit. */
  get length(): number {
    return this.#length;
  }

  get unflushedBytes(): number {
    return this.#length - this.#flushed;
  }

  get stagedRows(): readonly StagedRow[] {
    return this.#rows;
  }

  get stagedRowCount(): number {
    return this.#stagedRowCount;
  }

  get hasStaged(): boolean {
    return this.#rows.length > 0;
  }

  /**
   * Stages a batch and what its dictionaries need. False when it does not go into this segment: too little room, or
   * a dictionary that is not the old one grown; then nothing is staged, unless the segment is empty: a message
   * alone always goes in. `dictionaries`: a batch with the same dictionaries, if the schema has any; its memory is
   * kept.
   */
  stage(message: StoredMessage, dictionaries: RecordBatch | undefined): boolean {
    const empty = this.#rows.length === 0 && this.isNew;
    if (this.#dictionaries === undefined || dictionaries === undefined) {
      if (!empty && !this.#fits(storedBytes(message), 1)) return false;
    } else {
      const change = this.#dictionaries.change(dictionaries);
      if (change === 'replace' && !empty) return false;
      // What a dictionary takes is not known before it is encoded, and encoding cannot be undone: growth near the
      // end moves on.
      const slack = change === 'none' ? 0 : dictionaryBytes(dictionaries);
      if (!empty && !this.#fits(storedBytes(message) + slack, 16)) return false;
      for (const grown of this.#dictionaries.messages(dictionaries)) this.#add(storeDictionary(grown));
    }
    this.#add(message);
    return true;
  }

  #fits(bytes: number, messages: number): boolean {
    const count = this.segment.messageCount + this.#rows.length + messages;
    const names = this.definition.segmentHead.byteLength * 2 + FOOTER_BYTES_FIXED + 16 * this.replaces.length;
    return this.#length + bytes + count * FOOTER_BYTES_PER_MESSAGE + names <= this.#bytesMax;
  }

  #add(message: StoredMessage): void {
    this.#rows.push({
      segmentId: this.segment.identity.segmentId,
      ordinal: this.segment.messageCount + this.#rows.length,
      kind: message.kind,
      offset: this.#length,
      headerLength: message.headerLength,
      bodyLength: message.bodyLength,
      rowCount: message.rowCount,
      crc32: message.crc32,
      statistics: message.statistics,
    });
    this.#parts.push(...message.parts);
    this.#length += storedBytes(message);
    this.#stagedRowCount += message.rowCount;
  }

  /** Copies what is staged and not yet being written, so that its memory may change. */
  own(): void {
    const borrowed = this.#parts.splice(this.#ownedParts);
    if (borrowed.length > 0) this.#parts.push(concatBytes(borrowed));
    this.#ownedParts = this.#parts.length;
  }

  /** Writes what is staged; makes the file first when it is new. One call at a time. */
  async flush(): Promise<void> {
    this.#refuseFrozen();
    const parts = this.#parts;
    const position = this.#flushed;
    this.#parts = [];
    this.#ownedParts = 0;
    this.#flushed = this.#length;
    this.#file ??= await this.#os.open(this.segment.identity.path, 'create');
    if (parts.length > 0) await this.#file.write(parts, position);
  }

  /** Waits until what was flushed is on the disk. @throws SyncError; the segment is frozen then */
  async sync(): Promise<void> {
    this.#refuseFrozen();
    const started = process.hrtime.bigint();
    try {
      await present(this.#file, 'file of a flushed segment').dataSync();
    } catch (error) {
      this.frozen = true;
      throw new SyncError(`fdatasync of ${this.segment.identity.path} failed`, { cause: error });
    } finally {
      syncSeconds.observe(Number(process.hrtime.bigint() - started) / 1e9);
    }
  }

  #refuseFrozen(): void {
    if (this.frozen) throw new SyncError(`an earlier fdatasync of ${this.segment.identity.path} failed`);
  }

  /** Takes over what was staged: the catalog has it. Snapshots made from now on see it. */
  commit(version: number, nowMs: number): void {
    const { segment } = this;
    const index = present(segment.index, 'batch rows of a writer');
    if (this.isNew) segment.createdCommit = version;
    for (const row of this.#rows) index.add(row, version);
    segment.committedLength = this.#length;
    segment.rowCount += this.#stagedRowCount;
    segment.messageCount += this.#rows.length;
    this.#clearStaged();
    this.committedAtMs = nowMs;
  }

  #clearStaged(): void {
    this.#rows = [];
    this.#parts = [];
    this.#ownedParts = 0;
    this.#stagedRowCount = 0;
  }

  /**
   * Drops what was staged and cuts the file back to its committed length; a segment without commits loses its file.
   * Returns false when the segment must not be written any more.
   */
  async cutBack(): Promise<boolean> {
    if (this.isNew) {
      await this.discard();
      return false;
    }
    const changed = this.#rows.some((row) => row.kind === 'dictionary');
    this.#clearStaged();
    this.#length = this.segment.committedLength;
    this.#flushed = this.#length;
    if (this.frozen) return false;
    try {
      await present(this.#file, 'file of a committed segment').truncate(this.#length);
    } catch {
      // Recovery cuts the torn end off; until then nothing may be written behind it.
      this.frozen = true;
    }
    return !this.frozen && !changed;
  }

  /**
   * Closes and removes the file of a segment that was never committed. What cannot be removed is an orphan for
   * recovery.
   */
  async discard(): Promise<void> {
    this.frozen = true;
    this.#clearStaged();
    const file = this.#file;
    this.#file = undefined;
    if (file === undefined) return;
    await ignoreFailure(file.close());
    await ignoreFailure(this.#os.unlink(this.segment.identity.path));
  }

  /** Uses `file`, which holds exactly the segment's committed bytes, and nothing else yet. */
  attach(file: OsFile): void {
    this.#file = file;
    this.#parts = [];
    this.#length = this.segment.committedLength;
    this.#flushed = this.#length;
  }

  /**
   * Writes end-of-stream and footer after the last message, and waits for the disk. May be repeated, which writes
   * it anew.
   */
  async writeEnd(databaseId: string): Promise<void> {
    const file = present(this.#file, 'file of a segment to seal');
    const end = this.#end(databaseId);
    if (this.fileLength > this.#length) await file.truncate(this.#length);
    await file.write([end], this.#length);
    await this.sync();
    this.fileLength = this.#length + end.byteLength;
    assert(this.fileLength <= SEGMENT_BYTES_MAX, 'a sealed segment is within its bound');
  }

  #end(databaseId: string): Uint8Array {
    const { index, identity, position, createdCommit } = this.segment;
    const messages: FileMessage[] = [];
    for (let i = 0; i < this.segment.messageCount; i++) {
      messages.push(messageOf(present(index, 'batch rows of a writer'), i));
    }
    const { definition } = this;
    const about = {
      databaseId,
      tableId: definition.tableId,
      tableName: definition.name,
      segmentId: identity.segmentId,
      fieldIds: definition.fieldIds,
      replaces: this.replaces,
      schemaVersion: definition.schemaVersion,
      // A segment that is sealed before its commit does not know them yet.
      position: position === 0 ? undefined : position,
      commit: createdCommit === 0 ? undefined : createdCommit,
    };
    return segmentEnd(about, definition.segmentHead, definition.schema, [...messages, ...this.#rows]);
  }

  /** Takes `segment` of another table of the very same head for its own; the file has been renamed to its path. */
  relocate(segment: Segment, definition: TableDefinition): void {
    assert(this.isNew, 'only a segment that was never committed moves');
    this.segment = segment;
    this.definition = definition;
    const { segmentId } = segment.identity;
    this.#rows = this.#rows.map((row) => ({ ...row, segmentId }));
  }

  /** Closes the file, if it is open. */
  async close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    this.frozen = true;
    if (file !== undefined) await ignoreFailure(file.close());
  }
}

function messageOf(index: BatchIndex, i: number): FileMessage {
  return {
    kind: index.isDictionary(i) ? 'dictionary' : 'batch',
    offset: index.offset(i),
    headerLength: index.headerLength(i),
    bodyLength: index.bodyLength(i),
    crc32: index.crc32(i),
  };
}

/** Waits for something whose failure changes nothing: what it leaves behind is found by recovery. */
async function ignoreFailure(work: Promise<void>): Promise<void> {
  await work.catch(() => undefined);
}
