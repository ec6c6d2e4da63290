/**
 * bit_and, bit_or, bit_xor over integers; bool_and and bool_or, which are the first two over one bit.
 *
 * Hides widths: every type is one or two 32-bit words a group. Invariant: a group without a value is null.
 */
import type { DataType } from '../arrow/type.ts';
import type { Vector } from '../arrow/vector.ts';
import { bitsOf, bytesOf, formOf, numbersOf, vectorFromNumbers, vectorOf, wordsOf } from './column.ts';
import type { Accumulator } from './contract.ts';
import { flagBits, growFlags, growWords } from './group-state.ts';
import { bitAt, validityFrom, validityOf } from './validity.ts';

export type BitOperator = 'and' | 'or' | 'xor';

function combine(operator: BitOperator, a: number, b: number): number {
  if (operator === 'and') return a & b;
  return operator === 'or' ? a | b : a ^ b;
}

/** Combines the bits of all values. `type`: an integer of any width, or bool. */
export class BitAccumulator implements Accumulator {
  readonly #operator: BitOperator;
  readonly #type: DataType;
  readonly #words: number;
  #state = new Int32Array(0);
  #seen = new Uint8Array(1);

  constructor(operator: BitOperator, type: DataType) {
    this.#operator = operator;
    this.#type = type;
    this.#words = formOf(type).kind === 'words' ? 2 : 1;
  }

  #valuesOf(vector: Vector, rowCount: number): Int32Array {
    if (this.#words === 2) return wordsOf(vector);
    // Storing a number above 2^31 in an int32 keeps its bits.
    if (this.#type.id !== 'bool') return Int32Array.from(numbersOf(vector));
    const bits = bitsOf(vector);
    const values = new Int32Array(rowCount);
    for (let i = 0; i < rowCount; i++) values[i] = bitAt(bits, i) ? 1 : 0;
    return values;
  }

  update(args: readonly Vector[], groups: Uint32Array, rowCount: number, groupCount: number): void {
    const count = this.#words;
    const operator = this.#operator;
    const state = (this.#state = growWords(this.#state, groupCount * count));
    const seen = (this.#seen = growFlags(this.#seen, groupCount));
    const vector = args[0] as Vector;
    const present = validityOf(vector).bits;
    const values = this.#valuesOf(vector, rowCount);
    for (let i = 0; i < rowCount; i++) {
      if (present !== undefined && !bitAt(present, i)) continue;
      const group = groups[i] as number;
      for (let k = 0; k < count; k++) {
        const value = values[i * count + k] as number;
        const at = group * count + k;
        state[at] = seen[group] === 1 ? combine(operator, state[at] as number, value) : value;
      }
      seen[group] = 1;
    }
  }

  merge(other: Accumulator, from: Uint32Array, groups: Uint32Array, groupCount: number): void {
    if (!(other instanceof BitAccumulator)) throw new TypeError('merge: another kind of state');
    const count = this.#words;
    const state = (this.#state = growWords(this.#state, groupCount * count));
    const seen = (this.#seen = growFlags(this.#seen, groupCount));
    for (let i = 0; i < from.length; i++) {
      const [group, origin] = [groups[i] as number, from[i] as number];
      if (other.#seen[origin] !== 1) continue;
      for (let k = 0; k < count; k++) {
        const value = other.#state[origin * count + k] as number;
        const at = group * count + k;
        state[at] = seen[group] === 1 ? combine(this.#operator, state[at] as number, value) : value;
      }
      seen[group] = 1;
    }
  }

  finish(groupCount: number): Vector {
    const state = growWords(this.#state, groupCount * this.#words).subarray(0, groupCount * this.#words);
    const validity = validityFrom(flagBits(growFlags(this.#seen, groupCount), groupCount), groupCount);
    if (this.#words === 2) return vectorOf(this.#type, groupCount, validity, bytesOf(state.slice()));
    if (this.#type.id === 'bool') {
      return vectorOf(this.#type, groupCount, validity, flagBits(Uint8Array.from(state), groupCount));
    }
    return vectorFromNumbers(this.#type, Float64Array.from(state), groupCount, validity);
  }

  byteCount(): number {
    return this.#state.byteLength + this.#seen.byteLength;
  }
}
