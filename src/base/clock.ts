/**
 * Time, injected, so that tests can hold it still.
 *
 * Hides the platform's clocks. Invariant: `monotonicMs` never goes back; `wallMs` may.
 */
import { performance } from 'node:perf_hooks';

/** The two clocks that the product uses. */
export interface Clock {
  /** Milliseconds since 1970 UTC. */
  wallMs(): number;
  /** Milliseconds since an unknown start, with fractions. */
  monotonicMs(): number;
}

/** The machine's own clocks. */
export const systemClock: Clock = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
};
