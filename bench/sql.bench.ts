/**
 * How fast is SQL over columns in memory, beside DuckDB and Polars, and what does generated code bring?
 *
 * Method: one table of 10 M rows (int64, float64, int32, dictionary and nullable columns) is made here, given to
 * Sheaf as batches of 64 Ki rows, and written as one Arrow stream for the peers, which read it before the clock runs.
 * Each query runs once unmeasured, then in rounds; the whole result is pulled. Sheaf runs on one thread, interpreted
 * and compiled; DuckDB over its native table with one and two threads and over the Arrow table, Polars with one. Every
 * answer (rows, and sums of the numeric columns) is compared with DuckDB's.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RecordBatch } from '../src/arrow/batch.ts';
import { buildVector } from '../src/arrow/build.ts';
import { makeField, makeSchema } from '../src/arrow/schema.ts';
import type { DataType } from '../src/arrow/type.ts';
import { makeReader } from '../src/arrow/value.ts';
import { makeVector } from '../src/arrow/vector.ts';
import type { Vector } from '../src/arrow/vector.ts';
import { BATCH_ROWS_MAX } from '../src/base/limits.ts';
import type { CompileMode } from '../src/exec/compiled-pipeline.ts';
import { runPlan } from '../src/exec/exec.ts';
import { planStatement } from '../src/plan/plan.ts';
import { streamBytes } from '../test/support/ipc.ts';
import { catalogOf, MemorySource } from '../test/support/memory-source.ts';
import { makeRandom } from '../test/support/random.ts';
import { figure, projectPath } from './bench.ts';
import type { Bench, Figure } from './bench.ts';

const INT64: DataType = { id: 'int', bitWidth: 64, signed: true };
const INT32: DataType = { id: 'int', bitWidth: 32, signed: true };
const DOUBLE: DataType = { id: 'float', bitWidth: 64 };
const SYMBOLS: DataType = {
  id: 'dictionary',
  index: { id: 'int', bitWidth: 32, signed: true },
  value: { id: 'utf8' },
  ordered: false,
  dictionaryId: 0n,
};

/** Names and texts of the queries, in the order of the figures. */
const QUERIES: readonly (readonly [name: string, sql: string])[] = [
  ['sum of doubles', 'SELECT sum(v) AS a FROM t'],
  ['sum of int64', 'SELECT sum(k) AS a FROM t'],
  ['filter, sum, count', 'SELECT sum(v) AS a, count(*) AS b FROM t WHERE p > 50'],
  ['filter, sum, count with nulls', 'SELECT sum(n) AS a, count(n) AS b FROM t WHERE p > 50'],
  ['min, max, avg', 'SELECT min(v) AS a, max(i) AS b, avg(k) AS c FROM t'],
  ['count where, two conditions', "SELECT count(*) AS a FROM t WHERE i < 500000 AND s = 'symbol7'"],
  ['count where between', 'SELECT count(*) AS a FROM t WHERE p BETWEEN 20 AND 30'],
  ['group by int64, 100 groups', 'SELECT k, sum(v) AS a, count(*) AS b FROM t GROUP BY k'],
  ['group by int64, 1 M groups', 'SELECT m, sum(v) AS a, count(*) AS b FROM t GROUP BY m'],
  ['group by dictionary text', 'SELECT s, sum(v) AS a, count(*) AS b FROM t GROUP BY s'],
  ['arithmetic projection', 'SELECT v * p + 1 AS a, i + k AS b FROM t'],
  ['filter, projection', 'SELECT v * p AS a FROM t WHERE i < 100000'],
];

interface Outcome {
  readonly milliseconds: readonly number[];
  readonly answer: readonly number[];
}

function bytesOf(array: ArrayBufferView): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

function makeTable(rowCount: number): MemorySource {
  const random = makeRandom(7);
  const dictionary = buildVector(
    { id: 'utf8' },
    Array.from({ length: 50 }, (_, i) => `symbol${i.toString()}`),
  );
  const schema = makeSchema([
    ...['k', 'm'].map((name) => makeField(name, INT64, false)),
    ...['v', 'p'].map((name) => makeField(name, DOUBLE, false)),
    makeField('i', INT32, false),
    makeField('s', SYMBOLS, false),
    makeField('n', DOUBLE),
  ]);
  const batches: RecordBatch[] = [];
  for (let start = 0; start < rowCount; start += BATCH_ROWS_MAX) {
    const rows = Math.min(BATCH_ROWS_MAX, rowCount - start);
    const doubles = (size: number): Float64Array => Float64Array.from({ length: rows }, () => random() * size);
    const wide = (size: number): Int32Array => {
      return Int32Array.from({ length: rows * 2 }, (_, i) => (i % 2 === 0 ? random() * size : 0));
    };
    const narrow = (size: number): Int32Array => Int32Array.from({ length: rows }, () => random() * size);
    const bits = Uint8Array.from({ length: Math.ceil(rows / 8) }, () => random() * 256);
    let nulls = rows;
    for (let i = 0; i < rows; i++) nulls -= ((bits[i >> 3] ?? 0) >> (i & 7)) & 1;
    const plain = (type: DataType, data: ArrayBufferView): Vector =>
      makeVector(type, rows, undefined, 0, [bytesOf(data)]);
    const columns = [plain(INT64, wide(100)), plain(INT64, wide(Math.min(1e6, rowCount / 10)))];
    columns.push(plain(DOUBLE, doubles(1000)), plain(DOUBLE, doubles(100)), plain(INT32, narrow(1e6)));
    columns.push({ ...plain(SYMBOLS, narrow(50)), dictionary });
    columns.push(makeVector(DOUBLE, rows, bits, nulls, [bytesOf(doubles(1000))]));
    batches.push({ schema, rowCount: rows, columns });
  }
  return new MemorySource('t', schema, batches);
}

/** Sums of numeric columns, batch by batch. */
function addAnswer(sums: number[], batch: RecordBatch): void {
  sums[0] = (sums[0] ?? 0) + batch.rowCount;
  let at = 1;
  for (const column of batch.columns) {
    if (column.type.id !== 'int' && column.type.id !== 'float') continue;
    const read = makeReader(column);
    let sum = sums[at] ?? 0;
    for (let i = 0; i < batch.rowCount; i++) sum += Number(read(i));
    sums[at++] = sum;
  }
}

async function runOurs(sql: string, table: MemorySource, compile: CompileMode, rounds: number): Promise<Outcome> {
  const milliseconds: number[] = [];
  const answer: number[] = [];
  for (let round = -1; round < rounds; round++) {
    const started = performance.now();
    const planned = planStatement(sql, catalogOf([table]));
    if (planned.kind !== 'query') throw new Error(`not a query: ${sql}`);
    for await (const batch of runPlan(planned.plan, { compile })) if (round === -1) addAnswer(answer, batch);
    if (round >= 0) milliseconds.push(performance.now() - started);
  }
  return { milliseconds, answer };
}

/** Runs the queries by a peer, in a process of its own. */
async function runPeer(engine: string, threads: number, file: string, rounds: number): Promise<readonly Outcome[]> {
  const args = [projectPath('bench/sql-peers.py'), engine, threads.toString(), file, rounds.toString()];
  const child = spawn(projectPath('.venv/bin/python'), args, { stdio: ['pipe', 'pipe', 'inherit'] });
  child.stdin.end(JSON.stringify(QUERIES.map(([, sql]) => sql)));
  let text = '';
  for await (const chunk of child.stdout) text += String(chunk);
  return JSON.parse(text) as readonly Outcome[];
}

function check(name: string, engine: string, got: readonly number[], wanted: readonly number[]): void {
  const isSame =
    got.length === wanted.length &&
    got.every((value, i) => Math.abs(value - (wanted[i] ?? NaN)) <= 1e-9 * Math.max(Math.abs(value), 1));
  if (!isSame) throw new Error(`${engine} answers ${got.join(', ')} to "${name}", DuckDB ${wanted.join(', ')}`);
}

function median(values: readonly number[]): number {
  return figure('', '', values).median;
}

/** Figures of one query, ratios to DuckDB on one thread last. */
function figuresOf(name: string, engines: ReadonlyMap<string, Outcome>): Figure[] {
  const ours = engines.get('sheaf compiled')?.milliseconds ?? [];
  const interpreted = engines.get('sheaf interpreted')?.milliseconds ?? [];
  const duckdb = engines.get('duckdb, 1 thread')?.milliseconds ?? [];
  return [
    ...[...engines].map(([engine, { milliseconds }]) => figure(`${name}: ${engine}`, 'ms', milliseconds)),
    figure(`${name}: compiled / interpreted`, '×', [median(ours) / median(interpreted)]),
    figure(`${name}: compiled / DuckDB, 1 thread`, '×', [median(ours) / median(duckdb)]),
  ];
}

const PEERS = [
  ['duckdb, 1 thread', 'duckdb', 1],
  ['duckdb, 2 threads', 'duckdb', 2],
  ['duckdb over Arrow, 1 thread', 'duckdb-arrow', 1],
  ['polars, 1 thread', 'polars', 1],
] as const;

async function compare(rowCount: number, rounds: number, directory: string): Promise<Figure[]> {
  const table = makeTable(rowCount);
  const file = join(directory, 't.arrows');
  writeFileSync(file, await streamBytes(table.schema, table.batches));
  const peers = new Map<string, readonly Outcome[]>();
  for (const [name, engine, threads] of PEERS) peers.set(name, await runPeer(engine, threads, file, rounds));
  const figures: Figure[] = [];
  const ratios: number[] = [];
  for (const [q, [name, sql]] of QUERIES.entries()) {
    const engines = new Map<string, Outcome>([
      ['sheaf compiled', await runOurs(sql, table, 'always', rounds)],
      ['sheaf interpreted', await runOurs(sql, table, 'never', Math.min(rounds, 3))],
    ]);
    for (const [peer, outcomes] of peers) engines.set(peer, outcomes[q] as Outcome);
    const wanted = engines.get('duckdb, 1 thread')?.answer ?? [];
    for (const [engine, { answer }] of engines) check(name, engine, answer, wanted);
    figures.push(...figuresOf(name, engines));
    ratios.push(figures.at(-1)?.median ?? NaN);
  }
  const mean = Math.exp(ratios.reduce((sum, ratio) => sum + Math.log(ratio), 0) / ratios.length);
  return [...figures, figure('geometric mean: compiled / DuckDB, 1 thread', '×', [mean])];
}

export const sql: Bench = {
  name: 'sql',
  question: 'how fast is SQL, beside DuckDB and Polars, and what does generated code bring?',
  async run({ small }) {
    const directory = mkdtempSync(join(tmpdir(), 'sheaf-bench-'));
    try {
      return await compare(small ? 200_000 : 10_000_000, small ? 1 : 7, directory);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  },
};
