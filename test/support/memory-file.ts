/**
 * One file of the disk in memory (memory-os.ts): its present bytes, its synced bytes, and the writes between the two.
 *
 * Invariant: applying all changes of `#log` to the base image in order gives the present bytes. The log's changes stay
 * in order because an older change never reaches the disk after a newer synced one of the same place.
 */
import type { Random } from './random.ts';

/** The unit in which a torn write reaches the disk. */
const SECTOR_BYTES = 512;

/** A write at `position`, or a truncation to `position` when `bytes` is missing. */
interface Change {
  readonly position: number;
  readonly bytes: Uint8Array | undefined;
}

/**
 * What is known of a change: not synced yet, synced, or part of a failed sync, after which no later sync waits for it.
 */
type Fate = 'waiting' | 'synced' | 'unsyncable';

/** Bytes that grow in place of a file's content. Memory that was mapped stays in use: writes reach old and new. */
class Image {
  length = 0;
  #memory = new Uint8Array(0);
  #mapped: Uint8Array[] = [];
  #shared = false;

  apply(change: Change): void {
    const { position, bytes } = change;
    if (bytes === undefined) {
      this.#reserve(position);
      for (const memory of this.#all()) memory.fill(0, Math.min(position, memory.length));
      this.length = position;
      return;
    }
    if (bytes.byteLength === 0) return;
    this.#reserve(position + bytes.byteLength);
    for (const memory of this.#all()) {
      if (position < memory.length) memory.set(bytes.subarray(0, memory.length - position), position);
    }
    this.length = Math.max(this.length, position + bytes.byteLength);
  }

  read(position: number, length: number): Uint8Array {
    return this.#memory.slice(position, position + length);
  }

  map(length: number): Uint8Array {
    this.#shared = true;
    return this.#memory.subarray(0, length);
  }

  #all(): readonly Uint8Array[] {
    return [this.#memory, ...this.#mapped];
  }

  #reserve(length: number): void {
    if (length <= this.#memory.length) return;
    const grown = new Uint8Array(Math.max(length, this.#memory.length * 2, 4_096));
    grown.set(this.#memory);
    if (this.#shared) this.#mapped.push(this.#memory);
    this.#shared = false;
    this.#memory = grown;
  }
}

export class MemoryFile {
  readonly #present = new Image();
  /** What is on the disk for certain before the first change of the log. */
  readonly #base = new Image();
  #log: { readonly change: Change; fate: Fate }[] = [];

  get length(): number {
    return this.#present.length;
  }

  write(position: number, bytes: Uint8Array): void {
    this.#change({ position, bytes: bytes.slice() });
  }

  truncate(length: number): void {
    this.#change({ position: length, bytes: undefined });
  }

  read(position: number, length: number): Uint8Array {
    return this.#present.read(position, length);
  }

  map(length: number): Uint8Array {
    return this.#present.map(length);
  }

  sync(): void {
    this.#settle('synced');
    const firstOpen = this.#log.findIndex(({ fate }) => fate !== 'synced');
    const count = firstOpen < 0 ? this.#log.length : firstOpen;
    for (const { change } of this.#log.splice(0, count)) this.#base.apply(change);
  }

  failSync(): void {
    this.#settle('unsyncable');
  }

  /** The file as it is now, all of it synced. */
  copy(): MemoryFile {
    const copied = new MemoryFile();
    copied.#install({ position: 0, bytes: this.#present.read(0, this.#present.length) });
    return copied;
  }

  /** The file after a power cut, all of it synced. */
  crash(random: Random): MemoryFile {
    const after = new MemoryFile();
    after.#install({ position: 0, bytes: this.#base.read(0, this.#base.length) });
    for (const { change, fate } of this.#log) {
      for (const kept of fate === 'synced' ? [change] : survivors(change, random)) after.#install(kept);
    }
    return after;
  }

  #settle(fate: Fate): void {
    for (const logged of this.#log) {
      if (logged.fate === 'waiting') logged.fate = fate;
    }
  }

  #install(change: Change): void {
    this.#present.apply(change);
    this.#base.apply(change);
  }

  #change(change: Change): void {
    this.#present.apply(change);
    this.#log.push({ change, fate: 'waiting' });
  }
}

/** What is left of a change that was not synced: nothing, all of it, some sectors, or zeros in its place. */
function survivors(change: Change, random: Random): Change[] {
  const { position, bytes } = change;
  const choice = Math.floor(random() * 4);
  if (choice === 0) return [];
  if (choice === 1 || bytes === undefined) return [change];
  if (choice === 2) return [{ position, bytes: new Uint8Array(bytes.byteLength) }];
  const sectors: Change[] = [];
  for (let at = 0; at < bytes.byteLength;) {
    // Sectors are those of the disk, so the first one may be short.
    const end = Math.min(bytes.byteLength, at + SECTOR_BYTES - ((position + at) % SECTOR_BYTES));
    if (random() < 0.5) sectors.push({ position: position + at, bytes: bytes.subarray(at, end) });
    at = end;
  }
  return sectors;
}
