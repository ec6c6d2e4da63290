/**
 * Shared rows, unions and recursion: operators that read rows which are held, or several inputs.
 *
 * Hides who comes first. Invariants: a shared plan is run once, by the first who reads it, and its rows are held until
 * the query ends, or until the next round of a recursion that it reads; a recursive query holds one round's rows, and
 * with UNION the keys of all rows so far.
 */
import type { RecordBatch } from '../arrow/batch.ts';
import type { Vector } from '../arrow/vector.ts';
import { EngineError } from '../base/errors.ts';
import { RECURSION_ROUNDS_MAX } from '../base/limits.ts';
import { RowKeys } from '../function/key-table.ts';
import type { PhysicalPlan } from '../plan/physical.ts';
import { inputsOf } from '../plan/physical.ts';
import { gather } from '../function/gather.ts';
import { columnsBytes } from './memory.ts';
import { step } from './operator.ts';
import type { Batches, Open, RunContext } from './operator.ts';

/** Reads rows that several operators read. */
export async function* runShared(
  plan: Extract<PhysicalPlan, { kind: 'shared' }>,
  open: Open,
  context: RunContext,
): Batches {
  const { rows, columns, schema } = plan;
  let held = context.shared.get(rows.id);
  if (held === undefined) {
    held = collect(open(rows.plan), context);
    context.shared.set(rows.id, held);
  }
  for (const batch of await held) {
    await step(context);
    const picked = columns.map((column) => batch.columns[column] as Vector);
    yield { schema, rowCount: batch.rowCount, columns: picked };
  }
}

async function collect(input: Batches, context: RunContext): Promise<readonly RecordBatch[]> {
  const batches: RecordBatch[] = [];
  for await (const batch of input) {
    context.memory.change('WITH', 0, columnsBytes(batch.columns));
    batches.push(batch);
  }
  return batches;
}

async function forget(id: number, context: RunContext): Promise<void> {
  const held = await context.shared.get(id);
  context.shared.delete(id);
  for (const { columns } of held ?? []) context.memory.change('WITH', columnsBytes(columns), 0);
}

/** One input after another. */
export async function* runUnion(plan: Extract<PhysicalPlan, { kind: 'union' }>, open: Open): Batches {
  for (const input of plan.inputs) {
    for await (const batch of open(input)) yield { ...batch, schema: plan.schema };
  }
}

/** The rows that the round before made. */
// oxlint-disable-next-line typescript/require-await -- the other operators are asynchronous
export async function* runWorking(plan: Extract<PhysicalPlan, { kind: 'working' }>, context: RunContext): Batches {
  for (const batch of context.working.get(plan.id) ?? []) yield { ...batch, schema: plan.schema };
}

/** Rows that were not there before. */
class NewRows {
  readonly #keys: RowKeys;

  constructor(plan: PhysicalPlan) {
    this.#keys = new RowKeys(plan.schema.fields.map((field) => field.type));
  }

  get byteCount(): number {
    return this.#keys.byteCount;
  }

  choose(batch: RecordBatch): RecordBatch {
    const before = this.#keys.count;
    const ids = this.#keys.number(batch.columns, batch.rowCount);
    let next = before;
    const rows: number[] = [];
    for (let i = 0; i < ids.length; i++) {
      if (ids[i] !== next) continue;
      rows.push(i);
      next++;
    }
    const chosen = Uint32Array.from(rows);
    return { ...batch, rowCount: rows.length, columns: batch.columns.map((column) => gather(column, chosen)) };
  }
}

/** The shared plans that read the rounds of a recursion, so that their rows are others in each. */
function sharedWithin({ id, step }: Extract<PhysicalPlan, { kind: 'recursive' }>): ReadonlySet<number> {
  const known = new Map<number, boolean>();
  const reads = (plan: PhysicalPlan): boolean => {
    if (plan.kind === 'working') return plan.id === id;
    if (plan.kind !== 'shared') return inputsOf(plan).map(reads).includes(true);
    const found = known.get(plan.rows.id) ?? reads(plan.rows.plan);
    known.set(plan.rows.id, found);
    return found;
  };
  reads(step);
  return new Set([...known].filter(([, found]) => found).map(([shared]) => shared));
}

/** Runs the base, and the step until it makes no more rows. */
export async function* runRecursive(
  plan: Extract<PhysicalPlan, { kind: 'recursive' }>,
  open: Open,
  context: RunContext,
): Batches {
  const within = sharedWithin(plan);
  const seen = plan.distinct ? new NewRows(plan) : undefined;
  let [held, keys] = [0, 0];
  let input = open(plan.base);
  for (let round = 0; ; round++) {
    if (round > RECURSION_ROUNDS_MAX) {
      const most = RECURSION_ROUNDS_MAX.toString();
      throw new EngineError(
        'limit_exceeded',
        `WITH RECURSIVE is not at its end after ${most} rounds; add a condition`,
      );
    }
    const made: RecordBatch[] = [];
    let bytes = 0;
    for await (const batch of input) {
      await step(context);
      const fresh = seen === undefined ? batch : seen.choose(batch);
      if (fresh.rowCount === 0) continue;
      made.push({ ...fresh, schema: plan.schema });
      bytes += context.memory.change('WITH RECURSIVE', 0, columnsBytes(fresh.columns));
      keys = context.memory.change('WITH RECURSIVE', keys, seen?.byteCount ?? 0);
      yield made.at(-1) as RecordBatch;
    }
    context.memory.change('WITH RECURSIVE', held, 0);
    held = bytes;
    if (made.length === 0) break;
    context.working.set(plan.id, made);
    for (const id of within) await forget(id, context);
    input = open(plan.step);
  }
  context.memory.change('WITH RECURSIVE', held + keys, 0);
}
