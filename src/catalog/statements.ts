/**
 * The catalog's SQL: every statement once, prepared once, and the reads made of them.
 *
 * Hides table and column names of the catalog (migrations/ has them). Invariants: no text from a user becomes part of a
 * statement; a read is one statement or runs where nothing can come between (the thread runs one call at a time).
 */
import type { Statement } from 'better-sqlite3';
import { present } from '../base/assert.ts';
import type { Connection } from './connection.ts';
import { packValues } from './packed-batches.ts';
import type { BatchValues, PackedBatches } from './packed-batches.ts';
import { ViewStatements, readViews } from './view-rows.ts';
import type { CatalogState, SchemaRow, SegmentRow, SegmentState, TableRow } from './rows.ts';

const SELECT_TABLES = `
  SELECT table_id, name, directory, ttl_field_id, ttl_ms, created_commit, dropped_commit
  FROM tables ORDER BY table_id`;

const SELECT_SCHEMAS = `
  SELECT table_id, version, created_commit, schema, field_ids, defaults, insert_defaults
  FROM schemas ORDER BY table_id, version`;

const SELECT_SEGMENTS = `
  SELECT segment_id, table_id, position, schema_version, state, committed_length, row_count, batch_count, file_length,
    created_commit, retired_commit, retire_at_ms
  FROM segments ORDER BY table_id, position, segment_id`;

/** Batch rows of one segment in file order. */
export const SELECT_BATCHES = `
  SELECT ordinal, kind, offset, header_length, body_length, row_count, crc32, commit_id, statistics, row_crc32
  FROM batches WHERE segment_id = ? ORDER BY ordinal`;

/** Takes the values of a row in the order of its columns. */
export const INSERT_BATCH = `
  INSERT INTO batches
    (segment_id, ordinal, kind, offset, header_length, body_length, row_count, crc32, commit_id, statistics, row_crc32)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;

const INSERT_SEGMENT = `
  INSERT INTO segments
    (segment_id, table_id, position, schema_version, state, committed_length, row_count, batch_count, file_length,
     created_commit)
  VALUES (@segmentId, @tableId, @position, @schemaVersion, @state, @committedLength, 0, 0, @fileLength, @commit)`;

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

const UPSERT_PRODUCER = `
  INSERT INTO producers (table_id, kind, name, epoch, seq, row_count, updated_ms)
  VALUES (@tableId, @kind, @name, @epoch, @seq, @addedRows, @timeMs)
  ON CONFLICT DO UPDATE SET
    epoch = excluded.epoch, seq = excluded.seq, row_count = row_count + excluded.row_count,
    updated_ms = excluded.updated_ms`;

const INSERT_PRODUCER_RESULT = `
  INSERT INTO producer_results (table_id, kind, name, seq, checksum, commit_id, row_count)
  VALUES (@tableId, @kind, @name, @seq, @checksum, @commit, @addedRows)`;

const FORGET_PRODUCER_RESULTS = `
  DELETE FROM producer_results WHERE table_id = @tableId AND kind = @kind AND name = @name AND seq < @forgetBelow`;

type TableValues = [number, string, string, number | null, number | null, number, number | null];
type SchemaValues = [number, number, number, Buffer, string, Buffer, string];
type SegmentValues = [
  number,
  number,
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

/** Prepared statements of one connection, by what they do. */
export class Statements {
  readonly connection: Connection;
  readonly views: ViewStatements;
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
  readonly retireTable: Statement;
  readonly retireSegment: Statement;
  readonly moveSegment: Statement;
  readonly setTtl: Statement;
  readonly upsertProducer: Statement;
  readonly insertProducerResult: Statement;
  readonly forgetProducerResults: Statement;
  readonly deleteProducers: Statement;
  readonly deleteProducerResults: Statement;
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
  readonly #schemas: Statement<[], SchemaValues>;
  readonly #segments: Statement<[], SegmentValues>;
  readonly #batches: Statement<[number], BatchValues>;
  readonly #meta: Statement<[string], Buffer>;

  constructor(connection: Connection) {
    this.connection = connection;
    this.views = new ViewStatements(connection);
    const prepare = (sql: string): Statement => connection.prepare(sql);
    this.begin = prepare('BEGIN IMMEDIATE');
    this.commit = prepare('COMMIT');
    this.rollback = prepare('ROLLBACK');
    this.insertCommit = prepare('INSERT INTO commits (commit_id, time_ms, what) VALUES (?, ?, ?)');
    this.insertTable = prepare('INSERT INTO tables (table_id, name, directory, created_commit) VALUES (?, ?, ?, ?)');
    this.insertSchema = prepare(
      `INSERT INTO schemas (table_id, created_commit, version, schema, field_ids, defaults, insert_defaults)
       VALUES (?, ?, ?, ?, ?, ?, ?)`,
    );
    this.insertSegment = prepare(INSERT_SEGMENT);
    this.insertBatch = prepare(INSERT_BATCH);
    this.appendSegment = prepare(APPEND_SEGMENT);
    this.sealSegment = prepare(
      "UPDATE segments SET state = 'sealed', file_length = ? WHERE segment_id = ? AND state = 'active'",
    );
    this.dropTable = prepare('UPDATE tables SET dropped_commit = ? WHERE table_id = ? AND dropped_commit IS NULL');
    this.retireTable = prepare(
      `UPDATE segments SET state = 'obsolete', retired_commit = ?, retire_at_ms = ?
       WHERE table_id = ? AND state <> 'obsolete'`,
    );
    this.retireSegment = prepare(
      `UPDATE segments SET state = 'obsolete', retired_commit = ?, retire_at_ms = ?
       WHERE segment_id = ? AND state <> 'obsolete'`,
    );
    this.moveSegment = prepare('UPDATE segments SET position = ? WHERE segment_id = ?');
    this.setTtl = prepare(
      'UPDATE tables SET ttl_field_id = ?, ttl_ms = ? WHERE table_id = ? AND dropped_commit IS NULL',
    );
    this.upsertProducer = prepare(UPSERT_PRODUCER);
    this.insertProducerResult = prepare(INSERT_PRODUCER_RESULT);
    this.forgetProducerResults = prepare(FORGET_PRODUCER_RESULTS);
    this.deleteProducers = prepare('DELETE FROM producers WHERE table_id = ?');
    this.deleteProducerResults = prepare('DELETE FROM producer_results WHERE table_id = ?');
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
    this.#schemas = connection.prepare<[], SchemaValues>(SELECT_SCHEMAS).raw();
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
  readState(): Omit<CatalogState, 'cleanStop' | 'damages'> {
    return {
      databaseId: this.readDatabase().databaseId,
      lastCommit: this.lastCommit(),
      tables: this.#tables.all().map(tableRow),
      schemas: this.#schemas.all().map(schemaRow),
      views: readViews(this.connection),
      segments: this.#segments.all().map(segmentRow),
      tableIdMax: this.#highestId.get('tables') ?? 0,
      segmentIdMax: this.#highestId.get('segments') ?? 0,
    };
  }

  /** A segment's batches in file order: one scan of neighbouring rows. */
  readBatches(segmentId: number): PackedBatches {
    return packValues(segmentId, this.#batches.all(segmentId));
  }
}

function tableRow(values: TableValues): TableRow {
  const [tableId, name, directory, fieldId, ms, createdCommit, droppedCommit] = values;
  const ttl = fieldId === null || ms === null ? undefined : { fieldId, ms };
  return { tableId, name, directory, ttl, createdCommit, droppedCommit: droppedCommit ?? undefined };
}

function schemaRow(values: SchemaValues): SchemaRow {
  const [tableId, version, createdCommit, schema, fieldIds, defaults, insertDefaults] = values;
  const ids = JSON.parse(fieldIds) as number[];
  return { tableId, version, createdCommit, schema, fieldIds: ids, defaults, insertDefaults };
}

function segmentRow(values: SegmentValues): SegmentRow {
  const [segmentId, tableId, position, schemaVersion, state, committedLength, rowCount, batchCount] = values;
  return {
    segmentId,
    tableId,
    position,
    schemaVersion,
    state,
    committedLength,
    rowCount,
    batchCount,
    fileLength: values[8],
    createdCommit: values[9],
    retiredCommit: values[10] ?? undefined,
    retireAtMs: values[11] ?? undefined,
  };
}
