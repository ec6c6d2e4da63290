/**
 * `sheaf backup`: a consistent copy of a database, taken beside its running server.
 *
 * Hides the order that makes it safe:
 *
 *   1  a copy of the catalog as of one commit, trimmed to what lives, under a name of its own
 *   2  every segment that it names: linked or copied when sealed, copied up to its committed length when active
 *   3  what was copied is verified against the catalog's checksums; all is synced
 *   4  manifest.json takes the old one's place: from here on this is the backup
 *   5  what only the old backup needed goes
 *
 * A crash before step 4 leaves the old backup valid (its segments are still there; an active one that grew still has
 * its bytes), or, when there was none, a directory without manifest, which restore refuses and the next backup goes
 * on with. Invariants: the database is only read, and its lock not touched; bytes below a committed length never
 * change, so no segment is copied half-way; LOCK.db of the backup's directory keeps other backups out.
 */
import { crc32 } from 'node:zlib';
import { resolve } from 'node:path';
import { systemClock } from '../base/clock.ts';
import type { Clock } from '../base/clock.ts';
import { asBuffer } from '../base/bytes.ts';
import { EngineError } from '../base/errors.ts';
import { BACKUP_ATTEMPTS_MAX, CHECK_PARALLEL_MAX, CHECK_READ_BYTES_MAX } from '../base/limits.ts';
import { accessPath, copyAccess } from '../catalog/access-file.ts';
import { copyTrimmed } from '../catalog/copy.ts';
import { CatalogInspection } from '../catalog/inspect.ts';
import { lostLog } from '../catalog/log-file.ts';
import { acquireLock } from '../catalog/lock.ts';
import { realOs } from '../os/real-os.ts';
import type { Os } from '../os/os.ts';
import { expectedSegment, noDatabase, pathOf } from './check.ts';
import { copyBytes, unlinkIfPresent } from './copy-file.ts';
import {
  backupAccessName,
  backupCatalogName,
  databasePaths,
  entryPath,
  isBackupAccess,
  isBackupCatalog,
  isBackupEntry,
  isTableDirectory,
  segmentPath,
  tablePath,
} from './filename.ts';
import type { DatabasePaths } from './filename.ts';
import { readManifest, writeManifest } from './manifest.ts';
import type { Manifest, ManifestFile, ManifestSegment } from './manifest.ts';
import { inParallel } from './parallel.ts';
import { HORIZON_KEY, encodeVersion } from './retire.ts';
import { fileEndLength } from '../arrow/ipc-stream.ts';
import { verifySegment } from './segment-verify.ts';
import type { ExpectedSegment, FileFault } from './segment-verify.ts';

export interface BackupOptions {
  /** The database's directory. */
  readonly directory: string;
  /** The backup's: made when it is missing; an older backup of the same database is brought up to date. */
  readonly target: string;
  /** Copies sealed segments although they could be linked. */
  readonly copy?: boolean;
  /** False leaves out the verification of segments that were linked or are there from before. */
  readonly verify?: boolean;
  readonly os?: Os;
  readonly clock?: Clock;
}

export interface BackupReport {
  readonly commit: number;
  readonly segmentCount: number;
  readonly linkedCount: number;
  readonly copiedCount: number;
  /** Segments that were in the backup already. */
  readonly keptCount: number;
  readonly copiedBytes: number;
  /** Bytes of all segments of the backup. */
  readonly byteCount: number;
  readonly verifiedBytes: number;
  readonly ms: number;
}

/**
 * @throws `not_found`, `request_invalid` (the target is something else), `locked` (another backup runs), `corrupt` (the
 * database is damaged), `storage_full`, `io_error`, `busy` (segments went faster than they could be copied)
 */
export async function backUpDatabase(options: BackupOptions): Promise<BackupReport> {
  const os = options.os ?? realOs();
  const clock = options.clock ?? systemClock;
  const started = clock.monotonicMs();
  const source = databasePaths(resolve(options.directory));
  const target = databasePaths(resolve(options.target));
  const before = await prepareTarget(os, source, target);
  const lock = await acquireLock(target.lock);
  try {
    await os.makeDirectory(target.tables);
    await os.syncDirectory(target.directory);
    for (let attempt = 1; ; attempt++) {
      const backup = new Backup(os, clock, source, target, options);
      try {
        await backup.run(before);
        return { ...backup.report, ms: clock.monotonicMs() - started };
      } catch (error) {
        if (!(error instanceof Vanished)) throw error;
        if (await isStillNamed(source, error.segmentId)) throw missingError(error);
        if (attempt === BACKUP_ATTEMPTS_MAX) {
          const message = `segments were retired while they were copied, ${attempt.toString()} times`;
          throw new EngineError('busy', `${message}; try again, or back up to the same file system`, {
            cause: error,
          });
        }
      }
    }
  } finally {
    lock.release();
  }
}

/** A segment's file was not there any more. */
class Vanished extends Error {
  override readonly name = 'Vanished';
  readonly segmentId: number;

  constructor(segmentId: number, path: string) {
    super(path);
    this.segmentId = segmentId;
  }
}

function missingError(error: Vanished): EngineError {
  const message = `the file ${error.message} is missing: the database is damaged`;
  return new EngineError('corrupt', `${message}; see \`sheaf check\`, and \`sheaf repair\``);
}

async function isStillNamed(source: DatabasePaths, segmentId: number): Promise<boolean> {
  const fresh = await CatalogInspection.open(source.catalog);
  try {
    return fresh.content.segments.some((row) => row.segmentId === segmentId && row.state !== 'obsolete');
  } finally {
    fresh.close();
  }
}

/** Looks whether the target may be written to; the backup that is there, if any. */
async function prepareTarget(os: Os, source: DatabasePaths, target: DatabasePaths): Promise<Manifest | undefined> {
  if (!(await os.exists(source.catalog))) throw noDatabase(source);
  if (`${target.directory}/`.startsWith(`${source.directory}/`)) {
    throw new EngineError(
      'request_invalid',
      `${target.directory} lies in the database itself; choose a directory outside`,
    );
  }
  if (!(await os.exists(target.directory))) await os.makeDirectory(target.directory);
  const strange = (await os.list(target.directory)).find((name) => !isBackupEntry(name));
  if (strange !== undefined) {
    const message = `${target.directory} is no backup: it holds ${strange}`;
    throw new EngineError(
      'request_invalid',
      `${message}; choose an empty directory, or one that an earlier backup made`,
    );
  }
  return readManifest(os, target.directory);
}

class Backup {
  report = {
    commit: 0,
    segmentCount: 0,
    linkedCount: 0,
    copiedCount: 0,
    keptCount: 0,
    copiedBytes: 0,
    byteCount: 0,
    verifiedBytes: 0,
  };
  readonly #os: Os;
  readonly #clock: Clock;
  readonly #source: DatabasePaths;
  readonly #target: DatabasePaths;
  readonly #mustCopy: boolean;
  readonly #verifyAll: boolean;

  constructor(os: Os, clock: Clock, source: DatabasePaths, target: DatabasePaths, options: BackupOptions) {
    this.#os = os;
    this.#clock = clock;
    this.#source = source;
    this.#target = target;
    this.#mustCopy = options.copy ?? false;
    this.#verifyAll = options.verify ?? true;
  }

  async run(before: Manifest | undefined): Promise<void> {
    const generation = (before?.generation ?? 0) + 1;
    const file = await this.#copyCatalog(before, generation);
    const catalog = entryPath(this.#target.directory, file);
    const inspection = await CatalogInspection.open(catalog);
    let manifest: Omit<Manifest, 'version'>;
    try {
      const { content } = inspection;
      const directories = content.tables.map((table) => table.directory);
      for (const name of directories) await this.#os.makeDirectory(tablePath(this.#target, name));
      const segments: ManifestSegment[] = [];
      await inParallel(content.segments, CHECK_PARALLEL_MAX, async (segment) => {
        const expected = expectedSegment(inspection, segment);
        if (expected === undefined)
          throw damagedError(catalog, `segment ${segment.segmentId.toString()} has no table`);
        segments.push(await this.#copySegment(expected));
      });
      for (const name of directories) await this.#os.syncDirectory(tablePath(this.#target, name));
      await this.#os.syncDirectory(this.#target.tables);
      segments.sort((a, b) => a.segmentId - b.segmentId);
      this.report.commit = content.lastCommit;
      this.report.segmentCount = segments.length;
      const { databaseId, lastCommit: commit } = content;
      const sum = await fileSum(this.#os, catalog);
      const timeMs = this.#clock.wallMs();
      const access = await this.#copyAccess(generation);
      const files = { catalog: { file, ...sum }, ...(access === undefined ? {} : { access }) };
      manifest = { databaseId, generation, commit, timeMs, ...files, directories, segments };
    } finally {
      inspection.close();
    }
    await writeManifest(this.#os, this.#target.directory, manifest);
    await this.#removeOld(manifest);
  }

  /** Step 1. The old backup's catalog has another name, and stays until step 5. */
  async #copyCatalog(before: Manifest | undefined, generation: number): Promise<string> {
    const inspection = await CatalogInspection.open(this.#source.catalog);
    try {
      if (inspection.isLogMissing) throw lostLog(this.#source.catalog);
      const { databaseId, lastCommit } = inspection.content;
      if (before !== undefined && before.databaseId !== databaseId) {
        const message = `${this.#target.directory} is a backup of another database (${before.databaseId})`;
        throw new EngineError('request_invalid', `${message}; choose an empty directory`);
      }
      const file = backupCatalogName(generation);
      const path = entryPath(this.#target.directory, file);
      await copyTrimmed(inspection, path, HORIZON_KEY, encodeVersion(lastCommit));
      return file;
    } finally {
      inspection.close();
    }
  }

  /** Tokens and rights, as they are now. */
  async #copyAccess(generation: number): Promise<ManifestFile | undefined> {
    const source = accessPath(this.#source.directory);
    if (!(await this.#os.exists(source))) return undefined;
    const file = backupAccessName(generation);
    const path = entryPath(this.#target.directory, file);
    await copyAccess(source, path);
    return { file, ...(await fileSum(this.#os, path)) };
  }

  async #copySegment(expected: ExpectedSegment): Promise<ManifestSegment> {
    const { segment, table } = expected;
    const from = pathOf(this.#source, expected);
    const to = pathOf(this.#target, expected);
    const bytes = segment.state === 'sealed' ? segment.fileLength : segment.committedLength;
    const how = (await this.#isKept(expected, from, to, bytes))
      ? 'kept'
      : await this.#place(expected, from, to, bytes);
    this.report[`${how}Count`]++;
    this.report.byteCount += bytes;
    if (how === 'copied') this.report.copiedBytes += bytes;
    return { directory: table.directory, segmentId: segment.segmentId, bytes };
  }

  /** True when the backup has the segment already, and it is sound. One that rotted is placed anew. */
  async #isKept(expected: ExpectedSegment, from: string, to: string, bytes: number): Promise<boolean> {
    if (expected.segment.state !== 'sealed' || !(await this.#isSame(from, to, bytes))) return false;
    return !this.#verifyAll || (await this.#firstFault(expected, to)) === undefined;
  }

  /** Links or copies the segment under a temporary name; it takes its own once it is known to be sound. */
  async #place(expected: ExpectedSegment, from: string, to: string, bytes: number): Promise<'linked' | 'copied'> {
    const { segment } = expected;
    const temporary = `${to}.tmp`;
    let isLinked = false;
    try {
      await unlinkIfPresent(this.#os, temporary);
      isLinked = segment.state === 'sealed' && !this.#mustCopy && (await this.#os.link(from, temporary));
      if (!isLinked) await copyBytes(this.#os, from, temporary, 0, bytes);
    } catch (error) {
      if (error instanceof EngineError && error.code === 'not_found') throw new Vanished(segment.segmentId, from);
      throw error;
    }
    const fault = isLinked && !this.#verifyAll ? undefined : await this.#firstFault(expected, temporary);
    if (fault !== undefined) {
      await unlinkIfPresent(this.#os, temporary);
      throw damagedError(from, `${fault.what} (offset ${fault.offset.toString()})`);
    }
    await this.#os.rename(temporary, to);
    return isLinked ? 'linked' : 'copied';
  }

  async #firstFault(expected: ExpectedSegment, path: string): Promise<FileFault | undefined> {
    const { faults, byteCount } = await verifySegment(this.#os, path, expected, { deep: false });
    this.report.verifiedBytes += byteCount;
    return faults[0];
  }

  /** True when the backup has this very segment: the same length, and the same footer with its checksums. */
  async #isSame(from: string, to: string, bytes: number): Promise<boolean> {
    if (!(await this.#os.exists(to)) || (await this.#os.size(to)) !== bytes) return false;
    try {
      const [ours, theirs] = await Promise.all([endOf(this.#os, from, bytes), endOf(this.#os, to, bytes)]);
      return ours.equals(theirs);
    } catch (error) {
      // Gone or damaged: placing it anew tells which.
      if (error instanceof EngineError && (error.code === 'not_found' || error.code === 'corrupt')) return false;
      throw error;
    }
  }

  /** Step 5: what the manifest does not name. */
  async #removeOld(manifest: Omit<Manifest, 'version'>): Promise<void> {
    const os = this.#os;
    const { directory, tables } = this.#target;
    for (const name of await os.list(directory)) {
      const isOld =
        isBackupCatalog(name) || isBackupAccess(name) || name.endsWith('.tmp') || name.endsWith('-journal');
      const isWanted = name === manifest.catalog.file || name === manifest.access?.file;
      if (isOld && !isWanted) await os.unlink(entryPath(directory, name));
    }
    const wanted = new Set(
      manifest.segments.map((one) => segmentPath(tablePath(this.#target, one.directory), one.segmentId)),
    );
    for (const name of (await os.list(tables)).filter(isTableDirectory)) {
      const path = tablePath(this.#target, name);
      for (const entry of await os.list(path)) {
        if (!wanted.has(entryPath(path, entry))) await os.unlink(entryPath(path, entry));
      }
      if (!manifest.directories.includes(name)) await os.removeDirectory(path);
    }
  }
}

function damagedError(path: string, what: string): EngineError {
  return new EngineError('corrupt', `${path} is damaged: ${what}; see \`sheaf check\`, and \`sheaf repair\``);
}

/** The footer and what follows it. */
async function endOf(os: Os, path: string, bytes: number): Promise<Buffer> {
  const file = await os.open(path, 'read');
  try {
    const trailer = await file.read(Math.min(bytes, 10), Math.max(0, bytes - 10));
    const length = Math.min(bytes, fileEndLength(trailer));
    return asBuffer(await file.read(length, bytes - length));
  } finally {
    await file.close();
  }
}

/** Length and CRC-32 of a file. */
export async function fileSum(os: Os, path: string): Promise<{ readonly bytes: number; readonly crc32: number }> {
  const file = await os.open(path, 'read');
  try {
    const bytes = await file.size();
    let sum = 0;
    for (let at = 0; at < bytes; at += CHECK_READ_BYTES_MAX) {
      sum = crc32(await file.read(Math.min(CHECK_READ_BYTES_MAX, bytes - at), at), sum);
    }
    return { bytes, crc32: sum };
  } finally {
    await file.close();
  }
}
