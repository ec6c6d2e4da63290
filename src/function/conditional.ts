/**
 * CASE and IF, COALESCE, NULLIF, GREATEST and LEAST.
 *
 * Hides nothing. Invariants: `case` takes cond1, value1, …, [else]; running evaluates the arguments of it and of
 * `coalesce` only for the rows that reach them, so that a branch not taken cannot fail.
 */
import type { DataType } from '../arrow/type.ts';
import type { Vector } from '../arrow/vector.ts';
import { withValidity } from './column.ts';
import { makeCastKernel } from './cast.ts';
import { compareKernel, trueRows } from './compare-kernel.ts';
import { caseKernel, coalesceKernel, extremeKernel } from './conditional-kernel.ts';
import type { Kernel, ResolvedCall } from './contract.ts';
import type { FunctionEntry } from './entry.ts';
import { BOOL, comparisonTypes, flatType, INT32, isComparable, resultTypeOf, valueType } from './signature.ts';
import { validityFrom, validityOf, writableBits } from './validity.ts';

function resolveCase(args: readonly DataType[]): ResolvedCall | undefined {
  if (args.length < 2) return undefined;
  const isCondition = (i: number): boolean => i % 2 === 0 && i + 1 < args.length;
  const values = args.filter((_, i) => !isCondition(i));
  const conditions = args.filter((_, i) => isCondition(i));
  const type = resultTypeOf(values);
  if (type === undefined || !conditions.every((c) => flatType(c).id === 'bool' || c.id === 'null')) return undefined;
  const parameters = args.map((_, i) => (isCondition(i) ? BOOL : type));
  return { name: 'case', parameters, type, canMakeNull: args.length % 2 === 0, nulls: 'custom' };
}

/**
 * The first argument, null where it equals the second; they are compared in their common type, and the first keeps
 * its own.
 */
function nullifKernel(parameters: readonly DataType[]): Kernel {
  const compared = comparisonTypes(parameters) ?? parameters;
  const casts = parameters.map((from, i) => makeCastKernel(from, compared[i] ?? from, false));
  const equal = compareKernel('=', compared);
  return (args, rowCount) => {
    const value = args[0] as Vector;
    const sides = args.map((arg, i) => (casts[i] as Kernel)([arg], rowCount, compared[i] ?? arg.type));
    const { bits: hits } = trueRows(equal(sides, rowCount, BOOL));
    const bits = writableBits(validityOf(value), rowCount);
    for (let i = 0; i < bits.length; i++) bits[i] = (bits[i] as number) & ~(hits[i] as number);
    return withValidity(value, validityFrom(bits, rowCount));
  };
}

function extreme(name: string, operator: '>' | '<', doc: string, example: string): FunctionEntry {
  return {
    name,
    expects: 'one or more values of one type',
    doc,
    example,
    resolve: (args) => {
      const common = resultTypeOf(args);
      if (common === undefined || !isComparable(common)) return undefined;
      const type = common.id === 'null' ? INT32 : valueType(common);
      return { name, parameters: args.map(() => type), type, canMakeNull: false, nulls: 'custom' };
    },
    kernel: () => extremeKernel(operator),
  };
}

/** The entries of this family. */
export const CONDITIONAL: readonly FunctionEntry[] = [
  {
    name: 'case',
    aliases: ['if'],
    expects: 'boolean conditions, and results of one type',
    doc: 'The value of the first condition that is true, else the last value, else null.',
    example: "CASE WHEN 1 > 2 THEN 'a' ELSE 'b' END → 'b'",
    resolve: resolveCase,
    kernel: () => caseKernel,
  },
  {
    name: 'coalesce',
    aliases: ['ifnull'],
    expects: 'one or more values of one type',
    doc: 'The first value that is not null.',
    example: 'coalesce(NULL, 2) → 2',
    resolve: (args) => {
      const type = resultTypeOf(args);
      if (type === undefined) return undefined;
      return { name: 'coalesce', parameters: args.map(() => type), type, canMakeNull: false, nulls: 'custom' };
    },
    kernel: () => coalesceKernel,
  },
  {
    name: 'nullif',
    expects: 'two values of comparable types',
    doc: 'Null when both values are equal, otherwise the first.',
    example: 'nullif(1, 1) → NULL',
    resolve: (args) => {
      const compared = args.length === 2 ? comparisonTypes(args) : undefined;
      if (compared === undefined) return undefined;
      const parameters = args.map((arg, i) => (arg.id === 'null' ? (compared[i] as DataType) : flatType(arg)));
      const type = parameters[0] as DataType;
      return { name: 'nullif', parameters, type, canMakeNull: true, nulls: 'custom' };
    },
    kernel: nullifKernel,
  },
  extreme('greatest', '>', 'The greatest value; nulls are left out.', 'greatest(2, NULL, 3) → 3'),
  extreme('least', '<', 'The least value; nulls are left out.', "least('b', 'a') → 'a'"),
];
