/**
 * Migrations: the numbered SQL files in migrations/ that make the catalog what this program expects.
 *
 * Hides where the files lie and how far a catalog has come. Invariants: migrations only go forward, in one transaction
 * that is all or nothing; `user_version` is the number of the last one; the SHA-256 of each file is kept, and a file
 * that changed after it ran is refused; a catalog of a newer program is not touched.
 */
import { createHash, randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { assert } from '../base/assert.ts';
import { asBuffer } from '../base/bytes.ts';
import { EngineError } from '../base/errors.ts';
import { realOs } from '../os/real-os.ts';
import { APPLICATION_ID } from './connection.ts';
import type { Connection } from './connection.ts';
import { sqliteError } from './sqlite-error.ts';

/** One file of migrations/. */
export interface Migration {
  /** 1, 2, 3 … without gaps. */
  readonly version: number;
  readonly title: string;
  readonly sql: string;
  readonly sha256: Uint8Array;
}

/** The package's directory is two levels above this file, in src/ and in dist/ alike. */
const DIRECTORY = fileURLToPath(new URL('../../migrations/', import.meta.url));
const FILE_NAME = /^(\d{4})-([a-z0-9-]+)\.sql$/;

/** Reads the migrations of this program, in order. */
export async function readMigrations(): Promise<readonly Migration[]> {
  const os = realOs();
  const migrations: Migration[] = [];
  for (const name of await os.list(DIRECTORY)) {
    const match = FILE_NAME.exec(name);
    assert(match !== null, `migrations/ holds only NNNN-title.sql, found ${name}`);
    const version = Number(match[1]);
    assert(version === migrations.length + 1, `migration ${name} follows number ${migrations.length}`);
    const bytes = await os.readFile(DIRECTORY + name);
    const sha256 = createHash('sha256').update(bytes).digest();
    migrations.push({ version, title: match[2] ?? '', sql: asBuffer(bytes).toString('utf8'), sha256 });
  }
  return migrations;
}

/**
 * Looks whether this program may use the catalog as it stands, without changing it.
 * @throws `version_unsupported` when a newer program wrote it, or another file under the same number ran
 */
export function checkVersion(connection: Connection, path: string, migrations: readonly Migration[]): void {
  const found = readVersion(connection);
  if (found > migrations.length) {
    const message = `${path} has catalog version ${found}, this program knows versions up to ${migrations.length}`;
    throw new EngineError('version_unsupported', `${message}; use the newer program that wrote it`);
  }
  if (found > 0) checkApplied(connection, path, migrations.slice(0, found));
}

/** Brings the catalog to the last of `migrations`; an empty file becomes a database of its own. */
export function migrate(
  connection: Connection,
  path: string,
  migrations: readonly Migration[],
  timeMs: number,
): void {
  const found = readVersion(connection);
  const pending = migrations.slice(found);
  if (pending.length === 0) return;
  const run = connection.transaction(() => {
    for (const migration of pending) applyOne(connection, migration, timeMs);
    if (found === 0) createDatabase(connection, timeMs);
    connection.pragma(`application_id = ${APPLICATION_ID}`);
    connection.pragma(`user_version = ${migrations.length}`);
  });
  try {
    run.immediate();
  } catch (error) {
    throw sqliteError('migrate', path, error);
  }
}

function readVersion(connection: Connection): number {
  return Number(connection.pragma('user_version', { simple: true }));
}

function applyOne(connection: Connection, migration: Migration, timeMs: number): void {
  connection.exec(migration.sql);
  connection
    .prepare('INSERT INTO migrations (version, title, sha256, applied_ms) VALUES (?, ?, ?, ?)')
    .run(migration.version, migration.title, migration.sha256, timeMs);
}

function createDatabase(connection: Connection, timeMs: number): void {
  connection
    .prepare('INSERT INTO database (singleton, database_id, created_ms, clean_stop) VALUES (1, ?, ?, 1)')
    .run(randomUUID(), timeMs);
}

function checkApplied(connection: Connection, path: string, expected: readonly Migration[]): void {
  const read = connection.prepare<[number], unknown>('SELECT sha256 FROM migrations WHERE version = ?').pluck();
  for (const migration of expected) {
    const sha256 = read.get(migration.version);
    if (sha256 !== undefined && !Buffer.isBuffer(sha256)) {
      const message = `${path} is damaged: the checksum of migration ${migration.version} is no blob`;
      throw new EngineError('corrupt', `${message}; restore it from a backup`);
    }
    if (sha256?.equals(migration.sha256) === true) continue;
    const name = `${String(migration.version).padStart(4, '0')}-${migration.title}.sql`;
    const message = `${path} was made by another form of migration ${name} than this program has`;
    throw new EngineError('version_unsupported', `${message}; use the program that wrote it`);
  }
}
