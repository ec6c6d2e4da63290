/**
 * Sealing: gives segments that take no more appends their end, so that any Arrow tool can open them and they prove
 * themselves.
 *
 * Hides when that happens: after a segment is full, after idle time, on request, at close. Invariants: runs follow
 * one another; a segment counts as sealed only when the catalog says so, after its end was synced; one that fails
 * stays as it is and is tried again later, or by recovery. A crash leaves a torn end, or a whole one that the
 * catalog does not know of: recovery cuts it off and seals again.
 */
import { EngineError } from '../base/errors.ts';
import { makeCounter } from '../base/metrics.ts';
import type { Committer } from './commit.ts';
import { inParallel } from './parallel.ts';
import { SyncError } from './segment-writer.ts';
import type { SegmentWriter } from './segment-writer.ts';
import type { Store } from './store.ts';
import type { Table } from './table.ts';

/** Syncs wait in Node's thread pool, which has four threads unless told otherwise. */
const SEALS_AT_ONCE = 8;

const sealsTotal = makeCounter('storage_seals_total', 'Segments sealed');

export class Sealer {
  readonly #store: Store;
  #last: Promise<void> = Promise.resolve();

  constructor(store: Store) {
    this.#store = store;
  }

  /** Takes the active segments of `tables` out of use, between two commits. */
  async detach(committer: Committer, tables: Iterable<Table>): Promise<void> {
    const chosen = [...tables];
    await committer.exclusive(() => {
      for (const table of chosen) this.#store.endActive(table);
      return Promise.resolve();
    });
  }

  /** Seals everything that waits for it. @throws the first failure, after all were tried */
  sealAll(): Promise<void> {
    const run = this.#last.then(() => this.#sealWaiting());
    this.#last = run.catch(() => undefined);
    return run;
  }

  /** The same, with failures logged instead of thrown. */
  async sealQuietly(): Promise<void> {
    try {
      await this.sealAll();
    } catch (error) {
      this.#store.log.warn('a segment could not be sealed; it is tried again later', { reason: String(error) });
    }
  }

  async #sealWaiting(): Promise<void> {
    const store = this.#store;
    const failures: unknown[] = [];
    const ended: SegmentWriter[] = [];
    await inParallel([...store.unsealed], SEALS_AT_ONCE, async (writer) => {
      if (writer.segment.retiredCommit !== undefined || writer.frozen) {
        // Retired ones are unlinked later; what a failed sync left is for recovery.
        store.unsealed.delete(writer);
        await writer.close();
        return;
      }
      try {
        await writer.writeEnd(store.databaseId);
        ended.push(writer);
      } catch (error) {
        failures.push(error);
      }
    });
    try {
      await this.#record(ended);
    } catch (error) {
      failures.push(error);
    }
    if (failures.length > 0) throw readable(failures[0]);
  }

  async #record(ended: readonly SegmentWriter[]): Promise<void> {
    const store = this.#store;
    if (ended.length === 0 || store.readOnlyReason !== undefined) return;
    // A table that is being dropped in this moment has its segments marked before the catalog is asked.
    const sealed = ended.filter((writer) => !writer.segment.retiring);
    // Recovery also gives back their ends to segments that the catalog calls sealed already.
    const sealSegments = sealed
      .filter((writer) => writer.segment.state === 'active')
      .map((writer) => ({ segmentId: writer.segment.identity.segmentId, fileLength: writer.fileLength }));
    const change = { commit: undefined, timeMs: store.clock.wallMs(), sealSegments };
    if (sealSegments.length > 0) await store.apply(change, 'a seal');
    for (const writer of sealed) {
      if (writer.segment.state === 'active') writer.segment.state = 'sealed';
      writer.segment.hasEnd = true;
      store.unsealed.delete(writer);
      sealsTotal.inc();
      await writer.close();
    }
  }
}

/** The error as the caller of a seal sees it. */
function readable(error: unknown): unknown {
  if (!(error instanceof SyncError)) return error;
  const rest = 'its rows are stored, and the next start gives the segment its end';
  return new EngineError('io_error', `${error.message}; ${rest}`, { cause: error });
}
