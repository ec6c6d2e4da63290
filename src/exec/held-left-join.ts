/**
 * Semi and anti joins that hold the left side: right rows say which of the left rows join.
 *
 * Hides the marking. Invariants: left rows come in their order, once the right input has ended; what is held is the
 * left side, bounded by the query's memory.
 */
import { BATCH_ROWS_MAX } from '../base/limits.ts';
import { selectedRows, trueRows } from '../function/compare-kernel.ts';
import { MISSING } from '../function/integers.ts';
import type { PhysicalPlan } from '../plan/physical.ts';
import { compileExpr } from './evaluate.ts';
import { pairsOf } from './join-pairs.ts';
import { JoinTable } from './join-table.ts';
import { step } from './operator.ts';
import type { JoinInputs, RowStream, RunContext } from './operator.ts';
import type { Evaluator } from './rows.ts';
import type { LazyRows } from './rows.ts';
import { rowsWhere } from './rows.ts';

type JoinPlan = Extract<PhysicalPlan, { kind: 'join' }>;

/** Joins by looking up right rows among the left ones. */
export async function* runHeldLeft(plan: JoinPlan, inputs: JoinInputs, context: RunContext): RowStream {
  const keys = plan.keys.map((key) => ({ ...key, left: key.right, right: key.left }));
  const table = await JoinTable.read(inputs.left([]), plan.left.schema, keys, context, {
    asksFor: (key) => !key.nullsEqual && key.left.kind === 'column',
    fills: false,
  });
  const marks = new Marks(plan, table);
  const evaluators = plan.keys.map((key) => compileExpr(key.right));
  if (table.rowCount > 0) {
    for await (const rows of inputs.right(table.filters(keys))) {
      await step(context);
      await marks.take(rows, table.numbers.find(evaluators, rows), context);
    }
  }
  const chosen = rowsWhere(marks.rows(), plan.join === 'semi' ? 1 : 0);
  for (let start = 0; start < chosen.length; start += BATCH_ROWS_MAX) {
    await step(context);
    yield table.rows(chosen.subarray(start, start + BATCH_ROWS_MAX));
  }
  context.memory.change('JOIN', table.byteCount, 0);
}

/** Which held rows join. */
class Marks {
  readonly #table: JoinTable;
  readonly #condition: Evaluator | undefined;
  /** 1 for those that do: by row, or without a condition by key. */
  readonly #marks: Uint8Array;

  constructor(plan: JoinPlan, table: JoinTable) {
    this.#table = table;
    this.#condition = plan.condition === undefined ? undefined : compileExpr(plan.condition);
    this.#marks = new Uint8Array(this.#condition === undefined ? table.numbers.count : table.rowCount);
  }

  /** Takes right rows in, whose keys have the numbers `ids`. */
  async take(rows: LazyRows, ids: Uint32Array, context: RunContext): Promise<void> {
    const marks = this.#marks;
    if (this.#condition === undefined) {
      for (let i = 0; i < ids.length; i++) if (ids[i] !== MISSING) marks[ids[i] as number] = 1;
      return;
    }
    for (const { left, right } of pairsOf(ids, this.#table, false)) {
      await step(context);
      const pairs = this.#table.rows(right).beside(rows.pick(left));
      const { bits, count } = trueRows(this.#condition(pairs));
      for (const at of selectedRows(bits, left.length, count)) marks[right[at] as number] = 1;
    }
  }

  /** 1 for each held row that joins. */
  rows(): Uint8Array {
    if (this.#condition !== undefined) return this.#marks;
    const { held } = this.#table.numbers;
    const marks = new Uint8Array(held.length);
    for (let i = 0; i < held.length; i++)
      if (held[i] !== MISSING) marks[i] = this.#marks[held[i] as number] as number;
    return marks;
  }
}
