/**
 * Sort keys as unsigned words: comparing the words of two rows, most significant first, is comparing the rows.
 *
 * Hides types, direction and nulls. Invariants: -0 equals 0 and NaN is greater than every number; text and binary
 * order by bytes; null rows share one value, before or after all others.
 * Method: sign bits are flipped so that two's complement and IEEE 754 order as unsigned integers; byte strings are
 * replaced by their rank among all rows, and so are nested values, in which null is greatest.
 */
import type { Vector } from '../arrow/vector.ts';
import { byteRowsOf, dictionaryByteRows, indexesOf } from '../function/byte-rows.ts';
import { bitsOf, formOf, numbersOf } from '../function/column.ts';
import { decodeVector } from '../function/decode.ts';
import { orderWordsOf } from '../function/interval.ts';
import { isPlainText } from '../function/signature.ts';
import { bitAt, validityOf } from '../function/validity.ts';
import { valueRanks } from '../function/value-order.ts';
import { byteRanks, byteWords, prefixNumbers } from './byte-rank.ts';
import { finish, inPieces } from './work.ts';
import type { Work } from './work.ts';

/** How one key orders. */
export interface KeyOrder {
  readonly descending: boolean;
  readonly nullsFirst: boolean;
}

const SIGN = 0x80000000;
/** High word of infinity. */
const INFINITY_TOP = 0x7ff00000;
const TWO_32 = 4294967296;

function* numberWords(numbers: Float64Array): Work<readonly Uint32Array[]> {
  const count = numbers.length;
  const [high, low] = [new Uint32Array(count), new Uint32Array(count)];
  const bits = new Int32Array(numbers.buffer, numbers.byteOffset, 2 * count);
  yield* inPieces(count, (from, to) => fillNumberWords(bits, high, low, from, to));
  return [high, low];
}

/** Integers of up to 32 bits, unsigned or by their sign. */
function* integerWords(vector: Vector): Work<Uint32Array> {
  const numbers = numbersOf(vector);
  const words = new Uint32Array(vector.length);
  const flip = vector.type.id === 'int' && !vector.type.signed ? 0 : SIGN;
  yield* inPieces(vector.length, (from, to) => fillIntegerWords(numbers, words, flip, from, to));
  return words;
}

function fillIntegerWords(numbers: Float64Array, words: Uint32Array, flip: number, from: number, to: number): void {
  for (let i = from; i < to; i++) words[i] = (numbers[i] as number) ^ flip;
}

/** `bits`: the low word of each double, then the high one. */
function fillNumberWords(bits: Int32Array, high: Uint32Array, low: Uint32Array, from: number, to: number): void {
  for (let i = from; i < to; i++) {
    const top = bits[2 * i + 1] as number;
    const bottom = bits[2 * i] as number;
    const magnitude = top & 0x7fffffff;
    if (magnitude > INFINITY_TOP || (magnitude === INFINITY_TOP && bottom !== 0)) {
      // All NaN are one.
      high[i] = 0xffffffff;
      low[i] = 0;
    } else if (top < 0) {
      // -0 is 0.
      const isZero = magnitude === 0 && bottom === 0;
      high[i] = isZero ? SIGN : ~top;
      low[i] = isZero ? 0 : ~bottom;
    } else {
      high[i] = top | SIGN;
      low[i] = bottom;
    }
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
  if (values === undefined) return yield* byteWords(byteRowsOf(vector), vector.length);
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
      return form.isFloat ? yield* numberWords(numbersOf(vector)) : [yield* integerWords(vector)];
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
export function plainKey(vector: Vector): Vector {
  return isPlainText(vector.type) ? vector : decodeVector(vector);
}

/** The words of a key column, most significant first. */
export function* keyWordsWork(column: Vector, order: KeyOrder): Work<readonly Uint32Array[]> {
  const vector = plainKey(column);
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
  const vector = plainKey(column);
  const numbers = leads(vector);
  const present = validityOf(vector).bits;
  if (order.descending) for (let i = 0; i < numbers.length; i++) numbers[i] = -(numbers[i] as number);
  if (present === undefined) return numbers;
  const nullLead = order.nullsFirst ? -Infinity : Infinity;
  for (let i = 0; i < numbers.length; i++) if (!bitAt(present, i)) numbers[i] = nullLead;
  return numbers;
}
