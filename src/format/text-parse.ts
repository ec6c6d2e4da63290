/**
 * Text to values, from bytes and without making strings: integers, floats, dates, times, timestamps.
 *
 * Hides the grammar of each. Every parser takes bytes[start, end), says whether all of it fits, and leaves the value
 * in `parsed`, so that nothing is allocated per cell. Invariants: an integer is exact or refused; a float is the
 * nearest one (a short mantissa times a power of ten that a float64 holds exactly; else the platform's own parser);
 * a fraction finer than the unit is refused, never cut. Source: Clinger's fast path; the proleptic Gregorian
 * calendar by eras of 400 years.
 */
import type { TimeUnit } from '../arrow/type.ts';
import { asBuffer } from '../base/bytes.ts';
import { FRACTION_DIGITS } from './time-text.ts';

/**
 * What the last successful call found. `low`, `high`: halves of an int64 (unsigned for uint64); `number`: all else.
 */
export const parsed = { low: 0, high: 0, number: 0 };

const TWO_32 = 4_294_967_296;
const MINUS = 45;
const PLUS = 43;
const POINT = 46;
const ZERO = 48;
/** Digits that always fit 53 bits. */
const SAFE_DIGITS = 15;
const POWERS_OF_TEN = Float64Array.from({ length: 23 }, (_, i) => Number(`1e${i.toString()}`));
const INT64_LEAST = -(2n ** 63n);
const UINT64_BOUND = 2n ** 64n;

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= ZERO && byte <= 57;
}

/** bytes[start, end), UTF-8, as text. */
export function textOf(bytes: Uint8Array, start: number, end: number): string {
  return asBuffer(bytes).toString('utf8', start, end);
}

/** Parses `[+-]digits` into the halves of an int64 (or of a uint64); false when it is no integer or out of range. */
export function parseInteger64(bytes: Uint8Array, start: number, end: number, signed: boolean): boolean {
  let at = start;
  const negative = bytes[at] === MINUS;
  if (negative || bytes[at] === PLUS) at++;
  if (at >= end) return false;
  let value = 0;
  for (let i = at; i < end; i++) {
    const digit = (bytes[i] ?? 0) - ZERO;
    if (digit < 0 || digit > 9) return false;
    value = value * 10 + digit;
  }
  if (end - at > SAFE_DIGITS) return splitBigInt(BigInt(textOf(bytes, start, end).replace('+', '')), signed);
  if (negative && value !== 0 && !signed) return false;
  setSafe(negative ? -value : value);
  return true;
}

function splitBigInt(value: bigint, signed: boolean): boolean {
  const least = signed ? INT64_LEAST : 0n;
  if (value < least || value >= least + UINT64_BOUND) return false;
  parsed.low = Number(BigInt.asIntN(32, value));
  parsed.high = Number(BigInt.asIntN(32, value >> 32n));
  return true;
}

/** Splits a whole number of at most 53 bits. */
function setSafe(value: number): void {
  const high = Math.floor(value / TWO_32);
  parsed.high = high | 0;
  parsed.low = (value - high * TWO_32) | 0;
  parsed.number = value;
}

/** Parses a whole number in [least, most], both of at most 53 bits. */
export function parseSmallInteger(
  bytes: Uint8Array,
  start: number,
  end: number,
  least: number,
  most: number,
): boolean {
  if (end - start > SAFE_DIGITS + 1) {
    return parseInteger64(bytes, start, end, true) && inRange(parsed.high * TWO_32 + (parsed.low >>> 0), least, most);
  }
  return parseInteger64(bytes, start, end, true) && inRange(parsed.number, least, most);
}

function inRange(value: number, least: number, most: number): boolean {
  parsed.number = value;
  return value >= least && value <= most;
}

/**
 * Parses a decimal number, or `nan`, `inf`, `infinity` in any case and sign. A finite text that overflows is refused.
 */
export function parseFloat64(bytes: Uint8Array, start: number, end: number): boolean {
  let at = start;
  const negative = bytes[at] === MINUS;
  if (negative || bytes[at] === PLUS) at++;
  let mantissa = 0;
  let digits = 0;
  let scale = 0;
  const wholeStart = at;
  for (; at < end && isDigit(bytes[at]); at++) {
    mantissa = mantissa * 10 + (bytes[at] ?? 0) - ZERO;
    if (mantissa > 0) digits++;
  }
  let seen = at - wholeStart;
  if (bytes[at] === POINT && at < end) {
    const fractionStart = ++at;
    for (; at < end && isDigit(bytes[at]); at++) {
      mantissa = mantissa * 10 + (bytes[at] ?? 0) - ZERO;
      if (mantissa > 0) digits++;
    }
    scale = fractionStart - at;
    seen += at - fractionStart;
  }
  if (seen === 0) return parseNonfinite(bytes, at, end, negative);
  if (at < end) {
    const exponent = parseExponent(bytes, at, end);
    if (exponent === undefined) return false;
    scale += exponent;
  }
  if (digits <= SAFE_DIGITS && scale >= -22 && scale <= 22) {
    const power = POWERS_OF_TEN[Math.abs(scale)] ?? 1;
    const value = scale < 0 ? mantissa / power : mantissa * power;
    parsed.number = negative ? -value : value;
    return true;
  }
  parsed.number = Number(asBuffer(bytes).toString('latin1', start, end));
  return Number.isFinite(parsed.number);
}

/** `e[+-]digits` to the end, or undefined. */
function parseExponent(bytes: Uint8Array, start: number, end: number): number | undefined {
  let at = start;
  if (((bytes[at] ?? 0) | 32) !== 101) return undefined;
  at++;
  const negative = bytes[at] === MINUS;
  if (negative || bytes[at] === PLUS) at++;
  if (at >= end) return undefined;
  let exponent = 0;
  for (; at < end; at++) {
    if (!isDigit(bytes[at])) return undefined;
    exponent = Math.min(exponent * 10 + (bytes[at] ?? 0) - ZERO, 100_000);
  }
  return negative ? -exponent : exponent;
}

function parseNonfinite(bytes: Uint8Array, start: number, end: number, negative: boolean): boolean {
  const length = end - start;
  if (length !== 3 && length !== 8) return false;
  const word = textOf(bytes, start, end).toLowerCase();
  if (word === 'nan') parsed.number = NaN;
  else if (word === 'inf' || word === 'infinity') parsed.number = negative ? -Infinity : Infinity;
  else return false;
  return true;
}

/** Parses `true` or `false` in any case, or `1` or `0`, into 1 or 0. */
export function parseBoolean(bytes: Uint8Array, start: number, end: number): boolean {
  const length = end - start;
  if (length === 1) {
    parsed.number = (bytes[start] ?? 0) - ZERO;
    return parsed.number === 0 || parsed.number === 1;
  }
  if (length !== 4 && length !== 5) return false;
  const word = textOf(bytes, start, end).toLowerCase();
  parsed.number = word === 'true' ? 1 : 0;
  return word === 'true' || word === 'false';
}

/** Exactly `count` digits at `at`, or -1. */
function digitsAt(bytes: Uint8Array, at: number, count: number): number {
  let value = 0;
  for (let i = at; i < at + count; i++) {
    const digit = (bytes[i] ?? 0) - ZERO;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}

/** Days since 1970 of a civil date. */
function daysOf(year: number, month: number, day: number): number {
  const shifted = month <= 2 ? year - 1 : year;
  const era = Math.floor(shifted / 400);
  const yearOfEra = shifted - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}

function daysInMonth(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

/** Parses the date that starts at `start`: days in `parsed.number`. Returns where it ends, or -1. */
function dateAt(bytes: Uint8Array, start: number, end: number): number {
  const sign = bytes[start] === MINUS ? -1 : bytes[start] === PLUS ? 1 : 0;
  let at = start;
  let yearDigits = 4;
  if (sign !== 0) {
    at++;
    yearDigits = 0;
    while (isDigit(bytes[at + yearDigits]) && at + yearDigits < end) yearDigits++;
    if (yearDigits < 6 || yearDigits > 9) return -1;
  }
  if (end - at < yearDigits + 6) return -1;
  const year = digitsAt(bytes, at, yearDigits) * (sign === -1 ? -1 : 1);
  at += yearDigits;
  const month = digitsAt(bytes, at + 1, 2);
  const day = digitsAt(bytes, at + 4, 2);
  if (bytes[at] !== MINUS || bytes[at + 3] !== MINUS || (year < 0 && sign !== -1)) return -1;
  if (month < 1 || month > 12 || day < 1 || day > daysInMonth(year, month)) return -1;
  parsed.number = daysOf(year, month, day);
  return at + 6;
}

/** 1 or -1 for the text infinity or -infinity, in any case, else 0. */
function infinityAt(bytes: Uint8Array, start: number, end: number): number {
  const length = end - start;
  if (length !== 8 && length !== 9) return 0;
  const first = (bytes[start] ?? 0) | 32;
  if (first !== (length === 8 ? 105 : MINUS | 32)) return 0;
  const word = textOf(bytes, start, end).toLowerCase();
  return word === 'infinity' ? 1 : word === '-infinity' ? -1 : 0;
}

/** Parses `YYYY-MM-DD` into days since 1970, or `infinity`. */
export function parseDate(bytes: Uint8Array, start: number, end: number): boolean {
  const sign = infinityAt(bytes, start, end);
  if (sign === 0) return dateAt(bytes, start, end) === end;
  parsed.number = sign * 0x7fffffff;
  return true;
}

/** A clock reading: seconds of the day, and a fraction of `fractionDigits` digits without trailing zeros. */
const clock = { second: 0, fraction: 0, fractionDigits: 0 };

/** Parses `HH:MM[:SS[.f]]` that starts at `start` into `clock`. Returns where it ends, or -1. */
function clockAt(bytes: Uint8Array, start: number, end: number): number {
  if (end - start < 5) return -1;
  const hour = digitsAt(bytes, start, 2);
  const minute = digitsAt(bytes, start + 3, 2);
  if (bytes[start + 2] !== 58 || hour < 0 || hour > 23 || minute < 0 || minute > 59) return -1;
  clock.second = hour * 3_600 + minute * 60;
  clock.fraction = 0;
  clock.fractionDigits = 0;
  let at = start + 5;
  if (at >= end || bytes[at] !== 58) return at;
  const second = at + 3 <= end ? digitsAt(bytes, at + 1, 2) : -1;
  if (second < 0 || second > 59) return -1;
  clock.second += second;
  at += 3;
  if (at >= end || bytes[at] !== POINT) return at;
  const fractionStart = ++at;
  while (at < end && isDigit(bytes[at])) at++;
  let last = at;
  while (last > fractionStart && bytes[last - 1] === ZERO) last--;
  if (at === fractionStart || last - fractionStart > 9) return -1;
  clock.fractionDigits = last - fractionStart;
  clock.fraction = digitsAt(bytes, fractionStart, clock.fractionDigits);
  return at;
}

/** The clock's fraction in `unit`, or -1 when it is finer. */
function fractionIn(unit: TimeUnit): number {
  const spare = FRACTION_DIGITS[unit] - clock.fractionDigits;
  return spare < 0 ? -1 : clock.fraction * (POWERS_OF_TEN[spare] ?? 1);
}

/** Parses `HH:MM[:SS[.f]]` into a count of `unit` since midnight. */
export function parseTime(bytes: Uint8Array, start: number, end: number, unit: TimeUnit): boolean {
  if (clockAt(bytes, start, end) !== end) return false;
  const fraction = fractionIn(unit);
  setSafe(clock.second * (POWERS_OF_TEN[FRACTION_DIGITS[unit]] ?? 1) + fraction);
  return fraction >= 0;
}

/** How a timestamp's text may name its zone: it must not, it must, or it may (and means UTC when it does not). */
export type ZoneRule = 'none' | 'needed' | 'optional';

/**
 * Parses `date[T| ]clock[Z|±HH[[:]MM]]`, a date alone (its midnight), or `infinity`, into the halves of a count of
 * `unit` since 1970 UTC.
 */
export function parseTimestamp(
  bytes: Uint8Array,
  start: number,
  end: number,
  unit: TimeUnit,
  zone: ZoneRule,
): boolean {
  const sign = infinityAt(bytes, start, end);
  if (sign !== 0) {
    parsed.high = sign > 0 ? 0x7fffffff : -0x80000000;
    parsed.low = sign > 0 ? 0xffffffff : 1;
    return true;
  }
  let at = dateAt(bytes, start, end);
  if (at < 0) return false;
  let seconds = parsed.number * 86_400;
  clock.fraction = 0;
  clock.fractionDigits = 0;
  if (at < end) {
    if (bytes[at] !== 84 && bytes[at] !== 32) return false;
    at = clockAt(bytes, at + 1, end);
    if (at < 0) return false;
    seconds += clock.second;
  }
  if (at === end) {
    if (zone === 'needed') return false;
  } else {
    if (zone === 'none') return false;
    const offset = offsetAt(bytes, at, end);
    if (offset === undefined) return false;
    seconds -= offset;
  }
  const fraction = fractionIn(unit);
  return fraction >= 0 && setScaled(seconds, POWERS_OF_TEN[FRACTION_DIGITS[unit]] ?? 1, fraction);
}

/** Seconds east of UTC that bytes[start, end) name, or undefined. */
function offsetAt(bytes: Uint8Array, start: number, end: number): number | undefined {
  if (bytes[start] === 90 && start + 1 === end) return 0;
  const sign = bytes[start] === PLUS ? 1 : bytes[start] === MINUS ? -1 : 0;
  const hours = digitsAt(bytes, start + 1, 2);
  const length = end - start;
  if (sign === 0 || hours < 0 || hours > 23 || (length !== 3 && length !== 5 && length !== 6)) return undefined;
  if (length === 3) return sign * hours * 3_600;
  if (length === 6 && bytes[start + 3] !== 58) return undefined;
  const minutes = digitsAt(bytes, end - 2, 2);
  return minutes < 0 || minutes > 59 ? undefined : sign * (hours * 3_600 + minutes * 60);
}

/** Leaves seconds × perSecond + fraction in the halves, exactly; false when it does not fit an int64. */
function setScaled(seconds: number, perSecond: number, fraction: number): boolean {
  const upper = Math.floor(seconds / 65_536);
  const lower = (seconds - upper * 65_536) * perSecond + fraction;
  const carry = Math.floor(lower / 65_536);
  const top = upper * perSecond + carry;
  const high = Math.floor(top / 65_536);
  if (high < -2_147_483_648 || high > 2_147_483_647) return false;
  parsed.high = high;
  parsed.low = (top - high * 65_536) * 65_536 + (lower - carry * 65_536);
  return true;
}
