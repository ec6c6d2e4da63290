/**
 * Sort, and top-N when only the first rows are wanted.
 *
 * Hides keys and their words. Invariants: stable; without a limit everything is held (bounded by the query's memory);
 * with one, at most a few times the limit and one batch. Method of top-N: the worst row kept so far gives a threshold
 * on the first key; rows of later batches that are surely after it are dropped before anything is copied.
 */
import type { Vector } from '../arrow/vector.ts';
import { BATCH_ROWS_MAX } from '../base/limits.ts';
import type { SortKey } from '../plan/expr.ts';
import type { PhysicalPlan } from '../plan/physical.ts';
import { compileExpr } from './evaluate.ts';
import { gather } from '../function/gather.ts';
import { joinParts } from './join.ts';
import { columnsBytes } from './memory.ts';
import { step } from './operator.ts';
import type { Batches, RunContext } from './operator.ts';
import { selectRank, sortWork } from './radix.ts';
import { rowsOf } from './rows.ts';
import { TextBound, hasLeadBelow, keyWordsWork, leadNumbers } from './sort-key.ts';
import { finish, paced } from './work.ts';
import type { Work } from './work.ts';

type SortPlan = Extract<PhysicalPlan, { kind: 'sort' }>;

/** Rows that are pending before top-N sorts and trims them, at least. */
const TRIM_ROWS_MIN = 256;

/** Columns and keys of some rows. */
interface Run {
  readonly rowCount: number;
  readonly columns: readonly Vector[];
  readonly keys: readonly Vector[];
}

function gatherRun(run: Run, rows: Uint32Array): Run {
  return {
    rowCount: rows.length,
    columns: run.columns.map((column) => gather(column, rows)),
    keys: run.keys.map((key) => gather(key, rows)),
  };
}

function* joinRuns(runs: readonly Run[]): Work<Run> {
  const [first] = runs;
  if (first === undefined) throw new TypeError('joinRuns: no runs');
  const [columns, keys]: [Vector[], Vector[]] = [[], []];
  for (let c = 0; c < first.columns.length; c++) {
    columns.push(joinParts(runs.map((run) => run.columns[c] as Vector)));
    yield;
  }
  for (let k = 0; k < first.keys.length; k++) {
    keys.push(joinParts(runs.map((run) => run.keys[k] as Vector)));
    yield;
  }
  return { rowCount: runs.reduce((sum, run) => sum + run.rowCount, 0), columns, keys };
}

function runBytes(run: Run): number {
  return columnsBytes(run.columns) + columnsBytes(run.keys);
}

function* orderOf(run: Run, keys: readonly SortKey[]): Work<Uint32Array> {
  const words: Uint32Array[] = [];
  for (const [k, vector] of run.keys.entries()) words.push(...(yield* keyWordsWork(vector, keys[k] as SortKey)));
  return yield* sortWork(words, run.rowCount);
}

/** The runs taken so far, trimmed to the limit now and then. */
class TopRows {
  readonly #keys: readonly SortKey[];
  readonly #limit: number;
  #runs: Run[] = [];
  #pending = 0;
  #threshold = Infinity;
  /** As the threshold, of a first key that is text. */
  #bound: TextBound | undefined;

  constructor(keys: readonly SortKey[], limit: number) {
    this.#keys = keys;
    this.#limit = limit;
  }

  get byteCount(): number {
    return this.#runs.reduce((sum, run) => sum + runBytes(run), 0);
  }

  /** The rows of the run that may be among the first; undefined when all may. */
  #candidates(run: Run): Uint32Array | undefined {
    const key = run.keys[0];
    if (key === undefined) return undefined;
    if (this.#bound !== undefined) return this.#bound.choose(key);
    if (!hasLeadBelow(key, this.#keys[0] as SortKey, this.#threshold)) return new Uint32Array(0);
    const leads = leadNumbers(key, this.#keys[0] as SortKey);
    let threshold = this.#threshold;
    let count = 0;
    for (let i = 0; i < leads.length; i++) if ((leads[i] as number) <= threshold) count++;
    if (count > this.#limit * 4) {
      // This batch alone has as many rows as are wanted up to here, so nothing after it will do.
      threshold = Math.min(threshold, selectRank(leads.slice(), this.#limit - 1));
      this.#threshold = threshold;
      count = 0;
      for (let i = 0; i < leads.length; i++) if ((leads[i] as number) <= threshold) count++;
    }
    if (count === leads.length) return undefined;
    const rows = new Uint32Array(count);
    let at = 0;
    for (let i = 0; i < leads.length; i++) if ((leads[i] as number) <= threshold) rows[at++] = i;
    return rows;
  }

  add(run: Run): void {
    const rows = this.#candidates(run);
    if (rows?.length === 0) return;
    const kept = rows === undefined ? run : gatherRun(run, rows);
    if (kept.rowCount === 0) return;
    this.#runs.push(kept);
    this.#pending += kept.rowCount;
    if (this.#pending > this.#limit + Math.max(this.#limit, TRIM_ROWS_MIN)) this.#trim();
  }

  #trim(): void {
    const joined = finish(joinRuns(this.#runs));
    const trimmed = gatherRun(joined, finish(orderOf(joined, this.#keys)).subarray(0, this.#limit));
    this.#runs = [trimmed];
    this.#pending = trimmed.rowCount;
    const [key] = trimmed.keys;
    if (key === undefined || trimmed.rowCount < this.#limit) return;
    const order = this.#keys[0] as SortKey;
    this.#threshold = leadNumbers(key, order).at(-1) ?? Infinity;
    this.#bound = TextBound.of(key, trimmed.rowCount - 1, order);
  }

  /** All rows that are kept, not in order. */
  finish(): readonly Run[] {
    return this.#runs;
  }
}

async function* emit(runs: readonly Run[], plan: SortPlan, context: RunContext): Batches {
  if (runs.length === 0) return;
  const joined = await paced(joinRuns(runs), context);
  const order = await paced(orderOf(joined, plan.keys), context);
  const end = Math.min(plan.limit ?? Infinity, joined.rowCount);
  for (let start = 0; start < end; start += BATCH_ROWS_MAX) {
    await step(context);
    const rows = order.subarray(start, Math.min(start + BATCH_ROWS_MAX, end));
    yield {
      schema: plan.schema,
      rowCount: rows.length,
      columns: joined.columns.map((column) => gather(column, rows)),
    };
  }
}

/** Sorts the input. */
export async function* runSort(plan: SortPlan, input: Batches, context: RunContext): Batches {
  if (plan.limit === 0) {
    await input.return();
    return;
  }
  const evaluators = plan.keys.map((key) => compileExpr(key.expr));
  const top = plan.limit === undefined ? undefined : new TopRows(plan.keys, plan.limit);
  const all: Run[] = [];
  let held = 0;
  for await (const batch of input) {
    const rows = rowsOf(batch);
    const keys = evaluators.map((evaluate) => evaluate(rows));
    const run: Run = { rowCount: batch.rowCount, columns: batch.columns, keys };
    if (top === undefined) {
      all.push(run);
      // Joining needs the rows a second time.
      held = context.memory.change('ORDER BY', held, held + 2 * runBytes(run));
    } else {
      top.add(run);
      held = context.memory.change('ORDER BY', held, top.byteCount);
    }
  }
  await step(context);
  yield* emit(top?.finish() ?? all, plan, context);
  context.memory.change('ORDER BY', held, 0);
}
