/**
 * Statements: which one begins here, and those that are not queries.
 *
 * Hides the form of DDL. Invariant: a statement that DuckDB has and we lack is named in the error.
 */
import type { ColumnDefinition, Identifier, Query, Statement, TableName } from './ast.ts';
import type { Cursor } from './cursor.ts';
import { sqlError } from './frame.ts';
import { STATEMENTS_LACKING } from './keyword.ts';
import { parseAlter } from './parse-alter.ts';
import { parseDelete, parseTruncate, parseUpdate } from './parse-edit.ts';
import { parseInsert } from './parse-insert.ts';
import { parseNames } from './parse-from.ts';
import { parseTableName } from './parse-table.ts';
import { expectQuery, parseAfterWith, parseWith } from './parse-query.ts';
import { parseColumn } from './parse-column.ts';
import { parseCopy } from './parse-copy.ts';
import { parseDeallocate, parseExecute, parsePrepare } from './parse-prepare.ts';
import { parseReset, parseSet } from './parse-set.ts';
import { parseShown } from './parse-show.ts';
import { selectAll } from './plain-select.ts';
import { printName, printNames } from './print.ts';

/** First words of the statements that there are, as messages list them. */
const STATEMENT_WORDS =
  'SELECT FROM CREATE DROP ALTER TRUNCATE INSERT DELETE UPDATE SHOW DESCRIBE SUMMARIZE EXPLAIN SET RESET'
    .concat(' COPY PREPARE EXECUTE DEALLOCATE')
    .split(' ');

/** Parses one statement, without what may follow it. @throws `sql_syntax`, `sql_unsupported`, `limit_exceeded` */
export function parseOne(cursor: Cursor): Statement {
  const token = cursor.token;
  if (token.word === 'with') return parseCommon(cursor);
  if (cursor.isQuery()) return cursor.query();
  switch (token.word) {
    case 'create':
      return parseCreate(cursor);
    case 'drop':
      return parseDrop(cursor);
    case 'alter':
      return parseAlter(cursor);
    case 'truncate':
      return parseTruncate(cursor);
    case 'insert':
      return parseInsert(cursor);
    case 'delete':
      return parseDelete(cursor);
    case 'update':
      return parseUpdate(cursor);
    case 'copy':
      return parseCopy(cursor);
    case 'prepare':
      return parsePrepare(cursor, parseOne);
    case 'execute':
      return parseExecute(cursor);
    case 'deallocate':
      return parseDeallocate(cursor);
    case 'set':
      return parseSet(cursor);
    case 'reset':
      return parseReset(cursor);
    case 'show':
    case 'describe':
    case 'desc':
    case 'summarize':
      return parseShown(cursor);
    case 'explain':
      return parseExplain(cursor);
    default:
      break;
  }
  const lacking = STATEMENTS_LACKING.get(token.word);
  if (lacking !== undefined) throw cursor.unsupported(lacking, token);
  for (const word of STATEMENT_WORDS) cursor.note(word);
  throw cursor.unexpected();
}

/** A query, or a statement that changes rows, with WITH before it. */
function parseCommon(cursor: Cursor): Statement {
  const { start } = cursor.token;
  const common = parseWith(cursor);
  switch (cursor.token.word) {
    case 'insert':
      return parseInsert(cursor, common, start);
    case 'delete':
      return parseDelete(cursor, common, start);
    case 'update':
      return parseUpdate(cursor, common, start);
    default:
      for (const word of ['INSERT', 'DELETE', 'UPDATE']) cursor.note(word);
      return parseAfterWith(cursor, common, start);
  }
}

const CREATE_LACKING = new Set([
  'schema',
  'index',
  'unique',
  'sequence',
  'macro',
  'function',
  'type',
  'secret',
  'database',
  'persistent',
]);

/** CREATE [OR REPLACE] { TABLE | [RECURSIVE] VIEW } [IF NOT EXISTS] … */
function parseCreate(cursor: Cursor): Statement {
  const start = cursor.advance().start;
  const orReplace = cursor.takeWord('or');
  if (orReplace) cursor.expectWord('replace');
  const token = cursor.token;
  if (token.word === 'temp' || token.word === 'temporary') {
    throw cursor.unsupported(
      `CREATE ${token.word.toUpperCase()}; create a table, and drop it when it has served`,
      token,
    );
  }
  if (CREATE_LACKING.has(token.word)) throw cursor.unsupported(`CREATE ${token.word.toUpperCase()}`, token);
  const isRecursive = cursor.takeWord('recursive');
  const isView = cursor.takeWord('view');
  if (!isView) cursor.expectWord(isRecursive ? 'view' : 'table');
  const guard = cursor.token;
  const ifNotExists = cursor.takeWord('if');
  if (ifNotExists) {
    cursor.expectWord('not');
    cursor.expectWord('exists');
    if (orReplace) throw sqlError('sql_syntax', cursor.sql, guard, 'OR REPLACE and IF NOT EXISTS exclude each other');
  }
  const how = { orReplace, ifNotExists };
  if (isRecursive) return parseRecursiveView(cursor, start, how);
  return isView ? parseCreateView(cursor, start, how) : parseCreateTable(cursor, start, how);
}

interface CreateGuards {
  readonly orReplace: boolean;
  readonly ifNotExists: boolean;
}

function parseCreateTable(cursor: Cursor, start: number, how: CreateGuards): Statement {
  const table = parseTableName(cursor);
  if (cursor.takeWord('as')) {
    const query = parseCreateQuery(cursor);
    return { kind: 'create_table', table, ...how, columns: [], query, span: cursor.spanFrom(start) };
  }
  cursor.expectSymbol('(');
  const columns: ColumnDefinition[] = [];
  do columns.push(parseColumn(cursor));
  while (cursor.takeComma());
  cursor.expectSymbol(')');
  return { kind: 'create_table', table, ...how, columns, query: undefined, span: cursor.spanFrom(start) };
}

function parseCreateView(cursor: Cursor, start: number, how: CreateGuards): Statement {
  const view = parseTableName(cursor);
  const columns = parseNames(cursor);
  cursor.expectWord('as');
  const first = cursor.token.start;
  const query = expectQuery(cursor);
  const text = cursor.sql.slice(first, cursor.lastEnd);
  return { kind: 'create_view', view, ...how, columns, query, text, span: cursor.spanFrom(start) };
}

/** `CREATE RECURSIVE VIEW v(a) AS query`, which is the view of `WITH RECURSIVE v(a) AS (query) FROM v`. */
function parseRecursiveView(cursor: Cursor, start: number, how: CreateGuards): Statement {
  const view = parseTableName(cursor);
  cursor.note('the names of the columns');
  if (!cursor.isSymbol('(')) throw cursor.unexpected();
  const columns = parseNames(cursor);
  cursor.expectWord('as');
  const first = cursor.token.start;
  const inner = expectQuery(cursor);
  const written = cursor.sql.slice(first, cursor.lastEnd);
  const span = cursor.spanFrom(start);
  const name = view.path.at(-1) as Identifier;
  const table: TableName = { ...view, path: [name], at: undefined, alias: undefined, columns: [] };
  const common = { kind: 'common_table', name, columns, recursive: true, query: inner, span } as const;
  const query: Query = { ...selectAll(table, span), common: [common] };
  const label = printName(name.name);
  const text = `WITH RECURSIVE ${label}${printNames(columns)} AS (${written}\n) SELECT * FROM ${label}`;
  return { kind: 'create_view', view, ...how, columns: [], query, text, span };
}

function parseCreateQuery(cursor: Cursor): Query {
  const query = expectQuery(cursor);
  if (cursor.isWord('with')) throw cursor.unsupported('WITH [NO] DATA', cursor.token);
  return query;
}

const DROP_LACKING = new Set(['schema', 'index', 'sequence', 'macro', 'function', 'type', 'secret', 'database']);

/** DROP { TABLE | VIEW } [IF EXISTS] name [CASCADE | RESTRICT] */
function parseDrop(cursor: Cursor): Statement {
  const start = cursor.advance().start;
  const token = cursor.token;
  if (DROP_LACKING.has(token.word)) throw cursor.unsupported(`DROP ${token.word.toUpperCase()}`, token);
  const isView = cursor.takeWord('view');
  if (!isView) cursor.expectWord('table');
  const ifExists = cursor.takeWord('if');
  if (ifExists) cursor.expectWord('exists');
  const table = parseTableName(cursor);
  if (cursor.isSymbol(',')) {
    throw cursor.unsupported(`DROP of several ${isView ? 'views' : 'tables'}`, cursor.token);
  }
  if (!cursor.takeWord('cascade')) cursor.takeWord('restrict');
  const span = cursor.spanFrom(start);
  return isView ? { kind: 'drop_view', view: table, ifExists, span } : { kind: 'drop_table', table, ifExists, span };
}

function parseExplain(cursor: Cursor): Statement {
  const start = cursor.advance().start;
  const analyze = cursor.isWord('analyze') || cursor.isWord('analyse');
  if (analyze) cursor.advance();
  if (!cursor.isQuery()) {
    const inner = parseOne(cursor);
    throw cursor.unsupported('EXPLAIN of anything but a query', inner.span);
  }
  const query = cursor.query();
  return { kind: 'explain', query, analyze, span: cursor.spanFrom(start) };
}
