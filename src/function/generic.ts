/**
 * Functions that take any type and go by it: casts to the type of another value, and errors on demand.
 *
 * Hides nothing. Invariants: what only gives its type may be NULL; `error` and `assert_true` fail for the rows that
 * reach them and for no others.
 */
import { nullVector } from '../arrow/null-vector.ts';
import { makeField } from '../arrow/schema.ts';
import type { DataType } from '../arrow/type.ts';
import type { Vector } from '../arrow/vector.ts';
import { makeCastKernel } from './cast.ts';
import { trueRows } from './compare-kernel.ts';
import { vectorOf, withValidity } from './column.ts';
import type { Kernel } from './contract.ts';
import type { FunctionEntry } from './entry.ts';
import { nestedEntry } from './list-frame.ts';
import { elementOf, isPlainList, mapOf, mapTypes } from './nested-type.ts';
import { rowError, textsOf } from './scalar-frame.ts';
import { BOOL, castKind, flatType, UTF8, valueType } from './signature.ts';
import { ALL_PRESENT, bitAt, fullBits, mergeValidity, validityOf } from './validity.ts';

const NULL: DataType = { id: 'null' };

/** `type` with every part that is of type `from` replaced by `to`. */
function replaced(type: DataType, from: DataType, to: DataType): DataType {
  if (castKind(type, from) === 'same') return to;
  const element = elementOf(type);
  if (element !== undefined && isPlainList(type) && 'child' in type) {
    return { ...type, child: { ...type.child, type: replaced(element, from, to) } };
  }
  if (type.id === 'struct') {
    return { ...type, children: type.children.map((field) => makeField(field.name, replaced(field.type, from, to))) };
  }
  const map = mapTypes(type);
  return map === undefined ? type : mapOf(replaced(map.key, from, to), replaced(map.value, from, to));
}

/** The first argument as the type of the call. */
const castToTypeKernel: Kernel = ([value], rowCount, type) => {
  return makeCastKernel((value as Vector).type, type, false)([value as Vector], rowCount, type);
};

const orNullKernel: Kernel = (args, rowCount) => {
  const [value] = args;
  return withValidity(value as Vector, mergeValidity(args, rowCount));
};

const errorKernel: Kernel = ([messages], rowCount, type) => {
  const { bits } = validityOf(messages as Vector);
  for (let i = 0; i < rowCount; i++) {
    if (bits === undefined || bitAt(bits, i)) throw rowError(textsOf(messages as Vector)(i));
  }
  return nullVector(type, rowCount);
};

const assertKernel: Kernel = ([conditions, messages], rowCount, type) => {
  const { bits, count } = trueRows(conditions as Vector);
  if (count === rowCount) return nullVector(type, rowCount);
  let row = 0;
  while (bitAt(bits, row)) row++;
  const given = messages === undefined ? undefined : validityOf(messages).bits;
  const isSaid = messages !== undefined && (given === undefined || bitAt(given, row));
  throw rowError(isSaid ? `Assertion: ${textsOf(messages)(row)}` : 'Assertion failed');
};

/** A flat argument that is printed. */
function isMessage(type: DataType): boolean {
  return elementOf(type) === undefined && castKind(type, UTF8) !== 'none';
}

/** The entries of this family. */
export const GENERIC: readonly FunctionEntry[] = [
  nestedEntry({
    name: 'cast_to_type',
    expects: '(value, a value of the type that it is cast to)',
    doc: 'The first value as the type of the second, which may be NULL of that type.',
    example: "cast_to_type('42', NULL::INTEGER) → 42",
    fails: true,
    resolve: ([value, model, ...more]) => {
      if (value === undefined || model === undefined || more.length > 0 || model.id === 'null') return undefined;
      const type = valueType(model);
      if (castKind(value, type) === 'none') return undefined;
      return { parameters: [flatType(value), model], type, nulls: 'custom' };
    },
    kernel: castToTypeKernel,
  }),
  nestedEntry({
    name: 'replace_type',
    expects: '(value, a value of a type in it, a value of the type to put there)',
    doc: 'The value with each part of the second argument’s type cast to the third’s.',
    example: "replace_type({'a': 1.5}, NULL::DECIMAL(2, 1), NULL::DOUBLE) → {'a': 1.5}",
    fails: true,
    resolve: ([value, from, to, ...more]) => {
      if (value === undefined || from === undefined || to === undefined || more.length > 0) return undefined;
      if (to.id === 'null') return undefined;
      const own = flatType(value);
      const type = replaced(valueType(value), valueType(from), valueType(to));
      return castKind(own, type) === 'none' ? undefined : { parameters: [own, from, to], type, nulls: 'custom' };
    },
    kernel: castToTypeKernel,
  }),
  nestedEntry({
    name: 'can_cast_implicitly',
    expects: '(value, a value of the type in question)',
    doc: 'True when the first value’s type becomes the second’s without a cast being written.',
    example: 'can_cast_implicitly(1, NULL::DOUBLE) → true',
    resolve: ([from, to, ...more]) => {
      if (from === undefined || to === undefined || more.length > 0) return undefined;
      return { parameters: [from, to], type: BOOL, nulls: 'never', canMakeNull: false };
    },
    makes: true,
    kernel: ([from, to]: readonly DataType[]): Kernel => {
      const kind = castKind(valueType(from ?? NULL), valueType(to ?? NULL));
      const isImplicit = kind === 'same' || kind === 'implicit';
      return (_args, rowCount, type) => {
        const bits = isImplicit ? fullBits(rowCount) : new Uint8Array((rowCount + 7) >> 3);
        return vectorOf(type, rowCount, ALL_PRESENT, bits);
      };
    },
  }),
  nestedEntry({
    name: 'constant_or_null',
    expects: '(value, value, …)',
    doc: 'The first value; NULL where one of the others is.',
    example: 'constant_or_null(1, NULL) → NULL',
    resolve: (args) => {
      const [value] = args;
      if (value === undefined || args.length < 2) return undefined;
      const type = valueType(value);
      return { parameters: [type, ...args.slice(1)], type };
    },
    kernel: orNullKernel,
  }),
  nestedEntry({
    name: 'error',
    expects: '(text)',
    doc: 'Fails with that message; NULL is NULL.',
    example: 'error(NULL) → NULL',
    fails: true,
    resolve: ([message, ...more]) => {
      if (message === undefined || more.length > 0 || castKind(message, UTF8) === 'none') return undefined;
      return { parameters: [UTF8], type: NULL };
    },
    kernel: errorKernel,
  }),
  nestedEntry({
    name: 'assert_true',
    expects: '(boolean) or (boolean, message)',
    doc: 'NULL where the condition is true; fails where it is not, with the message if there is one.',
    example: 'assert_true(1 < 2) → NULL',
    fails: true,
    resolve: ([condition, message, ...more]) => {
      if (condition === undefined || more.length > 0 || castKind(condition, BOOL) === 'none') return undefined;
      if (message !== undefined && !isMessage(message)) return undefined;
      const parameters = message === undefined ? [BOOL] : [BOOL, UTF8];
      return { parameters, type: NULL, nulls: 'custom' };
    },
    kernel: assertKernel,
  }),
];
