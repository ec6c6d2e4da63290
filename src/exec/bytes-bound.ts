/**
 * Rows of text and binary that lie on one side of a bound.
 *
 * Hides layouts, words and dictionaries. Invariants: rows compare by bytes, a prefix before what it begins; null rows
 * are compared too, as whatever stands there. Method: eight bytes of each row are compared as two words; only where
 * they are the bound's, the rest is. A value of a dictionary is compared once.
 */
import type { Vector } from '../arrow/vector.ts';
import { viewOf } from '../base/bytes.ts';
import { byteRowsOf, dictionaryByteRows, indexesOf, rowBytes } from '../function/byte-rows.ts';
import type { ByteRows } from '../function/byte-rows.ts';

/** Bytes that are compared as words. */
const HEAD_BYTES = 8;
/** The first 0 to 4 bytes of a big-endian word. */
const MASKS = Uint32Array.of(0, 0xff000000, 0xffff0000, 0xffffff00, 0xffffffff);

/** Compares bytes [start, end) of `bytes` with `bound`, both beginning alike up to byte `from`. */
function compareFrom(bytes: Uint8Array, start: number, end: number, bound: Uint8Array, from: number): number {
  const length = end - start;
  const shared = length < bound.length ? length : bound.length;
  for (let k = from; k < shared; k++) {
    const difference = (bytes[start + k] as number) - (bound[k] as number);
    if (difference !== 0) return difference;
  }
  return length - bound.length;
}

/** The rows of text or binary of any layout that are before one value or, unless strict, equal to it. */
export class BytesBound {
  readonly #bound: Uint8Array;
  readonly #high: number;
  readonly #low: number;
  readonly #descending: boolean;
  /** The dictionary of the batch before, and what is known of its values. */
  #values: Vector | undefined;
  #known = new Uint8Array(0);

  /** The value is the one row of `one`. */
  constructor(one: Vector, descending: boolean) {
    this.#bound = rowBytes(byteRowsOf(one), 0).slice();
    const head = new Uint8Array(HEAD_BYTES);
    head.set(this.#bound.subarray(0, HEAD_BYTES));
    this.#high = viewOf(head).getUint32(0);
    this.#low = viewOf(head).getUint32(4);
    this.#descending = descending;
  }

  choose(column: Vector, strict: boolean): Uint32Array {
    if (column.type.id === 'dictionary') return this.#byDictionary(column, column.dictionary as Vector, strict);
    const rows = byteRowsOf(column);
    const [bytes] = rows.buffers;
    if (bytes === undefined || rows.which !== undefined) return this.#byRows(rows, column.length, strict);
    return this.#byWords(bytes, rows, column.length, strict);
  }

  /** Rows of one buffer. */
  #byWords(bytes: Uint8Array, { starts, ends }: ByteRows, rowCount: number, strict: boolean): Uint32Array {
    const [bound, high, low, descending] = [this.#bound, this.#high, this.#low, this.#descending];
    const view = viewOf(bytes);
    const chosen = new Uint32Array(rowCount);
    let count = 0;
    for (let i = 0; i < rowCount; i++) {
      const start = starts[i] as number;
      const end = ends[i] as number;
      let head = 0;
      // Words may be read beyond the row, and not beyond the buffer.
      if (start + HEAD_BYTES <= bytes.length) {
        head = end - start < HEAD_BYTES ? end - start : HEAD_BYTES;
        let word = view.getUint32(start);
        if (head < 4) word = (word & (MASKS[head] as number)) >>> 0;
        if (word !== high) {
          if (word < high !== descending) chosen[count++] = i;
          continue;
        }
        word = head <= 4 ? 0 : view.getUint32(start + 4);
        if (head < HEAD_BYTES) word = (word & (MASKS[head - 4] ?? 0)) >>> 0;
        if (word !== low) {
          if (word < low !== descending) chosen[count++] = i;
          continue;
        }
      }
      const difference = compareFrom(bytes, start, end, bound, head);
      if (difference === 0 ? !strict : difference < 0 !== descending) chosen[count++] = i;
    }
    return chosen.subarray(0, count);
  }

  /** Rows of several buffers. */
  #byRows(rows: ByteRows, rowCount: number, strict: boolean): Uint32Array {
    const most = strict ? BEFORE : EQUAL;
    const chosen = new Uint32Array(rowCount);
    let count = 0;
    for (let i = 0; i < rowCount; i++) if (this.#placeOf(rows, i) <= most) chosen[count++] = i;
    return chosen.subarray(0, count);
  }

  #byDictionary(column: Vector, values: Vector, strict: boolean): Uint32Array {
    if (values !== this.#values) {
      this.#values = values;
      this.#known = new Uint8Array(values.length);
    }
    const known = this.#known;
    const rows = dictionaryByteRows(values);
    const indexes = indexesOf(column);
    const most = strict ? BEFORE : EQUAL;
    const chosen = new Uint32Array(column.length);
    let count = 0;
    for (let i = 0; i < column.length; i++) {
      const index = indexes[i] as number;
      let place = known[index] ?? BEHIND;
      if (place === UNKNOWN) known[index] = place = this.#placeOf(rows, index);
      chosen[count] = i;
      if (place <= most) count++;
    }
    return chosen.subarray(0, count);
  }

  #placeOf({ buffers, which, starts, ends }: ByteRows, row: number): number {
    const bytes = buffers[which === undefined ? 0 : (which[row] as number)] as Uint8Array;
    const difference = compareFrom(bytes, starts[row] as number, ends[row] as number, this.#bound, 0);
    if (difference === 0) return EQUAL;
    return difference < 0 === this.#descending ? BEHIND : BEFORE;
  }
}

/** What is known of a dictionary's value. */
const [UNKNOWN, BEFORE, EQUAL, BEHIND] = [0, 1, 2, 3];
