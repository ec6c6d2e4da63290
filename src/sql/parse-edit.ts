/**
 * Statements that change rows: DELETE, UPDATE, TRUNCATE.
 *
 * Hides their clauses. Invariant: a clause that DuckDB has and we lack is named in the error, at its place.
 */
import type { Assignment, CommonTable, ExprNode, Identifier, Statement, TableName } from './ast.ts';
import type { Cursor } from './cursor.ts';
import { sqlError } from './frame.ts';
import { parseExpression } from './parse-expression.ts';
import { parseFrom } from './parse-from.ts';
import { parseTableName } from './parse-table.ts';
import { parseValue } from './parse-insert.ts';
import { parseReturning } from './parse-select.ts';

/** Words that may follow in DELETE and UPDATE and begin something we lack. */
const EDIT_LACKING: ReadonlyMap<string, string> = new Map([
  ['order', 'ORDER BY'],
  ['limit', 'LIMIT'],
]);

function refuseLacking(cursor: Cursor, statement: string): void {
  const clause = EDIT_LACKING.get(cursor.token.word);
  if (clause !== undefined) throw cursor.unsupported(`${clause} in ${statement}`, cursor.token);
}

/** `t [[AS] alias]`. In UPDATE SET is never an alias without AS, as in DuckDB. */
function parseTarget(cursor: Cursor, statement: string): TableName {
  const table = parseTableName(cursor);
  if (cursor.isWord('at')) {
    throw cursor.unsupported(`AT in ${statement}; only the newest version can be changed`, cursor.token);
  }
  const alias = statement === 'UPDATE' && cursor.isWord('set') ? undefined : cursor.takeAlias();
  if (cursor.isSymbol(',')) throw cursor.unsupported(`more than one table in ${statement}`, cursor.token);
  return { ...table, alias, span: cursor.spanFrom(table.span.start) };
}

function parseWhere(cursor: Cursor, statement: string): ExprNode | undefined {
  refuseLacking(cursor, statement);
  const where = cursor.takeWord('where') ? parseExpression(cursor) : undefined;
  refuseLacking(cursor, statement);
  return where;
}

/** [WITH …] DELETE FROM t [[AS] alias] [USING item, …] [WHERE condition] [RETURNING …] */
export function parseDelete(
  cursor: Cursor,
  common: readonly CommonTable[] = [],
  start = cursor.token.start,
): Statement {
  cursor.advance();
  cursor.expectWord('from');
  const table = parseTarget(cursor, 'DELETE');
  const from = cursor.takeWord('using') ? parseFrom(cursor) : undefined;
  const where = parseWhere(cursor, 'DELETE');
  const returning = parseReturning(cursor);
  return { kind: 'delete', common, table, from, where, returning, span: cursor.spanFrom(start) };
}

/** [WITH …] UPDATE t [[AS] alias] SET column = value, … [FROM item, …] [WHERE condition] [RETURNING …] */
export function parseUpdate(
  cursor: Cursor,
  common: readonly CommonTable[] = [],
  start = cursor.token.start,
): Statement {
  cursor.advance();
  const table = parseTarget(cursor, 'UPDATE');
  cursor.expectWord('set');
  const assignments: Assignment[] = [];
  do assignments.push(...parseAssignments(cursor));
  while (cursor.takeComma());
  const from = cursor.takeWord('from') ? parseFrom(cursor) : undefined;
  const where = parseWhere(cursor, 'UPDATE');
  const returning = parseReturning(cursor);
  return { kind: 'update', common, table, assignments, from, where, returning, span: cursor.spanFrom(start) };
}

/** `column = value`, or `(column, …) = (value, …)`, where one value is that of all columns. */
function parseAssignments(cursor: Cursor): Assignment[] {
  const { start } = cursor.token;
  const isRow = cursor.takeSymbol('(');
  const columns = [parseTargetColumn(cursor)];
  while (isRow && cursor.takeComma()) columns.push(parseTargetColumn(cursor));
  if (isRow) cursor.expectSymbol(')');
  cursor.expectSymbol('=');
  const value = parseValue(cursor);
  const span = cursor.spanFrom(start);
  const values = isRow && value.kind === 'row' ? value.items : columns.map(() => value);
  if (values.length !== columns.length) {
    const message = `${columns.length.toString()} columns are set to ${values.length.toString()} values`;
    throw sqlError('sql_syntax', cursor.sql, value.span, message);
  }
  return columns.map((column, i) => ({ kind: 'assignment', column, value: values[i] ?? value, span }));
}

function parseTargetColumn(cursor: Cursor): Identifier {
  const column = cursor.expectName('a column name');
  if (cursor.isSymbol('.')) {
    throw cursor.unsupported('a qualified column in SET; write the column alone', cursor.token);
  }
  if (cursor.isSymbol('[')) throw cursor.unsupported('an element of a list in SET', cursor.token);
  return column;
}

/** TRUNCATE [TABLE] t [[AS] alias] */
export function parseTruncate(cursor: Cursor): Statement {
  const start = cursor.advance().start;
  cursor.takeWord('table');
  const table = parseTableName(cursor);
  // It names nothing that could be asked for.
  cursor.takeAlias();
  if (cursor.isSymbol(',')) throw cursor.unsupported('TRUNCATE of several tables', cursor.token);
  return { kind: 'truncate', table, span: cursor.spanFrom(start) };
}
