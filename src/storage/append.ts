/**
 * One transaction of appended batches: encodes them as they come, in memory while they are few, in segments of its
 * own after that.
 *
 * Hides re-cutting, statistics, checksums and spilling. Invariants: rows keep their order; nothing of the caller's
 * memory is used after `write` resolved; memory is bounded: what is held counts against one budget for the whole
 * process, and past it, or past `privateSegmentBytesMin`, a stream writes private segments, encoding the next batch
 * while the last is being written. A private segment is complete on disk, end and all, before the commit adopts it;
 * an aborted one is removed.
 */
import type { RecordBatch } from '../arrow/batch.ts';
import { cutRanges, encodeBatch } from '../arrow/ipc-write.ts';
import type { RowRange } from '../arrow/ipc-write.ts';
import type { Schema } from '../arrow/schema.ts';
import type { ColumnDefault } from '../arrow/source.ts';
import { sameType, typeName } from '../arrow/type.ts';
import { present } from '../base/assert.ts';
import { EngineError, didNotHappen } from '../base/errors.ts';
import { foldName } from '../base/names.ts';
import { ROW_BYTES_MAX, SEGMENT_SYNC_BYTES, SEGMENT_VIEW_WRITE_BYTES, SEGMENT_WRITE_BYTES } from '../base/limits.ts';
import { ContentChecksum } from './checksum.ts';
import type { CommitRequest, Committer } from './commit.ts';
import type { Append, AppendResult, AppendTag } from './contract.ts';
import { DictionaryHolder, dictionaryBytes } from './dictionaries.ts';
import type { FreeSpace } from './free-space.ts';
import { producerKey } from './producer.ts';
import { SyncError } from './segment-writer.ts';
import type { SegmentWriter } from './segment-writer.ts';
import { packStatistics } from './statistics.ts';
import type { Store } from './store.ts';
import { storeBatch, storedBytes, wireBytes } from './stored-message.ts';
import type { StoredMessage } from './stored-message.ts';
import { newSegmentWriter } from './table-work.ts';
import type { HeldBatch } from './table-work.ts';
import { defaultAt } from './definition.ts';
import type { TableDefinition } from './definition.ts';
import type { Table } from './table.ts';

type State = 'open' | 'committed' | 'failed' | 'aborted';

export interface AppendServices {
  readonly store: Store;
  readonly committer: Committer;
  readonly space: FreeSpace;
}

/** Where an append goes: a table, or one to create. `tag`: it must be stored exactly once. */
export interface AppendTarget {
  /** The table must be missing at the commit, too. */
  readonly mustCreate: boolean;
  /** A table of that name at the commit is dropped. */
  readonly replaces: boolean;
  readonly tag: AppendTag | undefined;
  readonly name: string;
  readonly table: Table | undefined;
  readonly definition: TableDefinition;
}

export class TableAppend implements Append {
  readonly #store: Store;
  readonly #committer: Committer;
  readonly #space: FreeSpace;
  readonly #target: AppendTarget;
  readonly #holder: DictionaryHolder | undefined;
  #state: State = 'open';
  #held: HeldBatch[] = [];
  #heldBytes = 0;
  /** Private segments, the last of them being written. */
  readonly #privates: SegmentWriter[] = [];
  #madeDirectory = false;
  #writing: Promise<void> | undefined;
  #syncing: Promise<void> | undefined;
  #bytesSinceSync = 0;
  /** Whether views on the batch being taken are staged, and are being written. */
  #viewsStaged = false;
  #viewsWriting = false;
  #rowCount = 0;
  #byteCount = 0;
  #checkedSchema: Schema | undefined;
  readonly #content: ContentChecksum | undefined;

  constructor(services: AppendServices, target: AppendTarget) {
    this.#store = services.store;
    this.#committer = services.committer;
    this.#space = services.space;
    this.#target = target;
    const { schema } = target.definition;
    this.#holder = target.definition.hasDictionaries ? new DictionaryHolder(schema) : undefined;
    this.#content = target.tag === undefined ? undefined : new ContentChecksum(schema);
    this.#store.openAppends++;
  }

  get schema(): Schema {
    return this.#target.definition.schema;
  }

  get defaults(): readonly (ColumnDefault | undefined)[] {
    return this.schema.fields.map((_, i) => defaultAt(this.#target.definition, i));
  }

  async write(batch: RecordBatch): Promise<void> {
    this.#checkOpen();
    this.#checkBatch(batch);
    if (batch.rowCount === 0) return;
    try {
      this.#content?.update(batch);
      const { batchRowsMax, batchBytesMax } = this.#store.bounds;
      const dictionaries = this.#holder?.hold(batch);
      for (const range of cutRanges(batch, batchRowsMax, batchBytesMax)) await this.#add(batch, range, dictionaries);
      await this.#settle();
    } catch (error) {
      await this.#discard('failed');
      throw readable(error);
    }
  }

  async commit(): Promise<AppendResult> {
    this.#checkOpen();
    if (this.#rowCount === 0 && this.#target.table !== undefined && this.#content === undefined) {
      this.#end('committed');
      return { commit: this.#store.version, rowCount: 0, byteCount: 0, duplicate: false };
    }
    try {
      this.#store.checkWritable();
      const result = this.#content === undefined ? await this.#commitPlain() : await this.#commitTagged();
      // What is stored already is not stored again.
      if (result.duplicate) await this.#discard('committed');
      else this.#end('committed');
      this.#release();
      return result;
    } catch (error) {
      if (error instanceof SyncError || didNotHappen(error)) await this.#discard('failed');
      else await this.#abandon();
      throw readable(error);
    }
  }

  async #commitPlain(): Promise<AppendResult> {
    for (const writer of this.#privates) await this.#finish(writer);
    return this.#submit();
  }

  /** Appends of one producer reach the committer in the order in which their commits were asked for. */
  async #commitTagged(): Promise<AppendResult> {
    const { name, tag } = this.#target;
    const known = present(tag, 'the tag of an append');
    const place = this.#store.submitOrder.enter(`${foldName(name)} ${producerKey(known)}`);
    let release: (() => void) | undefined;
    try {
      for (const writer of this.#privates) await this.#finish(writer);
      const table = this.#store.liveTable(name);
      // A table that is made by this very commit has no producers yet.
      release = await table?.producers.hold(this.#store.catalog, table.definition, known);
      if (place.before !== undefined) await place.before;
      const submitted = this.#submit();
      place.leave();
      return await submitted;
    } finally {
      place.leave();
      release?.();
    }
  }

  async abort(): Promise<void> {
    if (this.#state === 'open') await this.#discard('aborted');
  }

  #submit(): Promise<AppendResult> {
    return this.#committer.submit({
      name: this.#target.name,
      table: this.#target.table,
      definition: this.#target.definition,
      mustCreate: this.#target.mustCreate,
      replaces: this.#target.replaces,
      held: this.#held,
      privates: this.#privates,
      rowCount: this.#rowCount,
      byteCount: this.#byteCount,
      tagged: this.#tagged(),
    });
  }

  #tagged(): CommitRequest['tagged'] {
    const { tag } = this.#target;
    return tag === undefined || this.#content === undefined ? undefined : { tag, checksum: this.#content.digest() };
  }

  #end(state: State): void {
    if (this.#state === 'open') this.#store.openAppends--;
    this.#state = state;
  }

  #checkOpen(): void {
    if (this.#state === 'open') return;
    throw new EngineError('request_invalid', `this append to table "${this.#target.name}" is ${this.#state} already`);
  }

  /** @throws `schema_mismatch` unless the batch has the table's columns and no null where none may be */
  #checkBatch(batch: RecordBatch): void {
    const { fields } = this.schema;
    const known = this.#checkedSchema === batch.schema;
    if (batch.columns.length !== fields.length) {
      const counts = `${batch.columns.length.toString()} columns, the table has ${fields.length.toString()}`;
      throw this.#mismatch(`the batch has ${counts}`);
    }
    batch.columns.forEach((column, i) => {
      const field = present(fields[i], 'field');
      if (!known && !sameType(column.type, field.type)) {
        throw this.#mismatch(`column "${field.name}" is ${typeName(field.type)}, not ${typeName(column.type)}`);
      }
      if (!field.nullable && column.nullCount > 0) throw this.#mismatch(`column "${field.name}" must not be null`);
    });
    this.#checkedSchema = batch.schema;
    const bytes = this.#holder === undefined ? 0 : dictionaryBytes(batch);
    if (bytes > ROW_BYTES_MAX) throw this.#tooLarge('the dictionaries of a batch', bytes);
  }

  #mismatch(what: string): EngineError {
    return new EngineError('schema_mismatch', `cannot add rows to table "${this.#target.name}": ${what}`);
  }

  #tooLarge(what: string, bytes: number): EngineError {
    return new EngineError(
      'limit_exceeded',
      `cannot add rows to table "${this.#target.name}": ${what} would take ${bytes.toString()} bytes, ` +
        `at most ${ROW_BYTES_MAX.toString()} are allowed`,
    );
  }

  async #add(batch: RecordBatch, range: RowRange, dictionaries: RecordBatch | undefined): Promise<void> {
    const spilling = this.#privates.length > 0;
    const encoded = encodeBatch(batch, range);
    if (encoded.bodyBytes > ROW_BYTES_MAX) throw this.#tooLarge('one row', encoded.bodyBytes);
    const message = storeBatch(encoded, range.end - range.start, packStatistics(batch, range), !spilling);
    this.#rowCount += message.rowCount;
    this.#byteCount += wireBytes(message);
    if (spilling) {
      await this.#addPrivate({ message, dictionaries });
      this.#viewsStaged = true;
    } else await this.#hold(message, dictionaries);
  }

  async #hold(message: StoredMessage, dictionaries: RecordBatch | undefined): Promise<void> {
    const bytes = storedBytes(message);
    this.#held.push({ message, dictionaries });
    this.#heldBytes += bytes;
    this.#store.heldBytes += bytes;
    const { privateSegmentBytesMin, heldBytesMax } = this.#store.bounds;
    if (this.#heldBytes > privateSegmentBytesMin || this.#store.heldBytes > heldBytesMax) await this.#spill();
  }

  /** Moves what is held to a first private segment. */
  async #spill(): Promise<void> {
    const { os } = this.#store;
    if (this.#target.table === undefined) {
      await os.makeDirectory(this.#target.definition.path);
      this.#madeDirectory = true;
    }
    const held = this.#held;
    this.#held = [];
    this.#openPrivate();
    for (const batch of held) await this.#addPrivate(batch);
    await this.#writing;
    this.#release();
  }

  #openPrivate(): SegmentWriter {
    const writer = newSegmentWriter(this.#store, this.#target.definition);
    this.#privates.push(writer);
    return writer;
  }

  async #addPrivate({ message, dictionaries }: HeldBatch): Promise<void> {
    let writer = present(this.#privates.at(-1), 'private segment');
    if (writer.unflushedBytes >= SEGMENT_WRITE_BYTES) await this.#flush(writer);
    if (writer.stage(message, dictionaries)) return;
    await this.#flush(writer);
    writer = this.#openPrivate();
    writer.stage(message, dictionaries);
  }

  /** Begins to write what is staged, when the write before has ended; one write is under way at a time. */
  async #flush(writer: SegmentWriter): Promise<void> {
    const bytes = writer.unflushedBytes;
    await this.#writing;
    await this.#space.claim(bytes);
    const writing = writer.flush();
    this.#writing = writing;
    this.#viewsWriting = this.#viewsStaged;
    this.#viewsStaged = false;
    // The failure is met by whoever waits for this write next.
    writing.catch(() => undefined);
    this.#bytesSinceSync += bytes;
    if (this.#bytesSinceSync < SEGMENT_SYNC_BYTES || this.#syncing !== undefined) return;
    this.#bytesSinceSync = 0;
    this.#syncing = writing.then(() => writer.sync()).finally(() => (this.#syncing = undefined));
    this.#syncing.catch(() => undefined);
  }

  /**
   * Ends the use of the caller's memory: writes what is staged when that is worth a call of its own, copies it when it
   * is little, and waits for the write under way.
   */
  async #settle(): Promise<void> {
    const writer = this.#privates.at(-1);
    if (writer === undefined) return;
    if (this.#viewsStaged && writer.unflushedBytes >= SEGMENT_VIEW_WRITE_BYTES) await this.#flush(writer);
    writer.own();
    this.#viewsStaged = false;
    if (this.#viewsWriting) await this.#writing;
    this.#viewsWriting = false;
  }

  /** Completes a private segment on disk. */
  async #finish(writer: SegmentWriter): Promise<void> {
    await this.#writing;
    await this.#syncing;
    if (writer.unflushedBytes > 0) {
      await this.#space.claim(writer.unflushedBytes);
      await writer.flush();
    }
    await writer.writeEnd(this.#store.databaseId);
  }

  #release(): void {
    this.#store.heldBytes -= this.#heldBytes;
    this.#heldBytes = 0;
    this.#held = [];
  }

  async #discard(state: State): Promise<void> {
    if (this.#state !== 'open') return;
    this.#end(state);
    this.#release();
    await this.#writing?.catch(() => undefined);
    await this.#syncing?.catch(() => undefined);
    for (const writer of this.#privates) await writer.discard();
    if (this.#madeDirectory) {
      await this.#store.os.removeDirectory(this.#target.definition.path).catch(() => undefined);
    }
  }

  /** The outcome is unknown: the files stay, recovery decides about them. */
  async #abandon(): Promise<void> {
    this.#end('failed');
    this.#release();
    for (const writer of this.#privates) await writer.close();
  }
}

/**
 * The error as the caller sees it. The bytes of a private segment are not in memory any more, so a failed sync ends
 * its stream.
 */
function readable(error: unknown): unknown {
  if (!(error instanceof SyncError)) return error;
  return new EngineError('io_error', `${error.message}; nothing of this stream was stored`, { cause: error });
}
