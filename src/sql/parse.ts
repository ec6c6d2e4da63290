/**
 * SQL text to syntax tree: the way in.
 *
 * Hides lexer and grammar. Invariants: whatever the text, the answer is a tree or an EngineError with a position,
 * in time linear in the text's length and on a bounded stack; no node of the tree lies deeper than SQL_DEPTH_MAX
 * expressions.
 */
import { SQL_DEPTH_MAX } from '../base/limits.ts';
import type { ExprNode, Statement, TypeName } from './ast.ts';
import { Cursor, depthError } from './cursor.ts';
import { sqlError } from './frame.ts';
import { parseExpression } from './parse-expression.ts';
import { parseQuery } from './parse-query.ts';
import { parseOne } from './parse-statement.ts';
import { parseTypeName } from './parse-type.ts';
import type { Node } from './walk.ts';
import { forEachChild } from './walk.ts';

/**
 * Parses the one statement in `sql`; semicolons may end it.
 * @throws `sql_syntax` for text that is not SQL, `sql_unsupported` for SQL that Sheaf lacks (the feature is named),
 * `limit_exceeded`.
 */
export function parseStatement(sql: string): Statement {
  const cursor = new Cursor(sql, parseQuery);
  const first = cursor.token;
  if (first.kind === 'end') {
    throw sqlError('sql_syntax', sql, { start: 0, end: 0 }, 'the SQL text holds no statement', 'try SHOW TABLES');
  }
  const statement = parseOne(cursor);
  let ended = false;
  while (cursor.takeSymbol(';')) ended = true;
  const rest = cursor.token;
  if (rest.kind !== 'end') {
    if (!ended) throw cursor.unexpected();
    const remedy = 'send the second one by itself';
    throw sqlError('sql_unsupported', sql, rest, 'only one statement can be run at a time', remedy);
  }
  checkDepth(sql, statement);
  return statement;
}

/** Parses an expression alone, such as a default that was stored. @throws as `parseStatement` */
export function parseExpressionText(sql: string): ExprNode {
  const cursor = new Cursor(sql, parseQuery);
  const expr = parseExpression(cursor);
  if (cursor.token.kind !== 'end') throw cursor.unexpected();
  checkDepth(sql, expr);
  return expr;
}

/** Parses a type's name that stands by itself. @throws `sql_syntax`, `sql_unsupported` */
export function parseType(text: string): TypeName {
  const cursor = new Cursor(text, parseQuery);
  const type = parseTypeName(cursor);
  if (cursor.token.kind !== 'end') throw cursor.unexpected();
  return type;
}

/**
 * Refuses trees that recursion over them could not survive: a long chain such as 1 + 1 + … nests to the left
 * although parsing it took no recursion. Itself a loop.
 */
function checkDepth(sql: string, root: Node): void {
  let level: Node[] = [root];
  // A select item, its expression and a name stand above and below the expressions that the limit counts.
  for (let depth = 0; level.length > 0; depth++) {
    const next: Node[] = [];
    for (const node of level) {
      if (depth > SQL_DEPTH_MAX + 4) throw depthError(sql, node.span);
      forEachChild(node, (child) => next.push(child));
    }
    level = next;
  }
}
