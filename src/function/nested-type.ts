/**
 * Nested types as SQL sees them: lists of any layout, structs, tuples and maps.
 *
 * Hides Arrow's names of children. Invariants: types made here are Arrow's plainest (32-bit offsets, children `item`,
 * `entries`, `key` and `value`); a tuple is a struct whose fields are called `element1`, `element2` and so on, which is
 * the form in which DuckDB hands tuples out.
 */
import { makeField } from '../arrow/schema.ts';
import type { Field } from '../arrow/schema.ts';
import type { DataType } from '../arrow/type.ts';
import { foldName } from '../base/names.ts';

export type StructType = Extract<DataType, { id: 'struct' }>;

const NULL: DataType = { id: 'null' };

/** The type of a list of `type`. */
export function listOf(type: DataType): DataType {
  return { id: 'list', child: makeField('item', type) };
}

/** The type of lists of exactly `size` values: DuckDB's ARRAY. */
export function arrayOf(type: DataType, size: number): DataType {
  return { id: 'fixed_list', child: makeField('item', type), listSize: size };
}

/** The type of a struct. */
export function structOf(fields: readonly (readonly [name: string, type: DataType])[]): StructType {
  return { id: 'struct', children: fields.map(([name, type]) => makeField(name, type)) };
}

/** The type of values side by side. */
export function tupleOf(types: readonly DataType[]): StructType {
  return structOf(types.map((type, i) => [tupleName(i), type]));
}

function tupleName(index: number): string {
  return `element${(index + 1).toString()}`;
}

/** True for a struct whose fields have no names of their own. */
export function isTuple(type: StructType): boolean {
  return type.children.length > 0 && type.children.every(({ name }, i) => name === tupleName(i));
}

/** The type of a map. */
export function mapOf(key: DataType, value: DataType): DataType {
  const entries: DataType = { id: 'struct', children: [makeField('key', key, false), makeField('value', value)] };
  return { id: 'map', child: makeField('entries', entries, false), keysSorted: false };
}

/** The type of a list's values; undefined for what is no list. Maps are none. */
export function elementOf(type: DataType): DataType | undefined {
  switch (type.id) {
    case 'list':
    case 'large_list':
    case 'list_view':
    case 'large_list_view':
    case 'fixed_list':
      return type.child.type;
    default:
      return undefined;
  }
}

/** The types of a map's keys and values; undefined for what is no map. */
export function mapTypes(type: DataType): { readonly key: DataType; readonly value: DataType } | undefined {
  if (type.id !== 'map' || type.child.type.id !== 'struct') return undefined;
  const [key, value] = type.child.type.children;
  return { key: key?.type ?? NULL, value: value?.type ?? NULL };
}

/** The place of a struct's field by name, in any case; -1 when there is none. */
export function fieldIndex(type: StructType, name: string): number {
  const exact = type.children.findIndex((field) => field.name === name);
  const folded = foldName(name);
  return exact >= 0 ? exact : type.children.findIndex((field) => foldName(field.name) === folded);
}

/** For each field of `to` the place of the one of `from` that it takes its values from, -1 for none. */
export function fieldPlaces(from: StructType, to: StructType): readonly number[] {
  const byPlace = from.children.length === to.children.length && (isTuple(from) || isTuple(to));
  return to.children.map(({ name }, i) => (byPlace ? i : fieldIndex(from, name)));
}

type Meet = (a: DataType, b: DataType) => DataType | undefined;

function commonStruct(a: StructType, b: StructType, meet: Meet): DataType | undefined {
  if ((a.children.length === 0) !== (b.children.length === 0)) return undefined;
  if (isTuple(a) !== isTuple(b) || (isTuple(a) && isTuple(b))) {
    if (a.children.length !== b.children.length) return undefined;
    const named = isTuple(a) ? b : a;
    return meetFields(
      named.children.map(({ name }, i) => [name, a.children[i]?.type ?? NULL, b.children[i]?.type ?? NULL]),
      meet,
    );
  }
  const own = a.children.map(({ name, type }) => {
    const other = fieldIndex(b, name);
    return [name, type, other < 0 ? NULL : (b.children[other]?.type ?? NULL)] as const;
  });
  const more = b.children.filter(({ name }) => fieldIndex(a, name) < 0);
  return meetFields([...own, ...more.map(({ name, type }) => [name, NULL, type] as const)], meet);
}

function meetFields(
  pairs: readonly (readonly [name: string, a: DataType, b: DataType])[],
  meet: Meet,
): DataType | undefined {
  const fields: Field[] = [];
  for (const [name, a, b] of pairs) {
    const type = meet(a, b);
    if (type === undefined) return undefined;
    fields.push(makeField(name, type));
  }
  return { id: 'struct', children: fields };
}

/** The type in which two nested types meet, their parts by `meet`; fields of structs by name, those of tuples by place. */
export function commonNested(a: DataType, b: DataType, meet: Meet): DataType | undefined {
  const [left, right] = [elementOf(a), elementOf(b)];
  if (left !== undefined && right !== undefined) {
    const element = meet(left, right);
    if (element === undefined) return undefined;
    const isArray = a.id === 'fixed_list' && b.id === 'fixed_list' && a.listSize === b.listSize;
    return isArray ? arrayOf(element, a.listSize) : listOf(element);
  }
  if (a.id === 'struct' && b.id === 'struct') return commonStruct(a, b, meet);
  const [one, other] = [mapTypes(a), mapTypes(b)];
  if (one === undefined || other === undefined) return undefined;
  const [key, value] = [meet(one.key, other.key), meet(one.value, other.value)];
  return key === undefined || value === undefined ? undefined : mapOf(key, value);
}

/** True when `from` casts to `to` part by part; text apart. `casts` says it of parts. */
export function castsNested(from: DataType, to: DataType, casts: (from: DataType, to: DataType) => boolean): boolean {
  const [left, right] = [elementOf(from), elementOf(to)];
  if (left !== undefined && right !== undefined) return isPlainList(to) && casts(left, right);
  if (from.id === 'struct' && to.id === 'struct') {
    const places = fieldPlaces(from, to);
    if ((from.children.length === 0) !== (to.children.length === 0)) return false;
    if (places.length > 0 && places.every((place) => place < 0)) return false;
    return places.every((place, i) => {
      const [source, target] = [from.children[place]?.type, to.children[i]?.type];
      return source === undefined || target === undefined || casts(source, target);
    });
  }
  const [one, other] = [mapTypes(from), mapTypes(to)];
  if (from.id === 'struct' && other !== undefined) {
    const { key, value } = other;
    return !isTuple(from) && casts({ id: 'utf8' }, key) && from.children.every(({ type }) => casts(type, value));
  }
  return one !== undefined && other !== undefined && casts(one.key, other.key) && casts(one.value, other.value);
}

/** True for the layouts that casts make. */
export function isPlainList(type: DataType): boolean {
  return type.id === 'list' || type.id === 'large_list' || type.id === 'fixed_list';
}

/** Calls `visit` with the types of a nested type's parts; false when there are none that SQL knows. */
export function partsOf(type: DataType): readonly DataType[] | undefined {
  const element = elementOf(type);
  if (element !== undefined) return [element];
  if (type.id === 'struct') return type.children.map((field) => field.type);
  const map = mapTypes(type);
  return map === undefined ? undefined : [map.key, map.value];
}
