/**
 * Functions of patterns: LIKE, ILIKE, GLOB, and the regexp_ family.
 *
 * Hides compiling. Invariants: a constant pattern is compiled once for a batch; time is linear in the text, and steps
 * are bounded (pattern-match); regular expressions have RE2's syntax and meaning.
 */
import type { DataType } from '../arrow/type.ts';
import type { Vector } from '../arrow/vector.ts';
import { byteRowsOf, decodeText, encodeText, rowBytes } from './byte-rows.ts';
import type { ByteRows, ByteRowsBuilder } from './byte-rows.ts';
import { vectorOf } from './column.ts';
import { isConstant } from './constant.ts';
import { integersOf } from './scalar-frame.ts';
import type { Kernel } from './contract.ts';
import type { FunctionEntry } from './entry.ts';
import { escapeByte, globTest, likeParts, likeTest } from './pattern-like.ts';
import type { BytesTest } from './pattern-like.ts';
import { Matcher, StepBudget } from './pattern-match.ts';
import { parsePattern } from './pattern-parse.ts';
import type { PatternFlags } from './pattern-parse.ts';
import { compileProgram } from './pattern-program.ts';
import { likeRows } from './pattern-rows.ts';
import { boolRows, checkTextBytes, madeFor, rowError, strictEntry, textRows, textsOf } from './scalar-frame.ts';
import type { Kind } from './scalar-frame.ts';
import { BOOL, UTF8 } from './signature.ts';
import { lowered } from './string-kernel.ts';
import { clearTail, mergeValidity } from './validity.ts';

type MakeTest = (pattern: Uint8Array, escape: number, budget: StepBudget) => BytesTest;

/** LIKE with a constant pattern that has no _; undefined for others, and with an escape character. */
function likeColumn(args: readonly Vector[], rowCount: number, type: DataType, negated: boolean): Vector | undefined {
  const [texts, pattern] = args as [Vector, Vector];
  const isOne = args.length === 2 && isConstant(pattern) && pattern.nullCount === 0;
  if (!isOne || texts.type.id === 'dictionary') return undefined;
  const parts = likeParts(rowBytes(byteRowsOf(pattern), 0));
  if (parts === undefined) return undefined;
  const bits = likeRows(texts, rowCount, parts);
  if (negated) for (let i = 0; i < bits.length; i++) bits[i] = ~(bits[i] as number);
  clearTail(bits, rowCount);
  return vectorOf(type, rowCount, mergeValidity(args, rowCount), bits);
}

function likeKernel(ignoreCase: boolean, negated: boolean): Kernel {
  const kernel = wildcardKernel(likeTest, ignoreCase, negated);
  if (ignoreCase) return kernel;
  return (args, rowCount, type) => likeColumn(args, rowCount, type, negated) ?? kernel(args, rowCount, type);
}

/** A kernel of wildcard patterns: text, pattern and perhaps an escape character. */
function wildcardKernel(make: MakeTest, ignoreCase: boolean, negated: boolean): Kernel {
  const cased = (bytes: Uint8Array): Uint8Array => (ignoreCase ? lowered(bytes) : bytes);
  return (args, rowCount, type) => {
    const [texts, patterns, escapes] = args.map(byteRowsOf) as [ByteRows, ByteRows, ByteRows | undefined];
    const budget = new StepBudget();
    const testOf = madeFor(args.slice(1), (i) => {
      const escape = escapes === undefined ? -1 : escapeByte(rowBytes(escapes, i));
      return make(cased(rowBytes(patterns, i)), escape, budget);
    });
    return boolRows(args, rowCount, type, (i) => testOf(i)(cased(rowBytes(texts, i))) !== negated);
  };
}

interface Options extends PatternFlags {
  readonly literal: boolean;
  readonly global: boolean;
  /** What does not match is given back as it is. */
  readonly keep: boolean;
}

/** The option beside RE2's that a function takes: g for all matches, or k to keep what does not match. */
type OwnOption = 'g' | 'k' | undefined;

/** Reads RE2's options as letters: c, i, l, m, n, p, s. */
function readOptions(text: string, own: OwnOption): Options {
  let [ignoreCase, literal, dotAll, global, keep] = [false, false, false, false, false];
  for (const letter of text) {
    if (letter === 'c') ignoreCase = false;
    else if (letter === 'i') ignoreCase = true;
    else if (letter === 'l') literal = true;
    else if (letter === 'm' || letter === 'n' || letter === 'p') dotAll = false;
    else if (letter === 's') dotAll = true;
    else if (letter === 'g' && own === 'g') global = true;
    else if (letter === 'k' && own === 'k') keep = true;
    else if (letter === 'g') throw rowError("the option 'g' (all matches) belongs to regexp_replace");
    else if (!/\s/.test(letter)) throw rowError(`'${letter}' is not an option of regular expressions`);
  }
  return { ignoreCase, literal, dotAll, global, keep, multiLine: false, ungreedy: false };
}

/** How many groups a regular expression has. @throws `value_error` when it is none */
export function groupCountOf(pattern: string): number {
  return compile(pattern, readOptions('', undefined), new StepBudget()).groupCount;
}

function quoted(text: string): string {
  return text.replace(/[\x01-\x7f]/g, (char) => (/\w/.test(char) ? char : `\\${char}`)).replaceAll('\0', '\\x00');
}

function compile(pattern: string, options: Options, budget: StepBudget): Matcher {
  const program = compileProgram(parsePattern(options.literal ? quoted(pattern) : pattern, options));
  budget.spend(program.ops.length * 8);
  return new Matcher(program, budget);
}

/** Matchers kept while patterns differ from row to row. */
const KEPT = 64;

/** The matcher of each row, and its options. `options`: the argument's number, or one that is not there. */
export function matchersOf(
  args: readonly Vector[],
  optionsAt: number,
  own?: OwnOption,
): (row: number) => { readonly matcher: Matcher; readonly options: Options } {
  const budget = new StepBudget();
  const patterns = textsOf(args[1] as Vector);
  const written = args[optionsAt];
  const letters = written === undefined ? undefined : textsOf(written);
  const kept = new Map<string, { readonly matcher: Matcher; readonly options: Options }>();
  return madeFor(written === undefined ? [args[1] as Vector] : [args[1] as Vector, written], (i) => {
    const key = `${letters?.(i) ?? ''}/${patterns(i)}`;
    const known = kept.get(key);
    if (known !== undefined) return known;
    const options = readOptions(letters?.(i) ?? '', own);
    const made = { matcher: compile(patterns(i), options, budget), options };
    if (kept.size >= KEPT) kept.clear();
    kept.set(key, made);
    return made;
  });
}

function matchKernel(whole: boolean, options: string, negated: boolean): Kernel {
  return (args, rowCount, type) => {
    const texts = byteRowsOf(args[0] as Vector);
    if (options !== '') {
      const budget = new StepBudget();
      const patterns = textsOf(args[1] as Vector);
      const matcherOf = madeFor(args.slice(1), (i) => compile(patterns(i), readOptions(options, undefined), budget));
      return boolRows(args, rowCount, type, (i) => matcherOf(i).matches(rowBytes(texts, i)) !== negated);
    }
    const matcherOf = matchersOf(args, 2);
    return boolRows(args, rowCount, type, (i) => {
      const { matcher } = matcherOf(i);
      const bytes = rowBytes(texts, i);
      return (whole ? matcher.matchesWhole(bytes) : matcher.matches(bytes)) !== negated;
    });
  };
}

const extractKernel: Kernel = (args, rowCount, type) => {
  const texts = byteRowsOf(args[0] as Vector);
  const matcherOf = matchersOf(args, 3, 'k');
  const groups = args.length > 2 ? integersOf(args[2] as Vector) : undefined;
  return textRows(args, rowCount, type, (i, out) => {
    const bytes = rowBytes(texts, i);
    const group = groups === undefined ? 0 : (groups[i] as number);
    if (group < 0 || group > 9)
      throw rowError(`regexp_extract: the group ${group.toString()} is not between 0 and 9`);
    const { matcher, options } = matcherOf(i);
    if (group > matcher.groupCount || !matcher.matches(bytes)) {
      if (options.keep) out.append(bytes, 0, bytes.length);
      return;
    }
    const found = matcher.find(bytes, 0);
    const start = found?.[2 * group] ?? -1;
    if (start >= 0) out.append(bytes, start, found?.[2 * group + 1] ?? start);
  });
};

/** A replacement as bytes, and numbers of groups. */
type Rewrite = readonly (Uint8Array | number)[];

function readRewrite(text: string, groupCount: number): Rewrite {
  const parts: (Uint8Array | number)[] = [];
  let literal = '';
  for (let k = 0; k < text.length; k++) {
    const char = text.charAt(k);
    if (char !== '\\') {
      literal += char;
      continue;
    }
    const next = text.charAt(++k);
    if (next === '\\') literal += next;
    else if (/^\d$/.test(next)) {
      if (Number(next) > groupCount) {
        const has = `the regular expression has ${groupCount.toString()}`;
        throw rowError(`regexp_replace: the replacement asks for group ${next}, and ${has}`);
      }
      parts.push(encodeText(literal), Number(next));
      literal = '';
    } else throw rowError("regexp_replace: in the replacement '\\' stands before a digit or another '\\'");
  }
  parts.push(encodeText(literal));
  return parts;
}

/** Appends `bytes` with each match rewritten, or the first one only. */
function replaceMatches(
  out: ByteRowsBuilder,
  bytes: Uint8Array,
  matcher: Matcher,
  rewrite: Rewrite,
  global: boolean,
): void {
  const base = out.byteCount;
  let at = 0;
  let lastEnd = -1;
  while (at <= bytes.length) {
    const found = matcher.find(bytes, at);
    if (found === undefined) break;
    const start = found[0] as number;
    const end = found[1] as number;
    out.append(bytes, at, start);
    at = end;
    if (start === lastEnd && start === end) {
      // An empty match where the last one ended: a character is passed over.
      const next = nextCharacter(bytes, at);
      out.append(bytes, at, Math.min(next, bytes.length));
      at = next;
      continue;
    }
    for (const part of rewrite) {
      if (typeof part !== 'number') out.append(part, 0, part.length);
      else if ((found[2 * part] as number) >= 0)
        out.append(bytes, found[2 * part] as number, found[2 * part + 1] as number);
    }
    checkTextBytes('regexp_replace', out.byteCount - base);
    lastEnd = end;
    if (!global) break;
  }
  if (at < bytes.length) out.append(bytes, at, bytes.length);
}

/** The byte at which the character after the one at `at` begins. */
export function nextCharacter(bytes: Uint8Array, at: number): number {
  let next = at + 1;
  while (next < bytes.length && ((bytes[next] as number) & 0xc0) === 0x80) next++;
  return next;
}

const replaceKernel: Kernel = (args, rowCount, type) => {
  const texts = byteRowsOf(args[0] as Vector);
  const rewrites = byteRowsOf(args[2] as Vector);
  const matcherOf = matchersOf(args, 3, 'g');
  const rewriteOf = madeFor(args.slice(1, 3), (i) => {
    return readRewrite(decodeText(rowBytes(rewrites, i)), matcherOf(i).matcher.groupCount);
  });
  return textRows(args, rowCount, type, (i, out) => {
    const bytes = rowBytes(texts, i);
    const { matcher, options } = matcherOf(i);
    const rewrite = rewriteOf(i);
    if (matcher.matches(bytes)) replaceMatches(out, bytes, matcher, rewrite, options.global);
    else out.append(bytes, 0, bytes.length);
  });
};

const escapeKernel: Kernel = (args, rowCount, type) => {
  const texts = textsOf(args[0] as Vector);
  return textRows(args, rowCount, type, (i, out) => {
    const text = quoted(texts(i));
    checkTextBytes('regexp_escape', text.length);
    out.appendText(text);
  });
};

function wildcard(
  name: string,
  aliases: readonly string[],
  kinds: readonly Kind[],
  kernel: Kernel,
  doc: string,
  example: string,
): FunctionEntry {
  // Only an escape character can be wrong.
  const fails = kinds.length > 2;
  return strictEntry({ name, aliases, overloads: [kinds], type: BOOL, doc, example, fails, kernel });
}

const PAIR: readonly Kind[] = ['text', 'text'];
const TRIPLE: readonly Kind[] = ['text', 'text', 'text'];

/** like, ilike and their forms with an escape character and with NOT. */
function likeEntries(ignoreCase: boolean, symbol: string): FunctionEntry[] {
  const name = ignoreCase ? 'ilike' : 'like';
  const cased = ignoreCase ? ' in any case' : '';
  const doc = `True when the whole text matches the pattern${cased}: % is any text, _ one character`;
  const text = ignoreCase ? "'AB%'" : "'ab%'";
  const kernel = (negated: boolean): Kernel => likeKernel(ignoreCase, negated);
  return [
    wildcard(name, [`~~${symbol}`], PAIR, kernel(false), `${doc}.`, `${text} ${name.toUpperCase()} 'a%' → true`),
    wildcard(
      `not_${name}`,
      [`!~~${symbol}`],
      PAIR,
      kernel(true),
      `The opposite of ${name}; also as !~~${symbol}.`,
      `${text} NOT ${name.toUpperCase()} 'a%' → false`,
    ),
    wildcard(
      `${name}_escape`,
      [],
      TRIPLE,
      kernel(false),
      `${doc}, and what follows the escape character itself; also ${name.toUpperCase()} … ESCAPE.`,
      `${text} ${name.toUpperCase()} 'a_#%' ESCAPE '#' → true`,
    ),
    wildcard(
      `not_${name}_escape`,
      [],
      TRIPLE,
      kernel(true),
      `The opposite of ${name}_escape.`,
      `not_${name}_escape(${text}, 'a_#%', '#') → false`,
    ),
  ];
}

function matchEntry(
  name: string,
  aliases: readonly string[],
  overloads: readonly (readonly Kind[])[],
  kernel: Kernel,
  type: DataType,
  doc: string,
  example: string,
): FunctionEntry {
  return strictEntry({ name, aliases, overloads, type, doc, example, fails: true, kernel });
}

/** The entries of this family. */
export const PATTERN: readonly FunctionEntry[] = [
  ...likeEntries(false, ''),
  ...likeEntries(true, '*'),
  wildcard(
    '~~~',
    ['glob'],
    PAIR,
    wildcardKernel((pattern, _escape, budget) => globTest(pattern, budget), false, false),
    'True when the whole text matches the GLOB pattern: * is any text, ? one byte, [a-c] one of these.',
    "'Sheaf' GLOB 'S*[e-g]' → true",
  ),
  matchEntry(
    'regexp_matches',
    [],
    [PAIR, TRIPLE],
    matchKernel(false, '', false),
    BOOL,
    "True when the regular expression (RE2's syntax) matches in the text; also as ~. Options: c, i, l, s.",
    "regexp_matches('Sheaf', 'E.', 'i') → true",
  ),
  matchEntry('!~', [], [PAIR], matchKernel(false, '', true), BOOL, 'The opposite of ~.', "'Sheaf' !~ 'e.' → false"),
  matchEntry(
    '~*',
    [],
    [PAIR],
    matchKernel(false, 'i', false),
    BOOL,
    'True when the regular expression matches in the text, in any case.',
    "'Sheaf' ~* 'E.' → true",
  ),
  matchEntry(
    '!~*',
    [],
    [PAIR],
    matchKernel(false, 'i', true),
    BOOL,
    'The opposite of ~*.',
    "'Sheaf' !~* 'E.' → false",
  ),
  matchEntry(
    'regexp_full_match',
    [],
    [PAIR, TRIPLE],
    matchKernel(true, '', false),
    BOOL,
    'True when the regular expression matches the whole text; also as SIMILAR TO.',
    "'Sheaf' SIMILAR TO 'S.*f' → true",
  ),
  matchEntry(
    'regexp_extract',
    [],
    [PAIR, ['text', 'text', 'int32'], ['text', 'text', 'int32', 'text']],
    extractKernel,
    UTF8,
    'What the regular expression matches first, or a group of it; where it does not match empty, or the text itself ' +
      "with the option 'k'. A list of names makes a struct of the groups.",
    "regexp_extract('2024-02-29', '(\\d+)-(\\d+)', 2) → '02'",
  ),
  matchEntry(
    'regexp_replace',
    [],
    [TRIPLE, ['text', 'text', 'text', 'text']],
    replaceKernel,
    UTF8,
    "The text with the first match replaced, or every one with the option 'g'; \\1 stands for a group.",
    "regexp_replace('hello', '(l+)', '<\\1>') → 'he<ll>o'",
  ),
  matchEntry(
    'regexp_escape',
    [],
    [['text']],
    escapeKernel,
    UTF8,
    'The text as a regular expression that matches just it.',
    "regexp_escape('a.b') → 'a\\.b'",
  ),
];
