/**
 * Names of types: one or more words and sizes in parentheses.
 *
 * Hides the spellings that take several words. Invariant: whether a type exists is for binding to say; only the
 * form is known here.
 */
import { SQL_DEPTH_MAX } from '../base/limits.ts';
import type { TypeMember, TypeName } from './ast-word.ts';
import type { Cursor } from './cursor.ts';
import { sqlError } from './frame.ts';
import { canBeType } from './keyword.ts';
import type { Token } from './token.ts';

/**
 * True when the tokens here begin a typed literal, which is a type of any name before a string: `DATE '2020-01-01'`,
 * `DECIMAL(5, 2) '1.5'`, `INT[] '[1]'`. Nothing is taken; what is looked at is the type, or the constants of a call.
 */
export function isTypedLiteral(cursor: Cursor): boolean {
  const { kind, word } = cursor.token;
  if (kind !== 'quoted' && (kind !== 'word' || !canBeType(word))) return false;
  let at = 1;
  // Most names are followed by neither.
  const { kind: nextKind, text } = cursor.peek(at);
  if (nextKind === 'string') return true;
  if (nextKind !== 'word' && (nextKind !== 'symbol' || !OPENERS.includes(text))) return false;
  while (isSymbolAt(cursor, at, '.') && cursor.peek(at + 1).kind !== 'symbol') at += 2;
  if (VARYING.has(word) && cursor.peek(at).word === 'varying') at++;
  if (word === 'double' && cursor.peek(at).word === 'precision') at++;
  if (isSymbolAt(cursor, at, '(')) {
    const close = NESTED_TYPES.has(word) ? closeOf(cursor, at) : closeOfConstants(cursor, at);
    if (close === undefined) return false;
    at = close + 1;
  }
  if (ZONED.has(word) && ['with', 'without'].includes(cursor.peek(at).word) && cursor.peek(at + 2).word === 'zone') {
    at += 3;
  }
  for (;;) {
    const isWord = cursor.peek(at).word === 'array';
    if (isWord) at++;
    if (isSymbolAt(cursor, at, '[')) {
      at += cursor.peek(at + 1).kind === 'number' ? 2 : 1;
      if (!isSymbolAt(cursor, at, ']')) return false;
      at++;
    } else if (!isWord) return cursor.peek(at).kind === 'string';
  }
}

const OPENERS = '.([';
const VARYING = new Set(['character', 'char', 'nchar', 'bit']);
const CONSTANTS = new Set(['null', 'true', 'false']);
const ZONED = new Set(['timestamp', 'time']);

function isSymbolAt(cursor: Cursor, ahead: number, symbol: string): boolean {
  const token = cursor.peek(ahead);
  return token.kind === 'symbol' && token.text === symbol;
}

/** The place of the parenthesis that closes the one at `open`; undefined without one. */
function closeOf(cursor: Cursor, open: number): number | undefined {
  let depth = 0;
  for (let at = open; cursor.peek(at).kind !== 'end'; at++) {
    if (isSymbolAt(cursor, at, '(')) depth++;
    else if (isSymbolAt(cursor, at, ')') && --depth === 0) return at;
  }
  return undefined;
}

/** The same, when nothing but constants and commas stand within. */
function closeOfConstants(cursor: Cursor, open: number): number | undefined {
  for (let at = open + 1; ; at++) {
    const { kind, text, word } = cursor.peek(at);
    if (kind === 'symbol' && text === ')') return at;
    const isConstant = kind === 'number' || kind === 'string' || CONSTANTS.has(word);
    if (!isConstant && !(kind === 'symbol' && (text === ',' || text === '-'))) return undefined;
  }
}

/** Parses a type's name. @throws `sql_syntax`, `sql_unsupported` */
export function parseTypeName(cursor: Cursor): TypeName {
  const token = cursor.token;
  const start = token.start;
  if (token.word === 'union' || token.word === 'enum') {
    throw cursor.unsupported(`the type ${token.word.toUpperCase()} in SQL`, token);
  }
  if (token.kind !== 'quoted' && !(token.kind === 'word' && canBeType(token.word))) {
    cursor.note('a type');
    throw cursor.unexpected();
  }
  cursor.advance();
  if (cursor.isSymbol('.')) throw cursor.unsupported('a type of a schema', cursor.spanFrom(start));
  let name = token.text.toLowerCase();
  if (name === 'double' && cursor.isWord('precision')) name = `${name} ${cursor.advance().word}`;
  if ((name === 'character' || name === 'char') && cursor.isWord('varying'))
    name = `${name} ${cursor.advance().word}`;
  const isNested = NESTED_TYPES.has(name) && cursor.isSymbol('(');
  if (name === 'tuple' && !isNested) {
    cursor.note('the types of its fields');
    throw cursor.unexpected();
  }
  const members = isNested ? cursor.nested(() => parseMembers(cursor, name === 'struct' || name === 'row')) : [];
  const sizes = isNested ? [] : parseSizes(cursor);
  checkPrecision(cursor, token, sizes);
  if ((name === 'timestamp' || name === 'time') && (cursor.isWord('with') || cursor.isWord('without'))) {
    name = `${name} ${cursor.advance().word} time zone`;
    cursor.expectWord('time');
    cursor.expectWord('zone');
  }
  const lists = parseLists(cursor);
  return { kind: 'type_name', name, sizes, members, lists, span: cursor.spanFrom(start) };
}

/** A time has no precision, and neither has a timestamp with a zone. */
function checkPrecision(cursor: Cursor, { word, start }: Token, sizes: readonly number[]): void {
  if (sizes.length === 0 || !ZONED.has(word)) return;
  if (word === 'timestamp' && sizes.length === 1 && !cursor.isWord('with')) return;
  const what = word === 'time' ? 'TIME takes no precision' : 'only a TIMESTAMP without a zone takes one precision';
  throw sqlError('sql_syntax', cursor.sql, cursor.spanFrom(start), what);
}

const NESTED_TYPES = new Set(['struct', 'row', 'map', 'tuple']);

/** `(name type, …)`, or `(type, …)`. */
function parseMembers(cursor: Cursor, hasNames: boolean): TypeMember[] {
  const members: TypeMember[] = [];
  cursor.expectSymbol('(');
  do {
    const start = cursor.token.start;
    const name = hasNames ? cursor.expectName('a field') : undefined;
    const type = parseTypeName(cursor);
    members.push({ kind: 'type_member', name, type, span: cursor.spanFrom(start) });
  } while (cursor.takeComma());
  cursor.expectSymbol(')');
  return members;
}

/** Any number of `[]` and `[n]`, or ARRAY, which is `[]`. */
function parseLists(cursor: Cursor): (number | undefined)[] {
  const lists: (number | undefined)[] = [];
  for (;;) {
    const isWord = cursor.isWord('array');
    if (!isWord && !cursor.isSymbol('[')) return lists;
    if (lists.length >= SQL_DEPTH_MAX) throw cursor.unexpected();
    if (isWord) cursor.advance();
    if (isWord && !cursor.isSymbol('[')) lists.push(undefined);
    else lists.push(parseListSize(cursor));
  }
}

function parseListSize(cursor: Cursor): number | undefined {
  cursor.expectSymbol('[');
  const token = cursor.token;
  const hasSize = token.kind === 'number' && /^\d{1,9}$/u.test(token.text);
  if (hasSize) cursor.advance();
  cursor.expectSymbol(']');
  return hasSize ? Number(token.text) : undefined;
}

function parseSizes(cursor: Cursor): number[] {
  const sizes: number[] = [];
  if (!cursor.isSymbol('(')) return sizes;
  cursor.advance();
  // `DECIMAL()` is DECIMAL.
  if (cursor.takeSymbol(')')) return sizes;
  do {
    const token = cursor.token;
    if (token.kind !== 'number' || !/^\d{1,9}$/u.test(token.text)) {
      // Longer ones would be shown in another form than they were written in.
      cursor.note(/^\d+$/u.test(token.text) ? 'a whole number of at most 9 digits' : 'a whole number');
      throw cursor.unexpected();
    }
    sizes.push(Number(token.text));
    cursor.advance();
  } while (cursor.takeComma());
  cursor.expectSymbol(')');
  return sizes;
}
