/**
 * A catalog of tables without rows, for planning: schemas, row counts, and a zone map that prunes one batch for each
 * bound. At any other moment there is one table, trades of one column, with as many rows as the moment's number.
 */
import { makeField } from '../../src/arrow/schema.ts';
import type { Field, Schema } from '../../src/arrow/schema.ts';
import type { Bound } from '../../src/arrow/source.ts';
import type { DataType } from '../../src/arrow/type.ts';
import type { PlanCatalog, TimePoint } from '../../src/plan/physical.ts';
import { rowSource } from '../../src/plan/row-source.ts';
import type { RowColumn } from '../../src/plan/row-source.ts';

const INT8: DataType = { id: 'int', bitWidth: 8, signed: true };
export const INT32: DataType = { id: 'int', bitWidth: 32, signed: true };
export const INT64: DataType = { id: 'int', bitWidth: 64, signed: true };
const UINT64: DataType = { id: 'int', bitWidth: 64, signed: false };
export const FLOAT: DataType = { id: 'float', bitWidth: 32 };
export const DOUBLE: DataType = { id: 'float', bitWidth: 64 };
export const TEXT: DataType = { id: 'utf8' };
export const BOOL: DataType = { id: 'bool' };
export const DATE: DataType = { id: 'date', unit: 'day' };
const STAMP_NS: DataType = { id: 'timestamp', unit: 'nanosecond', timezone: undefined };
const STAMP_S: DataType = { id: 'timestamp', unit: 'second', timezone: undefined };
export const MONEY: DataType = { id: 'decimal', bitWidth: 128, precision: 10, scale: 2 };
const CODES: DataType = {
  id: 'dictionary',
  index: { id: 'int', bitWidth: 32, signed: true },
  value: TEXT,
  ordered: false,
  dictionaryId: 0n,
};

const TRADES: Schema = {
  fields: [
    makeField('symbol', INT64, false, [['unit', 'id']]),
    makeField('price', DOUBLE),
    makeField('volume', DOUBLE),
    makeField('side', CODES),
    makeField('note', TEXT),
    makeField('day', DATE),
    makeField('at_ns', STAMP_NS),
    makeField('at_s', STAMP_S),
    makeField('small', INT8),
    makeField('big', UINT64),
    makeField('ratio', FLOAT),
    makeField('fee', MONEY),
    makeField('flag', BOOL),
    makeField('tags', { id: 'list', child: makeField('item', INT32) }),
  ],
  metadata: [['origin', 'test']],
};

const WIDE: Schema = {
  fields: Array.from({ length: 20 }, (_, i): Field => makeField(`c${i.toString()}`, i % 2 === 0 ? INT64 : DOUBLE)),
  metadata: [],
};

const CASES: Schema = {
  fields: [makeField('Mixed', INT32), makeField('a', INT32), makeField('A', INT32)],
  metadata: [],
};

const ENCODED: Schema = {
  fields: [
    makeField('codes', CODES, false),
    makeField('runs', {
      id: 'run_end',
      runEnds: makeField('run_ends', INT32, false),
      values: makeField('values', TEXT),
    }),
    makeField('span', { id: 'interval', unit: 'month_day_nano' }),
    makeField('zoned', { id: 'timestamp', unit: 'millisecond', timezone: 'UTC' }),
  ],
  metadata: [],
};

const TABLES: ReadonlyMap<string, Schema> = new Map([
  ['trades', TRADES],
  ['wide', WIDE],
  ['Cases', CASES],
  ['twin', CASES],
  ['TWIN', CASES],
  ['order', CASES],
  ['single', { fields: [makeField('one', INT32)], metadata: [] }],
  ['encoded', ENCODED],
]);

function emptyTable(name: string, schema: Schema | undefined, rowCount: number): ReturnType<PlanCatalog['table']> {
  if (schema === undefined) return undefined;
  return {
    name,
    schema,
    rowCount,
    scan() {
      throw new Error('planning read rows');
    },
    countBatches: (bounds: readonly Bound[]) => Promise.resolve({ pruned: Math.min(3, bounds.length), total: 3 }),
  };
}

const EARLIER: Schema = { fields: [makeField('symbol', INT64, false)], metadata: [] };

function earlierCatalog(point: TimePoint): PlanCatalog {
  const rowCount = point.kind === 'version' ? point.version : Number(point.micros / 1_000_000n);
  return {
    table: (name) => emptyTable(name, name === 'trades' ? EARLIER : undefined, rowCount),
    tableNames: () => ['trades'],
    view: () => undefined,
    viewNames: () => [],
    at: earlierCatalog,
    system: () => undefined,
  };
}

const SNAPSHOTS = [
  { version: 41n, time: 1_709_208_000_000_000n, changes: 'create_table' },
  { version: 42n, time: 1_709_208_000_250_000n, changes: 'append' },
];

const SNAPSHOT_COLUMNS: readonly RowColumn<(typeof SNAPSHOTS)[number]>[] = [
  { name: 'version', type: INT64, read: (row) => row.version, notNull: true },
  {
    name: 'time',
    type: { id: 'timestamp', unit: 'microsecond', timezone: 'UTC' },
    read: (row) => row.time,
    notNull: true,
  },
  { name: 'changes', type: { id: 'utf8' }, read: (row) => row.changes, notNull: true },
];

/** Three batches of 1,000 rows a table; each bound prunes one. */
export const fakeCatalog: PlanCatalog = {
  table: (name) => emptyTable(name, TABLES.get(name), 3_000),
  tableNames: () => [...TABLES.keys()],
  view: () => undefined,
  viewNames: () => [],
  at: earlierCatalog,
  system: (name) => (name === 'sheaf_snapshots' ? rowSource(name, SNAPSHOT_COLUMNS, SNAPSHOTS) : undefined),
};
