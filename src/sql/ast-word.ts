/**
 * Words of the syntax tree: operators and units.
 *
 * Hides nothing. Invariant: a spelling that means the same as another is not here.
 */

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
  | '^@';

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
