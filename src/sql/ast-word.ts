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
