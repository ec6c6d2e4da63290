/**
 * Generated code against the interpreter: random typed columns, random SQL, equal answers.
 *
 * Method: tables with a column of each fixed width type and of dictionaries (nulls, NaN, -0, infinities, extremes), cut
 * into batches of one size each time, sizes around the blocks and batches of the product. Each generated query runs on
 * operators and, compiled wherever it can be, on the same plan, with the optimiser or without. Rows, their order and
 * types must be equal, floats by their bits but for NaN; sums and means of floats without groups within 1e-9 of the
 * sum of sizes, for they are added in another order; errors must have equal code and text. How many operators were
 * compiled is counted, so that the test cannot pass by compiling nothing. SEED=n takes another seed, ROUNDS=n runs
 * longer.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeField, makeSchema } from '../../src/arrow/schema.ts';
import type { DataType } from '../../src/arrow/type.ts';
import { typeName } from '../../src/arrow/type.ts';
import { makeReader } from '../../src/arrow/value.ts';
import { EngineError } from '../../src/base/errors.ts';
import { compiledOperators } from '../../src/exec/compiled-pipeline.ts';
import type { CompileMode } from '../../src/exec/compiled-pipeline.ts';
import { runPlan } from '../../src/exec/exec.ts';
import { PASS_NAMES } from '../../src/plan/optimize.ts';
import type { PhysicalPlan } from '../../src/plan/physical.ts';
import { planStatement } from '../../src/plan/plan.ts';
import { catalogOf, MemorySource, tableOfVectors } from '../support/memory-source.ts';
import { makeRandom } from '../support/random.ts';
import type { Random } from '../support/random.ts';
import { vectorOfTexts } from '../support/slt.ts';

function int(bitWidth: 8 | 16 | 32 | 64, signed: boolean): DataType {
  return { id: 'int', bitWidth, signed };
}

function decimal(precision: number, scale: number): DataType {
  return { id: 'decimal', bitWidth: 128, precision, scale };
}

/** Name, type, and values that are likely besides small integers. */
const COLUMNS: readonly (readonly [string, DataType, readonly string[]])[] = [
  ['i8', int(8, true), ['127', '-128', '0', '-1']],
  ['i16', int(16, true), ['32767', '-32768', '0']],
  ['i32', int(32, true), ['2147483647', '-2147483648', '0', '-1']],
  ['i64', int(64, true), ['9223372036854775807', '-9223372036854775808', '9007199254740993', '-1', '3037000500']],
  ['u8', int(8, false), ['255', '0']],
  ['u16', int(16, false), ['65535', '0']],
  ['u32', int(32, false), ['4294967295', '0']],
  ['u64', int(64, false), ['18446744073709551615', '9223372036854775808', '0', '4294967296']],
  ['f32', { id: 'float', bitWidth: 32 }, ['nan', 'inf', '-inf', '-0.0', '0', '0.1', '3.4e38', '1e-45']],
  [
    'f64',
    { id: 'float', bitWidth: 64 },
    ['nan', 'inf', '-inf', '-0.0', '0', '0.1', '1e308', '5e-324', '-2.5', '3.5'],
  ],
  ['m', decimal(30, 2), ['9999999999999999999999999999.99', '-9999999999999999999999999999.99', '0.01', '-2.50']],
  ['p', decimal(15, 2), ['9999999999999.99', '-9999999999999.99', '0.01', '-0.05', '21474836.47', '-21474836.48']],
  [
    'w',
    decimal(38, 3),
    ['99999999999999999999999999999999999.999', '-0.001', '9223372036854775.807', '1844674407370955.1615'],
  ],
  ['x', decimal(4, 2), ['99.99', '-99.99', '0.50', '-0.50', '1.50']],
  ['b', { id: 'bool' }, ['true', 'false']],
  [
    'dt',
    { id: 'date', unit: 'day' },
    ['1970-01-01', '1969-12-31', '2024-02-29', '0001-01-01', '1900-03-01', '9999-12-31'],
  ],
  ['tm', { id: 'time', unit: 'microsecond', bitWidth: 64 }, ['00:00:00', '23:59:59.999999']],
  [
    'ts',
    { id: 'timestamp', unit: 'microsecond', timezone: undefined },
    ['1970-01-01 00:00:00', '1969-12-31 23:59:59'],
  ],
  ['d', dictionary(8), ['red', 'green', '', 'blue', 'äöü']],
  ['e', dictionary(32), ['one', 'two', 'three']],
  ['s', { id: 'utf8' }, ['', 'a', 'b', 'green', 'a green tree', 'seven__', 'eight___', 'äöü', 'longer than a word']],
  ['t1', int(32, true), ['0', '1']],
  ['t2', int(64, true), ['0', '1']],
];
const NUMERIC = ['i8', 'i16', 'i32', 'i64', 'u8', 'u16', 'u32', 'u64', 'f32', 'f64', 't1', 't2'];
const DECIMALS = ['m', 'p', 'p', 'w', 'x', 'x'];
const KEYS = [...NUMERIC, 'm', 'p', 'b', 'dt', 'tm', 'ts', 'd', 'e', 's', 's'];
const CASTS = ['TINYINT', 'SMALLINT', 'INTEGER', 'BIGINT', 'UTINYINT', 'UINTEGER', 'UBIGINT', 'DOUBLE', 'FLOAT'];

function dictionary(bitWidth: 8 | 32): DataType {
  const index = { id: 'int', bitWidth, signed: true } as const;
  return { id: 'dictionary', index, value: { id: 'utf8' }, ordered: false, dictionaryId: 0n };
}

function pick<T>(random: Random, values: readonly T[]): T {
  return values[Math.floor(random() * values.length)] as T;
}

/** `wild`: how often a value is an edge. */
function randomTexts(
  random: Random,
  rows: number,
  type: DataType,
  edges: readonly string[],
  wild: number,
): (string | null)[] {
  const nulls = pick(random, [0, 0, 0.1, 0.5]);
  const isNumber = type.id === 'int' || type.id === 'float' || type.id === 'decimal';
  return Array.from({ length: rows }, () => {
    if (random() < nulls) return null;
    if (!isNumber || random() < wild) return pick(random, edges);
    const size = Math.floor(random() * 40);
    return type.id === 'int' && !type.signed ? size.toString() : (size - 20).toString();
  });
}

function makeTable(random: Random, rows: number, batchRows: number): MemorySource {
  const wild = pick(random, [0, 0.01, 0.3]);
  const vectors = COLUMNS.map(([name, type, edges]) => {
    return vectorOfTexts(type, randomTexts(random, rows, type, edges, name.startsWith('t') ? 0.1 : wild));
  });
  const fields = COLUMNS.map(([name, type], i) =>
    makeField(name, type, (vectors[i]?.nullCount ?? 0) > 0 || random() < 0.5),
  );
  const table = tableOfVectors('t', makeSchema(fields), vectors, rows, batchRows);
  // Batches with dictionaries of their own, so that indexes mean other values.
  const batches = table.batches.map((batch) => {
    const columns = batch.columns.map((column) => {
      if (column.type.id !== 'dictionary' || random() < 0.7) return column;
      const read = makeReader(column);
      const texts = Array.from({ length: batch.rowCount }, (_, i) => read(i) as string | null).toReversed();
      const remade = vectorOfTexts(column.type, texts);
      return remade.dictionary === undefined ? column : remade;
    });
    return { ...batch, columns };
  });
  return new MemorySource('t', table.schema, batches);
}

/** Makes SQL. */
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
      return random() < 0.8
        ? pick(random, NUMERIC)
        : this.#one('0', '1', '-3', '2.5::DOUBLE', '7', "'nan'::DOUBLE", 'NULL');
    }
    const a = (): string => this.number(depth - 1);
    return this.#one(
      () => `(${a()} ${this.#one('+', '-', '*', '/', '//', '%')} ${a()})`,
      () => `(${this.#one('t1', 't2')} ${this.#one('+', '-', '*', '//', '%')} ${this.#one('t1', 't2', '5', 'i64')})`,
      () => `(- ${a()})`,
      () => `abs(${a()})`,
      () => `coalesce(${a()}, ${a()})`,
      () => `nullif(${a()}, ${a()})`,
      () =>
        `CASE WHEN ${this.condition(depth - 1)} THEN ${a()} WHEN ${this.condition(0)} THEN ${a()} ELSE ${a()} END`,
      () => `CASE WHEN ${this.condition(depth - 1)} THEN ${a()} END`,
      () => `${this.#one('CAST', 'TRY_CAST', 'TRY_CAST')}(${a()} AS ${this.#one(...CASTS)})`,
      () => '(dt - dt)',
      () => 'CAST(b AS INTEGER)',
      () => `CAST(${this.decimal(depth - 1)} AS DOUBLE)`,
      () => `${this.#one('CAST', 'TRY_CAST')}(${this.decimal(depth - 1)} AS ${this.#one(...CASTS)})`,
      () => `${this.#one('year', 'quarter', 'month', 'day', 'dayofweek', 'isodow')}(${this.#one('dt', 'ts')})`,
    )();
  }

  decimal(depth: number): string {
    const random = this.#random;
    if (depth <= 0 || random() < 0.2) {
      return random() < 0.8 ? pick(random, DECIMALS) : this.#one('0.05', '1', '-100.00', 'NULL::DECIMAL(5, 1)');
    }
    const a = (): string => this.decimal(depth - 1);
    const type = this.#one('DECIMAL(38, 2)', 'DECIMAL(15, 2)', 'DECIMAL(18, 6)', 'DECIMAL(9, 0)', 'DECIMAL(38, 12)');
    return this.#one(
      () => `(${a()} ${this.#one('+', '-', '*')} ${a()})`,
      () => `(x ${this.#one('+', '-', '*')} ${this.#one('x', 'p', '(1 - x)', 't1')})`,
      () => `(- ${a()})`,
      () => `abs(${a()})`,
      () => `coalesce(${a()}, ${a()})`,
      () => `nullif(${a()}, ${a()})`,
      () => `CASE WHEN ${this.condition(0)} THEN ${a()} WHEN ${this.condition(0)} THEN ${a()} ELSE ${a()} END`,
      () => `${this.#one('CAST', 'TRY_CAST', 'TRY_CAST')}(${a()} AS ${type})`,
      () => `${this.#one('CAST', 'TRY_CAST')}(${this.#one(...NUMERIC, 'b')} AS ${type})`,
    )();
  }

  condition(depth: number): string {
    const compare = this.#one('=', '<>', '<', '<=', '>', '>=', 'IS DISTINCT FROM', 'IS NOT DISTINCT FROM');
    const leaf = (): string =>
      this.#one(
        () => `(${this.number(1)} ${compare} ${this.number(1)})`,
        () =>
          `(${this.#one('f32', 'f64', 'i64', 'u64', 't1')} ${compare} ${this.#one('0', '1', '3', "'nan'::DOUBLE")})`,
        () => `(m ${compare} ${this.#one('m', '0.5', '12')})`,
        () => `(${this.#one('d', 'e')} ${compare} ${this.#one("'red'", "'two'", "''")})`,
        () => `(d ${this.#one('', 'NOT ')}LIKE ${this.#one("'%e%'", "'r%'", "'_'")})`,
        () => `(${this.decimal(1)} ${compare} ${this.decimal(1)})`,
        () => `(s ${compare} ${this.#one("'a'", "'green'", "'longer than a word'", "''")})`,
        () =>
          `(s ${this.#one('', 'NOT ')}LIKE ${this.#one("'%green%'", "'a%'", "'%e'", "'%e%r%'", "'a'", "'%'", "'l_n%'")})`,
        () => `(s ${this.#one('', 'NOT ')}IN ('a', 'green', ${this.#one("'eight___'", 'NULL', 's')}))`,
        () => `(dt ${compare} ${this.#one('dt', "DATE '2000-01-01'", 'dt + t1')})`,
        () => `(ts ${compare} ${this.#one('ts', "TIMESTAMP '1970-01-01 00:00:00'")})`,
        () => `(${this.#one(...KEYS, 's')} IS ${this.#one('', 'NOT ')}NULL)`,
        () => `(${this.number(0)} ${this.#one('IN', 'NOT IN')} (1, ${this.number(0)}, ${this.#one('NULL', '3')}))`,
        () => `(${this.number(0)} BETWEEN ${this.number(0)} AND ${this.number(0)})`,
        () => 'b',
        () => "(d IN ('red', 'blue') OR b)",
      )();
    if (depth === 0 || this.#random() < 0.3) return leaf();
    const a = (): string => this.condition(depth - 1);
    return this.#one(
      () => `(${a()} AND ${a()})`,
      () => `(${a()} OR ${a()})`,
      () => `(NOT ${a()})`,
      () => `(${a()} IS ${this.#one('TRUE', 'NOT TRUE', 'FALSE', 'NOT FALSE')})`,
      leaf,
    )();
  }

  aggregate(): string {
    const filter = this.#random() < 0.15 ? ` FILTER (WHERE ${this.condition(0)})` : '';
    return `${this.#plainAggregate()}${filter}`;
  }

  #plainAggregate(): string {
    return this.#one(
      () => `${this.#one('sum', 'avg', 'min', 'max')}(${this.#one(...DECIMALS)})`,
      () => `${this.#one('sum', 'avg', 'min', 'max', 'count')}(${this.decimal(2)})`,
      () => `${this.#one('min', 'max', 'first')}(${this.#one('s', 'd', 'x')})`,
      () => `count(DISTINCT ${this.#one('s', 't1', 'x', 'd')})`,
      () => 'count(*)',
      () => `count(${this.#one(...KEYS, 's')})`,
      () => `${this.#one('sum', 'avg')}(${this.#one(...NUMERIC, 'm')})`,
      () => `${this.#one('sum', 'avg')}(${this.#one('t1', 't2', 'i8')})`,
      () => `${this.#one('min', 'max')}(${this.#one(...NUMERIC, 'm', 'dt', 'tm', 'ts')})`,
      () => `${this.#one('sum', 'min', 'max', 'count', 'avg')}(${this.number(2)})`,
    )();
  }

  /** Aggregates that run two rows at a time over columns without nulls. */
  #lanes(): string {
    const column = (): string => this.#one('i64', 'i32', 'u32', 'f64', 't1', 't2', 'dt', 'ts');
    const double = (): string => this.#one('f64', '(f64 * 2.0::DOUBLE)', '(f64 + f64)', '(1.0::DOUBLE / f64)');
    const operator = this.#one('=', '<>', '<', '<=', '>', '>=');
    const test = (): string =>
      this.#one(
        () => `${this.#one('i64', 't2')} ${operator} ${this.#one('t2', '3')}`,
        () => `${double()} ${operator} ${this.#one('f64', '0.5::DOUBLE', "'nan'::DOUBLE")}`,
        () => `t1 ${this.#one('IN (1, 2, 3)', 'BETWEEN 0 AND 5')}`,
      )();
    const items = [
      `sum(${this.#one('i64', 't1', 't2', 'u32')})`,
      `count(${column()})`,
      `sum(${double()})`,
      'count(*)',
    ];
    const more = `${this.#one('min', 'max')}(${this.#one('i64', 'i32', 'u32', 't1', 'dt', 'ts')})`;
    const where = this.#one('', ` WHERE ${test()}`, ` WHERE ${test()} ${this.#one('AND', 'OR')} NOT (${test()})`);
    return `SELECT ${this.#one(...items)}, ${this.#one(...items)}, ${more} FROM t${where}`;
  }

  query(): string {
    const from = this.#random() < 0.8 ? 't' : '(SELECT *, t1 + 1.0::DOUBLE AS z, NOT b AS y FROM t) q';
    const where = this.#random() < 0.6 ? ` WHERE ${this.condition(2)}` : '';
    const aggregates = Array.from({ length: 1 + Math.floor(this.#random() * 3) }, () => this.aggregate()).join(', ');
    const keys = Array.from({ length: 1 + Math.floor(this.#random() * 2) }, () => {
      return this.#random() < 0.7
        ? pick(this.#random, KEYS)
        : this.#one(
            () => this.number(1),
            () => this.decimal(1),
            () => this.condition(0),
            () =>
              this.#one(
                'upper(s)',
                "s || 'x'",
                'length(s)',
                'CAST(t1 AS VARCHAR)',
                'CAST(i8 AS VARCHAR)',
                'year(dt)',
              ),
          )();
    });
    return this.#one(
      () => `SELECT ${this.number(3)} AS a, ${this.condition(2)} AS y, s, d, i64 FROM ${from}${where}`,
      () => `SELECT ${this.decimal(3)} AS a, ${this.decimal(2)} AS c FROM ${from}${where}`,
      () => `SELECT * FROM ${from} WHERE ${this.condition(2)}`,
      () => `SELECT ${aggregates} FROM ${from}${where}`,
      () => this.#lanes(),
      () =>
        `SELECT ${keys.join(', ')}, ${aggregates} FROM ${from}${where} GROUP BY ${keys.map((_, i) => (i + 1).toString()).join(', ')}`,
      () => `SELECT DISTINCT ${keys.join(', ')} FROM ${from}${where}`,
    )();
  }
}

type Cell = string;

interface Outcome {
  readonly rows: readonly (readonly Cell[])[];
  readonly error: string | undefined;
}

function cellOf(value: unknown): Cell {
  return Object.is(value, -0) ? '-0' : String(value);
}

async function run(plan: PhysicalPlan, compile: CompileMode): Promise<Outcome> {
  const rows: Cell[][] = [];
  try {
    for await (const batch of runPlan(plan, { compile })) {
      batch.columns.forEach((column, i) => {
        assert.equal(typeName(column.type), typeName(plan.schema.fields[i]?.type ?? { id: 'null' }));
        assert.equal(column.length, batch.rowCount);
      });
      const readers = batch.columns.map(makeReader);
      for (let i = 0; i < batch.rowCount; i++) rows.push(readers.map((read) => cellOf(read(i))));
    }
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    return { rows: [], error: `${error.code}: ${error.message}` };
  }
  return { rows, error: undefined };
}

/** Floats that were added in another order. */
function isClose(a: Cell, b: Cell, size: number): boolean {
  const [x, y] = [Number(a), Number(b)];
  if (a === b || (Number.isNaN(x) && Number.isNaN(y) && a !== 'null' && b !== 'null')) return true;
  // Sums that overflow on the way depend on the order.
  if (size > 1e300) return true;
  return Math.abs(x - y) <= 1e-9 * Math.max(size, 1);
}

/** True for an aggregate without groups, projections above it apart. */
function isWithoutGroups(plan: PhysicalPlan): boolean {
  if (plan.kind === 'project') return isWithoutGroups(plan.input);
  return plan.kind === 'aggregate' && plan.groups.length === 0;
}

function compare(sql: string, plan: PhysicalPlan, wanted: Outcome, got: Outcome): void {
  assert.equal(got.error, wanted.error, sql);
  assert.equal(got.rows.length, wanted.rows.length, `${sql}: rows`);
  const isSingle = isWithoutGroups(plan);
  wanted.rows.forEach((row, r) => {
    row.forEach((cell, c) => {
      const made = got.rows[r]?.[c] ?? '';
      const isFloat = plan.schema.fields[c]?.type.id === 'float';
      if (made === cell) return;
      const same = isSingle && isFloat && isClose(made, cell, sizeOf(cell));
      assert(same, `${sql}: row ${r.toString()}, column ${c.toString()}: ${made} is not ${cell}`);
    });
  });
}

/** Values of up to 1e308 stand in the columns: what is left of them is anything. */
function sizeOf(cell: Cell): number {
  const value = Math.abs(Number(cell));
  return Number.isFinite(value) && value < 1e30 ? Math.max(value, 1e6) : Infinity;
}

const SEED = Number(process.env['SEED'] ?? 20261127);
const ROUNDS = Number(process.env['ROUNDS'] ?? 1);

/** Rows of a table and of its batches, and how many queries it is asked. */
const SIZES: readonly (readonly [rows: number, batchRows: number, queries: number])[] = [
  [1, 1, 40],
  [40, 1, 120],
  [100, 7, 250],
  [2_047, 2_047, 40],
  [2_048, 1_000, 40],
  [4_097, 2_049, 40],
  [8_193, 4_096, 40],
  [65_537, 65_535, 10],
  [65_536, 65_536, 10],
];

test('generated code answers as the interpreter does', async (context) => {
  context.diagnostic(`seed ${SEED.toString()}`);
  const random = makeRandom(SEED);
  let queries = 0;
  let compiled = 0;
  let failed = 0;
  for (let round = 0; round < ROUNDS; round++) {
    for (const [rows, batchRows, count] of SIZES) {
      const generator = new Generator(random);
      const tables = Array.from({ length: rows > 10_000 ? 1 : 4 }, () => makeTable(random, rows, batchRows));
      for (let q = 0; q < count; q++) {
        const table = tables[q % tables.length] as MemorySource;
        const sql = generator.query();
        const disabledPasses = random() < 0.3 ? PASS_NAMES : [];
        let plan: PhysicalPlan;
        try {
          const planned = planStatement(sql, catalogOf([table]), { disabledPasses });
          assert(planned.kind === 'query');
          plan = planned.plan;
        } catch (error) {
          if (error instanceof EngineError) continue;
          throw error;
        }
        queries++;
        if (compiledOperators(plan, 'always').size > 0) compiled++;
        const wanted = await run(plan, 'never');
        const where = `seed ${SEED.toString()}, ${rows.toString()} rows by ${batchRows.toString()}: ${sql}`;
        try {
          compare(where, plan, wanted, await run(plan, 'always'));
        } catch (error) {
          throw new Error(`${where}: ${String(error)}`, { cause: error });
        }
        if (wanted.error !== undefined) failed++;
      }
    }
  }
  context.diagnostic(
    `${queries.toString()} queries, ${compiled.toString()} compiled, ${failed.toString()} failed on both sides`,
  );
  assert(compiled > queries / 2, `${compiled.toString()} of ${queries.toString()} queries were compiled`);
});
