/**
 * What one SQL function is: an entry that resolves a call and makes its kernel.
 *
 * Hides nothing. Invariants: `resolve` is pure and answers undefined when no overload fits; `kernel` is asked only
 * with parameters that `resolve` gave; documentation and error messages come from the entry itself.
 */
import type { DataType } from '../arrow/type.ts';
import type { Accumulator, Kernel, ResolvedCall } from './contract.ts';

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
  resolve(args: readonly DataType[]): ResolvedCall | undefined;
  kernel(parameters: readonly DataType[]): Kernel;
}

/** An aggregate function. */
export interface AggregateEntry {
  readonly name: string;
  readonly aliases?: readonly string[];
  readonly expects: string;
  readonly doc: string;
  readonly example: string;
  resolve(args: readonly DataType[]): ResolvedCall | undefined;
  accumulator(parameters: readonly DataType[]): Accumulator;
}
