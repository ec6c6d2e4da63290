/**
 * Compaction: neighbouring small segments become one, and small batches full ones.
 *
 * Hides which segments are worth it. A run of neighbours is merged when there are COMPACTION_SEGMENTS_MIN of them and
 * none is larger than all the others together, so that a row is copied about log(rows) times in its life; a single
 * segment is rewritten when it has COMPACTION_BATCH_EXCESS times the batches it needs. Invariants: each merge leaves
 * fewer neighbours that may be merged, so that runs end; the order of rows stays; the work runs in the maintenance
 * thread, rests while puts or queries run, and disturbs no reader: what a snapshot holds stays on disk until nobody
 * needs it; what fails leaves everything as it was, and is tried again later.
 */
import { present } from '../base/assert.ts';
import {
  COMPACTION_BATCH_EXCESS,
  COMPACTION_BYTES_MAX,
  COMPACTION_FULL_BYTES,
  COMPACTION_LOAD_CHECK_MS,
  COMPACTION_REST_RATIO,
  COMPACTION_SEGMENTS_MAX,
  SEGMENT_WEIGHT_BYTES_MIN,
} from '../base/limits.ts';
import { makeCounter, makeGauge } from '../base/metrics.ts';
import type { CompactionReport } from './contract.ts';
import { schemaRow } from './definition.ts';
import type { TableDefinition } from './definition.ts';
import type { FreeSpace } from './free-space.ts';
import { sameLayout } from './layout.ts';
import type { Maintenance } from './maintenance.ts';
import type { CompactJob, DefinitionParts } from './maintenance-work.ts';
import type { Rewriter } from './rewrite.ts';
import type { Segment } from './segment.ts';
import { messageTable } from './segment-scan.ts';
import type { Store } from './store.ts';
import type { Table } from './table.ts';

const bytesTotal = makeCounter('storage_compacted_bytes_total', 'Bytes of segments that compaction replaced');
const runningGauge = makeGauge('storage_compaction_running', '1 while segments are being merged');

const NOTHING: CompactionReport = { inputCount: 0, outputCount: 0, byteCount: 0 };

export interface CompactionServices {
  readonly store: Store;
  readonly rewriter: Rewriter;
  readonly space: FreeSpace;
  readonly maintenance: Maintenance;
}

export class Compaction {
  readonly #store: Store;
  readonly #rewriter: Rewriter;
  readonly #space: FreeSpace;
  readonly #maintenance: Maintenance;
  #last: Promise<unknown> = Promise.resolve();

  constructor(services: CompactionServices) {
    this.#store = services.store;
    this.#rewriter = services.rewriter;
    this.#space = services.space;
    this.#maintenance = services.maintenance;
  }

  /**
   * Merges what is worth it in `tables`, until nothing is left. `thorough`: also what is worth little. One run at a
   * time.
   */
  run(tables: Iterable<Table>, thorough: boolean): Promise<CompactionReport> {
    const chosen = [...tables];
    const run = this.#last.then(() => this.#run(chosen, thorough));
    this.#last = run.catch(() => undefined);
    return run;
  }

  async #run(tables: readonly Table[], thorough: boolean): Promise<CompactionReport> {
    let report = NOTHING;
    for (const table of tables) {
      for (let more = true; more && !this.#store.closing;) {
        if (table.droppedCommit !== undefined || table.damage !== undefined) break;
        const done = await this.#mergeIfThere(table, thorough);
        more = done.inputCount > 0;
        report = {
          inputCount: report.inputCount + done.inputCount,
          outputCount: report.outputCount + done.outputCount,
          byteCount: report.byteCount + done.byteCount,
        };
      }
    }
    return report;
  }

  /** Resolves when no run is under way. */
  async idle(): Promise<void> {
    await this.#last;
  }

  async #mergeIfThere(table: Table, thorough: boolean): Promise<CompactionReport> {
    try {
      return await this.#rewriter.alone(table.name, (live) => this.#mergeOne(live, thorough));
    } catch (error) {
      // What is dropped meanwhile needs no merging; the other tables still do.
      if (table.droppedCommit !== undefined) return NOTHING;
      throw error;
    }
  }

  /** Merges the first run of segments that is worth it. */
  async #mergeOne(table: Table, thorough: boolean): Promise<CompactionReport> {
    const inputs = chooseInputs(table, this.#store.bounds, thorough);
    const first = inputs[0];
    if (first === undefined) return NOTHING;
    const { definition } = table;
    const byteCount = inputs.reduce((sum, segment) => sum + segment.committedLength, 0);
    const store = this.#store;
    // Held for the whole time: the inputs are read by their paths.
    const { version } = store;
    store.pin(version);
    const stopPacing = this.#pace(table);
    runningGauge.set(1);
    try {
      await this.#space.claim(byteCount);
      const outcome = await this.#maintenance.compact(await this.#job(definition, inputs));
      if (outcome.damage !== undefined) {
        const { segmentId, offset, what } = outcome.damage;
        const segment = present(
          inputs.find((one) => one.identity.segmentId === segmentId),
          'the damaged input',
        );
        throw segment.markDamaged(offset, what);
      }
      const { built } = outcome;
      await this.#rewriter.replace(table, [{ inputs, outputs: built, definition }], 'compact');
      bytesTotal.inc(byteCount);
      return { inputCount: inputs.length, outputCount: built.length, byteCount };
    } finally {
      runningGauge.set(0);
      stopPacing();
      store.unpin(version);
    }
  }

  async #job(definition: TableDefinition, inputs: readonly Segment[]): Promise<CompactJob> {
    const versions = new Map(
      [...inputs.map((input) => input.identity.definition), definition].map((one) => [one.schemaVersion, one]),
    );
    versions.delete(definition.schemaVersion);
    const scanned = [];
    // A segment ends when it is full, or when a dictionary begins anew, which any message may want.
    let outputsMax = inputs.length + 8;
    for (const input of inputs) {
      const { segmentId, path } = input.identity;
      const messages = messageTable(await input.loadIndex(), 0, input.messageCount);
      if (definition.hasDictionaries) outputsMax += input.messageCount;
      scanned.push({ segmentId, path, messages, schemaVersion: input.identity.definition.schemaVersion });
    }
    return {
      definitions: [...versions.values(), definition].map(partsOf),
      inputs: scanned,
      segmentIds: Array.from({ length: outputsMax }, () => this.#store.nextSegmentId()),
      databaseId: this.#store.databaseId,
      bounds: {
        batchRowsMax: this.#store.bounds.batchRowsMax,
        batchBytesMax: this.#store.bounds.batchBytesMax,
        segmentBytesMax: this.#store.bounds.segmentBytesMax,
      },
      position: present(inputs[0], 'an input').position,
    };
  }

  /** Lets the work rest while the store is in use, unless a statement waits for it. Returns what ends that. */
  #pace(table: Table): () => void {
    let current = -1;
    const set = (): void => {
      const ratio = this.#store.isBusy && table.rewritersWaiting === 0 ? COMPACTION_REST_RATIO : 0;
      if (ratio === current) return;
      current = ratio;
      // A thread that has died fails the job itself.
      this.#maintenance.setPace(ratio).catch(() => undefined);
    };
    set();
    const timer = setInterval(set, COMPACTION_LOAD_CHECK_MS);
    timer.unref();
    return () => clearInterval(timer);
  }
}

function partsOf(definition: TableDefinition): DefinitionParts {
  const { tableId, name, directory, path } = definition;
  return { identity: { tableId, name, directory, path }, schema: schemaRow(definition) };
}

/** What makes a segment full, and a batch. */
export interface CompactionBounds {
  readonly batchRowsMax: number;
  readonly batchBytesMax: number;
  readonly segmentBytesMax: number;
  readonly compactSegmentsMin: number;
}

/**
 * The first run of neighbours that is worth merging, or nothing. `thorough`: two suffice, whatever their sizes, and a
 * segment of an older version is rewritten for that alone.
 */
export function chooseInputs(table: Table, bounds: CompactionBounds, thorough: boolean): readonly Segment[] {
  const full = Math.min(COMPACTION_FULL_BYTES, bounds.segmentBytesMax / 2);
  const least = thorough ? 2 : bounds.compactSegmentsMin;
  const isWorthIt = (segment: Segment): boolean =>
    isWasteful(segment, bounds) || (thorough && isOutdated(segment, table.definition));
  const runs: Segment[][] = [[]];
  let before: Segment | undefined;
  for (const segment of table.liveSegments) {
    const isFull = segment.committedLength >= full && !isWorthIt(segment);
    const isOut = segment.state !== 'sealed' || isFull;
    // Two that could not become one, for their size or their dictionaries, would be merged again and again.
    if (isOut || before?.apartFrom === segment.identity.segmentId) runs.push([]);
    if (!isOut) present(runs.at(-1), 'run').push(segment);
    before = segment;
  }
  for (const run of runs) {
    for (let start = 0; start < run.length; start++) {
      const chosen = longestFrom(run, start, least, thorough);
      if (chosen.length > 0) return chosen;
    }
    const alone = run.find(isWorthIt);
    if (alone !== undefined) return [alone];
  }
  return [];
}

/** The longest run from `start` in which no segment outweighs the others together, unless that does not matter. */
function longestFrom(run: readonly Segment[], start: number, least: number, thorough: boolean): readonly Segment[] {
  let bytes = 0;
  let largest = 0;
  let best = 0;
  for (let end = start; end < run.length && end - start < COMPACTION_SEGMENTS_MAX; end++) {
    const length = weightOf(present(run[end], 'segment'));
    if (bytes + length > COMPACTION_BYTES_MAX) break;
    bytes += length;
    largest = Math.max(largest, length);
    if (thorough || largest * 2 <= bytes) best = end - start + 1;
  }
  return best >= least ? run.slice(start, start + best) : [];
}

/** Bytes to copy; a segment costs something also when it is nearly empty. */
function weightOf(segment: Segment): number {
  return Math.max(segment.committedLength, SEGMENT_WEIGHT_BYTES_MIN);
}

/** True when a segment has so many small batches that it is worth being rewritten alone; once is enough. */
function isWasteful(segment: Segment, bounds: CompactionBounds): boolean {
  if (segment.isCompacted) return false;
  const needed = Math.max(
    1,
    Math.ceil(segment.rowCount / bounds.batchRowsMax),
    Math.ceil(segment.committedLength / bounds.batchBytesMax),
  );
  return segment.messageCount > needed * COMPACTION_BATCH_EXCESS;
}

/** True when a segment lacks a column that the table has, or has one that it dropped. */
function isOutdated(segment: Segment, definition: TableDefinition): boolean {
  return segment.messageCount > 0 && !sameLayout(segment.identity.definition, definition);
}
