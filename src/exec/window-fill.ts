/**
 * fill: numbers where there are none, on the line through their neighbours.
 *
 * Hides which neighbours: the nearest before and after, or the nearest two where one side has none. Invariants: a row
 * without a place on the line, and a partition without numbers, stay without; rows at one place have one number.
 */
import { bytesOf, numbersOf, vectorOf } from '../function/column.ts';
import { DOUBLE } from '../function/signature.ts';
import { bitAt, validityOf } from '../function/validity.ts';
import type { Expr, WindowCall } from '../plan/expr.ts';
import type { WindowOrder } from './window-order.ts';
import type { WindowResult } from './window-result.ts';
import { validityOf as flagValidity } from './window-result.ts';
import { inPieces } from './work.ts';
import type { Work } from './work.ts';

/** Doubles by place of the sorted order; NaN where there is none. */
function* doublesOf(order: WindowOrder, expr: Expr | undefined): Work<Float64Array> {
  const vector = yield* order.sorted(expr as Expr);
  const numbers = Float64Array.from(numbersOf(vector));
  const present = validityOf(vector).bits;
  for (let i = 0; i < numbers.length; i++) {
    if (present !== undefined && !bitAt(present, i)) numbers[i] = NaN;
    else if (!Number.isFinite(numbers[i])) numbers[i] = NaN;
  }
  return numbers;
}

/** The numbers of a call whose arguments are values and their places on the line, both double. */
export function* fillResult(order: WindowOrder, call: WindowCall): Work<WindowResult> {
  const values = yield* doublesOf(order, call.args[0]);
  const places = yield* doublesOf(order, call.args[1]);
  const { begins, ends } = yield* order.partitionRanges();
  const rows = order.order;
  const made = new Float64Array(rows.length);
  const present = new Uint8Array(rows.length);
  // The known rows of the partition, and how many of them are before the place that is looked at.
  let known: number[] = [];
  let before = 0;
  yield* inPieces(rows.length, (from, to) => {
    for (let i = from; i < to; i++) {
      if (begins[i] === i) {
        known = knownRows(values, places, i, ends[i] as number);
        before = 0;
      }
      if (known[before] === i) before++;
      if (known.length === 0 || Number.isNaN(places[i])) continue;
      const first = Math.max(0, Math.min(before - 1, known.length - 2));
      const low = known[first] as number;
      const high = known[Math.min(first + 1, known.length - 1)] as number;
      const row = rows[i] as number;
      made[row] = between(values, places, low, high, places[i] as number);
      present[row] = 1;
    }
  });
  return { vector: vectorOf(DOUBLE, made.length, flagValidity(present), bytesOf(made)), rows: undefined };
}

function knownRows(values: Float64Array, places: Float64Array, begin: number, end: number): number[] {
  const known: number[] = [];
  for (let i = begin; i < end; i++) {
    if (!Number.isNaN(values[i]) && !Number.isNaN(places[i])) known.push(i);
  }
  return known;
}

/** The number at `place` on the line through two rows. */
function between(values: Float64Array, places: Float64Array, low: number, high: number, place: number): number {
  const [x0, x1] = [places[low] as number, places[high] as number];
  const [y0, y1] = [values[low] as number, values[high] as number];
  if (x0 === x1) return y0;
  // Halves, since a difference of large numbers may be too large.
  const part = (place / 2 - x0 / 2) / (x1 / 2 - x0 / 2);
  return y0 + (y1 - y0) * part;
}
