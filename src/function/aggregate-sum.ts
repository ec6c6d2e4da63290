/**
 * sum and avg.
 *
 * Hides how exact sums are kept: each value is taken apart into 32-bit words, and each word position has a float64
 * sum, which stays exact for 2^20 rows of 2^32; then carries are moved up. So no BigInt is made for a row, and a sum
 * that passes its type on the way but ends inside it is right. Floats are summed in row order as doubles, without
 * compensation (as DuckDB's sum). Invariant: the top word is signed unless the input is uint64.
 */
import { EngineError } from '../base/errors.ts';
import { typeName } from '../arrow/type.ts';
import type { DataType } from '../arrow/type.ts';
import type { Vector } from '../arrow/vector.ts';
import { bitsOf, bytesOf, formOf, numbersOf, vectorFromNumbers, vectorOf, wordsOf } from './column.ts';
import type { Accumulator } from './contract.ts';
import { storeDecimal } from './decimal.ts';
import { flagBits, grow, growFlags } from './group-state.ts';
import { decimalType, DOUBLE, INT64, UINT64 } from './signature.ts';
import { bitAt, validityFrom, validityOf } from './validity.ts';
import type { Validity } from './validity.ts';

const TWO_32 = 4294967296;
/** Rows after which carries must move: 2^20 values below 2^32 stay below 2^52. */
const CARRY_ROWS = 1 << 20;

/** Exact sums of integers or unscaled decimals, one a group. */
class WordSums {
  readonly #words: number;
  readonly #topSigned: boolean;
  #sums = new Float64Array(2);
  #rowsSinceCarry = 0;

  /** `words` a value, at least 2. */
  constructor(words: number, topSigned: boolean) {
    this.#words = words;
    this.#topSigned = topSigned;
  }

  get byteCount(): number {
    return this.#sums.byteLength;
  }

  #prepare(rowCount: number, groupCount: number): Float64Array {
    this.#sums = grow(this.#sums, groupCount * this.#words);
    this.#rowsSinceCarry += rowCount;
    if (this.#rowsSinceCarry > CARRY_ROWS) {
      this.#carry();
      this.#rowsSinceCarry = rowCount;
    }
    return this.#sums;
  }

  #carry(): void {
    const count = this.#words;
    const sums = this.#sums;
    for (let at = 0; at + count <= sums.length; at += count) {
      for (let k = 0; k < count - 1; k++) {
        const carry = Math.floor((sums[at + k] as number) / TWO_32);
        sums[at + k] = (sums[at + k] as number) - carry * TWO_32;
        sums[at + k + 1] = (sums[at + k + 1] as number) + carry;
      }
    }
  }

  /** Adds numbers below 2^32 in size. */
  addNumbers(numbers: Float64Array, groups: Uint32Array, present: Uint8Array | undefined, groupCount: number): void {
    const sums = this.#prepare(numbers.length, groupCount);
    const count = this.#words;
    for (let i = 0; i < numbers.length; i++) {
      if (present !== undefined && (((present[i >> 3] as number) >> (i & 7)) & 1) === 0) continue;
      const at = groupCount === 1 ? 0 : (groups[i] as number) * count;
      sums[at] = (sums[at] as number) + (numbers[i] as number);
    }
  }

  /** Adds values of `words` words. */
  addWords(
    words: Int32Array,
    rowCount: number,
    groups: Uint32Array,
    present: Uint8Array | undefined,
    groupCount: number,
  ): void {
    const sums = this.#prepare(rowCount, groupCount);
    if (this.#words === 2) {
      const topMask = this.#topSigned ? 0 : 1;
      if (groupCount === 1) return this.#addPairs(words, rowCount, present, topMask);
      for (let i = 0; i < rowCount; i++) {
        if (present !== undefined && (((present[i >> 3] as number) >> (i & 7)) & 1) === 0) continue;
        const at = (groups[i] as number) * 2;
        const high = words[2 * i + 1] as number;
        sums[at] = (sums[at] as number) + ((words[2 * i] as number) >>> 0);
        sums[at + 1] = (sums[at + 1] as number) + (topMask === 0 ? high : high >>> 0);
      }
      return;
    }
    const count = this.#words;
    for (let i = 0; i < rowCount; i++) {
      if (present !== undefined && !bitAt(present, i)) continue;
      const at = groupCount === 1 ? 0 : (groups[i] as number) * count;
      for (let k = 0; k < count - 1; k++)
        sums[at + k] = (sums[at + k] as number) + ((words[i * count + k] as number) >>> 0);
      sums[at + count - 1] = (sums[at + count - 1] as number) + (words[i * count + count - 1] as number);
    }
  }

  #addPairs(words: Int32Array, rowCount: number, present: Uint8Array | undefined, topMask: number): void {
    let low = 0;
    let high = 0;
    for (let i = 0; i < rowCount; i++) {
      if (present !== undefined && (((present[i >> 3] as number) >> (i & 7)) & 1) === 0) continue;
      low += (words[2 * i] as number) >>> 0;
      high += topMask === 0 ? (words[2 * i + 1] as number) : (words[2 * i + 1] as number) >>> 0;
    }
    this.#sums[0] = (this.#sums[0] as number) + low;
    this.#sums[1] = (this.#sums[1] as number) + high;
  }

  /** Moves carries; then `wordAt` is exact. */
  settle(groupCount: number): void {
    this.#sums = grow(this.#sums, groupCount * this.#words);
    this.#carry();
    this.#rowsSinceCarry = 0;
  }

  /** Word k of a group's settled sum; the top one may pass 32 bits. */
  wordAt(group: number, k: number): number {
    return this.#sums[group * this.#words + k] as number;
  }

  /** A settled sum as an integer. */
  exact(group: number): bigint {
    let value = 0n;
    for (let k = this.#words - 1; k >= 0; k--) value = (value << 32n) + BigInt(this.wordAt(group, k));
    return value;
  }

  /** A settled sum as the nearest double. */
  double(group: number): number {
    if (this.#words === 2) return this.wordAt(group, 1) * TWO_32 + this.wordAt(group, 0);
    return Number(this.exact(group));
  }
}

/** Counts of present rows, for means. */
class Counts {
  #counts = new Float64Array(1);

  get byteCount(): number {
    return this.#counts.byteLength;
  }

  add(validity: Validity, groups: Uint32Array, rowCount: number, groupCount: number): void {
    const counts = (this.#counts = grow(this.#counts, groupCount));
    if (groupCount === 1) {
      counts[0] = (counts[0] as number) + rowCount - validity.nullCount;
      return;
    }
    const bits = validity.bits;
    for (let i = 0; i < rowCount; i++) {
      if (bits !== undefined && (((bits[i >> 3] as number) >> (i & 7)) & 1) === 0) continue;
      const group = groups[i] as number;
      counts[group] = (counts[group] as number) + 1;
    }
  }

  count(group: number): number {
    return this.#counts[group] ?? 0;
  }

  validity(groupCount: number): Validity {
    const flags = new Uint8Array(groupCount);
    for (let g = 0; g < groupCount; g++) flags[g] = this.count(g) > 0 ? 1 : 0;
    return validityFrom(flagBits(flags, groupCount), groupCount);
  }
}

/**
 * Which groups had a present row, for sums. As long as no null was seen and the rows that a group comes with are there
 * (a FILTER may keep them away), every group has one, and nothing is written for a row.
 */
class Presence {
  #flags: Uint8Array<ArrayBuffer> | undefined;
  /** Groups that had a row while no null was seen. */
  #groups = 0;

  get byteCount(): number {
    return this.#flags?.byteLength ?? 0;
  }

  add(validity: Validity, groups: Uint32Array, rowCount: number, groupCount: number): void {
    const bits = validity.bits;
    if (bits === undefined && this.#flags === undefined && this.#reachesNew(groups, rowCount, groupCount)) {
      this.#groups = groupCount;
      return;
    }
    this.#flags ??= new Uint8Array(Math.max(this.#groups, 1)).fill(1, 0, this.#groups);
    const flags = (this.#flags = growFlags(this.#flags, groupCount));
    for (let i = 0; i < rowCount; i++) {
      if (bits === undefined || (((bits[i >> 3] as number) >> (i & 7)) & 1) === 1) flags[groups[i] as number] = 1;
    }
  }

  /** True when each group that is new to this has one of the rows. */
  #reachesNew(groups: Uint32Array, rowCount: number, groupCount: number): boolean {
    const known = this.#groups;
    let missing = groupCount - known;
    if (missing <= 0) return true;
    if (missing > rowCount) return false;
    const seen = new Uint8Array(missing);
    for (let i = 0; i < rowCount; i++) {
      const place = (groups[i] as number) - known;
      if (place < 0 || seen[place] === 1) continue;
      seen[place] = 1;
      missing--;
    }
    return missing === 0;
  }

  validity(groupCount: number): Validity {
    const flags = growFlags(
      this.#flags ?? new Uint8Array(Math.max(this.#groups, 1)).fill(1, 0, this.#groups),
      groupCount,
    );
    return validityFrom(flagBits(flags, groupCount), groupCount);
  }
}

/** What sum and avg share: exact sums by words, and which rows were present. */
class ExactState<P extends Presence | Counts> {
  readonly sums: WordSums;
  readonly presence: P;
  readonly #type: DataType;

  constructor(type: DataType, presence: P) {
    this.#type = type;
    this.presence = presence;
    const form = formOf(type);
    const signed = form.kind !== 'words' || form.signed;
    this.sums = new WordSums(form.kind === 'words' ? form.words : 2, signed);
  }

  update(vector: Vector, groups: Uint32Array, rowCount: number, groupCount: number): void {
    const validity = validityOf(vector);
    this.presence.add(validity, groups, rowCount, groupCount);
    if (this.#type.id === 'bool') {
      const bits = bitsOf(vector);
      const numbers = new Float64Array(rowCount);
      for (let i = 0; i < rowCount; i++) numbers[i] = bitAt(bits, i) ? 1 : 0;
      this.sums.addNumbers(numbers, groups, validity.bits, groupCount);
    } else if (formOf(this.#type).kind === 'number') {
      this.sums.addNumbers(numbersOf(vector).subarray(0, rowCount), groups, validity.bits, groupCount);
    } else {
      this.sums.addWords(wordsOf(vector), rowCount, groups, validity.bits, groupCount);
    }
  }

  get byteCount(): number {
    return this.sums.byteCount + this.presence.byteCount;
  }
}

/** The error of a sum that `type` cannot hold. */
export function integerSumError(type: DataType, sum: bigint): EngineError {
  const place = `${sum.toString()} is outside ${typeName(type)}`;
  return new EngineError('value_error', `overflow in sum: ${place}; sum doubles or decimals`);
}

/** The error of a sum of decimals of more digits than `type` has. */
export function decimalSumError(type: DataType): EngineError {
  return new EngineError('value_error', `overflow in sum of ${typeName(type)}; cast the operand to double`);
}

/** sum of integers: int64, or uint64 for uint64. */
class IntegerSum implements Accumulator {
  readonly #state: ExactState<Presence>;
  readonly #unsigned: boolean;

  constructor(type: DataType) {
    this.#state = new ExactState(type, new Presence());
    this.#unsigned = type.id === 'int' && type.bitWidth === 64 && !type.signed;
  }

  update(args: readonly Vector[], groups: Uint32Array, rowCount: number, groupCount: number): void {
    this.#state.update(args[0] as Vector, groups, rowCount, groupCount);
  }

  finish(groupCount: number): Vector {
    const { sums, presence } = this.#state;
    sums.settle(groupCount);
    const type = this.#unsigned ? UINT64 : INT64;
    const low = this.#unsigned ? 0 : -0x80000000;
    const words = new Int32Array(groupCount * 2);
    for (let g = 0; g < groupCount; g++) {
      const high = sums.wordAt(g, 1);
      if (high < low || high >= low + TWO_32) {
        throw integerSumError(type, sums.exact(g));
      }
      words[2 * g] = sums.wordAt(g, 0);
      words[2 * g + 1] = high;
    }
    return vectorOf(type, groupCount, presence.validity(groupCount), bytesOf(words));
  }

  byteCount(): number {
    return this.#state.byteCount;
  }
}

/** sum of decimals: as many digits as the width allows, the same scale. */
class DecimalSum implements Accumulator {
  readonly #state: ExactState<Presence>;
  readonly #type: DataType & { readonly id: 'decimal' };

  constructor(type: DataType & { readonly id: 'decimal' }) {
    this.#state = new ExactState(type, new Presence());
    const wide = type.bitWidth === 256 ? decimalType(76, type.scale, 256) : decimalType(38, type.scale);
    this.#type = wide as DataType & { readonly id: 'decimal' };
  }

  update(args: readonly Vector[], groups: Uint32Array, rowCount: number, groupCount: number): void {
    this.#state.update(args[0] as Vector, groups, rowCount, groupCount);
  }

  finish(groupCount: number): Vector {
    const { sums, presence } = this.#state;
    sums.settle(groupCount);
    const count = this.#type.bitWidth / 32;
    const bound = 10n ** BigInt(this.#type.precision);
    const words = new Int32Array(groupCount * count);
    for (let g = 0; g < groupCount; g++) {
      let rest = sums.exact(g);
      if (rest >= bound || rest <= -bound) {
        throw decimalSumError(this.#type);
      }
      for (let k = 0; k < count; k++, rest >>= 32n) words[g * count + k] = Number(BigInt.asIntN(32, rest));
    }
    return vectorOf(this.#type, groupCount, presence.validity(groupCount), bytesOf(words));
  }

  byteCount(): number {
    return this.#state.byteCount;
  }
}

/** Plain sums of floats. */
class FloatSums<P extends Presence | Counts> {
  readonly presence: P;
  #sums = new Float64Array(1);

  constructor(presence: P) {
    this.presence = presence;
  }

  update(vector: Vector, groups: Uint32Array, rowCount: number, groupCount: number): void {
    const sums = (this.#sums = grow(this.#sums, groupCount));
    const validity = validityOf(vector);
    const present = validity.bits;
    this.presence.add(validity, groups, rowCount, groupCount);
    const numbers = numbersOf(vector);
    if (groupCount === 1) {
      let sum = sums[0] as number;
      for (let i = 0; i < rowCount; i++) {
        if (present !== undefined && (((present[i >> 3] as number) >> (i & 7)) & 1) === 0) continue;
        sum += numbers[i] as number;
      }
      sums[0] = sum;
      return;
    }
    for (let i = 0; i < rowCount; i++) {
      if (present !== undefined && (((present[i >> 3] as number) >> (i & 7)) & 1) === 0) continue;
      const group = groups[i] as number;
      sums[group] = (sums[group] as number) + (numbers[i] as number);
    }
  }

  double(group: number): number {
    return this.#sums[group] ?? 0;
  }

  get byteCount(): number {
    return this.#sums.byteLength + this.presence.byteCount;
  }
}

/** sum of floats. */
class FloatSum implements Accumulator {
  readonly #state = new FloatSums(new Presence());

  update(args: readonly Vector[], groups: Uint32Array, rowCount: number, groupCount: number): void {
    this.#state.update(args[0] as Vector, groups, rowCount, groupCount);
  }

  finish(groupCount: number): Vector {
    const sums = Float64Array.from({ length: groupCount }, (_, g) => this.#state.double(g));
    return vectorFromNumbers(DOUBLE, sums, groupCount, this.#state.presence.validity(groupCount));
  }

  byteCount(): number {
    return this.#state.byteCount;
  }
}

/** avg: the sum as a double, by the count, by the scale. */
class Average implements Accumulator {
  readonly #counts = new Counts();
  readonly #state: FloatSums<Counts> | ExactState<Counts>;
  readonly #divisor: number;

  constructor(type: DataType) {
    this.#state = type.id === 'float' ? new FloatSums(this.#counts) : new ExactState(type, this.#counts);
    this.#divisor = type.id === 'decimal' ? 10 ** type.scale : 1;
  }

  update(args: readonly Vector[], groups: Uint32Array, rowCount: number, groupCount: number): void {
    this.#state.update(args[0] as Vector, groups, rowCount, groupCount);
  }

  finish(groupCount: number): Vector {
    const state = this.#state;
    if (state instanceof ExactState) state.sums.settle(groupCount);
    const sums = state instanceof ExactState ? state.sums : state;
    const means = new Float64Array(groupCount);
    for (let g = 0; g < groupCount; g++) means[g] = sums.double(g) / this.#counts.count(g) / this.#divisor;
    return vectorFromNumbers(DOUBLE, means, groupCount, this.#counts.validity(groupCount));
  }

  byteCount(): number {
    return this.#state.byteCount;
  }
}

/**
 * avg of points in time or of times of the day: the exact mean, its fraction dropped unless it is above 1/2 and
 * the mean positive, as in DuckDB.
 */
class TimeAverage implements Accumulator {
  readonly #type: DataType;
  readonly #counts = new Counts();
  readonly #state: ExactState<Counts>;

  constructor(type: DataType) {
    this.#type = type;
    this.#state = new ExactState(type, this.#counts);
  }

  update(args: readonly Vector[], groups: Uint32Array, rowCount: number, groupCount: number): void {
    this.#state.update(args[0] as Vector, groups, rowCount, groupCount);
  }

  finish(groupCount: number): Vector {
    this.#state.sums.settle(groupCount);
    const words = new Int32Array(groupCount * 2);
    for (let g = 0; g < groupCount; g++) {
      const count = this.#counts.count(g);
      if (count === 0) continue;
      const sum = this.#state.sums.exact(g);
      const rest = sum % BigInt(count);
      storeDecimal(words, g, 64, sum / BigInt(count) + (rest * 2n > BigInt(count) ? 1n : 0n));
    }
    return vectorOf(this.#type, groupCount, this.#counts.validity(groupCount), bytesOf(words));
  }

  byteCount(): number {
    return this.#state.byteCount;
  }
}

/** The accumulator of sum over a type. */
export function sumAccumulator(type: DataType): Accumulator {
  if (type.id === 'float') return new FloatSum();
  return type.id === 'decimal' ? new DecimalSum(type) : new IntegerSum(type);
}

/** The accumulator of avg over a type. */
export function averageAccumulator(type: DataType): Accumulator {
  return type.id === 'timestamp' || type.id === 'time' ? new TimeAverage(type) : new Average(type);
}
