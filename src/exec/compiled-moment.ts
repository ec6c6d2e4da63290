/**
 * Casts among dates, timestamps and times of day.
 *
 * Hides units. Invariants: the meaning is that of function/cast-time: towards coarser units the nearest, halves away
 * from zero, but to dates and times of day down; what is infinite stays so, and has no time of day.
 */
import type { DataType } from '../arrow/type.ts';
import { i64Const, select } from '../codegen/code.ts';
import type { Code } from '../codegen/code.ts';
import { floorDivide, floorRest, infiniteOf, isInfinite, perDayOf } from './compiled-calendar.ts';
import type { Int } from './compiled-calendar.ts';
import type { Converted } from './compiled-decimal.ts';
import { intOf, intValue } from './compiled-value.ts';
import type { RowScope, Value } from './compiled-value.ts';
import { i32, i64 } from './compiled-vocabulary.ts';

const MOST = (1n << 63n) - 1n;
const LEAST = -(1n << 63n);

/** True for casts among dates and timestamps, and from timestamps to times of day. */
export function momentCastFits(from: DataType, to: DataType): boolean {
  const isDated = (type: DataType): boolean => infiniteOf(type) !== undefined;
  return isDated(from) && (isDated(to) || (to.id === 'time' && from.id === 'timestamp'));
}

/** The nearest quotient, halves away from zero. */
function roundDivide(row: RowScope, value: Int, divisor: bigint): Int {
  // The rest, twice, against the divisor: half of it cannot be added to every value.
  const rest = row.bind(i64.rem_s(value, i64Const(divisor)), 'rest');
  const sign = row.bind(i64.shr_s(rest, i64Const(63n)), 'sign');
  const size = i64.sub(i64.xor(rest, sign), sign);
  const isUp = i64.extend_u(i64.gt_s(i64.add(size, size), i64Const(divisor - 1n)));
  const quotient = i64.div_s(value, i64Const(divisor));
  return row.bind(i64.add(quotient, i64.sub(i64.xor(isUp, sign), sign)), 'rounded');
}

/** A finite value in the units of `to`, and where it does not fit. */
function scaled(row: RowScope, value: Int, from: DataType, to: DataType): readonly [Int, Code<'i32'> | undefined] {
  const [source, target] = [perDayOf(from), perDayOf(to)];
  if (to.id === 'date') {
    const [day] = floorDivide(row, value, source);
    return [day, i64.ne(i64.shr_s(i64.shl(day, i64Const(32n)), i64Const(32n)), day)];
  }
  const timed = to.id === 'time' ? floorRest(row, value, source) : value;
  if (target === source) return [timed, undefined];
  if (target < source) {
    const divisor = source / target;
    return [to.id === 'time' ? floorDivide(row, timed, divisor)[0] : roundDivide(row, timed, divisor), undefined];
  }
  const factor = target / source;
  const product = row.bind(i64.mul(timed, i64Const(factor)), 'scaled');
  if (to.id === 'time') return [product, undefined];
  const misfit = i32.or(i64.lt_s(timed, i64Const(LEAST / factor)), i64.gt_s(timed, i64Const(MOST / factor)));
  return [product, misfit];
}

/** The code of a cast that fits. */
export function convertMoment(row: RowScope, from: DataType, to: DataType, value: Value): Converted {
  const moment = intOf(value);
  const most = infiniteOf(from) as bigint;
  const infinite = row.bind(isInfinite(moment, most), 'infinite');
  const [finite, beyond] = scaled(row, moment, from, to);
  const becomes = infiniteOf(to);
  if (becomes === undefined) return { value: intValue(finite, undefined), misfit: infinite };
  const infinity = select(i64.lt_s(moment, i64Const(0n)), i64Const(-becomes), i64Const(becomes));
  const code = row.bind(select(infinite, becomes === most ? moment : infinity, finite), 'moment');
  const misfit = beyond === undefined ? undefined : row.bind(i32.and(beyond, i32.not(infinite)), 'misfit');
  return { value: intValue(code, undefined), misfit };
}
