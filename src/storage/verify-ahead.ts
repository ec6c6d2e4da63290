/**
 * Verifies a segment's messages just ahead of a scan.
 *
 * Hides the reading: the thread pool reads the next runs of messages while the scan uses the one before.
 * Invariants: after `reach(i)` resolved, message i is verified; the file is open only while there is something to
 * verify; `close` may be called at any time, again and again.
 */
import { VERIFY_READS_AHEAD } from '../base/limits.ts';
import type { OsFile } from '../os/os.ts';
import type { Segment, SegmentView } from './segment.ts';

interface Run {
  readonly end: number;
  readonly done: Promise<void>;
}

/** The verification of one scan of one segment. The segment's rows must be loaded. */
export class VerifyAhead {
  readonly #segment: Segment;
  readonly #count: number;
  #file: Promise<OsFile> | undefined;
  /** Runs under way, one after another in the file. */
  #ahead: Run[] = [];
  /** How many runs to have under way; grows, so that a scan that ends early reads little. */
  #depth = 0;
  /** Messages below this one, from where the scan began on, are verified. */
  #reached = 0;

  constructor(view: SegmentView) {
    this.#segment = view.segment;
    this.#count = view.messageCount;
    if (view.segment.isVerified) this.#reached = view.messageCount;
  }

  /** Verifies up to message `ordinal`; undefined when nothing has to be waited for. Ordinals must not fall. */
  reach(ordinal: number): Promise<void> | undefined {
    return ordinal < this.#reached ? undefined : this.#advance(ordinal);
  }

  async #advance(ordinal: number): Promise<void> {
    while (this.#reached <= ordinal) {
      const run = this.#ahead.shift() ?? this.#start(ordinal);
      let next = this.#ahead.at(-1)?.end ?? run.end;
      while (next < this.#count && this.#ahead.length < this.#depth) {
        const started = this.#start(next);
        this.#ahead.push(started);
        next = started.end;
      }
      this.#depth = Math.min(this.#depth + 1, VERIFY_READS_AHEAD);
      await run.done;
      this.#reached = run.end;
    }
  }

  #start(from: number): Run {
    const end = this.#segment.verifyEnd(from, this.#count);
    const done = this.#segment.verifiedRange(from, end) ? Promise.resolve() : this.#verify(from, end);
    done.catch(() => undefined);
    return { end, done };
  }

  async #verify(from: number, end: number): Promise<void> {
    this.#file ??= this.#segment.openFile();
    await this.#segment.verify(await this.#file, from, end);
  }

  /** Waits for reads that may still run, and closes the file. */
  async close(): Promise<void> {
    const file = this.#file;
    if (file === undefined) return;
    this.#file = undefined;
    for (const run of this.#ahead) await run.done.catch(() => undefined);
    this.#ahead = [];
    await (await file).close();
  }
}
