/**
 * The real disk: `Os` on node:fs.
 *
 * Hides file descriptors, flags and modes. Invariants: every call but `map` waits in Node's thread pool, never in the
 * event loop; writes are complete or throw (gather.ts); a failed sync is reported and never tried again here, since the
 * kernel may have dropped the dirty bytes; directories are 0700 and files 0600. On macOS, Node syncs by F_FULLFSYNC.
 */
import type { FileHandle } from 'node:fs/promises';
import { access, link, mkdir, open, readFile, readdir, rename, rmdir, stat, statfs, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { readFully, writeFully } from './gather.ts';
import { adviseWillNeed, collectMaps, isResident, mapFile } from './mmap.ts';
import { errnoOf, osError } from './os-error.ts';
import type { OpenMode, Os, OsFile } from './os.ts';

const FILE_MODE = 0o600;
const DIRECTORY_MODE = 0o700;
const OPEN_FLAGS: Readonly<Record<OpenMode, string>> = { read: 'r', create: 'wx+', write: 'r+' };

/** The machine's own disk. Has no state: all instances are alike. */
export function realOs(): Os {
  return {
    open: openFile,
    map: mapFile,
    willNeed: adviseWillNeed,
    isResident,
    collectMaps,
    list: (path) => attempt('list', path, async () => (await readdir(path)).sort()),
    makeDirectory: (path) => attempt('make directory', path, () => makeDirectory(path)),
    syncDirectory,
    unlink: (path) => attempt('remove', path, () => unlink(path)),
    removeDirectory: (path) => attempt('remove directory', path, () => rmdir(path)),
    rename: (from, to) => attempt('rename', `${from} to ${to}`, () => rename(from, to)),
    link: linkFile,
    exists,
    size: (path) => attempt('look at', path, async () => (await stat(path)).size),
    readFile: readWhole,
    writeFile: writeWhole,
    freeBytes: (path) =>
      attempt('measure the free space at', path, async () => {
        const status = await statfs(path);
        return status.bavail * status.bsize;
      }),
  };
}

async function attempt<T>(operation: string, path: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw osError(operation, path, error);
  }
}

async function openFile(path: string, mode: OpenMode): Promise<OsFile> {
  const operation = mode === 'create' ? 'create' : 'open';
  const file = await attempt(operation, path, () => open(path, OPEN_FLAGS[mode], FILE_MODE));
  return new RealFile(path, file);
}

class RealFile implements OsFile {
  readonly path: string;
  readonly #file: FileHandle;

  constructor(path: string, file: FileHandle) {
    this.path = path;
    this.#file = file;
  }

  write(parts: readonly Uint8Array[], position: number): Promise<void> {
    const call = async (pending: Uint8Array[], at: number) => (await this.#file.writev(pending, at)).bytesWritten;
    return attempt('write to', this.path, () => writeFully(call, this.path, parts, position));
  }

  read(length: number, position: number): Promise<Uint8Array> {
    const call = async (target: Uint8Array, offset: number, count: number, at: number) =>
      (await this.#file.read(target, offset, count, at)).bytesRead;
    return attempt('read', this.path, () => readFully(call, this.path, length, position));
  }

  dataSync(): Promise<void> {
    return attempt('sync', this.path, () => this.#file.datasync());
  }

  size(): Promise<number> {
    return attempt('look at', this.path, async () => (await this.#file.stat()).size);
  }

  truncate(length: number): Promise<void> {
    return attempt('truncate', this.path, () => this.#file.truncate(length));
  }

  close(): Promise<void> {
    return attempt('close', this.path, () => this.#file.close());
  }
}

/** Not node's recursive mkdir: on a read-only file system that one reports ENOENT. */
async function makeDirectory(path: string): Promise<void> {
  try {
    await mkdir(path, DIRECTORY_MODE);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'EEXIST' && (await stat(path)).isDirectory()) return;
    if (errno !== 'ENOENT' || dirname(path) === path) throw error;
    await makeDirectory(dirname(path));
    await makeDirectory(path);
  }
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await attempt('open directory', path, () => open(path, 'r'));
  try {
    await attempt('sync directory', path, () => directory.sync());
  } finally {
    await directory.close();
  }
}

const NO_LINKS: ReadonlySet<string> = new Set(['EXDEV', 'EPERM', 'EMLINK', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS']);

async function linkFile(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if (NO_LINKS.has(errnoOf(error) ?? '')) return false;
    throw osError('link', `${from} to ${to}`, error);
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'ENOENT' || errno === 'ENOTDIR') return false;
    throw osError('look at', path, error);
  }
}

function readWhole(path: string): Promise<Uint8Array> {
  return attempt('read', path, () => readFile(path));
}

/** One writer at a time per path: the temporary name is fixed, so that a crash leaves at most one file behind. */
async function writeWhole(path: string, bytes: Uint8Array): Promise<void> {
  const temporary = `${path}.tmp`;
  const handle = await attempt('create', temporary, () => open(temporary, 'w', FILE_MODE));
  const file = new RealFile(temporary, handle);
  try {
    await file.write([bytes], 0);
    await attempt('sync', temporary, () => handle.sync());
  } finally {
    await file.close();
  }
  await attempt('rename', `${temporary} to ${path}`, () => rename(temporary, path));
  await syncDirectory(dirname(path));
}
