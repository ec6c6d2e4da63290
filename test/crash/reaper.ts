/**
 * Ends this process by kill -9 at an exact moment: before or after the nth operation of a kind, in the middle of a
 * write, or during a change of the catalog.
 *
 * Hides counting. Invariant: operations count from `enter`, and only in the phase that is wanted.
 */
import { concatBytes } from '../../src/base/bytes.ts';
import type { Os, OsFile } from '../../src/os/os.ts';
import { watchCatalog } from '../support/watched-catalog.ts';

/** Where a program dies: words of its command line. */
export interface Doom {
  readonly phase: string;
  /** Of the disk, `catalog` for a change of the catalog, or what `around` is told. */
  readonly kind: string;
  readonly when: string;
  readonly nth: number;
}

/** Dies now. */
export function die(): never {
  process.kill(process.pid, 'SIGKILL');
  // The signal is there before the call returns, or a moment later.
  for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_000);
}

export class Reaper {
  readonly #doom: Doom;
  #phase = '';
  #seen = 0;
  /** Files and directories removed since the last `enter`. */
  unlinks = 0;
  removals = 0;

  constructor(doom: Doom) {
    this.#doom = doom;
    watchCatalog(
      () => {
        const isHere = this.#isHere('catalog');
        if (isHere && doom.when === 'before') die();
        if (isHere && doom.when === 'during') setImmediate(die);
        return isHere;
      },
      (isHere) => {
        if (isHere && doom.when === 'after') die();
      },
    );
  }

  enter(phase: string): void {
    this.#phase = phase;
    this.#seen = 0;
    this.unlinks = 0;
    this.removals = 0;
  }

  async around<T>(kind: string, run: () => Promise<T>): Promise<T> {
    if (this.#doom.when === 'before' && this.#isHere(kind)) die();
    const value = await run();
    // One that failed, such as the removal of a file that is not there, does not count.
    if (this.#doom.when === 'after' && this.#isHere(kind)) die();
    return value;
  }

  aroundSync<T>(kind: string, run: () => T): T {
    if (this.#doom.when === 'before' && this.#isHere(kind)) die();
    const value = run();
    if (this.#doom.when === 'after' && this.#isHere(kind)) die();
    return value;
  }

  /** `os`, with the moment in it. */
  deadly(os: Os): Os {
    return {
      ...os,
      open: async (path, mode) =>
        this.#deadlyFile(await this.around(mode === 'create' ? 'create' : 'open', () => os.open(path, mode))),
      makeDirectory: (path) => this.around('makeDirectory', () => os.makeDirectory(path)),
      syncDirectory: (path) => this.around('syncDirectory', () => os.syncDirectory(path)),
      unlink: async (path) => {
        await this.around('unlink', () => os.unlink(path));
        this.unlinks++;
      },
      removeDirectory: async (path) => {
        await this.around('removeDirectory', () => os.removeDirectory(path));
        this.removals++;
      },
      rename: (from, to) => this.around('rename', () => os.rename(from, to)),
      link: (from, to) => this.around('link', () => os.link(from, to)),
      writeFile: (path, bytes) => this.around('writeFile', () => os.writeFile(path, bytes)),
    };
  }

  #deadlyFile(file: OsFile): OsFile {
    return {
      path: file.path,
      write: (parts, position) => {
        if (this.#doom.when !== 'half') return this.around('write', () => file.write(parts, position));
        if (!this.#isHere('write')) return file.write(parts, position);
        const bytes = concatBytes(parts);
        return file.write([bytes.subarray(0, bytes.byteLength >> 1)], position).then(die);
      },
      read: (length, position) => file.read(length, position),
      dataSync: () => this.around('dataSync', () => file.dataSync()),
      size: () => file.size(),
      truncate: (length) => this.around('truncate', () => file.truncate(length)),
      close: () => file.close(),
    };
  }

  /** Whether this operation is the one. */
  #isHere(kind: string): boolean {
    if (this.#phase !== this.#doom.phase || kind !== this.#doom.kind) return false;
    this.#seen++;
    return this.#seen === this.#doom.nth;
  }
}
