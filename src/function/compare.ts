/**
 * Comparisons: = <> < <= > >=, IS [NOT] DISTINCT FROM, and IN over a list of values.
 *
 * Hides the loops (compare-kernel). Invariants: text compares by bytes, which for UTF-8 is code point order; NaN
 * equals NaN and is greater than every other number, -0 equals 0 (DuckDB); binary compares by bytes, a prefix is
 * less.
 */
import type { DataType } from '../arrow/type.ts';
import { compareKernel, distinctKernel, inKernel } from './compare-kernel.ts';
import type { CompareOperator } from './compare-kernel.ts';
import type { FunctionEntry } from './entry.ts';
import { BOOL, comparisonTypes, strictCall } from './signature.ts';

const EXPECTS = 'two values of comparable types, such as (number, number), (text, text) or (timestamp, date)';

function comparison(
  operator: CompareOperator,
  aliases: readonly string[],
  doc: string,
  example: string,
): FunctionEntry {
  return {
    name: operator,
    aliases,
    expects: EXPECTS,
    doc,
    example,
    resolve: (args) => {
      const parameters = args.length === 2 ? comparisonTypes(args) : undefined;
      return parameters === undefined ? undefined : strictCall(operator, parameters, BOOL);
    },
    kernel: (parameters) => compareKernel(operator, parameters),
  };
}

function distinction(name: string, negated: boolean, doc: string, example: string): FunctionEntry {
  return {
    name,
    expects: EXPECTS,
    doc,
    example,
    resolve: (args: readonly DataType[]) => {
      const parameters = args.length === 2 ? comparisonTypes(args) : undefined;
      if (parameters === undefined) return undefined;
      return { name, parameters, type: BOOL, canMakeNull: false, nulls: 'never' };
    },
    kernel: (parameters) => distinctKernel(parameters, negated),
  };
}

/** The entries of this family. */
export const COMPARE: readonly FunctionEntry[] = [
  comparison('=', ['=='], 'True when both sides are equal.', "'a' = 'a' → true"),
  comparison('<>', ['!='], 'True when the sides differ.', '1 <> 2 → true'),
  comparison('<', [], 'True when the left side is less.', "'a' < 'b' → true"),
  comparison('<=', [], 'True when the left side is less or equal.', '1 <= 1 → true'),
  comparison('>', [], 'True when the left side is greater.', '2 > 1 → true'),
  comparison('>=', [], 'True when the left side is greater or equal.', '1 >= 2 → false'),
  distinction(
    'is_distinct_from',
    false,
    'True when the sides differ, null being a value.',
    '1 IS DISTINCT FROM NULL → true',
  ),
  distinction(
    'is_not_distinct_from',
    true,
    'True when the sides are equal, null being a value.',
    'NULL IS NOT DISTINCT FROM NULL → true',
  ),
  {
    name: 'in',
    expects: 'a value and one or more values that compare with it',
    doc: 'True when the first value equals one of the others; null when none does and a null is among them.',
    example: '2 IN (1, 2) → true',
    resolve: (args) => {
      const parameters = args.length >= 2 ? comparisonTypes(args) : undefined;
      if (parameters === undefined) return undefined;
      return { name: 'in', parameters, type: BOOL, canMakeNull: false, nulls: 'custom' };
    },
    kernel: (parameters) => inKernel(parameters),
  },
];
