/**
 * One aggregate call over batches: FILTER, then the arguments, then DISTINCT, then the accumulator with its order.
 *
 * Hides which rows reach the accumulator. Invariants: arguments are evaluated only for rows that the filter lets
 * through; of rows with equal arguments in a group DISTINCT lets the first through, null being a value like others.
 */
import type { Vector } from '../arrow/vector.ts';
import { selectedRows, trueRows } from '../function/compare-kernel.ts';
import type { Accumulator } from '../function/contract.ts';
import { PairTable, RowKeys } from '../function/key-table.ts';
import type { AggregateCall } from '../plan/expr.ts';
import { freshRows, makeAccumulator, newRows, pick } from './accumulator.ts';
import { compileExpr } from './evaluate.ts';
import { gather } from '../function/gather.ts';
import { someRows } from './rows.ts';
import type { Evaluator, Rows } from './rows.ts';

function countUp(count: number): Uint32Array {
  const numbers = new Uint32Array(count);
  for (let i = 0; i < count; i++) numbers[i] = i;
  return numbers;
}

/** The rows of a call that are new to their group. */
class DistinctRows {
  readonly #keys: RowKeys;
  readonly #pairs = new PairTable();

  constructor(call: AggregateCall) {
    this.#keys = new RowKeys(call.args.map((arg) => arg.type));
  }

  select(args: readonly Vector[], groups: Uint32Array, rowCount: number, groupCount: number): Uint32Array {
    const known = this.#keys.count;
    const ids = this.#keys.number(args, rowCount);
    // As long as there is one group, what is new is new to it.
    if (groupCount === 1 && this.#pairs.count === 0) return newRows(ids, known, this.#keys.count);
    if (this.#pairs.count === 0) freshRows(this.#pairs, countUp(known), new Uint32Array(known), known);
    return freshRows(this.#pairs, ids, groups, rowCount).rows;
  }

  get byteCount(): number {
    return this.#keys.byteCount + this.#pairs.byteCount;
  }
}

/** Runs one call. */
export class RunningCall {
  readonly #filter: Evaluator | undefined;
  readonly #args: readonly Evaluator[];
  readonly #keys: readonly Evaluator[];
  readonly #distinct: DistinctRows | undefined;
  readonly #accumulator: Accumulator;

  constructor(call: AggregateCall) {
    this.#filter = call.filter === undefined ? undefined : compileExpr(call.filter);
    this.#args = call.args.map(compileExpr);
    this.#keys = call.order.map((key) => compileExpr(key.expr));
    this.#distinct = call.distinct && call.args.length > 0 ? new DistinctRows(call) : undefined;
    const parameters = call.args.map((arg) => arg.type);
    this.#accumulator = makeAccumulator(call.name, parameters, call.constants, call.order);
  }

  /** Takes rows: row i belongs to group `groups[i]`, below `groupCount`. */
  update(rows: Rows, groups: Uint32Array, groupCount: number): void {
    if (this.#filter === undefined) {
      this.#take(rows, groups, groupCount);
      return;
    }
    const { bits, count } = trueRows(this.#filter(rows));
    if (count === rows.rowCount) this.#take(rows, groups, groupCount);
    else if (count > 0) {
      const selected = selectedRows(bits, rows.rowCount, count);
      this.#take(someRows(rows, selected), pick(groups, selected), groupCount);
    }
  }

  #take(rows: Rows, groups: Uint32Array, groupCount: number): void {
    const { rowCount } = rows;
    const args = this.#args.map((evaluate) => evaluate(rows));
    const all = [...args, ...this.#keys.map((evaluate) => evaluate(rows))];
    const fresh = this.#distinct?.select(args, groups, rowCount, groupCount);
    if (fresh === undefined || fresh.length === rowCount) {
      this.#accumulator.update(all, groups, rowCount, groupCount);
    } else if (fresh.length > 0) {
      const taken = all.map((vector) => gather(vector, fresh));
      this.#accumulator.update(taken, pick(groups, fresh), fresh.length, groupCount);
    }
  }

  finish(groupCount: number): Vector {
    return this.#accumulator.finish(groupCount);
  }

  byteCount(): number {
    return this.#accumulator.byteCount() + (this.#distinct?.byteCount ?? 0);
  }
}
