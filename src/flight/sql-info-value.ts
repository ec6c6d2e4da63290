/**
 * Values of GetSqlInfo as vectors: a dense union of six types, and lists and maps of them.
 *
 * Hides the layouts. Invariants: members are in the specification's order, and none is null; a value's place in its
 * member is the number of values of that member before it. Source: Arrow columnar format, "Dense union".
 */
import { buildVector } from '../arrow/build.ts';
import { bitmapBytes } from '../arrow/bits.ts';
import { makeField } from '../arrow/schema.ts';
import type { DataType } from '../arrow/type.ts';
import { makeVector } from '../arrow/vector.ts';
import type { Vector } from '../arrow/vector.ts';

const UTF8: DataType = { id: 'utf8' };
const INT32: DataType = { id: 'int', bitWidth: 32, signed: true };
const INT64: DataType = { id: 'int', bitWidth: 64, signed: true };
const TEXT_LIST: DataType = { id: 'list', child: makeField('item', UTF8) };
const INT32_LIST: DataType = { id: 'list', child: makeField('item', INT32) };
const ENTRIES: DataType = {
  id: 'struct',
  children: [makeField('key', INT32, false), makeField('value', INT32_LIST)],
};
const CONVERSIONS: DataType = { id: 'map', child: makeField('entries', ENTRIES, false), keysSorted: false };

/** Numbers of one kind by number of another. */
type Conversions = ReadonlyMap<number, readonly number[]>;

/** A value: bigint for the protocol's int64, number for its int32. */
export type InfoValue = string | boolean | bigint | number | readonly string[] | Conversions;

const MEMBERS = [
  makeField('string_value', UTF8, false),
  makeField('bool_value', { id: 'bool' }, false),
  makeField('bigint_value', INT64, false),
  makeField('int32_bitmask', INT32, false),
  makeField('string_list', TEXT_LIST, false),
  makeField('int32_to_int32_list_map', CONVERSIONS, false),
] as const;

/** The type of the values. */
export const INFO_VALUE: DataType = {
  id: 'union',
  mode: 'dense',
  typeIds: MEMBERS.map((_, i) => i),
  children: MEMBERS,
};

function memberOf(value: InfoValue): number {
  if (typeof value === 'string') return 0;
  if (typeof value === 'boolean') return 1;
  if (typeof value === 'bigint') return 2;
  if (typeof value === 'number') return 3;
  return value instanceof Map ? 5 : 4;
}

/** The vector of `values`. */
export function infoVector(values: readonly InfoValue[]): Vector {
  const typeIds = new Uint8Array(values.length);
  const places = new Int32Array(values.length);
  const members: InfoValue[][] = MEMBERS.map(() => []);
  values.forEach((value, row) => {
    const member = memberOf(value);
    typeIds[row] = member;
    places[row] = (members[member]?.push(value) ?? 0) - 1;
  });
  const children = MEMBERS.map(({ type }, i) => memberVector(type, members[i] ?? []));
  const buffers = [typeIds, new Uint8Array(places.buffer)];
  return { type: INFO_VALUE, length: values.length, nullCount: 0, buffers, children, dictionary: undefined };
}

function memberVector(type: DataType, values: readonly InfoValue[]): Vector {
  if (type.id === 'list') return textListVector(type, values as readonly (readonly string[])[]);
  if (type.id === 'map') return mapVector(values as readonly Conversions[]);
  return buildVector(type, values as readonly (string | boolean | bigint | number)[]);
}

/** A vector of lists of text; null for no list. `type`: a list of utf8 */
export function textListVector(type: DataType, lists: readonly (readonly string[] | null)[]): Vector {
  const items = buildVector(
    UTF8,
    lists.flatMap((list) => list ?? []),
  );
  return listVector(type, lists, items);
}

/** The lists whose values, one list's after another's, are `items`. */
function listVector(type: DataType, lists: readonly (readonly unknown[] | null)[], items: Vector): Vector {
  const offsets = new Int32Array(lists.length + 1);
  const validity = new Uint8Array(bitmapBytes(lists.length));
  let nullCount = 0;
  lists.forEach((list, row) => {
    offsets[row + 1] = (offsets[row] ?? 0) + (list?.length ?? 0);
    if (list === null) nullCount++;
    else validity[row >> 3] = (validity[row >> 3] ?? 0) | (1 << (row & 7));
  });
  const present = nullCount === 0 ? undefined : validity;
  return {
    ...makeVector(type, lists.length, present, nullCount, [new Uint8Array(offsets.buffer)]),
    children: [items],
  };
}

function mapVector(maps: readonly Conversions[]): Vector {
  const entries = maps.flatMap((map) => [...map]);
  const keys = buildVector(
    INT32,
    entries.map(([key]) => key),
  );
  const lists = entries.map(([, list]) => list);
  const values = listVector(INT32_LIST, lists, buildVector(INT32, lists.flat()));
  const struct = { ...makeVector(ENTRIES, entries.length, undefined, 0, []), children: [keys, values] };
  return listVector(
    CONVERSIONS,
    maps.map((map) => [...map]),
    struct,
  );
}
