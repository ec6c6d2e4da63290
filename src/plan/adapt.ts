/**
 * Literals that take the type of what they stand beside, so that a column need not be cast: `int64_column > 5`
 * compares int64.
 *
 * Hides exactness. Invariant: the adapted literal has the same value as the written one, but that a decimal literal
 * beside a floating-point value becomes the nearest such value, as in DuckDB. What does not fit is left for common
 * types to settle.
 */
import { NANOS_PER_UNIT, sameType } from '../arrow/type.ts';
import type { DataType } from '../arrow/type.ts';
import type { Literal } from './constant.ts';
import { fixValue, isWide, makeLiteral } from './constant.ts';

/** A number as unscaled × 10^-scale. */
interface Decimal {
  readonly unscaled: bigint;
  readonly scale: number;
}

/** The type that literals beside a value of `type` should take: that of its values, for encodings. */
export function targetOf(type: DataType): DataType {
  if (type.id === 'dictionary') return targetOf(type.value);
  if (type.id === 'run_end') return targetOf(type.values.type);
  return type;
}

/** The literal in `type` if that loses nothing; undefined otherwise. Text is not looked into. */
export function adaptLiteral(literal: Literal, type: DataType): Literal | undefined {
  if (literal.value === null) return undefined;
  if (sameType(literal.type, type)) return literal;
  fixValue(literal);
  switch (type.id) {
    case 'int':
      return adaptToInt(literal, type);
    case 'float':
      return adaptToFloat(literal, type);
    case 'decimal':
      return adaptToDecimal(literal, type);
    case 'date':
    case 'timestamp':
      return adaptToTime(literal, type);
    default:
      return undefined;
  }
}

/** Only what arithmetic wants: integers among integers, numbers among floats. */
export function adaptOperand(literal: Literal, type: DataType): Literal | undefined {
  if (type.id === 'int' && literal.type.id !== 'int') return undefined;
  if (type.id !== 'int' && type.id !== 'float') return undefined;
  return adaptLiteral(literal, type);
}

/** An integer or decimal literal's value. */
export function decimalValue(literal: Literal): Decimal | undefined {
  const { value, type } = literal;
  if (typeof value !== 'number' && typeof value !== 'bigint') return undefined;
  if (type.id === 'int') return { unscaled: BigInt(value), scale: 0 };
  if (type.id === 'decimal') return { unscaled: BigInt(value), scale: type.scale };
  return undefined;
}

/** The greatest integer that is not above the number. */
export function floorOf(decimal: Decimal): bigint {
  const unit = 10n ** BigInt(decimal.scale);
  const quotient = decimal.unscaled / unit;
  return decimal.unscaled % unit < 0n ? quotient - 1n : quotient;
}

/** True when an integer type holds `value`. */
export function intHolds(type: DataType & { readonly id: 'int' }, value: bigint): boolean {
  return value === (type.signed ? BigInt.asIntN(type.bitWidth, value) : BigInt.asUintN(type.bitWidth, value));
}

/** A literal of an integer type that holds `value`. */
export function intLiteral(value: bigint, type: DataType, literal: Literal): Literal {
  return makeLiteral(isWide(type) ? value : Number(value), type, literal.span);
}

function adaptToInt(literal: Literal, type: DataType & { readonly id: 'int' }): Literal | undefined {
  const { value } = literal;
  if (literal.type.id === 'float' && typeof value === 'number') {
    // Below 2^53 a comparison of doubles and one of integers agree, whatever the other side is.
    if (!Number.isSafeInteger(value) || !intHolds(type, BigInt(value))) return undefined;
    return intLiteral(BigInt(value), type, literal);
  }
  const decimal = decimalValue(literal);
  if (decimal === undefined || decimal.unscaled % 10n ** BigInt(decimal.scale) !== 0n) return undefined;
  const whole = floorOf(decimal);
  return intHolds(type, whole) ? intLiteral(whole, type, literal) : undefined;
}

function adaptToFloat(literal: Literal, type: DataType & { readonly id: 'float' }): Literal | undefined {
  const decimal = decimalValue(literal);
  if (decimal === undefined || type.bitWidth === 16) return undefined;
  const near = Number(`${decimal.unscaled.toString()}e-${decimal.scale.toString()}`);
  const value = type.bitWidth === 32 ? Math.fround(near) : near;
  if (!Number.isFinite(value)) return undefined;
  const isExact = decimal.scale > 0 || BigInt(value) === decimal.unscaled;
  return isExact ? makeLiteral(value, type, literal.span) : undefined;
}

function adaptToDecimal(literal: Literal, type: DataType & { readonly id: 'decimal' }): Literal | undefined {
  const decimal = decimalValue(literal);
  if (decimal === undefined) return undefined;
  const shift = type.scale - decimal.scale;
  const unit = 10n ** BigInt(Math.abs(shift));
  if (shift < 0 && decimal.unscaled % unit !== 0n) return undefined;
  const unscaled = shift < 0 ? decimal.unscaled / unit : decimal.unscaled * unit;
  const bound = 10n ** BigInt(type.precision);
  return unscaled < bound && unscaled > -bound ? makeLiteral(unscaled, type, literal.span) : undefined;
}

const DAY_NS = 86_400_000_000_000n;

/** Nanoseconds in one unit of a date or timestamp type. */
function unitOf(type: DataType): bigint | undefined {
  if (type.id === 'date') return type.unit === 'day' ? DAY_NS : NANOS_PER_UNIT.millisecond;
  return type.id === 'timestamp' ? NANOS_PER_UNIT[type.unit] : undefined;
}

function adaptToTime(literal: Literal, type: DataType): Literal | undefined {
  const from = unitOf(literal.type);
  const to = unitOf(type);
  const { value } = literal;
  if (from === undefined || to === undefined || (typeof value !== 'number' && typeof value !== 'bigint'))
    return undefined;
  const isZoned = (t: DataType): boolean => t.id === 'timestamp' && t.timezone !== undefined;
  if (isZoned(literal.type) !== isZoned(type)) return undefined;
  const ns = BigInt(value) * from;
  if (ns % to !== 0n || ns / to !== BigInt.asIntN(64, ns / to)) return undefined;
  return makeLiteral(isWide(type) ? ns / to : Number(ns / to), type, literal.span);
}
