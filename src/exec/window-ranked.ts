/**
 * Frames whose rows are looked at in another order than the window's: functions with ORDER BY inside the call, and
 * quantiles.
 *
 * Hides ranks: each place has a unique one by that order, and a wavelet matrix finds the k-th of a frame. Invariants:
 * rows that the order does not tell apart keep the window's; nulls and what FILTER drops have no rank. Unlike without
 * an order of their own, ranking functions look at the frame here, as in DuckDB.
 */
import { NO_ROW } from '../function/gather.ts';
import type { Vector } from '../arrow/vector.ts';
import type { BetweenValues, QuantileMethod } from '../function/contract.ts';
import { bytesOf, vectorOf } from '../function/column.ts';
import { DOUBLE } from '../function/signature.ts';
import type { Expr, WindowCall } from '../plan/expr.ts';
import { joinParts } from './join.ts';
import { pick } from './accumulator.ts';
import { sortWork } from './radix.ts';
import { keyWordsWork } from './sort-key.ts';
import type { Frames } from './window-frame.ts';
import { framesOf, piecesAt } from './window-frame.ts';
import { countsBefore, placesOf, presentPlaces } from './window-mask.ts';
import type { WindowOrder } from './window-order.ts';
import { bucketOf } from './window-rank.ts';
import type { WindowResult } from './window-result.ts';
import { int64Result, placedResult, takenResult, validityOf } from './window-result.ts';
import { argumentNumbers } from './window-value.ts';
import { sizeOf, Wavelet } from './window-wavelet.ts';
import { inPieces } from './work.ts';
import type { Work } from './work.ts';

/** The places of frames by rank. */
class RankedFrames {
  readonly #frames: Frames;
  /** The ranked places, in the window's order; how many are before each place. */
  readonly #places: Uint32Array;
  readonly #before: Uint32Array | undefined;
  /** Of the ranked places, by rank. */
  readonly #byRank: Uint32Array;
  readonly #ranks: Uint32Array;
  /** The first rank of the peers of each, and that behind them. */
  readonly #peers: { readonly first: Uint32Array; readonly end: Uint32Array };
  readonly #wavelet: Wavelet;
  readonly #pieces = new Uint32Array(6);
  #count = 0;

  private constructor(frames: Frames, taken: Uint8Array | undefined, places: Uint32Array, ranking: Ranking) {
    this.#frames = frames;
    this.#before = countsBefore(taken);
    this.#places = places;
    this.#byRank = ranking.byRank;
    this.#ranks = ranking.ranks;
    this.#peers = ranking.peers;
    this.#wavelet = ranking.wavelet;
  }

  /** `words` order the places; `taken` are those that are ranked. */
  static *of(frames: Frames, words: readonly Uint32Array[], taken: Uint8Array | undefined): Work<RankedFrames> {
    const places = placesOf(taken, frames.begins.length);
    const own = words.map((word) => pick(word, places));
    yield;
    return new RankedFrames(frames, taken, places, yield* rankingOf(own, places.length));
  }

  /** Goes to the frame of `place`; answers how many ranked places it has. */
  enter(place: number): number {
    this.#count = piecesAt(this.#frames, place, this.#pieces);
    if (this.#before !== undefined) {
      for (let k = 0; k < 2 * this.#count; k++) this.#pieces[k] = this.#before[this.#pieces[k] as number] as number;
    }
    return sizeOf(this.#pieces, this.#count);
  }

  /** The place of number `rank`, from 0, in the frame that was entered. */
  at(rank: number): number {
    return this.#places[this.#byRank[this.#wavelet.least(this.#pieces, this.#count, rank)] as number] as number;
  }

  /** How many of the frame come before `place`, which is ranked: all, or all before its peers, or those and its peers. */
  before(place: number, which: 'row' | 'peers' | 'with peers'): number {
    const index = this.#before === undefined ? place : (this.#before[place] as number);
    const rank = this.#ranks[index] as number;
    if (which === 'row') return this.#wavelet.countLess(this.#pieces, this.#count, rank);
    const bound = which === 'peers' ? this.#peers.first[rank] : this.#peers.end[rank];
    return this.#wavelet.countLess(this.#pieces, this.#count, bound as number);
  }
}

/** Of some places by rank: which they are, the rank of each, and its peers. */
interface Ranking {
  readonly byRank: Uint32Array;
  readonly ranks: Uint32Array;
  readonly peers: ReturnType<typeof peersOf>;
  readonly wavelet: Wavelet;
}

function* rankingOf(words: readonly Uint32Array[], count: number): Work<Ranking> {
  const byRank = yield* sortWork(words, count);
  const ranks = new Uint32Array(count);
  yield* inPieces(count, (from, to) => {
    for (let rank = from; rank < to; rank++) ranks[byRank[rank] as number] = rank;
  });
  const peers = peersOf(words, byRank);
  yield;
  return { byRank, ranks, peers, wavelet: yield* Wavelet.of(ranks, count) };
}

function peersOf(
  words: readonly Uint32Array[],
  byRank: Uint32Array,
): { readonly first: Uint32Array; readonly end: Uint32Array } {
  const count = byRank.length;
  const [first, end] = [new Uint32Array(count), new Uint32Array(count)];
  for (let begin = 0, rank = 1; rank <= count; rank++) {
    const [row, before] = [byRank[rank] as number, byRank[rank - 1] as number];
    if (rank < count && words.every((word) => word[row] === word[before])) continue;
    first.fill(begin, begin, rank);
    end.fill(rank, begin, rank);
    begin = rank;
  }
  return { first, end };
}

/** The values of a window function with an order of its own. */
export function* rankedResult(order: WindowOrder, call: WindowCall): Work<WindowResult> {
  const frames = yield* framesOf(order, call);
  const words: Uint32Array[] = [];
  for (const key of call.order) words.push(...(yield* keyWordsWork(yield* order.sorted(key.expr), key)));
  const value = call.args[0];
  const isPicked = call.name === 'first_value' || call.name === 'last_value' || call.name === 'nth_value';
  if (isPicked || call.name === 'lag' || call.name === 'lead') {
    const taken =
      call.ignoresNulls && value !== undefined ? yield* presentPlaces(order, [value], undefined) : undefined;
    const ranked = yield* RankedFrames.of(frames, words, taken);
    return yield* isPicked ? picked(order, call, ranked) : shifted(order, call, ranked, taken);
  }
  return yield* counted(order, call, yield* RankedFrames.of(frames, words, undefined));
}

function* counted(order: WindowOrder, call: WindowCall, ranked: RankedFrames): Work<WindowResult> {
  const rows = order.order;
  const numbers = new Float64Array(rows.length);
  const present = new Uint8Array(rows.length).fill(1);
  const buckets = call.name === 'ntile' ? yield* argumentNumbers(order, call.args[0], 1) : undefined;
  yield* inPieces(rows.length, (from, to) => {
    for (let i = from; i < to; i++) {
      const size = ranked.enter(i);
      const row = rows[i] as number;
      if (call.name === 'cume_dist') numbers[row] = size === 0 ? 0 : ranked.before(i, 'with peers') / size;
      else if (call.name === 'percent_rank') numbers[row] = size <= 1 ? 0 : ranked.before(i, 'peers') / (size - 1);
      else if (call.name === 'rank') numbers[row] = ranked.before(i, 'peers') + 1;
      else if (buckets === undefined) numbers[row] = ranked.before(i, 'row') + 1;
      else {
        const wanted = buckets(i);
        if (wanted === undefined || size === 0) present[row] = 0;
        else numbers[row] = bucketOf(ranked.before(i, 'row'), size, wanted);
      }
    }
  });
  if (call.type.id !== 'float') return int64Result(numbers, present);
  return { vector: vectorOf(DOUBLE, rows.length, validityOf(undefined), bytesOf(numbers)), rows: undefined };
}

function* picked(order: WindowOrder, call: WindowCall, ranked: RankedFrames): Work<WindowResult> {
  const rows = order.order;
  const taken = new Uint32Array(rows.length);
  const wanted = yield* argumentNumbers(order, call.args[1], 1);
  yield* inPieces(rows.length, (from, to) => {
    for (let i = from; i < to; i++) {
      const size = ranked.enter(i);
      const number = call.name === 'last_value' ? size : (wanted(i) ?? 0);
      taken[rows[i] as number] = number < 1 || number > size ? NO_ROW : (rows[ranked.at(number - 1)] as number);
    }
  });
  return takenResult(order.column(call.args[0] as Expr), taken, call.type);
}

function* shifted(
  order: WindowOrder,
  call: WindowCall,
  ranked: RankedFrames,
  present: Uint8Array | undefined,
): Work<WindowResult> {
  const [value, offset, otherwise] = call.args as [Expr, Expr | undefined, Expr | undefined];
  const rows = order.order;
  const taken = new Uint32Array(rows.length);
  const distance = yield* argumentNumbers(order, offset, 1);
  const sign = call.name === 'lag' ? -1 : 1;
  yield* inPieces(rows.length, (from, to) => {
    for (let i = from; i < to; i++) {
      const row = rows[i] as number;
      const steps = distance(i);
      const size = ranked.enter(i);
      const own = ranked.before(i, 'row');
      // A row without a value is not among those that are counted.
      const isMissing = present !== undefined && present[i] === 0;
      const index = own + sign * (steps ?? 0) - (isMissing && sign * (steps ?? 0) > 0 ? 1 : 0);
      if (steps !== undefined && index >= 0 && index < size) taken[row] = rows[ranked.at(index)] as number;
      else taken[row] = otherwise === undefined || steps === undefined ? NO_ROW : rows.length + row;
    }
  });
  const values = order.column(value);
  return takenResult(
    otherwise === undefined ? values : joinParts([values, order.column(otherwise)]),
    taken,
    call.type,
  );
}

/** Quantiles over frames. */
export function* quantileResult(
  order: WindowOrder,
  frames: Frames,
  value: Expr,
  taken: Uint8Array | undefined,
  method: QuantileMethod,
): Work<WindowResult> {
  const values: Vector = yield* order.sorted(value);
  const words = yield* keyWordsWork(values, { descending: false, nullsFirst: false });
  const ranked = yield* RankedFrames.of(frames, words, taken);
  const answers: Vector[] = [];
  yield* inPieces(order.rowCount, (from, to) => {
    const answer = (place: number): BetweenValues | undefined => {
      const size = ranked.enter(from + place);
      if (size === 0) return undefined;
      const { low, high, part } = method.placeOf(size);
      const first = ranked.at(low);
      return { low: first, high: high === low ? first : ranked.at(high), part };
    };
    answers.push(method.answer(values, to - from, answer));
  });
  return yield* placedResult(order, joinParts(answers));
}
