/**
 * Reads a catalog that another process may be using, as of one moment; for checks, backups and repairs.
 *
 * Hides SQLite and the difference between releases: a catalog of an older release is migrated in a copy in memory.
 * Invariants: nothing is written to the file, and LOCK.db is not touched; everything read is of one read transaction,
 * which holds back the writer's checkpoints while it is open; nothing is believed (what does not fit is the caller's to
 * find), and damage that SQLite meets is `corrupt`.
 */
import Database from 'better-sqlite3';
import { EngineError } from '../base/errors.ts';
import { CATALOG_BUSY_WAIT_MS, CHECK_CATALOG_FINDINGS_MAX } from '../base/limits.ts';
import { realOs } from '../os/real-os.ts';
import { APPLICATION_ID, isLogNeeded } from './connection.ts';
import { findLog, restoreLog } from './log-file.ts';
import type { Connection } from './connection.ts';
import { checkVersion, migrate, readMigrations } from './migrate.ts';
import type { Migration } from './migrate.ts';
import { packValues, unpackBatches } from './packed-batches.ts';
import type { BatchValues } from './packed-batches.ts';
import type { BatchRow, SegmentRow, ViewRow } from './rows.ts';
import { sqliteError } from './sqlite-error.ts';
import { SELECT_BATCHES } from './statements.ts';
import { readViews } from './view-rows.ts';

export interface InspectedTable {
  readonly tableId: number;
  readonly name: string;
  readonly directory: string;
  readonly createdCommit: number;
  /** undefined while it lives. */
  readonly droppedCommit: number | undefined;
}

/** One version of a table's schema. */
export interface InspectedSchema {
  readonly tableId: number;
  readonly version: number;
  readonly createdCommit: number;
  /** The IPC Schema message's header. */
  readonly header: Uint8Array;
  readonly fieldIds: readonly number[];
  readonly defaults: Uint8Array;
  readonly insertDefaults: string;
}

export interface InspectedDamage {
  readonly segmentId: number;
  readonly byteOffset: number;
  readonly what: string;
}

/** Everything but batch rows. */
export interface CatalogContent {
  readonly databaseId: string;
  readonly lastCommit: number;
  /** Highest ids ever given, as far as the catalog knows. */
  readonly tableIdMax: number;
  readonly segmentIdMax: number;
  readonly tables: readonly InspectedTable[];
  readonly schemas: readonly InspectedSchema[];
  readonly views: readonly ViewRow[];
  readonly segments: readonly SegmentRow[];
  readonly damages: readonly InspectedDamage[];
}

/** A catalog being read. */
export class CatalogInspection {
  readonly path: string;
  readonly content: CatalogContent;
  /** True when the last stop was not in order and the log that must be there is not. */
  readonly isLogMissing: boolean;
  /** The file, within its read transaction. */
  readonly #file: Connection;
  /** What is read: the file, or its migrated copy. */
  readonly #connection: Connection;

  private constructor(path: string, file: Connection, connection: Connection, hasLog: boolean) {
    this.path = path;
    this.isLogMissing = !hasLog && isLogNeeded(file);
    this.#file = file;
    this.#connection = connection;
    this.content = readContent(connection);
  }

  /**
   * Begins to read the catalog at `path`. @throws `not_found`, `corrupt`, `version_unsupported` (a newer release wrote
   * it), `forbidden`, `io_error`
   */
  static async open(path: string): Promise<CatalogInspection> {
    if (!(await realOs().exists(path))) throw new EngineError('not_found', `there is no catalog at ${path}`);
    const migrations = await readMigrations();
    const { hasLog } = await findLog(path);
    let file: Connection | undefined;
    let copy: Connection | undefined;
    try {
      file = new Database(path, { fileMustExist: true, readonly: true, timeout: CATALOG_BUSY_WAIT_MS });
      beginReading(file, path);
      checkVersion(file, path, migrations);
      copy = migratedCopy(file, path, migrations);
      return new CatalogInspection(path, file, copy ?? file, hasLog);
    } catch (error) {
      copy?.close();
      file?.close();
      throw readError(path, error);
    }
  }

  /** What SQLite's own check of the whole file finds, one line each; none when it is sound. */
  integrityFaults(): string[] {
    const faults: string[] = [];
    try {
      const rows = this.#file.pragma(`integrity_check(${CHECK_CATALOG_FINDINGS_MAX})`) as {
        readonly integrity_check: string;
      }[];
      for (const row of rows) if (row.integrity_check !== 'ok') faults.push(...lines(row.integrity_check));
      const dangling = this.#file.pragma('foreign_key_check') as { readonly table: string; readonly rowid: number }[];
      for (const { table, rowid } of dangling) {
        faults.push(`row ${String(rowid)} of ${table} refers to a row that is not there`);
      }
    } catch (error) {
      faults.push(error instanceof Error ? error.message : String(error));
    }
    return faults;
  }

  /** Ids that batch rows name and no segment has. */
  strayBatchSegments(): number[] {
    const sql = 'SELECT DISTINCT segment_id FROM batches WHERE segment_id NOT IN (SELECT segment_id FROM segments)';
    return this.#read(() => this.#connection.prepare<[], number>(sql).pluck().all());
  }

  /** Batch rows of a segment in file order. */
  batches(segmentId: number): BatchRow[] {
    const select = this.#connection.prepare<[number], BatchValues>(SELECT_BATCHES).raw();
    return unpackBatches(
      packValues(
        segmentId,
        this.#read(() => select.all(segmentId)),
      ),
    );
  }

  /** Copies the catalog, as of this read, to a new file at `path`, page by page between other work. */
  async copyTo(path: string): Promise<void> {
    try {
      await this.#file.backup(path);
    } catch (error) {
      throw sqliteError('copy', this.path, error);
    }
  }

  close(): void {
    this.#connection.close();
    if (this.#file.open) this.#file.close();
  }

  #read<T>(query: () => T): T {
    try {
      return query();
    } catch (error) {
      throw readError(this.path, error);
    }
  }
}

/**
 * Puts the log of the catalog at `path`, which nobody may have open, back from its second name, when it was taken away.
 * Returns whether it was.
 */
export async function putLogBack(path: string): Promise<boolean> {
  if (!(await findLog(path)).hasLink) return false;
  let inspection: CatalogInspection;
  try {
    inspection = await CatalogInspection.open(path);
  } catch (error) {
    if (error instanceof EngineError) return false;
    throw error;
  }
  const { isLogMissing } = inspection;
  inspection.close();
  if (isLogMissing) await restoreLog(path);
  return isLogMissing;
}

/** Begins the one transaction in which everything is read. */
function beginReading(connection: Connection, path: string): void {
  for (const pragma of ['trusted_schema = OFF', 'cell_size_check = ON', 'mmap_size = 0']) connection.pragma(pragma);
  const id = Number(connection.pragma('application_id', { simple: true }));
  const version = Number(connection.pragma('user_version', { simple: true }));
  if (id !== APPLICATION_ID || version === 0) {
    const what = id === 0 ? 'is empty or of another program' : `belongs to another program (application id ${id})`;
    throw new EngineError('corrupt', `${path} ${what}: it is no catalog`);
  }
  connection.exec('BEGIN');
  connection.prepare('SELECT count(*) FROM sqlite_schema').get();
}

/** The catalog in memory, brought to this program's version; undefined when the file has it already. */
function migratedCopy(file: Connection, path: string, migrations: readonly Migration[]): Connection | undefined {
  if (Number(file.pragma('user_version', { simple: true })) === migrations.length) return undefined;
  const bytes = file.serialize();
  // Read and write version 1: a database in memory has no write-ahead log.
  bytes[18] = 1;
  bytes[19] = 1;
  const copy = new Database(bytes);
  migrate(copy, path, migrations, 0);
  return copy;
}

/** Reads everything but batch rows from an open connection of this program's version. */
export function readContent(connection: Connection): CatalogContent {
  const highest = connection.prepare<[string], number>('SELECT seq FROM sqlite_sequence WHERE name = ?').pluck();
  return {
    databaseId: connection.prepare<[], string>('SELECT database_id FROM database').pluck().get() ?? '',
    lastCommit: connection.prepare<[], number>('SELECT ifnull(max(commit_id), 0) FROM commits').pluck().get() ?? 0,
    tableIdMax: highest.get('tables') ?? 0,
    segmentIdMax: highest.get('segments') ?? 0,
    tables: connection
      .prepare<[], InspectedTable & { readonly droppedCommit: number | null }>(SELECT_TABLES)
      .all()
      .map((row) => ({ ...row, droppedCommit: row.droppedCommit ?? undefined })),
    schemas: connection
      .prepare<[], Omit<InspectedSchema, 'fieldIds'> & { readonly fieldIds: string }>(SELECT_SCHEMAS)
      .all()
      .map((row) => ({ ...row, fieldIds: JSON.parse(row.fieldIds) as number[] })),
    views: readViews(connection),
    segments: connection
      .prepare<[], NullableSegment>(SELECT_SEGMENTS)
      .all()
      .map((row) => ({
        ...row,
        retiredCommit: row.retiredCommit ?? undefined,
        retireAtMs: row.retireAtMs ?? undefined,
      })),
    damages: connection
      .prepare<[], InspectedDamage>(
        'SELECT segment_id AS segmentId, byte_offset AS byteOffset, what FROM damages ORDER BY segment_id',
      )
      .all(),
  };
}

type NullableSegment = Omit<SegmentRow, 'retiredCommit' | 'retireAtMs'> & {
  readonly retiredCommit: number | null;
  readonly retireAtMs: number | null;
};

const SELECT_TABLES = `
  SELECT table_id AS tableId, name, directory, created_commit AS createdCommit, dropped_commit AS droppedCommit
  FROM tables ORDER BY table_id`;

const SELECT_SCHEMAS = `
  SELECT table_id AS tableId, version, created_commit AS createdCommit, schema AS header, field_ids AS fieldIds,
    defaults, insert_defaults AS insertDefaults
  FROM schemas ORDER BY table_id, version`;

const SELECT_SEGMENTS = `
  SELECT segment_id AS segmentId, table_id AS tableId, state, committed_length AS committedLength,
    row_count AS rowCount, batch_count AS batchCount, file_length AS fileLength, created_commit AS createdCommit,
    retired_commit AS retiredCommit, retire_at_ms AS retireAtMs, position, schema_version AS schemaVersion
  FROM segments ORDER BY table_id, position, segment_id`;

/** Some findings are several lines of SQLite's. */
function lines(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.replaceAll(/\s+/g, ' ').trim())
    .filter((line) => line !== '');
}

/** Errors of a read: what is not SQLite's own class of failure is damage that its checks do not know. */
function readError(path: string, error: unknown): unknown {
  if (error instanceof SyntaxError) return new EngineError('corrupt', `${path} is damaged: ${error.message}`);
  if (error instanceof Database.SqliteError && error.code === 'SQLITE_ERROR') {
    return new EngineError('corrupt', `${path} is damaged: ${error.message}`, { cause: error });
  }
  return sqliteError('read', path, error);
}
