/**
 * Aggregates without groups and nulls, two rows at a time: SIMD over lanes of 64 bits.
 *
 * Hides how cells are kept in lanes: counts, sums and extremes. Invariants: a pipeline is all lanes or has none;
 * nothing here can fail; the meaning is that of the rules for single rows. What two lanes cannot tell of extremes of
 * doubles - which zero came first, and what becomes of NaN - is found row by row, by one more loop over the block.
 */
import { assert } from '../base/assert.ts';
import { FunctionBuilder, get, i32Const, i64Const, lane, select, v128Const } from '../codegen/code.ts';
import type { Code, Local } from '../codegen/code.ts';
import type { Cell } from './compiled-cells.ts';
import { Frame } from './compiled-emit.ts';
import { and, isNan, LaneEmitter, LANES, op2, or, splatParams } from './compiled-lane.ts';
import type { Lanes } from './compiled-lane.ts';
import type { AggregatePipeline } from './compiled-pipeline.ts';
import { advance as advanceRow, startOf } from './compiled-state.ts';
import { f64, i32, i64 } from './compiled-vocabulary.ts';

/** Rows of one turn of the loop: as many sums of doubles go on at once as the processor adds meanwhile. */
const TURN = 8;
/** The sign of an int64: as unsigned numbers they are in order when it is turned. */
const SIGN = 1n << 63n;
/** What the upper half of a turned int64 is too large by. */
const TURNED = 1n << 31n;

/** True for extremes of doubles; their second word in lanes: of the greatest, if one was NaN, else if any row counted. */
function isFloatExtreme({ kind, form }: Cell): boolean {
  return form === 'float' && (kind === 'min' || kind === 'max');
}

/**
 * The words of a cell in lanes after two rows. A sum of int64 has the sum, which may pass 64 bits, and the sum of the
 * turned upper halves.
 */
function advance(
  cell: Cell,
  old: readonly Lanes[],
  value: Lanes | undefined,
  mask: Lanes | undefined,
  sign: Lanes,
): readonly Lanes[] {
  const [first] = old as readonly [Lanes];
  if (cell.kind === 'count') return [op2('i64x2.sub')(first, mask ?? v128Const(-1n, -1n))];
  const x = value as Lanes;
  if (cell.kind === 'sum') {
    const counted = mask === undefined ? x : and(x, mask);
    if (cell.form === 'float') return [op2('f64x2.add')(first, counted)];
    if (cell.words === 1) return [op2('i64x2.add')(first, counted)];
    const turned = op2('v128.xor')(counted, sign);
    const high: Lanes = { type: 'v128', op: 'i64x2.shr_u', args: [turned, i32Const(32)], immediate: undefined };
    return [op2('i64x2.add')(first, counted), op2('i64x2.add')(old[1] as Lanes, high)];
  }
  if (cell.form === 'float') {
    const counted = mask === undefined ? x : bitselect(x, first, mask);
    const isMin = cell.kind === 'min';
    const noted = isMin ? (mask ?? v128Const(-1n, -1n)) : isNan(counted);
    return [op2(isMin ? 'f64x2.pmin' : 'f64x2.pmax')(first, counted), or(old[1] as Lanes, noted)];
  }
  const better = op2(cell.kind === 'min' ? 'i64x2.lt_s' : 'i64x2.gt_s')(x, first);
  return [bitselect(x, first, mask === undefined ? better : and(better, mask))];
}

function bitselect(a: Lanes, b: Lanes, mask: Lanes): Lanes {
  return { type: 'v128', op: 'v128.bitselect', args: [a, b, mask], immediate: undefined };
}

/** True when a cell can be kept in lanes. */
function fits(cell: Cell): boolean {
  if (cell.test !== undefined || cell.unsigned) return false;
  // Other expressions may be null, or fail.
  if (cell.kind === 'count') return cell.arg === undefined || cell.arg.kind === 'column';
  return cell.form === 'int' || cell.form === 'float';
}

/** The lanes of a word. */
function lanesOf(cell: Cell, lanes: Lanes): readonly [Code, Code] {
  if (cell.form === 'float')
    return [lane('f64', 'f64x2.extract_lane', lanes, 0), lane('f64', 'f64x2.extract_lane', lanes, 1)];
  return [lane('i64', 'i64x2.extract_lane', lanes, 0), lane('i64', 'i64x2.extract_lane', lanes, 1)];
}

/** Adds what a set of lanes amounts to to a cell's words. `whole`: rows that went through all sets. */
function joinLanes(
  frame: Frame,
  cell: Cell,
  words: readonly Local[],
  set: readonly Local<'v128'>[],
  whole: Code<'i32'>,
): void {
  const { fn } = frame;
  const [word] = words as readonly [Local];
  const [first, second] = lanesOf(cell, get(set[0] as Local<'v128'>));
  if (cell.form === 'float') {
    const sum = f64.add(f64.add(get(word as Local<'f64'>), first as Code<'f64'>), second as Code<'f64'>);
    fn.set(word as Local<'f64'>, sum);
    return;
  }
  const own = word as Local<'i64'>;
  const [a, b] = [first, second] as readonly [Code<'i64'>, Code<'i64'>];
  if (cell.kind === 'min' || cell.kind === 'max') {
    const better = cell.kind === 'min' ? i64.lt_s : i64.gt_s;
    const best = fn.bind(select(better(a, b), a, b), 'best');
    fn.set(own, select(better(best, get(own)), best, get(own)));
    return;
  }
  const sum = fn.bind(i64.add(a, b), 'sum');
  if (cell.words === 1) {
    fn.set(own, i64.add(get(own), sum));
    return;
  }
  // The lower halves are what the sum has besides the upper ones.
  const [c, d] = lanesOf(cell, get(set[1] as Local<'v128'>)) as readonly [Code<'i64'>, Code<'i64'>];
  const turned = i64.mul(i64.extend_u(whole), i64Const(TURNED));
  const high = fn.bind(i64.sub(i64.add(c, d), turned), 'high');
  const top = words[1] as Local<'i64'>;
  fn.set(top, i64.add(get(top), high));
  fn.set(own, i64.add(get(own), i64.sub(sum, i64.shl(high, i64Const(32n)))));
}

/** Takes an extreme of doubles into its cell, row by row where lanes cannot tell it. */
function joinExtreme(
  frame: Frame,
  cell: Cell,
  word: Local<'f64'>,
  set: readonly Local<'v128'>[],
  whole: Code<'i32'>,
): void {
  const { fn } = frame;
  const [a, b] = lanesOf(cell, get(set[0] as Local<'v128'>)) as readonly [Code<'f64'>, Code<'f64'>];
  const isMin = cell.kind === 'min';
  const best = fn.bind(select((isMin ? f64.lt : f64.gt)(a, b), a, b), 'best');
  const old = get(word);
  const notes = [0, 1].map((i) => lane('i64', 'i64x2.extract_lane', get(set[1] as Local<'v128'>), i as 0 | 1));
  const isNoted = i64.ne(i64.or(notes[0] as Code<'i64'>, notes[1] as Code<'i64'>), i64Const(0n));
  const isZero = f64.eq(best, f64.const(0));
  // What begins as infinity may become one, or be left by rows that are all NaN.
  const isOpen = isMin
    ? i32.and(i32.and(isNoted, i32.or(isZero, f64.eq(best, f64.const(Infinity)))), i32.not(f64.le(old, best)))
    : i32.and(i32.or(isNoted, i32.and(isZero, i32.not(f64.ge(old, best)))), f64.eq(old, old));
  const better = isMin ? i32.and(isNoted, i32.or(f64.lt(best, old), f64.ne(old, old))) : f64.gt(best, old);
  fn.when(
    isOpen,
    () => {
      const row = fn.local('i32', 'row');
      fn.set(row, i32Const(0));
      frame.eachRest(row, whole, (emitter) => {
        const active = frame.condition(emitter);
        const [next] = advanceRow(cell, emitter, [old], active === undefined ? undefined : fn.bind(active, 'passes'));
        fn.set(word, next as Code<'f64'>);
      });
    },
    () => fn.set(word, select(better, best, old)),
  );
}

/** What a word in lanes begins with. */
function startLanes(cell: Cell): readonly Code<'v128'>[] {
  const start = startOf(cell).map(({ type, immediate }) => (type === 'f64' ? 0n : (immediate as bigint)));
  if (!isFloatExtreme(cell)) return start.map((value) => v128Const(value, value));
  const [least] = new BigInt64Array(
    Float64Array.of(cell.kind === 'min' ? Infinity : -Infinity).buffer,
  ) as unknown as [bigint];
  return [v128Const(least, least), v128Const(0n, 0n)];
}

/** Locals of a cell in lanes, one set for each pair of rows of a turn. */
function laneLocals(frame: Frame, cell: Cell): readonly (readonly Local<'v128'>[])[] {
  const { fn } = frame;
  const sets = cell.kind === 'sum' && cell.form === 'float' ? TURN / LANES : 1;
  return Array.from({ length: sets }, () => {
    return startLanes(cell).map((start) => {
      const local = fn.local('v128', cell.kind);
      fn.set(local, start);
      return local;
    });
  });
}

/** True when all of a pipeline has lanes. */
export function hasLanes(pipeline: AggregatePipeline): boolean {
  const fn = new FunctionBuilder('trial');
  const frame = new Frame(fn, pipeline, { nullable: false, bits: [] }, undefined);
  return tryLanes(frame, pipeline, undefined, i32Const(0));
}

/** Adds rows to the cells, whose words are in `words`, in whole turns; answers how many of `rows` were added. */
export function advanceInLanes(
  frame: Frame,
  pipeline: AggregatePipeline,
  words: readonly (readonly Local[])[],
  rows: Code<'i32'>,
): Code<'i32'> {
  const whole = frame.fn.bind(i32.and(rows, i32Const(-TURN)), 'whole');
  assert(tryLanes(frame, pipeline, words, whole), () => `there are no lanes for ${pipeline.key}`);
  return whole;
}

/** The code; false where something has no lanes, and then it is of no use. Without `words` only that is asked. */
function tryLanes(
  frame: Frame,
  pipeline: AggregatePipeline,
  words: readonly (readonly Local[])[] | undefined,
  whole: Code<'i32'>,
): boolean {
  if (!pipeline.cells.every(fits)) return false;
  const { fn } = frame;
  const splats = splatParams(frame);
  const sums = pipeline.cells.map((cell) => laneLocals(frame, cell));
  const sign = fn.local('v128', 'sign');
  fn.set(sign, v128Const(SIGN, SIGN));
  const row = fn.local('i32', 'row');
  let isWhole = true;
  fn.count('lanes', row, whole, TURN, () => {
    for (let step = 0; step < TURN && isWhole; step += LANES) {
      const emitter = new LaneEmitter(frame, splats, get(row), step);
      const condition = pipeline.condition === undefined ? undefined : emitter.value(pipeline.condition);
      isWhole &&= pipeline.condition === undefined || condition !== undefined;
      const mask = condition === undefined ? undefined : fn.bind(condition, 'mask');
      pipeline.cells.forEach((cell, c) => {
        const arg = cell.kind === 'count' || cell.arg === undefined ? undefined : emitter.value(cell.arg);
        isWhole &&= cell.kind === 'count' || arg !== undefined;
        if (!isWhole) return;
        const sets = sums[c] as readonly (readonly Local<'v128'>[])[];
        const set = sets[(step / LANES) % sets.length] as readonly Local<'v128'>[];
        const value = arg === undefined ? undefined : fn.bind(arg, 'arg');
        const next = advance(cell, set.map(get), value, mask, get(sign)).map((code) => fn.bind(code, 'next'));
        set.forEach((local, i) => fn.set(local, next[i] as Lanes));
      });
    }
  });
  if (!isWhole || words === undefined) return isWhole;
  pipeline.cells.forEach((cell, c) => {
    const own = words[c] as readonly Local[];
    for (const set of sums[c] as readonly (readonly Local<'v128'>[])[]) {
      if (isFloatExtreme(cell)) joinExtreme(frame, cell, own[0] as Local<'f64'>, set, whole);
      else joinLanes(frame, cell, own, set, whole);
    }
  });
  return true;
}
