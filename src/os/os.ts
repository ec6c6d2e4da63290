/**
 * Files, directories and maps, as the rest of the product sees them: the contract, injected so that tests can lose
 * writes.
 *
 * Hides node:fs and mmap-io; the real disk is `realOs()` (real-os.ts), tests bring an in-memory one
 * (test/support/memory-os.ts).
 * Invariants: paths are made by storage/filename only; every write is complete or throws; no method blocks the event
 * loop but `map`, which costs microseconds; nothing is ever truncated by this layer on its own.
 * Errors: EngineError `storage_full` (ENOSPC, EDQUOT, EFBIG), `not_found` (ENOENT), `already_exists` (EEXIST),
 * `forbidden` (EACCES, EPERM, EROFS), otherwise `io_error`; message names operation, path and errno.
 */

/** An open file. Offsets and lengths in bytes. Not safe for two writers. */
export interface OsFile {
  readonly path: string;
  /** Writes all of `parts`, one after another, beginning at `position`; loops over short counts. */
  write(parts: readonly Uint8Array[], position: number): Promise<void>;
  /**
   * Reads exactly `length` bytes at `position` into new memory. @throws EngineError `corrupt` when the file ends
   * before.
   */
  read(length: number, position: number): Promise<Uint8Array>;
  /** Waits until everything written is on the disk (fdatasync). */
  dataSync(): Promise<void>;
  size(): Promise<number>;
  truncate(length: number): Promise<void>;
  close(): Promise<void>;
}

/**
 * `read`: must exist. `create`: must not exist, for reading and writing. `write`: must exist, for reading and writing.
 */
export type OpenMode = 'read' | 'create' | 'write';

/** The disk. */
export interface Os {
  open(path: string, mode: OpenMode): Promise<OsFile>;
  /**
   * Maps the first `length` bytes read-only and shared: writes made later below `length` are seen. The memory goes away
   * with the last reference (garbage collection). Nobody may write through it. @throws when length is above the file's
   * size or SEGMENT_BYTES_MAX.
   */
  map(path: string, length: number): Uint8Array;
  /** Asks the kernel to read a mapped range ahead; a hint, returns at once. */
  willNeed(mapped: Uint8Array, offset: number, length: number): void;
  /**
   * False when bytes [offset, offset + length) of a map are not all in memory, as far as the kernel tells: touching
   * them would wait for the disk. True where nothing is known.
   */
  isResident(mapped: Uint8Array, offset: number, length: number): boolean;
  /**
   * Gives back maps that nobody refers to any more, and with them the space of files that were unlinked. Holds the
   * thread up for some ten milliseconds.
   */
  collectMaps(): Promise<void>;
  /** Names of the entries of a directory, sorted. */
  list(path: string): Promise<string[]>;
  /** Makes a directory and its missing parents, mode 0700. */
  makeDirectory(path: string): Promise<void>;
  /** Waits until the directory's entries are on the disk (fsync). */
  syncDirectory(path: string): Promise<void>;
  unlink(path: string): Promise<void>;
  /** Removes an empty directory. */
  removeDirectory(path: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  /**
   * Makes `to` a second name of the file at `from` (a hard link). False when the file system cannot: it is another one,
   * or has no links.
   */
  link(from: string, to: string): Promise<boolean>;
  exists(path: string): Promise<boolean>;
  /** Size in bytes of the file at `path`. */
  size(path: string): Promise<number>;
  /** Reads a small file whole. */
  readFile(path: string): Promise<Uint8Array>;
  /** Writes a small file whole, durably: temporary name, fsync, rename, directory sync. */
  writeFile(path: string, bytes: Uint8Array): Promise<void>;
  /** Free bytes on the file system that holds `path`. */
  freeBytes(path: string): Promise<number>;
}
