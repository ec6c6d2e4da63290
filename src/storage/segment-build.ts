/**
 * New sealed segments out of a stream of batches: what a rewrite or a compaction leaves in place of older ones.
 *
 * Hides joining of small batches into full ones, cutting, statistics, and where one segment ends and the next begins.
 * Invariants: rows keep their order; the files are complete and synced, directory too, when `build` resolves, and no
 * catalog knows them yet; when it fails, they are gone; memory is bounded by two full batches beside the one that is
 * being read. Runs in any thread: it needs the disk and nothing of the store.
 */
import type { RecordBatch } from '../arrow/batch.ts';
import { joinBatches } from '../arrow/concat.ts';
import { DictionaryMerger } from '../arrow/dictionary-merge.ts';
import { cutRanges, encodeBatch, rangeBytes } from '../arrow/ipc-write.ts';
import { EngineError } from '../base/errors.ts';
import { RECOVERY_PARALLEL_MAX, SEGMENT_SYNC_BYTES, SEGMENT_WRITE_BYTES } from '../base/limits.ts';
import type { StagedRow } from './batch-index.ts';
import type { TableDefinition } from './definition.ts';
import { DictionaryHolder } from './dictionaries.ts';
import { inParallel } from './parallel.ts';
import type { SegmentContext } from './segment.ts';
import { SegmentWriter, SyncError } from './segment-writer.ts';
import { packStatistics } from './statistics.ts';
import { storeBatch } from './stored-message.ts';
import { newSegment } from './table-work.ts';

/** How batches are cut, and how large a segment may become. */
export interface BuildBounds {
  readonly batchRowsMax: number;
  readonly batchBytesMax: number;
  readonly segmentBytesMax: number;
}

/** Where built segments go, and what their footers say. */
export interface BuildTarget {
  readonly definition: TableDefinition;
  readonly databaseId: string;
  readonly bounds: BuildBounds;
  /** Segments that the new ones replace. */
  readonly replaces: readonly number[];
  /** Where the first of them stands in the table's order. */
  readonly position: number;
  /** Gives an id that was never used. */
  nextSegmentId(): number;
  /** Takes note that bytes will be written. @throws `storage_full` */
  claim(bytes: number): Promise<void>;
}

/** A segment that is whole on the disk and that no catalog knows. */
export interface BuiltSegment {
  readonly segmentId: number;
  readonly committedLength: number;
  readonly fileLength: number;
  readonly rowCount: number;
  readonly rows: readonly StagedRow[];
}

/**
 * Builds segments of all rows of `batches`, which have the definition's schema. Without a row one empty segment is
 * made: its footer says what it replaces. @throws what the disk and the batches throw
 */
export async function buildSegments(
  context: SegmentContext,
  target: BuildTarget,
  batches: AsyncIterable<RecordBatch>,
): Promise<BuiltSegment[]> {
  const builder = new SegmentBuilder(context, target);
  try {
    const merger = target.definition.hasDictionaries ? new DictionaryMerger() : undefined;
    for await (const batch of fullBatches(batches, merger, target.bounds)) await builder.add(batch);
    return await builder.finish();
  } catch (error) {
    await builder.discard();
    if (!(error instanceof SyncError)) throw error;
    throw new EngineError('io_error', `${error.message}; the table stays as it was`, { cause: error });
  }
}

/** Removes built segments that no commit took. What cannot be removed is an orphan for recovery. */
export async function discardBuilt(
  context: SegmentContext,
  definition: TableDefinition,
  built: readonly BuiltSegment[],
): Promise<void> {
  await inParallel(built, RECOVERY_PARALLEL_MAX, async ({ segmentId }) => {
    const { path } = newSegment(context, definition, segmentId).identity;
    await context.os.unlink(path).catch(() => undefined);
  });
}

/**
 * Joins neighbours that together do not exceed a full batch; larger ones pass as they are. Their dictionaries become
 * one, so that they can share a segment.
 */
async function* fullBatches(
  batches: AsyncIterable<RecordBatch>,
  merger: DictionaryMerger | undefined,
  bounds: BuildBounds,
): AsyncGenerator<RecordBatch> {
  let waiting: RecordBatch[] = [];
  let rows = 0;
  let bytes = 0;
  for await (const read of batches) {
    if (read.rowCount === 0) continue;
    const { batch, restarted } = merger?.merge(read) ?? { batch: read, restarted: false };
    const size = rangeBytes(batch, 0, batch.rowCount);
    const isFull = rows + batch.rowCount > bounds.batchRowsMax || bytes + size > bounds.batchBytesMax;
    if (waiting.length > 0 && (isFull || restarted)) {
      yield joinBatches(waiting);
      waiting = [];
      rows = 0;
      bytes = 0;
    }
    waiting.push(batch);
    rows += batch.rowCount;
    bytes += size;
  }
  if (waiting.length > 0) yield joinBatches(waiting);
}

class SegmentBuilder {
  readonly #context: SegmentContext;
  readonly #target: BuildTarget;
  readonly #holder: DictionaryHolder | undefined;
  readonly #writers: SegmentWriter[] = [];
  #bytesSinceSync = 0;

  constructor(context: SegmentContext, target: BuildTarget) {
    this.#context = context;
    this.#target = target;
    const { hasDictionaries, schema } = target.definition;
    this.#holder = hasDictionaries ? new DictionaryHolder(schema) : undefined;
  }

  async add(batch: RecordBatch): Promise<void> {
    const { batchRowsMax, batchBytesMax } = this.#target.bounds;
    const dictionaries = this.#holder?.hold(batch);
    for (const range of cutRanges(batch, batchRowsMax, batchBytesMax)) {
      const encoded = encodeBatch(batch, range);
      const message = storeBatch(encoded, range.end - range.start, packStatistics(batch, range), false);
      if (!this.#writer().stage(message, dictionaries)) {
        await this.#end(this.#writer());
        this.#open().stage(message, dictionaries);
      }
      if (this.#writer().unflushedBytes >= SEGMENT_WRITE_BYTES) await this.#flush(this.#writer());
    }
    // What is staged may be views on the batch, whose memory may be a map that is given up.
    this.#writer().own();
  }

  #writer(): SegmentWriter {
    return this.#writers.at(-1) ?? this.#open();
  }

  #open(): SegmentWriter {
    const { definition, bounds, replaces } = this.#target;
    const segment = newSegment(this.#context, definition, this.#target.nextSegmentId());
    const writer = new SegmentWriter(this.#context.os, segment, definition, bounds.segmentBytesMax);
    writer.replaces = replaces;
    segment.position = this.#target.position + this.#writers.length;
    this.#writers.push(writer);
    return writer;
  }

  async #flush(writer: SegmentWriter): Promise<void> {
    const bytes = writer.unflushedBytes;
    await this.#target.claim(bytes);
    await writer.flush();
    this.#bytesSinceSync += bytes;
    if (this.#bytesSinceSync < SEGMENT_SYNC_BYTES) return;
    this.#bytesSinceSync = 0;
    await writer.sync();
  }

  async #end(writer: SegmentWriter): Promise<void> {
    if (writer.unflushedBytes > 0) await this.#flush(writer);
    await writer.writeEnd(this.#target.databaseId);
  }

  async finish(): Promise<BuiltSegment[]> {
    await this.#end(this.#writer());
    await this.#context.os.syncDirectory(this.#target.definition.path);
    const built = this.#writers.map((writer) => ({
      segmentId: writer.segment.identity.segmentId,
      committedLength: writer.length,
      fileLength: writer.fileLength,
      rowCount: writer.stagedRowCount,
      rows: writer.stagedRows,
    }));
    for (const writer of this.#writers) await writer.close();
    return built;
  }

  async discard(): Promise<void> {
    for (const writer of this.#writers) await writer.discard();
  }
}
