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
  /**
   * Where states can be combined: adds group `from[i]` of another accumulator of the same aggregate, or of this one, to
   * group `groups[i]`, one i after another.
   */
  merge?(other: Accumulator, from: Uint32Array, groups: Uint32Array, groupCount: number): void;
}

/** Between which of some sorted values, by number from 0, an answer lies, and how far from the first to the second. */
export interface BetweenValues {
  readonly low: number;
  readonly high: number;
  readonly part: number;
}

/** An answer that lies between two values of a group, or at one. */
export interface QuantileMethod {
  /** Where it lies among `count` values that are sorted ascending. */
  placeOf(count: number): BetweenValues;
  /** The answers of groups, from rows of `values`; undefined is null. */
  answer(values: Vector, groupCount: number, placeOf: (group: number) => BetweenValues | undefined): Vector;
}

/**
 * Chooses, for each group, the row whose value is the answer; whoever runs it keeps copies of the chosen values.
 */
export interface Chooser {
  /**
   * Takes rows as an accumulator does; answers those that are now their group's choice, at most one for each group.
   */
  choose(args: readonly Vector[], groups: Uint32Array, rowCount: number, groupCount: number): Uint32Array;
  byteCount(): number;
}

/** Values of all groups, one group after another: group g has the rows `starts[g]` to `starts[g + 1]`. */
export interface GroupedValues {
  readonly values: Vector;
  /** groups + 1. */
  readonly starts: Uint32Array;
  readonly groupCount: number;
}

/**
 * How an aggregate is computed, which is also what it must hold: `running` its own state; `chosen` one value a group;
 * `collected` every value, which come in the order of rows, or `present` without nulls, or `ascending`, without nulls
 * too; `tallied` every distinct value that is not null, with its count, by first appearance or `ascending`.
 */
export type AggregateMethod =
  | { readonly kind: 'running'; readonly accumulator: Accumulator }
  /** The value is the first argument's. */
  | { readonly kind: 'chosen'; readonly chooser: Chooser }
  | {
      readonly kind: 'collected';
      readonly order: 'given' | 'present' | 'ascending';
      readonly finish: (grouped: GroupedValues) => Vector;
      /** For who finds values by their rank without collecting them. */
      readonly quantile?: QuantileMethod;
    }
  | {
      readonly kind: 'tallied';
      readonly order: 'given' | 'ascending';
      /** `counts`: one for each value. */
      readonly finish: (grouped: GroupedValues, counts: Float64Array) => Vector;
    };
