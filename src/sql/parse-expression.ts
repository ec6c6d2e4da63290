/**
 * Expressions by precedence climbing (Pratt).
 *
 * Hides how precedence is climbed; operator.ts has it. Invariants: recursion is bounded by Cursor.nested; a chain of
 * one operator costs no recursion.
 */
import type { ExprNode, FunctionCall, Identifier, LikeNode, When } from './ast.ts';
import { coverSpans } from './ast.ts';
import type { Cursor } from './cursor.ts';
import { parseCallOrder, parseFilter, parseWithinGroup } from './parse-aggregate.ts';
import { canBeFunction, canBeName } from './keyword.ts';
import { sqlError } from './frame.ts';
import { chainedAfter, chainError, checkChain, TESTS } from './chain.ts';
import type { Chained } from './chain.ts';
import { INFIX, INFIX_LACKING, POWER, PREFIX, QUANTIFIED_PATTERNS } from './operator.ts';
import type { Infix } from './operator.ts';
import { parseArrayQuery, parseExists, parseInQuery, parseQuantified, parseScalarQuery } from './parse-subquery.ts';
import { isExtract, isInterval, parseExtract, parseInterval, zoneCall } from './parse-time.ts';
import { parseWordedCall } from './parse-call.ts';
import { PLAIN_CALL } from './plain-select.ts';
import type { ArgumentReaders } from './parse-call.ts';
import { parseArgument, parseLambda, parseList, parseMap, parseStruct, parseSuffixes } from './parse-nested.ts';
import type { ExpressionReaders } from './parse-nested.ts';
import { parseColumns } from './parse-star.ts';
import type { StarReaders } from './parse-star.ts';
import { bareStar } from './plain-select.ts';
import { parseNullTreatment, parseOver } from './parse-window.ts';
import { isTypedLiteral, parseTypeName } from './parse-type.ts';

/** Parses one expression. @throws `sql_syntax`, `sql_unsupported`, `limit_exceeded` */
export function parseExpression(cursor: Cursor): ExprNode {
  return parseAbove(cursor, 0);
}

/** Parses an expression that NOT NULL may follow, as DEFAULT's: no AND, OR, and no test with IS. */
export function parseDefault(cursor: Cursor): ExprNode {
  return parseAbove(cursor, POWER.is);
}

/** Parses an expression of operators that bind tighter than `floor`. */
function parseAbove(cursor: Cursor, floor: number): ExprNode {
  return cursor.nested(() => {
    let left = parsePrefix(cursor, floor);
    let before: Chained = 'any';
    for (;;) {
      const token = cursor.token;
      const infix = token.kind === 'symbol' ? INFIX.get(token.text) : undefined;
      if (infix !== undefined && infix.power > floor) {
        checkChain(cursor, before, infix.power);
        left = parseInfix(cursor, left, infix);
        before = chainedAfter(left, infix.power);
        continue;
      }
      const tests = token.kind === 'word' && TESTS.has(token.word === 'not' ? cursor.peek(1).word : token.word);
      if (tests && floor < POWER.range) checkChain(cursor, before, POWER.range);
      const next =
        token.kind === 'word' ? parseWordInfix(cursor, left, floor) : parseSymbolSuffix(cursor, left, floor);
      if (next === undefined) return left;
      before = chainedAfter(next, tests ? POWER.range : 0);
      left = next;
    }
  });
}

function parseInfix(cursor: Cursor, left: ExprNode, { operator, power }: Infix): ExprNode {
  cursor.advance();
  const quantifies = power === POWER.compare || QUANTIFIED_PATTERNS.has(operator);
  const quantified = quantifies ? parseQuantified(cursor, left, operator, parseExpression) : undefined;
  if (quantified !== undefined) return quantified;
  const right = parseAbove(cursor, power);
  return { kind: 'binary', operator, left, right, span: coverSpans(left.span, right.span) };
}

/** `::type`, `!`, and symbols that we know but lack. */
function parseSymbolSuffix(cursor: Cursor, left: ExprNode, floor: number): ExprNode | undefined {
  const token = cursor.token;
  if (token.kind !== 'symbol') return undefined;
  if (token.text === '::' && POWER.cast > floor) {
    cursor.advance();
    const type = parseTypeName(cursor);
    return {
      kind: 'cast',
      operand: left,
      type,
      attempt: false,
      written: 'colons',
      span: coverSpans(left.span, type.span),
    };
  }
  if (token.text === '!' && POWER.factorial > floor) {
    const { start, end } = cursor.advance();
    const name = { kind: 'identifier', name: 'factorial', quoted: false, span: { start, end } } as const;
    const span = { start: left.span.start, end };
    return {
      kind: 'function_call',
      name,
      args: [left],
      ...PLAIN_CALL,
      span,
    };
  }
  if (INFIX_LACKING.has(token.text)) throw cursor.unsupported(`the operator ${token.text}`, token);
  return undefined;
}

/** Infix and suffix operators that are words. */
function parseWordInfix(cursor: Cursor, left: ExprNode, floor: number): ExprNode | undefined {
  switch (cursor.token.word) {
    case 'and':
      return floor < POWER.and ? parseChain(cursor, left, 'and') : undefined;
    case 'or':
      return floor < POWER.or ? parseChain(cursor, left, 'or') : undefined;
    case 'is':
      return floor < POWER.is ? parseIs(cursor, left) : undefined;
    case 'isnull':
    case 'notnull':
      return floor < POWER.is ? parseNullSuffix(cursor, left) : undefined;
    case 'not':
      if (cursor.peek(1).word === 'null') return floor < POWER.is ? parseNullSuffix(cursor, left) : undefined;
      return floor < POWER.range ? parseRange(cursor, left) : undefined;
    case 'between':
    case 'in':
    case 'like':
    case 'ilike':
    case 'similar':
    case 'glob':
      return floor < POWER.range ? parseRange(cursor, left) : undefined;
    case 'collate':
      throw cursor.unsupported('COLLATE', cursor.token);
    case 'at':
      return floor < POWER.zone && cursor.peek(1).word === 'time' ? parseZone(cursor, left) : undefined;
    default:
      return undefined;
  }
}

/** `x AT TIME ZONE zone`. */
function parseZone(cursor: Cursor, operand: ExprNode): ExprNode {
  for (const word of ['at', 'time', 'zone']) cursor.expectWord(word);
  return zoneCall(operand, parseAbove(cursor, POWER.zone), cursor.spanFrom(operand.span.start));
}

function parseChain(cursor: Cursor, left: ExprNode, operator: 'and' | 'or'): ExprNode {
  const operands = [left];
  let end = left.span;
  while (cursor.isWord(operator)) {
    cursor.advance();
    const operand = parseAbove(cursor, POWER[operator]);
    operands.push(operand);
    end = operand.span;
  }
  return { kind: 'logical', operator, operands, span: coverSpans(left.span, end) };
}

/** `x ISNULL`, `x NOTNULL`, `x NOT NULL`. */
function parseNullSuffix(cursor: Cursor, operand: ExprNode): ExprNode {
  const negated = cursor.token.word !== 'isnull';
  if (cursor.advance().word === 'not') cursor.advance();
  return { kind: 'is', operand, test: 'null', negated, span: cursor.spanFrom(operand.span.start) };
}

function parseIs(cursor: Cursor, operand: ExprNode): ExprNode {
  cursor.expectWord('is');
  const negated = cursor.takeWord('not');
  const start = operand.span.start;
  if (cursor.takeWord('null') || cursor.takeWord('unknown')) {
    return { kind: 'is', operand, test: 'null', negated, span: cursor.spanFrom(start) };
  }
  if (cursor.takeWord('true')) return { kind: 'is', operand, test: 'true', negated, span: cursor.spanFrom(start) };
  if (cursor.takeWord('false')) return { kind: 'is', operand, test: 'false', negated, span: cursor.spanFrom(start) };
  if (!cursor.takeWord('distinct')) throw cursor.unexpected();
  cursor.expectWord('from');
  if (cursor.isWord('not')) throw cursor.unexpected();
  const right = parseAbove(cursor, POWER.is);
  const ahead = cursor.isWord('is') && cursor.peek(1).word === 'not' ? 2 : 1;
  if (cursor.isWord('is') && cursor.peek(ahead).word === 'distinct') throw chainError(cursor);
  return { kind: 'distinct_from', left: operand, right, negated, span: cursor.spanFrom(start) };
}

/** `x [NOT] BETWEEN | IN | LIKE | ILIKE …`. */
function parseRange(cursor: Cursor, operand: ExprNode): ExprNode {
  const negated = cursor.takeWord('not');
  const start = operand.span.start;
  if (cursor.takeWord('between')) {
    if (cursor.isWord('symmetric')) throw cursor.unsupported('BETWEEN SYMMETRIC', cursor.token);
    const low = parseAbove(cursor, POWER.range);
    cursor.expectWord('and');
    const high = parseAbove(cursor, POWER.range);
    return { kind: 'between', operand, low, high, negated, span: cursor.spanFrom(start) };
  }
  if (cursor.takeWord('in')) {
    const query = parseInQuery(cursor, operand, negated);
    if (query !== undefined) return query;
    if (!cursor.isSymbol('(')) return parseInValue(cursor, operand, negated);
    const items = parseInList(cursor);
    return { kind: 'in', operand, items, negated, span: cursor.spanFrom(start) };
  }
  return parsePattern(cursor, operand, negated);
}

/** `x IN list`: the list contains it. */
function parseInValue(cursor: Cursor, operand: ExprNode, negated: boolean): ExprNode {
  const start = operand.span.start;
  const list = parsePrimary(cursor);
  const span = cursor.spanFrom(start);
  const name = { kind: 'identifier', name: 'contains', quoted: false, span } as const;
  const call: ExprNode = { kind: 'function_call', name, args: [list, operand], ...PLAIN_CALL, span };
  return negated ? { kind: 'unary', operator: 'not', operand: call, span } : call;
}

/** `LIKE`, `ILIKE`, `SIMILAR TO` and `GLOB`, the first two with ESCAPE. */
function parsePattern(cursor: Cursor, operand: ExprNode, negated: boolean): LikeNode {
  const operator = (['like', 'ilike', 'similar', 'glob'] as const).find((word) => cursor.takeWord(word));
  if (operator === undefined) throw cursor.unexpected();
  if (operator === 'similar') cursor.expectWord('to');
  const pattern = parseAbove(cursor, POWER.range);
  const takesEscape = operator === 'like' || operator === 'ilike';
  if (!takesEscape && cursor.isWord('escape')) {
    throw cursor.unsupported(`ESCAPE after ${operator.toUpperCase()}`, cursor.token);
  }
  const escape = takesEscape && cursor.takeWord('escape') ? parseAbove(cursor, POWER.range) : undefined;
  return { kind: 'like', operator, operand, pattern, escape, negated, span: cursor.spanFrom(operand.span.start) };
}

function parseInList(cursor: Cursor): ExprNode[] {
  const items: ExprNode[] = [];
  cursor.expectSymbol('(');
  if (!cursor.isSymbol(')')) {
    do items.push(parseExpression(cursor));
    while (cursor.takeComma());
  }
  cursor.expectSymbol(')');
  return items;
}

/** A prefix that binds as loosely as NOT and @ stands only where nothing tighter waits for its operand. */
function parsePrefix(cursor: Cursor, floor: number): ExprNode {
  const token = cursor.token;
  const start = token.start;
  if (token.word === 'not' && floor <= POWER.compare) {
    cursor.advance();
    const operand = parseAbove(cursor, POWER.not);
    return { kind: 'unary', operator: 'not', operand, span: coverSpans(token, operand.span) };
  }
  const power = token.kind === 'symbol' ? PREFIX.get(token.text) : undefined;
  const isLoose = token.text === '@' && floor > POWER.range && floor !== POWER.sign;
  if (power !== undefined && !isLoose) {
    cursor.advance();
    const operand = parseAbove(cursor, power);
    const span = cursor.spanFrom(start);
    // A sign before digits belongs to the number: -9223372036854775808 has no positive counterpart.
    if (token.text === '-' && operand.kind === 'number') return { kind: 'number', text: negate(operand.text), span };
    return { kind: 'unary', operator: token.text as '-' | '+' | '~' | '@', operand, span };
  }
  return parsePrimary(cursor);
}

function negate(digits: string): string {
  return digits.startsWith('-') ? digits.slice(1) : `-${digits}`;
}

/** A literal, a name, a call or an expression in parentheses, with its subscripts and fields. */
function parsePrimary(cursor: Cursor): ExprNode {
  return parseSuffixes(cursor, parseBare(cursor), READERS);
}

function parseBare(cursor: Cursor): ExprNode {
  const token = cursor.token;
  const span = { start: token.start, end: token.end };
  switch (token.kind) {
    case 'number':
      cursor.advance();
      return { kind: 'number', text: token.text, span };
    case 'string':
      cursor.advance();
      return { kind: 'string', value: token.text, span };
    case 'bytes':
      cursor.advance();
      return { kind: 'bytes', digits: token.text, span };
    case 'parameter':
      return { kind: 'parameter', name: cursor.takeParameter(), span };
    case 'symbol':
      return parseSymbolPrimary(cursor);
    case 'word':
      return parseWordPrimary(cursor);
    case 'quoted':
      return parseNamed(cursor);
    case 'end':
      cursor.note('an expression');
      throw cursor.unexpected();
  }
}

function parseSymbolPrimary(cursor: Cursor): ExprNode {
  const token = cursor.token;
  if (token.text === '(') {
    const query = parseScalarQuery(cursor);
    if (query !== undefined) return query;
    cursor.advance();
    if (cursor.takeSymbol(')')) return { kind: 'row', items: [], span: cursor.spanFrom(token.start) };
    const items = [parseExpression(cursor)];
    let isRow = false;
    while (cursor.takeSymbol(',')) {
      isRow = true;
      if (cursor.isSymbol(')')) break;
      items.push(parseExpression(cursor));
    }
    cursor.expectSymbol(')');
    const [only] = items;
    return !isRow && only !== undefined ? only : { kind: 'row', items, span: cursor.spanFrom(token.start) };
  }
  if (token.text === '*') {
    cursor.advance();
    if (cursor.isWord('columns') && cursor.peek(1).text === '(') throw cursor.unsupported('*COLUMNS', token);
    const span = { start: token.start, end: token.end };
    return bareStar(span);
  }
  if (token.text === '#' && cursor.peek(1).kind === 'number') return parsePosition(cursor);
  if (token.text === '[') return parseList(cursor, READERS);
  if (token.text === '{') return parseStruct(cursor, READERS);
  cursor.note('an expression');
  throw cursor.unexpected();
}

/** How stars read what is in them. */
export const STAR_READERS: StarReaders = {
  expression: parseExpression,
  argument: (cursor) => parseArgument(cursor, READERS),
  pattern: parsePattern,
};

/** `#2`. */
function parsePosition(cursor: Cursor): ExprNode {
  const start = cursor.advance().start;
  const token = cursor.advance();
  const place = Number(token.text) - 1;
  const span = cursor.spanFrom(start);
  if (Number.isSafeInteger(place) && place >= 0) return { kind: 'position', place, all: false, span };
  throw sqlError('sql_syntax', cursor.sql, span, 'columns are numbered from #1');
}

/** Literals and constructs that begin with a keyword, else a name. */
function parseWordPrimary(cursor: Cursor): ExprNode {
  const token = cursor.token;
  const span = { start: token.start, end: token.end };
  switch (token.word) {
    case 'true':
    case 'false':
      cursor.advance();
      return { kind: 'boolean', value: token.word === 'true', span };
    case 'null':
      cursor.advance();
      return { kind: 'null', span };
    case 'case':
      return parseCase(cursor);
    case 'cast':
    case 'try_cast':
      if (cursor.peek(1).text === '(') return parseCast(cursor, token.word === 'try_cast');
      break;
    case 'exists': {
      const query = parseExists(cursor);
      if (query !== undefined) return query;
      break;
    }
    case 'array':
      if (cursor.peek(1).text === '(') return parseArrayQuery(cursor);
      if (cursor.peek(1).text === '[') return parseList(cursor, READERS);
      break;
    case 'map':
      if (cursor.peek(1).text === '{') return parseMap(cursor, READERS);
      break;
    case 'columns':
      if (cursor.peek(1).text === '(') return parseColumns(cursor, STAR_READERS);
      break;
    case 'interval':
      if (isInterval(cursor)) return parseInterval(cursor, parseExpression);
      break;
    case 'extract':
      if (isExtract(cursor)) return parseExtract(cursor, parseExpression);
      break;
    case 'lambda':
      return parseLambda(cursor, READERS);
    default:
      break;
  }
  if (isTypedLiteral(cursor)) return parseTypedLiteral(cursor);
  return parseNamed(cursor);
}

/** `DATE '2020-01-01'`. */
function parseTypedLiteral(cursor: Cursor): ExprNode {
  const type = parseTypeName(cursor);
  const token = cursor.advance();
  const operand: ExprNode = { kind: 'string', value: token.text, span: { start: token.start, end: token.end } };
  const span = cursor.spanFrom(type.span.start);
  return { kind: 'cast', operand, type, attempt: false, written: 'literal', span };
}

function parseCase(cursor: Cursor): ExprNode {
  const start = cursor.advance().start;
  const operand = cursor.isWord('when') ? undefined : parseExpression(cursor);
  const branches: When[] = [];
  while (cursor.isWord('when')) {
    const branchStart = cursor.advance().start;
    const condition = parseExpression(cursor);
    cursor.expectWord('then');
    const result = parseExpression(cursor);
    branches.push({ kind: 'when', condition, result, span: cursor.spanFrom(branchStart) });
  }
  if (branches.length === 0) cursor.expectWord('when');
  const otherwise = cursor.takeWord('else') ? parseExpression(cursor) : undefined;
  if (otherwise === undefined) cursor.note('WHEN');
  cursor.expectWord('end');
  return { kind: 'case', operand, branches, otherwise, span: cursor.spanFrom(start) };
}

function parseCast(cursor: Cursor, attempt: boolean): ExprNode {
  const start = cursor.advance().start;
  cursor.expectSymbol('(');
  const operand = parseExpression(cursor);
  cursor.expectWord('as');
  const type = parseTypeName(cursor);
  cursor.expectSymbol(')');
  return { kind: 'cast', operand, type, attempt, written: 'call', span: cursor.spanFrom(start) };
}

/** A function call, `t.*`, or a column's name with up to three qualifiers. */
function parseNamed(cursor: Cursor): ExprNode {
  const token = cursor.token;
  const calls = cursor.peek(1).kind === 'symbol' && cursor.peek(1).text === '(';
  if (calls && (token.kind === 'quoted' || canBeFunction(token.word))) {
    return parseCall(cursor, cursor.expectLabel('a function'));
  }
  if (token.kind === 'word' && !canBeName(token.word)) {
    cursor.note('an expression');
    throw cursor.unexpected();
  }
  const path: Identifier[] = [cursor.expectName('an expression')];
  const start = token.start;
  while (cursor.isSymbol('.')) {
    cursor.advance();
    if (cursor.isSymbol('*')) {
      cursor.advance();
      return { ...bareStar(cursor.spanFrom(start)), table: path };
    }
    path.push(cursor.expectLabel('a column'));
  }
  const method = path.length > 1 && cursor.isSymbol('(') ? path.pop() : undefined;
  const column: ExprNode = { kind: 'column_name', path, span: { start, end: (path.at(-1) as Identifier).span.end } };
  return method === undefined ? column : withFirst(parseCall(cursor, method), column);
}

/** `x.f(y)` as `f(x, y)`. */
function withFirst(call: FunctionCall, first: ExprNode): FunctionCall {
  const args = [first, ...call.args];
  return { ...call, args, span: coverSpans(first.span, call.span) };
}

const READERS: ArgumentReaders & ExpressionReaders = {
  any: parseExpression,
  beforeIn: (cursor) => parseAbove(cursor, POWER.range),
  method: (cursor, name, first) => withFirst(parseCall(cursor, name), first),
};

function parseCall(cursor: Cursor, name: Identifier): FunctionCall {
  const start = name.span.start;
  cursor.expectSymbol('(');
  const worded = parseWordedCall(cursor, name, READERS);
  if (worded !== undefined) {
    cursor.expectSymbol(')');
    return {
      kind: 'function_call',
      ...worded,
      ...PLAIN_CALL,
      span: cursor.spanFrom(start),
    };
  }
  const star = cursor.isSymbol('*') && cursor.peek(1).text === ')';
  if (star) cursor.advance();
  const distinct = !star && cursor.takeWord('distinct');
  const all = !star && !distinct && cursor.isWord('all');
  if (all) cursor.advance();
  const args: ExprNode[] = [];
  // Functions of windows order rows without having an argument.
  if (!star && (distinct || all || !(cursor.isSymbol(')') || cursor.isWord('order')))) {
    do args.push(parseArgument(cursor, READERS));
    while (cursor.takeComma());
  }
  const inner = parseCallOrder(cursor, parseExpression);
  const nulls = parseNullTreatment(cursor);
  if (cursor.isWord('from')) throw cursor.unsupported('FROM inside a call', cursor.token);
  cursor.expectSymbol(')');
  const within = inner.length === 0 ? parseWithinGroup(cursor, parseExpression) : undefined;
  const filter = parseFilter(cursor, parseExpression);
  const over = parseOver(cursor, parseExpression);
  const [orders, withinGroup] = [within ?? inner, within !== undefined];
  const span = cursor.spanFrom(start);
  return { kind: 'function_call', name, args, star, distinct, orders, withinGroup, nulls, filter, over, span };
}
