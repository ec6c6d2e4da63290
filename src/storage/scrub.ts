/**
 * The scrub: reads every sealed segment again and again, slowly, and holds it against its checksums, so that a disk
 * that forgets is found out while there is still a backup.
 *
 * Hides the order, which is that of tables and their rows. Invariants: in the background it reads at most
 * SCRUB_BYTES_PER_SECOND and in the maintenance thread; a mismatch and a file that is gone mark the segment damaged,
 * and the round goes on; a segment that is retired meanwhile is passed over.
 */
import { setTimeout as rest } from 'node:timers/promises';
import { EngineError } from '../base/errors.ts';
import { SCRUB_SLICE_BYTES } from '../base/limits.ts';
import { makeCounter, makeGauge } from '../base/metrics.ts';
import type { BatchIndex } from './batch-index.ts';
import type { ScrubReport } from './contract.ts';
import type { Maintenance } from './maintenance.ts';
import { isUnreadable } from './segment.ts';
import type { Segment } from './segment.ts';
import { checkEnd } from './segment-end.ts';
import type { EndFault } from './segment-end.ts';
import { messageTable } from './segment-scan.ts';
import type { Store } from './store.ts';

const bytesTotal = makeCounter('storage_scrubbed_bytes_total', 'Bytes read and verified by the scrub');
const roundsTotal = makeCounter('storage_scrub_rounds_total', 'Times that the scrub has read everything');
const lastGauge = makeGauge('storage_scrub_last_round_seconds', 'Unix time at which the last round ended; 0 before');

export class Scrub {
  readonly #store: Store;
  readonly #maintenance: Maintenance;
  #round: Promise<ScrubReport> | undefined;
  #lastRoundMs: number;
  #bytesPerSecond = Infinity;
  /** Ends the rest of the round under way. */
  #wake: (() => void) | undefined;

  constructor(store: Store, maintenance: Maintenance) {
    this.#store = store;
    this.#maintenance = maintenance;
    this.#lastRoundMs = store.clock.monotonicMs();
  }

  /** Begins a round in the background when the last one ended long enough ago. */
  begin(): void {
    const { bounds, clock, closing } = this.#store;
    if (closing || bounds.scrubBytesPerSecond <= 0 || this.#round !== undefined) return;
    if (clock.monotonicMs() - this.#lastRoundMs < bounds.scrubPauseMs) return;
    this.#begin(bounds.scrubBytesPerSecond).catch((error: unknown) => {
      this.#store.log.warn('the scrub was broken off; it begins anew later', { reason: String(error) });
    });
  }

  /** Reads everything once from now on, as fast as it can; a round under way is brought to its end first. */
  async run(): Promise<ScrubReport> {
    while (this.#round !== undefined) await this.idle();
    return this.#begin(Infinity);
  }

  #begin(bytesPerSecond: number): Promise<ScrubReport> {
    this.#bytesPerSecond = bytesPerSecond;
    this.#round = this.#run().finally(() => {
      this.#round = undefined;
      this.#lastRoundMs = this.#store.clock.monotonicMs();
    });
    return this.#round;
  }

  /** Resolves when no round runs; one that does goes on without rests. */
  async idle(): Promise<void> {
    this.#bytesPerSecond = Infinity;
    this.#wake?.();
    await this.#round?.catch(() => undefined);
  }

  async #run(): Promise<ScrubReport> {
    const report = { segmentCount: 0, byteCount: 0, damagedCount: 0 };
    for (const table of this.#store.tables.values()) {
      for (const segment of table.liveSegments) {
        if (this.#store.closing) return report;
        if (segment.state !== 'sealed' || segment.damage !== undefined) continue;
        report.byteCount += await this.#segment(segment);
        report.segmentCount++;
        if (segment.damage !== undefined) report.damagedCount++;
      }
    }
    roundsTotal.inc();
    lastGauge.set(Math.round(this.#store.clock.wallMs() / 1_000));
    return report;
  }

  /** Bytes that were read of the segment; what is wrong with it marks it damaged. */
  async #segment(segment: Segment): Promise<number> {
    const { clock, os } = this.#store;
    let byteCount = 0;
    try {
      const index = await segment.loadIndex();
      const end = await checkEnd(os, segment.identity, segment.committedLength);
      if (end !== undefined) this.#mark(segment, end);
      for (let from = 0; from < segment.messageCount && this.#goesOn(segment);) {
        const started = clock.monotonicMs();
        const begin = index.offset(from);
        let to = from + 1;
        while (to < segment.messageCount && index.end(to) - begin <= SCRUB_SLICE_BYTES) to++;
        byteCount += await this.#slice(segment, index, from, to);
        from = to;
        await this.#restFor(index.end(to - 1) - begin, started);
      }
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      if (error.code === 'not_found') this.#mark(segment, { offset: 0, what: 'the file is missing' });
      else if (isUnreadable(error)) segment.markDamaged(0, error.message, false);
      else if (segment.damage === undefined) this.#passOver(segment, error);
    }
    return byteCount;
  }

  /** What is no proof of damage, such as a lack of file descriptors, must not keep others from being read. */
  #passOver(segment: Segment, error: EngineError): void {
    this.#store.log.warn('the scrub could not read a segment; it is tried again in the next round', {
      path: segment.identity.path,
      reason: error.message,
    });
  }

  #goesOn(segment: Segment): boolean {
    return segment.state === 'sealed' && segment.damage === undefined && !this.#store.closing;
  }

  async #slice(segment: Segment, index: BatchIndex, from: number, to: number): Promise<number> {
    const { segmentId, path } = segment.identity;
    const outcome = await this.#maintenance.verify({ segmentId, path, messages: messageTable(index, from, to) });
    bytesTotal.inc(outcome.byteCount);
    if (outcome.damage !== undefined) this.#mark(segment, outcome.damage);
    else segment.markVerified(from, to);
    return outcome.byteCount;
  }

  #mark(segment: Segment, { offset, what }: EndFault): void {
    // A file that was unlinked meanwhile is no damage.
    if (segment.retiredCommit === undefined) segment.markDamaged(offset, what);
  }

  /** Rests until the bytes read have had their time, or somebody waits for the round. */
  async #restFor(bytes: number, started: number): Promise<void> {
    const due = (bytes / this.#bytesPerSecond) * 1_000 - (this.#store.clock.monotonicMs() - started);
    if (due <= 1 || this.#store.closing) return;
    // The timer does not keep the process alive; whoever waits must not be left waiting for it.
    const woken = new Promise<void>((resolve) => (this.#wake = resolve));
    await Promise.race([rest(due, undefined, { ref: false }), woken]);
    this.#wake = undefined;
  }
}
