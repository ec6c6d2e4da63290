/**
 * Window functions that take another row's value: lag, lead, first_value, last_value and nth_value.
 *
 * Hides how nulls are passed over: the present places stand in a list, and each place knows how many are before it.
 * Invariants: one pass over the places each; values are gathered when batches leave.
 */
import { NO_ROW } from '../function/gather.ts';
import type { Vector } from '../arrow/vector.ts';
import { bitAt, validityOf } from '../function/validity.ts';
import type { Expr, WindowCall } from '../plan/expr.ts';
import { joinParts } from './join.ts';
import { fillResult } from './window-fill.ts';
import type { Frames } from './window-frame.ts';
import { framesOf, int64Numbers, piecesAt } from './window-frame.ts';
import type { WindowOrder } from './window-order.ts';
import type { WindowResult } from './window-result.ts';
import { takenResult } from './window-result.ts';
import { inPieces } from './work.ts';
import type { Work } from './work.ts';

/** The places that count, in order: all, or those with a value. */
class CountedPlaces {
  /** How many of them are before each place; places + 1. Undefined when all count. */
  readonly #before: Uint32Array | undefined;
  readonly #places: Uint32Array;

  /** `present`: a bit for each place. */
  constructor(present: Uint8Array | undefined, count: number) {
    if (present === undefined) {
      this.#places = new Uint32Array(0);
      return;
    }
    this.#before = new Uint32Array(count + 1);
    const places = new Uint32Array(count);
    let found = 0;
    for (let i = 0; i < count; i++) {
      this.#before[i] = found;
      if (bitAt(present, i)) places[found++] = i;
    }
    this.#before[count] = found;
    this.#places = places.subarray(0, found);
  }

  /** How many are before `place`. */
  before(place: number): number {
    return this.#before === undefined ? place : (this.#before[place] as number);
  }

  /** The place of number `index` from 0 among all. */
  at(index: number): number {
    return this.#before === undefined ? index : (this.#places[index] as number);
  }
}

function* countedOf(order: WindowOrder, call: WindowCall): Work<CountedPlaces> {
  const present = call.ignoresNulls ? validityOf(yield* order.sorted(call.args[0] as Expr)).bits : undefined;
  return new CountedPlaces(present, order.rowCount);
}

/** The values of one such call without ORDER BY of its own; undefined for other functions. */
export function* valueResult(order: WindowOrder, call: WindowCall): Work<WindowResult | undefined> {
  switch (call.name) {
    case 'lag':
      return yield* shifted(order, call, -1);
    case 'lead':
      return yield* shifted(order, call, 1);
    case 'first_value':
    case 'last_value':
      return yield* framed(order, call, () => 1);
    case 'nth_value':
      return yield* framed(order, call, yield* argumentNumbers(order, call.args[1], 1));
    case 'fill':
      return yield* fillResult(order, call);
    default:
      return undefined;
  }
}

type Count = (place: number) => number | undefined;

/** An int64 argument by place; undefined for null, `otherwise` where there is none. */
export function* argumentNumbers(order: WindowOrder, expr: Expr | undefined, otherwise: number): Work<Count> {
  if (expr === undefined) return () => otherwise;
  if (expr.kind === 'literal') {
    const number = expr.value === null ? undefined : Number(expr.value);
    return () => number;
  }
  const vector = yield* order.sorted(expr);
  const numbers = int64Numbers(vector);
  const present = validityOf(vector).bits;
  return (place) => (present !== undefined && !bitAt(present, place) ? undefined : numbers[place]);
}

function* shifted(order: WindowOrder, call: WindowCall, sign: number): Work<WindowResult> {
  const [value, offset, otherwise] = call.args as [Expr, Expr | undefined, Expr | undefined];
  const { begins, ends } = yield* order.partitionRanges();
  const counted = yield* countedOf(order, call);
  const distance = yield* argumentNumbers(order, offset, 1);
  const rows = order.order;
  const count = rows.length;
  const values = order.column(value);
  const hasDefault = otherwise !== undefined && !(otherwise.kind === 'literal' && otherwise.value === null);
  const taken = new Uint32Array(count);
  yield* inPieces(count, (from, to) => {
    for (let i = from; i < to; i++) {
      const row = rows[i] as number;
      const steps = distance(i);
      const place = steps === undefined ? NO_ROW : shiftedPlace(counted, i, sign * steps, begins, ends);
      if (place !== NO_ROW) taken[row] = rows[place] as number;
      else taken[row] = hasDefault && steps !== undefined ? count + row : NO_ROW;
    }
  });
  if (!hasDefault) return takenResult(values, taken, call.type);
  return takenResult(joinParts([values, order.column(otherwise)]), taken, call.type);
}

function shiftedPlace(
  counted: CountedPlaces,
  place: number,
  steps: number,
  begins: Uint32Array,
  ends: Uint32Array,
): number {
  if (steps === 0) return place;
  // Going on, the place itself is passed; going back, it is not among those before it.
  const from = steps > 0 ? counted.before(place + 1) - 1 : counted.before(place);
  const index = from + steps;
  const first = counted.before(begins[place] as number);
  const end = counted.before(ends[place] as number);
  return index < first || index >= end ? NO_ROW : counted.at(index);
}

/** The value of the number that is wanted in the frame, from its end for last_value. */
function* framed(order: WindowOrder, call: WindowCall, wanted: Count): Work<WindowResult> {
  const frames = yield* framesOf(order, call);
  const counted = yield* countedOf(order, call);
  const rows = order.order;
  const taken = new Uint32Array(rows.length);
  const pieces = new Uint32Array(6);
  const fromEnd = call.name === 'last_value';
  yield* inPieces(rows.length, (from, to) => {
    for (let i = from; i < to; i++) {
      const number = fromEnd ? 1 : (wanted(i) ?? 0);
      const place = number < 1 ? NO_ROW : placeIn(frames, counted, pieces, i, number, fromEnd);
      taken[rows[i] as number] = place === NO_ROW ? NO_ROW : (rows[place] as number);
    }
  });
  const values: Vector = order.column(call.args[0] as Expr);
  return takenResult(values, taken, call.type);
}

function placeIn(
  frames: Frames,
  counted: CountedPlaces,
  pieces: Uint32Array,
  row: number,
  number: number,
  fromEnd: boolean,
): number {
  const count = piecesAt(frames, row, pieces);
  let left = number;
  for (let k = 0; k < count; k++) {
    const piece = fromEnd ? count - 1 - k : k;
    const first = counted.before(pieces[2 * piece] as number);
    const end = counted.before(pieces[2 * piece + 1] as number);
    if (end - first >= left) return counted.at(fromEnd ? end - left : first + left - 1);
    left -= end - first;
  }
  return NO_ROW;
}
