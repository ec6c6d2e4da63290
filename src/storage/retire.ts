/**
 * Dropping tables, and giving up the files of retired segments: those of dropped tables, and those that a rewrite
 * replaced.
 *
 * Hides when a file may go: when no pinned snapshot is older than its end, and its time has passed, or space is
 * wanted. Invariants: the drop is one catalog transaction; the horizon of `snapshotAt` is raised durably before a
 * file goes; rows go after their files, so a crash between leaves rows without files, which recovery removes.
 */
import { EngineError } from '../base/errors.ts';
import { RECOVERY_PARALLEL_MAX } from '../base/limits.ts';
import { droppedPath } from './filename.ts';
import { inParallel } from './parallel.ts';
import type { Segment } from './segment.ts';
import type { Store } from './store.ts';
import type { Table } from './table.ts';

/** Catalog key of the oldest version that can still be made. */
export const HORIZON_KEY = 'snapshot_horizon';

/** Encodes a version for the catalog's meta table. */
export function encodeVersion(version: number): Uint8Array {
  return Buffer.from(version.toString());
}

/** Reads what `encodeVersion` made; 0 when there is nothing. */
export function decodeVersion(bytes: Uint8Array | undefined): number {
  return bytes === undefined ? 0 : Number(Buffer.from(bytes).toString());
}

/**
 * Drops the table of that name: one commit. Called between group commits. @throws `not_found`, and what the catalog
 * throws
 */
export async function dropTable(store: Store, name: string): Promise<void> {
  store.checkWritable();
  const table = store.requireTable(name);
  const version = store.version + 1;
  const timeMs = store.clock.wallMs();
  const retireAtMs = timeMs + store.bounds.snapshotRetentionMs;
  const { tableId } = table.definition;
  beginDrop(table);
  try {
    const change = { commit: version, timeMs, dropTables: [{ tableId, retireAtMs }] };
    await store.ballast.lend(() => store.apply(change, 'a drop'));
  } catch (error) {
    cancelDrop(table);
    throw error;
  }
  store.version = version;
  endDrop(store, table, version, retireAtMs);
  await writeDropMark(store, table);
}

/** Before the catalog drops a table; `cancelDrop` or `endDrop` follows. */
export function beginDrop(table: Table): void {
  for (const segment of table.segments) segment.retiring = true;
}

/** The catalog has not dropped it. */
export function cancelDrop(table: Table): void {
  for (const segment of table.segments) segment.retiring = false;
}

/** The catalog has dropped it, by commit `version`. */
export function endDrop(store: Store, table: Table, version: number, retireAtMs: number): void {
  table.droppedCommit = version;
  for (const segment of table.segments) markRetired(segment, version, retireAtMs);
  store.endActive(table);
}

/** Notes that no snapshot from `version` on holds the segment; one that was retired before stays as it was. */
export function markRetired(segment: Segment, version: number, retireAtMs: number): void {
  if (segment.retiredCommit !== undefined) return;
  segment.retiredCommit = version;
  segment.retireAtMs = retireAtMs;
  segment.state = 'obsolete';
  // It stays for as long as tickets live, and few will read it.
  segment.release();
}

/** For a repair that has lost the catalog. The drop itself is done: without the mark it would only be told as a doubt. */
export async function writeDropMark(store: Store, table: Table): Promise<void> {
  if (table.segments.length === 0) return;
  const text = `${table.name} was dropped\n`;
  try {
    await store.os.writeFile(droppedPath(table.definition.path), Buffer.from(text));
  } catch (error) {
    store.log.warn('the mark of a dropped table could not be written', { table: table.name, reason: String(error) });
  }
}

/** Gives up files of segments that no snapshot holds any more. One run at a time. */
export class Retirement {
  readonly #store: Store;
  #last: Promise<void> = Promise.resolve();

  constructor(store: Store) {
    this.#store = store;
  }

  /** Unlinks what nobody can need any more; with `early`, also what only an unpinned older version would need. */
  sweep(early: boolean): Promise<void> {
    const run = this.#last.then(() => this.#sweep(early));
    this.#last = run.catch(() => undefined);
    return run;
  }

  async #sweep(early: boolean): Promise<void> {
    const store = this.#store;
    const oldest = store.oldestPin();
    const now = store.clock.wallMs();
    const gone: { table: Table; segment: Segment }[] = [];
    for (const table of store.tables.values()) {
      for (const segment of table.segments) {
        if (segment.retiredCommit === undefined || segment.retiredCommit > oldest) continue;
        if (early || (segment.retireAtMs ?? Infinity) <= now) gone.push({ table, segment });
      }
      const isDropped = table.droppedCommit !== undefined && table.droppedCommit <= oldest;
      if (isDropped && table.segments.length === 0) await this.#removeTable(table);
    }
    if (gone.length === 0) return;
    await raiseHorizon(store, Math.max(...gone.map(({ segment }) => segment.retiredCommit ?? 0)));
    await this.#unlink(gone.map(({ segment }) => segment));
    const removeSegments = gone.map(({ segment }) => segment.identity.segmentId);
    await store.ballast.lend(() => store.catalog.apply({ commit: undefined, timeMs: now, removeSegments }));
    for (const { table, segment } of gone) {
      segment.release();
      store.removeSegment(table, segment);
    }
    for (const table of new Set(gone.map((one) => one.table))) {
      if (table.droppedCommit !== undefined && table.segments.length === 0) await this.#removeTable(table);
    }
    // A map keeps the space of an unlinked file, and goes only with a garbage collection.
    if (early) await store.os.collectMaps();
  }

  /**
   * In the order in which they were retired: what replaced a segment, and names it in its footer, outlives it, so that
   * a repair after a crash in here does not bring it back.
   */
  async #unlink(segments: readonly Segment[]): Promise<void> {
    const byCommit = new Map<number, Segment[]>();
    for (const segment of segments) {
      const commit = segment.retiredCommit ?? 0;
      const same = byCommit.get(commit);
      if (same === undefined) byCommit.set(commit, [segment]);
      else same.push(segment);
    }
    for (const [, same] of [...byCommit].sort(([a], [b]) => a - b)) {
      await inParallel(same, RECOVERY_PARALLEL_MAX, ({ identity }) => unlinkIfThere(this.#store, identity.path));
    }
  }

  async #removeTable(table: Table): Promise<void> {
    const { os } = this.#store;
    const { path } = table.definition;
    this.#store.removeTable(table);
    // A directory that stays is an orphan, which recovery removes.
    await unlinkIfThere(this.#store, droppedPath(path)).catch(() => undefined);
    await os.removeDirectory(path).catch(() => undefined);
  }
}

/** Makes `version` the oldest that can still be made, durably, unless a newer one is. */
export async function raiseHorizon(store: Store, version: number): Promise<void> {
  if (version <= store.horizon) return;
  store.horizon = version;
  await store.ballast.lend(() => store.catalog.writeMeta(HORIZON_KEY, encodeVersion(version)));
}

/** Removes a file that may be gone already. */
export async function unlinkIfThere(store: Pick<Store, 'os'>, path: string): Promise<void> {
  try {
    await store.os.unlink(path);
  } catch (error) {
    if (!(error instanceof EngineError && error.code === 'not_found')) throw error;
  }
}
