/**
 * What one group commit does to one table: steps C2 and C3 (write, sync), and their undoing.
 *
 * Hides placement: small streams share the active segment, one after another; a stream that does not fit, or whose
 * dictionaries go another way, continues in a new segment; private segments end the active one, so that rows stand in
 * the order of the streams. Invariants: a failure undoes the whole table's share of the group and nothing of other
 * tables; a failed sync is not repeated: the segment is frozen and its share written once more, from memory, to a new
 * file.
 */
import { present } from '../base/assert.ts';
import { EngineError } from '../base/errors.ts';
import type { RecordBatch } from '../arrow/batch.ts';
import { BatchIndex } from './batch-index.ts';
import { segmentPath } from './filename.ts';
import { Segment } from './segment.ts';
import type { SegmentContext, SegmentView } from './segment.ts';
import { SegmentWriter, SyncError } from './segment-writer.ts';
import type { Store } from './store.ts';
import type { StoredMessage } from './stored-message.ts';
import type { TableDefinition } from './definition.ts';
import { POSITION_SPACING } from './table.ts';
import type { Table } from './table.ts';

/** An encoded batch that waits in memory for its place in a segment. */
export interface HeldBatch {
  readonly message: StoredMessage;
  /** Its dictionaries, when the schema has any. */
  readonly dictionaries: RecordBatch | undefined;
}

/** A stream as the commit sees it. */
export interface StreamRows {
  /** The definition that its messages were encoded under. */
  readonly definition: TableDefinition;
  readonly held: readonly HeldBatch[];
  /** Segments of its own: written, synced, with their ends. */
  readonly privates: readonly SegmentWriter[];
}

/** Makes the writer of a new segment of a table. */
export function newSegmentWriter(store: Store, definition: TableDefinition): SegmentWriter {
  const segment = newSegment(store, definition, store.nextSegmentId());
  return new SegmentWriter(store.os, segment, definition, store.bounds.segmentBytesMax);
}

/** An empty segment that no commit knows yet. */
export function newSegment(context: SegmentContext, definition: TableDefinition, segmentId: number): Segment {
  const identity = { segmentId, definition, path: segmentPath(definition.path, segmentId) };
  const start = definition.segmentHead.byteLength;
  const empty = { committedLength: start, rowCount: 0, messageCount: 0, createdCommit: 0, position: 0 };
  return new Segment(identity, context, { state: 'active', ...empty }, new BatchIndex());
}

export class TableWork {
  readonly table: Table;
  readonly isNew: boolean;
  readonly #store: Store;
  readonly #streams: StreamRows[] = [];
  /** The active segment when the group began. */
  readonly #original: SegmentWriter | undefined;
  /** Writers of shared segments that got rows. */
  #touched: SegmentWriter[] = [];
  /** Those and the adopted ones, in the order of their rows. */
  #ordered: SegmentWriter[] = [];
  /** Writers that will take no more rows. */
  #full: SegmentWriter[] = [];
  readonly #adopted: SegmentWriter[] = [];

  constructor(store: Store, table: Table, isNew: boolean) {
    this.#store = store;
    this.table = table;
    this.isNew = isNew;
    this.#original = table.active;
  }

  add(stream: StreamRows): void {
    this.#streams.push(stream);
  }

  /** Bytes that will be written to shared segments. */
  get heldBytes(): number {
    let bytes = 0;
    for (const { held } of this.#streams) {
      for (const { message } of held) bytes += message.headerLength + message.bodyLength;
    }
    return bytes;
  }

  /** Every writer whose segment gets rows in this commit, in the order of the streams. */
  get writers(): readonly SegmentWriter[] {
    return this.#ordered;
  }

  isAdopted(writer: SegmentWriter): boolean {
    return this.#adopted.includes(writer);
  }

  /** Writes and syncs. @throws SyncError when a second file failed to sync, too; else the EngineError of the disk */
  async write(): Promise<void> {
    if (this.isNew) await this.#store.os.makeDirectory(this.table.definition.path);
    for (const stream of this.#streams) for (const writer of stream.privates) await this.#adopt(writer);
    try {
      await this.#writeShared();
    } catch (error) {
      if (!(error instanceof SyncError)) throw error;
      this.#store.log.error('a sync failed; the group is written again to a new file', error);
      await this.#abandon();
      await this.#writeShared();
    }
  }

  async #writeShared(): Promise<void> {
    this.#ordered = [];
    for (const stream of this.#streams) {
      const definition = this.#definitionOf(stream);
      for (const batch of stream.held) this.#place(batch, definition);
      if (stream.privates.length > 0) this.#placePrivates(stream.privates);
    }
    const results = await Promise.allSettled(
      this.#touched.map(async (writer) => {
        await writer.flush();
        await writer.sync();
      }),
    );
    const failures = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []));
    if (failures.length > 0) throw failures.find((failure) => failure instanceof SyncError) ?? failures[0];
    await this.#syncDirectories();
  }

  /** A stream that was to create the table, which another has made meanwhile, has the very same columns. */
  #definitionOf({ definition }: StreamRows): TableDefinition {
    const { table } = this;
    return definition.tableId === table.definition.tableId ? definition : table.definition;
  }

  #place(batch: HeldBatch, definition: TableDefinition): void {
    const writer = this.table.active ?? this.#open(definition);
    // A stream that was begun before its table was altered is stored as it was encoded, in a segment of its own.
    const fits = writer.definition === definition;
    if (fits && writer.stage(batch.message, batch.dictionaries)) {
      if (!this.#touched.includes(writer)) this.#touched.push(writer);
      if (!this.#ordered.includes(writer)) this.#ordered.push(writer);
      return;
    }
    this.#endActive(writer);
    this.#place(batch, definition);
  }

  /** Private segments end the active one, so that what comes later stands behind them. */
  #placePrivates(privates: readonly SegmentWriter[]): void {
    if (this.table.active !== undefined) this.#endActive(this.table.active);
    this.#ordered.push(...privates);
  }

  #endActive(writer: SegmentWriter): void {
    this.#full.push(writer);
    this.table.active = undefined;
  }

  #open(definition: TableDefinition): SegmentWriter {
    const writer = newSegmentWriter(this.#store, definition);
    this.table.active = writer;
    return writer;
  }

  /**
   * Takes a private segment over. It was written for a table of its own when another stream has created the table
   * meanwhile.
   */
  async #adopt(writer: SegmentWriter): Promise<void> {
    const { definition } = this.table;
    if (writer.definition.tableId !== definition.tableId) {
      if (Buffer.compare(writer.definition.segmentHead, definition.segmentHead) !== 0) {
        throw new EngineError(
          'busy',
          `table "${definition.name}" was created by another stream meanwhile; send the rows again`,
        );
      }
      const from = writer.segment.identity;
      const segment = newSegment(this.#store, definition, from.segmentId);
      await this.#store.os.rename(from.path, segment.identity.path);
      writer.relocate(segment, definition);
      await writer.writeEnd(this.#store.databaseId);
    }
    this.#adopted.push(writer);
  }

  async #syncDirectories(): Promise<void> {
    const { os, paths } = this.#store;
    try {
      if (this.writers.some((writer) => writer.isNew)) await os.syncDirectory(this.table.definition.path);
      if (this.isNew) await os.syncDirectory(paths.tables);
    } catch (error) {
      for (const writer of this.#touched) if (writer.isNew) writer.frozen = true;
      throw new SyncError(`sync of the directory of table "${this.table.name}" failed`, { cause: error });
    }
  }

  /** Leaves the files whose sync failed: what they had committed stays, what was staged goes. */
  async #abandon(): Promise<void> {
    for (const writer of this.#touched) {
      if (writer.frozen || writer.isNew) {
        await writer.cutBack();
        if (!writer.isNew) this.#full.push(writer);
      } else if (!(await writer.cutBack())) this.#full.push(writer);
    }
    this.#touched = [];
    this.table.active = undefined;
  }

  /** Undoes everything on disk that the catalog does not know of. Private segments are their streams' own to remove. */
  async undo(): Promise<void> {
    const { table } = this;
    table.active = this.#original;
    for (const writer of this.#touched) {
      const usable = await writer.cutBack();
      if (writer !== this.#original || usable) continue;
      table.active = undefined;
      this.#store.unsealed.add(writer);
    }
    if (this.#original !== undefined && this.#original.frozen) {
      table.active = undefined;
      this.#store.unsealed.add(this.#original);
    }
    if (table.active === undefined) this.#store.activeTables.delete(table);
    if (this.isNew) await this.#store.os.removeDirectory(table.definition.path).catch(() => undefined);
  }

  /** Gives new segments their places behind all others; called when the change for the catalog is made. */
  placeNew(): void {
    let position = this.table.nextPosition;
    for (const writer of this.writers) {
      if (!writer.isNew) continue;
      writer.segment.position = position;
      position += POSITION_SPACING;
    }
  }

  /** Step C5 for this table: makes the rows part of snapshot `version`. */
  publish(version: number, oldestPin: number): void {
    const { table } = this;
    const store = this.#store;
    const now = store.clock.monotonicMs();
    if (this.isNew) store.addTable(table);
    const { writers } = this;
    for (const writer of writers) {
      const { isNew, segment } = writer;
      writer.commit(version, now);
      if (isNew) store.addSegment(table, segment);
    }
    for (const { segment } of this.#adopted) {
      segment.state = 'sealed';
      segment.hasEnd = true;
    }
    if (writers.length > 0) table.publish(version, this.#views(writers), oldestPin);
    for (const writer of this.#full) store.unsealed.add(writer);
    if (table.active !== undefined && table.active.segment.messageCount >= store.bounds.activeMessagesMax) {
      store.endActive(table);
    }
    if (table.active === undefined) store.activeTables.delete(table);
    else store.activeTables.add(table);
  }

  /** The views before, with those of the written segments renewed or added at the end. */
  #views(writers: readonly SegmentWriter[]): SegmentView[] {
    const views = [...this.table.manifest.segments];
    for (const { segment } of writers) {
      const last = views.length - 1;
      if (last >= 0 && present(views[last], 'view').segment === segment) views[last] = segment.view();
      else views.push(segment.view());
    }
    return views;
  }

  /** Closes the files of adopted segments, which are complete. */
  async closeAdopted(): Promise<void> {
    for (const writer of this.#adopted) await writer.close();
  }
}
