/**
 * Sums, negation, products and quotients of intervals.
 *
 * Hides how a fraction of a month becomes days and a fraction of a day time. Invariants: sums and integer products
 * work part by part and are exact; products and quotients by doubles give whole microseconds; a part that leaves its
 * range is `value_error` unless the row is null. Division by zero is `value_error` (DuckDB).
 * Source: PostgreSQL, interval_mul, which DuckDB 2.0 follows.
 */
import { EngineError } from '../base/errors.ts';
import type { Vector } from '../arrow/vector.ts';
import { numbersOf } from './column.ts';
import type { Kernel } from './contract.ts';
import { decimalValues } from './decimal.ts';
import { emptyIntervals, intervalRangeError, intervalsOf, intervalVector } from './interval.ts';
import type { Intervals } from './interval.ts';
import { isPresentRow } from './time-words.ts';
import { mergeValidity } from './validity.ts';

/** interval + interval, interval - interval. */
export function sumIntervals(sign: 1 | -1): Kernel {
  return (args, rowCount) => {
    const a = intervalsOf(args[0] as Vector);
    const b = intervalsOf(args[1] as Vector);
    for (const part of ['months', 'days', 'seconds', 'nanos'] as const) {
      const [left, right] = [a[part], b[part]];
      for (let i = 0; i < rowCount; i++) left[i] = (left[i] as number) + sign * (right[i] as number);
    }
    return intervalVector(a, rowCount, mergeValidity(args, rowCount));
  };
}

/** - interval. */
export const negateIntervals: Kernel = (args, rowCount) => {
  const parts = intervalsOf(args[0] as Vector);
  for (const values of [parts.months, parts.days, parts.seconds, parts.nanos]) {
    for (let i = 0; i < rowCount; i++) values[i] = -(values[i] as number);
  }
  return intervalVector(parts, rowCount, mergeValidity(args, rowCount));
};

const NANOS = 1_000_000_000n;

/** interval × int64, in either order. */
export const multiplyByInteger: Kernel = (args, rowCount) => {
  const isFirst = args[0]?.type.id === 'interval';
  const parts = intervalsOf(args[isFirst ? 0 : 1] as Vector);
  const factors = decimalValues(args[isFirst ? 1 : 0] as Vector);
  const validity = mergeValidity(args, rowCount);
  const { months, days, seconds, nanos } = parts;
  for (let i = 0; i < rowCount; i++) {
    if (!isPresentRow(validity, i)) continue;
    const factor = factors(i);
    months[i] = (months[i] as number) * Number(factor);
    days[i] = (days[i] as number) * Number(factor);
    if (seconds[i] === 0 && nanos[i] === 0) continue;
    const total = (BigInt(seconds[i] as number) * NANOS + BigInt(nanos[i] as number)) * factor;
    if (total !== BigInt.asIntN(64, total)) throw intervalRangeError();
    seconds[i] = Number(total / NANOS);
    nanos[i] = Number(total % NANOS);
  }
  return intervalVector(parts, rowCount, validity);
};

/** Rounds to the nearest whole number, halves to the even one. */
function roundEven(value: number): number {
  const rounded = Math.round(value);
  return Math.abs(value % 1) === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}

/** Six digits after the point are kept of a remainder. */
function roundRemainder(value: number): number {
  return roundEven(value * 1_000_000) / 1_000_000;
}

/** Puts the interval of row i, each part brought through `scale`, into `out`. */
function storeScaled(parts: Intervals, i: number, scale: (value: number) => number, out: Intervals): void {
  const scaledMonths = scale(parts.months[i] as number);
  const scaledDays = scale(parts.days[i] as number);
  const months = Math.trunc(scaledMonths);
  let days = Math.trunc(scaledDays);
  const monthDays = roundRemainder((scaledMonths - months) * 30);
  let rest = roundRemainder((scaledDays - days + monthDays - Math.trunc(monthDays)) * 86_400);
  if (Math.abs(rest) >= 86_400) {
    const more = Math.trunc(rest / 86_400);
    days += more;
    rest -= more * 86_400;
  }
  const micros = (parts.seconds[i] as number) * 1_000_000 + (parts.nanos[i] as number) / 1000;
  const total = roundEven(scale(micros) + rest * 1_000_000);
  out.months[i] = months;
  out.days[i] = days + Math.trunc(monthDays);
  out.seconds[i] = Math.floor(total / 1_000_000);
  out.nanos[i] = (total - Math.floor(total / 1_000_000) * 1_000_000) * 1000;
}

/** interval × double, in either order. */
export const multiplyByDouble: Kernel = (args, rowCount) => {
  const isFirst = args[0]?.type.id === 'interval';
  const parts = intervalsOf(args[isFirst ? 0 : 1] as Vector);
  const factors = numbersOf(args[isFirst ? 1 : 0] as Vector);
  const out = emptyIntervals(rowCount);
  for (let i = 0; i < rowCount; i++) {
    const factor = factors[i] as number;
    storeScaled(parts, i, (value) => value * factor, out);
  }
  return intervalVector(out, rowCount, mergeValidity(args, rowCount));
};

/** interval / double. */
export const divideByDouble: Kernel = (args, rowCount) => {
  const parts = intervalsOf(args[0] as Vector);
  const divisors = numbersOf(args[1] as Vector);
  const validity = mergeValidity(args, rowCount);
  const out = emptyIntervals(rowCount);
  for (let i = 0; i < rowCount; i++) {
    const divisor = divisors[i] as number;
    if (divisor === 0 && isPresentRow(validity, i)) {
      throw new EngineError(
        'value_error',
        'an interval cannot be divided by zero; nullif(divisor, 0) makes that NULL',
      );
    }
    storeScaled(parts, i, (value) => value / divisor, out);
  }
  return intervalVector(out, rowCount, validity);
};
