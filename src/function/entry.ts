/**
 * What one SQL function is: an entry that resolves a call and makes its kernel.
 *
 * Hides nothing. Invariants: `resolve` is pure and answers undefined when no overload fits; `kernel` is asked only
 * with parameters that `resolve` gave; documentation and error messages come from the entry itself.
 */
import type { DataType } from '../arrow/type.ts';
import type { ConstantValue } from './constant.ts';
import type { AggregateMethod, Kernel, ResolvedCall } from './contract.ts';

/** What is known of an argument before any row is seen. */
export interface KnownArgument {
  /** `name := …`, or the name of a column. */
  readonly name?: string | undefined;
  /** True when `name` was written before `:=`. */
  readonly isNamed?: boolean;
  /** The value of a literal. */
  readonly value?: ConstantValue;
}

/** A scalar function or operator. */
export interface FunctionEntry {
  /** Canonical and lower-case; operators under their symbol. */
  readonly name: string;
  readonly aliases?: readonly string[];
  /** Overloads as the message for a misfit shows them: '(int, int) or (double, double)'. */
  readonly expects: string;
  /** One sentence for the reference. */
  readonly doc: string;
  /** A call and its answer: `abs(-3) → 3`. */
  readonly example: string;
  /** True when a row may be an error; then AND and OR evaluate it only for rows that need it. */
  readonly fails?: boolean;
  /** True when it answers anew for each row, so that it is never computed beforehand, nor once for several. */
  readonly isVolatile?: boolean;
  /** `known` says of each argument what is known beside its type. */
  resolve(args: readonly DataType[], known: readonly KnownArgument[]): ResolvedCall | undefined;
  kernel(parameters: readonly DataType[]): Kernel;
}

/** An aggregate function. */
export interface AggregateEntry {
  readonly name: string;
  readonly aliases?: readonly string[];
  readonly expects: string;
  readonly doc: string;
  /** A call over the rows of x, or of x and y, and its answer: `sum(x) over 1, 2, NULL → 3`. */
  readonly example: string;
  /** True when the order of the rows changes the answer, so that ORDER BY inside the call has a meaning. */
  readonly isOrdered?: boolean;
  /** True for quantiles: ORDER BY inside the call repeats the first argument, and says from which end they count. */
  readonly isQuantile?: boolean;
  /** From this argument on they are constants, and no part of the rows. */
  readonly constantsFrom?: number;
  /** What is wrong with the constants, as an end of "name …"; undefined when nothing is. */
  refuse?(constants: readonly ConstantValue[]): string | undefined;
  /** Over the types of all arguments, constants included. */
  resolve(args: readonly DataType[]): ResolvedCall | undefined;
  /** `parameters` are those of rows. */
  method(parameters: readonly DataType[], constants: readonly ConstantValue[]): AggregateMethod;
}
