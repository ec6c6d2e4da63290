/**
 * Our answers against DuckDB's: random tables, generated SQL, compared by value.
 *
 * Method: a table with one column of nearly every flat type (nulls, NaN, -0, infinities, extremes, empty and
 * non-ASCII text) is written as an Arrow file for DuckDB and kept in memory for us. Generated queries run on both.
 * Elementwise results must be equal (floats exactly, but for the signs of zero and NaN), sums and means of floats
 * within 1e-9. Where one side fails the other must fail too, but for these: sum overflows (ours is int64), products
 * of decimals that DuckDB keeps to 18 digits (ours has 38), WHERE, where DuckDB may not evaluate what we do, and AND,
 * OR, CASE, coalesce, where we may not evaluate what DuckDB does. The seed is fixed in the suite; SEED=n takes
 * another, ROUNDS=n runs longer.
 */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { buildVector } from '../../src/arrow/build.ts';
import { makeField, makeSchema } from '../../src/arrow/schema.ts';
import type { DataType } from '../../src/arrow/type.ts';
import { makeReader } from '../../src/arrow/value.ts';
import type { Value } from '../../src/arrow/value.ts';
import { EngineError } from '../../src/base/errors.ts';
import { castKernel } from '../../src/function/registry.ts';
import { runPlan } from '../../src/exec/exec.ts';
import { planStatement } from '../../src/plan/plan.ts';
import { streamBytes } from '../support/ipc.ts';
import { catalogOf, tableOfVectors } from '../support/memory-source.ts';
import type { MemorySource } from '../support/memory-source.ts';
import { pythonPath, PYTHON_MISSING, runPython } from '../support/python.ts';
import { makeRandom } from '../support/random.ts';
import type { Random } from '../support/random.ts';
import { vectorOfTexts } from '../support/slt.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const ROWS = 200;

function int(bitWidth: 8 | 16 | 32 | 64, signed: boolean): DataType {
  return { id: 'int', bitWidth, signed };
}

/** Columns: name, type, and values that are likely besides small random integers. */
const COLUMNS: readonly (readonly [string, DataType, readonly string[]])[] = [
  ['i8', int(8, true), ['127', '-128', '0']],
  ['i16', int(16, true), ['32767', '-32768', '0']],
  ['i32', int(32, true), ['2147483647', '-2147483648', '0']],
  ['i64', int(64, true), ['9223372036854775807', '-9223372036854775808', '9007199254740993', '0']],
  ['u8', int(8, false), ['255', '0']],
  ['u16', int(16, false), ['65535', '0']],
  ['u32', int(32, false), ['4294967295', '0']],
  ['u64', int(64, false), ['18446744073709551615', '9223372036854775808', '0']],
  ['f32', { id: 'float', bitWidth: 32 }, ['nan', 'inf', '-inf', '-0.0', '0.1', '3.4e38', '1e-45', '16777217']],
  ['f64', { id: 'float', bitWidth: 64 }, ['nan', 'inf', '-inf', '-0.0', '0.1', '1e308', '5e-324', '-2.5', '3.5']],
  [
    'm',
    { id: 'decimal', bitWidth: 128, precision: 12, scale: 3 },
    ['999999999.999', '-999999999.999', '0.001', '-2.500'],
  ],
  ['s', { id: 'utf8' }, ['', 'a', 'ab', 'äb', 'ÄB', 'zebra crossing', 'zebra', '🙂', '7', '-1.5', ' 12 ']],
  ['v', { id: 'utf8_view' }, ['', 'a', 'a text of more than twelve bytes', 'a text of more than twelve bytez', 'Z']],
  [
    'd',
    {
      id: 'dictionary',
      index: { id: 'int', bitWidth: 8, signed: true },
      value: { id: 'utf8' },
      ordered: false,
      dictionaryId: 0n,
    },
    ['red', 'green', '', 'blue'],
  ],
  ['b', { id: 'bool' }, ['true', 'false']],
  ['dt', { id: 'date', unit: 'day' }, ['1970-01-01', '1969-12-31', '2024-02-29', '0001-01-01', '9999-12-31']],
  [
    'ts',
    { id: 'timestamp', unit: 'microsecond', timezone: undefined },
    ['1970-01-01 00:00:00', '1969-12-31 23:59:59.999999', '2024-02-29 12:34:56.789'],
  ],
];
/** Small integers, which rarely overflow. */
const TAME = ['t1', 't2', 't3'];
const NUMERIC = ['i8', 'i16', 'i32', 'i64', 'u8', 'u16', 'u32', 'u64', 'f32', 'f64', 'm', ...TAME];
const TEXT = ['s', 'v', 'd'];
const CAST_TARGETS = ['TINYINT', 'SMALLINT', 'INTEGER', 'BIGINT', 'UBIGINT', 'DOUBLE', 'FLOAT', 'DECIMAL(18, 2)'];
const PATTERNS = ["'%a%'", "'_'", "'a%'", "'%b'", "'ä_'"];

function pick<T>(random: Random, values: readonly T[]): T {
  return values[Math.floor(random() * values.length)] as T;
}

function randomText(random: Random, type: DataType, edges: readonly string[]): string | null {
  const roll = random();
  if (roll < 0.15) return null;
  if (roll < 0.5 || !['int', 'float', 'decimal'].includes(type.id)) return pick(random, edges);
  const size = Math.floor(random() * 50);
  return type.id === 'int' && !type.signed ? size.toString() : (size - 25).toString();
}

function makeTable(random: Random): MemorySource {
  const tame = TAME.map((name): readonly [string, DataType, readonly string[]] => [name, int(32, true), ['0', '1']]);
  const all = [...COLUMNS, ...tame];
  const vectors = all.map(([, type, edges]) => {
    return vectorOfTexts(
      type,
      Array.from({ length: ROWS }, () => randomText(random, type, edges)),
    );
  });
  const ids = buildVector(
    int(32, true),
    Array.from({ length: ROWS }, (_, i) => i),
  );
  const fields = [makeField('id', int(32, true)), ...all.map(([name, type]) => makeField(name, type))];
  return tableOfVectors('t', makeSchema(fields), [ids, ...vectors], ROWS, 64);
}

/** Makes SQL. `depth` bounds nesting. */
class Generator {
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  #one<T>(...values: readonly T[]): T {
    return pick(this.#random, values);
  }

  number(depth: number): string {
    const random = this.#random;
    if (depth === 0 || random() < 0.2) {
      return random() < 0.75
        ? pick(random, random() < 0.5 ? TAME : NUMERIC)
        : this.#one('0', '1', '-3', '2.5', '7', '1e0');
    }
    const a = (): string => this.number(depth - 1);
    return this.#one(
      () => `(${a()} ${this.#one('+', '-', '*', '/', '//', '%')} ${a()})`,
      () => `(- ${a()})`,
      () => `abs(${a()})`,
      () => `coalesce(${a()}, ${a()})`,
      () => `nullif(${a()}, ${a()})`,
      () => `CASE WHEN ${this.condition(depth - 1)} THEN ${a()} ELSE ${a()} END`,
      () => `CASE WHEN ${this.condition(depth - 1)} THEN ${a()} END`,
      () => `TRY_CAST(${a()} AS ${this.#one(...CAST_TARGETS)})`,
      () => `TRY_CAST(${pick(this.#random, TEXT)} AS ${this.#one('INTEGER', 'DOUBLE', 'DECIMAL(9, 1)')})`,
      () => `length(${this.text(depth - 1)})`,
    )();
  }

  text(depth: number): string {
    if (depth === 0 || this.#random() < 0.4)
      return this.#random() < 0.8 ? pick(this.#random, TEXT) : this.#one("'a'", "''", "'ÄB'");
    const a = (): string => this.text(depth - 1);
    return this.#one(
      () => `(${a()} || ${a()})`,
      () => `lower(${a()})`,
      () => `upper(${a()})`,
      () => `coalesce(${a()}, ${a()})`,
      () => `CASE WHEN ${this.condition(depth - 1)} THEN ${a()} ELSE ${a()} END`,
      () => `CAST(${this.#one('i8', 'i64', 'u64', 'f64', 'f32', 'b', 'm', 'dt', 'ts')} AS VARCHAR)`,
    )();
  }

  condition(depth: number): string {
    const compare = this.#one('=', '<>', '<', '<=', '>', '>=', 'IS DISTINCT FROM', 'IS NOT DISTINCT FROM');
    const leaf = (): string =>
      this.#one(
        () => `(${this.number(1)} ${compare} ${this.number(1)})`,
        () => `(${this.text(1)} ${compare} ${this.text(1)})`,
        () => `(dt ${compare} ${this.#one('dt', 'ts', "'2024-02-29'")})`,
        () => `(ts ${compare} ${this.#one('dt', 'ts', "'1970-01-01'")})`,
        () => `(${pick(this.#random, [...NUMERIC, ...TEXT, 'b', 'dt'])} IS ${this.#one('', 'NOT ')}NULL)`,
        () => `(${this.text(0)} ${this.#one('LIKE', 'ILIKE', 'NOT LIKE')} ${this.#one(...PATTERNS)})`,
        () => `(${this.number(0)} ${this.#one('IN', 'NOT IN')} (1, ${this.number(0)}, ${this.#one('NULL', '3')}))`,
        () => `(${pick(this.#random, TAME)} BETWEEN ${this.number(0)} AND ${this.number(0)})`,
        () => 'b',
      )();
    if (depth === 0 || this.#random() < 0.3) return leaf();
    const a = (): string => this.condition(depth - 1);
    return this.#one(
      () => `(${a()} AND ${a()})`,
      () => `(${a()} OR ${a()})`,
      () => `(NOT ${a()})`,
      () => `(${a()} IS ${this.#one('TRUE', 'NOT TRUE', 'FALSE')})`,
      leaf,
    )();
  }

  aggregate(): string {
    return this.#one(
      () => 'count(*)',
      () => `count(${this.#one('', 'DISTINCT ')}${this.#one(...NUMERIC, ...TEXT, 'b', 'dt')})`,
      () => `sum(${this.#one('', 'DISTINCT ')}${this.#one('i8', 'i16', 'i32', 'u8', 'u32', 'm', 't1', 't2', 'i64')})`,
      () => `avg(${this.#one('i8', 'i64', 'u64', 'u32', 'm', 't1')})`,
      () => `${this.#one('min', 'max')}(${this.#one(...NUMERIC, ...TEXT, 'dt', 'ts', 'b')})`,
      () => `${this.#one('sum', 'avg')}(CAST(t1 AS DOUBLE))`,
      () => `${this.#one('min', 'max', 'sum')}(t1 + t2)`,
    )();
  }

  query(): string {
    const where = this.#random() < 0.5 ? ` WHERE ${this.condition(2)}` : '';
    return this.#one(
      () => `SELECT id, ${this.number(2)} AS x, ${this.condition(2)} AS y, ${this.text(2)} AS z FROM t ORDER BY id`,
      () => `SELECT id, ${this.number(3)} AS x FROM t ORDER BY id`,
      () => `SELECT id, ${this.text(1)} AS x FROM t${where} ORDER BY id`,
      () => `SELECT ${this.aggregate()} AS x, ${this.aggregate()} AS y FROM t${where}`,
      () => {
        const key = this.#one(...NUMERIC, ...TEXT, 'b', 'dt', 'ts');
        const two = `${this.aggregate()} AS x, ${this.aggregate()} AS y`;
        return `SELECT ${key} AS k, ${two} FROM t${where} GROUP BY ${key} ORDER BY min(id)`;
      },
      () => {
        const [a, b] = [this.#one(...NUMERIC, ...TEXT, 'b'), this.#one(...TEXT, 'dt', 't1')];
        return `SELECT ${a} AS a, ${b} AS b, ${this.aggregate()} AS x FROM t GROUP BY ${a}, ${b} ORDER BY min(id)`;
      },
      () => {
        const key = this.#one(...NUMERIC, ...TEXT, 'b', 'dt', 'ts');
        const way = `${this.#one('ASC', 'DESC')} NULLS ${this.#one('FIRST', 'LAST')}`;
        const second = this.#one(...NUMERIC, ...TEXT);
        const limit = this.#one('', ' LIMIT 7', ' LIMIT 5 OFFSET 3');
        return `SELECT id, ${key} AS x FROM t${where} ORDER BY ${key} ${way}, ${second}, id${limit}`;
      },
    )();
  }
}

const DUCKDB = `
import sys, json, datetime, decimal, math
import duckdb, pyarrow as pa
given = json.load(sys.stdin)
with pa.ipc.open_stream(given["file"]) as reader:
    table = reader.read_all()
db = duckdb.connect()
db.execute("SET threads = 1; SET timezone = 'UTC'; SET error_on_division_by_zero = false")
# Rewrites may take an overflow away: -i8 = 1 becomes i8 = -1.
db.execute("PRAGMA disable_optimizer")
db.register("arrow_t", table)
db.execute("CREATE TABLE t AS SELECT * FROM arrow_t")
def cell(value):
    if value is None: return None
    if isinstance(value, bool): return ["bool", "true" if value else "false"]
    if isinstance(value, float): return ["number", "nan" if math.isnan(value) else repr(value)]
    if isinstance(value, decimal.Decimal): return ["number", format(value, "f")]
    if isinstance(value, int): return ["number", str(value)]
    if isinstance(value, datetime.datetime): return ["text", value.isoformat(" ")]
    if isinstance(value, datetime.date): return ["text", value.isoformat()]
    return ["text", str(value)]
out = []
for sql in given["queries"]:
    try:
        out.append({"rows": [[cell(v) for v in row] for row in db.execute(sql).fetchall()]})
    except Exception as error:
        out.append({"error": str(error)})
json.dump(out, sys.stdout)
`;

type Cell = readonly ['number' | 'text' | 'bool', string] | null;

interface Outcome {
  readonly rows?: readonly (readonly Cell[])[];
  readonly error?: string;
}

function cellOf(type: DataType, value: Value): Cell {
  if (value === null) return null;
  const text = typeof value === 'object' ? JSON.stringify(value) : String(value);
  if (type.id === 'bool') return ['bool', text];
  if (type.id === 'float') return ['number', Object.is(value, -0) ? '-0.0' : text.toLowerCase()];
  if (type.id === 'int' || type.id === 'decimal') return ['number', text];
  return ['text', text];
}

async function runOurs(sql: string, table: MemorySource): Promise<Outcome> {
  try {
    const planned = planStatement(sql, catalogOf([table]));
    assert(planned.kind === 'query');
    const rows: Cell[][] = [];
    for await (const batch of runPlan(planned.plan)) {
      const columns = batch.columns.map((column) => {
        const temporal = column.type.id === 'date' || column.type.id === 'timestamp';
        const text: DataType = { id: 'utf8' };
        const shown = temporal ? castKernel(column.type, text, false)([column], batch.rowCount, text) : column;
        const read = makeReader(shown);
        return Array.from({ length: batch.rowCount }, (_, i) => cellOf(shown.type, read(i)));
      });
      for (let i = 0; i < batch.rowCount; i++) rows.push(columns.map((cells) => cells[i] ?? null));
    }
    return { rows };
  } catch (error) {
    if (!(error instanceof EngineError)) throw new Error(`${sql}: ${String(error)}`, { cause: error });
    return { error: `${error.code}: ${error.message}` };
  }
}

/** Numbers by value: 1.50 is 1.5; floats within 1e-9 relative when they come out of sums. */
function sameNumber(a: string, b: string, tolerance: number): boolean {
  if (a === b) return true;
  const [x, y] = [Number(a), Number(b)];
  if (Number.isNaN(x) || Number.isNaN(y)) return Number.isNaN(x) && Number.isNaN(y);
  const isInteger = /^-?\d+$/;
  if (isInteger.test(a) && isInteger.test(b)) return false;
  return x === y || Math.abs(x - y) <= tolerance * Math.max(Math.abs(x), Math.abs(y));
}

/** Text without NaN's sign, and moments without the zeros that Python adds. */
function plainText(text: string): string {
  return text.replace('-nan', 'nan').replace(/^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d*?)0+$/, '$1');
}

function sameCell(a: Cell | undefined, b: Cell | undefined, tolerance: number): boolean {
  if (a === null || b === null || a === undefined || b === undefined) return a === b;
  if (a[0] === 'number' && b[0] === 'number')
    return sameNumber(a[1].replace('infinity', 'Infinity'), b[1].replace('inf', 'Infinity'), tolerance);
  return plainText(a[1]) === plainText(b[1]);
}

/** Where we may leave an argument out that DuckDB evaluates. */
const LAZY = /\b(AND|OR|CASE|coalesce)\b/;

function difference(sql: string, ours: Outcome, theirs: Outcome): string | undefined {
  if (ours.error !== undefined || theirs.error !== undefined) {
    if (ours.error !== undefined && theirs.error !== undefined) return undefined;
    if (theirs.error?.includes('DECIMAL(18)') === true) return undefined;
    if (ours.rows !== undefined && LAZY.test(sql) && theirs.error?.includes('Overflow') === true) return undefined;
    if (ours.error?.includes('overflow in sum') === true || sql.includes(' WHERE ')) return undefined;
    return `ours: ${ours.error ?? 'rows'}; DuckDB: ${theirs.error ?? 'rows'}`;
  }
  const [a, b] = [ours.rows ?? [], theirs.rows ?? []];
  // DuckDB meets decimals with integers of 128 bits as doubles; we keep 38 digits.
  const inexact = /\bm\b/.test(sql) && /\bu64\b/.test(sql);
  const tolerance = inexact ? 1e-6 : /\b(sum|avg)\(/.test(sql) ? 1e-9 : 0;
  if (a.length !== b.length) return `${a.length.toString()} rows, DuckDB ${b.length.toString()}`;
  for (let i = 0; i < a.length; i++) {
    const [left, right] = [a[i] ?? [], b[i] ?? []];
    for (let c = 0; c < right.length; c++) {
      if (!sameCell(left[c], right[c], tolerance))
        return `row ${i.toString()}: ${JSON.stringify(left)}, DuckDB ${JSON.stringify(right)}`;
    }
  }
  return undefined;
}

test(
  'generated queries answer as DuckDB does',
  { skip: pythonPath() === undefined ? PYTHON_MISSING : false },
  async (t) => {
    const seed = Number(process.env['SEED'] ?? 20_261_124);
    const rounds = Number(process.env['ROUNDS'] ?? 400);
    t.diagnostic(`seed ${seed.toString()}, ${rounds.toString()} queries`);
    const random = makeRandom(seed);
    const table = makeTable(random);
    const file = join(temporaryDirectory(t), 't.arrows');
    writeFileSync(file, await streamBytes(table.schema, table.batches));
    const generator = new Generator(random);
    const queries = Array.from({ length: rounds }, () => generator.query());
    const input = Buffer.from(JSON.stringify({ file, queries }));
    const answer = await runPython(DUCKDB, [], { input });
    assert.equal(answer.status, 0, answer.stderr);
    const theirs = JSON.parse(answer.stdout) as Outcome[];
    const differences: string[] = [];
    let compared = 0;
    for (const [i, sql] of queries.entries()) {
      const ours = await runOurs(sql, table);
      const found = difference(sql, ours, theirs[i] ?? {});
      if (found !== undefined) differences.push(`${sql}\n    ${found}`);
      if (ours.rows !== undefined) compared++;
    }
    t.diagnostic(`${compared.toString()} of ${rounds.toString()} queries gave rows that were compared`);
    assert.deepEqual(differences, [], `seed ${seed.toString()}`);
    assert(compared > rounds / 4, 'most queries should run');
  },
);
