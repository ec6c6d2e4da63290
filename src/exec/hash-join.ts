/**
 * Joins: the right side is held and looked up by key, or where the plan says so the left one; without keys every pair
 * is looked at.
 *
 * Hides what each kind of join makes of pairs. Invariants: left rows come in their order, and rows that only the right
 * side has after them; what is held is the right side, bounded by the query's memory, and read whole before the left
 * side is opened, which is told the keys that are held; nothing is gathered here but what keys and conditions read;
 * cancellation is looked at for every batch of pairs.
 */
import type { Vector } from '../arrow/vector.ts';
import { BATCH_ROWS_MAX } from '../base/limits.ts';
import { EngineError } from '../base/errors.ts';
import { selectedRows, trueRows } from '../function/compare-kernel.ts';
import { NO_ROW } from '../function/gather.ts';
import type { PhysicalPlan } from '../plan/physical.ts';
import { compileExpr } from './evaluate.ts';
import { runHeldLeft } from './held-left-join.ts';
import { markRows, NullAwareKeys } from './join-mark.ts';
import { pairsOf } from './join-pairs.ts';
import { JoinTable, nullColumn } from './join-table.ts';
import type { Pairs } from './join-table.ts';
import { step } from './operator.ts';
import type { JoinInputs, RowStream, RunContext } from './operator.ts';
import { LazyRows, rowsWhere } from './rows.ts';
import type { Evaluator } from './rows.ts';

type JoinPlan = Extract<PhysicalPlan, { kind: 'join' }>;

/** Joins the left input to the right one. */
export async function* runJoin(plan: JoinPlan, inputs: JoinInputs, context: RunContext): RowStream {
  if (plan.holdsLeft) {
    yield* runHeldLeft(plan, inputs, context);
    return;
  }
  let aware: NullAwareKeys | undefined;
  const dropsLeft = plan.join === 'inner' || plan.join === 'semi' || plan.join === 'right';
  const table = await JoinTable.read(inputs.right([]), plan.right.schema, plan.keys, context, {
    asksFor: (key) => dropsLeft && !key.nullsEqual && key.left.kind === 'column',
    fills: plan.join === 'left' || plan.join === 'full' || plan.join === 'single',
    observe: (held) => {
      if (plan.nullAware && plan.condition === undefined) aware = new NullAwareKeys(plan.keys, held);
    },
  });
  const run = new JoinRun(plan, table, aware, context);
  if (table.rowCount > 0 || !dropsLeft) {
    for await (const rows of inputs.left(table.filters(plan.keys))) {
      await step(context);
      yield* run.join(rows);
    }
  }
  yield* run.rest();
  context.memory.change('JOIN', table.byteCount, 0);
}

class JoinRun {
  readonly #plan: JoinPlan;
  readonly #table: JoinTable;
  readonly #aware: NullAwareKeys | undefined;
  readonly #context: RunContext;
  readonly #keys: readonly Evaluator[];
  readonly #condition: Evaluator | undefined;
  /** For each held row, whether a left row joined it; undefined where nobody asks. */
  readonly #joined: Uint8Array | undefined;

  constructor(plan: JoinPlan, table: JoinTable, aware: NullAwareKeys | undefined, context: RunContext) {
    this.#plan = plan;
    this.#table = table;
    this.#aware = aware;
    this.#context = context;
    this.#keys = plan.keys.map((key) => compileExpr(key.left));
    this.#condition = plan.condition === undefined ? undefined : compileExpr(plan.condition);
    const asks = plan.join === 'right' || plan.join === 'full';
    this.#joined = asks ? new Uint8Array(table.rowCount + 1) : undefined;
  }

  /** What one left batch yields. */
  async *join(rows: LazyRows): RowStream {
    const ids = this.#table.numbers.find(this.#keys, rows);
    switch (this.#plan.join) {
      case 'inner':
      case 'right':
        for await (const { joined } of this.#pairs(rows, ids, false)) yield joined;
        return;
      case 'left':
      case 'full':
      case 'single':
        yield* this.#outer(rows, ids);
        return;
      case 'semi':
      case 'anti': {
        const chosen = rowsWhere(await this.#joins(rows, ids), this.#plan.join === 'semi' ? 1 : 0);
        if (chosen.length > 0) yield chosen.length === rows.rowCount ? rows : rows.pick(chosen);
        return;
      }
      case 'mark':
        yield await this.#mark(rows, ids);
        return;
    }
  }

  /** Right rows that no left row has joined. */
  async *rest(): RowStream {
    if (this.#joined === undefined) return;
    const { rowCount } = this.#table;
    const { fields } = this.#plan.left.schema;
    const open = rowsWhere(this.#joined.subarray(0, rowCount), 0);
    for (let start = 0; start < open.length; start += BATCH_ROWS_MAX) {
      await step(this.#context);
      const rows = open.subarray(start, start + BATCH_ROWS_MAX);
      const none = fields.map((field) => nullColumn(field.type, rows.length));
      yield LazyRows.of({ rowCount: rows.length, columns: none }).beside(this.#table.rows(rows));
    }
  }

  /** Pairs for which the condition is true, and their columns. */
  async *#pairs(rows: LazyRows, ids: Uint32Array, fill: boolean): AsyncGenerator<Joined, void, undefined> {
    for (const pairs of pairsOf(ids, this.#table, fill)) {
      await step(this.#context);
      const all = { pairs, joined: this.#beside(rows, pairs) };
      const kept = this.#condition === undefined ? all : meeting(all, this.#condition);
      const { left, right } = kept.pairs;
      const joined = this.#joined;
      if (joined !== undefined) for (let i = 0; i < right.length; i++) joined[right[i] as number] = 1;
      if (left.length > 0) yield kept;
    }
  }

  #beside(rows: LazyRows, { left, right }: Pairs): LazyRows {
    return picked(rows, left).beside(this.#table.rows(right));
  }

  /** Each left row with those that it joins, or with NULLs. */
  async *#outer(rows: LazyRows, ids: Uint32Array): RowStream {
    const isSingle = this.#plan.join === 'single';
    const counts = new Uint32Array(rows.rowCount);
    const count = ({ left }: Pairs): void => {
      for (let i = 0; i < left.length; i++) {
        const row = left[i] as number;
        const made = (counts[row] as number) + 1;
        counts[row] = made;
        if (isSingle && made > 1) throw severalRows();
      }
    };
    if (this.#condition === undefined) {
      for await (const { pairs, joined } of this.#pairs(rows, ids, true)) {
        if (isSingle) count(pairs);
        yield joined;
      }
      return;
    }
    for await (const { pairs, joined } of this.#pairs(rows, ids, false)) {
      count(pairs);
      yield joined;
    }
    const alone = rowsWhere(counts, 0);
    if (alone.length === 0) return;
    yield this.#beside(rows, { left: alone, right: new Uint32Array(alone.length).fill(this.#table.rowCount) });
  }

  /** Which left rows join some row: 1 for those. */
  async #joins(rows: LazyRows, ids: Uint32Array): Promise<Uint8Array> {
    const joins = new Uint8Array(rows.rowCount);
    if (this.#condition !== undefined) {
      for await (const { pairs } of this.#pairs(rows, ids, false)) {
        for (let i = 0; i < pairs.left.length; i++) joins[pairs.left[i] as number] = 1;
      }
      return joins;
    }
    const { firsts } = this.#table.keyRows;
    for (let i = 0; i < ids.length; i++) {
      const id = ids[i] as number;
      if (id < firsts.length && firsts[id] !== NO_ROW) joins[i] = 1;
    }
    return joins;
  }

  async #mark(rows: LazyRows, ids: Uint32Array): Promise<LazyRows> {
    const aware = this.#aware;
    const mark =
      aware === undefined ? await this.#markByCondition(rows, ids) : aware.mark(rows, await this.#joins(rows, ids));
    return rows.beside(LazyRows.of({ rowCount: rows.rowCount, columns: [mark] }));
  }

  async #markByCondition(rows: LazyRows, ids: Uint32Array): Promise<Vector> {
    if (!this.#plan.nullAware || this.#condition === undefined) {
      return markRows(await this.#joins(rows, ids), undefined);
    }
    const joins = new Uint8Array(rows.rowCount);
    const open = new Uint8Array(rows.rowCount);
    for (const pairs of pairsOf(ids, this.#table, false)) {
      await step(this.#context);
      const answer = this.#condition(this.#beside(rows, pairs));
      const { bits } = trueRows(answer);
      const present = answer.nullCount === 0 ? undefined : answer.buffers[0];
      for (let i = 0; i < pairs.left.length; i++) {
        const row = pairs.left[i] as number;
        if ((((bits[i >> 3] as number) >> (i & 7)) & 1) === 1) joins[row] = 1;
        if (present !== undefined && (((present[i >> 3] as number) >> (i & 7)) & 1) === 0) open[row] = 1;
      }
    }
    return markRows(joins, open);
  }
}

/** Pairs, and the columns of both sides for them. */
interface Joined {
  readonly pairs: Pairs;
  readonly joined: LazyRows;
}

/** Rows of a batch by ascending numbers; the batch itself when these are all of its rows, each once. */
function picked(rows: LazyRows, chosen: Uint32Array): LazyRows {
  const count = chosen.length;
  if (count !== rows.rowCount) return rows.pick(chosen);
  for (let i = 0; i < count; i++) if (chosen[i] !== i) return rows.pick(chosen);
  return rows;
}

/** The pairs for which the condition is true. */
function meeting({ pairs, joined }: Joined, condition: Evaluator): Joined {
  const { bits, count } = trueRows(condition(joined));
  if (count === pairs.left.length) return { pairs, joined };
  const chosen = selectedRows(bits, pairs.left.length, count);
  const pick = (from: Uint32Array): Uint32Array => chosen.map((at) => from[at] as number);
  return { pairs: { left: pick(pairs.left), right: pick(pairs.right) }, joined: joined.pick(chosen) };
}

function severalRows(): EngineError {
  const remedy = 'aggregate it, for example with max(), or add LIMIT 1';
  return new EngineError('value_error', `a subquery that is used as a value gives more than one row; ${remedy}`);
}
