/**
 * Distances: date_diff counts borders crossed, date_sub whole units between, age the years, months and days.
 *
 * Hides calendar subtraction. Invariants: swapping the moments turns the sign; nanoseconds count in the order of two
 * moments, and are cut in counts of units; distances to infinite moments are NULL.
 * Source: DuckDB, "Date Functions" (date_diff, date_sub, age); months between as in PostgreSQL's age.
 */
import { EngineError } from '../base/errors.ts';
import type { DataType } from '../arrow/type.ts';
import type { Vector } from '../arrow/vector.ts';
import { byteRowsOf, rowText } from './byte-rows.ts';
import { bytesOf, vectorOf } from './column.ts';
import type { Kernel, ResolvedCall } from './contract.ts';
import { unknownPart } from './date-function.ts';
import { isoYearOf, partOf } from './date-part.ts';
import type { PartName } from './date-part.ts';
import type { FunctionEntry } from './entry.ts';
import { emptyIntervals, INTERVAL, intervalVector } from './interval.ts';
import { commonType, familyOf, flatType, INT64, strictCall, UTF8 } from './signature.ts';
import { momentParameter, MICROS } from './time-signature.ts';
import { dateOfDays, daysInMonth } from './date-calendar.ts';
import { isPresentRow, momentsOf, rangeError, storeNumber, storeSeconds } from './time-words.ts';
import type { Moments } from './time-words.ts';
import { mergeValidity, withoutRows } from './validity.ts';

const DAY_MICROS = 86_400_000_000;

/** Counts between two moments, each a day and microseconds of it. */
type Count = (day1: number, micros1: number, day2: number, micros2: number) => number;

/** A unit of less than a second, whose counts pass 2^53: microseconds in it. */
interface FineUnit {
  readonly micros: 1 | 1000;
  /** True when only whole units count, and not the borders crossed. */
  readonly whole: boolean;
}

type Counts = Partial<Record<PartName, Count | FineUnit>>;

function yearBorders(years: number): Count {
  return (day1, _m1, day2) => Math.trunc(dateOfDays(day2).year / years) - Math.trunc(dateOfDays(day1).year / years);
}

function monthIndex(day: number, months: number): number {
  const { year, month } = dateOfDays(day);
  return Math.trunc((year * 12 + month - 1) / months);
}

function monthBorders(months: number): Count {
  return (day1, _m1, day2) => monthIndex(day2, months) - monthIndex(day1, months);
}

/** Borders of `micros`, which divides a day. */
function timeBorders(micros: number): Count {
  const perDay = DAY_MICROS / micros;
  return (day1, micros1, day2, micros2) =>
    (day2 - day1) * perDay + (Math.floor(micros2 / micros) - Math.floor(micros1 / micros));
}

const dayBorders: Count = (day1, _m1, day2) => day2 - day1;

/** Seven days each, whatever day a week begins on (DuckDB 2.0). */
const weekBorders: Count = (day1, _m1, day2) => Math.trunc((day2 - day1) / 7);

const BORDERS: Counts = {
  millennium: yearBorders(1000),
  century: yearBorders(100),
  decade: yearBorders(10),
  year: yearBorders(1),
  isoyear: (day1, _m1, day2) => isoYearOf(day2) - isoYearOf(day1),
  quarter: monthBorders(3),
  month: monthBorders(1),
  week: weekBorders,
  yearweek: weekBorders,
  day: dayBorders,
  dow: dayBorders,
  isodow: dayBorders,
  doy: dayBorders,
  julian: dayBorders,
  hour: timeBorders(3_600_000_000),
  minute: timeBorders(60_000_000),
  second: timeBorders(1_000_000),
  epoch: timeBorders(1_000_000),
  millisecond: { micros: 1000, whole: false },
  microsecond: { micros: 1, whole: false },
};

/** Writes a count of units below a second, exactly. */
function storeFine(
  out: Int32Array,
  row: number,
  unit: FineUnit,
  days: number,
  micros1: number,
  micros2: number,
): void {
  const perSecond = 1_000_000 / unit.micros;
  let units = Math.floor(micros2 / unit.micros) - Math.floor(micros1 / unit.micros);
  if (unit.whole) {
    // Cut towards zero: the days and what is left of a day get one sign first.
    const rest = micros2 - micros1;
    const borrow = days > 0 && rest < 0 ? DAY_MICROS : days < 0 && rest > 0 ? -DAY_MICROS : 0;
    units = Math.trunc((rest + borrow) / unit.micros) - borrow / unit.micros;
  }
  const seconds = Math.floor(units / perSecond);
  if (!storeSeconds(out, row, days * 86_400 + seconds, units - seconds * perSecond, perSecond)) {
    throw rangeError('the distance', 'int64');
  }
}

/** Whole units of `micros` microseconds. */
function wholeTime(micros: number): Count {
  const perDay = DAY_MICROS / micros;
  return (day1, micros1, day2, micros2) => {
    // The days and the rest are of one sign once the rest has borrowed; each is cut by itself without loss.
    let days = day2 - day1;
    let rest = micros2 - micros1;
    if (days > 0 && rest < 0) {
      days--;
      rest += DAY_MICROS;
    } else if (days < 0 && rest > 0) {
      days++;
      rest -= DAY_MICROS;
    }
    if (perDay >= 1) return days * perDay + Math.trunc(rest / micros);
    return Math.trunc(days * perDay);
  };
}

function wholeMonths(day1: number, micros1: number, day2: number, micros2: number): number {
  if (day1 > day2 || (day1 === day2 && micros1 > micros2)) return -wholeMonths(day2, micros2, day1, micros1);
  const start = dateOfDays(day1);
  const end = dateOfDays(day2);
  const last = daysInMonth(end.year, end.month);
  // On the last day of a shorter month the month is whole.
  const startDay = end.day === last && start.day > last ? last : start.day;
  const months = (end.year - start.year) * 12 + end.month - start.month;
  const short = end.day < startDay || (end.day === startDay && micros2 < micros1);
  return short ? months - 1 : months;
}

function wholeCycles(months: number): Count {
  return (day1, micros1, day2, micros2) => Math.trunc(wholeMonths(day1, micros1, day2, micros2) / months);
}

const wholeDays = wholeTime(DAY_MICROS);

const WHOLE: Counts = {
  millennium: wholeCycles(12_000),
  century: wholeCycles(1200),
  decade: wholeCycles(120),
  year: wholeCycles(12),
  isoyear: wholeCycles(12),
  quarter: wholeCycles(3),
  month: wholeCycles(1),
  week: wholeTime(DAY_MICROS * 7),
  yearweek: wholeTime(DAY_MICROS * 7),
  day: wholeDays,
  dow: wholeDays,
  isodow: wholeDays,
  doy: wholeDays,
  julian: wholeDays,
  hour: wholeTime(3_600_000_000),
  minute: wholeTime(60_000_000),
  second: wholeTime(1_000_000),
  epoch: wholeTime(1_000_000),
  millisecond: { micros: 1000, whole: true },
  microsecond: { micros: 1, whole: true },
};

/** Units that times of day are counted in. */
const OF_TIME: ReadonlySet<PartName> = new Set<PartName>([
  'hour',
  'minute',
  'second',
  'epoch',
  'millisecond',
  'microsecond',
]);

function countOf(text: string, counts: Counts, type: DataType): Count | FineUnit {
  const part = partOf(text);
  if (part === undefined) throw unknownPart(text);
  const count = counts[part];
  if (count === undefined || (type.id === 'time' && !OF_TIME.has(part))) {
    throw new EngineError(
      'value_error',
      `distances of ${familyOf(type)} values are not counted in the unit '${part}'`,
    );
  }
  return count;
}

function countKernel(counts: Counts): Kernel {
  return (args, rowCount, type) => {
    const [units, first, second] = args as [Vector, Vector, Vector];
    const rows = byteRowsOf(units);
    const validity = mergeValidity(args, rowCount);
    const [a, b] = [momentsOf(first), momentsOf(second)];
    const [microsA, microsB] = [DAY_MICROS / a.perDay, DAY_MICROS / b.perDay];
    const out = new Int32Array(rowCount * 2);
    const finite = withoutRows(validity, rowCount, (row) => hasInfinite(a, b, row));
    let text = '';
    let count: Count | FineUnit | undefined;
    for (let i = 0; i < rowCount; i++) {
      if (!isPresentRow(validity, i)) continue;
      const unit = rowText(rows, i);
      if (count === undefined || unit !== text) count = countOf(unit, counts, first.type);
      text = unit;
      if (hasInfinite(a, b, i)) continue;
      const [rest1, rest2] = [
        Math.floor((a.rests[i] as number) * microsA),
        Math.floor((b.rests[i] as number) * microsB),
      ];
      const [day1, day2] = [a.days[i] as number, b.days[i] as number];
      if (typeof count === 'function') storeNumber(out, i, count(day1, rest1, day2, rest2));
      else storeFine(out, i, count, day2 - day1, rest1, rest2);
    }
    return vectorOf(type, rowCount, finite, bytesOf(out));
  };
}

/** True where one of two moments is infinite. */
function hasInfinite(a: Moments, b: Moments, row: number): boolean {
  return Math.abs(a.days[row] as number) === Infinity || Math.abs(b.days[row] as number) === Infinity;
}

/** The type in which two moments meet, as kernels take it; undefined when there is none. */
export function meetingParameter(a: DataType, b: DataType): DataType | undefined {
  const common = commonType(flatType(a), flatType(b));
  return common === undefined ? undefined : momentParameter(common, false);
}

function resolveCount(name: string): (args: readonly DataType[]) => ResolvedCall | undefined {
  return (args) => {
    const [unit, a, b] = args;
    if (unit === undefined || a === undefined || b === undefined || args.length !== 3) return undefined;
    if (unit.id !== 'null' && familyOf(unit) !== 'text') return undefined;
    const parameter = meetingParameter(a, b);
    if (parameter === undefined) return undefined;
    const text = unit.id === 'null' ? UTF8 : flatType(unit);
    return strictCall(name, [text, parameter, parameter], INT64, parameter.id !== 'time');
  };
}

/** Writes the age of row i: the later moment's calendar fields less the earlier one's, borrowing from the right. */
function storeAge(a: Moments, b: Moments, i: number, out: ReturnType<typeof emptyIntervals>): void {
  const [dayA, dayB] = [a.days[i] as number, b.days[i] as number];
  const perSecond = a.perDay / 86_400;
  let rest = (a.rests[i] as number) - (b.rests[i] as number);
  const isBefore = dayA < dayB || (dayA === dayB && rest < 0);
  const sign = isBefore ? -1 : 1;
  const [fieldsA, fieldsB] = [dateOfDays(dayA), dateOfDays(dayB)];
  rest *= sign;
  let days = (fieldsA.day - fieldsB.day) * sign;
  let months = ((fieldsA.year - fieldsB.year) * 12 + fieldsA.month - fieldsB.month) * sign;
  if (rest < 0) {
    rest += a.perDay;
    days--;
  }
  // The month that is borrowed is the earlier moment's.
  const earlier = isBefore ? fieldsA : fieldsB;
  while (days < 0) {
    days += daysInMonth(earlier.year, earlier.month);
    months--;
  }
  const seconds = Math.floor(rest / perSecond);
  out.months[i] = months * sign;
  out.days[i] = days * sign;
  out.seconds[i] = seconds * sign;
  out.nanos[i] = (rest - seconds * perSecond) * (1_000_000_000 / perSecond) * sign;
}

const ageKernel: Kernel = (args, rowCount) => {
  const [a, b] = [momentsOf(args[0] as Vector), momentsOf(args[1] as Vector)];
  const out = emptyIntervals(rowCount);
  for (let i = 0; i < rowCount; i++) if (!hasInfinite(a, b, i)) storeAge(a, b, i, out);
  const validity = mergeValidity(args, rowCount);
  return intervalVector(
    out,
    rowCount,
    withoutRows(validity, rowCount, (row) => hasInfinite(a, b, row)),
  );
};

/** timestamp - timestamp: whole days and the rest, both towards zero. */
export const timestampDifference: Kernel = (args, rowCount) => {
  const [a, b] = [momentsOf(args[0] as Vector), momentsOf(args[1] as Vector)];
  const perSecond = a.perDay / 86_400;
  const out = emptyIntervals(rowCount);
  const validity = mergeValidity(args, rowCount);
  for (let i = 0; i < rowCount; i++) {
    if (hasInfinite(a, b, i)) {
      if (isPresentRow(validity, i)) throw new EngineError('value_error', 'infinite timestamps have no difference');
      continue;
    }
    let days = (a.days[i] as number) - (b.days[i] as number);
    let rest = (a.rests[i] as number) - (b.rests[i] as number);
    if (days > 0 && rest < 0) {
      days--;
      rest += a.perDay;
    } else if (days < 0 && rest > 0) {
      days++;
      rest -= a.perDay;
    }
    const seconds = Math.floor(rest / perSecond);
    out.days[i] = days;
    out.seconds[i] = seconds;
    out.nanos[i] = (rest - seconds * perSecond) * (1_000_000_000 / perSecond);
  }
  return intervalVector(out, rowCount, validity);
};

const EXPECTS = '(text, date, date), (text, timestamp, timestamp) or (text, time, time)';

/** The entries of this family. */
export const DATE_DIFF: readonly FunctionEntry[] = [
  {
    name: 'date_diff',
    aliases: ['datediff'],
    expects: EXPECTS,
    doc: 'How many borders of the unit lie between two moments; weeks are seven days each.',
    example: "date_diff('month', DATE '2024-01-31', DATE '2024-02-01') → 1",
    resolve: resolveCount('date_diff'),
    kernel: () => countKernel(BORDERS),
  },
  {
    name: 'date_sub',
    aliases: ['datesub'],
    expects: EXPECTS,
    doc: 'How many whole units lie between two moments.',
    example: "date_sub('month', DATE '2024-01-31', DATE '2024-02-01') → 0",
    resolve: resolveCount('date_sub'),
    kernel: () => countKernel(WHOLE),
  },
  {
    name: 'age',
    expects: '(timestamp, timestamp) or (timestamp)',
    doc: 'The first moment less the second in years, months, days and time; of one moment, from it to today.',
    example: "age(TIMESTAMP '2024-02-29', TIMESTAMP '2023-12-30') → 1 month 30 days",
    resolve: (args) => {
      const [a, b] = args;
      if (a === undefined || b === undefined || args.length !== 2) return undefined;
      const parameter = a.id === 'null' && b.id === 'null' ? MICROS : meetingParameter(a, b);
      if (parameter === undefined || parameter.id === 'time') return undefined;
      const moment = parameter.id === 'date' ? MICROS : parameter;
      return strictCall('age', [moment, moment], INTERVAL, true);
    },
    kernel: () => ageKernel,
  },
];
