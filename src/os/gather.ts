/**
 * Complete writes and reads out of calls that may do less than asked.
 *
 * Hides short counts: a full disk first shows up as a write that reports fewer bytes and no error, so every count is
 * looked at and the rest is tried again, until the kernel says what is wrong. Invariant: returns only when every byte
 * was moved.
 */
import { EngineError } from '../base/errors.ts';
import { READ_CALL_BYTES_MAX, WRITE_PARTS_MAX } from '../base/limits.ts';

/** Writes some of `parts` at `position`; answers the bytes written, which may be fewer than asked for. */
export type WriteCall = (parts: Uint8Array[], position: number) => Promise<number>;

/** Reads at most `length` bytes into `target` at `offset`; answers 0 only at the end of the file. */
export type ReadCall = (target: Uint8Array, offset: number, length: number, position: number) => Promise<number>;

/** Writes all of `parts` in order from `position` on. @throws EngineError `io_error` when a call makes no progress. */
export async function writeFully(
  call: WriteCall,
  path: string,
  parts: readonly Uint8Array[],
  position: number,
): Promise<void> {
  let next = 0;
  let skipped = 0;
  let at = position;
  for (;;) {
    const pending: Uint8Array[] = [];
    let asked = 0;
    for (let i = next; i < parts.length && pending.length < WRITE_PARTS_MAX; i++) {
      const part = parts[i]!;
      const rest = i === next && skipped > 0 ? part.subarray(skipped) : part;
      if (rest.byteLength > 0) pending.push(rest);
      asked += rest.byteLength;
      // A run of empty parts at the front must not be looked at again.
      if (pending.length === 0) next = i + 1;
    }
    if (asked === 0) return;
    const written = await call(pending, at);
    if (!(written > 0)) {
      const message = `cannot write to ${path}: none of ${asked} bytes at ${at} were taken, and no error was given`;
      throw new EngineError('io_error', `${message}; check the disk`);
    }
    at += written;
    // Step over the parts that are done; `skipped` counts bytes of the first part that is not.
    let done = skipped + written;
    while (next < parts.length && done >= parts[next]!.byteLength) done -= parts[next++]!.byteLength;
    skipped = done;
  }
}

/**
 * Reads exactly `length` bytes at `position` into new memory of its own. @throws `corrupt` when the file ends before.
 */
export async function readFully(call: ReadCall, path: string, length: number, position: number): Promise<Uint8Array> {
  const target = new Uint8Array(Buffer.allocUnsafeSlow(length).buffer);
  let done = 0;
  while (done < length) {
    const count = await call(target, done, Math.min(length - done, READ_CALL_BYTES_MAX), position + done);
    if (count === 0) throw endsBefore(path, position + done, length, position);
    done += count;
  }
  return target;
}

/** The error of a read of `length` bytes at `position` in a file that has only `size`. */
function endsBefore(path: string, size: number, length: number, position: number): EngineError {
  const message = `${path} ends at byte ${size}, but bytes ${position} to ${position + length} were to be read`;
  return new EngineError('corrupt', `${message}: the file was cut off; restore it from a backup`);
}
