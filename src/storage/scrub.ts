/**
 * The scrub: reads every sealed segment again and again, slowly, and holds it against its checksums, so that a disk
 * that forgets is found out while there is still a backup.
 *
 * Hides the order: least recently checked first, newest last. Invariants: it reads at most SCRUB_BYTES_PER_SECOND and
 * in the maintenance thread; a mismatch marks the segment damaged, like a reader that meets it; a segment that is
 * retired meanwhile is passed over.
 */
import { setTimeout as rest } from 'node:timers/promises';
import { SCRUB_SLICE_BYTES } from '../base/limits.ts';
import { makeCounter, makeGauge } from '../base/metrics.ts';
import type { ScrubReport } from './contract.ts';
import type { Maintenance } from './maintenance.ts';
import type { Segment } from './segment.ts';
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
    this.run(bounds.scrubBytesPerSecond).catch((error: unknown) => {
      this.#store.log.warn('the scrub was broken off; it begins anew later', { reason: String(error) });
    });
  }

  /** Reads everything once; joins the round under way. `bytesPerSecond` may be Infinity. */
  run(bytesPerSecond: number): Promise<ScrubReport> {
    this.#round ??= this.#run(bytesPerSecond).finally(() => {
      this.#round = undefined;
      this.#lastRoundMs = this.#store.clock.monotonicMs();
    });
    return this.#round;
  }

  /** Resolves when no round runs. */
  async idle(): Promise<void> {
    await this.#round?.catch(() => undefined);
  }

  async #run(bytesPerSecond: number): Promise<ScrubReport> {
    const report = { segmentCount: 0, byteCount: 0, damagedCount: 0 };
    for (const table of this.#store.tables.values()) {
      for (const segment of table.liveSegments) {
        if (this.#store.closing) return report;
        if (segment.state !== 'sealed' || segment.damage !== undefined) continue;
        report.byteCount += await this.#segment(segment, bytesPerSecond);
        report.segmentCount++;
        if (segment.damage !== undefined) report.damagedCount++;
      }
    }
    roundsTotal.inc();
    lastGauge.set(Math.round(this.#store.clock.wallMs() / 1_000));
    return report;
  }

  async #segment(segment: Segment, bytesPerSecond: number): Promise<number> {
    const index = await segment.loadIndex();
    const { segmentId, path } = segment.identity;
    const { clock } = this.#store;
    let byteCount = 0;
    for (let from = 0; from < segment.messageCount && segment.state === 'sealed' && !this.#store.closing;) {
      const started = clock.monotonicMs();
      const begin = index.offset(from);
      let to = from + 1;
      while (to < segment.messageCount && index.end(to) - begin <= SCRUB_SLICE_BYTES) to++;
      const outcome = await this.#maintenance.verify({ segmentId, path, messages: messageTable(index, from, to) });
      byteCount += outcome.byteCount;
      bytesTotal.inc(outcome.byteCount);
      if (outcome.damage !== undefined) {
        // A file that was unlinked meanwhile is no damage.
        if (segment.retiredCommit === undefined) segment.markDamaged(outcome.damage.offset, outcome.damage.what);
        break;
      }
      segment.markVerified(from, to);
      from = to;
      const due = (outcome.byteCount / bytesPerSecond) * 1_000 - (clock.monotonicMs() - started);
      if (due > 1) await rest(due, undefined, { ref: false });
    }
    return byteCount;
  }
}
