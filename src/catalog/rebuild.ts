/**
 * Writes to a catalog that no server has open: for repairs, which hold the directory's lock.
 *
 * Hides SQLite. Invariants: each change is one transaction, all of it or nothing, and makes one commit; ids of tables
 * and segments are raised, never lowered, so that none is given twice; the mark of a clean stop is taken away, so that
 * the next open verifies.
 */
import Database from 'better-sqlite3';
import { realOs } from '../os/real-os.ts';
import { openConnection } from './connection.ts';
import type { Connection } from './connection.ts';
import { readContent } from './inspect.ts';
import type { CatalogContent, InspectedSchema, InspectedTable } from './inspect.ts';
import { checkVersion, migrate, readMigrations } from './migrate.ts';
import { insertBatches, packBatches } from './packed-batches.ts';
import type { SegmentRow, SoundBatchRow } from './rows.ts';
import { sqliteError } from './sqlite-error.ts';
import { INSERT_BATCH } from './statements.ts';

/** One change by a repair. Removals come first. */
export interface RepairChange {
  readonly commit: number;
  readonly timeMs: number;
  readonly what: string;
  /** Replaces the database's own id. */
  readonly databaseId?: string;
  readonly meta: readonly (readonly [key: string, value: Uint8Array])[];
  /** With all that belongs to them. */
  readonly removeTables: readonly number[];
  /** With their batch rows and damages. */
  readonly removeSegments: readonly number[];
  /** Segments that count as sound again. */
  readonly clearDamages: readonly number[];
  readonly tables: readonly InspectedTable[];
  readonly schemas: readonly InspectedSchema[];
  readonly segments: readonly SegmentRow[];
  readonly batches: readonly SoundBatchRow[];
  /** No lower id is given out any more. */
  readonly tableIdMax: number;
  readonly segmentIdMax: number;
}

export class CatalogRebuild {
  readonly #path: string;
  readonly #connection: Connection;

  private constructor(path: string, connection: Connection) {
    this.#path = path;
    this.#connection = connection;
  }

  /** Opens the catalog in use at `path`. @throws `corrupt`, `version_unsupported`, `io_error` */
  static async openInUse(path: string): Promise<CatalogRebuild> {
    return new CatalogRebuild(path, await migrated(path, openConnection(path)));
  }

  /** Opens the copy at `path`, which is one file and stays one; a missing file becomes an empty catalog. */
  static async openCopy(path: string): Promise<CatalogRebuild> {
    const os = realOs();
    if (!(await os.exists(path))) await (await os.open(path, 'create')).close();
    let connection: Connection | undefined;
    try {
      connection = new Database(path, { fileMustExist: true });
      connection.pragma('journal_mode = DELETE');
      connection.pragma('synchronous = FULL');
      return new CatalogRebuild(path, await migrated(path, connection));
    } catch (error) {
      connection?.close();
      throw sqliteError('open', path, error);
    }
  }

  content(): CatalogContent {
    return readContent(this.#connection);
  }

  apply(change: RepairChange): void {
    try {
      this.#connection.transaction(() => writeChange(this.#connection, change)).immediate();
    } catch (error) {
      throw sqliteError('write to', this.#path, error);
    }
  }

  /** Marks the catalog as closed in order: SQLite writes its log back and removes it. What is damaged stays unmarked. */
  close(): void {
    try {
      this.#connection.prepare('UPDATE database SET clean_stop = 1').run();
    } finally {
      this.#connection.close();
    }
  }
}

async function migrated(path: string, connection: Connection): Promise<Connection> {
  const migrations = await readMigrations();
  try {
    checkVersion(connection, path, migrations);
    migrate(connection, path, migrations, Date.now());
    return connection;
  } catch (error) {
    connection.close();
    throw error;
  }
}

function writeChange(connection: Connection, change: RepairChange): void {
  const run = (sql: string, ...values: unknown[]): void => void connection.prepare(sql).run(...values);
  run('INSERT INTO commits (commit_id, time_ms, what) VALUES (?, ?, ?)', change.commit, change.timeMs, change.what);
  run('UPDATE database SET clean_stop = 1, database_id = ifnull(?, database_id)', change.databaseId ?? null);
  for (const [key, value] of change.meta) {
    run('INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value', key, value);
  }
  for (const segmentId of change.removeSegments) {
    for (const table of ['batches', 'damages', 'segments']) {
      run(`DELETE FROM ${table} WHERE segment_id = ?`, segmentId);
    }
  }
  for (const segmentId of change.clearDamages) run('DELETE FROM damages WHERE segment_id = ?', segmentId);
  for (const tableId of change.removeTables) {
    run('DELETE FROM batches WHERE segment_id IN (SELECT segment_id FROM segments WHERE table_id = ?)', tableId);
    run('DELETE FROM damages WHERE segment_id IN (SELECT segment_id FROM segments WHERE table_id = ?)', tableId);
    for (const table of ['segments', 'producers', 'producer_results', 'schemas', 'tables']) {
      run(`DELETE FROM ${table} WHERE table_id = ?`, tableId);
    }
  }
  writeRows(connection, change);
  raiseSequence(connection, 'tables', change.tableIdMax);
  raiseSequence(connection, 'segments', change.segmentIdMax);
}

function writeRows(connection: Connection, change: RepairChange): void {
  const table = connection.prepare(
    'INSERT INTO tables (table_id, name, directory, created_commit, dropped_commit) VALUES (?, ?, ?, ?, ?)',
  );
  for (const row of change.tables) {
    table.run(row.tableId, row.name, row.directory, row.createdCommit, row.droppedCommit ?? null);
  }
  const schema = connection.prepare(
    `INSERT INTO schemas (table_id, created_commit, schema, field_ids, version, defaults, insert_defaults)
     VALUES (?, ?, ?, ?, ?, ?, ?)`,
  );
  for (const row of change.schemas) {
    const { tableId, createdCommit, header, fieldIds, version, defaults, insertDefaults } = row;
    schema.run(tableId, createdCommit, header, JSON.stringify(fieldIds), version, defaults, insertDefaults);
  }
  const segment = connection.prepare(
    `INSERT INTO segments
       (segment_id, table_id, state, committed_length, row_count, batch_count, file_length, created_commit,
        retired_commit, retire_at_ms, position, schema_version)
     VALUES (@segmentId, @tableId, @state, @committedLength, @rowCount, @batchCount, @fileLength, @createdCommit,
       @retiredCommit, @retireAtMs, @position, @schemaVersion)`,
  );
  for (const row of change.segments) {
    segment.run({ ...row, retiredCommit: row.retiredCommit ?? null, retireAtMs: row.retireAtMs ?? null });
  }
  const insert = connection.prepare(INSERT_BATCH);
  for (const row of change.batches) insertBatches(insert, packBatches([row], row.commit));
}

function raiseSequence(connection: Connection, name: string, least: number): void {
  const known = connection
    .prepare<[string], number>('SELECT seq FROM sqlite_sequence WHERE name = ?')
    .pluck()
    .get(name);
  if (known === undefined)
    connection.prepare('INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)').run(name, least);
  else if (known < least) connection.prepare('UPDATE sqlite_sequence SET seq = ? WHERE name = ?').run(least, name);
}
