/**
 * Loops of three-valued logic: a byte, eight rows, at a time.
 *
 * Hides nothing. Invariant: a null row's value bit may be anything on the way in, so loops mix in the validity first.
 */
import type { Vector } from '../arrow/vector.ts';
import { bitsOf, vectorOf } from './column.ts';
import type { Kernel } from './contract.ts';
import { ALL_PRESENT, clearTail, fullBits, validityFrom, validityOf } from './validity.ts';

/** Bytes of the rows known to be true and of those known to be false. */
function knownBits(vector: Vector, rowCount: number): { readonly isTrue: Uint8Array; readonly isFalse: Uint8Array } {
  const values = bitsOf(vector);
  const present = validityOf(vector).bits;
  const isTrue = new Uint8Array((rowCount + 7) >> 3);
  const isFalse = new Uint8Array(isTrue.length);
  for (let i = 0; i < isTrue.length; i++) {
    const known = present === undefined ? 255 : (present[i] as number);
    isTrue[i] = (values[i] as number) & known;
    isFalse[i] = ~(values[i] as number) & known;
  }
  return { isTrue, isFalse };
}

/** Joins arguments: one that is `deciding` decides; otherwise all known gives the other answer, else null. */
function logicKernel(decidesTrue: boolean): Kernel {
  return (args, rowCount, type) => {
    const byteCount = (rowCount + 7) >> 3;
    const decided = new Uint8Array(byteCount);
    const allOther = fullBits(rowCount);
    for (const vector of args) {
      const { isTrue, isFalse } = knownBits(vector, rowCount);
      const deciding = decidesTrue ? isTrue : isFalse;
      const other = decidesTrue ? isFalse : isTrue;
      for (let i = 0; i < byteCount; i++) {
        decided[i] = (decided[i] as number) | (deciding[i] as number);
        allOther[i] = (allOther[i] as number) & (other[i] as number);
      }
    }
    clearTail(decided, rowCount);
    const known = new Uint8Array(byteCount);
    for (let i = 0; i < byteCount; i++) known[i] = (decided[i] as number) | (allOther[i] as number);
    return vectorOf(type, rowCount, validityFrom(known, rowCount), decidesTrue ? decided : allOther);
  };
}

export const andKernel: Kernel = logicKernel(false);
export const orKernel: Kernel = logicKernel(true);

export const notKernel: Kernel = ([vector], rowCount, type) => {
  const values = bitsOf(vector as Vector);
  const bits = new Uint8Array((rowCount + 7) >> 3);
  for (let i = 0; i < bits.length; i++) bits[i] = ~(values[i] as number);
  clearTail(bits, rowCount);
  return vectorOf(type, rowCount, validityOf(vector as Vector), bits);
};

/** IS NOT NULL when `whenPresent`, else IS NULL; any type. */
export function nullTestKernel(whenPresent: boolean): Kernel {
  return ([vector], rowCount, type) => {
    const bits = fullBits(rowCount);
    const present = validityOf(vector as Vector).bits;
    for (let i = 0; i < bits.length; i++) {
      const known = present === undefined ? 255 : (present[i] as number);
      bits[i] = (bits[i] as number) & (whenPresent ? known : ~known);
    }
    return vectorOf(type, rowCount, ALL_PRESENT, bits);
  };
}

/** IS [NOT] TRUE and IS [NOT] FALSE. */
export function truthKernel(wanted: boolean, negated: boolean): Kernel {
  return ([vector], rowCount, type) => {
    const { isTrue, isFalse } = knownBits(vector as Vector, rowCount);
    const bits = wanted ? isTrue : isFalse;
    if (negated) for (let i = 0; i < bits.length; i++) bits[i] = ~(bits[i] as number);
    clearTail(bits, rowCount);
    return vectorOf(type, rowCount, ALL_PRESENT, bits);
  };
}
