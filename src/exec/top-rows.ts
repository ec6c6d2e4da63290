/**
 * The first rows in an order, of rows that come batch by batch (top-N).
 *
 * Hides which rows are kept meanwhile. Invariants: stable; at most a few times the limit and one batch is held.
 * Method: once as many rows are kept as are wanted, the last of them is a bound: what comes later and is not before it
 * is left out. It goes down as a filter (key-filter.ts) to where rows come from, and gets tighter as the query runs;
 * here rows that share the bound's first key are held against its other keys. What is left of a batch is gathered, and
 * sorted with the rows kept so far.
 */
import type { Bound } from '../arrow/source.ts';
import type { Vector } from '../arrow/vector.ts';
import { TOP_ROWS_HEAD, TOP_ROWS_SPARE } from '../base/limits.ts';
import { gather } from '../function/gather.ts';
import type { SortKey } from '../plan/expr.ts';
import { countFrom, pick } from './accumulator.ts';
import { compileExpr } from './evaluate.ts';
import { KeyBound, mergeRows } from './key-bound.ts';
import { selectRank } from './radix.ts';
import type { Evaluator, LazyRows } from './rows.ts';
import { leadNumbers } from './sort-key.ts';
import { gatherRun, joinRuns, runBytes } from './sort-run.ts';
import type { Run, SortShape } from './sort-run.ts';
import { finish } from './work.ts';

/** The worst of the rows wanted so far: what operators below leave rows out by. */
export class TopBound {
  readonly #order: readonly SortKey[];
  #keys: readonly KeyBound[] = [];
  /** Grows whenever the bound gets tighter. */
  version = 0;
  /** Rows that were left out because of it. */
  leftOut = 0;

  constructor(order: readonly SortKey[]) {
    this.#order = order;
  }

  /** By the last rows of vectors, one for each key. */
  tighten(keys: readonly Vector[]): void {
    this.#keys = keys.map((key, k) => {
      return new KeyBound(gather(key, Uint32Array.of(key.length - 1)), this.#order[k] as SortKey);
    });
    this.version++;
  }

  /** True when there is a bound. */
  get isKnown(): boolean {
    return this.#keys.length > 0;
  }

  /** The rows of the column that is the first key which are not behind the bound; undefined for all. */
  choose(column: Vector): Uint32Array | undefined {
    // Of rows that are equal in all keys the first ones are wanted.
    return this.#keys[0]?.choose(column, this.#keys.length === 1);
  }

  /** What zone maps can be asked about the first key, if `column` is it. */
  zoneBounds(column: number, nullable: boolean): readonly Bound[] {
    return this.#keys[0]?.zoneBounds(column, nullable) ?? [];
  }

  /** As `choose`, by all keys from number `k` on; rows that share the bound's key are looked at further if many. */
  sift(rows: LazyRows, keys: readonly Evaluator[], many: number, k = 0): Uint32Array | undefined {
    const [bound, key] = [this.#keys[k], keys[k]];
    if (bound === undefined || key === undefined) return undefined;
    const isLast = k === keys.length - 1;
    const column = key(rows);
    const chosen = bound.choose(column, isLast);
    if (isLast || (chosen?.length ?? rows.rowCount) <= many) return chosen;
    const picked = chosen === undefined ? rows : rows.pick(chosen);
    const before = bound.choose(chosen === undefined ? column : gather(column, chosen), true);
    if (before === undefined) return chosen;
    const ties = complement(before, picked.rowCount);
    const kept = this.sift(picked.pick(ties), keys, many, k + 1);
    if (kept === undefined) return chosen;
    const own = mergeRows(before, pick(ties, kept));
    return chosen === undefined ? own : pick(chosen, own);
  }
}

/** The numbers below `count` that are not in `rows`. */
function complement(rows: Uint32Array, count: number): Uint32Array {
  const rest = new Uint32Array(count - rows.length);
  let next = 0;
  let at = 0;
  for (let i = 0; i < count; i++) {
    if (rows[next] === i) next++;
    else rest[at++] = i;
  }
  return rest;
}

/** Those of ascending numbers that are not below `start`. */
function behind(rows: Uint32Array, start: number): Uint32Array {
  let first = 0;
  while (first < rows.length && (rows[first] as number) < start) first++;
  return rows.subarray(first);
}

/** Takes rows in, and keeps those that may be among the first. */
export class TopRows {
  readonly bound: TopBound;
  readonly #shape: SortShape;
  readonly #keys: readonly Evaluator[];
  readonly #limit: number;
  /** Rows more than are wanted that are kept before they are sorted and trimmed. */
  readonly #spare: number;
  /** Rows of a batch that are too many to be sorted with the others. */
  readonly #many: number;
  #runs: Run[] = [];
  #pending = 0;

  /** The first `limit` rows, one at least. */
  constructor(shape: SortShape, limit: number) {
    this.bound = new TopBound(shape.order);
    this.#shape = shape;
    this.#keys = shape.order.map(({ expr }) => compileExpr(expr));
    this.#limit = limit;
    this.#spare = Math.max(limit, TOP_ROWS_SPARE);
    this.#many = limit + 4 * this.#spare;
  }

  get byteCount(): number {
    return this.#runs.reduce((sum, run) => sum + runBytes(run), 0);
  }

  /** Takes rows in, which come behind all that came before. */
  add(rows: LazyRows): void {
    const head = this.bound.isKnown ? 0 : Math.min(rows.rowCount, this.#limit + TOP_ROWS_HEAD);
    // A bound by the first rows spares the others.
    if (head > 0) this.#keep(head === rows.rowCount ? rows : rows.pick(countFrom(0, head)));
    if (head < rows.rowCount) this.#addFrom(rows, head);
  }

  /** Takes in rows from number `head` on. */
  #addFrom(rows: LazyRows, head: number): void {
    const sifted = this.bound.sift(rows, this.#keys, this.#many);
    if (sifted === undefined && head === 0) {
      this.#keep(rows);
      return;
    }
    const chosen = sifted === undefined ? countFrom(head, rows.rowCount) : behind(sifted, head);
    this.bound.leftOut += rows.rowCount - head - chosen.length;
    if (chosen.length > 0) this.#keep(rows.pick(chosen));
  }

  #keep(rows: LazyRows): void {
    const kept = rows.rowCount > this.#many ? this.#narrow(rows) : rows;
    this.bound.leftOut += rows.rowCount - kept.rowCount;
    this.#runs.push(this.#shape.runOf(kept));
    this.#pending += kept.rowCount;
    if (this.#pending >= this.#limit + (this.bound.isKnown ? this.#spare : 0)) this.#trim();
  }

  /** Of more rows than are wanted those that no `limit` others are before by their first key. */
  #narrow(rows: LazyRows): LazyRows {
    const leads = leadNumbers((this.#keys[0] as Evaluator)(rows), this.#shape.order[0] as SortKey);
    const most = selectRank(leads.slice(), this.#limit - 1);
    const chosen = new Uint32Array(leads.length);
    let count = 0;
    for (let i = 0; i < leads.length; i++) {
      chosen[count] = i;
      if ((leads[i] as number) <= most) count++;
    }
    return count === leads.length ? rows : rows.pick(chosen.subarray(0, count));
  }

  #trim(): void {
    const joined = finish(joinRuns(this.#runs));
    const trimmed = gatherRun(joined, finish(this.#shape.orderOf(joined)).subarray(0, this.#limit));
    this.#runs = [trimmed];
    this.#pending = trimmed.rowCount;
    this.bound.tighten(this.#shape.keysOf(trimmed));
  }

  /** All rows that are kept, not in order. */
  finish(): readonly Run[] {
    return this.#runs;
  }
}
