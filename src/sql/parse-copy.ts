/**
 * COPY: rows between a table, or a query, and a file.
 *
 * Hides that a table is copied by a query of its columns. Invariant: what an option means, and which values it takes,
 * is for planning to say.
 */
import type { Span } from '../base/errors.ts';
import type { CopyOption } from './ast-command.ts';
import type { ExprNode, Identifier, Query, Statement, TableName } from './ast.ts';
import type { Cursor } from './cursor.ts';
import { parseExpression } from './parse-expression.ts';
import { parseTableName } from './parse-table.ts';
import { expectQuery } from './parse-query.ts';
import { bareStar, plainItem, plainSelect } from './plain-select.ts';

/** COPY { t [(column, …)] { FROM | TO } | (query) TO } 'file' [[WITH] (option [value], …)] */
export function parseCopy(cursor: Cursor): Statement {
  const start = cursor.advance().start;
  if (cursor.isWord('from') && cursor.peek(1).word === 'database') {
    throw cursor.unsupported('COPY FROM DATABASE', cursor.token);
  }
  if (cursor.isSymbol('(')) {
    cursor.advance();
    const query = cursor.nested(() => expectQuery(cursor));
    cursor.expectSymbol(')');
    cursor.expectWord('to');
    return { kind: 'copy_to', query, ...parseFile(cursor), span: cursor.spanFrom(start) };
  }
  cursor.note('a query in parentheses');
  const table = parseTableName(cursor);
  const columns = parseColumns(cursor);
  if (cursor.takeWord('from')) {
    return { kind: 'copy_from', table, columns, ...parseFile(cursor), span: cursor.spanFrom(start) };
  }
  const query = queryOf(table, columns, cursor.spanFrom(table.span.start));
  cursor.expectWord('to');
  return { kind: 'copy_to', query, ...parseFile(cursor), span: cursor.spanFrom(start) };
}

function parseColumns(cursor: Cursor): readonly Identifier[] | undefined {
  if (!cursor.takeSymbol('(')) return undefined;
  const columns: Identifier[] = [];
  do columns.push(cursor.expectName('a column name'));
  while (cursor.takeComma());
  cursor.expectSymbol(')');
  return columns;
}

/** The query of a table's columns, all of them without a list. */
function queryOf(table: TableName, columns: readonly Identifier[] | undefined, span: Span): Query {
  const exprs: readonly ExprNode[] = columns?.map((name) => ({
    kind: 'column_name',
    path: [name],
    span: name.span,
  })) ?? [bareStar(span)];
  return plainSelect(exprs.map(plainItem), table, span);
}

function parseFile(cursor: Cursor): { readonly path: ExprNode; readonly options: readonly CopyOption[] } {
  const { kind, text, start, end } = cursor.token;
  if (kind === 'word' || kind === 'quoted' || cursor.isSymbol('(')) {
    throw cursor.unsupported("a file's name without quotes; write it in single quotes", cursor.token);
  }
  if (kind !== 'string' && kind !== 'parameter') {
    cursor.note('the name of a file in quotes');
    throw cursor.unexpected();
  }
  const span = { start, end };
  const path: ExprNode =
    kind === 'parameter' ? { kind, name: cursor.takeParameter(), span } : { kind, value: text, span };
  if (kind === 'string') cursor.advance();
  const options: CopyOption[] = [];
  const isOpened = cursor.takeWord('with');
  if (cursor.takeSymbol('(')) {
    do options.push(parseOption(cursor));
    while (cursor.takeComma());
    cursor.expectSymbol(')');
  } else if (isOpened) throw cursor.unexpected();
  return { path, options };
}

function parseOption(cursor: Cursor): CopyOption {
  const name = cursor.expectLabel('an option');
  const ends = cursor.isSymbol(',') || cursor.isSymbol(')');
  const { token } = cursor;
  const value = ends ? undefined : parseExpression(cursor);
  if (value?.kind === 'row') throw cursor.unsupported('a list of values in an option of COPY', token);
  return { kind: 'copy_option', name, value, span: cursor.spanFrom(name.span.start) };
}
