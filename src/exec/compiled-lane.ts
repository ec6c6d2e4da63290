/**
 * Values of two rows at a time: SIMD over lanes of 64 bits.
 *
 * Hides which expressions have lanes: columns of 8 bytes (uint64 apart) and of 4, widened; constants; comparisons, AND,
 * OR, NOT, IN; + - * / of doubles; casts of integers to int64; and where a row may fail, + and - of int64. Invariants:
 * no row has a null; a condition is a mask of all bits a lane; the meaning is that of the rules for single rows.
 */
import { sameType } from '../arrow/type.ts';
import type { DataType } from '../arrow/type.ts';
import { binary, get, i32Const, load, unary } from '../codegen/code.ts';
import type { Code, Local } from '../codegen/code.ts';
import type { OpName } from '../codegen/opcode.ts';
import type { Expr } from '../plan/expr.ts';
import { isOrderedLiteral } from './compiled-compare.ts';
import type { Frame } from './compiled-emit.ts';
import { isUnsigned64, laneForm, widthOf } from './compiled-value.ts';
import { i32 } from './compiled-vocabulary.ts';

/** Two lanes of 64 bits. */
export type Lanes = Code<'v128'>;

/** An instruction of two operands in lanes. */
export const op2 = (op: OpName): ReturnType<typeof binary<'v128'>> => binary<'v128'>(op, 'v128');
const not = unary<'v128'>('v128.not', 'v128');
export const and = op2('v128.and');
export const or = op2('v128.or');
/** Rows of a value. */
export const LANES = 2;

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

/** The lanes that are NaN. */
export function isNan(x: Lanes): Lanes {
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

const INT64: DataType = { id: 'int', bitWidth: 64, signed: true };

/** True for casts of integers that lie in lanes as what they become. */
function isWidened(from: DataType, to: DataType): boolean {
  return from.id === 'int' && sameType(to, INT64) && !isUnsigned64(from);
}

/** Code of expressions for rows `row` + `step` and the next; undefined where there are no lanes. */
export class LaneEmitter {
  readonly #frame: Frame;
  readonly #splats: Map<number, Lanes>;
  readonly #row: Code<'i32'>;
  readonly #step: number;
  /** Negative in a lane once a row of it failed; undefined where none may. */
  readonly #failed: Local<'v128'> | undefined;
  readonly #loaded = new Map<number, Lanes>();

  constructor(frame: Frame, splats: Map<number, Lanes>, row: Code<'i32'>, step: number, failed?: Local<'v128'>) {
    this.#frame = frame;
    this.#failed = failed;
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
    if (place !== undefined) return undefined;
    if (expr.kind === 'cast') return isWidened(expr.operand.type, expr.type) ? this.value(expr.operand) : undefined;
    if (expr.kind !== 'call') return undefined;
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
    if ((name === '+' || name === '-') && args.length === 2) return this.#sum(name, exprs, [x, y]);
    const test = INT_TESTS[name];
    return test === undefined ? undefined : op2(test)(x, y);
  }

  /** A sum of int64, whose overflow is only noted. */
  #sum(name: '+' | '-', exprs: readonly Expr[], [x, y]: readonly [Lanes, Lanes]): Lanes | undefined {
    const failed = this.#failed;
    if (failed === undefined || !exprs.every(({ type }) => sameType(type, INT64))) return undefined;
    const xor = op2('v128.xor');
    const sum = this.#frame.fn.bind(op2(name === '+' ? 'i64x2.add' : 'i64x2.sub')(x, y), 'sum');
    // It overflows where its sign is that of neither operand, the second of a difference turned.
    const overflow = and(xor(x, sum), name === '+' ? xor(y, sum) : xor(x, y));
    this.#frame.fn.set(failed, or(get(failed), overflow));
    return sum;
  }
}

/** Constants in every lane, made before the loop. */
export function splatParams(frame: Frame): Map<number, Lanes> {
  const splats = new Map<number, Lanes>();
  frame.params.forEach(([word], i) => {
    if (word?.type === 'f64')
      splats.set(i, frame.fn.bind(unary<'f64', 'v128'>('f64x2.splat', 'v128')(word as Code<'f64'>), 'splat'));
    if (word?.type === 'i64')
      splats.set(i, frame.fn.bind(unary<'i64', 'v128'>('i64x2.splat', 'v128')(word as Code<'i64'>), 'splat'));
  });
  return splats;
}
