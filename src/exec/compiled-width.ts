/**
 * How wide the decimals of a block are: code of its own looks at them before the pipeline's code does.
 *
 * Hides that code. Invariants: what is said of a slot holds for every row of the block, null rows included; widths only
 * grow while a pipeline runs and are few, so that code is made for few variants. A pipeline's fixed part has two words
 * for what is measured of each slot of decimals.
 */
import { binary, FunctionBuilder, get, i32Const, i64Const, lane, load } from '../codegen/code.ts';
import type { Code, FunctionCode, Local } from '../codegen/code.ts';
import { instantiate, moduleOf } from '../codegen/compile.ts';
import type { CompiledFunction, LinearMemory } from '../codegen/compile.ts';
import { encodeModule } from '../codegen/module.ts';
import type { CompiledPipeline } from './compiled-pipeline.ts';
import type { Slot } from './compiled-shape.ts';
import { i32, i64 } from './compiled-vocabulary.ts';

/** Widths that code is made for; wider values need both words. */
const WIDTHS: readonly number[] = [8, 16, 24, 32, 40, 48, 56, 62];
const WIDE = 127;
const SIGN = i64Const(63n);
/** Rows of one turn of the loop; divides the rows of a block. */
const TURN = 4;

/** All bits of the rows' words that differ from the rows' signs, in two locals. */
function signedBits(
  fn: FunctionBuilder,
  data: number,
  rows: Code<'i32'>,
  low: Local<'i64'>,
  high: Local<'i64'>,
): void {
  const row = fn.local('i32', 'row');
  fn.set(low, i64Const(0n));
  fn.set(high, i64Const(0n));
  fn.count('signed', row, rows, 1, () => {
    const at = i32.shl(get(row), i32Const(4));
    const top = fn.bind(load('i64', 'i64.load', at, data + 8), 'top');
    const sign = fn.bind(i64.shr_s(top, SIGN), 'sign');
    fn.set(low, i64.or(get(low), i64.xor(load('i64', 'i64.load', at, data), sign)));
    fn.set(high, i64.or(get(high), i64.xor(top, sign)));
  });
}

/**
 * The function that stores, from `out` on, all bits of the block's values that differ from their signs. As long as
 * nothing is negative these are the values' own, two words at a time; what lies behind the last row in its turn was a
 * row before, or is 0.
 */
function measureFunction(slots: readonly Slot[], out: number): FunctionCode {
  const fn = new FunctionBuilder('measure');
  const rows = get(fn.param('i32', 'rows'));
  const or = binary<'v128'>('v128.or', 'v128');
  slots.forEach(({ data }, k) => {
    const row = fn.local('i32', 'row');
    const all = fn.local('v128', 'all');
    const [low, high] = [fn.local('i64', 'low'), fn.local('i64', 'high')];
    fn.count('rows', row, rows, TURN, () => {
      const at = i32.shl(get(row), i32Const(4));
      const loads = Array.from({ length: TURN }, (_, i) => load('v128', 'v128.load', at, data + 16 * i));
      fn.set(all, or(get(all), loads.reduce(or)));
    });
    fn.set(low, lane('i64', 'i64x2.extract_lane', get(all), 0));
    fn.set(high, lane('i64', 'i64x2.extract_lane', get(all), 1));
    fn.when(i64.ne(get(high), i64Const(0n)), () => signedBits(fn, data, rows, low, high));
    fn.store('i64.store', i32Const(0), out + 16 * k, get(low));
    fn.store('i64.store', i32Const(0), out + 16 * k + 8, get(high));
  });
  return fn.finish(undefined);
}

/** True for a slot of decimals whose values code reads. */
function isMeasured(slot: Slot): boolean {
  return slot.mode === 'value' && slot.type.id === 'decimal';
}

/** The widths of a pipeline's slots. */
export class DecimalWidths {
  readonly #memory: LinearMemory;
  readonly #slots: readonly number[];
  readonly #out: number;
  readonly #measure: CompiledFunction | undefined;
  #bits: readonly number[];

  constructor({ shape, measured }: CompiledPipeline, memory: LinearMemory) {
    this.#memory = memory;
    this.#slots = shape.slots.flatMap((slot, i) => (isMeasured(slot) ? [i] : []));
    this.#out = measured;
    this.#bits = shape.slots.map((slot) => (isMeasured(slot) ? (WIDTHS[0] as number) : 0));
    if (this.#slots.length === 0) return;
    const slots = this.#slots.map((i) => shape.slots[i] as Slot);
    const key = `measure ${slots.map(({ data }) => data.toString()).join(' ')} ${this.#out.toString()}`;
    this.#measure = instantiate(
      moduleOf(key, () => encodeModule([measureFunction(slots, measured)])),
      memory,
    )['measure'];
  }

  /** For each slot how many bits its values need at most, without the sign; 0 for slots that have no decimals. */
  get bits(): readonly number[] {
    return this.#bits;
  }

  /** Looks at the first `rows` rows in memory. */
  measure(rows: number): void {
    if (this.#measure === undefined) return;
    this.#measure(rows);
    const words = new Uint32Array(this.#memory.buffer, this.#out, this.#slots.length * 4);
    this.#slots.forEach((slot, k) => {
      const isWide = ((words[4 * k + 2] as number) | (words[4 * k + 3] as number)) !== 0;
      const [low, high] = [words[4 * k] as number, words[4 * k + 1] as number];
      const needed = high === 0 ? 32 - Math.clz32(low) : 64 - Math.clz32(high);
      const width = isWide ? WIDE : (WIDTHS.find((bits) => needed <= bits) ?? WIDE);
      if (width > (this.#bits[slot] as number)) this.#bits = this.#bits.with(slot, width);
    });
  }
}
