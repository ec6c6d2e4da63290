/**
 * Bound expressions: names are column indexes, types are fixed, coercions are explicit casts.
 *
 * Hides nothing. Invariants: `type` and `nullable` of a node are what its evaluation yields; indexes refer to the
 * schema of the operator's input; a call's arguments already have exactly the parameter types of its overload.
 */
import type { DataType } from '../arrow/type.ts';
import type { Span } from '../base/errors.ts';

/**
 * A literal in the physical form of its type: numbers for ≤ 32-bit integers, floats, date and time32; bigint for
 * 64-bit integers, timestamps, durations and decimals (unscaled); text, bytes, booleans as such; null for NULL.
 */
export type LiteralValue = number | bigint | string | boolean | Uint8Array | null;

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
    }
  /**
   * `name` is the registry's canonical name, operators included: '+', '=', 'and', 'or', 'not', 'is_null', 'lower',
   * …
   */
  | {
      readonly kind: 'call';
      readonly name: string;
      readonly args: readonly Expr[];
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

export interface SortKey {
  readonly expr: Expr;
  readonly descending: boolean;
  readonly nullsFirst: boolean;
}
