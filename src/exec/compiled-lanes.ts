/**
 * Aggregates without groups and nulls, two rows at a time: SIMD over lanes of 64 bits.
 *
 * Hides which expressions have lanes: columns of 8 bytes (uint64 apart) and of 4, widened; constants; comparisons, AND,
 * OR, NOT, IN; + - * / of doubles; counts, sums, and extremes of integers. Invariants: a pipeline is all lanes or has
 * none; a condition is a mask of all bits a lane; nothing here can fail; the meaning is that of the rules for single
 * rows.
 */
import { assert } from '../base/assert.ts';
import { binary, FunctionBuilder, get, i32Const, lane, load, select, unary, v128Const } from '../codegen/code.ts';
import type { Code, Local } from '../codegen/code.ts';
import type { OpName } from '../codegen/opcode.ts';
import type { Expr } from '../plan/expr.ts';
import type { Cell } from './compiled-cells.ts';
import { isOrderedLiteral } from './compiled-compare.ts';
import { Frame } from './compiled-emit.ts';
import type { AggregatePipeline } from './compiled-pipeline.ts';
import { startOf } from './compiled-state.ts';
import { isUnsigned64, laneForm, widthOf } from './compiled-value.ts';
import { f64, i32, i64 } from './compiled-vocabulary.ts';

type Lanes = Code<'v128'>;

const op2 = (op: OpName): ReturnType<typeof binary<'v128'>> => binary<'v128'>(op, 'v128');
const not = unary<'v128'>('v128.not', 'v128');
const and = op2('v128.and');
const or = op2('v128.or');
const LANES = 2;
/** Rows of one turn of the loop. */
const TURN = 4;

const INT_TESTS: Readonly<Record<string, OpName>> = {
  '=': 'i64x2.eq',
  '<>': 'i64x2.ne',
  '<': 'i64x2.lt_s',
  '<=': 'i64x2.le_s',
  '>': 'i64x2.gt_s',
  '>=': 'i64x2.ge_s',
};
const ARITHMETIC: Readonly<Record<string, OpName>> = {
  '+': 'f64x2.add',
  '-': 'f64x2.sub',
  '*': 'f64x2.mul',
  '/': 'f64x2.div',
};

function isNan(x: Lanes): Lanes {
  return op2('f64x2.ne')(x, x);
}

/** x < y, NaN above all numbers. */
function less(x: Lanes, y: Lanes, plainX: boolean, plainY: boolean): Lanes {
  if (plainY) return op2('f64x2.lt')(x, y);
  if (plainX) return not(op2('f64x2.le')(y, x));
  return or(op2('f64x2.lt')(x, y), and(isNan(y), op2('f64x2.eq')(x, x)));
}

function equal(x: Lanes, y: Lanes, plain: boolean): Lanes {
  const same = op2('f64x2.eq')(x, y);
  return plain ? same : or(same, and(isNan(x), isNan(y)));
}

function compareFloats(operator: string, [a, b]: readonly Expr[], [x, y]: readonly [Lanes, Lanes]): Lanes {
  const [plainX, plainY] = [isOrderedLiteral(a as Expr), isOrderedLiteral(b as Expr)];
  switch (operator) {
    case '=':
      return equal(x, y, plainX || plainY);
    case '<>':
      return not(equal(x, y, plainX || plainY));
    case '<':
      return less(x, y, plainX, plainY);
    case '<=':
      return not(less(y, x, plainY, plainX));
    case '>':
      return less(y, x, plainY, plainX);
    default:
      return not(less(x, y, plainX, plainY));
  }
}

/** Code of expressions for rows `row` + `step` and the next; undefined where there are no lanes. */
class LaneEmitter {
  readonly #frame: Frame;
  readonly #splats: Map<number, Lanes>;
  readonly #row: Code<'i32'>;
  readonly #step: number;
  readonly #loaded = new Map<number, Lanes>();

  constructor(frame: Frame, splats: Map<number, Lanes>, row: Code<'i32'>, step: number) {
    this.#frame = frame;
    this.#splats = splats;
    this.#row = row;
    this.#step = step;
  }

  #slot(index: number): Lanes | undefined {
    const known = this.#loaded.get(index);
    const slot = this.#frame.pipeline.shape.slots[index];
    if (known !== undefined || slot === undefined || slot.mode !== 'value' || isUnsigned64(slot.type)) return known;
    const form = laneForm(slot.type);
    const width = form === 'int' || form === 'float' ? widthOf(slot.type) : 0;
    const isUnsigned = slot.type.id === 'int' && !slot.type.signed;
    if (width !== 8 && (width !== 4 || form === 'float')) return undefined;
    const op = width === 8 ? 'v128.load' : isUnsigned ? 'v128.load32x2_u' : 'v128.load32x2_s';
    const at = i32.shl(this.#row, i32Const(width === 8 ? 3 : 2));
    const lanes = this.#frame.fn.bind(load('v128', op, at, slot.data + this.#step * width), 'lanes');
    this.#loaded.set(index, lanes);
    return lanes;
  }

  value(expr: Expr): Lanes | undefined {
    const place = this.#frame.pipeline.shape.place(expr);
    if (place?.kind === 'slot') return this.#slot(place.index);
    if (place?.kind === 'param') return this.#splats.get(place.index);
    if (place !== undefined || expr.kind !== 'call') return undefined;
    const args: Lanes[] = [];
    for (const arg of expr.args) {
      const lanes = this.value(arg);
      if (lanes === undefined) return undefined;
      args.push(lanes);
    }
    return this.#call(expr.name, expr.args, args);
  }

  #call(name: string, exprs: readonly Expr[], args: readonly Lanes[]): Lanes | undefined {
    const [first] = exprs;
    const type = first?.type ?? { id: 'null' };
    if (name === 'and' || name === 'or') return args.reduce(name === 'and' ? and : or);
    if (name === 'not') return not(args[0] as Lanes);
    const [x, y] = args.map((arg) => this.#frame.fn.bind(arg, 'x')) as [Lanes, Lanes];
    const form = laneForm(type);
    if (form === 'float' && widthOf(type) === 8) {
      const arithmetic = ARITHMETIC[name];
      if (arithmetic !== undefined && args.length === 2) return op2(arithmetic)(x, y);
      return INT_TESTS[name] === undefined ? undefined : compareFloats(name, exprs, [x, y]);
    }
    if (form !== 'int' || isUnsigned64(type)) return undefined;
    if (name === 'in')
      return args
        .slice(1)
        .map((item) => op2('i64x2.eq')(x, item))
        .reduce(or);
    const test = INT_TESTS[name];
    return test === undefined ? undefined : op2(test)(x, y);
  }
}

/** Constants in every lane, made before the loop. */
function splatParams(frame: Frame): Map<number, Lanes> {
  const splats = new Map<number, Lanes>();
  frame.params.forEach(([word], i) => {
    if (word?.type === 'f64')
      splats.set(i, frame.fn.bind(unary<'f64', 'v128'>('f64x2.splat', 'v128')(word as Code<'f64'>), 'splat'));
    if (word?.type === 'i64')
      splats.set(i, frame.fn.bind(unary<'i64', 'v128'>('i64x2.splat', 'v128')(word as Code<'i64'>), 'splat'));
  });
  return splats;
}

/** The words of a cell after two rows. */
function advance(
  cell: Cell,
  old: readonly Lanes[],
  value: Lanes | undefined,
  mask: Lanes | undefined,
): readonly Lanes[] {
  const [first] = old as readonly [Lanes];
  if (cell.kind === 'count') return [op2('i64x2.sub')(first, mask ?? v128Const(-1n, -1n))];
  const x = value as Lanes;
  if (cell.kind === 'sum') {
    const counted = mask === undefined ? x : and(x, mask);
    if (cell.form === 'float') return [op2('f64x2.add')(first, counted)];
    if (cell.words === 1) return [op2('i64x2.add')(first, counted)];
    const low = and(counted, v128Const(0xffffffffn, 0xffffffffn));
    const high: Lanes = { type: 'v128', op: 'i64x2.shr_s', args: [counted, i32Const(32)], immediate: undefined };
    return [op2('i64x2.add')(first, low), op2('i64x2.add')(old[1] as Lanes, high)];
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
  if (cell.form !== 'int' && cell.form !== 'float') return false;
  // Of the zeros in two lanes nobody knows which was first.
  return cell.kind === 'sum' || cell.form === 'int';
}

/** What the two lanes of a word amount to, with `total` so far. */
function joinLanes(cell: Cell, total: Code, lanes: Lanes): Code {
  if (cell.form === 'float') {
    const parts = [0, 1].map((i) => lane('f64', 'f64x2.extract_lane', lanes, i as 0 | 1));
    return parts.reduce((sum, part) => f64.add(sum as Code<'f64'>, part), total);
  }
  const parts = [0, 1].map((i) => lane('i64', 'i64x2.extract_lane', lanes, i as 0 | 1));
  return parts.reduce((joined, part) => {
    const old = joined as Code<'i64'>;
    if (cell.kind === 'count' || cell.kind === 'sum') return i64.add(old, part);
    return select((cell.kind === 'min' ? i64.lt_s : i64.gt_s)(part, old), part, old);
  }, total);
}

/** Locals of a cell in lanes, one set for each pair of rows of a turn. */
function laneLocals(frame: Frame, cell: Cell): readonly (readonly Local<'v128'>[])[] {
  const { fn } = frame;
  const sets = cell.kind === 'sum' && cell.form === 'float' ? TURN / LANES : 1;
  return Array.from({ length: sets }, () => {
    return startOf(cell).map((start) => {
      const local = fn.local('v128', cell.kind);
      const value = start.immediate as bigint;
      fn.set(local, start.type === 'f64' ? v128Const(0n, 0n) : v128Const(value, value));
      return local;
    });
  });
}

/** True when all of a pipeline has lanes. */
export function hasLanes(pipeline: AggregatePipeline): boolean {
  const fn = new FunctionBuilder('trial');
  return tryLanes(new Frame(fn, pipeline, { nullable: false, bits: [] }), pipeline, undefined, i32Const(0));
}

/** Adds the rows below `whole`, a multiple of TURN, to the cells, whose words are in `words`. */
export function advanceInLanes(
  frame: Frame,
  pipeline: AggregatePipeline,
  words: readonly (readonly Local[])[],
  whole: Code<'i32'>,
): void {
  assert(tryLanes(frame, pipeline, words, whole), () => `there are no lanes for ${pipeline.key}`);
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
        const next = advance(cell, set.map(get), value, mask).map((code) => fn.bind(code, 'next'));
        set.forEach((local, i) => fn.set(local, next[i] as Lanes));
      });
    }
  });
  if (!isWhole || words === undefined) return isWhole;
  pipeline.cells.forEach((cell, c) => {
    for (const set of sums[c] as readonly (readonly Local<'v128'>[])[]) {
      set.forEach((local, i) => {
        const word = words[c]?.[i] as Local;
        fn.set(word, joinLanes(cell, get(word), get(local)));
      });
    }
  });
  return true;
}
