/**
 * Lists, structs and maps: how they are written, how one gets at their parts, and arguments with names and lambdas.
 *
 * Hides that literals are calls, as in DuckDB: `[1, 2]` of list_value, `{'a': 1}` of struct_pack, `MAP {…}` of map,
 * a list comprehension of list_apply and list_filter. Invariant: recursion is bounded by Cursor.nested, since every
 * part is an expression.
 */
import type { Span } from '../base/errors.ts';
import type { ExprNode, FunctionCall, Identifier } from './ast.ts';
import type { Cursor } from './cursor.ts';
import { canBeFunction, canBeName } from './keyword.ts';
import { PLAIN_CALL } from './plain-select.ts';

/** How the parts are read: any expression, and what stands in the parentheses of a call after a dot. */
export interface ExpressionReaders {
  readonly any: (cursor: Cursor) => ExprNode;
  readonly method: (cursor: Cursor, name: Identifier, first: ExprNode) => ExprNode;
}

function call(name: string, args: readonly ExprNode[], span: Span): FunctionCall {
  return { kind: 'function_call', name: nameAt(name, span), args, ...PLAIN_CALL, span };
}

function nameAt(name: string, span: Span): Identifier {
  return { kind: 'identifier', name, quoted: false, span };
}

/** Expressions up to `close`; a comma may stand at the end. */
function parseItems(cursor: Cursor, close: string, read: () => void): void {
  while (!cursor.isSymbol(close)) {
    read();
    if (!cursor.takeComma()) break;
  }
  cursor.expectSymbol(close);
}

/** `[a, b]`, `ARRAY[a, b]` or `[x + 1 FOR x IN list IF x > 1]`. */
export function parseList(cursor: Cursor, read: ExpressionReaders): ExprNode {
  const start = cursor.token.start;
  const isArray = cursor.isWord('array');
  if (isArray) cursor.advance();
  cursor.expectSymbol('[');
  const items: ExprNode[] = [];
  if (!cursor.isSymbol(']')) {
    items.push(read.any(cursor));
    const [first] = items;
    if (cursor.isWord('for') && first !== undefined && !isArray)
      return parseComprehension(cursor, first, start, read);
    while (cursor.takeComma()) items.push(read.any(cursor));
  }
  cursor.expectSymbol(']');
  const span = cursor.spanFrom(start);
  return isArray ? { kind: 'array', items, span } : call('list_value', items, span);
}

function lambda(parameters: readonly Identifier[], body: ExprNode): ExprNode {
  return { kind: 'lambda', parameters, body, span: body.span };
}

/** What stands after `[expression`: FOR x[, i] IN list [IF condition]. */
function parseComprehension(cursor: Cursor, result: ExprNode, start: number, read: ExpressionReaders): ExprNode {
  cursor.expectWord('for');
  const parameters = [cursor.expectName('a name')];
  while (cursor.takeSymbol(',') && !cursor.isWord('in')) parameters.push(cursor.expectName('a name'));
  cursor.expectWord('in');
  const list = read.any(cursor);
  const condition = cursor.takeWord('if') ? read.any(cursor) : undefined;
  cursor.expectSymbol(']');
  const span = cursor.spanFrom(start);
  if (condition === undefined) return call('list_apply', [list, lambda(parameters, result)], span);
  const named = (name: string, value: ExprNode): ExprNode => {
    return { kind: 'named_argument', name: nameAt(name, value.span), value, span: value.span };
  };
  const both = call('struct_pack', [named('filter', condition), named('result', result)], span);
  const part = (name: string): ExprNode => {
    const elem: ExprNode = { kind: 'column_name', path: [nameAt('elem', span)], span };
    const body = call('struct_extract', [elem, { kind: 'string', value: name, span }], span);
    return lambda([nameAt('elem', span)], body);
  };
  const made = call('list_apply', [list, lambda(parameters, both)], span);
  return call('list_apply', [call('list_filter', [made, part('filter')], span), part('result')], span);
}

/** `{'a': 1, b: 2}`. */
export function parseStruct(cursor: Cursor, read: ExpressionReaders): ExprNode {
  const start = cursor.token.start;
  cursor.expectSymbol('{');
  const args: ExprNode[] = [];
  parseItems(cursor, '}', () => {
    const token = cursor.token;
    const span = { start: token.start, end: token.end };
    if (token.kind === 'string') cursor.advance();
    const name =
      token.kind === 'string'
        ? ({ kind: 'identifier', name: token.text, quoted: true, span } as const)
        : cursor.expectName('a field');
    cursor.expectSymbol(':');
    const value = read.any(cursor);
    args.push({ kind: 'named_argument', name, value, span: cursor.spanFrom(token.start) });
  });
  return call('struct_pack', args, cursor.spanFrom(start));
}

/** `MAP {key: value}`. */
export function parseMap(cursor: Cursor, read: ExpressionReaders): ExprNode {
  const start = cursor.advance().start;
  cursor.expectSymbol('{');
  const [keys, values]: [ExprNode[], ExprNode[]] = [[], []];
  parseItems(cursor, '}', () => {
    keys.push(read.any(cursor));
    cursor.expectSymbol(':');
    values.push(read.any(cursor));
  });
  const span = cursor.spanFrom(start);
  return call('map', [call('list_value', keys, span), call('list_value', values, span)], span);
}

/** Subscripts, slices, fields and methods after an expression. */
export function parseSuffixes(cursor: Cursor, first: ExprNode, read: ExpressionReaders): ExprNode {
  let operand = first;
  for (;;) {
    const { start } = operand.span;
    if (cursor.isSymbol('[')) {
      operand = parseSubscript(cursor, operand, read);
    } else if (cursor.isSymbol('.') && operand.kind !== 'star') {
      cursor.advance();
      const name = cursor.expectLabel('a field');
      operand = cursor.isSymbol('(')
        ? read.method(cursor, name, operand)
        : { kind: 'field', operand, name, span: cursor.spanFrom(start) };
    } else return operand;
  }
}

function parseSubscript(cursor: Cursor, operand: ExprNode, read: ExpressionReaders): ExprNode {
  const { start } = operand.span;
  cursor.expectSymbol('[');
  const from = cursor.isSymbol(':') ? undefined : read.any(cursor);
  if (from !== undefined && cursor.takeSymbol(']')) {
    return { kind: 'subscript', operand, index: from, span: cursor.spanFrom(start) };
  }
  cursor.expectSymbol(':');
  // A lone minus before another colon stands for the end.
  const isOpen = cursor.isSymbol('-') && cursor.peek(1).text === ':';
  if (isOpen) cursor.advance();
  const to = isOpen || cursor.isSymbol(']') || cursor.isSymbol(':') ? undefined : read.any(cursor);
  const step = cursor.takeSymbol(':') && !cursor.isSymbol(']') ? read.any(cursor) : undefined;
  cursor.expectSymbol(']');
  return { kind: 'slice', operand, from, to, step, span: cursor.spanFrom(start) };
}

/** An argument of a call: `name := x`, `x -> body`, or any expression. */
export function parseArgument(cursor: Cursor, read: ExpressionReaders): ExprNode {
  const token = cursor.token;
  const isName =
    token.kind === 'quoted' || (token.kind === 'word' && (canBeName(token.word) || canBeFunction(token.word)));
  const next = cursor.peek(1);
  if (isName && next.kind === 'symbol' && (next.text === ':=' || next.text === '=>')) {
    const name = cursor.expectLabel('a name');
    cursor.advance();
    const value = read.any(cursor);
    return { kind: 'named_argument', name, value, span: cursor.spanFrom(token.start) };
  }
  const arrow = arrowAfter(cursor);
  if (arrow === undefined) return read.any(cursor);
  const parameters: Identifier[] = [];
  while (!cursor.isSymbol('->')) {
    const word = cursor.advance();
    if (word.kind === 'symbol') continue;
    const span = { start: word.start, end: word.end };
    parameters.push({ kind: 'identifier', name: word.text, quoted: word.kind === 'quoted', span });
  }
  cursor.expectSymbol('->');
  return lambdaFrom(cursor, token.start, parameters, read);
}

/** `lambda x, y: body`. */
export function parseLambda(cursor: Cursor, read: ExpressionReaders): ExprNode {
  const { start } = cursor.advance();
  const parameters = [cursor.expectName('a name')];
  while (cursor.takeSymbol(',') && !cursor.isSymbol(':')) parameters.push(cursor.expectName('a name'));
  cursor.expectSymbol(':');
  return lambdaFrom(cursor, start, parameters, read);
}

function lambdaFrom(
  cursor: Cursor,
  start: number,
  parameters: readonly Identifier[],
  read: ExpressionReaders,
): ExprNode {
  const body = read.any(cursor);
  return { kind: 'lambda', parameters, body, span: cursor.spanFrom(start) };
}

/** The place of the arrow after `x` or `(x, y)`; undefined when the tokens here are no parameters. */
function arrowAfter(cursor: Cursor): number | undefined {
  const isName = (ahead: number): boolean => {
    const { kind, word } = cursor.peek(ahead);
    return kind === 'quoted' || (kind === 'word' && canBeName(word));
  };
  const isSymbol = (ahead: number, text: string): boolean => {
    const token = cursor.peek(ahead);
    return token.kind === 'symbol' && token.text === text;
  };
  if (isName(0)) return isSymbol(1, '->') ? 1 : undefined;
  if (!isSymbol(0, '(')) return undefined;
  let at = 1;
  while (isName(at) && isSymbol(at + 1, ',')) at += 2;
  return isName(at) && isSymbol(at + 1, ')') && isSymbol(at + 2, '->') ? at + 2 : undefined;
}
