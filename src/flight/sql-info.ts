/**
 * GetSqlInfo: what the server and its dialect can do, one value for each number of the protocol.
 *
 * Hides nothing. Invariants: every number that the protocol defines has a value, since drivers fail on one that is
 * missing, and of the type that it declares (but for 562); what the registry, the grammar or a limit knows is read from
 * there; a number that nobody knows is left out of the answer. Source: Flight SQL, SqlInfo.
 */
import { createRequire } from 'node:module';
import { buildVector } from '../arrow/build.ts';
import { makeField, makeSchema } from '../arrow/schema.ts';
import type { DataType } from '../arrow/type.ts';
import type { Vector } from '../arrow/vector.ts';
import {
  COLUMNS_MAX,
  NAME_BYTES_MAX,
  PREPARED_IDLE_MS_MAX,
  PREPARED_STATEMENTS_MAX,
  ROW_BYTES_MAX,
  SQL_LENGTH_MAX,
} from '../base/limits.ts';
import { dialectFunctions, dialectKeywords, hasCast } from '../engine/dialect.ts';
import { INFO_VALUE, infoVector } from './sql-info-value.ts';
import type { InfoValue } from './sql-info-value.ts';

const UINT32: DataType = { id: 'int', bitWidth: 32, signed: false };

/** The schema of the answer. */
export const SQL_INFO_SCHEMA = makeSchema([
  makeField('info_name', UINT32, false),
  makeField('value', INFO_VALUE, false),
]);

const { version: VERSION } = createRequire(import.meta.url)('../../package.json') as { readonly version: string };

/** Of the columnar format. */
const ARROW_FORMAT_VERSION = '1.5';

/** A bit for each of the enum's numbers. */
function bits(...numbers: readonly number[]): number {
  return numbers.reduce((mask, number) => mask | (1 << number), 0);
}

/** No bound, or none that is known. */
const NO_BOUND = 0n;

type Facts = ReadonlyMap<number, () => InfoValue>;

/** The server: name, version, and which of Flight SQL's actions it takes. */
const SERVER: Facts = new Map<number, () => InfoValue>([
  [0, () => 'Sheaf'],
  [1, () => VERSION],
  [2, () => ARROW_FORMAT_VERSION],
  // Read only; SQL; Substrait and its versions, which are nothing.
  [3, () => false],
  [4, () => true],
  [5, () => false],
  [6, () => ''],
  [7, () => ''],
  // Transactions of several statements: none. Cancelling: yes. Ingest: yes, without transactions.
  [8, () => 0],
  [9, () => true],
  [10, () => true],
  [11, () => false],
  // Milliseconds that a prepared statement lives unused; and a transaction.
  [100, () => PREPARED_IDLE_MS_MAX],
  [101, () => 0],
]);

/** Names, words and functions. */
const WORDS: Facts = new Map<number, () => InfoValue>([
  // CREATE and DROP of catalogs, schemas, tables.
  [500, () => false],
  [501, () => false],
  [502, () => true],
  // Names are alike without regard to case, quoted or not.
  [503, () => 1],
  [504, () => '"'],
  [505, () => 1],
  [506, () => true],
  // NULLs stand at the end, whichever way the order goes.
  [507, () => 3],
  [508, dialectKeywords],
  [509, () => dialectFunctions('numeric')],
  [510, () => dialectFunctions('string')],
  [511, () => dialectFunctions('system')],
  [512, () => dialectFunctions('datetime')],
  [513, () => '\\'],
  [514, () => ''],
  [517, conversions],
  // What schemas, procedures and catalogs are called, and that a catalog's name comes first.
  [529, () => 'schema'],
  [530, () => 'procedure'],
  [531, () => 'catalog'],
  [532, () => true],
]);

/** The grammar. */
const GRAMMAR: Facts = new Map<number, () => InfoValue>([
  // Column aliases; NULL || 'text' is NULL; table aliases, which may also be a table's name.
  [515, () => true],
  [516, () => true],
  [518, () => true],
  [519, () => false],
  // ORDER BY expressions and what is not selected; GROUP BY what is not selected, and more than that.
  [520, () => true],
  [521, () => true],
  [522, () => bits(0, 1)],
  // LIKE … ESCAPE; NOT NULL.
  [523, () => true],
  [524, () => true],
  // Of ODBC's grammars the minimum (the core has indexes and GRANT); none of SQL-92's levels (all have keys).
  [525, () => bits(0)],
  [526, () => 0],
  [527, () => false],
  // All outer joins.
  [528, () => 2],
  // Names with a schema or a catalog in calls, index and privilege definitions; positioned edits; FOR UPDATE; CALL.
  [533, () => 0],
  [534, () => 0],
  [535, () => 0],
  [536, () => false],
  [537, () => false],
  // Subqueries in comparisons, EXISTS, IN, ANY and ALL; correlated ones; UNION and UNION ALL.
  [538, () => bits(0, 1, 2, 3)],
  [539, () => true],
  [540, () => bits(0, 1)],
]);

const NAME_BYTES = BigInt(NAME_BYTES_MAX);

/** Bounds, by number; all others of 541 to 561 are none. */
const BOUNDS: Readonly<Record<number, bigint>> = {
  // Of columns in a table, a row, a statement, prepared statements, a table's name.
  548: BigInt(COLUMNS_MAX),
  555: BigInt(ROW_BYTES_MAX),
  557: BigInt(SQL_LENGTH_MAX),
  558: BigInt(PREPARED_STATEMENTS_MAX),
  559: NAME_BYTES,
};

/** Transactions and results. */
const TRANSACTIONS: Facts = new Map<number, () => InfoValue>([
  // The bound of a row counts long values in.
  [556, () => true],
  // The isolation of transactions of several statements: there are none. The protocol says int32, and JDBC's driver
  // takes nothing but its int64.
  [562, () => 0n],
  [563, () => false],
  [564, () => bits(0)],
  [565, () => false],
  [566, () => false],
  // Results are read forward, and only read.
  [567, () => bits(1)],
  [568, () => 0],
  [569, () => bits(1)],
  [570, () => 0],
  [571, () => 0],
  // Batches of updates; savepoints; named parameters of calls; locators; calls of functions by escape syntax.
  [572, () => true],
  [573, () => false],
  [574, () => false],
  [575, () => false],
  [576, () => false],
]);

const FIRST_BOUND = 541;
const LAST_BOUND = 561;

function bounds(): Facts {
  const numbers = Array.from({ length: LAST_BOUND - FIRST_BOUND + 1 }, (_, i) => FIRST_BOUND + i);
  return new Map(numbers.map((number) => [number, () => BOUNDS[number] ?? NO_BOUND]));
}

const FACTS: Facts = new Map(
  [...SERVER, ...WORDS, ...GRAMMAR, ...bounds(), ...TRANSACTIONS].sort(([a], [b]) => a - b),
);

/** The columns of the answer, for the numbers of `wanted` that are known, or all when there is none in it. */
export function sqlInfoColumns(wanted: readonly number[]): readonly Vector[] {
  const numbers = wanted.length === 0 ? [...FACTS.keys()] : [...new Set(wanted)];
  const found = numbers.flatMap((number): (readonly [number, InfoValue])[] => {
    const fact = FACTS.get(number);
    return fact === undefined ? [] : [[number, fact()]];
  });
  const names = found.map(([number]) => number);
  return [buildVector(UINT32, names), infoVector(found.map(([, value]) => value))];
}

/** Types by the protocol's numbers for conversions; those that the dialect has no type for are left out. */
const CONVERTED: ReadonlyMap<number, DataType> = new Map<number, DataType>([
  [0, { id: 'int', bitWidth: 64, signed: true }],
  [1, { id: 'binary' }],
  [2, { id: 'bool' }],
  [3, { id: 'utf8' }],
  [4, { id: 'date', unit: 'day' }],
  [5, { id: 'decimal', bitWidth: 128, precision: 18, scale: 3 }],
  [6, { id: 'float', bitWidth: 64 }],
  [7, { id: 'int', bitWidth: 32, signed: true }],
  [8, { id: 'interval', unit: 'month_day_nano' }],
  [9, { id: 'interval', unit: 'month_day_nano' }],
  [12, { id: 'decimal', bitWidth: 128, precision: 18, scale: 3 }],
  [13, { id: 'float', bitWidth: 32 }],
  [14, { id: 'int', bitWidth: 16, signed: true }],
  [15, { id: 'time', unit: 'microsecond', bitWidth: 64 }],
  [16, { id: 'timestamp', unit: 'microsecond', timezone: undefined }],
  [17, { id: 'int', bitWidth: 8, signed: true }],
  [18, { id: 'binary' }],
  [19, { id: 'utf8' }],
]);

/** To which types each can be cast. */
function conversions(): InfoValue {
  const targets = (from: DataType): readonly number[] =>
    [...CONVERTED].filter(([, to]) => hasCast(from, to)).map(([number]) => number);
  return new Map([...CONVERTED].map(([number, from]) => [number, targets(from)]));
}
