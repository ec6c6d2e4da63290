/**
 * Names of types: one or more words and sizes in parentheses.
 *
 * Hides the spellings that take several words. Invariant: whether a type exists is for binding to say; only the
 * form is known here.
 */
import type { TypeName } from './ast.ts';
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

/** Parses a type's name. @throws `sql_syntax`; `sql_unsupported` for nested types. */
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
  if (name === 'struct' || name === 'row' || name === 'map' || name === 'union' || name === 'enum') {
    throw cursor.unsupported(`the type ${name.toUpperCase()} in SQL`, cursor.spanFrom(start));
  }
  const sizes = parseSizes(cursor);
  if ((name === 'timestamp' || name === 'time') && (cursor.isWord('with') || cursor.isWord('without'))) {
    name = `${name} ${cursor.advance().word} time zone`;
    cursor.expectWord('time');
    cursor.expectWord('zone');
  }
  if (cursor.isSymbol('[')) throw cursor.unsupported('a list type in SQL', cursor.spanFrom(start));
  return { kind: 'type_name', name, sizes, span: cursor.spanFrom(start) };
}

function parseSizes(cursor: Cursor): number[] {
  const sizes: number[] = [];
  if (!cursor.isSymbol('(')) return sizes;
  cursor.advance();
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
