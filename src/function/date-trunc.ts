/**
 * date_trunc: dates, timestamps and intervals cut down to the start of a unit.
 *
 * Hides which units cut days and which cut the time of day. Invariants: weeks begin on Monday; years before 1 are cut
 * towards the year 0, as DuckDB does; dates become timestamps; what is infinite stays so.
 */
import { EngineError } from '../base/errors.ts';
import type { DataType } from '../arrow/type.ts';
import type { Vector } from '../arrow/vector.ts';
import { byteRowsOf, rowText } from './byte-rows.ts';
import { isConstant } from './constant.ts';
import type { Kernel, ResolvedCall } from './contract.ts';
import { unknownPart } from './date-function.ts';
import { isoWeekOf, partOf, weekdayOf } from './date-part.ts';
import type { PartName } from './date-part.ts';
import type { FunctionEntry } from './entry.ts';
import { INTERVAL, intervalsOf, intervalVector } from './interval.ts';
import type { Intervals } from './interval.ts';
import { familyOf, flatType, strictCall, UTF8 } from './signature.ts';
import { MICROS, momentParameter } from './time-signature.ts';
import { dateOfDays, daysOfDate } from './date-calendar.ts';
import { isPresentRow, momentsOf, momentVector } from './time-words.ts';
import { mergeValidity } from './validity.ts';

type Cut = (value: number) => number;

/** The first day of the cycle of `years` that the day lies in. */
function yearsCut(years: number): Cut {
  return (day) => daysOfDate(Math.trunc(dateOfDays(day).year / years) * years, 1, 1);
}

function monthsCut(months: number): Cut {
  return (day) => {
    const { year, month } = dateOfDays(day);
    return daysOfDate(year, Math.floor((month - 1) / months) * months + 1, 1);
  };
}

const monday: Cut = (day) => day - weekdayOf(day);
const isoYear: Cut = (day) => monday(day) - 7 * (isoWeekOf(day) - 1);
const same: Cut = (day) => day;

const DAY_CUTS: Partial<Record<PartName, Cut>> = {
  millennium: yearsCut(1000),
  century: yearsCut(100),
  decade: yearsCut(10),
  year: yearsCut(1),
  isoyear: isoYear,
  quarter: monthsCut(3),
  month: monthsCut(1),
  week: monday,
  yearweek: monday,
  day: same,
  dow: same,
  isodow: same,
  doy: same,
  julian: same,
};

/** Units that cut the time of day, in microseconds. */
const TIME_CUTS: Partial<Record<PartName, number>> = {
  hour: 3_600_000_000,
  minute: 60_000_000,
  second: 1_000_000,
  epoch: 1_000_000,
  millisecond: 1000,
  microsecond: 1,
};

/** Months in the units that cut an interval's months. */
const MONTH_CUTS: Partial<Record<PartName, number>> = {
  millennium: 12_000,
  century: 1200,
  decade: 120,
  year: 12,
  isoyear: 12,
  quarter: 3,
  month: 1,
};

function unitOfText(text: string): PartName {
  const part = partOf(text);
  if (part === undefined) throw unknownPart(text);
  if (DAY_CUTS[part] === undefined && TIME_CUTS[part] === undefined) {
    throw new EngineError(
      'value_error',
      `nothing can be cut to the unit '${part}'; 'month', 'week' and 'hour' are units`,
    );
  }
  return part;
}

/** Calls `cut` with each run of rows that have one unit. */
function forEachUnit(
  args: readonly Vector[],
  rowCount: number,
  cut: (unit: PartName, start: number, end: number) => void,
): void {
  const specifiers = args[0] as Vector;
  if (rowCount === 0) return;
  const rows = byteRowsOf(specifiers);
  const validity = mergeValidity(args, rowCount);
  if (isConstant(specifiers)) {
    if (isPresentRow(validity, 0) || validity.nullCount < rowCount) cut(unitOfText(rowText(rows, 0)), 0, rowCount);
    return;
  }
  let unit: PartName | undefined;
  let text = '';
  for (let i = 0; i < rowCount; i++) {
    if (!isPresentRow(validity, i)) continue;
    const next = rowText(rows, i);
    if (unit === undefined || next !== text) {
      unit = unitOfText(next);
      text = next;
    }
    cut(unit, i, i + 1);
  }
}

const truncateMoments: Kernel = (args, rowCount, type) => {
  const { days, rests, perDay } = momentsOf(args[1] as Vector);
  const outDays = days.slice();
  const outRests = rests.slice();
  const perMicro = perDay / 86_400_000_000;
  let last = NaN;
  let lastCut = NaN;
  forEachUnit(args, rowCount, (unit, start, end) => {
    const cutDay = DAY_CUTS[unit];
    last = NaN;
    if (cutDay === undefined) {
      const step = (TIME_CUTS[unit] ?? 1) * perMicro;
      // A date has whole days only.
      if (step >= 1)
        for (let i = start; i < end; i++) outRests[i] = (rests[i] as number) - ((rests[i] as number) % step);
      return;
    }
    for (let i = start; i < end; i++) {
      const day = days[i] as number;
      if (day !== last) {
        last = day;
        lastCut = Math.abs(day) === Infinity ? day : cutDay(day);
      }
      outDays[i] = lastCut;
      outRests[i] = 0;
    }
  });
  const moments = { days: outDays, rests: outRests, perDay };
  return momentVector(type, moments, rowCount, mergeValidity(args, rowCount));
};

function truncateInterval(parts: Intervals, unit: PartName, i: number): void {
  const { months, days, seconds, nanos } = parts;
  const step = TIME_CUTS[unit];
  if (step !== undefined) {
    cutTime(parts, i, step);
    return;
  }
  seconds[i] = 0;
  nanos[i] = 0;
  const monthStep = MONTH_CUTS[unit];
  if (monthStep !== undefined) {
    months[i] = (months[i] as number) - ((months[i] as number) % monthStep);
    days[i] = 0;
  } else if (unit === 'week' || unit === 'yearweek') {
    days[i] = (days[i] as number) - ((days[i] as number) % 7);
  }
}

/** Cuts the time towards zero to a multiple of `step` microseconds. */
function cutTime({ seconds, nanos }: Intervals, i: number, step: number): void {
  const negative = (seconds[i] as number) < 0;
  const borrow = negative && nanos[i] !== 0;
  const whole = negative ? -(seconds[i] as number) - (borrow ? 1 : 0) : (seconds[i] as number);
  const rest = borrow ? 1_000_000_000 - (nanos[i] as number) : (nanos[i] as number);
  const second = step > 1_000_000 ? whole - (whole % (step / 1_000_000)) : whole;
  const fraction = step >= 1_000_000 ? 0 : rest - (rest % (step * 1000));
  seconds[i] = negative ? -second : second;
  nanos[i] = negative ? -fraction : fraction;
}

const truncateIntervals: Kernel = (args, rowCount) => {
  const parts = intervalsOf(args[1] as Vector);
  forEachUnit(args, rowCount, (unit, start, end) => {
    for (let i = start; i < end; i++) truncateInterval(parts, unit, i);
  });
  return intervalVector(parts, rowCount, mergeValidity(args, rowCount));
};

function resolve(args: readonly DataType[]): ResolvedCall | undefined {
  const [unit, value] = args;
  if (unit === undefined || value === undefined || args.length !== 2) return undefined;
  if (unit.id !== 'null' && familyOf(unit) !== 'text') return undefined;
  const parameter = momentParameter(value, true);
  if (parameter === undefined || parameter.id === 'time') return undefined;
  const text = unit.id === 'null' ? UTF8 : flatType(unit);
  return strictCall('date_trunc', [text, parameter], parameter.id === 'date' ? MICROS : parameter);
}

/** The entries of this family. */
export const DATE_TRUNC: readonly FunctionEntry[] = [
  {
    name: 'date_trunc',
    aliases: ['datetrunc'],
    expects: '(text, date), (text, timestamp) or (text, interval)',
    doc: 'Cuts a date, timestamp or interval down to the start of a unit; weeks begin on Monday.',
    example: "date_trunc('month', TIMESTAMP '2024-02-29 13:45:00') → 2024-02-01 00:00:00",
    resolve,
    kernel: ([, value]) => (value?.id === INTERVAL.id ? truncateIntervals : truncateMoments),
  },
];
