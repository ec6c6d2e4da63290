/**
 * Rules of the parts of dates, timestamps and times: year, month, week, hour, epoch and their kin.
 *
 * Hides nothing. Invariants: a timestamp's day is the one that it lies in, also before 1970; the meaning is that of
 * function/date-part. Infinite ones have no parts: NULL.
 */
import type { DataType } from '../arrow/type.ts';
import { i64Const, select } from '../codegen/code.ts';
import type { Code } from '../codegen/code.ts';
import { BUCKET_RULES } from './compiled-bucket.ts';
import {
  dateOf,
  divide,
  firstOfMonth,
  floorDivide,
  floorRest,
  infiniteOf,
  isInfinite,
  PER_SECOND,
  perDayOf,
  plus,
} from './compiled-calendar.ts';
import type { Int } from './compiled-calendar.ts';
import type { Rule } from './compiled-rule.ts';
import { both, floatValue, intOf, intValue } from './compiled-value.ts';
import type { RowScope } from './compiled-value.ts';
import { f64, i32, i64 } from './compiled-vocabulary.ts';

const DAY_MICROS = 86_400_000_000;

/** Days since Monday: 0 to 6. */
function weekdayOf(row: RowScope, day: Int): Int {
  return floorRest(row, plus(day, 3n), 7n);
}

/** The Thursday of the day's week, whose year is the ISO year. */
function thursdayOf(row: RowScope, day: Int): Int {
  return row.bind(plus(i64.sub(day, weekdayOf(row, day)), 3n), 'thursday');
}

/** Days since the first of January. */
function yearDayOf(row: RowScope, day: Int): Int {
  return i64.sub(day, firstOfMonth(row, row.bind(dateOf(row, day).year, 'year'), i64Const(1n)));
}

/** Centuries and their like: the first begins with the year 1, the last before it ends with the year 0. */
function eraOf(row: RowScope, day: Int, years: bigint): Int {
  const year = row.bind(dateOf(row, day).year, 'year');
  const before = plus(i64.div_s(year, i64Const(years)), -1n);
  return select(i64.gt_s(year, i64Const(0n)), plus(divide(plus(year, -1n), years), 1n), before);
}

const DAY_PARTS: Readonly<Record<string, (row: RowScope, day: Int) => Int>> = {
  era: (row, day) => i64.extend_u(i64.gt_s(dateOf(row, day).year, i64Const(0n))),
  millennium: (row, day) => eraOf(row, day, 1000n),
  century: (row, day) => eraOf(row, day, 100n),
  decade: (row, day) => i64.div_s(dateOf(row, day).year, i64Const(10n)),
  year: (row, day) => dateOf(row, day).year,
  quarter: (row, day) => divide(plus(dateOf(row, day).month, 2n), 3n),
  month: (row, day) => dateOf(row, day).month,
  day: (row, day) => dateOf(row, day).day,
  dayofweek: (row, day) => floorRest(row, plus(day, 4n), 7n),
  isodow: (row, day) => plus(weekdayOf(row, day), 1n),
  dayofyear: (row, day) => plus(yearDayOf(row, day), 1n),
  week: (row, day) => plus(divide(yearDayOf(row, thursdayOf(row, day)), 7n), 1n),
  isoyear: (row, day) => dateOf(row, thursdayOf(row, day)).year,
};

/** Of microseconds since midnight: how many of them make one, and after how many ones it starts anew. */
const TIME_PARTS: Readonly<Record<string, readonly [micros: bigint, ones: bigint]>> = {
  hour: [3_600_000_000n, 24n],
  minute: [60_000_000n, 60n],
  second: [1_000_000n, 60n],
  millisecond: [1_000n, 60_000n],
  microsecond: [1n, 60_000_000n],
};

function isDated(type: DataType | undefined): boolean {
  return (type?.id === 'date' && type.unit === 'day') || type?.id === 'timestamp';
}

/** True for types whose rests of days are whole microseconds or nanoseconds, and for dates. */
function isTimed(type: DataType | undefined): boolean {
  if (type?.id === 'time') return type.bitWidth === 64;
  return isDated(type) && (type?.id !== 'timestamp' || PER_SECOND[type.unit] >= PER_SECOND.microsecond);
}

/** Microseconds since midnight of what is so many units after it. */
function microsOf(rest: Int, type: DataType): Int {
  return type.id !== 'date' && perDayOf(type) > BigInt(DAY_MICROS) ? divide(rest, 1000n) : rest;
}

/** A rule of one argument. `part`: of the day, and of the units since midnight. */
function partRule(
  fits: (type: DataType | undefined) => boolean,
  part: (row: RowScope, day: Int, rest: Int, type: DataType) => Code,
): Rule {
  return {
    fits: ({ args }) => args.length === 1 && fits(args[0]?.type),
    emit: ({ row, value }, { args: [arg], type: result }, active) => {
      const { type } = arg as NonNullable<typeof arg>;
      const operand = row.bound(value(arg as NonNullable<typeof arg>, active), 'v');
      const moment = intOf(operand);
      const most = infiniteOf(type);
      const finite = most === undefined ? undefined : row.bind(i32.not(isInfinite(moment, most)), 'finite');
      const present = both(finite, operand.present);
      const [day, rest] = splitDay(row, moment, type);
      const code = row.bind(part(row, day, rest, type), 'part');
      return result.id === 'float'
        ? floatValue(code as Code<'f64'>, present)
        : intValue(code as Code<'i64'>, present);
    },
  };
}

function splitDay(row: RowScope, moment: Int, type: DataType): readonly [day: Int, rest: Int] {
  if (type.id === 'date') return [moment, i64Const(0n)];
  return type.id === 'time' ? [i64Const(0n), moment] : floorDivide(row, moment, perDayOf(type));
}

function timeRule([micros, ones]: readonly [bigint, bigint]): Rule {
  return partRule(isTimed, (row, _day, rest, type) => {
    if (type.id === 'date') return i64Const(0n);
    const count = micros === 1n ? microsOf(rest, type) : divide(microsOf(rest, type), micros);
    return micros * ones === BigInt(DAY_MICROS) ? count : i64.rem_u(row.bind(count, 'count'), i64Const(ones));
  });
}

const EPOCH = partRule(isTimed, (_row, day, rest, type) => {
  const micros = f64.add(f64.mul(f64.convert_s(day), f64.const(DAY_MICROS)), f64.convert_s(microsOf(rest, type)));
  return f64.div(micros, f64.const(1_000_000));
});

/** Rules by the names of functions. */
export const DATE_RULES: Readonly<Record<string, Rule>> = {
  ...Object.fromEntries(
    Object.entries(DAY_PARTS).map(([name, part]) => [name, partRule(isDated, (row, day) => part(row, day))]),
  ),
  ...Object.fromEntries(Object.entries(TIME_PARTS).map(([name, part]) => [name, timeRule(part)])),
  epoch: EPOCH,
  ...BUCKET_RULES,
};
