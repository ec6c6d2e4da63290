/**
 * One column of a table's definition, in CREATE TABLE and ALTER TABLE.
 *
 * Hides which constraints are lacking. Invariant: a constraint that DuckDB has and we lack is named in the error.
 */
import type { ColumnDefinition, ExprNode } from './ast.ts';
import type { Cursor } from './cursor.ts';
import { sqlError } from './frame.ts';
import { parseDefault } from './parse-expression.ts';
import { parseTypeName } from './parse-type.ts';

const TABLE_CONSTRAINTS = new Set(['primary', 'unique', 'check', 'foreign', 'constraint']);
const COLUMN_CONSTRAINTS = new Set([
  'primary',
  'unique',
  'check',
  'references',
  'constraint',
  'generated',
  'as',
  'collate',
  'using',
]);

/** Parses one column of a table. */
export function parseColumn(cursor: Cursor): ColumnDefinition {
  const first = cursor.token;
  if (TABLE_CONSTRAINTS.has(first.word)) {
    throw cursor.unsupported(`the constraint ${first.word.toUpperCase()}`, first);
  }
  const name = cursor.expectName('a column name');
  if (cursor.isWord('as') || cursor.isWord('generated')) {
    throw cursor.unsupported('the column constraint GENERATED', cursor.token);
  }
  const type = parseTypeName(cursor);
  let nullable = true;
  let value: ExprNode | undefined;
  for (;;) {
    const token = cursor.token;
    if (cursor.takeWord('default')) {
      if (value !== undefined) throw sqlError('sql_syntax', cursor.sql, token, 'DEFAULT is given twice');
      value = parseDefault(cursor);
      continue;
    }
    if (token.word === 'as') throw cursor.unsupported('the column constraint GENERATED', token);
    if (COLUMN_CONSTRAINTS.has(token.word)) {
      throw cursor.unsupported(`the column constraint ${token.word.toUpperCase()}`, token);
    }
    if (cursor.takeWord('not')) {
      cursor.expectWord('null');
      nullable = false;
    } else if (!cursor.takeWord('null')) {
      return { kind: 'column_definition', name, type, nullable, default: value, span: cursor.spanFrom(first.start) };
    }
  }
}
