/**
 * The tables of a seed: a few, with some of all columns that there are, of sizes around the edges of batches.
 *
 * Hides how values are chosen. Invariants: the same seed makes the same world; a world's tables can be made again
 * with some of their rows only; `id` is unique and `n`, `m`, `k` are small, `x` is small eighths, so that sums of
 * them are exact in whatever order.
 */
import { makeField, makeSchema } from '../../src/arrow/schema.ts';
import type { DataType } from '../../src/arrow/type.ts';
import { tableOfVectors } from '../support/memory-source.ts';
import type { MemorySource } from '../support/memory-source.ts';
import type { Random } from '../support/random.ts';
import { typeOfName, vectorOfTexts } from '../support/slt.ts';
import { below, pick } from '../fuzz/rounds.ts';

/** What the generator knows of a column's type. */
export type Kind =
  'int' | 'float' | 'decimal' | 'text' | 'bool' | 'date' | 'timestamp' | 'zoned' | 'time' | 'interval' | 'blob';

export const KINDS: readonly Kind[] = [
  'int',
  'float',
  'decimal',
  'text',
  'bool',
  'date',
  'timestamp',
  'zoned',
  'time',
  'interval',
  'blob',
];

/** A column of a table. */
export interface WorldColumn {
  readonly name: string;
  readonly kind: Kind;
  /** Arithmetic with it stays small and exact. */
  readonly isTame: boolean;
  readonly type: DataType;
}

/** A table as values in text, by column. */
export interface WorldTable {
  readonly name: string;
  readonly columns: readonly WorldColumn[];
  readonly rowCount: number;
  readonly batchRows: number;
  readonly texts: readonly (readonly (string | null)[])[];
}

const TEXTS = ['', 'a', 'A', 'ab', 'b', 'äb', 'ÄB', 'ß', '🙂', 'e\u0301', '7', '-1.5', ' 12 ', 'true', '2024-02-29']
  .concat(['zebra', 'zebra crossing', 'a text of more than twelve bytes', 'a text of more than twelve bytez', 'NULL'])
  .concat(['%', '_', 'a%b', '日本語の文字列です', '\t', "it's"]);
const DATES = ['1970-01-01', '1969-12-31', '2024-02-29', '2023-12-31', '0001-01-01', '9999-12-31', '1900-03-01'];
const MOMENTS = [
  '1970-01-01 00:00:00',
  '1969-12-31 23:59:59.999999',
  '2024-02-29 12:34:56.789',
  '2024-03-31 01:30:00',
]
  .concat(['1999-12-31 23:59:59', '2024-02-29 00:00:00', '0001-01-01 00:00:00', '9999-12-31 23:59:59.999999'])
  .concat(['2024-02-29 12:34:56.789012', '2023-10-29 00:30:00']);
const WHOLE_MOMENTS = MOMENTS.map((moment) => moment.replace(/\..*/u, ''));
const NEAR_MOMENTS = ['1970-01-01 00:00:00', '1969-12-31 23:59:59.999998001', '2024-02-29 12:34:56.789000001'];

/** Name, kind, type as SQL text tests name it, values at the edges. */
const COLUMNS: readonly (readonly [string, Kind, string, readonly string[]])[] = [
  ['i8', 'int', 'int8', ['127', '-128', '0']],
  ['i16', 'int', 'int16', ['32767', '-32768', '0']],
  ['i32', 'int', 'int32', ['2147483647', '-2147483648', '0']],
  ['i64', 'int', 'int64', ['9223372036854775807', '-9223372036854775808', '9007199254740993', '0']],
  ['u8', 'int', 'uint8', ['255', '0']],
  ['u16', 'int', 'uint16', ['65535', '0']],
  ['u32', 'int', 'uint32', ['4294967295', '0']],
  ['u64', 'int', 'uint64', ['18446744073709551615', '9223372036854775808', '0']],
  ['f32', 'float', 'float', ['nan', 'inf', '-inf', '-0.0', '0.1', '3.4e38', '1e-45', '16777217']],
  ['f64', 'float', 'double', ['nan', 'inf', '-inf', '-0.0', '0', '0.1', '1e308', '5e-324', '-2.5', '3.5', '1e15']],
  ['d9', 'decimal', 'decimal(9, 2)', ['9999999.99', '-9999999.99', '0.01', '-2.50', '0.00']],
  ['d12', 'decimal', 'decimal(12, 3)', ['999999999.999', '-999999999.999', '0.001', '-2.500']],
  ['d38', 'decimal', 'decimal(38, 10)', ['9999999999999999999999999999.9999999999', '-0.0000000001', '1.5']],
  ['s', 'text', 'string', TEXTS],
  ['v', 'text', 'string_view', TEXTS],
  ['dict', 'text', 'dictionary', ['red', 'green', '', 'blue', 'a', 'ÄB']],
  ['b', 'bool', 'bool', ['true', 'false']],
  ['dt', 'date', 'date', DATES],
  ['ts', 'timestamp', 'timestamp[us]', MOMENTS],
  ['tsec', 'timestamp', 'timestamp[s]', WHOLE_MOMENTS],
  ['tns', 'timestamp', 'timestamp[ns]', NEAR_MOMENTS],
  ['tz', 'zoned', 'timestamp[us, tz=UTC]', MOMENTS],
  ['tm', 'time', 'time', ['00:00:00', '23:59:59.999999', '12:34:56', '01:02:03.004']],
  [
    'iv',
    'interval',
    'interval',
    ['1 month', '30 days', '24:00:00', '1 day', '-1 day', '00:00:00', '1 year 2 days 03:04:05.000006'],
  ],
  ['bl', 'blob', 'binary', ['', 'a', 'ab', '\\x00', '\\xFF\\x00a', 'a blob of more than twelve bytes']],
];
const TAME: readonly (readonly [string, Kind, string])[] = [
  ['k', 'int', 'int32'],
  ['n', 'int', 'int32'],
  ['m', 'int', 'int64'],
  ['x', 'float', 'double'],
  ['q', 'decimal', 'decimal(8, 2)'],
];

const SIZES_SMALL = [0, 1, 2, 3, 5, 8, 12, 20, 30];
const SIZES_LARGE = [2_047, 2_048, 2_049, 65_535, 65_536, 65_537];
/** Of so many worlds one has a large table. */
const LARGE_EVERY = 8;

function randomText(
  random: Random,
  kind: Kind,
  name: string,
  edges: readonly string[],
  nullShare: number,
): string | null {
  if (random() < nullShare) return null;
  if (kind === 'int' || kind === 'float' || kind === 'decimal') {
    if (random() < 0.4) return pick(random, edges);
    const size = below(random, 50);
    return name.startsWith('u') ? size.toString() : (size - 25).toString();
  }
  return pick(random, edges);
}

function tameText(random: Random, name: string): string | null {
  if (random() < 0.15) return null;
  switch (name) {
    case 'x':
      return (below(random, 65) / 8 - 4).toString();
    case 'q':
      return (below(random, 2000) / 100 - 10).toFixed(2);
    case 'k':
      return below(random, 6).toString();
    default:
      return (below(random, 10) - 4).toString();
  }
}

function makeTable(random: Random, name: string, rowCount: number): WorldTable {
  const share = pick(random, [0.4, 0.7, 1]);
  const wild = COLUMNS.filter(() => random() < share);
  const columns: WorldColumn[] = [{ name: 'id', kind: 'int', isTame: true, type: typeOfName('int32') }];
  const texts: (string | null)[][] = [Array.from({ length: rowCount }, (_, row) => row.toString())];
  for (const [column, kind, type] of TAME) {
    columns.push({ name: column, kind, isTame: true, type: typeOfName(type) });
    texts.push(Array.from({ length: rowCount }, () => tameText(random, column)));
  }
  for (const [column, kind, type, edges] of wild) {
    columns.push({ name: column, kind, isTame: false, type: typeOfName(type) });
    const nullShare = pick(random, [0, 0.15, 0.15, 0.6, 1]);
    texts.push(Array.from({ length: rowCount }, () => randomText(random, kind, column, edges, nullShare)));
  }
  const batchRows =
    rowCount > 60_000 ? pick(random, [8_192, 65_536, 100_000]) : pick(random, [1, 3, 7, 1_000, 2_048]);
  return { name, columns, rowCount, batchRows: rowCount > 1_000 ? Math.max(batchRows, 500) : batchRows, texts };
}

/** The tables of a seed. */
export function makeWorld(random: Random, seed: number): readonly WorldTable[] {
  const isLarge = seed % LARGE_EVERY === 0;
  const largest = isLarge ? (SIZES_LARGE[Math.floor(seed / LARGE_EVERY) % SIZES_LARGE.length] ?? 0) : undefined;
  return ['ta', 'tb', 'tc'].map((name, i) => {
    return makeTable(random, name, i === 0 && largest !== undefined ? largest : pick(random, SIZES_SMALL));
  });
}

/** The table in memory. */
export function sourceOf(table: WorldTable): MemorySource {
  const vectors = table.columns.map((column, c) => vectorOfTexts(column.type, table.texts[c] ?? []));
  const schema = makeSchema(table.columns.map((column) => makeField(column.name, column.type)));
  return tableOfVectors(table.name, schema, vectors, table.rowCount, table.batchRows);
}

/** The table with the rows for which `keep` is true. */
export function keepRows(table: WorldTable, keep: (row: number) => boolean): WorldTable {
  const texts = table.texts.map((column) => column.filter((_, row) => keep(row)));
  return { ...table, texts, rowCount: texts[0]?.length ?? 0 };
}
