/**
 * Rounding: round, round_even, trunc, ceil, floor, and sign.
 *
 * Hides which form of number is rounded how. Invariants: integers and decimals are rounded exactly, and a result that
 * its type cannot hold is `value_error`; halves go away from zero, but for round_even; digits after the point that a
 * decimal does not have change nothing.
 */
import { EngineError } from '../base/errors.ts';
import type { DataType } from '../arrow/type.ts';
import { typeName } from '../arrow/type.ts';
import type { Vector } from '../arrow/vector.ts';
import { bytesOf, formOf, numbersOf, vectorFromNumbers, vectorOf } from './column.ts';
import type { Kernel, ResolvedCall } from './contract.ts';
import { decimalText, decimalValues, storeDecimal } from './decimal.ts';
import type { FunctionEntry } from './entry.ts';
import { roundAt, roundAway, roundToEven } from './math-special.ts';
import { eachRow, numberRows } from './scalar-frame.ts';
import { decimalType, DOUBLE, flatType, FLOAT, HUGE, INT32, INT64, strictCall } from './signature.ts';
import { mergeValidity } from './validity.ts';

/** How digits are dropped: of a float that has been scaled, and of an exact quotient. */
interface Rounding {
  readonly whole: (scaled: number) => number;
  /** `value` as a multiple of `unit`, which is 10 or more. */
  readonly divide: (value: bigint, unit: bigint) => bigint;
}

function awayFromZero(value: bigint, unit: bigint): bigint {
  return value < 0n ? -((-value + unit / 2n) / unit) : (value + unit / 2n) / unit;
}

function halfToEven(value: bigint, unit: bigint): bigint {
  const quotient = value / unit;
  const rest = value % unit;
  const twice = (rest < 0n ? -rest : rest) * 2n;
  if (twice < unit || (twice === unit && quotient % 2n === 0n)) return quotient;
  return quotient + (value < 0n ? -1n : 1n);
}

const ROUND: Rounding = { whole: roundAway, divide: awayFromZero };
const EVEN: Rounding = { whole: roundToEven, divide: halfToEven };
const TRUNC: Rounding = { whole: Math.trunc, divide: (value, unit) => value / unit };
const CEIL: Rounding = {
  whole: Math.ceil,
  divide: (value, unit) => value / unit + (value > 0n && value % unit !== 0n ? 1n : 0n),
};
const FLOOR: Rounding = {
  whole: Math.floor,
  divide: (value, unit) => value / unit - (value < 0n && value % unit !== 0n ? 1n : 0n),
};

/** Digits beyond these are those of no number. */
const DIGITS = 80;

function shortDigits(digits: number): number {
  return digits > DIGITS ? DIGITS : digits < -DIGITS ? -DIGITS : digits;
}

/** Rounds decimals of `scale` to `type`, whose scale is that of the digits that are kept. */
function decimalRounding(name: string, rounding: Rounding, scale: number): Kernel {
  return (args, rowCount, type) => {
    if (type.id !== 'decimal') throw new TypeError('decimals round to decimals');
    const values = decimalValues(args[0] as Vector);
    const digits = args.length > 1 ? numbersOf(args[1] as Vector) : undefined;
    const bound = 10n ** BigInt(type.precision);
    const out = new Int32Array((rowCount * type.bitWidth) / 32);
    const validity = eachRow(args, rowCount, (i) => {
      const kept = Math.min(digits === undefined ? 0 : shortDigits(digits[i] as number), scale);
      const value = values(i);
      const unit = 10n ** BigInt(scale - kept);
      const rounded = unit === 1n ? value : rounding.divide(value, unit);
      // Rounded to `kept` digits, which may be fewer or more than the result's scale.
      const shift = type.scale - kept;
      const stored = shift >= 0 ? rounded * 10n ** BigInt(shift) : rounded / 10n ** BigInt(-shift);
      if (stored >= bound || stored <= -bound) throw tooLarge(name, decimalText(value, scale), type);
      storeDecimal(out, i, type.bitWidth, stored);
    });
    return vectorOf(type, rowCount, validity, bytesOf(out));
  };
}

function tooLarge(name: string, value: string, type: DataType): EngineError {
  return new EngineError('value_error', `${name}(${value}) is out of the range of ${typeName(type)}`);
}

/** Rounds integers at a digit before the point. */
function integerRounding(name: string, rounding: Rounding): Kernel {
  return (args, rowCount, type) => {
    if (type.id !== 'int') throw new TypeError('integers round to integers');
    const values = decimalValues(args[0] as Vector);
    const digits = numbersOf(args[1] as Vector);
    const small = formOf(type).kind === 'number' ? new Float64Array(rowCount) : undefined;
    const words = new Int32Array(small === undefined ? rowCount * 2 : 0);
    const bits = BigInt(type.bitWidth);
    const low = type.signed ? -(1n << (bits - 1n)) : 0n;
    const high = low + (1n << bits);
    const validity = eachRow(args, rowCount, (i) => {
      const value = values(i);
      const places = shortDigits(digits[i] as number);
      const unit = places < 0 ? 10n ** BigInt(-places) : 1n;
      // A unit beyond twice the range of the type leaves nothing.
      const rounded = unit === 1n ? value : unit > (high - low) * 2n ? 0n : rounding.divide(value, unit) * unit;
      if (rounded < low || rounded >= high) throw tooLarge(name, value.toString(), type);
      if (small === undefined) storeDecimal(words, i, 64, rounded);
      else small[i] = Number(rounded);
    });
    if (small === undefined) return vectorOf(type, rowCount, validity, bytesOf(words));
    return vectorFromNumbers(type, small, rowCount, validity);
  };
}

function floatRounding(rounding: Rounding): Kernel {
  return (args, rowCount, type) => {
    const x = numbersOf(args[0] as Vector);
    const out = new Float64Array(rowCount);
    const { whole } = rounding;
    if (args.length === 1) for (let i = 0; i < rowCount; i++) out[i] = whole(x[i] as number);
    else {
      const digits = numbersOf(args[1] as Vector);
      for (let i = 0; i < rowCount; i++) out[i] = roundAt(x[i] as number, digits[i] as number, whole);
    }
    return vectorFromNumbers(type, out, rowCount, mergeValidity(args, rowCount));
  };
}

/** A type as rounding sees it: half floats as floats, null as int64. */
function roundedType(argument: DataType): DataType | undefined {
  const type = flatType(argument);
  if (type.id === 'null') return INT64;
  if (type.id === 'float') return type.bitWidth === 64 ? DOUBLE : FLOAT;
  return type.id === 'int' || type.id === 'decimal' ? type : undefined;
}

/** Whole results: ceil, floor, and round and trunc without digits. `keepsIntegers`: else they become doubles. */
function resolveWhole(name: string, argument: DataType, keepsIntegers: boolean): ResolvedCall | undefined {
  const type = roundedType(argument);
  if (type === undefined) return undefined;
  if (type.id === 'int') return strictCall(name, [keepsIntegers ? type : DOUBLE], keepsIntegers ? type : DOUBLE);
  if (type.id !== 'decimal') return strictCall(name, [type], type);
  return strictCall(name, [type], { ...type, scale: Math.min(type.scale, 0) });
}

function wideOf(bitWidth: number): 128 | 256 {
  return bitWidth === 256 ? 256 : 128;
}

function resolveDigits(name: string, args: readonly DataType[]): ResolvedCall | undefined {
  const [argument, digits] = args.map(flatType);
  const given = argument === undefined ? undefined : roundedType(argument);
  if (given === undefined || digits === undefined) return undefined;
  // Rounding up can leave an unsigned type.
  const isWider = name !== 'trunc' && given.id === 'int' && !given.signed;
  const type = isWider ? (given.bitWidth === 64 ? HUGE : INT64) : given;
  const isSmall = digits.id === 'int' && (digits.bitWidth < 32 || (digits.bitWidth === 32 && digits.signed));
  if (!isSmall && digits.id !== 'null') return undefined;
  // Rounding up can make one digit more: 99.9 becomes 100.0.
  const result = type.id === 'decimal' ? decimalType(type.precision + 1, type.scale, wideOf(type.bitWidth)) : type;
  return strictCall(name, [type, INT32], result);
}

function roundingKernel(name: string, rounding: Rounding, parameters: readonly DataType[]): Kernel {
  const [type] = parameters;
  switch (type?.id) {
    case 'int':
      return parameters.length === 1 ? ([vector]) => vector as Vector : integerRounding(name, rounding);
    case 'decimal':
      return decimalRounding(name, rounding, type.scale);
    default:
      return floatRounding(rounding);
  }
}

function digitsEntry(
  name: string,
  aliases: readonly string[],
  counts: readonly number[],
  rounding: Rounding,
  doc: string,
  example: string,
): FunctionEntry {
  return {
    name,
    aliases,
    expects: counts.includes(1) ? '(number) or (number, integer)' : '(number, integer)',
    doc,
    example,
    fails: true,
    resolve: (args) => {
      if (!counts.includes(args.length)) return undefined;
      return args.length === 1 ? resolveWhole(name, args[0] as DataType, true) : resolveDigits(name, args);
    },
    kernel: (parameters) => roundingKernel(name, rounding, parameters),
  };
}

function wholeEntry(
  name: string,
  aliases: readonly string[],
  rounding: Rounding,
  doc: string,
  example: string,
): FunctionEntry {
  return {
    name,
    aliases,
    expects: '(number)',
    doc,
    example,
    resolve: (args) => (args.length === 1 ? resolveWhole(name, args[0] as DataType, false) : undefined),
    kernel: (parameters) => roundingKernel(name, rounding, parameters),
  };
}

const INT8: DataType = { id: 'int', bitWidth: 8, signed: true };

const signKernel: Kernel = (args, rowCount, type) => {
  const vector = args[0] as Vector;
  if (formOf(vector.type).kind === 'number') {
    const x = numbersOf(vector);
    return numberRows(args, rowCount, type, (i) => ((x[i] as number) > 0 ? 1 : (x[i] as number) < 0 ? -1 : 0));
  }
  const values = decimalValues(vector);
  return numberRows(args, rowCount, type, (i) => {
    const value = values(i);
    return value > 0n ? 1 : value < 0n ? -1 : 0;
  });
};

/** The entries of this family. */
export const ROUNDING: readonly FunctionEntry[] = [
  digitsEntry(
    'round',
    [],
    [1, 2],
    ROUND,
    'The number rounded to so many digits after the point, or before it where negative; halves go away from zero.',
    'round(1250, -2) → 1300',
  ),
  digitsEntry(
    'round_even',
    ['roundbankers'],
    [2],
    EVEN,
    'The number rounded to so many digits; halves go to the even digit.',
    'round_even(2.5::DOUBLE, 0) → 2.0',
  ),
  digitsEntry(
    'trunc',
    [],
    [1, 2],
    TRUNC,
    'The number without its fraction, or without the digits after so many.',
    'trunc(-1.987::DOUBLE, 2) → -1.98',
  ),
  wholeEntry('ceil', ['ceiling'], CEIL, 'The least whole number that is not below.', 'ceil(1.2::DOUBLE) → 2.0'),
  wholeEntry('floor', [], FLOOR, 'The greatest whole number that is not above.', 'floor(-1.2::DOUBLE) → -2.0'),
  {
    name: 'sign',
    expects: '(number)',
    doc: '-1, 0 or 1: the sign of the number; 0 for NaN.',
    example: 'sign(-2.5) → -1',
    resolve: (args) => {
      const type = args.length === 1 ? roundedType(args[0] as DataType) : undefined;
      return type === undefined ? undefined : strictCall('sign', [type], INT8);
    },
    kernel: () => signKernel,
  },
];
