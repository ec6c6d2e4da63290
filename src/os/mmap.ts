/**
 * Memory maps of files: the only user of mmap-io.
 *
 * Hides the native library and its traps. mmap-io 1.4.3 reads sizes and offsets as C `int` and wraps silently, so
 * lengths are bounded here; it cannot unmap, so a map lives until its ArrayBuffer is collected; reading past the end of
 * the file kills the process, so no map is longer than its file was when it was made; a length of zero is EINVAL to the
 * kernel, so an empty file's map is plain empty memory. Invariants: maps are read-only, shared, from offset 0; the
 * descriptor is closed at once (the map does not need it); live maps are counted per thread and bounded by
 * LIVE_MAPS_MAX. Maps weigh nothing in V8's eyes, so what was let go of would pile up: when there are twice as many as
 * were left by the last collection, a collection is asked for.
 */
import { closeSync, fstatSync, openSync } from 'node:fs';
import { createRequire } from 'node:module';
import { setImmediate as turn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type nativeMmap from 'mmap-io';
import { EngineError } from '../base/errors.ts';
import { LIVE_MAPS_MAX, MAPS_COLLECT_MIN, SEGMENT_BYTES_MAX } from '../base/limits.ts';
import { makeLog } from '../base/log.ts';
import { makeGauge } from '../base/metrics.ts';
import { errnoError, osError } from './os-error.ts';

type Native = (typeof nativeMmap)['default'];

/** The unit in which the kernel takes advice; 4 KiB divides the page size of every machine that Node runs on. */
const ADVICE_BYTES = 4_096;
/** Linux's errno numbers that mmap-io reports as "mmap failed, 12". */
const ERRNO_NAMES: Readonly<Record<string, string>> = {
  5: 'EIO',
  11: 'EAGAIN',
  12: 'ENOMEM',
  13: 'EACCES',
  19: 'ENODEV',
};

const log = makeLog('os');
const require = createRequire(import.meta.url);
let native: Native | undefined;
let collectGarbage: (() => void) | undefined;

/** Maps of this thread that are still reachable, told apart from other memory. */
const maps = new WeakSet<ArrayBufferLike>();
let mappedSegments = 0;
let mappedBytes = 0;
/** How many live maps make a collection due. */
let collectAt = MAPS_COLLECT_MIN;
let isCollecting = false;
// Views keep the ArrayBuffer alive, not the Buffer that mmap-io returned: so the ArrayBuffer is what is watched.
const collected = new FinalizationRegistry<number>((length) => {
  mappedSegments--;
  mappedBytes -= length;
});

makeGauge('mapped_segments', 'Segment files mapped into the main thread and not yet collected', () => mappedSegments);
makeGauge(
  'mapped_bytes',
  'Bytes of segment files mapped into the main thread and not yet collected',
  () => mappedBytes,
);

/** Live maps of this thread and their bytes; falls only when the garbage collector has run. */
export function mapCounts(): { readonly segments: number; readonly bytes: number } {
  return { segments: mappedSegments, bytes: mappedBytes };
}

/**
 * Maps the first `length` bytes of the file at `path`, read-only and shared. Length 0 gives memory of its own.
 * @throws `limit_exceeded` above SEGMENT_BYTES_MAX or when LIVE_MAPS_MAX maps live; `corrupt` above the file's size
 */
export function mapFile(path: string, length: number): Uint8Array {
  if (mappedSegments >= collectAt) collectWhenDue();
  if (mappedSegments >= LIVE_MAPS_MAX) {
    const message = `cannot map ${path}: ${mappedSegments} files are mapped and ${LIVE_MAPS_MAX} is the most`;
    throw new EngineError(
      'limit_exceeded',
      `${message}; drop tables that are not needed, or seal and merge small ones`,
    );
  }
  const library = loadNative();
  const descriptor = openForMap(path);
  try {
    checkMapLength(path, length, fstatSync(descriptor).size);
    if (length === 0) return new Uint8Array(0);
    const mapped = mapDescriptor(library, descriptor, path, length);
    maps.add(mapped.buffer);
    mappedSegments++;
    mappedBytes += length;
    collected.register(mapped.buffer, length);
    return new Uint8Array(mapped.buffer, mapped.byteOffset, length);
  } finally {
    closeSync(descriptor);
  }
}

/** Refuses a map of `length` bytes of a file that has `size`. @throws `limit_exceeded`, `corrupt` */
export function checkMapLength(path: string, length: number, size: number): void {
  if (!Number.isSafeInteger(length) || length < 0 || length > SEGMENT_BYTES_MAX) {
    const message = `cannot map ${length} bytes of ${path}: a map holds 0 to ${SEGMENT_BYTES_MAX} bytes`;
    throw new EngineError('limit_exceeded', `${message}; read the file instead`);
  }
  if (length > size) {
    const message = `cannot map ${length} bytes of ${path}: the file has only ${size}`;
    throw new EngineError('corrupt', `${message}; it was cut off, restore it from a backup`);
  }
}

/** Asks the kernel to read bytes [offset, offset + length) of `mapped` ahead. Memory that is no map is left alone. */
export function adviseWillNeed(mapped: Uint8Array, offset: number, length: number): void {
  if (!maps.has(mapped.buffer) || native === undefined) return;
  const from = mapped.byteOffset + Math.max(0, offset);
  const end = Math.min(mapped.byteOffset + offset + length, mapped.byteOffset + mapped.byteLength);
  const start = from - (from % ADVICE_BYTES);
  if (end <= start) return;
  try {
    native.advise(Buffer.from(mapped.buffer), start, end - start, native.MADV_WILLNEED);
  } catch (error) {
    // Advice changes no answer: without it the bytes are read when they are touched.
    log.debug('read-ahead was refused', { reason: String(error), offset: start, length: end - start });
  }
}

/**
 * Whether all pages of bytes [offset, offset + length) of `mapped` are in memory (mincore(2)). True for memory that is
 * no map, and where the kernel does not say.
 */
export function isResident(mapped: Uint8Array, offset: number, length: number): boolean {
  if (!maps.has(mapped.buffer) || native === undefined) return true;
  const from = mapped.byteOffset + Math.max(0, offset);
  const end = Math.min(mapped.byteOffset + offset + length, mapped.byteOffset + mapped.byteLength);
  const start = from - (from % ADVICE_BYTES);
  if (end <= start) return true;
  try {
    const [absent] = native.incore(Buffer.from(mapped.buffer, start, end - start));
    return absent === 0;
  } catch (error) {
    log.debug('the kernel does not say what is in memory', { reason: String(error) });
    return true;
  }
}

/**
 * Gives back the maps that nobody refers to any more: until then the space of their files stays taken, also after they
 * were unlinked. Holds this thread up for a garbage collection (tens of milliseconds), so it is for when space is
 * short.
 */
export async function collectMaps(): Promise<void> {
  collectGarbage ??= findCollector();
  // V8 frees array buffers beside the collection that found them dead, at the latest in the next one; Node unmaps what
  // is free in a later turn of the event loop.
  for (let pass = 0; pass < 2; pass++) {
    collectGarbage();
    await turn();
  }
  // The counts follow in a task of their own.
  await turn();
}

/** Collects beside the work of others; what is in use afterwards sets when the next one is due. */
function collectWhenDue(): void {
  if (isCollecting) return;
  isCollecting = true;
  void collectMaps().then(() => {
    collectAt = 2 * mappedSegments + MAPS_COLLECT_MIN;
    isCollecting = false;
  });
}

/** V8 shows its collector only to contexts that are made while the flag is set. */
function findCollector(): () => void {
  setFlagsFromString('--expose-gc');
  const collector = runInNewContext('gc') as () => void;
  setFlagsFromString('--no-expose-gc');
  return collector;
}

function openForMap(path: string): number {
  try {
    return openSync(path, 'r');
  } catch (error) {
    throw osError('open', path, error);
  }
}

function mapDescriptor(library: Native, descriptor: number, path: string, length: number): Buffer {
  try {
    return library.map(length, library.PROT_READ, library.MAP_SHARED, descriptor, 0);
  } catch (error) {
    const number = /failed, (\d+)$/.exec(error instanceof Error ? error.message : '')?.[1];
    if (number === undefined) throw error;
    throw errnoError(`map ${length} bytes of`, path, ERRNO_NAMES[number] ?? `errno ${number}`, error);
  }
}

function loadNative(): Native {
  if (native !== undefined) return native;
  try {
    native = require('mmap-io') as Native;
    return native;
  } catch (error) {
    const reason = error instanceof Error ? error.message.split('\n')[0] : String(error);
    const message = `the native package mmap-io cannot be loaded (${reason})`;
    throw new EngineError(
      'io_error',
      `${message}; run \`npm rebuild mmap-io\` with Node ${process.version}, a C++ compiler, make and Python`,
      { cause: error },
    );
  }
}
