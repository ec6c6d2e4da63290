/**
 * The ballast: a file of nothing that is given up when another program has taken the last of the disk, so that drops,
 * truncations and a new start still find room for the catalog's log.
 *
 * Hides its size. Invariants: appends never get its space (the floor of free-space.ts stops them before); it is made
 * again by itself once there is room; without it everything works that works on a disk with room.
 */
import { dirname } from 'node:path';
import { BALLAST_BYTES, BALLAST_BYTES_MIN, BALLAST_SHARE } from '../base/limits.ts';
import { EngineError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { Os } from '../os/os.ts';
import { unlinkIfPresent } from './copy-file.ts';

export class Ballast {
  readonly #os: Os;
  readonly #path: string;
  readonly #log: Log;

  constructor(os: Os, path: string, log: Log) {
    this.#os = os;
    this.#path = path;
    this.#log = log;
  }

  /** Gives up the space when less than it is free; for an open, before anything is written. */
  async releaseWhenFull(): Promise<void> {
    if ((await this.#os.freeBytes(dirname(this.#path))) < BALLAST_BYTES_MIN) await this.release();
  }

  /** Gives up the space; false when there was none to give. */
  async release(): Promise<boolean> {
    if (!(await this.#os.exists(this.#path))) return false;
    await this.#os.unlink(this.#path);
    this.#log.warn('the disk is full: the space that was kept for drops is in use now', { path: this.#path });
    return true;
  }

  /** Takes the space, when it is not taken and there is enough. */
  async hold(): Promise<void> {
    if (await this.#os.exists(this.#path)) return;
    const free = await this.#os.freeBytes(dirname(this.#path));
    const bytes = Math.min(BALLAST_BYTES, Math.floor(free * BALLAST_SHARE));
    if (bytes < BALLAST_BYTES_MIN) return;
    try {
      const file = await this.#os.open(this.#path, 'create');
      try {
        // Zeros that are written take blocks; a hole would not.
        await file.write([new Uint8Array(bytes)], 0);
        await file.dataSync();
      } finally {
        await file.close();
      }
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      await unlinkIfPresent(this.#os, this.#path).catch(() => undefined);
    }
  }

  /** Runs `write`, once more with the ballast's space when the disk is full. */
  async lend<T>(write: () => Promise<T>): Promise<T> {
    try {
      return await write();
    } catch (error) {
      if (!(error instanceof EngineError) || error.code !== 'storage_full') throw error;
      if (!(await this.release())) throw error;
      return write();
    }
  }
}
