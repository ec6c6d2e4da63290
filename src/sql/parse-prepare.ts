/**
 * PREPARE, EXECUTE and DEALLOCATE: statements that a session keeps under a name.
 *
 * Hides nothing. Invariant: what is prepared is a statement of data, so that running it cannot prepare or execute
 * another one.
 */
import type { Statement } from './ast.ts';
import type { ExecuteArgument } from './ast-command.ts';
import type { Cursor } from './cursor.ts';
import { sqlError } from './frame.ts';
import { parseExpression } from './parse-expression.ts';

const PREPARABLE: ReadonlySet<Statement['kind']> = new Set<Statement['kind']>([
  'select',
  'set_operation',
  'values_query',
  'create_table',
  'insert',
  'delete',
  'update',
  'copy_from',
  'copy_to',
  'explain',
  'describe',
]);

/** PREPARE name AS statement; `readStatement` reads what follows AS. */
export function parsePrepare(cursor: Cursor, readStatement: (cursor: Cursor) => Statement): Statement {
  const start = cursor.advance().start;
  const name = cursor.expectName('a name for the statement');
  if (cursor.isSymbol('(')) throw cursor.unsupported('a list of types in PREPARE; leave it out', cursor.token);
  cursor.expectWord('as');
  const statement = readStatement(cursor);
  if (!PREPARABLE.has(statement.kind)) {
    const message = 'only queries, INSERT, UPDATE, DELETE, COPY and CREATE TABLE can be prepared';
    throw sqlError('sql_unsupported', cursor.sql, statement.span, message);
  }
  return { kind: 'prepare', name, statement, span: cursor.spanFrom(start) };
}

/** EXECUTE name [(value, …)], where a value may say its parameter's name: `name := value`. */
export function parseExecute(cursor: Cursor): Statement {
  const start = cursor.advance().start;
  const name = cursor.expectName('the name of a prepared statement');
  const args: ExecuteArgument[] = [];
  if (cursor.takeSymbol('(') && !cursor.takeSymbol(')')) {
    do args.push(parseArgument(cursor));
    while (cursor.takeComma());
    cursor.expectSymbol(')');
  }
  return { kind: 'execute', name, args, span: cursor.spanFrom(start) };
}

function parseArgument(cursor: Cursor): ExecuteArgument {
  const { start } = cursor.token;
  const next = cursor.peek(1).text;
  const isNamed = cursor.peek(1).kind === 'symbol' && (next === ':=' || next === '=>');
  const name = isNamed ? cursor.expectLabel('the name of a parameter') : undefined;
  if (isNamed) cursor.advance();
  const value = parseExpression(cursor);
  return { kind: 'execute_argument', name, value, span: cursor.spanFrom(start) };
}

/** DEALLOCATE [PREPARE] name */
export function parseDeallocate(cursor: Cursor): Statement {
  const start = cursor.advance().start;
  cursor.takeWord('prepare');
  const name = cursor.expectName('the name of a prepared statement');
  return { kind: 'deallocate', name, span: cursor.spanFrom(start) };
}
