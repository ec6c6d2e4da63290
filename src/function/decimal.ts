/**
 * Decimal values: unscaled integers in rows of 32 to 256 bits, and their text.
 *
 * Hides words. Invariant: rounding of digits that a scale drops is half away from zero (DuckDB).
 */
import type { Vector } from '../arrow/vector.ts';
import { formOf, numbersOf, wordsOf } from './column.ts';
import { bigintOfWords } from './constant.ts';

/** Reads the unscaled integers of a decimal or integer vector by row. */
export function decimalValues(vector: Vector): (row: number) => bigint {
  const form = formOf(vector.type);
  if (form.kind === 'number') {
    const numbers = numbersOf(vector);
    return (row) => BigInt(numbers[row] as number);
  }
  if (form.kind !== 'words') throw new TypeError(`decimalValues: ${vector.type.id}`);
  const words = wordsOf(vector);
  const { words: count, signed } = form;
  return (row) => bigintOfWords(words, row * count, count, signed);
}

/** Writes one unscaled integer that fits. `out`: 32-bit words of all rows. */
export function storeDecimal(out: Int32Array, row: number, bitWidth: number, value: bigint): void {
  const count = bitWidth / 32;
  let rest = value;
  for (let k = 0; k < count; k++) {
    out[row * count + k] = Number(BigInt.asIntN(32, rest));
    rest >>= 32n;
  }
}

/** Integers of this size and more are not all doubles. */
export const SMALL_END = 2 ** 53;
const TWO_32 = 4294967296;

/** The unscaled integers of a decimal or integer vector as doubles; NaN for those of SMALL_END and more in size. */
export function smallDecimals(vector: Vector): Float64Array {
  const form = formOf(vector.type);
  if (form.kind === 'number') return numbersOf(vector);
  if (form.kind !== 'words') throw new TypeError(`smallDecimals: ${vector.type.id}`);
  const words = wordsOf(vector);
  const { words: count, signed } = form;
  const out = new Float64Array(vector.length);
  for (let i = 0, at = 0; i < out.length; i++, at += count) {
    const second = signed || count > 2 ? (words[at + 1] as number) : (words[at + 1] as number) >>> 0;
    let isSmall = second >= -0x200000 && second < 0x200000;
    for (let k = 2; k < count; k++) isSmall &&= words[at + k] === second >> 31;
    out[i] = isSmall ? second * TWO_32 + ((words[at] as number) >>> 0) : NaN;
  }
  return out;
}

/** Writes one unscaled integer below SMALL_END in size, as `storeDecimal`. */
export function storeSmall(out: Int32Array, row: number, bitWidth: number, value: number): void {
  const count = bitWidth / 32;
  const at = row * count;
  out[at] = value;
  if (count === 1) return;
  const high = Math.floor(value / TWO_32);
  out[at + 1] = high;
  for (let k = 2; k < count; k++) out[at + k] = high >> 31;
}

/** The text of an unscaled integer with `scale` digits after the point. */
export function decimalText(value: bigint, scale: number): string {
  const negative = value < 0n;
  const digits = (negative ? -value : value).toString();
  const sign = negative ? '-' : '';
  if (scale <= 0) return `${sign}${digits}${value === 0n ? '' : '0'.repeat(-scale)}`;
  const padded = digits.padStart(scale + 1, '0');
  return `${sign}${padded.slice(0, -scale)}.${padded.slice(-scale)}`;
}

/** `value` with scale `from` brought to scale `to`, rounded half away from zero. */
export function rescale(value: bigint, from: number, to: number): bigint {
  if (to >= from) return value * 10n ** BigInt(to - from);
  const divisor = 10n ** BigInt(from - to);
  const half = divisor / 2n;
  return value < 0n ? -((-value + half) / divisor) : (value + half) / divisor;
}
