/**
 * `sheaf repair`: brings a damaged database back to where `sheaf check` finds nothing, and tells what that cost.
 *
 * Hides two things: a catalog that is lost is made anew (catalog-rebuild.ts decides, from its newest copy and the
 * segments' footers), then each damaged segment is replaced by one with its sound batches (salvage.ts). Invariants: the
 * directory's lock is held; no file is deleted before it has another name in quarantine/; a crash at any point leaves a
 * database that the next repair goes on with:
 *
 *   1  what the new catalog will not name gets a name in quarantine/    nothing is lost, the old catalog still fails
 *   2  the new catalog is built and synced under a name of its own
 *   3  the old one goes to quarantine/ (first the file, then its log)   a missing catalog fails as well
 *   4  the new one takes its name                                       from here on the database opens
 *   5  what has a name in quarantine/ loses its first one
 */
import { relative, resolve } from 'node:path';
import { systemClock } from '../base/clock.ts';
import type { Clock } from '../base/clock.ts';
import { EngineError } from '../base/errors.ts';
import { copyCatalog } from '../catalog/copy.ts';
import { CatalogInspection, putLogBack } from '../catalog/inspect.ts';
import { acquireLock } from '../catalog/lock.ts';
import { CatalogRebuild } from '../catalog/rebuild.ts';
import type { RepairChange } from '../catalog/rebuild.ts';
import { realOs } from '../os/real-os.ts';
import type { Os } from '../os/os.ts';
import { contentFaults, strayDamages } from './catalog-faults.ts';
import { planRebuild } from './catalog-rebuild.ts';
import type { PutAside, RebuildPlan } from './catalog-rebuild.ts';
import { checkDatabase, expectedSegment, noDatabase, pathOf } from './check.ts';
import { unlinkIfPresent } from './copy-file.ts';
import { findSegments } from './evidence.ts';
import type { FoundDirectory } from './evidence.ts';
import {
  catalogCopyPath,
  databasePaths,
  quarantinedName,
  rebuiltCatalogPath,
  segmentPath,
  tablePath,
} from './filename.ts';
import type { DatabasePaths } from './filename.ts';
import { Quarantine } from './quarantine.ts';
import { HORIZON_KEY, encodeVersion } from './retire.ts';
import { salvageSegment } from './salvage.ts';
import type { Salvage } from './salvage.ts';
import { rowFaults, verifySegment } from './segment-verify.ts';
import type { ExpectedSegment } from './segment-verify.ts';

export interface RepairOptions {
  readonly directory: string;
  /** Only tells what would be done. */
  readonly dryRun?: boolean;
  readonly os?: Os;
  readonly clock?: Clock;
}

/** What was done, a sentence each. */
export interface RepairReport {
  readonly actions: readonly string[];
  /** Rows that are gone. */
  readonly losses: readonly string[];
  /** What cannot be known, and is for a person to look at. */
  readonly doubts: readonly string[];
  readonly ms: number;
}

/** @throws `not_found`, `locked`, `version_unsupported`, `storage_full`, `io_error` */
export async function repairDatabase(options: RepairOptions): Promise<RepairReport> {
  const os = options.os ?? realOs();
  const clock = options.clock ?? systemClock;
  const started = clock.monotonicMs();
  const paths = databasePaths(resolve(options.directory));
  if (!(await os.exists(paths.catalog)) && !(await os.exists(paths.tables))) throw noDatabase(paths);
  const lock = await acquireLock(paths.lock);
  try {
    const repair = new Repair(os, clock, paths, options.dryRun ?? false);
    await repair.run();
    const { actions, losses, doubts } = repair;
    return { actions, losses, doubts, ms: clock.monotonicMs() - started };
  } finally {
    lock.release();
  }
}

/** What a sound catalog's segments need. */
interface Found {
  readonly damaged: readonly ExpectedSegment[];
  /** Noted as damaged, and sound. */
  readonly healed: readonly number[];
  readonly strayIds: readonly number[];
  readonly lastCommit: number;
  readonly segmentIdMax: number;
}

class Repair {
  readonly actions: string[] = [];
  readonly losses: string[] = [];
  readonly doubts: string[] = [];
  readonly #os: Os;
  readonly #clock: Clock;
  readonly #paths: DatabasePaths;
  readonly #isDryRun: boolean;
  readonly #quarantine: Quarantine;

  constructor(os: Os, clock: Clock, paths: DatabasePaths, isDryRun: boolean) {
    this.#os = os;
    this.#clock = clock;
    this.#paths = paths;
    this.#isDryRun = isDryRun;
    this.#quarantine = new Quarantine(os, paths);
  }

  async run(): Promise<void> {
    if (!this.#isDryRun && (await putLogBack(this.#paths.catalog))) {
      this.actions.push('catalog.db-wal was taken away; it is back from its second name');
    }
    const found = await findSegments(this.#os, this.#paths.tables);
    const fault = await catalogFault(this.#paths, found);
    const rebuilt = rebuiltCatalogPath(this.#paths);
    if (fault !== undefined) await this.#rebuild(fault, found);
    await this.#repairSegments(fault !== undefined && this.#isDryRun ? rebuilt : this.#paths.catalog, found);
    if (this.#isDryRun) {
      await unlinkIfPresent(this.#os, rebuilt);
      return;
    }
    const check = await checkDatabase({ directory: this.#paths.directory, os: this.#os, clock: this.#clock });
    for (const { kind, file, what } of check.findings) {
      if (kind === 'damage') this.doubts.push(`${file} is still damaged: ${what}`);
    }
  }

  async #rebuild(fault: string, found: readonly FoundDirectory[]): Promise<void> {
    const path = rebuiltCatalogPath(this.#paths);
    for (const name of [path, `${path}-journal`]) await unlinkIfPresent(this.#os, name);
    const base = await this.#newestCopy();
    if (base !== undefined) await copyCatalog(base, path);
    const rebuild = await CatalogRebuild.openCopy(path);
    let plan: RebuildPlan;
    try {
      const options = { hasBase: base !== undefined, timeMs: this.#clock.wallMs() };
      plan = await planRebuild(this.#os, rebuild.content(), found, options);
      rebuild.apply(plan.change);
    } finally {
      rebuild.close();
    }
    this.actions.push(`catalog.db: ${fault}; it is made anew, the old one is in quarantine/`, ...plan.actions);
    this.doubts.push(...plan.doubts);
    if (!this.#isDryRun) await this.#swapIn(path, plan.putAside);
  }

  /**
   * The catalog with the highest commit among those that are sound: the copy, or the file itself when it is only old.
   */
  async #newestCopy(): Promise<string | undefined> {
    let newest: { readonly path: string; readonly commit: number } | undefined;
    for (const path of [catalogCopyPath(this.#paths), this.#paths.catalog]) {
      const commit = await soundCommit(path);
      if (commit !== undefined && commit > (newest?.commit ?? 0)) newest = { path, commit };
    }
    return newest?.path;
  }

  async #swapIn(path: string, putAside: readonly PutAside[]): Promise<void> {
    for (const { directory, segment, from } of putAside) {
      const name = quarantinedName(directory, segment.segmentId);
      if (from === undefined) await this.#quarantine.keep(segment.path, name);
      else await this.#quarantine.keepBytes(segment.path, `${name}-from-${from.toString()}`, from, segment.size);
    }
    await this.#quarantine.sync();
    const { catalog, directory } = this.#paths;
    // The file before its log: a log alone is nothing, a file without its log would pass for a sound, older catalog.
    for (const suffix of ['', '-wal', '-shm', '-journal'])
      await this.#quarantine.move(catalog + suffix, `catalog.db${suffix}`);
    await this.#quarantine.sync();
    await this.#os.rename(path, catalog);
    await this.#os.syncDirectory(directory);
    for (const { segment, from } of putAside) if (from === undefined) await unlinkIfPresent(this.#os, segment.path);
  }

  /** Replaces damaged segments, one commit each, and forgets damage that is not there. */
  async #repairSegments(catalog: string, files: readonly FoundDirectory[]): Promise<void> {
    const inspection = await CatalogInspection.open(catalog);
    let found: Found;
    try {
      found = await this.#findDamage(inspection);
    } finally {
      // Before anything is written: a copy out of WAL mode cannot be written beside a reader.
      inspection.close();
    }
    await this.#applyRepairs(catalog, found, files);
  }

  async #findDamage(inspection: CatalogInspection): Promise<Found> {
    const { content } = inspection;
    const noted = new Set(content.damages.map((damage) => damage.segmentId));
    const damaged: ExpectedSegment[] = [];
    const healed: number[] = [];
    for (const segment of content.segments) {
      const isNoted = noted.has(segment.segmentId);
      const isObsolete = segment.state === 'obsolete';
      const expected = isObsolete ? undefined : expectedSegment(inspection, segment);
      if (expected !== undefined && !(await this.#isSound(expected, isNoted))) damaged.push(expected);
      else if (isNoted) healed.push(segment.segmentId);
    }
    const strayIds = [...inspection.strayBatchSegments(), ...strayDamages(content)];
    return { damaged, healed, strayIds, lastCommit: content.lastCommit, segmentIdMax: content.segmentIdMax };
  }

  async #isSound(expected: ExpectedSegment, deep: boolean): Promise<boolean> {
    if (rowFaults(expected).length > 0) return false;
    try {
      return (await verifySegment(this.#os, pathOf(this.#paths, expected), expected, { deep })).faults.length === 0;
    } catch (error) {
      if (!(error instanceof EngineError) || error.code === 'version_unsupported') throw error;
      return false;
    }
  }

  async #applyRepairs(catalog: string, found: Found, files: readonly FoundDirectory[]): Promise<void> {
    const { damaged, healed, strayIds } = found;
    if (damaged.length + healed.length + strayIds.length === 0) return;
    if (healed.length > 0) this.actions.push(`${healed.length.toString()} segments noted as damaged are sound`);
    if (strayIds.length > 0) this.actions.push('rows of the catalog that belong to no segment are removed');
    const rebuild = this.#isDryRun ? undefined : await CatalogRebuild.openInUse(catalog);
    try {
      let commit = found.lastCommit;
      let segmentId = highestId(found.segmentIdMax, files);
      if (healed.length + strayIds.length > 0) {
        rebuild?.apply({ ...this.#emptyChange(++commit), clearDamages: healed, removeSegments: strayIds });
      }
      for (const expected of damaged) await this.#replace(rebuild, expected, ++segmentId, ++commit);
    } finally {
      rebuild?.close();
    }
  }

  async #replace(
    rebuild: CatalogRebuild | undefined,
    expected: ExpectedSegment,
    segmentId: number,
    commit: number,
  ): Promise<void> {
    const from = pathOf(this.#paths, expected);
    const directory = tablePath(this.#paths, expected.table.directory);
    if (rebuild !== undefined) await this.#os.makeDirectory(directory);
    const path = rebuild === undefined ? undefined : segmentPath(directory, segmentId);
    const salvage = await salvageSegment(this.#os, from, expected, { segmentId, commit, path });
    if (rebuild !== undefined) {
      const name = quarantinedName(expected.table.directory, expected.segment.segmentId);
      await this.#quarantine.keep(from, name);
      await this.#quarantine.sync();
      rebuild.apply({
        ...this.#emptyChange(commit),
        removeSegments: [expected.segment.segmentId],
        segments: salvage.segment === undefined ? [] : [salvage.segment],
        batches: salvage.batches,
        segmentIdMax: segmentId,
      });
      await unlinkIfPresent(this.#os, from);
    }
    this.#tell(expected, salvage, relative(this.#paths.directory, from));
  }

  #tell({ table, segment }: ExpectedSegment, { lost, segment: saved }: Salvage, file: string): void {
    const into =
      saved === undefined
        ? 'nothing could be saved'
        : `${saved.rowCount.toString()} rows are saved in segment ${saved.segmentId.toString()}`;
    this.actions.push(`table "${table.name}": ${file} was damaged; ${into}, the damaged file is in quarantine/`);
    for (const { message, offset, rowCount, firstRow, why } of lost) {
      const rows = `rows ${firstRow.toString()} to ${(firstRow + rowCount - 1).toString()}`;
      const what = rowCount === 0 ? 'a dictionary is' : `${rows} of segment ${segment.segmentId.toString()} are`;
      this.losses.push(
        `table "${table.name}": ${what} lost (message ${message.toString()} at offset ${offset.toString()} of ${file}: ${why})`,
      );
    }
  }

  #emptyChange(commit: number): RepairChange {
    return {
      commit,
      timeMs: this.#clock.wallMs(),
      what: 'repair',
      // Snapshots of the past would have other rows than they had.
      meta: [[HORIZON_KEY, encodeVersion(commit)]],
      removeTables: [],
      removeSegments: [],
      clearDamages: [],
      tables: [],
      schemas: [],
      segments: [],
      batches: [],
      tableIdMax: 0,
      segmentIdMax: 0,
    };
  }
}

/** The highest id of a catalog or of a file: a killed repair may have left one that no catalog knows. */
function highestId(least: number, files: readonly FoundDirectory[]): number {
  let highest = least;
  for (const { segments } of files) {
    for (const { segmentId } of segments) highest = Math.max(highest, segmentId);
  }
  return highest;
}

/** Why the catalog cannot be used; undefined when it can. @throws `version_unsupported`, `io_error`, `forbidden` */
async function catalogFault(paths: DatabasePaths, found: readonly FoundDirectory[]): Promise<string | undefined> {
  let inspection: CatalogInspection;
  try {
    inspection = await CatalogInspection.open(paths.catalog);
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    if (error.code === 'not_found') return 'it is missing';
    if (error.code === 'corrupt') return error.message;
    throw error;
  }
  try {
    if (inspection.isLogMissing) return 'its log, catalog.db-wal, is missing after a stop that was not in order';
    const { content } = inspection;
    const [first] = [...inspection.integrityFaults(), ...contentFaults(content)];
    if (first !== undefined) return first;
    const segments = found.flatMap((directory) => directory.segments);
    if (content.lastCommit === 0 && segments.length > 0) {
      return `it is new and knows none of the ${segments.length.toString()} segment files`;
    }
    const known = new Set(content.segments.map((segment) => segment.segmentId));
    const newer = segments.find(
      ({ segmentId, footer }) => !known.has(segmentId) && (footer?.commit ?? 0) > content.lastCommit + 1,
    );
    if (newer === undefined) return undefined;
    const commit = (newer.footer?.commit ?? 0).toString();
    return `it ends with commit ${content.lastCommit.toString()}, but segment ${newer.segmentId.toString()} is of commit ${commit}`;
  } catch (error) {
    if (error instanceof EngineError && error.code === 'corrupt') return error.message;
    throw error;
  } finally {
    inspection.close();
  }
}

/** Last commit of a sound catalog; undefined for any other file. */
async function soundCommit(path: string): Promise<number | undefined> {
  let inspection: CatalogInspection | undefined;
  try {
    inspection = await CatalogInspection.open(path);
    const isSound = inspection.integrityFaults().length === 0 && contentFaults(inspection.content).length === 0;
    return isSound ? inspection.content.lastCommit : undefined;
  } catch (error) {
    if (error instanceof EngineError && (error.code === 'corrupt' || error.code === 'not_found')) return undefined;
    throw error;
  } finally {
    inspection?.close();
  }
}
