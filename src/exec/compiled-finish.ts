/**
 * Cells to columns: what aggregates answer.
 *
 * Hides how sums are put together. Invariants: results and errors are those of function/aggregate-*; a group without a
 * present value is null, except for counts.
 */
import type { DataType } from '../arrow/type.ts';
import type { Vector } from '../arrow/vector.ts';
import { decimalSumError, integerSumError } from '../function/aggregate-sum.ts';
import { bytesOf, vectorFromNumbers, vectorOf } from '../function/column.ts';
import type { Validity } from '../function/validity.ts';
import { ALL_PRESENT, validityFrom } from '../function/validity.ts';
import type { Cell, CompiledCall } from './compiled-cells.ts';
import { widthOf } from './compiled-value.ts';

const TWO_32 = 4294967296;
/** Sums of high halves below this are exact as doubles, carry included. */
const HIGH_SAFE = 2 ** 20;

/** Cells of all groups: cell `c` of group g has its words from `at(c) + g × stride` on, in 32-bit words. */
export interface CellView {
  readonly words: Int32Array;
  readonly doubles: Float64Array;
  readonly groupCount: number;
  /** 32-bit words from one group to the next. */
  readonly stride: number;
  readonly at: (cell: Cell) => number;
}

/** Which groups have a value. */
function presence(view: CellView, count: Cell | undefined): Validity {
  if (count === undefined) return ALL_PRESENT;
  const { words, groupCount, stride } = view;
  const bits = new Uint8Array((groupCount + 7) >> 3);
  for (let g = 0, at = view.at(count); g < groupCount; g++, at += stride) {
    if (((words[at] as number) | (words[at + 1] as number)) !== 0)
      bits[g >> 3] = (bits[g >> 3] as number) | (1 << (g & 7));
  }
  return validityFrom(bits, groupCount);
}

/** Words of each group side by side. */
function gatherWords(view: CellView, cell: Cell, count: number): Int32Array<ArrayBuffer> {
  const { words, groupCount, stride } = view;
  const out = new Int32Array(groupCount * count);
  for (let g = 0, at = view.at(cell); g < groupCount; g++, at += stride) {
    for (let k = 0; k < count; k++) out[g * count + k] = words[at + k] as number;
  }
  return out;
}

function gatherDoubles(view: CellView, cell: Cell): Float64Array<ArrayBuffer> {
  const { doubles, groupCount, stride } = view;
  const out = new Float64Array(groupCount);
  for (let g = 0, at = view.at(cell) / 2; g < groupCount; g++, at += stride / 2) out[g] = doubles[at] as number;
  return out;
}

function bigWord(words: Int32Array, at: number): bigint {
  return (BigInt(words[at + 1] as number) << 32n) + BigInt((words[at] as number) >>> 0);
}

/** A sum as an integer: the sums of its parts, each 32 bits further on. */
function exactSum({ words }: CellView, cell: Cell, at: number): bigint {
  let sum = 0n;
  for (let k = cell.words - 1; k >= 0; k--) {
    sum = (sum << 32n) + bigWord(words, at + 2 * k);
  }
  return sum;
}

/** The sum above its low 32 bits, as a double; undefined when that would not be exact. */
function highPart({ words }: CellView, cell: Cell, at: number): number | undefined {
  const carry = words[at + 1] as number;
  if (cell.words === 1) return carry;
  const top = cell.unsigned ? (words[at + 3] as number) >>> 0 : (words[at + 3] as number);
  if (Math.abs(top) >= HIGH_SAFE) return undefined;
  return top * TWO_32 + ((words[at + 2] as number) >>> 0) + (carry >>> 0);
}

function integerSums(view: CellView, cell: Cell, type: DataType, validity: Validity): Vector {
  const { words, groupCount, stride } = view;
  const low = cell.unsigned ? 0 : -0x80000000;
  const out = new Int32Array(groupCount * 2);
  for (let g = 0, at = view.at(cell); g < groupCount; g++, at += stride) {
    const high = highPart(view, cell, at);
    if (high === undefined || high < low || high >= low + TWO_32)
      throw integerSumError(type, exactSum(view, cell, at));
    out[2 * g] = words[at] as number;
    out[2 * g + 1] = high;
  }
  return vectorOf(type, groupCount, validity, bytesOf(out));
}

/** A sum of decimals whose upper halves are all 0, as a double; undefined when that would not be exact. */
function smallSum({ words }: CellView, at: number): number | undefined {
  const high = words[at + 3] as number;
  const second = high * TWO_32 + ((words[at + 2] as number) >>> 0);
  if (((words[at + 4] as number) | (words[at + 5] as number)) !== 0) return undefined;
  if (((words[at + 6] as number) | (words[at + 7] as number)) !== 0) return undefined;
  if (Math.abs(words[at + 1] as number) >= HIGH_SAFE || Math.abs(second) >= HIGH_SAFE) return undefined;
  return second * TWO_32 + (words[at + 1] as number) * TWO_32 + ((words[at] as number) >>> 0);
}

function decimalSums(view: CellView, cell: Cell, type: DataType, validity: Validity): Vector {
  const { groupCount, stride } = view;
  const bound = 10n ** BigInt(type.id === 'decimal' ? type.precision : 0);
  const out = new BigInt64Array(groupCount * 2);
  const halves = new Int32Array(out.buffer);
  for (let g = 0, at = view.at(cell); g < groupCount; g++, at += stride) {
    // A sum has as many digits as its width allows, more than any double that is exact.
    const small = smallSum(view, at);
    if (small !== undefined) {
      const high = Math.floor(small / TWO_32);
      halves[4 * g] = small;
      halves[4 * g + 1] = high;
      halves[4 * g + 2] = high >> 31;
      halves[4 * g + 3] = high >> 31;
      continue;
    }
    const sum = exactSum(view, cell, at);
    if (sum >= bound || sum <= -bound) throw decimalSumError(type);
    out[2 * g] = BigInt.asIntN(64, sum);
    out[2 * g + 1] = sum >> 64n;
  }
  return vectorOf(type, groupCount, validity, bytesOf(out));
}

function averages(view: CellView, cell: Cell, count: Cell, argument: DataType, validity: Validity): Vector {
  const { words, groupCount, stride } = view;
  const divisor = argument.id === 'decimal' ? 10 ** argument.scale : 1;
  const sums = cell.form === 'float' ? gatherDoubles(view, cell) : new Float64Array(groupCount);
  const counts = view.at(count);
  for (let g = 0, at = view.at(cell); g < groupCount; g++, at += stride) {
    if (cell.form !== 'float') {
      const high = cell.form === 'decimal' ? undefined : highPart(view, cell, at);
      sums[g] = high === undefined ? Number(exactSum(view, cell, at)) : high * TWO_32 + ((words[at] as number) >>> 0);
    }
    const rows = (words[counts + g * stride + 1] as number) * TWO_32 + ((words[counts + g * stride] as number) >>> 0);
    sums[g] = (sums[g] as number) / rows / divisor;
  }
  return vectorFromNumbers({ id: 'float', bitWidth: 64 }, sums, groupCount, validity);
}

function extremes(view: CellView, cell: Cell, type: DataType, validity: Validity): Vector {
  const { groupCount } = view;
  if (cell.form === 'float') return vectorFromNumbers(type, gatherDoubles(view, cell), groupCount, validity);
  const width = widthOf(type);
  const words = gatherWords(view, cell, Math.max(width / 4, 1));
  if (width >= 4) return vectorOf(type, groupCount, validity, bytesOf(words));
  return vectorFromNumbers(type, Float64Array.from(words), groupCount, validity);
}

/** The column of one aggregate. @throws `value_error` when a sum does not fit its type */
export function finishCall(view: CellView, cells: readonly Cell[], { call, cell, count }: CompiledCall): Vector {
  const own = cells[cell] as Cell;
  const counted = count === undefined ? undefined : cells[count];
  const validity = presence(view, counted);
  const argument = call.args[0]?.type ?? { id: 'null' };
  switch (call.name) {
    case 'count':
      return vectorOf(call.type, view.groupCount, ALL_PRESENT, bytesOf(gatherWords(view, own, 2)));
    case 'sum':
      if (own.form === 'float') {
        return vectorFromNumbers(call.type, gatherDoubles(view, own), view.groupCount, validity);
      }
      return (own.form === 'decimal' ? decimalSums : integerSums)(view, own, call.type, validity);
    case 'avg':
      return averages(view, own, counted as Cell, argument, validity);
    default:
      return extremes(view, own, call.type, validity);
  }
}
