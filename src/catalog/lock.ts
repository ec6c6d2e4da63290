/**
 * The lock of a data directory: one process at a time.
 *
 * Hides how: an exclusive SQLite transaction on LOCK.db, held for life, which the kernel ends with the process, however
 * it dies. Invariants: the file is out of WAL mode, where EXCLUSIVE would not exclude readers; its rollback journal is
 * in memory, so that a killed holder leaves none behind; nothing is ever written to it. No other code of this process
 * may open LOCK.db: closing any descriptor of it would drop the lock (fcntl(2)).
 */
import Database from 'better-sqlite3';
import { dirname, join } from 'node:path';
import { asBuffer } from '../base/bytes.ts';
import { EngineError } from '../base/errors.ts';
import { makeLog } from '../base/log.ts';
import { realOs } from '../os/real-os.ts';
import { sqliteCodeOf, sqliteError } from './sqlite-error.ts';

const log = makeLog('catalog');

/** Holds DIR/LOCK.db until `release` or the process's death. */
export interface DirectoryLock {
  /** May be called again without effect. */
  release(): void;
}

/**
 * Takes the lock at `path` (DIR/LOCK.db, made when missing) without waiting for its holder.
 * @throws `locked`, naming the directory and, from DIR/server.json, the holder's pid and addresses; `forbidden`,
 * `io_error`
 */
export async function acquireLock(path: string): Promise<DirectoryLock> {
  const os = realOs();
  if (!(await os.exists(path))) await makeLockFile(path);
  let connection: Database.Database | undefined;
  try {
    connection = new Database(path, { fileMustExist: true, timeout: 0 });
    connection.pragma('journal_mode = MEMORY');
    connection.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    connection?.close();
    throw await lockError(path, error);
  }
  const held = connection;
  return {
    release() {
      if (held.open) held.close();
    },
  };
}

async function makeLockFile(path: string): Promise<void> {
  try {
    const file = await realOs().open(path, 'create');
    await file.close();
  } catch (error) {
    // Another process made it in the same moment; the lock itself decides who goes on.
    if (!(error instanceof EngineError) || error.code !== 'already_exists') throw error;
  }
}

async function lockError(path: string, error: unknown): Promise<unknown> {
  if (sqliteCodeOf(error)?.startsWith('SQLITE_BUSY') !== true) return sqliteError('lock', path, error);
  const directory = dirname(path);
  const holder = await readHolder(join(directory, 'server.json'));
  const message = `the data directory ${directory} is in use by ${holder}`;
  return new EngineError('locked', `${message}; stop it first, or choose another directory`, { cause: error });
}

/** Who holds the lock, as far as server.json ({"pid", "flight", "http"}) tells. */
async function readHolder(path: string): Promise<string> {
  const unknown = 'another process';
  try {
    const os = realOs();
    if (!(await os.exists(path))) return unknown;
    const record: unknown = JSON.parse(asBuffer(await os.readFile(path)).toString('utf8'));
    if (typeof record !== 'object' || record === null || !('pid' in record)) return unknown;
    const addresses: string[] = [];
    if ('flight' in record && typeof record.flight === 'string') addresses.push(`flight=${record.flight}`);
    if ('http' in record && typeof record.http === 'string') addresses.push(`http=${record.http}`);
    return `process ${String(record.pid)}${addresses.length === 0 ? '' : ` (${addresses.join(' ')})`}`;
  } catch (error) {
    // The file only serves the message; the lock is what counts.
    log.debug('server.json could not be read', { reason: String(error) });
    return unknown;
  }
}
