/**
 * Sort keys as unsigned words: comparing the words of two rows, most significant first, is comparing the rows.
 *
 * Hides types, direction and nulls. Invariants: -0 equals 0 and NaN is greater than every number; text and binary
 * order by bytes; null rows share one value, before or after all others.
 * Method: sign bits are flipped so that two's complement and IEEE 754 order as unsigned integers; byte strings are
 * replaced by their rank among all rows, and so are nested values, in which null is greatest.
 */
import type { Vector } from '../arrow/vector.ts';
import { byteRowsOf, compareRows, dictionaryByteRows, indexesOf } from '../function/byte-rows.ts';
import type { ByteRows } from '../function/byte-rows.ts';
import { bitsOf, formOf, numbersOf, wordsOf } from '../function/column.ts';
import { decodeVector } from '../function/decode.ts';
import { gather } from '../function/gather.ts';
import { orderWordsOf } from '../function/interval.ts';
import { isPlainText } from '../function/signature.ts';
import { bitAt, validityOf } from '../function/validity.ts';
import { valueRanks } from '../function/value-order.ts';
import { byteRanks, prefixNumbers } from './byte-rank.ts';
import { finish, inPieces } from './work.ts';
import type { Work } from './work.ts';

/** How one key orders. */
export interface KeyOrder {
  readonly descending: boolean;
  readonly nullsFirst: boolean;
}

const SIGN = 0x80000000;
const TWO_32 = 4294967296;

function* numberWords(numbers: Float64Array): Work<readonly Uint32Array[]> {
  const count = numbers.length;
  const [high, low] = [new Uint32Array(count), new Uint32Array(count)];
  yield* inPieces(count, (from, to) => fillNumberWords(numbers, high, low, from, to));
  return [high, low];
}

function fillNumberWords(numbers: Float64Array, high: Uint32Array, low: Uint32Array, from: number, to: number): void {
  const canonical = new Float64Array(1);
  const bits = new Uint32Array(canonical.buffer);
  for (let i = from; i < to; i++) {
    const value = numbers[i] as number;
    canonical[0] = value === value ? value + 0 : NaN;
    const top = bits[1] as number;
    const negative = top >= SIGN && value === value;
    high[i] = negative ? ~top : top | SIGN;
    low[i] = negative ? ~(bits[0] as number) : (bits[0] as number);
  }
}

function* wideWords(
  words: Int32Array,
  count: number,
  rowCount: number,
  signed: boolean,
): Work<readonly Uint32Array[]> {
  const keys = Array.from({ length: count }, () => new Uint32Array(rowCount));
  for (const [k, key] of keys.entries()) {
    const place = count - 1 - k;
    const flip = k === 0 && signed ? SIGN : 0;
    yield* inPieces(rowCount, (from, to) => {
      for (let i = from; i < to; i++) key[i] = (words[i * count + place] as number) ^ flip;
    });
  }
  return keys;
}

function* bytesWords(vector: Vector): Work<readonly Uint32Array[]> {
  const values = vector.type.id === 'dictionary' ? vector.dictionary : undefined;
  if (values === undefined) return [yield* byteRanks(byteRowsOf(vector), vector.length)];
  const ranks = yield* byteRanks(dictionaryByteRows(values), values.length);
  const indexes = indexesOf(vector);
  const words = new Uint32Array(vector.length);
  for (let i = 0; i < words.length; i++) words[i] = ranks[indexes[i] as number] ?? 0;
  return [words];
}

function boolWords(bits: Uint8Array, rowCount: number): readonly Uint32Array[] {
  const words = new Uint32Array(rowCount);
  for (let i = 0; i < rowCount; i++) words[i] = bitAt(bits, i) ? 1 : 0;
  return [words];
}

function* valueWords(vector: Vector): Work<readonly Uint32Array[]> {
  const form = formOf(vector.type);
  switch (form.kind) {
    case 'number':
      return yield* numberWords(numbersOf(vector));
    case 'words':
      return yield* wideWords(orderWordsOf(vector), form.words, vector.length, form.signed);
    case 'bool':
      return boolWords(bitsOf(vector), vector.length);
    case 'bytes':
      return yield* bytesWords(vector);
    case 'none':
      return vector.type.id === 'null' ? [] : [valueRanks(vector)];
  }
}

/** A key column without encodings that have no words of their own. */
function plain(vector: Vector): Vector {
  return isPlainText(vector.type) ? vector : decodeVector(vector);
}

/** The words of a key column, most significant first. */
export function* keyWordsWork(column: Vector, order: KeyOrder): Work<readonly Uint32Array[]> {
  const vector = plain(column);
  const words = yield* valueWords(vector);
  const present = validityOf(vector).bits;
  const rank = present === undefined ? undefined : new Uint32Array(vector.length);
  yield* inPieces(vector.length, (from, to) => {
    if (order.descending) for (const word of words) flip(word, from, to);
    if (present !== undefined && rank !== undefined) rankNulls(words, present, order.nullsFirst, rank, from, to);
  });
  return rank === undefined ? words : [rank, ...words];
}

function flip(word: Uint32Array, from: number, to: number): void {
  for (let i = from; i < to; i++) word[i] = ~(word[i] as number);
}

/** Puts nulls before or after all others, where they share one value. */
function rankNulls(
  words: readonly Uint32Array[],
  present: Uint8Array,
  nullsFirst: boolean,
  rank: Uint32Array,
  from: number,
  to: number,
): void {
  for (let i = from; i < to; i++) {
    const isNull = !bitAt(present, i);
    rank[i] = isNull === nullsFirst ? 0 : 1;
    if (isNull) for (const word of words) word[i] = 0;
  }
}

/** As `keyWordsWork`, at once. */
export function keyWords(column: Vector, order: KeyOrder): readonly Uint32Array[] {
  return finish(keyWordsWork(column, order));
}

function leads(vector: Vector): Float64Array {
  const form = formOf(vector.type);
  const rowCount = vector.length;
  if (form.kind === 'number') {
    const numbers = numbersOf(vector).slice(0, rowCount);
    for (let i = 0; i < rowCount; i++) if (numbers[i] !== numbers[i]) numbers[i] = Infinity;
    return numbers;
  }
  const out = new Float64Array(rowCount);
  if (form.kind === 'words') {
    const words = orderWordsOf(vector);
    for (let i = 0; i < rowCount; i++) out[i] = wordsLead(words, i, form.words, form.signed);
  } else if (form.kind === 'bytes') {
    prefixNumbers(byteRowsOf(vector), out);
  } else if (form.kind === 'bool') {
    const bits = bitsOf(vector);
    for (let i = 0; i < rowCount; i++) out[i] = bitAt(bits, i) ? 1 : 0;
  }
  return out;
}

/**
 * True unless `leadNumbers` would be above `threshold` for every row: a look that allocates nothing, at the forms of
 * numbers without nulls.
 */
export function hasLeadBelow(column: Vector, order: KeyOrder, threshold: number): boolean {
  if (threshold === Infinity || column.nullCount > 0) return true;
  const form = formOf(column.type);
  const sign = order.descending ? -1 : 1;
  if (form.kind === 'number' && column.type.id === 'float' && column.type.bitWidth === 64) {
    const numbers = numbersOf(column);
    // NaN is above all numbers, and so at the end when it is turned.
    for (let i = 0; i < numbers.length; i++) {
      const number = numbers[i] as number;
      if (sign * number <= threshold || (number !== number && sign < 0)) return true;
    }
    return false;
  }
  if (form.kind !== 'words' || column.type.id === 'interval') return true;
  const words = wordsOf(column);
  for (let i = 0; i < column.length; i++) {
    if (sign * wordsLead(words, i, form.words, form.signed) <= threshold) return true;
  }
  return false;
}

/**
 * An integer of several words as a double. Rounded at each word, it never turns an order around: what a lower word adds
 * is less than one of the word above.
 */
function wordsLead(words: Int32Array, row: number, count: number, signed: boolean): number {
  const at = row * count;
  const top = words[at + count - 1] as number;
  let lead = signed ? top : top >>> 0;
  for (let k = count - 2; k >= 0; k--) lead = lead * TWO_32 + ((words[at + k] as number) >>> 0);
  return lead;
}

/**
 * A number for each row of the first key that never contradicts the order: a row with a greater number comes later.
 * Equal numbers say nothing. It is what top-N skips rows by.
 */
export function leadNumbers(column: Vector, order: KeyOrder): Float64Array {
  const vector = plain(column);
  const numbers = leads(vector);
  const present = validityOf(vector).bits;
  if (order.descending) for (let i = 0; i < numbers.length; i++) numbers[i] = -(numbers[i] as number);
  if (present === undefined) return numbers;
  const nullLead = order.nullsFirst ? -Infinity : Infinity;
  for (let i = 0; i < numbers.length; i++) if (!bitAt(present, i)) numbers[i] = nullLead;
  return numbers;
}

/** Which rows of text a key does not put behind all that are wanted. */
export class TextBound {
  readonly #order: KeyOrder;
  /** One row: the bound. */
  readonly #bound: ByteRows;

  private constructor(order: KeyOrder, bound: ByteRows) {
    this.#order = order;
    this.#bound = bound;
  }

  /** The bound that is the value of `row`; undefined where it is null, or the column no text. */
  static of(column: Vector, row: number, order: KeyOrder): TextBound | undefined {
    const vector = plain(column);
    if (formOf(vector.type).kind !== 'bytes') return undefined;
    const { bits } = validityOf(vector);
    if (bits !== undefined && !bitAt(bits, row)) return undefined;
    return new TextBound(order, byteRowsOf(gather(vector, Uint32Array.of(row))));
  }

  /** The rows that are not behind the bound; equal ones are among them. */
  choose(column: Vector): Uint32Array {
    const vector = plain(column);
    const { bits } = validityOf(vector);
    const rows = byteRowsOf(vector);
    const chosen = new Uint32Array(vector.length);
    const { descending, nullsFirst } = this.#order;
    let count = 0;
    for (let i = 0; i < vector.length; i++) {
      chosen[count] = i;
      if (bits !== undefined && !bitAt(bits, i)) {
        if (nullsFirst) count++;
        continue;
      }
      const difference = compareRows(rows, i, this.#bound, 0);
      if (descending ? difference >= 0 : difference <= 0) count++;
    }
    return chosen.subarray(0, count);
  }
}
