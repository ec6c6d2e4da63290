/**
 * Calls on dates and times whose constant arguments say more than their types.
 *
 * Hides which calls these are (function/time-function). Invariant: what a call answers stays; its type and name may
 * become more exact.
 */
import { EngineError } from '../base/errors.ts';
import type { Span } from '../base/errors.ts';
import { constantCall, momentValue } from '../function/registry.ts';
import type { ConstantCall } from '../function/registry.ts';
import { sqlError } from '../sql/frame.ts';
import { castTo, makeCall } from './coerce.ts';
import { DOUBLE, makeLiteral, MOMENT } from './constant.ts';
import type { Literal } from './constant.ts';
import type { Expr } from './expr.ts';

/** The call with what its text constants say; undefined where they say nothing. @throws `sql_bind` */
export function bindTimeCall(sql: string, name: string, args: readonly Expr[], span: Span): Expr | undefined {
  const constants = args.map((arg) =>
    arg.kind === 'literal' && typeof arg.value === 'string' ? arg.value : undefined,
  );
  const call = readConstants(sql, name, constants, span);
  if (call === undefined) return undefined;
  const made = makeCall(sql, call.name, args.slice(call.from), span);
  return call.zoned ? castTo(sql, made, MOMENT, false, span) : made;
}

function readConstants(
  sql: string,
  name: string,
  constants: readonly (string | undefined)[],
  span: Span,
): ConstantCall | undefined {
  try {
    return constantCall(name, constants);
  } catch (error) {
    if (error instanceof EngineError) throw sqlError('sql_bind', sql, span, error.message);
    throw error;
  }
}

/** The moment as a literal of the type that `call`, of now() or its kin, has. */
export function momentLiteral(call: Expr, micros: bigint): Literal {
  return makeLiteral(momentValue(call.type, micros), call.type, call.span);
}

/** `INTERVAL value unit`. */
export function bindInterval(sql: string, unit: string, value: Expr, span: Span): Expr {
  const count = value.type.id === 'utf8' ? castTo(sql, value, DOUBLE, false, value.span) : value;
  return makeCall(sql, `to_${unit}`, [count], span);
}
