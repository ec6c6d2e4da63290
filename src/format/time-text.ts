/**
 * Dates, times, timestamps and durations to text, in ISO 8601, with every digit of the unit, and intervals.
 *
 * Hides calendar arithmetic and 64-bit division. Forms: `2024-02-29`, `13:45:00.000001`,
 * `2024-02-29T13:45:00.000000001` and the same with `Z` when the type has a zone (the instant in UTC); durations as
 * `PT26H3M4.5S`; intervals as in SQL, `1 year 2 months -3 days 04:05:06.7`, each component with its own sign. Years
 * outside 0 .. 9999 have a sign and at least six digits. Infinite dates and timestamps are `infinity` and `-infinity`.
 * Source: proleptic Gregorian calendar; days to year, month, day
 * by eras of 400 years that begin in March.
 */
import type { TimeUnit } from '../arrow/type.ts';
import { divide64, division, writeInteger, writePadded, writeWhole } from './number-text.ts';
import type { ByteSink } from './sink.ts';

const SECONDS_PER_DAY = 86_400;
const DASH = 45;
const COLON = 58;
const POINT = 46;

/** Digits after the second's point, by unit. */
export const FRACTION_DIGITS: Readonly<Record<TimeUnit, number>> = {
  second: 0,
  millisecond: 3,
  microsecond: 6,
  nanosecond: 9,
};

const PER_SECOND: Readonly<Record<TimeUnit, number>> = {
  second: 1,
  millisecond: 1_000,
  microsecond: 1_000_000,
  nanosecond: 1_000_000_000,
};

/** Divides a signed 64-bit number (halves as in an Int32Array), rounding down; the remainder is not negative. */
function floorDivide64(low: number, high: number, divisor: number): void {
  if (high >= 0) {
    divide64(high, low >>> 0, divisor);
    return;
  }
  divide64(~high >>> 0, ~low >>> 0, divisor);
  division.quotient = -1 - division.quotient;
  division.remainder = divisor - 1 - division.remainder;
}

/** Makes a writer of days since 1970; it remembers the last day, since neighbours often share it. */
export function dayWriter(): (sink: ByteSink, days: number) => void {
  let remembered = NaN;
  let text = Buffer.alloc(0);
  return (sink, days) => {
    if (days !== remembered) {
      const start = sink.at;
      writeDay(sink, days);
      text = Buffer.from(sink.bytes.subarray(start, sink.at));
      remembered = days;
      return;
    }
    sink.copy(text, 0, text.byteLength);
  };
}

/** The day number that stands for infinity, and with a minus for -infinity. */
const DAY_INFINITE = 2_147_483_647;

function writeDay(sink: ByteSink, days: number): void {
  if (Math.abs(days) === DAY_INFINITE) {
    sink.ascii(days < 0 ? '-infinity' : 'infinity');
    return;
  }
  const shifted = days + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const leaps = Math.floor(dayOfEra / 1_460) - Math.floor(dayOfEra / 36_524) + Math.floor(dayOfEra / 146_096);
  const yearOfEra = Math.floor((dayOfEra - leaps) / 365);
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const march = Math.floor((5 * dayOfYear + 2) / 153);
  const month = march < 10 ? march + 3 : march - 9;
  writeYear(sink, yearOfEra + era * 400 + (month <= 2 ? 1 : 0));
  sink.byte(DASH);
  writePadded(sink, month, 2);
  sink.byte(DASH);
  writePadded(sink, dayOfYear - Math.floor((153 * march + 2) / 5) + 1, 2);
}

function writeYear(sink: ByteSink, year: number): void {
  if (year >= 0 && year <= 9_999) writePadded(sink, year, 4);
  else sink.ascii(`${year < 0 ? '-' : '+'}${String(Math.abs(year)).padStart(6, '0')}`);
}

/** Writes a second of the day, and `fraction` in `digits` digits. */
function writeClock(sink: ByteSink, second: number, fraction: number, digits: number): void {
  const hour = Math.floor(second / 3_600);
  const minute = Math.floor((second - hour * 3_600) / 60);
  if (hour < 100) writePadded(sink, hour, 2);
  else writeWhole(sink, hour);
  sink.byte(COLON);
  writePadded(sink, minute, 2);
  sink.byte(COLON);
  writePadded(sink, second - hour * 3_600 - minute * 60, 2);
  if (digits > 0) {
    sink.byte(POINT);
    writePadded(sink, fraction, digits);
  }
}

/** Makes a writer of timestamps from the halves of their int64. */
export function timestampWriter(unit: TimeUnit, zoned: boolean): (sink: ByteSink, low: number, high: number) => void {
  const digits = FRACTION_DIGITS[unit];
  const perSecond = PER_SECOND[unit];
  // Seconds and milliseconds are divided by a whole day at once: their count of seconds may pass 2^53.
  const coarse = perSecond <= 1_000;
  const divisor = coarse ? SECONDS_PER_DAY * perSecond : perSecond;
  const day = dayWriter();
  return (sink, low, high) => {
    const isInfinite = high === 0x7fffffff && low >>> 0 === 0xffffffff;
    if (isInfinite || (high === -0x80000000 && low === 1)) {
      sink.ascii(isInfinite ? 'infinity' : '-infinity');
      return;
    }
    floorDivide64(low, high, divisor);
    const { quotient, remainder } = division;
    const days = coarse ? quotient : Math.floor(quotient / SECONDS_PER_DAY);
    const second = coarse ? Math.floor(remainder / perSecond) : quotient - days * SECONDS_PER_DAY;
    const fraction = coarse ? remainder - second * perSecond : remainder;
    day(sink, days);
    sink.byte(84);
    writeClock(sink, second, fraction, digits);
    if (zoned) sink.byte(90);
  };
}

/** Writes a time of day of at most 53 bits; one outside the day shows as its plain hours. */
export function writeTime(sink: ByteSink, value: number, unit: TimeUnit): void {
  const perSecond = PER_SECOND[unit];
  const magnitude = Math.abs(value);
  const second = Math.floor(magnitude / perSecond);
  if (value < 0) sink.byte(DASH);
  writeClock(sink, second, magnitude - second * perSecond, FRACTION_DIGITS[unit]);
}

/** Writes a duration given in `unit`. */
export function writeDuration(sink: ByteSink, value: bigint, unit: TimeUnit): void {
  const negative = value < 0n;
  const magnitude = negative ? -value : value;
  const perSecond = BigInt(PER_SECOND[unit]);
  const seconds = magnitude / perSecond;
  sink.ascii(negative ? '-PT' : 'PT');
  const hours = seconds / 3_600n;
  const minutes = (seconds / 60n) % 60n;
  if (hours > 0n) sink.ascii(`${hours.toString()}H`);
  if (minutes > 0n) sink.ascii(`${minutes.toString()}M`);
  const rest = secondsText(seconds % 60n, magnitude % perSecond, FRACTION_DIGITS[unit]);
  if (rest !== '0' || seconds < 60n) sink.ascii(`${rest}S`);
}

/** Seconds with the digits of their fraction that are not trailing zeros. */
function secondsText(seconds: bigint, fraction: bigint, digits: number): string {
  if (fraction === 0n) return seconds.toString();
  return `${seconds.toString()}.${fraction.toString().padStart(digits, '0').replace(/0+$/, '')}`;
}

/** Writes `-3 days` after what is there already; nothing for zero. */
function writeCount(sink: ByteSink, start: number, value: number, unit: string): void {
  if (value === 0) return;
  if (sink.at > start) sink.ascii(' ');
  writeInteger(sink, value);
  sink.ascii(Math.abs(value) === 1 ? ` ${unit}` : ` ${unit}s`);
}

/**
 * Writes an interval of months, days and nanoseconds as SQL prints it: components that are zero are left out, and all
 * zero is `00:00:00`.
 */
export function writeInterval(sink: ByteSink, months: number, days: number, nanoseconds: bigint): void {
  const start = sink.at;
  writeCount(sink, start, Math.trunc(months / 12), 'year');
  writeCount(sink, start, months % 12, 'month');
  writeCount(sink, start, days, 'day');
  if (nanoseconds === 0n && sink.at > start) return;
  if (sink.at > start) sink.ascii(' ');
  const magnitude = nanoseconds < 0n ? -nanoseconds : nanoseconds;
  if (nanoseconds < 0n) sink.byte(DASH);
  writeClock(sink, Number(magnitude / 1_000_000_000n), 0, 0);
  const fraction = magnitude % 1_000_000_000n;
  if (fraction !== 0n) sink.ascii(`.${fraction.toString().padStart(9, '0').replace(/0+$/, '')}`);
}
