/**
 * Calls about structs that are written with others: struct_update, and remap_struct, whose description is a constant.
 *
 * Hides the writing. Invariant: a struct that is updated has its fields in their order, and new ones behind them.
 */
import type { Span } from '../base/errors.ts';
import { foldName } from '../base/names.ts';
import { fieldIndex, isTuple } from '../function/nested-type.ts';
import { sqlError } from '../sql/frame.ts';
import { targetOf } from './adapt.ts';
import { makeCall } from './coerce.ts';
import { makeLiteral } from './constant.ts';
import type { Expr } from './expr.ts';
import { foldExpr } from './pass-fold.ts';

/** What such a call is written as; undefined for all others. @throws `sql_bind` */
export function bindStructCall(
  sql: string,
  name: string,
  args: readonly Expr[],
  names: readonly (string | undefined)[],
  span: Span,
): Expr | undefined {
  if (name === 'struct_update') return bindUpdate(sql, args, names, span);
  if (name !== 'remap_struct') return undefined;
  return makeCall(
    sql,
    name,
    args.map((arg, i) => (i < 2 ? arg : foldExpr(arg))),
    span,
  );
}

function bindUpdate(
  sql: string,
  [struct, ...values]: readonly Expr[],
  [, ...names]: readonly (string | undefined)[],
  span: Span,
): Expr {
  const type = struct === undefined ? undefined : targetOf(struct.type);
  const given = names.filter((name) => name !== undefined);
  const isApart = new Set(given.map(foldName)).size === values.length;
  if (struct === undefined || type?.id !== 'struct' || isTuple(type) || values.length === 0 || !isApart) {
    throw sqlError('sql_bind', sql, span, 'struct_update takes a struct, and then values with different names');
  }
  const own = type.children.map(({ name }): readonly [string, Expr] => {
    const place = given.findIndex((other) => foldName(other) === foldName(name));
    const value = values[place];
    if (value !== undefined) return [given[place] ?? name, value];
    return [name, makeCall(sql, 'struct_extract', [struct, makeLiteral(name, { id: 'utf8' }, span)], span)];
  });
  const added = given.flatMap((name, i): (readonly [string, Expr])[] => {
    const value = values[i];
    return value === undefined || fieldIndex(type, name) >= 0 ? [] : [[name, value]];
  });
  const fields = [...own, ...added];
  return makeCall(
    sql,
    'struct_pack',
    fields.map(([, value]) => value),
    span,
    fields.map(([name]) => name),
  );
}
