/**
 * Sums, counts and means over frames.
 *
 * Hides how sums are kept. Method: sums of integers and decimals are exact, and a frame's is the difference of two
 * prefix sums, as doubles while those are whole numbers below 2^53, else as words; so any frame costs the same. Sums of
 * floats would lose digits that way: they are added in order where frames begin with the partition, else taken from a
 * tree of sums (Leis et al., "Efficient Processing of Window Functions in Analytical SQL Queries", VLDB 2015).
 * Invariant: places that are not taken count as zero.
 */
import { decimalText } from '../arrow/value.ts';
import { typeName } from '../arrow/type.ts';
import type { DataType } from '../arrow/type.ts';
import type { Vector } from '../arrow/vector.ts';
import { EngineError } from '../base/errors.ts';
import { bitsOf, bytesOf, formOf, numbersOf, vectorOf, wordsOf } from '../function/column.ts';
import { bigintOfWords } from '../function/constant.ts';
import { DOUBLE } from '../function/signature.ts';
import { bitAt } from '../function/validity.ts';
import type { Frames } from './window-frame.ts';
import { piecesAt } from './window-frame.ts';
import { countsBefore } from './window-mask.ts';
import { validityOf } from './window-result.ts';
import type { WindowResult } from './window-result.ts';
import { inPieces } from './work.ts';
import type { Work } from './work.ts';

const TWO_32 = 4294967296;
const TWO_53 = 2 ** 53;
/** Children of a node. */
const FAN = 16;

/** Calls `visit` with the half-open ranges of each frame and its place, one frame after another. */
function forEachPiece(frames: Frames, visit: (from: number, to: number, place: number) => void): Work<void> {
  const { begins, ends } = frames;
  if (frames.exclude === 'nothing') {
    return inPieces(begins.length, (first, end) => {
      for (let i = first; i < end; i++) visit(begins[i] as number, ends[i] as number, i);
    });
  }
  const pieces = new Uint32Array(6);
  return inPieces(begins.length, (first, end) => {
    for (let i = first; i < end; i++) {
      const count = piecesAt(frames, i, pieces);
      for (let k = 0; k < count; k++) visit(pieces[2 * k] as number, pieces[2 * k + 1] as number, i);
    }
  });
}

/** How many places of each frame are taken. */
export function* frameCounts(frames: Frames, taken: Uint8Array | undefined): Work<Float64Array> {
  const counts = new Float64Array(frames.begins.length);
  const before = countsBefore(taken);
  yield* forEachPiece(frames, (from, to, place) => {
    const size = before === undefined ? to - from : (before[to] as number) - (before[from] as number);
    counts[place] = (counts[place] as number) + size;
  });
  return counts;
}

/** What sums are made of, by place. */
interface Addends {
  /** Doubles, exact unless they are floats; zero where a place is not taken. */
  readonly numbers: Float64Array | undefined;
  /** Integers that may pass 2^53 in sum: `width` words a place, in two's complement. */
  readonly words: Int32Array | undefined;
  readonly width: number;
}

function addendsOf(vector: Vector, taken: Uint8Array | undefined): Addends {
  const form = formOf(vector.type);
  const numbers = new Float64Array(vector.length);
  const isTaken = (i: number): boolean => taken === undefined || taken[i] === 1;
  if (form.kind === 'bool') {
    const bits = bitsOf(vector);
    for (let i = 0; i < numbers.length; i++) numbers[i] = isTaken(i) && bitAt(bits, i) ? 1 : 0;
    return { numbers, words: undefined, width: 3 };
  }
  let size = 0;
  if (form.kind === 'number') {
    const values = numbersOf(vector);
    for (let i = 0; i < numbers.length; i++) {
      if (!isTaken(i)) continue;
      numbers[i] = values[i] as number;
      size += Math.abs(values[i] as number);
    }
    if (form.isFloat || size < TWO_53) return { numbers, words: undefined, width: 3 };
    return { numbers: undefined, words: wordsOfNumbers(numbers), width: 3 };
  }
  const count = form.kind === 'words' ? form.words : 2;
  const signed = form.kind !== 'words' || form.signed;
  const words = wordsOf(vector);
  for (let i = 0; i < numbers.length && size < TWO_53; i++) {
    if (!isTaken(i)) continue;
    const value = smallValue(words, i * count, count, signed);
    numbers[i] = value;
    size += Math.abs(value);
  }
  if (size < TWO_53) return { numbers, words: undefined, width: count + 1 };
  return { numbers: undefined, words: widened(words, count, signed, taken, vector.length), width: count + 1 };
}

/** The integer of `count` words as a double; infinite where that is not exact. */
function smallValue(words: Int32Array, at: number, count: number, signed: boolean): number {
  const high = signed ? (words[at + 1] as number) : (words[at + 1] as number) >>> 0;
  const sign = (words[at + 1] as number) >> 31;
  for (let k = 2; k < count; k++) if (words[at + k] !== sign) return Infinity;
  return high * TWO_32 + ((words[at] as number) >>> 0);
}

function wordsOfNumbers(numbers: Float64Array): Int32Array {
  const words = new Int32Array(numbers.length * 3);
  for (let i = 0; i < numbers.length; i++) {
    const value = numbers[i] as number;
    words[3 * i] = value;
    words[3 * i + 1] = Math.floor(value / TWO_32);
    words[3 * i + 2] = value < 0 ? -1 : 0;
  }
  return words;
}

/** Each integer with one word more. */
function widened(
  words: Int32Array,
  count: number,
  signed: boolean,
  taken: Uint8Array | undefined,
  rowCount: number,
): Int32Array {
  const width = count + 1;
  const made = new Int32Array(rowCount * width);
  for (let i = 0; i < rowCount; i++) {
    if (taken !== undefined && taken[i] === 0) continue;
    for (let k = 0; k < count; k++) made[i * width + k] = words[i * count + k] as number;
    made[i * width + count] = signed ? (words[i * count + count - 1] as number) >> 31 : 0;
  }
  return made;
}

/** Adds, or with `sign` -1 subtracts, integers of `width` words in place. */
function addWords(into: Int32Array, at: number, from: Int32Array, place: number, width: number, sign: 1 | -1): void {
  let carry = 0;
  for (let k = 0; k < width; k++) {
    const sum = ((into[at + k] as number) >>> 0) + sign * ((from[place + k] as number) >>> 0) + carry;
    into[at + k] = sum;
    carry = Math.floor(sum / TWO_32);
  }
}

/** Exact sums over frames, as doubles or as words. */
interface Sums {
  readonly numbers: Float64Array | undefined;
  readonly words: Int32Array | undefined;
  readonly width: number;
}

function* exactSums(frames: Frames, { numbers, words, width }: Addends): Work<Sums> {
  const count = frames.begins.length;
  if (numbers !== undefined) {
    const prefix = new Float64Array(count + 1);
    for (let i = 0; i < count; i++) prefix[i + 1] = (prefix[i] as number) + (numbers[i] as number);
    yield;
    const sums = new Float64Array(count);
    yield* forEachPiece(frames, (from, to, place) => {
      sums[place] = (sums[place] as number) + (prefix[to] as number) - (prefix[from] as number);
    });
    return { numbers: sums, words: undefined, width };
  }
  const values = words ?? new Int32Array(0);
  const prefix = new Int32Array((count + 1) * width);
  yield* inPieces(count, (from, to) => {
    for (let i = from; i < to; i++) {
      prefix.copyWithin((i + 1) * width, i * width, (i + 1) * width);
      addWords(prefix, (i + 1) * width, values, i * width, width, 1);
    }
  });
  const sums = new Int32Array(count * width);
  yield* forEachPiece(frames, (from, to, place) => {
    addWords(sums, place * width, prefix, to * width, width, 1);
    addWords(sums, place * width, prefix, from * width, width, -1);
  });
  return { numbers: undefined, words: sums, width };
}

/** Sums of floats over frames. */
function* floatSums(frames: Frames, numbers: Float64Array): Work<Float64Array> {
  const sums = new Float64Array(numbers.length);
  if (frames.isRunning) {
    yield* growingSums(frames, numbers, sums);
    return sums;
  }
  const levels = [numbers];
  for (let below = numbers; below.length > FAN;) {
    const level = new Float64Array(Math.ceil(below.length / FAN));
    for (let i = 0; i < below.length; i++) {
      const node = Math.floor(i / FAN);
      level[node] = (level[node] as number) + (below[i] as number);
    }
    levels.push(level);
    below = level;
    yield;
  }
  yield* forEachPiece(frames, (from, to, place) => {
    sums[place] = (sums[place] as number) + treeSum(levels, from, to);
  });
  return sums;
}

function growingSums({ begins, ends }: Frames, numbers: Float64Array, sums: Float64Array): Work<void> {
  let [heldSum, heldAt] = [0, 0];
  return inPieces(sums.length, (from, to) => {
    let [sum, at] = [heldSum, heldAt];
    for (let i = from; i < to; i++) {
      if (i === 0 || begins[i] !== begins[i - 1]) [sum, at] = [0, begins[i] as number];
      for (; at < (ends[i] as number); at++) sum += numbers[at] as number;
      sums[i] = sum;
    }
    [heldSum, heldAt] = [sum, at];
  });
}

function treeSum(levels: readonly Float64Array[], from: number, to: number): number {
  let [sum, begin, end] = [0, from, to];
  for (const level of levels) {
    if (end - begin <= 2 * FAN) {
      for (; begin < end; begin++) sum += level[begin] as number;
      return sum;
    }
    for (; begin % FAN !== 0; begin++) sum += level[begin] as number;
    for (; end % FAN !== 0; end--) sum += level[end - 1] as number;
    begin /= FAN;
    end /= FAN;
  }
  return sum;
}

/** sum over frames, by row. @throws `value_error` when a sum passes its type */
export function* frameSums(
  frames: Frames,
  vector: Vector,
  taken: Uint8Array | undefined,
  type: DataType,
  order: Uint32Array,
): Work<WindowResult> {
  const counts = yield* frameCounts(frames, taken);
  const present = new Uint8Array(counts.length);
  yield* inPieces(counts.length, (from, to) => {
    for (let i = from; i < to; i++) present[order[i] as number] = (counts[i] as number) > 0 ? 1 : 0;
  });
  const addends = addendsOf(vector, taken);
  yield;
  if (type.id === 'float') {
    const sums = yield* floatSums(frames, addends.numbers ?? new Float64Array(0));
    const values = new Float64Array(sums.length);
    yield* inPieces(sums.length, (from, to) => {
      for (let i = from; i < to; i++) values[order[i] as number] = sums[i] as number;
    });
    return { vector: vectorOf(DOUBLE, values.length, validityOf(present), bytesOf(values)), rows: undefined };
  }
  const words = yield* storeSums(yield* exactSums(frames, addends), type, order);
  return { vector: vectorOf(type, counts.length, validityOf(present), bytesOf(words)), rows: undefined };
}

/** Exact sums in the words of their type, by row. */
function* storeSums(sums: Sums, type: DataType, order: Uint32Array): Work<Int32Array> {
  const form = formOf(type);
  const count = form.kind === 'words' ? form.words : 2;
  const signed = form.kind !== 'words' || form.signed;
  const words = new Int32Array(order.length * count);
  const { numbers, width } = sums;
  if (numbers !== undefined) {
    yield* inPieces(order.length, (first, end) => {
      for (let i = first; i < end; i++) {
        const at = (order[i] as number) * count;
        const value = numbers[i] as number;
        words[at] = value;
        words[at + 1] = Math.floor(value / TWO_32);
        if (value < 0) for (let k = 2; k < count; k++) words[at + k] = -1;
        if (value < 0 && !signed) throw overflow(sums, i, type);
      }
    });
    return words;
  }
  const from = sums.words ?? new Int32Array(0);
  yield* inPieces(order.length, (first, end) => {
    for (let i = first; i < end; i++) {
      const at = (order[i] as number) * count;
      const sign = signed ? (from[i * width + count - 1] as number) >> 31 : 0;
      for (let k = count; k < width; k++) if (from[i * width + k] !== sign) throw overflow(sums, i, type);
      for (let k = 0; k < count; k++) words[at + k] = from[i * width + k] as number;
      if (type.id === 'decimal') checkDecimal(sums, i, type, words[at + count - 1] as number);
    }
  });
  return words;
}

function checkDecimal(sums: Sums, place: number, type: DataType & { id: 'decimal' }, top: number): void {
  const bound = 10n ** BigInt(type.precision);
  // Most sums are far from the bound, as their top word tells.
  if (Math.abs(top) + 1 < Number(bound >> BigInt(type.bitWidth - 32))) return;
  const value = exact(sums, place);
  if (value >= bound || value <= -bound) throw overflow(sums, place, type);
}

function exact({ numbers, words, width }: Sums, place: number): bigint {
  if (numbers !== undefined) return BigInt(numbers[place] as number);
  return bigintOfWords(words ?? new Int32Array(0), place * width, width, true);
}

function overflow(sums: Sums, place: number, type: DataType): EngineError {
  const value = exact(sums, place);
  const text = type.id === 'decimal' ? decimalText(value, type.scale) : value.toString();
  const message = `overflow in sum: ${text} is outside ${typeName(type)}`;
  return new EngineError('value_error', `${message}; sum doubles${type.id === 'decimal' ? '' : ' or decimals'}`);
}

/** avg of numbers over frames, by row. */
export function* frameMeans(
  frames: Frames,
  vector: Vector,
  taken: Uint8Array | undefined,
  order: Uint32Array,
): Work<WindowResult> {
  const counts = yield* frameCounts(frames, taken);
  const addends = addendsOf(vector, taken);
  yield;
  const isFloat = vector.type.id === 'float';
  const sums = isFloat ? yield* floatSums(frames, addends.numbers ?? new Float64Array(0)) : undefined;
  const exactly = sums === undefined ? yield* exactSums(frames, addends) : undefined;
  const divisor = vector.type.id === 'decimal' ? 10 ** vector.type.scale : 1;
  const means = new Float64Array(counts.length);
  const present = new Uint8Array(counts.length);
  yield* inPieces(counts.length, (from, to) => {
    for (let i = from; i < to; i++) {
      const row = order[i] as number;
      const count = counts[i] as number;
      if (count === 0) continue;
      present[row] = 1;
      const sum = sums?.[i] ?? exactly?.numbers?.[i] ?? Number(exact(exactly as Sums, i));
      means[row] = sum / count / divisor;
    }
  });
  return { vector: vectorOf(DOUBLE, means.length, validityOf(present), bytesOf(means)), rows: undefined };
}
