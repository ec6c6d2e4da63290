/**
 * One LIKE pattern without `_` over a whole column.
 *
 * Hides that a column is searched as one text where its rows lie side by side. Invariants: the answers are those of
 * pattern-like; null rows get any bit.
 */
import type { Vector } from '../arrow/vector.ts';
import { byteRowsOf } from './byte-rows.ts';
import type { ByteRows } from './byte-rows.ts';

/** The text between the wildcards of a pattern: how a match begins, what follows, how it ends. */
interface Parts {
  readonly first: Uint8Array;
  readonly middle: readonly Uint8Array[];
  readonly last: Uint8Array;
  /** True without a wildcard: the whole text is `first`. */
  readonly isExact: boolean;
}

function isAt(bytes: Uint8Array, part: Uint8Array, at: number): boolean {
  for (let k = 0; k < part.length; k++) if (bytes[at + k] !== part[k]) return false;
  return true;
}

function find(bytes: Uint8Array, part: Uint8Array, from: number, end: number): number {
  const first = part[0] as number;
  for (let at = from; at <= end - part.length; at++) if (bytes[at] === first && isAt(bytes, part, at)) return at;
  return -1;
}

/** True when the bytes from `start` to `end` match. */
function matches(bytes: Uint8Array, start: number, end: number, { first, middle, last, isExact }: Parts): boolean {
  const room = end - start - first.length - last.length;
  if (room < 0 || (isExact && room > 0) || !isAt(bytes, first, start)) return false;
  if (!isAt(bytes, last, end - last.length)) return false;
  let at = start + first.length;
  for (const part of middle) {
    const found = find(bytes, part, at, end - last.length);
    if (found < 0) return false;
    at = found + part.length;
  }
  return true;
}

function setBit(bits: Uint8Array, row: number): void {
  bits[row >> 3] = (bits[row >> 3] as number) | (1 << (row & 7));
}

/** Rows that hold the first middle part are found in the text of all rows, and only they are looked at. */
function searchAll({ buffers, starts, ends }: ByteRows, rowCount: number, parts: Parts, bits: Uint8Array): void {
  const bytes = buffers[0] as Uint8Array;
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const wanted = parts.middle[0] as Uint8Array;
  const last = ends[rowCount - 1] as number;
  let row = 0;
  let at = text.indexOf(wanted, starts[0]);
  while (at >= 0 && at < last) {
    while ((ends[row] as number) <= at) row++;
    const [start, end] = [starts[row] as number, ends[row] as number];
    if (at + wanted.length > end) at = text.indexOf(wanted, at + 1);
    else {
      if (matches(bytes, start, end, parts)) setBit(bits, row);
      at = text.indexOf(wanted, end);
    }
  }
}

function testEach(rows: ByteRows, rowCount: number, parts: Parts, bits: Uint8Array): void {
  const { buffers, which, starts, ends } = rows;
  for (let i = 0; i < rowCount; i++) {
    const bytes = buffers[which === undefined ? 0 : (which[i] as number)] as Uint8Array;
    if (matches(bytes, starts[i] as number, ends[i] as number, parts)) setBit(bits, i);
  }
}

/** Which rows match a pattern that is `parts` with % between them, as a bitmap. */
export function likeRows(texts: Vector, rowCount: number, parts: readonly Uint8Array[]): Uint8Array {
  const bits = new Uint8Array((rowCount + 7) >> 3);
  const rows = byteRowsOf(texts);
  const isExact = parts.length === 1;
  const read: Parts = {
    first: parts[0] as Uint8Array,
    middle: parts.slice(1, -1).filter((part) => part.length > 0),
    last: isExact ? new Uint8Array(0) : (parts.at(-1) as Uint8Array),
    isExact,
  };
  const isPacked = texts.type.id === 'utf8' || texts.type.id === 'large_utf8';
  const isSearched = isPacked && rowCount > 0 && read.middle.length > 0;
  (isSearched ? searchAll : testEach)(rows, rowCount, read, bits);
  return bits;
}
