/**
 * What storage does by itself: seals idle segments, unlinks retired ones, merges small ones, lets rows and snapshots
 * expire, scrubs, and copies the catalog.
 *
 * Hides the timers. Invariants: one round at a time; a failure is logged and the next round tries again; nothing begins
 * once the store is closing, and `stop` waits for what has begun.
 */
import type { Committer } from './commit.ts';
import type { Compaction } from './compaction.ts';
import { catalogCopyPath } from './filename.ts';
import type { Maintenance } from './maintenance.ts';
import { expireRows, forgetKeys, forgetSnapshots } from './retention.ts';
import type { Retirement } from './retire.ts';
import type { Rewriter } from './rewrite.ts';
import type { Scrub } from './scrub.ts';
import type { Sealer } from './seal.ts';
import type { Store } from './store.ts';
import type { Table } from './table.ts';

export interface BackgroundParts {
  readonly store: Store;
  readonly committer: Committer;
  readonly sealer: Sealer;
  readonly retirement: Retirement;
  readonly rewriter: Rewriter;
  readonly compaction: Compaction;
  readonly scrub: Scrub;
  readonly maintenance: Maintenance;
}

export class Background {
  readonly #parts: BackgroundParts;
  #timer: NodeJS.Timeout | undefined;
  #sweeping: Promise<void> = Promise.resolve();
  #compacting: Promise<void> | undefined;
  #housekeptMs: number;
  #copiedMs = -Infinity;
  #copiedVersion = 0;

  constructor(parts: BackgroundParts) {
    this.#parts = parts;
    this.#housekeptMs = parts.store.clock.monotonicMs();
  }

  /** Ends what recovery left to do, and begins the rounds. */
  async start(): Promise<void> {
    const { sealer, store } = this.#parts;
    await sealer.sealQuietly();
    await this.#attempt('files of retired segments could not be removed', () => this.#parts.retirement.sweep(false));
    this.#timer = setInterval(() => this.#beginSweep(), store.bounds.sweepMs);
    this.#timer.unref();
  }

  /** Waits for what runs; nothing begins any more. The store must be marked as closing. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#sweeping;
    await this.#parts.maintenance.setPace(0).catch(() => undefined);
    await this.#compacting;
    await this.#parts.compaction.idle();
    // A rewrite that goes on would write and remove files of a directory that is not ours any more.
    for (const table of this.#parts.store.tables.values()) await table.rewriting;
    await this.#parts.scrub.idle();
    await this.#parts.maintenance.close();
  }

  #beginSweep(): void {
    this.#sweeping = this.#sweeping.then(() => this.#sweep());
  }

  get #isIdle(): boolean {
    const { closing, readOnlyReason } = this.#parts.store;
    return closing || readOnlyReason !== undefined;
  }

  async #sweep(): Promise<void> {
    const { store, sealer, committer, retirement, scrub } = this.#parts;
    if (this.#isIdle) return;
    const now = store.clock.monotonicMs();
    const idle = [...store.activeTables].filter((table) => isUnused(table, now, store.bounds.sealIdleMs));
    if (idle.length > 0) await sealer.detach(committer, idle);
    if (store.unsealed.size > 0) await sealer.sealQuietly();
    if (now - this.#housekeptMs >= store.bounds.housekeepingMs) {
      this.#housekeptMs = now;
      await this.#keepHouse();
    }
    await this.#attempt('files of retired segments could not be removed', () => retirement.sweep(false));
    this.#beginCompaction();
    scrub.begin();
  }

  async #keepHouse(): Promise<void> {
    const { store, rewriter } = this.#parts;
    await this.#attempt('rows past their retention could not be removed', () => expireRows(store, rewriter));
    await this.#attempt('old snapshots could not be forgotten', () => forgetSnapshots(store));
    await this.#attempt('old idempotency keys could not be forgotten', () => forgetKeys(store));
    await this.#attempt('space for drops could not be kept', () => store.ballast.hold());
    await this.#attempt('the catalog could not be copied', () => this.#copyCatalog());
  }

  /** What a repair begins with when the catalog is lost; only when there is something new. */
  async #copyCatalog(): Promise<void> {
    const { store } = this.#parts;
    const now = store.clock.monotonicMs();
    if (store.version === this.#copiedVersion || now - this.#copiedMs < store.bounds.catalogCopyMs) return;
    this.#copiedVersion = await store.catalog.copyTo(catalogCopyPath(store.paths));
    this.#copiedMs = now;
  }

  /** Runs beside the rounds, since it takes long. */
  #beginCompaction(): void {
    const { store, compaction } = this.#parts;
    if (this.#compacting !== undefined || this.#isIdle || store.bounds.compactSegmentsMin === 0) return;
    this.#compacting = this.#attempt('segments could not be merged', async () => {
      await compaction.run(store.tables.values(), false);
    }).finally(() => (this.#compacting = undefined));
  }

  async #attempt(what: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      const { closing, log } = this.#parts.store;
      if (!closing) log.warn(`${what}; it is tried again`, { reason: String(error) });
    }
  }
}

function isUnused(table: Table, nowMs: number, idleMs: number): boolean {
  return table.active !== undefined && nowMs - table.active.committedAtMs >= idleMs;
}
