/**
 * Storage as one principal may use it: tables that it may not read are not there, and changes are checked.
 *
 * Everything that a statement, a put or a ticket does to tables goes through storage, and so through here: what is
 * planned on a snapshot can join, nest and list only what the snapshot has. A view is there for whoever may read it and
 * every table that its text names.
 *
 * Hides the wrapping. Invariants: a table without a right answers exactly as a missing one does; a change without its
 * right is `forbidden`, before anything is looked up, so that this too says nothing of what is there; rights on what a
 * statement reads are those of the statement's sender, whoever made the view, the ticket or the prepared statement.
 */
import { EngineError } from '../base/errors.ts';
import { namedIn, readStatement } from '../plan/needs.ts';
import type { Snapshot, Storage, StoredView } from '../storage/contract.ts';
import type { Rights } from './rights.ts';

/** `storage` for the holder of `rights`. */
export function restrictStorage(storage: Storage, rights: Rights): Storage {
  const see = (snapshot: Snapshot): Snapshot => (rights.has('read') ? snapshot : seenSnapshot(snapshot, rights));
  return {
    databaseId: storage.databaseId,
    directory: storage.directory,
    spoolDirectory: storage.spoolDirectory,
    snapshot: () => see(storage.snapshot()),
    snapshotAt: async (version) => see(await storage.snapshotAt(version)),
    versionAt: (timeMs) => storage.versionAt(timeMs),
    snapshots: (most) => storage.snapshots(most),
    async createTable(name, schema, options) {
      rights.demand(options?.replace === true ? 'admin' : 'ingest', name);
      await storage.createTable(name, schema, options);
    },
    async dropTable(name) {
      rights.demand('admin', name);
      await storage.dropTable(name);
    },
    async createView(view, options) {
      rights.demand('admin', view.name);
      await storage.createView(view, options);
    },
    async dropView(name) {
      rights.demand('admin', name);
      await storage.dropView(name);
    },
    async beginAppend(name, schema, options) {
      rights.demand(options.create === 'replace' ? 'admin' : 'ingest', name);
      return storage.beginAppend(name, schema, options);
    },
    async ingestState(name, producer) {
      rights.demand('ingest', name);
      return storage.ingestState(name, producer);
    },
    async truncate(name) {
      rights.demand('admin', name);
      return storage.truncate(name);
    },
    async rewrite(name, kind, edit) {
      rights.demand('admin', name);
      return storage.rewrite(name, kind, typeof edit === 'function' ? (snapshot) => edit(see(snapshot)) : edit);
    },
    async alterTable(name, change) {
      rights.demand('admin', name);
      await storage.alterTable(name, change);
    },
    ...restrictCare(storage, rights),
    status() {
      const status = storage.status();
      if (rights.has('read')) return status;
      const snapshot = see(storage.snapshot());
      const tableCount = snapshot.tableNames().length;
      snapshot.release();
      return { ...status, tableCount };
    },
    secret: (name, length) => storage.secret(name, length),
    close: () => storage.close(),
  };
}

function restrictCare(storage: Storage, rights: Rights): Pick<Storage, 'compact' | 'scrub' | 'seal'> {
  return {
    async compact(name) {
      demandCare(rights, name, 'compaction');
      return storage.compact(name);
    },
    async scrub() {
      demandCare(rights, undefined, 'a scrub');
      return storage.scrub();
    },
    async seal(name) {
      demandCare(rights, name, 'sealing');
      await storage.seal(name);
    },
  };
}

function demandCare(rights: Rights, table: string | undefined, what: string): void {
  if (table === undefined) rights.demandEverywhere('admin', what);
  else rights.demand('admin', table);
}

function seenSnapshot(snapshot: Snapshot, rights: Rights): Snapshot {
  const isSeen = (view: StoredView): boolean => {
    const isOpen = (name: string): boolean => {
      return rights.has('read', name) || (snapshot.table(name) ?? snapshot.view(name)) === undefined;
    };
    return rights.has('read', view.name) && namesIn(view)?.every(isOpen) === true;
  };
  const view = (name: string): StoredView | undefined => {
    const found = snapshot.view(name);
    return found !== undefined && isSeen(found) ? found : undefined;
  };
  return {
    version: snapshot.version,
    table: (name) => (rights.has('read', name) ? snapshot.table(name) : undefined),
    tableNames: () => snapshot.tableNames().filter((name) => rights.has('read', name)),
    view,
    viewNames: () => snapshot.viewNames().filter((name) => view(name) !== undefined),
    release: () => {
      snapshot.release();
    },
  };
}

const viewNames = new WeakMap<StoredView, readonly string[] | undefined>();

/**
 * Tables and views that a view's text names, also where a WITH of its own means the name; undefined where the text
 * cannot be parsed (any more).
 */
function namesIn(view: StoredView): readonly string[] | undefined {
  if (viewNames.has(view)) return viewNames.get(view);
  const names = readNames(view.sql);
  viewNames.set(view, names);
  return names;
}

function readNames(sql: string): readonly string[] | undefined {
  try {
    return namedIn(readStatement(sql).statement).tables.flatMap(({ path }) => path.at(-1)?.name ?? []);
  } catch (error) {
    if (error instanceof EngineError) return undefined;
    throw error;
  }
}
