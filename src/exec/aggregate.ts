/**
 * Aggregate: groups by hash, or one group of all rows.
 *
 * Hides key tables. Invariants: groups come out in order of first appearance; null is a group;
 * without groups there is always one row; what is held is bounded by GROUPS_MAX and the query's memory. A group's key
 * values are gathered from the row that made it.
 */
import type { RecordBatch } from '../arrow/batch.ts';
import { emptyVector, sliceVector } from '../arrow/slice.ts';
import type { Vector } from '../arrow/vector.ts';
import { vectorBytes } from '../arrow/vector.ts';
import { EngineError } from '../base/errors.ts';
import { BATCH_ROWS_MAX, GROUPS_MAX } from '../base/limits.ts';
import { RowKeys } from '../function/key-table.ts';
import type { PhysicalPlan } from '../plan/physical.ts';
import { RunningCall } from './aggregate-call.ts';
import { compileExpr } from './evaluate.ts';
import { gather } from '../function/gather.ts';
import { joinParts } from './join.ts';
import { step } from './operator.ts';
import type { Batches, RowStream, RunContext } from './operator.ts';
import type { Evaluator, Rows } from './rows.ts';

type AggregatePlan = Extract<PhysicalPlan, { kind: 'aggregate' }>;

/** @throws `limit_exceeded` when one aggregate has more groups than it may */
export function checkGroupCount(count: number): void {
  if (count <= GROUPS_MAX) return;
  const most = GROUPS_MAX.toString();
  throw new EngineError(
    'limit_exceeded',
    `GROUP BY makes more than ${most} groups; filter rows or group by fewer columns`,
  );
}

/** The groups seen so far. */
class Groups {
  readonly #keys: RowKeys;
  readonly #evaluators: readonly Evaluator[];
  /** For each key column its values at new groups, one part for each batch that made some. */
  readonly #parts: Vector[][];
  #count = 0;
  #partBytes = 0;

  constructor(plan: AggregatePlan) {
    this.#keys = new RowKeys(plan.groups.map((group) => group.type));
    this.#evaluators = plan.groups.map(compileExpr);
    this.#parts = plan.groups.map(() => []);
  }

  get count(): number {
    return this.#count;
  }

  get byteCount(): number {
    return this.#keys.byteCount + this.#partBytes;
  }

  /** The group of each row. */
  number(rows: Rows): Uint32Array {
    const vectors = this.#evaluators.map((evaluate) => evaluate(rows));
    const ids = this.#keys.number(vectors, rows.rowCount);
    if (this.#keys.count > this.#count) this.#keepKeys(vectors, ids);
    return ids;
  }

  #keepKeys(vectors: readonly Vector[], ids: Uint32Array): void {
    checkGroupCount(this.#keys.count);
    const firsts = new Uint32Array(this.#keys.count - this.#count);
    let next = this.#count;
    for (let i = 0; next < this.#keys.count; i++) if (ids[i] === next) firsts[next++ - this.#count] = i;
    this.#count = next;
    vectors.forEach((vector, k) => {
      const part = gather(vector, firsts);
      this.#partBytes += vectorBytes(part);
      (this.#parts[k] as Vector[]).push(part);
    });
  }

  /** The key columns, one row a group. */
  finish(plan: AggregatePlan): Vector[] {
    return this.#parts.map((parts, k) => {
      const type = plan.groups[k]?.type ?? { id: 'null' };
      return parts.length === 0 ? emptyVector(type) : joinParts(parts);
    });
  }
}

/** Whole columns as batches of an aggregate's result. */
export function* cut(columns: readonly Vector[], rowCount: number, plan: AggregatePlan): Generator<RecordBatch> {
  for (let start = 0; start < rowCount; start += BATCH_ROWS_MAX) {
    const end = Math.min(start + BATCH_ROWS_MAX, rowCount);
    const whole = start === 0 && end === rowCount;
    yield {
      schema: plan.schema,
      rowCount: end - start,
      columns: whole ? columns : columns.map((column) => sliceVector(column, start, end)),
    };
  }
}

/** Aggregates the whole input, then yields the groups. */
export async function* runAggregate(plan: AggregatePlan, input: RowStream, context: RunContext): Batches {
  const calls = plan.aggregates.map((call) => new RunningCall(call));
  const groups = plan.groups.length === 0 ? undefined : new Groups(plan);
  let single = new Uint32Array(0);
  let held = 0;
  for await (const rows of input) {
    const { rowCount } = rows;
    if (single.length < rowCount) single = new Uint32Array(rowCount);
    const ids = groups?.number(rows) ?? single.subarray(0, rowCount);
    for (const call of calls) call.update(rows, ids, groups?.count ?? 1);
    const state = calls.reduce((sum, call) => sum + call.byteCount(), groups?.byteCount ?? 0);
    held = context.memory.change('GROUP BY', held, state);
  }
  await step(context);
  const rowCount = groups?.count ?? 1;
  const columns = groups?.finish(plan) ?? [];
  for (const call of calls) {
    columns.push(call.finish(rowCount));
    await step(context);
  }
  yield* cut(columns, rowCount, plan);
  context.memory.change('GROUP BY', held, 0);
}
