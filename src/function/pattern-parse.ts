/**
 * Regular expressions of RE2's syntax as trees.
 *
 * Hides the grammar. Invariants: flags are resolved, so that a tree means the same wherever it stands; what RE2
 * refuses (back references, looking around, repetitions beyond 1,000) is `value_error`; the depth is bounded.
 * Source: RE2, "Syntax".
 */
import { EngineError } from '../base/errors.ts';
import { SQL_DEPTH_MAX } from '../base/limits.ts';
import {
  ALL_CHARACTERS,
  complement,
  foldRanges,
  makeRanges,
  pairsOf,
  PERL_CLASSES,
  POSIX_CLASSES,
  unicodeClass,
} from './pattern-class.ts';
import type { Ranges } from './pattern-class.ts';

export type Assertion = 'text_start' | 'text_end' | 'line_start' | 'line_end' | 'word_edge' | 'no_word_edge';

export type PatternNode =
  | { readonly kind: 'empty' }
  | { readonly kind: 'class'; readonly ranges: Ranges }
  | { readonly kind: 'assert'; readonly assertion: Assertion }
  | { readonly kind: 'sequence' | 'choice'; readonly parts: readonly PatternNode[] }
  | {
      readonly kind: 'repeat';
      readonly part: PatternNode;
      readonly min: number;
      /** Infinity for no bound. */
      readonly max: number;
      readonly greedy: boolean;
    }
  /** `index` counts from 1. */
  | { readonly kind: 'group'; readonly part: PatternNode; readonly index: number };

/** How a pattern is read from its start on. */
export interface PatternFlags {
  readonly ignoreCase: boolean;
  /** `.` takes line ends too. */
  readonly dotAll: boolean;
  /** `^` and `$` match at line ends too. */
  readonly multiLine: boolean;
  /** Repetitions take as little as they can, and with a `?` as much. */
  readonly ungreedy: boolean;
}

export interface ParsedPattern {
  readonly tree: PatternNode;
  readonly groupCount: number;
}

const REPEAT_HIGHEST = 1_000;
const NO_NEWLINE = complement([10, 10]);
const EMPTY: PatternNode = { kind: 'empty' };

function patternError(what: string, text: string): EngineError {
  const shown = text.length > 60 ? `${text.slice(0, 57)}...` : text;
  return new EngineError('value_error', `the regular expression is not valid: ${what}: ${shown}`);
}

/** Reads a pattern. @throws `value_error` */
export function parsePattern(pattern: string, flags: PatternFlags): ParsedPattern {
  return new Parser(pattern, flags).parse();
}

class Parser {
  readonly #text: string;
  readonly #characters: readonly string[];
  #at = 0;
  #depth = 0;
  #groups = 0;
  #flags: PatternFlags;

  constructor(pattern: string, flags: PatternFlags) {
    this.#text = pattern;
    this.#characters = Array.from(pattern);
    this.#flags = flags;
  }

  parse(): ParsedPattern {
    const tree = this.#choice();
    if (this.#at < this.#characters.length) throw patternError('unexpected )', this.#text);
    if (repeated(tree) > REPEAT_HIGHEST) throw patternError('too many nested repetitions', this.#text);
    return { tree, groupCount: this.#groups };
  }

  #peek(ahead = 0): string {
    return this.#characters[this.#at + ahead] ?? '';
  }

  #rest(count: number): string {
    return this.#characters.slice(this.#at, this.#at + count).join('');
  }

  #take(text: string): boolean {
    if (this.#rest(text.length) !== text) return false;
    this.#at += text.length;
    return true;
  }

  /** Alternatives up to a `)` or the end; flags that are set inside end with it. */
  #choice(): PatternNode {
    if (++this.#depth > SQL_DEPTH_MAX) throw patternError('groups are nested too deep', this.#text);
    const flags = this.#flags;
    const parts = [this.#sequence()];
    while (this.#take('|')) parts.push(this.#sequence());
    this.#flags = flags;
    this.#depth--;
    return parts.length === 1 ? (parts[0] as PatternNode) : { kind: 'choice', parts };
  }

  #sequence(): PatternNode {
    const parts: PatternNode[] = [];
    while (this.#at < this.#characters.length && this.#peek() !== '|' && this.#peek() !== ')') {
      if (this.#take('\\Q')) {
        this.#quoted(parts);
        continue;
      }
      const start = this.#at;
      const operator = this.#repetition();
      if (operator !== undefined) throw patternError('no argument for repetition operator', operator.text);
      this.#at = start;
      const atom = this.#atom();
      if (atom !== undefined) parts.push(this.#repeats(atom));
    }
    return parts.length === 1 ? (parts[0] as PatternNode) : parts.length === 0 ? EMPTY : { kind: 'sequence', parts };
  }

  /** \Q…\E: everything stands for itself; a repetition after it belongs to the last character. */
  #quoted(parts: PatternNode[]): void {
    while (this.#at < this.#characters.length && !this.#take('\\E')) {
      const literal = this.#literal((this.#peek().codePointAt(0) as number) | 0);
      this.#at++;
      const closes = this.#rest(2) === '\\E';
      if (closes) this.#at += 2;
      parts.push(closes ? this.#repeats(literal) : literal);
      if (closes) return;
    }
  }

  #repeats(atom: PatternNode): PatternNode {
    const operator = this.#repetition();
    if (operator === undefined) return atom;
    const { min, max, lazy } = operator;
    const second = this.#repetition();
    if (second !== undefined) throw patternError('bad repetition operator', operator.text + second.text);
    return { kind: 'repeat', part: atom, min, max, greedy: lazy === this.#flags.ungreedy };
  }

  /** Reads `*`, `+`, `?`, `{n}`, `{n,}` or `{n,m}`, with a `?` after it; undefined where none stands. */
  #repetition():
    { readonly min: number; readonly max: number; readonly lazy: boolean; readonly text: string } | undefined {
    const start = this.#at;
    const [min, max] = this.#bounds();
    if (min < 0) return undefined;
    const lazy = this.#take('?');
    const text = this.#characters.slice(start, this.#at).join('');
    const isWrong = min > REPEAT_HIGHEST || (max !== Infinity && (max > REPEAT_HIGHEST || max < min));
    if (isWrong) throw patternError('invalid repetition size', text);
    return { min, max, lazy, text };
  }

  #bounds(): readonly [number, number] {
    if (this.#take('*')) return [0, Infinity];
    if (this.#take('+')) return [1, Infinity];
    if (this.#take('?')) return [0, 1];
    // A brace that begins no repetition stands for itself.
    const match = this.#peek() === '{' ? /^\{(\d{1,9})(,(\d{0,9}))?\}/.exec(this.#rest(24)) : null;
    if (match === null) return [-1, -1];
    this.#at += match[0].length;
    const min = Number(match[1]);
    return [min, match[2] === undefined ? min : match[3] === '' ? Infinity : Number(match[3])];
  }

  #literal(code: number): PatternNode {
    return { kind: 'class', ranges: this.#signed([code, code], false) };
  }

  /** One thing that can be repeated; undefined for flags, which are nothing to match. */
  #atom(): PatternNode | undefined {
    const character = this.#peek();
    switch (character) {
      case '(':
        return this.#group();
      case '[':
        return this.#bracket();
      case '\\':
        return this.#escape();
      case '.':
        this.#at++;
        return { kind: 'class', ranges: this.#flags.dotAll ? ALL_CHARACTERS : NO_NEWLINE };
      case '^':
        this.#at++;
        return { kind: 'assert', assertion: this.#flags.multiLine ? 'line_start' : 'text_start' };
      case '$':
        this.#at++;
        return { kind: 'assert', assertion: this.#flags.multiLine ? 'line_end' : 'text_end' };
      default:
        this.#at++;
        return this.#literal(character.codePointAt(0) as number);
    }
  }

  #group(): PatternNode | undefined {
    const start = this.#at++;
    if (this.#peek() === '?') {
      const named = /^\?P<(\w+)>/.exec(this.#rest(80));
      if (named !== null) {
        this.#at += named[0].length;
        return this.#captured(start);
      }
      return this.#flagged(start);
    }
    return this.#captured(start);
  }

  #captured(start: number): PatternNode {
    const index = ++this.#groups;
    const part = this.#choice();
    this.#close(start);
    return { kind: 'group', part, index };
  }

  #close(start: number): void {
    if (!this.#take(')')) throw patternError('missing )', this.#characters.slice(start).join(''));
  }

  /** `(?flags)` and `(?flags:…)`. */
  #flagged(start: number): PatternNode | undefined {
    const match = /^\?([imsU]*)(?:-([imsU]+))?([:)])/.exec(this.#rest(40));
    if (match === null) throw patternError('invalid perl operator', `(${this.#rest(3)}`);
    const [whole, on = '', off = '', end] = match;
    this.#at += whole.length;
    const before = this.#flags;
    const flag = (letter: string, current: boolean): boolean =>
      !off.includes(letter) && (on.includes(letter) || current);
    this.#flags = {
      ignoreCase: flag('i', before.ignoreCase),
      multiLine: flag('m', before.multiLine),
      dotAll: flag('s', before.dotAll),
      ungreedy: flag('U', before.ungreedy),
    };
    if (end === ')') return undefined;
    const part = this.#choice();
    this.#flags = before;
    this.#close(start);
    return part;
  }

  #escape(): PatternNode {
    const letter = this.#peek(1);
    const assertion = ASSERTIONS.get(letter);
    if (assertion !== undefined) {
      this.#at += 2;
      return { kind: 'assert', assertion };
    }
    const ranges = this.#classEscape();
    return ranges === undefined ? this.#literal(this.#escapedCode()) : { kind: 'class', ranges };
  }

  /** \d, \W, \pL, \P{Greek} …; undefined for other escapes. */
  #classEscape(): Ranges | undefined {
    const letter = this.#peek(1);
    const perl = PERL_CLASSES.get(letter.toLowerCase());
    if (perl !== undefined) {
      this.#at += 2;
      return this.#signed(perl, letter !== letter.toLowerCase());
    }
    const match = /^\\([pP])(?:\{(\^?)(\w{1,40})\}|([A-Z]))/.exec(this.#rest(48));
    if (match === null) return undefined;
    const ranges = unicodeClass(match[3] ?? match[4] ?? '');
    if (ranges === undefined) throw patternError('invalid character class range', match[0]);
    this.#at += match[0].length;
    return this.#signed(ranges, (match[1] === 'P') === (match[2] !== '^'));
  }

  /** In any case where that is asked for, and then the others where `negated`. */
  #signed(ranges: Ranges, negated: boolean): Ranges {
    const folded = this.#flags.ignoreCase ? foldRanges(ranges) : ranges;
    return negated ? complement(folded) : folded;
  }

  /** The code point of an escape such as \n, \x41, \101 or \*. */
  #escapedCode(): number {
    const rest = this.#rest(12);
    const match =
      /^\\(?:x([0-9A-Fa-f]{2})|x\{([0-9A-Fa-f]{1,6})\}|(0[0-7]{0,2}|[1-7][0-7]{1,2})|([^\w])|([_aftnrv]))/su.exec(
        rest,
      );
    if (rest === '\\') throw patternError('trailing \\', this.#text);
    const code = match === null ? -1 : escapedCode(match);
    if (code < 0 || code > 0x10ffff)
      throw patternError('invalid escape sequence', Array.from(rest).slice(0, 2).join(''));
    this.#at += Array.from((match as RegExpExecArray)[0]).length;
    return code;
  }

  /** `[…]`. */
  #bracket(): PatternNode {
    const start = this.#at++;
    const negated = this.#take('^');
    const pairs: [number, number][] = [];
    for (let first = true; first || this.#peek() !== ']'; first = false) {
      if (this.#at >= this.#characters.length)
        throw patternError('missing ]', this.#characters.slice(start).join(''));
      const ranges = this.#bracketClass();
      if (ranges !== undefined) {
        pairs.push(...pairsOf(ranges));
        continue;
      }
      pairs.push(...pairsOf(this.#signed(this.#bracketRange(start), false)));
    }
    this.#at++;
    const ranges = makeRanges(pairs);
    return { kind: 'class', ranges: negated ? complement(ranges) : ranges };
  }

  #bracketClass(): Ranges | undefined {
    const posix = this.#peek() === '[' && this.#peek(1) === ':' ? /^\[:(\^?)(\w*):\]/.exec(this.#rest(20)) : null;
    if (posix !== null) {
      const ranges = POSIX_CLASSES.get(posix[2] ?? '');
      if (ranges === undefined) throw patternError('invalid character class range', posix[0]);
      this.#at += posix[0].length;
      return this.#signed(ranges, posix[1] === '^');
    }
    return this.#peek() === '\\' ? this.#classEscape() : undefined;
  }

  #bracketRange(start: number): [number, number] {
    const from = this.#at;
    const low = this.#bracketCode(start);
    if (this.#peek() !== '-' || this.#peek(1) === ']' || this.#peek(1) === '') return [low, low];
    this.#at++;
    const high = this.#bracketCode(start);
    if (high < low)
      throw patternError('invalid character class range', this.#characters.slice(from, this.#at).join(''));
    return [low, high];
  }

  #bracketCode(start: number): number {
    if (this.#at >= this.#characters.length) throw patternError('missing ]', this.#characters.slice(start).join(''));
    if (this.#peek() === '\\') return this.#escapedCode();
    const code = this.#peek().codePointAt(0) as number;
    this.#at++;
    return code;
  }
}

const ASSERTIONS: ReadonlyMap<string, Assertion> = new Map([
  ['A', 'text_start'],
  ['z', 'text_end'],
  ['b', 'word_edge'],
  ['B', 'no_word_edge'],
] as const);

const CONTROLS: Readonly<Record<string, number>> = { a: 7, f: 12, t: 9, n: 10, r: 13, v: 11, _: 95 };

function escapedCode([, pair, braced, octal, punctuation, control]: RegExpExecArray): number {
  if (pair !== undefined || braced !== undefined) return Number.parseInt(pair ?? braced ?? '', 16);
  if (octal !== undefined) return Number.parseInt(octal, 8);
  if (control !== undefined) return CONTROLS[control] as number;
  const code = punctuation?.codePointAt(0) ?? -1;
  return code < 128 ? code : -1;
}

/** How many times the innermost part of nested repetitions would be written out. */
function repeated(node: PatternNode): number {
  switch (node.kind) {
    case 'repeat': {
      const times = node.max === Infinity ? node.min : node.max;
      return Math.max(1, times) * repeated(node.part);
    }
    case 'group':
      return repeated(node.part);
    case 'sequence':
    case 'choice':
      return node.parts.reduce((most, part) => Math.max(most, repeated(part)), 1);
    default:
      return 1;
  }
}
