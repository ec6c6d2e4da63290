/**
 * Dates, times and timestamps as text and back, in the proleptic Gregorian calendar.
 *
 * Hides forms. Invariants: days and units count from 1970-01-01; what is written reads back the same; years before 1
 * are written with ` (BC)` after the date, as DuckDB does. Zones: text with an offset or a zone's name is brought to
 * UTC for zoned timestamps, whose text ends in `+00`; for naive ones both are ignored (DuckDB).
 * Source: ISO 8601.
 */
import type { TimeUnit } from '../arrow/type.ts';
import { dateOfDays, daysInMonth, daysOfDate } from './date-calendar.ts';
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
  const scale = UNITS_PER_SECOND[unit];
  const seconds = floorDivide(value, scale);
  const days = floorDivide(seconds, BigInt(DAY_SECONDS));
  const date = dateText(Number(days));
  const clock = clockText(Number(seconds - days * BigInt(DAY_SECONDS)), value - seconds * scale, unit);
  return `${date} ${clock}${zoned ? '+00' : ''}`;
}

const DATE = /^(-?)(\d{1,7})([-/ ])(\d{1,2})\3(\d{1,2})(?!\d)(\s*\(BC\))?/u;
const CLOCK = /^(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.(\d{0,18}))?)?/;
const OFFSET = /^([+-])(\d{1,2})(?::?(\d{2}))?(?::?(\d{2}))?$/;
const ZONE_NAME = /^[A-Za-z][A-Za-z0-9_/+-]*$/;

interface DateRead {
  readonly days: number;
  readonly rest: string;
}

/** Reads the date that the text begins with. `era`: an end of the text said that it is before the year 1. */
function readDate(text: string, era: boolean): DateRead | undefined {
  const match = DATE.exec(text);
  if (match === null) return undefined;
  const written = Number(match[2]);
  const before = era || match[6] !== undefined;
  if (before && match[1] === '-') return undefined;
  const year = before ? 1 - written : match[1] === '-' ? -written : written;
  const month = Number(match[4]);
  const day = Number(match[5]);
  if (month < 1 || month > 12 || day < 1 || day > daysInMonth(year, month)) return undefined;
  return { days: daysOfDate(year, month, day), rest: text.slice(match[0].length) };
}

interface Clock {
  readonly units: bigint;
  readonly rest: string;
}

/** Reads h:m[:s[.f]]; digits finer than the unit are dropped. 24:00:00 is the day's end. */
function readClock(text: string, unit: TimeUnit): Clock | undefined {
  const match = CLOCK.exec(text);
  if (match === null) return undefined;
  const [hour, minute, second] = [Number(match[1]), Number(match[2]), Number(match[3] ?? '0')];
  if (hour > 24 || minute > 59 || second > 59) return undefined;
  const digits = UNITS_PER_SECOND[unit].toString().length - 1;
  const fraction = BigInt((match[4] ?? '').slice(0, digits).padEnd(digits, '0') || '0');
  const units = BigInt(hour * 3600 + minute * 60 + second) * UNITS_PER_SECOND[unit] + fraction;
  if (units > BigInt(DAY_SECONDS) * UNITS_PER_SECOND[unit]) return undefined;
  return { units, rest: text.slice(match[0].length) };
}

function withoutEra(text: string): { readonly body: string; readonly era: boolean } {
  const trimmed = text.trim();
  return trimmed.endsWith('(BC)') ? { body: trimmed.slice(0, -4).trim(), era: true } : { body: trimmed, era: false };
}

/** Reads `2020-2-3`, with nothing after it but a time, which is dropped. */
export function parseDate(text: string): number | undefined {
  const { body, era } = withoutEra(text);
  if (body.toLowerCase() === 'epoch') return 0;
  const date = readDate(body, era);
  if (date === undefined) return undefined;
  return date.rest === '' || parseTimestamp(text, 'second', false) !== undefined ? date.days : undefined;
}

/** Reads `1:02:03.5` in the unit. */
export function parseTime(text: string, unit: TimeUnit): bigint | undefined {
  const clock = readClock(text.trim(), unit);
  return clock === undefined || clock.rest !== '' ? undefined : clock.units;
}

/** Reads a date with an optional time and offset or zone, in the unit. The value may pass int64: the caller checks. */
export function parseTimestamp(text: string, unit: TimeUnit, zoned: boolean): bigint | undefined {
  const { body, era } = withoutEra(text);
  if (body.toLowerCase() === 'epoch') return 0n;
  const date = readDate(body, era);
  if (date === undefined) return undefined;
  const midnight = BigInt(date.days) * BigInt(DAY_SECONDS) * UNITS_PER_SECOND[unit];
  if (date.rest === '') return midnight;
  if (!/^[ Tt]/.test(date.rest)) return undefined;
  const clock = readClock(date.rest.slice(1).trimStart(), unit);
  if (clock === undefined) return undefined;
  const local = midnight + clock.units;
  const tail = clock.rest.trim();
  if (tail === '') return local;
  const offset = readOffset(tail, Number(floorDivide(local, UNITS_PER_SECOND[unit])));
  if (offset === undefined) return undefined;
  return zoned ? local - BigInt(offset) * UNITS_PER_SECOND[unit] : local;
}

/** Seconds east of UTC of `+02`, `Z` or a zone's name, at a local time; undefined for what is neither. */
function readOffset(tail: string, localSeconds: number): number | undefined {
  if (/^(?:z|utc)$/iu.test(tail)) return 0;
  const match = OFFSET.exec(tail);
  if (match === null) {
    return ZONE_NAME.test(tail) && isZone(tail) ? zoneOf(tail).localOffset(localSeconds) : undefined;
  }
  const [hours, minutes, seconds] = [Number(match[2]), Number(match[3] ?? '0'), Number(match[4] ?? '0')];
  if (hours > 15 || minutes > 59 || seconds > 59) return undefined;
  const offset = (hours * 60 + minutes) * 60 + seconds;
  return match[1] === '-' ? -offset : offset;
}
