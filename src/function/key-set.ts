/**
 * Key sets: which integers there are among some, as a bitmap from the least to the greatest.
 *
 * Hides how integers are stored. Invariants: a value is in the set exactly when one of the vectors that it was made of
 * has it; null never is. Nothing is added once it is made.
 */
import type { BoundValue } from '../arrow/source.ts';
import type { Vector } from '../arrow/vector.ts';
import { KEY_SET_BITS_FREE, KEY_SET_BITS_MAX, KEY_SET_BITS_PER_ROW, RANGE_KEY_MAX } from '../base/limits.ts';
import { formOf } from './column.ts';
import { integersOf, integerRange } from './range-keys.ts';
import { flatType } from './signature.ts';
import { bitAt, validityOf } from './validity.ts';

/** Integers of one column. */
export class KeySet {
  readonly #least: number;
  readonly #size: number;
  readonly #bits: Uint8Array;
  readonly #isWide: boolean;

  private constructor(least: number, size: number, isWide: boolean) {
    this.#least = least;
    this.#size = size;
    this.#isWide = isWide;
    // A spare byte for what lies outside.
    this.#bits = new Uint8Array((size >> 3) + 2);
  }

  /** All values of `parts`, which have one type; undefined when they are no integers or lie too far apart. */
  static of(parts: readonly Vector[]): KeySet | undefined {
    const range = integerRange(parts);
    if (range === undefined) return undefined;
    const { least, most, rowCount } = range;
    const size = most - least + 1;
    const isExact = least >= -RANGE_KEY_MAX && most <= RANGE_KEY_MAX;
    const sizeMax = Math.min(KEY_SET_BITS_MAX, Math.max(KEY_SET_BITS_FREE, rowCount * KEY_SET_BITS_PER_ROW));
    if (!isExact || size > sizeMax) return undefined;
    const form = formOf(flatType((parts[0] as Vector).type));
    const set = new KeySet(least, size, form.kind === 'words');
    for (const part of parts) set.#add(part);
    return set;
  }

  #add(part: Vector): void {
    const values = integersOf(part) as Float64Array;
    const { bits } = validityOf(part);
    const [least, own] = [this.#least, this.#bits];
    for (let i = 0; i < values.length; i++) {
      if (bits !== undefined && !bitAt(bits, i)) continue;
      const at = ((values[i] as number) - least) | 0;
      own[at >> 3] = (own[at >> 3] as number) | (1 << (at & 7));
    }
  }

  get byteCount(): number {
    return this.#bits.byteLength;
  }

  /** The least value, in the column's own form. */
  get least(): BoundValue {
    return this.#isWide ? BigInt(this.#least) : this.#least;
  }

  /** The greatest value, in the column's own form. */
  get most(): BoundValue {
    const most = this.#least + this.#size - 1;
    return this.#isWide ? BigInt(most) : most;
  }

  /** The rows of `vector`, which has the type of those that the set was made of, whose value is in the set. */
  choose(vector: Vector): Uint32Array {
    const values = integersOf(vector) as Float64Array;
    const present = validityOf(vector).bits;
    const rows = new Uint32Array(values.length + 1);
    const [least, size, bits] = [this.#least, this.#size, this.#bits];
    let count = 0;
    for (let i = 0; i < values.length; i++) {
      const distance = (values[i] as number) - least;
      // Every row is written, and the place moves on for those that are wanted. Bit `size` is never set.
      const at = (distance >= 0 && distance < size ? distance : size) | 0;
      rows[count] = i;
      count += ((bits[at >> 3] as number) >> (at & 7)) & 1;
    }
    const chosen = rows.subarray(0, count);
    return present === undefined ? chosen : chosen.filter((row) => bitAt(present, row));
  }
}
