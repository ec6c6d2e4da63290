/**
 * Window functions that ask where a row stands: row_number, rank, dense_rank, percent_rank, cume_dist and ntile.
 *
 * Hides nothing. Invariants: they look at the whole partition, whatever the frame; one pass over the places each.
 */
import { EngineError } from '../base/errors.ts';
import { bytesOf, vectorOf } from '../function/column.ts';
import { DOUBLE } from '../function/signature.ts';
import { bitAt, validityOf } from '../function/validity.ts';
import type { WindowCall } from '../plan/expr.ts';
import { int64Numbers } from './window-frame.ts';
import type { Ranges, WindowOrder } from './window-order.ts';
import type { WindowResult } from './window-result.ts';
import { int64Result, validityOf as flagValidity } from './window-result.ts';
import { inPieces } from './work.ts';
import type { Work } from './work.ts';

/** Numbers by row from a function of places. */
function* byRow(order: WindowOrder, value: (place: number) => number): Work<Float64Array> {
  const rows = order.order;
  const numbers = new Float64Array(rows.length);
  yield* inPieces(rows.length, (from, to) => {
    for (let i = from; i < to; i++) numbers[rows[i] as number] = value(i);
  });
  return numbers;
}

function doubles(numbers: Float64Array): WindowResult {
  return { vector: vectorOf(DOUBLE, numbers.length, flagValidity(undefined), bytesOf(numbers)), rows: undefined };
}

/** The values of one such call; undefined for other functions. @throws `value_error` */
export function* rankResult(order: WindowOrder, call: WindowCall): Work<WindowResult | undefined> {
  const { begins, ends } = yield* order.partitionRanges();
  const peers = (): Work<Ranges> => order.peersBy(call.keys.length);
  switch (call.name) {
    case 'row_number':
      return int64Result(yield* byRow(order, (i) => i - (begins[i] as number) + 1));
    case 'rank': {
      const first = (yield* peers()).begins;
      return int64Result(yield* byRow(order, (i) => (first[i] as number) - (begins[i] as number) + 1));
    }
    case 'dense_rank': {
      const first = (yield* peers()).begins;
      let rank = 0;
      return int64Result(
        yield* byRow(order, (i) => {
          if (begins[i] === i) rank = 1;
          else if (first[i] === i) rank++;
          return rank;
        }),
      );
    }
    case 'percent_rank': {
      const first = (yield* peers()).begins;
      const ratio = (i: number): number => {
        const others = (ends[i] as number) - (begins[i] as number) - 1;
        return others === 0 ? 0 : ((first[i] as number) - (begins[i] as number)) / others;
      };
      return doubles(yield* byRow(order, ratio));
    }
    case 'cume_dist': {
      const last = (yield* peers()).ends;
      const ratio = (i: number): number => {
        return ((last[i] as number) - (begins[i] as number)) / ((ends[i] as number) - (begins[i] as number));
      };
      return doubles(yield* byRow(order, ratio));
    }
    case 'ntile':
      return yield* ntile(order, call, { begins, ends });
    default:
      return undefined;
  }
}

function* ntile(order: WindowOrder, call: WindowCall, { begins, ends }: Ranges): Work<WindowResult> {
  const vector = yield* order.sorted(call.args[0] as WindowCall['args'][number]);
  const counts = int64Numbers(vector);
  const given = validityOf(vector).bits;
  const rows = order.order;
  const present = new Uint8Array(rows.length);
  const numbers = new Float64Array(rows.length);
  yield* inPieces(rows.length, (from, to) => {
    for (let i = from; i < to; i++) {
      if (given !== undefined && !bitAt(given, i)) continue;
      const wanted = counts[i] as number;
      const row = rows[i] as number;
      present[row] = 1;
      numbers[row] = bucketOf(i - (begins[i] as number), (ends[i] as number) - (begins[i] as number), wanted);
    }
  });
  return int64Result(numbers, present);
}

/** The bucket, from 1, of row `at` of `count`: the first ones have one row more. @throws `value_error` */
export function bucketOf(at: number, count: number, wanted: number): number {
  if (wanted <= 0) {
    throw new EngineError('value_error', `ntile(${wanted.toString()}): the number of buckets must be above zero`);
  }
  const buckets = Math.min(wanted, count);
  const size = Math.floor(count / buckets);
  const larger = count - size * buckets;
  const inLarger = larger * (size + 1);
  return at < inLarger ? Math.floor(at / (size + 1)) + 1 : larger + Math.floor((at - inLarger) / size) + 1;
}
