/**
 * Calls whose form is their own: POSITION, SUBSTRING, TRIM and OVERLAY have words between arguments, NULLIF has two
 * arguments, COALESCE one or more.
 *
 * Hides these grammars. Invariants: what comes out is an ordinary call with its arguments in the order of the function;
 * names in quotes are never read so. Source: SQL:2016, "String value function", as DuckDB 2.0 has it.
 */
import type { ExprNode, Identifier } from './ast.ts';
import type { Cursor } from './cursor.ts';

/** How arguments are read: any expression, and one that stops before IN. */
export interface ArgumentReaders {
  readonly any: (cursor: Cursor) => ExprNode;
  readonly beforeIn: (cursor: Cursor) => ExprNode;
}

/** A call's name and arguments. */
export interface WordedCall {
  readonly name: Identifier;
  readonly args: readonly ExprNode[];
}

const PLAIN_TRIMS: ReadonlyMap<string, string> = new Map([
  ['both', 'trim'],
  ['leading', 'ltrim'],
  ['trailing', 'rtrim'],
]);

/** Reads what stands between the parentheses of such a call; undefined, and nothing read, for all others. */
export function parseWordedCall(cursor: Cursor, name: Identifier, read: ArgumentReaders): WordedCall | undefined {
  if (name.quoted) return undefined;
  switch (name.name.toLowerCase()) {
    case 'position': {
      const part = read.beforeIn(cursor);
      cursor.expectWord('in');
      return { name, args: [read.any(cursor), part] };
    }
    case 'coalesce':
      return { name, args: parseRest(cursor, [read.any(cursor)], read.any) };
    case 'nullif':
      return { name, args: parsePair(cursor, read.any) };
    case 'substring':
      return { name, args: parseSubstring(cursor, read.any) };
    case 'overlay':
      return { name, args: parseOverlay(cursor, read.any) };
    case 'trim':
      return parseTrim(cursor, name, read.any);
    default:
      return undefined;
  }
}

/** The rest of a plain list of arguments. */
function parseRest(cursor: Cursor, args: ExprNode[], any: ArgumentReaders['any']): ExprNode[] {
  while (cursor.takeComma()) args.push(any(cursor));
  return args;
}

function parsePair(cursor: Cursor, any: ArgumentReaders['any']): ExprNode[] {
  const first = any(cursor);
  cursor.expectSymbol(',');
  return [first, any(cursor)];
}

function parseSubstring(cursor: Cursor, any: ArgumentReaders['any']): ExprNode[] {
  const args = [any(cursor)];
  if (cursor.isSymbol(',')) return parseRest(cursor, args, any);
  const start = cursor.token.start;
  if (cursor.takeWord('from')) args.push(any(cursor));
  if (cursor.takeWord('for')) {
    if (args.length === 1) args.push({ kind: 'number', text: '1', span: { start, end: start } });
    args.push(any(cursor));
  }
  return args;
}

function parseOverlay(cursor: Cursor, any: ArgumentReaders['any']): ExprNode[] {
  const args = [any(cursor)];
  if (cursor.isSymbol(',')) return parseRest(cursor, args, any);
  cursor.expectWord('placing');
  args.push(any(cursor));
  cursor.expectWord('from');
  args.push(any(cursor));
  if (cursor.takeWord('for')) args.push(any(cursor));
  return args;
}

/** `[BOTH | LEADING | TRAILING] [characters] FROM text`, or plain arguments after the first word. */
function parseTrim(cursor: Cursor, name: Identifier, any: ArgumentReaders['any']): WordedCall {
  const side = PLAIN_TRIMS.get(cursor.token.word);
  if (side !== undefined) cursor.advance();
  const called = side === undefined ? name : { ...name, name: side };
  if (cursor.takeWord('from')) return { name: called, args: parseRest(cursor, [any(cursor)], any) };
  const first = any(cursor);
  if (!cursor.takeWord('from')) return { name: called, args: parseRest(cursor, [first], any) };
  return { name: called, args: [any(cursor), first] };
}
