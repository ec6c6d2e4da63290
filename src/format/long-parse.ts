/**
 * The rarer texts: decimals, durations, intervals. Through strings and BigInt, so several times slower than
 * text-parse.
 *
 * Hides their grammars: those of number-text and time-text, read back. Invariant: what does not fit exactly is
 * refused.
 */
import type { DataType, IntervalUnit, TimeUnit } from '../arrow/type.ts';
import { textOf } from './text-parse.ts';
import { FRACTION_DIGITS } from './time-text.ts';

const DECIMAL = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,4}))?$/;
const DURATION = /^(-?)P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:\.(\d{1,9}))?S)?)?$/;
const INTERVAL = /^P(?:(-?\d+)Y)?(?:(-?\d+)M)?(?:(-?\d+)D)?(?:T(-?)(\d+)(?:\.(\d{1,9}))?S)?$/;
/** As SQL prints it. */
const SQL_INTERVAL =
  /^(?:(-?\d+) years? ?)?(?:(-?\d+) months? ?)?(?:(-?\d+) days? ?)?(?:(-?)(\d+):([0-5]\d):([0-5]\d)(?:\.(\d{1,9}))?)?$/;
const INT64_BOUND = 2n ** 63n;

/** Writes the decimal at `at` of `view`; false when it has more digits than precision or scale allow. */
export function parseDecimal(
  view: DataView,
  at: number,
  bytes: Uint8Array,
  start: number,
  end: number,
  type: Extract<DataType, { id: 'decimal' }>,
): boolean {
  const match = DECIMAL.exec(textOf(bytes, start, end));
  const whole = match?.[2] ?? '';
  const fraction = match?.[3] ?? '';
  if (match === null || whole.length + fraction.length === 0) return false;
  const shift = type.scale - fraction.length + Number(match[4] ?? '0');
  let digits = (whole + fraction).replace(/^0+/, '');
  if (shift < 0) {
    const cut = digits.slice(shift);
    if (/[1-9]/.test(digits.length < -shift ? digits : cut)) return false;
    digits = digits.slice(0, shift);
  } else if (digits !== '') {
    if (digits.length + shift > type.precision) return false;
    digits += '0'.repeat(shift);
  }
  if (digits.length > type.precision) return false;
  let value = BigInt(digits === '' ? '0' : digits);
  if (match[1] === '-') value = -value;
  for (let i = 0; i < type.bitWidth / 32; i++) {
    view.setUint32(at + i * 4, Number(BigInt.asUintN(32, value)), true);
    value >>= 32n;
  }
  return true;
}

/** Writes an ISO 8601 duration (days count 24 hours) at `at` as a count of `unit`. */
export function parseDuration(
  view: DataView,
  at: number,
  bytes: Uint8Array,
  start: number,
  end: number,
  unit: TimeUnit,
): boolean {
  const text = textOf(bytes, start, end);
  const match = DURATION.exec(text);
  if (match === null || /[PT]$/.test(text)) return false;
  const part = (i: number): bigint => BigInt(match[i] ?? '0');
  const seconds = ((part(2) * 24n + part(3)) * 60n + part(4)) * 60n + part(5);
  const fraction = fractionOf(match[6] ?? '', FRACTION_DIGITS[unit]);
  if (fraction === undefined) return false;
  const magnitude = seconds * 10n ** BigInt(FRACTION_DIGITS[unit]) + fraction;
  const value = match[1] === '-' ? -magnitude : magnitude;
  if (value >= INT64_BOUND || value < -INT64_BOUND) return false;
  view.setBigInt64(at, value, true);
  return true;
}

/** A fraction's digits as a count of 10^-digits, or undefined when it is finer. */
function fractionOf(text: string, digits: number): bigint | undefined {
  const needed = text.replace(/0+$/, '');
  return needed.length > digits ? undefined : BigInt(needed.padEnd(digits, '0') || '0');
}

/** An interval's parts as written. */
interface IntervalRead {
  readonly months: number;
  readonly days: number;
  readonly nanoseconds: bigint;
}

/** Reads `1 year 2 months -3 days 04:05:06.7`, or ISO 8601. */
function readInterval(text: string): IntervalRead | undefined {
  const sql = SQL_INTERVAL.exec(text);
  const match = sql ?? INTERVAL.exec(text);
  if (match === null || text === '' || /[PT ]$/.test(text)) return undefined;
  const months = Number(match[1] ?? '0') * 12 + Number(match[2] ?? '0');
  const days = Number(match[3] ?? '0');
  const minutes = BigInt(sql?.[5] ?? '0') * 60n + BigInt(sql?.[6] ?? '0');
  const seconds = sql === null ? BigInt(match[5] ?? '0') : minutes * 60n + BigInt(sql[7] ?? '0');
  const fraction = fractionOf((sql === null ? match[6] : sql[8]) ?? '', 9) ?? 0n;
  const magnitude = seconds * 1_000_000_000n + fraction;
  return { months, days, nanoseconds: match[4] === '-' ? -magnitude : magnitude };
}

/** Writes an interval, as SQL prints it or in ISO 8601, at `at`; false when it has a component that the unit lacks. */
export function parseInterval(
  view: DataView,
  at: number,
  bytes: Uint8Array,
  start: number,
  end: number,
  unit: IntervalUnit,
): boolean {
  const read = readInterval(textOf(bytes, start, end));
  if (read === undefined) return false;
  const { months, days, nanoseconds } = read;
  const fits32 = (value: number): boolean => value === (value | 0);
  if (!fits32(months) || !fits32(days)) return false;
  if (nanoseconds >= INT64_BOUND || nanoseconds < -INT64_BOUND) return false;
  switch (unit) {
    case 'year_month':
      view.setInt32(at, months, true);
      return days === 0 && nanoseconds === 0n;
    case 'day_time': {
      const milliseconds = Number(nanoseconds / 1_000_000n);
      view.setInt32(at, days, true);
      view.setInt32(at + 4, milliseconds, true);
      return months === 0 && nanoseconds % 1_000_000n === 0n && fits32(milliseconds);
    }
    case 'month_day_nano':
      view.setInt32(at, months, true);
      view.setInt32(at + 4, days, true);
      view.setBigInt64(at + 8, nanoseconds, true);
      return true;
  }
}
