/**
 * Dates, times and timestamps as text and back, in the proleptic Gregorian calendar.
 *
 * Hides forms. Invariants: days and units count from 1970-01-01; what is written reads back the same; years before 1
 * are written with ` (BC)` after the date, as DuckDB does. Zones: text with an offset or a zone's name is brought to
 * UTC for zoned timestamps, whose text ends in `+00`; for naive ones both are ignored (DuckDB). The numbers of infinity
 * and -infinity are written so, and no other text is read as one of them.
 * Source: ISO 8601.
 */
import type { TimeUnit } from '../arrow/type.ts';
import { dateOfDays, daysInMonth, daysOfDate } from './date-calendar.ts';
import { COUNT_INFINITE, DAY_INFINITE } from './time-words.ts';
import { isZone, zoneOf } from './zone.ts';

const DAY_SECONDS = 86_400;

/** Units in one second. */
export const UNITS_PER_SECOND: Readonly<Record<TimeUnit, bigint>> = {
  second: 1n,
  millisecond: 1_000n,
  microsecond: 1_000_000n,
  nanosecond: 1_000_000_000n,
};

function two(value: number): string {
  return value.toString().padStart(2, '0');
}

/** `2020-02-03`; years before 1 as `0044-03-15 (BC)`. */
export function dateText(days: number): string {
  if (Math.abs(days) === DAY_INFINITE) return days < 0 ? '-infinity' : 'infinity';
  const { year, month, day } = dateOfDays(days);
  const shown = year > 0 ? year : 1 - year;
  return `${shown.toString().padStart(4, '0')}-${two(month)}-${two(day)}${year > 0 ? '' : ' (BC)'}`;
}

function clockText(seconds: number, fraction: bigint, unit: TimeUnit): string {
  const clock = `${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
  if (fraction === 0n) return clock;
  const digits = UNITS_PER_SECOND[unit].toString().length - 1;
  return `${clock}.${fraction.toString().padStart(digits, '0').replace(/0+$/, '')}`;
}

function floorDivide(value: bigint, divisor: bigint): bigint {
  const quotient = value / divisor;
  return value % divisor < 0n ? quotient - 1n : quotient;
}

/** `01:02:03.5`. */
export function timeText(value: bigint, unit: TimeUnit): string {
  const scale = UNITS_PER_SECOND[unit];
  return clockText(Number(value / scale), value % scale, unit);
}

/** `2020-02-03 04:05:06.789`, with `+00` when zoned. */
export function timestampText(value: bigint, unit: TimeUnit, zoned: boolean): string {
  if (value === COUNT_INFINITE) return 'infinity';
  if (value === -COUNT_INFINITE) return '-infinity';
  const scale = UNITS_PER_SECOND[unit];
  const seconds = floorDivide(value, scale);
  const days = floorDivide(seconds, BigInt(DAY_SECONDS));
  const date = dateText(Number(days));
  const clock = clockText(Number(seconds - days * BigInt(DAY_SECONDS)), value - seconds * scale, unit);
  return `${date} ${clock}${zoned ? '+00' : ''}`;
}

/** Midnight of the first day that microseconds can tell all of: 290309-12-22 (BC). */
const MICROS_MIN = -9_223_372_022_400_000_000n;

const DATE = /^(-?)(\d{1,7})([-/ \\])(\d{1,2})\3(\d{1,2})(?!\d)( \(BC\))?/iu;
const CLOCK = /^(\d+):(?:(\d{1,2})(?::(?:(\d{1,2})(?:\.(\d*))?)?)?)?/;
const OFFSET = /^([+-])(\d{1,2})(?::?(\d{2}))?(?::?(\d{2}))?$/;
const ZONE_NAME = /^[A-Za-z][A-Za-z0-9_/+-]*$/;

interface DateRead {
  readonly days: number;
  readonly rest: string;
}

/** Reads the date that the text begins with. */
function readDate(text: string): DateRead | undefined {
  const match = DATE.exec(text);
  if (match === null) return undefined;
  const written = Number(match[2]);
  const before = match[6] !== undefined;
  if (before && (match[1] === '-' || written === 0)) return undefined;
  const year = before ? 1 - written : match[1] === '-' ? -written : written;
  const month = Number(match[4]);
  const day = Number(match[5]);
  if (month < 1 || month > 12 || day < 1 || day > daysInMonth(year, month)) return undefined;
  return { days: daysOfDate(year, month, day), rest: text.slice(match[0].length) };
}

/** 1 or -1 for text that says infinity or -infinity, 0 for any other. */
function infinityOf(text: string): -1 | 0 | 1 {
  const match = /^(-?)inf(?:inity)?$/iu.exec(text);
  return match === null ? 0 : match[1] === '-' ? -1 : 1;
}

interface Clock {
  readonly units: bigint;
  /** Whether seconds were written, or a colon at least. */
  readonly hasSeconds: boolean;
  readonly rest: string;
}

/** Reads h:[m[:[s[.f]]]]; digits finer than the unit are dropped. 24:00:00 is the day's end. */
function readClock(text: string, unit: TimeUnit): Clock | undefined {
  const match = CLOCK.exec(text);
  if (match === null) return undefined;
  const [hour, minute, second] = [Number(match[1]), Number(match[2] ?? '0'), Number(match[3] ?? '0')];
  if (hour > 24 || minute > 59 || second > 59) return undefined;
  const digits = UNITS_PER_SECOND[unit].toString().length - 1;
  const fraction = BigInt((match[4] ?? '').slice(0, digits).padEnd(digits, '0') || '0');
  const units = BigInt(hour * 3600 + minute * 60 + second) * UNITS_PER_SECOND[unit] + fraction;
  if (units > BigInt(DAY_SECONDS) * UNITS_PER_SECOND[unit]) return undefined;
  return { units, hasSeconds: match[3] !== undefined, rest: text.slice(match[0].length) };
}

/** Reads `2020-2-3`, with nothing after it but a time, which is dropped. */
export function parseDate(text: string): number | undefined {
  const body = text.trim();
  if (body.toLowerCase() === 'epoch') return 0;
  const sign = infinityOf(body);
  if (sign !== 0) return sign * DAY_INFINITE;
  const date = readDate(body);
  if (date === undefined || Math.abs(date.days) >= DAY_INFINITE) return undefined;
  return date.rest === '' || readTimestamp(body, 'second', false) !== undefined ? date.days : undefined;
}

/** Reads `1:02:03.5` in the unit, with anything after the seconds (DuckDB), or the time of day of a timestamp. */
export function parseTime(text: string, unit: TimeUnit): bigint | undefined {
  const body = text.trim();
  const clock = readClock(body, unit);
  if (clock !== undefined) return clock.rest === '' || clock.hasSeconds ? clock.units : undefined;
  const moment = readTimestamp(body, unit, false);
  const perDay = BigInt(DAY_SECONDS) * UNITS_PER_SECOND[unit];
  return moment === undefined ? undefined : moment - floorDivide(moment, perDay) * perDay;
}

/** Reads a date with an optional time and offset or zone, in the unit. Undefined also for what int64 cannot hold. */
export function parseTimestamp(text: string, unit: TimeUnit, zoned: boolean): bigint | undefined {
  const body = text.trim();
  if (body.toLowerCase() === 'epoch') return 0n;
  const sign = infinityOf(body);
  if (sign !== 0) return BigInt(sign) * COUNT_INFINITE;
  const value = unit === 'nanosecond' ? readTimestamp(body, unit, zoned) : roundedTimestamp(body, unit, zoned);
  if (value === undefined || value >= COUNT_INFINITE || value < -COUNT_INFINITE - 1n) return undefined;
  return value === -COUNT_INFINITE || (unit === 'microsecond' && value < MICROS_MIN) ? undefined : value;
}

/** Units coarser than microseconds round to the nearest, halves away from zero. */
function roundedTimestamp(body: string, unit: TimeUnit, zoned: boolean): bigint | undefined {
  const micros = readTimestamp(body, 'microsecond', zoned);
  if (micros === undefined || unit === 'microsecond') return micros;
  const divisor = UNITS_PER_SECOND.microsecond / UNITS_PER_SECOND[unit];
  return (micros < 0n ? micros - divisor / 2n : micros + divisor / 2n) / divisor;
}

function readTimestamp(body: string, unit: TimeUnit, zoned: boolean): bigint | undefined {
  const date = readDate(body);
  if (date === undefined) return undefined;
  const midnight = BigInt(date.days) * BigInt(DAY_SECONDS) * UNITS_PER_SECOND[unit];
  if (date.rest === '') return midnight;
  if (!/^[ Tt]/.test(date.rest)) return undefined;
  const clock = readClock(date.rest.slice(1).trimStart(), unit);
  if (clock === undefined) return undefined;
  const local = midnight + clock.units;
  const tail = clock.rest.trim();
  if (tail === '') return local;
  if (!zoned) return OFFSET.test(tail) || ZONE_NAME.test(tail) ? local : undefined;
  const offset = readOffset(tail, Number(floorDivide(local, UNITS_PER_SECOND[unit])));
  return offset === undefined ? undefined : local - BigInt(offset) * UNITS_PER_SECOND[unit];
}

/** Seconds east of UTC of `+02`, `Z` or a zone's name, at a local time; undefined for what is neither. */
function readOffset(tail: string, localSeconds: number): number | undefined {
  if (/^(?:z|utc)$/iu.test(tail)) return 0;
  const match = OFFSET.exec(tail);
  if (match === null) {
    return ZONE_NAME.test(tail) && isZone(tail) ? zoneOf(tail).localOffset(localSeconds) : undefined;
  }
  const [hours, minutes, seconds] = [Number(match[2]), Number(match[3] ?? '0'), Number(match[4] ?? '0')];
  if (minutes > 59 || seconds > 59) return undefined;
  const offset = (hours * 60 + minutes) * 60 + seconds;
  return match[1] === '-' ? -offset : offset;
}
