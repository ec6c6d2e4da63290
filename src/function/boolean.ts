/**
 * Three-valued logic: AND, OR, NOT, and the tests that are never null.
 *
 * Hides the bit loops: kernels work on whole bytes of the value and validity bitmaps. Invariant: false AND null =
 * false, true OR null = true, otherwise null wins.
 */
import type { DataType } from '../arrow/type.ts';
import { andKernel, notKernel, nullTestKernel, orKernel, truthKernel } from './boolean-kernel.ts';
import type { ResolvedCall } from './contract.ts';
import type { FunctionEntry } from './entry.ts';
import { BOOL, flatType, strictCall } from './signature.ts';

function allBool(args: readonly DataType[]): boolean {
  return args.every((type) => flatType(type).id === 'bool' || type.id === 'null');
}

function resolveLogic(name: string): (args: readonly DataType[]) => ResolvedCall | undefined {
  return (args) => {
    if (args.length < 2 || !allBool(args)) return undefined;
    return { name, parameters: args.map(() => BOOL), type: BOOL, canMakeNull: false, nulls: 'custom' };
  };
}

function nullTest(name: string, whenPresent: boolean, doc: string, example: string): FunctionEntry {
  return {
    name,
    aliases: name === 'is_null' ? ['isnull'] : ['notnull'],
    expects: '(any)',
    doc,
    example,
    resolve: (args) => {
      if (args.length !== 1) return undefined;
      return { name, parameters: args, type: BOOL, canMakeNull: false, nulls: 'never' };
    },
    kernel: () => nullTestKernel(whenPresent),
  };
}

function truthTest(name: string, wanted: boolean, negated: boolean, doc: string, example: string): FunctionEntry {
  return {
    name,
    expects: '(boolean)',
    doc,
    example,
    resolve: (args) => {
      if (args.length !== 1 || !allBool(args)) return undefined;
      return { name, parameters: [BOOL], type: BOOL, canMakeNull: false, nulls: 'never' };
    },
    kernel: () => truthKernel(wanted, negated),
  };
}

/** The entries of this family. */
export const BOOLEAN: readonly FunctionEntry[] = [
  {
    name: 'and',
    expects: '(boolean, boolean)',
    doc: 'True when all are true, false when one is false, otherwise null.',
    example: 'false AND NULL → false',
    resolve: resolveLogic('and'),
    kernel: () => andKernel,
  },
  {
    name: 'or',
    expects: '(boolean, boolean)',
    doc: 'True when one is true, false when all are false, otherwise null.',
    example: 'true OR NULL → true',
    resolve: resolveLogic('or'),
    kernel: () => orKernel,
  },
  {
    name: 'not',
    expects: '(boolean)',
    doc: 'The opposite; null stays null.',
    example: 'NOT false → true',
    resolve: (args) => (args.length === 1 && allBool(args) ? strictCall('not', [BOOL], BOOL) : undefined),
    kernel: () => notKernel,
  },
  nullTest('is_null', false, 'True when the value is null.', 'NULL IS NULL → true'),
  nullTest('is_not_null', true, 'True when the value is not null.', 'NULL IS NOT NULL → false'),
  truthTest('is_true', true, false, 'True when the value is true, false when false or null.', 'NULL IS TRUE → false'),
  truthTest('is_not_true', true, true, 'True when the value is false or null.', 'NULL IS NOT TRUE → true'),
  truthTest('is_false', false, false, 'True when the value is false.', 'NULL IS FALSE → false'),
  truthTest('is_not_false', false, true, 'True when the value is true or null.', 'NULL IS NOT FALSE → true'),
];
