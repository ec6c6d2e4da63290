/**
 * Values in lists: whether and where they are, which two lists share, and each of them once.
 *
 * Hides how values are told apart. Invariants: null is a value only for list_position; among several lists it is left
 * out; results keep the order of the first list.
 */
import type { DataType } from '../arrow/type.ts';
import type { Vector } from '../arrow/vector.ts';
import { withValidity } from './column.ts';
import type { Kernel } from './contract.ts';
import type { FunctionEntry, KnownArgument } from './entry.ts';
import { gather } from './gather.ts';
import { ColumnKeys } from './key-table.ts';
import { elementType, listParameter, meetValue, nestedEntry } from './list-frame.ts';
import type { Shape } from './list-frame.ts';
import { listRowsOf, makeList } from './list-rows.ts';
import { listOf } from './nested-type.ts';
import { boolRows, numberRows } from './scalar-frame.ts';
import { BOOL, resultTypeOf, INT32, isComparable, UINT64, valueType } from './signature.ts';
import { bitAt, validityFrom, validityOf, writableBits } from './validity.ts';
import { comparer } from './value-order.ts';

/** The place from 1 of each row's value in its list; 0 where it is not. */
function placesOf([list, value]: readonly Vector[], rowCount: number): Uint32Array {
  const { starts, ends, values } = listRowsOf(list as Vector);
  const compare = comparer(values, value as Vector);
  const places = new Uint32Array(rowCount);
  for (let i = 0; i < rowCount; i++) {
    const start = starts[i] as number;
    for (let k = start; k < (ends[i] as number); k++) {
      if (compare(k, i) !== 0) continue;
      places[i] = k - start + 1;
      break;
    }
  }
  return places;
}

/** Answers for each row the place from 1 of its second argument within its first; 0 where it is not. */
type FindPlaces = (args: readonly Vector[], rowCount: number) => Uint32Array;

/** Whether the second argument is in the first. */
export function containsBy(places: FindPlaces): Kernel {
  return (args, rowCount, type) => {
    const found = places(args, rowCount);
    return boolRows(args, rowCount, type, (i) => (found[i] as number) > 0);
  };
}

/** Where the second argument is in the first; null where it is not. A null value may be there. */
export function positionBy(places: FindPlaces): Kernel {
  return (args, rowCount, type) => {
    const found = places(args, rowCount);
    const made = numberRows([], rowCount, type, (i) => found[i] as number);
    const bits = writableBits(validityOf(args[0] as Vector), rowCount);
    for (let i = 0; i < rowCount; i++) {
      if (found[i] === 0) bits[i >> 3] = (bits[i >> 3] as number) & ~(1 << (i & 7));
    }
    return withValidity(made, validityFrom(bits, rowCount));
  };
}

function resolveSearch(
  [list, value, ...more]: readonly DataType[],
  known: readonly KnownArgument[],
): readonly DataType[] | undefined {
  const element = elementType(list);
  if (element === undefined || list === undefined || value === undefined || more.length > 0) return undefined;
  const met = meetValue(element, value, known[1]);
  if (met === undefined || !isComparable(met)) return undefined;
  return [listParameter(list, met), met];
}

/** contains of lists. */
export const LIST_CONTAINS: FunctionEntry = nestedEntry({
  name: 'list_contains',
  aliases: ['list_has', 'array_contains', 'array_has'],
  expects: '(list, a value of its type)',
  doc: 'True when the value is in the list; also as `value IN list`.',
  example: 'list_contains([1, 2, NULL], 2) → true',
  resolve: (args, known) => {
    const parameters = resolveSearch(args, known);
    return parameters === undefined ? undefined : { parameters, type: BOOL, canMakeNull: false };
  },
  kernel: containsBy(placesOf),
});

/** Marks of values that were seen in a row, by their numbers. */
class SeenMarks {
  readonly #rows: Int32Array;

  constructor(count: number) {
    this.#rows = new Int32Array(count).fill(-1);
  }

  /** Notes the value; true when it was not noted in this row. */
  add(number: number, row: number): boolean {
    if (this.#rows[number] === row) return false;
    this.#rows[number] = row;
    return true;
  }

  has(number: number, row: number): boolean {
    return this.#rows[number] === row;
  }
}

/** Calls `visit` with the rows of each list's distinct values that are not null. */
function eachDistinct(list: Vector, visit: (place: number, row: number) => void): void {
  const { starts, ends, values } = listRowsOf(list);
  const keys = new ColumnKeys(values.type);
  const numbers = keys.number(values, values.length);
  const seen = new SeenMarks(keys.count);
  const { bits } = validityOf(values);
  for (let i = 0; i < starts.length; i++) {
    for (let k = starts[i] as number; k < (ends[i] as number); k++) {
      if (bits !== undefined && !bitAt(bits, k)) continue;
      if (seen.add(numbers[k] as number, i)) visit(k, i);
    }
  }
}

const distinctKernel: Kernel = (args, rowCount, type) => {
  const list = args[0] as Vector;
  const rows: number[] = [];
  const offsets = new Uint32Array(rowCount + 1);
  eachDistinct(list, (place, row) => {
    rows.push(place);
    offsets[row + 1] = rows.length;
  });
  for (let i = 0; i < rowCount; i++) offsets[i + 1] = Math.max(offsets[i + 1] as number, offsets[i] as number);
  return makeList(type, offsets, gather(listRowsOf(list).values, Uint32Array.from(rows)), validityOf(list));
};

const uniqueKernel: Kernel = (args, rowCount, type) => {
  const counts = new Uint32Array(rowCount);
  eachDistinct(args[0] as Vector, (_, row) => {
    counts[row] = (counts[row] as number) + 1;
  });
  return numberRows(args, rowCount, type, (i) => counts[i] as number);
};

/** Which values of the first list are in the second: by row, the places of the distinct ones, and how many are not. */
function sharedValues(args: readonly Vector[], visit: (place: number, row: number, isShared: boolean) => void): void {
  const [first, second] = args as [Vector, Vector];
  const [own, other] = [listRowsOf(first), listRowsOf(second)];
  const keys = new ColumnKeys(own.values.type);
  const otherNumbers = keys.number(other.values, other.values.length);
  const numbers = keys.number(own.values, own.values.length);
  const [wanted, seen] = [new SeenMarks(keys.count), new SeenMarks(keys.count)];
  const { bits } = validityOf(own.values);
  for (let i = 0; i < own.starts.length; i++) {
    for (let k = other.starts[i] as number; k < (other.ends[i] as number); k++)
      wanted.add(otherNumbers[k] as number, i);
    for (let k = own.starts[i] as number; k < (own.ends[i] as number); k++) {
      if (bits !== undefined && !bitAt(bits, k)) continue;
      const number = numbers[k] as number;
      if (seen.add(number, i)) visit(k, i, wanted.has(number, i));
    }
  }
}

const hasAnyKernel: Kernel = (args, rowCount, type) => {
  const hits = new Uint8Array(rowCount);
  sharedValues(args, (_, row, isShared) => {
    if (isShared) hits[row] = 1;
  });
  return boolRows(args, rowCount, type, (i) => hits[i] === 1);
};

/** Whether the second list's values are all in the first. */
const hasAllKernel: Kernel = (args, rowCount, type) => {
  const misses = new Uint8Array(rowCount);
  sharedValues([args[1] as Vector, args[0] as Vector], (_, row, isShared) => {
    if (!isShared) misses[row] = 1;
  });
  return boolRows(args, rowCount, type, (i) => misses[i] === 0);
};

const intersectKernel: Kernel = (args, rowCount, type) => {
  const rows: number[] = [];
  const sizes = new Uint32Array(rowCount);
  // A null second list has nothing to share; only a null first one makes null.
  const validity = validityOf(args[0] as Vector);
  sharedValues(args, (place, row, isShared) => {
    if (!isShared || (validity.bits !== undefined && !bitAt(validity.bits, row))) return;
    rows.push(place);
    sizes[row] = (sizes[row] as number) + 1;
  });
  const offsets = new Uint32Array(rowCount + 1);
  for (let i = 0; i < rowCount; i++) offsets[i + 1] = (offsets[i] as number) + (sizes[i] as number);
  return makeList(type, offsets, gather(listRowsOf(args[0] as Vector).values, Uint32Array.from(rows)), validity);
};

function resolvePair(args: readonly DataType[], result: (element: DataType) => DataType): Shape | undefined {
  const elements = args.map(elementType);
  if (args.length !== 2 || !elements.every((element) => element !== undefined)) return undefined;
  const met = resultTypeOf(elements.map(valueType));
  if (met === undefined || !isComparable(met)) return undefined;
  return { parameters: args.map((arg) => listParameter(arg, met)), type: result(met), canMakeNull: false };
}

function pairEntry(
  [name, ...aliases]: readonly [string, ...string[]],
  doc: string,
  example: string,
  kernel: Kernel,
  isMirrored = false,
): FunctionEntry {
  const shown: Kernel = isMirrored ? (args, rowCount, type) => kernel([...args].reverse(), rowCount, type) : kernel;
  return nestedEntry({
    name,
    aliases,
    expects: '(list, list)',
    doc,
    example,
    resolve: (args) => resolvePair(args, () => BOOL),
    kernel: shown,
  });
}

function resolveList(args: readonly DataType[], result: (element: DataType) => DataType): Shape | undefined {
  const [list] = args;
  const element = elementType(list);
  if (args.length !== 1 || list === undefined || element === undefined || !isComparable(element)) return undefined;
  return {
    parameters: [listParameter(list, valueType(element))],
    type: result(valueType(element)),
    canMakeNull: false,
  };
}

/** The entries of this family. */
export const LIST_SEARCH: readonly FunctionEntry[] = [
  LIST_CONTAINS,
  nestedEntry({
    name: 'list_position',
    aliases: ['list_indexof', 'array_position', 'array_indexof'],
    expects: '(list, a value of its type)',
    doc: 'The place of the value in the list, from 1; null where it is not.',
    example: 'list_position([5, NULL, 6], NULL) → 2',
    resolve: (args, known) => {
      const parameters = resolveSearch(args, known);
      return parameters === undefined ? undefined : { parameters, type: INT32, nulls: 'custom' };
    },
    kernel: positionBy(placesOf),
  }),
  pairEntry(
    ['list_has_any', 'array_has_any', '&&'],
    'True when the lists share a value.',
    'list_has_any([1, 2], [2, 3]) → true',
    hasAnyKernel,
  ),
  pairEntry(
    ['list_has_all', 'array_has_all', '@>'],
    'True when the first list has all values of the second.',
    'list_has_all([1, 2], [2, 1, 2]) → true',
    hasAllKernel,
  ),
  pairEntry(
    ['<@'],
    'True when the second list has all values of the first.',
    '[1] <@ [1, 2] → true',
    hasAllKernel,
    true,
  ),
  nestedEntry({
    name: 'list_intersect',
    aliases: ['array_intersect'],
    expects: '(list, list)',
    doc: 'The values that both lists have, each once.',
    example: 'list_intersect([1, 2, 3], [3, 2]) → [2, 3]',
    resolve: (args) => {
      const shape = resolvePair(args, listOf);
      return shape === undefined ? undefined : { ...shape, nulls: 'custom', canMakeNull: true };
    },
    kernel: intersectKernel,
  }),
  nestedEntry({
    name: 'list_distinct',
    aliases: ['array_distinct'],
    expects: '(list)',
    doc: 'The values of the list, each once, without nulls.',
    example: 'list_distinct([2, NULL, 2]) → [2]',
    resolve: (args) => resolveList(args, listOf),
    kernel: distinctKernel,
  }),
  nestedEntry({
    name: 'list_unique',
    aliases: ['array_unique'],
    expects: '(list)',
    doc: 'The number of distinct values that are not null.',
    example: 'list_unique([2, 1, NULL, 2]) → 2',
    resolve: (args) => resolveList(args, () => UINT64),
    kernel: uniqueKernel,
  }),
];
