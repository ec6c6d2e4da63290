/** Changes of a catalog for its tests: one table, segments that grow by one batch a time. */
import type { CatalogChange, NewBatchRow, SchemaRow } from '../../src/catalog/rows.ts';

/** Bytes of each batch in these changes. */
const BATCH_BYTES = 1_000;
const FIRST_OFFSET = 100;

export function batchRow(segmentId: number, ordinal: number): NewBatchRow {
  return {
    segmentId,
    ordinal,
    kind: ordinal === 0 ? 'dictionary' : 'batch',
    offset: FIRST_OFFSET + ordinal * BATCH_BYTES,
    headerLength: 200,
    bodyLength: BATCH_BYTES - 200,
    rowCount: ordinal === 0 ? 0 : 5,
    crc32: 4_294_967_295 - ordinal,
    statistics: ordinal === 0 ? new Uint8Array(0) : Uint8Array.of(ordinal & 255, 1, 2),
  };
}

/** The first version of the schema of table `tableId`. */
export function schemaVersion(tableId: number): Omit<SchemaRow, 'tableId' | 'createdCommit'> {
  const defaults = new Uint8Array(0);
  return { version: 1, schema: Uint8Array.of(1, 2, tableId), fieldIds: [1, 2, 7], defaults, insertDefaults: '{}' };
}

/** A new segment at the place of its number. */
export function newSegment(
  segmentId: number,
  tableId: number,
  state: 'active' | 'sealed',
  committedLength: number,
  fileLength: number,
): NonNullable<CatalogChange['createSegments']>[number] {
  return { segmentId, tableId, position: segmentId, schemaVersion: 1, state, committedLength, fileLength };
}

/** Creates table `tableId` named `name` with an active segment of the same number. */
export function createTable(commit: number, tableId: number, name: string): CatalogChange {
  return {
    commit,
    timeMs: 1_000 + commit,
    createTables: [{ tableId, name, directory: `dir${tableId}`, schema: schemaVersion(tableId) }],
    createSegments: [newSegment(tableId, tableId, 'active', FIRST_OFFSET, 0)],
  };
}

/** Adds the batches `from` to `from + count - 1` to a segment. */
export function append(commit: number, segmentId: number, from: number, count = 1): CatalogChange {
  const batches = Array.from({ length: count }, (_, i) => batchRow(segmentId, from + i));
  const committedLength = FIRST_OFFSET + (from + count) * BATCH_BYTES;
  const addedRows = batches.reduce((sum, batch) => sum + batch.rowCount, 0);
  return {
    commit,
    timeMs: 1_000 + commit,
    appends: [{ segmentId, committedLength, addedRows, addedBatches: count }],
    batches,
  };
}
