/**
 * Rewrites: sealed segments that take the place of others in one commit. DELETE, UPDATE, TRUNCATE, retention and
 * compaction are all this one thing.
 *
 *   R1 the table's active segment takes no more rows        appends go on in a new one, behind
 *   R2 new segments are built and synced, under ids that no catalog row names
 *   R3 one catalog transaction adds them and retires what they replace      the commit
 *   R4 the snapshot is swapped; files of the old ones go when no snapshot needs them (retire)
 *
 * A crash before the end of R3 leaves files that recovery removes, after it leaves old files that the sweep removes.
 * Hides positions and the check that the inputs are still there. Invariants: one rewriter a table at a time; the order
 * of rows stays; readers that hold a snapshot are not disturbed; segments that a rewrite takes away without putting
 * rows in their place are named by the footer of an empty one, so that a repair does not bring them back.
 */
import type { RecordBatch } from '../arrow/batch.ts';
import { present } from '../base/assert.ts';
import { EngineError, didNotHappen } from '../base/errors.ts';
import { CATALOG_COMMIT_BYTES } from '../base/limits.ts';
import { makeCounter } from '../base/metrics.ts';
import type { CatalogChange } from '../catalog/rows.ts';
import type { Committer } from './commit.ts';
import type { EditedBatch, RowEdit, Snapshot } from './contract.ts';
import type { TableDefinition } from './definition.ts';
import type { FreeSpace } from './free-space.ts';
import { Layout } from './layout.ts';
import { Pruner } from './prune.ts';
import { markRetired } from './retire.ts';
import type { Segment } from './segment.ts';
import { buildSegments, discardBuilt } from './segment-build.ts';
import type { BuiltSegment } from './segment-build.ts';
import { currentSnapshot } from './snapshot.ts';
import { missingTable } from './store.ts';
import type { Store } from './store.ts';
import { POSITION_SPACING } from './table.ts';
import type { Table } from './table.ts';
import { SegmentDamage, messageTable, scanSegment } from './segment-scan.ts';
import { skips } from './table-snapshot.ts';
import { newSegment } from './table-work.ts';

const rewritesTotal = makeCounter('storage_rewrites_total', 'Commits that replaced segments, by kind', ['kind']);

/** Segments, neighbours in table order, and what takes their place. */
export interface Replacement {
  readonly inputs: readonly Segment[];
  readonly outputs: readonly BuiltSegment[];
  /** The version of the table that the outputs were written under. */
  readonly definition: TableDefinition;
}

export type RewriteKind = 'delete' | 'update' | 'truncate' | 'retention' | 'compact';

export class Rewriter {
  readonly #store: Store;
  readonly #committer: Committer;
  readonly #space: FreeSpace;
  readonly #onReplaced: () => void;

  /** `onReplaced` is called after a rewrite that left segments to seal or to unlink. */
  constructor(store: Store, committer: Committer, space: FreeSpace, onReplaced: () => void) {
    this.#store = store;
    this.#committer = committer;
    this.#space = space;
    this.#onReplaced = onReplaced;
  }

  /** Runs `work` as the table's only rewriter. @throws `not_found` */
  async alone<T>(name: string, work: (table: Table) => Promise<T>): Promise<T> {
    const table = this.#store.requireTable(name);
    table.rewritersWaiting++;
    const run = table.rewriting.then(() => {
      table.rewritersWaiting--;
      this.#store.checkWritable();
      if (table.droppedCommit !== undefined) throw missingTable(name);
      return work(table);
    });
    table.rewriting = run.catch(() => undefined);
    return run;
  }

  /** Rewrites the segments in which `edit` changes rows. Returns how many rows changed. */
  editRows<Edited extends EditedBatch>(
    name: string,
    kind: 'delete' | 'update',
    given: RowEdit<Edited> | ((snapshot: Snapshot) => Promise<RowEdit<Edited>>),
  ): Promise<number> {
    return this.alone(name, async (table) => {
      if (table.damage !== undefined) throw table.damage;
      const inputs = await this.#detach(table);
      const { version } = this.#store;
      this.#store.pin(version);
      try {
        // What was appended since the inputs were listed stands behind them: their rows have the numbers that the
        // snapshot gives them.
        const edit = typeof given === 'function' ? await given(currentSnapshot(this.#store)) : given;
        if (table.definition.schema !== edit.schema) {
          throw new EngineError('busy', `table "${table.name}" was altered meanwhile; send the statement again`);
        }
        const { replacements, changedCount } = await this.#editAll(table, inputs, edit);
        await this.replace(table, replacements, kind);
        return changedCount;
      } finally {
        this.#store.unpin(version);
      }
    });
  }

  /** Takes all rows away. Returns how many there were. */
  truncate(name: string): Promise<number> {
    return this.alone(name, async (table) => {
      const inputs = await this.#detach(table);
      await this.retire(table, inputs, 'truncate');
      return inputs.reduce((sum, segment) => sum + segment.rowCount, 0);
    });
  }

  /** Takes segments away without putting rows in their place. */
  async retire(table: Table, inputs: readonly Segment[], kind: 'truncate' | 'retention'): Promise<void> {
    if (inputs.length === 0) return;
    const { definition } = table;
    const outputs = await this.#store.ballast.lend(() => this.#build(definition, inputs, noRows(), nothingToClaim));
    await this.replace(table, [{ inputs, outputs, definition }], kind);
  }

  /** Builds segments of `rows` that shall replace `inputs`; `claim` is told of their bytes. */
  #build(
    definition: TableDefinition,
    inputs: readonly Segment[],
    rows: AsyncIterable<RecordBatch>,
    claim: (bytes: number) => Promise<void>,
  ): Promise<BuiltSegment[]> {
    const store = this.#store;
    const target = {
      definition,
      databaseId: store.databaseId,
      bounds: store.bounds,
      replaces: inputs.map((segment) => segment.identity.segmentId),
      position: present(inputs[0], 'an input').position,
      nextSegmentId: () => store.nextSegmentId(),
      claim,
    };
    return buildSegments(store, target, rows);
  }

  /** Ends the active segment, and answers all live segments. */
  async #detach(table: Table): Promise<Segment[]> {
    return this.#committer.exclusive(() => {
      this.#store.endActive(table);
      return Promise.resolve(table.liveSegments);
    });
  }

  /** What takes the place of the segments in which rows change. When it fails, nothing is left on the disk. */
  async #editAll<Edited extends EditedBatch>(
    table: Table,
    inputs: readonly Segment[],
    edit: RowEdit<Edited>,
  ): Promise<{ readonly replacements: readonly Replacement[]; readonly changedCount: number }> {
    const replacements: Replacement[] = [];
    let changedCount = 0;
    let firstRow = 0;
    try {
      for (const input of inputs) {
        const edited = await this.#editSegment(table, input, firstRow, edit);
        firstRow += input.rowCount;
        if (edited === undefined) continue;
        changedCount += edited.changedCount;
        replacements.push(edited.replacement);
      }
    } catch (error) {
      // Whatever it is, no catalog was asked yet.
      await this.#discard(replacements);
      throw error;
    }
    return { replacements, changedCount };
  }

  /** Undefined when no row of the segment changes; then nothing was written. */
  async #editSegment<Edited extends EditedBatch>(
    table: Table,
    input: Segment,
    firstRow: number,
    edit: RowEdit<Edited>,
  ): Promise<{ readonly replacement: Replacement; readonly changedCount: number } | undefined> {
    const { definition } = table;
    if (!(await this.#hasChanges(input, definition, firstRow, edit))) return undefined;
    let changedCount = 0;
    let row = firstRow;
    const layout = new Layout(input.identity.definition, definition);
    const store = this.#store;
    async function* edited(): AsyncGenerator<RecordBatch> {
      for await (const stored of verifiedBatches(store, input, new Pruner(definition.schema, []))) {
        store.checkWritable();
        const batch = layout.batch(stored);
        const change = edit.edit(batch, row);
        row += batch.rowCount;
        changedCount += change?.changedCount ?? 0;
        if (change !== undefined) edit.keep?.(change);
        yield change?.batch ?? batch;
      }
    }
    const outputs = await this.#build(definition, [input], edited(), (bytes) => this.#space.claim(bytes));
    return { replacement: { inputs: [input], outputs, definition }, changedCount };
  }

  /** Looks for a first row that changes, in the batches that the bounds do not exclude. */
  async #hasChanges<Edited extends EditedBatch>(
    input: Segment,
    definition: TableDefinition,
    firstRow: number,
    edit: RowEdit<Edited>,
  ): Promise<boolean> {
    if (input.messageCount === 0) return false;
    if (edit.changesIn !== undefined) return edit.changesIn(firstRow, input.rowCount);
    const from = input.identity.definition;
    const layout = new Layout(from, definition);
    const pruner = new Pruner(from.schema, layout.bounds(edit.bounds));
    for await (const stored of verifiedBatches(this.#store, input, pruner)) {
      this.#store.checkWritable();
      if (edit.edit(layout.batch(stored), firstRow) !== undefined) return true;
    }
    return false;
  }

  /** Step R3 and R4 for all replacements of one table at once. */
  async #replace(table: Table, replacements: readonly Replacement[], kind: RewriteKind): Promise<void> {
    if (!isGivingUp(kind)) await this.#space.claim(CATALOG_COMMIT_BYTES * replacements.length);
    await this.#committer.exclusive(() => this.#commit(table, replacements, kind));
    rewritesTotal.inc({ kind });
    this.#onReplaced();
  }

  async #commit(table: Table, replacements: readonly Replacement[], kind: RewriteKind): Promise<void> {
    const store = this.#store;
    store.checkWritable();
    checkInputs(table, replacements);
    const version = store.version + 1;
    const timeMs = store.clock.wallMs();
    const retireAtMs = timeMs + store.bounds.snapshotRetentionMs;
    const moves = makeRoom(table, replacements);
    const before = moves.map(({ segment }) => ({ segment, position: segment.position }));
    moveAll(moves);
    const made = replacements.flatMap((replacement) => newSegments(store, replacement));
    const change = { commit: version, timeMs, what: kind, ...describe(made, replacements, moves, retireAtMs) };
    for (const { inputs } of replacements) for (const input of inputs) input.retiring = true;
    try {
      const apply = (): Promise<void> => store.apply(change, 'a rewrite');
      await (isGivingUp(kind) ? store.ballast.lend(apply) : apply());
    } catch (error) {
      moveAll(before);
      for (const { inputs } of replacements) for (const input of inputs) input.retiring = false;
      throw error;
    }
    if (kind === 'compact') {
      for (const { inputs } of replacements) {
        const outputs = made.filter((one) => one.inputs === inputs).map(({ segment }) => segment);
        keepApart(
          table.liveSegments[table.liveSegments.indexOf(present(inputs[0], 'an input')) - 1],
          inputs,
          outputs,
        );
      }
    }
    for (const { inputs } of replacements) for (const input of inputs) markRetired(input, version, retireAtMs);
    for (const { segment, built } of made) {
      segment.adopt(built.rows, version, built.rowCount, built.committedLength);
      segment.isCompacted = kind === 'compact';
      store.addSegment(table, segment);
    }
    store.version = version;
    table.publish(
      version,
      table.liveSegments.map((segment) => segment.view()),
      store.oldestPin(),
    );
  }

  /**
   * Puts outputs in the place of inputs, in one commit. When it fails they are removed; after an unknown outcome they
   * stay for recovery. @throws `not_found` when the table was dropped, `busy` when an input is gone, and what the
   * catalog throws
   */
  async replace(table: Table, replacements: readonly Replacement[], kind: RewriteKind): Promise<void> {
    if (replacements.length === 0) return;
    try {
      await this.#replace(table, replacements, kind);
    } catch (error) {
      if (didNotHappen(error)) await this.#discard(replacements);
      throw error;
    }
  }

  async #discard(replacements: readonly Replacement[]): Promise<void> {
    for (const { definition, outputs } of replacements) await discardBuilt(this.#store, definition, outputs);
  }
}

/** True for what only takes rows away, and must work when there is no room for more. */
function isGivingUp(kind: RewriteKind): boolean {
  return kind === 'truncate' || kind === 'retention';
}

interface MadeSegment {
  readonly segment: Segment;
  readonly built: BuiltSegment;
  readonly inputs: readonly Segment[];
  readonly tableId: number;
}

function newSegments(store: Store, { inputs, outputs, definition }: Replacement): MadeSegment[] {
  const first = present(inputs[0], 'an input').position;
  return outputs.map((built, i) => {
    const segment = newSegment(store, definition, built.segmentId);
    segment.position = first + i;
    return { segment, built, inputs, tableId: definition.tableId };
  });
}

/**
 * Notes that what did not become one segment is not worth being merged: the outputs among themselves, and the first and
 * the last with neighbours of which that was known. `before`: the neighbour before the inputs.
 */
export function keepApart(
  before: Segment | undefined,
  inputs: readonly Segment[],
  outputs: readonly Segment[],
): void {
  const [first] = inputs;
  const last = inputs.at(-1);
  outputs.forEach((segment, i) => {
    segment.apartFrom = outputs[i + 1]?.identity.segmentId ?? last?.apartFrom;
  });
  if (before !== undefined && before.apartFrom === first?.identity.segmentId) {
    before.apartFrom = outputs[0]?.identity.segmentId;
  }
}

function describe(
  made: readonly MadeSegment[],
  replacements: readonly Replacement[],
  moves: readonly Move[],
  retireAtMs: number,
): Pick<CatalogChange, 'createSegments' | 'appends' | 'batches' | 'retireSegments' | 'moveSegments'> {
  return {
    createSegments: made.map(({ segment, built, tableId }) => ({
      segmentId: built.segmentId,
      tableId,
      position: segment.position,
      schemaVersion: segment.identity.definition.schemaVersion,
      state: 'sealed' as const,
      committedLength: segment.start,
      fileLength: built.fileLength,
    })),
    appends: made.map(({ built }) => ({
      segmentId: built.segmentId,
      committedLength: built.committedLength,
      addedRows: built.rowCount,
      addedBatches: built.rows.length,
    })),
    batches: made.flatMap(({ built }) => built.rows),
    retireSegments: replacements.flatMap(({ inputs }) =>
      inputs.map((input) => ({ segmentId: input.identity.segmentId, retireAtMs })),
    ),
    moveSegments: moves.map(({ segment, position }) => ({ segmentId: segment.identity.segmentId, position })),
  };
}

/** What was read must still be there: a drop, a retention or a repair may have come between. */
function checkInputs(table: Table, replacements: readonly Replacement[]): void {
  if (table.droppedCommit !== undefined) throw missingTable(table.name);
  if (table.damage !== undefined) throw table.damage;
  for (const { inputs } of replacements) {
    for (const input of inputs) {
      if (input.retiredCommit === undefined && input !== table.active?.segment) continue;
      throw new EngineError('busy', `table "${table.name}" was changed meanwhile; try again`);
    }
  }
}

interface Move {
  readonly segment: Segment;
  readonly position: number;
}

/**
 * New positions for all of the table's segments, when some outputs have no room before their next neighbour: the inputs
 * get room for them. Order is kept, also among those that only older snapshots see.
 */
function makeRoom(table: Table, replacements: readonly Replacement[]): Move[] {
  const { segments } = table;
  const isTight = replacements.some(({ inputs, outputs }) => {
    const last = segments.indexOf(present(inputs.at(-1), 'an input'));
    const next = segments.slice(last + 1).find((segment) => segment.retiredCommit === undefined);
    return next !== undefined && present(inputs[0], 'an input').position + outputs.length > next.position;
  });
  if (!isTight) return [];
  const moves: Move[] = [];
  let position = 0;
  let before = Number.NaN;
  for (const segment of segments) {
    // Neighbours at one position, of which no snapshot sees two, stay at one.
    if (segment.position !== before) position += POSITION_SPACING;
    before = segment.position;
    moves.push({ segment, position });
  }
  return moves;
}

/** Memory follows the catalog: a mixture of old and new positions would not keep the order. */
function moveAll(moves: readonly Move[]): void {
  for (const { segment, position } of moves) segment.position = position;
}

const nothingToClaim = (): Promise<void> => Promise.resolve();

// oxlint-disable-next-line typescript/require-await -- the builder takes an asynchronous source
async function* noRows(): AsyncGenerator<RecordBatch> {
  // Nothing: the one segment that is built is empty.
}

/**
 * A segment's batches but for those that `pruner` excludes, from bytes that were held against their checksums in this
 * very read: whatever is wrong in them would be written again, under a checksum that is right. @throws `corrupt`
 */
async function* verifiedBatches(store: Store, input: Segment, pruner: Pruner): AsyncGenerator<RecordBatch> {
  const index = await input.loadIndex();
  const { segmentId, path, definition } = input.identity;
  const messages = messageTable(index, 0, input.messageCount, (ordinal) => skips(pruner, input, ordinal));
  try {
    yield* scanSegment(store.os, { segmentId, path, messages }, definition);
  } catch (error) {
    if (error instanceof SegmentDamage) throw input.markDamaged(error.offset, error.message);
    throw error;
  }
}
