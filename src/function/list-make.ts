/**
 * Lists from values and from one another: list_value, list_append, list_concat, list_zip …
 *
 * Hides that values are joined first and then gathered into their places. Invariants: a null list among others is an
 * empty one; results hold at most LIST_VALUES_MAX values a batch.
 */
import { joinVectors } from '../arrow/concat.ts';
import type { DataType } from '../arrow/type.ts';
import type { Vector } from '../arrow/vector.ts';
import { nullVector } from '../arrow/null-vector.ts';
import type { Kernel } from './contract.ts';
import type { FunctionEntry, KnownArgument } from './entry.ts';
import { gather, gatherOrNull, NO_ROW } from './gather.ts';
import { elementType, listParameter, meetValue, nestedEntry } from './list-frame.ts';
import type { Shape } from './list-frame.ts';
import { checkValueCount, compactRows, listRowsOf, makeList, makeStruct, offsetsOf } from './list-rows.ts';
import type { ListRows } from './list-rows.ts';
import { arrayOf, listOf, tupleOf } from './nested-type.ts';
import { BOOL, resultTypeOf, familyOf, valueType } from './signature.ts';
import { bitsOf } from './column.ts';
import { ALL_PRESENT, bitAt, mergeValidity, validityOf } from './validity.ts';
import type { Validity } from './validity.ts';

const NULL: DataType = { id: 'null' };

/** The type in which values side by side meet: text that is a literal takes the type of the others. */
function meetAll(args: readonly DataType[], known: readonly KnownArgument[]): DataType | undefined {
  if (args.length === 0) return NULL;
  const firm = args.filter((_, i) => typeof known[i]?.value !== 'string');
  const common = resultTypeOf(firm.map(valueType));
  const reads = common !== undefined && common.id !== 'null' && familyOf(common) !== 'nested';
  return reads ? common : resultTypeOf(args.map(valueType));
}

/** Values of k columns in turn: row i of the list is rows i of them. */
function interleave(args: readonly Vector[], rowCount: number): Vector {
  const [only] = args;
  if (only === undefined) return nullVector(NULL, 0);
  if (args.length === 1) return only;
  checkValueCount(rowCount * args.length);
  const places = new Uint32Array(rowCount * args.length);
  const width = args.length;
  for (let i = 0; i < rowCount; i++) for (let k = 0; k < width; k++) places[i * width + k] = k * rowCount + i;
  return gather(joinVectors(args), places);
}

const listValueKernel: Kernel = (args, rowCount, type) => {
  const offsets = new Uint32Array(rowCount + 1);
  for (let i = 0; i <= rowCount; i++) offsets[i] = i * args.length;
  return makeList(type, offsets, interleave(args, rowCount));
};

/** The lists of each row one after another. */
function concatRows(lists: readonly ListRows[], rowCount: number, type: DataType, validity: Validity): Vector {
  const sizes = new Uint32Array(rowCount);
  for (const { starts, ends } of lists) {
    for (let i = 0; i < rowCount; i++) {
      sizes[i] = (sizes[i] as number) + (ends[i] as number) - (starts[i] as number);
    }
  }
  const { bits } = validity;
  if (bits !== undefined) for (let i = 0; i < rowCount; i++) if (!bitAt(bits, i)) sizes[i] = 0;
  const offsets = offsetsOf(sizes);
  const places = new Uint32Array(offsets[rowCount] as number);
  const next = offsets.slice(0, rowCount);
  let base = 0;
  for (const { starts, ends, values } of lists) {
    for (let i = 0; i < rowCount; i++) {
      if (sizes[i] === 0) continue;
      let at = next[i] as number;
      for (let k = starts[i] as number; k < (ends[i] as number); k++) places[at++] = base + k;
      next[i] = at;
    }
    base += values.length;
  }
  return makeList(type, offsets, gather(joinVectors(lists.map(({ values }) => values)), places), validity);
}

/** One value a row, as lists. */
function singles(vector: Vector): ListRows {
  const starts = Uint32Array.from({ length: vector.length }, (_, i) => i);
  return { starts, ends: starts.map((start) => start + 1), values: vector, validity: ALL_PRESENT };
}

function pushKernel(isFirst: boolean): Kernel {
  return (args, rowCount, type) => {
    const [list, value] = (isFirst ? [args[1], args[0]] : args) as [Vector, Vector];
    const parts = [listRowsOf(list), singles(value)];
    return concatRows(isFirst ? parts.reverse() : parts, rowCount, type, ALL_PRESENT);
  };
}

function resolvePush(
  list: DataType | undefined,
  value: DataType | undefined,
  known?: KnownArgument,
): Shape | undefined {
  const element = elementType(list);
  if (element === undefined || list === undefined || value === undefined) return undefined;
  const met = typeof known?.value === 'string' ? meetValue(element, value) : meetValue(element, value, known);
  if (met === undefined) return undefined;
  return { parameters: [listParameter(list, met), met], type: listOf(met), nulls: 'custom', canMakeNull: false };
}

function resolveConcat(args: readonly DataType[]): Shape | undefined {
  const elements = args.map(elementType);
  if (args.length < 1 || !elements.every((element) => element !== undefined)) return undefined;
  if (args.every((arg) => arg.id === 'null')) return { parameters: args, type: NULL };
  const met = resultTypeOf(elements.map(valueType));
  if (met === undefined) return undefined;
  const parameters = args.map((arg) => listParameter(arg, met));
  return { parameters, type: listOf(met), nulls: 'never', canMakeNull: false };
}

/** `||` and `+` of lists: null if either is. */
export const LIST_JOIN: FunctionEntry = nestedEntry({
  name: '||',
  expects: '(list, list)',
  doc: 'Both lists, one after the other.',
  example: '[1] || [2] → [1, 2]',
  resolve: (args) => {
    const shape = args.length === 2 ? resolveConcat(args) : undefined;
    return shape === undefined ? undefined : { ...shape, nulls: 'strict' };
  },
  kernel: (args, rowCount, type) =>
    type.id === 'null'
      ? nullVector(type, rowCount)
      : concatRows(args.map(listRowsOf), rowCount, type, mergeValidity(args, rowCount)),
});

/** list_concat, which is concat of lists too: null lists are left out. */
export const LIST_CONCAT: FunctionEntry = nestedEntry({
  name: 'list_concat',
  aliases: ['list_cat', 'array_concat', 'array_cat'],
  expects: '(list, …)',
  doc: 'All lists, one after another; null ones are left out.',
  example: 'list_concat([1], NULL, [2, 3]) → [1, 2, 3]',
  resolve: resolveConcat,
  kernel: (args, rowCount, type) =>
    type.id === 'null' ? nullVector(type, rowCount) : concatRows(args.map(listRowsOf), rowCount, type, ALL_PRESENT),
});

const zipKernel: Kernel = (args, rowCount, type) => {
  const cut = args.at(-1)?.type.id === 'bool' ? (args.at(-1) as Vector) : undefined;
  const lists = (cut === undefined ? args : args.slice(0, -1)).map(listRowsOf);
  const present = cut === undefined ? undefined : validityOf(cut).bits;
  const cuts = cut === undefined ? undefined : bitsOf(cut);
  const sizes = new Uint32Array(rowCount);
  for (let i = 0; i < rowCount; i++) {
    const lengths = lists.map(({ starts, ends }) => (ends[i] as number) - (starts[i] as number));
    const isCut = cuts !== undefined && bitAt(cuts, i) && (present === undefined || bitAt(present, i));
    sizes[i] = isCut ? Math.min(...lengths) : Math.max(...lengths);
  }
  const offsets = offsetsOf(sizes);
  const children = lists.map(({ starts, ends, values }) => {
    const rows = new Uint32Array(offsets[rowCount] as number).fill(NO_ROW);
    for (let i = 0; i < rowCount; i++) {
      const count = Math.min(sizes[i] as number, (ends[i] as number) - (starts[i] as number));
      for (let k = 0; k < count; k++) rows[(offsets[i] as number) + k] = (starts[i] as number) + k;
    }
    return gatherOrNull(values, rows);
  });
  const entries = type.id === 'list' ? type.child.type : NULL;
  return makeList(type, offsets, makeStruct(entries, offsets[rowCount] as number, children));
};

function resolveZip(args: readonly DataType[]): Shape | undefined {
  const hasCut = args.length > 1 && args.at(-1)?.id === 'bool';
  const lists = hasCut ? args.slice(0, -1) : args;
  const elements = lists.map(elementType);
  if (lists.length === 0 || !elements.every((element) => element !== undefined)) return undefined;
  const parameters = lists.map((list, i) => listParameter(list, elements[i] ?? NULL));
  return {
    parameters: hasCut ? [...parameters, BOOL] : parameters,
    type: listOf(tupleOf(elements)),
    nulls: 'custom',
    canMakeNull: false,
  };
}

const flattenKernel: Kernel = (args, rowCount, type) => {
  const outer = compactRows(listRowsOf(args[0] as Vector));
  const inner = compactRows(listRowsOf(outer.values));
  const offsets = new Uint32Array(rowCount + 1);
  for (let i = 0; i < rowCount; i++) {
    const end = outer.ends[i] as number;
    offsets[i + 1] = end === 0 ? 0 : (inner.ends[end - 1] as number);
  }
  return makeList(type, offsets, inner.values, outer.validity);
};

/** The entries of this family. */
export const LIST_MAKE: readonly FunctionEntry[] = [
  nestedEntry({
    name: 'list_value',
    aliases: ['list_pack'],
    expects: 'values of one type',
    doc: 'A list of the values; also as `[a, b]`.',
    example: 'list_value(1, NULL, 2) → [1, NULL, 2]',
    resolve: (args, known) => {
      const met = meetAll(args, known);
      if (met === undefined) return undefined;
      return { parameters: args.map(() => met), type: listOf(met), nulls: 'never', canMakeNull: false };
    },
    kernel: listValueKernel,
  }),
  nestedEntry({
    name: 'array_value',
    expects: 'one or more values of one type',
    doc: 'An array, which is a list of fixed length, of the values.',
    example: 'array_value(1, 2) → [1, 2]',
    resolve: (args, known) => {
      const met = args.length === 0 ? undefined : meetAll(args, known);
      if (met === undefined) return undefined;
      const type = arrayOf(met, args.length);
      return { parameters: args.map(() => met), type, nulls: 'never', canMakeNull: false };
    },
    kernel: listValueKernel,
  }),
  nestedEntry({
    name: 'list_append',
    aliases: ['array_append', 'array_push_back'],
    expects: '(list, a value of its type)',
    doc: 'The list with one more value at its end; a null list is an empty one.',
    example: 'list_append([1], 2) → [1, 2]',
    resolve: ([list, value, ...more], known) => (more.length > 0 ? undefined : resolvePush(list, value, known[1])),
    kernel: pushKernel(false),
  }),
  nestedEntry({
    name: 'list_prepend',
    aliases: ['array_prepend'],
    expects: '(a value, list of its type)',
    doc: 'The list with one more value before its first; a null list is an empty one.',
    example: 'list_prepend(1, [2]) → [1, 2]',
    resolve: ([value, list, ...more], known) => {
      const shape = more.length > 0 ? undefined : resolvePush(list, value, known[0]);
      return shape === undefined ? undefined : { ...shape, parameters: [...shape.parameters].reverse() };
    },
    kernel: pushKernel(true),
  }),
  LIST_CONCAT,
  nestedEntry({
    name: 'list_zip',
    aliases: ['array_zip'],
    expects: '(list, …) or (list, …, boolean)',
    doc: 'The values of the lists side by side; shorter ones are filled up with NULL, or the longer cut when told so.',
    example: "list_zip([1, 2], ['a']) → [(1, a), (2, NULL)]",
    resolve: resolveZip,
    kernel: zipKernel,
  }),
  nestedEntry({
    name: 'flatten',
    expects: '(list of lists)',
    doc: 'The values of all lists in the list; null ones are left out.',
    example: 'flatten([[1], NULL, [2, 3]]) → [1, 2, 3]',
    resolve: (args) => {
      const inner = elementType(args.length === 1 ? elementType(args[0]) : undefined);
      if (inner === undefined || args[0] === undefined) return undefined;
      if (args[0].id === 'null') return { parameters: [NULL], type: NULL };
      const isOpen = elementType(args[0])?.id === 'null';
      const parameter = isOpen ? listOf(listOf(NULL)) : listParameter(args[0], elementType(args[0]) ?? NULL);
      return { parameters: [parameter], type: listOf(inner) };
    },
    kernel: (args, rowCount, type) =>
      type.id === 'null' ? nullVector(type, rowCount) : flattenKernel(args, rowCount, type),
  }),
];
