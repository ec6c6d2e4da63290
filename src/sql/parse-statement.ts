/**
 * Statements: which one begins here, and those that are not queries.
 *
 * Hides the form of DDL. Invariant: a statement that DuckDB has and we lack is named in the error.
 */
import type { ColumnDefinition, Statement } from './ast.ts';
import type { Cursor } from './cursor.ts';
import { STATEMENTS_LACKING } from './keyword.ts';
import { isSelect, parseSelect, parseTableName } from './parse-select.ts';
import { parseTypeName } from './parse-type.ts';

/** Parses one statement, without what may follow it. @throws `sql_syntax`, `sql_unsupported`, `limit_exceeded` */
export function parseOne(cursor: Cursor): Statement {
  const token = cursor.token;
  if (isSelect(cursor)) return parseSelect(cursor);
  if (token.kind === 'symbol' && token.text === '(') throw cursor.unsupported('a query in parentheses', token);
  switch (token.word) {
    case 'create':
      return parseCreate(cursor);
    case 'drop':
      return parseDrop(cursor);
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
  for (const word of ['SELECT', 'FROM', 'CREATE', 'DROP', 'SHOW', 'DESCRIBE', 'EXPLAIN']) cursor.note(word);
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
  if (cursor.isWord('as')) throw cursor.unsupported('CREATE TABLE AS', cursor.token);
  cursor.expectSymbol('(');
  const columns: ColumnDefinition[] = [];
  do {
    if (columns.length > 0 && cursor.isSymbol(')')) break;
    columns.push(parseColumn(cursor));
  } while (cursor.takeSymbol(','));
  cursor.expectSymbol(')');
  return { kind: 'create_table', table, ifNotExists, columns, span: cursor.spanFrom(start) };
}

const TABLE_CONSTRAINTS = new Set(['primary', 'unique', 'check', 'foreign', 'constraint']);
const COLUMN_CONSTRAINTS = new Set([
  'primary',
  'unique',
  'check',
  'references',
  'default',
  'constraint',
  'generated',
  'as',
  'collate',
  'using',
]);

function parseColumn(cursor: Cursor): ColumnDefinition {
  const first = cursor.token;
  if (TABLE_CONSTRAINTS.has(first.word)) {
    throw cursor.unsupported(`the constraint ${first.word.toUpperCase()}`, first);
  }
  const name = cursor.expectName('a column name');
  const type = parseTypeName(cursor);
  let nullable = true;
  for (;;) {
    const token = cursor.token;
    if (COLUMN_CONSTRAINTS.has(token.word)) {
      throw cursor.unsupported(`the column constraint ${token.word.toUpperCase()}`, token);
    }
    if (cursor.takeWord('not')) {
      cursor.expectWord('null');
      nullable = false;
    } else if (!cursor.takeWord('null')) {
      return { kind: 'column_definition', name, type, nullable, span: cursor.spanFrom(first.start) };
    }
  }
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
  cursor.expectWord('tables');
  if (cursor.isWord('from') || cursor.isWord('like'))
    throw cursor.unsupported('a filter of SHOW TABLES', cursor.token);
  return { kind: 'show_tables', span: cursor.spanFrom(start) };
}

function parseDescribe(cursor: Cursor): Statement {
  const start = cursor.advance().start;
  cursor.takeWord('table');
  if (!isSelect(cursor)) cursor.note('SELECT');
  const target = isSelect(cursor) ? parseSelect(cursor) : parseTableName(cursor);
  return { kind: 'describe', target, span: cursor.spanFrom(start) };
}

function parseExplain(cursor: Cursor): Statement {
  const start = cursor.advance().start;
  if (cursor.isWord('analyze') || cursor.isWord('analyse')) throw cursor.unsupported('EXPLAIN ANALYZE', cursor.token);
  if (!isSelect(cursor)) {
    const inner = parseOne(cursor);
    throw cursor.unsupported('EXPLAIN of anything but a query', inner.span);
  }
  const query = parseSelect(cursor);
  return { kind: 'explain', query, span: cursor.spanFrom(start) };
}
