/**
 * Aggregates over windows: which way each is computed.
 *
 * Hides nothing: `aggregateResult` is the list of the ways. Invariant: a way is only taken where it gives what running
 * the aggregate over the rows of each frame would give.
 */
import { NO_ROW } from '../function/gather.ts';
import type { Vector } from '../arrow/vector.ts';
import { sameType } from '../arrow/type.ts';
import { decodeVector } from '../function/decode.ts';
import { aggregateMethod } from '../function/registry.ts';
import type { Expr, WindowCall } from '../plan/expr.ts';
import type { RunContext } from './operator.ts';
import { countFrom } from './accumulator.ts';
import { keyWordsWork } from './sort-key.ts';
import { bestPlaces, denseRanks, orderNumbers } from './window-extreme.ts';
import type { Frames } from './window-frame.ts';
import { framesOf, isWhole } from './window-frame.ts';
import { filteredPlaces, firstPlaces, presentPlaces } from './window-mask.ts';
import type { WindowOrder } from './window-order.ts';
import { mergedResult } from './window-merge.ts';
import { quantileResult } from './window-ranked.ts';
import { growingResult, recomputedResult, wholeResult } from './window-recompute.ts';
import type { WindowResult } from './window-result.ts';
import { int64Result, takenResult } from './window-result.ts';
import { frameCounts, frameMeans, frameSums } from './window-sum.ts';
import { inPieces, paced } from './work.ts';
import type { Work } from './work.ts';

/** The values of an aggregate. @throws `value_error` as the aggregate does, `limit_exceeded`, `cancelled` */
export async function aggregateResult(
  order: WindowOrder,
  call: WindowCall,
  context: RunContext,
): Promise<WindowResult> {
  if (isWhole(call)) return wholeResult(order, call, context);
  const frames = await paced(framesOf(order, call), context);
  const direct = await paced(directResult(order, call, frames), context);
  if (direct !== undefined) return direct;
  const parameters = call.args.map((arg) => arg.type);
  const method = aggregateMethod(call.name, parameters, call.constants);
  const [value] = call.args;
  if (method.kind === 'collected' && method.quantile !== undefined && value !== undefined) {
    const taken = await paced(takenPlaces(order, call, frames, [value]), context);
    if (taken !== undefined) {
      return paced(quantileResult(order, frames, value, taken.flags, method.quantile), context);
    }
  }
  const { kind } = method;
  const merges = method.kind === 'running' && method.accumulator.merge !== undefined;
  const taken = merges ? await paced(takenPlaces(order, call, frames, []), context) : undefined;
  if (taken !== undefined) return mergedResult(order, call, frames, taken.flags, context);
  const grows = frames.isRunning && call.order.length === 0 && (kind === 'running' || kind === 'chosen');
  return grows ? growingResult(order, call, frames, context) : recomputedResult(order, call, frames, context);
}

/** Aggregates that need no accumulator; undefined for others. */
function* directResult(order: WindowOrder, call: WindowCall, frames: Frames): Work<WindowResult | undefined> {
  const [value, key] = call.args;
  switch (call.name) {
    case 'count': {
      const taken = yield* takenPlaces(order, call, frames, call.args);
      if (taken === undefined) return undefined;
      return int64Result(yield* toRows(order, yield* frameCounts(frames, taken.flags)));
    }
    case 'sum':
    case 'count_if':
    case 'avg': {
      const taken = yield* takenPlaces(order, call, frames, call.args);
      if (taken === undefined || value === undefined || call.type.id === 'timestamp' || call.type.id === 'time') {
        return undefined;
      }
      const vector = yield* order.sorted(value);
      if (call.name === 'avg') return yield* frameMeans(frames, vector, taken.flags, order.order);
      return yield* frameSums(frames, vector, taken.flags, call.type, order.order);
    }
    case 'min':
    case 'max':
      if (value === undefined) return undefined;
      return yield* best(order, call, frames, value, [value], call.name === 'max');
    case 'arg_min':
    case 'arg_max':
    case 'arg_min_null':
    case 'arg_max_null': {
      if (value === undefined || key === undefined || call.order.length > 0) return undefined;
      const needed = call.name.endsWith('_null') ? [key] : [value, key];
      return yield* best(order, call, frames, key, needed, call.name.startsWith('arg_max'));
    }
    case 'first':
    case 'last':
    case 'any_value':
      return yield* placed(order, call, frames);
    default:
      return undefined;
  }
}

/** The places that a call takes; undefined where equal rows would have to be known for each frame by itself. */
function* takenPlaces(
  order: WindowOrder,
  call: WindowCall,
  frames: Frames,
  needed: readonly Expr[],
): Work<{ readonly flags: Uint8Array | undefined } | undefined> {
  const isDistinct = call.distinct && call.args.length > 0;
  if (isDistinct && !frames.isRunning) return undefined;
  const flags = yield* presentPlaces(order, needed, yield* filteredPlaces(order, call));
  return { flags: isDistinct ? yield* firstPlaces(order, call.args, flags) : flags };
}

/** Numbers by place as numbers by row. */
function* toRows(order: WindowOrder, numbers: Float64Array): Work<Float64Array> {
  if (order.isInputOrder) return numbers;
  const rows = order.order;
  const made = new Float64Array(numbers.length);
  yield* inPieces(made.length, (from, to) => {
    for (let i = from; i < to; i++) made[rows[i] as number] = numbers[i] as number;
  });
  return made;
}

/** The call's first argument where `key` is best. Equal rows change nothing. */
function* best(
  order: WindowOrder,
  call: WindowCall,
  frames: Frames,
  key: Expr,
  needed: readonly Expr[],
  wantsMax: boolean,
): Work<WindowResult> {
  const taken = yield* presentPlaces(order, needed, yield* filteredPlaces(order, call));
  const contest = { numbers: yield* orderNumbers(yield* order.sorted(key)), wantsMax, taken };
  return yield* atPlaces(order, call, yield* bestPlaces(frames, contest));
}

/** The first or last value, by ORDER BY of the call or by that of the window. */
function* placed(order: WindowOrder, call: WindowCall, frames: Frames): Work<WindowResult> {
  const needed = call.name === 'any_value' ? call.args : [];
  const taken = yield* presentPlaces(order, needed, yield* filteredPlaces(order, call));
  const words: Uint32Array[] = [];
  for (const key of call.order) words.push(...(yield* keyWordsWork(yield* order.sorted(key.expr), key)));
  const own = Float64Array.from({ length: order.rowCount }, (_, i) => i);
  // By the call's order the last of equal rows is the last, as by the window's.
  const numbers = words.length === 0 ? own : Float64Array.from(yield* uniqueRanks(words, order.rowCount));
  return yield* atPlaces(order, call, yield* bestPlaces(frames, { numbers, wantsMax: call.name === 'last', taken }));
}

function uniqueRanks(words: readonly Uint32Array[], count: number): Work<Uint32Array> {
  return denseRanks([...words, countFrom(0, count)], count);
}

function* atPlaces(order: WindowOrder, call: WindowCall, places: Uint32Array): Work<WindowResult> {
  const rows = order.order;
  const taken = new Uint32Array(places.length);
  yield* inPieces(taken.length, (from, to) => {
    for (let i = from; i < to; i++) {
      const place = places[i] as number;
      taken[rows[i] as number] = place === NO_ROW ? NO_ROW : (rows[place] as number);
    }
  });
  return takenResult(plainValues(order.column(call.args[0] as Expr), call), taken, call.type);
}

/** Values of the call's type, where the argument encodes them. */
function plainValues(vector: Vector, call: WindowCall): Vector {
  return sameType(vector.type, call.type) ? vector : decodeVector(vector);
}
