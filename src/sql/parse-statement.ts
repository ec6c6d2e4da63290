/**
 * Statements: which one begins here, and those that are not queries.
 *
 * Hides the form of DDL. Invariant: a statement that DuckDB has and we lack is named in the error.
 */
import type { ColumnDefinition, Query, Statement } from './ast.ts';
import type { Cursor } from './cursor.ts';
import { STATEMENTS_LACKING } from './keyword.ts';
import { parseAlter } from './parse-alter.ts';
import { parseDelete, parseTruncate, parseUpdate } from './parse-edit.ts';
import { parseInsert } from './parse-insert.ts';
import { parseTableName, parseTimeTravel } from './parse-from.ts';
import { expectQuery } from './parse-query.ts';
import { parseColumn } from './parse-column.ts';
import { parseCopy } from './parse-copy.ts';
import { parseDeallocate, parseExecute, parsePrepare } from './parse-prepare.ts';
import { parseReset, parseSet } from './parse-set.ts';

/** First words of the statements that there are, as messages list them. */
const STATEMENT_WORDS = 'SELECT FROM CREATE DROP ALTER TRUNCATE INSERT DELETE UPDATE SHOW DESCRIBE EXPLAIN SET RESET'
  .concat(' COPY PREPARE EXECUTE DEALLOCATE')
  .split(' ');

/** Parses one statement, without what may follow it. @throws `sql_syntax`, `sql_unsupported`, `limit_exceeded` */
export function parseOne(cursor: Cursor): Statement {
  const token = cursor.token;
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
      return parseShow(cursor);
    case 'describe':
    case 'desc':
      return parseDescribe(cursor);
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

const CREATE_LACKING = new Set([
  'or',
  'temp',
  'temporary',
  'view',
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

function parseCreate(cursor: Cursor): Statement {
  const start = cursor.advance().start;
  const word = cursor.token.word;
  if (CREATE_LACKING.has(word)) {
    throw cursor.unsupported(`CREATE ${word === 'or' ? 'OR REPLACE' : word.toUpperCase()}`, cursor.token);
  }
  cursor.expectWord('table');
  const ifNotExists = cursor.takeWord('if');
  if (ifNotExists) {
    cursor.expectWord('not');
    cursor.expectWord('exists');
  }
  const table = parseTableName(cursor);
  if (cursor.takeWord('as')) {
    const query = parseCreateQuery(cursor);
    return { kind: 'create_table', table, ifNotExists, columns: [], query, span: cursor.spanFrom(start) };
  }
  cursor.expectSymbol('(');
  const columns: ColumnDefinition[] = [];
  do {
    if (columns.length > 0 && cursor.isSymbol(')')) break;
    columns.push(parseColumn(cursor, false));
  } while (cursor.takeSymbol(','));
  cursor.expectSymbol(')');
  return { kind: 'create_table', table, ifNotExists, columns, query: undefined, span: cursor.spanFrom(start) };
}

function parseCreateQuery(cursor: Cursor): Query {
  const query = expectQuery(cursor);
  if (cursor.isWord('with')) throw cursor.unsupported('WITH [NO] DATA', cursor.token);
  return query;
}

const DROP_LACKING = new Set([
  'view',
  'schema',
  'index',
  'sequence',
  'macro',
  'function',
  'type',
  'secret',
  'database',
]);

function parseDrop(cursor: Cursor): Statement {
  const start = cursor.advance().start;
  const token = cursor.token;
  if (DROP_LACKING.has(token.word)) throw cursor.unsupported(`DROP ${token.word.toUpperCase()}`, token);
  cursor.expectWord('table');
  const ifExists = cursor.takeWord('if');
  if (ifExists) cursor.expectWord('exists');
  const table = parseTableName(cursor);
  if (cursor.isSymbol(',')) throw cursor.unsupported('DROP of several tables', cursor.token);
  if (!cursor.takeWord('cascade')) cursor.takeWord('restrict');
  return { kind: 'drop_table', table, ifExists, span: cursor.spanFrom(start) };
}

function parseShow(cursor: Cursor): Statement {
  const start = cursor.advance().start;
  const token = cursor.token;
  if (token.word === 'all' || token.word === 'databases' || token.word === 'schemas' || token.word === 'columns') {
    throw cursor.unsupported(`SHOW ${token.word.toUpperCase()}`, token);
  }
  if (cursor.takeWord('snapshots')) return { kind: 'show_snapshots', span: cursor.spanFrom(start) };
  cursor.expectWord('tables');
  if (cursor.isWord('from') || cursor.isWord('like'))
    throw cursor.unsupported('a filter of SHOW TABLES', cursor.token);
  return { kind: 'show_tables', span: cursor.spanFrom(start) };
}

function parseDescribe(cursor: Cursor): Statement {
  const start = cursor.advance().start;
  cursor.takeWord('table');
  if (cursor.isQuery()) return { kind: 'describe', target: cursor.query(), span: cursor.spanFrom(start) };
  cursor.note('SELECT');
  const table = parseTableName(cursor);
  const at = parseTimeTravel(cursor);
  const target = { ...table, at, span: cursor.spanFrom(table.span.start) };
  return { kind: 'describe', target, span: cursor.spanFrom(start) };
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
