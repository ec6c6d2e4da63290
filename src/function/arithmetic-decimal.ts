/**
 * Arithmetic on decimals of 128 and 256 bits (narrower ones are cast before): + - * % and signs; // on integers that
 * meet in decimal128(38, 0).
 *
 * Hides the scales: operands of + - % come with one scale, those of * with any two. Invariants: results are exact;
 * one with more digits than its type is `value_error` unless the row is null; % and // by zero are null. A row whose
 * operands and result are below 2^53 is computed in doubles, any other costs a few BigInts.
 */
import { EngineError } from '../base/errors.ts';
import type { DataType } from '../arrow/type.ts';
import { typeName } from '../arrow/type.ts';
import type { Vector } from '../arrow/vector.ts';
import type { ArithmeticOperator } from './arithmetic.ts';
import { vectorOf, bytesOf } from './column.ts';
import { decimalText, decimalValues, SMALL_END, smallDecimals, storeDecimal, storeSmall } from './decimal.ts';
import type { Kernel } from './contract.ts';
import { bitAt, mergeValidity, validityFrom, writableBits } from './validity.ts';

function combine(operator: ArithmeticOperator, a: bigint, b: bigint): bigint {
  switch (operator) {
    case '+':
      return a + b;
    case '-':
      return a - b;
    case '*':
      return a * b;
    case '%':
      return a % b;
    case '//':
      return a / b;
    case 'negate':
      return -a;
    case 'abs':
      return a < 0n ? -a : a;
    default:
      throw new TypeError(`decimals have no exact ${operator}`);
  }
}

/** As `combine`, exact where the answer is below 2^53; NaN operands make NaN, and // goes the long way. */
function combineSmall(operator: ArithmeticOperator, a: number, b: number): number {
  switch (operator) {
    case '+':
      return a + b;
    case '-':
      return a - b;
    case '*':
      return a * b;
    case '%':
      return a % b;
    case 'negate':
      return -a;
    case 'abs':
      return Math.abs(a);
    default:
      return NaN;
  }
}

/** A decimal kernel; the result's type is the call's. */
export function decimalKernel(operator: ArithmeticOperator, parameters: readonly DataType[]): Kernel {
  return (args, rowCount, type) => {
    if (type.id !== 'decimal') throw new TypeError('decimals make decimals');
    const a = decimalValues(args[0] as Vector);
    const b = args.length > 1 ? decimalValues(args[1] as Vector) : a;
    let validity = mergeValidity(args, rowCount);
    const bound = 10n ** BigInt(type.precision);
    const out = new Int32Array((rowCount * type.bitWidth) / 32);
    const divides = operator === '%' || operator === '//';
    const smallA = smallDecimals(args[0] as Vector);
    const smallB = args.length > 1 ? smallDecimals(args[1] as Vector) : smallA;
    const smallEnd = Math.min(Number(bound), SMALL_END);
    let bits: Uint8Array | undefined;
    for (let i = 0; i < rowCount; i++) {
      if (validity.bits !== undefined && !bitAt(validity.bits, i)) continue;
      // What stays below is exact; a remainder by zero is NaN.
      const small = combineSmall(operator, smallA[i] as number, smallB[i] as number);
      if (Math.abs(small) < smallEnd) {
        storeSmall(out, i, type.bitWidth, small);
        continue;
      }
      const left = a(i);
      const right = b(i);
      if (divides && right === 0n) {
        bits ??= writableBits(validity, rowCount);
        bits[i >> 3] = (bits[i >> 3] as number) & ~(1 << (i & 7));
        continue;
      }
      const value = combine(operator, left, right);
      if (value >= bound || value <= -bound) throw digitsError(operator, parameters, [left, right], type);
      storeDecimal(out, i, type.bitWidth, value);
    }
    if (bits !== undefined) validity = validityFrom(bits, rowCount);
    return vectorOf(type, rowCount, validity, bytesOf(out));
  };
}

function digitsError(
  operator: ArithmeticOperator,
  parameters: readonly DataType[],
  values: readonly bigint[],
  type: DataType,
): EngineError {
  const texts = parameters.map((parameter, i) => {
    return decimalText(values[i] as bigint, parameter.id === 'decimal' ? parameter.scale : 0);
  });
  const text = texts.length === 1 ? `${operator}(${texts.join('')})` : texts.join(` ${operator} `);
  const message = `overflow in ${typeName(type)}: ${text} has too many digits; cast an operand to double`;
  return new EngineError('value_error', message);
}
