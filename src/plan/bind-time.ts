/**
 * Calls on dates and times whose constant arguments say more than their types.
 *
 * Hides which calls these are (function/time-function). Invariant: what a call answers stays; its type and name may
 * become more exact.
 */
import { EngineError } from '../base/errors.ts';
import type { Span } from '../base/errors.ts';
import { makeReader } from '../arrow/value.ts';
import { isNestedValue } from '../function/constant.ts';
import { constantCall, elementOf, momentValue, partFields } from '../function/registry.ts';
import type { KnownText } from '../function/registry.ts';
import { sqlError } from '../sql/frame.ts';
import { castTo, makeCall } from './coerce.ts';
import { DOUBLE, makeLiteral, MOMENT } from './constant.ts';
import type { Literal } from './constant.ts';
import type { Expr } from './expr.ts';
import { foldExpr } from './pass-fold.ts';

const TIMED = new Set(['date_part', 'datepart', 'strptime', 'try_strptime']);

/** The call with what its constants say; undefined where they say nothing. @throws `sql_bind` */
export function bindTimeCall(sql: string, name: string, args: readonly Expr[], span: Span): Expr | undefined {
  if (!TIMED.has(name)) return undefined;
  const constants = args.map((arg) => knownText(arg));
  const fields = readConstants(sql, span, () => partFields(name, constants));
  if (fields !== undefined) return bindParts(sql, fields, args[1] as Expr, span);
  const call = readConstants(sql, span, () => constantCall(name, constants));
  if (call === undefined) return undefined;
  const made = makeCall(sql, call.name, args.slice(call.from), span);
  return call.zoned ? castTo(sql, made, MOMENT, false, span) : made;
}

/** The text of a constant, or the texts of a constant list of them, NULLs left out unless they are refused. */
export function knownText(arg: Expr, refusesNulls = false): KnownText {
  if (arg.kind === 'literal' && typeof arg.value === 'string') return arg.value;
  if (elementOf(arg.type) === undefined) return undefined;
  const folded = foldExpr(arg);
  if (folded.kind !== 'literal' || folded.value === null || !isNestedValue(folded.value)) return undefined;
  const items = makeReader(folded.value)(0);
  if (!Array.isArray(items)) return undefined;
  const texts = items.filter((item): item is string => typeof item === 'string');
  return refusesNulls && texts.length < items.length ? undefined : texts;
}

/** The parts of a moment side by side, NULL where it is. */
function bindParts(sql: string, fields: NonNullable<ReturnType<typeof partFields>>, moment: Expr, span: Span): Expr {
  const names = fields.map(([part]) => part);
  if (names.length === 0) throw sqlError('sql_bind', sql, span, 'date_part needs a part; the list has none');
  const parts = fields.map(([, name]) => makeCall(sql, name, [moment], span));
  const isGiven = makeCall(sql, 'is_not_null', [moment], span);
  return makeCall(sql, 'case', [isGiven, makeCall(sql, 'struct_pack', parts, span, names)], span);
}

function readConstants<T>(sql: string, span: Span, read: () => T): T {
  try {
    return read();
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
