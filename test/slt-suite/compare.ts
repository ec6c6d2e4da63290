/**
 * Answers against what a file wants of them.
 *
 * Hides how each dialect writes values, rows and hashes. Invariants: undefined means right, text says what is wrong; a
 * value of the wrong type is wrong where the file names types of values (SQLite's I, R, T).
 */
import { createHash } from 'node:crypto';
import type { Dialect } from './script.ts';

/** What a column holds, as far as files tell. */
export type ColumnKind = 'integer' | 'decimal' | 'float' | 'boolean' | 'text' | 'other';

/** Rows as text: NULL, `(empty)`, text as it is, all else as CAST … AS VARCHAR. */
export interface Answer {
  readonly columns: readonly ColumnKind[];
  readonly rows: readonly (readonly string[])[];
}

export type SortMode = 'nosort' | 'rowsort' | 'valuesort';

/** What a query record wants. */
export interface Wanted {
  readonly dialect: Dialect;
  /** One letter a column. */
  readonly types: string;
  readonly sort: SortMode;
  /** Lines below `----`. */
  readonly lines: readonly string[];
}

/** What is wrong with `answer`; undefined when nothing is. */
export function faultOf(answer: Answer, wanted: Wanted): string | undefined {
  const { columns } = answer;
  const { types, lines, dialect } = wanted;
  if (columns.length !== types.length) {
    return `${columns.length.toString()} columns, ${types.length.toString()} are wanted`;
  }
  const rows = printRows(answer, wanted);
  const hash = /^(\d+) values? hashing to ([0-9a-f]{32})$/u.exec(lines[0] ?? '');
  if (hash !== null && lines.length === 1) return hashFault(sortedValues(rows, wanted), hash);
  if (dialect === 'sqlite') return valuesFault(sortedValues(rows, wanted), lines, isSame);
  const given = rowsOfLines(lines, wanted);
  if (given === undefined) {
    const kindAt = (place: number): ColumnKind | undefined =>
      wanted.sort === 'nosort' ? columns[place % columns.length] : undefined;
    const near = (got: string, line: string, place: number): boolean => isNear(kindAt(place))(got, line, place);
    return valuesFault(sortedValues(rows, wanted), sortLines(lines, wanted), near);
  }
  return rowsFault(rows, given, wanted, columns);
}

/** True when two engines gave the same rows, up to their order unless it matters. */
export function sameAnswers(a: Answer, b: Answer, sort: SortMode): boolean {
  const [mine, theirs] = [a, b].map(({ rows }) =>
    sort === 'nosort' ? [...rows] : sortByBytes(rows, (row) => row.join('\t')),
  ) as [(readonly string[])[], (readonly string[])[]];
  if (mine.length !== theirs.length) return false;
  return mine.every((row, i) => {
    return row.every((value, c) => isNear(a.columns[c])(value, theirs[i]?.[c] ?? '', c));
  });
}

/** The hash that labels compare answers by. */
export function answerHash(answer: Answer, wanted: Wanted): string {
  return hashOf(sortedValues(printRows(answer, wanted), wanted));
}

function printRows({ rows, columns }: Answer, { dialect, types }: Wanted): string[][] {
  if (dialect !== 'sqlite') return rows.map((row) => [...row]);
  return rows.map((row) => row.map((cell, i) => sqliteText(cell, columns[i] ?? 'other', types[i] ?? 'T')));
}

/**
 * A value as SQLite's own runner prints it for a type letter, with two things left out that would hide wrong answers:
 * that runner cuts fractions off under I, and reads text as a number. A whole number of a floating type is one under I,
 * since the engines that the files were made with do not agree on the types of mixed expressions.
 */
function sqliteText(cell: string, kind: ColumnKind, type: string): string {
  if (cell === 'NULL' || cell === '(empty)') return cell;
  const digits = kind === 'boolean' ? (cell === 'true' ? '1' : '0') : cell;
  if (type !== 'T' && (kind === 'text' || kind === 'other')) return `${kind} ${cell}`;
  switch (type) {
    case 'I':
      return kind === 'integer' || kind === 'boolean' ? digits : wholeText(digits);
    case 'R':
      return threeDecimals(Number(digits));
    default:
      return Buffer.from(digits)
        .toString('latin1')
        .replace(/[^ -~]/gu, '@');
  }
}

/** A number without its fraction where that is nothing. */
function wholeText(digits: string): string {
  const value = Number(digits);
  return Number.isInteger(value) ? BigInt(value).toString() : digits;
}

/** `%.3f` of C: halves go to the even digit, and minus zero keeps its sign. */
export function threeDecimals(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'nan' : value > 0 ? 'inf' : '-inf';
  if (Math.abs(value) >= 1e21) return `${BigInt(value).toString()}.000`;
  const sign = value < 0 || Object.is(value, -0) ? '-' : '';
  const size = Math.abs(value);
  // Three decimals are in the middle of two others only for odd sixteenths; toFixed goes up there.
  const rounded = size.toFixed(3);
  const isHalf = Number.isInteger(size * 16) && (size * 16) % 2 === 1;
  const isOdd = Number(rounded.at(-1)) % 2 === 1;
  return `${sign}${isHalf && isOdd ? (size - 0.000_25).toFixed(3) : rounded}`;
}

function sortedValues(rows: string[][], { sort, lines }: Wanted): readonly string[] {
  if (sort === 'nosort' || lines.length === 0) return rows.flat();
  if (sort === 'valuesort') return sortByBytes(rows.flat(), (value) => value);
  return sortByBytes(rows, (row) => row.join('\n')).flat();
}

/** Items in the order of their texts' bytes; each text is encoded once. */
function sortByBytes<T>(items: readonly T[], textOf: (item: T) => string): T[] {
  const keyed = items.map((item) => ({ item, key: Buffer.from(textOf(item)) }));
  return keyed.sort((a, b) => Buffer.compare(a.key, b.key)).map(({ item }) => item);
}

function hashOf(values: readonly string[]): string {
  const hash = createHash('md5');
  for (const value of values) hash.update(`${value}\n`);
  return hash.digest('hex');
}

function hashFault(values: readonly string[], [, count, hash]: RegExpExecArray): string | undefined {
  if (values.length !== Number(count)) return `${values.length.toString()} values, ${count ?? ''} are wanted`;
  const got = hashOf(values);
  return got === hash ? undefined : `values hash to ${got}, ${hash ?? ''} is wanted`;
}

type Equal = (got: string, wanted: string, place: number) => boolean;

function isSame(got: string, wanted: string): boolean {
  return got === wanted;
}

function valuesFault(got: readonly string[], wanted: readonly string[], equal: Equal): string | undefined {
  if (got.length !== wanted.length) {
    return `${got.length.toString()} values, ${wanted.length.toString()} are wanted`;
  }
  const place = got.findIndex((value, i) => !equal(value, wanted[i] ?? '', i));
  if (place === -1) return undefined;
  const number = (place + 1).toString();
  return `value ${number} is ${JSON.stringify(got[place])}, ${JSON.stringify(wanted[place])} is wanted`;
}

function sortLines(lines: readonly string[], { sort }: Wanted): readonly string[] {
  return sort === 'nosort' ? lines : sortByBytes(lines, (line) => line);
}

/** Rows of a file that has one a line; undefined where each line is a value. */
function rowsOfLines(lines: readonly string[], { dialect, types }: Wanted): string[][] | undefined {
  if (dialect === 'datafusion') return lines.map((line) => [line.trim().replaceAll(/\s+/gu, ' ')]);
  const rows = lines.map((line) => line.split('\t'));
  return rows.every((row) => row.length === types.length) ? rows : undefined;
}

function rowsFault(
  got: string[][],
  wanted: string[][],
  { dialect, sort }: Wanted,
  columns: readonly ColumnKind[],
): string | undefined {
  const isJoined = dialect === 'datafusion';
  const rows = isJoined ? got.map((row) => [row.join(' ').trim().replaceAll(/\s+/gu, ' ')]) : got;
  const key = (row: readonly string[]): string => row.join('\t');
  const sortValues = (lists: readonly string[][]): string[] => sortByBytes(lists.flat(), (value) => value);
  const mine = sort === 'rowsort' ? sortByBytes(rows, key) : rows;
  const theirs = sort === 'rowsort' ? sortByBytes(wanted, key) : wanted;
  if (sort === 'valuesort') {
    return valuesFault(sortValues(mine), sortValues(theirs), isNear(undefined));
  }
  if (mine.length !== theirs.length) return `${mine.length.toString()} rows, ${theirs.length.toString()} are wanted`;
  for (const [i, row] of mine.entries()) {
    const place = row.findIndex((value, c) => {
      const isRight = isJoined ? isNearRow : isNear(columns[c]);
      return !isRight(value, theirs[i]?.[c] ?? '', c);
    });
    if (place === -1) continue;
    const where = `row ${(i + 1).toString()}, column ${(place + 1).toString()}`;
    return `${where} is ${JSON.stringify(row[place])}, ${JSON.stringify(theirs[i]?.[place])} is wanted`;
  }
  return undefined;
}

function isNearRow(got: string, wanted: string): boolean {
  const [mine, theirs] = [got.split(' '), wanted.split(' ')];
  return mine.length === theirs.length && mine.every((value, i) => isNear(undefined)(value, theirs[i] ?? '', i));
}

/** How far a floating-point number may be from the one that is wanted, as a part of it. */
const FLOAT_TOLERANCE = 1e-6;

/** Equality of DuckDB's files: patterns, booleans as digits, and floating-point numbers that are near. */
function isNear(kind: ColumnKind | undefined): Equal {
  return (got, wanted) => {
    if (got === wanted) return true;
    const pattern = patternOf(wanted);
    if (pattern !== undefined) return pattern.expression.test(got) !== pattern.negated;
    if (kind === 'text' || got === 'NULL' || wanted === 'NULL' || wanted === '') return false;
    if (kind === 'boolean') return got === { 1: 'true', 0: 'false' }[wanted] || got === wanted.toLowerCase();
    const [a, b] = [Number(got), Number(wanted)];
    if (Number.isNaN(a) || Number.isNaN(b)) return false;
    if (kind === 'integer') return /^-?\d+$/u.test(wanted) ? BigInt(got) === BigInt(wanted) : a === b;
    return a === b || Math.abs(a - b) <= Math.abs(b) * FLOAT_TOLERANCE;
  };
}

/** The expression of `<REGEX>:…` and `<!REGEX>:…`, which must match the whole value. */
export function patternOf(text: string): { readonly expression: RegExp; readonly negated: boolean } | undefined {
  const match = /^<(!?)REGEX>:([^]*)$/u.exec(text);
  if (match === null) return undefined;
  return { expression: new RegExp(`^(?:${match[2] ?? ''})$`, 's'), negated: match[1] === '!' };
}
