/**
 * Whoever does the maintenance: a thread of its own that is started when first needed, or, when a test brings its own
 * disk, the caller.
 *
 * Hides the thread. Invariant: `close` waits for the job under way; later calls are refused.
 */
import { moduleBeside, startThread } from '../os/thread.ts';
import type { Thread } from '../os/thread.ts';
import type { CompactJob, CompactOutcome, MaintenanceMethods, VerifyOutcome } from './maintenance-work.ts';
import type { ScannedSegment } from './segment-scan.ts';

/** Jobs, from the side of the store. */
export interface Maintenance {
  compact(job: CompactJob): Promise<CompactOutcome>;
  verify(segment: ScannedSegment): Promise<VerifyOutcome>;
  setPace(restRatio: number): Promise<void>;
  close(): Promise<void>;
}

/** Maintenance in a thread of its own. */
export function threadMaintenance(): Maintenance {
  let thread: Thread<MaintenanceMethods> | undefined;
  const running = (): Thread<MaintenanceMethods> => {
    if (thread?.alive !== true) {
      thread = startThread<MaintenanceMethods>(moduleBeside(import.meta.url, 'maintenance-thread'), 'maintenance');
    }
    return thread;
  };
  return {
    compact: (job) => running().call('compact', job),
    verify: (segment) => running().call('verify', segment, [segment.messages.numbers.buffer as ArrayBuffer]),
    // A thread that was never needed has no pace.
    setPace: async (restRatio) => thread?.call('setPace', restRatio),
    close: async () => {
      await thread?.end();
    },
  };
}

/** Maintenance where it is called. */
export function inlineMaintenance(work: MaintenanceMethods): Maintenance {
  return {
    compact: (job) => work.compact(job),
    verify: (segment) => work.verify(segment),
    setPace: (restRatio) => Promise.resolve(work.setPace(restRatio)),
    close: () => Promise.resolve(),
  };
}
