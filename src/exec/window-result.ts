/**
 * What a call over a window yields, and how results are written.
 *
 * Hides the two forms: values in the input's order, or a vector with the place of each row's value in it. Invariant: a
 * result is by row of the input, while its makers go by place of the sorted order.
 */
import { nullVector } from '../arrow/null-vector.ts';
import { sliceVector } from '../arrow/slice.ts';
import type { DataType } from '../arrow/type.ts';
import type { Vector } from '../arrow/vector.ts';
import { bytesOf, vectorOf } from '../function/column.ts';
import { INT64 } from '../function/signature.ts';
import { ALL_PRESENT, validityFrom } from '../function/validity.ts';
import { gather, NO_ROW } from '../function/gather.ts';
import { joinParts } from './join.ts';
import type { WindowOrder } from './window-order.ts';
import { inPieces } from './work.ts';
import type { Work } from './work.ts';

const TWO_32 = 4294967296;

/** The values of one call. */
export interface WindowResult {
  readonly vector: Vector;
  /** For each row of the input its value's place in the vector; undefined when that is the row's own. */
  readonly rows: Uint32Array | undefined;
}

/** The values of rows `start` to `end` of the input. */
export function sliceResult({ vector, rows }: WindowResult, start: number, end: number): Vector {
  return rows === undefined ? sliceVector(vector, start, end) : gather(vector, rows.subarray(start, end));
}

/** Values by place of the sorted order, where those of all rows stand in it. */
export function* placedResult({ order: rows }: WindowOrder, vector: Vector): Work<WindowResult> {
  const places = new Uint32Array(rows.length);
  yield* inPieces(rows.length, (from, to) => {
    for (let i = from; i < to; i++) places[rows[i] as number] = i;
  });
  return { vector, rows: places };
}

/** Whole numbers, below 2^53 in size, as int64. `present`: a flag for each; undefined when all are. */
export function int64Result(numbers: Float64Array, present?: Uint8Array): WindowResult {
  const words = new Int32Array(numbers.length * 2);
  for (let i = 0; i < numbers.length; i++) {
    const high = Math.floor((numbers[i] as number) / TWO_32);
    words[2 * i] = (numbers[i] as number) - high * TWO_32;
    words[2 * i + 1] = high;
  }
  return { vector: vectorOf(INT64, numbers.length, validityOf(present), bytesOf(words)), rows: undefined };
}

/** The validity of rows by their flags. */
export function validityOf(present: Uint8Array | undefined): { bits: Uint8Array | undefined; nullCount: number } {
  if (present === undefined) return ALL_PRESENT;
  const bits = new Uint8Array((present.length + 7) >> 3);
  for (let i = 0; i < present.length; i++)
    if (present[i] === 1) bits[i >> 3] = (bits[i >> 3] as number) | (1 << (i & 7));
  return validityFrom(bits, present.length);
}

/** Values of rows of the input, `rows` by row, NO_ROW meaning null. `type` is the values'. */
export function takenResult(values: Vector, rows: Uint32Array, type: DataType): WindowResult {
  const nothing = values.length;
  let missing = false;
  for (let i = 0; i < rows.length; i++) {
    if (rows[i] !== NO_ROW) continue;
    rows[i] = nothing;
    missing = true;
  }
  return { vector: missing ? joinParts([values, nullVector(type, 1)]) : values, rows };
}
