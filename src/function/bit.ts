/**
 * Bits of integers: & | ~ << >>, xor, bit_count.
 *
 * Hides the two forms of integers. Invariants: operands meet in a common integer type, a literal in the other's; << of
 * signed integers that loses bits or changes the sign is `value_error`; >> keeps the sign, and beyond the width
 * gives 0.
 */
import { EngineError } from '../base/errors.ts';
import type { DataType } from '../arrow/type.ts';
import { typeName } from '../arrow/type.ts';
import type { Vector } from '../arrow/vector.ts';
import { bytesOf, formOf, numbersOf, vectorFromNumbers, vectorOf, wordsOf } from './column.ts';
import type { Kernel, ResolvedCall } from './contract.ts';
import { decimalValues, storeDecimal } from './decimal.ts';
import type { FunctionEntry, KnownArgument } from './entry.ts';
import { eachRow, numberRows } from './scalar-frame.ts';
import { commonType, flatType, INT32, INT64, strictCall } from './signature.ts';
import { mergeValidity, validityOf } from './validity.ts';

type IntType = DataType & { readonly id: 'int' };

/** True for a literal of the type that numbers have as they are written; a constant that was cast may be one. */
function isBare(type: IntType, known: KnownArgument | undefined): boolean {
  return known?.value !== undefined && type.bitWidth === 32 && type.signed;
}

/** True for a literal that a type can hold. */
function isHeld(type: IntType, known: KnownArgument | undefined): boolean {
  const value = known?.value;
  if (typeof value !== 'number' && typeof value !== 'bigint') return false;
  const bits = BigInt(type.bitWidth) - (type.signed ? 1n : 0n);
  return BigInt(value) < 1n << bits && BigInt(value) >= (type.signed ? -(1n << bits) : 0n);
}

/** The integer type in which both meet, a literal in the other's where it fits; undefined when there is none. */
function commonInteger(args: readonly DataType[], known: readonly KnownArgument[]): IntType | undefined {
  const [a, b] = args.map(flatType);
  if (args.length !== 2 || a === undefined || b === undefined) return undefined;
  if (a.id === 'int' && b.id === 'int') {
    if (isBare(b, known[1]) && isHeld(a, known[1])) return a;
    if (isBare(a, known[0]) && isHeld(b, known[0])) return b;
  }
  if ((a.id !== 'int' && a.id !== 'null') || (b.id !== 'int' && b.id !== 'null')) return undefined;
  const common = commonType(a, b);
  if (common?.id === 'null') return INT32 as IntType;
  return common?.id === 'int' ? common : undefined;
}

type BitOperator = '&' | '|' | 'xor';

function combine(operator: BitOperator, a: number, b: number): number {
  return operator === '&' ? a & b : operator === '|' ? a | b : a ^ b;
}

function bitwiseKernel(operator: BitOperator): Kernel {
  return (args, rowCount, type) => {
    const validity = mergeValidity(args, rowCount);
    const [a, b] = args as [Vector, Vector];
    if (formOf(type).kind === 'words') {
      const x = wordsOf(a);
      const y = wordsOf(b);
      const out = new Int32Array(rowCount * 2);
      for (let i = 0; i < out.length; i++) out[i] = combine(operator, x[i] as number, y[i] as number);
      return vectorOf(type, rowCount, validity, bytesOf(out));
    }
    const x = numbersOf(a);
    const y = numbersOf(b);
    const out = new Float64Array(rowCount);
    for (let i = 0; i < rowCount; i++) out[i] = combine(operator, x[i] as number, y[i] as number);
    return vectorFromNumbers(type, out, rowCount, validity);
  };
}

const complementKernel: Kernel = (args, rowCount, type) => {
  const vector = args[0] as Vector;
  if (formOf(type).kind === 'words') {
    const out = wordsOf(vector).map((word) => ~word);
    return vectorOf(type, rowCount, validityOf(vector), bytesOf(out));
  }
  return vectorFromNumbers(
    type,
    numbersOf(vector).map((value) => ~value),
    rowCount,
    validityOf(vector),
  );
};

function shiftError(value: bigint, count: bigint, type: DataType, why: string): EngineError {
  const text = `${value.toString()} << ${count.toString()}`;
  return new EngineError('value_error', `${text} in ${typeName(type)}: ${why}`);
}

function shiftedLeft(value: bigint, count: bigint, type: IntType): bigint {
  const bits = BigInt(type.bitWidth);
  if (value < 0n) throw shiftError(value, count, type, 'a negative number cannot be shifted left');
  if (count < 0n) throw shiftError(value, count, type, 'the number of places cannot be negative');
  if (value === 0n && count < bits) return 0n;
  if (count >= bits) {
    if (value === 0n) return 0n;
    throw shiftError(value, count, type, 'there are not so many bits');
  }
  const shifted = value << count;
  const bound = 1n << (type.signed ? bits - 1n : bits);
  if (shifted >= bound) throw shiftError(value, count, type, 'the result is out of range; cast to a wider type');
  return shifted;
}

function shiftedRight(value: bigint, count: bigint, type: IntType): bigint {
  return count < 0n || count >= BigInt(type.bitWidth) ? 0n : value >> count;
}

function shiftKernel(shift: (value: bigint, count: bigint, type: IntType) => bigint): Kernel {
  return (args, rowCount, type) => {
    const values = decimalValues(args[0] as Vector);
    const counts = decimalValues(args[1] as Vector);
    const words = new Int32Array(rowCount * 2);
    const validity = eachRow(args, rowCount, (i) => {
      storeDecimal(words, i, 64, shift(values(i), counts(i), type as IntType));
    });
    if (formOf(type).kind === 'words') return vectorOf(type, rowCount, validity, bytesOf(words));
    const isSigned = type.id === 'int' && type.signed;
    const low = new Float64Array(rowCount);
    for (let i = 0; i < rowCount; i++) low[i] = isSigned ? (words[2 * i] as number) : (words[2 * i] as number) >>> 0;
    return vectorFromNumbers(type, low, rowCount, validity);
  };
}

/** Set bits of a 32-bit word. */
function countOnes(word: number): number {
  let rest = word - ((word >>> 1) & 0x55555555);
  rest = (rest & 0x33333333) + ((rest >>> 2) & 0x33333333);
  return Math.imul((rest + (rest >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

const countKernel: Kernel = (args, rowCount, type) => {
  const vector = args[0] as Vector;
  if (formOf(vector.type).kind === 'words') {
    const words = wordsOf(vector);
    return numberRows(args, rowCount, type, (i) => {
      return countOnes(words[2 * i] as number) + countOnes(words[2 * i + 1] as number);
    });
  }
  const numbers = numbersOf(vector);
  const width = vector.type.id === 'int' ? vector.type.bitWidth : 32;
  const mask = width === 32 ? -1 : (1 << width) - 1;
  return numberRows(args, rowCount, type, (i) => countOnes((numbers[i] as number) & mask));
};

const INT8: DataType = { id: 'int', bitWidth: 8, signed: true };

function resolveOne(name: string, type: (argument: DataType) => DataType): FunctionEntry['resolve'] {
  return (args): ResolvedCall | undefined => {
    const flat = args.length === 1 ? flatType(args[0] as DataType) : undefined;
    if (flat?.id !== 'int' && flat?.id !== 'null') return undefined;
    const parameter = flat.id === 'null' ? INT64 : flat;
    return strictCall(name, [parameter], type(parameter));
  };
}

function resolveTwo(name: string): FunctionEntry['resolve'] {
  return (args, known) => {
    const type = commonInteger(args, known);
    return type === undefined ? undefined : strictCall(name, [type, type], type);
  };
}

function bitwise(operator: BitOperator, doc: string, example: string): FunctionEntry {
  const kernel = bitwiseKernel(operator);
  return {
    name: operator,
    expects: '(integer, integer)',
    doc,
    example,
    resolve: resolveTwo(operator),
    kernel: () => kernel,
  };
}

/** The entries of this family. */
export const BIT: readonly FunctionEntry[] = [
  bitwise('&', 'The bits that both have.', '12 & 10 → 8'),
  bitwise('|', 'The bits that either has.', '12 | 10 → 14'),
  bitwise('xor', 'The bits that only one has.', 'xor(12, 10) → 6'),
  {
    name: '~',
    expects: '(integer)',
    doc: 'All bits turned over.',
    example: '~5 → -6',
    resolve: resolveOne('~', (type) => type),
    kernel: () => complementKernel,
  },
  {
    name: '<<',
    expects: '(integer, integer)',
    doc: 'The bits moved to higher places; losing one is an error.',
    example: '1 << 4 → 16',
    fails: true,
    resolve: resolveTwo('<<'),
    kernel: () => shiftKernel(shiftedLeft),
  },
  {
    name: '>>',
    expects: '(integer, integer)',
    doc: 'The bits moved to lower places; the sign stays.',
    example: '-9 >> 1 → -5',
    resolve: resolveTwo('>>'),
    kernel: () => shiftKernel(shiftedRight),
  },
  {
    name: 'bit_count',
    expects: '(integer)',
    doc: 'The number of bits that are set.',
    example: 'bit_count(31) → 5',
    resolve: resolveOne('bit_count', () => INT8),
    kernel: () => countKernel,
  },
];
