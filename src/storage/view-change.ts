/**
 * CREATE VIEW and DROP VIEW: one transaction of the catalog each, without a file.
 *
 * Hides the change. Invariants: a view that takes the place of another does so in one commit; a name that a table has
 * is refused; snapshots before the commit go on seeing what there was.
 */
import { EngineError } from '../base/errors.ts';
import { TABLES_MAX } from '../base/limits.ts';
import type { StoredView } from './contract.ts';
import { alreadyExists } from './store.ts';
import type { Store } from './store.ts';

/**
 * Makes a view, with `replace` in the place of one of that name: one commit. Called between group commits.
 * @throws `already_exists` (also for a table), `limit_exceeded`, and what the catalog throws
 */
export async function createView(store: Store, view: StoredView, replace: boolean): Promise<void> {
  store.checkWritable();
  const table = store.liveTable(view.name);
  if (table !== undefined) throw alreadyExists('table', table.name);
  const before = store.views.at(view.name, store.version);
  if (before !== undefined && !replace) throw alreadyExists('view', before.name);
  if (store.views.namesAt(store.version).length >= TABLES_MAX) {
    throw new EngineError('limit_exceeded', `the database has ${TABLES_MAX.toString()} views already; drop some`);
  }
  const { name, columns, sql } = view;
  const dropViews = before === undefined ? [] : [name];
  const version = await commit(store, { dropViews, createViews: [{ name, columns, sql }] });
  if (before !== undefined) store.views.end(name, version);
  store.views.add({ name, columns, sql, createdCommit: version, droppedCommit: undefined });
}

/** Drops the view of that name: one commit. Called between group commits. @throws `not_found` */
export async function dropView(store: Store, name: string): Promise<void> {
  store.checkWritable();
  if (store.views.at(name, store.version) === undefined) {
    throw new EngineError('not_found', `there is no view "${name}"`);
  }
  store.views.end(name, await commit(store, { dropViews: [name] }));
}

async function commit(
  store: Store,
  change: { readonly dropViews: readonly string[]; readonly createViews?: readonly StoredView[] },
): Promise<number> {
  const version = store.version + 1;
  const apply = (): Promise<void> =>
    store.apply({ commit: version, timeMs: store.clock.wallMs(), ...change }, 'a change of a view');
  await (change.createViews === undefined ? store.ballast.lend(apply) : apply());
  store.version = version;
  return version;
}
