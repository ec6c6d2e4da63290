/**
 * Range keys: integers that lie close together, numbered by their distance from the least of them.
 *
 * Hides how integers are stored. Where it applies it takes the place of a hash table, of which it is an array.
 * Invariants: equal values get equal numbers; null has the number behind all others; what lies outside of the range
 * has none (MISSING). Nothing is added once it is made.
 */
import type { Vector } from '../arrow/vector.ts';
import { RANGE_KEY_MAX, RANGE_KEYS_FREE, RANGE_KEYS_PER_ROW } from '../base/limits.ts';
import { formOf, numbersOf, wordsOf } from './column.ts';
import { decodeVector } from './decode.ts';
import { flatType } from './signature.ts';
import { bitAt, validityOf } from './validity.ts';

/** In place of a number: the value has none. */
export const MISSING = 0xffffffff;

const TWO_32 = 4_294_967_296;

/**
 * The values of integers, or of what is stored as they are, as doubles: exact up to 2^53, and beyond that far from
 * everything in a range; undefined for other types.
 */
export function integersOf(column: Vector): Float64Array | undefined {
  const vector = flatType(column.type) === column.type ? column : decodeVector(column);
  const form = formOf(vector.type);
  if (form.kind === 'number') return form.isFloat ? undefined : numbersOf(vector);
  if (form.kind !== 'words' || form.words !== 2) return undefined;
  const words = wordsOf(vector);
  const values = new Float64Array(vector.length);
  for (let i = 0; i < values.length; i++) {
    const high = words[2 * i + 1] as number;
    values[i] = (form.signed ? high : high >>> 0) * TWO_32 + ((words[2 * i] as number) >>> 0);
  }
  return values;
}

/** The least and the greatest of integers, and how many rows there are; undefined when there is none, or no integers. */
export function integerRange(
  parts: readonly Vector[],
): { readonly least: number; readonly most: number; readonly rowCount: number } | undefined {
  let [least, most, rowCount] = [Infinity, -Infinity, 0];
  for (const part of parts) {
    const values = integersOf(part);
    if (values === undefined) return undefined;
    const { bits } = validityOf(part);
    rowCount += values.length;
    for (let i = 0; i < values.length; i++) {
      if (bits !== undefined && !bitAt(bits, i)) continue;
      const value = values[i] as number;
      if (value < least) least = value;
      if (value > most) most = value;
    }
  }
  return least > most ? undefined : { least, most, rowCount };
}

/** Numbers the values of one column. */
export class RangeKeys {
  readonly byteCount = 0;
  readonly #least: number;
  readonly #size: number;

  private constructor(least: number, size: number) {
    this.#least = least;
    this.#size = size;
  }

  /**
   * The numbers of all values of `parts`, which have one type; undefined when they are no integers or lie too far
   * apart.
   */
  static of(parts: readonly Vector[]): RangeKeys | undefined {
    const range = integerRange(parts);
    if (range === undefined) return undefined;
    const { least, most, rowCount } = range;
    const size = most - least + 1;
    const isExact = least >= -RANGE_KEY_MAX && most <= RANGE_KEY_MAX;
    return isExact && size <= RANGE_KEYS_PER_ROW * rowCount + RANGE_KEYS_FREE
      ? new RangeKeys(least, size)
      : undefined;
  }

  /** Numbers that there are, used or not. */
  get count(): number {
    return this.#size + 1;
  }

  /** One number a row. */
  number(column: Vector, rowCount: number): Uint32Array<ArrayBuffer> {
    const values = integersOf(column) as Float64Array;
    const ids = new Uint32Array(rowCount);
    const [least, size] = [this.#least, this.#size];
    for (let i = 0; i < rowCount; i++) {
      const distance = (values[i] as number) - least;
      ids[i] = distance >= 0 && distance < size ? distance : MISSING;
    }
    const { bits, nullCount } = validityOf(column);
    if (nullCount === 0 || bits === undefined) return ids;
    for (let i = 0; i < rowCount; i++) if (!bitAt(bits, i)) ids[i] = size;
    return ids;
  }
}
