/**
 * Byte strings as words, and their ranks: numbers that order as the strings do.
 *
 * Hides prefixes. Invariants: equal strings share a rank; strings order by bytes, a prefix before what it begins.
 * Method: rows are sorted by eight bytes and how many are left of them, as words; those that are equal so far and have
 * more are sorted by the next eight, and so on. A few rows are compared with each other instead. Cost: linear in the
 * rows × the eights of bytes by which neighbours differ.
 */
import type { ByteRows } from '../function/byte-rows.ts';
import { viewOf } from '../base/bytes.ts';
import { WORK_ROWS } from '../base/limits.ts';
import { sortWork } from './radix.ts';
import { inPieces } from './work.ts';
import type { Work } from './work.ts';

/** Bytes of a row that one round looks at. */
const ROUND_BYTES = 8;
/** In place of how many bytes are left: more than one round looks at. */
const MORE = ROUND_BYTES + 1;
/** Rows that are compared faster than they are sorted by words. */
const FEW_ROWS = 48;

/** Rows as words. */
class PrefixWords {
  readonly #rows: ByteRows;
  readonly #views: readonly DataView[];

  constructor(rows: ByteRows) {
    this.#rows = rows;
    this.#views = rows.buffers.map(viewOf);
  }

  length(row: number): number {
    return (this.#rows.ends[row] as number) - (this.#rows.starts[row] as number);
  }

  /** Up to four bytes of a row from `at` on, as a big-endian word. */
  word(row: number, at: number): number {
    const { which, starts, ends } = this.#rows;
    const view = this.#views[which === undefined ? 0 : (which[row] as number)] as DataView;
    const start = (starts[row] as number) + at;
    const end = ends[row] as number;
    if (start + 4 <= end) return view.getUint32(start);
    let word = 0;
    for (let k = 0; k < 4; k++) word = word * 256 + (start + k < end ? view.getUint8(start + k) : 0);
    return word;
  }

  /** Compares two rows that are equal in their first `depth` bytes. */
  compare(a: number, b: number, depth: number): number {
    const [left, right] = [this.length(a), this.length(b)];
    const shared = left < right ? left : right;
    for (let at = depth; at < shared; at += 4) {
      const difference = this.word(a, at) - this.word(b, at);
      if (difference !== 0) return difference;
    }
    return left - right;
  }
}

/** A number for each row that never contradicts the order: six bytes, which are exact in a double. */
export function prefixNumbers(rows: ByteRows, numbers: Float64Array): void {
  const words = new PrefixWords(rows);
  for (let i = 0; i < numbers.length; i++) numbers[i] = words.word(i, 0) * 65536 + (words.word(i, 4) >>> 16);
}

/** Eight bytes of some rows as two words, and how many are left of a row. */
class RoundWords {
  readonly first: Uint32Array;
  readonly second: Uint32Array;
  readonly left: Uint32Array;

  constructor(count: number) {
    this.first = new Uint32Array(count);
    this.second = new Uint32Array(count);
    this.left = new Uint32Array(count);
  }

  get words(): readonly Uint32Array[] {
    return [this.first, this.second, this.left];
  }

  /** Takes in places [from, to) of `given`, rows that have `depth` bytes at least, from that byte on. */
  fill(rows: ByteRows, prefix: PrefixWords, given: Uint32Array, depth: number, from: number, to: number): void {
    const [{ which, starts, ends }, { first, second, left }] = [rows, this];
    const bytes = rows.buffers[0] ?? new Uint8Array(0);
    const view = viewOf(bytes);
    const last = which === undefined ? bytes.length - ROUND_BYTES : -1;
    for (let i = from; i < to; i++) {
      const row = given[i] as number;
      const start = (starts[row] as number) + depth;
      const rest = (ends[row] as number) - start;
      left[i] = rest > ROUND_BYTES ? MORE : rest;
      if (rest >= ROUND_BYTES && start <= last) {
        first[i] = view.getUint32(start);
        second[i] = view.getUint32(start + 4);
      } else if (rest < ROUND_BYTES && start <= last) {
        first[i] = rest < 4 ? (view.getUint32(start) & headMask(rest)) >>> 0 : view.getUint32(start);
        second[i] = rest <= 4 ? 0 : (view.getUint32(start + 4) & headMask(rest - 4)) >>> 0;
      } else {
        first[i] = prefix.word(row, depth);
        second[i] = prefix.word(row, depth + 4);
      }
    }
  }
}

/** The first 0 to 3 bytes of a word. */
function headMask(byteCount: number): number {
  return byteCount === 0 ? 0 : -1 << (32 - 8 * byteCount);
}

function longest({ starts, ends }: ByteRows, count: number): number {
  let most = 0;
  for (let i = 0; i < count; i++) {
    const length = (ends[i] as number) - (starts[i] as number);
    if (length > most) most = length;
  }
  return most;
}

/** Words that order as the rows do: of short rows their bytes and length, of others their ranks. */
export function* byteWords(rows: ByteRows, count: number): Work<readonly Uint32Array[]> {
  if (longest(rows, count) > ROUND_BYTES) return [yield* byteRanks(rows, count)];
  const round = new RoundWords(count);
  const all = new Uint32Array(count);
  for (let i = 0; i < count; i++) all[i] = i;
  const prefix = new PrefixWords(rows);
  yield* inPieces(count, (from, to) => round.fill(rows, prefix, all, 0, from, to));
  return round.words;
}

/** Places [start, end) of the order, whose rows are equal in their first `depth` bytes and have more. */
interface Segment {
  readonly start: number;
  readonly end: number;
  readonly depth: number;
}

class RankRun {
  readonly #rows: ByteRows;
  readonly #words: PrefixWords;
  readonly #order: Uint32Array;
  /** 1 at each place whose row differs from that of the place before. */
  readonly #begins: Uint8Array;
  readonly #open: Segment[];

  constructor(rows: ByteRows, count: number) {
    this.#rows = rows;
    this.#words = new PrefixWords(rows);
    this.#order = new Uint32Array(count);
    for (let i = 0; i < count; i++) this.#order[i] = i;
    this.#begins = new Uint8Array(count);
    this.#open = [{ start: 0, end: count, depth: 0 }];
  }

  *ranks(): Work<Uint32Array> {
    let done = 0;
    for (let segment = this.#open.pop(); segment !== undefined; segment = this.#open.pop()) {
      const count = segment.end - segment.start;
      if (count <= FEW_ROWS) this.#compare(segment);
      else yield* this.#round(segment);
      done += count;
      if (done < WORK_ROWS) continue;
      done = 0;
      yield;
    }
    const [order, begins] = [this.#order, this.#begins];
    const ranks = new Uint32Array(order.length);
    let rank = 0;
    yield* inPieces(order.length, (from, to) => {
      for (let i = from; i < to; i++) {
        rank += begins[i] as number;
        ranks[order[i] as number] = rank;
      }
    });
    return ranks;
  }

  #compare({ start, end, depth }: Segment): void {
    const words = this.#words;
    const places = this.#order.subarray(start, end);
    places.sort((a, b) => words.compare(a, b, depth));
    for (let i = 1; i < places.length; i++) {
      if (words.compare(places[i - 1] as number, places[i] as number, depth) !== 0) this.#begins[start + i] = 1;
    }
  }

  /** Sorts a segment by its next bytes; what is equal in them and has more is left open. */
  *#round({ start, end, depth }: Segment): Work<void> {
    const given = this.#order.slice(start, end);
    const count = given.length;
    const round = new RoundWords(count);
    const { first, second, left } = round;
    yield* inPieces(count, (from, to) => round.fill(this.#rows, this.#words, given, depth, from, to));
    const sorted = yield* sortWork(round.words, count);
    let head = 0;
    const close = (i: number): void => {
      if (left[sorted[head] as number] === MORE && i - head > 1) {
        this.#open.push({ start: start + head, end: start + i, depth: depth + ROUND_BYTES });
      }
      head = i;
    };
    yield* inPieces(count, (from, to) => {
      for (let i = from; i < to; i++) {
        const [at, before] = [sorted[i] as number, sorted[head] as number];
        this.#order[start + i] = given[at] as number;
        if (first[at] === first[before] && second[at] === second[before] && left[at] === left[before]) continue;
        this.#begins[start + i] = 1;
        close(i);
      }
    });
    close(count);
  }
}

/** The rank of each row among all. */
export function* byteRanks(rows: ByteRows, count: number): Work<Uint32Array> {
  return count === 0 ? new Uint32Array(0) : yield* new RankRun(rows, count).ranks();
}
