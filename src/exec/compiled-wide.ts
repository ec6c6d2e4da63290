/**
 * Integers of 128 bits in generated code, as two words.
 *
 * Hides carries. Invariants: words are two's complement, the low one first; what is said to wrap wraps at 2^128, all
 * else is exact; operands are bound by whoever asks, so that they may stand in several places.
 * Source: H. Warren, "Hacker's Delight", multiplication and division of several words.
 */
import { get, i64Const, select } from '../codegen/code.ts';
import type { Code } from '../codegen/code.ts';
import type { RowScope } from './compiled-value.ts';
import { f64, i32, i64 } from './compiled-vocabulary.ts';

type Word = Code<'i64'>;
type Bit = Code<'i32'>;
export type Wide = readonly [low: Word, high: Word];

const ZERO = i64Const(0n);
const LOW_HALF = i64Const(0xffffffffn);
const HALF = i64Const(32n);
const SIGN = i64Const(63n);
/** What one step of a division divides by at most, so that a remainder and 32 more bits fit a word. */
const STEP_DIGITS = 9;

/** A constant. */
export function wideConst(value: bigint): Wide {
  return [i64Const(value), i64Const(value >> 64n)];
}

/** a + b; wraps. */
export function addWide(row: RowScope, a: Wide, b: Wide): Wide {
  const low = row.bind(i64.add(a[0], b[0]), 'low');
  const carry = i64.extend_u(i64.lt_u(low, a[0]));
  return [low, row.bind(i64.add(i64.add(a[1], b[1]), carry), 'high')];
}

/** a - b; wraps. */
export function subtractWide(row: RowScope, a: Wide, b: Wide): Wide {
  const low = row.bind(i64.sub(a[0], b[0]), 'low');
  const borrow = i64.extend_u(i64.lt_u(a[0], b[0]));
  return [low, row.bind(i64.sub(i64.sub(a[1], b[1]), borrow), 'high')];
}

/** True where a + b, which is `sum`, wrapped; for a - b, `minus`. */
export function wraps(a: Wide, b: Wide, sum: Wide, minus: boolean): Bit {
  const operands = minus ? i64.xor(a[1], b[1]) : i64.xor(b[1], sum[1]);
  return i64.lt_s(i64.and(operands, i64.xor(a[1], sum[1])), ZERO);
}

/** a < b, signed. */
export function lessWide(a: Wide, b: Wide): Bit {
  return i32.or(i64.lt_s(a[1], b[1]), i32.and(i64.eq(a[1], b[1]), i64.lt_u(a[0], b[0])));
}

/** a < b, unsigned. */
function belowWide(a: Wide, b: Wide): Bit {
  return i32.or(i64.lt_u(a[1], b[1]), i32.and(i64.eq(a[1], b[1]), i64.lt_u(a[0], b[0])));
}

/** The high word of an unsigned product. */
function highOfProduct(row: RowScope, a: Word, b: Word): Word {
  const [a0, a1] = [row.bind(i64.and(a, LOW_HALF), 'a0'), row.bind(i64.shr_u(a, HALF), 'a1')];
  const [b0, b1] = [row.bind(i64.and(b, LOW_HALF), 'b0'), row.bind(i64.shr_u(b, HALF), 'b1')];
  const middle = row.bind(i64.add(i64.mul(a1, b0), i64.shr_u(i64.mul(a0, b0), HALF)), 'middle');
  const rest = i64.add(i64.mul(a0, b1), i64.and(middle, LOW_HALF));
  return row.bind(i64.add(i64.add(i64.mul(a1, b1), i64.shr_u(middle, HALF)), i64.shr_u(rest, HALF)), 'top');
}

/** The product of two signed words. */
export function multiplyNarrow(row: RowScope, a: Word, b: Word): Wide {
  const [a0, a1] = [row.bind(i64.and(a, LOW_HALF), 'a0'), row.bind(i64.shr_s(a, HALF), 'a1')];
  const [b0, b1] = [row.bind(i64.and(b, LOW_HALF), 'b0'), row.bind(i64.shr_s(b, HALF), 'b1')];
  const middle = row.bind(i64.add(i64.mul(a1, b0), i64.shr_u(i64.mul(a0, b0), HALF)), 'middle');
  const rest = i64.add(i64.mul(a0, b1), i64.and(middle, LOW_HALF));
  const high = i64.add(i64.add(i64.mul(a1, b1), i64.shr_s(middle, HALF)), i64.shr_s(rest, HALF));
  return [row.bind(i64.mul(a, b), 'low'), row.bind(high, 'high')];
}

/** a × b; wraps. */
export function multiplyWide(row: RowScope, a: Wide, b: Wide): Wide {
  const crossed = i64.add(i64.mul(a[1], b[0]), i64.mul(a[0], b[1]));
  const high = i64.add(highOfProduct(row, a[0], b[0]), crossed);
  return [row.bind(i64.mul(a[0], b[0]), 'low'), row.bind(high, 'high')];
}

/** The sign as a word of all bits or none, and the value without it, unsigned. */
export function magnitudeOf(row: RowScope, value: Wide): { readonly sign: Word; readonly size: Wide } {
  const sign = row.bind(i64.shr_s(value[1], SIGN), 'sign');
  return { sign, size: withSign(row, value, sign) };
}

/** `size` where `sign` is 0, its negative where it is all bits; wraps. */
export function withSign(row: RowScope, size: Wide, sign: Word): Wide {
  const flipped: Wide = [row.bind(i64.xor(size[0], sign), 'flipped'), row.bind(i64.xor(size[1], sign), 'flipped')];
  return subtractWide(row, flipped, [sign, sign]);
}

/** a × b where that may pass 128 bits; `overflows`: the product's size is 2^128 or more, or above `most`. */
export function multiplyChecked(
  row: RowScope,
  a: Wide,
  b: Wide,
  most: bigint,
): { readonly product: Wide; readonly overflows: Bit } {
  const [x, y] = [magnitudeOf(row, a), magnitudeOf(row, b)];
  const isSet = (word: Word): Bit => i64.ne(word, ZERO);
  const crossed = i64.add(i64.mul(x.size[1], y.size[0]), i64.mul(x.size[0], y.size[1]));
  const top = highOfProduct(row, x.size[0], y.size[0]);
  const high = row.bind(i64.add(top, crossed), 'high');
  const size: Wide = [row.bind(i64.mul(x.size[0], y.size[0]), 'low'), high];
  const parts = [
    i32.and(isSet(x.size[1]), isSet(y.size[1])),
    isSet(highOfProduct(row, x.size[1], y.size[0])),
    isSet(highOfProduct(row, x.size[0], y.size[1])),
    i64.lt_u(high, top),
    belowWide(wideConst(most), size),
  ];
  const overflows = row.bind(parts.reduce(i32.or), 'overflows');
  return { product: withSign(row, size, row.bind(i64.xor(x.sign, y.sign), 'sign')), overflows };
}

/** An unsigned value divided by 10^digits, rounded down. */
export function divideWide(row: RowScope, value: Wide, digits: number): Wide {
  let quotient = value;
  for (let left = digits; left > 0; left -= STEP_DIGITS) {
    const divisor = i64Const(10n ** BigInt(Math.min(left, STEP_DIGITS)));
    const halves = [quotient[1], quotient[0]].flatMap((word) => [i64.shr_u(word, HALF), i64.and(word, LOW_HALF)]);
    let rest: Word = ZERO;
    const made = halves.map((half) => {
      const dividend = row.bind(i64.or(i64.shl(rest, HALF), half), 'dividend');
      rest = row.bind(i64.rem_u(dividend, divisor), 'rest');
      return row.bind(i64.div_u(dividend, divisor), 'part');
    }) as [Word, Word, Word, Word];
    const join = (high: Word, low: Word): Word => row.bind(i64.or(i64.shl(high, HALF), low), 'quotient');
    quotient = [join(made[2], made[3]), join(made[0], made[1])];
  }
  return quotient;
}

/** The nearest double, rounded once, half to even. */
export function doubleOfWide(row: RowScope, value: Wide): Code<'f64'> {
  const { sign, size } = magnitudeOf(row, value);
  const shift = row.bind(i64.clz(size[1]), 'shift');
  // The 64 highest bits; a bit below them that is set must not get lost, or half would be taken for less than half.
  const moved = i64.shr_u(i64.shr_u(size[0], i64Const(1n)), i64.sub(SIGN, shift));
  const lost = i64.extend_u(i64.ne(i64.shl(size[0], shift), ZERO));
  const top = i64.or(i64.or(i64.shl(size[1], shift), moved), lost);
  const factor = f64.of_bits(i64.shl(i64.sub(i64Const(1023n + 64n), shift), i64Const(52n)));
  const double = row.fn.local('f64', 'double');
  row.fn.set(double, f64.convert_u(size[0]));
  row.fn.when(i64.ne(size[1], ZERO), () => row.fn.set(double, f64.mul(f64.convert_u(top), factor)));
  return select(i64.eqz(sign), get(double), f64.neg(get(double)));
}
