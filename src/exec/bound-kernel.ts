/**
 * Rows of 64-bit values that lie on one side of a bound: code that is the same for every query.
 *
 * Hides the code, and the memory that it reads. Invariants: answers are row numbers in ascending order, in memory of
 * their own; doubles compare as IEEE 754 has it but for NaN, which is above every number (the bound is none). Method:
 * sixteen rows at a time are compared in lanes, and looked at one by one only where one of them passes; values come a
 * block at a time, which stays in the cache.
 */
import { CODE_BLOCK_ROWS } from '../base/limits.ts';
import { binary, FunctionBuilder, get, i32Const, lane, load, unary } from '../codegen/code.ts';
import type { Code, FunctionCode } from '../codegen/code.ts';
import { instantiate, makeMemory, moduleOf } from '../codegen/compile.ts';
import type { CompiledFunction } from '../codegen/compile.ts';
import { encodeModule } from '../codegen/module.ts';
import type { OpName } from '../codegen/opcode.ts';
import { i32 } from './compiled-vocabulary.ts';

/** Which values pass: those that are less than the bound, at most it, and so on. */
export type BoundTest = 'lt' | 'le' | 'gt' | 'ge';

type Lanes = Code<'v128'>;

const TESTS = ['lt', 'le', 'gt', 'ge'] as const;
/** Rows of one turn of the loop. */
const TURN = 16;
const LANES = 2;
/** Where lie: the bound; what the bits of integers, and of the bound, are turned by; the block; the rows that pass. */
const BOUND = 0;
const TURNED = 8;
const DATA = 16;
const LIST = DATA + 8 * CODE_BLOCK_ROWS;
const MEMORY_BYTES = LIST + 4 * CODE_BLOCK_ROWS;
/** The sign bit of an int64: what makes unsigned integers order as signed ones do. */
const SIGN = -0x80000000;

const lanes2 = (op: OpName): ReturnType<typeof binary<'v128'>> => binary<'v128'>(op, 'v128');
const not = unary<'v128'>('v128.not', 'v128');
const anyTrue = unary<'v128', 'i32'>('v128.any_true', 'i32');
const xor = lanes2('v128.xor');

/** What compares doubles: NaN is above the bound, and an IEEE comparison with it is false. */
const FLOAT_TESTS: Readonly<Record<BoundTest, (x: Lanes, bound: Lanes) => Lanes>> = {
  lt: lanes2('f64x2.lt'),
  le: lanes2('f64x2.le'),
  gt: (x, bound) => not(lanes2('f64x2.le')(x, bound)),
  ge: (x, bound) => not(lanes2('f64x2.lt')(x, bound)),
};
const INT_TESTS: Readonly<Record<BoundTest, (x: Lanes, bound: Lanes) => Lanes>> = {
  lt: lanes2('i64x2.lt_s'),
  le: lanes2('i64x2.le_s'),
  gt: lanes2('i64x2.gt_s'),
  ge: lanes2('i64x2.ge_s'),
};

/** `name(rows, first)`: lists which of `rows` rows pass, a multiple of TURN, counted from `first`; how many do. */
function boundCode(name: string, isFloat: boolean, test: BoundTest): FunctionCode {
  const fn = new FunctionBuilder(name);
  const rows = get(fn.param('i32', 'rows'));
  const first = get(fn.param('i32', 'first'));
  const splat = (address: number): Lanes =>
    unary<'i64', 'v128'>('i64x2.splat', 'v128')(load('i64', 'i64.load', i32Const(0), address));
  const turned = fn.bind(splat(TURNED), 'turned');
  const ordered = (x: Lanes): Lanes => (isFloat ? x : xor(x, turned));
  const bound = fn.bind(ordered(splat(BOUND)), 'bound');
  const passes = (isFloat ? FLOAT_TESTS : INT_TESTS)[test];
  const next = fn.local('i32', 'next');
  const row = fn.local('i32', 'row');
  fn.count('turns', row, rows, TURN, () => {
    const at = fn.bind(i32.shl(get(row), i32Const(3)), 'at');
    const masks = Array.from({ length: TURN / LANES }, (_, pair) => {
      return fn.bind(passes(ordered(load('v128', 'v128.load', at, DATA + 16 * pair)), bound), 'mask');
    });
    fn.when(anyTrue(masks.reduce(lanes2('v128.or'))), () => {
      fn.comment('every row is written, and the place moves on for those that pass');
      masks.forEach((mask, pair) => {
        for (const k of [0, 1] as const) {
          const number = i32.add(get(row), i32.add(first, i32Const(LANES * pair + k)));
          fn.store('i32.store', i32.shl(get(next), i32Const(2)), LIST, number);
          fn.set(next, i32.sub(get(next), i32.wrap(lane('i64', 'i64x2.extract_lane', mask, k))));
        }
      });
    });
  });
  return fn.finish(get(next));
}

/** The functions, and the memory that they share. */
class BoundKernel {
  readonly #functions: Readonly<Record<string, CompiledFunction>>;
  readonly #words: Int32Array;
  readonly #block: Int32Array;
  readonly #list: Uint32Array;

  constructor() {
    const memory = makeMemory(MEMORY_BYTES);
    const encode = (): Uint8Array => {
      return encodeModule([
        ...TESTS.map((test) => boundCode(`float_${test}`, true, test)),
        ...TESTS.map((test) => boundCode(`int_${test}`, false, test)),
      ]);
    };
    this.#functions = instantiate(moduleOf('bounds', encode), memory);
    this.#words = new Int32Array(memory.buffer, 0, DATA / 4);
    this.#block = new Int32Array(memory.buffer, DATA, 2 * CODE_BLOCK_ROWS);
    this.#list = new Uint32Array(memory.buffer, LIST, CODE_BLOCK_ROWS);
  }

  choose(name: string, words: Int32Array, bound: Int32Array, turned: number): Uint32Array {
    const run = this.#functions[name] as CompiledFunction;
    this.#words.set(bound);
    this.#words[TURNED / 4 + 1] = turned;
    const rowCount = words.length / 2;
    let chosen: Uint32Array | undefined;
    let count = 0;
    for (let start = 0; start < rowCount; start += CODE_BLOCK_ROWS) {
      const rows = Math.min(CODE_BLOCK_ROWS, rowCount - start);
      this.#block.set(words.subarray(2 * start, 2 * (start + rows)));
      // Behind the last row there is what an earlier block has left.
      let found = run(Math.ceil(rows / TURN) * TURN, start);
      while (found > 0 && (this.#list[found - 1] as number) >= rowCount) found--;
      if (found === 0) continue;
      chosen ??= new Uint32Array(rowCount - start);
      chosen.set(this.#list.subarray(0, found), count);
      count += found;
    }
    return chosen === undefined ? new Uint32Array(0) : chosen.subarray(0, count);
  }
}

let kernel: BoundKernel | undefined;

/** The rows of doubles that pass. NaN is above every number; `bound` is none. @throws `busy` */
export function chooseNumbers(numbers: Float64Array, test: BoundTest, bound: number): Uint32Array {
  kernel ??= new BoundKernel();
  const words = new Int32Array(numbers.buffer, numbers.byteOffset, 2 * numbers.length);
  return kernel.choose(`float_${test}`, words, new Int32Array(Float64Array.of(bound).buffer), 0);
}

/** The rows of 64-bit integers that pass; each is, as `bound`, two words, the low one first. @throws `busy` */
export function chooseWide(words: Int32Array, signed: boolean, test: BoundTest, bound: Int32Array): Uint32Array {
  kernel ??= new BoundKernel();
  return kernel.choose(`int_${test}`, words, bound, signed ? 0 : SIGN);
}
