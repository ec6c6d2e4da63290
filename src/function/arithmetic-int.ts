/**
 * Arithmetic on integers of up to 32 bits.
 *
 * Hides that they are computed as float64, which holds every sum and every product that is in range exactly.
 * Invariants: a result out of the type's range is `value_error` unless its row is null; // and % by zero are null.
 */
import { EngineError } from '../base/errors.ts';
import type { DataType } from '../arrow/type.ts';
import { typeName } from '../arrow/type.ts';
import type { Vector } from '../arrow/vector.ts';
import type { ArithmeticOperator } from './arithmetic.ts';
import { numberLoop, withoutZeroDivisors } from './arithmetic-float.ts';
import { numbersOf, vectorFromNumbers } from './column.ts';
import type { Kernel } from './contract.ts';
import { bitAt, mergeValidity } from './validity.ts';
import type { Validity } from './validity.ts';

const OPERATION: Readonly<Record<ArithmeticOperator, string>> = {
  '+': 'addition',
  '-': 'subtraction',
  '*': 'multiplication',
  '/': 'division',
  '//': 'division',
  '%': 'remainder',
  negate: 'negation',
  abs: 'absolute value',
};

/** The error of a result that its type cannot hold. */
export function overflowError(operator: ArithmeticOperator, type: DataType, a: string, b: string): EngineError {
  const text = operator === 'negate' ? `-(${a})` : operator === 'abs' ? `abs(${a})` : `${a} ${operator} ${b}`;
  const message = `overflow in ${OPERATION[operator]} of ${typeName(type)}: ${text}; cast an operand to a wider type`;
  return new EngineError('value_error', message);
}

function truncate(out: Float64Array, rowCount: number): void {
  for (let i = 0; i < rowCount; i++) out[i] = Math.trunc(out[i] as number);
}

/** The first row whose value is outside [low, high] (NaN of 0 / 0 is not), or -1. */
function firstOutside(out: Float64Array, rowCount: number, low: number, high: number): number {
  for (let i = 0; i < rowCount; i++) {
    const value = out[i] as number;
    if (value < low || value > high) return i;
  }
  return -1;
}

/** A kernel of int8-32 and uint8-32; the result has the parameters' type. */
export function smallIntKernel(operator: ArithmeticOperator, bitWidth: number, signed: boolean): Kernel {
  const loop = numberLoop(operator);
  const low = signed ? -(2 ** (bitWidth - 1)) : 0;
  const high = signed ? 2 ** (bitWidth - 1) - 1 : 2 ** bitWidth - 1;
  const divides = operator === '//' || operator === '%';
  return (args, rowCount, type) => {
    const a = numbersOf(args[0] as Vector);
    const b = args.length > 1 ? numbersOf(args[1] as Vector) : a;
    const out = new Float64Array(rowCount);
    loop(a, b, out, rowCount);
    let validity = mergeValidity(args, rowCount);
    if (divides) {
      validity = withoutZeroDivisors(b, validity, rowCount);
      truncate(out, rowCount);
    }
    if (firstOutside(out, rowCount, low, high) >= 0) refuseOverflow(operator, type, [a, b, out], validity, low, high);
    return vectorFromNumbers(type, out, rowCount, validity);
  };
}

/** Throws for the first present row out of range; null rows may hold anything. */
function refuseOverflow(
  operator: ArithmeticOperator,
  type: DataType,
  [a, b, out]: readonly [Float64Array, Float64Array, Float64Array],
  validity: Validity,
  low: number,
  high: number,
): void {
  for (let i = 0; i < out.length; i++) {
    const value = out[i] as number;
    if (value >= low && value <= high) continue;
    if (value !== value || (validity.bits !== undefined && !bitAt(validity.bits, i))) continue;
    throw overflowError(operator, type, String(a[i]), String(b[i]));
  }
}
