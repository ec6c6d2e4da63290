/**
 * Opening the catalog's file: whose it is, how SQLite must treat it, and whether it is whole.
 *
 * Hides pragmas. Invariants: a file that is not ours is not changed by a byte; every pragma is read back, because
 * SQLite ignores what it cannot do and better-sqlite3 opens WAL databases with synchronous = NORMAL, under which a
 * power cut loses commits that were acknowledged. COMMIT never checkpoints (wal_autocheckpoint = 0): the thread does,
 * between commits.
 */
import Database from 'better-sqlite3';
import { EngineError } from '../base/errors.ts';
import { CATALOG_BUSY_WAIT_MS, CATALOG_CHECK_BYTES_MAX, CATALOG_LOG_FILE_BYTES_MAX } from '../base/limits.ts';
import { sqliteError } from './sqlite-error.ts';

/** An open SQLite connection. */
export type Connection = Database.Database;

/** "SHEF": how file(1) and we know a catalog. */
export const APPLICATION_ID = 0x53484546;
/** The first SQLite whose WAL survives a reset that races with a reader. */
const SQLITE_VERSION_MIN = '3.51.3';

/** What each pragma must read back as, in the order in which they are set. */
const PRAGMAS: readonly (readonly [name: string, value: string | number])[] = [
  ['journal_mode', 'wal'],
  ['synchronous', 2],
  ['foreign_keys', 1],
  ['trusted_schema', 0],
  ['cell_size_check', 1],
  ['busy_timeout', CATALOG_BUSY_WAIT_MS],
  ['journal_size_limit', CATALOG_LOG_FILE_BYTES_MAX],
  ['mmap_size', 0],
  ['temp_store', 2],
  ['wal_autocheckpoint', 0],
];

/**
 * Opens the file at `path`, which exists; it may be empty. @throws `forbidden`, `corrupt`, `version_unsupported`,
 * `io_error`
 */
export function openConnection(path: string): Connection {
  let connection: Connection | undefined;
  try {
    connection = new Database(path, { fileMustExist: true, timeout: CATALOG_BUSY_WAIT_MS });
    checkLibrary(connection);
    checkOwner(connection, path);
    setPragmas(connection, path);
    return connection;
  } catch (error) {
    connection?.close();
    throw sqliteError('open', path, error);
  }
}

/**
 * Looks for damage: always after a stop that was not clean, and always in a file of up to CATALOG_CHECK_BYTES_MAX. A
 * million batch rows are 190 MB, which take seconds to read when they are not in memory; after a clean stop such a file
 * is trusted, as a damaged page still shows when it is read (cell_size_check). @throws `corrupt`
 */
export function checkWhenNeeded(connection: Connection, path: string): void {
  let cleanStop: boolean;
  let sizeBytes: number;
  try {
    if (isEmpty(connection)) return;
    cleanStop = connection.prepare('SELECT clean_stop FROM database').pluck().get() === 1;
    const pageCount = Number(connection.pragma('page_count', { simple: true }));
    sizeBytes = pageCount * Number(connection.pragma('page_size', { simple: true }));
  } catch (error) {
    throw sqliteError('check', path, error);
  }
  if (!cleanStop || sizeBytes <= CATALOG_CHECK_BYTES_MAX) checkIntegrity(connection, path);
}

/** True when the last process that wrote to the catalog has not closed it in order. */
export function isLogNeeded(connection: Connection): boolean {
  if (isEmpty(connection)) return false;
  return connection.prepare('SELECT clean_stop FROM database').pluck().get() === 0;
}

/** Looks for damage in the whole file; time grows with its size. @throws `corrupt` with SQLite's first finding */
function checkIntegrity(connection: Connection, path: string): void {
  let finding: unknown;
  try {
    finding = connection.pragma('quick_check(1)', { simple: true });
  } catch (error) {
    throw sqliteError('check', path, error);
  }
  if (finding === 'ok') return;
  const message = `${path} is damaged: ${String(finding).replaceAll(/\s+/g, ' ').trim()}`;
  throw new EngineError('corrupt', `${message}; restore it from a backup`);
}

/** True when no migration has run in this file yet. */
function isEmpty(connection: Connection): boolean {
  return connection.prepare('SELECT count(*) FROM sqlite_schema').pluck().get() === 0;
}

/** The pragmas as they are in force, by name. */
export function readPragmas(connection: Connection): Readonly<Record<string, unknown>> {
  return Object.fromEntries(PRAGMAS.map(([name]) => [name, connection.pragma(name, { simple: true })]));
}

function checkLibrary(connection: Connection): void {
  const version = String(connection.prepare('SELECT sqlite_version()').pluck().get());
  if (compareVersions(version, SQLITE_VERSION_MIN) >= 0) return;
  const message = `better-sqlite3 brings SQLite ${version}, but ${SQLITE_VERSION_MIN} or newer is needed`;
  throw new EngineError('version_unsupported', `${message}; install the exact dependencies with \`npm ci\``);
}

/** Orders version texts of the form 3.51.3 by number: below 0, 0, or above 0. */
export function compareVersions(left: string, right: string): number {
  const a = left.split('.').map(Number);
  const b = right.split('.').map(Number);
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

function checkOwner(connection: Connection, path: string): void {
  const id = Number(connection.pragma('application_id', { simple: true }));
  if (id === APPLICATION_ID || (id === 0 && isEmpty(connection))) return;
  const found = `application id ${id}`;
  const message = `${path} is an SQLite database of another program (${found}, a catalog has ${APPLICATION_ID})`;
  throw new EngineError('corrupt', `${message}; choose another data directory`);
}

function setPragmas(connection: Connection, path: string): void {
  for (const [name, value] of PRAGMAS) {
    connection.pragma(`${name} = ${value}`);
    const found = connection.pragma(name, { simple: true });
    if (found === value) continue;
    const message = `SQLite refused PRAGMA ${name} = ${value} for ${path} (it stays ${String(found)})`;
    throw new EngineError('io_error', `${message}; put the data directory on a local file system`);
  }
}
