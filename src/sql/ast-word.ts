/**
 * Words of the syntax tree: names, types, nodes without parts, operators and units.
 *
 * Hides nothing. Invariant: a spelling that means the same as another is not here.
 */

import type { Span } from '../base/errors.ts';

/**
 * A name as written, without its quotes; unquoted names compare without regard to ASCII case, and so do quoted
 * ones.
 */
export interface Identifier {
  readonly kind: 'identifier';
  readonly name: string;
  readonly quoted: boolean;
  readonly span: Span;
}

/**
 * A type's name, lower-case, words joined by one space; `sizes` are the numbers in parentheses, `members` the types in
 * those of STRUCT and MAP. Each of `lists` makes a list of what is before: `[]`, or `[n]` of n values.
 */
export interface TypeName {
  readonly kind: 'type_name';
  readonly name: string;
  readonly sizes: readonly number[];
  readonly members: readonly TypeMember[];
  readonly lists: readonly (number | undefined)[];
  readonly span: Span;
}

/** A field of STRUCT, or without a name a type of MAP. */
export interface TypeMember {
  readonly kind: 'type_member';
  readonly name: Identifier | undefined;
  readonly type: TypeName;
  readonly span: Span;
}

/** `()` among grouping sets. */
export interface EmptyGroup {
  readonly kind: 'empty_group';
  readonly span: Span;
}

/** The word DEFAULT in place of a value. */
export interface DefaultValue {
  readonly kind: 'default_value';
  readonly span: Span;
}

/** A length of time as written, without INTERVAL and quotes: `30 days`. */
export interface TimeLength {
  readonly kind: 'time_length';
  readonly text: string;
  readonly span: Span;
}

/** Operators with two operands. */
export type BinaryOperator =
  | '+'
  | '-'
  | '*'
  | '/'
  | '//'
  | '%'
  | '^'
  | '**'
  | '||'
  | '&'
  | '|'
  | '<<'
  | '>>'
  | '='
  | '!='
  | '<'
  | '<='
  | '>'
  | '>='
  | '~'
  | '!~'
  | '~*'
  | '!~*'
  | '~~'
  | '!~~'
  | '~~*'
  | '!~~*'
  | '~~~'
  | '^@'
  | '&&'
  | '@>'
  | '<@';

/** The units of `INTERVAL value unit`. */
export type IntervalUnit =
  | 'millennia'
  | 'centuries'
  | 'decades'
  | 'years'
  | 'quarters'
  | 'months'
  | 'weeks'
  | 'days'
  | 'hours'
  | 'minutes'
  | 'seconds'
  | 'milliseconds'
  | 'microseconds';

/** What the distances of a window's frame count: rows, values of the key, groups of equal keys. */
export type FrameUnit = 'rows' | 'range' | 'groups';

/** Where a frame begins or ends, in this order. */
export type FrameEnd = 'unbounded_preceding' | 'preceding' | 'current_row' | 'following' | 'unbounded_following';

/** The rows that a frame leaves out. */
export type FrameExclusion = 'current row' | 'group' | 'ties';
