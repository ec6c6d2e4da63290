/**
 * SHOW, DESCRIBE and SUMMARIZE: statements that answer with rows about what there is. They may stand in FROM, too.
 *
 * Hides nothing. Invariant: what DuckDB shows and we lack is named in the error.
 */
import type { Query, TableName } from './ast.ts';
import type { ShowStatement } from './ast-view.ts';
import type { Cursor } from './cursor.ts';
import { SHOW_WORDS } from './cursor.ts';
import { parseTableName, parseTimeTravel } from './parse-table.ts';
import { selectAll } from './plain-select.ts';

/** True when such a statement begins at the token `ahead` places on. */
export function isShown(cursor: Cursor, ahead: number): boolean {
  return SHOW_WORDS.has(cursor.peek(ahead).word);
}

/** Parses one of them; DESCRIBE and SHOW alone, or with ALL, are SHOW ALL TABLES. @throws `sql_syntax`, `sql_unsupported` */
export function parseShown(cursor: Cursor): ShowStatement {
  switch (cursor.token.word) {
    case 'show':
      return parseShow(cursor);
    case 'summarize':
      return parseSummarize(cursor);
    default:
      return parseDescribe(cursor);
  }
}

/** DESCRIBE and its like as a query of their rows. */
export function parseShownQuery(cursor: Cursor): Query {
  const { start } = cursor.token;
  const statement = parseShown(cursor);
  const span = cursor.spanFrom(start);
  return selectAll({ kind: 'shown_rows', statement, alias: undefined, columns: [], span }, span);
}

/** SHOW [ALL] TABLES, SHOW SNAPSHOTS, and SHOW t, which is DESCRIBE t, or a setting. */
function parseShow(cursor: Cursor): ShowStatement {
  const start = cursor.advance().start;
  if (isAlone(cursor)) return { kind: 'show_tables', all: true, span: cursor.spanFrom(start) };
  const token = cursor.token;
  if (token.word === 'databases' || token.word === 'schemas' || token.word === 'columns') {
    throw cursor.unsupported(`SHOW ${token.word.toUpperCase()}`, token);
  }
  if (cursor.takeWord('snapshots')) return { kind: 'show_snapshots', span: cursor.spanFrom(start) };
  const all = cursor.takeWord('all');
  if (all && isAlone(cursor)) return { kind: 'show_tables', all, span: cursor.spanFrom(start) };
  if (!all && !cursor.isWord('tables')) return describe(cursor, start, parseTarget(cursor), true);
  cursor.expectWord('tables');
  if (cursor.isWord('from') || cursor.isWord('like'))
    throw cursor.unsupported('a filter of SHOW TABLES', cursor.token);
  return { kind: 'show_tables', all, span: cursor.spanFrom(start) };
}

function isAlone(cursor: Cursor): boolean {
  return cursor.token.kind === 'end' || cursor.isSymbol(';') || cursor.isSymbol(')');
}

function parseDescribe(cursor: Cursor): ShowStatement {
  const start = cursor.advance().start;
  if (cursor.isWord('all') || isAlone(cursor)) {
    cursor.takeWord('all');
    return { kind: 'show_tables', all: true, span: cursor.spanFrom(start) };
  }
  cursor.takeWord('table');
  return describe(cursor, start, parseTarget(cursor), false);
}

function describe(cursor: Cursor, start: number, target: TableName | Query, shows: boolean): ShowStatement {
  return { kind: 'describe', target, shows, span: cursor.spanFrom(start) };
}

function parseSummarize(cursor: Cursor): ShowStatement {
  const start = cursor.advance().start;
  const target = parseTarget(cursor);
  return { kind: 'summarize', target, span: cursor.spanFrom(start) };
}

/** A query, another such statement, or a table or view with its moment. */
function parseTarget(cursor: Cursor): TableName | Query {
  if (cursor.isQuery()) return cursor.query();
  if (isShown(cursor, 0)) return cursor.nested(() => parseShownQuery(cursor));
  cursor.note('SELECT');
  const table = parseTableName(cursor);
  const at = parseTimeTravel(cursor);
  return { ...table, at, span: cursor.spanFrom(table.span.start) };
}
