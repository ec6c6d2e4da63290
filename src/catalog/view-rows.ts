/**
 * Views in the catalog: the text of a query under a name, by the commits between which it holds.
 *
 * Hides the SQL. Invariants: a row is never changed but for its end; of one name at most one view lives.
 */
import type { Statement } from 'better-sqlite3';
import type { Connection } from './connection.ts';
import type { ViewRow } from './rows.ts';

const SELECT_VIEWS = `
  SELECT name, columns, sql, created_commit, dropped_commit FROM views ORDER BY created_commit, name`;

const INSERT_VIEW = 'INSERT INTO views (name, created_commit, columns, sql) VALUES (?, ?, ?, ?)';

const DROP_VIEW = 'UPDATE views SET dropped_commit = ? WHERE name = ? COLLATE NOCASE AND dropped_commit IS NULL';

const LIVE_NAME = 'SELECT name FROM views WHERE name = ? COLLATE NOCASE AND dropped_commit IS NULL';

type ViewValues = [string, string, string, number, number | null];

/** All views of a catalog, in the order of their commits. */
export function readViews(connection: Connection): ViewRow[] {
  return connection
    .prepare<[], ViewValues>(SELECT_VIEWS)
    .raw()
    .all()
    .map(([name, columns, sql, createdCommit, droppedCommit]) => {
      const names = JSON.parse(columns) as string[];
      return { name, columns: names, sql, createdCommit, droppedCommit: droppedCommit ?? undefined };
    });
}

/** Prepared statements of one connection. */
export class ViewStatements {
  readonly #insert: Statement;
  readonly #drop: Statement;
  readonly #forget: Statement;
  readonly #liveName: Statement<[string], string>;

  constructor(connection: Connection) {
    this.#insert = connection.prepare(INSERT_VIEW);
    this.#drop = connection.prepare(DROP_VIEW);
    this.#forget = connection.prepare('DELETE FROM views WHERE dropped_commit <= ?');
    this.#liveName = connection.prepare<[string], string>(LIVE_NAME).pluck();
  }

  insert({ name, columns, sql }: Pick<ViewRow, 'name' | 'columns' | 'sql'>, commit: number): void {
    this.#insert.run(name, commit, JSON.stringify(columns), sql);
  }

  /** Ends the living view of that name at `commit`; answers how many there were. */
  drop(name: string, commit: number): number {
    return this.#drop.run(commit, name).changes;
  }

  /** Deletes the views that no snapshot from `version` on has. */
  forget(version: number): void {
    this.#forget.run(version);
  }

  /** The living view's name that equals `name` but for ASCII case. */
  liveName(name: string): string | undefined {
    return this.#liveName.get(name);
  }
}
