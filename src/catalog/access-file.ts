/**
 * Who may use a database: principals, their rights, and the hashes of their tokens, in DIR/access.db.
 *
 * A database of its own, because the command line changes it while a server holds the catalog. Every process reads it
 * anew at each use, as far as it has changed (`version`), so that a token that is revoked anywhere is refused at the
 * next call everywhere.
 *
 * Hides the SQL. Invariants: no token and nothing that one could be made of is stored, only SHA-256 of its 256 random
 * bits; a principal has the same rights by each of its tokens; it goes with its last token; one file, since a rollback
 * journal is only there while a change is made; a change is on the disk when its call returns.
 */
import Database from 'better-sqlite3';
import { join } from 'node:path';
import { EngineError } from '../base/errors.ts';
import { ACCESS_BUSY_WAIT_MS, TOKENS_MAX } from '../base/limits.ts';
import { realOs } from '../os/real-os.ts';
import { sqliteError } from './sqlite-error.ts';

/** What a principal may do with a table; each includes those before it. */
export type Role = 'read' | 'ingest' | 'admin';

/** A role on one table, or on all of them, those to come included. */
export interface Grant {
  /** undefined: all tables. */
  readonly table: string | undefined;
  readonly role: Role;
}

/** Somebody, with its rights. */
export interface Principal {
  readonly name: string;
  readonly grants: readonly Grant[];
}

/** A token without its secret. Times are wall times in ms. */
export interface TokenDescription extends Principal {
  readonly id: string;
  readonly createdMs: number;
  readonly expiresMs: number | undefined;
}

/** A token that is to be kept. */
export interface NewToken extends TokenDescription {
  /** SHA-256 of the secret. */
  readonly hash: Uint8Array;
}

/** What a token is held against. */
export interface KnownToken {
  readonly name: string;
  readonly hash: Uint8Array;
  readonly expiresMs: number | undefined;
}

/** "SHEA": how file(1) and we know it. */
const APPLICATION_ID = 0x53484541;
const VERSION = 1;

const SCHEMA = `
  CREATE TABLE principals (name TEXT PRIMARY KEY, created_ms INTEGER NOT NULL) STRICT;
  CREATE TABLE grants (
    name TEXT NOT NULL REFERENCES principals (name) ON DELETE CASCADE,
    table_name TEXT,
    role TEXT NOT NULL CHECK (role IN ('read', 'ingest', 'admin'))
  ) STRICT;
  CREATE TABLE tokens (
    token_id TEXT PRIMARY KEY,
    name TEXT NOT NULL REFERENCES principals (name),
    hash BLOB NOT NULL,
    created_ms INTEGER NOT NULL,
    expires_ms INTEGER
  ) STRICT;
  CREATE INDEX grants_by_name ON grants (name);
  CREATE INDEX tokens_by_name ON tokens (name);
  PRAGMA application_id = ${APPLICATION_ID.toString()};
  PRAGMA user_version = ${VERSION.toString()};`;

interface TokenRow {
  readonly id: string;
  readonly name: string;
  readonly hash: Uint8Array;
  readonly createdMs: number;
  readonly expiresMs: number | null;
}

/** Path of the file in a data directory. */
export function accessPath(directory: string): string {
  return join(directory, 'access.db');
}

/** The open file. */
export class AccessFile {
  readonly #path: string;
  readonly #connection: Database.Database;
  readonly #version: Database.Statement<[], number>;
  readonly #token: Database.Statement<[string], TokenRow>;
  readonly #good: Database.Statement<[string, number], unknown>;
  readonly #tokens: Database.Statement<[], TokenRow>;
  readonly #grants: Database.Statement<[string], { readonly table: string | null; readonly role: Role }>;

  private constructor(path: string, connection: Database.Database) {
    this.#path = path;
    this.#connection = connection;
    const columns = 'token_id AS id, name, hash, created_ms AS createdMs, expires_ms AS expiresMs';
    this.#version = connection.prepare<[], number>('PRAGMA data_version').pluck();
    this.#token = connection.prepare(`SELECT ${columns} FROM tokens WHERE token_id = ?`);
    this.#good = connection.prepare(
      'SELECT 1 FROM tokens WHERE name = ? AND (expires_ms IS NULL OR expires_ms > ?) LIMIT 1',
    );
    this.#tokens = connection.prepare(`SELECT ${columns} FROM tokens ORDER BY created_ms, rowid`);
    this.#grants = connection.prepare('SELECT table_name AS "table", role FROM grants WHERE name = ? ORDER BY rowid');
  }

  /**
   * Opens the file at `path`, which is made (mode 0600) when it is missing. @throws `forbidden`, `corrupt`,
   * `version_unsupported`, `busy`, `io_error`
   */
  static async open(path: string): Promise<AccessFile> {
    const os = realOs();
    if (!(await os.exists(path))) {
      try {
        await (await os.open(path, 'create')).close();
      } catch (error) {
        if (!(error instanceof EngineError) || error.code !== 'already_exists') throw error;
      }
    }
    let connection: Database.Database | undefined;
    try {
      connection = new Database(path, { fileMustExist: true, timeout: ACCESS_BUSY_WAIT_MS });
      prepareFile(connection, path);
      return new AccessFile(path, connection);
    } catch (error) {
      connection?.close();
      throw sqliteError('open', path, error);
    }
  }

  /** Another number whenever another process has changed the file. Microseconds. */
  get version(): number {
    return this.#run('read', () => this.#version.get() ?? 0);
  }

  /** The token of that id. */
  token(id: string): KnownToken | undefined {
    const row = this.#run('read', () => this.#token.get(id));
    return row === undefined ? undefined : { ...row, expiresMs: row.expiresMs ?? undefined };
  }

  /** True when a token of the principal of that name is good at `nowMs`. */
  hasToken(name: string, nowMs: number): boolean {
    return this.#run('read', () => this.#good.get(name, nowMs)) !== undefined;
  }

  /** All tokens, the oldest first, those that have expired too. */
  tokens(): readonly TokenDescription[] {
    return this.#run('read', () => {
      return this.#tokens.all().map(({ id, name, createdMs, expiresMs }) => {
        return { id, name, createdMs, expiresMs: expiresMs ?? undefined, grants: this.#grantsOf(name) };
      });
    });
  }

  /**
   * Keeps a token. The principal is made with it when it is new. @throws `already_exists` when it has other rights,
   * `limit_exceeded`
   */
  add(token: NewToken): void {
    const { id, name, grants, hash, createdMs, expiresMs } = token;
    this.#change(() => {
      if (this.#tokens.all().length >= TOKENS_MAX) {
        const message = `the directory has ${TOKENS_MAX.toString()} tokens already`;
        throw new EngineError('limit_exceeded', `${message}; revoke those that are not used any more`);
      }
      const there = this.#grantsOf(name);
      if (there.length > 0 && !isSame(there, grants)) throw otherRights(name);
      if (there.length === 0) {
        this.#connection.prepare('INSERT INTO principals VALUES (?, ?)').run(name, createdMs);
        const insert = this.#connection.prepare('INSERT INTO grants VALUES (?, ?, ?)');
        for (const { table, role } of grants) insert.run(name, table ?? null, role);
      }
      this.#connection
        .prepare('INSERT INTO tokens VALUES (?, ?, ?, ?, ?)')
        .run(id, name, hash, createdMs, expiresMs ?? null);
    });
  }

  /** The rights of a principal; undefined where there is none of that name. */
  rightsOf(name: string): readonly Grant[] | undefined {
    const grants = this.#run('read', () => this.#grantsOf(name));
    return grants.length === 0 ? undefined : grants;
  }

  /** Forgets the token of that id, or all tokens of the principal of that name; returns how many these were. */
  revoke(idOrName: string): number {
    return this.#change(() => {
      const { changes } = this.#connection
        .prepare('DELETE FROM tokens WHERE token_id = ? OR name = ?')
        .run(idOrName, idOrName);
      this.#connection.exec('DELETE FROM principals WHERE name NOT IN (SELECT name FROM tokens)');
      return changes;
    });
  }

  /** May be called again. */
  close(): void {
    if (this.#connection.open) this.#connection.close();
  }

  #grantsOf(name: string): readonly Grant[] {
    return this.#grants.all(name).map(({ table, role }) => ({ table: table ?? undefined, role }));
  }

  #change<T>(work: () => T): T {
    return this.#run('write to', () => this.#connection.transaction(work).immediate());
  }

  #run<T>(operation: string, work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw sqliteError(operation, this.#path, error);
    }
  }
}

/** Copies the file at `source` to `target`, durably, in place of an older copy, while others use it. */
export async function copyAccess(source: string, target: string): Promise<void> {
  const os = realOs();
  const temporary = `${target}.tmp`;
  for (const name of [temporary, `${temporary}-journal`]) if (await os.exists(name)) await os.unlink(name);
  await (await os.open(temporary, 'create')).close();
  let connection: Database.Database | undefined;
  try {
    connection = new Database(source, { fileMustExist: true, readonly: true, timeout: ACCESS_BUSY_WAIT_MS });
    await connection.backup(temporary);
  } catch (error) {
    throw sqliteError('copy', source, error);
  } finally {
    connection?.close();
  }
  const file = await os.open(temporary, 'write');
  try {
    await file.dataSync();
  } finally {
    await file.close();
  }
  await os.rename(temporary, target);
}

function prepareFile(connection: Database.Database, path: string): void {
  // Changes are rare and small; EXTRA syncs the directory too, so that a revocation is not undone by a power cut.
  for (const pragma of [
    'journal_mode = DELETE',
    'synchronous = EXTRA',
    'foreign_keys = ON',
    'trusted_schema = OFF',
  ]) {
    connection.pragma(pragma);
  }
  const read = (name: string): number => Number(connection.pragma(name, { simple: true }));
  const make = connection.transaction(() => {
    // Another process may have made it meanwhile.
    if (read('user_version') === 0 && connection.prepare('SELECT * FROM sqlite_schema').get() === undefined) {
      connection.exec(SCHEMA);
    }
  });
  if (read('user_version') === 0) make.immediate();
  if (read('application_id') !== APPLICATION_ID) {
    throw new EngineError('corrupt', `${path} is not a file of tokens; put it away, and make tokens anew`);
  }
  const version = read('user_version');
  if (version === VERSION) return;
  const message = `${path} has version ${version.toString()}, this program knows version ${VERSION.toString()}`;
  throw new EngineError('version_unsupported', `${message}; use the newer program that wrote it`);
}

function isSame(left: readonly Grant[], right: readonly Grant[]): boolean {
  const textsOf = (grants: readonly Grant[]): ReadonlySet<string> =>
    new Set(grants.map(({ table, role }) => JSON.stringify([table ?? null, role])));
  const others = textsOf(right);
  const ours = textsOf(left);
  return ours.size === others.size && [...ours].every((one) => others.has(one));
}

function otherRights(name: string): EngineError {
  const message = `${name} is there already, with other rights`;
  return new EngineError(
    'already_exists',
    `${message}; leave --role and --table out for one more token of it, revoke it first, or choose another name`,
  );
}
