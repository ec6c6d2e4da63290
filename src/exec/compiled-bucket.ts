/**
 * Rules of date_trunc and time_bucket: dates and timestamps cut back to the start of a unit or a bucket.
 *
 * Hides which widths are one length and which are months. Invariants: units, widths and origins are part of the code;
 * what is infinite stays so; what the interpreter finds outside of a type's range fails; the meaning is that of
 * function/date-trunc and function/time-bucket. Method: a moment less what it is beyond the start, which is found by
 * remainders, so that nothing overflows on the way.
 */
import type { DataType } from '../arrow/type.ts';
import { i64Const, select } from '../codegen/code.ts';
import type { Code } from '../codegen/code.ts';
import { partOf } from '../function/date-part.ts';
import type { PartName } from '../function/date-part.ts';
import { DAY_ORIGIN, MONTH_ORIGIN } from '../function/time-bucket.ts';
import { dateOfDays } from '../function/date-calendar.ts';
import type { Expr } from '../plan/expr.ts';
import {
  dateOf,
  DAY_SECONDS,
  divide,
  firstOfMonth,
  floorDivide,
  floorRest,
  infiniteOf,
  isInfinite,
  MICROS_DAYS,
  PER_SECOND,
  perDayOf,
  plus,
  times,
} from './compiled-calendar.ts';
import type { Int } from './compiled-calendar.ts';
import type { Call, Rule } from './compiled-rule.ts';
import { both, intOf, intValue } from './compiled-value.ts';
import type { RowScope, Value } from './compiled-value.ts';
import { i32, i64 } from './compiled-vocabulary.ts';

const LEAST = -(1n << 63n);
const DAY_MICROS = DAY_SECONDS * PER_SECOND.microsecond;
/** Steps below this leave room for sums of two remainders. */
const STEP_END = 1n << 61n;

/**
 * Where buckets start: every `step` units, of which `origin` is one, counted in those of the timestamps, or for dates
 * in microseconds; or every so many months or years.
 */
type Cut =
  | { readonly kind: 'step'; readonly step: bigint; readonly origin: bigint }
  | { readonly kind: 'months'; readonly months: bigint; readonly origin: bigint }
  | { readonly kind: 'years'; readonly years: bigint };

function cutText(cut: Cut): string {
  return Object.values(cut).map(String).join(' ');
}

/** Units of date_trunc with one length, in microseconds; the days that 1970 lies within the first. */
const LENGTHS: Partial<Record<PartName, readonly [micros: bigint, days: bigint]>> = {
  microsecond: [1n, 0n],
  millisecond: [1_000n, 0n],
  second: [PER_SECOND.microsecond, 0n],
  epoch: [PER_SECOND.microsecond, 0n],
  minute: [60n * PER_SECOND.microsecond, 0n],
  hour: [3_600n * PER_SECOND.microsecond, 0n],
  day: [DAY_MICROS, 0n],
  dow: [DAY_MICROS, 0n],
  isodow: [DAY_MICROS, 0n],
  doy: [DAY_MICROS, 0n],
  julian: [DAY_MICROS, 0n],
  // Weeks begin on Monday, and 1970 on a Thursday.
  week: [7n * DAY_MICROS, -3n],
  yearweek: [7n * DAY_MICROS, -3n],
};
const MONTHS: Partial<Record<PartName, bigint>> = { month: 1n, quarter: 3n, year: 12n };
const YEARS: Partial<Record<PartName, bigint>> = { decade: 10n, century: 100n, millennium: 1000n };

/** Dates, and timestamps in microseconds or nanoseconds, as those functions take them. */
function isCutType(type: DataType | undefined): type is DataType & { readonly id: 'date' | 'timestamp' } {
  if (type?.id === 'date') return type.unit === 'day';
  return type?.id === 'timestamp' && PER_SECOND[type.unit] >= PER_SECOND.microsecond;
}

/** What steps are counted in. */
function unitsPerDay(type: DataType): bigint {
  return type.id === 'date' ? DAY_MICROS : perDayOf(type);
}

/** The cut of date_trunc; undefined where it is not compiled. */
function truncOf({ args: [unit, value] }: Call): Cut | undefined {
  if (unit?.kind !== 'literal' || typeof unit.value !== 'string' || !isCutType(value?.type)) return undefined;
  const part = partOf(unit.value);
  if (part === undefined) return undefined;
  const months = MONTHS[part];
  if (months !== undefined) return { kind: 'months', months, origin: 0n };
  const years = YEARS[part];
  if (years !== undefined) return { kind: 'years', years };
  const length = LENGTHS[part];
  if (length === undefined) return undefined;
  const [micros, days] = length;
  const perDay = unitsPerDay(value.type);
  return { kind: 'step', step: micros * (perDay / DAY_MICROS), origin: days * perDay };
}

/** Months, days and nanoseconds of an interval. */
function partsOf(bits: bigint): readonly [months: bigint, days: bigint, nanos: bigint] {
  return [BigInt.asIntN(32, bits), BigInt.asIntN(32, bits >> 32n), BigInt.asIntN(64, bits >> 64n)];
}

function floorQuotient(a: bigint, divisor: bigint): bigint {
  return a / divisor - (a % divisor < 0n ? 1n : 0n);
}

/** The value of a constant origin, undefined where it is null, infinite or none. */
function originOf(expr: Expr, type: DataType): bigint | undefined {
  if (expr.kind !== 'literal' || expr.value === null || expr.type.id !== type.id) return undefined;
  const origin = BigInt(expr.value as bigint | number);
  const most = infiniteOf(type);
  return origin === most || origin === -(most ?? 0n) ? undefined : origin;
}

/** The cut of time_bucket; undefined where it is not compiled. */
function bucketOf({ args: [width, value, third] }: Call): Cut | undefined {
  if (width?.kind !== 'literal' || typeof width.value !== 'bigint' || !isCutType(value?.type)) return undefined;
  const { type } = value;
  const given = third === undefined ? undefined : originOf(third, type);
  if (third !== undefined && given === undefined) return undefined;
  const [months, days, nanos] = partsOf(width.value);
  if (months !== 0n) {
    if (months < 0n || days !== 0n || nanos !== 0n) return undefined;
    if (given === undefined) return { kind: 'months', months, origin: BigInt(MONTH_ORIGIN) };
    const { year, month } = dateOfDays(Number(floorQuotient(given, perDayOf(type))));
    return { kind: 'months', months, origin: BigInt(year * 12 + month - 1) };
  }
  const perDay = unitsPerDay(type);
  const step = days * perDay + floorQuotient(nanos, (PER_SECOND.nanosecond * DAY_SECONDS) / perDay);
  if (step <= 0n || step >= STEP_END) return undefined;
  const origin = given === undefined ? BigInt(DAY_ORIGIN) * perDay : given * (perDay / perDayOf(type));
  return { kind: 'step', step, origin };
}

/** How far a moment is beyond the start of its bucket. */
function excessOf(row: RowScope, moment: Int, step: bigint, origin: bigint): Int {
  const rest = floorRest(row, moment, step);
  const first = ((origin % step) + step) % step;
  if (first === 0n) return rest;
  const excess = row.bind(plus(rest, -first), 'excess');
  return row.bind(i64.add(excess, i64.and(i64.shr_s(excess, i64Const(63n)), i64Const(step))), 'excess');
}

/** The first day of the months or years that the day lies in. */
function firstDay(row: RowScope, day: Int, cut: Extract<Cut, { kind: 'months' | 'years' }>): Int {
  const { year, month } = dateOf(row, day);
  if (cut.kind === 'years') {
    // Years before 1 are cut towards the year 0.
    return firstOfMonth(row, row.bind(times(i64.div_s(year, i64Const(cut.years)), cut.years), 'year'), i64Const(1n));
  }
  if (cut.months === 1n) return firstOfMonth(row, row.bind(year, 'year'), row.bind(month, 'month'));
  const index = row.bind(plus(i64.add(times(year, 12n), month), -1n), 'index');
  const first = row.bind(i64.sub(index, excessOf(row, index, cut.months, cut.origin)), 'first');
  const [firstYear, inYear] = floorDivide(row, first, 12n);
  return firstOfMonth(row, firstYear, row.bind(plus(inYear, 1n), 'month'));
}

/** The start of a timestamp's bucket, and whether there is no such timestamp. */
function cutTimestamp(row: RowScope, moment: Int, type: DataType, cut: Cut): readonly [Int, Code<'i32'>] {
  const perDay = perDayOf(type);
  if (cut.kind !== 'step') {
    const first = firstDay(row, floorDivide(row, moment, perDay)[0], cut);
    return [times(first, perDay), i64.lt_s(first, i64Const(LEAST / perDay))];
  }
  const excess = excessOf(row, moment, cut.step, cut.origin);
  const start = row.bind(i64.sub(moment, excess), 'start');
  const isMicros = perDay === DAY_MICROS;
  const isBelow = i64.lt_s(moment, plus(excess, isMicros ? -MICROS_DAYS * DAY_MICROS : LEAST));
  return [start, isMicros ? isBelow : i32.or(isBelow, i64.eq(start, i64Const(LEAST + 1n)))];
}

/** The day in which the bucket of a date's midnight starts. */
function cutDate(row: RowScope, day: Int, cut: Cut): Int {
  if (cut.kind !== 'step') return firstDay(row, day, cut);
  const { step, origin } = cut;
  if (step % DAY_MICROS === 0n && origin % DAY_MICROS === 0n) {
    return row.bind(i64.sub(day, excessOf(row, day, step / DAY_MICROS, origin / DAY_MICROS)), 'start');
  }
  if (DAY_MICROS % step === 0n && origin % step === 0n) return day;
  const excess = excessOf(row, row.bind(times(day, DAY_MICROS), 'midnight'), step, origin);
  return row.bind(i64.sub(day, divide(plus(excess, DAY_MICROS - 1n), DAY_MICROS)), 'start');
}

/** What the cut makes of an operand that is not infinite, and where it fails. */
type CutRow = (row: RowScope, moment: Int) => readonly [cut: Int, misfit: Code<'i32'>];

/** Emits a cut of a call's second argument; what is infinite becomes the result's infinity. */
function emitCut(
  row: RowScope,
  operand: Value,
  from: DataType,
  call: Call,
  active: Code<'i32'> | undefined,
  cutRow: CutRow,
): Value {
  const moment = intOf(operand);
  const most = infiniteOf(from) as bigint;
  const infinite = row.bind(isInfinite(moment, most), 'infinite');
  const [cut, misfit] = cutRow(row, moment);
  row.fail(both(misfit, i32.not(infinite)) as Code<'i32'>, operand.present, active);
  const becomes = infiniteOf(call.type) as bigint;
  const infinity =
    becomes === most ? moment : select(i64.lt_s(moment, i64Const(0n)), i64Const(-becomes), i64Const(becomes));
  return intValue(row.bind(select(infinite, infinity, cut), 'cut'), operand.present);
}

/** Days that are no timestamps' in microseconds. */
function beyondMicros(day: Int): Code<'i32'> {
  return i32.or(i64.lt_s(day, i64Const(-MICROS_DAYS)), i64.gt_s(day, i64Const(MICROS_DAYS)));
}

function ruleOf(
  cutOf: (call: Call) => Cut | undefined,
  cutDay: (...args: Parameters<typeof cutDate>) => ReturnType<CutRow>,
): Rule {
  return {
    fits: (call) => cutOf(call) !== undefined,
    constants: (call) => ({ text: ` by ${cutText(cutOf(call) as Cut)}`, values: call.args.slice(1, 2) }),
    emit: ({ row, value }, call, active) => {
      const [, arg] = call.args as readonly [Expr, Expr];
      const operand = row.bound(value(arg, active), 'v');
      const cut = cutOf(call) as Cut;
      return emitCut(row, operand, arg.type, call, active, (scope, moment) => {
        return arg.type.id === 'date' ? cutDay(scope, moment, cut) : cutTimestamp(scope, moment, arg.type, cut);
      });
    },
  };
}

/** Dates become timestamps. */
const DATE_TRUNC = ruleOf(truncOf, (row, day, cut) => {
  const start = cutDate(row, day, cut);
  return [times(start, DAY_MICROS), beyondMicros(start)];
});

/** Dates stay dates; those that buckets of days and less are counted for reach as far as microseconds do. */
const TIME_BUCKET = ruleOf(bucketOf, (row, day, cut) => {
  const start = cutDate(row, day, cut);
  const least = 1n - (infiniteOf({ id: 'date', unit: 'day' }) as bigint);
  return [start, cut.kind === 'step' ? beyondMicros(day) : i64.lt_s(start, i64Const(least))];
});

/** Rules by the names of functions. */
export const BUCKET_RULES: Readonly<Record<string, Rule>> = { date_trunc: DATE_TRUNC, time_bucket: TIME_BUCKET };
