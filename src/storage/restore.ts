/**
 * `sheaf restore`: a backup becomes a database again.
 *
 * Hides where the work is done: in a directory beside the wanted one, which takes its name at the end. Invariants: the
 * backup is only read, and shares no file with the database; everything is verified, in the copy, before the rename;
 * the wanted directory is missing (or empty) or the whole database, at every moment.
 */
import { basename, dirname, join, relative, resolve } from 'node:path';
import { systemClock } from '../base/clock.ts';
import type { Clock } from '../base/clock.ts';
import { EngineError } from '../base/errors.ts';
import { CHECK_PARALLEL_MAX } from '../base/limits.ts';
import { accessPath } from '../catalog/access-file.ts';
import { realOs } from '../os/real-os.ts';
import type { Os } from '../os/os.ts';
import { fileSum } from './backup.ts';
import { checkDatabase } from './check.ts';
import { copyBytes } from './copy-file.ts';
import { databasePaths, entryPath, isDatabaseEntry, segmentPath, tablePath } from './filename.ts';
import type { DatabasePaths } from './filename.ts';
import { readManifest } from './manifest.ts';
import type { Manifest } from './manifest.ts';
import { inParallel } from './parallel.ts';

export interface RestoreOptions {
  readonly backup: string;
  /** Must be missing or empty. */
  readonly directory: string;
  readonly os?: Os;
  readonly clock?: Clock;
}

export interface RestoreReport {
  readonly commit: number;
  /** When the backup was made. */
  readonly timeMs: number;
  readonly tableCount: number;
  readonly segmentCount: number;
  readonly byteCount: number;
  readonly ms: number;
}

/** @throws `not_found`, `request_invalid`, `corrupt` (the backup is unfinished or damaged: what), `storage_full` … */
export async function restoreDatabase(options: RestoreOptions): Promise<RestoreReport> {
  const os = options.os ?? realOs();
  const clock = options.clock ?? systemClock;
  const started = clock.monotonicMs();
  const backup = databasePaths(resolve(options.backup));
  const directory = resolve(options.directory);
  const manifest = await requireManifest(os, backup);
  await requireEmpty(os, directory);
  await checkSizes(os, backup, manifest);
  // A fixed name: what a killed restore left is taken away by the next.
  const work = databasePaths(join(dirname(directory), `${basename(directory)}.restoring`));
  await removeWork(os, work);
  try {
    await copyAll(os, backup, work, manifest);
    const check = await checkDatabase({ directory: work.directory, os, clock });
    const first = check.findings.find((finding) => finding.kind === 'damage');
    if (first !== undefined) {
      const place = `${first.file}${first.offset === undefined ? '' : `, offset ${first.offset.toString()}`}`;
      throw damaged(backup.directory, `${place}: ${first.what}`);
    }
    await os.makeDirectory(work.spool);
    await os.makeDirectory(work.quarantine);
    await os.syncDirectory(work.directory);
    if (await os.exists(directory)) await os.removeDirectory(directory);
    await os.rename(work.directory, directory);
    await os.syncDirectory(dirname(directory));
    return {
      commit: manifest.commit,
      timeMs: manifest.timeMs,
      tableCount: check.tableCount,
      segmentCount: check.segmentCount,
      byteCount: check.byteCount,
      ms: clock.monotonicMs() - started,
    };
  } catch (error) {
    await removeWork(os, work).catch(() => undefined);
    throw error;
  }
}

function damaged(directory: string, what: string): EngineError {
  return new EngineError('corrupt', `the backup in ${directory} is damaged: ${what}; use another backup`);
}

async function requireManifest(os: Os, backup: DatabasePaths): Promise<Manifest> {
  if (!(await os.exists(backup.directory))) {
    throw new EngineError('not_found', `there is no backup in ${backup.directory}; check the path`);
  }
  const manifest = await readManifest(os, backup.directory);
  if (manifest !== undefined) return manifest;
  if (await os.exists(backup.catalog)) {
    const remedy = 'start it with --data-dir, or make a backup of it with `sheaf backup`';
    throw new EngineError('request_invalid', `${backup.directory} is a database and no backup; ${remedy}`);
  }
  const message = `${backup.directory} holds no finished backup: there is no manifest.json`;
  throw new EngineError('corrupt', `${message}; run \`sheaf backup\` to its end, or use another backup`);
}

async function requireEmpty(os: Os, directory: string): Promise<void> {
  if (!(await os.exists(directory)) || (await os.list(directory)).length === 0) return;
  throw new EngineError(
    'already_exists',
    `${directory} is not empty; restore to a directory that is missing or empty`,
  );
}

/** Everything that the manifest names must be there before anything is copied. */
async function checkSizes(os: Os, backup: DatabasePaths, manifest: Manifest): Promise<void> {
  const require = async (path: string, least: number): Promise<void> => {
    const size = (await os.exists(path)) ? await os.size(path) : undefined;
    const name = relative(backup.directory, path);
    if (size === undefined) throw damaged(backup.directory, `${name} is missing`);
    if (size < least) {
      throw damaged(backup.directory, `${name} has ${size.toString()} bytes, of ${least.toString()}`);
    }
  };
  const { catalog, access } = manifest;
  for (const { file, bytes, crc32 } of access === undefined ? [catalog] : [catalog, access]) {
    const path = entryPath(backup.directory, file);
    await require(path, bytes);
    const found = await fileSum(os, path);
    if (found.bytes !== bytes || found.crc32 !== crc32) {
      throw damaged(backup.directory, `${file} is not as it was written`);
    }
  }
  for (const { directory, segmentId, bytes: least } of manifest.segments) {
    await require(segmentPath(tablePath(backup, directory), segmentId), least);
  }
}

async function copyAll(os: Os, backup: DatabasePaths, work: DatabasePaths, manifest: Manifest): Promise<void> {
  await os.makeDirectory(work.tables);
  for (const name of manifest.directories) await os.makeDirectory(tablePath(work, name));
  await inParallel(manifest.segments, CHECK_PARALLEL_MAX, async ({ directory, segmentId, bytes }) => {
    const from = segmentPath(tablePath(backup, directory), segmentId);
    await copyBytes(os, from, segmentPath(tablePath(work, directory), segmentId), 0, bytes);
  });
  const { catalog, access } = manifest;
  await copyBytes(os, entryPath(backup.directory, catalog.file), work.catalog, 0, catalog.bytes);
  if (access !== undefined) {
    const target = accessPath(work.directory);
    await copyBytes(os, entryPath(backup.directory, access.file), target, 0, access.bytes);
  }
  for (const name of manifest.directories) await os.syncDirectory(tablePath(work, name));
  await os.syncDirectory(work.tables);
  await os.syncDirectory(work.directory);
}

/** Takes away what a restore made. @throws `already_exists` when something else lies there */
async function removeWork(os: Os, work: DatabasePaths): Promise<void> {
  if (!(await os.exists(work.directory))) return;
  const strange = (await os.list(work.directory)).find((name) => !isDatabaseEntry(name));
  if (strange !== undefined) {
    const message = `${work.directory}, where a restore works, holds ${strange}`;
    throw new EngineError('already_exists', `${message}; move it elsewhere`);
  }
  await removeTree(os, work.directory);
}

async function removeTree(os: Os, directory: string): Promise<void> {
  for (const name of await os.list(directory)) {
    const path = entryPath(directory, name);
    if (await isDirectory(os, path)) await removeTree(os, path);
    else await os.unlink(path);
  }
  await os.removeDirectory(directory);
}

async function isDirectory(os: Os, path: string): Promise<boolean> {
  try {
    await os.list(path);
    return true;
  } catch (error) {
    if (error instanceof EngineError && error.code === 'io_error') return false;
    throw error;
  }
}
