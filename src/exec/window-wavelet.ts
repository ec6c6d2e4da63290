/**
 * Numbers in a sequence, asked about by ranges of it: how many are less than one, and which is the k-th least.
 *
 * Hides bits. Method: a wavelet matrix: level by level, from the highest bit on, numbers with a 0 come before those
 * with a 1, and counts of the zeros before each place map ranges from level to level. Cost: a level for each bit of the
 * greatest number; a question asks each level twice for each range. Source: Claude, Navarro and Ordóñez, "The wavelet
 * matrix", Information Systems 2015.
 */

import type { Work } from './work.ts';

/** Half-open ranges of places, two numbers each. */
export type Pieces = Uint32Array;

/** One bit of every number, as it stands in that level, and how many bits are 0 before each word of 32. */
interface Level {
  readonly words: Uint32Array;
  readonly zeros: Uint32Array;
  readonly zeroCount: number;
}

function bitCount(word: number): number {
  let bits = word - ((word >>> 1) & 0x55555555);
  bits = (bits & 0x33333333) + ((bits >>> 2) & 0x33333333);
  return Math.imul((bits + (bits >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

/** How many zeros are before `place`. */
function zerosBefore({ words, zeros }: Level, place: number): number {
  const at = place >>> 5;
  const rest = place & 31;
  const before = zeros[at] as number;
  return rest === 0 ? before : before + rest - bitCount((words[at] as number) & ((1 << rest) - 1));
}

function makeLevel(numbers: Uint32Array, shift: number, next: Uint32Array): Level {
  const count = numbers.length;
  const words = new Uint32Array((count >>> 5) + 1);
  const zeros = new Uint32Array(words.length);
  let zeroCount = 0;
  for (let i = 0; i < count; i++) {
    if ((i & 31) === 0) zeros[i >>> 5] = zeroCount;
    if ((((numbers[i] as number) >>> shift) & 1) === 1) words[i >>> 5] = (words[i >>> 5] as number) | (1 << (i & 31));
    else next[zeroCount++] = numbers[i] as number;
  }
  if ((count & 31) === 0) zeros[count >>> 5] = zeroCount;
  let one = zeroCount;
  for (let i = 0; i < count; i++) {
    if ((((numbers[i] as number) >>> shift) & 1) === 1) next[one++] = numbers[i] as number;
  }
  return { words, zeros, zeroCount };
}

export class Wavelet {
  /** From the highest bit on. */
  readonly #levels: readonly Level[];
  readonly #ranges = new Uint32Array(6);

  private constructor(levels: readonly Level[]) {
    this.#levels = levels;
  }

  /** `max`: no number is above it. */
  static *of(numbers: Uint32Array, max: number): Work<Wavelet> {
    const bits = Math.max(1, 32 - Math.clz32(max));
    const levels: Level[] = [];
    let current = numbers.slice();
    let next: Uint32Array<ArrayBuffer> = new Uint32Array(numbers.length);
    for (let shift = bits - 1; shift >= 0; shift--) {
      levels.push(makeLevel(current, shift, next));
      [current, next] = [next, current];
      yield;
    }
    return new Wavelet(levels);
  }

  get byteCount(): number {
    return this.#levels.reduce((sum, { words }) => sum + 2 * words.byteLength, 0);
  }

  /** How many numbers in the first `count` pieces are less than `bound`. */
  countLess(pieces: Pieces, count: number, bound: number): number {
    const ranges = this.#ranges;
    for (let i = 0; i < 2 * count; i++) ranges[i] = pieces[i] as number;
    let less = 0;
    let shift = this.#levels.length - 1;
    if (bound >= 2 ** (shift + 1)) return sizeOf(pieces, count);
    for (const level of this.#levels) {
      const isOne = ((bound >>> shift--) & 1) === 1;
      for (let k = 0; k < 2 * count; k += 2) {
        const from = zerosBefore(level, ranges[k] as number);
        const to = zerosBefore(level, ranges[k + 1] as number);
        if (isOne) {
          less += to - from;
          ranges[k] = level.zeroCount + (ranges[k] as number) - from;
          ranges[k + 1] = level.zeroCount + (ranges[k + 1] as number) - to;
        } else {
          ranges[k] = from;
          ranges[k + 1] = to;
        }
      }
    }
    return less;
  }

  /** The number of rank `rank`, from 0, among those in the first `count` pieces, which must be more. */
  least(pieces: Pieces, count: number, rank: number): number {
    const ranges = this.#ranges;
    for (let i = 0; i < 2 * count; i++) ranges[i] = pieces[i] as number;
    let left = rank;
    let found = 0;
    for (const level of this.#levels) {
      let zeros = 0;
      for (let k = 0; k < 2 * count; k += 2) {
        zeros += zerosBefore(level, ranges[k + 1] as number) - zerosBefore(level, ranges[k] as number);
      }
      const isOne = left >= zeros;
      if (isOne) left -= zeros;
      found = found * 2 + (isOne ? 1 : 0);
      for (let k = 0; k < 2 * count; k++) {
        const place = ranges[k] as number;
        const before = zerosBefore(level, place);
        ranges[k] = isOne ? level.zeroCount + place - before : before;
      }
    }
    return found;
  }
}

/** How many places the first `count` pieces have. */
export function sizeOf(pieces: Pieces, count: number): number {
  let size = 0;
  for (let k = 0; k < 2 * count; k += 2) size += (pieces[k + 1] as number) - (pieces[k] as number);
  return size;
}
