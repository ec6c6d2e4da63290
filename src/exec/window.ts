/**
 * Window: calls over the rows around each row.
 *
 * Hides sorting. Invariants: rows come out in the input's order, with their own columns untouched and the calls' values
 * behind them; all rows are held (bounded by the query's memory); windows of one partitioning share a sort where the
 * keys of one begin with those of the other, and ones without keys are not sorted.
 */
import type { RecordBatch } from '../arrow/batch.ts';
import type { WindowCall } from '../plan/expr.ts';
import type { PhysicalPlan } from '../plan/physical.ts';
import { columnsBytes } from './memory.ts';
import { step } from './operator.ts';
import type { Batches, RunContext } from './operator.ts';
import { aggregateResult } from './window-aggregate.ts';
import { WindowColumns } from './window-column.ts';
import { WindowOrders } from './window-order.ts';
import type { WindowOrder } from './window-order.ts';
import { rankResult } from './window-rank.ts';
import { rankedResult } from './window-ranked.ts';
import type { WindowResult } from './window-result.ts';
import { sliceResult } from './window-result.ts';
import { valueResult } from './window-value.ts';
import { paced } from './work.ts';

type WindowPlan = Extract<PhysicalPlan, { kind: 'window' }>;

/** Bytes that a call's kernels and result take for a row, beside the argument: flags, bounds, sums. */
const CALL_ROW_BYTES = 40;

/** Reads the whole input, computes the calls, and yields the input with their values. */
export async function* runWindow(plan: WindowPlan, input: Batches, context: RunContext): Batches {
  const columns = new WindowColumns(plan.calls);
  const batches: RecordBatch[] = [];
  let held = 0;
  for await (const batch of input) {
    if (batch.rowCount === 0) continue;
    batches.push(batch);
    const bytes = columns.add(batch) + columnsBytes(batch.columns);
    held = context.memory.change('a window', held, held + bytes);
  }
  if (batches.length === 0) return;
  const orders = await paced(WindowOrders.of(columns, plan.calls), context);
  const results: WindowResult[] = [];
  let sorted = 0;
  for (const call of plan.calls) {
    await step(context);
    held = context.memory.change('a window', held, held + CALL_ROW_BYTES * columns.rowCount);
    await paced(orders.of(call).prepare(), context);
    results.push(await resultOf(orders.of(call), call, context));
    sorted = context.memory.change('a window', sorted, orders.byteCount);
  }
  let start = 0;
  for (const batch of batches) {
    await step(context);
    const end = start + batch.rowCount;
    const values = results.map((result) => sliceResult(result, start, end));
    yield { schema: plan.schema, rowCount: batch.rowCount, columns: [...batch.columns, ...values] };
    start = end;
  }
  context.memory.change('a window', held + sorted, 0);
}

async function resultOf(order: WindowOrder, call: WindowCall, context: RunContext): Promise<WindowResult> {
  if (call.isAggregate) return aggregateResult(order, call, context);
  if (call.order.length > 0) return paced(rankedResult(order, call), context);
  const rank = await paced(rankResult(order, call), context);
  const result = rank ?? (await paced(valueResult(order, call), context));
  if (result === undefined) throw new TypeError(`window: ${call.name} is no function`);
  return result;
}
