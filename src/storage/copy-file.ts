/**
 * Copies of files by `Os`, in bounded memory, durable when they return.
 *
 * Hides pieces. Invariant: when a copy returns, its bytes are on the disk; its directory entry is the caller's to sync.
 */
import { CHECK_READ_BYTES_MAX } from '../base/limits.ts';
import { EngineError } from '../base/errors.ts';
import type { Os } from '../os/os.ts';

/** Copies bytes [start, end) of `from` to the new file `to`; a leftover of that name goes first. */
export async function copyBytes(os: Os, from: string, to: string, start: number, end: number): Promise<void> {
  await unlinkIfPresent(os, to);
  const source = await os.open(from, 'read');
  try {
    const target = await os.open(to, 'create');
    try {
      for (let at = start; at < end; at += CHECK_READ_BYTES_MAX) {
        const length = Math.min(CHECK_READ_BYTES_MAX, end - at);
        await target.write([await source.read(length, at)], at - start);
      }
      await target.dataSync();
    } finally {
      await target.close();
    }
  } finally {
    await source.close();
  }
}

/** Removes a file that may be gone already. */
export async function unlinkIfPresent(os: Os, path: string): Promise<void> {
  try {
    await os.unlink(path);
  } catch (error) {
    if (!(error instanceof EngineError) || error.code !== 'not_found') throw error;
  }
}
