/**
 * Work: a long computation in pieces, between which others may have the event loop.
 *
 * Hides nothing. Invariants: a generator that yields after each piece of about WORK_ROWS rows and returns the result;
 * hot loops stand in plain functions over a range of rows, for generators are slower. Whoever holds the loop anyway, or
 * knows that it is little, runs it to its end with `finish`.
 */
import { WORK_ROWS } from '../base/limits.ts';
import { step } from './operator.ts';
import type { RunContext } from './operator.ts';

/** A computation in pieces. */
export type Work<T> = Generator<undefined, T, undefined>;

/** Does a range of rows, [from, to), piece by piece. */
export function* inPieces(count: number, run: (from: number, to: number) => void): Work<void> {
  for (let from = 0; from < count; from += WORK_ROWS) {
    run(from, Math.min(from + WORK_ROWS, count));
    yield;
  }
}

/** Does the work at once. */
export function finish<T>(work: Work<T>): T {
  for (;;) {
    const result = work.next();
    if (result.done === true) return result.value;
  }
}

/** Does the work piece by piece, and lets others have their turn. @throws `cancelled` */
export async function paced<T>(work: Work<T>, context: RunContext): Promise<T> {
  for (;;) {
    const result = work.next();
    if (result.done === true) return result.value;
    await step(context);
  }
}
