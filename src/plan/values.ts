/**
 * Rows that stand in a plan: the small tables that SHOW, DESCRIBE and EXPLAIN answer with.
 *
 * Hides nothing. Invariant: all columns of a table have the same number of rows.
 */
import { buildVector } from '../arrow/build.ts';
import { makeField, makeSchema } from '../arrow/schema.ts';
import type { Field } from '../arrow/schema.ts';
import { makeVector } from '../arrow/vector.ts';
import type { Vector } from '../arrow/vector.ts';
import { INT64 } from './constant.ts';
import type { PhysicalPlan } from './physical.ts';

const UTF8 = { id: 'utf8' } as const;

/** An int64 vector without nulls. */
export function int64Column(values: readonly bigint[]): Vector {
  return buildVector(INT64, values);
}

/** The same, with nulls. */
export function nullableInt64Column(values: readonly (bigint | null)[]): Vector {
  return buildVector(INT64, values);
}

/** A utf8 vector. */
export function utf8Column(values: readonly (string | null)[]): Vector {
  return buildVector(UTF8, values);
}

/** A vector of lists of texts. */
export function textListColumn(lists: readonly (readonly string[] | null)[]): Vector {
  const offsets = new Int32Array(lists.length + 1);
  const present = new Uint8Array(Math.ceil(lists.length / 8));
  let nullCount = 0;
  lists.forEach((list, i) => {
    offsets[i + 1] = (offsets[i] as number) + (list?.length ?? 0);
    if (list === null) nullCount++;
    else present[i >> 3] = (present[i >> 3] as number) | (1 << (i & 7));
  });
  const type = { id: 'list', child: makeField('item', UTF8) } as const;
  const texts = utf8Column(lists.flatMap((list) => list ?? []));
  const validity = nullCount === 0 ? undefined : present;
  const vector = makeVector(type, lists.length, validity, nullCount, [new Uint8Array(offsets.buffer)]);
  return { ...vector, children: [texts] };
}

/** One named column of a small table. */
export interface ValuesColumn {
  readonly name: string;
  readonly vector: Vector;
  readonly nullable: boolean;
}

/** A plan that yields the columns' rows. */
export function valuesPlan(columns: readonly ValuesColumn[]): Extract<PhysicalPlan, { kind: 'values' }> {
  const fields = columns.map(({ name, vector, nullable }): Field => makeField(name, vector.type, nullable));
  const schema = makeSchema(fields);
  const rowCount = columns[0]?.vector.length ?? 0;
  const batches = rowCount === 0 ? [] : [{ schema, rowCount, columns: columns.map((column) => column.vector) }];
  return { kind: 'values', schema, batches };
}
