/**
 * Runs: what a sort holds of some rows, joined, taken from and ordered.
 *
 * Hides where keys stand. Invariants: a run's columns are those of the sort's input, and behind them the keys that are
 * computed; a key that is a column is held once.
 */
import type { Vector } from '../arrow/vector.ts';
import { gather } from '../function/gather.ts';
import type { SortKey } from '../plan/expr.ts';
import { compileExpr } from './evaluate.ts';
import { joinParts } from './join.ts';
import { columnsBytes } from './memory.ts';
import { sortWork } from './radix.ts';
import type { Evaluator, Rows } from './rows.ts';
import { keyWordsWork } from './sort-key.ts';
import type { Work } from './work.ts';

/** Columns of some rows, as a sort holds them. */
export interface Run {
  readonly rowCount: number;
  readonly columns: readonly Vector[];
}

/** Some rows of a run, in the order given. */
export function gatherRun(run: Run, rows: Uint32Array): Run {
  return { rowCount: rows.length, columns: run.columns.map((column) => gather(column, rows)) };
}

/** One run after another; there must be one. */
export function* joinRuns(runs: readonly Run[]): Work<Run> {
  const [first] = runs;
  if (first === undefined) throw new TypeError('joinRuns: no runs');
  const columns: Vector[] = [];
  for (let c = 0; c < first.columns.length; c++) {
    columns.push(joinParts(runs.map((run) => run.columns[c] as Vector)));
    yield;
  }
  return { rowCount: runs.reduce((sum, run) => sum + run.rowCount, 0), columns };
}

/** Bytes that a run holds. */
export function runBytes(run: Run): number {
  return columnsBytes(run.columns);
}

/** What a sort holds of its input, and how it orders that. */
export class SortShape {
  readonly order: readonly SortKey[];
  /** Columns of the input. */
  readonly width: number;
  /** Where the keys stand among a run's columns. */
  readonly #places: readonly number[];
  readonly #computed: readonly Evaluator[];

  constructor(order: readonly SortKey[], width: number) {
    const computed: Evaluator[] = [];
    this.order = order;
    this.width = width;
    this.#places = order.map(({ expr }) => {
      return expr.kind === 'column' ? expr.index : width + computed.push(compileExpr(expr)) - 1;
    });
    this.#computed = computed;
  }

  /** All columns of rows. */
  runOf(rows: Rows): Run {
    const own = Array.from({ length: this.width }, (_, index) => rows.column(index));
    return { rowCount: rows.rowCount, columns: [...own, ...this.#computed.map((evaluate) => evaluate(rows))] };
  }

  /** The keys of a run. */
  keysOf(run: Run): readonly Vector[] {
    return this.#places.map((place) => run.columns[place] as Vector);
  }

  /** The rows of a run in order. */
  *orderOf(run: Run): Work<Uint32Array> {
    const words: Uint32Array[] = [];
    for (const [k, key] of this.keysOf(run).entries()) {
      words.push(...(yield* keyWordsWork(key, this.order[k] as SortKey)));
    }
    return yield* sortWork(words, run.rowCount);
  }
}
