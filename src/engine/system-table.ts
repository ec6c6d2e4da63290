/**
 * System tables that tell of the running engine: segments, snapshots, statements, metrics, tables, settings, functions.
 *
 * Hides where the facts are kept. Invariants: rows are taken once, before the statement is planned, so that every
 * place in it that reads a table sees the same; segments and tables are those of the statement's snapshot.
 */
import { metricSamples } from '../base/metrics.ts';
import type { MetricSample } from '../base/metrics.ts';
import { SNAPSHOTS_LISTED_MAX } from '../base/limits.ts';
import { BOOL, DOUBLE, INT64, UTF8 } from '../function/signature.ts';
import { functionList } from '../plan/function-list.ts';
import { rowSource } from '../plan/row-source.ts';
import type { NamedSource, RowColumn } from '../plan/row-source.ts';
import { settingRows } from '../plan/setting.ts';
import type { SettingRow, Settings } from '../plan/setting.ts';
import type { EngineTable } from '../plan/system-name.ts';
import type {
  SegmentDescription,
  Snapshot,
  SnapshotDescription,
  Storage,
  TableDetails,
  TableSnapshot,
} from '../storage/contract.ts';
import type { Queries, QueryRow } from './query-log.ts';

/** Where system tables get their rows. */
export interface SystemFacts {
  readonly storage: Storage;
  readonly queries: Queries;
  readonly settings: Settings;
}

const MOMENT = { id: 'timestamp', unit: 'microsecond', timezone: 'UTC' } as const;

function text<Row>(name: string, read: (row: Row) => string): RowColumn<Row> {
  return { name, type: UTF8, read, notNull: true };
}

function optionalText<Row>(name: string, read: (row: Row) => string | undefined): RowColumn<Row> {
  return { name, type: UTF8, read: (row) => read(row) ?? null };
}

function whole<Row>(name: string, read: (row: Row) => number): RowColumn<Row> {
  return { name, type: INT64, read: (row) => BigInt(Math.trunc(read(row))), notNull: true };
}

function moment<Row>(name: string, readMs: (row: Row) => number): RowColumn<Row> {
  return { name, type: MOMENT, read: (row) => BigInt(Math.trunc(readMs(row))) * 1_000n, notNull: true };
}

function number<Row>(name: string, read: (row: Row) => number): RowColumn<Row> {
  return { name, type: DOUBLE, read, notNull: true };
}

interface TableRow {
  readonly table: TableSnapshot;
  readonly details: TableDetails;
}

const TABLES: readonly RowColumn<TableRow>[] = [
  text('table_name', ({ table }) => table.name),
  whole('table_id', ({ table }) => table.tableId),
  whole('column_count', ({ table }) => table.schema.fields.length),
  whole('row_count', ({ table }) => table.rowCount),
  whole('byte_count', ({ table }) => table.byteCount),
  whole('segment_count', ({ details }) => details.segments.length),
  whole('schema_version', ({ details }) => details.schemaVersion),
  optionalText('ttl_column', ({ details }) => details.ttl?.column),
  {
    name: 'ttl_seconds',
    type: INT64,
    read: ({ details }) => (details.ttl === undefined ? null : BigInt(Math.trunc(details.ttl.ms / 1_000))),
  },
  optionalText('damage', ({ details }) => details.damage),
];

interface SegmentRow extends SegmentDescription {
  readonly table: string;
  readonly file: string;
}

const SEGMENTS: readonly RowColumn<SegmentRow>[] = [
  text('table_name', (row) => row.table),
  whole('segment_id', (row) => row.segmentId),
  { name: 'is_sealed', type: BOOL, read: (row) => row.isSealed, notNull: true },
  whole('row_count', (row) => row.rowCount),
  whole('message_count', (row) => row.messageCount),
  whole('byte_count', (row) => row.byteCount),
  whole('schema_version', (row) => row.schemaVersion),
  whole('created_version', (row) => row.createdVersion),
  text('file', (row) => row.file),
  optionalText('damage', (row) => row.damage),
];

const SNAPSHOTS: readonly RowColumn<SnapshotDescription>[] = [
  whole('version', (row) => row.version),
  moment('time', (row) => row.timeMs),
  text('changes', (row) => row.what),
];

const QUERIES: readonly RowColumn<QueryRow>[] = [
  whole('query_id', (row) => row.id),
  text('query', (row) => row.text),
  text('state', (row) => row.state),
  moment('started', (row) => row.startedMs),
  number('elapsed_ms', (row) => row.elapsedMs),
  whole('row_count', (row) => row.rowCount),
  whole('memory_bytes', (row) => row.memoryBytes),
  optionalText('error', (row) => row.error),
  optionalText('principal', (row) => row.principal),
];

const METRICS: readonly RowColumn<MetricSample>[] = [
  text('name', (row) => row.name),
  text('kind', (row) => row.kind),
  text('labels', (row) => row.labels),
  number('value', (row) => row.value),
  text('description', (row) => row.help),
];

const SETTINGS: readonly RowColumn<SettingRow>[] = [
  text('name', (row) => row.name),
  text('value', (row) => row.value),
  text('description', (row) => row.description),
  text('input_type', (row) => row.type),
  text('aliases', (row) => row.aliases.join(', ')),
];

function tablesOf(snapshot: Snapshot): readonly TableRow[] {
  return snapshot.tableNames().flatMap((name): TableRow[] => {
    const table = snapshot.table(name);
    return table === undefined ? [] : [{ table, details: table.details() }];
  });
}

function segmentsOf(snapshot: Snapshot, directory: string): readonly SegmentRow[] {
  return tablesOf(snapshot).flatMap(({ table, details }) => {
    return details.segments.map((segment) => {
      const { path } = segment;
      const file = path.startsWith(directory) ? path.slice(directory.length + 1) : path;
      return { ...segment, table: table.name, file };
    });
  });
}

async function make(name: EngineTable, snapshot: Snapshot, facts: SystemFacts): Promise<NamedSource> {
  switch (name) {
    case 'sheaf_functions':
      return functionList();
    case 'sheaf_tables':
      return rowSource(name, TABLES, tablesOf(snapshot));
    case 'sheaf_segments':
      return rowSource(name, SEGMENTS, segmentsOf(snapshot, facts.storage.directory));
    case 'sheaf_snapshots':
      return rowSource(name, SNAPSHOTS, await facts.storage.snapshots(SNAPSHOTS_LISTED_MAX));
    case 'sheaf_queries':
      return rowSource(name, QUERIES, facts.queries.rows());
    case 'sheaf_metrics':
      return rowSource(name, METRICS, await metricSamples());
    case 'sheaf_settings':
      return rowSource(name, SETTINGS, settingRows(facts.settings));
  }
}

/** Makes the tables of these names. @throws `limit_exceeded` for one of too many rows, and what storage throws */
export async function makeSystemTables(
  names: readonly EngineTable[],
  snapshot: Snapshot,
  facts: SystemFacts,
): Promise<ReadonlyMap<string, NamedSource>> {
  const made = new Map<string, NamedSource>();
  for (const name of names) made.set(name, await make(name, snapshot, facts));
  return made;
}
