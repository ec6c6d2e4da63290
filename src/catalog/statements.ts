/**
 * The catalog's SQL: every statement once, prepared once, and the reads made of them.
 *
 * Hides table and column names of the catalog (migrations/ has them). Invariants: no text from a user becomes part of a
 * statement; a read is one statement or runs where nothing can come between (the thread runs one call at a time).
 */
import type { Statement } from 'better-sqlite3';
import { present } from '../base/assert.ts';
import type { Connection } from './connection.ts';
import { FIELDS } from './packed-batches.ts';
import type { PackedBatches } from './packed-batches.ts';
import type { CatalogState, SegmentRow, SegmentState, TableRow } from './rows.ts';

const SELECT_TABLES = `
  SELECT t.table_id, t.name, t.directory, s.schema, s.field_ids, t.created_commit, t.dropped_commit
  FROM tables t JOIN schemas s ON s.table_id = t.table_id
  WHERE s.created_commit = (SELECT max(created_commit) FROM schemas WHERE table_id = t.table_id)
  ORDER BY t.table_id`;

const SELECT_SEGMENTS = `
  SELECT segment_id, table_id, state, committed_length, row_count, batch_count, file_length, created_commit,
    retired_commit, retire_at_ms
  FROM segments ORDER BY segment_id`;

const SELECT_BATCHES = `
  SELECT ordinal, kind, offset, header_length, body_length, row_count, crc32, commit_id, statistics
  FROM batches WHERE segment_id = ? ORDER BY ordinal`;

const INSERT_BATCH = `
  INSERT INTO batches
    (segment_id, ordinal, kind, offset, header_length, body_length, row_count, crc32, commit_id, statistics)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;

const INSERT_SEGMENT = `
  INSERT INTO segments
    (segment_id, table_id, state, committed_length, row_count, batch_count, file_length, created_commit)
  VALUES (?, ?, ?, ?, 0, 0, ?, ?)`;

// A sealed segment takes rows only in the commit that made it.
const APPEND_SEGMENT = `
  UPDATE segments SET committed_length = @length, row_count = row_count + @rows, batch_count = batch_count + @batches
  WHERE segment_id = @id AND committed_length <= @length
    AND (state = 'active' OR (state = 'sealed' AND created_commit = @commit))`;

const DELETE_TABLE_SCHEMAS = `
  DELETE FROM schemas WHERE table_id = @id AND NOT EXISTS (SELECT 1 FROM segments WHERE table_id = @id)
    AND EXISTS (SELECT 1 FROM tables WHERE table_id = @id AND dropped_commit IS NOT NULL)`;

const DELETE_TABLE = `
  DELETE FROM tables WHERE table_id = @id AND dropped_commit IS NOT NULL
    AND NOT EXISTS (SELECT 1 FROM segments WHERE table_id = @id)`;

type TableValues = [number, string, string, Buffer, string, number, number | null];
type SegmentValues = [
  number,
  number,
  SegmentState,
  number,
  number,
  number,
  number,
  number,
  number | null,
  number | null,
];
type BatchValues = [number, number, number, number, number, number, number, number, Buffer];

/** Prepared statements of one connection, by what they do. */
export class Statements {
  readonly connection: Connection;
  readonly begin: Statement;
  readonly commit: Statement;
  readonly rollback: Statement;
  readonly insertCommit: Statement;
  readonly insertTable: Statement;
  readonly insertSchema: Statement;
  readonly insertSegment: Statement;
  readonly insertBatch: Statement;
  readonly appendSegment: Statement;
  readonly sealSegment: Statement;
  readonly dropTable: Statement;
  readonly retireSegments: Statement;
  readonly deleteBatches: Statement;
  readonly deleteSegment: Statement<[number], number>;
  readonly deleteTableSchemas: Statement;
  readonly deleteTable: Statement;
  readonly writeMeta: Statement;
  readonly setCleanStop: Statement;
  readonly #liveTableName: Statement<[string], string>;
  readonly #lastCommit: Statement<[], number>;
  readonly #highestId: Statement<[string], number>;
  readonly #database: Statement<[], [string, number]>;
  readonly #tables: Statement<[], TableValues>;
  readonly #segments: Statement<[], SegmentValues>;
  readonly #batches: Statement<[number], BatchValues>;
  readonly #meta: Statement<[string], Buffer>;

  constructor(connection: Connection) {
    this.connection = connection;
    const prepare = (sql: string): Statement => connection.prepare(sql);
    this.begin = prepare('BEGIN IMMEDIATE');
    this.commit = prepare('COMMIT');
    this.rollback = prepare('ROLLBACK');
    this.insertCommit = prepare('INSERT INTO commits (commit_id, time_ms, what) VALUES (?, ?, ?)');
    this.insertTable = prepare('INSERT INTO tables (table_id, name, directory, created_commit) VALUES (?, ?, ?, ?)');
    this.insertSchema = prepare(
      'INSERT INTO schemas (table_id, created_commit, schema, field_ids) VALUES (?, ?, ?, ?)',
    );
    this.insertSegment = prepare(INSERT_SEGMENT);
    this.insertBatch = prepare(INSERT_BATCH);
    this.appendSegment = prepare(APPEND_SEGMENT);
    this.sealSegment = prepare(
      "UPDATE segments SET state = 'sealed', file_length = ? WHERE segment_id = ? AND state = 'active'",
    );
    this.dropTable = prepare('UPDATE tables SET dropped_commit = ? WHERE table_id = ? AND dropped_commit IS NULL');
    this.retireSegments = prepare(
      `UPDATE segments SET state = 'obsolete', retired_commit = ?, retire_at_ms = ?
       WHERE table_id = ? AND state <> 'obsolete'`,
    );
    this.deleteBatches = prepare('DELETE FROM batches WHERE segment_id = ?');
    this.deleteSegment = connection
      .prepare<[number], number>('DELETE FROM segments WHERE segment_id = ? RETURNING table_id')
      .pluck();
    this.deleteTableSchemas = prepare(DELETE_TABLE_SCHEMAS);
    this.deleteTable = prepare(DELETE_TABLE);
    this.writeMeta = prepare(
      'INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value',
    );
    this.setCleanStop = prepare('UPDATE database SET clean_stop = ?');
    this.#liveTableName = connection
      .prepare<[string], string>('SELECT name FROM tables WHERE name = ? COLLATE NOCASE AND dropped_commit IS NULL')
      .pluck();
    this.#lastCommit = connection.prepare<[], number>('SELECT ifnull(max(commit_id), 0) FROM commits').pluck();
    this.#highestId = connection.prepare<[string], number>('SELECT seq FROM sqlite_sequence WHERE name = ?').pluck();
    this.#database = connection.prepare<[], [string, number]>('SELECT database_id, clean_stop FROM database').raw();
    this.#tables = connection.prepare<[], TableValues>(SELECT_TABLES).raw();
    this.#segments = connection.prepare<[], SegmentValues>(SELECT_SEGMENTS).raw();
    this.#batches = connection.prepare<[number], BatchValues>(SELECT_BATCHES).raw();
    this.#meta = connection.prepare<[string], Buffer>('SELECT value FROM meta WHERE key = ?').pluck();
  }

  /** The live table's name that equals `name` but for ASCII case. */
  liveTableName(name: string): string | undefined {
    return this.#liveTableName.get(name);
  }

  lastCommit(): number {
    return this.#lastCommit.get() ?? 0;
  }

  readMeta(key: string): Uint8Array | undefined {
    return this.#meta.get(key);
  }

  readDatabase(): { readonly databaseId: string; readonly cleanStop: boolean } {
    const [databaseId, cleanStop] = present(this.#database.get(), 'the row of the table database');
    return { databaseId, cleanStop: cleanStop === 1 };
  }

  /** Everything but batches. Time grows with tables and segments. */
  readState(): Omit<CatalogState, 'cleanStop'> {
    return {
      databaseId: this.readDatabase().databaseId,
      lastCommit: this.lastCommit(),
      tables: this.#tables.all().map(tableRow),
      segments: this.#segments.all().map(segmentRow),
      tableIdMax: this.#highestId.get('tables') ?? 0,
      segmentIdMax: this.#highestId.get('segments') ?? 0,
    };
  }

  /** A segment's batches in file order: one scan of neighbouring rows. */
  readBatches(segmentId: number): PackedBatches {
    const rows = this.#batches.all(segmentId);
    let length = 0;
    for (const row of rows) length += row[8].byteLength;
    const numbers = new Float64Array(rows.length * FIELDS);
    const statistics = new Uint8Array(length);
    let next = 0;
    for (let i = 0; i < rows.length; i++) {
      const [ordinal, kind, offset, headerLength, bodyLength, rowCount, crc32, commit, blob] = rows[i]!;
      const values = [
        segmentId,
        ordinal,
        kind,
        offset,
        headerLength,
        bodyLength,
        rowCount,
        crc32,
        commit,
        blob.byteLength,
      ];
      numbers.set(values, i * FIELDS);
      statistics.set(blob, next);
      next += blob.byteLength;
    }
    return { count: rows.length, numbers, statistics };
  }
}

function tableRow(values: TableValues): TableRow {
  const [tableId, name, directory, schema, fieldIds, createdCommit, droppedCommit] = values;
  return {
    tableId,
    name,
    directory,
    schema,
    fieldIds: JSON.parse(fieldIds) as number[],
    createdCommit,
    droppedCommit: droppedCommit ?? undefined,
  };
}

function segmentRow(values: SegmentValues): SegmentRow {
  const [segmentId, tableId, state, committedLength, rowCount, batchCount, fileLength, createdCommit] = values;
  return {
    segmentId,
    tableId,
    state,
    committedLength,
    rowCount,
    batchCount,
    fileLength,
    createdCommit,
    retiredCommit: values[8] ?? undefined,
    retireAtMs: values[9] ?? undefined,
  };
}
