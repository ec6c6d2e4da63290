/**
 * Functions that answer anew for each row: random, uuid, and setseed, which makes what follows repeat.
 *
 * Hides the generator, which is one for the process: setseed holds for all sessions. Invariants: calls of these are
 * never computed before their rows are; a call's last argument, where it has more than is written, tells it from others
 * of the statement.
 * Source: sfc32 of PractRand (Chris Doty-Humphrey).
 */
import type { DataType } from '../arrow/type.ts';
import type { Vector } from '../arrow/vector.ts';
import { nullVector } from '../arrow/null-vector.ts';
import { ByteRowsBuilder } from './byte-rows.ts';
import { numbersOf, vectorFromNumbers } from './column.ts';
import type { Kernel } from './contract.ts';
import type { FunctionEntry } from './entry.ts';
import { rowError } from './scalar-frame.ts';
import { DOUBLE, flatType, isNumeric, strictCall, UTF8 } from './signature.ts';
import { ALL_PRESENT, bitAt, validityOf } from './validity.ts';

const TWO_32 = 4_294_967_296;

/** Words of 32 bits, each as likely as any other. */
type Generator = () => number;

/** The generator from a seed: the same words after the same seed. */
function seeded(seed: number): Generator {
  const words = new Uint32Array(new Float64Array([seed]).buffer);
  let [a, b, c, counter] = [words[0] as number, words[1] as number, 0x9e3779b9, 1];
  const next = (): number => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (c << 21) | (c >>> 11);
    c = (c + sum) | 0;
    return sum >>> 0;
  };
  for (let i = 0; i < 15; i++) next();
  return next;
}

let word: Generator = () => Math.floor(Math.random() * TWO_32);

/** A number from 0 to 1, without 1, of 53 bits. */
function fraction(): number {
  return ((word() >>> 5) * 67_108_864 + (word() >>> 6)) / 9_007_199_254_740_992;
}

const randomKernel: Kernel = (_args, rowCount, type) =>
  vectorFromNumbers(type, new Float64Array(rowCount).map(fraction), rowCount, ALL_PRESENT);

/** A random (version 4) UUID. */
function uuidText(): string {
  const words = [word(), word(), word(), word()];
  const hex = words.map((part) => part.toString(16).padStart(8, '0')).join('');
  const variant = ((Number.parseInt(hex.charAt(16), 16) & 3) | 8).toString(16);
  const parts = [hex.slice(0, 8), hex.slice(8, 12), `4${hex.slice(13, 16)}`, `${variant}${hex.slice(17, 20)}`];
  return [...parts, hex.slice(20)].join('-');
}

const uuidKernel: Kernel = (_args, rowCount, type) => {
  const builder = new ByteRowsBuilder(rowCount);
  for (let i = 0; i < rowCount; i++) builder.addText(uuidText());
  return builder.finish(type, ALL_PRESENT);
};

const setseedKernel: Kernel = ([vector], rowCount, type) => {
  const seeds = numbersOf(vector as Vector);
  const { bits } = validityOf(vector as Vector);
  for (let i = 0; i < rowCount; i++) {
    if (bits !== undefined && !bitAt(bits, i)) continue;
    const seed = seeds[i] as number;
    if (!(seed >= -1 && seed <= 1)) throw rowError(`setseed takes a number from -1 to 1, not ${String(seed)}`);
    word = seeded(seed);
  }
  return nullVector(type, rowCount);
};

function rowEntry(
  name: string,
  aliases: readonly string[],
  type: DataType,
  kernel: Kernel,
  doc: string,
  example: string,
): FunctionEntry {
  return {
    name,
    aliases,
    expects: 'no arguments',
    doc,
    example,
    isVolatile: true,
    resolve: (args) => (args.length === 0 ? strictCall(name, [], type) : undefined),
    kernel: () => kernel,
  };
}

/** The entries of this family. */
export const RANDOM: readonly FunctionEntry[] = [
  rowEntry(
    'random',
    [],
    DOUBLE,
    randomKernel,
    'A random number from 0 to 1, without 1, anew for each row.',
    'random() < 1 → true',
  ),
  rowEntry(
    'uuid',
    ['gen_random_uuid', 'uuidv4'],
    UTF8,
    uuidKernel,
    'A random UUID as text, anew for each row.',
    'length(uuid()::VARCHAR) → 36',
  ),
  {
    name: 'setseed',
    expects: '(number)',
    doc: 'Makes the random numbers that follow, in all sessions, those of a seed from -1 to 1; answers NULL.',
    example: 'setseed(0.5) → NULL',
    isVolatile: true,
    fails: true,
    resolve: ([seed, ...more]) => {
      if (seed === undefined || more.length > 0 || (seed.id !== 'null' && !isNumeric(flatType(seed))))
        return undefined;
      return strictCall('setseed', [DOUBLE], { id: 'null' }, true);
    },
    kernel: () => setseedKernel,
  },
];
