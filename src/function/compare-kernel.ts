/**
 * Loops of the comparisons.
 *
 * Hides that only two predicates exist, less and equal: the others are those with sides swapped or the answer
 * inverted. Invariants: one loop per physical form; answers are bitmaps, LSB first; rows whose arguments are null
 * hold any bit.
 */
import type { DataType } from '../arrow/type.ts';
import type { Vector } from '../arrow/vector.ts';
import { byteRowsOf, compareRows, dictionaryByteRows, indexesOf, rowBytes } from './byte-rows.ts';
import type { ByteRows } from './byte-rows.ts';
import { bitsOf, formOf, numbersOf, vectorOf } from './column.ts';
import { isConstant } from './constant.ts';
import type { Kernel } from './contract.ts';
import { orderWordsOf } from './interval.ts';
import { ALL_PRESENT, clearTail, countBits, fullBits, mergeValidity, validityFrom, validityOf } from './validity.ts';
import { comparer, compareWords } from './value-order.ts';

export type CompareOperator = '=' | '<>' | '<' | '<=' | '>' | '>=';

interface Plan {
  readonly predicate: 'less' | 'equal';
  readonly swap: boolean;
  readonly invert: boolean;
}

const PLANS: Readonly<Record<CompareOperator, Plan>> = {
  '=': { predicate: 'equal', swap: false, invert: false },
  '<>': { predicate: 'equal', swap: false, invert: true },
  '<': { predicate: 'less', swap: false, invert: false },
  '<=': { predicate: 'less', swap: true, invert: true },
  '>': { predicate: 'less', swap: true, invert: false },
  '>=': { predicate: 'less', swap: false, invert: true },
};

function lessNumbers(a: Float64Array, b: Float64Array, bits: Uint8Array, rowCount: number): void {
  for (let start = 0; start < rowCount; start += 8) {
    const end = Math.min(start + 8, rowCount);
    let byte = 0;
    for (let i = start; i < end; i++) {
      const x = a[i] as number;
      const y = b[i] as number;
      // The second half is NaN's place: above every number, and equal to itself.
      byte |= (x < y || (y !== y && x === x) ? 1 : 0) << (i & 7);
    }
    bits[start >> 3] = byte;
  }
}

function equalNumbers(a: Float64Array, b: Float64Array, bits: Uint8Array, rowCount: number): void {
  for (let i = 0; i < rowCount; i++) {
    const x = a[i] as number;
    const y = b[i] as number;
    if (x === y || (x !== x && y !== y)) bits[i >> 3] = (bits[i >> 3] as number) | (1 << (i & 7));
  }
}

function lessPairs(a: Int32Array, b: Int32Array, bits: Uint8Array, rowCount: number, bias: number): void {
  for (let start = 0; start < rowCount; start += 8) {
    const end = Math.min(start + 8, rowCount);
    let byte = 0;
    for (let i = start; i < end; i++) {
      const x = (a[2 * i + 1] as number) ^ bias;
      const y = (b[2 * i + 1] as number) ^ bias;
      const below = (a[2 * i] as number) >>> 0 < (b[2 * i] as number) >>> 0 ? 1 : 0;
      byte |= (x < y ? 1 : x === y ? below : 0) << (i & 7);
    }
    bits[start >> 3] = byte;
  }
}

function equalPairs(a: Int32Array, b: Int32Array, bits: Uint8Array, rowCount: number): void {
  for (let i = 0; i < rowCount; i++) {
    if (a[2 * i] === b[2 * i] && a[2 * i + 1] === b[2 * i + 1])
      bits[i >> 3] = (bits[i >> 3] as number) | (1 << (i & 7));
  }
}

function compareWide(
  plan: Plan,
  a: Int32Array,
  b: Int32Array,
  bits: Uint8Array,
  rowCount: number,
  count: number,
): void {
  const less = plan.predicate === 'less';
  for (let i = 0; i < rowCount; i++) {
    const order = compareWords(a, i * count, b, i * count, count, 0);
    if (less ? order < 0 : order === 0) bits[i >> 3] = (bits[i >> 3] as number) | (1 << (i & 7));
  }
}

function compareBits(plan: Plan, a: Uint8Array, b: Uint8Array, bits: Uint8Array): void {
  const less = plan.predicate === 'less';
  for (let i = 0; i < bits.length; i++) {
    const x = a[i] as number;
    const y = b[i] as number;
    bits[i] = less ? ~x & y : ~(x ^ y);
  }
}

function equalRows(a: ByteRows, b: ByteRows, bits: Uint8Array, rowCount: number): void {
  for (let i = 0; i < rowCount; i++) {
    const length = (a.ends[i] as number) - (a.starts[i] as number);
    if (length !== (b.ends[i] as number) - (b.starts[i] as number)) continue;
    if (compareRows(a, i, b, i) === 0) bits[i >> 3] = (bits[i >> 3] as number) | (1 << (i & 7));
  }
}

/** Rows that are one of `values`. */
function rowsAmong(a: ByteRows, values: readonly Uint8Array[], bits: Uint8Array, rowCount: number): void {
  const byLength: Uint8Array[][] = [];
  for (const value of values) (byLength[value.length] ??= []).push(value);
  const { buffers, which, starts, ends } = a;
  let buffer = buffers[0] as Uint8Array;
  for (let i = 0; i < rowCount; i++) {
    const start = starts[i] as number;
    const candidates = byLength[(ends[i] as number) - start];
    if (candidates === undefined) continue;
    if (which !== undefined) buffer = buffers[which[i] as number] as Uint8Array;
    for (const value of candidates) {
      let k = 0;
      while (k < value.length && buffer[start + k] === value[k]) k++;
      if (k < value.length) continue;
      bits[i >> 3] = (bits[i >> 3] as number) | (1 << (i & 7));
      break;
    }
  }
}

/** Constants of at most this many bytes are looked up by their length. */
const LOOKED_UP_BYTES = 1024;

/** The bytes of text and binary constants without null; undefined for others. */
function constantBytes(vectors: readonly Vector[]): readonly Uint8Array[] | undefined {
  const values: Uint8Array[] = [];
  for (const vector of vectors) {
    const isFit = formOf(vector.type).kind === 'bytes' && isConstant(vector) && vector.nullCount === 0;
    if (!isFit || vector.type.id === 'dictionary') return undefined;
    const bytes = rowBytes(byteRowsOf(vector), 0);
    if (bytes.length > LOOKED_UP_BYTES) return undefined;
    values.push(bytes);
  }
  return values;
}

/** Equality of text or binary with one constant. */
function equalConstant(a: Vector, b: Vector, bits: Uint8Array, rowCount: number): boolean {
  const [column, constant] = isConstant(b) ? [a, b] : [b, a];
  const values = constantBytes([constant]);
  if (values === undefined) return false;
  rowsAmong(byteRowsOf(column), values, bits, rowCount);
  return true;
}

function lessRows(a: ByteRows, b: ByteRows, bits: Uint8Array, rowCount: number): void {
  for (let i = 0; i < rowCount; i++) {
    if (compareRows(a, i, b, i) < 0) bits[i >> 3] = (bits[i >> 3] as number) | (1 << (i & 7));
  }
}

/** A dictionary against a constant: each value is compared once, the rows follow by index. */
function compareDictionary(plan: Plan, a: Vector, b: Vector, bits: Uint8Array, rowCount: number): boolean {
  const [coded, constant] = a.type.id === 'dictionary' ? [a, b] : [b, a];
  const values = coded.dictionary;
  if (values === undefined || !isConstant(constant) || values.length === 0 || values.length > rowCount) return false;
  const rows = dictionaryByteRows(values);
  const other = byteRowsOf(constant);
  const hits = new Uint8Array(values.length);
  for (let v = 0; v < values.length; v++) {
    const order = coded === a ? compareRows(rows, v, other, 0) : compareRows(other, 0, rows, v);
    hits[v] = (plan.predicate === 'less' ? order < 0 : order === 0) ? 1 : 0;
  }
  const indexes = indexesOf(coded);
  for (let i = 0; i < rowCount; i++) {
    bits[i >> 3] = (bits[i >> 3] as number) | ((hits[indexes[i] as number] as number) << (i & 7));
  }
  return true;
}

function comparePlan(plan: Plan, a: Vector, b: Vector, bits: Uint8Array, rowCount: number): void {
  const form = formOf(a.type);
  switch (form.kind) {
    case 'number':
      return (plan.predicate === 'less' ? lessNumbers : equalNumbers)(numbersOf(a), numbersOf(b), bits, rowCount);
    case 'words': {
      const left = orderWordsOf(a);
      const right = orderWordsOf(b);
      if (form.words !== 2) return compareWide(plan, left, right, bits, rowCount, form.words);
      if (plan.predicate === 'equal') return equalPairs(left, right, bits, rowCount);
      return lessPairs(left, right, bits, rowCount, form.signed ? 0 : -0x80000000);
    }
    case 'bool':
      return compareBits(plan, bitsOf(a), bitsOf(b), bits);
    case 'bytes': {
      if (compareDictionary(plan, a, b, bits, rowCount)) return;
      if (plan.predicate === 'equal' && equalConstant(a, b, bits, rowCount)) return;
      return (plan.predicate === 'less' ? lessRows : equalRows)(byteRowsOf(a), byteRowsOf(b), bits, rowCount);
    }
    case 'none':
      return compareNested(plan, a, b, bits, rowCount);
  }
}

function compareNested(plan: Plan, a: Vector, b: Vector, bits: Uint8Array, rowCount: number): void {
  const compare = comparer(a, b);
  const less = plan.predicate === 'less';
  for (let i = 0; i < rowCount; i++) {
    const order = compare(i, i);
    if (less ? order < 0 : order === 0) bits[i >> 3] = (bits[i >> 3] as number) | (1 << (i & 7));
  }
}

/** The bitmap of `a operator b`; null rows hold any bit. */
function compareBitmap(operator: CompareOperator, a: Vector, b: Vector, rowCount: number): Uint8Array {
  const plan = PLANS[operator];
  const bits = new Uint8Array((rowCount + 7) >> 3);
  if (plan.swap) comparePlan(plan, b, a, bits, rowCount);
  else comparePlan(plan, a, b, bits, rowCount);
  if (plan.invert) for (let i = 0; i < bits.length; i++) bits[i] = ~(bits[i] as number);
  clearTail(bits, rowCount);
  return bits;
}

/** A strict comparison. */
export function compareKernel(operator: CompareOperator, _parameters: readonly DataType[]): Kernel {
  return (args, rowCount, type) => {
    const [a, b] = args as [Vector, Vector];
    return vectorOf(type, rowCount, mergeValidity(args, rowCount), compareBitmap(operator, a, b, rowCount));
  };
}

/** IS DISTINCT FROM, or IS NOT DISTINCT FROM when `negated`: null is a value equal to itself. */
export function distinctKernel(_parameters: readonly DataType[], negated: boolean): Kernel {
  return (args, rowCount, type) => {
    const [a, b] = args as [Vector, Vector];
    const bits = compareBitmap('<>', a, b, rowCount);
    const left = validityOf(a).bits;
    const right = validityOf(b).bits;
    for (let i = 0; i < bits.length; i++) {
      const x = left === undefined ? 255 : (left[i] as number);
      const y = right === undefined ? 255 : (right[i] as number);
      bits[i] = ((bits[i] as number) & x & y) | (x ^ y);
      if (negated) bits[i] = ~(bits[i] as number);
    }
    clearTail(bits, rowCount);
    return vectorOf(type, rowCount, ALL_PRESENT, bits);
  };
}

/** IN: the OR of the equalities, by three-valued logic. */
export function inKernel(_parameters: readonly DataType[]): Kernel {
  return (args, rowCount, type) => {
    const [value, ...others] = args as [Vector, ...Vector[]];
    const found = new Uint8Array((rowCount + 7) >> 3);
    const values = value.type.id === 'dictionary' ? undefined : constantBytes(others);
    if (values !== undefined) {
      rowsAmong(byteRowsOf(value), values, found, rowCount);
      return vectorOf(type, rowCount, mergeValidity([value], rowCount), found);
    }
    const unknown = new Uint8Array(found.length);
    for (const other of others) {
      const equal = compareBitmap('=', value, other, rowCount);
      const present = mergeValidity([value, other], rowCount).bits;
      for (let i = 0; i < found.length; i++) {
        const known = present === undefined ? 255 : (present[i] as number);
        found[i] = (found[i] as number) | ((equal[i] as number) & known);
        unknown[i] = (unknown[i] as number) | (~known & 255);
      }
    }
    const bits = fullBits(rowCount);
    for (let i = 0; i < bits.length; i++)
      bits[i] = (bits[i] as number) & ((found[i] as number) | ~(unknown[i] as number));
    return vectorOf(type, rowCount, validityFrom(bits, rowCount), found);
  };
}

/** Rows of a boolean vector that are true (not false, not null), as a bitmap of its own, and their number. */
export function trueRows(vector: Vector): { readonly bits: Uint8Array; readonly count: number } {
  const rowCount = vector.length;
  const bits = bitsOf(vector).slice(0, (rowCount + 7) >> 3);
  const present = validityOf(vector).bits;
  if (present !== undefined)
    for (let i = 0; i < bits.length; i++) bits[i] = (bits[i] as number) & (present[i] as number);
  clearTail(bits, rowCount);
  return { bits, count: countBits(bits, rowCount) };
}

/** Row indexes of the set bits among the first `rowCount`, of which there are `count`. */
export function selectedRows(bits: Uint8Array, rowCount: number, count: number): Uint32Array {
  // Every row is written, and the place moves on for the wanted ones: no branch to mispredict; hence the spare place.
  const rows = new Uint32Array(count + 1);
  let at = 0;
  for (let i = 0; i < rowCount; i++) {
    rows[at] = i;
    at += ((bits[i >> 3] as number) >> (i & 7)) & 1;
  }
  return rows.subarray(0, count);
}
