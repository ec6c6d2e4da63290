/**
 * The best place of each frame: min, max, arg_min, arg_max, and the first or last by an order of its own.
 *
 * Hides types: values become numbers whose order is theirs, by ranking them where no double holds them. Method: where
 * frames begin with the partition the best so far is carried along, else the best of each sixteen, of each sixteen of
 * those, and so on, are looked at (a segment tree). Invariant: of equal ones the first place is the best.
 */
import { NO_ROW } from '../function/gather.ts';
import type { Vector } from '../arrow/vector.ts';
import { formOf, numbersOf, wordsOf } from '../function/column.ts';
import type { Frames } from './window-frame.ts';
import { piecesAt } from './window-frame.ts';
import { inPieces } from './work.ts';
import type { Work } from './work.ts';
import { sortWork } from './radix.ts';
import { keyWordsWork } from './sort-key.ts';

const TWO_32 = 4294967296;
const FAN = 16;

/** Numbers that order as the values do, none of them NaN; those of null rows mean nothing. */
export function* orderNumbers(vector: Vector): Work<Float64Array> {
  const form = formOf(vector.type);
  if (form.kind === 'number') {
    const numbers = numbersOf(vector);
    if (!form.isFloat || !numbers.some(Number.isNaN)) return numbers;
  }
  if (form.kind === 'words' && form.words === 2 && form.signed) {
    const numbers = smallIntegers(wordsOf(vector), vector.length);
    if (numbers !== undefined) return numbers;
  }
  const words = yield* keyWordsWork(vector, { descending: false, nullsFirst: false });
  return Float64Array.from(yield* denseRanks(words, vector.length));
}

function smallIntegers(words: Int32Array, count: number): Float64Array | undefined {
  const numbers = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    const high = words[2 * i + 1] as number;
    if (high >= 1 << 21 || high < -(1 << 21)) return undefined;
    numbers[i] = high * TWO_32 + ((words[2 * i] as number) >>> 0);
  }
  return numbers;
}

/** The rank of each row by words, most significant first; equal rows share one. */
export function* denseRanks(words: readonly Uint32Array[], count: number): Work<Uint32Array> {
  const [only] = words;
  if (words.length === 1 && only !== undefined) return only;
  const order = yield* sortWork(words, count);
  const ranks = new Uint32Array(count);
  let rank = 0;
  yield* inPieces(count, (from, to) => {
    for (let i = Math.max(from, 1); i < to; i++) {
      const [row, before] = [order[i] as number, order[i - 1] as number];
      if (words.some((word) => word[row] !== word[before])) rank++;
      ranks[row] = rank;
    }
  });
  return ranks;
}

/** What is compared: the least of `numbers`, or the greatest, among the places taken. */
export interface Contest {
  readonly numbers: Float64Array;
  readonly wantsMax: boolean;
  /** Flags by place; undefined when all are taken. */
  readonly taken: Uint8Array | undefined;
}

/** The best place of each frame, NO_ROW for none. */
export function* bestPlaces(frames: Frames, { numbers, wantsMax, taken }: Contest): Work<Uint32Array> {
  // Turned round the greatest is the least; NaN marks what is not taken, which is never less.
  const keys = new Float64Array(numbers.length);
  yield* inPieces(keys.length, (from, to) => {
    for (let i = from; i < to; i++) {
      const number = numbers[i] as number;
      keys[i] = taken !== undefined && taken[i] !== 1 ? NaN : wantsMax ? -number : number;
    }
  });
  return yield* frames.isRunning ? running(frames, keys) : moving(frames, keys);
}

function* running({ begins, ends }: Frames, keys: Float64Array): Work<Uint32Array> {
  const best = new Uint32Array(keys.length);
  let [heldPlace, heldAt] = [NO_ROW, 0];
  yield* inPieces(best.length, (from, to) => {
    let [place, at] = [heldPlace, heldAt];
    let key = place === NO_ROW ? NaN : (keys[place] as number);
    for (let i = from; i < to; i++) {
      if (i === 0 || begins[i] !== begins[i - 1]) [place, key, at] = [NO_ROW, NaN, begins[i] as number];
      for (; at < (ends[i] as number); at++) {
        const next = keys[at] as number;
        if (!(next < key || (key !== key && next === next))) continue;
        key = next;
        place = at;
      }
      best[i] = place;
    }
    [heldPlace, heldAt] = [place, at];
  });
  return best;
}

/** One level of the tree: the least key of each node, and its place. */
interface Level {
  readonly keys: Float64Array;
  readonly places: Uint32Array | undefined;
}

function levelsOf(keys: Float64Array): readonly Level[] {
  const levels: Level[] = [{ keys, places: undefined }];
  for (let below = levels[0] as Level; below.keys.length > FAN;) {
    const count = Math.ceil(below.keys.length / FAN);
    const level = { keys: new Float64Array(count).fill(NaN), places: new Uint32Array(count).fill(NO_ROW) };
    for (let i = 0; i < below.keys.length; i++) {
      const node = Math.floor(i / FAN);
      const next = below.keys[i] as number;
      const key = level.keys[node] as number;
      if (!(next < key || (key !== key && next === next))) continue;
      level.keys[node] = next;
      level.places[node] = below.places === undefined ? i : (below.places[i] as number);
    }
    levels.push(level);
    below = level;
  }
  return levels;
}

function* moving(frames: Frames, keys: Float64Array): Work<Uint32Array> {
  const search = new TreeSearch(levelsOf(keys));
  const best = new Uint32Array(keys.length);
  const pieces = new Uint32Array(6);
  const { begins, ends, exclude } = frames;
  yield* inPieces(best.length, (from, to) => {
    for (let i = from; i < to; i++) {
      search.begin();
      if (exclude === 'nothing') {
        search.visit(begins[i] as number, ends[i] as number);
      } else {
        const count = piecesAt(frames, i, pieces);
        for (let k = 0; k < count; k++) search.visit(pieces[2 * k] as number, pieces[2 * k + 1] as number);
      }
      best[i] = search.place;
    }
  });
  return best;
}

/** The least key of ranges, of equal ones that of the first place. */
class TreeSearch {
  readonly #levels: readonly Level[];
  #key = NaN;
  place = NO_ROW;

  constructor(levels: readonly Level[]) {
    this.#levels = levels;
  }

  begin(): void {
    this.#key = NaN;
    this.place = NO_ROW;
  }

  visit(from: number, to: number): void {
    let [begin, end] = [from, to];
    for (const level of this.#levels) {
      if (end - begin <= 2 * FAN) {
        this.#scan(level, begin, end);
        return;
      }
      const inner = Math.ceil(begin / FAN);
      const outer = Math.floor(end / FAN);
      this.#scan(level, begin, inner * FAN);
      this.#scan(level, outer * FAN, end);
      begin = inner;
      end = outer;
    }
  }

  #scan({ keys, places }: Level, from: number, to: number): void {
    let [key, place] = [this.#key, this.place];
    for (let i = from; i < to; i++) {
      const next = keys[i] as number;
      if (next !== next || next > key) continue;
      const at = places === undefined ? i : (places[i] as number);
      if (next === key && at > place) continue;
      key = next;
      place = at;
    }
    this.#key = key;
    this.place = place;
  }
}
