/**
 * ALTER TABLE: columns come, go, and get new names and defaults; rows get a time to live.
 *
 * Hides the optional words. Invariants: a change that DuckDB has and we lack is named in the error; SET TTL and DROP
 * TTL are ours, DuckDB has nothing like them.
 */
import type { Alteration } from './ast-alter.ts';
import type { Statement, TimeLength } from './ast.ts';
import type { Cursor } from './cursor.ts';
import { parseColumn } from './parse-column.ts';
import { parseExpression } from './parse-expression.ts';
import { parseTableName } from './parse-table.ts';

const ALTER_LACKING = new Set(['view', 'schema', 'database', 'sequence', 'index', 'type', 'macro', 'function']);
/** Words after ADD and DROP that begin a constraint, not a column. */
const CONSTRAINTS = new Set(['primary', 'unique', 'check', 'foreign', 'constraint']);

/** ALTER TABLE [IF EXISTS] t change */
export function parseAlter(cursor: Cursor): Statement {
  const start = cursor.advance().start;
  const token = cursor.token;
  if (ALTER_LACKING.has(token.word)) throw cursor.unsupported(`ALTER ${token.word.toUpperCase()}`, token);
  cursor.expectWord('table');
  const ifExists = takeIfExists(cursor);
  const table = parseTableName(cursor);
  const change = parseAlteration(cursor);
  if (cursor.isSymbol(',')) {
    throw cursor.unsupported('more than one change in ALTER TABLE; send each by itself', cursor.token);
  }
  return { kind: 'alter_table', table, ifExists, change, span: cursor.spanFrom(start) };
}

function takeIfExists(cursor: Cursor): boolean {
  // A word that may be a name: it guards only when EXISTS follows.
  if (!cursor.isWord('if') || cursor.peek(1).word !== 'exists') return false;
  cursor.advance();
  cursor.advance();
  return true;
}

function parseAlteration(cursor: Cursor): Alteration {
  const token = cursor.token;
  if (cursor.takeWord('add')) return parseAdd(cursor, token.start);
  if (cursor.takeWord('drop')) return parseDrop(cursor, token.start);
  if (cursor.takeWord('rename')) return parseRename(cursor, token.start);
  if (cursor.takeWord('set')) return parseSet(cursor, token.start);
  if (cursor.takeWord('alter')) return parseColumnChange(cursor, token.start);
  if (cursor.isWord('reset')) throw cursor.unsupported('ALTER TABLE … RESET', token);
  throw cursor.unexpected();
}

function refuseConstraint(cursor: Cursor, verb: string): void {
  const token = cursor.token;
  if (CONSTRAINTS.has(token.word)) throw cursor.unsupported(`${verb} ${token.word.toUpperCase()}`, token);
}

/** ADD [COLUMN] [IF NOT EXISTS] column */
function parseAdd(cursor: Cursor, start: number): Alteration {
  if (!cursor.takeWord('column')) refuseConstraint(cursor, 'ADD');
  const ifNotExists = cursor.isWord('if') && cursor.peek(1).word === 'not';
  if (ifNotExists) {
    cursor.advance();
    cursor.advance();
    cursor.expectWord('exists');
  }
  const column = parseColumn(cursor);
  return { kind: 'add_column', column, ifNotExists, span: cursor.spanFrom(start) };
}

/** DROP [COLUMN] [IF EXISTS] column [CASCADE | RESTRICT], or DROP TTL; a column named ttl goes by DROP COLUMN. */
function parseDrop(cursor: Cursor, start: number): Alteration {
  const named = cursor.takeWord('column');
  if (!named) refuseConstraint(cursor, 'DROP');
  if (!named && cursor.takeWord('ttl')) return { kind: 'drop_ttl', span: cursor.spanFrom(start) };
  const ifExists = takeIfExists(cursor);
  const column = cursor.expectName('a column name');
  if (cursor.isSymbol('.')) throw cursor.unsupported('a field of a column in ALTER TABLE', cursor.token);
  if (!cursor.takeWord('cascade')) cursor.takeWord('restrict');
  return { kind: 'drop_column', column, ifExists, span: cursor.spanFrom(start) };
}

/** RENAME [COLUMN] column TO name */
function parseRename(cursor: Cursor, start: number): Alteration {
  if (!cursor.takeWord('column') && cursor.isWord('to')) throw cursor.unsupported('RENAME TO', cursor.token);
  if (cursor.isWord('constraint')) throw cursor.unsupported('RENAME CONSTRAINT', cursor.token);
  const column = cursor.expectName('a column name');
  if (cursor.isSymbol('.')) throw cursor.unsupported('a field of a column in ALTER TABLE', cursor.token);
  cursor.expectWord('to');
  const to = cursor.expectName('a column name');
  return { kind: 'rename_column', column, to, span: cursor.spanFrom(start) };
}

/** ALTER [COLUMN] column { SET DEFAULT value | DROP DEFAULT | SET NOT NULL | DROP NOT NULL } */
function parseColumnChange(cursor: Cursor, start: number): Alteration {
  cursor.takeWord('column');
  const column = cursor.expectName('a column name');
  const token = cursor.token;
  const next = cursor.peek(1).word;
  if (token.word === 'type' || (token.word === 'set' && (next === 'data' || next === 'type'))) {
    throw cursor.unsupported('ALTER COLUMN … TYPE; add a column, fill it by UPDATE, and drop the old one', token);
  }
  const sets = cursor.takeWord('set');
  if (!sets) cursor.expectWord('drop');
  if (cursor.takeWord('default')) {
    const value = sets ? parseExpression(cursor) : undefined;
    return { kind: 'set_default', column, value, span: cursor.spanFrom(start) };
  }
  cursor.expectWord('not');
  cursor.expectWord('null');
  return { kind: 'set_nullable', column, nullable: !sets, span: cursor.spanFrom(start) };
}

const SET_LACKING = new Set(['schema', 'partitioned', 'sorted']);

/** SET TTL length ON column */
function parseSet(cursor: Cursor, start: number): Alteration {
  const token = cursor.token;
  if (SET_LACKING.has(token.word) || token.text === '(') {
    const what = token.text === '(' ? '(…)' : token.word.toUpperCase();
    throw cursor.unsupported(`ALTER TABLE … SET ${what}`, token);
  }
  cursor.expectWord('ttl');
  const length = parseTimeLength(cursor);
  cursor.expectWord('on');
  const column = cursor.expectName('a column name');
  return { kind: 'set_ttl', length, column, span: cursor.spanFrom(start) };
}

/** `'30 days'`, `INTERVAL '30 days'`, `INTERVAL 30 days` or `INTERVAL '30' days`. */
function parseTimeLength(cursor: Cursor): TimeLength {
  const start = cursor.token.start;
  const isInterval = cursor.takeWord('interval');
  const token = cursor.token;
  if (token.kind === 'string' || (isInterval && token.kind === 'number')) {
    cursor.advance();
    const isUnit = isInterval && cursor.token.kind === 'word' && !cursor.isWord('on');
    const text = isUnit ? `${token.text} ${cursor.advance().text}` : token.text;
    return { kind: 'time_length', text, span: cursor.spanFrom(start) };
  }
  cursor.note("a length of time such as '30 days'");
  throw cursor.unexpected();
}
