/**
 * Range keys: integers that lie close together, numbered without a hash table: by their distance from the least of
 * them where nearly all are there, else by how many there are below.
 *
 * Hides which of the two it is. Neighbours keep near numbers, so that columns in order are looked up where the
 * processor has just been. Invariants: equal values get equal numbers; null has the number behind all others; a value
 * that is not there may have none (MISSING). Nothing is added once it is made.
 */
import type { Vector } from '../arrow/vector.ts';
import { RANGE_KEYS_FREE, RANGE_KEYS_MAX, RANGE_KEYS_PER_ROW } from '../base/limits.ts';
import { MISSING, distancesOf, integerRange } from './integers.ts';
import type { IntegerRange } from './integers.ts';
import { KeySet, popCount } from './key-set.ts';
import { bitAt, validityOf } from './validity.ts';

/** Numbers of the values of one column. */
export interface RangeKeys {
  readonly byteCount: number;
  /** Numbers that there are, used or not; the last one is null's. */
  readonly count: number;
  /** The values as a set, where there is one already. */
  readonly set: KeySet | undefined;
  /** One number a row. */
  number(column: Vector, rowCount: number): Uint32Array<ArrayBuffer>;
}

/** Gives the rows that are null `number`. */
function numberNulls(column: Vector, ids: Uint32Array, number: number): void {
  const { bits, nullCount } = validityOf(column);
  if (nullCount === 0 || bits === undefined) return;
  for (let i = 0; i < ids.length; i++) if (!bitAt(bits, i)) ids[i] = number;
}

class DenseKeys implements RangeKeys {
  readonly byteCount = 0;
  readonly set = undefined;
  readonly #least: number;
  readonly #size: number;

  constructor({ least, most }: IntegerRange) {
    this.#least = least;
    this.#size = most - least + 1;
  }

  get count(): number {
    return this.#size + 1;
  }

  number(column: Vector, rowCount: number): Uint32Array<ArrayBuffer> {
    const ids = distancesOf(column, this.#least, this.#size).slice(0, rowCount);
    numberNulls(column, ids, this.#size);
    return ids;
  }
}

class RankedKeys implements RangeKeys {
  readonly set: KeySet;
  readonly #ranks: ReturnType<KeySet['ranks']>;

  constructor(set: KeySet) {
    this.set = set;
    this.#ranks = set.ranks();
  }

  get byteCount(): number {
    return this.set.byteCount * 2;
  }

  get count(): number {
    return this.#ranks.count + 1;
  }

  number(column: Vector, rowCount: number): Uint32Array<ArrayBuffer> {
    const { least, size } = this.set.range;
    const distances = distancesOf(column, least, size);
    const { words, before } = this.#ranks;
    const ids = new Uint32Array(rowCount);
    for (let i = 0; i < rowCount; i++) {
      const distance = distances[i] as number;
      const at = distance < size ? distance : size;
      const word = words[at >>> 5] as number;
      const bit = at & 31;
      const below = popCount(word & ((1 << bit) - 1));
      ids[i] = ((word >>> bit) & 1) === 0 ? MISSING : (before[at >>> 5] as number) + below;
    }
    numberNulls(column, ids, this.#ranks.count);
    return ids;
  }
}

/** Numbers of all values of `parts`, which have one type; undefined when they are no integers or lie too far apart. */
export function rangeKeysOf(parts: readonly Vector[]): RangeKeys | undefined {
  const range = integerRange(parts);
  if (range === undefined) return undefined;
  const size = range.most - range.least + 1;
  const sizeMax = Math.min(RANGE_KEYS_PER_ROW * range.rowCount + RANGE_KEYS_FREE, RANGE_KEYS_MAX);
  if (size <= sizeMax) return new DenseKeys(range);
  const set = KeySet.of(parts, range);
  return set === undefined ? undefined : new RankedKeys(set);
}
