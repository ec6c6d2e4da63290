/**
 * Rules of decimals of 128 bits: + - * and signs, and casts among decimals, integers, booleans and floats.
 *
 * Hides when one word is enough. Invariants: results are exact; every value has a bound that is proved from how wide
 * the values of a block are found to be (what is stored may pass its declared precision, so that is no proof), and a
 * result is held against its precision unless its bound is within it; the meaning is that of
 * function/arithmetic-decimal and function/cast-number: digits that a scale drops round half away from zero.
 */
import type { DataType } from '../arrow/type.ts';
import { i64Const, select } from '../codegen/code.ts';
import type { Code } from '../codegen/code.ts';
import type { Expr } from '../plan/expr.ts';
import { narrowRange } from './compiled-rule.ts';
import type { Call, Emitter } from './compiled-rule.ts';
import {
  boolOf,
  boolValue,
  both,
  boundOf,
  decimalOf,
  decimalValue,
  floatValue,
  intOf,
  intValue,
  isNarrow,
  isUnsigned64,
  laneForm,
  narrowOf,
  WIDE_BOUND,
} from './compiled-value.ts';
import type { RowScope, Value } from './compiled-value.ts';
import { f64, i32, i64 } from './compiled-vocabulary.ts';
import {
  addWide,
  divideWide,
  doubleOfWide,
  lessWide,
  magnitudeOf,
  multiplyChecked,
  multiplyNarrow,
  multiplyWide,
  subtractWide,
  wideConst,
  withSign,
  wraps,
} from './compiled-wide.ts';
import type { Wide } from './compiled-wide.ts';

type Bit = Code<'i32'>;
type Cast = Extract<Expr, { kind: 'cast' }>;
type Decimal = DataType & { readonly id: 'decimal' };

/** A value, and the rows that do not fit; undefined where all do. */
export interface Converted {
  readonly value: Value;
  readonly misfit: Bit | undefined;
}

const ZERO = i64Const(0n);
/** Scales that lie farther apart would need more than two words. */
const WIDE_DIGITS = 38;

function isWideDecimal(type: DataType | undefined): type is Decimal {
  return type?.id === 'decimal' && type.bitWidth === 128;
}

/** True for arithmetic whose operands and result are decimals of 128 bits. */
export function isDecimalCall(call: Call): boolean {
  return isWideDecimal(call.type) && call.args.every(({ type }) => isWideDecimal(type));
}

function either(a: Bit | undefined, b: Bit | undefined): Bit | undefined {
  if (a === undefined) return b;
  return b === undefined ? a : i32.or(a, b);
}

/** Outside of ±most. */
function outside(row: RowScope, value: Value, most: bigint): Bit {
  if (value.words.length === 1) {
    const code = narrowOf(value);
    return i32.or(i64.gt_s(code, i64Const(most)), i64.lt_s(code, i64Const(-most)));
  }
  const words = decimalOf(row.bound(value, 'wide'));
  return i32.or(lessWide(wideConst(most), words), lessWide(words, wideConst(-most)));
}

/** Holds a value against its precision. `failed`: rows that are known not to fit. */
function checked(row: RowScope, value: Value, precision: number, failed?: Bit): Converted {
  const most = 10n ** BigInt(precision) - 1n;
  if (boundOf(value) <= most) return { value, misfit: failed };
  const bound = row.bound(value, 'checked');
  const misfit = row.bind(either(failed, outside(row, bound, most)) as Bit, 'misfit');
  return { value: decimalValue(bound.words, most, bound.present), misfit };
}

/** a + b, or with `minus` a - b. */
function sumOf(row: RowScope, a: Value, b: Value, minus: boolean, precision: number): Converted {
  const bound = boundOf(a) + boundOf(b);
  if (isNarrow(bound)) {
    const code = row.bind((minus ? i64.sub : i64.add)(narrowOf(a), narrowOf(b)), 'sum');
    return checked(row, decimalValue([code], bound, undefined), precision);
  }
  const [x, y] = [a, b].map((value) => decimalOf(value).map((word) => row.bind(word, 'w'))) as unknown as [
    Wide,
    Wide,
  ];
  const sum = (minus ? subtractWide : addWide)(row, x, y);
  if (bound < WIDE_BOUND) return checked(row, decimalValue(sum, bound, undefined), precision);
  return checked(row, decimalValue(sum, WIDE_BOUND, undefined), precision, wraps(x, y, sum, minus));
}

function productOf(row: RowScope, a: Value, b: Value, precision: number): Converted {
  const bound = boundOf(a) * boundOf(b);
  if (a.words.length + b.words.length === 2) {
    const [x, y] = [narrowOf(a), narrowOf(b)];
    const words = isNarrow(bound) ? [row.bind(i64.mul(x, y), 'product')] : multiplyNarrow(row, x, y);
    return checked(row, decimalValue(words, bound, undefined), precision);
  }
  const [x, y] = [a, b].map((value) => decimalOf(value).map((word) => row.bind(word, 'w'))) as unknown as [
    Wide,
    Wide,
  ];
  if (bound < WIDE_BOUND) {
    return checked(row, decimalValue(multiplyWide(row, x, y), bound, undefined), precision);
  }
  const most = 10n ** BigInt(precision) - 1n;
  const { product, overflows } = multiplyChecked(row, x, y, most);
  return { value: decimalValue(product, most, undefined), misfit: overflows };
}

/** The code of + - * and signs over decimals. */
export function emitDecimal(emitter: Emitter, call: Call, active: Bit | undefined): Value {
  const { row, value } = emitter;
  const operands = call.args.map((arg) => row.bound(value(arg, active), 'd'));
  const [a, b] = operands.length === 1 ? [decimalValue([ZERO], 0n, undefined), ...operands] : operands;
  const [x, y] = [a, b] as [Value, Value];
  const { precision } = call.type as Decimal;
  const made = call.name === '*' ? productOf(row, x, y, precision) : sumOf(row, x, y, call.name === '-', precision);
  const present = both(x.present, y.present);
  if (made.misfit !== undefined) row.fail(made.misfit, present, active);
  return { ...made.value, present };
}

/** The code of abs over a decimal. */
export function emitDecimalAbs(emitter: Emitter, call: Call, active: Bit | undefined): Value {
  const { row } = emitter;
  const operand = row.bound(emitter.value(call.args[0] as Expr, active), 'd');
  const { present } = operand;
  const { precision } = call.type as Decimal;
  let size: Value;
  if (operand.words.length === 1) {
    const code = narrowOf(operand);
    size = decimalValue([select(i64.lt_s(code, ZERO), i64.sub(ZERO, code), code)], boundOf(operand), undefined);
  } else {
    size = decimalValue(magnitudeOf(row, decimalOf(operand)).size, boundOf(operand), undefined);
  }
  const { value, misfit } = checked(row, size, precision);
  if (misfit !== undefined) row.fail(misfit, present, active);
  return { ...value, present };
}

/** A value without its last `digits` digits, rounded half away from zero. */
function withoutDigits(row: RowScope, value: Value, digits: number): Value {
  const divisor = 10n ** BigInt(digits);
  const half = divisor / 2n;
  const bound = (boundOf(value) + half) / divisor;
  if (value.words.length === 1 && isNarrow(boundOf(value) + half) && isNarrow(divisor)) {
    const code = narrowOf(value);
    const rounding = select(i64.lt_s(code, ZERO), i64Const(-half), i64Const(half));
    return decimalValue([row.bind(i64.div_s(i64.add(code, rounding), i64Const(divisor)), 'cut')], bound, undefined);
  }
  const { sign, size } = magnitudeOf(row, decimalOf(row.bound(value, 'wide')));
  const quotient = divideWide(row, addWide(row, size, wideConst(half)), digits);
  return decimalValue(withSign(row, quotient, sign), bound, undefined);
}

/** A value of one scale at another, held against the precision. */
function rescaled(row: RowScope, value: Value, more: number, precision: number): Converted {
  if (more === 0) return checked(row, value, precision);
  if (more < 0) return checked(row, withoutDigits(row, value, -more), precision);
  const factor = 10n ** BigInt(more);
  return productOf(row, value, decimalValue(wideConst(factor), factor, undefined), precision);
}

/** A boolean or integer as a decimal without scale. */
function wholeOf(from: DataType, value: Value): Value {
  if (value.form === 'bool') return decimalValue([i64.extend_u(boolOf(value))], 1n, undefined);
  const code = intOf(value);
  const range = narrowRange(from);
  if (range !== undefined) return decimalValue([code], -range[0] > range[1] ? -range[0] : range[1], undefined);
  if (isUnsigned64(from)) return decimalValue([code, ZERO], (1n << 64n) - 1n, undefined);
  return decimalValue([code, i64.shr_s(code, i64Const(63n))], 1n << 63n, undefined);
}

function toInt(row: RowScope, to: DataType, from: Decimal, value: Value): Converted {
  // What has more digits than a decimal can have is no integer of 64 bits either.
  const made = rescaled(row, value, -from.scale, WIDE_DIGITS);
  const cut = row.bound(made.value, 'whole');
  const [low, high] = decimalOf(cut);
  const range = narrowRange(to);
  let { misfit } = made;
  if (isUnsigned64(to)) misfit = either(misfit, i64.ne(high, ZERO));
  else if (cut.words.length === 2) misfit = either(misfit, i64.ne(high, i64.shr_s(low, i64Const(63n))));
  if (range !== undefined && boundOf(cut) > (range[1] < -range[0] ? range[1] : -range[0])) {
    const beyond = i32.or(i64.lt_s(low, i64Const(range[0])), i64.gt_s(low, i64Const(range[1])));
    misfit = either(misfit, beyond);
  }
  return { value: intValue(low, undefined), misfit };
}

/** Whole numbers below this, and powers of ten up to this one, are doubles without loss. */
const EXACT_END = 2 ** 53;
const EXACT_SCALE = 22;

function toFloat(row: RowScope, to: DataType, from: Decimal, value: Value): Converted {
  const whole = value.words.length === 1 ? f64.convert_s(narrowOf(value)) : doubleOfWide(row, decimalOf(value));
  const double = f64.div(whole, f64.const(10 ** from.scale));
  const isSingle = to.id === 'float' && to.bitWidth === 32;
  // One division rounds rightly only what doubles hold exactly; the operator does the others.
  const isExactScale = from.scale >= 0 && from.scale <= EXACT_SCALE;
  const isSmall = boundOf(value) < BigInt(EXACT_END);
  const beyond = isExactScale ? f64.ge(f64.abs(whole), f64.const(EXACT_END)) : f64.ne(whole, f64.const(0));
  const misfit = isExactScale && isSmall ? undefined : beyond;
  return { value: floatValue(isSingle ? f64.round32(double) : double, undefined), misfit };
}

/** True for casts of decimals of 128 bits from or to booleans, integers and one another, and to floats. */
export function decimalCastFits({ operand, type }: Cast): boolean {
  const from = operand.type;
  const scale = (of: DataType): number => (of.id === 'decimal' ? of.scale : 0);
  if (Math.abs(scale(type) - scale(from)) > WIDE_DIGITS && type.id !== 'float') return false;
  const isWhole = (of: DataType): boolean => of.id === 'bool' || of.id === 'int';
  if (isWideDecimal(from)) {
    return isWholeOrFloat(type) || isWideDecimal(type);
  }
  return isWideDecimal(type) && isWhole(from);
}

function isWholeOrFloat(type: DataType): boolean {
  return type.id === 'bool' || type.id === 'int' || (type.id === 'float' && laneForm(type) !== undefined);
}

/** Converts the bound `value` of a cast that fits. */
export function convertDecimal(row: RowScope, from: DataType, to: DataType, value: Value): Converted {
  if (isWideDecimal(to)) {
    const source = isWideDecimal(from) ? value : wholeOf(from, value);
    return rescaled(row, source, to.scale - (isWideDecimal(from) ? from.scale : 0), to.precision);
  }
  if (to.id === 'bool') {
    const any = value.words.length === 1 ? narrowOf(value) : i64.or(...decimalOf(value));
    return { value: boolValue(i64.ne(any, ZERO), undefined), misfit: undefined };
  }
  return (to.id === 'float' ? toFloat : toInt)(row, to, from as Decimal, value);
}
