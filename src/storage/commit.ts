/**
 * Group commit: streams become visible and durable, many at a time.
 *
 *   C1 the streams of the group find their tables        a crash here, or up to C3, leaves the state before
 *   C2 their bytes are written, C3 synced (table-work)
 *   C4 one catalog transaction for all tables            the commit: a crash leaves all of it or nothing
 *   C5 the snapshot is swapped                           a crash leaves rows that nobody was told of
 *   C6 the streams are acknowledged
 *
 * Hides the queue. Invariants: one group at a time; while it waits for the disk the next one gathers, without
 * timers; streams of a group succeed or fail per table, but the transaction is one; bytes are cut back only when it
 * is known that the catalog does not name them; after an unknown outcome nothing is written any more.
 */
import { sameType } from '../arrow/type.ts';
import type { Schema } from '../arrow/schema.ts';
import { EngineError, didNotHappen } from '../base/errors.ts';
import { CATALOG_COMMIT_BYTES, TABLES_MAX } from '../base/limits.ts';
import { makeCounter } from '../base/metrics.ts';
import { foldName } from '../base/names.ts';
import type { CatalogChange } from '../catalog/rows.ts';
import type { AppendResult, AppendTag } from './contract.ts';
import { createRow } from './definition.ts';
import type { FreeSpace } from './free-space.ts';
import { GroupProducers } from './group-producers.ts';
import type { ProducerResult } from './producer.ts';
import { Producers } from './producers.ts';
import { SyncError } from './segment-writer.ts';
import { beginDrop, cancelDrop, endDrop, writeDropMark } from './retire.ts';
import { alreadyExists } from './store.ts';
import type { Store } from './store.ts';
import { TableWork } from './table-work.ts';
import type { StreamRows } from './table-work.ts';
import { Table } from './table.ts';

const commitsTotal = makeCounter('storage_commits_total', 'Group commits that changed the snapshot');
const streamsTotal = makeCounter('storage_commit_streams_total', 'Streams acknowledged by group commits');
const rowsTotal = makeCounter('storage_ingest_rows_total', 'Rows made durable');
const bytesTotal = makeCounter('storage_ingest_bytes_total', 'Bytes of messages made durable');

/** A stream that asks for its commit. */
export interface CommitRequest extends StreamRows {
  readonly name: string;
  /** The table that it was begun on; undefined when it creates one. */
  readonly table: Table | undefined;
  /** Refuse with `already_exists` when the table exists by now. */
  readonly mustCreate: boolean;
  /** Drop a table of that name in the same commit; such a request is a group of its own. */
  readonly replaces: boolean;
  readonly rowCount: number;
  readonly byteCount: number;
  /** Whose append it is, when it must be stored exactly once, and the checksum of its content. */
  readonly tagged: { readonly tag: AppendTag; readonly checksum: string } | undefined;
}

interface Waiting {
  readonly request: CommitRequest;
  readonly resolve: (result: AppendResult) => void;
  readonly reject: (error: unknown) => void;
  failed: boolean;
}

interface Task {
  readonly run: () => Promise<void>;
}

/** Streams of a group that go to one table. */
interface Target {
  readonly work: TableWork;
  readonly streams: Waiting[];
  readonly producers: GroupProducers<Waiting>;
  /** The table that this commit drops. */
  readonly replaced: Table | undefined;
}

export class Committer {
  readonly #store: Store;
  readonly #space: FreeSpace;
  readonly #onFull: () => void;
  readonly #queue: (Waiting | Task)[] = [];
  #running = false;
  #gathering: { readonly count: number; readonly resolve: () => void } | undefined;

  /** `onFull` is called after a commit that left segments to seal. */
  constructor(store: Store, space: FreeSpace, onFull: () => void) {
    this.#store = store;
    this.#space = space;
    this.#onFull = onFull;
  }

  /** Commits a stream in the next group. */
  submit(request: CommitRequest): Promise<AppendResult> {
    return new Promise((resolve, reject) => {
      this.#enqueue({ request, resolve, reject, failed: false });
    });
  }

  /** Runs `task` between two groups, when nothing is being committed. */
  exclusive<T>(task: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#enqueue({ run: () => task().then(resolve, reject) });
    });
  }

  #enqueue(entry: Waiting | Task): void {
    this.#queue.push(entry);
    this.#endGathering();
    if (this.#running) return;
    this.#running = true;
    void this.#run();
  }

  async #run(): Promise<void> {
    for (;;) {
      const [first] = this.#queue;
      if (first === undefined) break;
      if ('run' in first) {
        this.#queue.shift();
        await first.run();
        continue;
      }
      const group = this.#takeGroup();
      try {
        await this.#commitGroup(group);
      } catch (error) {
        // Only a bug comes here: what the disk holds is not known any more, so recovery has to decide.
        this.#store.turnReadOnly('an internal error in a commit', error);
        this.#fail(group, error);
      }
      if (group.length > 1) await this.#gather(Math.ceil(group.length / 2));
    }
    this.#running = false;
  }

  /**
   * Waits for `count` streams, or for a turn of the event loop. Writers that were just acknowledged come back with
   * their next rows, all in one turn: when the first half of them does not wait for the second, the disk works on the
   * one while the other is being encoded, and so on in turns.
   */
  #gather(count: number): Promise<void> {
    return new Promise((resolve) => {
      this.#gathering = { count, resolve };
      this.#endGathering();
      setImmediate(resolve);
    });
  }

  #endGathering(): void {
    if (this.#gathering === undefined || this.#queue.length < this.#gathering.count) return;
    this.#gathering.resolve();
    this.#gathering = undefined;
  }

  #takeGroup(): Waiting[] {
    const group: Waiting[] = [];
    while (group.length < this.#store.bounds.groupStreamsMax) {
      const [next] = this.#queue;
      if (next === undefined || 'run' in next) break;
      if (next.request.replaces && group.length > 0) break;
      group.push(next);
      this.#queue.shift();
      if (next.request.replaces) break;
    }
    return group;
  }

  async #commitGroup(group: readonly Waiting[]): Promise<void> {
    const version = this.#store.version + 1;
    const targets = this.#resolve(group, version);
    const written = await this.#writeAll(targets);
    if (written.length === 0) return;
    const change = this.#change(written, version);
    const replaced = written.flatMap((target) => target.replaced ?? []);
    for (const table of replaced) beginDrop(table);
    try {
      this.#store.checkWritable();
      await this.#store.apply(change, 'a commit');
    } catch (error) {
      for (const table of replaced) cancelDrop(table);
      await this.#refused(written, error);
      return;
    }
    this.#store.version = version;
    for (const table of replaced) endDrop(this.#store, table, version, this.#retireAtMs(change));
    const oldestPin = this.#store.oldestPin();
    for (const { work } of written) work.publish(version, oldestPin);
    commitsTotal.inc();
    for (const { work, streams, producers } of written) {
      for (const waiting of streams) this.#acknowledge(waiting, version);
      for (const { waiting, result } of producers.settle(version)) waiting.resolve(repeated(result));
      void work.closeAdopted();
    }
    for (const table of replaced) await writeDropMark(this.#store, table);
    if (this.#store.unsealed.size > 0) this.#onFull();
  }

  #retireAtMs({ timeMs }: CatalogChange): number {
    return timeMs + this.#store.bounds.snapshotRetentionMs;
  }

  #acknowledge({ request, resolve }: Waiting, commit: number): void {
    streamsTotal.inc();
    rowsTotal.inc(request.rowCount);
    bytesTotal.inc(request.byteCount);
    resolve({ commit, rowCount: request.rowCount, byteCount: request.byteCount, duplicate: false });
  }

  #fail(streams: readonly Waiting[], error: unknown): void {
    for (const waiting of streams) {
      if (waiting.failed) continue;
      waiting.failed = true;
      waiting.reject(error);
    }
  }

  /** C1: which stream goes to which table; streams that cannot go on are told so. */
  #resolve(group: readonly Waiting[], version: number): Target[] {
    const targets = new Map<string, Target>();
    for (const waiting of group) {
      try {
        this.#store.checkWritable();
        const target = this.#target(waiting.request, targets, version);
        if (!this.#isNew(waiting, target)) continue;
        target.work.add(waiting.request);
        target.streams.push(waiting);
      } catch (error) {
        this.#fail([waiting], error);
      }
    }
    // A table whose streams were all refused, or known, has nothing to do.
    return [...targets.values()].filter((target) => target.streams.length > 0);
  }

  /** False for a repetition, which is answered here or with the one that it repeats. @throws what the tag breaks */
  #isNew(waiting: Waiting, { work, producers }: Target): boolean {
    const { tagged, rowCount } = waiting.request;
    if (tagged === undefined) return true;
    const judged = producers.judge(work.table, tagged, rowCount, waiting);
    if (judged.outcome === 'duplicate') waiting.resolve(repeated(judged.result));
    return judged.outcome === 'new';
  }

  #target(request: CommitRequest, targets: Map<string, Target>, version: number): Target {
    const key = foldName(request.name);
    const pending = targets.get(key);
    const live = this.#store.liveTable(request.name);
    if (live === undefined) this.#store.refuseView(request.name);
    const replaced = request.replaces ? live : undefined;
    const table = request.replaces ? undefined : (pending?.work.table ?? live);
    if (request.table !== undefined && table !== request.table) {
      throw new EngineError('not_found', `table "${request.name}" was dropped before the rows were committed`);
    }
    if (table?.damage !== undefined) throw table.damage;
    if (table !== undefined && request.table === undefined) checkCreation(request, table);
    if (table !== undefined && request.table !== undefined) checkNulls(request, table);
    if (pending !== undefined) return pending;
    if (table === undefined && this.#store.tables.size + targets.size >= TABLES_MAX) {
      throw new EngineError('limit_exceeded', `the database has ${TABLES_MAX.toString()} tables already; drop some`);
    }
    const work = new TableWork(this.#store, table ?? this.#newTable(request, version), table === undefined);
    const target = { work, streams: [], producers: new GroupProducers<Waiting>(), replaced };
    targets.set(key, target);
    return target;
  }

  #newTable({ definition }: CommitRequest, version: number): Table {
    return new Table(definition, version, new Producers(this.#store.bounds.producerResultsKept, true));
  }

  /** C2 and C3, table by table side by side; returns those that succeeded. */
  async #writeAll(targets: readonly Target[]): Promise<Target[]> {
    const results = await Promise.all(targets.map((target) => this.#writeOne(target)));
    return targets.filter((_, i) => results[i] === true);
  }

  async #writeOne({ work, streams, producers }: Target): Promise<boolean> {
    try {
      await this.#space.claim(work.heldBytes + CATALOG_COMMIT_BYTES);
      await work.write();
      return true;
    } catch (error) {
      if (!(error instanceof SyncError || error instanceof EngineError)) throw error;
      await work.undo();
      if (error instanceof SyncError) this.#store.turnReadOnly(error.message, error.cause);
      this.#fail([...streams, ...producers.undo()], error instanceof SyncError ? syncFailure(error) : error);
      return false;
    }
  }

  /** The catalog did not take the change, or it is not known whether it did. */
  async #refused(written: readonly Target[], error: unknown): Promise<void> {
    const unknown = !didNotHappen(error);
    for (const { work, streams, producers } of written) {
      if (!unknown) await work.undo();
      this.#fail([...streams, ...producers.undo()], error);
    }
  }

  #change(written: readonly Target[], version: number): CatalogChange {
    const works = written.map((target) => target.work);
    for (const work of works) work.placeNew();
    const writers = works.flatMap((work) => work.writers);
    const timeMs = this.#store.clock.wallMs();
    const retireAtMs = timeMs + this.#store.bounds.snapshotRetentionMs;
    return {
      commit: version,
      timeMs,
      dropTables: written.flatMap(({ replaced }) =>
        replaced === undefined ? [] : [{ tableId: replaced.definition.tableId, retireAtMs }],
      ),
      createTables: works.filter((work) => work.isNew).map((work) => createRow(work.table.definition)),
      createSegments: works.flatMap((work) =>
        work.writers
          .filter((writer) => writer.isNew)
          .map((writer) => ({
            segmentId: writer.segment.identity.segmentId,
            tableId: work.table.definition.tableId,
            position: writer.segment.position,
            schemaVersion: writer.definition.schemaVersion,
            state: work.isAdopted(writer) ? ('sealed' as const) : ('active' as const),
            committedLength: writer.definition.segmentHead.byteLength,
            fileLength: writer.fileLength,
          })),
      ),
      appends: writers.map((writer) => ({
        segmentId: writer.segment.identity.segmentId,
        committedLength: writer.length,
        addedRows: writer.stagedRowCount,
        addedBatches: writer.stagedRows.length,
      })),
      batches: writers.flatMap((writer) => writer.stagedRows),
      producers: written.flatMap(({ work, producers }) => producers.rows(work.table.definition.tableId)),
    };
  }
}

/** The first result of a request that was stored before; what is not kept any more is -1. */
function repeated(first: ProducerResult | undefined): AppendResult {
  return { commit: first?.commit ?? -1, rowCount: first?.rowCount ?? -1, byteCount: -1, duplicate: true };
}

function syncFailure(error: SyncError): EngineError {
  return new EngineError('io_error', `${error.message} twice; nothing of this stream was stored`, { cause: error });
}

/** A stream that wanted to create `table` finds it there. */
function checkCreation(request: CommitRequest, table: Table): void {
  const name = table.definition.name;
  if (request.mustCreate) throw alreadyExists('table', name);
  if (sameColumns(request.definition.schema, table.definition.schema)) return;
  throw new EngineError(
    'schema_mismatch',
    `table "${name}" was created by another stream meanwhile, with other columns; look at them and send the rows again`,
  );
}

/** A column was made NOT NULL after the stream was begun, which was not held to that. @throws `busy` */
function checkNulls({ definition }: CommitRequest, table: Table): void {
  if (definition === table.definition) return;
  const { schema, fieldIds } = table.definition;
  schema.fields.forEach((field, i) => {
    const before = definition.schema.fields[definition.fieldIds.indexOf(fieldIds[i] ?? 0)];
    if (field.nullable || before?.nullable !== true) return;
    const message = `column "${field.name}" of table "${table.name}" was made NOT NULL meanwhile`;
    throw new EngineError('busy', `${message}; send the rows again`);
  });
}

/** Same names, types and nullability in the same order. */
function sameColumns(a: Schema, b: Schema): boolean {
  return (
    a.fields.length === b.fields.length &&
    a.fields.every((field, i) => {
      const other = b.fields[i];
      return (
        other !== undefined &&
        field.name === other.name &&
        field.nullable === other.nullable &&
        sameType(field.type, other.type)
      );
    })
  );
}
