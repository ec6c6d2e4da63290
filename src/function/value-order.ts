/**
 * The order of values of any type that has one, nested types included.
 *
 * Hides physical forms. Invariants: -0 equals 0, NaN equals NaN and is greater than every number; text and binary order
 * by bytes; lists order by their first values that differ, a beginning being less than the whole; structs by their
 * fields in order; null is greater than all else and equal to itself. Cost of one comparison: linear in the parts that
 * are equal.
 */
import type { Vector } from '../arrow/vector.ts';
import { byteRowsOf, compareRows } from './byte-rows.ts';
import { bitsOf, formOf, numbersOf } from './column.ts';
import { decodeVector } from './decode.ts';
import { orderWordsOf } from './interval.ts';
import { listRowsOf } from './list-rows.ts';
import { isPlainText } from './signature.ts';
import { bitAt, validityOf } from './validity.ts';

/** Compares row i of one vector with row j of another: negative, zero or positive. */
export type Compare = (i: number, j: number) => number;

/** Compares two integers of `count` words each; the top words signed after `bias` is mixed in. */
export function compareWords(
  a: Int32Array,
  i: number,
  b: Int32Array,
  j: number,
  count: number,
  bias: number,
): number {
  const top = ((a[i + count - 1] as number) ^ bias) - ((b[j + count - 1] as number) ^ bias);
  if (top !== 0) return top;
  for (let k = count - 2; k >= 0; k--) {
    const difference = ((a[i + k] as number) >>> 0) - ((b[j + k] as number) >>> 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** The order of the rows of `a` against those of `b`, which are of the same type but for names and encodings. */
export function comparer(a: Vector, b: Vector): Compare {
  const [left, right] = [plain(a), plain(b)];
  const values = valueComparer(left, right);
  const [present, other] = [validityOf(left).bits, validityOf(right).bits];
  if (present === undefined && other === undefined) return values;
  return (i, j) => {
    const isNull = present !== undefined && !bitAt(present, i);
    const otherIsNull = other !== undefined && !bitAt(other, j);
    if (isNull || otherIsNull) return (isNull ? 1 : 0) - (otherIsNull ? 1 : 0);
    return values(i, j);
  };
}

/** Encodings that have no form of their own taken off. */
function plain(vector: Vector): Vector {
  return isPlainText(vector.type) ? vector : decodeVector(vector);
}

function valueComparer(a: Vector, b: Vector): Compare {
  const form = formOf(a.type);
  switch (form.kind) {
    case 'number': {
      const [x, y] = [numbersOf(a), numbersOf(b)];
      return (i, j) => compareNumbers(x[i] as number, y[j] as number);
    }
    case 'words': {
      const [x, y] = [orderWordsOf(a), orderWordsOf(b)];
      const { words } = form;
      const bias = form.signed ? 0 : -0x80000000;
      return (i, j) => compareWords(x, i * words, y, j * words, words, bias);
    }
    case 'bool': {
      const [x, y] = [bitsOf(a), bitsOf(b)];
      return (i, j) => (bitAt(x, i) ? 1 : 0) - (bitAt(y, j) ? 1 : 0);
    }
    case 'bytes': {
      const [x, y] = [byteRowsOf(a), byteRowsOf(b)];
      return (i, j) => compareRows(x, i, y, j);
    }
    case 'none':
      return nestedComparer(a, b);
  }
}

function compareNumbers(x: number, y: number): number {
  if (x < y) return -1;
  if (x > y) return 1;
  // NaN is above every number, and equal to itself.
  return x === y ? 0 : (x === x ? 0 : 1) - (y === y ? 0 : 1);
}

function nestedComparer(a: Vector, b: Vector): Compare {
  if (a.type.id === 'null' || b.type.id === 'null') return () => 0;
  if (a.type.id === 'struct') {
    const fields = a.children.map((child, k) => comparer(child, b.children[k] as Vector));
    return (i, j) => {
      for (const compare of fields) {
        const order = compare(i, j);
        if (order !== 0) return order;
      }
      return 0;
    };
  }
  const [left, right] = [listRowsOf(a), listRowsOf(b)];
  const compare = comparer(left.values, right.values);
  return (i, j) => {
    const [from, other] = [left.starts[i] as number, right.starts[j] as number];
    const [length, otherLength] = [(left.ends[i] as number) - from, (right.ends[j] as number) - other];
    const shared = Math.min(length, otherLength);
    for (let k = 0; k < shared; k++) {
      const order = compare(from + k, other + k);
      if (order !== 0) return order;
    }
    return length - otherLength;
  };
}

/** The rank of each row among all; equal rows share one. */
export function valueRanks(vector: Vector): Uint32Array {
  const compare = comparer(vector, vector);
  const order = new Uint32Array(vector.length);
  for (let i = 0; i < order.length; i++) order[i] = i;
  order.sort(compare);
  const ranks = new Uint32Array(vector.length);
  let rank = 0;
  for (let k = 1; k < order.length; k++) {
    if (compare(order[k - 1] as number, order[k] as number) !== 0) rank++;
    ranks[order[k] as number] = rank;
  }
  return ranks;
}
