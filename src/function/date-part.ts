/**
 * Parts of dates, times, timestamps and intervals: year, isodow, epoch and their kin.
 *
 * Hides the spellings of parts and which part a type has. Invariants: one row of PARTS says all of a part; parts of
 * nanosecond timestamps are cut, never rounded; zoned timestamps are taken apart in UTC, the session's zone.
 * Source: DuckDB, "Date Part Functions".
 */
import type { Vector } from '../arrow/vector.ts';
import { intervalsOf } from './interval.ts';
import { momentsOf } from './time-words.ts';
import { dateOfDays, daysOfDate } from './date-calendar.ts';

/** Seconds of a day and microseconds within the second. */
type MomentPart = (day: number, micros: number) => number;
/** Months, days and microseconds of an interval. */
type IntervalPart = (months: number, days: number, micros: number) => number;

export interface Part {
  readonly moment: MomentPart;
  /** True when a time of day has the part, by `moment` with day 0. */
  readonly ofTime?: boolean;
  readonly interval?: IntervalPart;
  /** True when the part is a double and not an int64. */
  readonly isDouble?: boolean;
  /** Other spellings that date_part and its kin read. */
  readonly spellings: string;
  /** Of the function by this name; undefined where there is none. */
  readonly names?: readonly string[];
  readonly doc: string;
  readonly example: string;
}

const DAY_MICROS = 86_400_000_000;

/** Days since Monday: 0 to 6. */
export function weekdayOf(day: number): number {
  return (((day + 3) % 7) + 7) % 7;
}

/** The ISO year that the day's week belongs to. */
export function isoYearOf(day: number): number {
  return dateOfDays(day - weekdayOf(day) + 3).year;
}

/** The ISO week's number, 1 to 53. */
export function isoWeekOf(day: number): number {
  const thursday = day - weekdayOf(day) + 3;
  return Math.floor((thursday - daysOfDate(dateOfDays(thursday).year, 1, 1)) / 7) + 1;
}

/** The day's number within its year, from 1. */
export function yearDayOf(day: number): number {
  return day - daysOfDate(dateOfDays(day).year, 1, 1) + 1;
}

function eraPart(years: number): MomentPart {
  return (day) => {
    const { year } = dateOfDays(day);
    return year > 0 ? Math.floor((year - 1) / years) + 1 : Math.trunc(year / years) - 1;
  };
}

const ZERO: MomentPart = () => 0;

/** All parts, by the name that stands for them here. */
export const PARTS = {
  era: {
    moment: (day) => (dateOfDays(day).year > 0 ? 1 : 0),
    spellings: '',
    names: ['era'],
    doc: 'The era: 1 from the year 1 on, 0 before.',
    example: "era(DATE '0044-03-15 (BC)') → 0",
  },
  millennium: {
    moment: eraPart(1000),
    interval: (months) => Math.trunc(months / 12_000),
    spellings: 'mil millenniums millenium mils millennia',
    names: ['millennium'],
    doc: 'The millennium; the third began in 2001.',
    example: "millennium(DATE '2024-02-29') → 3",
  },
  century: {
    moment: eraPart(100),
    interval: (months) => Math.trunc(months / 1200),
    spellings: 'cent centuries c',
    names: ['century'],
    doc: 'The century; the 21st began in 2001.',
    example: "century(DATE '2024-02-29') → 21",
  },
  decade: {
    moment: (day) => Math.trunc(dateOfDays(day).year / 10),
    interval: (months) => Math.trunc(months / 120),
    spellings: 'dec decades decs',
    names: ['decade'],
    doc: 'The year divided by ten.',
    example: "decade(DATE '2024-02-29') → 202",
  },
  year: {
    moment: (day) => dateOfDays(day).year,
    interval: (months) => Math.trunc(months / 12),
    spellings: 'yr y years yrs',
    names: ['year'],
    doc: 'The year.',
    example: "year(DATE '2024-02-29') → 2024",
  },
  quarter: {
    moment: (day) => Math.floor((dateOfDays(day).month - 1) / 3) + 1,
    interval: (months) => Math.trunc((months % 12) / 3) + 1,
    spellings: 'quarters',
    names: ['quarter'],
    doc: 'The quarter of the year, 1 to 4.',
    example: "quarter(DATE '2024-02-29') → 1",
  },
  month: {
    moment: (day) => dateOfDays(day).month,
    interval: (months) => months % 12,
    spellings: 'mon months mons',
    names: ['month'],
    doc: 'The month, 1 to 12.',
    example: "month(DATE '2024-02-29') → 2",
  },
  day: {
    moment: (day) => dateOfDays(day).day,
    interval: (_months, days) => days,
    spellings: 'days d dayofmonth',
    names: ['day', 'dayofmonth'],
    doc: 'The day of the month.',
    example: "day(DATE '2024-02-29') → 29",
  },
  dow: {
    moment: (day) => (weekdayOf(day) + 1) % 7,
    spellings: 'dayofweek weekday',
    names: ['dayofweek', 'weekday'],
    doc: 'The day of the week, from Sunday, which is 0.',
    example: "dayofweek(DATE '2024-02-29') → 4",
  },
  isodow: {
    moment: (day) => weekdayOf(day) + 1,
    spellings: '',
    names: ['isodow'],
    doc: 'The day of the week, from Monday, which is 1, to Sunday, 7.',
    example: "isodow(DATE '2024-02-29') → 4",
  },
  doy: {
    moment: yearDayOf,
    spellings: 'dayofyear',
    names: ['dayofyear'],
    doc: 'The day of the year, from 1.',
    example: "dayofyear(DATE '2024-02-29') → 60",
  },
  week: {
    moment: isoWeekOf,
    spellings: 'weeks w weekofyear',
    names: ['week', 'weekofyear'],
    doc: 'The ISO week of the year, 1 to 53.',
    example: "week(DATE '2024-02-29') → 9",
  },
  isoyear: {
    moment: isoYearOf,
    spellings: '',
    names: ['isoyear'],
    doc: 'The ISO year, to which the ISO week belongs.',
    example: "isoyear(DATE '2024-12-30') → 2025",
  },
  yearweek: {
    moment: (day) => {
      const year = isoYearOf(day);
      return year * 100 + (year > 0 ? isoWeekOf(day) : -isoWeekOf(day));
    },
    spellings: '',
    names: ['yearweek'],
    doc: 'The ISO year and week in one number: year × 100 + week.',
    example: "yearweek(DATE '2024-02-29') → 202409",
  },
  hour: {
    moment: (_day, micros) => Math.floor(micros / 3_600_000_000),
    interval: (_months, _days, micros) => Math.trunc(micros / 3_600_000_000),
    ofTime: true,
    spellings: 'hr hours hrs h',
    names: ['hour'],
    doc: 'The hour, 0 to 23; of an interval, all hours of its time.',
    example: "hour(TIME '13:45:00') → 13",
  },
  minute: {
    moment: (_day, micros) => Math.floor(micros / 60_000_000) % 60,
    interval: (_months, _days, micros) => Math.trunc(micros / 60_000_000) % 60,
    ofTime: true,
    spellings: 'min minutes mins m',
    names: ['minute'],
    doc: 'The minute, 0 to 59.',
    example: "minute(TIME '13:45:00') → 45",
  },
  second: {
    moment: (_day, micros) => Math.floor(micros / 1_000_000) % 60,
    interval: (_months, _days, micros) => Math.trunc(micros / 1_000_000) % 60,
    ofTime: true,
    spellings: 'sec seconds secs s',
    names: ['second'],
    doc: 'The second, 0 to 59, without its fraction.',
    example: "second(TIME '13:45:07.9') → 7",
  },
  millisecond: {
    moment: (_day, micros) => Math.floor((micros % 60_000_000) / 1000),
    interval: (_months, _days, micros) => Math.trunc((micros % 60_000_000) / 1000),
    ofTime: true,
    spellings: 'milliseconds ms msec msecs msecond mseconds',
    names: ['millisecond'],
    doc: 'The milliseconds of the minute: the seconds are among them.',
    example: "millisecond(TIME '13:45:07.9') → 7900",
  },
  microsecond: {
    moment: (_day, micros) => micros % 60_000_000,
    interval: (_months, _days, micros) => micros % 60_000_000,
    ofTime: true,
    spellings: 'microseconds us usec usecs usecond useconds',
    names: ['microsecond'],
    doc: 'The microseconds of the minute: the seconds are among them.',
    example: "microsecond(TIME '13:45:07.9') → 7900000",
  },
  epoch: {
    moment: (day, micros) => (day * DAY_MICROS + micros) / 1_000_000,
    interval: (months, days, micros) =>
      (Math.trunc(months / 12) * 365.25 + (months % 12) * 30 + days) * 86_400 + micros / 1_000_000,
    ofTime: true,
    isDouble: true,
    spellings: '',
    names: ['epoch'],
    doc: 'The seconds since 1970 UTC, since midnight, or of an interval, with their fraction.',
    example: "epoch(TIMESTAMP '1970-01-02 00:00:00.5') → 86400.5",
  },
  julian: {
    moment: (day, micros) => day + 2_440_588 + micros / DAY_MICROS,
    isDouble: true,
    spellings: 'jd',
    names: ['julian'],
    doc: 'The Julian day, which begins at midnight here.',
    example: "julian(DATE '2024-02-29') → 2460370.0",
  },
  timezone: {
    moment: ZERO,
    ofTime: true,
    spellings: '',
    doc: "The offset of the session's zone, UTC, in seconds.",
    example: "timezone(TIMESTAMPTZ '2024-02-29 00:00:00+00') → 0",
  },
  timezone_hour: {
    moment: ZERO,
    ofTime: true,
    spellings: '',
    names: ['timezone_hour'],
    doc: "The hours of the offset of the session's zone, UTC.",
    example: "timezone_hour(TIMESTAMPTZ '2024-02-29 00:00:00+00') → 0",
  },
  timezone_minute: {
    moment: ZERO,
    ofTime: true,
    spellings: '',
    names: ['timezone_minute'],
    doc: "The minutes of the offset of the session's zone, UTC.",
    example: "timezone_minute(TIMESTAMPTZ '2024-02-29 00:00:00+00') → 0",
  },
} as const satisfies Readonly<Record<string, Part>>;

export type PartName = keyof typeof PARTS;

const SPELLINGS: ReadonlyMap<string, PartName> = new Map(
  (Object.keys(PARTS) as PartName[]).flatMap((name) =>
    [name, ...PARTS[name].spellings.split(' ')].filter((word) => word !== '').map((word) => [word, name] as const),
  ),
);

/** The part that a specifier names, in whatever case; undefined when none does. */
export function partOf(specifier: string): PartName | undefined {
  return SPELLINGS.get(specifier.toLowerCase());
}

/**
 * One part of every row; `undefined` when the column's type lacks it. NaN for infinite dates and timestamps, which have
 * none. Null rows hold anything.
 */
export function partNumbers(part: Part, vector: Vector): Float64Array | undefined {
  const { length: rowCount } = vector;
  const out = new Float64Array(rowCount);
  if (vector.type.id === 'interval') {
    if (part.interval === undefined) return undefined;
    const { months, days, seconds, nanos } = intervalsOf(vector);
    for (let i = 0; i < rowCount; i++) {
      // Cut towards zero: the seconds of an interval are rounded down.
      const micros = (seconds[i] as number) * 1_000_000 + (nanos[i] as number) / 1000;
      out[i] = part.interval(months[i] as number, days[i] as number, Math.trunc(micros));
    }
    return out;
  }
  if (vector.type.id === 'time' && part.ofTime !== true) return undefined;
  const { days, rests, perDay } = momentsOf(vector);
  const scale = DAY_MICROS / perDay;
  const { moment } = part;
  for (let i = 0; i < rowCount; i++) {
    const day = days[i] as number;
    out[i] = Math.abs(day) === Infinity ? NaN : moment(day, Math.floor((rests[i] as number) * scale));
  }
  return out;
}
