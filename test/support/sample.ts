/**
 * Small record batches for tests, from plain values.
 *
 * Hides buffer packing. Invariant: int64 columns take numbers, float64 numbers, utf8 strings; null makes a null.
 */
import type { RecordBatch, ResultBatch } from '../../src/arrow/batch.ts';
import { makeField, makeSchema } from '../../src/arrow/schema.ts';
import type { Field, Schema } from '../../src/arrow/schema.ts';
import type { DataType } from '../../src/arrow/type.ts';
import { makeReader } from '../../src/arrow/value.ts';
import { makeVector } from '../../src/arrow/vector.ts';
import type { Vector } from '../../src/arrow/vector.ts';

export const INT64: DataType = { id: 'int', bitWidth: 64, signed: true };
export const INT32: DataType = { id: 'int', bitWidth: 32, signed: true };
export const FLOAT64: DataType = { id: 'float', bitWidth: 64 };
export const UTF8: DataType = { id: 'utf8' };

/** A nullable field of each name and type. */
export function schemaOf(columns: Readonly<Record<string, DataType>>): Schema {
  return makeSchema(Object.entries(columns).map(([name, type]) => makeField(name, type)));
}

/** A batch under `schema`; `columns` holds one list of values per field. */
export function batchOf(schema: Schema, columns: readonly (readonly (number | string | null)[])[]): RecordBatch {
  return {
    schema,
    rowCount: columns[0]?.length ?? 0,
    columns: schema.fields.map((field, i) => vectorOf(field, columns[i] ?? [])),
  };
}

function vectorOf(field: Field, values: readonly (number | string | null)[]): Vector {
  const validity = new Uint8Array(Math.ceil(values.length / 8));
  let nulls = 0;
  values.forEach((value, i) => {
    if (value === null) nulls++;
    else validity[i >> 3] = (validity[i >> 3] ?? 0) | (1 << (i & 7));
  });
  return makeVector(field.type, values.length, nulls === 0 ? undefined : validity, nulls, packed(field.type, values));
}

function packed(type: DataType, values: readonly (number | string | null)[]): Uint8Array[] {
  if (type.id === 'utf8') {
    const texts = values.map((value) => Buffer.from(value === null ? '' : String(value)));
    let end = 0;
    const ends = texts.map((text) => (end += text.byteLength));
    return [new Uint8Array(Int32Array.from([0, ...ends]).buffer), new Uint8Array(Buffer.concat(texts))];
  }
  const numbers = values.map((value) => Number(value ?? 0));
  if (type.id === 'float') return [new Uint8Array(Float64Array.from(numbers).buffer)];
  if (type.id === 'int' && type.bitWidth === 32) return [new Uint8Array(Int32Array.from(numbers).buffer)];
  return [new Uint8Array(BigInt64Array.from(numbers, (value) => BigInt(value)).buffer)];
}

/** All rows of a result as lists of values; int64 comes as bigint. */
export async function rowsOf(batches: AsyncIterable<ResultBatch | RecordBatch>): Promise<unknown[][]> {
  const rows: unknown[][] = [];
  for await (const each of batches) {
    const batch = 'columns' in each ? each : each.batch();
    const readers = batch.columns.map((column) => makeReader(column));
    for (let row = 0; row < batch.rowCount; row++) rows.push(readers.map((read) => read(row)));
  }
  return rows;
}
