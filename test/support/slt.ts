/**
 * SQL text tests: files of statements and the answers they must give, in the manner of sqllogictest.
 *
 * A file is records with blank lines between, and `#` lines that tell the story:
 *
 *   table NAME               columns `name type | …`, then rows `value | …`; NULL is null, quotes may stand around
 *   statement ok             the SQL on the next lines runs
 *   statement error PATTERN  it fails: an error code, or a regular expression over `code: message`
 *   query TYPES [rowsort]    the SQL, a line `----`, then the rows; one letter a column (I integer, R float,
 *                            D decimal, T text, B boolean, X anything else); rowsort = order does not matter
 *
 * Hides nothing of what runs the SQL: a host is given, so that one corpus goes through the engine and every door.
 * UPDATE_GOLDEN=1 writes the answers into the file, to be read as a diff.
 */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { buildVector } from '../../src/arrow/build.ts';
import { makeField, makeSchema } from '../../src/arrow/schema.ts';
import type { DataType } from '../../src/arrow/type.ts';
import type { Vector } from '../../src/arrow/vector.ts';
import { EngineError, ERROR_TABLE } from '../../src/base/errors.ts';
import { castKernel, castKind } from '../../src/function/registry.ts';
import { byteRowsOf, rowText } from '../../src/function/byte-rows.ts';
import { binaryText } from '../../src/function/cast-text.ts';
import { familyOf } from '../../src/function/signature.ts';
import { isPresent } from '../../src/arrow/vector.ts';
import { makeReader } from '../../src/arrow/value.ts';
import { tableOfVectors } from './memory-source.ts';
import type { MemorySource } from './memory-source.ts';

/** What runs a file. */
export interface SltHost {
  /** Makes a table with rows. */
  load(table: MemorySource): Promise<void> | void;
  /** Runs one statement: rows of text, as `cellTexts` prints them. @throws EngineError */
  execute(sql: string): Promise<readonly (readonly string[])[]>;
}

interface Record {
  readonly head: string;
  readonly body: string[];
  /** Number of the head's line, from 1. */
  readonly line: number;
}

const SEPARATOR = ' | ';

function readRecords(text: string): Record[] {
  const records: Record[] = [];
  let open: Record | undefined;
  text.split('\n').forEach((line, i) => {
    if (line.startsWith('#')) return;
    if (line.trim() === '') {
      open = undefined;
    } else if (open === undefined) {
      open = { head: line.trim(), body: [], line: i + 1 };
      records.push(open);
    } else {
      open.body.push(line);
    }
  });
  return records;
}

const INT_TYPE = /^(u?)int(8|16|32|64)$/;
const DECIMAL_TYPE = /^decimal\((\d+),\s*(\d+)\)$/;
const TIMESTAMP_TYPE = /^timestamp\[(s|ms|us|ns)(, tz=(.+))?\]$/;
const UNITS = { s: 'second', ms: 'millisecond', us: 'microsecond', ns: 'nanosecond' } as const;
const PLAIN: Readonly<{ [name: string]: DataType }> = {
  bool: { id: 'bool' },
  float: { id: 'float', bitWidth: 32 },
  halffloat: { id: 'float', bitWidth: 16 },
  double: { id: 'float', bitWidth: 64 },
  string: { id: 'utf8' },
  large_string: { id: 'large_utf8' },
  string_view: { id: 'utf8_view' },
  binary: { id: 'binary' },
  date: { id: 'date', unit: 'day' },
  time: { id: 'time', unit: 'microsecond', bitWidth: 64 },
  interval: { id: 'interval', unit: 'month_day_nano' },
};

/** The type that a column of a `table` record names, as pyarrow prints it (short for dates and times). */
export function typeOfName(name: string): DataType {
  const int = INT_TYPE.exec(name);
  if (int !== null) return { id: 'int', bitWidth: Number(int[2]) as 8, signed: int[1] === '' };
  const decimal = DECIMAL_TYPE.exec(name);
  if (decimal !== null) {
    return { id: 'decimal', bitWidth: 128, precision: Number(decimal[1]), scale: Number(decimal[2]) };
  }
  const timestamp = TIMESTAMP_TYPE.exec(name);
  if (timestamp !== null) {
    return { id: 'timestamp', unit: UNITS[timestamp[1] as keyof typeof UNITS], timezone: timestamp[3] };
  }
  if (name === 'dictionary') {
    const index = { id: 'int', bitWidth: 8, signed: true } as const;
    return { id: 'dictionary', index, value: { id: 'utf8' }, ordered: false, dictionaryId: 0n };
  }
  const plain = PLAIN[name];
  assert(plain !== undefined, `no column type ${name}`);
  return plain;
}

/** Text values as a vector of any flat type, or of a dictionary of text. */
export function vectorOfTexts(type: DataType, texts: readonly (string | null)[]): Vector {
  if (type.id === 'dictionary') {
    const distinct = [...new Set(texts.filter((text) => text !== null))];
    const indexes = buildVector(
      type.index,
      texts.map((text) => (text === null ? null : distinct.indexOf(text))),
    );
    return { ...indexes, type, dictionary: buildVector(type.value, distinct) };
  }
  return castKernel({ id: 'utf8' }, type, false)([buildVector({ id: 'utf8' }, texts)], texts.length, type);
}

function readCell(cell: string): string | null {
  const trimmed = cell.trim();
  if (trimmed === 'NULL') return null;
  return trimmed.length >= 2 && trimmed.startsWith("'") && trimmed.endsWith("'") ? trimmed.slice(1, -1) : trimmed;
}

function readTable(record: Record): MemorySource {
  const [heading = '', ...lines] = record.body;
  const columns = heading.split('|').map((column) => {
    const [name = '', ...type] = column.trim().split(' ');
    return { name, type: typeOfName(type.join(' ')) };
  });
  const rows = lines.map((line) => line.split('|').map(readCell));
  for (const row of rows)
    assert.equal(row.length, columns.length, `a row of the table on line ${record.line.toString()}`);
  const vectors = columns.map(({ type }, c) => {
    return vectorOfTexts(
      type,
      rows.map((row) => row[c] ?? null),
    );
  });
  const schema = makeSchema(columns.map(({ name, type }) => makeField(name, type)));
  // Three rows a batch, so that every operator meets several.
  return tableOfVectors(record.head.slice('table '.length), schema, vectors, rows.length, 3);
}

/** The cells of a column as these files show them: NULL, (empty), text as it is, unions as JSON, all else as CAST … AS VARCHAR. */
export function cellTexts(vector: Vector, rowCount: number): readonly string[] {
  const family = familyOf(vector.type);
  if (family === 'nested' && castKind(vector.type, { id: 'utf8' }) === 'none') {
    const read = makeReader(vector);
    return Array.from({ length: rowCount }, (_, i) => {
      const value = read(i);
      return value === null
        ? 'NULL'
        : JSON.stringify(value, (_key, v: unknown) => (typeof v === 'bigint' ? v.toString() : v));
    });
  }
  const read = makeReader(vector);
  const isText = family === 'text';
  const printed =
    isText || family === 'binary'
      ? undefined
      : castKernel(vector.type, { id: 'utf8' }, false)([vector], rowCount, { id: 'utf8' });
  const rows = printed === undefined ? undefined : byteRowsOf(printed);
  return Array.from({ length: rowCount }, (_, i) => {
    if (printed !== undefined && rows !== undefined) return isPresent(printed, i) ? rowText(rows, i) : 'NULL';
    const value = read(i);
    if (value === null) return 'NULL';
    const text = value instanceof Uint8Array ? binaryText(value) : typeof value === 'string' ? value : '';
    return text === '' ? '(empty)' : text;
  });
}

function runError(record: Record, error: unknown): void {
  const wanted = record.head.slice('statement error'.length).trim();
  const where = `line ${record.line.toString()}: ${record.body.join(' ')}`;
  if (!(error instanceof EngineError)) throw new Error(`${where}: wanted an error ${wanted}, got ${String(error)}`);
  if (wanted in ERROR_TABLE) assert.equal(error.code, wanted, `${where}: ${error.message}`);
  else assert.match(`${error.code}: ${error.message}`, new RegExp(wanted), where);
}

async function runStatement(record: Record, host: SltHost): Promise<void> {
  const sql = record.body.join('\n');
  if (record.head === 'statement ok') {
    await host.execute(sql);
    return;
  }
  let failure: unknown = 'none';
  try {
    await host.execute(sql);
  } catch (error) {
    failure = error;
  }
  runError(record, failure);
}

/** Runs a query record; answers the rows as lines, in the order in which they are compared. */
async function runQuery(
  record: Record,
  host: SltHost,
): Promise<{ readonly wanted: string[]; readonly got: string[] }> {
  const cut = record.body.indexOf('----');
  assert(cut > 0, `line ${record.line.toString()}: a query has a line ----`);
  const [, types = '', mode = 'nosort'] = record.head.split(/\s+/);
  const rows = await host.execute(record.body.slice(0, cut).join('\n'));
  for (const row of rows) assert.equal(row.length, types.length, `line ${record.line.toString()}: columns`);
  const got = rows.map((row) => row.join(SEPARATOR).trimEnd());
  const wanted = record.body.slice(cut + 1).map((line) => line.trimEnd());
  if (mode === 'rowsort') {
    got.sort();
    wanted.sort();
  }
  return { wanted, got };
}

function rewrite(text: string, answers: ReadonlyMap<number, readonly string[]>): string {
  const out: string[] = [];
  let answer: readonly string[] | undefined;
  let skipping = false;
  text.split('\n').forEach((line, i) => {
    answer = answers.get(i + 1) ?? answer;
    if (line.trim() === '') skipping = false;
    if (!skipping) out.push(line);
    if (line === '----' && answer !== undefined) {
      out.push(...answer);
      answer = undefined;
      skipping = true;
    }
  });
  return out.join('\n');
}

/** The tables and the texts of the queries of a file, which are not run. */
export function readSltQueries(path: string): {
  readonly tables: readonly MemorySource[];
  readonly queries: readonly string[];
} {
  const records = readRecords(readFileSync(path, 'utf8'));
  return {
    tables: records.filter(({ head }) => head.startsWith('table ')).map(readTable),
    queries: records
      .filter(({ head }) => head.startsWith('query '))
      .map(({ body }) => body.slice(0, body.indexOf('----')).join('\n')),
  };
}

/** Runs every record of a file; answers how many. @throws AssertionError naming the line of the first that fails */
export async function runSltFile(path: string, host: SltHost): Promise<number> {
  const text = readFileSync(path, 'utf8');
  const answers = new Map<number, readonly string[]>();
  const updates = process.env['UPDATE_GOLDEN'] === '1';
  let count = 0;
  for (const record of readRecords(text)) {
    count++;
    if (record.head.startsWith('table ')) {
      await host.load(readTable(record));
    } else if (record.head.startsWith('statement ')) {
      await runStatement(record, host);
    } else if (record.head.startsWith('query ')) {
      const { wanted, got } = await runQuery(record, host).catch((error: unknown) => {
        throw new Error(`${path}:${record.line.toString()}: ${record.body.join(' ')}: ${String(error)}`, {
          cause: error,
        });
      });
      if (updates) answers.set(record.line, got);
      else assert.deepEqual(got, wanted, `${path}:${record.line.toString()}: ${record.body.join('\n')}`);
    } else {
      assert.fail(`${path}:${record.line.toString()}: no such record: ${record.head}`);
    }
  }
  if (updates) writeFileSync(path, rewrite(text, answers));
  return count;
}
