/**
 * One change of the catalog as one transaction.
 *
 * Hides the order of the writes and what SQLite's failures mean. Invariants: all of a change or nothing; a change that
 * makes a snapshot has the number after the last; rows are only added to active segments, or to a segment made in the
 * same change. What can fail, and what is known then:
 *
 *   before COMMIT        rolled back: nothing happened
 *   COMMIT, disk full    the log's commit frame is not whole: nothing happened
 *   COMMIT, I/O error    the frames may or may not be on the disk: `commit_unknown`, and no write may follow
 */
import { AssertionError, assert } from '../base/assert.ts';
import { EngineError } from '../base/errors.ts';
import { makeLog } from '../base/log.ts';
import { packBatches, unpackBatches } from './packed-batches.ts';
import type { PackedBatches } from './packed-batches.ts';
import type { CatalogChange } from './rows.ts';
import { sqliteCodeOf, sqliteError } from './sqlite-error.ts';
import type { Statements } from './statements.ts';

/** A change made fit for another thread: its batch rows in two buffers, its schemas in memory of their own. */
export type PackedChange = Omit<CatalogChange, 'batches'> & { readonly batches: PackedBatches | undefined };

const log = makeLog('catalog');

/** Packs a change; `transfer` lists the buffers that may move with it. */
export function packChange(change: CatalogChange): { packed: PackedChange; transfer: ArrayBuffer[] } {
  const { batches, createTables, ...rest } = change;
  const transfer: ArrayBuffer[] = [];
  let packedBatches: PackedBatches | undefined;
  if (batches !== undefined && batches.length > 0) {
    assert(change.commit !== undefined, 'a change with batches has a commit');
    packedBatches = packBatches(batches, change.commit);
    transfer.push(packedBatches.numbers.buffer as ArrayBuffer, packedBatches.statistics.buffer as ArrayBuffer);
  }
  if (createTables === undefined) return { packed: { ...rest, batches: packedBatches }, transfer };
  // A view would drag the whole buffer under it along.
  const tables = createTables.map((table) => ({ ...table, schema: table.schema.slice() }));
  return { packed: { ...rest, createTables: tables, batches: packedBatches }, transfer };
}

/**
 * Writes and commits `change`. @throws `already_exists` for a name in use, `storage_full`, `io_error`,
 * `commit_unknown`; AssertionError when the change contradicts the catalog
 */
export function applyChange(statements: Statements, path: string, change: PackedChange): void {
  transact(
    statements,
    path,
    change.commit === undefined ? 'a change of the catalog' : `commit ${change.commit}`,
    () => writeChange(statements, change),
  );
}

/** Runs `write` in a transaction of its own; `what` names it in errors. */
export function transact(statements: Statements, path: string, what: string, write: () => void): void {
  let begun = false;
  try {
    statements.begin.run();
    begun = true;
    write();
  } catch (error) {
    if (begun) rollBack(statements);
    throw sqliteError('write to', path, error);
  }
  try {
    statements.commit.run();
  } catch (error) {
    rollBack(statements);
    throw commitError(path, what, error);
  }
}

function commitError(path: string, what: string, error: unknown): unknown {
  const name = sqliteCodeOf(error);
  const settled = name === undefined || name.startsWith('SQLITE_FULL') || name.startsWith('SQLITE_BUSY');
  if (settled) return sqliteError('write to', path, error);
  const reason = error instanceof Error ? error.message : String(error);
  const message = `it is not known whether ${what} is on the disk: writing ${path} failed (${reason}, ${name})`;
  const remedy = 'look then whether the rows are there before sending them again';
  return new EngineError('commit_unknown', `${message}; nothing more is written until a restart, ${remedy}`, {
    cause: error,
  });
}

/** SQLite has ended some failed transactions by itself already; then there is nothing to roll back. */
function rollBack(statements: Statements): void {
  if (!statements.connection.inTransaction) return;
  try {
    statements.rollback.run();
  } catch (error) {
    log.error('a failed transaction could not be rolled back', error);
  }
}

function writeChange(statements: Statements, change: PackedChange): void {
  const last = statements.lastCommit();
  if (change.commit === undefined) {
    assert(!makesSnapshot(change), 'a change of tables or rows has a commit');
  } else {
    assert(change.commit === last + 1, `commit ${change.commit} follows ${last}`);
    statements.insertCommit.run(change.commit, change.timeMs, describe(change));
    writeTables(statements, change, change.commit);
    writeRows(statements, change, change.commit);
  }
  for (const { segmentId, fileLength } of change.sealSegments ?? []) {
    expectOne(statements.sealSegment.run(fileLength, segmentId).changes, `active segment ${segmentId} to seal`);
  }
  removeSegments(statements, change.removeSegments ?? []);
}

function makesSnapshot(change: PackedChange): boolean {
  const lists = [change.createTables, change.dropTables, change.createSegments, change.appends];
  return change.batches !== undefined || lists.some((list) => list !== undefined && list.length > 0);
}

/** Kinds of change, for people who look into the catalog. */
function describe(change: PackedChange): string {
  const kinds: string[] = [];
  if ((change.dropTables?.length ?? 0) > 0) kinds.push('drop');
  if ((change.createTables?.length ?? 0) > 0) kinds.push('create');
  if ((change.appends?.length ?? 0) > 0) kinds.push('append');
  return kinds.join(', ');
}

function writeTables(statements: Statements, change: PackedChange, commit: number): void {
  // Drops come first, so that a table can be replaced by one of the same name in one commit.
  for (const { tableId, retireAtMs } of change.dropTables ?? []) {
    expectOne(statements.dropTable.run(commit, tableId).changes, `live table ${tableId} to drop`);
    statements.retireSegments.run(commit, retireAtMs, tableId);
    removeEmptyTable(statements, tableId);
  }
  for (const table of change.createTables ?? []) {
    const taken = statements.liveTableName(table.name);
    if (taken !== undefined) {
      const same =
        taken === table.name ? '' : ` (as ${JSON.stringify(taken)}; the case of letters makes no difference)`;
      const message = `table ${JSON.stringify(table.name)} exists already${same}`;
      throw new EngineError('already_exists', `${message}; drop it first or choose another name`);
    }
    statements.insertTable.run(table.tableId, table.name, table.directory, commit);
    statements.insertSchema.run(table.tableId, commit, table.schema, JSON.stringify(table.fieldIds));
  }
}

function writeRows(statements: Statements, change: PackedChange, commit: number): void {
  for (const { segmentId, tableId, state, committedLength, fileLength } of change.createSegments ?? []) {
    statements.insertSegment.run(segmentId, tableId, state, committedLength, fileLength, commit);
  }
  for (const { segmentId, committedLength, addedRows, addedBatches } of change.appends ?? []) {
    const values = { id: segmentId, length: committedLength, rows: addedRows, batches: addedBatches, commit };
    expectOne(
      statements.appendSegment.run(values).changes,
      `segment ${segmentId} to grow to ${committedLength} bytes`,
    );
  }
  if (change.batches === undefined) return;
  for (const row of unpackBatches(change.batches)) {
    statements.insertBatch.run(
      row.segmentId,
      row.ordinal,
      row.kind === 'dictionary' ? 1 : 0,
      row.offset,
      row.headerLength,
      row.bodyLength,
      row.rowCount,
      row.crc32,
      row.commit,
      row.statistics,
    );
  }
}

function removeSegments(statements: Statements, segmentIds: readonly number[]): void {
  const tableIds = new Set<number>();
  for (const segmentId of segmentIds) {
    statements.deleteBatches.run(segmentId);
    // Gone already is fine: recovery may ask for a removal again that was cut off after its commit.
    const tableId = statements.deleteSegment.get(segmentId);
    if (tableId !== undefined) tableIds.add(tableId);
  }
  for (const tableId of tableIds) removeEmptyTable(statements, tableId);
}

/** Deletes a dropped table's row when no segment needs it any more. */
function removeEmptyTable(statements: Statements, tableId: number): void {
  statements.deleteTableSchemas.run({ id: tableId });
  statements.deleteTable.run({ id: tableId });
}

function expectOne(changes: number, what: string): void {
  if (changes !== 1) throw new AssertionError(`expected ${what} to be in the catalog, changed ${changes} rows`);
}
