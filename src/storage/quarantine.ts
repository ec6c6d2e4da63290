/**
 * Files put aside: nothing that a repair leaves out of the database is deleted.
 *
 * Hides how names are kept apart. Invariant: what `keep` and `keepBytes` were called for is on the disk after `sync`.
 */
import { join } from 'node:path';
import type { Os } from '../os/os.ts';
import { copyBytes } from './copy-file.ts';
import type { DatabasePaths } from './filename.ts';

export class Quarantine {
  readonly #os: Os;
  readonly #directory: string;
  readonly #parent: string;

  constructor(os: Os, paths: DatabasePaths) {
    this.#os = os;
    this.#directory = paths.quarantine;
    this.#parent = paths.directory;
  }

  /** Gives the file a second name here, or a copy where there are no links. Nothing happens when it is not there. */
  async keep(path: string, name: string): Promise<void> {
    if (!(await this.#os.exists(path))) return;
    const to = await this.#freeName(name);
    if (!(await this.#os.link(path, to))) await copyBytes(this.#os, path, to, 0, await this.#os.size(path));
  }

  /** Copies bytes [start, end) of the file. */
  async keepBytes(path: string, name: string, start: number, end: number): Promise<void> {
    await copyBytes(this.#os, path, await this.#freeName(name), start, end);
  }

  /** Moves a file here. Nothing happens when it is not there. */
  async move(path: string, name: string): Promise<void> {
    if (await this.#os.exists(path)) await this.#os.rename(path, await this.#freeName(name));
  }

  async sync(): Promise<void> {
    await this.#os.makeDirectory(this.#directory);
    await this.#os.syncDirectory(this.#directory);
    await this.#os.syncDirectory(this.#parent);
  }

  /** `name`, or `name.1`, `name.2` … */
  async #freeName(name: string): Promise<string> {
    await this.#os.makeDirectory(this.#directory);
    for (let number = 0; ; number++) {
      const path = join(this.#directory, number === 0 ? name : `${name}.${number.toString()}`);
      if (!(await this.#os.exists(path))) return path;
    }
  }
}
