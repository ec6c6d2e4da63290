/**
 * Arithmetic on 64-bit integers, on 32-bit halves.
 *
 * Hides the carry. Invariants: no BigInt is made for a row unless a product, quotient or remainder passes 2^53;
 * overflow is `value_error` unless the row is null; // and % by zero are null.
 * Method: a value below 2^53 is exact as float64, and so are its quotient's integer part and remainder.
 */
import type { DataType } from '../arrow/type.ts';
import type { Vector } from '../arrow/vector.ts';
import type { ArithmeticOperator } from './arithmetic.ts';
import { overflowError } from './arithmetic-int.ts';
import { bytesOf, vectorOf, wordsOf } from './column.ts';
import { bigintOfWords } from './constant.ts';
import type { Kernel } from './contract.ts';
import { bitAt, mergeValidity, validityFrom, writableBits } from './validity.ts';
import type { Validity } from './validity.ts';

const TWO_32 = 4294967296;
const SAFE = 2 ** 53;

/** What a loop works on. `failed` is called for a row out of range and throws unless the row is null. */
interface Run {
  readonly a: Int32Array;
  readonly b: Int32Array;
  readonly out: Int32Array;
  readonly rowCount: number;
  readonly signed: boolean;
  readonly failed: (row: number) => void;
}

function addLoop({ a, b, out, rowCount, signed, failed }: Run): void {
  for (let i = 0; i < rowCount; i++) {
    const al = a[2 * i] as number;
    const ah = a[2 * i + 1] as number;
    const bh = b[2 * i + 1] as number;
    const low = (al + (b[2 * i] as number)) | 0;
    const carry = low >>> 0 < al >>> 0 ? 1 : 0;
    const high = (ah + bh + carry) | 0;
    out[2 * i] = low;
    out[2 * i + 1] = high;
    const overflows = signed ? ((ah ^ high) & (bh ^ high)) < 0 : ((ah & bh) | ((ah | bh) & ~high)) < 0;
    if (overflows) failed(i);
  }
}

function subtractLoop({ a, b, out, rowCount, signed, failed }: Run): void {
  for (let i = 0; i < rowCount; i++) {
    const al = a[2 * i] as number;
    const ah = a[2 * i + 1] as number;
    const bl = b[2 * i] as number;
    const bh = b[2 * i + 1] as number;
    const borrow = al >>> 0 < bl >>> 0 ? 1 : 0;
    const high = (ah - bh - borrow) | 0;
    out[2 * i] = (al - bl) | 0;
    out[2 * i + 1] = high;
    const overflows = signed ? ((ah ^ bh) & (ah ^ high)) < 0 : ((~ah & bh) | ((~ah | bh) & high)) < 0;
    if (overflows) failed(i);
  }
}

function exactOf(words: Int32Array, at: number, signed: boolean): number {
  const high = words[at + 1] as number;
  return (signed ? high : high >>> 0) * TWO_32 + ((words[at] as number) >>> 0);
}

function store(out: Int32Array, at: number, value: number): void {
  const high = Math.floor(value / TWO_32);
  out[at] = value - high * TWO_32;
  out[at + 1] = high;
}

/** Products and quotients: in float64 where that is exact, else in BigInt for the one row. */
function wideLoop(operator: '*' | '//' | '%'): (run: Run) => void {
  return ({ a, b, out, rowCount, signed, failed }) => {
    for (let i = 0; i < rowCount; i++) {
      const x = exactOf(a, 2 * i, signed);
      const y = exactOf(b, 2 * i, signed);
      if (y === 0 && operator !== '*') continue;
      const exact = operator === '*' ? Math.abs(x * y) < SAFE : Math.abs(x) < SAFE && Math.abs(y) < SAFE;
      if (exact) {
        store(out, 2 * i, operator === '*' ? x * y : operator === '//' ? Math.trunc(x / y) : x % y);
        continue;
      }
      const left = bigintOfWords(a, 2 * i, 2, signed);
      const right = bigintOfWords(b, 2 * i, 2, signed);
      const wide = operator === '*' ? left * right : operator === '//' ? left / right : left % right;
      if (wide !== (signed ? BigInt.asIntN(64, wide) : BigInt.asUintN(64, wide))) failed(i);
      out[2 * i] = Number(BigInt.asIntN(32, wide));
      out[2 * i + 1] = Number(BigInt.asIntN(32, wide >> 32n));
    }
  };
}

/** 0 - x for the rows that `when` picks, x for the others. */
function signLoop(when: (high: number) => boolean): (run: Run) => void {
  return ({ a, out, rowCount, signed, failed }) => {
    for (let i = 0; i < rowCount; i++) {
      const low = a[2 * i] as number;
      const high = a[2 * i + 1] as number;
      const change = when(high);
      const negated = (~high + (low === 0 ? 1 : 0)) | 0;
      out[2 * i] = change ? -low | 0 : low;
      out[2 * i + 1] = change ? negated : high;
      if (!change) continue;
      if (signed ? low === 0 && high === -0x80000000 : (low | high) !== 0) failed(i);
    }
  };
}

function loopOf(operator: ArithmeticOperator, signed: boolean): (run: Run) => void {
  switch (operator) {
    case '+':
      return addLoop;
    case '-':
      return subtractLoop;
    case '*':
    case '//':
    case '%':
      return wideLoop(operator);
    case 'negate':
      return signLoop(() => true);
    case 'abs':
      return signLoop((high) => signed && high < 0);
    case '/':
      throw new TypeError('integers divide as doubles');
  }
}

function withoutZeroDivisors(divisors: Int32Array, validity: Validity, rowCount: number): Validity {
  let bits: Uint8Array | undefined;
  for (let i = 0; i < rowCount; i++) {
    if (divisors[2 * i] !== 0 || divisors[2 * i + 1] !== 0) continue;
    bits ??= writableBits(validity, rowCount);
    bits[i >> 3] = (bits[i >> 3] as number) & ~(1 << (i & 7));
  }
  return bits === undefined ? validity : validityFrom(bits, rowCount);
}

/** A kernel of int64 or uint64; the result has the parameters' type. */
export function int64Kernel(operator: ArithmeticOperator, signed: boolean): Kernel {
  const loop = loopOf(operator, signed);
  return (args, rowCount, type: DataType) => {
    const a = wordsOf(args[0] as Vector);
    const b = args.length > 1 ? wordsOf(args[1] as Vector) : a;
    const out = new Int32Array(rowCount * 2);
    let validity = mergeValidity(args, rowCount);
    const failed = (row: number): void => {
      if (validity.bits !== undefined && !bitAt(validity.bits, row)) return;
      const left = bigintOfWords(a, row * 2, 2, signed).toString();
      throw overflowError(operator, type, left, bigintOfWords(b, row * 2, 2, signed).toString());
    };
    loop({ a, b, out, rowCount, signed, failed });
    if (operator === '//' || operator === '%') validity = withoutZeroDivisors(b, validity, rowCount);
    return vectorOf(type, rowCount, validity, bytesOf(out));
  };
}
