/**
 * Recovery: makes files and catalog agree, at every open.
 *
 *   file without a row                 an unfinished create or a private segment: removed
 *   active, longer than committed      torn bytes, or an unrecorded end: cut off; then sealed
 *   sealed, its end missing or torn    cut back to the committed bytes and given its end again
 *   shorter than committed, missing    damaged: its table is read-only, reads of it fail; all else serves
 *   retired, file gone                 the sweep removes the row
 *
 * Hides the comparison. Invariants: nothing below a committed length is ever touched; nothing is read of sealed
 * segments but their sizes, unless the last stop was not clean: then what was committed since the last clean one is
 * verified, newest first, up to RECOVERY_VERIFY_BYTES_MAX, and the rest at first touch as always; a crash in here
 * leaves work for the next recovery only.
 */
import { EngineError } from '../base/errors.ts';
import { RECOVERY_PARALLEL_MAX, RECOVERY_VERIFY_BYTES_MAX } from '../base/limits.ts';
import type { CatalogState, DamageRow, SchemaRow, SegmentRow } from '../catalog/rows.ts';
import { storedDefinition } from './definition.ts';
import { entryPath, isDroppedMark, isTableDirectory, parseSegmentFileName, segmentPath } from './filename.ts';
import { inParallel } from './parallel.ts';
import { Producers } from './producers.ts';
import { unlinkIfThere } from './retire.ts';
import { Segment } from './segment.ts';
import { SegmentWriter } from './segment-writer.ts';
import type { Store } from './store.ts';
import { Table } from './table.ts';

/** What recovery found and did, for the log. */
export interface RecoveryReport {
  readonly orphanCount: number;
  readonly resealCount: number;
  readonly verifiedBytes: number;
  readonly damagedCount: number;
}

/**
 * Fills `store` with tables and segments. Segments that need an end are left in `store.unsealed`. `cleanVersion`:
 * of the last clean stop.
 */
export async function recover(store: Store, state: CatalogState, cleanVersion: number): Promise<RecoveryReport> {
  addTables(store, state);
  const fileLengths = new Map<Segment, number>();
  for (const row of state.segments) addSegment(store, row, fileLengths);
  for (const damage of state.damages) markKnownDamage(store, damage);
  const orphanCount = await removeOrphans(store);
  await inParallel(store.tables.values(), RECOVERY_PARALLEL_MAX, (table) => restoreDirectory(store, table));
  const torn: Segment[] = [];
  await inParallel(fileLengths, RECOVERY_PARALLEL_MAX, async ([segment, length]) => {
    if (!(await isTorn(store, segment, length))) return;
    segment.hasEnd = false;
    torn.push(segment);
  });
  const verifiedBytes = state.cleanStop ? 0 : await verifyRecent(store, [...fileLengths.keys()], cleanVersion);
  await inParallel(torn, RECOVERY_PARALLEL_MAX, (segment) => cutBack(store, segment));
  for (const table of store.tables.values()) {
    const views = table.liveSegments.map((segment) => segment.view());
    if (table.droppedCommit === undefined) table.publish(store.version, views, store.version);
  }
  return {
    orphanCount,
    resealCount: torn.length,
    verifiedBytes,
    damagedCount: [...fileLengths.keys()].filter((segment) => segment.damage !== undefined).length,
  };
}

function addTables(store: Store, state: CatalogState): void {
  const versions = new Map<number, SchemaRow[]>();
  for (const row of state.schemas) {
    const known = versions.get(row.tableId);
    if (known === undefined) versions.set(row.tableId, [row]);
    else known.push(row);
  }
  for (const row of state.tables) {
    const [first, ...later] = versions.get(row.tableId) ?? [];
    if (first === undefined) {
      throw new EngineError(
        'corrupt',
        `table "${row.name}" has no schema in ${store.paths.catalog}; run \`sheaf repair\``,
      );
    }
    const producers = new Producers(store.bounds.producerResultsKept, false);
    const table = new Table(storedDefinition(store.paths, row, first), row.createdCommit, producers);
    for (const version of later) table.define(storedDefinition(store.paths, row, version), version.createdCommit);
    table.droppedCommit = row.droppedCommit;
    table.ttl = row.ttl;
    store.addTable(table);
  }
  for (const view of state.views) store.views.add(view);
}

function addSegment(store: Store, row: SegmentRow, fileLengths: Map<Segment, number>): void {
  const table = store.tables.get(row.tableId);
  const definition = table?.definitionOf(row.schemaVersion);
  if (table === undefined || definition === undefined) {
    const missing = table === undefined ? 'table' : `schema version ${row.schemaVersion.toString()}`;
    throw new EngineError(
      'corrupt',
      `segment ${row.segmentId.toString()} in ${store.paths.catalog} has no ${missing}; run \`sheaf repair\``,
    );
  }
  const identity = { segmentId: row.segmentId, definition, path: segmentPath(definition.path, row.segmentId) };
  const segment = new Segment(identity, store, { ...row, messageCount: row.batchCount }, undefined);
  segment.retiredCommit = row.retiredCommit;
  segment.retireAtMs = row.retireAtMs;
  store.addSegment(table, segment);
  fileLengths.set(segment, row.fileLength);
}

/** Damage that an earlier life found stays found: what was lost is not guessed at again. */
function markKnownDamage(store: Store, { segmentId, offset, what }: DamageRow): void {
  for (const table of store.tables.values()) {
    const segment = table.segments.find((one) => one.identity.segmentId === segmentId);
    if (segment !== undefined && segment.state !== 'obsolete') segment.markDamaged(offset, what);
  }
}

/** Segment files in the directories of all tables, known or not. */
export async function countSegmentFiles({ os, paths }: Store): Promise<number> {
  const directories = (await os.list(paths.tables)).filter(isTableDirectory);
  const counts: number[] = [];
  await inParallel(directories, RECOVERY_PARALLEL_MAX, async (name) => {
    const entries = await os.list(entryPath(paths.tables, name));
    counts.push(entries.filter((entry) => parseSegmentFileName(entry) !== undefined).length);
  });
  return counts.reduce((sum, count) => sum + count, 0);
}

/**
 * Removes segment files that no row names, and directories of no table. Names that we never give are left alone,
 * and logged.
 */
async function removeOrphans(store: Store): Promise<number> {
  const { os, paths } = store;
  const byDirectory = new Map([...store.tables.values()].map((table) => [table.definition.directory, table]));
  let count = 0;
  await inParallel(await os.list(paths.tables), RECOVERY_PARALLEL_MAX, async (name) => {
    const path = entryPath(paths.tables, name);
    if (!isTableDirectory(name)) {
      store.log.warn('an unknown entry among the tables is left alone', { path });
      return;
    }
    const table = byDirectory.get(name);
    const known = new Set(table?.segments.map((segment) => segment.identity.segmentId));
    let left = 0;
    for (const entry of await os.list(path)) {
      const segmentId = parseSegmentFileName(entry);
      if (segmentId === undefined && isDroppedMark(entry)) {
        if (table !== undefined) left++;
        else await os.unlink(entryPath(path, entry));
      } else if (segmentId === undefined) {
        left++;
        store.log.warn('an unknown file among the segments is left alone', { path: entryPath(path, entry) });
      } else if (!known.has(segmentId)) {
        await os.unlink(entryPath(path, entry));
        count++;
      }
    }
    if (table === undefined && left === 0) await os.removeDirectory(path);
  });
  if (count > 0) store.log.info('files of unfinished appends were removed', { count });
  return count;
}

async function restoreDirectory(store: Store, table: Table): Promise<void> {
  const { path } = table.definition;
  if (table.segments.length > 0 || table.droppedCommit !== undefined || (await store.os.exists(path))) return;
  await store.os.makeDirectory(path);
  await store.os.syncDirectory(store.paths.tables);
}

/** Looks at the file's size. True when the segment needs an end; a file that lost committed bytes marks it damaged. */
async function isTorn(store: Store, segment: Segment, fileLength: number): Promise<boolean> {
  if (segment.state === 'obsolete' || segment.damage !== undefined) return false;
  let size: number;
  try {
    size = await store.os.size(segment.identity.path);
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    if (error.code === 'not_found') segment.markDamaged(0, 'the file is missing');
    else segment.markDamaged(0, error.message, false);
    return false;
  }
  if (size < segment.committedLength) {
    segment.markDamaged(size, `the file ends ${(segment.committedLength - size).toString()} bytes early`);
    return false;
  }
  return segment.state === 'active' || size !== fileLength;
}

/** Verifies segments that got rows since the last clean stop, newest first. Returns the bytes read. */
async function verifyRecent(store: Store, segments: readonly Segment[], cleanVersion: number): Promise<number> {
  const recent = segments.filter(
    (segment) =>
      segment.damage === undefined &&
      segment.state !== 'obsolete' &&
      segment.messageCount > 0 &&
      (segment.state === 'active' || segment.createdCommit > cleanVersion),
  );
  recent.sort((a, b) => b.createdCommit - a.createdCommit);
  let bytes = 0;
  let count = 0;
  for (const segment of recent) {
    if (bytes + segment.committedLength > RECOVERY_VERIFY_BYTES_MAX) break;
    bytes += segment.committedLength;
    count++;
  }
  await inParallel(recent.slice(0, count), RECOVERY_PARALLEL_MAX, verifyWhole);
  const later = recent.length - count;
  if (later > 0) store.log.info('segments are verified when they are first read', { count: later });
  return bytes;
}

/** A damaged segment is marked as such and does not stop recovery. */
async function verifyWhole(segment: Segment): Promise<void> {
  try {
    await segment.loadIndex();
    const file = await segment.openFile();
    try {
      for (let from = 0; from < segment.messageCount;) {
        const to = segment.verifyEnd(from, segment.messageCount);
        await segment.verify(file, from, to);
        from = to;
      }
    } finally {
      await file.close();
    }
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    segment.markDamaged(0, error.message, error.code === 'corrupt');
  }
}

/** Cuts the file back to its committed bytes, ready to be given its end. */
async function cutBack(store: Store, segment: Segment): Promise<void> {
  if (segment.damage !== undefined) return;
  await segment.loadIndex();
  const file = await store.os.open(segment.identity.path, 'write');
  await file.truncate(segment.committedLength);
  const writer = new SegmentWriter(store.os, segment, segment.identity.definition, store.bounds.segmentBytesMax);
  writer.attach(file);
  store.unsealed.add(writer);
}

/** Empties the directory for spool files. */
export async function emptySpool(store: Store): Promise<void> {
  const { os, paths } = store;
  for (const name of await os.list(paths.spool)) await unlinkIfThere(store, entryPath(paths.spool, name));
}
