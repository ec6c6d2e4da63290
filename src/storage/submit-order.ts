/**
 * Lets tagged appends reach the committer in the order in which their commits were asked for.
 *
 * An append that was spilled completes its files before it is submitted, so that one asked for later could overtake it
 * and be refused for a gap that its client never made.
 *
 * Hides the waiting. Invariants: per key, first come first served; one that fails or gives up lets the next one go;
 * without a predecessor there is no wait at all, so that appends held in memory are submitted at once.
 */

/** One append's place in the order of its key. */
export interface Place {
  /** Those before; undefined when there is none. */
  readonly before: Promise<void> | undefined;
  /** Lets the next one go; call it once submitted, or on any failure. May be called again. */
  leave(): void;
}

export class SubmitOrder {
  readonly #last = new Map<string, Promise<void>>();

  /** Takes the next place for `key`, at once. */
  enter(key: string): Place {
    const before = this.#last.get(key);
    let open: () => void = () => undefined;
    const left = new Promise<void>((resolve) => (open = resolve));
    const done = before === undefined ? left : before.then(() => left);
    this.#last.set(key, done);
    return {
      before,
      leave: () => {
        open();
        // The last one takes the key away, at once when nobody is before it.
        if (before === undefined && this.#last.get(key) === done) this.#last.delete(key);
        else void done.then(() => this.#forget(key, done));
      },
    };
  }

  #forget(key: string, done: Promise<void>): void {
    if (this.#last.get(key) === done) this.#last.delete(key);
  }
}
