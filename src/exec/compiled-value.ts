/**
 * Values in generated code: how a SQL type lies in locals, and what one row's code can reach.
 *
 * Hides addresses and null bits. There are four forms: `int` (an i64: integers of every width, dates, times,
 * timestamps, durations), `float` (an f64; float32 is rounded after each operation), `bool` (an i32, 0 or 1) and
 * `decimal` (two i64, low word first, or one where the value is known to fit). Invariants: a row that counts is no
 * greater than its `bound` says; `present` is 0 or 1, undefined where no row is null; the words of an
 * absent row may hold anything; code has no branches, so every argument is computed for every row, and only `fail`
 * looks at whether the row counts.
 */
import { TYPE_TABLE } from '../arrow/type.ts';
import type { DataType } from '../arrow/type.ts';
import { assert } from '../base/assert.ts';
import { binary, get, i32Const, i64Const, load, select, unary } from '../codegen/code.ts';
import type { Code, FunctionBuilder, Local, ValueType } from '../codegen/code.ts';
import { f64, i32, i64 } from './compiled-vocabulary.ts';

export type LaneForm = 'int' | 'float' | 'bool' | 'decimal';

/** How values of a type lie in locals; undefined for types that are not compiled. */
export function laneForm(type: DataType): LaneForm | undefined {
  switch (type.id) {
    case 'bool':
      return 'bool';
    case 'int':
    case 'date':
    case 'time':
    case 'timestamp':
    case 'duration':
      return 'int';
    case 'float':
      return type.bitWidth === 16 ? undefined : 'float';
    case 'decimal':
      return type.bitWidth === 128 ? 'decimal' : undefined;
    default:
      return undefined;
  }
}

/** True for uint64, the one integer that an i64 does not hold with its sign. */
export function isUnsigned64(type: DataType): boolean {
  return type.id === 'int' && type.bitWidth === 64 && !type.signed;
}

/** A value of one row. */
export interface Value {
  readonly form: LaneForm;
  /** One, or two for a decimal that may not fit one. */
  readonly words: readonly Code[];
  readonly present: Code<'i32'> | undefined;
  /** Of a decimal: no unscaled value of a row that counts is farther from 0. */
  readonly bound?: bigint;
}

/** What 128 bits hold. */
export const WIDE_BOUND = 1n << 127n;

/** True when one signed word holds everything up to `bound`. */
export function isNarrow(bound: bigint): boolean {
  return bound < 1n << 63n;
}

/** A decimal of two words, of which one is dropped when `bound` makes it superfluous. */
export function decimalValue(words: readonly Code[], bound: bigint, present: Code<'i32'> | undefined): Value {
  return { form: 'decimal', words: isNarrow(bound) ? words.slice(0, 1) : words, present, bound };
}

export function boundOf(value: Value): bigint {
  return value.bound ?? WIDE_BOUND;
}

export function intValue(code: Code<'i64'>, present: Code<'i32'> | undefined): Value {
  return { form: 'int', words: [code], present };
}

export function floatValue(code: Code<'f64'>, present: Code<'i32'> | undefined): Value {
  return { form: 'float', words: [code], present };
}

export function boolValue(code: Code<'i32'>, present: Code<'i32'> | undefined): Value {
  return { form: 'bool', words: [code], present };
}

function word<T extends ValueType>(value: Value, index: number, type: T): Code<T> {
  const code = value.words[index];
  assert(code?.type === type, () => `a ${value.form} has no word ${index.toString()} of ${type}`);
  return code as Code<T>;
}

export function intOf(value: Value): Code<'i64'> {
  return word(value, 0, 'i64');
}

export function floatOf(value: Value): Code<'f64'> {
  return word(value, 0, 'f64');
}

export function boolOf(value: Value): Code<'i32'> {
  return word(value, 0, 'i32');
}

/** Low and high word. */
export function decimalOf(value: Value): readonly [Code<'i64'>, Code<'i64'>] {
  const low = word(value, 0, 'i64');
  return [low, value.words.length === 1 ? i64.shr_s(low, i64Const(63n)) : word(value, 1, 'i64')];
}

/** The one word of a decimal that is known to fit it. */
export function narrowOf(value: Value): Code<'i64'> {
  assert(value.words.length === 1, 'a decimal of two words is not narrow');
  return word(value, 0, 'i64');
}

/** All words of a value, a decimal's always two. */
export function allWords(value: Value): readonly Code[] {
  return value.form === 'decimal' ? decimalOf(value) : value.words;
}

/** Both, where undefined is always true. */
export function both(a: Code<'i32'> | undefined, b: Code<'i32'> | undefined): Code<'i32'> | undefined {
  if (a === undefined) return b;
  return b === undefined || a === b ? a : i32.and(a, b);
}

/** True where `present` is, and `value` too. */
export function trueOf(value: Value): Code<'i32'> {
  return both(boolOf(value), value.present) ?? i32Const(1);
}

/** All bits where `condition` holds, else none. */
export function maskOf(condition: Code<'i32'>): Code<'i64'> {
  return i64.sub(i64Const(0n), unary<'i32', 'i64'>('i64.extend_i32_u', 'i64')(condition));
}

/** `a` where `condition` holds, else `b`; both have one form. */
export function choose(condition: Code<'i32'>, a: Value, b: Value): Value {
  const isSame = a.words.length === b.words.length;
  const [x, y] = isSame ? [a.words, b.words] : [allWords(a), allWords(b)];
  const words = x.map((code, i) => select(condition, code, y[i] as Code));
  const isAlways = a.present === undefined && b.present === undefined;
  const present = isAlways ? undefined : select(condition, a.present ?? i32Const(1), b.present ?? i32Const(1));
  if (a.form !== 'decimal') return { form: a.form, words, present };
  const bound = boundOf(a) > boundOf(b) ? boundOf(a) : boundOf(b);
  return decimalValue(words, bound, present);
}

/** Where a column of a block lies in memory. */
export interface SlotPlace {
  readonly type: DataType;
  /**
   * value: rows of the type; code: indexes of a dictionary; key: int64 numbers of values; validity: only which rows
   * are present; text: offsets.
   */
  readonly mode: 'value' | 'code' | 'key' | 'validity' | 'text';
  readonly data: number;
  /** The validity bitmap; undefined where no row can be null. */
  readonly validity: number | undefined;
  /** Of decimals: how many bits, without the sign, the values of a block need at most; 127 unless it was measured. */
  readonly bits?: number;
}

const INT_LOADS = {
  1: ['i64.load8_u', 'i64.load8_s'],
  2: ['i64.load16_u', 'i64.load16_s'],
  4: ['i64.load32_u', 'i64.load32_s'],
  8: ['i64.load', 'i64.load'],
} as const;
const CODE_LOADS = { 1: 'i32.load8_u', 2: 'i32.load16_u', 4: 'i32.load', 8: 'i32.load' } as const;

/** Bytes of a row of a fixed-width type. */
export function widthOf(type: DataType): 1 | 2 | 4 | 8 | 16 {
  return TYPE_TABLE[type.id].byteWidth(type) as 1 | 2 | 4 | 8 | 16;
}

function isSigned(type: DataType): boolean {
  return type.id !== 'int' || type.signed;
}

/** True for text and binary that lie as offsets and bytes. */
export function hasOffsets({ id }: DataType): boolean {
  return id === 'utf8' || id === 'large_utf8' || id === 'binary' || id === 'large_binary';
}

/** Bytes of an offset of text or binary. */
export function offsetWidth(type: DataType): 4 | 8 {
  return type.id === 'large_utf8' || type.id === 'large_binary' ? 8 : 4;
}

/** What generated code may reach on its way through one row. */
export class RowScope {
  readonly fn: FunctionBuilder;
  /** Not 0 once a row that counts has failed; undefined where nothing can. */
  readonly #failed: Local<'i32'>;
  readonly #slots: readonly SlotPlace[];
  readonly #params: readonly (readonly Code[])[];
  readonly #row: Code<'i32'>;
  /** Added to `#row`, which is a multiple of 8 or this is 0. */
  readonly #step: number;
  readonly #loaded = new Map<number, Value>();

  constructor(
    fn: FunctionBuilder,
    failed: Local<'i32'>,
    slots: readonly SlotPlace[],
    params: readonly (readonly Code[])[],
    row: Code<'i32'>,
    step = 0,
  ) {
    this.fn = fn;
    this.#failed = failed;
    this.#slots = slots;
    this.#params = params;
    this.#row = row;
    this.#step = step;
  }

  bind<T extends ValueType>(code: Code<T>, name: string): Code<T> {
    return this.fn.bind(code, name);
  }

  /** A value whose words are computed once. */
  bound(value: Value, name: string): Value {
    const words = value.words.map((code) => this.bind(code, name));
    return {
      ...value,
      words,
      present: value.present === undefined ? undefined : this.bind(value.present, `${name}_p`),
    };
  }

  /** Notes that the row fails where `condition` holds and `active` and `present` do. */
  fail(condition: Code<'i32'>, ...when: readonly (Code<'i32'> | undefined)[]): void {
    const counted = when.reduce(both, condition) as Code<'i32'>;
    this.fn.set(this.#failed, i32.or(get(this.#failed), counted));
  }

  param(index: number): readonly Code[] {
    const words = this.#params[index];
    assert(words !== undefined, () => `there is no parameter ${index.toString()}`);
    return words;
  }

  #bit(address: number): Code<'i32'> {
    const byte = load('i32', 'i32.load8_u', i32.shr_u(this.#row, i32Const(3)), address);
    const place = i32.and(this.#row, i32Const(7));
    const shift = this.#step === 0 ? place : i32.add(place, i32Const(this.#step));
    return i32.and(i32.shr_u(byte, shift), i32Const(1));
  }

  #at(width: number): Code<'i32'> {
    const shift = Math.log2(width);
    return shift === 0 ? this.#row : i32.shl(this.#row, i32Const(shift));
  }

  /** Which rows of a column are present. */
  #presence({ validity }: SlotPlace): Code<'i32'> | undefined {
    return validity === undefined ? undefined : this.#bit(validity);
  }

  #read(slot: SlotPlace): Value {
    const { type, mode, data } = slot;
    const present = this.#presence(slot);
    if (mode === 'validity') return boolValue(i32Const(1), present);
    if (mode === 'key') return intValue(load('i64', 'i64.load', this.#at(8), data + 8 * this.#step), undefined);
    const width = type.id === 'bool' ? 1 : widthOf(type);
    const offset = data + this.#step * width;
    if (mode === 'code') {
      const op = CODE_LOADS[width as 1 | 2 | 4 | 8];
      return boolValue(load('i32', op, this.#at(width), offset), present);
    }
    switch (laneForm(type)) {
      case 'bool':
        return boolValue(this.#bit(data), present);
      case 'float': {
        if (width === 8) return floatValue(load('f64', 'f64.load', this.#at(8), offset), present);
        return floatValue(f64.promote(load('f32', 'f32.load', this.#at(4), offset)), present);
      }
      case 'decimal': {
        const at = this.#at(16);
        const words = [load('i64', 'i64.load', at, offset), load('i64', 'i64.load', at, offset + 8)];
        return decimalValue(words, 1n << BigInt(slot.bits ?? 127), present);
      }
      default: {
        const op = INT_LOADS[width as 1 | 2 | 4 | 8][isSigned(type) ? 1 : 0];
        return intValue(load('i64', op, this.#at(width), offset), present);
      }
    }
  }

  /** The row's byte of those that stand from `address` on, one a row. */
  byteAt(address: number): Code<'i32'> {
    return load('i32', 'i32.load8_u', this.#row, address + this.#step);
  }

  /** Where a column's text begins and ends, as offsets of 32 bits; which rows are present. */
  textOffsets(index: number): readonly [Code<'i32'>, Code<'i32'>, Code<'i32'> | undefined] {
    const slot = this.#slots[index];
    assert(slot?.mode === 'text', () => `there is no text ${index.toString()}`);
    const width = offsetWidth(slot.type);
    const place = slot.data + width * this.#step;
    const at = this.#at(width);
    return [load('i32', 'i32.load', at, place), load('i32', 'i32.load', at, place + width), this.#presence(slot)];
  }

  /** A column's value, or the index into its dictionary as a `bool` word, loaded once. */
  slot(index: number): Value {
    let value = this.#loaded.get(index);
    if (value === undefined) {
      const place = this.#slots[index];
      assert(place !== undefined, () => `there is no column ${index.toString()}`);
      value = this.bound(this.#read(place), 'c');
      this.#loaded.set(index, value);
    }
    return value;
  }
}

/** The bits of a double by which equal values are equal: -0 as 0, every NaN as one. */
export function canonicalBits(value: Code<'f64'>): Code<'i64'> {
  const bits = unary<'f64', 'i64'>('i64.reinterpret_f64', 'i64')(f64.add(value, f64.const(0)));
  return select(binary<'f64', 'i32'>('f64.eq', 'i32')(value, value), bits, i64Const(0x7ff8000000000000n));
}
