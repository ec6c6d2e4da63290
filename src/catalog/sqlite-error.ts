/**
 * SQLite's result codes as EngineErrors.
 *
 * Hides SqliteError. Invariant: every message names what was being done, the file, SQLite's code and a remedy.
 * Source: sqlite.org "Result and Error Codes".
 */
import Database from 'better-sqlite3';
import { EngineError } from '../base/errors.ts';
import type { ErrorCode } from '../base/errors.ts';

/** SQLite's extended result code name ("SQLITE_IOERR_FSYNC"); undefined when `error` is not SQLite's. */
export function sqliteCodeOf(error: unknown): string | undefined {
  return error instanceof Database.SqliteError ? error.code : undefined;
}

/** Primary code name → our code and the remedy. Extended names begin with a primary one. */
const MEANINGS: readonly (readonly [prefix: string, code: ErrorCode, remedy: string])[] = [
  ['SQLITE_FULL', 'storage_full', 'free space on the disk that holds it'],
  ['SQLITE_BUSY', 'busy', 'another program holds this file open, such as a SQLite shell or a backup tool: end it'],
  ['SQLITE_LOCKED', 'busy', 'another program holds this file open, such as a SQLite shell or a backup tool: end it'],
  ['SQLITE_CORRUPT', 'corrupt', 'the file is damaged: restore it from a backup'],
  // The catalog asks only for collations that SQLite itself has: another one can only stand in a damaged schema.
  ['SQLITE_ERROR_MISSING_COLLSEQ', 'corrupt', 'the file is damaged: restore it from a backup'],
  [
    'SQLITE_NOTADB',
    'corrupt',
    'the file is not an SQLite database: restore it from a backup, or choose another directory',
  ],
  ['SQLITE_READONLY', 'forbidden', 'let the user that runs this program write to the directory and to the file'],
  ['SQLITE_PERM', 'forbidden', 'let the user that runs this program write to the directory and to the file'],
  [
    'SQLITE_CANTOPEN',
    'forbidden',
    'check that the directory exists, that this user may write to it, and the limit of open files (ulimit -n)',
  ],
  ['SQLITE_IOERR', 'io_error', "check the disk and the kernel's log"],
];

/**
 * Translates what SQLite threw while doing `operation` ("open", "write to") on the file at `path`; all else passes
 * unchanged.
 */
export function sqliteError(operation: string, path: string, error: unknown): unknown {
  const name = sqliteCodeOf(error);
  if (name === undefined || !(error instanceof Error)) return error;
  const meaning = MEANINGS.find(([prefix]) => name.startsWith(prefix));
  // A constraint or a misuse is our own bug: it must not look like a failure of the disk.
  if (meaning === undefined) return error;
  const [, code, remedy] = meaning;
  return new EngineError(code, `cannot ${operation} ${path}: ${error.message} (${name}); ${remedy}`, {
    cause: error,
  });
}
