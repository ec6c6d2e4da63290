/**
 * hash: 64 bits that stand for a value.
 *
 * Hides the mixing. Invariants: equal values of one type have equal hashes, in every release of Sheaf and on every
 * machine, and null has one too; the numbers are not DuckDB's; it is no cryptographic hash.
 * Source: A. Appleby, MurmurHash3, its 32-bit mixing, run over two seeds.
 */
import type { DataType } from '../arrow/type.ts';
import type { Vector } from '../arrow/vector.ts';
import { byteRowsOf, rowBytes } from './byte-rows.ts';
import { bitsOf, bytesOf, formOf, numbersOf, vectorOf, wordsOf } from './column.ts';
import type { Kernel } from './contract.ts';
import type { FunctionEntry } from './entry.ts';
import { flatType, isOrdered, UINT64 } from './signature.ts';
import { ALL_PRESENT, bitAt, validityOf } from './validity.ts';

/** One step: a word into a state. */
function mix(state: number, word: number): number {
  let k = Math.imul(word, 0xcc9e2d51 | 0);
  k = Math.imul((k << 15) | (k >>> 17), 0x1b873593);
  const h = state ^ k;
  return (Math.imul((h << 13) | (h >>> 19), 5) + 0xe6546b64) | 0;
}

function finish(state: number): number {
  let h = Math.imul(state ^ (state >>> 16), 0x85ebca6b | 0);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35 | 0);
  return h ^ (h >>> 16);
}

/** Feeds the words of row `row` to `take`. */
type Feed = (row: number, take: (word: number) => void) => void;

const NULL_WORD = 0x6e756c6c;
const doubles = new Float64Array(1);
const doubleWords = new Int32Array(doubles.buffer);

function feedOf(vector: Vector): Feed {
  const form = formOf(vector.type);
  switch (form.kind) {
    case 'bool': {
      const bits = bitsOf(vector);
      return (row, take) => take(bitAt(bits, row) ? 1 : 0);
    }
    case 'number': {
      const numbers = numbersOf(vector);
      return (row, take) => {
        const value = numbers[row] as number;
        // NaN has many forms, and zero two, that are equal.
        doubles[0] = value !== value ? NaN : value + 0;
        take(doubleWords[0] as number);
        take(doubleWords[1] as number);
      };
    }
    case 'words': {
      const words = wordsOf(vector);
      return (row, take) => {
        for (let k = 0; k < form.words; k++) take(words[row * form.words + k] as number);
      };
    }
    case 'bytes': {
      const rows = byteRowsOf(vector);
      return (row, take) => {
        const bytes = rowBytes(rows, row);
        take(bytes.length);
        for (let k = 0; k < bytes.length; k += 4) {
          const word =
            (bytes[k] as number) |
            ((bytes[k + 1] ?? 0) << 8) |
            ((bytes[k + 2] ?? 0) << 16) |
            ((bytes[k + 3] ?? 0) << 24);
          take(word);
        }
      };
    }
    case 'none':
      return (_row, take) => take(NULL_WORD);
  }
}

const hashKernel: Kernel = (args, rowCount, type) => {
  const words = new Int32Array(rowCount * 2).fill(0x5eed);
  for (const arg of args) {
    const feed = feedOf(arg);
    const present = validityOf(arg).bits;
    for (let i = 0; i < rowCount; i++) {
      let low = words[2 * i] as number;
      let high = words[2 * i + 1] as number;
      const take = (word: number): void => {
        low = mix(low, word);
        high = mix(high ^ 0x51ed270b, word);
      };
      if (present === undefined || bitAt(present, i)) feed(i, take);
      else take(NULL_WORD);
      words[2 * i] = low;
      words[2 * i + 1] = high;
    }
  }
  for (let i = 0; i < words.length; i++) words[i] = finish(words[i] as number);
  return vectorOf(type, rowCount, ALL_PRESENT, bytesOf(words));
};

/** The entries of this family. */
export const HASH: readonly FunctionEntry[] = [
  {
    name: 'hash',
    expects: 'one or more values',
    doc: 'A 64-bit hash of the values, the same in every release; the numbers are not those of DuckDB.',
    example: 'hash(1) = hash(2) → false',
    resolve: (args: readonly DataType[]) => {
      const types = args.map(flatType);
      if (types.length === 0 || !types.every(isOrdered)) return undefined;
      return { name: 'hash', parameters: types, type: UINT64, canMakeNull: false, nulls: 'never' };
    },
    kernel: () => hashKernel,
  },
];
