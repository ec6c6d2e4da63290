/**
 * Numbers to text: integers digit by digit, 64-bit ones from their two halves, floats in the fewest digits that read
 * back equal.
 *
 * Hides BigInt and String where they can be avoided: both cost several times as much as the loops here. Invariants:
 * every integer is exact; a float's text reads back as the same float of its width, -0.0 included; a float always
 * shows a point or an exponent, so that readers that guess types keep it a float.
 */
import type { ByteSink } from './sink.ts';

const TWO_32 = 4_294_967_296;
const BILLION = 1_000_000_000;
const MINUS = 45;
const POINT = 46;
const ZERO = 48;

/** Result of `divide64`: quotient and remainder of the last call. */
export const division = { quotient: 0, remainder: 0 };

/**
 * Divides the unsigned 64-bit `high`, `low` (each as unsigned 32 bits) by `divisor` < 2^37 into `division`. The
 * quotient is exact as long as it is below 2^53.
 */
export function divide64(high: number, low: number, divisor: number): void {
  const first = Math.floor(high / divisor);
  let dividend = (high - first * divisor) * 65_536 + (low >>> 16);
  const second = Math.floor(dividend / divisor);
  dividend = (dividend - second * divisor) * 65_536 + (low & 65_535);
  const third = Math.floor(dividend / divisor);
  division.quotient = first * TWO_32 + second * 65_536 + third;
  division.remainder = dividend - third * divisor;
}

/** Writes a whole number in 0 .. 2^53. */
export function writeWhole(sink: ByteSink, value: number): void {
  if (value >= BILLION) {
    const upper = Math.floor(value / BILLION);
    writeWhole(sink, upper);
    writePadded(sink, value - upper * BILLION, 9);
    return;
  }
  writePadded(sink, value, digitsOf(value));
}

/** Decimal digits of a whole number below 1e9. */
function digitsOf(value: number): number {
  if (value < 10_000) return value < 100 ? (value < 10 ? 1 : 2) : value < 1_000 ? 3 : 4;
  if (value < 1_000_000) return value < 100_000 ? 5 : 6;
  return value < 10_000_000 ? 7 : value < 100_000_000 ? 8 : 9;
}

/** Writes a whole number below 1e9 in exactly `width` digits, with leading zeros. */
export function writePadded(sink: ByteSink, value: number, width: number): void {
  sink.reserve(width);
  const { bytes } = sink;
  let rest = value | 0;
  for (let at = sink.at + width - 1; at >= sink.at; at--) {
    const next = (rest / 10) | 0;
    bytes[at] = ZERO + rest - next * 10;
    rest = next;
  }
  sink.at += width;
}

/** Writes a signed whole number of at most 53 bits. */
export function writeInteger(sink: ByteSink, value: number): void {
  if (value < 0) {
    sink.byte(MINUS);
    writeWhole(sink, -value);
  } else writeWhole(sink, value);
}

/** Writes the unsigned 64-bit number of two unsigned 32-bit halves. */
export function writeUint64(sink: ByteSink, low: number, high: number): void {
  if (high < 2_097_152) {
    writeWhole(sink, high * TWO_32 + low);
    return;
  }
  divide64(high, low, BILLION);
  const { quotient, remainder } = division;
  writeWhole(sink, quotient);
  writePadded(sink, remainder, 9);
}

/** Writes the signed 64-bit number of two 32-bit halves, as an Int32Array holds them. */
export function writeInt64(sink: ByteSink, low: number, high: number): void {
  if (high >= 0) {
    writeUint64(sink, low >>> 0, high);
    return;
  }
  sink.byte(MINUS);
  const flipped = -low >>> 0;
  writeUint64(sink, flipped, (~high + (flipped === 0 ? 1 : 0)) >>> 0);
}

/** Fraction digits that the short way of `writeFloat` tries; prices and measures have few. */
const FRACTION_DIGITS_TRIED = 6;
/** Values in a row without a short form after which the short way rests, and for how many values it does. */
const MISSES_BEFORE_REST = 16;
const VALUES_OF_REST = 1_000;

/**
 * Makes a writer of finite floats. `narrow` rounds a number to the float's own width (identity for float64), so that
 * a float32 shows the digits that it needs, not those of the float64 it widens to. Keeps a little state: one writer
 * per column.
 */
export function floatWriter(narrow: (value: number) => number): (sink: ByteSink, value: number) => void {
  let misses = 0;
  const exact = narrow(0.1) === 0.1;
  return (sink, signed) => {
    let value = signed;
    if (value < 0 || Object.is(value, -0)) {
      sink.byte(MINUS);
      value = -value;
    }
    if (misses < MISSES_BEFORE_REST) {
      if (writeShort(sink, value, narrow)) {
        misses = 0;
        return;
      }
      misses++;
    } else if (++misses > MISSES_BEFORE_REST + VALUES_OF_REST) misses = 0;
    const text = exact ? String(value) : shortestText(value, narrow);
    sink.ascii(text);
    if (value >= 1e15 && !/[.e]/.test(text)) sink.ascii('.0');
  };
}

/**
 * Writes `value` >= 0 if few fraction digits do; false otherwise, with nothing written. A decimal of at most 15
 * digits that reads back equal, with the fewest fraction digits, is the shortest there is.
 */
function writeShort(sink: ByteSink, value: number, narrow: (value: number) => number): boolean {
  if (value === Math.floor(value)) {
    if (value >= 1e15) return false;
    writeWhole(sink, value);
    sink.ascii('.0');
    return true;
  }
  if (value < 1e-5 || value >= 1e9) return false;
  let scale = 1;
  for (let digits = 1; digits <= FRACTION_DIGITS_TRIED; digits++) {
    scale *= 10;
    const scaled = Math.round(value * scale);
    if (narrow(scaled / scale) === value) {
      const whole = Math.floor(scaled / scale);
      writeWhole(sink, whole);
      sink.byte(POINT);
      writePadded(sink, scaled - whole * scale, digits);
      return true;
    }
  }
  return false;
}

/** The text of the fewest significant digits that `narrow` maps back to `value`. */
function shortestText(value: number, narrow: (value: number) => number): string {
  for (let digits = 1; digits < 17; digits++) {
    const text = value.toPrecision(digits);
    if (narrow(Number(text)) === value) return String(Number(text));
  }
  return String(value);
}

/** Value of an IEEE half float's bits. */
export function halfValue(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** Bits of the half float that `roundToHalf` rounds to. */
export function halfBits(value: number): number {
  if (Number.isNaN(value)) return 0x7e00;
  const rounded = roundToHalf(value);
  const sign = Object.is(rounded, -0) || rounded < 0 ? 0x8000 : 0;
  const magnitude = Math.abs(rounded);
  if (magnitude === Infinity) return sign | 0x7c00;
  if (magnitude < 2 ** -14) return sign | (magnitude * 2 ** 24);
  let exponent = 15;
  while (2 ** exponent > magnitude) exponent--;
  return sign | ((exponent + 15) << 10) | ((magnitude / 2 ** exponent - 1) * 1_024);
}

/** Rounds to the nearest half float, ties to even; beyond its range, infinity. */
export function roundToHalf(value: number): number {
  const magnitude = Math.abs(value);
  if (!Number.isFinite(magnitude) || magnitude === 0) return value;
  const exponent = Math.max(Math.floor(Math.log2(magnitude)), -14);
  const unit = 2 ** (exponent - 10);
  const units = magnitude / unit;
  const below = Math.floor(units);
  const rest = units - below;
  const rounded = rest > 0.5 || (rest === 0.5 && below % 2 === 1) ? below + 1 : below;
  const result = rounded * unit;
  return Math.sign(value) * (result > 65_504 ? Infinity : result);
}

/**
 * Writes an unscaled decimal, given as its sign and digits, with `scale` digits after the point. Negative scales add
 * zeros.
 */
export function writeDecimal(sink: ByteSink, unscaled: string, scale: number): void {
  const negative = unscaled.startsWith('-');
  const digits = negative ? unscaled.slice(1) : unscaled;
  if (negative) sink.byte(MINUS);
  if (scale <= 0) {
    sink.ascii(digits === '0' ? digits : digits + '0'.repeat(-scale));
    return;
  }
  const padded = digits.padStart(scale + 1, '0');
  sink.ascii(padded.slice(0, -scale));
  sink.byte(POINT);
  sink.ascii(padded.slice(-scale));
}
