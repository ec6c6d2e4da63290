/**
 * A run: worlds by seed, queries over each, put to Sheaf and to DuckDB, failures made small.
 *
 * Hides directories and the two sides. Invariants: query q of seed s is the same in every run; a run ends with both
 * sides closed; counts add up to the queries.
 */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeRandom } from '../support/random.ts';
import { callsOf } from './call.ts';
import { judge } from './judge.ts';
import type { Verdict } from './judge.ts';
import { Oracle } from './oracle.ts';
import { Ours } from './ours.ts';
import { QueryMaker } from './query.ts';
import type { Features } from './query.ts';
import { shrink } from './shrink.ts';
import type { Case } from './shrink.ts';
import { makeWorld, sourceOf } from './world.ts';
import type { WorldTable } from './world.ts';

export interface RunOptions {
  readonly seed: number;
  readonly queries: number;
  /** One query of the seed alone. */
  readonly only?: number;
  /** Called with each failure, made small. */
  readonly onFailure: (report: string) => void;
  readonly onWorld?: (seed: number, counts: ReadonlyMap<string, number>) => void;
}

/** Outcome → queries. */
export type Counts = Map<string, number>;

const MEMORY_DISK = '/dev/shm';
const QUERIES_SMALL = 100;
const QUERIES_LARGE = 20;
/** Failures that say the same are made small so many times. */
const ALIKE_MAX = 2;
/** So that a query's numbers are not those of the next. */
const QUERY_STRIDE = 7_919;

/** The queries of a world: the same for the same seed. */
function queryOf(seed: number, index: number, tables: readonly WorldTable[], features: Features): string {
  const random = makeRandom(seed * QUERY_STRIDE + index * 104_729 + 1);
  return new QueryMaker(random, tables, features).statement();
}

class Run {
  readonly #ours: Ours;
  readonly #oracle: Oracle;
  readonly #options: RunOptions;
  readonly counts: Counts = new Map();
  readonly #seen = new Map<string, number>();

  constructor(ours: Ours, oracle: Oracle, options: RunOptions) {
    this.#ours = ours;
    this.#oracle = oracle;
    this.#options = options;
  }

  async all(): Promise<void> {
    const features = await this.#features();
    let left = this.#options.only === undefined ? this.#options.queries : 1;
    for (let seed = this.#options.seed; left > 0; seed++) {
      const tables = makeWorld(makeRandom(seed), seed);
      await this.#load(tables);
      const isLarge = tables.some(({ rowCount }) => rowCount > 1_000);
      const count = Math.min(left, isLarge ? QUERIES_LARGE : QUERIES_SMALL);
      for (let q = 0; q < count; q++) {
        const index = this.#options.only ?? q;
        await this.#one(`seed ${seed.toString()}, query ${index.toString()}`, {
          sql: queryOf(seed, index, tables, features),
          tables,
        });
      }
      left -= count;
      this.#options.onWorld?.(seed, this.counts);
    }
  }

  /** What the language has by now. */
  async #features(): Promise<Features> {
    await this.#load([]);
    const probe = await this.#ours.query('SELECT sum(x) OVER (ORDER BY x) FROM (VALUES (1), (2)) t(x)');
    const calls = await callsOf((queries) => this.#oracle.accepts(queries));
    return { windows: probe.kind === 'rows', calls };
  }

  async #load(tables: readonly WorldTable[]): Promise<void> {
    const sources = tables.map(sourceOf);
    await this.#ours.load(sources);
    await this.#oracle.load(sources);
  }

  async #one(name: string, given: Case): Promise<void> {
    const verdict = await judge(given.sql, this.#ours, this.#oracle);
    this.counts.set(verdict.outcome, (this.counts.get(verdict.outcome) ?? 0) + 1);
    if (verdict.outcome !== 'wrong') return;
    const alike = (verdict.detail ?? '').replaceAll(/'[^']*'|\(.*\)|\d+/gu, '');
    const seen = (this.#seen.get(alike) ?? 0) + 1;
    this.#seen.set(alike, seen);
    this.#options.onFailure(
      seen > ALIKE_MAX ? `${name}: again ${verdict.kind ?? ''}` : await this.#report(name, given, verdict),
    );
  }

  async #report(name: string, given: Case, verdict: Verdict): Promise<string> {
    let loaded = given.tables;
    let last = verdict;
    const small = await shrink(given, async ({ sql, tables }) => {
      if (tables !== loaded) await this.#load(tables);
      loaded = tables;
      const found = await judge(sql, this.#ours, this.#oracle);
      if (found.outcome !== 'wrong' || found.kind !== verdict.kind) return false;
      last = found;
      return true;
    });
    await this.#load(given.tables);
    const rows = small.tables
      .filter((table) => new RegExp(`\\b${table.name}\\b`, 'u').test(small.sql))
      .map((table) => `  ${describe(table, small.sql)}`);
    return [`${name}: ${last.detail ?? ''}`, `  ${small.sql}`, ...rows].join('\n');
  }
}

/** A small table for a person: the columns that a query names. */
function describe(table: WorldTable, sql: string): string {
  const named = table.columns.map((column, c) => [column, c] as const);
  const used = named.filter(([column]) => new RegExp(`\\b${column.name}\\b`, 'u').test(sql));
  const head = `${table.name}: ${table.rowCount.toString()} rows in batches of ${table.batchRows.toString()}`;
  if (table.rowCount > 8) return head;
  return `${head}; ${used.map(([column, c]) => `${column.name} ${JSON.stringify(table.texts[c])}`).join('; ')}`;
}

/** Runs queries until there were as many as wanted; what came of them. */
export async function runFuzz(options: RunOptions): Promise<Counts> {
  const directory = mkdtempSync(join(existsSync(MEMORY_DISK) ? MEMORY_DISK : tmpdir(), 'sheaf-sql-fuzz-'));
  const oracle = new Oracle(directory);
  try {
    const ours = await Ours.open(join(directory, 'database'));
    try {
      const run = new Run(ours, oracle, options);
      await run.all();
      return run.counts;
    } finally {
      await ours.close();
    }
  } finally {
    await oracle.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Counts as lines. */
export function countLines(counts: ReadonlyMap<string, number>): string {
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
  const lines = [...counts].toSorted((a, b) => b[1] - a[1]).map(([name, count]) => `  ${count.toString()} ${name}`);
  return [`${total.toString()} queries`, ...lines].join('\n');
}
