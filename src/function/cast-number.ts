/**
 * Casts among booleans, integers, floats and decimals.
 *
 * Hides ranges and rounding. Invariants: floats round half to even, decimals half away from zero (DuckDB); what does
 * not fit the target, NaN and infinities for integers included, fails its row; finite values never become infinite.
 */
import { TYPE_TABLE } from '../arrow/type.ts';
import type { DataType } from '../arrow/type.ts';
import type { Vector } from '../arrow/vector.ts';
import { castRows } from './cast-row.ts';
import type { CastTask } from './cast-row.ts';
import { bitsOf, bytesOf, formOf, numbersOf, vectorFromNumbers, vectorOf, wordsOf } from './column.ts';
import { bigintOfWords } from './constant.ts';
import type { Kernel } from './contract.ts';
import {
  decimalText,
  decimalValues,
  rescale,
  SMALL_END,
  smallDecimals,
  storeDecimal,
  storeSmall,
} from './decimal.ts';
import { roundEven } from './half.ts';
import { floatText } from './number-text.ts';
import { bitAt, validityOf } from './validity.ts';

const TWO_32 = 4294967296;

/** Least and greatest value of an integer type of up to 32 bits. */
function rangeOf(type: DataType): readonly [number, number] {
  if (type.id !== 'int') return [-0x80000000, 0x7fffffff];
  return type.signed ? [-(2 ** (type.bitWidth - 1)), 2 ** (type.bitWidth - 1) - 1] : [0, 2 ** type.bitWidth - 1];
}

/** How a source row is shown in a message. */
function rowShower(vector: Vector): (row: number) => string {
  const { type } = vector;
  if (type.id === 'decimal') {
    const values = decimalValues(vector);
    return (row) => decimalText(values(row), type.scale);
  }
  if (formOf(type).kind === 'words') {
    const values = decimalValues(vector);
    return (row) => values(row).toString();
  }
  const numbers = numbersOf(vector);
  return (row) => (type.id === 'float' ? floatText(numbers[row] as number, type.bitWidth) : String(numbers[row]));
}

/** Booleans are 0 and 1. */
const boolToNumber: Kernel = ([vector], rowCount, type) => {
  const bits = bitsOf(vector as Vector);
  const numbers = new Float64Array(rowCount);
  for (let i = 0; i < rowCount; i++) numbers[i] = bitAt(bits, i) ? 1 : 0;
  return vectorFromNumbers(type, numbers, rowCount, validityOf(vector as Vector));
};

function boolTo(task: CastTask): Kernel {
  const form = formOf(task.to);
  if (form.kind === 'number' && task.to.id !== 'decimal') return boolToNumber;
  const byte: DataType = { id: 'int', bitWidth: 8, signed: true };
  const rest = numberCast({ ...task, from: byte });
  return (args, rowCount, type) => rest([boolToNumber(args, rowCount, byte)], rowCount, type);
}

/** Whatever is not zero is true. */
const toBool: Kernel = ([vector], rowCount, type) => {
  const source = vector as Vector;
  const form = formOf(source.type);
  const bits = new Uint8Array((rowCount + 7) >> 3);
  const numbers = form.kind === 'number' ? numbersOf(source) : undefined;
  const words = form.kind === 'words' ? wordsOf(source) : undefined;
  const count = form.kind === 'words' ? form.words : 0;
  for (let i = 0; i < rowCount; i++) {
    let set = numbers !== undefined && numbers[i] !== 0;
    for (let k = 0; k < count; k++) set ||= words?.[i * count + k] !== 0;
    if (set) bits[i >> 3] = (bits[i >> 3] as number) | (1 << (i & 7));
  }
  return vectorOf(type, rowCount, validityOf(source), bits);
};

/** Up to 32-bit integers and floats among themselves. */
function numberToNumber(task: CastTask): Kernel {
  const { from, to } = task;
  const fromFloat = from.id === 'float';
  const widens = to.id === 'float' ? !fromFloat || to.bitWidth >= from.bitWidth : false;
  const [low, high] = rangeOf(to);
  return ([vector], rowCount, type) => {
    const source = vector as Vector;
    const numbers = numbersOf(source);
    if (widens && to.id === 'float' && to.bitWidth !== 16) {
      return vectorFromNumbers(type, numbers, rowCount, validityOf(source));
    }
    const out = new Float64Array(rowCount);
    const floatMax = to.id === 'float' && to.bitWidth === 16 ? 65_519.99 : 3.4028235677973366e38;
    const convert =
      to.id === 'float'
        ? (row: number): boolean => {
            const value = (out[row] = numbers[row] as number);
            return !Number.isFinite(value) || Math.abs(value) < floatMax;
          }
        : (row: number): boolean => {
            const value = (out[row] = fromFloat ? roundEven(numbers[row] as number) : (numbers[row] as number));
            return value >= low && value <= high;
          };
    const validity = castRows(task, source, rowCount, convert, rowShower(source));
    return vectorFromNumbers(type, out, rowCount, validity);
  };
}

/** Integers and floats to 64-bit integers. */
function numberToInt64(task: CastTask, signed: boolean): Kernel {
  const low = signed ? -(2 ** 63) : 0;
  const high = signed ? 2 ** 63 : 2 ** 64;
  const isFloat = task.from.id === 'float';
  return ([vector], rowCount, type) => {
    const source = vector as Vector;
    const numbers = numbersOf(source);
    const out = new Int32Array(rowCount * 2);
    const convert = (row: number): boolean => {
      const value = isFloat ? roundEven(numbers[row] as number) : (numbers[row] as number);
      if (!(value >= low && value < high)) return false;
      const top = Math.floor(value / TWO_32);
      out[2 * row] = value - top * TWO_32;
      out[2 * row + 1] = top;
      return true;
    };
    const validity = castRows(task, source, rowCount, convert, rowShower(source));
    return vectorOf(type, rowCount, validity, bytesOf(out));
  };
}

/** 64-bit integers as float64, rounded once. */
function doublesOfPairs(words: Int32Array, rowCount: number, signed: boolean): Float64Array {
  const out = new Float64Array(rowCount);
  for (let i = 0; i < rowCount; i++) {
    const high = words[2 * i + 1] as number;
    out[i] = (signed ? high : high >>> 0) * TWO_32 + ((words[2 * i] as number) >>> 0);
  }
  return out;
}

function int64ToNumber(task: CastTask, signed: boolean): Kernel {
  const { to } = task;
  const [low, high] = rangeOf(to);
  return ([vector], rowCount, type) => {
    const source = vector as Vector;
    const out = doublesOfPairs(wordsOf(source), rowCount, signed);
    if (to.id === 'float' && to.bitWidth !== 16) return vectorFromNumbers(type, out, rowCount, validityOf(source));
    const convert = (row: number): boolean => {
      const value = out[row] as number;
      return to.id === 'float' ? Math.abs(value) < 65_519.99 : value >= low && value <= high;
    };
    const validity = castRows(task, source, rowCount, convert, rowShower(source));
    return vectorFromNumbers(type, out, rowCount, validity);
  };
}

/** int64 and uint64 into each other: the bits stay, the top one must be clear. */
function int64ToInt64(task: CastTask): Kernel {
  return ([vector], rowCount, type) => {
    const source = vector as Vector;
    const words = wordsOf(source);
    const fits = (row: number): boolean => (words[2 * row + 1] as number) >= 0;
    const validity = castRows(task, source, rowCount, fits, rowShower(source));
    return vectorOf(type, rowCount, validity, source.buffers[1] as Uint8Array);
  };
}

/** `rescale` in doubles, exact where the answer is below SMALL_END; NaN for what is not computed here. */
function smallRescale(from: number, to: number): (value: number) => number {
  const digits = Math.abs(to - from);
  // 10^15 is below SMALL_END, and so is what half of it is added to.
  if (digits > 15) return () => NaN;
  const factor = 10 ** digits;
  if (to >= from) return (value) => value * factor;
  const most = SMALL_END - factor;
  return (value) => {
    const size = Math.abs(value);
    return size < most ? Math.sign(value) * Math.floor((size + factor / 2) / factor) : NaN;
  };
}

/** Anything exact (integers, decimals) to a decimal, or a decimal to an integer. */
function exactToExact(task: CastTask): Kernel {
  const { from, to } = task;
  const fromScale = from.id === 'decimal' ? from.scale : 0;
  const toScale = to.id === 'decimal' ? to.scale : 0;
  const bits = TYPE_TABLE[to.id].byteWidth(to) * 8;
  const unsigned = to.id === 'int' && !to.signed;
  const high = to.id === 'decimal' ? 10n ** BigInt(to.precision) : 1n << BigInt(unsigned ? bits : bits - 1);
  const low = to.id === 'decimal' ? -high + 1n : unsigned ? 0n : -high;
  const brought = smallRescale(fromScale, toScale);
  const [smallLow, smallHigh] = [Math.max(Number(low), 1 - SMALL_END), Math.min(Number(high), SMALL_END)];
  return ([vector], rowCount, type) => {
    const source = vector as Vector;
    const values = decimalValues(source);
    const smalls = smallDecimals(source);
    const width = Math.max(bits, 32);
    const wide = new Int32Array((rowCount * width) / 32);
    const convert = (row: number): boolean => {
      const small = brought(smalls[row] as number);
      if (small >= smallLow && small < smallHigh) {
        storeSmall(wide, row, width, small);
        return true;
      }
      const value = rescale(values(row), fromScale, toScale);
      if (value < low || value >= high) return false;
      storeDecimal(wide, row, width, value);
      return true;
    };
    const validity = castRows(task, source, rowCount, convert, rowShower(source));
    if (bits >= 32) return vectorOf(type, rowCount, validity, bytesOf(wide));
    return vectorFromNumbers(type, new Float64Array(wide), rowCount, validity);
  };
}

function floatToDecimal(task: CastTask): Kernel {
  const { to } = task;
  if (to.id !== 'decimal') throw new TypeError('a decimal was expected');
  const factor = 10 ** to.scale;
  const bound = 10n ** BigInt(to.precision);
  return ([vector], rowCount, type) => {
    const source = vector as Vector;
    const numbers = numbersOf(source);
    const out = new Int32Array((rowCount * to.bitWidth) / 32);
    const convert = (row: number): boolean => {
      const value = (numbers[row] as number) * factor;
      if (!Number.isFinite(value)) return false;
      const unscaled = BigInt(Math.sign(value) * Math.round(Math.abs(value)));
      if (unscaled >= bound || unscaled <= -bound) return false;
      storeDecimal(out, row, to.bitWidth, unscaled);
      return true;
    };
    const validity = castRows(task, source, rowCount, convert, rowShower(source));
    return vectorOf(type, rowCount, validity, bytesOf(out));
  };
}

/** Decimals as floats: the unscaled integer over a power of ten. */
function decimalToFloat(task: CastTask): Kernel {
  const scale = task.from.id === 'decimal' ? task.from.scale : 0;
  return ([vector], rowCount, type) => {
    const source = vector as Vector;
    const validity = validityOf(source);
    return vectorFromNumbers(type, doublesOfDecimals(source, rowCount, scale), rowCount, validity);
  };
}

/** Powers of ten up to this one are doubles without loss. */
const EXACT_SCALE = 22;

/** The rows of a decimal vector as float64, each the nearest. */
function doublesOfDecimals(source: Vector, rowCount: number, scale: number): Float64Array {
  const form = formOf(source.type);
  const divisor = 10 ** scale;
  const out = form.kind === 'number' ? numbersOf(source).slice() : new Float64Array(rowCount);
  if (form.kind === 'words') {
    const words = wordsOf(source);
    for (let i = 0; i < rowCount; i++) {
      const at = i * form.words;
      const low = words[at] as number;
      const second = words[at + 1] as number;
      let small = second >= -0x200000 && second < 0x200000;
      for (let k = 2; k < form.words; k++) small &&= words[at + k] === second >> 31;
      const isExact = small && scale >= 0 && scale <= EXACT_SCALE;
      // Two numbers that are exact are rounded once; of all others the text is.
      out[i] = isExact
        ? (second * TWO_32 + (low >>> 0)) / divisor
        : Number(`${bigintOfWords(words, at, form.words, true).toString()}e${(-scale).toString()}`);
    }
    return out;
  }
  for (let i = 0; i < rowCount; i++) out[i] = (out[i] as number) / divisor;
  return out;
}

/** The kernel among booleans and numbers. */
export function numberCast(task: CastTask): Kernel {
  const { from, to } = task;
  if (from.id === 'bool') return boolTo(task);
  if (to.id === 'bool') return toBool;
  if (from.id === 'decimal') return to.id === 'float' ? decimalToFloat(task) : exactToExact(task);
  if (to.id === 'decimal') return from.id === 'float' ? floatToDecimal(task) : exactToExact(task);
  const wideFrom = from.id === 'int' && from.bitWidth === 64;
  const wideTo = to.id === 'int' && to.bitWidth === 64;
  if (wideFrom) return wideTo ? int64ToInt64(task) : int64ToNumber(task, from.signed);
  return wideTo ? numberToInt64(task, to.signed) : numberToNumber(task);
}
