/**
 * What a rule of compilation is: which calls it takes, and the code that it makes of them.
 *
 * Hides nothing. Invariants: `fits` looks at types, names and such constants only as are part of a shape; `emit` is
 * asked only for calls that fit; code that can fail says so by RowScope.fail, for rows that are `active` alone
 * (undefined: all), as the interpreter does, which evaluates nothing for the others. Nothing may fail that the
 * interpreter answers: an aggregate has no way back.
 */
import { sameType } from '../arrow/type.ts';
import type { DataType } from '../arrow/type.ts';
import type { Code } from '../codegen/code.ts';
import type { Expr } from '../plan/expr.ts';
import type { RowScope, Value } from './compiled-value.ts';

export type Call = Extract<Expr, { kind: 'call' }>;

/** Makes code of arguments. */
export interface Emitter {
  readonly row: RowScope;
  /** The value of an expression for the rows that are `active`. */
  readonly value: (expr: Expr, active: Code<'i32'> | undefined) => Value;
}

export interface Rule {
  /** Looks at the call and its arguments' types, and at constants that `constants` names. */
  fits(call: Call): boolean;
  /** Text that stands for arguments which are part of the code and no values, and the others; all are values if absent. */
  constants?(call: Call): { readonly text: string; readonly values: readonly Expr[] };
  emit(emitter: Emitter, call: Call, active: Code<'i32'> | undefined): Value;
}

/** The arguments that are values. */
export function valuesOf(rule: Rule, call: Call): readonly Expr[] {
  return rule.constants?.(call).values ?? call.args;
}

/** The arguments' types. */
export function argTypes(call: Call): readonly DataType[] {
  return call.args.map((arg) => arg.type);
}

/** True when all arguments have one type. */
export function sameArgs(call: Call): boolean {
  const [first] = call.args;
  return first !== undefined && call.args.every((arg) => sameType(arg.type, first.type));
}

/** Least and greatest value of an integer, date or time of up to 32 bits; undefined for wider ones. */
export function narrowRange(type: DataType): readonly [bigint, bigint] | undefined {
  if (type.id === 'int') {
    if (type.bitWidth === 64) return undefined;
    const bits = BigInt(type.bitWidth);
    return type.signed ? [-(1n << (bits - 1n)), (1n << (bits - 1n)) - 1n] : [0n, (1n << bits) - 1n];
  }
  const is32 = (type.id === 'date' && type.unit === 'day') || (type.id === 'time' && type.bitWidth === 32);
  return is32 ? [-0x80000000n, 0x7fffffffn] : undefined;
}
