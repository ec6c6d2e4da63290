/**
 * INTERVAL literals, EXTRACT and AT TIME ZONE.
 *
 * Hides their words. Invariants: EXTRACT and AT TIME ZONE become calls of date_part and timezone, as in DuckDB; an
 * interval without a unit is a typed literal. The parser of expressions is passed in: it is the one that comes here.
 */
import type { Span } from '../base/errors.ts';
import type { ExprNode, FunctionCall } from './ast.ts';
import type { IntervalUnit } from './ast-word.ts';
import type { Cursor } from './cursor.ts';
import { PLAIN_CALL } from './plain-select.ts';

const UNITS: ReadonlyMap<string, IntervalUnit> = new Map<string, IntervalUnit>([
  ...(['year', 'quarter', 'month', 'week', 'day', 'hour', 'minute', 'second'] as const).flatMap(
    (unit) =>
      [
        [unit, `${unit}s`],
        [`${unit}s`, `${unit}s`],
      ] as const,
  ),
  ...(['millisecond', 'microsecond', 'decade'] as const).flatMap(
    (unit) =>
      [
        [unit, `${unit}s`],
        [`${unit}s`, `${unit}s`],
      ] as const,
  ),
  ['century', 'centuries'],
  ['centuries', 'centuries'],
  ['millennium', 'millennia'],
  ['millennia', 'millennia'],
]);

/** How EXTRACT's keywords stand in a column's name, as DuckDB writes them. */
const PART_WORDS: Readonly<Record<IntervalUnit, string>> = {
  millennia: 'MILLENNIUM',
  centuries: 'CENTURY',
  decades: 'DECADE',
  years: 'YEAR',
  quarters: 'QUARTER',
  months: 'MONTH',
  weeks: 'WEEK',
  days: 'DAY',
  hours: 'HOUR',
  minutes: 'MINUTE',
  seconds: 'SECOND',
  milliseconds: 'MILLISECONDS',
  microseconds: 'MICROSECONDS',
};

type ParseExpression = (cursor: Cursor) => ExprNode;

function call(name: string, args: readonly ExprNode[], span: Span): FunctionCall {
  const identifier = { kind: 'identifier', name, quoted: false, span } as const;
  return {
    kind: 'function_call',
    name: identifier,
    args,
    ...PLAIN_CALL,
    span,
  };
}

/** True when the tokens here begin an interval; nothing is taken. */
export function isInterval(cursor: Cursor): boolean {
  const next = cursor.peek(1);
  if (next.kind === 'word' && UNITS.has(next.word) && cursor.peek(2).kind === 'string') {
    throw cursor.unsupported("INTERVAL with its unit first; write INTERVAL '1' DAY", next);
  }
  return next.kind === 'string' || next.kind === 'number' || (next.kind === 'symbol' && next.text === '(');
}

/** `INTERVAL '3 days'`, `INTERVAL '3' DAY`, `INTERVAL 3 DAY`, `INTERVAL (expression) DAY`; without a unit a cast. */
export function parseInterval(cursor: Cursor, parseExpression: ParseExpression): ExprNode {
  const word = cursor.advance();
  const token = cursor.advance();
  const span = { start: token.start, end: token.end };
  let value: ExprNode;
  if (token.kind === 'symbol') {
    value = parseExpression(cursor);
    cursor.expectSymbol(')');
  } else {
    value =
      token.kind === 'string'
        ? { kind: 'string', value: token.text, span }
        : { kind: 'number', text: token.text, span };
  }
  const unit = cursor.token.kind === 'word' ? UNITS.get(cursor.token.word) : undefined;
  if (unit === undefined) {
    const isText = token.kind === 'string';
    const type = {
      kind: 'type_name',
      name: 'interval',
      sizes: [],
      members: [],
      lists: [],
      span: { start: word.start, end: word.end },
    } as const;
    return {
      kind: 'cast',
      operand: value,
      type,
      attempt: false,
      written: isText ? 'literal' : 'call',
      span: cursor.spanFrom(word.start),
    };
  }
  cursor.advance();
  if (cursor.isWord('to') && UNITS.has(cursor.peek(1).word)) {
    throw cursor.unsupported('an interval of several units (YEAR TO MONTH)', cursor.spanFrom(word.start));
  }
  return { kind: 'interval', value, unit, span: cursor.spanFrom(word.start) };
}

/** True when the tokens here begin EXTRACT(part FROM …); nothing is taken. */
export function isExtract(cursor: Cursor): boolean {
  const next = cursor.peek(1);
  return next.kind === 'symbol' && next.text === '(';
}

/** `EXTRACT(part FROM x)`. */
export function parseExtract(cursor: Cursor, parseExpression: ParseExpression): ExprNode {
  const start = cursor.advance().start;
  cursor.expectSymbol('(');
  const isText = cursor.token.kind === 'string';
  const part = cursor.token;
  if (isText) cursor.advance();
  else cursor.expectName('a part, such as YEAR');
  const unit = part.kind === 'word' ? UNITS.get(part.word) : undefined;
  const value = unit === undefined ? part.text : PART_WORDS[unit];
  cursor.expectWord('from');
  const operand = parseExpression(cursor);
  cursor.expectSymbol(')');
  const specifier: ExprNode = { kind: 'string', value, span: { start: part.start, end: part.end } };
  return call('date_part', [specifier, operand], cursor.spanFrom(start));
}

/** `x AT TIME ZONE zone`. */
export function zoneCall(operand: ExprNode, zone: ExprNode, span: Span): ExprNode {
  return call('timezone', [zone, operand], span);
}
