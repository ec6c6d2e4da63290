/**
 * Frames: the places that a call over a window sees from each place.
 *
 * Hides units, distances and searching. Invariants: `begins[i]` ≤ `ends[i]`, both within the partition of place i;
 * what EXCLUDE leaves out is not cut off the ranges: `piecesAt` does that. Cost: linear, but for distances of RANGE
 * that jump about, which are searched for.
 */
import type { Vector } from '../arrow/vector.ts';
import { EngineError } from '../base/errors.ts';
import { formOf, numbersOf, wordsOf } from '../function/column.ts';
import { bitAt, validityOf } from '../function/validity.ts';
import type { FrameBound, SortKey, WindowCall, WindowFrame } from '../plan/expr.ts';
import { keyWordsWork } from './sort-key.ts';
import type { Ranges, WindowOrder } from './window-order.ts';
import { inPieces } from './work.ts';
import type { Work } from './work.ts';

const TWO_32 = 4294967296;

/** The frame of every place. */
export interface Frames extends Ranges {
  readonly exclude: WindowFrame['exclude'];
  readonly peers: Ranges;
  /** `running`: each begins where its partition does, and none ends before the one of the place before it. */
  readonly isRunning: boolean;
}

/** True when every frame is the whole partition, whatever the rows. */
export function isWhole({ frame, keys }: WindowCall): boolean {
  const { start, end, exclude, unit } = frame;
  const isAll = ({ kind }: FrameBound): boolean => {
    return kind === 'unbounded' || (kind === 'current' && unit !== 'rows' && keys.length === 0);
  };
  return exclude === 'nothing' && isAll(start) && isAll(end);
}

/** Finds the frames of a call. @throws `value_error` for distances that are negative or NULL */
export function* framesOf(order: WindowOrder, call: WindowCall): Work<Frames> {
  const { frame, keys } = call;
  const partitions = yield* order.partitionRanges();
  const peers = yield* order.peersBy(keys.length);
  const range = frame.rangeKey === undefined ? undefined : yield* KeyRange.of(order, call, partitions);
  const make = function* (bound: FrameBound, isEnd: boolean): Work<Uint32Array> {
    switch (bound.kind) {
      case 'unbounded':
        return isEnd ? partitions.ends : partitions.begins;
      case 'current':
        if (frame.unit !== 'rows') return isEnd ? peers.ends : peers.begins;
        return yield* rowBounds(partitions, () => 0, 1, isEnd);
      default:
        break;
    }
    if (frame.unit === 'range') return yield* (range as KeyRange).find(bound, isEnd, peers);
    const sign = bound.kind === 'preceding' ? -1 : 1;
    const distance = yield* distancesOf(order, bound, frame.unit);
    if (frame.unit === 'rows') return yield* rowBounds(partitions, distance, sign, isEnd);
    return yield* groupBounds(partitions, peers, distance, sign, isEnd);
  };
  const begins = yield* make(frame.start, false);
  const ends = yield* make(frame.end, true);
  const { crossed, shrinks } = yield* lookAt(begins, ends);
  const isRunning = begins === partitions.begins && frame.exclude === 'nothing' && !shrinks;
  const behind = crossed ? ends.map((end, i) => Math.max(end, begins[i] as number)) : ends;
  return { begins, ends: behind, exclude: frame.exclude, peers, isRunning };
}

/** Whether a frame ends before it begins, and whether one ends before another that begins where it does. */
function* lookAt(begins: Uint32Array, ends: Uint32Array): Work<{ crossed: boolean; shrinks: boolean }> {
  const seen = { crossed: false, shrinks: false };
  yield* inPieces(ends.length, (from, to) => {
    for (let i = from; i < to; i++) {
      if ((ends[i] as number) < (begins[i] as number)) seen.crossed = true;
      if (begins[i] === begins[i - 1] && (ends[i] as number) < (ends[i - 1] as number)) seen.shrinks = true;
    }
  });
  return seen;
}

/** The places of a frame after EXCLUDE, as half-open ranges in `out` (six numbers); answers how many ranges. */
export function piecesAt({ begins, ends, exclude, peers }: Frames, place: number, out: Uint32Array): number {
  const begin = begins[place] as number;
  const end = ends[place] as number;
  let count = 0;
  const add = (from: number, to: number): void => {
    if (from >= to) return;
    out[2 * count] = from;
    out[2 * count + 1] = to;
    count++;
  };
  if (exclude === 'nothing') {
    add(begin, end);
    return count;
  }
  const isRow = exclude === 'current row';
  const from = isRow ? place : (peers.begins[place] as number);
  const to = isRow ? place + 1 : (peers.ends[place] as number);
  add(begin, Math.min(end, from));
  if (exclude === 'ties' && place >= begin && place < end) add(place, place + 1);
  add(Math.max(begin, to), end);
  return count;
}

type Distance = (place: number) => number;

function* distancesOf(order: WindowOrder, { kind, value }: FrameBound, unit: string): Work<Distance> {
  if (value === undefined) return () => 0;
  const words = (shown: string): string => `${unit.toUpperCase()} ${shown} ${kind.toUpperCase()}`;
  const check = (number: number | null): number => {
    if (number === null) {
      throw new EngineError('value_error', `${words('NULL')}: the distance of a frame cannot be NULL`);
    }
    if (number < 0) {
      throw new EngineError('value_error', `${words(number.toString())}: the distance of a frame cannot be negative`);
    }
    return number;
  };
  if (value.kind === 'literal') {
    const number = value.value === null ? null : Number(value.value);
    return () => check(number);
  }
  const vector = yield* order.sorted(value);
  const numbers = int64Numbers(vector);
  const present = validityOf(vector).bits;
  return (place) => check(present !== undefined && !bitAt(present, place) ? null : (numbers[place] as number));
}

/** The values of an int64 vector as doubles, the nearest where they pass 2^53. */
export function int64Numbers(vector: Vector): Float64Array {
  if (formOf(vector.type).kind === 'number') return numbersOf(vector);
  const words = wordsOf(vector);
  const numbers = new Float64Array(vector.length);
  for (let i = 0; i < numbers.length; i++) {
    numbers[i] = (words[2 * i + 1] as number) * TWO_32 + ((words[2 * i] as number) >>> 0);
  }
  return numbers;
}

function* rowBounds({ begins, ends }: Ranges, distance: Distance, sign: number, isEnd: boolean): Work<Uint32Array> {
  const bounds = new Uint32Array(begins.length);
  const step = isEnd ? 1 : 0;
  yield* inPieces(bounds.length, (from, to) => {
    for (let i = from; i < to; i++) {
      const place = i + sign * distance(i) + step;
      bounds[i] = Math.min(Math.max(place, begins[i] as number), ends[i] as number);
    }
  });
  return bounds;
}

function* groupBounds(
  partitions: Ranges,
  peers: Ranges,
  distance: Distance,
  sign: number,
  isEnd: boolean,
): Work<Uint32Array> {
  const count = partitions.begins.length;
  const groupOf = new Uint32Array(count);
  const starts: number[] = [];
  yield* inPieces(count, (from, to) => {
    for (let i = from; i < to; i++) {
      if (peers.begins[i] === i) starts.push(i);
      groupOf[i] = starts.length - 1;
    }
  });
  starts.push(count);
  const bounds = new Uint32Array(count);
  yield* inPieces(count, (from, to) => {
    for (let i = from; i < to; i++) {
      const [begin, end] = [partitions.begins[i] as number, partitions.ends[i] as number];
      const first = groupOf[begin] as number;
      const last = groupOf[end - 1] as number;
      const group = (groupOf[i] as number) + sign * distance(i);
      if (group < first) bounds[i] = begin;
      else if (group > last) bounds[i] = end;
      else bounds[i] = starts[isEnd ? group + 1 : group] as number;
    }
  });
  return bounds;
}

type WordColumns = readonly Uint32Array[];

/** The one key of a RANGE frame, and searching for values among it. */
class KeyRange {
  readonly #order: WindowOrder;
  readonly #key: SortKey;
  readonly #words: readonly Uint32Array[];
  readonly #present: Uint8Array | undefined;
  readonly #rows: Ranges;

  private constructor(order: WindowOrder, key: SortKey, vector: Vector, words: WordColumns, partitions: Ranges) {
    this.#order = order;
    this.#key = key;
    this.#present = validityOf(vector).bits;
    // The first word says which rows are null, where some are.
    this.#words = this.#present === undefined ? words : words.slice(1);
    this.#rows = this.#presentRows(partitions);
  }

  static *of(order: WindowOrder, { frame, keys }: WindowCall, partitions: Ranges): Work<KeyRange> {
    const key = keys[0] as SortKey;
    const vector = yield* order.sorted(frame.rangeKey as SortKey['expr']);
    return new KeyRange(order, key, vector, yield* keyWordsWork(vector, key), partitions);
  }

  /** The places of each partition whose key is not null. */
  #presentRows({ begins, ends }: Ranges): Ranges {
    const present = this.#present;
    if (present === undefined) return { begins, ends };
    const made = { begins: begins.slice(), ends: ends.slice() };
    for (let at = 0; at < begins.length; at = ends[at] as number) {
      let [begin, end] = [at, ends[at] as number];
      const stop = end;
      while (begin < end && !bitAt(present, begin)) begin++;
      while (begin < end && !bitAt(present, end - 1)) end--;
      made.begins.fill(begin, at, stop);
      made.ends.fill(end, at, stop);
    }
    return made;
  }

  /** For each place the first whose key is not before the bound, or of an end is after it. */
  *find(bound: FrameBound, isEnd: boolean, peers: Ranges): Work<Uint32Array> {
    const vector = yield* this.#order.sorted(bound.value as SortKey['expr']);
    const given = validityOf(vector).bits;
    const all = yield* keyWordsWork(vector, this.#key);
    const words = given === undefined ? all : all.slice(1);
    const bounds = new Uint32Array(vector.length);
    const isPreceding = bound.kind === 'preceding';
    let last = 0;
    yield* inPieces(bounds.length, (from, to) => {
      for (let i = from; i < to; i++) {
        const isOpen =
          (this.#present !== undefined && !bitAt(this.#present, i)) || (given !== undefined && !bitAt(given, i));
        if (isOpen) {
          // From NULL nothing is any distance away but its peers.
          bounds[i] = (isEnd ? peers.ends[i] : peers.begins[i]) as number;
          continue;
        }
        const side = compareAt(words, i, this.#words, i);
        if (isPreceding ? side > 0 : side < 0) throw negativeDistance(bound);
        last = this.#search(words, i, isEnd, last);
        bounds[i] = last;
      }
    });
    return bounds;
  }

  /** Looks beside the place that was found last, then everywhere. */
  #search(words: readonly Uint32Array[], row: number, isEnd: boolean, last: number): number {
    let low = this.#rows.begins[row] as number;
    let high = this.#rows.ends[row] as number;
    const least = isEnd ? 1 : 0;
    const isBefore = (place: number): boolean => compareAt(this.#words, place, words, row) < least;
    for (let at = Math.max(last, low), tries = 0; tries < 4; at++, tries++) {
      if (at > low && !isBefore(at - 1)) {
        high = Math.min(high, at - 1);
        break;
      }
      if (at >= high || !isBefore(at)) return Math.min(at, high);
      low = at + 1;
    }
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (isBefore(middle)) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function negativeDistance({ kind }: FrameBound): EngineError {
  const message = `RANGE … ${kind.toUpperCase()}: the distance of a frame cannot be negative`;
  return new EngineError('value_error', message);
}

/** Orders row i of some words and row j of others, as many. */
function compareAt(a: readonly Uint32Array[], i: number, b: readonly Uint32Array[], j: number): number {
  for (let k = 0; k < a.length; k++) {
    const x = (a[k] as Uint32Array)[i] as number;
    const y = (b[k] as Uint32Array)[j] as number;
    if (x !== y) return x < y ? -1 : 1;
  }
  return 0;
}
