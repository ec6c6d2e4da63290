/**
 * Parts of texts: substring, left, right, padding, trimming, overlay, by characters or by graphemes.
 *
 * Hides UTF-8. Invariants: places count from 1 and are characters (code points), or grapheme clusters in the functions
 * that say so; negative ones count from the end, with DuckDB's rules for what lies outside; ASCII is cut as bytes.
 */
import type { Vector } from '../arrow/vector.ts';
import { byteRowsOf, decodeText, rowBytes } from './byte-rows.ts';
import type { ByteRowsBuilder } from './byte-rows.ts';
import type { Kernel } from './contract.ts';
import type { FunctionEntry } from './entry.ts';
import { checkTextBytes, integersOf, madeFor, rowError, strictEntry, textRows, textsOf } from './scalar-frame.ts';
import { UTF8 } from './signature.ts';

const PLACE_BOUND = 4294967296;

/** The units that places count. */
export interface Units {
  /** Units of the text. */
  readonly count: number;
  /** Byte where unit `index` begins; the end for `count`. */
  readonly at: (index: number) => number;
}

function characterCount(bytes: Uint8Array): number {
  let count = 0;
  for (let k = 0; k < bytes.length; k++) if (((bytes[k] as number) & 0xc0) !== 0x80) count++;
  return count;
}

/** The byte at which the character `index` begins. */
function characterStart(bytes: Uint8Array, index: number): number {
  let left = index;
  for (let k = 0; k < bytes.length; k++) {
    if (((bytes[k] as number) & 0xc0) === 0x80) continue;
    if (left-- === 0) return k;
  }
  return bytes.length;
}

/** The characters of a text. */
export function charactersOf(bytes: Uint8Array): Units {
  const count = characterCount(bytes);
  return { count, at: count === bytes.length ? (index) => index : (index) => characterStart(bytes, index) };
}

const segmenter = new Intl.Segmenter('en', { granularity: 'grapheme' });

/** The grapheme clusters of a text. */
export function graphemesOf(text: string): string[] {
  return Array.from(segmenter.segment(text), ({ segment }) => segment);
}

function graphemeUnits(bytes: Uint8Array): Units {
  const characters = charactersOf(bytes);
  // Two ASCII characters are never one grapheme, but for a line's end of two.
  if (characters.count === bytes.length && !bytes.includes(13)) return characters;
  const starts = [0];
  let at = 0;
  for (const segment of graphemesOf(decodeText(bytes))) {
    at += Buffer.byteLength(segment);
    starts.push(at);
  }
  return { count: starts.length - 1, at: (index) => starts[index] as number };
}

function checkPlace(what: string, value: number): void {
  if (value >= -PLACE_BOUND && value < PLACE_BOUND) return;
  throw rowError(`${what} ${value.toString()} is beyond 2^32`);
}

/** The half-open range of units that DuckDB's substring takes; a place before the first unit is one all the same. */
function sliceRange(count: number, offset: number, length: number): readonly [number, number] {
  let start = offset > 0 ? offset - 1 : offset < 0 ? count + offset : -1;
  let end = start + length;
  // A negative length goes backwards; place 0 is before the first unit, and there is nothing before it.
  if (length < 0) [start, end] = [end, start];
  const from = Math.max(0, Math.min(start, count));
  return [from, Math.max(from, Math.min(end, count))];
}

type UnitsOf = (bytes: Uint8Array) => Units;

function substringKernel(unitsOf: UnitsOf): Kernel {
  return (args, rowCount, type) => {
    const rows = byteRowsOf(args[0] as Vector);
    const starts = integersOf(args[1] as Vector);
    const lengths = args.length > 2 ? integersOf(args[2] as Vector) : undefined;
    return textRows(args, rowCount, type, (i, out) => {
      const offset = starts[i] as number;
      const length = lengths === undefined ? PLACE_BOUND - 1 : (lengths[i] as number);
      checkPlace('the start of a substring', offset);
      checkPlace('the length of a substring', length);
      const bytes = rowBytes(rows, i);
      const units = unitsOf(bytes);
      const [from, to] = sliceRange(
        units.count,
        offset,
        lengths === undefined ? units.count + 2 * PLACE_BOUND : length,
      );
      if (to > from) out.append(bytes, units.at(from), units.at(to));
    });
  };
}

/** left and right: a negative count leaves so many out. */
function sideKernel(unitsOf: UnitsOf, fromLeft: boolean): Kernel {
  return (args, rowCount, type) => {
    const rows = byteRowsOf(args[0] as Vector);
    const counts = integersOf(args[1] as Vector);
    return textRows(args, rowCount, type, (i, out) => {
      const bytes = rowBytes(rows, i);
      const wanted = counts[i] as number;
      const units = unitsOf(bytes);
      const taken = Math.max(0, Math.min(units.count, wanted >= 0 ? wanted : units.count + wanted));
      if (fromLeft) out.append(bytes, 0, units.at(taken));
      else if (taken > 0) out.append(bytes, units.at(units.count - taken), bytes.length);
    });
  };
}

function padKernel(name: string, onLeft: boolean): Kernel {
  return (args, rowCount, type) => {
    const rows = byteRowsOf(args[0] as Vector);
    const lengths = integersOf(args[1] as Vector);
    const pads = byteRowsOf(args[2] as Vector);
    return textRows(args, rowCount, type, (i, out) => {
      const bytes = rowBytes(rows, i);
      const units = charactersOf(bytes);
      const missing = (lengths[i] as number) - units.count;
      if (missing <= 0) {
        if ((lengths[i] as number) > 0) out.append(bytes, 0, units.at(lengths[i] as number));
        return;
      }
      if (onLeft) appendPadding(name, out, rowBytes(pads, i), missing, bytes.length);
      out.append(bytes, 0, bytes.length);
      if (!onLeft) appendPadding(name, out, rowBytes(pads, i), missing, bytes.length);
    });
  };
}

function appendPadding(name: string, out: ByteRowsBuilder, pad: Uint8Array, count: number, others: number): void {
  if (pad.length === 0) throw rowError(`${name} has no characters to fill with: its third argument is empty`);
  const units = charactersOf(pad);
  const whole = Math.floor(count / units.count);
  checkTextBytes(name, whole * pad.length + others);
  for (let k = 0; k < whole; k++) out.append(pad, 0, pad.length);
  out.append(pad, 0, units.at(count % units.count));
}

/** Spaces that trim takes away when it is told no characters: those of Unicode's class Zs. */
const SPACES = new Set(
  ' \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000',
);

function trimKernel(left: boolean, right: boolean): Kernel {
  return (args, rowCount, type) => {
    const rows = byteRowsOf(args[0] as Vector);
    const texts = textsOf(args[0] as Vector);
    const given = args.length > 1 ? textsOf(args[1] as Vector) : undefined;
    const setOf = given === undefined ? (): Set<string> => SPACES : madeFor(args.slice(1), (i) => new Set(given(i)));
    return textRows(args, rowCount, type, (i, out) => {
      const bytes = rowBytes(rows, i);
      const set = setOf(i);
      if (characterCount(bytes) === bytes.length) {
        let start = 0;
        let end = bytes.length;
        while (left && start < end && set.has(String.fromCharCode(bytes[start] as number))) start++;
        while (right && end > start && set.has(String.fromCharCode(bytes[end - 1] as number))) end--;
        out.append(bytes, start, end);
        return;
      }
      const characters = Array.from(texts(i));
      let start = 0;
      let end = characters.length;
      while (left && start < end && set.has(characters[start] as string)) start++;
      while (right && end > start && set.has(characters[end - 1] as string)) end--;
      out.appendText(characters.slice(start, end).join(''));
    });
  };
}

const overlayKernel: Kernel = (args, rowCount, type) => {
  const rows = byteRowsOf(args[0] as Vector);
  const others = byteRowsOf(args[1] as Vector);
  const starts = integersOf(args[2] as Vector);
  const lengths = args.length > 3 ? integersOf(args[3] as Vector) : undefined;
  return textRows(args, rowCount, type, (i, out) => {
    const bytes = rowBytes(rows, i);
    const other = rowBytes(others, i);
    const units = charactersOf(bytes);
    const start = starts[i] as number;
    const given = lengths === undefined ? -1 : (lengths[i] as number);
    const length = given < 0 ? characterCount(other) : given;
    const clamp = (place: number): number => Math.max(0, Math.min(units.count, place));
    out.append(bytes, 0, units.at(clamp(start - 1)));
    out.append(other, 0, other.length);
    out.append(bytes, units.at(clamp(start - 1 + length)), bytes.length);
  });
};

const reverseKernel: Kernel = (args, rowCount, type) => {
  const rows = byteRowsOf(args[0] as Vector);
  return textRows(args, rowCount, type, (i, out) => {
    const bytes = rowBytes(rows, i);
    if (characterCount(bytes) === bytes.length && !bytes.includes(13)) {
      const reversed = bytes.slice().reverse();
      out.append(reversed, 0, reversed.length);
    } else out.appendText(graphemesOf(decodeText(bytes)).reverse().join(''));
  });
};

function cut(
  name: string,
  aliases: readonly string[],
  unitsOf: UnitsOf,
  doc: string,
  example: string,
): FunctionEntry {
  const overloads = [
    ['text', 'int64'],
    ['text', 'int64', 'int64'],
  ] as const;
  return strictEntry({
    name,
    aliases,
    overloads,
    type: UTF8,
    doc,
    example,
    fails: true,
    kernel: substringKernel(unitsOf),
  });
}

function side(name: string, unitsOf: UnitsOf, fromLeft: boolean, doc: string, example: string): FunctionEntry {
  const kernel = sideKernel(unitsOf, fromLeft);
  return strictEntry({ name, overloads: [['text', 'int64']], type: UTF8, doc, example, kernel });
}

function pad(name: string, onLeft: boolean, doc: string, example: string): FunctionEntry {
  const kernel = padKernel(name, onLeft);
  return strictEntry({ name, overloads: [['text', 'int32', 'text']], type: UTF8, doc, example, fails: true, kernel });
}

function trim(name: string, left: boolean, right: boolean, doc: string, example: string): FunctionEntry {
  const overloads = [['text'], ['text', 'text']] as const;
  return strictEntry({ name, overloads, type: UTF8, doc, example, kernel: trimKernel(left, right) });
}

/** The entries of this family. */
export const TEXT_SLICE: readonly FunctionEntry[] = [
  cut(
    'substring',
    ['substr'],
    charactersOf,
    'The characters from a place on, from the end where negative, as many as told; also SUBSTRING(text FROM n FOR m).',
    "substring('Sheaf', 2, 3) → 'hea'",
  ),
  cut(
    'substring_grapheme',
    [],
    graphemeUnits,
    'As substring, by grapheme clusters.',
    "substring_grapheme('🤦🏼‍♂️ab', 2, 1) → 'a'",
  ),
  side(
    'left',
    charactersOf,
    true,
    'The first characters, or all but the last where negative.',
    "left('abc', -1) → 'ab'",
  ),
  side(
    'right',
    charactersOf,
    false,
    'The last characters, or all but the first where negative.',
    "right('abc', 2) → 'bc'",
  ),
  side('left_grapheme', graphemeUnits, true, 'As left, by grapheme clusters.', "left_grapheme('🇮🇸ab', 1) → '🇮🇸'"),
  side('right_grapheme', graphemeUnits, false, 'As right, by graphemes.', "right_grapheme('a🇮🇸', 1) → '🇮🇸'"),
  pad(
    'lpad',
    true,
    'The text filled on its left to so many characters, or cut to them.',
    "lpad('7', 3, '0') → '007'",
  ),
  pad(
    'rpad',
    false,
    'The text filled on its right to so many characters, or cut to them.',
    "rpad('ab', 4, '-') → 'ab--'",
  ),
  trim(
    'trim',
    true,
    true,
    'The text without spaces, or the characters given, at both ends.',
    "trim('xaxx', 'x') → 'a'",
  ),
  trim(
    'ltrim',
    true,
    false,
    'The text without spaces, or the characters given, at its start.',
    "ltrim('xax', 'x') → 'ax'",
  ),
  trim(
    'rtrim',
    false,
    true,
    'The text without spaces, or the characters given, at its end.',
    "rtrim('xax', 'x') → 'xa'",
  ),
  strictEntry({
    name: 'overlay',
    overloads: [
      ['text', 'text', 'int64'],
      ['text', 'text', 'int64', 'int64'],
    ],
    type: UTF8,
    doc: 'The text with another over its characters from a place on; also OVERLAY(text PLACING other FROM n FOR m).',
    example: "overlay('Sheaf', 'el', 3, 3) → 'Shel'",
    kernel: overlayKernel,
  }),
  strictEntry({
    name: 'reverse',
    overloads: [['text']],
    type: UTF8,
    doc: 'The grapheme clusters in reverse order.',
    example: "reverse('abc') → 'cba'",
    kernel: reverseKernel,
  }),
];
