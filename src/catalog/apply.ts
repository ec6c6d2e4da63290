/**
 * One change of the catalog as one transaction.
 *
 * Hides the order of the writes and what SQLite's failures mean. Invariants: all of a change or nothing; a change that
 * makes a snapshot has the number after the last; rows are only added to active segments, or to a segment made in the
 * same change. What can fail, and what is known then:
 *
 *   before COMMIT        rolled back: nothing happened
 *   COMMIT, disk full    the log's commit frame is not whole: nothing happened
 *   COMMIT, I/O error    the frames may or may not be on the disk: `commit_unknown`, unless the caller can settle it
 */
import { AssertionError, assert } from '../base/assert.ts';
import { EngineError } from '../base/errors.ts';
import { makeLog } from '../base/log.ts';
import { insertBatches, packBatches } from './packed-batches.ts';
import type { PackedBatches } from './packed-batches.ts';
import type { CatalogChange, SchemaRow } from './rows.ts';
import { sqliteCodeOf, sqliteError } from './sqlite-error.ts';
import type { Statements } from './statements.ts';

/** A change made fit for another thread: its batch rows in two buffers, its schemas in memory of their own. */
export type PackedChange = Omit<CatalogChange, 'batches'> & { readonly batches: PackedBatches | undefined };

const log = makeLog('catalog');

/** Packs a change; `transfer` lists the buffers that may move with it. */
export function packChange(change: CatalogChange): { packed: PackedChange; transfer: ArrayBuffer[] } {
  const { batches, createTables, addSchemas, ...rest } = change;
  const transfer: ArrayBuffer[] = [];
  let packedBatches: PackedBatches | undefined;
  if (batches !== undefined && batches.length > 0) {
    assert(change.commit !== undefined, 'a change with batches has a commit');
    packedBatches = packBatches(batches, change.commit);
    transfer.push(packedBatches.numbers.buffer as ArrayBuffer, packedBatches.statistics.buffer as ArrayBuffer);
  }
  const packed: PackedChange = {
    ...rest,
    batches: packedBatches,
    ...(createTables === undefined
      ? {}
      : { createTables: createTables.map((table) => ({ ...table, schema: ownBytes(table.schema) })) }),
    ...(addSchemas === undefined ? {} : { addSchemas: addSchemas.map(ownBytes) }),
  };
  return { packed, transfer };
}

/** A view would drag the whole buffer under it along. */
function ownBytes<T extends Pick<SchemaRow, 'schema' | 'defaults'>>(row: T): T {
  return { ...row, schema: row.schema.slice(), defaults: row.defaults.slice() };
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
    writeProducers(statements, change, change.commit);
  }
  for (const { segmentId, fileLength } of change.sealSegments ?? []) {
    expectOne(statements.sealSegment.run(fileLength, segmentId).changes, `active segment ${segmentId} to seal`);
  }
  removeSegments(statements, change.removeSegments ?? []);
}

function makesSnapshot(change: PackedChange): boolean {
  const { createTables, dropTables, addSchemas, setTtls, createSegments, appends, retireSegments } = change;
  const { createViews, dropViews } = change;
  const lists = [createTables, dropTables, addSchemas, setTtls, createSegments, appends, retireSegments];
  if ([createViews, dropViews].some((list) => list !== undefined && list.length > 0)) return true;
  return change.batches !== undefined || lists.some((list) => list !== undefined && list.length > 0);
}

/** Kinds of change, for people. A change that knows better says so itself. */
function describe(change: PackedChange): string {
  if (change.what !== undefined) return change.what;
  const kinds: string[] = [];
  if ((change.dropTables?.length ?? 0) > 0 || (change.dropViews?.length ?? 0) > 0) kinds.push('drop');
  if ((change.createTables?.length ?? 0) > 0 || (change.createViews?.length ?? 0) > 0) kinds.push('create');
  if ((change.addSchemas?.length ?? 0) > 0 || (change.setTtls?.length ?? 0) > 0) kinds.push('alter');
  if ((change.appends?.length ?? 0) > 0 || (change.producers?.length ?? 0) > 0) kinds.push('append');
  return kinds.join(', ');
}

function writeTables(statements: Statements, change: PackedChange, commit: number): void {
  // Drops come first, so that a table can be replaced by one of the same name in one commit.
  for (const name of change.dropViews ?? []) {
    expectOne(statements.views.drop(name, commit), `live view ${name} to drop`);
  }
  for (const { tableId, retireAtMs } of change.dropTables ?? []) {
    expectOne(statements.dropTable.run(commit, tableId).changes, `live table ${tableId} to drop`);
    statements.retireTable.run(commit, retireAtMs, tableId);
    statements.deleteProducerResults.run(tableId);
    statements.deleteProducers.run(tableId);
    removeEmptyTable(statements, tableId);
  }
  for (const { tableId, name, directory, schema } of change.createTables ?? []) {
    refuseTaken(statements, 'table', name);
    statements.insertTable.run(tableId, name, directory, commit);
    insertSchema(statements, { ...schema, tableId }, commit);
  }
  for (const view of change.createViews ?? []) {
    refuseTaken(statements, 'view', view.name);
    statements.views.insert(view, commit);
  }
  for (const row of change.addSchemas ?? []) insertSchema(statements, row, commit);
  for (const { tableId, ttl } of change.setTtls ?? []) {
    const { changes } = statements.setTtl.run(ttl?.fieldId ?? null, ttl?.ms ?? null, tableId);
    expectOne(changes, `live table ${tableId} to set the retention of`);
  }
}

/** Tables and views share their names. @throws `already_exists` */
function refuseTaken(statements: Statements, what: 'table' | 'view', name: string): void {
  const table = statements.liveTableName(name);
  const taken = table ?? statements.views.liveName(name);
  if (taken === undefined) return;
  const found = table === undefined ? 'view' : 'table';
  const same = taken === name ? '' : ` (as ${JSON.stringify(taken)}; the case of letters makes no difference)`;
  const message = `${found} ${JSON.stringify(name)} exists already${same}`;
  const remedy = found === what ? 'drop it first or choose another name' : `choose another name for the ${what}`;
  throw new EngineError('already_exists', `${message}; ${remedy}`);
}

function insertSchema(statements: Statements, row: Omit<SchemaRow, 'createdCommit'>, commit: number): void {
  const { tableId, version, schema, fieldIds, defaults, insertDefaults } = row;
  statements.insertSchema.run(tableId, commit, version, schema, JSON.stringify(fieldIds), defaults, insertDefaults);
}

function writeRows(statements: Statements, change: PackedChange, commit: number): void {
  for (const segment of change.createSegments ?? []) {
    statements.insertSegment.run({ ...segment, commit });
  }
  for (const { segmentId, committedLength, addedRows, addedBatches } of change.appends ?? []) {
    const values = { id: segmentId, length: committedLength, rows: addedRows, batches: addedBatches, commit };
    expectOne(
      statements.appendSegment.run(values).changes,
      `segment ${segmentId} to grow to ${committedLength} bytes`,
    );
  }
  for (const { segmentId, retireAtMs } of change.retireSegments ?? []) {
    const { changes } = statements.retireSegment.run(commit, retireAtMs, segmentId);
    expectOne(changes, `live segment ${segmentId} to retire`);
  }
  for (const { segmentId, position } of change.moveSegments ?? []) {
    expectOne(statements.moveSegment.run(position, segmentId).changes, `segment ${segmentId} to move`);
  }
  if (change.batches !== undefined) insertBatches(statements.insertBatch, change.batches);
}

function writeProducers(statements: Statements, change: PackedChange, commit: number): void {
  for (const { kind, ...tagged } of change.producers ?? []) {
    const values = { ...tagged, kind: kind === 'key' ? 1 : 0, commit, timeMs: change.timeMs };
    statements.upsertProducer.run(values);
    statements.insertProducerResult.run(values);
    statements.forgetProducerResults.run(values);
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
