/**
 * Files below one directory, for names that come from outside: read, or written whole.
 *
 * Hides how a name is kept below the directory: it is relative and without `..`; symbolic links are followed before
 * anything is opened; the directory that holds the file is opened, asked where it really lies, and the file is opened
 * through it, so that nothing that is moved meanwhile leads elsewhere. Invariants: only regular files are read or
 * replaced; what is written stands under its name only when it is whole and on the disk; a failure leaves nothing, and
 * what a process left that was killed is removed by its next one, as soon as it writes to that directory again. Such a
 * file is known by its database's name, so that what others are writing stays.
 * Linux: elsewhere the directory's path stands in for the opened directory.
 */
import { createHash, randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { access, lstat, open, opendir, realpath, rename, unlink } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, dirname, isAbsolute, join, sep } from 'node:path';
import { EngineError } from '../base/errors.ts';
import { COPY_FOLDERS_CLEAN_MAX } from '../base/limits.ts';
import { readFully, writeFully } from './gather.ts';
import { errnoOf, osError } from './os-error.ts';

/** A file that is read. Lengths and positions in bytes. */
export interface ConfinedInput {
  /** As it was asked for. */
  readonly name: string;
  readonly size: number;
  /** Reads exactly `length` bytes into new memory. */
  read(length: number, position: number): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** A file that is being written. */
export interface ConfinedOutput {
  write(bytes: Uint8Array): Promise<void>;
  /** Makes it durable, and puts it in the place of what had its name. */
  finish(): Promise<void>;
  /** Removes what was written; does nothing after `finish`. */
  abandon(): Promise<void>;
}

/** Files of one directory and those below it. */
export interface ConfinedFiles {
  /** @throws `forbidden` for a name that leads out of it, or to what is no regular file; `not_found`, `io_error` */
  read(name: string): Promise<ConfinedInput>;
  /** @throws as `read`, and `storage_full` */
  write(name: string): Promise<ConfinedOutput>;
}

const FILE_MODE = 0o644;
const OPENED = '/proc/self/fd';
const { O_RDONLY, O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_DIRECTORY } = constants;

const OWNER_DIGITS = 16;

function unlessGone(error: unknown): void {
  if (errnoOf(error) !== 'ENOENT') throw error;
}

/** Files that are being written, by their temporary names. */
class Parts {
  readonly #owner: string;
  readonly #live = new Set<string>();
  readonly #clean = new Set<string>();

  constructor(owner: string) {
    this.#owner = `.${owner}-`;
  }

  begin(): string {
    const name = `${this.#owner}${randomBytes(8).toString('hex')}.part`;
    this.#live.add(name);
    return name;
  }

  end(name: string): void {
    this.#live.delete(name);
  }

  /** Removes what earlier processes of the owner left; once, for this one leaves nothing. */
  async clean(folder: OpenFolder): Promise<void> {
    const { real, path } = folder;
    if (this.#clean.has(real)) return;
    for await (const { name } of await opendir(path)) {
      const isLeft = name.startsWith(this.#owner) && name.endsWith('.part') && !this.#live.has(name);
      if (isLeft) await unlink(join(path, name)).catch(unlessGone);
    }
    if (this.#clean.size >= COPY_FOLDERS_CLEAN_MAX) this.#clean.clear();
    this.#clean.add(real);
  }
}

/**
 * Files below `directory`, for the process that has `database` open, whose `key` is no other's. @throws `not_found`,
 * `forbidden`, `io_error`, `request_invalid` when one of the two lies within the other
 */
export async function confineTo(directory: string, database: string, key: Uint8Array): Promise<ConfinedFiles> {
  const root = await attempt('open directory', directory, () => realpath(directory));
  const real = await attempt('open directory', database, () => realpath(database));
  if (isWithin(root, real) || isWithin(real, root)) {
    const message = `${directory} and ${database} lie within each other`;
    throw new EngineError('request_invalid', `${message}; name another directory`);
  }
  // One process at a time has it open there, and a copy of it lies elsewhere.
  const place = JSON.stringify([hostname(), real]);
  const parts = new Parts(createHash('sha256').update(key).update(place).digest('hex').slice(0, OWNER_DIGITS));
  return {
    read: async (name) => {
      const path = checked(root, name);
      const real = await attempt('open', name, () => realpath(path));
      if (!isWithin(real, root)) throw outside(name);
      return new Folder(name, await openFolder(root, name, dirname(real))).input(basename(real));
    },
    write: async (name) => {
      const path = checked(root, name);
      const parent = await attempt('open directory', dirname(name), () => realpath(dirname(path)));
      if (parent !== root && !isWithin(parent, root)) throw outside(name);
      return new Folder(name, await openFolder(root, name, parent)).output(basename(path), parts);
    },
  };
}

async function attempt<T>(operation: string, path: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw error instanceof EngineError ? error : osError(operation, path, error);
  }
}

function isWithin(path: string, directory: string): boolean {
  return path === directory || path.startsWith(directory.endsWith(sep) ? directory : directory + sep);
}

function outside(name: string): EngineError {
  return new EngineError('forbidden', `${JSON.stringify(name)} leads out of the directory that COPY may use`);
}

/** The path of a name that stays below `root` as far as the name tells. */
function checked(root: string, name: string): string {
  const steps = name.split(/[/\\]/u);
  if (name.includes('\0')) throw new EngineError('forbidden', 'the name of a file holds a NUL byte');
  if (isAbsolute(name) || steps.includes('..')) {
    const { code, message } = outside(name);
    throw new EngineError(code, `${message}; write a name relative to it, without ".."`);
  }
  const last = steps.at(-1);
  if (last === '' || last === '.') throw new EngineError('forbidden', `${JSON.stringify(name)} names no file`);
  return join(root, name);
}

interface OpenFolder {
  readonly handle: FileHandle;
  /** Where it lies. */
  readonly real: string;
  /** The path by which files are opened: through the handle where the system can. */
  readonly path: string;
}

/** Opens a directory and asks where it lies, which holds whatever its name comes to mean. */
async function openFolder(root: string, name: string, path: string): Promise<OpenFolder> {
  const handle = await attempt('open directory', name, () => open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  try {
    const link = join(OPENED, handle.fd.toString());
    const isLinked = await access(OPENED).then(
      () => true,
      () => false,
    );
    const real = await attempt('open directory', name, () => realpath(isLinked ? link : path));
    if (!isWithin(real, root)) throw outside(name);
    return { handle, real, path: isLinked ? link : real };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** The opened directory of one file. */
class Folder {
  readonly #name: string;
  readonly #folder: OpenFolder;

  constructor(name: string, folder: OpenFolder) {
    this.#name = name;
    this.#folder = folder;
  }

  async input(base: string): Promise<ConfinedInput> {
    const name = this.#name;
    try {
      const path = join(this.#folder.path, base);
      // A FIFO would keep an open waiting for its other end.
      const file = await attempt('open', name, () => open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
      try {
        const status = await attempt('look at', name, () => file.stat());
        if (!status.isFile()) throw this.#noFile();
        return openInput(name, file, status.size);
      } catch (error) {
        await file.close();
        throw error;
      }
    } finally {
      await this.#folder.handle.close();
    }
  }

  async output(base: string, parts: Parts): Promise<ConfinedOutput> {
    const { handle, path } = this.#folder;
    try {
      const target = join(path, base);
      const before = await lstat(target).catch((error: unknown) => {
        if (errnoOf(error) === 'ENOENT') return undefined;
        throw osError('look at', this.#name, error);
      });
      if (before !== undefined && !before.isFile()) throw this.#noFile();
      await attempt('clean up in the directory of', this.#name, () => parts.clean(this.#folder));
      const part = parts.begin();
      const temporary = join(path, part);
      const end = (): void => {
        parts.end(part);
      };
      const flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW;
      try {
        const file = await attempt('create', this.#name, () => open(temporary, flags, FILE_MODE));
        return new Output(this.#name, handle, file, { temporary, target, end });
      } catch (error) {
        end();
        throw error;
      }
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  #noFile(): EngineError {
    const message = `${JSON.stringify(this.#name)} is no regular file`;
    return new EngineError('forbidden', `${message}; COPY takes no directories, links to them, pipes or devices`);
  }
}

function openInput(name: string, file: FileHandle, size: number): ConfinedInput {
  const call = async (target: Uint8Array, offset: number, count: number, at: number): Promise<number> =>
    (await file.read(target, offset, count, at)).bytesRead;
  return {
    name,
    size,
    read: (length, position) => attempt('read', name, () => readFully(call, name, length, position)),
    close: () => attempt('close', name, () => file.close()),
  };
}

interface OutputPaths {
  readonly temporary: string;
  readonly target: string;
  /** Called when nothing is there any more under the temporary name. */
  readonly end: () => void;
}

class Output implements ConfinedOutput {
  readonly #name: string;
  readonly #folder: FileHandle;
  readonly #file: FileHandle;
  readonly #paths: OutputPaths;
  #length = 0;
  #ended = false;

  constructor(name: string, folder: FileHandle, file: FileHandle, paths: OutputPaths) {
    this.#name = name;
    this.#folder = folder;
    this.#file = file;
    this.#paths = paths;
  }

  async write(bytes: Uint8Array): Promise<void> {
    const call = async (pending: Uint8Array[], at: number): Promise<number> =>
      (await this.#file.writev(pending, at)).bytesWritten;
    await attempt('write to', this.#name, () => writeFully(call, this.#name, [bytes], this.#length));
    this.#length += bytes.byteLength;
  }

  async finish(): Promise<void> {
    await attempt('sync', this.#name, () => this.#file.datasync());
    const { temporary, target, end } = this.#paths;
    await attempt('rename', this.#name, () => rename(temporary, target));
    this.#ended = true;
    end();
    await attempt('sync directory', this.#name, () => this.#folder.sync());
    await this.#file.close();
    await this.#folder.close();
  }

  async abandon(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    await this.#file.close();
    await attempt('remove', this.#name, () => unlink(this.#paths.temporary));
    this.#paths.end();
    await this.#folder.close();
  }
}
