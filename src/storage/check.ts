/**
 * `sheaf check`: every file of a database against its catalog, and the catalog against itself.
 *
 * Hides the order of the work. Invariants: nothing is written and no lock is taken, so that it runs beside a server;
 * all is held against one snapshot of the catalog, and what is missing then is looked up in a fresh one before it
 * counts; memory is bounded by the largest message (and by a segment's batch rows); what is wrong with the data is a
 * finding and never thrown, except a newer format.
 */
import { relative, resolve } from 'node:path';
import { systemClock } from '../base/clock.ts';
import type { Clock } from '../base/clock.ts';
import { EngineError } from '../base/errors.ts';
import { CHECK_PARALLEL_MAX } from '../base/limits.ts';
import { CatalogInspection } from '../catalog/inspect.ts';
import type { CatalogContent } from '../catalog/inspect.ts';
import type { SegmentRow } from '../catalog/rows.ts';
import { realOs } from '../os/real-os.ts';
import type { Os } from '../os/os.ts';
import { contentFaults, strayFaults } from './catalog-faults.ts';
import { indexOf } from './catalog-index.ts';
import {
  databasePaths,
  entryPath,
  isBackupEntry,
  isDatabaseEntry,
  isDroppedMark,
  isTableDirectory,
  parseSegmentFileName,
  segmentPath,
  tablePath,
} from './filename.ts';
import type { DatabasePaths } from './filename.ts';
import { readManifest } from './manifest.ts';
import { inParallel } from './parallel.ts';
import { readFooter } from './segment-file.ts';
import { rowFaults, verifySegment } from './segment-verify.ts';
import type { ExpectedSegment, FileFault } from './segment-verify.ts';

/** `damage` needs a repair; a `note` is only worth knowing. */
export interface CheckFinding {
  readonly kind: 'damage' | 'note';
  /** Name of the table it is about. */
  readonly table: string | undefined;
  /** File or directory, relative to the database's. */
  readonly file: string;
  /** Byte in the file. */
  readonly offset: number | undefined;
  readonly what: string;
}

export interface CheckReport {
  readonly findings: readonly CheckFinding[];
  readonly tableCount: number;
  readonly segmentCount: number;
  /** Bytes of segments that were read. */
  readonly byteCount: number;
  readonly ms: number;
  /** True when no finding is damage. */
  readonly isSound: boolean;
}

export interface CheckOptions {
  /** A database's directory, or a backup's. */
  readonly directory: string;
  /** Decodes and validates every batch as well. */
  readonly deep?: boolean;
  readonly os?: Os;
  readonly clock?: Clock;
}

/** @throws `not_found` (no database there), `version_unsupported`, `io_error`, `forbidden` */
export async function checkDatabase(options: CheckOptions): Promise<CheckReport> {
  const os = options.os ?? realOs();
  const clock = options.clock ?? systemClock;
  const started = clock.monotonicMs();
  const paths = databasePaths(resolve(options.directory));
  const manifest = await readManifest(os, paths.directory);
  const catalog = manifest === undefined ? paths.catalog : entryPath(paths.directory, manifest.catalog.file);
  const check = new Check(os, { ...paths, catalog }, options.deep ?? false);
  await check.run(manifest !== undefined);
  return {
    findings: check.findings.sort(byPlace),
    tableCount: check.tableCount,
    segmentCount: check.segmentCount,
    byteCount: check.byteCount,
    ms: clock.monotonicMs() - started,
    isSound: check.findings.every((finding) => finding.kind === 'note'),
  };
}

function byPlace(a: CheckFinding, b: CheckFinding): number {
  return (
    Number(a.kind === 'note') - Number(b.kind === 'note') ||
    compareText(a.table ?? '', b.table ?? '') ||
    compareText(a.file, b.file) ||
    (a.offset ?? 0) - (b.offset ?? 0)
  );
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

class Check {
  readonly findings: CheckFinding[] = [];
  tableCount = 0;
  segmentCount = 0;
  byteCount = 0;
  readonly #os: Os;
  readonly #paths: DatabasePaths;
  readonly #deep: boolean;
  /** Segments whose file was not there. */
  readonly #missing: ExpectedSegment[] = [];

  constructor(os: Os, paths: DatabasePaths, deep: boolean) {
    this.#os = os;
    this.#paths = paths;
    this.#deep = deep;
  }

  async run(isBackup: boolean): Promise<void> {
    const inspection = await this.#openCatalog();
    if (inspection === undefined) return;
    try {
      if (inspection.isLogMissing) {
        this.#catalogFault('the log, catalog.db-wal, is missing after a stop that was not in order');
      }
      for (const what of inspection.integrityFaults()) this.#catalogFault(what);
      const { content } = inspection;
      for (const what of contentFaults(content)) this.#catalogFault(what);
      for (const what of strayFaults(content, inspection.strayBatchSegments())) this.#catalogFault(what);
      this.tableCount = content.tables.filter((table) => table.droppedCommit === undefined).length;
      await inParallel(content.segments, CHECK_PARALLEL_MAX, (segment) => this.#checkSegment(inspection, segment));
    } catch (error) {
      // A damaged page shows when it is read; a newer format and failures of the disk end the check.
      if (!(error instanceof EngineError) || error.code !== 'corrupt') throw error;
      this.#catalogFault(error.message);
    } finally {
      inspection.close();
    }
    await this.#checkEntries(isBackup);
  }

  async #openCatalog(): Promise<CatalogInspection | undefined> {
    try {
      return await CatalogInspection.open(this.#paths.catalog);
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      const isLost = error.code === 'not_found' && (await this.#os.exists(this.#paths.tables));
      if (error.code === 'not_found' && !isLost) throw noDatabase(this.#paths);
      if (!isLost && error.code !== 'corrupt') throw error;
      this.#catalogFault(isLost ? 'the catalog is missing' : error.message);
      return undefined;
    }
  }

  #catalogFault(what: string): void {
    const file = relative(this.#paths.directory, this.#paths.catalog);
    this.findings.push({ kind: 'damage', table: undefined, file, offset: undefined, what });
  }

  async #checkSegment(inspection: CatalogInspection, segment: SegmentRow): Promise<void> {
    const expected = expectedSegment(inspection, segment);
    if (expected === undefined) return;
    this.segmentCount++;
    const kind = segment.state === 'obsolete' ? 'note' : 'damage';
    for (const fault of rowFaults(expected)) this.#fileFault('damage', expected, fault);
    const noted = inspection.content.damages.find((damage) => damage.segmentId === segment.segmentId);
    if (noted !== undefined) {
      this.#fileFault(kind, expected, { offset: noted.byteOffset, what: `noted as damaged: ${noted.what}` });
    }
    try {
      const path = pathOf(this.#paths, expected);
      const { faults, byteCount } = await verifySegment(this.#os, path, expected, { deep: this.#deep });
      this.byteCount += byteCount;
      for (const fault of faults) this.#fileFault(kind, expected, fault);
    } catch (error) {
      if (!(error instanceof EngineError) || error.code === 'version_unsupported') throw named(error, expected);
      if (error.code === 'not_found') this.#missing.push(expected);
      else this.#fileFault(kind, expected, { offset: 0, what: error.message });
    }
  }

  #fileFault(kind: CheckFinding['kind'], expected: ExpectedSegment, fault: FileFault): void {
    const file = relative(this.#paths.directory, pathOf(this.#paths, expected));
    this.findings.push({ kind, table: expected.table.name, file, ...fault });
  }

  #note(path: string, what: string): void {
    const file = relative(this.#paths.directory, path);
    this.findings.push({ kind: 'note', table: undefined, file, offset: undefined, what });
  }

  /** What is missing or too many, by a catalog read after the directories were. */
  async #checkEntries(isBackup: boolean): Promise<void> {
    const files = await this.#listSegments();
    for (const name of await this.#os.list(this.#paths.directory)) {
      if (isBackup ? isBackupEntry(name) : isDatabaseEntry(name)) continue;
      this.#note(entryPath(this.#paths.directory, name), 'no file of ours; it is left alone');
    }
    const fresh = await CatalogInspection.open(this.#paths.catalog);
    try {
      const known = new Map(fresh.content.segments.map((segment) => [segment.segmentId, segment]));
      const directories = new Map(fresh.content.tables.map((table) => [table.tableId, table.directory]));
      for (const expected of this.#missing) {
        const state = known.get(expected.segment.segmentId)?.state;
        if (state === undefined) continue;
        const kind = state === 'obsolete' ? 'note' : 'damage';
        this.#fileFault(kind, expected, { offset: 0, what: 'the file is missing' });
      }
      for (const file of files) {
        const segment = known.get(file.segmentId);
        const isKnown = segment !== undefined && directories.get(segment.tableId) === file.directory;
        if (!isKnown) await this.#checkStray(file.path, fresh.content, isBackup);
      }
    } finally {
      fresh.close();
    }
  }

  async #listSegments(): Promise<{ directory: string; segmentId: number; path: string }[]> {
    const { tables } = this.#paths;
    const files: { directory: string; segmentId: number; path: string }[] = [];
    for (const directory of (await this.#os.exists(tables)) ? await this.#os.list(tables) : []) {
      const path = entryPath(tables, directory);
      if (!isTableDirectory(directory)) {
        this.#note(path, 'no directory of a table; it is left alone');
        continue;
      }
      for (const name of await this.#os.list(path)) {
        const segmentId = parseSegmentFileName(name);
        if (segmentId !== undefined) files.push({ directory, segmentId, path: entryPath(path, name) });
        else if (!isDroppedMark(name)) this.#note(entryPath(path, name), 'no file of ours; it is left alone');
      }
    }
    return files;
  }

  /** A segment that the catalog does not know: what an unfinished append leaves, or the sign of a lost catalog. */
  async #checkStray(path: string, content: CatalogContent, isBackup: boolean): Promise<void> {
    const commit = isBackup ? undefined : await this.#strayCommit(path);
    if (commit !== undefined && commit > content.lastCommit + 1) {
      const last = content.lastCommit.toString();
      this.#catalogFault(
        `the catalog ends with commit ${last}, but ${relative(this.#paths.directory, path)} ` +
          `is of commit ${commit.toString()}: commits were lost`,
      );
    } else {
      this.#note(path, 'the catalog does not know this segment; it is removed at the next start');
    }
  }

  /** The commit that the file's footer names, if it has one. */
  async #strayCommit(path: string): Promise<number | undefined> {
    try {
      const file = await this.#os.open(path, 'read');
      try {
        return (await readFooter(file, await file.size())).commit;
      } finally {
        await file.close();
      }
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      return undefined;
    }
  }
}

/** The error of a directory that holds neither a catalog nor tables. */
export function noDatabase({ directory }: DatabasePaths): EngineError {
  return new EngineError('not_found', `there is no database in ${directory}; name another with --data-dir`);
}

/** Everything the catalog says of a segment; undefined when its table or schema is not there. */
export function expectedSegment(inspection: CatalogInspection, segment: SegmentRow): ExpectedSegment | undefined {
  const { content } = inspection;
  const table = indexOf(content).table(segment.tableId);
  const schema = indexOf(content).schema(segment.tableId, segment.schemaVersion);
  if (table === undefined || schema === undefined) return undefined;
  const batches = inspection.batches(segment.segmentId);
  return { databaseId: content.databaseId, table, schema, segment, batches };
}

/** Path of the file of a segment. */
export function pathOf(paths: DatabasePaths, expected: ExpectedSegment): string {
  return segmentPath(tablePath(paths, expected.table.directory), expected.segment.segmentId);
}

function named(error: unknown, expected: ExpectedSegment): unknown {
  if (!(error instanceof EngineError)) return error;
  const { table, segment } = expected;
  const message = `table "${table.name}", segment ${segment.segmentId.toString()}: ${error.message}`;
  return new EngineError(error.code, message, { cause: error });
}
