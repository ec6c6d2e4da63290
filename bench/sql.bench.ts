/**
 * How fast is SQL over columns in memory, beside DuckDB and Polars, and what does generated code bring?
 *
 * Method: a table of 10 M rows is made, and the 3 M real flights are read (sql-data.ts); both are given to Sheaf as
 * batches, and written as one Arrow stream for the peers, which read it before the clock runs. The engines take turns
 * at each query (sql-queries.ts): once unmeasured, then in rounds (SHEAF_BENCH_ROUNDS, 7 unless given); the whole
 * result is pulled. Sheaf runs on one thread, interpreted and compiled; DuckDB over its native table with one and two
 * threads and over the Arrow table, Polars with one. Wall time and processor time (user and system, all threads) of
 * each. Every answer (rows, sums of the columns of numbers and times, and where rows are ordered the first of them) is
 * compared with DuckDB's.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RecordBatch } from '../src/arrow/batch.ts';
import { makeReader } from '../src/arrow/value.ts';
import type { Value } from '../src/arrow/value.ts';
import type { CompileMode } from '../src/exec/compiled-pipeline.ts';
import { runPlan } from '../src/exec/exec.ts';
import { planStatement } from '../src/plan/plan.ts';
import { catalogOf } from '../test/support/memory-source.ts';
import type { MemorySource } from '../test/support/memory-source.ts';
import { figure, geometricMean, Stopwatch } from './bench.ts';
import type { Bench, Figure, Times } from './bench.ts';
import { Peer } from './peer.ts';
import { makeTable, readFlights, writeTable } from './sql-data.ts';
import { FLIGHT_QUERIES, MADE_QUERIES } from './sql-queries.ts';
import type { NamedQuery } from './sql-queries.ts';

/** Rows that are compared cell by cell, as in sql-peers.py. */
const FIRST_ROWS = 20;

interface Answer {
  rows: number;
  /** By column of numbers or times. */
  readonly sums: number[];
  /** By column, the cells of the first rows; empty where the rows have no order. */
  readonly first: (number | string | boolean | null)[][];
}

interface Outcome extends Times {
  readonly answer: Answer;
}

/** What a peer says when its SQL lacks something. */
interface Refusal {
  readonly refusal: string;
}

const NUMERIC: ReadonlySet<string> = new Set(['int', 'float', 'timestamp']);

function cellOf(value: Value): number | string | boolean | null {
  return typeof value === 'object' || typeof value === 'bigint' ? (value === null ? null : Number(value)) : value;
}

/** Adds a batch to an answer. */
function addAnswer(answer: Answer, batch: RecordBatch, isOrdered: boolean): void {
  let at = 0;
  for (const [c, column] of batch.columns.entries()) {
    const read = makeReader(column);
    if (isOrdered) {
      const cells = (answer.first[c] ??= []);
      for (let i = 0; i < batch.rowCount && cells.length < FIRST_ROWS; i++) cells.push(cellOf(read(i)));
    }
    if (!NUMERIC.has(column.type.id)) continue;
    let sum = answer.sums[at] ?? 0;
    for (let i = 0; i < batch.rowCount; i++) sum += Number(read(i)) * (isOrdered ? answer.rows + i + 1 : 1);
    answer.sums[at++] = sum;
  }
  answer.rows += batch.rowCount;
}

async function runOurs(sql: string, table: MemorySource, compile: CompileMode, rounds: number): Promise<Outcome> {
  const stopwatch = new Stopwatch();
  const answer: Answer = { rows: 0, sums: [], first: [] };
  const isOrdered = sql.includes('ORDER BY');
  for (let round = -1; round < rounds; round++) {
    stopwatch.start();
    const planned = planStatement(sql, catalogOf([table]));
    if (planned.kind !== 'query') throw new Error(`not a query: ${sql}`);
    for await (const batch of runPlan(planned.plan, { compile })) {
      if (round === -1) addAnswer(answer, batch, isOrdered);
    }
    if (round >= 0) stopwatch.stop();
  }
  return { ...stopwatch.times, answer };
}

interface Contest {
  readonly table: MemorySource;
  /** The table as an Arrow stream. */
  readonly file: string;
  readonly queries: readonly NamedQuery[];
  readonly rounds: number;
}

function isNear(value: unknown, wanted: unknown): boolean {
  if (typeof value !== 'number' || typeof wanted !== 'number') return value === wanted;
  return Math.abs(value - wanted) <= 1e-9 * Math.max(Math.abs(value), 1);
}

function check(name: string, engine: string, got: Answer, wanted: Answer): void {
  const flat = ({ rows, sums, first }: Answer): readonly unknown[] => [rows, ...sums, ...first.flat()];
  const [ours, theirs] = [flat(got), flat(wanted)];
  if (ours.length === theirs.length && ours.every((value, i) => isNear(value, theirs[i]))) return;
  throw new Error(`${engine} answers ${ours.join(', ')} to "${name}", DuckDB ${theirs.join(', ')}`);
}

const PEERS = [
  ['duckdb, 1 thread', 'duckdb', 1],
  ['duckdb, 2 threads', 'duckdb', 2],
  ['duckdb over Arrow, 1 thread', 'duckdb-arrow', 1],
  ['polars, 1 thread', 'polars', 1],
] as const;
const OURS = 'sheaf compiled';
const JUDGE = 'duckdb, 1 thread';

/** How one query stands beside DuckDB on one thread: Sheaf's medians over its. */
interface Ratios {
  readonly name: string;
  readonly wall: number;
  readonly processor: number;
}

function over(ours: readonly number[] = [], theirs: readonly number[] = []): number {
  return figure('', '', ours).median / figure('', '', theirs).median;
}

/** Figures of one query, and its ratios. */
function figuresOf(name: string, engines: ReadonlyMap<string, Outcome | Refusal>): [Figure[], Ratios] {
  const figures: Figure[] = [];
  const times = new Map<string, Times>();
  for (const [engine, outcome] of engines) {
    if ('refusal' in outcome) {
      figures.push(figure(`${name}: ${engine}`, `not run, its SQL refuses the query (${outcome.refusal})`, []));
      continue;
    }
    times.set(engine, outcome);
    figures.push(figure(`${name}: ${engine}`, 'ms', outcome.milliseconds));
    figures.push(figure(`${name}: ${engine}, processor time`, 'ms', outcome.processor));
  }
  const [ours, theirs] = [times.get(OURS), times.get(JUDGE)];
  const ratios = {
    name,
    wall: over(ours?.milliseconds, theirs?.milliseconds),
    processor: over(ours?.processor, theirs?.processor),
  };
  const interpreted = over(ours?.processor, times.get('sheaf interpreted')?.processor);
  figures.push(figure(`${name}: compiled / interpreted, processor time`, '×', [interpreted]));
  figures.push(figure(`${name}: compiled / DuckDB, 1 thread`, '×', [ratios.wall]));
  figures.push(figure(`${name}: compiled / DuckDB, 1 thread, processor time`, '×', [ratios.processor]));
  return [figures, ratios];
}

/** Runs the queries over one table, each by all engines in turn. */
async function compare(contest: Contest): Promise<[Figure[], Ratios[]]> {
  const { table, file, queries, rounds } = contest;
  await writeTable(file, table);
  const peers = new Map<string, Peer>();
  const figures: Figure[] = [];
  const ratios: Ratios[] = [];
  try {
    for (const [name, engine, threads] of PEERS) {
      const words = [engine, threads.toString(), file, table.name, rounds.toString()];
      peers.set(name, await Peer.start('sql-peers.py', ...words));
    }
    for (const [name, sql] of queries) {
      const engines = new Map<string, Outcome | Refusal>([
        [OURS, await runOurs(sql, table, 'always', rounds)],
        ['sheaf interpreted', await runOurs(sql, table, 'never', Math.min(rounds, 3))],
      ]);
      for (const [engine, peer] of peers) engines.set(engine, await peer.ask<Outcome | Refusal>(sql));
      const judge = engines.get(JUDGE) as Outcome;
      for (const [engine, outcome] of engines) {
        if ('answer' in outcome) check(name, engine, outcome.answer, judge.answer);
      }
      const [own, ratio] = figuresOf(name, engines);
      figures.push(...own);
      ratios.push(ratio);
    }
  } finally {
    for (const peer of peers.values()) await peer.close();
  }
  return [figures, ratios];
}

/** What the ratios of all queries come to. */
function summary(ratios: readonly Ratios[]): Figure[] {
  return (['wall', 'processor'] as const).flatMap((kind) => {
    const worst = ratios.reduce((most, ratio) => (ratio[kind] > most[kind] ? ratio : most));
    return [
      figure(`geometric mean: compiled / DuckDB, 1 thread, ${kind} time`, '×', [
        geometricMean(ratios.map((ratio) => ratio[kind])),
      ]),
      figure(`greatest ratio, ${kind} time (${worst.name})`, '×', [worst[kind]]),
    ];
  });
}

async function measure(small: boolean, directory: string): Promise<readonly Figure[]> {
  const rounds = small ? 1 : Number(process.env['SHEAF_BENCH_ROUNDS'] ?? '7');
  const file = join(directory, 'table.arrows');
  const [made, madeRatios] = await compare({
    table: makeTable(small ? 200_000 : 10_000_000),
    file,
    queries: MADE_QUERIES,
    rounds,
  });
  const flights = await readFlights(small ? 100_000 : Number.POSITIVE_INFINITY);
  const [real, realRatios] = await compare({ table: flights, file, queries: FLIGHT_QUERIES, rounds });
  return [...made, ...real, ...summary([...madeRatios, ...realRatios])];
}

export const sql: Bench = {
  name: 'sql',
  question: 'how fast is SQL, beside DuckDB and Polars, and what does generated code bring?',
  async run({ small }) {
    const directory = mkdtempSync(join(tmpdir(), 'sheaf-bench-'));
    try {
      return await measure(small, directory);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  },
};
