/**
 * What a column builder is, and the bitmap that all of them keep.
 *
 * Hides the bits. Invariants: a row that was never marked is null; `finish` begins anew.
 */
import type { DataType } from '../arrow/type.ts';
import type { Vector } from '../arrow/vector.ts';

/** Turns text into one column, a batch at a time. */
export interface ColumnBuilder {
  readonly type: DataType;
  /** True when an empty quoted cell is a value (text) and not a null. */
  readonly isText: boolean;
  /** Makes room for `rows` rows in all. */
  reserve(rows: number): void;
  /** Sets `row` from bytes[start, end); false when they do not fit the type. */
  set(row: number, bytes: Uint8Array, start: number, end: number): boolean;
  /** The column of rows [0, count): rows never set are null. */
  finish(count: number): Vector;
}

/** Bits of validity for rows set so far. */
export class Validity {
  #bits = new Uint8Array(0);

  reserve(rows: number): void {
    if (this.#bits.byteLength * 8 >= rows) return;
    const grown = new Uint8Array(Math.ceil(rows / 8));
    grown.set(this.#bits);
    this.#bits = grown;
  }

  mark(row: number): void {
    this.#bits[row >> 3] = (this.#bits[row >> 3] ?? 0) | (1 << (row & 7));
  }

  /** Hands over the bitmap of [0, count) and its nulls; undefined when there are none. */
  finish(count: number): { readonly bits: Uint8Array | undefined; readonly nullCount: number } {
    let marked = 0;
    const bytes = Math.ceil(count / 8);
    for (let i = 0; i < bytes; i++) {
      for (let byte = this.#bits[i] ?? 0; byte !== 0; byte &= byte - 1) marked++;
    }
    const bits = this.#bits.slice(0, bytes);
    this.#bits.fill(0);
    return { bits: marked === count ? undefined : bits, nullCount: count - marked };
  }
}
