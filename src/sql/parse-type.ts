/**
 * Names of types: one or more words and sizes in parentheses.
 *
 * Hides the spellings that take several words. Invariant: whether a type exists is for binding to say; only the
 * form is known here.
 */
import { SQL_DEPTH_MAX } from '../base/limits.ts';
import type { TypeMember, TypeName } from './ast-word.ts';
import type { Cursor } from './cursor.ts';
import { canBeFunction } from './keyword.ts';

/** Words that make a typed literal when a string follows them: `DATE '2020-01-01'`. */
const LITERAL_TYPES = new Set([
  'date',
  'time',
  'timestamp',
  'datetime',
  'timestamptz',
  'timestamp_s',
  'timestamp_ms',
  'timestamp_us',
  'timestamp_ns',
  'timestamptz_ns',
  'time_ns',
  'blob',
  'boolean',
  'bool',
  'varchar',
  'text',
  'string',
  'uuid',
]);

/** True when the tokens here begin a typed literal; nothing is taken. */
export function isTypedLiteral(cursor: Cursor): boolean {
  const first = cursor.token;
  if (!LITERAL_TYPES.has(first.word)) return false;
  if (cursor.peek(1).kind === 'string') return true;
  const zoned = (first.word === 'timestamp' || first.word === 'time') && cursor.peek(2).word === 'time';
  return zoned && cursor.peek(3).word === 'zone' && cursor.peek(4).kind === 'string';
}

/** Parses a type's name. @throws `sql_syntax`, `sql_unsupported` */
export function parseTypeName(cursor: Cursor): TypeName {
  const token = cursor.token;
  const start = token.start;
  if (token.kind !== 'quoted' && !(token.kind === 'word' && canBeFunction(token.word))) {
    cursor.note('a type');
    throw cursor.unexpected();
  }
  cursor.advance();
  let name = token.text.toLowerCase();
  if (name === 'double' && cursor.isWord('precision')) name = `${name} ${cursor.advance().word}`;
  if ((name === 'character' || name === 'char') && cursor.isWord('varying'))
    name = `${name} ${cursor.advance().word}`;
  if (name === 'union' || name === 'enum') {
    throw cursor.unsupported(`the type ${name.toUpperCase()} in SQL`, cursor.spanFrom(start));
  }
  const isNested = NESTED_TYPES.has(name) && cursor.isSymbol('(');
  const members = isNested ? cursor.nested(() => parseMembers(cursor, name === 'struct' || name === 'row')) : [];
  const sizes = isNested ? [] : parseSizes(cursor);
  if ((name === 'timestamp' || name === 'time') && (cursor.isWord('with') || cursor.isWord('without'))) {
    name = `${name} ${cursor.advance().word} time zone`;
    cursor.expectWord('time');
    cursor.expectWord('zone');
  }
  const lists = parseLists(cursor);
  return { kind: 'type_name', name, sizes, members, lists, span: cursor.spanFrom(start) };
}

const NESTED_TYPES = new Set(['struct', 'row', 'map', 'tuple']);

/** `(name type, …)`, or `(type, …)`. */
function parseMembers(cursor: Cursor, hasNames: boolean): TypeMember[] {
  const members: TypeMember[] = [];
  cursor.expectSymbol('(');
  do {
    const start = cursor.token.start;
    const name = hasNames ? cursor.expectLabel('a field') : undefined;
    const type = parseTypeName(cursor);
    members.push({ kind: 'type_member', name, type, span: cursor.spanFrom(start) });
  } while (cursor.takeSymbol(','));
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
  } while (cursor.takeSymbol(','));
  cursor.expectSymbol(')');
  return sizes;
}
