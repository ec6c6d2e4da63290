/**
 * min and max of intervals.
 *
 * Hides nothing. Invariant: of equal lengths (30 days, 1 month) the first seen stays.
 */
import { typedView } from '../arrow/vector.ts';
import type { Vector } from '../arrow/vector.ts';
import { bytesOf, vectorOf } from './column.ts';
import { compareWords } from './value-order.ts';
import type { Accumulator } from './contract.ts';
import { flagBits, growFlags, growWords } from './group-state.ts';
import { INTERVAL, orderWordsOf } from './interval.ts';
import { bitAt, validityFrom, validityOf } from './validity.ts';

const WORDS = 4;

export class IntervalExtreme implements Accumulator {
  readonly #wantsMax: boolean;
  #best = new Int32Array(WORDS);
  #keys = new Int32Array(WORDS);
  #seen = new Uint8Array(1);

  constructor(wantsMax: boolean) {
    this.#wantsMax = wantsMax;
  }

  update(args: readonly Vector[], groups: Uint32Array, rowCount: number, groupCount: number): void {
    this.#best = growWords(this.#best, groupCount * WORDS);
    this.#keys = growWords(this.#keys, groupCount * WORDS);
    this.#seen = growFlags(this.#seen, groupCount);
    const vector = args[0] as Vector;
    const present = validityOf(vector).bits;
    const words = typedView(Int32Array, vector.buffers[1] as Uint8Array, rowCount * WORDS);
    const keys = orderWordsOf(vector);
    for (let i = 0; i < rowCount; i++) {
      if (present !== undefined && !bitAt(present, i)) continue;
      const group = groupCount === 1 ? 0 : (groups[i] as number);
      if (this.#seen[group] === 1) {
        const order = compareWords(keys, i * WORDS, this.#keys, group * WORDS, WORDS, 0);
        if (this.#wantsMax ? order <= 0 : order >= 0) continue;
      }
      for (let k = 0; k < WORDS; k++) {
        this.#best[group * WORDS + k] = words[i * WORDS + k] as number;
        this.#keys[group * WORDS + k] = keys[i * WORDS + k] as number;
      }
      this.#seen[group] = 1;
    }
  }

  finish(groupCount: number): Vector {
    const best = growWords(this.#best, groupCount * WORDS).slice(0, groupCount * WORDS);
    const validity = validityFrom(flagBits(growFlags(this.#seen, groupCount), groupCount), groupCount);
    return vectorOf(INTERVAL, groupCount, validity, bytesOf(best));
  }

  byteCount(): number {
    return this.#best.byteLength + this.#keys.byteLength + this.#seen.byteLength;
  }
}
