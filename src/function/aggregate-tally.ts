/**
 * mode, entropy and histogram: answers from how often each distinct value occurs.
 *
 * Hides nothing of how values are told apart. Invariants: null is not counted; -0 and 0 are one value, and so is
 * every NaN; of values that occur equally often the mode is the one that came first.
 */
import type { DataType } from '../arrow/type.ts';
import type { Vector } from '../arrow/vector.ts';
import { groupValidity, listVector } from './aggregate-list.ts';
import { bytesOf, vectorFromNumbers, vectorOf } from './column.ts';
import type { GroupedValues } from './contract.ts';
import { takeFlat } from './decode.ts';
import { mapOf } from './nested-type.ts';
import { DOUBLE, UINT64 } from './signature.ts';
import { ALL_PRESENT } from './validity.ts';

const TWO_32 = 4294967296;

/** The value that occurs most often. */
export function modeOf(grouped: GroupedValues, counts: Float64Array): Vector {
  const { values, starts, groupCount } = grouped;
  const rows = new Uint32Array(groupCount);
  for (let g = 0; g < groupCount; g++) {
    // A group without values reads any row, since it is null; the last such begins behind all of them.
    let best = Math.min(starts[g] as number, values.length - 1);
    for (let i = best + 1; i < (starts[g + 1] as number); i++) {
      if ((counts[i] as number) > (counts[best] as number)) best = i;
    }
    rows[g] = best;
  }
  return takeFlat(values, rows, groupValidity(grouped));
}

/** Shannon's entropy in bits; 0 without values. */
export function entropyOf(grouped: GroupedValues, counts: Float64Array): Vector {
  const { starts, groupCount } = grouped;
  const bits = new Float64Array(groupCount);
  for (let g = 0; g < groupCount; g++) {
    let total = 0;
    for (let i = starts[g] as number; i < (starts[g + 1] as number); i++) total += counts[i] as number;
    let sum = 0;
    for (let i = starts[g] as number; i < (starts[g + 1] as number); i++) {
      const count = counts[i] as number;
      sum += count * Math.log2(total / count);
    }
    bits[g] = total === 0 ? 0 : sum / total;
  }
  return vectorFromNumbers(DOUBLE, bits, groupCount, ALL_PRESENT);
}

/** The type of a histogram over values of `type`. */
export function histogramType(type: DataType): DataType {
  return mapOf(type, UINT64);
}

/** A map of each value to its count; values come sorted. */
export function histogramOf(grouped: GroupedValues, counts: Float64Array): Vector {
  const { values, starts, groupCount } = grouped;
  const type = histogramType(values.type);
  const words = new Int32Array(values.length * 2);
  for (let i = 0; i < values.length; i++) {
    const high = Math.floor((counts[i] as number) / TWO_32);
    words[2 * i] = (counts[i] as number) - high * TWO_32;
    words[2 * i + 1] = high;
  }
  const entries: Vector = {
    type: type.id === 'map' ? type.child.type : type,
    length: values.length,
    nullCount: 0,
    buffers: [new Uint8Array(0)],
    children: [values, vectorOf(UINT64, values.length, ALL_PRESENT, bytesOf(words))],
    dictionary: undefined,
  };
  return listVector(type, { values: entries, starts, groupCount });
}
