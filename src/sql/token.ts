/**
 * The lexer: SQL text to tokens with exact positions.
 *
 * Hides comments, white space, quoting and escapes. Invariants: tokens are in text order and do not overlap; the
 * last one is `end`, at the end of the text; positions are half-open ranges of UTF-16 code units. Everything wrong
 * with a single token (an unterminated quote, a stray character) is `sql_syntax` here. Source: PostgreSQL's lexical
 * rules as DuckDB 2.0 has them.
 */
import type { Span } from '../base/errors.ts';
import { EngineError } from '../base/errors.ts';
import { SQL_LENGTH_MAX } from '../base/limits.ts';
import { foldName } from '../base/names.ts';
import { quoteText, sqlError } from './frame.ts';

export type TokenKind = 'word' | 'quoted' | 'string' | 'bytes' | 'number' | 'symbol' | 'parameter' | 'end';

export interface Token extends Span {
  readonly kind: TokenKind;
  /**
   * A name as written, a string's value without quotes, a number's digits without `_`, a symbol, a parameter's
   * name.
   */
  readonly text: string;
  /** For an unquoted word its lower-case form, by which keywords are known; empty for every other kind. */
  readonly word: string;
}

/** Longest first, so that the first match is the right one. */
const SYMBOLS_BY_LENGTH: readonly (readonly string[])[] = [
  ['!~~*'],
  ['->>', '~~*', '~~~', '!~~', '!~*', '<=>', '...', '&&&'],
  [
    '::',
    '<=',
    '>=',
    '<>',
    '!=',
    '==',
    '||',
    '//',
    '**',
    '->',
    '=>',
    ':=',
    '<<',
    '>>',
    '@>',
    '<@',
    '&&',
    '^@',
    '~~',
    '!~',
    '~*',
  ],
];
const SINGLE_SYMBOLS = '+-*/%^<>=(),.;[]{}|&~@#!:';
/** Symbols that begin no longer one: known at the first look. */
const LONE_SYMBOLS = ',()+%;[]{}';

/** Splits `sql` into tokens. @throws `sql_syntax`, and `limit_exceeded` for texts beyond SQL_LENGTH_MAX. */
export function tokenize(sql: string): Token[] {
  if (sql.length > SQL_LENGTH_MAX) {
    const counts = `${sql.length.toString()} characters, more than the ${SQL_LENGTH_MAX.toString()} allowed`;
    throw new EngineError('limit_exceeded', `the SQL text has ${counts}; send rows as Arrow data, not as SQL text`);
  }
  const tokens: Token[] = [];
  let at = skipBlank(sql, 0);
  while (at < sql.length) {
    const token = readToken(sql, at);
    tokens.push(token);
    at = skipBlank(sql, token.end);
  }
  tokens.push({ kind: 'end', text: '', word: '', start: sql.length, end: sql.length });
  return tokens;
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}

/** Letters, `_`, and everything beyond ASCII that is not white space, as PostgreSQL has it. */
function isWordStart(code: number): boolean {
  const lower = code | 32;
  return (lower >= 97 && lower <= 122) || code === 95 || (code > 127 && !isBlank(code));
}

function isWordPart(code: number): boolean {
  return isWordStart(code) || isDigit(code) || code === 36;
}

function isBlank(code: number): boolean {
  if (code <= 127) return code === 32 || (code >= 9 && code <= 13);
  return code === 0xa0 || (code >= 0x2000 && code <= 0x200b) || code === 0x202f || code === 0x3000 || code === 0xfeff;
}

/** The first position at or after `at` that is neither white space nor in a comment. */
function skipBlank(sql: string, from: number): number {
  let at = from;
  while (at < sql.length) {
    const code = sql.charCodeAt(at);
    if (isBlank(code)) {
      at++;
    } else if (code === 45 && sql.charCodeAt(at + 1) === 45) {
      const newline = sql.indexOf('\n', at);
      at = newline === -1 ? sql.length : newline + 1;
    } else if (code === 47 && sql.charCodeAt(at + 1) === 42) {
      at = skipComment(sql, at);
    } else {
      break;
    }
  }
  return at;
}

/** Skips a comment between slash-star and star-slash; these nest. */
function skipComment(sql: string, start: number): number {
  let depth = 0;
  let at = start;
  while (at < sql.length) {
    if (sql.startsWith('/*', at)) {
      depth++;
      at += 2;
    } else if (sql.startsWith('*/', at)) {
      depth--;
      at += 2;
      if (depth === 0) return at;
    } else {
      at++;
    }
  }
  throw sqlError('sql_syntax', sql, { start, end: start + 2 }, 'this comment is never closed', 'end it with */');
}

function readToken(sql: string, start: number): Token {
  const code = sql.charCodeAt(start);
  const next = sql.charCodeAt(start + 1);
  if (next === 39 && (code | 32) === 101) return readEscapeString(sql, start);
  if (next === 39 && (code | 32) === 120) return readBytes(sql, start);
  if (code >= 0x2018 && code <= 0x201f) {
    const remedy = code < 0x201c ? "use the straight quote ' for strings" : 'use the straight quote " for names';
    throw sqlError(
      'sql_syntax',
      sql,
      { start, end: start + 1 },
      `${sql.charAt(start)} is a typographic quote`,
      remedy,
    );
  }
  if (isWordStart(code)) return readWord(sql, start);
  if (isDigit(code) || (code === 46 && isDigit(next))) return readNumber(sql, start);
  if (code === 39) return readString(sql, start);
  if (code === 34 || code === 96) return readQuoted(sql, start);
  if (code === 36) return readDollar(sql, start);
  if (code === 63) return readParameter(sql, start);
  return readSymbol(sql, start);
}

function readWord(sql: string, start: number): Token {
  let end = start + 1;
  while (end < sql.length && isWordPart(sql.charCodeAt(end))) end++;
  const text = sql.slice(start, end);
  return { kind: 'word', text, word: foldName(text), start, end };
}

/** Integers, decimals, exponents; `1_000` groups digits. */
function readNumber(sql: string, start: number): Token {
  let end = skipDigits(sql, start);
  if (sql.charCodeAt(end) === 46) end = skipDigits(sql, end + 1);
  if ((sql.charCodeAt(end) | 32) === 101) {
    const sign = sql.charCodeAt(end + 1);
    const digits = sign === 43 || sign === 45 ? end + 2 : end + 1;
    if (isDigit(sql.charCodeAt(digits))) end = skipDigits(sql, digits);
  }
  if (end < sql.length && isWordPart(sql.charCodeAt(end))) {
    let junk = end;
    while (junk < sql.length && isWordPart(sql.charCodeAt(junk))) junk++;
    const found = quoteText(sql.slice(start, junk));
    throw sqlError(
      'sql_syntax',
      sql,
      { start, end: junk },
      `${found} is not a number`,
      'put a space after the number',
    );
  }
  return { kind: 'number', text: sql.slice(start, end).replaceAll('_', ''), word: '', start, end };
}

function skipDigits(sql: string, from: number): number {
  let at = from;
  while (isDigit(sql.charCodeAt(at)) || (sql.charCodeAt(at) === 95 && isDigit(sql.charCodeAt(at + 1)) && at > from))
    at++;
  return at;
}

/**
 * A string between single quotes; two of them inside stand for one. Strings on lines of their own join, as the
 * standard says.
 */
function readString(sql: string, start: number): Token {
  let text = '';
  let at = start;
  for (;;) {
    const end = sql.indexOf("'", at + 1);
    if (end === -1) throw unterminated(sql, start, at, 'string', "'");
    text += sql.slice(at + 1, end);
    if (sql.charCodeAt(end + 1) === 39) {
      text += "'";
      at = end + 1;
      continue;
    }
    const following = skipBlank(sql, end + 1);
    const joins = sql.charCodeAt(following) === 39 && sql.slice(end + 1, following).includes('\n');
    if (!joins) return { kind: 'string', text, word: '', start, end: end + 1 };
    at = following;
  }
}

/** A name between double quotes, or between backticks; two of them inside stand for one. */
function readQuoted(sql: string, start: number): Token {
  const code = sql.charCodeAt(start);
  const quote = sql.charAt(start);
  let text = '';
  let at = start;
  for (;;) {
    const end = sql.indexOf(quote, at + 1);
    if (end === -1) throw unterminated(sql, start, at, 'quoted name', quote);
    text += sql.slice(at + 1, end);
    if (sql.charCodeAt(end + 1) !== code) {
      if (text === '') throw sqlError('sql_syntax', sql, { start, end: end + 1 }, 'a quoted name must not be empty');
      return { kind: 'quoted', text, word: '', start, end: end + 1 };
    }
    text += quote;
    at = end + 1;
  }
}

function unterminated(sql: string, start: number, at: number, what: string, quote: string): Error {
  const span = { start: at === start ? start : at, end: at + 1 };
  return sqlError('sql_syntax', sql, span, `this ${what} is never closed`, `end it with ${quote}`);
}

const SIMPLE_ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', b: '\b', f: '\f' };

/** E'…': backslash escapes as in C, with \xHH, \ooo, \uXXXX and \UXXXXXXXX. */
function readEscapeString(sql: string, start: number): Token {
  let text = '';
  let at = start + 2;
  while (at < sql.length) {
    const char = sql.charAt(at);
    if (char === "'" && sql.charAt(at + 1) !== "'") return { kind: 'string', text, word: '', start, end: at + 1 };
    if (char === "'") {
      text += "'";
      at += 2;
    } else if (char !== '\\') {
      text += char;
      at++;
    } else {
      const [value, length] = readEscape(sql, at);
      text += value;
      at += length;
    }
  }
  throw unterminated(sql, start, start, 'string', "'");
}

/** The text that the escape at `at` stands for, and its length in the SQL. */
function readEscape(sql: string, at: number): readonly [string, number] {
  const rest = sql.slice(at + 1, at + 10);
  const coded = /^(?:x([0-9a-fA-F]{1,2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8}))/u.exec(rest);
  const octal = /^[0-7]{1,3}/u.exec(rest);
  if (coded !== null) {
    const value = Number.parseInt(coded[1] ?? coded[2] ?? coded[3] ?? '', 16);
    if (value === 0 || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff)) {
      const span = { start: at, end: at + 1 + coded[0].length };
      throw sqlError('sql_syntax', sql, span, 'this escape names no character', 'use a code from 1 to 10FFFF');
    }
    return [String.fromCodePoint(value), coded[0].length + 1];
  }
  if (octal !== null) return [String.fromCodePoint(Number.parseInt(octal[0], 8) & 0xff), octal[0].length + 1];
  const char = rest.charAt(0);
  return [SIMPLE_ESCAPES[char] ?? char, 2];
}

/** X'41ff': bytes as hexadecimal digits; the token's text is the digits. */
function readBytes(sql: string, start: number): Token {
  const close = sql.indexOf("'", start + 2);
  if (close === -1) throw unterminated(sql, start, start, 'byte string', "'");
  const text = sql.slice(start + 2, close);
  if (text.length % 2 === 1 || !/^[0-9a-f]*$/iu.test(text)) {
    const span = { start, end: close + 1 };
    throw sqlError(
      'sql_syntax',
      sql,
      span,
      'a byte string holds pairs of hexadecimal digits',
      "write it like X'00ff'",
    );
  }
  return { kind: 'bytes', text, word: '', start, end: close + 1 };
}

/** `$1` and `$name` are parameters; `$$…$$` and `$tag$…$tag$` are strings without escapes. */
function readDollar(sql: string, start: number): Token {
  let end = start + 1;
  while (end < sql.length && sql.charCodeAt(end) !== 36 && isWordPart(sql.charCodeAt(end))) end++;
  const isTag = sql.charCodeAt(end) === 36 && !isDigit(sql.charCodeAt(start + 1));
  if (!isTag) {
    if (end > start + 1) return { kind: 'parameter', text: sql.slice(start + 1, end), word: '', start, end };
    throw sqlError(
      'sql_syntax',
      sql,
      { start, end },
      'a number or name must follow $',
      'write $1 for the first parameter',
    );
  }
  const tag = sql.slice(start, end + 1);
  const close = sql.indexOf(tag, end + 1);
  if (close === -1) throw unterminated(sql, start, start, 'string', tag);
  return { kind: 'string', text: sql.slice(end + 1, close), word: '', start, end: close + tag.length };
}

/** `?` and `?1`. */
function readParameter(sql: string, start: number): Token {
  let end = start + 1;
  while (isDigit(sql.charCodeAt(end))) end++;
  return { kind: 'parameter', text: sql.slice(start + 1, end), word: '', start, end };
}

function readSymbol(sql: string, start: number): Token {
  const char = sql.charAt(start);
  if (LONE_SYMBOLS.includes(char)) return symbolToken(char, start);
  for (const symbols of SYMBOLS_BY_LENGTH) {
    for (const symbol of symbols) {
      if (sql.startsWith(symbol, start)) return symbolToken(symbol, start);
    }
  }
  if (SINGLE_SYMBOLS.includes(char)) return symbolToken(char, start);
  throw sqlError('sql_syntax', sql, { start, end: start + 1 }, `unexpected character ${quoteText(char)}`);
}

function symbolToken(text: string, start: number): Token {
  return { kind: 'symbol', text, word: '', start, end: start + text.length };
}
