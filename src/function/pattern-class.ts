/**
 * Sets of characters: ranges of code points, their union and complement, case, and the classes with names.
 *
 * Hides Unicode's tables, which are those of the JavaScript engine. Invariants: ranges are sorted, apart, inclusive,
 * and never hold surrogates; a class with a name is made when it is first asked for, and once.
 * Source: RE2, "Syntax", "ASCII character classes" and "Perl character classes"; Unicode, CaseFolding (simple).
 */
const CODE_POINT_LAST = 0x10ffff;

/** Ranges as low and high bounds in turn. */
export type Ranges = readonly number[];

/** Every character. */
export const ALL_CHARACTERS: Ranges = [0, 0xd7ff, 0xe000, CODE_POINT_LAST];

/** Sorts ranges, joins those that meet, and leaves surrogates out. */
export function makeRanges(pairs: readonly (readonly [number, number])[]): Ranges {
  const sorted = [...pairs].sort((a, b) => a[0] - b[0]);
  const joined: [number, number][] = [];
  for (const [low, high] of sorted) {
    const last = joined.at(-1);
    if (last !== undefined && low <= last[1] + 1) last[1] = Math.max(last[1], high);
    else joined.push([low, high]);
  }
  return joined.flatMap(([low, high]) => {
    if (high < 0xd800 || low > 0xdfff) return [low, high];
    return [...(low < 0xd800 ? [low, 0xd7ff] : []), ...(high > 0xdfff ? [0xe000, high] : [])];
  });
}

export function pairsOf(ranges: Ranges): [number, number][] {
  const pairs: [number, number][] = [];
  for (let k = 0; k < ranges.length; k += 2) pairs.push([ranges[k] as number, ranges[k + 1] as number]);
  return pairs;
}

/** All characters that are not in `ranges`. */
export function complement(ranges: Ranges): Ranges {
  const pairs: [number, number][] = [];
  let next = 0;
  for (const [low, high] of pairsOf(ranges)) {
    if (low > next) pairs.push([next, low - 1]);
    next = high + 1;
  }
  if (next <= CODE_POINT_LAST) pairs.push([next, CODE_POINT_LAST]);
  return makeRanges(pairs);
}

/** True when `ranges` hold `code`. */
function holds(ranges: Ranges, code: number): boolean {
  let low = 0;
  let high = ranges.length >> 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((ranges[2 * middle + 1] as number) < code) low = middle + 1;
    else high = middle;
  }
  return low < ranges.length >> 1 && (ranges[2 * low] as number) <= code;
}

/** Beyond it no character has a case. */
const CASED_LAST = 0x1ffff;

let foldings: ReadonlyMap<number, readonly number[]> | undefined;

function single(text: string): number | undefined {
  const code = text.codePointAt(0) as number;
  return text.length === (code > 0xffff ? 2 : 1) ? code : undefined;
}

/** For every character with a case, those that differ from it in case alone, itself among them. */
function makeFoldings(): ReadonlyMap<number, readonly number[]> {
  const orbits = new Map<number, number[]>();
  const join = (a: number, b: number): void => {
    const left = orbits.get(a) ?? [a];
    const right = orbits.get(b) ?? [b];
    if (left === right) return;
    const both = [...new Set([...left, ...right])];
    for (const code of both) orbits.set(code, both);
  };
  for (let code = 0; code <= CASED_LAST; code++) {
    if (code === 0xd800) code = 0xe000;
    const text = String.fromCodePoint(code);
    for (const image of [single(text.toLowerCase()), single(text.toUpperCase())]) {
      if (image !== undefined && image !== code) join(code, image);
    }
  }
  return orbits;
}

/** The characters of `ranges` in any case. */
export function foldRanges(ranges: Ranges): Ranges {
  foldings ??= makeFoldings();
  const pairs = pairsOf(ranges);
  for (const [code, orbit] of foldings) {
    if (holds(ranges, code)) for (const other of orbit) pairs.push([other, other]);
  }
  return makeRanges(pairs);
}

function ofText(text: string): Ranges {
  const pairs: [number, number][] = [];
  for (let k = 0; k < text.length; k += 2) pairs.push([text.charCodeAt(k), text.charCodeAt(k + 1)]);
  return makeRanges(pairs);
}

const SPACE: Ranges = [9, 10, 12, 13, 32, 32];
const DIGIT = ofText('09');
const WORD = ofText('09AZ__az');

/** \d, \s and \w, which are ASCII. */
export const PERL_CLASSES: ReadonlyMap<string, Ranges> = new Map([
  ['d', DIGIT],
  ['s', SPACE],
  ['w', WORD],
]);

/** The names between [: and :]. */
export const POSIX_CLASSES: ReadonlyMap<string, Ranges> = new Map([
  ['alnum', ofText('09AZaz')],
  ['alpha', ofText('AZaz')],
  ['ascii', [0, 127]],
  ['blank', [9, 9, 32, 32]],
  ['cntrl', [0, 31, 127, 127]],
  ['digit', DIGIT],
  ['graph', [33, 126]],
  ['lower', ofText('az')],
  ['print', [32, 126]],
  ['punct', [33, 47, 58, 64, 91, 96, 123, 126]],
  ['space', [9, 13, 32, 32]],
  ['upper', ofText('AZ')],
  ['word', WORD],
  ['xdigit', ofText('09AFaf')],
]);

const unicodeClasses = new Map<string, Ranges>();

/** \p{name}: a general category of Unicode or a script; undefined when there is none of this name. */
export function unicodeClass(name: string): Ranges | undefined {
  if (name === 'Any') return ALL_CHARACTERS;
  const known = unicodeClasses.get(name);
  if (known !== undefined) return known;
  const test = unicodeTest(name);
  if (test === undefined) return undefined;
  const pairs: [number, number][] = [];
  let start = -1;
  for (let code = 0; code <= CODE_POINT_LAST + 1; code++) {
    if (code === 0xd800) code = 0xe000;
    const is = code <= CODE_POINT_LAST && test.test(String.fromCodePoint(code));
    if (is && start < 0) start = code;
    if (is || start < 0) continue;
    pairs.push([start, code === 0xe000 ? 0xd7ff : code - 1]);
    start = -1;
  }
  const ranges = makeRanges(pairs);
  unicodeClasses.set(name, ranges);
  return ranges;
}

/** The names are few, so that what is remembered of them is bounded. */
function unicodeTest(name: string): RegExp | undefined {
  if (!/^[A-Z][A-Za-z_]*$/.test(name)) return undefined;
  const property = name.length <= 2 ? `gc=${name}` : `Script=${name}`;
  try {
    return new RegExp(`\\p{${property}}`, 'u');
  } catch {
    return undefined;
  }
}
