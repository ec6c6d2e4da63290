/**
 * Bound expressions: names are column indexes, types are fixed, coercions are explicit casts.
 *
 * Hides nothing. Invariants: `type` and `nullable` of a node are what its evaluation yields; indexes refer to the
 * schema of the operator's input; a call's arguments already have exactly the parameter types of its overload.
 */
import type { DataType } from '../arrow/type.ts';
import type { Span } from '../base/errors.ts';
import type { ConstantValue } from '../function/constant.ts';

/**
 * A literal in the physical form of its type: numbers for ≤ 32-bit integers, floats, date and time32; bigint for
 * 64-bit integers, timestamps, durations, decimals (unscaled) and intervals (their 128 bits); text, bytes, booleans as
 * such; a vector of one row for nested types; null for NULL.
 */
export type LiteralValue = ConstantValue;

/** Learns the type that an operand is brought to. */
export interface TypeWish {
  /** `firm`: the place has this type and no other, as a column has. */
  want(type: DataType, firm: boolean): void;
}

/** A place of a parameter in a statement that is planned to run. */
export interface ParameterPlace {
  /** Which parameter it is, from 0. */
  readonly parameter: number;
  /** Set by whatever decides by the value, or makes another of it: the plan is one for that value alone. */
  isFixed: boolean;
}

export type Expr =
  | {
      readonly kind: 'column';
      readonly index: number;
      readonly name: string;
      readonly type: DataType;
      readonly nullable: boolean;
      readonly span: Span;
    }
  | {
      readonly kind: 'literal';
      readonly value: LiteralValue;
      readonly type: DataType;
      readonly nullable: boolean;
      readonly span: Span;
      /** Only while types of parameters are inferred: this NULL stands for one, and is told what it becomes. */
      readonly wish?: TypeWish;
      /** While a statement with parameters is planned to run: this is the value of one. */
      readonly place?: ParameterPlace;
    }
  /**
   * `name` is the registry's canonical name, operators included: '+', '=', 'and', 'or', 'not', 'is_null', 'lower',
   * …
   */
  | {
      readonly kind: 'call';
      readonly name: string;
      readonly args: readonly Expr[];
      /** Of list_transform and its kin, which the registry does not know. */
      readonly lambda?: Lambda;
      readonly type: DataType;
      readonly nullable: boolean;
      readonly span: Span;
    }
  /**
   * A column of the query around this one, by its place in the list of such columns. Only while binding: decorrelation
   * turns it into a column.
   */
  | {
      readonly kind: 'outer';
      readonly index: number;
      readonly name: string;
      readonly type: DataType;
      readonly nullable: boolean;
      readonly span: Span;
    }
  /**
   * A value that an operator will compute which binding has yet to place: a subquery, by its place in the list of
   * them. Only while binding.
   */
  | {
      readonly kind: 'pending';
      readonly place: number;
      readonly type: DataType;
      readonly nullable: boolean;
      readonly span: Span;
    }
  /** `attempt`: TRY_CAST, null instead of `value_error`. */
  | {
      readonly kind: 'cast';
      readonly operand: Expr;
      readonly type: DataType;
      readonly nullable: boolean;
      readonly attempt: boolean;
      readonly span: Span;
    };

/**
 * What a call does with each value of a list. The call's arguments are the list, for list_reduce what it begins
 * with, if that is given, and then what the body reads of the rows around it.
 */
export interface Lambda {
  /** Over the parameters' values, `parameters` columns, and then what it reads of the rows around it. */
  readonly body: Expr;
  readonly parameters: number;
  /** Arguments before those that the body reads. */
  readonly leading: number;
}

/** One aggregate call by its canonical name; no argument = count(*). */
export interface AggregateCall {
  readonly name: string;
  /** Of rows; those behind them that must be constant are in `constants`. */
  readonly args: readonly Expr[];
  readonly constants: readonly LiteralValue[];
  readonly distinct: boolean;
  /** FILTER: only rows for which it is true (not null) are taken. */
  readonly filter: Expr | undefined;
  /** ORDER BY inside the call; empty where the order of rows means nothing. */
  readonly order: readonly SortKey[];
  readonly type: DataType;
  readonly nullable: boolean;
  readonly span: Span;
}

/** Where a frame begins or ends. Without `value`: at the partition's end, or at the current row or its peers. */
export interface FrameBound {
  readonly kind: 'unbounded' | 'current' | 'preceding' | 'following';
  /**
   * Of `preceding` and `following`: the distance, int64; of a RANGE frame the key's value so far away, of the type of
   * `rangeKey`.
   */
  readonly value: Expr | undefined;
}

/** The rows that a call over a window sees from its own row: from `start` on and up to `end`, which is within. */
export interface WindowFrame {
  readonly unit: 'rows' | 'range' | 'groups';
  readonly start: FrameBound;
  readonly end: FrameBound;
  readonly exclude: 'nothing' | 'current row' | 'group' | 'ties';
  /** What values of bounds are compared with: the key, which orders the same in this type. Where a bound has a value. */
  readonly rangeKey: Expr | undefined;
}

/** A call of a window function or aggregate, by its canonical name, over a window. */
export interface WindowCall extends AggregateCall {
  readonly isAggregate: boolean;
  readonly ignoresNulls: boolean;
  readonly partitions: readonly Expr[];
  /** ORDER BY of the window; rows that they do not tell apart are peers. */
  readonly keys: readonly SortKey[];
  readonly frame: WindowFrame;
}

/** Two expressions that must be equal for rows to join. */
export interface JoinKey {
  /** Over the left input's columns. */
  readonly left: Expr;
  /** Over the right input's columns, of the same type but for the encoding of text. */
  readonly right: Expr;
  /** NULL joins NULL. */
  readonly nullsEqual: boolean;
}

/**
 * How rows of two inputs become rows: as in SQL, and `single`: a left row with the one right row that joins it, NULLs
 * without one, and an error with more; `mark`: left rows, each with a boolean that says whether a right row joins it.
 */
export type JoinKind = 'inner' | 'left' | 'right' | 'full' | 'semi' | 'anti' | 'single' | 'mark';

export interface SortKey {
  readonly expr: Expr;
  readonly descending: boolean;
  readonly nullsFirst: boolean;
}
