/**
 * min and max.
 *
 * Hides one state per physical form. Invariants: NaN is greater than every other number (so min is NaN only when all
 * are); of -0 and 0 the first seen stays; text and binary compare by bytes.
 */
import { nullVector } from '../arrow/null-vector.ts';
import type { DataType } from '../arrow/type.ts';
import type { Vector } from '../arrow/vector.ts';
import { byteRowsOf, ByteRowsBuilder, compareBytes } from './byte-rows.ts';
import { bitsOf, bytesOf, formOf, numbersOf, vectorFromNumbers, vectorOf, wordsOf } from './column.ts';
import { compareWords } from './value-order.ts';
import type { Accumulator } from './contract.ts';
import { IntervalExtreme } from './interval-extreme.ts';
import { flagBits, grow, growFlags, growWords } from './group-state.ts';
import { bitAt, validityFrom, validityOf } from './validity.ts';

/** Numbers of up to 32 bits, floats, and booleans as 0 and 1. */
class NumberExtreme implements Accumulator {
  readonly #type: DataType;
  readonly #wantsMax: boolean;
  #best = new Float64Array(1);
  #seen = new Uint8Array(1);

  constructor(type: DataType, wantsMax: boolean) {
    this.#type = type;
    this.#wantsMax = wantsMax;
  }

  #numbers(vector: Vector, rowCount: number): Float64Array {
    if (this.#type.id !== 'bool') return numbersOf(vector);
    const bits = bitsOf(vector);
    const numbers = new Float64Array(rowCount);
    for (let i = 0; i < rowCount; i++) numbers[i] = bitAt(bits, i) ? 1 : 0;
    return numbers;
  }

  update(args: readonly Vector[], groups: Uint32Array, rowCount: number, groupCount: number): void {
    this.#best = grow(this.#best, groupCount);
    this.#seen = growFlags(this.#seen, groupCount);
    const vector = args[0] as Vector;
    const present = validityOf(vector).bits;
    const numbers = this.#numbers(vector, rowCount);
    if (groupCount === 1) this.#updateOne(numbers, rowCount, present);
    else this.#updateMany(numbers, groups, rowCount, present);
  }

  /** One loop without groups; NaN is caught by being unequal to itself. */
  #updateOne(numbers: Float64Array, rowCount: number, present: Uint8Array | undefined): void {
    let first = 0;
    if (present !== undefined) while (first < rowCount && !bitAt(present, first)) first++;
    if (first >= rowCount) return;
    let best = this.#seen[0] === 1 ? (this.#best[0] as number) : (numbers[first] as number);
    const wantsMax = this.#wantsMax;
    for (let i = first; i < rowCount; i++) {
      if (present !== undefined && (((present[i >> 3] as number) >> (i & 7)) & 1) === 0) continue;
      const value = numbers[i] as number;
      if (wantsMax ? value > best || value !== value : value < best || best !== best) best = value;
    }
    this.#best[0] = best;
    this.#seen[0] = 1;
  }

  #updateMany(numbers: Float64Array, groups: Uint32Array, rowCount: number, present: Uint8Array | undefined): void {
    const best = this.#best;
    const seen = this.#seen;
    const wantsMax = this.#wantsMax;
    for (let i = 0; i < rowCount; i++) {
      if (present !== undefined && (((present[i >> 3] as number) >> (i & 7)) & 1) === 0) continue;
      const group = groups[i] as number;
      const value = numbers[i] as number;
      const old = best[group] as number;
      if (seen[group] === 1 && !(wantsMax ? value > old || value !== value : value < old || old !== old)) continue;
      best[group] = value;
      seen[group] = 1;
    }
  }

  finish(groupCount: number): Vector {
    const best = grow(this.#best, groupCount).slice(0, groupCount);
    const validity = validityFrom(flagBits(growFlags(this.#seen, groupCount), groupCount), groupCount);
    if (this.#type.id !== 'bool') return vectorFromNumbers(this.#type, best, groupCount, validity);
    const bits = flagBits(Uint8Array.from(best), groupCount);
    return vectorOf(this.#type, groupCount, validity, bits);
  }

  byteCount(): number {
    return this.#best.byteLength + this.#seen.byteLength;
  }
}

/** 64 to 256-bit integers, and what is made of them. */
class WordExtreme implements Accumulator {
  readonly #type: DataType;
  readonly #wantsMax: boolean;
  readonly #words: number;
  readonly #bias: number;
  #best: Int32Array<ArrayBuffer>;
  #seen = new Uint8Array(1);

  constructor(type: DataType, wantsMax: boolean, words: number, signed: boolean) {
    this.#type = type;
    this.#wantsMax = wantsMax;
    this.#words = words;
    this.#bias = signed ? 0 : -0x80000000;
    this.#best = new Int32Array(words);
  }

  update(args: readonly Vector[], groups: Uint32Array, rowCount: number, groupCount: number): void {
    this.#best = growWords(this.#best, groupCount * this.#words);
    this.#seen = growFlags(this.#seen, groupCount);
    const vector = args[0] as Vector;
    const present = validityOf(vector).bits;
    if (this.#words === 2 && groupCount === 1) this.#updatePair(wordsOf(vector), rowCount, present);
    else this.#updateMany(wordsOf(vector), groups, rowCount, present, groupCount);
  }

  #updatePair(words: Int32Array, rowCount: number, present: Uint8Array | undefined): void {
    const bias = this.#bias;
    const flip = this.#wantsMax ? -1 : 0;
    // For max both words are inverted, which turns the order round.
    let high = this.#seen[0] === 1 ? (this.#best[1] as number) ^ bias ^ flip : 0x7fffffff;
    let low = this.#seen[0] === 1 ? ((this.#best[0] as number) ^ flip) >>> 0 : 0xffffffff;
    let found = this.#seen[0] === 1;
    for (let i = 0; i < rowCount; i++) {
      if (present !== undefined && (((present[i >> 3] as number) >> (i & 7)) & 1) === 0) continue;
      found = true;
      const top = (words[2 * i + 1] as number) ^ bias ^ flip;
      if (top > high) continue;
      const bottom = ((words[2 * i] as number) ^ flip) >>> 0;
      if (top === high && bottom >= low) continue;
      high = top;
      low = bottom;
    }
    this.#best[0] = low ^ flip;
    this.#best[1] = high ^ flip ^ bias;
    this.#seen[0] = found ? 1 : 0;
  }

  #updateMany(
    words: Int32Array,
    groups: Uint32Array,
    rowCount: number,
    present: Uint8Array | undefined,
    groupCount: number,
  ): void {
    const count = this.#words;
    for (let i = 0; i < rowCount; i++) {
      if (present !== undefined && (((present[i >> 3] as number) >> (i & 7)) & 1) === 0) continue;
      const group = groupCount === 1 ? 0 : (groups[i] as number);
      if (this.#seen[group] === 1) {
        const order = compareWords(words, i * count, this.#best, group * count, count, this.#bias);
        if (this.#wantsMax ? order <= 0 : order >= 0) continue;
      }
      for (let k = 0; k < count; k++) this.#best[group * count + k] = words[i * count + k] as number;
      this.#seen[group] = 1;
    }
  }

  finish(groupCount: number): Vector {
    const best = growWords(this.#best, groupCount * this.#words).slice(0, groupCount * this.#words);
    const validity = validityFrom(flagBits(growFlags(this.#seen, groupCount), groupCount), groupCount);
    return vectorOf(this.#type, groupCount, validity, bytesOf(best));
  }

  byteCount(): number {
    return this.#best.byteLength + this.#seen.byteLength;
  }
}

/** Text and binary; the best value of each group is a copy of its own. */
class BytesExtreme implements Accumulator {
  readonly #type: DataType;
  readonly #wantsMax: boolean;
  readonly #best: (Uint8Array | undefined)[] = [];
  #bytes = 0;

  constructor(type: DataType, wantsMax: boolean) {
    this.#type = type.id === 'dictionary' ? type.value : type;
    this.#wantsMax = wantsMax;
  }

  update(args: readonly Vector[], groups: Uint32Array, rowCount: number, groupCount: number): void {
    const vector = args[0] as Vector;
    const rows = byteRowsOf(vector);
    const present = validityOf(vector).bits;
    for (let i = 0; i < rowCount; i++) {
      if (present !== undefined && !bitAt(present, i)) continue;
      const group = groupCount === 1 ? 0 : (groups[i] as number);
      const buffer = rows.buffers[rows.which === undefined ? 0 : (rows.which[i] as number)] as Uint8Array;
      const value = buffer.subarray(rows.starts[i], rows.ends[i]);
      const old = this.#best[group];
      if (old !== undefined) {
        const order = compareBytes(value, old);
        if (this.#wantsMax ? order <= 0 : order >= 0) continue;
      }
      this.#best[group] = value.slice();
      this.#bytes += value.length - (old?.length ?? 0);
    }
  }

  finish(groupCount: number): Vector {
    const builder = new ByteRowsBuilder(groupCount, this.#bytes);
    const bits = new Uint8Array((groupCount + 7) >> 3);
    const blank = new Uint8Array(this.#type.id === 'fixed_binary' ? this.#type.byteWidth : 0);
    for (let g = 0; g < groupCount; g++) {
      const value = this.#best[g];
      if (value !== undefined) bits[g >> 3] = (bits[g >> 3] as number) | (1 << (g & 7));
      builder.append(value ?? blank, 0, (value ?? blank).length);
      builder.endRow();
    }
    return builder.finish(this.#type, validityFrom(bits, groupCount));
  }

  byteCount(): number {
    return this.#bytes + this.#best.length * 8;
  }
}

/** The extreme of nothing but nulls. */
class NullExtreme implements Accumulator {
  readonly #type: DataType;

  constructor(type: DataType) {
    this.#type = type;
  }

  update(): void {
    // Every row is null.
  }

  finish(groupCount: number): Vector {
    return nullVector(this.#type, groupCount);
  }

  byteCount(): number {
    return 0;
  }
}

/** The accumulator of min or max over a type. */
export function extremeAccumulator(name: 'min' | 'max', type: DataType): Accumulator {
  const form = formOf(type);
  const wantsMax = name === 'max';
  if (type.id === 'interval' && form.kind === 'words') return new IntervalExtreme(wantsMax);
  switch (form.kind) {
    case 'words':
      return new WordExtreme(type, wantsMax, form.words, form.signed);
    case 'bytes':
      return new BytesExtreme(type, wantsMax);
    case 'none':
      return new NullExtreme(type);
    default:
      return new NumberExtreme(type, wantsMax);
  }
}
