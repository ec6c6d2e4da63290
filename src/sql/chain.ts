/**
 * Which operators may not follow one another without parentheses.
 *
 * Hides nothing. Invariants: comparisons do not chain, tests (LIKE, BETWEEN, IN, ~ and their like) follow no tests but
 * IN, and nothing that binds tighter follows the list of IN. Source: DuckDB 2.0's parser.
 */
import type { ExprNode } from './ast.ts';
import type { Cursor } from './cursor.ts';
import { sqlError } from './frame.ts';
import { POWER } from './operator.ts';

/** What was read last, by which what may not follow it without parentheses is known. */
export type Chained = 'any' | 'comparison' | 'test' | 'list';

/** Words of tests that bind alike. */
export const TESTS = new Set(['between', 'in', 'like', 'ilike', 'similar', 'glob']);

/** What `node`, made by an operator of this power, is to those that follow. */
export function chainedAfter(node: ExprNode, power: number): Chained {
  switch (node.kind) {
    case 'in':
    case 'in_query':
      return 'list';
    case 'is':
    case 'like':
    case 'between':
      return 'test';
    case 'binary':
      return power === POWER.compare ? 'comparison' : power === POWER.range ? 'test' : 'any';
    case 'quantified':
      return power === POWER.range ? 'test' : 'any';
    default:
      return 'any';
  }
}

/** @throws `sql_syntax` where an operator of this power may not follow without parentheses */
export function checkChain(cursor: Cursor, before: Chained, power: number): void {
  const remedy = 'put parentheses around the first';
  if (before === 'comparison' && power === POWER.compare) throw chainError(cursor);
  if (before === 'test' && power === POWER.range) {
    throw sqlError('sql_syntax', cursor.sql, cursor.token, 'tests cannot be chained', remedy);
  }
  if (before === 'list' && power > POWER.range) {
    throw sqlError('sql_syntax', cursor.sql, cursor.token, 'this operator cannot follow IN', remedy);
  }
}

/** The error for a comparison behind a comparison. */
export function chainError(cursor: Cursor): Error {
  const remedy = 'join two comparisons with AND';
  return sqlError('sql_syntax', cursor.sql, cursor.token, 'comparisons cannot be chained', remedy);
}
