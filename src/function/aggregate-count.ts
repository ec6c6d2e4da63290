/**
 * count(*) and count(x).
 *
 * Hides nothing. Invariant: counts are exact up to 2^53, which no table reaches.
 */
import type { Vector } from '../arrow/vector.ts';
import { bytesOf, vectorOf } from './column.ts';
import type { Accumulator } from './contract.ts';
import { grow } from './group-state.ts';
import { INT64 } from './signature.ts';
import { ALL_PRESENT, bitAt, validityOf } from './validity.ts';

const TWO_32 = 4294967296;

/** Counts rows, or present values when `ofValues`. */
export class CountAccumulator implements Accumulator {
  readonly #ofValues: boolean;
  #counts = new Float64Array(1);

  constructor(ofValues: boolean) {
    this.#ofValues = ofValues;
  }

  update(args: readonly Vector[], groups: Uint32Array, rowCount: number, groupCount: number): void {
    const counts = (this.#counts = grow(this.#counts, groupCount));
    const present = this.#ofValues ? validityOf(args[0] as Vector) : ALL_PRESENT;
    if (groupCount === 1) {
      counts[0] = (counts[0] as number) + rowCount - present.nullCount;
      return;
    }
    const bits = present.bits;
    for (let i = 0; i < rowCount; i++) {
      if (bits !== undefined && !bitAt(bits, i)) continue;
      const group = groups[i] as number;
      counts[group] = (counts[group] as number) + 1;
    }
  }

  finish(groupCount: number): Vector {
    const counts = grow(this.#counts, groupCount);
    const words = new Int32Array(groupCount * 2);
    for (let g = 0; g < groupCount; g++) {
      const high = Math.floor((counts[g] as number) / TWO_32);
      words[2 * g] = (counts[g] as number) - high * TWO_32;
      words[2 * g + 1] = high;
    }
    return vectorOf(INT64, groupCount, ALL_PRESENT, bytesOf(words));
  }

  byteCount(): number {
    return this.#counts.byteLength;
  }
}
