/**
 * A disk in memory that loses what was not synced, and fails on command: `Os` for crash and fault tests.
 *
 * Two images are kept: what the running program sees, and what a power cut would leave. Writes, truncations and
 * directory changes wait in lists until `dataSync` or `syncDirectory` takes them over; `crash(seed)` gives a new disk
 * in which each waiting one was kept, dropped or torn, by the seed, in no order but what depends on what. The rules:
 *
 *   write            kept, dropped, torn by 512-byte sectors, or only the file's new length is kept (zeros)
 *   truncate         kept or dropped
 *   directory entry  create, unlink, rename (atomic) and make directory: kept or dropped; dropped too when an earlier
 *                    change of the same name was dropped, or when the directory itself is lost
 *   failed dataSync  as on Linux, its writes count as clean: a later dataSync that succeeds does not make them durable
 *
 * Maps are views of the file's memory: later writes below their length show up, as with the real disk. They survive
 * unlink. Writes and reads go through the loops of os/gather.ts, so that a call may do less than it was asked for.
 */
import { dirname, normalize } from 'node:path/posix';
import { concatBytes } from '../../src/base/bytes.ts';
import { readFully, writeFully } from '../../src/os/gather.ts';
import { checkMapLength } from '../../src/os/mmap.ts';
import { errnoError } from '../../src/os/os-error.ts';
import type { OpenMode, Os, OsFile } from '../../src/os/os.ts';
import { MemoryFile } from './memory-file.ts';
import { makeRandom } from './random.ts';

export type OperationKind =
  | 'open'
  | 'create'
  | 'write'
  | 'read'
  | 'dataSync'
  | 'truncate'
  | 'map'
  | 'list'
  | 'makeDirectory'
  | 'syncDirectory'
  | 'unlink'
  | 'removeDirectory'
  | 'rename'
  | 'link'
  | 'exists'
  | 'size'
  | 'close'
  | 'freeBytes';

/**
 * How an operation fails:
 *
 *   error        it is refused; a write leaves half of its bytes
 *   late_error   it happens, and is reported as failed all the same
 *   short        one call of a write or read moves half and says so
 *   lie          one call of a write keeps half and says that it kept all
 *   early_end    one call of a read says that the file ends here
 *   flip         one call of a read gives one bit the other way round
 *
 * The last four change nothing for operations of other kinds.
 */
export type FaultEffect = 'error' | 'late_error' | 'short' | 'lie' | 'early_end' | 'flip';

/** One operation that was asked for. `writeFile` and `readFile` appear as the operations they consist of. */
export interface Operation {
  /** 0, 1, 2 … since the disk was made. */
  readonly index: number;
  readonly kind: OperationKind;
  readonly path: string;
}

/** Which operation fails, and how. */
export interface Fault {
  /** Number of the failing operation among those that `kind` and `path` let through, from 1. */
  readonly nth: number;
  /** Any kind when missing. */
  readonly kind?: OperationKind;
  /** Any path when missing. */
  readonly path?: RegExp;
  /** Name of the error, such as ENOSPC or EIO. */
  readonly errno: string;
  /** `error` when missing. */
  readonly effect?: FaultEffect;
  /** Fails from then on instead of once. */
  readonly forever?: boolean;
}

/** An operation that has begun. */
interface Begun {
  readonly operation: Operation;
  /** What befalls it, if anything does. */
  readonly fault: Fault | undefined;
}

type Entry = MemoryFile | 'directory';

/** A change of directory entries that no directory sync has covered yet. */
interface EntryChange {
  readonly directories: readonly string[];
  /** New entry by path; undefined for an entry that goes. */
  readonly entries: ReadonlyMap<string, Entry | undefined>;
}

export class MemoryOs implements Os {
  readonly operations: Operation[] = [];
  /** Called after each operation that succeeded: a place to `crash` a copy. */
  observe: ((operation: Operation) => void) | undefined;
  readonly #capacityBytes: number;
  readonly #entries: Map<string, Entry>;
  readonly #durable: Map<string, Entry>;
  readonly #faults: { readonly fault: Fault; seen: number; hits: number }[] = [];
  #changes: EntryChange[] = [];

  /** `capacityBytes`: files together; a write past it is ENOSPC. */
  constructor(options: { readonly capacityBytes?: number } = {}, entries: ReadonlyMap<string, Entry> = new Map()) {
    this.#capacityBytes = options.capacityBytes ?? Number.MAX_SAFE_INTEGER;
    this.#durable = new Map([['/', 'directory'], ...entries]);
    this.#entries = new Map(this.#durable);
  }

  /** Lets an operation fail. Faults add up; each counts for itself. */
  inject(fault: Fault): void {
    this.#faults.push({ fault, seen: 0, hits: 0 });
  }

  /** How many operations met a fault. */
  get faultHits(): number {
    return this.#faults.reduce((sum, { hits }) => sum + hits, 0);
  }

  /** Takes all faults away. */
  heal(): void {
    this.#faults.length = 0;
  }

  /** Lets the faults of `other` go on here, counted on from where they are: for the disk after a cut of `other`. */
  inheritFaults(other: MemoryOs): void {
    this.#faults.push(...other.#faults);
  }

  /** The disk with everything kept, synced or not. This one goes on unchanged. */
  copy(): MemoryOs {
    const copies = [...this.#entries].map(([path, entry]): [string, Entry] => [
      path,
      entry === 'directory' ? entry : entry.copy(),
    ]);
    return new MemoryOs({ capacityBytes: this.#capacityBytes }, new Map(copies));
  }

  /** Paths of all files, sorted. */
  filePaths(): string[] {
    return [...this.#entries]
      .filter(([, entry]) => entry !== 'directory')
      .map(([path]) => path)
      .sort();
  }

  /**
   * The disk as a power cut at this moment may leave it; the same seed gives the same disk. This one goes on unchanged.
   */
  crash(seed: number): MemoryOs {
    const random = makeRandom(seed);
    const survivors = new Map(this.#durable);
    const lost = new Set<string>();
    for (const { entries } of this.#changes) {
      const paths = [...entries.keys()];
      const kept = random() < 0.5 && !paths.some((path) => lost.has(path));
      for (const [path, entry] of entries) {
        if (!kept) lost.add(path);
        else setEntry(survivors, path, entry);
      }
    }
    const images = new Map<MemoryFile, MemoryFile>();
    const after = new Map<string, Entry>();
    for (const path of [...survivors.keys()].sort()) {
      const entry = survivors.get(path)!;
      if (path !== '/' && after.get(dirname(path)) !== 'directory') continue;
      if (entry === 'directory') {
        after.set(path, entry);
        continue;
      }
      const image = images.get(entry) ?? entry.crash(random);
      images.set(entry, image);
      after.set(path, image);
    }
    return new MemoryOs({ capacityBytes: this.#capacityBytes }, after);
  }

  async open(path: string, mode: OpenMode): Promise<OsFile> {
    const name = normalize(path);
    const begun = this.#begin(mode === 'create' ? 'create' : 'open', name);
    if (mode === 'create') {
      this.#requireParent('create', name);
      if (this.#entries.has(name)) throw errnoError('create', path, 'EEXIST');
      this.#change([dirname(name)], [[name, new MemoryFile()]]);
    }
    const file = this.#file('open', name);
    this.#done(begun);
    return new OpenMemoryFile(this, name, file, mode !== 'read');
  }

  map(path: string, length: number): Uint8Array {
    const name = normalize(path);
    const begun = this.#begin('map', name);
    const file = this.#file('open', name);
    checkMapLength(path, length, file.length);
    this.#done(begun);
    return file.map(length);
  }

  willNeed(): void {}

  isResident(): boolean {
    return true;
  }

  collectMaps(): Promise<void> {
    return Promise.resolve();
  }

  async list(path: string): Promise<string[]> {
    const name = normalize(path);
    const begun = this.#begin('list', name);
    if (this.#entries.get(name) !== 'directory') throw errnoError('list', path, 'ENOENT');
    this.#done(begun);
    return this.#children(name).map((child) => child.slice(child.lastIndexOf('/') + 1));
  }

  async makeDirectory(path: string): Promise<void> {
    const name = normalize(path);
    const begun = this.#begin('makeDirectory', name);
    const missing: string[] = [];
    for (let at = name; this.#entries.get(at) !== 'directory'; at = dirname(at)) {
      if (this.#entries.has(at)) throw errnoError('make directory', path, 'EEXIST');
      missing.unshift(at);
    }
    for (const directory of missing) this.#change([dirname(directory)], [[directory, 'directory']]);
    this.#done(begun);
  }

  async syncDirectory(path: string): Promise<void> {
    const name = normalize(path);
    const begun = this.#begin('syncDirectory', name);
    if (this.#entries.get(name) !== 'directory') throw errnoError('open directory', path, 'ENOENT');
    const waiting: EntryChange[] = [];
    const needed = new Set<string>();
    const taken: EntryChange[] = [];
    // From the newest to the oldest: what a synced change builds on becomes durable with it.
    for (const change of this.#changes.toReversed()) {
      const names = [...change.entries.keys()];
      if (change.directories.includes(name) || names.some((entry) => needed.has(entry))) {
        for (const entry of names) needed.add(entry);
        taken.unshift(change);
      } else {
        waiting.unshift(change);
      }
    }
    for (const { entries } of taken) {
      for (const [at, entry] of entries) setEntry(this.#durable, at, entry);
    }
    this.#changes = waiting;
    this.#done(begun);
  }

  async unlink(path: string): Promise<void> {
    const name = normalize(path);
    const begun = this.#begin('unlink', name);
    this.#file('remove', name);
    this.#change([dirname(name)], [[name, undefined]]);
    this.#done(begun);
  }

  async removeDirectory(path: string): Promise<void> {
    const name = normalize(path);
    const begun = this.#begin('removeDirectory', name);
    if (this.#entries.get(name) !== 'directory') throw errnoError('remove directory', path, 'ENOENT');
    if (this.#children(name).length > 0) throw errnoError('remove directory', path, 'ENOTEMPTY');
    this.#change([dirname(name)], [[name, undefined]]);
    this.#done(begun);
  }

  async rename(from: string, to: string): Promise<void> {
    const [source, target] = [normalize(from), normalize(to)];
    const begun = this.#begin('rename', source);
    const file = this.#file('rename', source);
    this.#requireParent('rename', target);
    const entries: [string, Entry | undefined][] = [
      [source, undefined],
      [target, file],
    ];
    this.#change([dirname(source), dirname(target)], entries);
    this.#done(begun);
  }

  async link(from: string, to: string): Promise<boolean> {
    const [source, target] = [normalize(from), normalize(to)];
    const begun = this.#begin('link', source);
    const file = this.#file('link', source);
    this.#requireParent('link', target);
    if (this.#entries.has(target)) throw errnoError('link', to, 'EEXIST');
    this.#change([dirname(target)], [[target, file]]);
    this.#done(begun);
    return true;
  }

  async exists(path: string): Promise<boolean> {
    const begun = this.#begin('exists', normalize(path));
    this.#done(begun);
    return this.#entries.has(normalize(path));
  }

  async size(path: string): Promise<number> {
    const begun = this.#begin('size', normalize(path));
    const { length } = this.#file('look at', normalize(path));
    this.#done(begun);
    return length;
  }

  async readFile(path: string): Promise<Uint8Array> {
    const file = await this.open(path, 'read');
    return file.read(await file.size(), 0);
  }

  async writeFile(path: string, bytes: Uint8Array): Promise<void> {
    const temporary = `${path}.tmp`;
    const file = await this.open(temporary, (await this.exists(temporary)) ? 'write' : 'create');
    await file.truncate(0);
    await file.write([bytes], 0);
    await file.dataSync();
    await this.rename(temporary, path);
    await this.syncDirectory(dirname(normalize(path)));
  }

  async freeBytes(path: string): Promise<number> {
    const begun = this.#begin('freeBytes', normalize(path));
    this.#done(begun);
    return this.#capacityBytes - this.#usedBytes();
  }

  /**
   * Runs `action` as an operation of an open file, told what befalls it; `onFault` happens before an injected error is
   * thrown.
   */
  run<T>(
    kind: OperationKind,
    path: string,
    action: (effect: FaultEffect | undefined) => T,
    onFault: () => void = () => undefined,
  ): T {
    const begun = this.#begin(kind, path, onFault);
    const value = action(begun.fault?.effect);
    this.#done(begun);
    return value;
  }

  /** @throws `storage_full` when `addedBytes` more do not fit */
  requireSpace(path: string, addedBytes: number): void {
    if (this.#usedBytes() + addedBytes > this.#capacityBytes) throw errnoError('write to', path, 'ENOSPC');
  }

  #begin(kind: OperationKind, path: string, onFault: () => void = () => undefined): Begun {
    const operation: Operation = { index: this.operations.length, kind, path };
    this.operations.push(operation);
    let met: Fault | undefined;
    for (const counted of this.#faults) {
      const { fault } = counted;
      if ((fault.kind ?? kind) !== kind || fault.path?.test(path) === false) continue;
      counted.seen++;
      if (counted.seen !== fault.nth && !(fault.forever === true && counted.seen > fault.nth)) continue;
      counted.hits++;
      met ??= fault;
    }
    if (met !== undefined && (met.effect ?? 'error') === 'error') {
      onFault();
      throw errnoError(kind, path, met.errno);
    }
    return { operation, fault: met };
  }

  #done({ operation, fault }: Begun): void {
    this.observe?.(operation);
    if (fault?.effect === 'late_error') throw errnoError(operation.kind, operation.path, fault.errno);
  }

  #change(directories: readonly string[], changes: readonly [string, Entry | undefined][]): void {
    for (const [path, entry] of changes) setEntry(this.#entries, path, entry);
    this.#changes.push({ directories, entries: new Map(changes) });
  }

  #file(operation: string, path: string): MemoryFile {
    const entry = this.#entries.get(path);
    if (entry === undefined) throw errnoError(operation, path, 'ENOENT');
    if (entry === 'directory') throw errnoError(operation, path, 'EISDIR');
    return entry;
  }

  #requireParent(operation: string, path: string): void {
    if (this.#entries.get(dirname(path)) !== 'directory') throw errnoError(operation, path, 'ENOENT');
  }

  #children(path: string): string[] {
    return [...this.#entries.keys()].filter((entry) => entry !== '/' && dirname(entry) === path).sort();
  }

  #usedBytes(): number {
    let bytes = 0;
    for (const entry of this.#entries.values()) bytes += entry === 'directory' ? 0 : entry.length;
    return bytes;
  }
}

function setEntry(entries: Map<string, Entry>, path: string, entry: Entry | undefined): void {
  if (entry === undefined) entries.delete(path);
  else entries.set(path, entry);
}

class OpenMemoryFile implements OsFile {
  readonly path: string;
  readonly #os: MemoryOs;
  readonly #file: MemoryFile;
  readonly #writable: boolean;
  #closed = false;

  constructor(os: MemoryOs, path: string, file: MemoryFile, writable: boolean) {
    this.#os = os;
    this.path = path;
    this.#file = file;
    this.#writable = writable;
  }

  async write(parts: readonly Uint8Array[], position: number): Promise<void> {
    this.#requireOpen(true);
    await writeFully((pending, at) => this.#writeSome(concatBytes(pending), at), this.path, parts, position);
  }

  async #writeSome(bytes: Uint8Array, at: number): Promise<number> {
    const half = bytes.byteLength >> 1;
    const some = (effect: FaultEffect | undefined): number => {
      const taken = effect === 'short' ? Math.max(1, half) : bytes.byteLength;
      const kept = effect === 'lie' ? half : taken;
      this.#os.requireSpace(this.path, Math.max(0, at + kept - this.#file.length));
      this.#file.write(at, bytes.subarray(0, kept));
      return taken;
    };
    return this.#os.run('write', this.path, some, () => this.#file.write(at, bytes.subarray(0, half)));
  }

  async read(length: number, position: number): Promise<Uint8Array> {
    this.#requireOpen(false);
    return readFully((...call) => this.#readSome(...call), this.path, length, position);
  }

  async #readSome(target: Uint8Array, offset: number, length: number, position: number): Promise<number> {
    return this.#os.run('read', this.path, (effect) => {
      const there = Math.max(0, Math.min(length, this.#file.length - position));
      const count = effect === 'early_end' ? 0 : effect === 'short' ? Math.ceil(there / 2) : there;
      const bytes = this.#file.read(position, count);
      if (effect === 'flip' && count > 0) bytes[count >> 1] = (bytes[count >> 1] ?? 0) ^ 4;
      target.set(bytes, offset);
      return count;
    });
  }

  async dataSync(): Promise<void> {
    this.#requireOpen(false);
    const failed = () => this.#file.failSync();
    this.#os.run('dataSync', this.path, () => this.#file.sync(), failed);
  }

  async size(): Promise<number> {
    return this.#file.length;
  }

  async truncate(length: number): Promise<void> {
    this.#requireOpen(true);
    this.#os.run('truncate', this.path, () => this.#file.truncate(length));
  }

  async close(): Promise<void> {
    this.#requireOpen(false);
    this.#closed = true;
    this.#os.run('close', this.path, () => undefined);
  }

  #requireOpen(forWriting: boolean): void {
    if (this.#closed || (forWriting && !this.#writable)) throw errnoError('use', this.path, 'EBADF');
  }
}
