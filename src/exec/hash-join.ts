/**
 * Joins: the right side is held and looked up by key, or where the plan says so the left one; without keys every pair
 * is looked at.
 *
 * Hides what each kind of join makes of pairs. Invariants: left rows come in their order, and rows that only the right
 * side has after them; what is held is the right side, bounded by the query's memory; cancellation is looked at for
 * every batch of pairs.
 */
import type { RecordBatch } from '../arrow/batch.ts';
import type { Vector } from '../arrow/vector.ts';
import { BATCH_ROWS_MAX } from '../base/limits.ts';
import { EngineError } from '../base/errors.ts';
import { selectedRows, trueRows } from '../function/compare-kernel.ts';
import { MISSING } from '../function/range-keys.ts';
import type { PhysicalPlan } from '../plan/physical.ts';
import { compileExpr } from './evaluate.ts';
import { gather } from '../function/gather.ts';
import { runHeldLeft } from './held-left-join.ts';
import { markRows, NullAwareKeys } from './join-mark.ts';
import type { Pairs } from './join-pairs.ts';
import { pairRows, pairsOf } from './join-pairs.ts';
import { JoinTable, nullColumn } from './join-table.ts';
import { step } from './operator.ts';
import type { Batches, RunContext } from './operator.ts';
import type { Evaluator, Rows } from './rows.ts';
import { rowsOf, rowsWhere } from './rows.ts';

type JoinPlan = Extract<PhysicalPlan, { kind: 'join' }>;

/** Joins the left input to the right one. */
export async function* runJoin(plan: JoinPlan, left: Batches, right: Batches, context: RunContext): Batches {
  if (plan.holdsLeft) {
    yield* runHeldLeft(plan, left, right, context);
    return;
  }
  const types = plan.right.schema.fields.map((field) => field.type);
  let aware: NullAwareKeys | undefined;
  const table = await JoinTable.read(right, types, plan.keys, context, (held) => {
    if (plan.nullAware && plan.condition === undefined) aware = new NullAwareKeys(plan.keys, held);
  });
  const run = new JoinRun(plan, table, aware, context);
  const isFruitless =
    table.rowCount === 0 && (plan.join === 'inner' || plan.join === 'semi' || plan.join === 'right');
  if (isFruitless) {
    await left.return();
  } else {
    for await (const batch of left) {
      await step(context);
      yield* run.join(batch);
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
  readonly #width: number;
  /** For each held row, whether a left row joined it; undefined where nobody asks. */
  readonly #joined: Uint8Array | undefined;

  constructor(plan: JoinPlan, table: JoinTable, aware: NullAwareKeys | undefined, context: RunContext) {
    this.#plan = plan;
    this.#table = table;
    this.#aware = aware;
    this.#context = context;
    this.#keys = plan.keys.map((key) => compileExpr(key.left));
    this.#condition = plan.condition === undefined ? undefined : compileExpr(plan.condition);
    this.#width = plan.left.schema.fields.length;
    const asks = plan.join === 'right' || plan.join === 'full';
    this.#joined = asks ? new Uint8Array(table.rowCount + 1) : undefined;
  }

  /** What one left batch yields. */
  async *join(batch: RecordBatch): Batches {
    const rows = rowsOf(batch);
    const ids = this.#table.numbers.find(this.#keys, rows);
    switch (this.#plan.join) {
      case 'inner':
      case 'right':
        for await (const pairs of this.#pairs(rows, ids, false)) yield this.#emit(rows, pairs);
        return;
      case 'left':
      case 'full':
      case 'single':
        yield* this.#outer(rows, ids);
        return;
      case 'semi':
      case 'anti':
        yield* this.#choose(batch, rows, ids);
        return;
      case 'mark':
        yield await this.#mark(batch, rows, ids);
        return;
    }
  }

  /** Right rows that no left row has joined. */
  async *rest(): Batches {
    if (this.#joined === undefined) return;
    const { rowCount, columns } = this.#table;
    const open: number[] = [];
    const { fields } = this.#plan.left.schema;
    for (let row = 0; row <= rowCount; row++) {
      if (row < rowCount && this.#joined[row] === 0) open.push(row);
      if (open.length === 0 || (open.length < BATCH_ROWS_MAX && row < rowCount)) continue;
      await step(this.#context);
      const rows = Uint32Array.from(open.splice(0));
      const left = fields.map((field) => nullColumn(field.type, rows.length));
      const right = columns.map((column) => gather(column, rows));
      yield { schema: this.#plan.schema, rowCount: rows.length, columns: [...left, ...right] };
    }
  }

  /** Pairs for which the condition is true. */
  async *#pairs(rows: Rows, ids: Uint32Array, fill: boolean): AsyncGenerator<Pairs, void, undefined> {
    for (const pairs of pairsOf(ids, this.#table, fill)) {
      await step(this.#context);
      const kept = this.#condition === undefined ? pairs : this.#meeting(rows, pairs, this.#condition);
      const { left, right } = kept;
      const joined = this.#joined;
      if (joined !== undefined) for (let i = 0; i < right.length; i++) joined[right[i] as number] = 1;
      if (left.length > 0) yield kept;
    }
  }

  #meeting(rows: Rows, pairs: Pairs, condition: Evaluator): Pairs {
    const { bits, count } = trueRows(condition(pairRows(rows, this.#width, this.#table, pairs)));
    if (count === pairs.left.length) return pairs;
    const chosen = selectedRows(bits, pairs.left.length, count);
    const pick = (from: Uint32Array): Uint32Array => chosen.map((at) => from[at] as number);
    return { left: pick(pairs.left), right: pick(pairs.right) };
  }

  #emit(rows: Rows, { left, right }: Pairs): RecordBatch {
    const columns: Vector[] = [];
    for (let c = 0; c < this.#width; c++) columns.push(gather(rows.column(c), left));
    for (const column of this.#table.columns) columns.push(gather(column, right));
    return { schema: this.#plan.schema, rowCount: left.length, columns };
  }

  /** Each left row with those that it joins, or with NULLs. */
  async *#outer(rows: Rows, ids: Uint32Array): Batches {
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
      for await (const pairs of this.#pairs(rows, ids, true)) {
        if (isSingle) count(pairs);
        yield this.#emit(rows, pairs);
      }
      return;
    }
    for await (const pairs of this.#pairs(rows, ids, false)) {
      count(pairs);
      yield this.#emit(rows, pairs);
    }
    const alone = rowsWhere(counts, 0);
    if (alone.length === 0) return;
    yield this.#emit(rows, { left: alone, right: new Uint32Array(alone.length).fill(this.#table.rowCount) });
  }

  /** Which left rows join some row: 1 for those. */
  async #joins(rows: Rows, ids: Uint32Array): Promise<Uint8Array> {
    const joins = new Uint8Array(rows.rowCount);
    if (this.#condition !== undefined) {
      for await (const { left } of this.#pairs(rows, ids, false)) {
        for (let i = 0; i < left.length; i++) joins[left[i] as number] = 1;
      }
      return joins;
    }
    const { starts } = this.#table.keyRows;
    for (let i = 0; i < ids.length; i++) {
      const id = ids[i] as number;
      if (id !== MISSING && id < starts.length - 1 && starts[id + 1] !== starts[id]) joins[i] = 1;
    }
    return joins;
  }

  async *#choose(batch: RecordBatch, rows: Rows, ids: Uint32Array): Batches {
    const chosen = rowsWhere(await this.#joins(rows, ids), this.#plan.join === 'semi' ? 1 : 0);
    if (chosen.length === 0) return;
    if (chosen.length === batch.rowCount) {
      yield { ...batch, schema: this.#plan.schema };
      return;
    }
    const columns = batch.columns.map((column) => gather(column, chosen));
    yield { schema: this.#plan.schema, rowCount: chosen.length, columns };
  }

  async #mark(batch: RecordBatch, rows: Rows, ids: Uint32Array): Promise<RecordBatch> {
    const aware = this.#aware;
    const mark =
      aware === undefined ? await this.#markByCondition(rows, ids) : aware.mark(rows, await this.#joins(rows, ids));
    return { schema: this.#plan.schema, rowCount: batch.rowCount, columns: [...batch.columns, mark] };
  }

  async #markByCondition(rows: Rows, ids: Uint32Array): Promise<Vector> {
    if (!this.#plan.nullAware || this.#condition === undefined) {
      return markRows(await this.#joins(rows, ids), undefined);
    }
    const joins = new Uint8Array(rows.rowCount);
    const open = new Uint8Array(rows.rowCount);
    for (const pairs of pairsOf(ids, this.#table, false)) {
      await step(this.#context);
      const answer = this.#condition(pairRows(rows, this.#width, this.#table, pairs));
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

function severalRows(): EngineError {
  const remedy = 'aggregate it, for example with max(), or add LIMIT 1';
  return new EngineError('value_error', `a subquery that is used as a value gives more than one row; ${remedy}`);
}
