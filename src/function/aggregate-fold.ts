/**
 * Aggregates that fold doubles into a few numbers a group.
 *
 * Hides where the numbers of a group stand. Invariants: a row with a null among its arguments is left out; state
 * begins as zeros, and its first number counts the rows taken; rows are taken in order, without compensation unless
 * the fold itself compensates.
 */
import type { Vector } from '../arrow/vector.ts';
import type { DataType } from '../arrow/type.ts';
import { numbersOf, vectorFromNumbers } from './column.ts';
import type { Accumulator } from './contract.ts';
import { flagBits, grow } from './group-state.ts';
import { bitAt, mergeValidity, validityFrom } from './validity.ts';

/** What one row does, and what comes out. The numbers of a group are `state[at]` to `state[at + slots - 1]`. */
export interface Fold {
  readonly slots: number;
  /** Takes a row, already counted in `state[at]`; y is x where there is one argument. */
  add(state: Float64Array, at: number, x: number, y: number): void;
  /** Adds another group's numbers, from `other[from]` on; both have rows, and counts are added afterwards. */
  combine(state: Float64Array, at: number, other: Float64Array, from: number): void;
  /** Undefined is null. @throws `value_error` */
  finish(state: Float64Array, at: number): number | undefined;
}

/** Runs a fold over one or two arguments of type double. */
export class FoldAccumulator implements Accumulator {
  readonly #fold: Fold;
  readonly #type: DataType;
  #state = new Float64Array(0);

  /** `type`: of the answer, of form number. */
  constructor(fold: Fold, type: DataType) {
    this.#fold = fold;
    this.#type = type;
  }

  update(args: readonly Vector[], groups: Uint32Array, rowCount: number, groupCount: number): void {
    const fold = this.#fold;
    const { slots } = fold;
    const state = (this.#state = grow(this.#state, groupCount * slots));
    const present = mergeValidity(args, rowCount).bits;
    const xs = numbersOf(args[0] as Vector);
    const ys = args.length > 1 ? numbersOf(args[1] as Vector) : xs;
    for (let i = 0; i < rowCount; i++) {
      if (present !== undefined && !bitAt(present, i)) continue;
      const at = (groups[i] as number) * slots;
      state[at] = (state[at] as number) + 1;
      fold.add(state, at, xs[i] as number, ys[i] as number);
    }
  }

  merge(other: Accumulator, from: Uint32Array, groups: Uint32Array, groupCount: number): void {
    if (!(other instanceof FoldAccumulator)) throw new TypeError('merge: another kind of state');
    const { slots } = this.#fold;
    const state = (this.#state = grow(this.#state, groupCount * slots));
    const source = other.#state;
    for (let i = 0; i < from.length; i++) {
      const at = (groups[i] as number) * slots;
      const origin = (from[i] as number) * slots;
      const count = source[origin] ?? 0;
      if (count === 0) continue;
      if (state[at] === 0) {
        for (let k = 0; k < slots; k++) state[at + k] = source[origin + k] as number;
        continue;
      }
      this.#fold.combine(state, at, source, origin);
      state[at] = (state[at] as number) + count;
    }
  }

  finish(groupCount: number): Vector {
    const fold = this.#fold;
    const state = grow(this.#state, groupCount * fold.slots);
    const numbers = new Float64Array(groupCount);
    const known = new Uint8Array(groupCount);
    for (let g = 0; g < groupCount; g++) {
      const value = fold.finish(state, g * fold.slots);
      if (value === undefined) continue;
      numbers[g] = value;
      known[g] = 1;
    }
    const validity = validityFrom(flagBits(known, groupCount), groupCount);
    return vectorFromNumbers(this.#type, numbers, groupCount, validity);
  }

  byteCount(): number {
    return this.#state.byteLength;
  }
}
