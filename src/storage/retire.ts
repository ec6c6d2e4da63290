/**
 * Dropping tables, and giving up the files of dropped ones.
 *
 * Hides when a file may go: when no pinned snapshot is older than its drop, and its time has passed, or space is
 * wanted. Invariants: the drop is one catalog transaction; the horizon of `snapshotAt` is raised durably before a
 * file goes; rows go after their files, so a crash between leaves rows without files, which recovery removes.
 */
import { EngineError } from '../base/errors.ts';
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
  const table = store.liveTable(name);
  if (table === undefined) throw new EngineError('not_found', `there is no table "${name}"`);
  const version = store.version + 1;
  const timeMs = store.clock.wallMs();
  const retireAtMs = timeMs + store.bounds.snapshotRetentionMs;
  const { tableId } = table.definition;
  for (const segment of table.segments) segment.retiring = true;
  try {
    await store.catalog.apply({ commit: version, timeMs, dropTables: [{ tableId, retireAtMs }] });
  } catch (error) {
    for (const segment of table.segments) segment.retiring = false;
    if (!(error instanceof EngineError) || error.code === 'commit_unknown') {
      store.turnReadOnly('the outcome of a drop is not known', error);
    }
    throw error;
  }
  table.droppedCommit = version;
  for (const segment of table.segments) {
    segment.retiredCommit = version;
    segment.retireAtMs = retireAtMs;
    segment.state = 'obsolete';
  }
  store.version = version;
  store.activeTables.delete(table);
  if (table.active !== undefined) store.unsealed.add(table.active);
  table.active = undefined;
}

/** Gives up files of dropped tables. One run at a time. */
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
      if (table.droppedCommit === undefined || table.droppedCommit > oldest) continue;
      for (const segment of table.segments) {
        if (early || (segment.retireAtMs ?? Infinity) <= now) gone.push({ table, segment });
      }
      if (table.segments.length === 0) store.removeTable(table);
    }
    if (gone.length === 0) return;
    await this.#raiseHorizon(gone.map(({ segment }) => segment));
    for (const { segment } of gone) await unlinkIfThere(store, segment.identity.path);
    const removeSegments = gone.map(({ segment }) => segment.identity.segmentId);
    await store.catalog.apply({ commit: undefined, timeMs: now, removeSegments });
    for (const { table, segment } of gone) {
      segment.close();
      store.removeSegment(table, segment);
    }
    for (const table of new Set(gone.map((one) => one.table))) await this.#removeTable(table);
    // A map keeps the space of an unlinked file, and goes only with a garbage collection.
    if (early) await store.os.collectMaps();
  }

  async #raiseHorizon(segments: readonly Segment[]): Promise<void> {
    const store = this.#store;
    const horizon = Math.max(store.horizon, ...segments.map((segment) => segment.retiredCommit ?? 0));
    if (horizon === store.horizon) return;
    store.horizon = horizon;
    await store.catalog.writeMeta(HORIZON_KEY, encodeVersion(horizon));
  }

  async #removeTable(table: Table): Promise<void> {
    if (table.segments.length > 0) return;
    this.#store.removeTable(table);
    // A directory that stays is an orphan, which recovery removes.
    await this.#store.os.removeDirectory(table.definition.path).catch(() => undefined);
  }
}

/** Removes a file that may be gone already. */
export async function unlinkIfThere(store: Pick<Store, 'os'>, path: string): Promise<void> {
  try {
    await store.os.unlink(path);
  } catch (error) {
    if (!(error instanceof EngineError && error.code === 'not_found')) throw error;
  }
}
