/**
 * Admission: how many queries run at one time, how many wait, and the orderly end of both.
 *
 * Hides the queue. Invariants: at most QUERIES_RUNNING_MAX permits are out; waiters are served in order; a permit is
 * given back exactly once; after `drain` nothing new is admitted.
 */
import { abortError, EngineError } from '../base/errors.ts';
import { QUERIES_RUNNING_MAX, QUERIES_WAITING_MAX } from '../base/limits.ts';
import { makeGauge } from '../base/metrics.ts';

/** Gives the permit back; calls after the first have no effect. */
export type Release = () => void;

interface Waiter {
  readonly admit: () => void;
  readonly refuse: (error: EngineError) => void;
}

const running = new Set<Admission>();
makeGauge('queries_running', 'Queries running now', () =>
  [...running].reduce((sum, each) => sum + each.runningCount, 0),
);

export class Admission {
  #running = 0;
  #draining = false;
  readonly #waiting: Waiter[] = [];
  #idle: (() => void)[] = [];

  constructor() {
    running.add(this);
  }

  get runningCount(): number {
    return this.#running;
  }

  get waitingCount(): number {
    return this.#waiting.length;
  }

  get draining(): boolean {
    return this.#draining;
  }

  /**
   * Waits for a permit. @throws `busy` when too many wait, `draining` during a stop, `cancelled` when the signal
   * fires first.
   */
  async enter(signal: AbortSignal | undefined): Promise<Release> {
    this.refuseWhileDraining();
    if (signal?.aborted === true) throw abortError(signal);
    if (this.#running >= QUERIES_RUNNING_MAX) await this.#wait(signal);
    else this.#running++;
    let open = true;
    return () => {
      if (!open) return;
      open = false;
      this.#leave();
    };
  }

  /** @throws `draining` */
  refuseWhileDraining(): void {
    if (this.#draining) throw new EngineError('draining', 'the server is stopping; connect again in a few seconds');
  }

  /** Admits nothing more, sends the waiting away, and resolves when the running ended or `graceMs` passed. */
  async drain(graceMs: number): Promise<void> {
    this.#draining = true;
    for (const waiter of this.#waiting.splice(0)) {
      waiter.refuse(new EngineError('draining', 'the server is stopping; connect again in a few seconds'));
    }
    if (this.#running === 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, graceMs);
      this.#idle.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  close(): void {
    running.delete(this);
  }

  async #wait(signal: AbortSignal | undefined): Promise<void> {
    if (this.#waiting.length >= QUERIES_WAITING_MAX) {
      const counts = `${this.#running.toString()} queries run and ${this.#waiting.length.toString()} wait`;
      throw new EngineError('busy', `${counts}; try again later`);
    }
    await new Promise<void>((resolve, reject) => {
      const waiter: Waiter = {
        admit: () => {
          signal?.removeEventListener('abort', onAbort);
          resolve();
        },
        refuse: (error) => {
          signal?.removeEventListener('abort', onAbort);
          reject(error);
        },
      };
      const onAbort = (): void => {
        const at = this.#waiting.indexOf(waiter);
        if (at >= 0) this.#waiting.splice(at, 1);
        if (signal !== undefined) reject(abortError(signal));
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#waiting.push(waiter);
    });
  }

  /** Hands the permit to the next waiter, so that `#running` never dips while somebody waits. */
  #leave(): void {
    const next = this.#waiting.shift();
    if (next !== undefined) {
      next.admit();
      return;
    }
    this.#running--;
    if (this.#running === 0) for (const wake of this.#idle.splice(0)) wake();
  }
}
