/**
 * approx_count_distinct: HyperLogLog with 2^12 registers a group, a standard error of 1.6 %.
 *
 * Hides that registers are sparse: only those that a value has touched are kept, in one table over all groups, so
 * that many small groups cost little and counts of up to some hundreds are nearly exact. Invariants: null is not
 * counted; -0 is 0 and every NaN is one NaN; the same values give the same answer in any order.
 * Source: Flajolet, Fusy, Gandouet, Meunier, "HyperLogLog", 2007; linear counting below 2.5 × registers.
 */
import type { DataType } from '../arrow/type.ts';
import type { Vector } from '../arrow/vector.ts';
import { byteRowsOf } from './byte-rows.ts';
import { bitsOf, bytesOf, formOf, numbersOf, vectorOf, wordsOf } from './column.ts';
import type { Accumulator } from './contract.ts';
import { growFlags, growWords } from './group-state.ts';
import { PairTable } from './key-table.ts';
import { INT64 } from './signature.ts';
import { ALL_PRESENT, bitAt, validityOf } from './validity.ts';

const REGISTER_BITS = 12;
const REGISTERS = 1 << REGISTER_BITS;
const ALPHA = 0.7213 / (1 + 1.079 / REGISTERS);

function scramble(hash: number): number {
  let mixed = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}

/** Two words of hash a row: `first` chooses the register, `second` is ranked. */
interface Hashes {
  readonly first: Int32Array;
  readonly second: Int32Array;
}

function hashWords(words: Int32Array, count: number, rowCount: number): Hashes {
  const first = new Int32Array(rowCount);
  const second = new Int32Array(rowCount);
  for (let i = 0; i < rowCount; i++) {
    let a = 0x9e3779b1 | 0;
    let b = 0x27d4eb2f;
    for (let k = 0; k < count; k++) {
      const word = words[i * count + k] as number;
      a = scramble(a ^ word) + 0x165667b1;
      b = scramble(b + Math.imul(word, 0x2c1b3c6d)) ^ a;
    }
    first[i] = scramble(a);
    second[i] = scramble(b ^ (a >>> 7));
  }
  return { first, second };
}

function hashBytes(vector: Vector, rowCount: number): Hashes {
  const rows = byteRowsOf(vector);
  const first = new Int32Array(rowCount);
  const second = new Int32Array(rowCount);
  for (let i = 0; i < rowCount; i++) {
    const buffer = rows.buffers[rows.which === undefined ? 0 : (rows.which[i] as number)] as Uint8Array;
    const end = rows.ends[i] as number;
    let a = end - (rows.starts[i] as number);
    let b = 0x27d4eb2f;
    for (let k = rows.starts[i] as number; k < end; k++) {
      a = Math.imul(a ^ (buffer[k] as number), 0x01000193);
      b = Math.imul(b, 0x85ebca6b) + (buffer[k] as number);
    }
    first[i] = scramble(a ^ b);
    second[i] = scramble(Math.imul(b ^ (b >>> 15), 0x2c1b3c6d) ^ a);
  }
  return { first, second };
}

function hashesOf(vector: Vector, rowCount: number): Hashes {
  const form = formOf(vector.type);
  switch (form.kind) {
    case 'words':
      return hashWords(wordsOf(vector), form.words, rowCount);
    case 'bytes':
      return hashBytes(vector, rowCount);
    case 'number': {
      const canonical = new Float64Array(rowCount);
      const numbers = numbersOf(vector);
      for (let i = 0; i < rowCount; i++) {
        const value = numbers[i] as number;
        canonical[i] = value === value ? value + 0 : NaN;
      }
      return hashWords(new Int32Array(canonical.buffer), 2, rowCount);
    }
    default: {
      const bits = bitsOf(vector);
      const words = Int32Array.from({ length: rowCount }, (_, i) => (bitAt(bits, i) ? 1 : 0));
      return hashWords(words, 1, rowCount);
    }
  }
}

/** Counts distinct values, nearly. */
export class SketchAccumulator implements Accumulator {
  readonly #isNull: boolean;
  readonly #places = new PairTable();
  /** By place: the register's group and its value. */
  #groups = new Int32Array(64);
  #ranks = new Uint8Array(64);

  constructor(type: DataType) {
    this.#isNull = type.id === 'null';
  }

  update(args: readonly Vector[], groups: Uint32Array, rowCount: number): void {
    if (this.#isNull) return;
    const vector = args[0] as Vector;
    const present = validityOf(vector).bits;
    const { first, second } = hashesOf(vector, rowCount);
    const taken = new Uint32Array(rowCount);
    let count = 0;
    for (let i = 0; i < rowCount; i++) if (present === undefined || bitAt(present, i)) taken[count++] = i;
    const owners = new Int32Array(count);
    const registers = new Int32Array(count);
    for (let i = 0; i < count; i++) {
      owners[i] = groups[taken[i] as number] as number;
      registers[i] = (first[taken[i] as number] as number) & (REGISTERS - 1);
    }
    const places = new Uint32Array(count);
    this.#places.number(owners, registers, { stride: 1, offset: 0 }, places);
    this.#groups = growWords(this.#groups, this.#places.count);
    this.#ranks = growFlags(this.#ranks, this.#places.count);
    for (let i = 0; i < count; i++) {
      const place = places[i] as number;
      const rank = Math.clz32(second[taken[i] as number] as number) + 1;
      if (rank > (this.#ranks[place] as number)) this.#ranks[place] = rank;
      this.#groups[place] = owners[i] as number;
    }
  }

  finish(groupCount: number): Vector {
    const touched = new Float64Array(groupCount);
    const sums = new Float64Array(groupCount);
    for (let place = 0; place < this.#places.count; place++) {
      const group = this.#groups[place] as number;
      touched[group] = (touched[group] as number) + 1;
      sums[group] = (sums[group] as number) + 2 ** -(this.#ranks[place] as number);
    }
    const words = new Int32Array(groupCount * 2);
    for (let g = 0; g < groupCount; g++) {
      const empty = REGISTERS - (touched[g] as number);
      const raw = (ALPHA * REGISTERS * REGISTERS) / ((sums[g] as number) + empty);
      const isSmall = raw <= 2.5 * REGISTERS && empty > 0;
      const count = Math.round(isSmall ? REGISTERS * Math.log(REGISTERS / empty) : raw);
      words[2 * g] = count;
      words[2 * g + 1] = Math.floor(count / 4294967296);
    }
    return vectorOf(INT64, groupCount, ALL_PRESENT, bytesOf(words));
  }

  byteCount(): number {
    return this.#places.byteCount + this.#groups.byteLength + this.#ranks.byteLength;
  }
}
