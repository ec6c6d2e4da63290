/**
 * INSERT: where rows go, and what they are: VALUES, or a query.
 *
 * Hides its clauses. Invariant: a clause that DuckDB has and we lack is named in the error, at its place.
 */
import type {
  CommonTable,
  DefaultValue,
  ExprNode,
  Identifier,
  Query,
  Statement,
  ValueRow,
  ValueRows,
} from './ast.ts';
import type { Cursor } from './cursor.ts';
import { parseExpression } from './parse-expression.ts';
import { parseTableName } from './parse-table.ts';
import { parseReturning } from './parse-select.ts';

/**
 * [WITH …] INSERT INTO t [BY NAME | BY POSITION] [(column, …)] { VALUES (…), … | DEFAULT VALUES | query }
 * [RETURNING …]
 */
export function parseInsert(
  cursor: Cursor,
  common: readonly CommonTable[] = [],
  start = cursor.token.start,
): Statement {
  cursor.advance();
  if (cursor.isWord('or')) throw cursor.unsupported('INSERT OR REPLACE and OR IGNORE', cursor.token);
  cursor.expectWord('into');
  const table = parseTableName(cursor);
  if (cursor.isWord('as')) throw cursor.unsupported('an alias in INSERT', cursor.token);
  const byName = parseMatching(cursor);
  const columns = parseColumns(cursor);
  const source = parseSource(cursor);
  if (cursor.isWord('on')) throw cursor.unsupported('ON CONFLICT', cursor.token);
  const returning = parseReturning(cursor);
  return { kind: 'insert', common, table, columns, byName, source, returning, span: cursor.spanFrom(start) };
}

function parseColumns(cursor: Cursor): readonly Identifier[] | undefined {
  // A query in parentheses begins as a list of columns does.
  if (!cursor.isSymbol('(') || cursor.isQuery()) return undefined;
  cursor.advance();
  const columns: Identifier[] = [];
  do columns.push(cursor.expectName('a column name'));
  while (cursor.takeComma());
  cursor.expectSymbol(')');
  return columns;
}

/** Whether columns are matched by their names. */
function parseMatching(cursor: Cursor): boolean {
  if (!cursor.takeWord('by')) return false;
  if (cursor.takeWord('name')) return true;
  cursor.expectWord('position');
  return false;
}

function parseSource(cursor: Cursor): Query | ValueRows {
  if (!cursor.isWord('values') && cursor.isQuery()) return cursor.query();
  const { start } = cursor.token;
  if (cursor.takeWord('default')) {
    cursor.expectWord('values');
    const span = cursor.spanFrom(start);
    return { kind: 'value_rows', rows: [{ kind: 'value_row', values: [], span }], isDefault: true, span };
  }
  cursor.note('SELECT');
  cursor.note('FROM');
  cursor.expectWord('values');
  const rows: ValueRow[] = [parseRow(cursor)];
  while (cursor.takeComma()) rows.push(parseRow(cursor));
  return { kind: 'value_rows', rows, isDefault: false, span: cursor.spanFrom(start) };
}

function parseRow(cursor: Cursor): ValueRow {
  const { start } = cursor.token;
  cursor.expectSymbol('(');
  const values: (ExprNode | DefaultValue)[] = [];
  do values.push(parseValue(cursor));
  while (cursor.takeComma());
  cursor.expectSymbol(')');
  return { kind: 'value_row', values, span: cursor.spanFrom(start) };
}

/** A value, or the word DEFAULT. */
export function parseValue(cursor: Cursor): ExprNode | DefaultValue {
  const { token } = cursor;
  if (cursor.takeWord('default')) return { kind: 'default_value', span: cursor.spanFrom(token.start) };
  return parseExpression(cursor);
}
