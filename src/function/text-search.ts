/**
 * Texts in texts: contains, starts_with, ends_with, position, replace, split_part, translate, repeat.
 *
 * Hides the byte search. Invariants: UTF-8 keeps the bytes of a character together, so that searching bytes finds
 * exactly what searching characters would; places count characters from 1; time is linear in the texts.
 */
import type { Vector } from '../arrow/vector.ts';
import { byteRowsOf, rowBytes } from './byte-rows.ts';
import type { Kernel } from './contract.ts';
import type { FunctionEntry } from './entry.ts';
import { overloaded } from './list-frame.ts';
import { REPEAT_LIST } from './list-pick.ts';
import { CONTAINS } from './map.ts';
import {
  boolRows,
  checkTextBytes,
  fitKinds,
  integersOf,
  madeFor,
  numberRows,
  onceForEachValue,
  strictEntry,
  textRows,
  textsOf,
} from './scalar-frame.ts';
import { BOOL, INT64, strictCall, UTF8 } from './signature.ts';

/** Bytes up to which a search byte by byte costs less than a call. */
const SHORT = 48;

/** The place of `needle` in `bytes` at or after `from`, or -1. */
export function findBytes(bytes: Uint8Array, needle: Uint8Array, from: number): number {
  if (needle.length === 0) return from;
  if (bytes.length - from > SHORT) {
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).indexOf(needle, from);
  }
  const last = bytes.length - needle.length;
  for (let at = from; at <= last; at++) if (startsAt(bytes, needle, at)) return at;
  return -1;
}

function startsAt(bytes: Uint8Array, needle: Uint8Array, at: number): boolean {
  for (let k = 0; k < needle.length; k++) if (bytes[at + k] !== needle[k]) return false;
  return true;
}

type Rows = ReturnType<typeof byteRowsOf>;
type Test = (bytes: Uint8Array, needle: Uint8Array) => boolean;

function testKernel(holds: Test): Kernel {
  return (args, rowCount, type) => {
    const rows = byteRowsOf(args[0] as Vector);
    const needles = byteRowsOf(args[1] as Vector);
    const needleOf = madeFor([args[1] as Vector], (i) => rowBytes(needles, i));
    return boolRows(args, rowCount, type, (i) => holds(rowBytes(rows, i), needleOf(i)));
  };
}

function test(name: string, aliases: readonly string[], holds: Test, doc: string, example: string): FunctionEntry {
  return strictEntry({
    name,
    aliases,
    overloads: [['text', 'text']],
    type: BOOL,
    doc,
    example,
    kernel: testKernel(holds),
  });
}

const positionKernel: Kernel = (args, rowCount, type) => {
  const rows = byteRowsOf(args[0] as Vector);
  const needles = byteRowsOf(args[1] as Vector);
  return numberRows(args, rowCount, type, (i) => {
    const bytes = rowBytes(rows, i);
    const found = findBytes(bytes, rowBytes(needles, i), 0);
    if (found < 0) return 0;
    let place = 1;
    for (let k = 0; k < found; k++) if (((bytes[k] as number) & 0xc0) !== 0x80) place++;
    return place;
  });
};

/** Places of `needle`, one after the other without overlap. */
function placesOf(bytes: Uint8Array, needle: Uint8Array): number[] {
  const places: number[] = [];
  if (needle.length === 0) return places;
  for (let at = findBytes(bytes, needle, 0); at >= 0; at = findBytes(bytes, needle, at + needle.length)) {
    places.push(at);
  }
  return places;
}

const replaceKernel: Kernel = (args, rowCount, type) => {
  const [rows, needles, others] = args.map(byteRowsOf) as [Rows, Rows, Rows];
  return textRows(args, rowCount, type, (i, out) => {
    const bytes = rowBytes(rows, i);
    const needle = rowBytes(needles, i);
    const other = rowBytes(others, i);
    const places = placesOf(bytes, needle);
    checkTextBytes('replace', bytes.length + places.length * (other.length - needle.length));
    let at = 0;
    for (const place of places) {
      out.append(bytes, at, place);
      out.append(other, 0, other.length);
      at = place + needle.length;
    }
    out.append(bytes, at, bytes.length);
  });
};

const repeatKernel: Kernel = (args, rowCount, type) => {
  const rows = byteRowsOf(args[0] as Vector);
  const counts = integersOf(args[1] as Vector);
  return textRows(args, rowCount, type, (i, out) => {
    const bytes = rowBytes(rows, i);
    if (bytes.length === 0) return;
    checkTextBytes('repeat', bytes.length * Math.max(0, counts[i] as number));
    for (let k = 0; k < (counts[i] as number); k++) out.append(bytes, 0, bytes.length);
  });
};

const splitKernel: Kernel = (args, rowCount, type) => {
  const rows = byteRowsOf(args[0] as Vector);
  const separators = byteRowsOf(args[1] as Vector);
  const indexes = integersOf(args[2] as Vector);
  return textRows(args, rowCount, type, (i, out) => {
    const bytes = rowBytes(rows, i);
    const separator = rowBytes(separators, i);
    // An empty separator stands between all characters.
    const places = separator.length > 0 ? placesOf(bytes, separator) : characterPlaces(bytes);
    const index = indexes[i] as number;
    const part = index > 0 ? index - 1 : places.length + 1 + index;
    if (index === 0 || part < 0 || part > places.length) return;
    const start = part === 0 ? 0 : (places[part - 1] as number) + separator.length;
    out.append(bytes, start, places[part] ?? bytes.length);
  });
};

/** Where characters but the first begin. */
function characterPlaces(bytes: Uint8Array): number[] {
  const places: number[] = [];
  for (let k = 1; k < bytes.length; k++) if (((bytes[k] as number) & 0xc0) !== 0x80) places.push(k);
  return places;
}

/** Which character becomes which; '' where it is dropped. The first mention counts. */
function translation(from: string, to: string): ReadonlyMap<string, string> {
  const images = Array.from(to);
  const map = new Map<string, string>();
  Array.from(from).forEach((character, k) => {
    if (!map.has(character)) map.set(character, images[k] ?? '');
  });
  return map;
}

const translateKernel: Kernel = (args, rowCount, type) => {
  const [texts, froms, tos] = args.map(textsOf) as [Texts, Texts, Texts];
  const mapOf = madeFor(args.slice(1), (i) => translation(froms(i), tos(i)));
  return textRows(args, rowCount, type, (i, out) => {
    const map = mapOf(i);
    let text = '';
    for (const character of texts(i)) text += map.get(character) ?? character;
    out.appendText(text);
  });
};

type Texts = (row: number) => string;

const REPEAT: FunctionEntry = {
  name: 'repeat',
  expects: '(text, integer) or (binary, integer)',
  doc: 'The text or bytes so many times over.',
  example: "repeat('ab', 3) → 'ababab'",
  fails: true,
  resolve: (args) => {
    const texts = fitKinds(args, ['text', 'int64']);
    if (texts !== undefined) return strictCall('repeat', texts, UTF8);
    const bytes = fitKinds(args, ['binary', 'int64']);
    return bytes === undefined ? undefined : strictCall('repeat', bytes, { id: 'binary' });
  },
  kernel: () => onceForEachValue(repeatKernel),
};

/** The entries of this family. */
export const TEXT_SEARCH: readonly FunctionEntry[] = [
  overloaded(
    test(
      'contains',
      [],
      (bytes, needle) => findBytes(bytes, needle, 0) >= 0,
      'True when the second text is in the first, or a value in a list, or a key in a map; also as `x IN y`.',
      "contains('Sheaf', 'ea') → true",
    ),
    CONTAINS,
  ),
  test(
    'starts_with',
    ['prefix', '^@'],
    (bytes, needle) => needle.length <= bytes.length && startsAt(bytes, needle, 0),
    'True when the first text begins with the second; also as `text ^@ start`.',
    "starts_with('Sheaf', 'She') → true",
  ),
  test(
    'suffix',
    ['ends_with'],
    (bytes, needle) => needle.length <= bytes.length && startsAt(bytes, needle, bytes.length - needle.length),
    'True when the first text ends with the second.',
    "ends_with('Sheaf', 'af') → true",
  ),
  strictEntry({
    name: 'instr',
    aliases: ['strpos', 'position'],
    overloads: [['text', 'text']],
    type: INT64,
    doc: 'The place of the second text in the first, 0 when it is not there; also POSITION(part IN text).',
    example: "instr('Sheaf', 'ea') → 3",
    kernel: positionKernel,
  }),
  strictEntry({
    name: 'replace',
    overloads: [['text', 'text', 'text']],
    type: UTF8,
    doc: 'The first text with the third in place of each second.',
    example: "replace('aXbX', 'X', '-') → 'a-b-'",
    fails: true,
    kernel: replaceKernel,
  }),
  overloaded(REPEAT, REPEAT_LIST),
  strictEntry({
    name: 'split_part',
    overloads: [['text', 'text', 'int64']],
    type: UTF8,
    doc: 'The part of so many between separators, from the end where negative; empty when there are fewer.',
    example: "split_part('a,b,c', ',', -1) → 'c'",
    kernel: splitKernel,
  }),
  strictEntry({
    name: 'translate',
    overloads: [['text', 'text', 'text']],
    type: UTF8,
    doc: 'Each character of the second text becomes that in its place in the third, or is dropped.',
    example: "translate('hello', 'el', 'ip') → 'hippo'",
    kernel: translateKernel,
  }),
];
