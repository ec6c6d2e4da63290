/**
 * Loops of DuckDB's files: which values a variable takes, and putting them into text.
 *
 * Hides the groups of types that foreach knows. Invariant: a loop that would run more than LOOP_RUNS_MAX times is
 * refused, not cut.
 */
import type { Loop } from './script.ts';

/** Values of variables by name. */
export type Variables = ReadonlyMap<string, string>;

const LOOP_RUNS_MAX = 100_000;

const SIGNED = ['tinyint', 'smallint', 'integer', 'bigint', 'hugeint'];
const UNSIGNED = ['utinyint', 'usmallint', 'uinteger', 'ubigint', 'uhugeint'];
const INTEGRAL = [...SIGNED, ...UNSIGNED];
const NUMERIC = [...INTEGRAL, 'float', 'double'];

/** `<name>` in a foreach. */
const GROUPS: Readonly<Record<string, readonly string[]>> = {
  '<signed>': SIGNED,
  '<unsigned>': UNSIGNED,
  '<integral>': INTEGRAL,
  '<numeric>': NUMERIC,
  '<alltypes>': [...NUMERIC, 'bool', 'interval', 'varchar', 'date', 'time', 'timestamp', 'blob'],
  '<compression>': ['none', 'uncompressed', 'rle', 'bitpacking', 'dictionary', 'fsst', 'alp', 'alprd'],
};

/** Replaces each `${name}` and `{name}` that has a value. */
export function substitute(text: string, variables: Variables): string {
  if (variables.size === 0) return text;
  return text.replace(/\$?\{(\w+)\}/gu, (whole, name: string) => variables.get(name) ?? whole);
}

/** The variables of each run of a loop, on top of those around it. @throws Error for a loop that is not well formed */
export function loopRuns({ words, line }: Loop, outer: Variables): readonly Variables[] {
  const [word = '', ...rest] = words.map((text) => substitute(text, outer));
  const names = (rest[0] ?? '').split(',');
  const values = word.endsWith('foreach') ? foreachValues(rest.slice(1)) : rangeValues(rest, line);
  return values.map((value) => {
    const parts = names.length === 1 ? [value] : value.split(',');
    if (parts.length !== names.length) throw new Error(`line ${line.toString()}: ${value} is not one value a name`);
    return new Map([...outer, ...names.map((name, i) => [name, parts[i] ?? ''] as const)]);
  });
}

function rangeValues([, from, to]: readonly string[], line: number): string[] {
  const [start, end] = [Number(from), Number(to)];
  const isRange = Number.isInteger(start) && Number.isInteger(end) && end - start <= LOOP_RUNS_MAX;
  if (!isRange) throw new Error(`line ${line.toString()}: a loop from ${from ?? ''} to ${to ?? ''}`);
  return Array.from({ length: Math.max(0, end - start) }, (_, i) => (start + i).toString());
}

function foreachValues(words: readonly string[]): string[] {
  const without = new Set(words.filter((word) => word.startsWith('!')).map((word) => word.slice(1)));
  return words
    .filter((word) => !word.startsWith('!'))
    .flatMap((word) => GROUPS[word] ?? [word])
    .filter((value) => !without.has(value));
}
