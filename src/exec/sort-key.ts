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
import { bitsOf, formOf, numbersOf } from '../function/column.ts';
import { decodeVector } from '../function/decode.ts';
import { orderWordsOf } from '../function/interval.ts';
import { isPlainText } from '../function/signature.ts';
import { bitAt, validityOf } from '../function/validity.ts';
import { valueRanks } from '../function/value-order.ts';
import { sortByWords } from './radix.ts';

/** How one key orders. */
export interface KeyOrder {
  readonly descending: boolean;
  readonly nullsFirst: boolean;
}

const SIGN = 0x80000000;
const TWO_32 = 4294967296;

function numberWords(numbers: Float64Array): readonly Uint32Array[] {
  const count = numbers.length;
  const canonical = new Float64Array(1);
  const bits = new Uint32Array(canonical.buffer);
  const high = new Uint32Array(count);
  const low = new Uint32Array(count);
  for (let i = 0; i < count; i++) {
    const value = numbers[i] as number;
    canonical[0] = value === value ? value + 0 : NaN;
    const top = bits[1] as number;
    const negative = top >= SIGN && value === value;
    high[i] = negative ? ~top : top | SIGN;
    low[i] = negative ? ~(bits[0] as number) : (bits[0] as number);
  }
  return [high, low];
}

function wideWords(words: Int32Array, count: number, rowCount: number, signed: boolean): readonly Uint32Array[] {
  const keys = Array.from({ length: count }, () => new Uint32Array(rowCount));
  keys.forEach((key, k) => {
    const from = count - 1 - k;
    const flip = k === 0 && signed ? SIGN : 0;
    for (let i = 0; i < rowCount; i++) key[i] = (words[i * count + from] as number) ^ flip;
  });
  return keys;
}

/** Up to four bytes of a row from `at` on, as a big-endian word. */
function prefixWord(rows: ByteRows, row: number, at: number): number {
  const buffer = rows.buffers[rows.which === undefined ? 0 : (rows.which[row] as number)] as Uint8Array;
  const start = (rows.starts[row] as number) + at;
  const end = rows.ends[row] as number;
  let word = 0;
  for (let k = 0; k < 4; k++) word = word * 256 + (start + k < end ? (buffer[start + k] as number) : 0);
  return word;
}

/** The rank of each row among all; equal rows share one. */
function byteRanks(rows: ByteRows, count: number): Uint32Array {
  const first = new Uint32Array(count);
  const second = new Uint32Array(count);
  for (let i = 0; i < count; i++) {
    first[i] = prefixWord(rows, i, 0);
    second[i] = prefixWord(rows, i, 4);
  }
  const order = sortByWords([first, second], count);
  const ranks = new Uint32Array(count);
  let rank = 0;
  for (let start = 0; start < count;) {
    const head = order[start] as number;
    let end = start + 1;
    while (
      end < count &&
      first[order[end] as number] === first[head] &&
      second[order[end] as number] === second[head]
    )
      end++;
    const run = order.subarray(start, end);
    if (run.length > 1) run.sort((a, b) => compareRows(rows, a, rows, b));
    for (let i = 0; i < run.length; i++) {
      if (i > 0 && compareRows(rows, run[i - 1] as number, rows, run[i] as number) !== 0) rank++;
      ranks[run[i] as number] = rank;
    }
    rank++;
    start = end;
  }
  return ranks;
}

function bytesWords(vector: Vector): readonly Uint32Array[] {
  const values = vector.type.id === 'dictionary' ? vector.dictionary : undefined;
  if (values === undefined) return [byteRanks(byteRowsOf(vector), vector.length)];
  const ranks = byteRanks(dictionaryByteRows(values), values.length);
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

function valueWords(vector: Vector): readonly Uint32Array[] {
  const form = formOf(vector.type);
  switch (form.kind) {
    case 'number':
      return numberWords(numbersOf(vector));
    case 'words':
      return wideWords(orderWordsOf(vector), form.words, vector.length, form.signed);
    case 'bool':
      return boolWords(bitsOf(vector), vector.length);
    case 'bytes':
      return bytesWords(vector);
    case 'none':
      return vector.type.id === 'null' ? [] : [valueRanks(vector)];
  }
}

/** A key column without encodings that have no words of their own. */
function plain(vector: Vector): Vector {
  return isPlainText(vector.type) ? vector : decodeVector(vector);
}

/** The words of a key column, most significant first. */
export function keyWords(column: Vector, order: KeyOrder): readonly Uint32Array[] {
  const vector = plain(column);
  const words = valueWords(vector);
  const present = validityOf(vector).bits;
  if (order.descending)
    for (const word of words) for (let i = 0; i < word.length; i++) word[i] = ~(word[i] as number);
  if (present === undefined) return words;
  const rank = new Uint32Array(vector.length);
  for (let i = 0; i < vector.length; i++) {
    const isNull = !bitAt(present, i);
    rank[i] = isNull === order.nullsFirst ? 0 : 1;
    if (isNull) for (const word of words) word[i] = 0;
  }
  return [rank, ...words];
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
    const { words: count, signed } = form;
    for (let i = 0; i < rowCount; i++) {
      const top = words[i * count + count - 1] as number;
      out[i] = (signed ? top : top >>> 0) * TWO_32 + ((words[i * count + count - 2] as number) >>> 0);
    }
  } else if (form.kind === 'bytes') {
    const rows = byteRowsOf(vector);
    // Six bytes are exact in a double.
    for (let i = 0; i < rowCount; i++) out[i] = prefixWord(rows, i, 0) * 65536 + (prefixWord(rows, i, 4) >>> 16);
  } else if (form.kind === 'bool') {
    const bits = bitsOf(vector);
    for (let i = 0; i < rowCount; i++) out[i] = bitAt(bits, i) ? 1 : 0;
  }
  return out;
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
