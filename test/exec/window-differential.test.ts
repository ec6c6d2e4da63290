/**
 * Calls over windows against DuckDB's answers: random tables, generated windows, compared by value.
 *
 * Method: a table with few distinct keys, nulls, NaN and the signs of zero is written as an Arrow file for DuckDB and
 * kept in memory for us. Where an answer hangs on the order of rows the window's order ends with the table's unique
 * column, so that there is one right answer; windows that only look at peers and values may leave ties. Doubles may
 * differ by 1e-9, since DuckDB adds them in another order. The seed is fixed in the suite; SEED=n takes another,
 * ROUNDS=n runs longer, ROWS=n makes larger tables.
 */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { makeField, makeSchema } from '../../src/arrow/schema.ts';
import type { DataType } from '../../src/arrow/type.ts';
import { EngineError } from '../../src/base/errors.ts';
import { streamBytes } from '../support/ipc.ts';
import { catalogOf, tableOfVectors } from '../support/memory-source.ts';
import type { MemorySource } from '../support/memory-source.ts';
import { pythonPath, PYTHON_MISSING, runPython } from '../support/python.ts';
import { runTexts } from '../support/query.ts';
import { makeRandom } from '../support/random.ts';
import type { Random } from '../support/random.ts';
import { vectorOfTexts } from '../support/slt.ts';
import { temporaryDirectory } from '../support/temporary.ts';

const INT32: DataType = { id: 'int', bitWidth: 32, signed: true };
const INT64: DataType = { id: 'int', bitWidth: 64, signed: true };

/** Columns: name, type, values. */
const COLUMNS: readonly (readonly [string, DataType, readonly string[]])[] = [
  ['g', INT32, ['0', '1', '2', '3']],
  ['k', INT32, ['-3', '-1', '0', '1', '2', '3', '5', '8']],
  ['b', INT64, ['-4000000000', '-1', '0', '7', '9000000000', '4611686018427387904']],
  ['x', { id: 'float', bitWidth: 64 }, ['-2.5', '-0.0', '0.0', '0.25', '1.5', '100', 'nan', 'inf']],
  ['y', { id: 'float', bitWidth: 64 }, ['-2.5', '-1', '0.0', '0.25', '1.5', '100']],
  ['d', { id: 'decimal', bitWidth: 128, precision: 10, scale: 2 }, ['-1.50', '0.00', '0.25', '3.75', '12345678.90']],
  ['s', { id: 'utf8' }, ['', 'a', 'ab', 'äb', 'zebra', 'zebra crossing']],
  ['t', { id: 'date', unit: 'day' }, ['2024-01-31', '2024-02-01', '2024-02-29', '2024-03-31', '1969-12-31']],
  [
    'ts',
    { id: 'timestamp', unit: 'microsecond', timezone: undefined },
    ['2024-01-31 12:00:00', '2024-01-31 12:00:01', '2024-02-29 00:00:00', '1969-12-31 23:59:59.999999'],
  ],
  ['o', { id: 'bool' }, ['true', 'false']],
  ['n', INT32, ['0', '1', '2', '4']],
];

function pick<T>(random: Random, values: readonly T[]): T {
  return values[Math.floor(random() * values.length)] as T;
}

function makeTable(random: Random, rows: number): MemorySource {
  const ids = Array.from({ length: rows }, (_, i) => i.toString());
  for (let i = rows - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [ids[i], ids[j]] = [ids[j] as string, ids[i] as string];
  }
  const vectors = COLUMNS.map(([name, type, values]) => {
    const texts = Array.from({ length: rows }, () => (name !== 'n' && random() < 0.15 ? null : pick(random, values)));
    return vectorOfTexts(type, texts);
  });
  const fields = [makeField('id', INT32), ...COLUMNS.map(([name, type]) => makeField(name, type))];
  return tableOfVectors('t', makeSchema(fields), [vectorOfTexts(INT32, ids), ...vectors], rows, 64);
}

/** A window, and whether rows have one order in it. */
interface Window {
  readonly text: string;
  readonly hasOneOrder: boolean;
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

  #chance(of: number): boolean {
    return this.#random() < of;
  }

  #key(column: string): string {
    return `${column}${this.#one('', '', ' ASC', ' DESC')}${this.#one('', '', ' NULLS FIRST', ' NULLS LAST')}`;
  }

  #bounds(distance: () => string): string {
    const exclude = this.#one(
      '',
      '',
      '',
      ' EXCLUDE CURRENT ROW',
      ' EXCLUDE GROUP',
      ' EXCLUDE TIES',
      ' EXCLUDE NO OTHERS',
    );
    const ends = [
      'UNBOUNDED PRECEDING',
      `${distance()} PRECEDING`,
      'CURRENT ROW',
      `${distance()} FOLLOWING`,
      'UNBOUNDED FOLLOWING',
    ];
    const start = Math.floor(this.#random() * 4);
    const end = start + Math.floor(this.#random() * (5 - start));
    return `BETWEEN ${ends[start] ?? ''} AND ${ends[Math.max(end, 1)] ?? ''}${exclude}`;
  }

  #range(): { readonly key: string; readonly distance: () => string } {
    switch (Math.floor(this.#random() * 6)) {
      case 0:
        return { key: 'k', distance: () => this.#one('0', '1', '2', '10', 'n', 'n + 1', '1.5') };
      case 1:
        return { key: 'y', distance: () => this.#one('0', '1', '2.5', 'n', '0.25') };
      case 2:
        return { key: 'd', distance: () => this.#one('0', '1', '1.75', '12345680.4', 'n') };
      case 3:
        return { key: 't', distance: () => this.#one("INTERVAL '1' DAY", "INTERVAL '1' MONTH", '1', 'n') };
      case 4:
        return {
          key: 'ts',
          distance: () => this.#one("INTERVAL '1' SECOND", "INTERVAL '29' DAY", "INTERVAL '1 month'"),
        };
      default:
        return { key: 'id', distance: () => this.#one('0', '3', 'n', '17') };
    }
  }

  window(needsOneOrder: boolean): Window {
    const parts: string[] = [];
    if (this.#chance(0.6)) parts.push(`PARTITION BY ${this.#one('g', 'g', 'g, o', 's', 'x', 't', 'k % 2', 'o')}`);
    const unit = this.#random();
    if (unit < 0.2 && !needsOneOrder) {
      const { key, distance } = this.#range();
      parts.push(`ORDER BY ${this.#key(key)}`, `RANGE ${this.#bounds(distance)}`);
      return { text: `(${parts.join(' ')})`, hasOneOrder: key === 'id' };
    }
    const keys = Array.from({ length: Math.floor(this.#random() * 3) }, () =>
      this.#key(this.#one('k', 'b', 'x', 'd', 's', 't', 'ts', 'o', 'k + n')),
    );
    const hasOneOrder = needsOneOrder || this.#chance(0.5);
    if (hasOneOrder) keys.push(this.#key('id'));
    if (keys.length > 0) parts.push(`ORDER BY ${keys.join(', ')}`);
    if (unit < 0.65 && hasOneOrder)
      parts.push(`ROWS ${this.#bounds(() => this.#one('0', '1', '3', '20', 'n', 'n * 2'))}`);
    else if (unit < 0.8) parts.push(`GROUPS ${this.#bounds(() => this.#one('0', '1', '2', 'n'))}`);
    return { text: `(${parts.join(' ')})`, hasOneOrder };
  }

  /** A call, and whether its answer hangs on the order of rows. */
  #call(): { readonly text: string; readonly ordered: boolean; readonly filters: boolean } {
    const number = this.#one('k', 'b % 1000', 'y', 'd', 'n', 'k + n');
    const any = this.#one('k', 'b', 'x', 'd', 's', 't', 'ts', 'o');
    const nulls = this.#one('', '', ' IGNORE NULLS', ' RESPECT NULLS');
    const free = (text: string): { text: string; ordered: boolean; filters: boolean } => {
      return { text, ordered: false, filters: true };
    };
    const bound = (text: string): { text: string; ordered: boolean; filters: boolean } => {
      return { text, ordered: true, filters: false };
    };
    const own = ` ORDER BY ${this.#key(this.#one('k', 's', 'x', 'd'))}, ${this.#key('id')}`;
    switch (Math.floor(this.#random() * 26)) {
      case 0:
        return bound('row_number()');
      case 1:
        return {
          text: this.#one('rank()', 'dense_rank()', 'percent_rank()', 'cume_dist()'),
          ordered: false,
          filters: false,
        };
      case 2:
        return bound(`ntile(${this.#one('1', '2', '3', '7', '1000', 'n + 1')})`);
      case 3:
      case 4: {
        const name = this.#one('lag', 'lead');
        const offset = this.#one('', ', 1', ', 2', ', 0', ', -1', ', n', ', 30');
        const otherwise = offset === '' ? '' : this.#one('', `, ${any}`, ', NULL');
        return bound(`${name}(${any}${offset}${otherwise}${nulls})`);
      }
      case 5:
        return bound(`first_value(${any}${nulls})`);
      case 6:
        return bound(`last_value(${any}${nulls})`);
      case 7:
        return bound(`nth_value(${any}, ${this.#one('1', '2', '3', 'n')}${nulls})`);
      case 8:
        return free('count(*)');
      case 9:
        return free(`count(${any})`);
      case 10:
        return free(`count(DISTINCT ${any})`);
      case 11:
        return free(`sum(DISTINCT ${this.#one('k', 'd', 'n', 'y')})`);
      case 12:
        return free(`avg(${number})`);
      case 13:
      case 14:
        return free(`sum(${number})`);
      case 15:
      case 16:
        return free(`${this.#one('min', 'max')}(${any})`);
      case 17:
        return { ...free(`${this.#one('arg_min', 'arg_max')}(${any}, id)`), ordered: false };
      case 18:
        return free(this.#one('bool_and(o)', 'bool_or(o)', 'bit_xor(k)', 'count_if(o)', 'bit_and(n)'));
      case 19:
        return free(
          this.#one(
            `stddev_pop(${this.#one('k', 'n')})`,
            'median(k)',
            'quantile_disc(k, 0.3)',
            'quantile_cont(y, 0.8)',
          ),
        );
      case 22:
        return {
          ...bound(`${this.#one('row_number', 'rank', 'percent_rank', 'cume_dist')}(${own})`),
          ordered: false,
        };
      case 23:
        return { ...bound(`${this.#one('first_value', 'last_value')}(${any}${own}${nulls})`), ordered: false };
      case 24:
        return { ...bound(`nth_value(${any}, 2${own}${nulls})`), ordered: false };
      case 25:
        return free(this.#one('var_samp(y)', 'corr(k, n)', 'covar_pop(y, n)', 'regr_slope(n, k)', 'kurtosis(n)'));
      case 20:
        return { ...free(this.#one(`string_agg(s, '-')`, 'list(k)', 'any_value(s)', 'arbitrary(k)')), ordered: true };
      default:
        return free(
          this.#one(`string_agg(s, '-' ORDER BY id DESC)`, 'list(k ORDER BY id)', 'list(DISTINCT n ORDER BY n)'),
        );
    }
  }

  call(): string {
    const { text, ordered, filters } = this.#call();
    const filter =
      filters && this.#chance(0.25) ? ` FILTER (WHERE ${this.#one('k > 0', 'o', "s <> 'a'", 'n = 1')})` : '';
    const over = this.window(ordered).text;
    // Where the call has an order of its own, DuckDB takes no EXCLUDE for ranks.
    const isRank = /^(row_number|rank|percent_rank|cume_dist)\( ?ORDER/.test(text);
    const window = isRank ? over.replace(/ EXCLUDE (CURRENT ROW|GROUP|TIES)/, '') : over;
    return `${text}${filter} OVER ${window}`;
  }

  query(): string {
    const calls = Array.from({ length: 1 + Math.floor(this.#random() * 3) }, () => this.call());
    const items = ['id', ...calls.map((call, i) => `CAST(${call} AS VARCHAR) AS c${i.toString()}`)];
    const where = this.#chance(0.2) ? ` WHERE ${this.#one('k > 0', 'g <> 1', 'false', 'n > 0')}` : '';
    const numbered = `row_number() OVER (PARTITION BY ${this.#one('g', 'k', 's')} ORDER BY ${this.#key('id')})`;
    const qualify = this.#chance(0.2) ? ` QUALIFY ${numbered} <= ${this.#one('1', '2', '5')}` : '';
    const base = `SELECT ${items.join(', ')} FROM t${where}${qualify}`;
    if (!this.#chance(0.15)) return `${base} ORDER BY id`;
    return `SELECT * FROM (${base.replace('SELECT id', 'SELECT id, g')}) WHERE g = ${this.#one('0', '1', '2')} ORDER BY id`;
  }
}

const DUCKDB = `
import sys, json
import duckdb, pyarrow as pa
given = json.load(sys.stdin)
with pa.ipc.open_stream(given["file"]) as reader:
    table = reader.read_all()
db = duckdb.connect()
db.execute("SET threads = 1; SET timezone = 'UTC'")
db.register("arrow_t", table)
db.execute("CREATE TABLE t AS SELECT * FROM arrow_t")
def cell(value):
    return "NULL" if value is None else str(value)
out = []
for sql in given["queries"]:
    try:
        rows = db.execute(sql).fetchall()
        out.append({"rows": [[cell(v) for v in row] for row in rows]})
    except Exception as error:
        out.append({"error": str(error)})
json.dump(out, sys.stdout)
`;

interface Outcome {
  readonly rows?: readonly (readonly string[])[];
  readonly error?: string;
}

async function runOurs(sql: string, table: MemorySource): Promise<Outcome> {
  try {
    return { rows: await runTexts(sql, catalogOf([table])) };
  } catch (error) {
    if (!(error instanceof EngineError)) throw new Error(`${sql}: ${String(error)}`, { cause: error });
    return { error: `${error.code}: ${error.message}` };
  }
}

function sameCell(a: string | undefined, b: string | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  if (a === b || (a === '(empty)' && b === '')) return true;
  const [x, y] = [Number(a), Number(b)];
  if (a === '' || b === '' || Number.isNaN(x) || Number.isNaN(y)) return false;
  return Math.abs(x - y) <= 1e-9 * Math.max(1, Math.abs(x), Math.abs(y));
}

function difference(ours: Outcome, theirs: Outcome): string | undefined {
  if (ours.error !== undefined || theirs.error !== undefined) {
    if (ours.error !== undefined && theirs.error !== undefined) return undefined;
    return `ours: ${ours.error ?? 'rows'}; DuckDB: ${theirs.error ?? 'rows'}`;
  }
  const [a, b] = [ours.rows ?? [], theirs.rows ?? []];
  if (a.length !== b.length) return `${a.length.toString()} rows, DuckDB ${b.length.toString()}`;
  for (const [i, left] of a.entries()) {
    const right = b[i] ?? [];
    if (left.every((cell, c) => sameCell(cell, right[c]))) continue;
    return `row ${i.toString()}: ${JSON.stringify(left)}, DuckDB ${JSON.stringify(right)}`;
  }
  return undefined;
}

test(
  'generated windows answer as DuckDB does',
  { skip: pythonPath() === undefined ? PYTHON_MISSING : false },
  async (t) => {
    const seed = Number(process.env['SEED'] ?? 20_261_127);
    const rounds = Number(process.env['ROUNDS'] ?? 300);
    const rowCount = Number(process.env['ROWS'] ?? 150);
    t.diagnostic(`seed ${seed.toString()}, ${rounds.toString()} queries, ${rowCount.toString()} rows`);
    const random = makeRandom(seed);
    const table = makeTable(random, rowCount);
    const file = join(temporaryDirectory(t), 't.arrows');
    writeFileSync(file, await streamBytes(table.schema, table.batches));
    const generator = new Generator(random);
    const queries = Array.from({ length: rounds }, () => generator.query());
    const input = Buffer.from(JSON.stringify({ file, queries }));
    const answer = await runPython(DUCKDB, [], { input, timeoutMs: 600_000 });
    assert.equal(answer.status, 0, answer.stderr);
    const theirs = JSON.parse(answer.stdout) as Outcome[];
    const differences: string[] = [];
    let compared = 0;
    for (const [i, sql] of queries.entries()) {
      const ours = await runOurs(sql, table);
      const found = difference(ours, theirs[i] ?? {});
      if (found !== undefined) differences.push(`${sql}\n    ${found}`);
      if (ours.rows !== undefined) compared++;
    }
    t.diagnostic(`${compared.toString()} of ${rounds.toString()} queries gave rows that were compared`);
    assert.deepEqual(differences, [], `seed ${seed.toString()}`);
    assert(compared > rounds / 2, 'most queries should run');
  },
);
