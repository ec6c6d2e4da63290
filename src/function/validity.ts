/**
 * Validity bitmaps: which rows are present, merged, counted, changed.
 *
 * Hides padding, and the types whose nulls are not in a bitmap of their own (null, dictionary, run-end, union).
 * Invariants: bits past the last row of a bitmap made here are zero; 1 = present, LSB first; undefined = every row is
 * present.
 * Source: Arrow columnar format, "Validity bitmaps".
 */
import { isPresent } from '../arrow/vector.ts';
import type { Vector } from '../arrow/vector.ts';
import { runIndexes } from './run-end.ts';

/** Presence of the rows of one or more vectors. */
export interface Validity {
  /** ceil(rows / 8) bytes, or undefined when no row is null. */
  readonly bits: Uint8Array | undefined;
  readonly nullCount: number;
}

/** Every row is present. */
export const ALL_PRESENT: Validity = { bits: undefined, nullCount: 0 };

const POPCOUNT = new Uint8Array(256).map((_, byte) => {
  let count = 0;
  for (let rest = byte; rest > 0; rest >>= 1) count += rest & 1;
  return count;
});

/** Counts the set bits among the first `rowCount`. */
export function countBits(bits: Uint8Array, rowCount: number): number {
  const whole = rowCount >> 3;
  let count = 0;
  for (let i = 0; i < whole; i++) count += POPCOUNT[bits[i] as number] as number;
  const rest = rowCount & 7;
  return rest === 0 ? count : count + (POPCOUNT[(bits[whole] as number) & ((1 << rest) - 1)] as number);
}

/** Zeroes the bits past the last row, in place. */
export function clearTail(bits: Uint8Array, rowCount: number): void {
  if ((rowCount & 7) !== 0) bits[rowCount >> 3] = (bits[rowCount >> 3] as number) & ((1 << (rowCount & 7)) - 1);
}

/** A bitmap of `rowCount` set bits. */
export function fullBits(rowCount: number): Uint8Array {
  const bits = new Uint8Array((rowCount + 7) >> 3).fill(255);
  clearTail(bits, rowCount);
  return bits;
}

/** A validity from bits; drops them when no row is null. */
export function validityFrom(bits: Uint8Array, rowCount: number): Validity {
  const nullCount = rowCount - countBits(bits, rowCount);
  return nullCount === 0 ? ALL_PRESENT : { bits, nullCount };
}

function ownValidity(vector: Vector): Validity {
  const bits = vector.buffers[0];
  if (vector.nullCount === 0 || bits === undefined || bits.byteLength === 0) return ALL_PRESENT;
  return { bits, nullCount: vector.nullCount };
}

function fromRows(rowCount: number, presentAt: (row: number) => boolean): Validity {
  const bits = new Uint8Array((rowCount + 7) >> 3);
  for (let i = 0; i < rowCount; i++) {
    if (presentAt(i)) bits[i >> 3] = (bits[i >> 3] as number) | (1 << (i & 7));
  }
  return validityFrom(bits, rowCount);
}

function indexAt(vector: Vector, row: number): number {
  const bytes = vector.buffers[1] as Uint8Array;
  const type = vector.type;
  const width = type.id === 'dictionary' ? type.index.bitWidth / 8 : 4;
  let value = 0;
  for (let k = Math.min(width, 4) - 1; k >= 0; k--) value = value * 256 + (bytes[row * width + k] as number);
  return value;
}

/** Whether each row has a value, encodings looked through. The bits may be a view on the vector's own buffer. */
export function validityOf(vector: Vector): Validity {
  const type = vector.type;
  switch (type.id) {
    case 'null':
      return { bits: new Uint8Array((vector.length + 7) >> 3), nullCount: vector.length };
    case 'dictionary': {
      const values = vector.dictionary;
      if (values === undefined || validityOf(values).bits === undefined) return ownValidity(vector);
      const inner = validityOf(values).bits as Uint8Array;
      return fromRows(vector.length, (row) => isPresent(vector, row) && bitAt(inner, indexAt(vector, row)));
    }
    case 'run_end': {
      const inner = validityOf(vector.children[1] as Vector).bits;
      if (inner === undefined) return ALL_PRESENT;
      const runs = runIndexes(vector);
      return fromRows(vector.length, (row) => bitAt(inner, runs[row] as number));
    }
    case 'union': {
      const inner = vector.children.map((child) => validityOf(child).bits);
      const dense = type.mode === 'dense' ? (vector.buffers[1] as Uint8Array) : undefined;
      const starts = dense === undefined ? undefined : new DataView(dense.buffer, dense.byteOffset, dense.byteLength);
      const typeIds = vector.buffers[0] as Uint8Array;
      return fromRows(vector.length, (row) => {
        const bits = inner[type.typeIds.indexOf(((typeIds[row] as number) << 24) >> 24)];
        return bits === undefined || bitAt(bits, starts === undefined ? row : starts.getInt32(row * 4, true));
      });
    }
    default:
      return ownValidity(vector);
  }
}

/** The bit of `row`. */
export function bitAt(bits: Uint8Array, row: number): boolean {
  return (((bits[row >> 3] as number) >> (row & 7)) & 1) === 1;
}

/** Rows that are present in every one of the vectors. */
export function mergeValidity(vectors: readonly Vector[], rowCount: number): Validity {
  let merged: Validity = ALL_PRESENT;
  let owned = false;
  for (const vector of vectors) {
    const next = validityOf(vector);
    if (next.bits === undefined) continue;
    if (merged.bits === undefined) {
      merged = next;
      continue;
    }
    const byteCount = (rowCount + 7) >> 3;
    const into = owned ? merged.bits : merged.bits.slice(0, byteCount);
    for (let i = 0; i < byteCount; i++) into[i] = (into[i] as number) & (next.bits[i] as number);
    merged = { bits: into, nullCount: 0 };
    owned = true;
  }
  return merged.bits === undefined || !owned ? merged : validityFrom(merged.bits, rowCount);
}

/** A copy that may be written: the validity's bits, or all set. */
export function writableBits(validity: Validity, rowCount: number): Uint8Array {
  if (validity.bits === undefined) return fullBits(rowCount);
  const bits = validity.bits.slice(0, (rowCount + 7) >> 3);
  clearTail(bits, rowCount);
  return bits;
}

/** A validity less the rows of which `isGone` holds. */
export function withoutRows(validity: Validity, rowCount: number, isGone: (row: number) => boolean): Validity {
  let bits: Uint8Array | undefined;
  for (let i = 0; i < rowCount; i++) {
    if (!isGone(i)) continue;
    bits ??= writableBits(validity, rowCount);
    bits[i >> 3] = (bits[i >> 3] as number) & ~(1 << (i & 7));
  }
  return bits === undefined ? validity : validityFrom(bits, rowCount);
}
