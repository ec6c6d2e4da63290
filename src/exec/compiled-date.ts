/**
 * Rules of the parts of dates and timestamps: year, quarter, month, day and the day of the week; and of date_trunc to
 * units of one length.
 *
 * Hides the calendar. Invariants: a timestamp's day is the one that it lies in, also before 1970; the meaning is that
 * of function/date-part. Infinite ones, whose parts are NULL, are left to it. Method: function/date-calendar's.
 */
import type { DataType } from '../arrow/type.ts';
import { i64Const, select } from '../codegen/code.ts';
import type { Code } from '../codegen/code.ts';
import type { Expr } from '../plan/expr.ts';
import type { Call, Rule } from './compiled-rule.ts';
import { both, intOf, intValue } from './compiled-value.ts';
import type { RowScope } from './compiled-value.ts';
import { i32, i64 } from './compiled-vocabulary.ts';

type Int = Code<'i64'>;

const ZERO = i64Const(0n);
const DAY_SECONDS = 86_400n;
/** Infinite dates and timestamps are these numbers, with a minus before or without. */
const DAY_INFINITE = 0x7fffffffn;
const COUNT_INFINITE = 0x7fff_ffff_ffff_ffffn;
const PER_SECOND = { second: 1n, millisecond: 1_000n, microsecond: 1_000_000n, nanosecond: 1_000_000_000n } as const;

/** a / divisor and what is left, rounded down. */
function floorDivide(row: RowScope, a: Int, divisor: bigint): readonly [quotient: Int, rest: Int] {
  const by = i64Const(divisor);
  const rest = row.bind(i64.rem_s(a, by), 'rest');
  const below = i64.shr_s(rest, i64Const(63n));
  return [
    row.bind(i64.add(i64.div_s(a, by), below), 'quotient'),
    row.bind(i64.add(rest, i64.and(below, by)), 'rest'),
  ];
}

function divide(a: Int, divisor: bigint): Int {
  return i64.div_u(a, i64Const(divisor));
}

function times(a: Int, factor: bigint): Int {
  return i64.mul(a, i64Const(factor));
}

function plus(a: Int, more: bigint): Int {
  return i64.add(a, i64Const(more));
}

/** Year, month and day of a day number. */
function dateOf(row: RowScope, day: Int): { readonly year: Int; readonly month: Int; readonly day: Int } {
  const [era, inEra] = floorDivide(row, plus(day, 719_468n), 146_097n);
  const leaps = i64.add(i64.sub(divide(inEra, 1460n), divide(inEra, 36_524n)), divide(inEra, 146_096n));
  const year = row.bind(divide(i64.sub(inEra, leaps), 365n), 'year');
  const before = i64.sub(i64.add(times(year, 365n), divide(year, 4n)), divide(year, 100n));
  const inYear = row.bind(i64.sub(inEra, before), 'inYear');
  const shifted = row.bind(divide(plus(times(inYear, 5n), 2n), 153n), 'shifted');
  const isLate = row.bind(i64.gt_s(shifted, i64Const(9n)), 'late');
  return {
    year: i64.add(i64.add(year, times(era, 400n)), i64.extend_u(isLate)),
    month: i64.sub(plus(shifted, 3n), select(isLate, i64Const(12n), ZERO)),
    day: plus(i64.sub(inYear, divide(plus(times(shifted, 153n), 2n), 5n)), 1n),
  };
}

const PARTS: Readonly<Record<string, (row: RowScope, day: Int) => Int>> = {
  year: (row, day) => dateOf(row, day).year,
  quarter: (row, day) => divide(plus(dateOf(row, day).month, 2n), 3n),
  month: (row, day) => dateOf(row, day).month,
  day: (row, day) => dateOf(row, day).day,
  dayofweek: (row, day) => floorDivide(row, plus(day, 4n), 7n)[1],
  isodow: (row, day) => plus(floorDivide(row, plus(day, 3n), 7n)[1], 1n),
};

function isDated(type: DataType | undefined): boolean {
  return (type?.id === 'date' && type.unit === 'day') || type?.id === 'timestamp';
}

/** Seconds of the units that timestamps are cut to by division, and by how many seconds 1970 lies within the first. */
const CUTS: Readonly<Record<string, readonly [seconds: bigint, within: bigint]>> = {
  second: [1n, 0n],
  minute: [60n, 0n],
  hour: [3_600n, 0n],
  day: [DAY_SECONDS, 0n],
  // Weeks begin on Monday, and 1970 on a Thursday.
  week: [7n * DAY_SECONDS, 3n * DAY_SECONDS],
};

/** The unit of date_trunc, where it is cut to by division. */
function cutOf({ args: [unit] }: Call): (typeof CUTS)[string] | undefined {
  return unit?.kind === 'literal' && typeof unit.value === 'string' ? CUTS[unit.value.toLowerCase()] : undefined;
}

const DATE_TRUNC: Rule = {
  fits: (call) => {
    const type = call.args[1]?.type;
    return (
      call.args.length === 2 && type?.id === 'timestamp' && type.timezone === undefined && cutOf(call) !== undefined
    );
  },
  constants: (call) => ({ text: ` by ${String(cutOf(call))}`, values: call.args.slice(1) }),
  emit: ({ row, value }, call, active) => {
    const arg = call.args[1] as Expr;
    const operand = row.bound(value(arg, active), 'v');
    const perSecond = PER_SECOND[(arg.type as DataType & { id: 'timestamp' }).unit];
    const [seconds, within] = cutOf(call) as readonly [bigint, bigint];
    const moment = intOf(operand);
    const [count] = floorDivide(row, plus(moment, within * perSecond), seconds * perSecond);
    const cut = plus(times(count, seconds * perSecond), -within * perSecond);
    return intValue(row.bind(select(isInfinite(moment, COUNT_INFINITE), moment, cut), 'cut'), operand.present);
  },
};

/** 1 for what is infinite, which is `most` with a minus before or without. */
function isInfinite(moment: Int, most: bigint): Code<'i32'> {
  return i32.or(i64.eq(moment, i64Const(most)), i64.eq(moment, i64Const(-most)));
}

/** Rules by the names of functions. */
export const DATE_RULES: Readonly<Record<string, Rule>> = Object.fromEntries(
  Object.entries(PARTS)
    .map(([name, part]): [string, Rule] => [
      name,
      {
        fits: ({ args }) => args.length === 1 && isDated(args[0]?.type),
        emit: ({ row, value }, { args }, active) => {
          const [arg] = args as readonly [Expr];
          const operand = row.bound(value(arg, active), 'v');
          let day = intOf(operand);
          const infinite = isInfinite(day, arg.type.id === 'timestamp' ? COUNT_INFINITE : DAY_INFINITE);
          const present = row.bind(both(i32.not(infinite), operand.present) as Code<'i32'>, 'finite');
          if (arg.type.id === 'timestamp') [day] = floorDivide(row, day, DAY_SECONDS * PER_SECOND[arg.type.unit]);
          return intValue(row.bind(part(row, day), 'part'), present);
        },
      },
    ])
    .concat([['date_trunc', DATE_TRUNC]]),
);
