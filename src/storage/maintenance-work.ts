/**
 * The work of maintenance: merging segments, and reading them against their checksums. Runs in the maintenance thread,
 * or where it is called, when a test brings its own disk.
 *
 * Hides how a job shares the processor: between slices of work it rests, as long as the pace says. Invariants: it
 * writes only files that no catalog knows; damage is an answer, not an error; one job of each kind at a time is the
 * caller's affair.
 */
import { setTimeout as rest } from 'node:timers/promises';
import { prepareCodecs } from '../arrow/compression.ts';
import type { RecordBatch } from '../arrow/batch.ts';
import { AssertionError, present } from '../base/assert.ts';
import { MAINTENANCE_SLICE_MS } from '../base/limits.ts';
import { systemClock } from '../base/clock.ts';
import type { DamageRow, SchemaRow } from '../catalog/rows.ts';
import type { Os } from '../os/os.ts';
import { readDefinition } from './definition.ts';
import type { TableDefinition } from './definition.ts';
import { Layout } from './layout.ts';
import { MapBudget } from './map-budget.ts';
import type { SegmentContext } from './segment.ts';
import { buildSegments } from './segment-build.ts';
import type { BuildBounds, BuiltSegment } from './segment-build.ts';
import { SegmentDamage, scanSegment, verifyMessages } from './segment-scan.ts';
import type { ScannedSegment } from './segment-scan.ts';

/** A version of a table, in a form that moves between threads. */
export interface DefinitionParts {
  readonly identity: Pick<TableDefinition, 'tableId' | 'name' | 'directory' | 'path'>;
  readonly schema: Omit<SchemaRow, 'tableId' | 'createdCommit'>;
}

/** Segments to merge into new ones. */
export interface CompactJob {
  /** Versions that the inputs and the outputs have; the last is that of the outputs. */
  readonly definitions: readonly DefinitionParts[];
  readonly inputs: readonly (ScannedSegment & { readonly schemaVersion: number })[];
  /** Ids for the outputs, more than can be needed. */
  readonly segmentIds: readonly number[];
  readonly databaseId: string;
  readonly bounds: BuildBounds;
  readonly position: number;
}

export type CompactOutcome =
  | { readonly built: readonly BuiltSegment[]; readonly damage: undefined }
  | { readonly built: undefined; readonly damage: DamageRow };

export interface VerifyOutcome {
  readonly byteCount: number;
  readonly damage: DamageRow | undefined;
}

/** What maintenance can be asked. */
export interface MaintenanceMethods {
  compact(job: CompactJob): Promise<CompactOutcome>;
  verify(segment: ScannedSegment): Promise<VerifyOutcome>;
  /** For each millisecond of compaction, how many it rests: 0 runs through. */
  setPace(restRatio: number): void;
}

/** Does the work on `os`. */
export function makeMaintenance(os: Os): MaintenanceMethods {
  const worker = new Worker(os);
  return {
    compact: (job) => worker.compact(job),
    verify: (segment) => worker.verify(segment),
    setPace: (ratio) => {
      worker.restRatio = ratio;
    },
  };
}

class Worker {
  restRatio = 0;
  readonly #os: Os;
  /** Reading is done by the scan, so maps, rows and damage of Segment objects are never asked for here. */
  readonly #context: SegmentContext;

  constructor(os: Os) {
    this.#os = os;
    const catalog = {
      readBatches: () => {
        throw new AssertionError('maintenance reads no batch rows');
      },
    };
    this.#context = { os, catalog, maps: new MapBudget(1), clock: systemClock, onDamage: () => undefined };
  }

  async compact(job: CompactJob): Promise<CompactOutcome> {
    await prepareCodecs();
    const definitions = job.definitions.map(({ identity, schema }) => readDefinition(identity, schema));
    const versions = new Map(definitions.map((definition) => [definition.schemaVersion, definition]));
    const definition = present(definitions.at(-1), 'a definition of the outputs');
    const ids = job.segmentIds.values();
    const target = {
      definition,
      databaseId: job.databaseId,
      bounds: job.bounds,
      replaces: job.inputs.map(({ segmentId }) => segmentId),
      position: job.position,
      nextSegmentId: () => present(ids.next().value, 'an id for one more segment'),
      claim: () => Promise.resolve(),
    };
    try {
      const rows = this.#paced(inputRows(this.#os, job, versions, definition));
      return { built: await buildSegments(this.#context, target, rows), damage: undefined };
    } catch (error) {
      if (!(error instanceof SegmentDamage)) throw error;
      return { built: undefined, damage: damageRow(error) };
    }
  }

  /** Passes batches on, resting between slices of work. */
  async *#paced(batches: AsyncIterable<RecordBatch>): AsyncGenerator<RecordBatch> {
    let started = systemClock.monotonicMs();
    for await (const batch of batches) {
      yield batch;
      const worked = systemClock.monotonicMs() - started;
      if (worked < MAINTENANCE_SLICE_MS) continue;
      // Also without a rest other calls, such as a change of the pace, get their turn.
      await rest(worked * this.restRatio);
      started = systemClock.monotonicMs();
    }
  }

  async verify(segment: ScannedSegment): Promise<VerifyOutcome> {
    let byteCount = 0;
    try {
      for await (const bytes of verifyMessages(this.#os, segment)) byteCount += bytes;
      return { byteCount, damage: undefined };
    } catch (error) {
      if (!(error instanceof SegmentDamage)) throw error;
      return { byteCount, damage: damageRow(error) };
    }
  }
}

async function* inputRows(
  os: Os,
  job: CompactJob,
  versions: ReadonlyMap<number, TableDefinition>,
  to: TableDefinition,
): AsyncGenerator<RecordBatch> {
  for (const input of job.inputs) {
    const from = present(versions.get(input.schemaVersion), 'the definition of an input');
    const layout = new Layout(from, to);
    for await (const batch of scanSegment(os, input, from)) yield layout.batch(batch);
  }
}

function damageRow({ segmentId, offset, message }: SegmentDamage): DamageRow {
  return { segmentId, offset, what: message };
}
