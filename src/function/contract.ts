/**
 * SQL functions, operators, casts and aggregates as data: what binding asks, what running calls.
 *
 * Hides overload resolution and kernels. Invariants: names are canonical and lower-case; operators are functions
 * under their symbol; every entry has a doc sentence and an example.
 */
import type { DataType } from '../arrow/type.ts';
import type { Vector } from '../arrow/vector.ts';

/** A call that fits: cast the arguments to `parameters`, and the result is `type`. */
export interface ResolvedCall {
  readonly name: string;
  readonly parameters: readonly DataType[];
  readonly type: DataType;
  /** True when the result can be null although no argument is. */
  readonly canMakeNull: boolean;
  /**
   * `strict`: null if any argument is null. `custom`: the kernel decides (and, or, is_null, coalesce). `never`: never
   * null.
   */
  readonly nulls: 'strict' | 'custom' | 'never';
}

/** What a resolution answers when nothing fits: the overloads to show in the message. */
export interface Unresolved {
  readonly known: boolean;
  /** 'expects (int64, int64) or (double, double)' */
  readonly expects: string;
}

/** A kernel over whole vectors; all arguments have `rowCount` rows. */
export type Kernel = (args: readonly Vector[], rowCount: number, type: DataType) => Vector;

/** State of one aggregate over any number of groups. */
export interface Accumulator {
  /** Takes rows: row i of `args` belongs to group `groups[i]`; groups are 0 … groupCount - 1. */
  update(args: readonly Vector[], groups: Uint32Array, rowCount: number, groupCount: number): void;
  /** One row a group. */
  finish(groupCount: number): Vector;
  /** Bytes that the state holds now, for the query's memory bound. */
  byteCount(): number;
}
