/**
 * Maps: made from keys and values, taken apart, asked for keys and values.
 *
 * Hides that a map is a list of entries. Invariants: keys of a map that is made are distinct and not null, or the
 * row is an error; entries keep the order in which they were given.
 */
import { nullVector } from '../arrow/null-vector.ts';
import type { DataType } from '../arrow/type.ts';
import type { Vector } from '../arrow/vector.ts';
import type { Kernel } from './contract.ts';
import type { FunctionEntry, KnownArgument } from './entry.ts';
import { ColumnKeys } from './key-table.ts';
import { elementType, listParameter, nestedEntry } from './list-frame.ts';
import type { Shape } from './list-frame.ts';
import { compactRows, listRowsOf, makeList, makeStruct } from './list-rows.ts';
import type { ListRows } from './list-rows.ts';
import { LIST_CONTAINS } from './list-search.ts';
import { mapContainsKernel, mapExtractKernel, mapValueKernel, resolveMapKey } from './map-access.ts';
import { listOf, mapOf, mapTypes, structOf, tupleOf } from './nested-type.ts';
import { numberRows, rowError } from './scalar-frame.ts';
import { STRUCT_CONTAINS } from './struct-search.ts';
import { BOOL, flatType, isComparable, UINT64, valueType } from './signature.ts';
import { bitAt, mergeValidity, validityOf } from './validity.ts';
import type { Validity } from './validity.ts';

const NULL: DataType = { id: 'null' };

/** Refuses null keys, and the same key twice in a row. */
function checkKeys({ starts, ends, values: keys }: ListRows): void {
  const table = new ColumnKeys(keys.type);
  const numbers = table.number(keys, keys.length);
  const seen = new Int32Array(table.count).fill(-1);
  const { bits } = validityOf(keys);
  for (let i = 0; i < starts.length; i++) {
    for (let k = starts[i] as number; k < (ends[i] as number); k++) {
      if (bits !== undefined && !bitAt(bits, k)) throw rowError('a key of a map cannot be NULL');
      const number = numbers[k] as number;
      if (seen[number] === i) throw rowError('the keys of a map must be different');
      seen[number] = i;
    }
  }
}

/** The rows that are shown under another validity; the others become empty. */
function shownRows(rows: ListRows, validity: Validity): ListRows {
  if (validity.bits === undefined) return rows;
  const [starts, ends] = [rows.starts.slice(), rows.ends.slice()];
  for (let i = 0; i < starts.length; i++) if (!bitAt(validity.bits, i)) starts[i] = ends[i] = 0;
  return { ...rows, starts, ends, validity };
}

function entriesType(map: DataType): DataType {
  return map.id === 'map' ? map.child.type : NULL;
}

/** A map of compact keys and values of the same sizes. */
function makeMap(type: DataType, keys: ListRows, values: Vector, validity: Validity): Vector {
  checkKeys(keys);
  const offsets = new Uint32Array(keys.starts.length + 1);
  for (let i = 0; i < keys.starts.length; i++) {
    offsets[i + 1] = (offsets[i] as number) + (keys.ends[i] as number) - (keys.starts[i] as number);
  }
  return makeList(type, offsets, makeStruct(entriesType(type), values.length, [keys.values, values]), validity);
}

const mapKernel: Kernel = (args, rowCount, type) => {
  if (args.length === 0)
    return makeMap(type, emptyRows(rowCount), nullVector(NULL, 0), { bits: undefined, nullCount: 0 });
  const validity = mergeValidity(args, rowCount);
  const [keys, values] = args.map((arg) => shownRows(listRowsOf(arg), validity)) as [ListRows, ListRows];
  for (let i = 0; i < rowCount; i++) {
    const sizes = [keys, values].map(({ starts, ends }) => (ends[i] as number) - (starts[i] as number));
    if (sizes[0] !== sizes[1]) throw rowError('a map needs as many values as keys');
  }
  return makeMap(type, compactRows(keys), compactRows(values).values, validity);
};

function emptyRows(rowCount: number): ListRows {
  const blank = new Uint32Array(rowCount);
  return { starts: blank, ends: blank, values: nullVector(NULL, 0), validity: { bits: undefined, nullCount: 0 } };
}

function resolveMap(args: readonly DataType[]): Shape | undefined {
  if (args.length === 0) return { parameters: [], type: mapOf(NULL, NULL), nulls: 'never', canMakeNull: false };
  const elements = args.map(elementType);
  const [key, value] = elements;
  if (args.length !== 2 || key === undefined || value === undefined || !isComparable(key)) return undefined;
  const types = [valueType(key), valueType(value)] as const;
  const parameters = args.map((arg, i) => listParameter(arg, types[i] ?? NULL));
  return { parameters, type: mapOf(...types), canMakeNull: false };
}

const fromEntriesKernel: Kernel = (args, _rowCount, type) => {
  const rows = compactRows(listRowsOf(args[0] as Vector));
  const [keys, values] = rows.values.children as [Vector, Vector];
  return makeMap(type, { ...rows, values: keys }, values, rows.validity);
};

function resolveEntries(args: readonly DataType[]): Shape | undefined {
  const entry = args.length === 1 ? elementType(args[0]) : undefined;
  if (entry?.id === 'null') return { parameters: [listOf(tupleOf([NULL, NULL]))], type: mapOf(NULL, NULL) };
  if (args[0] === undefined || entry?.id !== 'struct' || entry.children.length !== 2) return undefined;
  const [key, value] = entry.children.map((field) => field.type) as [DataType, DataType];
  if (!isComparable(key)) return undefined;
  return { parameters: [flatType(args[0])], type: mapOf(key, value), canMakeNull: false };
}

/** A part of each entry, or the entries, as a list. */
function partKernel(place: number | undefined): Kernel {
  return ([map], rowCount, type) => {
    if (type.id === 'null') return nullVector(type, rowCount);
    const rows = compactRows(listRowsOf(map as Vector));
    const offsets = new Uint32Array(rowCount + 1);
    for (let i = 0; i < rowCount; i++) offsets[i + 1] = rows.ends[i] as number;
    const element = type.id === 'list' ? type.child.type : rows.values.type;
    const values = place === undefined ? { ...rows.values, type: element } : (rows.values.children[place] as Vector);
    return makeList(type, offsets, values, rows.validity);
  };
}

function partEntry(
  name: string,
  place: number | undefined,
  part: (key: DataType, value: DataType) => DataType,
  doc: string,
  example: string,
): FunctionEntry {
  return nestedEntry({
    name,
    expects: '(map)',
    doc,
    example,
    resolve: (args) => {
      if (args.length === 1 && args[0]?.id === 'null') return { parameters: [NULL], type: NULL };
      const map = args.length === 1 && args[0] !== undefined ? flatType(args[0]) : undefined;
      const types = map === undefined ? undefined : mapTypes(map);
      if (map === undefined || types === undefined) return undefined;
      return { parameters: [map], type: listOf(part(types.key, types.value)), canMakeNull: false };
    },
    kernel: partKernel(place),
  });
}

function keyEntry(
  [name, ...aliases]: readonly [string, ...string[]],
  doc: string,
  example: string,
  kernel: Kernel,
  shape: (value: DataType) => Partial<Shape> & Pick<Shape, 'type'>,
): FunctionEntry {
  return nestedEntry({
    name,
    aliases,
    expects: '(map, a key of its type)',
    doc,
    example,
    resolve: ([given, key, ...more], known: readonly KnownArgument[]) => {
      const map = given === undefined ? undefined : flatType(given);
      if (map === undefined || key === undefined || more.length > 0) return undefined;
      const found = resolveMapKey(map, key, known[1]);
      return found === undefined ? undefined : { ...found, ...shape(found.type) };
    },
    kernel,
  });
}

const MAP_CONTAINS = keyEntry(
  ['map_contains'],
  'True when the map has the key.',
  "map_contains(MAP {'a': 1}, 'a') → true",
  mapContainsKernel,
  () => ({ type: BOOL, canMakeNull: false }),
);

function containsOf(type: DataType | undefined): FunctionEntry {
  return type?.id === 'map' ? MAP_CONTAINS : type?.id === 'struct' ? STRUCT_CONTAINS : LIST_CONTAINS;
}

/** contains of lists, maps and tuples. */
export const CONTAINS: FunctionEntry = {
  ...LIST_CONTAINS,
  expects: [LIST_CONTAINS, MAP_CONTAINS, STRUCT_CONTAINS].map(({ expects }) => expects).join(' or '),
  resolve: (args, known) => {
    const found = LIST_CONTAINS.resolve(args, known) ?? MAP_CONTAINS.resolve(args, known);
    return found ?? STRUCT_CONTAINS.resolve(args, known);
  },
  kernel: (parameters) => containsOf(parameters[0]).kernel(parameters),
};

/** The entries of this family. */
export const MAP: readonly FunctionEntry[] = [
  nestedEntry({
    name: 'map',
    expects: '() or (list of keys, list of values)',
    doc: "A map from the keys to the values, as many of these; also as `MAP {'a': 1}`.",
    example: "map(['a', 'b'], [1, 2]) → {a=1, b=2}",
    fails: true,
    resolve: resolveMap,
    kernel: mapKernel,
  }),
  nestedEntry({
    name: 'map_from_entries',
    expects: '(list of structs or tuples of two)',
    doc: 'A map of the entries.',
    example: "map_from_entries([('a', 1), ('b', 2)]) → {a=1, b=2}",
    fails: true,
    resolve: resolveEntries,
    kernel: fromEntriesKernel,
  }),
  partEntry('map_keys', 0, (key) => key, 'The keys as a list.', "map_keys(MAP {'a': 1}) → [a]"),
  partEntry('map_values', 1, (_, value) => value, 'The values as a list.', "map_values(MAP {'a': 1}) → [1]"),
  partEntry(
    'map_entries',
    undefined,
    (key, value) =>
      structOf([
        ['key', key],
        ['value', value],
      ]),
    'The entries as a list of structs.',
    "map_entries(MAP {'a': 1}) → [{'key': a, 'value': 1}]",
  ),
  keyEntry(
    ['map_extract', 'element_at'],
    'A list of the value under the key; an empty one when there is none.',
    "map_extract(MAP {'a': 1}, 'b') → []",
    mapExtractKernel,
    (value) => ({ type: listOf(value), nulls: 'custom' }),
  ),
  keyEntry(
    ['map_extract_value'],
    'The value under the key; null when there is none; also as `m[key]`.',
    "map_extract_value(MAP {'a': 1}, 'a') → 1",
    mapValueKernel,
    (value) => ({ type: value }),
  ),
  MAP_CONTAINS,
  nestedEntry({
    name: 'cardinality',
    expects: '(map)',
    doc: 'The number of entries.',
    example: "cardinality(MAP {'a': 1}) → 1",
    resolve: (args) => {
      const map = args.length === 1 && args[0] !== undefined ? flatType(args[0]) : undefined;
      return map?.id === 'map' ? { parameters: [map], type: UINT64, canMakeNull: false } : undefined;
    },
    kernel: (args, rowCount, type) => {
      const { starts, ends } = listRowsOf(args[0] as Vector);
      return numberRows(args, rowCount, type, (i) => (ends[i] as number) - (starts[i] as number));
    },
  }),
];
