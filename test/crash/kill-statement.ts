/**
 * The statements that kill-statements.test.ts kills, and how a database looks before and after each.
 *
 * Hides what is asked of a database. Invariant: each begins on a database of its own, and does nothing twice.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { EngineError } from '../../src/base/errors.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { rowsOf } from '../support/sample.ts';

/** A statement to be killed. */
export interface KilledStatement {
  readonly before: readonly string[];
  readonly sql: string;
  /** What tells before from after, and what must be the same. */
  readonly probes: readonly string[];
}

/** Rows of the tables that are copied, and of the file that is read. */
const ROWS = 3_000;
const TABLE = [
  'CREATE TABLE t (id BIGINT, name VARCHAR)',
  `INSERT INTO t SELECT range, 'row ' || range FROM range(${ROWS.toString()})`,
];
const VIEW = [...TABLE, 'CREATE VIEW v AS SELECT id FROM t'];
const PROBES = [
  'SELECT count(*), sum(id) FROM t',
  'DESCRIBE t',
  'SELECT count(*), sum(id) FROM v',
  'DESCRIBE v',
  'SELECT table_name, table_type FROM information_schema.tables ORDER BY ALL',
];
/** A file that COPY FROM reads; whoever kills COPY FROM puts it there. */
export const SOURCE_FILE = 'source.csv';

/** The text of that file. */
export function sourceText(): string {
  return `id,name\n${Array.from({ length: ROWS }, (_, i) => `${i.toString()},read ${i.toString()}\n`).join('')}`;
}

function statement(before: readonly string[], sql: string, probes: readonly string[] = []): KilledStatement {
  return { before, sql, probes: [...PROBES, ...probes] };
}

/** What new rows get, and whether NULL is one of them: told by an INSERT that is not kept when it is refused. */
const DEFAULTS = ['SELECT column_name, column_default, is_nullable FROM information_schema.columns ORDER BY ALL'];

export const STATEMENTS: Readonly<Record<string, KilledStatement>> = {
  'create-view': statement(TABLE, 'CREATE VIEW v AS SELECT id * 2 AS id FROM t'),
  'replace-view': statement(VIEW, 'CREATE OR REPLACE VIEW v (id, more) AS SELECT id + 1, name FROM t'),
  'drop-view': statement(VIEW, 'DROP VIEW v'),
  'replace-table': statement(TABLE, 'CREATE OR REPLACE TABLE t (id INTEGER, other DOUBLE)'),
  'replace-table-as': statement(
    TABLE,
    "CREATE OR REPLACE TABLE t AS SELECT id + 1 AS id, 'new' AS x FROM t WHERE id > 9",
  ),
  'create-table-as': statement(TABLE, 'CREATE TABLE v AS SELECT id FROM t WHERE id % 2 = 0'),
  'set-default': statement(TABLE, "ALTER TABLE t ALTER COLUMN name SET DEFAULT 'nobody'", DEFAULTS),
  'drop-default': statement(
    [...TABLE, "ALTER TABLE t ALTER COLUMN name SET DEFAULT 'nobody'"],
    'ALTER TABLE t ALTER COLUMN name DROP DEFAULT',
    DEFAULTS,
  ),
  'set-not-null': statement(TABLE, 'ALTER TABLE t ALTER COLUMN id SET NOT NULL', DEFAULTS),
  'drop-not-null': statement(
    [...TABLE, 'ALTER TABLE t ALTER COLUMN id SET NOT NULL'],
    'ALTER TABLE t ALTER COLUMN id DROP NOT NULL',
    DEFAULTS,
  ),
  'copy-from': statement(TABLE, `COPY t FROM '${SOURCE_FILE}'`),
  'copy-to': statement(TABLE, "COPY t TO 'written.csv'"),
  'copy-over': statement([...TABLE, "COPY (SELECT 1 AS old) TO 'written.csv'"], "COPY t TO 'written.csv'"),
};

/** Runs a statement to its end. @throws what it does */
export async function run(engine: Engine, sql: string): Promise<unknown[][]> {
  return rowsOf((await engine.query(sql)).batches());
}

/** How a database and the directory of its files look: answers or codes of errors, and digests of files. */
export async function stateOf(engine: Engine, files: string, probes: readonly string[]): Promise<string> {
  const lines: string[] = [];
  for (const sql of probes) {
    const answer = await run(engine, sql).catch((error: unknown) => {
      if (error instanceof EngineError) return error.code;
      throw error;
    });
    lines.push(
      JSON.stringify(answer, (_, value: unknown) => (typeof value === 'bigint' ? `${value.toString()}n` : value)),
    );
  }
  for (const name of readdirSync(files).sort()) {
    if (name.startsWith('.')) continue;
    lines.push(
      `${name} ${createHash('sha256')
        .update(readFileSync(join(files, name)))
        .digest('hex')}`,
    );
  }
  return lines.join('\n');
}
