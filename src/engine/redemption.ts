/**
 * Redemptions: the DoGets that run for each ticket, so that they can be cancelled together.
 *
 * Hides the signals. Invariants: a cancelled ticket stays cancelled until it expires; what is remembered is bounded by
 * TICKETS_CANCELLED_MAX, the oldest going first.
 */
import { EngineError } from '../base/errors.ts';
import { TICKETS_CANCELLED_MAX } from '../base/limits.ts';

/** One run of a ticket: the signal that ends it, and what to call when it is over. */
export interface Redemption {
  readonly signal: AbortSignal;
  end(): void;
}

export class Redemptions {
  readonly #running = new Map<string, Set<AbortController>>();
  /** Ids of cancelled tickets, oldest first. */
  readonly #cancelled = new Set<string>();

  /** Begins a run of ticket `id`, which also ends when `outer` fires. @throws `cancelled` */
  begin(id: string, outer: AbortSignal | undefined): Redemption {
    this.refuseCancelled(id);
    const controller = new AbortController();
    const pass = (): void => controller.abort();
    if (outer?.aborted === true) pass();
    else outer?.addEventListener('abort', pass, { once: true });
    const running = this.#running.get(id) ?? new Set();
    this.#running.set(id, running.add(controller));
    return {
      signal: controller.signal,
      end: () => {
        outer?.removeEventListener('abort', pass);
        running.delete(controller);
        if (running.size === 0) this.#running.delete(id);
      },
    };
  }

  /** @throws `cancelled` for a ticket that was cancelled */
  refuseCancelled(id: string): void {
    if (!this.#cancelled.has(id)) return;
    throw new EngineError('cancelled', 'the ticket was cancelled; ask GetFlightInfo for a new one');
  }

  /** Ends every run of ticket `id`, and refuses those to come. */
  cancel(id: string): void {
    for (const controller of this.#running.get(id) ?? []) controller.abort();
    this.#cancelled.add(id);
    for (const oldest of this.#cancelled) {
      if (this.#cancelled.size <= TICKETS_CANCELLED_MAX) return;
      this.#cancelled.delete(oldest);
    }
  }
}
