/**
 * Guessing a column's type from a sample of its cells.
 *
 * Hides the ladder: int64, uint64, double, boolean, date, timestamp (microseconds, or nanoseconds when the text has
 * more digits; with UTC when it names offsets), else utf8. A type is kept only while every cell fits it. Invariants:
 * nothing exact becomes inexact: integers above 2^53 are no doubles, integers above 64 bits and numbers with leading
 * zeros (postal codes) are text; nulls say nothing.
 */
import type { DataType } from '../arrow/type.ts';
import { parseBoolean, parseDate, parseFloat64, parseInteger64, parseTimestamp, parsed } from './text-parse.ts';

const INT64 = 1;
const UINT64 = 2;
const DOUBLE = 4;
const BOOL = 8;
const DATE = 16;
const MICROSECOND = 32;
const NANOSECOND = 64;
const MICROSECOND_UTC = 128;
const NANOSECOND_UTC = 256;
/** Types that a JSON string may be taken for. */
const TEMPORAL = DATE | MICROSECOND | NANOSECOND | MICROSECOND_UTC | NANOSECOND_UTC;
const ANY = 511;

/** The ladder: the first type that all cells fit is taken. */
const LADDER: readonly (readonly [number, DataType])[] = [
  [INT64, { id: 'int', bitWidth: 64, signed: true }],
  [UINT64, { id: 'int', bitWidth: 64, signed: false }],
  [DOUBLE, { id: 'float', bitWidth: 64 }],
  [BOOL, { id: 'bool' }],
  [DATE, { id: 'date', unit: 'day' }],
  [MICROSECOND, { id: 'timestamp', unit: 'microsecond', timezone: undefined }],
  [NANOSECOND, { id: 'timestamp', unit: 'nanosecond', timezone: undefined }],
  [MICROSECOND_UTC, { id: 'timestamp', unit: 'microsecond', timezone: 'UTC' }],
  [NANOSECOND_UTC, { id: 'timestamp', unit: 'nanosecond', timezone: 'UTC' }],
];
const UTF8: DataType = { id: 'utf8' };

/** The guess about one column so far. */
export class TypeGuess {
  #fits = ANY;
  #seen = false;

  /** Takes a cell of unquoted form (CSV cells, JSON numbers and words). */
  see(bytes: Uint8Array, start: number, end: number): void {
    this.#seen = true;
    if (this.#fits !== 0) this.#fits &= typesOf(bytes, start, end);
  }

  /** Takes a JSON string's text: it may be a date or a timestamp, and never a number. */
  seeString(bytes: Uint8Array, start: number, end: number): void {
    this.see(bytes, start, end);
    this.#fits &= TEMPORAL;
  }

  /** Takes a value that only text can hold. */
  seeText(): void {
    this.#seen = true;
    this.#fits = 0;
  }

  /** True when some typed form fits everything seen. */
  get isTyped(): boolean {
    return this.#seen && this.#fits !== 0;
  }

  /** The first type of the ladder that fits; utf8 when none does or nothing was seen. */
  type(): DataType {
    if (!this.#seen) return UTF8;
    return LADDER.find(([bit]) => (this.#fits & bit) !== 0)?.[1] ?? UTF8;
  }
}

function typesOf(bytes: Uint8Array, start: number, end: number): number {
  let first = start;
  let last = end;
  while (first < last && bytes[first] === 32) first++;
  while (last > first && bytes[last - 1] === 32) last--;
  const byte = bytes[first] ?? 0;
  if (last - first > 64 || last === first) return 0;
  const word = (byte | 32) === 116 || (byte | 32) === 102;
  if (word) return parseBoolean(bytes, first, last) ? BOOL : 0;
  return numberTypes(bytes, first, last) | timeTypes(bytes, first, last);
}

function numberTypes(bytes: Uint8Array, start: number, end: number): number {
  const signed = bytes[start] === 45 || bytes[start] === 43;
  const digit = signed ? start + 1 : start;
  const second = bytes[digit + 1];
  const leadingZero = bytes[digit] === 48 && digit + 1 < end && second !== undefined && second >= 48 && second <= 57;
  if (leadingZero || bytes[start] === 43) return 0;
  if (parseInteger64(bytes, start, end, true)) {
    const safe = parsed.high >= -2_097_152 && parsed.high < 2_097_152;
    return INT64 | (safe ? DOUBLE : 0) | (signed ? 0 : UINT64);
  }
  if (parseInteger64(bytes, start, end, false)) return UINT64;
  for (let i = digit; i < end; i++) {
    const other = bytes[i] ?? 0;
    if (other < 48 || other > 57) return parseFloat64(bytes, start, end) ? DOUBLE : 0;
  }
  return 0;
}

function timeTypes(bytes: Uint8Array, start: number, end: number): number {
  if (end - start < 10) return 0;
  if (parseDate(bytes, start, end)) return DATE | MICROSECOND | NANOSECOND;
  if (parseTimestamp(bytes, start, end, 'nanosecond', 'none')) {
    return NANOSECOND | (parseTimestamp(bytes, start, end, 'microsecond', 'none') ? MICROSECOND : 0);
  }
  if (parseTimestamp(bytes, start, end, 'nanosecond', 'needed')) {
    return NANOSECOND_UTC | (parseTimestamp(bytes, start, end, 'microsecond', 'needed') ? MICROSECOND_UTC : 0);
  }
  // Microseconds reach years that nanoseconds do not.
  if (parseTimestamp(bytes, start, end, 'microsecond', 'none')) return MICROSECOND;
  return parseTimestamp(bytes, start, end, 'microsecond', 'needed') ? MICROSECOND_UTC : 0;
}
