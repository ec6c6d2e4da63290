/**
 * Patterns with wildcards: LIKE and ILIKE with an escape character, and GLOB.
 *
 * Hides how they are matched. Invariants: `%` is any text and `_` one character; GLOB is by bytes, as in DuckDB; the
 * steps are counted, since a wildcard between long texts can cost text × pattern.
 */
import { findBytes } from './text-search.ts';
import { rowError } from './scalar-frame.ts';
import type { StepBudget } from './pattern-match.ts';

export type BytesTest = (bytes: Uint8Array) => boolean;

const ANY_CHARACTER = -1;
const ANY_TEXT = -2;
const NOTHING = -3;

/** A pattern as bytes, with negative numbers for its wildcards. `escape`: a byte, or -1. */
function readLike(pattern: Uint8Array, escape: number): Int16Array {
  const out = new Int16Array(pattern.length);
  let count = 0;
  for (let k = 0; k < pattern.length; k++) {
    const byte = pattern[k] as number;
    if (byte === escape) {
      if (++k === pattern.length) throw rowError('a LIKE pattern cannot end with its escape character');
      out[count++] = pattern[k] as number;
    } else out[count++] = byte === 37 ? ANY_TEXT : byte === 95 ? ANY_CHARACTER : byte;
  }
  return out.subarray(0, count);
}

/** Bytes of the character that begins with `byte`. */
function characterLength(byte: number): number {
  return byte < 0x80 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
}

/** Matches greedily; on a mismatch only the last % is tried again, one character further. */
function matchesLike(text: Uint8Array, pattern: Int16Array, budget: StepBudget): boolean {
  let at = 0;
  let p = 0;
  let retryAt = -1;
  let retryPattern = -1;
  while (at < text.length) {
    const wanted = p < pattern.length ? (pattern[p] as number) : NOTHING;
    if (wanted === ANY_TEXT) {
      retryAt = at;
      retryPattern = ++p;
    } else if (wanted === ANY_CHARACTER) {
      at += characterLength(text[at] as number);
      p++;
    } else if (wanted === text[at]) {
      at++;
      p++;
    } else if (retryAt >= 0) {
      budget.spend(at - retryAt + 1);
      retryAt += characterLength(text[retryAt] as number);
      at = retryAt;
      p = retryPattern;
    } else {
      return false;
    }
  }
  while (p < pattern.length && pattern[p] === ANY_TEXT) p++;
  return p === pattern.length && at === text.length;
}

/** The texts between the %s; undefined where the pattern has a _. */
function literalParts(pattern: Int16Array): Uint8Array[] | undefined {
  if (pattern.includes(ANY_CHARACTER)) return undefined;
  const parts: Uint8Array[] = [];
  let start = 0;
  for (let k = 0; k <= pattern.length; k++) {
    if (k < pattern.length && pattern[k] !== ANY_TEXT) continue;
    parts.push(Uint8Array.from(pattern.subarray(start, k)));
    start = k + 1;
  }
  return parts;
}

function endsAt(bytes: Uint8Array, part: Uint8Array, end: number): boolean {
  const start = end - part.length;
  for (let k = 0; k < part.length; k++) if (bytes[start + k] !== part[k]) return false;
  return true;
}

/** The first part begins the text, the last ends it, and those between follow one another. */
function partsTest(parts: readonly Uint8Array[]): BytesTest {
  const first = parts[0] as Uint8Array;
  const last = parts.at(-1) as Uint8Array;
  if (parts.length === 1) return (bytes) => bytes.length === first.length && endsAt(bytes, first, first.length);
  const middle = parts.slice(1, -1).filter((part) => part.length > 0);
  return (bytes) => {
    const end = bytes.length - last.length;
    if (end < first.length || !endsAt(bytes, first, first.length) || !endsAt(bytes, last, bytes.length)) return false;
    let at = first.length;
    for (const part of middle) {
      const found = findBytes(bytes, part, at);
      if (found < 0) return false;
      at = found + part.length;
    }
    return at <= end;
  };
}

/**
 * The texts between the %s of a LIKE pattern; undefined where it has a _, or ends with its escape character. `escape`:
 * the escape character's byte, or -1.
 */
export function likeParts(pattern: Uint8Array, escape = -1): readonly Uint8Array[] | undefined {
  let at = 0;
  while (at < pattern.length) at += pattern[at] === escape ? 2 : 1;
  return at === pattern.length ? literalParts(readLike(pattern, escape)) : undefined;
}

/** Compiles a LIKE pattern. `escape`: the escape character's byte, or -1. @throws `value_error` */
export function likeTest(pattern: Uint8Array, escape: number, budget: StepBudget): BytesTest {
  const read = readLike(pattern, escape);
  const parts = literalParts(read);
  return parts === undefined ? (bytes) => matchesLike(bytes, read, budget) : partsTest(parts);
}

/** The byte of an escape character, -1 for an empty text. @throws `value_error` */
export function escapeByte(text: Uint8Array): number {
  if (text.length > 1) throw rowError('an escape string is empty or one ASCII character');
  return text[0] ?? -1;
}

/** One element of a GLOB pattern: a set of bytes, or any text where undefined. */
type GlobElement = Uint8Array | undefined;

const ANY_BYTE = new Uint8Array(256).fill(1);

function onlyByte(byte: number): Uint8Array {
  const set = new Uint8Array(256);
  set[byte] = 1;
  return set;
}

/** Elements of a pattern; undefined when it matches nothing, as one with an open bracket. */
function readGlob(pattern: Uint8Array): GlobElement[] | undefined {
  const elements: GlobElement[] = [];
  for (let k = 0; k < pattern.length; k++) {
    const byte = pattern[k] as number;
    if (byte === 42) elements.push(undefined);
    else if (byte === 63) elements.push(ANY_BYTE);
    else if (byte === 92) {
      if (++k === pattern.length) return undefined;
      elements.push(onlyByte(pattern[k] as number));
    } else if (byte === 91) {
      const bracket = readBracket(pattern, k + 1);
      if (bracket === undefined) return undefined;
      elements.push(bracket.set);
      k = bracket.end;
    } else elements.push(onlyByte(byte));
  }
  return elements;
}

/** `[a-c]` and `[!a-c]` from after the bracket; a `]` that comes first stands for itself. `end`: of the `]`. */
function readBracket(
  pattern: Uint8Array,
  from: number,
): { readonly set: Uint8Array; readonly end: number } | undefined {
  const isNegated = pattern[from] === 33;
  const start = isNegated ? from + 1 : from;
  const set = new Uint8Array(256);
  for (let k = start; k < pattern.length; k++) {
    const low = pattern[k] as number;
    if (low === 93 && k > start) return { set: isNegated ? set.map((bit) => 1 - bit) : set, end: k };
    const high = pattern[k + 2];
    if (pattern[k + 1] === 45 && high !== undefined && high !== 93) {
      for (let byte = low; byte <= high; byte++) set[byte] = 1;
      k += 2;
    } else set[low] = 1;
  }
  return undefined;
}

/** Compiles a GLOB pattern. */
export function globTest(pattern: Uint8Array, budget: StepBudget): BytesTest {
  const elements = readGlob(pattern);
  if (elements === undefined) return () => false;
  return (bytes) => {
    let at = 0;
    let p = 0;
    let retryAt = -1;
    let retryPattern = -1;
    while (at < bytes.length) {
      if (p < elements.length && elements[p] === undefined) {
        retryAt = at;
        retryPattern = ++p;
      } else if (p < elements.length && elements[p]?.[bytes[at] as number] === 1) {
        at++;
        p++;
      } else if (retryAt >= 0) {
        budget.spend(at - retryAt + 1);
        at = ++retryAt;
        p = retryPattern;
      } else return false;
    }
    while (p < elements.length && elements[p] === undefined) p++;
    return p === elements.length;
  };
}
