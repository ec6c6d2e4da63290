/**
 * How alike two texts are: levenshtein, damerau_levenshtein, hamming, jaccard, jaro and jaro-winkler.
 *
 * Hides the tables. Invariants: they compare bytes, as DuckDB does: a character beyond ASCII counts as its bytes in
 * UTF-8; the work of one pair is bounded by TEXT_DISTANCE_STEPS_MAX, its memory by the shorter text, and by both for
 * damerau_levenshtein.
 * Source: Damerau-Levenshtein with adjacent transpositions, after Lowrance and Wagner (1975).
 */
import { EngineError } from '../base/errors.ts';
import { TEXT_DISTANCE_STEPS_MAX } from '../base/limits.ts';
import type { Vector } from '../arrow/vector.ts';
import { byteRowsOf, rowBytes } from './byte-rows.ts';
import type { Kernel } from './contract.ts';
import type { FunctionEntry } from './entry.ts';
import { numberRows, rowError, strictEntry } from './scalar-frame.ts';
import type { Kind } from './scalar-frame.ts';
import { numbersOf } from './column.ts';
import { DOUBLE, INT64 } from './signature.ts';

type Measure = (a: Uint8Array, b: Uint8Array) => number;

function checkSteps(name: string, a: Uint8Array, b: Uint8Array): void {
  if (a.length * b.length <= TEXT_DISTANCE_STEPS_MAX) return;
  const sizes = `texts of ${a.length.toString()} and ${b.length.toString()} bytes`;
  const bound = TEXT_DISTANCE_STEPS_MAX.toString();
  throw new EngineError(
    'limit_exceeded',
    `${name} of ${sizes} takes more than ${bound} steps; compare shorter texts`,
  );
}

function levenshtein(a: Uint8Array, b: Uint8Array): number {
  if (a.length < b.length) return levenshtein(b, a);
  checkSteps('levenshtein', a, b);
  const costs = new Int32Array(b.length + 1).map((_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    let diagonal = i - 1;
    costs[0] = i;
    for (let j = 1; j <= b.length; j++) {
      const above = costs[j] as number;
      const change = diagonal + (a[i - 1] === b[j - 1] ? 0 : 1);
      const step = Math.min(above, costs[j - 1] as number) + 1;
      costs[j] = change < step ? change : step;
      diagonal = above;
    }
  }
  return costs[b.length] as number;
}

function damerau(a: Uint8Array, b: Uint8Array): number {
  checkSteps('damerau_levenshtein', a, b);
  if (a.length === 0 || b.length === 0) return a.length + b.length;
  const width = b.length + 2;
  const most = a.length + b.length;
  const cost = new Int32Array((a.length + 2) * width);
  cost[0] = most;
  for (let i = 0; i <= a.length; i++) {
    cost[(i + 1) * width] = most;
    cost[(i + 1) * width + 1] = i;
  }
  for (let j = 0; j <= b.length; j++) {
    cost[j + 1] = most;
    cost[width + j + 1] = j;
  }
  const lastRow = new Int32Array(256);
  for (let i = 1; i <= a.length; i++) {
    let lastColumn = 0;
    for (let j = 1; j <= b.length; j++) {
      const row = lastRow[b[j - 1] as number] as number;
      const column = lastColumn;
      const equal = a[i - 1] === b[j - 1];
      if (equal) lastColumn = j;
      const change = (cost[i * width + j] as number) + (equal ? 0 : 1);
      const insert = (cost[(i + 1) * width + j] as number) + 1;
      const remove = (cost[i * width + j + 1] as number) + 1;
      const swap = (cost[row * width + column] as number) + (i - row - 1) + 1 + (j - column - 1);
      cost[(i + 1) * width + j + 1] = Math.min(change, insert, remove, swap);
    }
    lastRow[a[i - 1] as number] = i;
  }
  return cost[(a.length + 1) * width + b.length + 1] as number;
}

function hamming(a: Uint8Array, b: Uint8Array): number {
  if (a.length !== b.length) throw rowError('hamming: both texts must have the same number of bytes');
  if (a.length === 0) throw rowError('hamming: the texts are empty');
  let count = 0;
  for (let k = 0; k < a.length; k++) if (a[k] !== b[k]) count++;
  return count;
}

function jaccard(a: Uint8Array, b: Uint8Array): number {
  if (a.length === 0 || b.length === 0) throw rowError('jaccard: a text is empty');
  const seen = new Uint8Array(256);
  for (const byte of a) seen[byte] = 1;
  for (const byte of b) seen[byte] = (seen[byte] as number) | 2;
  let both = 0;
  let either = 0;
  for (const mark of seen) {
    if (mark !== 0) either++;
    if (mark === 3) both++;
  }
  return both / either;
}

function jaro(a: Uint8Array, b: Uint8Array): number {
  checkSteps('jaro_similarity', a, b);
  if (a.length === 0 || b.length === 0) return 0;
  const reach = Math.max(0, Math.floor(Math.max(a.length, b.length) / 2) - 1);
  const taken = new Uint8Array(b.length);
  const matched = new Uint8Array(a.length);
  let matches = 0;
  for (let i = 0; i < a.length; i++) {
    const end = Math.min(b.length, i + reach + 1);
    for (let j = Math.max(0, i - reach); j < end; j++) {
      if (taken[j] === 1 || a[i] !== b[j]) continue;
      taken[j] = 1;
      matched[i] = 1;
      matches++;
      break;
    }
  }
  if (matches === 0) return 0;
  let moved = 0;
  let j = 0;
  for (let i = 0; i < a.length; i++) {
    if (matched[i] === 0) continue;
    while (taken[j] === 0) j++;
    if (a[i] !== b[j]) moved++;
    j++;
  }
  const swaps = Math.floor(moved / 2);
  return (matches / a.length + matches / b.length + (matches - swaps) / matches) / 3;
}

function jaroWinkler(a: Uint8Array, b: Uint8Array): number {
  const similarity = jaro(a, b);
  if (similarity <= 0.7) return similarity;
  const most = Math.min(4, a.length, b.length);
  let shared = 0;
  while (shared < most && a[shared] === b[shared]) shared++;
  return similarity + shared * 0.1 * (1 - similarity);
}

function measureKernel(measure: Measure): Kernel {
  return (args, rowCount, type) => {
    const a = byteRowsOf(args[0] as Vector);
    const b = byteRowsOf(args[1] as Vector);
    const cuts = args.length > 2 ? numbersOf(args[2] as Vector) : undefined;
    return numberRows(args, rowCount, type, (i) => {
      const value = measure(rowBytes(a, i), rowBytes(b, i));
      return cuts !== undefined && value < (cuts[i] as number) ? 0 : value;
    });
  };
}

function distance(
  name: string,
  aliases: readonly string[],
  measure: Measure,
  doc: string,
  example: string,
): FunctionEntry {
  const overloads: readonly (readonly Kind[])[] = [['text', 'text']];
  return strictEntry({
    name,
    aliases,
    overloads,
    type: INT64,
    doc,
    example,
    fails: true,
    kernel: measureKernel(measure),
  });
}

function similarity(name: string, measure: Measure, hasCut: boolean, doc: string, example: string): FunctionEntry {
  const pair: readonly Kind[] = ['text', 'text'];
  const overloads = hasCut ? [pair, [...pair, 'double'] as const] : [pair];
  return strictEntry({ name, overloads, type: DOUBLE, doc, example, fails: true, kernel: measureKernel(measure) });
}

/** The entries of this family. */
export const TEXT_DISTANCE: readonly FunctionEntry[] = [
  distance(
    'levenshtein',
    ['editdist3'],
    levenshtein,
    'The least number of bytes to insert, delete or replace that makes one text the other.',
    "levenshtein('duck', 'db') → 3",
  ),
  distance(
    'damerau_levenshtein',
    [],
    damerau,
    'As levenshtein, where two neighbours may also change places.',
    "damerau_levenshtein('ab', 'ba') → 1",
  ),
  distance(
    'hamming',
    ['mismatches'],
    hamming,
    'The number of bytes that differ between texts of one length.',
    "hamming('duck', 'luck') → 1",
  ),
  similarity(
    'jaccard',
    jaccard,
    false,
    'The share of the bytes in either text that both have.',
    "jaccard('duck', 'luck') → 0.6",
  ),
  similarity(
    'jaro_similarity',
    jaro,
    true,
    'The Jaro similarity, from 0 to 1; 0 where it is below a third argument.',
    "jaro_similarity('duck', 'duckdb') → 0.8888888888888888",
  ),
  similarity(
    'jaro_winkler_similarity',
    jaroWinkler,
    true,
    'The Jaro-Winkler similarity, from 0 to 1; 0 where it is below a third argument.',
    "jaro_winkler_similarity('duck', 'duckdb') → 0.9333333333333333",
  ),
];
