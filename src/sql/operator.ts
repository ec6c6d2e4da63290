/**
 * Operators that are symbols, and how tightly each binds.
 *
 * Hides nothing. Invariant: what DuckDB has and we lack is listed, so that it can be named.
 * Source: PostgreSQL's operator precedence as DuckDB 2.0 keeps it, from loosest to tightest: OR, AND, NOT, IS,
 * comparison (which does not chain), BETWEEN IN LIKE ~, other operators, + -, * / // %, ^ **, AT TIME ZONE, COLLATE,
 * sign, !, ::. The prefixes @ and ~ take all that binds tighter than LIKE, and than other operators.
 */
import type { BinaryOperator } from './ast-word.ts';

/** How tightly operators bind; a higher number binds tighter. */
export const POWER = {
  or: 1,
  and: 2,
  not: 3,
  is: 4,
  compare: 5,
  range: 6,
  other: 7,
  add: 8,
  multiply: 9,
  power: 10,
  zone: 11,
  sign: 12,
  factorial: 13,
  cast: 14,
};

export interface Infix {
  readonly power: number;
  readonly operator: BinaryOperator;
}

/** Operators between two operands. */
export const INFIX: ReadonlyMap<string, Infix> = new Map([
  ['=', { power: POWER.compare, operator: '=' }],
  ['==', { power: POWER.compare, operator: '=' }],
  ['<>', { power: POWER.compare, operator: '!=' }],
  ['!=', { power: POWER.compare, operator: '!=' }],
  ['<', { power: POWER.compare, operator: '<' }],
  ['<=', { power: POWER.compare, operator: '<=' }],
  ['>', { power: POWER.compare, operator: '>' }],
  ['>=', { power: POWER.compare, operator: '>=' }],
  ['~', { power: POWER.range, operator: '~' }],
  ['!~', { power: POWER.range, operator: '!~' }],
  ['~*', { power: POWER.range, operator: '~*' }],
  ['!~*', { power: POWER.range, operator: '!~*' }],
  ['~~', { power: POWER.range, operator: '~~' }],
  ['!~~', { power: POWER.range, operator: '!~~' }],
  ['~~*', { power: POWER.range, operator: '~~*' }],
  ['!~~*', { power: POWER.range, operator: '!~~*' }],
  ['~~~', { power: POWER.range, operator: '~~~' }],
  ['^@', { power: POWER.other, operator: '^@' }],
  ['&&', { power: POWER.other, operator: '&&' }],
  ['@>', { power: POWER.other, operator: '@>' }],
  ['<@', { power: POWER.other, operator: '<@' }],
  ['||', { power: POWER.other, operator: '||' }],
  ['&', { power: POWER.other, operator: '&' }],
  ['|', { power: POWER.other, operator: '|' }],
  ['<<', { power: POWER.other, operator: '<<' }],
  ['>>', { power: POWER.other, operator: '>>' }],
  ['+', { power: POWER.add, operator: '+' }],
  ['-', { power: POWER.add, operator: '-' }],
  ['*', { power: POWER.multiply, operator: '*' }],
  ['/', { power: POWER.multiply, operator: '/' }],
  ['//', { power: POWER.multiply, operator: '//' }],
  ['%', { power: POWER.multiply, operator: '%' }],
  ['^', { power: POWER.power, operator: '^' }],
  ['**', { power: POWER.power, operator: '**' }],
] as const);

/** Operators that are no comparisons, and behind which ANY and ALL may stand. */
export const QUANTIFIED_PATTERNS: ReadonlySet<BinaryOperator> = new Set<BinaryOperator>(['~', '!~', '~*', '!~*']);

/** Prefix operators, and what they leave to others. */
export const PREFIX: ReadonlyMap<string, number> = new Map([
  ['-', POWER.sign],
  ['+', POWER.sign],
  ['~', POWER.other],
  ['@', POWER.range],
]);

/** Operators of DuckDB's that we recognise and lack. */
export const INFIX_LACKING = new Set(['->', '->>', '=>', ':=', '<=>']);
