/**
 * Aggregates over frames by running them: whole partitions, frames that only grow, and frames of any kind.
 *
 * Hides how rows reach accumulators. Invariants: whole partitions and growing frames take each row once; for other
 * frames the rows of each are taken anew, which costs rows × frame: only aggregates whose states can be neither
 * combined nor undone come to that. Cancellation is looked at for every batch of rows taken, and what is held beside
 * the states is one batch of rows.
 */
import type { Vector } from '../arrow/vector.ts';
import { BATCH_ROWS_MAX } from '../base/limits.ts';
import type { AggregateCall, Expr, WindowCall } from '../plan/expr.ts';
import { exprsOfCall, mapCall } from '../plan/expr-walk.ts';
import { countFrom } from './accumulator.ts';
import { RunningCall } from './aggregate-call.ts';
import { gather } from '../function/gather.ts';
import { joinParts } from './join.ts';
import { step } from './operator.ts';
import type { RunContext } from './operator.ts';
import type { Rows } from './rows.ts';
import { lazyRows } from './rows.ts';
import type { Frames } from './window-frame.ts';
import { piecesAt } from './window-frame.ts';
import type { WindowOrder } from './window-order.ts';
import type { WindowResult } from './window-result.ts';
import { placedResult } from './window-result.ts';
import { paced } from './work.ts';

/** A call whose expressions are columns of rows, and those columns by place. */
interface Prepared {
  readonly call: AggregateCall;
  readonly columns: readonly Vector[];
}

function prepare(call: WindowCall, columns: readonly Vector[]): Prepared {
  let next = 0;
  const asColumn = (expr: Expr): Expr => {
    const { type, nullable, span } = expr;
    return { kind: 'column', index: next++, name: '', type, nullable, span };
  };
  const { name, args, constants, distinct, filter, order, type, nullable, span } = call;
  const plain: AggregateCall = { name, args, constants, distinct, filter, order, type, nullable, span };
  return { call: mapCall(plain, asColumn), columns };
}

/** By place of the sorted order. */
async function prepareSorted(order: WindowOrder, call: WindowCall, context: RunContext): Promise<Prepared> {
  const columns: Vector[] = [];
  for (const expr of exprsOfCall(call)) columns.push(await paced(order.sorted(expr), context));
  return prepare(call, columns);
}

function rowsAt({ columns }: Prepared, places: Uint32Array): Rows {
  return lazyRows(places.length, (index) => gather(columns[index] as Vector, places));
}

/** One value for each partition, of all its rows. */
export async function wholeResult(order: WindowOrder, call: WindowCall, context: RunContext): Promise<WindowResult> {
  const { ids, count } = order.partitions;
  const rows = ids ?? new Uint32Array(order.rowCount);
  // Without keys no order is asked for, and nothing is sorted.
  const isSorted = call.keys.length > 0;
  const prepared = prepare(
    call,
    exprsOfCall(call).map((expr) => order.column(expr)),
  );
  const running = new RunningCall(prepared.call);
  let held = 0;
  for (let start = 0; start < order.rowCount; start += BATCH_ROWS_MAX) {
    await step(context);
    const end = Math.min(start + BATCH_ROWS_MAX, order.rowCount);
    const places = isSorted ? order.order.subarray(start, end) : countFrom(start, end);
    const groups = new Uint32Array(places.length);
    for (let i = 0; i < groups.length; i++) groups[i] = rows[places[i] as number] as number;
    running.update(rowsAt(prepared, places), groups, count);
    held = context.memory.change('a window', held, running.byteCount());
  }
  const vector = running.finish(count);
  context.memory.change('a window', held, 0);
  return { vector, rows };
}

/** Frames that begin with their partition and only grow: each row is taken once, by an accumulator a partition. */
export async function growingResult(
  order: WindowOrder,
  call: WindowCall,
  { begins, ends }: Frames,
  context: RunContext,
): Promise<WindowResult> {
  const prepared = await prepareSorted(order, call, context);
  const rows = new Uint32Array(order.rowCount);
  const parts: Vector[] = [];
  const group = new Uint32Array(order.rowCount);
  let running = new RunningCall(prepared.call);
  let [taken, finished] = [-1, -1];
  for (let i = 0; i < order.rowCount; i++) {
    const [begin, end] = [begins[i] as number, ends[i] as number];
    if (i === 0 || begin !== begins[i - 1]) {
      running = new RunningCall(prepared.call);
      [taken, finished] = [begin, -1];
    }
    if (i % 1024 === 0) await step(context);
    for (; taken < end; taken += Math.min(end - taken, BATCH_ROWS_MAX)) {
      const places = countFrom(taken, Math.min(end, taken + BATCH_ROWS_MAX));
      running.update(rowsAt(prepared, places), group.subarray(0, places.length), 1);
    }
    if (finished !== end) parts.push(running.finish(1));
    finished = end;
    rows[order.order[i] as number] = parts.length - 1;
  }
  return { vector: joinParts(parts), rows };
}

/** Any frames, the rows of each taken anew. */
export async function recomputedResult(
  order: WindowOrder,
  call: WindowCall,
  frames: Frames,
  context: RunContext,
): Promise<WindowResult> {
  const run = new Recomputation(await prepareSorted(order, call, context), context);
  const pieces = new Uint32Array(6);
  for (let i = 0; i < order.rowCount; i++) {
    const count = piecesAt(frames, i, pieces);
    for (let k = 0; k < count; k++) await run.take(pieces[2 * k] as number, pieces[2 * k + 1] as number);
    await run.endFrame();
  }
  return paced(placedResult(order, await run.finish()), context);
}

/** Frames as groups of accumulators, as many at once as make a batch of rows. */
class Recomputation {
  readonly #prepared: Prepared;
  readonly #context: RunContext;
  readonly #places = new Uint32Array(BATCH_ROWS_MAX);
  readonly #groups = new Uint32Array(BATCH_ROWS_MAX);
  readonly #parts: Vector[] = [];
  #running: RunningCall;
  /** Rows that wait, rows taken since the accumulator is new, and frames that it has. */
  #waiting = 0;
  #taken = 0;
  #frames = 0;
  #held = 0;

  constructor(prepared: Prepared, context: RunContext) {
    this.#prepared = prepared;
    this.#context = context;
    this.#running = new RunningCall(prepared.call);
  }

  async take(from: number, to: number): Promise<void> {
    for (let place = from; place < to; place++) {
      if (this.#waiting === BATCH_ROWS_MAX) await this.#flush();
      this.#places[this.#waiting] = place;
      this.#groups[this.#waiting] = this.#frames;
      this.#waiting++;
    }
    this.#taken += to - from;
  }

  async endFrame(): Promise<void> {
    this.#frames++;
    if (this.#taken >= BATCH_ROWS_MAX || this.#frames >= BATCH_ROWS_MAX) await this.#finishFrames();
  }

  async finish(): Promise<Vector> {
    if (this.#frames > 0 || this.#parts.length === 0) await this.#finishFrames();
    this.#context.memory.change('a window', this.#held, 0);
    return joinParts(this.#parts);
  }

  async #flush(): Promise<void> {
    await step(this.#context);
    const places = this.#places.slice(0, this.#waiting);
    const groups = this.#groups.subarray(0, this.#waiting);
    this.#running.update(rowsAt(this.#prepared, places), groups, this.#frames + 1);
    this.#held = this.#context.memory.change('a window', this.#held, this.#running.byteCount());
    this.#waiting = 0;
  }

  async #finishFrames(): Promise<void> {
    if (this.#waiting > 0) await this.#flush();
    this.#parts.push(this.#running.finish(this.#frames));
    this.#running = new RunningCall(this.#prepared.call);
    [this.#taken, this.#frames] = [0, 0];
  }
}
