/**
 * Limit and offset.
 *
 * Hides nothing. Invariants: order is kept; the input is closed as soon as the last row is out, and not opened for
 * LIMIT 0; nothing is held across batches, but for a part of all rows, whose number is known at the end only.
 */
import type { RecordBatch } from '../arrow/batch.ts';
import { sliceBatch } from '../arrow/slice.ts';
import { makeReader } from '../arrow/value.ts';
import { isPresent } from '../arrow/vector.ts';
import { EngineError } from '../base/errors.ts';
import type { PhysicalPlan } from '../plan/physical.ts';
import { columnsBytes } from './memory.ts';
import type { Batches, Open, RunContext } from './operator.ts';
import { step } from './operator.ts';

type LimitPlan = Extract<PhysicalPlan, { kind: 'limit' }>;

/** Yields rows [offset, offset + limit) of the input. @throws `value_error` for counts of a query that are none */
export async function* runLimit(plan: LimitPlan, open: Open, context: RunContext): Batches {
  const { limit, percent, offset } = plan.counts === undefined ? plan : await countsOf(open(plan.counts));
  const input = open(plan.input);
  if (percent === undefined) yield* cut(input, offset, limit ?? Infinity);
  else yield* cutPart(percent, offset, input, context);
}

/** The counts that the only row of a plan has. */
async function countsOf(rows: Batches): Promise<Pick<LimitPlan, 'limit' | 'percent' | 'offset'>> {
  let counts: readonly (number | undefined)[] = [];
  for await (const { columns, rowCount } of rows) {
    if (rowCount === 0) continue;
    counts = columns.map((column) => {
      const value = isPresent(column, 0) ? makeReader(column)(0) : undefined;
      return typeof value === 'bigint' || typeof value === 'number' ? Number(value) : undefined;
    });
  }
  const [limit, offset, percent] = counts;
  for (const count of [limit, offset]) {
    if (count === undefined || count >= 0) continue;
    throw new EngineError(
      'value_error',
      `LIMIT and OFFSET must not be negative, and a query says ${count.toString()}`,
    );
  }
  if (percent !== undefined && !(percent >= 0 && percent <= 100)) {
    throw new EngineError('value_error', `LIMIT in percent takes 0 to 100, and a query says ${percent.toString()}`);
  }
  return { limit, percent, offset: offset ?? 0 };
}

async function* cut(input: Batches, offset: number, limit: number): Batches {
  let skip = offset;
  let left = limit;
  if (left === 0) {
    await input.return();
    return;
  }
  for await (const batch of input) {
    if (batch.rowCount <= skip) {
      skip -= batch.rowCount;
      continue;
    }
    const end = Math.min(batch.rowCount, skip + left);
    left -= end - skip;
    yield sliceBatch(batch, skip, end);
    skip = 0;
    if (left === 0) return;
  }
}

/** The first rows behind the offset, as many as the part of all rows, rounded down. */
async function* cutPart(percent: number, offset: number, input: Batches, context: RunContext): Batches {
  const batches: RecordBatch[] = [];
  let rowCount = 0;
  let held = 0;
  for await (const batch of input) {
    batches.push(batch);
    rowCount += batch.rowCount;
    held = context.memory.change('LIMIT in percent', held, held + columnsBytes(batch.columns));
  }
  async function* all(): Batches {
    for (const batch of batches) {
      await step(context);
      yield batch;
    }
  }
  yield* cut(all(), offset, Math.floor((rowCount * percent) / 100));
  context.memory.change('LIMIT in percent', held, 0);
}
