/**
 * The calendar in generated code: day numbers to years and months and back, and division that rounds down.
 *
 * Hides nothing. Invariants: days count from 1970-01-01; what is infinite is a number like others here, so that whoever
 * asks looks at `isInfinite` first. Method: function/date-calendar's.
 */
import type { DataType } from '../arrow/type.ts';
import { i64Const, select } from '../codegen/code.ts';
import type { Code } from '../codegen/code.ts';
import type { RowScope } from './compiled-value.ts';
import { i32, i64 } from './compiled-vocabulary.ts';

export type Int = Code<'i64'>;

export const DAY_SECONDS = 86_400n;
export const PER_SECOND = {
  second: 1n,
  millisecond: 1_000n,
  microsecond: 1_000_000n,
  nanosecond: 1_000_000_000n,
} as const;
/** The greatest distance in days from 1970 of a midnight that microseconds tell. */
export const MICROS_DAYS = 106_751_991n;

/** Infinite dates and timestamps are these numbers, with a minus before or without. */
const DAY_INFINITE = 0x7fffffffn;
const COUNT_INFINITE = 0x7fff_ffff_ffff_ffffn;

/** The type's number of infinity; undefined where it has none. */
export function infiniteOf(type: DataType): bigint | undefined {
  if (type.id === 'timestamp') return COUNT_INFINITE;
  return type.id === 'date' && type.unit === 'day' ? DAY_INFINITE : undefined;
}

/** 1 for what is infinite. `most`: the type's number of infinity. */
export function isInfinite(moment: Int, most: bigint): Code<'i32'> {
  return i32.or(i64.eq(moment, i64Const(most)), i64.eq(moment, i64Const(-most)));
}

/** Units of a timestamp or time in a day; of a date, one. */
export function perDayOf(type: DataType): bigint {
  return type.id === 'timestamp' || type.id === 'time' ? DAY_SECONDS * PER_SECOND[type.unit] : 1n;
}

/** What is left of a division that rounds down: from 0 to below `divisor`. */
export function floorRest(row: RowScope, a: Int, divisor: bigint): Int {
  const by = i64Const(divisor);
  const rest = row.bind(i64.rem_s(a, by), 'rest');
  return row.bind(i64.add(rest, i64.and(i64.shr_s(rest, i64Const(63n)), by)), 'rest');
}

/** a / divisor and what is left, rounded down. */
export function floorDivide(row: RowScope, a: Int, divisor: bigint): readonly [quotient: Int, rest: Int] {
  const by = i64Const(divisor);
  const rest = row.bind(i64.rem_s(a, by), 'rest');
  const below = i64.shr_s(rest, i64Const(63n));
  return [
    row.bind(i64.add(i64.div_s(a, by), below), 'quotient'),
    row.bind(i64.add(rest, i64.and(below, by)), 'rest'),
  ];
}

/** A quotient of what is not negative. */
export function divide(a: Int, divisor: bigint): Int {
  return i64.div_u(a, i64Const(divisor));
}

export function times(a: Int, factor: bigint): Int {
  return factor === 1n ? a : i64.mul(a, i64Const(factor));
}

export function plus(a: Int, more: bigint): Int {
  return more === 0n ? a : i64.add(a, i64Const(more));
}

/** Year, month and day of a day number. */
export function dateOf(row: RowScope, day: Int): { readonly year: Int; readonly month: Int; readonly day: Int } {
  const [era, inEra] = floorDivide(row, plus(day, 719_468n), 146_097n);
  const leaps = i64.add(i64.sub(divide(inEra, 1460n), divide(inEra, 36_524n)), divide(inEra, 146_096n));
  const year = row.bind(divide(i64.sub(inEra, leaps), 365n), 'year');
  const before = i64.sub(i64.add(times(year, 365n), divide(year, 4n)), divide(year, 100n));
  const inYear = row.bind(i64.sub(inEra, before), 'inYear');
  const shifted = row.bind(divide(plus(times(inYear, 5n), 2n), 153n), 'shifted');
  const isLate = row.bind(i64.gt_s(shifted, i64Const(9n)), 'late');
  return {
    year: i64.add(i64.add(year, times(era, 400n)), i64.extend_u(isLate)),
    month: i64.sub(plus(shifted, 3n), select(isLate, i64Const(12n), i64Const(0n))),
    day: plus(i64.sub(inYear, divide(plus(times(shifted, 153n), 2n), 5n)), 1n),
  };
}

/** The day number of the first of a month, 1 to 12. */
export function firstOfMonth(row: RowScope, year: Int, month: Int): Int {
  const isEarly = row.bind(i64.lt_s(month, i64Const(3n)), 'early');
  const [era, inEra] = floorDivide(row, row.bind(i64.sub(year, i64.extend_u(isEarly)), 'year'), 400n);
  const shifted = i64.add(month, select(isEarly, i64Const(9n), i64Const(-3n)));
  const inYear = divide(plus(times(shifted, 153n), 2n), 5n);
  const days = i64.sub(i64.add(times(inEra, 365n), divide(inEra, 4n)), divide(inEra, 100n));
  return row.bind(plus(i64.add(times(era, 146_097n), i64.add(days, inYear)), -719_468n), 'first');
}
