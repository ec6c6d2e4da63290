/**
 * How fast are the 22 queries of TPC-H, beside DuckDB, and how long are they planned?
 *
 * Method: data of the benchmark's own distribution are made by tpchgen-cli (scale factor SHEAF_BENCH_SCALE, 1 unless
 * given) as Parquet, imported by the program's own import, and opened as an embedded user does. Each query runs once
 * unmeasured, which gives the answer, then in rounds (SHEAF_BENCH_ROUNDS, 3 unless given); every batch is pulled.
 * DuckDB then runs it over native tables, with one and two threads, in a process of its own (tpch-peer.py), which also
 * compares all cells of the answers. Wall time and processor time (user and system, all threads) of each. Every text
 * is planned anew. Planning is what the engine takes from the text to the plan, before the first batch is asked for.
 * The texts of the queries lie outside of the repository, in tpch/queries below SHEAF_CORPUS; where they are not there
 * the bench says so and measures nothing.
 */
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { RecordBatch } from '../src/arrow/batch.ts';
import { open } from '../src/engine/engine.ts';
import type { Engine } from '../src/engine/engine.ts';
import { streamBytes } from '../test/support/ipc.ts';
import { figure, geometricMean, projectPath, quantile, Stopwatch } from './bench.ts';
import type { Bench, Figure, Times } from './bench.ts';
import { Peer } from './peer.ts';

const run = promisify(execFile);
const IMPORT = fileURLToPath(new URL('./tpch-import.js', import.meta.url));
const GENERATOR = projectPath('.venv/bin/tpchgen-cli');

interface Query {
  readonly name: string;
  readonly sql: string;
}

/** What came of one query in the engine. */
interface Outcome extends Times {
  /** From the text to the plan: the first time, then by round. */
  readonly planning: Times;
}

/** What came of it in DuckDB, by threads. */
interface PeerOutcome {
  readonly one: Times;
  readonly two: Times;
  /** What the answers differ in, in words; none when they are the same. */
  readonly differences: readonly string[];
}

function readQueries(folder: string): Query[] {
  const names = readdirSync(folder).filter((name) => name.endsWith('.sql'));
  return names.sort().map((name) => ({
    name: basename(name, '.sql'),
    sql: readFileSync(join(folder, name), 'utf8'),
  }));
}

/** Makes the tables as Parquet files; resolves with their paths. */
async function makeFiles(folder: string, scale: number): Promise<string[]> {
  // Without the tests' own environment, whichever the shell finds.
  const generator = existsSync(GENERATOR) ? GENERATOR : basename(GENERATOR);
  await run(generator, ['parquet', '--scale-factor', scale.toString(), '--output-dir', folder, '--quiet']);
  return readdirSync(folder).map((name) => join(folder, name));
}

/** Runs a query in the engine; its answer goes into the file `answer`. */
async function runOurs(engine: Engine, query: Query, answer: string, rounds: number): Promise<Outcome> {
  const stopwatch = new Stopwatch();
  const planning = new Stopwatch();
  for (let round = -1; round < rounds; round++) {
    stopwatch.start();
    planning.start();
    // A text that never came before, since plans are kept by their text.
    const result = await engine.query(`${query.sql}\n-- ${round.toString()}`);
    planning.stop();
    const batches: RecordBatch[] = [];
    for await (const batch of result.batches()) batches.push(batch.batch());
    if (round >= 0) stopwatch.stop();
    else writeFileSync(answer, await streamBytes(result.schema, batches));
  }
  return { ...stopwatch.times, planning: planning.times };
}

const KINDS = [
  ['milliseconds', 'wall time'],
  ['processor', 'processor time'],
] as const;
/** In the order of their names below. */
type EngineTimes = readonly [Times, Times, Times];
const ENGINES = ['Sheaf', 'DuckDB, 1 thread', 'DuckDB, 2 threads'] as const;

/** Figures of each query and of all, by wall and by processor time. */
function compared(queries: readonly Query[], times: readonly EngineTimes[]): Figure[] {
  const medians = (kind: keyof Times): number[][] =>
    times.map((engines) => engines.map((engine) => figure('', '', engine[kind]).median));
  const perQuery = queries.flatMap(({ name }, q) =>
    KINDS.flatMap(([kind, title]) => {
      const own = times[q]?.map((engine, e) => figure(`${name}: ${ENGINES[e] ?? ''}, ${title}`, 'ms', engine[kind]));
      const [ours = NaN, one = NaN] = medians(kind)[q] ?? [];
      return [...(own ?? []), figure(`${name}: Sheaf / DuckDB, 1 thread, ${title}`, '×', [ours / one])];
    }),
  );
  const totals = KINDS.flatMap(([kind, title]) => {
    const all = medians(kind);
    const [ours = NaN, one = NaN, two = NaN] = ENGINES.map((_, e) =>
      all.reduce((sum, row) => sum + (row[e] ?? NaN), 0),
    );
    const ratios = all.map(([mine = NaN, peer = NaN]) => mine / peer);
    const worst = ratios.indexOf(Math.max(...ratios));
    return [
      ...[ours, one, two].map((sum, e) => figure(`all queries: ${ENGINES[e] ?? ''}, ${title}`, 's', [sum / 1000])),
      figure(`all queries: Sheaf / DuckDB, 1 thread, ${title}`, '×', [ours / one]),
      figure(`all queries: Sheaf / DuckDB, 2 threads, ${title}`, '×', [ours / two]),
      figure(`geometric mean: Sheaf / DuckDB, 1 thread, ${title}`, '×', [geometricMean(ratios)]),
      figure(`greatest ratio, ${title} (${queries[worst]?.name ?? ''})`, '×', [ratios[worst] ?? NaN]),
    ];
  });
  return [...perQuery, ...totals];
}

/** What planning takes, over all queries. */
function planned(outcomes: readonly Outcome[]): Figure[] {
  return KINDS.flatMap(([kind, title]) => {
    const first = outcomes.map(({ planning }) => planning[kind][0] ?? NaN);
    const later = outcomes.flatMap(({ planning }) => planning[kind].slice(1));
    return [
      figure(`planning, p50 over all queries, ${title}`, 'ms', [quantile(later, 0.5)]),
      figure(`planning, most of all queries, ${title}`, 'ms', [Math.max(...later)]),
      figure(`planning a query for the first time, p50, ${title}`, 'ms', [quantile(first, 0.5)]),
    ];
  });
}

async function measure(small: boolean, folder: string, directory: string): Promise<readonly Figure[]> {
  const scale = small ? 0.01 : Number(process.env['SHEAF_BENCH_SCALE'] ?? '1');
  if (!(scale > 0)) throw new Error(`SHEAF_BENCH_SCALE is ${scale.toString()}; it must be a number above 0`);
  const rounds = small ? 1 : Number(process.env['SHEAF_BENCH_ROUNDS'] ?? '3');
  const queries = readQueries(folder);
  const files = join(directory, 'files');
  const database = join(directory, 'database');
  const paths = await makeFiles(files, scale);
  const { stdout } = await run(process.execPath, [IMPORT, database, ...paths]);
  const imported = JSON.parse(stdout) as { readonly seconds: number };
  const outcomes: Outcome[] = [];
  const times: EngineTimes[] = [];
  const faults: string[] = [];
  const peer = await Peer.start('tpch-peer.py', files, rounds.toString());
  const engine = await open(database);
  try {
    for (const query of queries) {
      const answer = join(directory, `${query.name}.arrows`);
      const ours = await runOurs(engine, query, answer, rounds);
      const theirs = await peer.ask<PeerOutcome>([query.sql, answer]);
      outcomes.push(ours);
      times.push([ours, theirs.one, theirs.two]);
      faults.push(...theirs.differences.map((difference) => `${query.name}: ${difference}`));
    }
  } finally {
    await engine.close();
    await peer.close();
  }
  if (faults.length > 0) throw new Error(`answers are not DuckDB's:\n${faults.join('\n')}`);
  return [
    figure(`import of 8 tables, scale factor ${scale.toString()}`, 's', [imported.seconds]),
    ...compared(queries, times),
    ...planned(outcomes),
  ];
}

export const tpch: Bench = {
  name: 'tpch',
  question: 'how fast are the queries of TPC-H, beside DuckDB, and how long are they planned?',
  async run({ small }) {
    const corpus = process.env['SHEAF_CORPUS'] ?? projectPath('../shared/corpus');
    const folder = join(corpus, 'tpch', 'queries');
    if (!existsSync(folder)) {
      process.stdout.write(
        `  NOT RUN: there are no queries in ${folder}; set SHEAF_CORPUS to the folder above tpch\n`,
      );
      return [];
    }
    const directory = mkdtempSync(join(tmpdir(), 'sheaf-bench-'));
    try {
      return await measure(small, folder, directory);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  },
};
