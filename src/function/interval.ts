/**
 * Intervals: months, days and nanoseconds as columns, their order and their text.
 *
 * Hides the words of Arrow's month_day_nano: int32 months, int32 days, int64 nanoseconds. Invariants: parts keep their
 * own signs and are never carried into one another; order and equality take a month for 30 days and a day for 24 hours
 * (DuckDB); parts that do not fit are `value_error` unless the row is null.
 */
import type { DataType } from '../arrow/type.ts';
import { typedView } from '../arrow/vector.ts';
import type { Vector } from '../arrow/vector.ts';
import { bytesOf, vectorOf, wordsOf } from './column.ts';
import { isPresentRow, rangeError, splitSeconds, storeSeconds } from './time-words.ts';
import type { Validity } from './validity.ts';

export const INTERVAL: DataType & { readonly id: 'interval' } = { id: 'interval', unit: 'month_day_nano' };

const NANOS = 1_000_000_000;
const TWO_32 = 4_294_967_296;

/** Intervals, one a row; `nanos` is from 0 to 999,999,999 and adds to `seconds`, which is rounded down. */
export interface Intervals {
  readonly months: Float64Array;
  readonly days: Float64Array;
  readonly seconds: Float64Array;
  readonly nanos: Float64Array;
}

/** Columns of zeros, to be filled. */
export function emptyIntervals(rowCount: number): Intervals {
  return {
    months: new Float64Array(rowCount),
    days: new Float64Array(rowCount),
    seconds: new Float64Array(rowCount),
    nanos: new Float64Array(rowCount),
  };
}

/** The rows of a month_day_nano column. */
export function intervalsOf(vector: Vector): Intervals {
  const rowCount = vector.length;
  const words = typedView(Int32Array, vector.buffers[1] as Uint8Array, rowCount * 4);
  const months = new Float64Array(rowCount);
  const days = new Float64Array(rowCount);
  const pairs = new Int32Array(rowCount * 2);
  for (let i = 0; i < rowCount; i++) {
    months[i] = words[4 * i] as number;
    days[i] = words[4 * i + 1] as number;
    pairs[2 * i] = words[4 * i + 2] as number;
    pairs[2 * i + 1] = words[4 * i + 3] as number;
  }
  const [seconds, nanos] = splitSeconds(pairs, rowCount, NANOS);
  return { months, days, seconds, nanos };
}

/** Writes one interval; false when a part does not fit. `nanos` may be any whole number below 2^52. */
export function storeInterval(
  out: Int32Array,
  pair: Int32Array,
  row: number,
  months: number,
  days: number,
  seconds: number,
  nanos: number,
): boolean {
  const carry = Math.floor(nanos / NANOS);
  const whole = seconds + carry;
  if ((months | 0) !== months || (days | 0) !== days || !(Math.abs(whole) < 9_300_000_000)) return false;
  const fits = storeSeconds(pair, 0, whole, nanos - carry * NANOS, NANOS);
  out[4 * row] = months;
  out[4 * row + 1] = days;
  out[4 * row + 2] = pair[0] as number;
  out[4 * row + 3] = pair[1] as number;
  return fits;
}

/** A month_day_nano column. @throws `value_error` when a part does not fit */
export function intervalVector(parts: Intervals, rowCount: number, validity: Validity): Vector {
  const out = new Int32Array(rowCount * 4);
  const pair = new Int32Array(2);
  const { months, days, seconds, nanos } = parts;
  for (let i = 0; i < rowCount; i++) {
    const fits = storeInterval(
      out,
      pair,
      i,
      months[i] as number,
      days[i] as number,
      seconds[i] as number,
      nanos[i] as number,
    );
    if (!fits && isPresentRow(validity, i)) throw intervalRangeError();
  }
  return vectorOf(INTERVAL, rowCount, validity, bytesOf(out));
}

/** What is said of an interval whose parts do not fit. */
export function intervalRangeError(): Error {
  return rangeError('the interval', 'intervals (2147483647 months and days, 292 years of hours and less)');
}

/**
 * The words by which rows of form `words` compare, sort and group: the rows' own, but for intervals, whose length in
 * nanoseconds stands in 128 bits.
 */
export function orderWordsOf(vector: Vector): Int32Array {
  if (vector.type.id !== 'interval') return wordsOf(vector);
  const { months, days, seconds, nanos } = intervalsOf(vector);
  const out = new Int32Array(vector.length * 4);
  for (let i = 0; i < vector.length; i++) {
    // At most 2^53: 64 billion days, in seconds.
    const total = ((months[i] as number) * 30 + (days[i] as number)) * 86_400 + (seconds[i] as number);
    const top = Math.floor(total / TWO_32);
    out[4 * i] = nanos[i] as number;
    out[4 * i + 1] = total - top * TWO_32;
    out[4 * i + 2] = top;
    out[4 * i + 3] = top < 0 ? -1 : 0;
  }
  return out;
}

function plural(value: number, unit: string): string {
  return `${value.toString()} ${unit}${Math.abs(value) === 1 ? '' : 's'}`;
}

function two(value: number): string {
  return value.toString().padStart(2, '0');
}

/** `1 year 2 months -3 days 04:05:06.7`; nothing at all is `00:00:00`. `seconds` and `nanos` as in Intervals. */
export function intervalText(months: number, days: number, seconds: number, nanos: number): string {
  const words: string[] = [];
  const years = Math.trunc(months / 12);
  if (years !== 0) words.push(plural(years, 'year'));
  if (months % 12 !== 0) words.push(plural(months % 12, 'month'));
  if (days !== 0) words.push(plural(days, 'day'));
  if (seconds !== 0 || nanos !== 0 || words.length === 0) words.push(clockText(seconds, nanos));
  return words.join(' ');
}

function clockText(seconds: number, nanos: number): string {
  const negative = seconds < 0;
  const borrow = negative && nanos > 0;
  const whole = negative ? -seconds - (borrow ? 1 : 0) : seconds;
  const rest = borrow ? NANOS - nanos : nanos;
  const clock = `${two(Math.floor(whole / 3600))}:${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}`;
  const fraction = rest === 0 ? '' : `.${rest.toString().padStart(9, '0').replace(/0+$/u, '')}`;
  return `${negative ? '-' : ''}${clock}${fraction}`;
}

/** The text of a literal's 128 bits: months lowest, then days, then nanoseconds. */
export function intervalOfBits(bits: bigint): string {
  const nanos = BigInt.asIntN(64, bits >> 64n);
  const rest = ((nanos % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n;
  const seconds = Number((nanos - rest) / 1_000_000_000n);
  return intervalText(Number(BigInt.asIntN(32, bits)), Number(BigInt.asIntN(32, bits >> 32n)), seconds, Number(rest));
}
