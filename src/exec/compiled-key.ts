/**
 * Keys of groups that code cannot compute, as words of 64 bits that it compares.
 *
 * Hides the numbering. Invariants: equal values have equal words across batches, different ones different words; null
 * is a value. Text and binary of up to seven bytes is its own word, with its length in the top byte; whatever is longer
 * is numbered, under a top byte that no length has; so the words of short text cost no table.
 */
import type { DataType } from '../arrow/type.ts';
import type { Vector } from '../arrow/vector.ts';
import { byteRowsOf } from '../function/byte-rows.ts';
import { bytesOf, formOf, vectorOf } from '../function/column.ts';
import { BytesTable, ColumnKeys } from '../function/key-table.ts';
import { flatType } from '../function/signature.ts';
import { ALL_PRESENT, bitAt, validityOf } from '../function/validity.ts';

const INT64: DataType = { id: 'int', bitWidth: 64, signed: true };
const PACKED_BYTES = 7;
/** The upper half of the word of a numbered value, and of null. */
const NUMBERED = -16_777_216;
const NULL = -1;

function isPlainBytes(type: DataType): boolean {
  return type.id !== 'dictionary' && formOf(type).kind === 'bytes';
}

/** True when values of `type` can be told apart. */
export function hasWords(type: DataType): boolean {
  return type.id === 'null' || formOf(flatType(type)).kind !== 'none';
}

/** Makes the words of one key. */
export class WordKeys {
  readonly #table: BytesTable | undefined;
  readonly #keys: ColumnKeys | undefined;
  #words = new Int32Array(0);

  /** `type` is one that `hasWords`. */
  constructor(type: DataType) {
    if (isPlainBytes(type)) this.#table = new BytesTable();
    else this.#keys = new ColumnKeys(type);
  }

  get byteCount(): number {
    return this.#table?.byteCount ?? this.#keys?.byteCount ?? 0;
  }

  /** A word for each row, as int64 without nulls; good until the next call. */
  words(vector: Vector): Vector {
    if (this.#words.length < vector.length * 2) this.#words = new Int32Array(vector.length * 2);
    const words = this.#words.subarray(0, vector.length * 2);
    if (this.#table !== undefined) this.#pack(vector, this.#table, words);
    else {
      const numbers = (this.#keys as ColumnKeys).number(vector, vector.length);
      for (let i = 0; i < numbers.length; i++) {
        words[2 * i] = numbers[i] as number;
        words[2 * i + 1] = 0;
      }
    }
    return vectorOf(INT64, vector.length, ALL_PRESENT, bytesOf(words));
  }

  #pack(vector: Vector, table: BytesTable, words: Int32Array): void {
    const { buffers, which, starts, ends } = byteRowsOf(vector);
    const present = validityOf(vector).bits;
    let buffer = buffers[0] as Uint8Array;
    for (let i = 0; i < vector.length; i++) {
      if (present !== undefined && !bitAt(present, i)) {
        words[2 * i] = NULL;
        words[2 * i + 1] = NULL;
        continue;
      }
      if (which !== undefined) buffer = buffers[which[i] as number] as Uint8Array;
      const start = starts[i] as number;
      const length = (ends[i] as number) - start;
      if (length === 1) {
        words[2 * i] = buffer[start] as number;
        words[2 * i + 1] = 1 << 24;
        continue;
      }
      if (length > PACKED_BYTES) {
        words[2 * i] = table.numberOf(buffer, start, start + length, false);
        words[2 * i + 1] = NUMBERED;
        continue;
      }
      let low = 0;
      let high = length << 24;
      for (let k = 0; k < length; k++) {
        const byte = buffer[start + k] as number;
        if (k < 4) low |= byte << (8 * k);
        else high |= byte << (8 * k - 32);
      }
      words[2 * i] = low;
      words[2 * i + 1] = high;
    }
  }
}
