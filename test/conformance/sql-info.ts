/**
 * The SqlInfo values of the scenario `flight_sql:extension`: one dense union of the specification's six types.
 */
import type { RecordBatch } from '../../src/arrow/batch.ts';
import { buildVector } from '../../src/arrow/build.ts';
import { nullVector } from '../../src/arrow/null-vector.ts';
import { makeField, makeSchema } from '../../src/arrow/schema.ts';
import type { DataType } from '../../src/arrow/type.ts';
import type { Vector } from '../../src/arrow/vector.ts';

const UINT32: DataType = { id: 'int', bitWidth: 32, signed: false };
const INT32: DataType = { id: 'int', bitWidth: 32, signed: true };
const INT64: DataType = { id: 'int', bitWidth: 64, signed: true };
const UTF8: DataType = { id: 'utf8' };
const INT32_LIST: DataType = { id: 'list', child: makeField('item', INT32) };
const ENTRIES: DataType = {
  id: 'struct',
  children: [makeField('key', INT32, false), makeField('value', INT32_LIST)],
};

const MEMBERS = [
  makeField('string_value', UTF8, false),
  makeField('bool_value', { id: 'bool' }, false),
  makeField('bigint_value', INT64, false),
  makeField('int32_bitmask', INT32, false),
  makeField('string_list', { id: 'list', child: makeField('item', UTF8) }, false),
  makeField(
    'int32_to_int32_list_map',
    { id: 'map', child: makeField('entries', ENTRIES, false), keysSorted: false },
    false,
  ),
];
const VALUE: DataType = { id: 'union', mode: 'dense', typeIds: MEMBERS.map((_, i) => i), children: MEMBERS };

/** By number: SQL, Substrait, its versions, transactions (savepoints), cancelling, two timeouts. */
const VALUES: readonly (readonly [number, string | boolean | number])[] = [
  [4, false],
  [5, true],
  [6, 'min_version'],
  [7, 'max_version'],
  [8, 2],
  [9, true],
  [100, 42],
  [101, 7],
];
/** The members that the values are of. */
const MEMBER_OF = { string: 0, boolean: 1, number: 3 } as const;

export const SQL_INFO_SCHEMA = makeSchema([makeField('info_name', UINT32, false), makeField('value', VALUE, false)]);

/** The values as rows of `SQL_INFO_SCHEMA`. */
export function sqlInfoBatch(): RecordBatch {
  const members: (string | boolean | number)[][] = MEMBERS.map(() => []);
  const typeIds: number[] = [];
  const places: number[] = [];
  for (const [, value] of VALUES) {
    const id = MEMBER_OF[typeof value as keyof typeof MEMBER_OF];
    typeIds.push(id);
    places.push((members[id]?.push(value) ?? 0) - 1);
  }
  const children = MEMBERS.map(({ type }, i) => {
    const values = members[i] ?? [];
    return values.length === 0 ? nullVector(type, 0) : buildVector(type, values);
  });
  const values: Vector = {
    type: VALUE,
    length: VALUES.length,
    nullCount: 0,
    buffers: [Uint8Array.from(typeIds), new Uint8Array(Int32Array.from(places).buffer)],
    children,
    dictionary: undefined,
  };
  const names = buildVector(
    UINT32,
    VALUES.map(([name]) => name),
  );
  return { schema: SQL_INFO_SCHEMA, rowCount: VALUES.length, columns: [names, values] };
}
