/**
 * Dates, times and timestamps as text and back, in the proleptic Gregorian calendar.
 *
 * Hides calendar arithmetic. Invariants: days and units count from 1970-01-01; what is written reads back the same;
 * years before 1 are written with ` (BC)`, as DuckDB does. Zones: text with an offset is brought to UTC for zoned
 * timestamps, whose text ends in `+00`; for naive ones the offset is ignored (DuckDB).
 * Source: ISO 8601; the day-number method is the standard one of 400-year eras.
 */
import type { TimeUnit } from '../arrow/type.ts';

const DAY_SECONDS = 86_400;
const ERA_DAYS = 146_097;

/** Units in one second. */
export const UNITS_PER_SECOND: Readonly<Record<TimeUnit, bigint>> = {
  second: 1n,
  millisecond: 1_000n,
  microsecond: 1_000_000n,
  nanosecond: 1_000_000_000n,
};

/** Days since 1970-01-01 of a date of the calendar; month 1-12. */
export function daysOfDate(year: number, month: number, day: number): number {
  const shifted = month <= 2 ? year - 1 : year;
  const era = Math.floor(shifted / 400);
  const yearOfEra = shifted - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * ERA_DAYS + dayOfEra - 719_468;
}

/** The date of a day number. */
export function dateOfDays(days: number): { readonly year: number; readonly month: number; readonly day: number } {
  const shifted = days + 719_468;
  const era = Math.floor(shifted / ERA_DAYS);
  const dayOfEra = shifted - era * ERA_DAYS;
  const century = Math.floor(dayOfEra / 1460) - Math.floor(dayOfEra / 36_524) + Math.floor(dayOfEra / 146_096);
  const yearOfEra = Math.floor((dayOfEra - century) / 365);
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const shiftedMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9;
  const day = dayOfYear - Math.floor((153 * shiftedMonth + 2) / 5) + 1;
  return { year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day };
}

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
  const era = date.endsWith(' (BC)') ? ' (BC)' : '';
  return `${date.slice(0, date.length - era.length)} ${clock}${zoned ? '+00' : ''}${era}`;
}

const DATE = /^(\d{1,6})-(\d{1,2})-(\d{1,2})/;
const CLOCK = /^(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.(\d{1,18}))?)?/;
const ZONE = /^(?:Z|z|UTC|([+-])(\d{1,2})(?::?(\d{2}))?)/;
const MONTH_DAYS: readonly number[] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

function daysInMonth(year: number, month: number): number {
  const leap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  return month === 2 && leap ? 29 : (MONTH_DAYS[month - 1] ?? 0);
}

function readDate(text: string, era: boolean): { readonly days: number; readonly rest: string } | undefined {
  const match = DATE.exec(text);
  if (match === null) return undefined;
  const written = Number(match[1]);
  const year = era ? 1 - written : written;
  const month = Number(match[2]);
  const day = Number(match[3]);
  if (month < 1 || month > 12 || day < 1 || day > daysInMonth(year, month)) return undefined;
  return { days: daysOfDate(year, month, day), rest: text.slice(match[0].length) };
}

interface Clock {
  readonly units: bigint;
  readonly rest: string;
}

/** Reads h:m[:s[.f]]; digits finer than the unit are dropped. */
function readClock(text: string, unit: TimeUnit): Clock | undefined {
  const match = CLOCK.exec(text);
  if (match === null) return undefined;
  const [hour, minute, second] = [Number(match[1]), Number(match[2]), Number(match[3] ?? '0')];
  if (hour > 23 || minute > 59 || second > 59) return undefined;
  const digits = UNITS_PER_SECOND[unit].toString().length - 1;
  const fraction = BigInt((match[4] ?? '').slice(0, digits).padEnd(digits, '0') || '0');
  const units = BigInt(hour * 3600 + minute * 60 + second) * UNITS_PER_SECOND[unit] + fraction;
  return { units, rest: text.slice(match[0].length) };
}

function withoutEra(text: string): { readonly body: string; readonly era: boolean } {
  const trimmed = text.trim();
  return trimmed.endsWith('(BC)') ? { body: trimmed.slice(0, -4).trim(), era: true } : { body: trimmed, era: false };
}

/** Reads `2020-2-3`, with nothing after it but a time, which is dropped. */
export function parseDate(text: string): number | undefined {
  const { body, era } = withoutEra(text);
  const date = readDate(body, era);
  if (date === undefined) return undefined;
  return date.rest === '' || parseTimestamp(text, 'second', false) !== undefined ? date.days : undefined;
}

/** Reads `1:02:03.5` in the unit. */
export function parseTime(text: string, unit: TimeUnit): bigint | undefined {
  const clock = readClock(text.trim(), unit);
  return clock === undefined || clock.rest !== '' ? undefined : clock.units;
}

/** Reads a date with an optional time and offset, in the unit. The value may pass int64: the caller checks. */
export function parseTimestamp(text: string, unit: TimeUnit, zoned: boolean): bigint | undefined {
  const { body, era } = withoutEra(text);
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
  const zone = ZONE.exec(tail);
  if (zone === null || zone[0].length !== tail.length) return undefined;
  const hours = Number(zone[2] ?? '0');
  const minutes = Number(zone[3] ?? '0');
  if (hours > 15 || minutes > 59) return undefined;
  if (!zoned) return local;
  const offset = BigInt((hours * 60 + minutes) * 60) * UNITS_PER_SECOND[unit];
  return zone[1] === '-' ? local + offset : local - offset;
}
