/**
 * The real disk, that stops at the nth operation: it and all later ones fail, as if the process had been killed there.
 *
 * Hides counting. Invariant: what was done before stays done; nothing is done after, neither cleaning up.
 */
import { EngineError } from '../../src/base/errors.ts';
import type { Os, OsFile } from '../../src/os/os.ts';
import { realOs } from '../../src/os/real-os.ts';

export interface StoppingOs extends Os {
  /** Operations so far. */
  readonly count: () => number;
  /** True once an operation was refused. */
  readonly stopped: () => boolean;
}

/** `stopAt`: number of the first operation that fails, from 1; Infinity lets all pass. */
export function stoppingOs(stopAt: number): StoppingOs {
  const os = realOs();
  let count = 0;
  let stopped = false;
  const step = (what: string): void => {
    if (++count < stopAt) return;
    stopped = true;
    throw new EngineError('io_error', `stopped at operation ${count.toString()}: ${what}`);
  };
  const fileOf = (file: OsFile): OsFile => ({
    path: file.path,
    async write(parts, position) {
      step('write');
      return file.write(parts, position);
    },
    read: (length, position) => file.read(length, position),
    async dataSync() {
      step('sync');
      return file.dataSync();
    },
    size: () => file.size(),
    async truncate(length) {
      step('truncate');
      return file.truncate(length);
    },
    close: () => file.close(),
  });
  /** Operations that change the disk, by name. */
  const changes: Partial<Os> = {};
  for (const name of [
    'makeDirectory',
    'syncDirectory',
    'unlink',
    'removeDirectory',
    'rename',
    'link',
    'writeFile',
  ] as const) {
    const call = os[name] as (...values: unknown[]) => Promise<unknown>;
    Object.assign(changes, {
      [name]: async (...values: unknown[]): Promise<unknown> => {
        step(name);
        return call(...values);
      },
    });
  }
  return {
    ...os,
    ...changes,
    async open(path, mode) {
      if (mode !== 'read') step(`open ${mode}`);
      return fileOf(await os.open(path, mode));
    },
    count: () => count,
    stopped: () => stopped,
  };
}
