/**
 * Key sets: which integers there are among some, as a bitmap from the least to the greatest.
 *
 * Hides how integers are stored. Invariants: a value is in the set exactly when one of the vectors that it was made of
 * has it; null never is. Nothing is added once it is made.
 */
import type { BoundValue } from '../arrow/source.ts';
import type { Vector } from '../arrow/vector.ts';
import { BATCH_ROWS_MAX, KEY_SET_BITS_FREE, KEY_SET_BITS_MAX, KEY_SET_BITS_PER_ROW } from '../base/limits.ts';
import { bytesOf, formOf } from './column.ts';
import { distancesOf, integerRange } from './integers.ts';
import { flatType } from './signature.ts';
import { bitAt, validityOf } from './validity.ts';

/** Integers of one column. */
export class KeySet {
  readonly #least: number;
  /** How many integers there may be, from the least on. */
  readonly size: number;
  /** Bit i stands for the i-th of them; bit `size` is there, and never set. */
  readonly bits: Uint8Array;
  readonly #words: Uint32Array;
  readonly #isWide: boolean;

  private constructor(least: number, size: number, isWide: boolean) {
    this.#least = least;
    this.size = size;
    this.#isWide = isWide;
    this.#words = new Uint32Array((size >>> 5) + 1);
    this.bits = bytesOf(this.#words);
  }

  /** All values of `parts`, which have one type; undefined when they are no integers or lie too far apart. */
  static of(parts: readonly Vector[], range = integerRange(parts)): KeySet | undefined {
    if (range === undefined) return undefined;
    const { least, most, rowCount } = range;
    const size = most - least + 1;
    const sizeMax = Math.min(KEY_SET_BITS_MAX, Math.max(KEY_SET_BITS_FREE, rowCount * KEY_SET_BITS_PER_ROW));
    if (size > sizeMax) return undefined;
    const form = formOf(flatType((parts[0] as Vector).type));
    const set = new KeySet(least, size, form.kind === 'words');
    for (const part of parts) set.#add(part);
    return set;
  }

  #add(part: Vector): void {
    const distances = distancesOf(part, this.#least, this.size);
    const { bits } = validityOf(part);
    const own = this.bits;
    for (let i = 0; i < distances.length; i++) {
      if (bits !== undefined && !bitAt(bits, i)) continue;
      const at = distances[i] as number;
      own[at >> 3] = (own[at >> 3] as number) | (1 << (at & 7));
    }
  }

  get byteCount(): number {
    return this.bits.byteLength;
  }

  /** The least value that there may be, and how many from it on. */
  get range(): { readonly least: number; readonly size: number } {
    return { least: this.#least, size: this.size };
  }

  /** The bits as words, for each word how many values lie before it, and how many there are. */
  ranks(): { readonly words: Uint32Array; readonly before: Uint32Array; readonly count: number } {
    const words = this.#words;
    const before = new Uint32Array(words.length);
    let count = 0;
    for (let i = 0; i < words.length; i++) {
      before[i] = count;
      count += popCount(words[i] as number);
    }
    return { words, before, count };
  }

  /** What the first bit stands for. */
  get first(): bigint {
    return BigInt(this.#least);
  }

  /** The least value, in the column's own form. */
  get least(): BoundValue {
    return this.#isWide ? BigInt(this.#least) : this.#least;
  }

  /** The greatest value, in the column's own form. */
  get most(): BoundValue {
    const most = this.#least + this.size - 1;
    return this.#isWide ? BigInt(most) : most;
  }

  /** The rows of `vector`, which has the type of those that the set was made of, whose value is in the set. */
  choose(vector: Vector): Uint32Array {
    const distances = distancesOf(vector, this.#least, this.size);
    const present = validityOf(vector).bits;
    if (scratch.length <= distances.length) scratch = new Uint32Array(Math.max(distances.length, BATCH_ROWS_MAX) + 1);
    const rows = scratch;
    const [size, bits] = [this.size, this.bits];
    let count = 0;
    for (let i = 0; i < distances.length; i++) {
      const distance = distances[i] as number;
      // Every row is written, and the place moves on for those that are wanted. Bit `size` is never set.
      const at = distance < size ? distance : size;
      rows[count] = i;
      count += ((bits[at >> 3] as number) >> (at & 7)) & 1;
    }
    const chosen = rows.slice(0, count);
    return present === undefined ? chosen : chosen.filter((row) => bitAt(present, row));
  }
}

/** How many bits of a word are set. */
export function popCount(word: number): number {
  const pairs = word - ((word >>> 1) & 0x55555555);
  const nibbles = (pairs & 0x33333333) + ((pairs >>> 2) & 0x33333333);
  return Math.imul((nibbles + (nibbles >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

/** Where rows are listed before it is known how many they are. */
let scratch = new Uint32Array(0);
