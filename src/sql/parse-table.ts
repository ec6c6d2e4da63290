/**
 * Names of tables, and the moments that they are read at.
 *
 * Hides how other dialects write a moment, which is shown in the error. Invariant: a name is up to three words.
 */
import type { Span } from '../base/errors.ts';
import type { Identifier, TableName, TimeTravel } from './ast.ts';
import type { Cursor } from './cursor.ts';
import { parseExpression } from './parse-expression.ts';

/** `AT (VERSION => n)`, `AT (TIMESTAMP => t)`, or undefined when neither begins here. */
export function parseTimeTravel(cursor: Cursor): TimeTravel | undefined {
  const start = cursor.token.start;
  if (!cursor.takeWord('at')) return undefined;
  cursor.expectSymbol('(');
  const isVersion = cursor.takeWord('version');
  if (!isVersion) cursor.expectWord('timestamp');
  cursor.expectSymbol('=>');
  const value = parseExpression(cursor);
  cursor.expectSymbol(')');
  return { kind: 'time_travel', unit: isVersion ? 'version' : 'timestamp', value, span: cursor.spanFrom(start) };
}

const AT_FORMS = "write FROM t AT (VERSION => 42) or FROM t AT (TIMESTAMP => '2024-02-29 12:00:00')";
/** Words with which other dialects name a moment: `FOR SYSTEM_TIME AS OF`, `AS OF TIMESTAMP`. */
const MOMENT_WORDS = new Set(['system_time', 'system_version', 'version', 'timestamp', 'timestamptz', 'date', 'scn']);

/** Shows the right form to those who write time travel as other dialects do. */
export function refuseAsOf(cursor: Cursor): void {
  const token = cursor.token;
  const [next, after] = [cursor.peek(1), cursor.peek(2)];
  if (token.word === 'for' && MOMENT_WORDS.has(next.word)) {
    throw cursor.unsupported(`FOR ${next.word.toUpperCase()}; ${AT_FORMS}`, { start: token.start, end: next.end });
  }
  if (token.word !== 'as' || next.word !== 'of') return;
  if (after.kind === 'number' || after.kind === 'string' || MOMENT_WORDS.has(after.word)) {
    throw cursor.unsupported(`AS OF; ${AT_FORMS}`, { start: token.start, end: next.end });
  }
}

/** `t`, `schema.t` or `catalog.schema.t`, without a moment and an alias. */
export function parseTableName(cursor: Cursor): TableName {
  const start = cursor.token.start;
  if (cursor.token.kind === 'string') {
    throw cursor.unsupported('a name in single quotes; write names plain or in double quotes', cursor.token);
  }
  const path: Identifier[] = [cursor.expectName('a table name')];
  while (cursor.isSymbol('.')) {
    cursor.advance();
    path.push(cursor.expectLabel('a table name'));
  }
  return tableOf(path, cursor.spanFrom(start));
}

/** The name of one word that is no longer to be read. */
export function tableNamed(name: Identifier): TableName {
  return tableOf([name], name.span);
}

function tableOf(path: readonly Identifier[], span: Span): TableName {
  return { kind: 'table_name', path, at: undefined, alias: undefined, columns: [], span };
}
