/**
 * Rows that stand in a plan: the small tables that SHOW, DESCRIBE and EXPLAIN answer with.
 *
 * Hides how a vector of text or integers is laid out. Invariant: all columns of a table have the same number of rows.
 */
import { makeField, makeSchema } from '../arrow/schema.ts';
import type { Field } from '../arrow/schema.ts';
import { makeVector } from '../arrow/vector.ts';
import type { Vector } from '../arrow/vector.ts';
import { INT64 } from './constant.ts';
import type { PhysicalPlan } from './physical.ts';

const UTF8 = { id: 'utf8' } as const;

/** An int64 vector without nulls. */
export function int64Column(values: readonly bigint[]): Vector {
  const array = BigInt64Array.from(values);
  return makeVector(INT64, values.length, undefined, 0, [new Uint8Array(array.buffer)]);
}

/** A utf8 vector. */
export function utf8Column(values: readonly (string | null)[]): Vector {
  const offsets = new Int32Array(values.length + 1);
  const validity = new Uint8Array((values.length + 7) >> 3);
  const texts = values.map((value) => Buffer.from(value ?? '', 'utf8'));
  let nullCount = 0;
  values.forEach((value, i) => {
    offsets[i + 1] = (offsets[i] ?? 0) + (texts[i]?.length ?? 0);
    if (value === null) nullCount++;
    else validity[i >> 3] = (validity[i >> 3] ?? 0) | (1 << (i & 7));
  });
  const bytes = new Uint8Array(Buffer.concat(texts));
  return makeVector(UTF8, values.length, nullCount === 0 ? undefined : validity, nullCount, [
    new Uint8Array(offsets.buffer),
    bytes,
  ]);
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
