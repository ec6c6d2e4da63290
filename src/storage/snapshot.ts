/**
 * Snapshots: all tables at one version.
 *
 * Hides pins. Invariants: making the newest snapshot costs the same whatever there is; tables are looked up when
 * asked for; a released snapshot holds nothing, and what was taken from it before may be read as long as its files
 * are there.
 */
import { EngineError } from '../base/errors.ts';
import type { Snapshot, StoredView, TableSnapshot } from './contract.ts';
import type { SegmentView } from './segment.ts';
import type { Store } from './store.ts';
import { makeManifest } from './table.ts';
import type { Manifest, Table } from './table.ts';
import { makeTableSnapshot } from './table-snapshot.ts';

/** The newest snapshot, pinned. */
export function currentSnapshot(store: Store): Snapshot {
  const { version } = store;
  return new PinnedSnapshot(store, version, (table) => table.manifestAt(version));
}

/**
 * The snapshot of an older version, pinned. Its manifests are made anew: a segment that got rows after `version` is
 * cut where the commits of its batches say. @throws `snapshot_gone`
 */
export async function olderSnapshot(store: Store, version: number): Promise<Snapshot> {
  if (version === store.version) return currentSnapshot(store);
  if (!Number.isSafeInteger(version) || version > store.version || version < store.horizon)
    throw gone(store, version);
  store.pin(version);
  try {
    const manifests = new Map<Table, Manifest>();
    for (const table of store.tables.values()) {
      if (table.existsAt(version)) manifests.set(table, await manifestOf(table, version));
    }
    // Files may have gone while rows were read, before the pin was there to hold them.
    if (version < store.horizon) throw gone(store, version);
    return new PinnedSnapshot(store, version, (table) => manifests.get(table) ?? makeManifest(version, []));
  } finally {
    store.unpin(version);
  }
}

function gone(store: Store, version: number): EngineError {
  const range = `versions ${store.horizon.toString()} to ${store.version.toString()} can be read`;
  return new EngineError(
    'snapshot_gone',
    `snapshot ${version.toString()} is not there (any more): ${range}; ask again`,
  );
}

async function manifestOf(table: Table, version: number): Promise<Manifest> {
  const segments = table.segments.filter((segment) => segment.isVisibleAt(version));
  const views: SegmentView[] = [];
  for (const [i, segment] of segments.entries()) {
    const next = segments[i + 1];
    // Appends go to the last segment only: one that has a successor at this version got its last rows before it.
    if (next !== undefined) {
      views.push(segment.view());
      continue;
    }
    const index = await segment.loadIndex();
    const messageCount = index.countAt(version);
    const length = messageCount === 0 ? segment.start : index.end(messageCount - 1);
    views.push({ segment, length, rowCount: index.rowsOf(messageCount), messageCount });
  }
  return makeManifest(version, views);
}

class PinnedSnapshot implements Snapshot {
  readonly version: number;
  readonly #store: Store;
  readonly #manifestOf: (table: Table) => Manifest;
  readonly #tables = new Map<Table, TableSnapshot>();
  #released = false;

  constructor(store: Store, version: number, manifest: (table: Table) => Manifest) {
    this.version = version;
    this.#store = store;
    this.#manifestOf = manifest;
    store.openSnapshots++;
    store.pin(version);
  }

  table(name: string): TableSnapshot | undefined {
    const table = this.#store.tableAt(name, this.version);
    if (table === undefined) return undefined;
    let snapshot = this.#tables.get(table);
    if (snapshot === undefined) {
      snapshot = makeTableSnapshot(table, table.definitionAt(this.version), this.#manifestOf(table));
      this.#tables.set(table, snapshot);
    }
    return snapshot;
  }

  tableNames(): readonly string[] {
    const names: string[] = [];
    for (const table of this.#store.tables.values()) if (table.existsAt(this.version)) names.push(table.name);
    return names.sort();
  }

  view(name: string): StoredView | undefined {
    return this.#store.views.at(name, this.version);
  }

  viewNames(): readonly string[] {
    return this.#store.views.namesAt(this.version).sort();
  }

  release(): void {
    if (this.#released) return;
    this.#released = true;
    this.#tables.clear();
    this.#store.openSnapshots--;
    this.#store.unpin(this.version);
  }
}
