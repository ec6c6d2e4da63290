/**
 * time_bucket: moments gathered into intervals of one width.
 *
 * Hides origins. Invariants: buckets of days and less count from Monday 2000-01-03, buckets of months from 2000-01-01,
 * unless an origin or an offset says otherwise (times of day are on 1970-01-01); with a zone, days and months are those
 * of its calendar. Infinite moments stay so; from an infinite origin no bucket is counted: NULL.
 * Source: DuckDB and TimescaleDB, time_bucket.
 */
import { EngineError } from '../base/errors.ts';
import type { DataType } from '../arrow/type.ts';
import type { Vector } from '../arrow/vector.ts';
import { isZoned, shifted } from './arithmetic-date.ts';
import { byteRowsOf, rowText } from './byte-rows.ts';
import type { Kernel, ResolvedCall } from './contract.ts';
import { meetingParameter } from './date-diff.ts';
import type { FunctionEntry } from './entry.ts';
import { INTERVAL, intervalsOf } from './interval.ts';
import type { Intervals } from './interval.ts';
import { familyOf, flatType, strictCall } from './signature.ts';
import { momentParameter } from './time-signature.ts';
import { dateOfDays, daysOfDate } from './date-calendar.ts';
import { DAY_INFINITE, isPresentRow, momentsOf, momentVector, rangeError } from './time-words.ts';
import type { Moments } from './time-words.ts';
import { mergeValidity, withoutRows } from './validity.ts';
import { zoneOf } from './zone.ts';

/** From what buckets of days and less count: 2000-01-03, a Monday. */
export const DAY_ORIGIN = 10_959;
/** From what buckets of months count, in months since the year 0: 2000-01-01. */
export const MONTH_ORIGIN = 24_000;
/** The most days from 1970 of a timestamp in microseconds. */
const TIMESTAMP_DAYS = 106_751_991;

/** A row's width: months, or days and units of the column. */
interface Width {
  readonly months: number;
  readonly days: number;
  readonly units: number;
}

function widthOf(intervals: Intervals, i: number, perDay: number): Width {
  const months = intervals.months[i] as number;
  const days = intervals.days[i] as number;
  const perSecond = perDay / 86_400;
  const seconds = intervals.seconds[i] as number;
  const units = Math.floor((intervals.nanos[i] as number) * (perSecond / 1_000_000_000));
  const timed = seconds !== 0 || units !== 0;
  if (months !== 0 && (days !== 0 || timed)) {
    throw new EngineError('value_error', 'a bucket of months can have neither days nor a time; give one of them');
  }
  const wholeDays = Math.floor(seconds / 86_400);
  const width = {
    months,
    days: days + wholeDays,
    units: (seconds - wholeDays * 86_400) * perSecond + units,
  };
  if (months > 0 || width.days > 0 || (width.days === 0 && width.units > 0)) return width;
  throw new EngineError('value_error', 'the width of a bucket must be greater than zero');
}

/** The start of the bucket of months that the day lies in. `origin`: months since year 0. */
function monthBucket(day: number, months: number, origin: number): number {
  const { year, month } = dateOfDays(day);
  const index = origin + Math.floor((year * 12 + month - 1 - origin) / months) * months;
  return daysOfDate(Math.floor(index / 12), index - Math.floor(index / 12) * 12 + 1, 1);
}

/**
 * The start of the bucket that (day, rest) lies in: [day, rest]. BigInt where a width of days and time is beyond 2^53
 * units from the origin.
 */
function spanBucket(
  day: number,
  rest: number,
  width: Width,
  originDay: number,
  originRest: number,
  perDay: number,
): [number, number] {
  let days = day - originDay;
  let units = rest - originRest;
  if (units < 0) {
    units += perDay;
    days--;
  }
  if (width.units === 0) {
    const whole = Math.floor(days / width.days) * width.days;
    return [originDay + whole, originRest];
  }
  if (width.days === 0 && perDay % width.units === 0) {
    return [originDay + days, originRest + Math.floor(units / width.units) * width.units];
  }
  const step = BigInt(width.days) * BigInt(perDay) + BigInt(width.units);
  const total = BigInt(days) * BigInt(perDay) + BigInt(units);
  const excess = ((total % step) + step) % step;
  const start = total - excess;
  const startDays = Number(start / BigInt(perDay));
  return [originDay + startDays, originRest + Number(start % BigInt(perDay))];
}

/** The bucket's start of each row. `origins`: undefined for the usual one. */
function buckets(
  moments: Moments,
  widths: Intervals,
  origins: Moments | undefined,
  present: (row: number) => boolean,
): Moments {
  const { days, rests } = moments;
  const rowCount = days.length;
  // A date is at midnight, in units that a width of time can be told in.
  const perDay = moments.perDay === 86_400 ? 86_400_000_000 : moments.perDay;
  const outDays = new Float64Array(rowCount);
  const outRests = new Float64Array(rowCount);
  for (let i = 0; i < rowCount; i++) {
    if (!present(i)) continue;
    const width = widthOf(widths, i, perDay);
    const originDay = origins?.days[i];
    if (Math.abs(days[i] as number) === Infinity || Math.abs(originDay ?? 0) === Infinity) {
      outDays[i] = days[i] as number;
      continue;
    }
    if (width.months > 0) {
      const fields = originDay === undefined ? undefined : dateOfDays(originDay);
      const origin = fields === undefined ? MONTH_ORIGIN : fields.year * 12 + fields.month - 1;
      outDays[i] = monthBucket(days[i] as number, width.months, origin);
      continue;
    }
    // Days and times are counted in microseconds, which do not reach all dates (DuckDB).
    if (Math.abs(days[i] as number) > TIMESTAMP_DAYS) throw rangeError('a date in a bucket of days', 'timestamps');
    const originRest = origins === undefined ? 0 : (origins.rests[i] as number);
    const [day, rest] = spanBucket(
      days[i] as number,
      rests[i] as number,
      width,
      originDay ?? DAY_ORIGIN,
      originRest,
      perDay,
    );
    outDays[i] = day;
    outRests[i] = rest;
  }
  return { days: outDays, rests: outRests, perDay };
}

const bucketKernel: Kernel = (args, rowCount, type) => {
  const [widths, values, third] = args as [Vector, Vector, Vector | undefined];
  const validity = mergeValidity(args, rowCount);
  const present = (row: number): boolean => isPresentRow(validity, row);
  const moments = momentsOf(values);
  const steps = intervalsOf(widths);
  if (third === undefined)
    return momentVector(type, wrapped(type, buckets(moments, steps, undefined, present)), rowCount, validity);
  if (third.type.id !== 'interval') {
    const origins = momentsOf(third);
    const counted = withoutRows(validity, rowCount, (row) => Math.abs(origins.days[row] as number) === Infinity);
    return momentVector(type, wrapped(type, buckets(moments, steps, origins, present)), rowCount, counted);
  }
  const offsets = intervalsOf(third);
  const moved = shifted(moments, offsets, -1, isZoned(type));
  for (let i = 0; i < rowCount; i++) {
    const day = Math.abs(moved.days[i] as number);
    if (day >= DAY_INFINITE && day !== Infinity && present(i)) throw rangeError('a moment less its offset', 'dates');
  }
  const cut = buckets(moved, steps, undefined, present);
  return momentVector(type, wrapped(type, shifted(cut, offsets, 1, isZoned(type))), rowCount, validity);
};

/** Times of day stay within the day. */
function wrapped(type: DataType, moments: Moments): Moments {
  if (type.id !== 'time') return moments;
  const { rests, perDay } = moments;
  return { ...moments, rests: rests.map((rest) => rest - Math.floor(rest / perDay) * perDay) };
}

/** Buckets of a zone's own days and months. */
const zonedKernel: Kernel = (args, rowCount, type) => {
  const [widths, values, zones] = args as [Vector, Vector, Vector];
  const validity = mergeValidity(args, rowCount);
  const moments = momentsOf(values);
  const steps = intervalsOf(widths);
  const names = byteRowsOf(zones);
  const out = { days: new Float64Array(rowCount), rests: new Float64Array(rowCount), perDay: moments.perDay };
  const perSecond = moments.perDay / 86_400;
  const one = (day: number, rest: number, i: number, origin: Moments | undefined): Moments => {
    const slice = (values: Float64Array): Float64Array => values.subarray(i, i + 1);
    const width = {
      months: slice(steps.months),
      days: slice(steps.days),
      seconds: slice(steps.seconds),
      nanos: slice(steps.nanos),
    };
    const moment = { days: Float64Array.of(day), rests: Float64Array.of(rest), perDay: moments.perDay };
    return buckets(moment, width, origin, () => true);
  };
  for (let i = 0; i < rowCount; i++) {
    if (!isPresentRow(validity, i)) continue;
    const zone = zoneOf(rowText(names, i));
    const [day, rest] = [moments.days[i] as number, moments.rests[i] as number];
    if (Math.abs(day) === Infinity) {
      out.days[i] = day;
      continue;
    }
    const isLocal = steps.months[i] !== 0 || steps.days[i] !== 0;
    if (!isLocal) {
      const origin = DAY_ORIGIN * 86_400 - zone.localOffset(DAY_ORIGIN * 86_400);
      const originDay = Math.floor(origin / 86_400);
      const at = Float64Array.of((origin - originDay * 86_400) * perSecond);
      const cut = one(day, rest, i, { days: Float64Array.of(originDay), rests: at, perDay: moments.perDay });
      out.days[i] = cut.days[0] as number;
      out.rests[i] = cut.rests[0] as number;
      continue;
    }
    const offset = zone.offset(day * 86_400 + Math.floor(rest / perSecond));
    const local = rest + offset * perSecond;
    const carried = Math.floor(local / moments.perDay);
    const cut = one(day + carried, local - carried * moments.perDay, i, undefined);
    const seconds = (cut.days[0] as number) * 86_400 + Math.floor((cut.rests[0] as number) / perSecond);
    out.days[i] = cut.days[0] as number;
    out.rests[i] = (cut.rests[0] as number) - zone.localOffset(seconds) * perSecond;
  }
  return momentVector(type, out, rowCount, validity);
};

function resolve(args: readonly DataType[]): ResolvedCall | undefined {
  const [width, value, third] = args;
  if (width === undefined || value === undefined || args.length > 3) return undefined;
  if (width.id !== 'null' && momentParameter(width, true)?.id !== 'interval') return undefined;
  const parameter = momentParameter(value, false);
  if (parameter === undefined) return undefined;
  if (third === undefined) return strictCall('time_bucket', [INTERVAL, parameter], parameter);
  if (momentParameter(third, true)?.id === 'interval') {
    return strictCall('time_bucket', [INTERVAL, parameter, INTERVAL], parameter);
  }
  if (familyOf(third) === 'text' && parameter.id === 'timestamp' && parameter.timezone !== undefined) {
    return strictCall('time_bucket', [INTERVAL, parameter, flatType(third)], parameter);
  }
  const met = meetingParameter(value, third);
  return met === undefined ? undefined : strictCall('time_bucket', [INTERVAL, met, met], met, true);
}

/** The entries of this family. */
export const TIME_BUCKET: readonly FunctionEntry[] = [
  {
    name: 'time_bucket',
    expects:
      '(interval, date), (interval, timestamp) or (interval, time), each with an origin of the same type or an ' +
      'offset (interval) after them, or (interval, timestamp with time zone, text), the text being a time zone',
    doc: 'The start of the bucket of the given width that a moment lies in.',
    example: "time_bucket(INTERVAL '15 minutes', TIMESTAMP '2024-02-29 13:50:00') → 2024-02-29 13:45:00",
    resolve,
    kernel: ([, , third]) => (third !== undefined && familyOf(third) === 'text' ? zonedKernel : bucketKernel),
  },
];
