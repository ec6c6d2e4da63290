/**
 * Stable sorting of row numbers by unsigned words, and selection by rank.
 *
 * Hides digits. Invariant: rows with equal words keep their order. Method: words whose ranges are small are packed into
 * one. Rows are sorted by the first word, least significant digit first and by no more digits than its range has; what
 * is equal in it is sorted by the next word, and so on, a few rows by inserting them one by one. Cost: linear in rows
 * × digits that tell them apart; where rows are in order already, only that is found out.
 */
import { finish, inPieces } from './work.ts';
import type { Work } from './work.ts';

/** Bits of a digit, for many rows and for few. */
const DIGIT_BITS = 11;
const SMALL_DIGIT_BITS = 8;
/** Rows below which buckets of large digits cost more than they spare. */
const SMALL_ROWS = 4_096;
/** Rows that are inserted faster than buckets are emptied. */
const FEW_ROWS = 32;

/** How many bits the numbers up to `range` have. */
function bitsOf(range: number): number {
  return 32 - Math.clz32(range);
}

/** Least value of a word, and how far above it the greatest is. */
interface Range {
  readonly least: number;
  readonly range: number;
}

function* rangeOf(word: Uint32Array, count: number): Work<Range> {
  const ends = Uint32Array.of(word[0] as number, word[0] as number);
  yield* inPieces(count, (from, to) => widen(ends, word, from, to));
  const least = ends[0] as number;
  return { least, range: (ends[1] as number) - least };
}

/** Widens `ends`, the least and the greatest value, by those of a word. */
function widen(ends: Uint32Array, word: Uint32Array, from: number, to: number): void {
  let least = ends[0] as number;
  let most = ends[1] as number;
  for (let i = from; i < to; i++) {
    const value = word[i] as number;
    if (value < least) least = value;
    if (value > most) most = value;
  }
  ends[0] = least;
  ends[1] = most;
}

/** Puts a word behind the bits that `into` has. */
function append(into: Uint32Array, word: Uint32Array, { least, range }: Range, from: number, to: number): void {
  const bits = bitsOf(range);
  for (let i = from; i < to; i++) into[i] = ((into[i] as number) << bits) | ((word[i] as number) - least);
}

/** Fewer words that order as `words` do: each as many of these, one after another, as have 32 bits together. */
function* packed(words: readonly Uint32Array[], count: number): Work<readonly Uint32Array[]> {
  const keys: Uint32Array[] = [];
  let bits = 32;
  let owned = false;
  let before: Range = { least: 0, range: 0 };
  for (const word of words) {
    const range = yield* rangeOf(word, count);
    if (range.range === 0) continue;
    const more = bitsOf(range.range);
    const last = keys.at(-1);
    if (last === undefined || bits + more > 32) {
      keys.push(word);
      bits = more;
      owned = false;
      before = range;
      continue;
    }
    let into = last;
    if (!owned) {
      into = keys[keys.length - 1] = new Uint32Array(count);
      const first = before;
      yield* inPieces(count, (from, to) => append(into, last, first, from, to));
      owned = true;
    }
    yield* inPieces(count, (from, to) => append(into, word, range, from, to));
    bits += more;
  }
  return keys;
}

/** Sorts the rows of places [start, end), which are equal in the words before, by insertion. */
function insertByWords(
  words: readonly Uint32Array[],
  k: number,
  order: Uint32Array,
  start: number,
  end: number,
): void {
  for (let i = start + 1; i < end; i++) {
    const row = order[i] as number;
    let at = i;
    while (at > start && isBefore(words, k, row, order[at - 1] as number)) {
      order[at] = order[at - 1] as number;
      at--;
    }
    order[at] = row;
  }
}

function isBefore(words: readonly Uint32Array[], k: number, row: number, other: number): boolean {
  for (let w = k; w < words.length; w++) {
    const word = words[w] as Uint32Array;
    const [a, b] = [word[row] as number, word[other] as number];
    if (a !== b) return a < b;
  }
  return false;
}

/** Keys of some rows, and the rows, while they are sorted; both move from one array to the other. */
class Pairs {
  keys: Uint32Array;
  rows: Uint32Array;
  #spareKeys: Uint32Array;
  #spareRows: Uint32Array;

  constructor(count: number) {
    this.keys = new Uint32Array(count);
    this.rows = new Uint32Array(count);
    this.#spareKeys = new Uint32Array(count);
    this.#spareRows = new Uint32Array(count);
  }

  /** Brings in the rows at places [start, end) of the order, and their keys. */
  load(word: Uint32Array, order: Uint32Array, start: number, from: number, to: number): void {
    gatherKeys(word, order, this.keys, start, from, to);
    this.rows.set(order.subarray(start + from, start + to), from);
  }

  /** Moves `count` pairs to where they belong by a digit. */
  *pass(count: number, shift: number, bits: number): Work<void> {
    const starts = new Uint32Array(1 << bits);
    yield* inPieces(count, (from, to) => countDigits(this.keys, starts, shift, from, to));
    let at = 0;
    for (let b = 0; b < starts.length; b++) {
      const size = starts[b] as number;
      if (size === count) return;
      starts[b] = at;
      at += size;
    }
    const [keys, rows, movedKeys, movedRows] = [this.keys, this.rows, this.#spareKeys, this.#spareRows];
    yield* inPieces(count, (from, to) => movePairs(keys, rows, movedKeys, movedRows, starts, shift, from, to));
    [this.keys, this.rows, this.#spareKeys, this.#spareRows] = [movedKeys, movedRows, keys, rows];
  }
}

function gatherKeys(
  word: Uint32Array,
  order: Uint32Array,
  keys: Uint32Array,
  start: number,
  from: number,
  to: number,
): void {
  for (let i = from; i < to; i++) keys[i] = word[order[start + i] as number] as number;
}

/** The bits in which keys differ from the first one. */
function varyingBits(keys: Uint32Array, from: number, to: number): number {
  const first = keys[0] as number;
  let varying = 0;
  for (let i = from; i < to; i++) varying |= (keys[i] as number) ^ first;
  return varying;
}

/** True when keys [from, to) and the one before them are in order. */
function areSorted(keys: Uint32Array, from: number, to: number): boolean {
  for (let i = Math.max(from, 1); i < to; i++) if ((keys[i] as number) < (keys[i - 1] as number)) return false;
  return true;
}

function countDigits(keys: Uint32Array, counts: Uint32Array, shift: number, from: number, to: number): void {
  const mask = counts.length - 1;
  for (let i = from; i < to; i++) {
    const digit = ((keys[i] as number) >>> shift) & mask;
    counts[digit] = (counts[digit] as number) + 1;
  }
}

function movePairs(
  keys: Uint32Array,
  rows: Uint32Array,
  movedKeys: Uint32Array,
  movedRows: Uint32Array,
  starts: Uint32Array,
  shift: number,
  from: number,
  to: number,
): void {
  const mask = starts.length - 1;
  for (let i = from; i < to; i++) {
    const key = keys[i] as number;
    const digit = (key >>> shift) & mask;
    const place = starts[digit] as number;
    movedKeys[place] = key;
    movedRows[place] = rows[i] as number;
    starts[digit] = place + 1;
  }
}

/** Places [start, end) of the order, whose rows are equal in the words before number `k`. */
interface Segment {
  readonly start: number;
  readonly end: number;
  readonly k: number;
}

class RadixSort {
  readonly order: Uint32Array;
  readonly #words: readonly Uint32Array[];
  readonly #pairs: Pairs;
  readonly #open: Segment[];

  constructor(words: readonly Uint32Array[], count: number) {
    this.order = new Uint32Array(count);
    for (let i = 0; i < count; i++) this.order[i] = i;
    this.#words = words;
    this.#pairs = new Pairs(count);
    this.#open = words.length === 0 ? [] : [{ start: 0, end: count, k: 0 }];
  }

  *run(): Work<void> {
    for (let segment = this.#open.pop(); segment !== undefined; segment = this.#open.pop()) {
      yield* this.#sort(segment);
    }
  }

  *#sort({ start, end, k }: Segment): Work<void> {
    const count = end - start;
    const pairs = this.#pairs;
    let varying = 0;
    let isSorted = true;
    yield* inPieces(count, (from, to) => {
      pairs.load(this.#words[k] as Uint32Array, this.order, start, from, to);
      varying |= varyingBits(pairs.keys, from, to);
      isSorted &&= areSorted(pairs.keys, from, to);
    });
    if (!isSorted) {
      // Bits above and below those that vary are the same in all.
      const lowest = 31 - Math.clz32(varying & -varying);
      const bits = bitsOf(varying) - lowest;
      const passes = Math.ceil(bits / (count < SMALL_ROWS ? SMALL_DIGIT_BITS : DIGIT_BITS));
      const digit = Math.ceil(bits / passes);
      for (let p = 0; p < passes; p++) yield* pairs.pass(count, lowest + p * digit, digit);
      this.order.set(pairs.rows.subarray(0, count), start);
    }
    if (k + 1 === this.#words.length) return;
    if (varying === 0) this.#open.push({ start, end, k: k + 1 });
    else yield* inPieces(count, (from, to) => this.#closeRuns(start, from, to, count, k + 1));
  }

  /** Where the run of equal keys begins that is not closed yet. */
  #head = 0;

  /** Sorts rows with one key, which stand together, by the words from number `k` on; the last run at the end. */
  #closeRuns(start: number, from: number, to: number, count: number, k: number): void {
    const { keys } = this.#pairs;
    let head = from === 0 ? 0 : this.#head;
    for (let i = Math.max(from, 1); i < to; i++) {
      if (keys[i] === keys[i - 1]) continue;
      if (i - head > 1) this.#close(start + head, start + i, k);
      head = i;
    }
    if (to === count && to - head > 1) this.#close(start + head, start + to, k);
    this.#head = head;
  }

  #close(start: number, end: number, k: number): void {
    if (end - start <= FEW_ROWS) insertByWords(this.#words, k, this.order, start, end);
    else this.#open.push({ start, end, k });
  }
}

/** The rows 0 to `count` - 1, in the order of their words, most significant word first. */
export function* sortWork(words: readonly Uint32Array[], count: number): Work<Uint32Array> {
  if (count <= FEW_ROWS) {
    const order = new Uint32Array(count);
    for (let i = 0; i < count; i++) order[i] = i;
    insertByWords(words, 0, order, 0, count);
    return order;
  }
  const sort = new RadixSort(yield* packed(words, count), count);
  yield* sort.run();
  return sort.order;
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
