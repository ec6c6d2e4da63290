/** One change as one transaction, at the layer below the thread, where COMMIT can be made to fail. */
import assert from 'node:assert/strict';
import Database from 'better-sqlite3';
import { writeFileSync } from 'node:fs';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { applyChange, packChange } from '../../src/catalog/apply.ts';
import { openConnection } from '../../src/catalog/connection.ts';
import { migrate, readMigrations } from '../../src/catalog/migrate.ts';
import { packBatches, unpackBatches } from '../../src/catalog/packed-batches.ts';
import type { CatalogChange } from '../../src/catalog/rows.ts';
import { Statements } from '../../src/catalog/statements.ts';
import { refusal } from '../support/refusal.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { append, batchRow, createTable } from './sample.ts';

async function openStatements(t: TestContext): Promise<{ statements: Statements; path: string }> {
  const path = `${temporaryDirectory(t)}/catalog.db`;
  writeFileSync(path, '');
  const connection = openConnection(path);
  t.after(() => connection.close());
  migrate(connection, path, await readMigrations(), 1);
  return { statements: new Statements(connection), path };
}

const apply = (statements: Statements, path: string, change: CatalogChange) =>
  applyChange(statements, path, packChange(change).packed);

test('a commit that fails with an I/O error has an unknown outcome, and says what to do', async (t) => {
  const { statements, path } = await openStatements(t);
  apply(statements, path, createTable(1, 1, 'a'));
  statements.commit.run = () => {
    throw new Database.SqliteError('disk I/O error', 'SQLITE_IOERR_FSYNC');
  };
  assert.throws(
    () => apply(statements, path, append(2, 1, 0)),
    refusal(
      'commit_unknown',
      `it is not known whether commit 2 is on the disk: writing ${path} failed (disk I/O error, SQLITE_IOERR_FSYNC); ` +
        'nothing more is written until a restart, look then whether the rows are there before sending them again',
    ),
  );
  assert.equal(statements.connection.inTransaction, false);
});

test('a commit that finds the disk full is undone', async (t) => {
  const { statements, path } = await openStatements(t);
  apply(statements, path, createTable(1, 1, 'a'));
  const pages = Number(statements.connection.pragma('page_count', { simple: true }));
  statements.connection.pragma(`max_page_count = ${pages + 2}`);
  const change = append(2, 1, 0, 1_000);
  assert.throws(
    () => apply(statements, path, change),
    refusal(
      'storage_full',
      `cannot write to ${path}: database or disk is full (SQLITE_FULL); free space on the disk that holds it`,
    ),
  );
  assert.equal(statements.lastCommit(), 1);
  assert.equal(statements.readBatches(1).count, 0);
  statements.connection.pragma(`max_page_count = ${pages + 1_000}`);
  apply(statements, path, change);
  assert.equal(statements.readBatches(1).count, 1_000);
});

test('a catalog that another program has locked is busy', async (t) => {
  const { statements, path } = await openStatements(t);
  const other = new Database(path);
  t.after(() => other.close());
  other.exec('BEGIN IMMEDIATE');
  statements.connection.pragma('busy_timeout = 1');
  assert.throws(
    () => apply(statements, path, createTable(1, 1, 'a')),
    refusal(
      'busy',
      `cannot write to ${path}: database is locked (SQLITE_BUSY); ` +
        'another program holds this file open, such as a SQLite shell or a backup tool: end it',
    ),
  );
  other.exec('ROLLBACK');
  apply(statements, path, createTable(1, 1, 'a'));
});

test('reading a segment is one search of the key, and reading the state touches no batch', async (t) => {
  const { statements } = await openStatements(t);
  const plan = statements.connection
    .prepare<[], [number, number, number, string]>(
      'EXPLAIN QUERY PLAN SELECT * FROM batches WHERE segment_id = 1 ORDER BY ordinal',
    )
    .raw()
    .all();
  assert.deepEqual(
    plan.map((row) => row[3]),
    ['SEARCH batches USING PRIMARY KEY (segment_id=?)'],
  );
});

test('batch rows survive packing, with a view of a large buffer reduced to its own bytes', () => {
  const large = new Uint8Array(1_000_000).fill(9);
  const rows = [batchRow(3, 0), { ...batchRow(3, 1), statistics: large.subarray(500, 503) }, batchRow(2 ** 40, 2)];
  const packed = packBatches(rows, 77);
  assert.equal(packed.statistics.buffer.byteLength, 6);
  assert.deepEqual(
    unpackBatches(packed),
    rows.map((row) => ({ ...row, commit: 77, isDamaged: false })),
  );
  assert.deepEqual(unpackBatches(packBatches([], 1)), []);
});
