/**
 * The floor of free disk space: appends stop above it, so that drops, seals and checkpoints still work.
 *
 * Hides how seldom the file system is asked. Invariant: between two questions no more is promised than half of what
 * the last one left above the floor; when the floor is reached, files of dropped tables that nobody reads are given
 * up early, and it is asked once more before anybody is refused.
 */
import type { Clock } from '../base/clock.ts';
import { EngineError } from '../base/errors.ts';
import { formatBytes } from '../base/bytes.ts';
import type { Os } from '../os/os.ts';

const ASK_AGAIN_MS = 1_000;

export class FreeSpace {
  readonly #os: Os;
  readonly #clock: Clock;
  readonly #path: string;
  readonly #floor: number;
  readonly #reclaim: () => Promise<void>;
  /** Bytes above the floor at the last question, less what was promised since. */
  #left = 0;
  #promisable = 0;
  #askedAtMs = -Infinity;

  /** `reclaim` gives up what can be given up. */
  constructor(services: { os: Os; clock: Clock }, path: string, floor: number, reclaim: () => Promise<void>) {
    this.#os = services.os;
    this.#clock = services.clock;
    this.#path = path;
    this.#floor = floor;
    this.#reclaim = reclaim;
  }

  /** Takes note that `bytes` will be written. @throws `storage_full` when that would go below the floor */
  async claim(bytes: number): Promise<void> {
    if (bytes > this.#promisable || this.#clock.monotonicMs() - this.#askedAtMs > ASK_AGAIN_MS) await this.#ask();
    if (bytes > this.#left) {
      await this.#reclaim();
      await this.#ask();
    }
    if (bytes > this.#left) {
      const free = formatBytes(Math.max(0, this.#left + this.#floor));
      throw new EngineError(
        'storage_full',
        `cannot add ${formatBytes(bytes)} to ${this.#path}: ${free} are free, of which ${formatBytes(this.#floor)} ` +
          'are kept for drops and checkpoints; drop tables or make room',
      );
    }
    this.#left -= bytes;
    this.#promisable -= bytes;
  }

  async #ask(): Promise<void> {
    this.#left = (await this.#os.freeBytes(this.#path)) - this.#floor;
    this.#promisable = this.#left / 2;
    this.#askedAtMs = this.#clock.monotonicMs();
  }
}
