/**
 * Bounds of a sort key: which rows a value of it does not put out of reach.
 *
 * Hides how each form of column is compared. Invariants: what is chosen are row numbers in ascending order, and never
 * a row too few: a row that is left out comes behind the bound, or with `strict` is not before it; for forms that are
 * looked at by a part of each value there may be rows too many.
 */
import type { Bound, BoundValue } from '../arrow/source.ts';
import type { Vector } from '../arrow/vector.ts';
import { byteRowsOf, rowBytes } from '../function/byte-rows.ts';
import { formOf, numbersOf, wordsOf } from '../function/column.ts';
import { bigintOfWords } from '../function/constant.ts';
import { bitAt, validityOf } from '../function/validity.ts';
import { chooseNumbers, chooseWide } from './bound-kernel.ts';
import type { BoundTest } from './bound-kernel.ts';
import { BytesBound } from './bytes-bound.ts';
import { leadNumbers, plainKey } from './sort-key.ts';
import type { KeyOrder } from './sort-key.ts';

const NO_ROWS = new Uint32Array(0);

/** The rows that may be before the bound, or equal to it unless `strict`; undefined for all. */
type Choice = (column: Vector, strict: boolean) => Uint32Array | undefined;

/** Rows of `bits` that are `present`. */
function rowsBy(bits: Uint8Array, rowCount: number, present: boolean): Uint32Array {
  const rows = new Uint32Array(rowCount);
  let count = 0;
  for (let i = 0; i < rowCount; i++) {
    rows[count] = i;
    if (bitAt(bits, i) === present) count++;
  }
  return rows.subarray(0, count);
}

function presentOf(rows: Uint32Array, bits: Uint8Array): Uint32Array {
  let count = 0;
  const kept = new Uint32Array(rows.length);
  for (const row of rows) {
    kept[count] = row;
    if (bitAt(bits, row)) count++;
  }
  return kept.subarray(0, count);
}

/** Two ascending lists without a common number as one. */
export function mergeRows(a: Uint32Array, b: Uint32Array): Uint32Array {
  if (a.length === 0) return b;
  if (b.length === 0) return a;
  const merged = new Uint32Array(a.length + b.length);
  merged.set(a);
  merged.set(b, a.length);
  return merged.sort();
}

/** The choice among rows without nulls, as one among all. */
function besideNulls(choice: Choice, nullsFirst: boolean): Choice {
  return (column, strict) => {
    const chosen = choice(column, strict);
    const { bits } = validityOf(column);
    if (bits === undefined || (chosen === undefined && nullsFirst)) return chosen;
    const present = chosen === undefined ? rowsBy(bits, column.length, true) : presentOf(chosen, bits);
    return nullsFirst ? mergeRows(present, rowsBy(bits, column.length, false)) : present;
  };
}

/** The bound is null. */
function nullChoice(nullsFirst: boolean): Choice {
  return (column, strict) => {
    const { bits } = validityOf(column);
    if (nullsFirst) return strict || bits === undefined ? NO_ROWS : rowsBy(bits, column.length, false);
    return strict && bits !== undefined ? rowsBy(bits, column.length, true) : undefined;
  };
}

function testOf(descending: boolean, strict: boolean): BoundTest {
  if (descending) return strict ? 'gt' : 'ge';
  return strict ? 'lt' : 'le';
}

function numberChoice(bound: number, descending: boolean): Choice {
  if (bound === bound) return (column, strict) => chooseNumbers(numbersOf(column), testOf(descending, strict), bound);
  // NaN is above every number.
  if (!descending) return () => undefined;
  return (column, strict) => (strict ? NO_ROWS : chooseNumbers(numbersOf(column), 'gt', Infinity));
}

function wideChoice(bound: Int32Array, signed: boolean, descending: boolean): Choice {
  return (column, strict) => chooseWide(wordsOf(column), signed, testOf(descending, strict), bound);
}

/** By numbers that never contradict the order, nulls included: values that are equal in them may be before or behind. */
function leadChoice(one: Vector, order: KeyOrder): Choice {
  const [bound] = leadNumbers(one, order) as unknown as [number];
  return bound === Infinity ? () => undefined : (column) => chooseNumbers(leadNumbers(column, order), 'le', bound);
}

function bytesChoice(one: Vector, descending: boolean): Choice {
  const bound = new BytesBound(one, descending);
  return (column, strict) => bound.choose(column, strict);
}

/** How the rows of a column, which is `plainKey`, are held against the one row of `one`. */
function choiceOf(one: Vector, order: KeyOrder): Choice {
  const { descending, nullsFirst } = order;
  const { bits } = validityOf(one);
  const form = formOf(one.type);
  const isNull = bits !== undefined && !bitAt(bits, 0);
  switch (form.kind) {
    case 'number':
      if (isNull) return nullChoice(nullsFirst);
      return besideNulls(numberChoice(numbersOf(one)[0] as number, descending), nullsFirst);
    case 'words':
      if (form.words !== 2) return leadChoice(one, order);
      if (isNull) return nullChoice(nullsFirst);
      return besideNulls(wideChoice(wordsOf(one).slice(0, 2), form.signed, descending), nullsFirst);
    case 'bytes':
      if (isNull) return nullChoice(nullsFirst);
      return besideNulls(bytesChoice(one, descending), nullsFirst);
    case 'bool':
      return leadChoice(one, order);
    case 'none':
      return () => undefined;
  }
}

/** The value as zone maps have it; undefined for those that they cannot be asked about. */
function boundValue(one: Vector): BoundValue | undefined {
  const { type } = one;
  const form = formOf(type);
  const { bits } = validityOf(one);
  if (bits !== undefined && !bitAt(bits, 0)) return undefined;
  switch (form.kind) {
    case 'number': {
      const number = numbersOf(one)[0] as number;
      return (type.id === 'float' && type.bitWidth === 16) || number !== number ? undefined : number;
    }
    case 'words': {
      if (type.id === 'interval') return undefined;
      return bigintOfWords(wordsOf(one), 0, form.words, form.signed);
    }
    case 'bytes': {
      if (type.id !== 'utf8' && type.id !== 'large_utf8' && type.id !== 'utf8_view') return undefined;
      return Buffer.from(rowBytes(byteRowsOf(one), 0)).toString();
    }
    default:
      return undefined;
  }
}

/** A value of a sort key that rows of interest do not come behind. */
export class KeyBound {
  readonly #choice: Choice;
  readonly #value: BoundValue | undefined;
  readonly #order: KeyOrder;

  /** The value is the one row of `one`. */
  constructor(one: Vector, order: KeyOrder) {
    const plain = plainKey(one);
    this.#choice = choiceOf(plain, order);
    this.#value = boundValue(plain);
    this.#order = order;
  }

  /** The rows of a column that may be before the bound or, unless `strict`, equal to it; undefined for all. */
  choose(column: Vector, strict: boolean): Uint32Array | undefined {
    const chosen = this.#choice(plainKey(column), strict);
    return chosen?.length === column.length ? undefined : chosen;
  }

  /** What holds for the values of `column`, null apart, of rows of interest. */
  zoneBounds(column: number, nullable: boolean): readonly Bound[] {
    const value = this.#value;
    if (value === undefined || (nullable && this.#order.nullsFirst)) return [];
    return [{ column, operator: this.#order.descending ? '>=' : '<=', value }];
  }
}
