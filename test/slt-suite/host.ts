/**
 * A fresh embedded database for the records of a file, with a session for each connection that the file names.
 *
 * Hides the directory, which is removed at the end and lies in memory where the machine has such a place: every
 * statement commits as it always does, and only the disk below is faster. Invariant: statements go to the engine as
 * they stand in the file, but for the folder of the file's own files, to which COPY's names are relative.
 */
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DataType } from '../../src/arrow/type.ts';
import { open, Session } from '../../src/engine/library.ts';
import type { Database } from '../../src/engine/library.ts';
import { familyOf } from '../../src/function/signature.ts';
import { cellTexts } from '../support/slt.ts';
import type { Answer, ColumnKind } from './compare.ts';
import type { Dialect } from './script.ts';

const MEMORY_DISK = '/dev/shm';

/** What runs the SQL of a file. */
export interface SuiteHost {
  /** Runs one statement. @throws EngineError; `cancelled` when the signal fires */
  run(sql: string, connection: string, signal: AbortSignal): Promise<Answer>;
  /** Forgets what connections have set. */
  reconnect(): Promise<void>;
  /** Closes and opens the database named `name`, or the one that is open. */
  reopen(name: string | undefined): Promise<void>;
  /** Where a file may keep its own files. */
  readonly directory: string;
  close(): Promise<void>;
}

/** Opens a host in a new directory. */
export async function openHost(dialect: Dialect): Promise<SuiteHost> {
  const directory = mkdtempSync(join(existsSync(MEMORY_DISK) ? MEMORY_DISK : tmpdir(), 'sheaf-slt-'));
  const host = new EngineHost(directory, dialect);
  await host.reopen(undefined);
  return host;
}

class EngineHost implements SuiteHost {
  readonly directory: string;
  readonly #root: string;
  readonly #dialect: Dialect;
  readonly #sessions = new Map<string, Session>();
  #database: Database | undefined;
  #name = 'database';

  constructor(root: string, dialect: Dialect) {
    this.#root = root;
    this.directory = join(root, 'files');
    mkdirSync(this.directory);
    this.#dialect = dialect;
  }

  async run(sql: string, connection: string, signal: AbortSignal): Promise<Answer> {
    const { engine } = this.#open();
    const result = await engine.query(sql.replaceAll(`${this.directory}/`, ''), {
      session: await this.#session(connection),
      signal,
    });
    const rows: string[][] = [];
    for await (const encoded of result.batches()) {
      const batch = encoded.batch();
      const columns = batch.columns.map((column) => cellTexts(column, batch.rowCount));
      for (let i = 0; i < batch.rowCount; i++) rows.push(columns.map((cells) => cells[i] ?? ''));
    }
    const { fields } = result.schema;
    // DuckDB answers statements that neither ask nor change rows with no row.
    const isStatus =
      fields.length === 1 && fields[0]?.name === 'status' && !/^\s*(?:select|from|with|\()/iu.test(sql);
    return { columns: fields.map((field) => kindOf(field.type)), rows: isStatus ? [] : rows };
  }

  async reconnect(): Promise<void> {
    this.#sessions.clear();
  }

  async reopen(name: string | undefined): Promise<void> {
    await this.#database?.close();
    this.#database = undefined;
    this.#sessions.clear();
    if (name !== undefined) this.#name = `named-${name.replaceAll(/\W/gu, '_')}`;
    this.#database = await open(join(this.#root, this.#name), { copyDirectory: this.directory });
  }

  async close(): Promise<void> {
    try {
      await this.#database?.close();
    } finally {
      rmSync(this.#root, { recursive: true, force: true });
    }
  }

  #open(): Database {
    if (this.#database === undefined) throw new Error('the database could not be opened');
    return this.#database;
  }

  async #session(connection: string): Promise<Session> {
    const known = this.#sessions.get(connection);
    if (known !== undefined) return known;
    const session = new Session();
    this.#sessions.set(connection, session);
    if (this.#dialect === 'sqlite') {
      // SQLite's files divide integers as SQLite and PostgreSQL do.
      const result = await this.#open().engine.query('SET integer_division = true', { session });
      for await (const _ of result.batches());
    }
    return session;
  }
}

function kindOf(type: DataType): ColumnKind {
  const family = familyOf(type);
  switch (family) {
    case 'int':
      return 'integer';
    case 'bool':
      return 'boolean';
    case 'decimal':
    case 'float':
    case 'text':
      return family;
    default:
      return 'other';
  }
}
