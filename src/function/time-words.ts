/**
 * Timestamps as days and the rest of the day: int64 words to two float64 columns and back, without BigInt.
 *
 * Hides 64-bit division. Invariants: both columns are whole numbers and exact; the rest counts the timestamp's own
 * units from midnight, so it is at least 0 and less than a day; a result outside int64 is `value_error` unless its row
 * is null, and what null rows hold is never looked at. The day of an infinite date or timestamp is Infinity or
 * -Infinity here; in memory it is the greatest number of the type's width, or the same with a minus (DuckDB).
 * Method: long division by 16-bit digits, whose steps stay below 2^53.
 */
import { EngineError } from '../base/errors.ts';
import type { DataType, TimeUnit } from '../arrow/type.ts';
import type { Vector } from '../arrow/vector.ts';
import { bytesOf, numbersOf, vectorFromNumbers, vectorOf, wordsOf } from './column.ts';
import { bitAt } from './validity.ts';
import type { Validity } from './validity.ts';

const TWO_16 = 65_536;
const TWO_32 = 4_294_967_296;
const DAY_SECONDS = 86_400;

/** The day number of the infinite date, which is minus that of -infinity. */
export const DAY_INFINITE = 2_147_483_647;
/** The count of the infinite timestamp in every unit. */
export const COUNT_INFINITE = 9_223_372_036_854_775_807n;
/** The first day whose midnight microseconds since 1970 can tell. */
const MICROS_DAY_MIN = -106_751_991;

/** Units in one second, as a number. */
export const PER_SECOND: Readonly<Record<TimeUnit, number>> = {
  second: 1,
  millisecond: 1_000,
  microsecond: 1_000_000,
  nanosecond: 1_000_000_000,
};

/** Moments or times of day, one a row. `rests`: units since midnight; `perDay`: units in a day. */
export interface Moments {
  readonly days: Float64Array;
  readonly rests: Float64Array;
  readonly perDay: number;
}

/** Divides int64 rows by `divisor` (at most 2^30), rounding down. */
function divideWords(words: Int32Array, divisor: number, quotients: Float64Array, remainders: Float64Array): void {
  for (let i = 0; i < quotients.length; i++) {
    const high = words[2 * i + 1] as number;
    const low = (words[2 * i] as number) >>> 0;
    const top = Math.floor(high / divisor);
    const first = (high - top * divisor) * TWO_16 + (low >>> 16);
    const middle = Math.floor(first / divisor);
    const second = (first - middle * divisor) * TWO_16 + (low & 0xffff);
    const bottom = Math.floor(second / divisor);
    quotients[i] = (top * TWO_16 + middle) * TWO_16 + bottom;
    remainders[i] = second - bottom * divisor;
  }
}

/** 1 or -1 where the int64 of a row stands for infinity or -infinity, else 0. */
function infiniteSign(words: Int32Array, row: number): -1 | 0 | 1 {
  const low = words[2 * row] as number;
  if (low === -1) return words[2 * row + 1] === 0x7fffffff ? 1 : 0;
  return low === 1 && words[2 * row + 1] === -0x80000000 ? -1 : 0;
}

/** int64 rows as whole seconds, rounded down, and the units beyond them. */
export function splitSeconds(words: Int32Array, rowCount: number, perSecond: number): [Float64Array, Float64Array] {
  const seconds = new Float64Array(rowCount);
  const units = new Float64Array(rowCount);
  divideWords(words, perSecond, seconds, units);
  return [seconds, units];
}

/** The rows of a date, time or timestamp column. A time has day 0. */
export function momentsOf(vector: Vector): Moments {
  const { type, length: rowCount } = vector;
  if (type.id === 'date' && type.unit === 'day') {
    const days = numbersOf(vector).map((day) => (Math.abs(day) === DAY_INFINITE ? day * Infinity : day));
    return { days, rests: new Float64Array(rowCount), perDay: DAY_SECONDS };
  }
  const unit = unitOf(type);
  const perDay = DAY_SECONDS * PER_SECOND[unit];
  if (type.id === 'time' && type.bitWidth === 32) {
    return { days: new Float64Array(rowCount), rests: numbersOf(vector), perDay };
  }
  const words = wordsOf(vector);
  const days = new Float64Array(rowCount);
  const rests = new Float64Array(rowCount);
  if (type.id === 'time') {
    for (let i = 0; i < rowCount; i++) {
      rests[i] = (words[2 * i + 1] as number) * TWO_32 + ((words[2 * i] as number) >>> 0);
    }
    return { days, rests, perDay };
  }
  if (PER_SECOND[unit] <= 1000) divideWords(words, perDay, days, rests);
  else {
    const perSecond = PER_SECOND[unit];
    divideWords(words, perSecond, days, rests);
    for (let i = 0; i < rowCount; i++) {
      const seconds = days[i] as number;
      const day = Math.floor(seconds / DAY_SECONDS);
      days[i] = day;
      rests[i] = (seconds - day * DAY_SECONDS) * perSecond + (rests[i] as number);
    }
  }
  if (type.id !== 'timestamp') return { days, rests, perDay };
  for (let i = 0; i < rowCount; i++) {
    const sign = infiniteSign(words, i);
    if (sign === 0) continue;
    days[i] = sign * Infinity;
    rests[i] = 0;
  }
  return { days, rests, perDay };
}

/** The unit of a time or timestamp; of dates, the one they are kept in. */
function unitOf(type: DataType): TimeUnit {
  if (type.id === 'time' || type.id === 'timestamp' || type.id === 'duration') return type.unit;
  return type.id === 'date' && type.unit === 'millisecond' ? 'millisecond' : 'second';
}

/**
 * Writes `seconds × perSecond + units` as int64 at `row`; false when it does not fit. `seconds`: whole, below 2^53 by
 * magnitude; `units`: whole, from 0 to 2^45.
 */
export function storeSeconds(
  out: Int32Array,
  row: number,
  seconds: number,
  units: number,
  perSecond: number,
): boolean {
  const top = Math.floor(seconds / TWO_32);
  const low = seconds - top * TWO_32;
  const high16 = Math.floor(low / TWO_16);
  const first = (low - high16 * TWO_16) * perSecond + units;
  const carry = Math.floor(first / TWO_16);
  const second = high16 * perSecond + carry;
  const carryTop = Math.floor(second / TWO_16);
  const high = top * perSecond + carryTop;
  out[2 * row] = ((second - carryTop * TWO_16) << 16) | (first - carry * TWO_16);
  out[2 * row + 1] = high;
  return high >= -0x80000000 && high <= 0x7fffffff;
}

/** Writes a whole number below 2^53 by magnitude as int64. */
export function storeNumber(out: Int32Array, row: number, value: number): void {
  const high = Math.floor(value / TWO_32);
  out[2 * row] = value - high * TWO_32;
  out[2 * row + 1] = high;
}

/** Writes the timestamp of infinity, or of -infinity where `sign` is negative. */
function storeInfinite(out: Int32Array, row: number, sign: number): void {
  out[2 * row] = sign < 0 ? 1 : -1;
  out[2 * row + 1] = sign < 0 ? -0x80000000 : 0x7fffffff;
}

/** True for a row whose value counts. */
export function isPresentRow(validity: Validity, row: number): boolean {
  return validity.bits === undefined || bitAt(validity.bits, row);
}

/** An error that names what went out of which range. */
export function rangeError(what: string, range: string): EngineError {
  return new EngineError('value_error', `${what} is outside the range of ${range}`);
}

/**
 * A date, time or timestamp column from days and rests; rests may lie outside of a day, and are carried. Times wrap at
 * midnight. @throws `value_error`
 */
export function momentVector(type: DataType, moments: Moments, rowCount: number, validity: Validity): Vector {
  const { days, rests, perDay } = moments;
  if (type.id === 'date' && type.unit === 'day') {
    const out = new Float64Array(rowCount);
    for (let i = 0; i < rowCount; i++) {
      const day = (days[i] as number) + Math.floor((rests[i] as number) / perDay);
      const isInfinite = Math.abs(day) === Infinity;
      out[i] = isInfinite ? Math.sign(day) * DAY_INFINITE : day;
      if (isInfinite || Math.abs(day) < DAY_INFINITE) continue;
      if (isPresentRow(validity, i)) throw rangeError('the result', 'dates');
    }
    return vectorFromNumbers(type, out, rowCount, validity);
  }
  const unit = unitOf(type);
  const perSecond = PER_SECOND[unit];
  const factor = (DAY_SECONDS * perSecond) / perDay;
  const out = new Int32Array(rowCount * 2);
  for (let i = 0; i < rowCount; i++) {
    const rest = (rests[i] as number) * factor;
    if (type.id === 'time') {
      storeNumber(out, i, rest);
      continue;
    }
    const day = days[i] as number;
    if (Math.abs(day) === Infinity) {
      storeInfinite(out, i, Math.sign(day));
      continue;
    }
    const extra = Math.floor(rest / (DAY_SECONDS * perSecond));
    const units = rest - extra * DAY_SECONDS * perSecond;
    const second = Math.floor(units / perSecond);
    const fits = storeSeconds(out, i, (day + extra) * DAY_SECONDS + second, units - second * perSecond, perSecond);
    const isMoment = fits && infiniteSign(out, i) === 0 && (unit !== 'microsecond' || day + extra >= MICROS_DAY_MIN);
    if (!isMoment && isPresentRow(validity, i)) throw rangeError('the result', 'timestamps');
  }
  return vectorOf(type, rowCount, validity, bytesOf(out));
}
