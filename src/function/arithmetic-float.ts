/**
 * Arithmetic on floats.
 *
 * Hides that float32 is computed as float64 and rounded once: for + - * / and % the double result rounds to the same
 * float32. Invariants: IEEE 754 throughout, so nothing here fails; `%` is fmod; `//` is `/`, but null where the
 * divisor is zero (DuckDB).
 */
import type { Vector } from '../arrow/vector.ts';
import type { ArithmeticOperator } from './arithmetic.ts';
import { numbersOf, vectorFromNumbers } from './column.ts';
import type { Kernel } from './contract.ts';
import { mergeValidity, validityFrom, writableBits } from './validity.ts';
import type { Validity } from './validity.ts';

type Loop = (a: Float64Array, b: Float64Array, out: Float64Array, rowCount: number) => void;

const LOOPS: Readonly<Record<ArithmeticOperator, Loop>> = {
  '+': (a, b, out, n) => {
    for (let i = 0; i < n; i++) out[i] = (a[i] as number) + (b[i] as number);
  },
  '-': (a, b, out, n) => {
    for (let i = 0; i < n; i++) out[i] = (a[i] as number) - (b[i] as number);
  },
  '*': (a, b, out, n) => {
    for (let i = 0; i < n; i++) out[i] = (a[i] as number) * (b[i] as number);
  },
  '/': (a, b, out, n) => {
    for (let i = 0; i < n; i++) out[i] = (a[i] as number) / (b[i] as number);
  },
  '//': (a, b, out, n) => {
    for (let i = 0; i < n; i++) out[i] = (a[i] as number) / (b[i] as number);
  },
  '%': (a, b, out, n) => {
    for (let i = 0; i < n; i++) out[i] = (a[i] as number) % (b[i] as number);
  },
  negate: (a, _b, out, n) => {
    for (let i = 0; i < n; i++) out[i] = -(a[i] as number);
  },
  abs: (a, _b, out, n) => {
    for (let i = 0; i < n; i++) out[i] = Math.abs(a[i] as number);
  },
};

/** The loop of an operator over float64 arrays; unary ones ignore the second. */
export function numberLoop(operator: ArithmeticOperator): Loop {
  return LOOPS[operator];
}

/** Marks the rows with a zero divisor as null. */
export function withoutZeroDivisors(divisors: Float64Array, validity: Validity, rowCount: number): Validity {
  let bits: Uint8Array | undefined;
  for (let i = 0; i < rowCount; i++) {
    if (divisors[i] !== 0) continue;
    bits ??= writableBits(validity, rowCount);
    bits[i >> 3] = (bits[i >> 3] as number) & ~(1 << (i & 7));
  }
  return bits === undefined ? validity : validityFrom(bits, rowCount);
}

/** A float kernel; the result has the parameters' type. */
export function floatKernel(operator: ArithmeticOperator, _bitWidth: 32 | 64): Kernel {
  const loop = LOOPS[operator];
  return (args, rowCount, type) => {
    const a = numbersOf(args[0] as Vector);
    const b = args.length > 1 ? numbersOf(args[1] as Vector) : a;
    const out = new Float64Array(rowCount);
    loop(a, b, out, rowCount);
    const validity = mergeValidity(args, rowCount);
    const kept = operator === '//' ? withoutZeroDivisors(b, validity, rowCount) : validity;
    return vectorFromNumbers(type, out, rowCount, kept);
  };
}
