/**
 * Calls that are written with others: regexp_extract and regexp_extract_all with names of groups, which are structs of
 * calls for one group each, parts of dates by constants (bind-time), calls about structs (bind-struct), and typeof,
 * which is a constant.
 *
 * Hides the writing. Invariants: of groups the pattern and the names are constants, and the pattern has a group for
 * each name; a NULL text is NULL.
 */
import { EngineError } from '../base/errors.ts';
import type { Span } from '../base/errors.ts';
import { groupCountOf } from '../function/registry.ts';
import { elementOf, listOf, structOf } from '../function/nested-type.ts';
import { sqlError } from '../sql/frame.ts';
import { bindTimeCall, knownText } from './bind-time.ts';
import { bindStructCall } from './bind-struct.ts';
import { castTo, makeCall } from './coerce.ts';
import { INT32, makeLiteral } from './constant.ts';
import type { Expr } from './expr.ts';
import { foldExpr } from './pass-fold.ts';
import { sqlTypeName } from './sql-type.ts';

const EXTRACTING = new Set(['regexp_extract', 'regexp_extract_all']);

/** What such a call is written as; undefined for all other calls. @throws `sql_bind` */
export function bindWritten(
  sql: string,
  name: string,
  args: readonly Expr[],
  names: readonly (string | undefined)[],
  span: Span,
): Expr | undefined {
  const [only] = args;
  if (name === 'typeof' && args.length === 1 && only !== undefined) {
    return makeLiteral(sqlTypeName(only.type), { id: 'utf8' }, span);
  }
  const timed = bindTimeCall(sql, name, args, span) ?? bindGroups(sql, name, args, span);
  return timed ?? bindStructCall(sql, name, args, names, span);
}

/** The struct, or list of structs, of the groups that the third argument names; undefined for other calls. */
function bindGroups(sql: string, name: string, args: readonly Expr[], span: Span): Expr | undefined {
  const [text, pattern, given, ...options] = args;
  if (!EXTRACTING.has(name) || text === undefined || pattern === undefined || given === undefined) return undefined;
  if (elementOf(given.type) === undefined) {
    if (name === 'regexp_extract_all' || foldExpr(given).kind === 'literal') return undefined;
    throw sqlError('sql_bind', sql, given.span, `${name} takes a constant for the group`);
  }
  const names = groupNames(sql, name, pattern, given);
  const groups = names.map((_, k) => {
    const group = makeLiteral(k + 1, INT32, given.span);
    return makeCall(sql, name, [text, pattern, group, ...options], span);
  });
  if (name === 'regexp_extract_all') {
    const type = listOf(structOf(names.map((field) => [field, { id: 'utf8' }])));
    return presentOnly(sql, text, castTo(sql, makeCall(sql, 'list_zip', groups, span), type, false, span), span);
  }
  return presentOnly(sql, text, makeCall(sql, 'struct_pack', groups, span, names), span);
}

function groupNames(sql: string, name: string, pattern: Expr, given: Expr): readonly string[] {
  const names = knownText(given, true);
  const written = knownText(pattern);
  if (typeof names !== 'object' || typeof written !== 'string') {
    throw sqlError('sql_bind', sql, given.span, `${name} with names of groups takes constants that are not NULL`);
  }
  const has = groupCount(sql, written, pattern.span);
  const folded = new Set(names.map((field) => field.toLowerCase()));
  if (names.length === 0 || folded.size < names.length || has < names.length) {
    const message = `${name} takes different names, one for each of ${has.toString()} groups at most`;
    throw sqlError('sql_bind', sql, given.span, message);
  }
  return names;
}

function groupCount(sql: string, pattern: string, span: Span): number {
  try {
    return groupCountOf(pattern);
  } catch (error) {
    if (error instanceof EngineError) throw sqlError('sql_bind', sql, span, error.message);
    throw error;
  }
}

function presentOnly(sql: string, text: Expr, value: Expr, span: Span): Expr {
  return makeCall(sql, 'case', [makeCall(sql, 'is_not_null', [text], span), value], span);
}
