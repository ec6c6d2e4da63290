/**
 * Stable sorting of row numbers by unsigned words, and selection by rank.
 *
 * Hides digits. Invariant: rows with equal words keep their order. Method: least significant digit radix sort, 11
 * bits a digit; a digit that all rows share costs its count only. Cost: linear in rows × digits that differ. A few rows
 * are inserted one by one instead.
 */
import { finish, inPieces } from './work.ts';
import type { Work } from './work.ts';

const DIGIT_BITS = 11;
const BUCKETS = 1 << DIGIT_BITS;
/** Rows that are inserted faster than buckets are emptied. */
const FEW_ROWS = 128;

/** A pass over one digit: counts it, and moves rows to where they belong by it. */
class DigitPass {
  readonly #word: Uint32Array;
  readonly #shift: number;
  readonly #starts = new Uint32Array(BUCKETS);

  constructor(word: Uint32Array, shift: number) {
    this.#word = word;
    this.#shift = shift;
  }

  count(from: number, to: number): void {
    const [word, shift, starts] = [this.#word, this.#shift, this.#starts];
    for (let i = from; i < to; i++) {
      const digit = ((word[i] as number) >>> shift) & (BUCKETS - 1);
      starts[digit] = (starts[digit] as number) + 1;
    }
  }

  /** Turns counts into places; false when all `rowCount` rows share the digit. */
  place(rowCount: number): boolean {
    const starts = this.#starts;
    let at = 0;
    for (let b = 0; b < BUCKETS; b++) {
      const size = starts[b] as number;
      if (size === rowCount) return false;
      starts[b] = at;
      at += size;
    }
    return true;
  }

  move(order: Uint32Array, moved: Uint32Array, from: number, to: number): void {
    const [word, shift, starts] = [this.#word, this.#shift, this.#starts];
    for (let i = from; i < to; i++) {
      const row = order[i] as number;
      const digit = ((word[row] as number) >>> shift) & (BUCKETS - 1);
      const slot = starts[digit] as number;
      moved[slot] = row;
      starts[digit] = slot + 1;
    }
  }
}

/** Sorts the row numbers in `order`, in place. */
function insertByWords(words: readonly Uint32Array[], order: Uint32Array): Uint32Array {
  for (let i = 1; i < order.length; i++) {
    const row = order[i] as number;
    let at = i;
    while (at > 0 && isBefore(words, row, order[at - 1] as number)) {
      order[at] = order[at - 1] as number;
      at--;
    }
    order[at] = row;
  }
  return order;
}

function isBefore(words: readonly Uint32Array[], row: number, other: number): boolean {
  for (const word of words) {
    const [a, b] = [word[row] as number, word[other] as number];
    if (a !== b) return a < b;
  }
  return false;
}

/** Rows 0 … count - 1 ordered by `words`, most significant first. */
export function* sortWork(words: readonly Uint32Array[], count: number): Work<Uint32Array> {
  let order = new Uint32Array(count);
  for (let i = 0; i < count; i++) order[i] = i;
  if (count < 2) return order;
  if (count <= FEW_ROWS) return insertByWords(words, order);
  let spare = new Uint32Array(count);
  for (const word of [...words].reverse()) {
    for (let shift = 0; shift < 32; shift += DIGIT_BITS) {
      const pass = new DigitPass(word, shift);
      yield* inPieces(count, (from, to) => pass.count(from, to));
      if (!pass.place(count)) continue;
      const [given, moved] = [order, spare];
      yield* inPieces(count, (from, to) => pass.move(given, moved, from, to));
      [order, spare] = [moved, given];
    }
  }
  return order;
}

/** As `sortWork`, at once. */
export function sortByWords(words: readonly Uint32Array[], count: number): Uint32Array {
  return finish(sortWork(words, count));
}

/**
 * The number that `rank` others do not exceed: rank 0 is the least. Reorders `numbers`; there must be more than
 * `rank`, no NaN.
 */
export function selectRank(numbers: Float64Array, rank: number): number {
  let low = 0;
  let high = numbers.length - 1;
  while (low < high) {
    const pivot = numbers[(low + high) >> 1] as number;
    let left = low;
    let right = high;
    while (left <= right) {
      while ((numbers[left] as number) < pivot) left++;
      while ((numbers[right] as number) > pivot) right--;
      if (left > right) break;
      const swapped = numbers[left] as number;
      numbers[left++] = numbers[right] as number;
      numbers[right--] = swapped;
    }
    if (rank <= right) high = right;
    else if (rank >= left) low = left;
    else break;
  }
  return numbers[rank] as number;
}
