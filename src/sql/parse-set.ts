/**
 * SET and RESET: a session's settings.
 *
 * Hides the optional words. Invariants: what a name means and which value it takes is decided by planning; a form that
 * DuckDB has and we lack is named in the error.
 */
import type { Identifier, Statement } from './ast.ts';
import type { Cursor } from './cursor.ts';
import { parseExpression } from './parse-expression.ts';

/** Words before a setting's name that say whose it is. */
const SCOPES = new Set(['session', 'global', 'local']);

/** SET [SESSION] name = value | name TO value | TIME ZONE value */
export function parseSet(cursor: Cursor): Statement {
  const start = cursor.advance().start;
  const name = parseSettingName(cursor, 'SET', (ahead) => isAssign(cursor, ahead));
  const isZone = name.name === TIME_ZONE && name.span.end - name.span.start > TIME_ZONE.length;
  if (isZone) cursor.takeWord('to');
  else if (!cursor.takeSymbol('=') && !cursor.takeWord('to')) throw cursor.unexpected();
  const isDefault = cursor.takeWord('default');
  const value = isDefault ? undefined : parseExpression(cursor);
  if (cursor.takeComma()) throw cursor.unexpected();
  return { kind: 'set', name, value, span: cursor.spanFrom(start) };
}

/** RESET [SESSION] name */
export function parseReset(cursor: Cursor): Statement {
  const start = cursor.advance().start;
  const name = parseSettingName(cursor, 'RESET', (ahead) => cursor.peek(ahead).kind === 'end');
  return { kind: 'set', name, value: undefined, span: cursor.spanFrom(start) };
}

const TIME_ZONE = 'TimeZone';

function isAssign(cursor: Cursor, ahead: number): boolean {
  const { kind, text, word } = cursor.peek(ahead);
  return word === 'to' || (kind === 'symbol' && text === '=');
}

/** `endsAt` tells whether a name before the token that many places on would be the whole of it. */
function parseSettingName(cursor: Cursor, verb: string, endsAt: (ahead: number) => boolean): Identifier {
  const token = cursor.token;
  if (!endsAt(1)) {
    // A setting called variable has `=` or TO behind it.
    const isLacking = token.word === 'variable' || (SCOPES.has(token.word) && token.word !== 'session');
    if (isLacking) throw cursor.unsupported(`${verb} ${token.word.toUpperCase()}`, token);
    if (cursor.isWord('session')) cursor.advance();
    const first = cursor.token;
    if (first.word === 'time' && cursor.peek(1).word === 'zone') {
      cursor.advance();
      cursor.advance();
      return { kind: 'identifier', name: TIME_ZONE, quoted: false, span: cursor.spanFrom(first.start) };
    }
  }
  if (SCOPES.has(cursor.token.word)) throw cursor.unexpected();
  return cursor.expectName('the name of a setting');
}
