/**
 * Functions of whole numbers: gcd, lcm, factorial, binom.
 *
 * Hides nothing. Invariants: results are exact; one that its type cannot hold is `value_error`. HUGEINT is
 * decimal128(38, 0) here, so its values end at 38 digits.
 */
import type { DataType } from '../arrow/type.ts';
import { sameType } from '../arrow/type.ts';
import type { Vector } from '../arrow/vector.ts';
import { bytesOf, numbersOf, vectorOf } from './column.ts';
import type { Kernel } from './contract.ts';
import { decimalValues, storeDecimal } from './decimal.ts';
import type { FunctionEntry } from './entry.ts';
import { eachRow, rowError, strictEntry } from './scalar-frame.ts';
import { flatType, HUGE, INT64, strictCall } from './signature.ts';

const DECIMAL_BOUND = 10n ** 38n;
const INT64_BOUND = 1n << 63n;

function magnitude(value: bigint): bigint {
  return value < 0n ? -value : value;
}

function gcd(a: bigint, b: bigint): bigint {
  let x = magnitude(a);
  let y = magnitude(b);
  while (y !== 0n) [x, y] = [y, x % y];
  return x;
}

function lcm(a: bigint, b: bigint): bigint {
  return a === 0n || b === 0n ? 0n : magnitude((a / gcd(a, b)) * b);
}

/** An exact result a row, in 64 bits or as HUGE. */
function wideRows(
  name: string,
  args: readonly Vector[],
  rowCount: number,
  type: DataType,
  compute: (row: number) => bigint,
): Vector {
  const bitWidth = type.id === 'decimal' ? 128 : 64;
  const bound = bitWidth === 64 ? INT64_BOUND : DECIMAL_BOUND;
  const out = new Int32Array((rowCount * bitWidth) / 32);
  const validity = eachRow(args, rowCount, (i) => {
    const value = compute(i);
    if (value >= bound || value < -bound)
      throw rowError(`${name}: the result does not fit in ${bitWidth.toString()} bits`);
    storeDecimal(out, i, bitWidth, value);
  });
  return vectorOf(type, rowCount, validity, bytesOf(out));
}

function pairEntry(
  name: string,
  alias: string,
  compute: (a: bigint, b: bigint) => bigint,
  doc: string,
  example: string,
): FunctionEntry {
  const kernel: Kernel = (args, rowCount, type) => {
    const a = decimalValues(args[0] as Vector);
    const b = decimalValues(args[1] as Vector);
    return wideRows(name, args, rowCount, type, (i) => compute(a(i), b(i)));
  };
  return {
    name,
    aliases: [alias],
    expects: '(integer, integer)',
    doc,
    example,
    fails: true,
    resolve: (args) => {
      const types = args.map(flatType);
      const fits = types.every((type) => type.id === 'int' || type.id === 'null' || sameType(type, HUGE));
      if (types.length !== 2 || !fits) return undefined;
      const isWide = types.some((t) => t.id === 'decimal' || (t.id === 'int' && t.bitWidth === 64 && !t.signed));
      const type = isWide ? HUGE : INT64;
      return strictCall(name, [type, type], type);
    },
    kernel: () => kernel,
  };
}

/** 0! to 33!, all that fit. */
const FACTORIALS: readonly bigint[] = (() => {
  const all = [1n];
  for (let k = 1; k <= 33; k++) all.push((all[k - 1] as bigint) * BigInt(k));
  return all;
})();

const factorialKernel: Kernel = (args, rowCount, type) => {
  const x = numbersOf(args[0] as Vector);
  return wideRows('factorial', args, rowCount, type, (i) => {
    const n = x[i] as number;
    if (n < 0) throw rowError(`factorial(${n.toString()}): a negative number has no factorial`);
    const value = FACTORIALS[n];
    if (value === undefined) throw rowError(`factorial(${n.toString()}) has more than 38 digits`);
    return value;
  });
};

function binomial(n: number, chosen: number): bigint {
  if (n < 0 || chosen < 0) throw rowError(`binom(${n.toString()}, ${chosen.toString()}): no number may be negative`);
  if (chosen > n) return 0n;
  const k = Math.min(chosen, n - chosen);
  let value = 1n;
  for (let i = 1; i <= k; i++) {
    value = (value * BigInt(n - k + i)) / BigInt(i);
    // The values grow with every step, so that this ends after some 130 of them.
    if (value >= DECIMAL_BOUND)
      throw rowError(`binom(${n.toString()}, ${chosen.toString()}) has more than 38 digits`);
  }
  return value;
}

const binomKernel: Kernel = (args, rowCount, type) => {
  const n = numbersOf(args[0] as Vector);
  const k = numbersOf(args[1] as Vector);
  return wideRows('binom', args, rowCount, type, (i) => binomial(n[i] as number, k[i] as number));
};

/** The entries of this family. */
export const WHOLE_NUMBERS: readonly FunctionEntry[] = [
  pairEntry(
    'gcd',
    'greatest_common_divisor',
    gcd,
    'The greatest common divisor, never negative.',
    'gcd(42, -57) → 3',
  ),
  pairEntry('lcm', 'least_common_multiple', lcm, 'The least common multiple, never negative.', 'lcm(4, 6) → 12'),
  strictEntry({
    name: 'factorial',
    aliases: ['!__postfix'],
    overloads: [['int32']],
    type: HUGE,
    doc: 'The product of the numbers from 1 on, up to 33!; `n!` is the same.',
    example: 'factorial(5) → 120',
    fails: true,
    kernel: factorialKernel,
  }),
  strictEntry({
    name: 'binom',
    overloads: [['int32', 'int32']],
    type: HUGE,
    doc: 'In how many ways the second number of things can be chosen from the first.',
    example: 'binom(5, 2) → 10',
    fails: true,
    kernel: binomKernel,
  }),
];
