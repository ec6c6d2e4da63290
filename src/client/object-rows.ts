/**
 * Plain objects to record batches and back: what programs have that do not speak Arrow.
 *
 *     to Arrow     a column's type is the table's where there is one; else it is that of the values of the first batch:
 *                  number DOUBLE, bigint BIGINT, string VARCHAR, boolean BOOLEAN, Uint8Array BLOB, Date TIMESTAMPTZ
 *     from Arrow   as arrow/value.ts has it, exact: BIGINT is a bigint, DECIMAL text, times are counts of their unit;
 *                  but structs are objects and maps are Maps
 *
 * Hides both. Invariant: nothing is rounded or guessed: a value that its column cannot hold is a `value_error` that
 * names row and column.
 */
import type { RecordBatch } from '../arrow/batch.ts';
import { makeBuilder } from '../arrow/build.ts';
import type { VectorBuilder } from '../arrow/build.ts';
import { makeField, makeSchema } from '../arrow/schema.ts';
import type { Field, Schema } from '../arrow/schema.ts';
import { childFields } from '../arrow/type.ts';
import type { DataType } from '../arrow/type.ts';
import { makeReader } from '../arrow/value.ts';
import type { Value } from '../arrow/value.ts';
import { EngineError } from '../base/errors.ts';
import { CLIENT_OBJECT_BYTES_MAX, CLIENT_OBJECT_ROWS_MAX } from '../base/limits.ts';

/** A row as an object; a property that is missing or undefined is null. */
export type ObjectRow = Readonly<Record<string, unknown>>;

const DAY_MS = 86_400_000;
const PER_SECOND = { second: 1, millisecond: 1_000, microsecond: 1_000_000, nanosecond: 1_000_000_000 } as const;

/** What is known of the columns that objects become. */
export interface KnownColumns {
  /** The table's, where there is one. */
  readonly table: Schema | undefined;
  /** Exactly those that must be sent, as in the batches before. */
  readonly sent?: Schema | undefined;
}

/** Schema and batches of `rows`, which are taken as they are needed. @throws `request_invalid`, `value_error` */
export async function batchesOfObjects(
  rows: AsyncIterator<ObjectRow>,
  { table, sent }: KnownColumns,
): Promise<{ readonly schema: Schema; readonly batches: AsyncIterable<RecordBatch> }> {
  const first = await takeRows(rows);
  const names = [...new Set(first.flatMap((row) => Object.keys(row)))];
  const schema =
    sent ?? (first.length === 0 ? table : makeSchema(names.map((name) => sentField(name, first, table))));
  if (schema === undefined) {
    throw new EngineError('request_invalid', 'there is no row, and so no columns; make the table first');
  }
  return { schema, batches: buildAll(schema, first, rows) };
}

async function* buildAll(
  schema: Schema,
  first: readonly ObjectRow[],
  rows: AsyncIterator<ObjectRow>,
): AsyncGenerator<RecordBatch> {
  let taken = 0;
  try {
    for (let chunk = first; chunk.length > 0; chunk = await takeRows(rows)) {
      yield* buildBatches(schema, chunk, taken);
      taken += chunk.length;
    }
  } finally {
    await rows.return?.();
  }
}

async function takeRows(rows: AsyncIterator<ObjectRow>): Promise<readonly ObjectRow[]> {
  const taken: ObjectRow[] = [];
  while (taken.length < CLIENT_OBJECT_ROWS_MAX) {
    const next = await rows.next();
    if (next.done === true) break;
    taken.push(next.value);
  }
  return taken;
}

/** The field that a column is sent as. @throws `value_error`, `schema_mismatch` */
function sentField(name: string, rows: readonly ObjectRow[], table: Schema | undefined): Field {
  const folded = name.toLowerCase();
  const known =
    table?.fields.find((field) => field.name === name) ??
    table?.fields.find((field) => field.name.toLowerCase() === folded);
  // A column that the table lacks is told by the server, with the nearest name.
  return known === undefined
    ? makeField(name, typeOfValues(name, rows))
    : { ...known, name, type: plainType(known.type) };
}

/** The layout in which values of a type are sent: the server takes any. */
function plainType(type: DataType): DataType {
  switch (type.id) {
    case 'utf8_view':
    case 'large_utf8':
      return { id: 'utf8' };
    case 'binary_view':
    case 'large_binary':
      return { id: 'binary' };
    case 'dictionary':
      return plainType(type.value);
    default:
      return type;
  }
}

function typeOfValues(name: string, rows: readonly ObjectRow[]): DataType {
  let found: DataType | undefined;
  for (const row of rows) {
    const value = row[name];
    if (value === null || value === undefined) continue;
    const type = typeOfValue(value);
    if (type === undefined || (found !== undefined && found.id !== type.id)) {
      const remedy = 'make the table first, with the types that you want, or ingest an Arrow table';
      throw new EngineError('value_error', `column "${name}" holds ${kindOf(value)} among other values; ${remedy}`);
    }
    found = type;
  }
  if (found !== undefined) return found;
  const message = `column "${name}" has only nulls in the first ${rows.length.toString()} rows, and so no type`;
  throw new EngineError('value_error', `${message}; make the table first`);
}

function typeOfValue(value: unknown): DataType | undefined {
  switch (typeof value) {
    case 'number':
      return { id: 'float', bitWidth: 64 };
    case 'bigint':
      return { id: 'int', bitWidth: 64, signed: true };
    case 'string':
      return { id: 'utf8' };
    case 'boolean':
      return { id: 'bool' };
    default:
      if (value instanceof Uint8Array) return { id: 'binary' };
      return value instanceof Date ? { id: 'timestamp', unit: 'millisecond', timezone: 'UTC' } : undefined;
  }
}

function kindOf(value: unknown): string {
  if (typeof value !== 'object' || value === null) return `a ${typeof value}`;
  return Array.isArray(value) ? 'an array' : `a ${value.constructor.name}`;
}

/** `start` is the number of rows before these, for messages. */
function* buildBatches(schema: Schema, rows: readonly ObjectRow[], start: number): Generator<RecordBatch> {
  const known = new Set(schema.fields.map(({ name }) => name));
  const builders = schema.fields.map(({ type }) => makeBuilder(type));
  let held = 0;
  const finish = (): RecordBatch => {
    const batch = { schema, rowCount: held, columns: builders.map((builder) => builder.finish()) };
    held = 0;
    return batch;
  };
  for (const [i, row] of rows.entries()) {
    const surplus = Object.keys(row).find((name) => !known.has(name));
    if (surplus !== undefined) {
      const message = `row ${(start + i + 1).toString()} has a column "${surplus}", which the first rows have not`;
      throw new EngineError(
        'schema_mismatch',
        `${message}; name all columns in the first row, or make the table first`,
      );
    }
    schema.fields.forEach(({ name }, column) => {
      appendValue(builders[column] as VectorBuilder, row[name], name, start + i);
    });
    held++;
    if (builders.reduce((sum, { byteCount }) => sum + byteCount, 0) >= CLIENT_OBJECT_BYTES_MAX) yield finish();
  }
  if (held > 0) yield finish();
}

function appendValue(builder: VectorBuilder, value: unknown, name: string, row: number): void {
  const sent = value instanceof Date ? momentOf(value, builder.type) : (value ?? null);
  try {
    builder.append(sent as Value);
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    const place = `row ${(row + 1).toString()}, column "${name}"`;
    throw new EngineError(error.code, `${place}: ${error.message}`, { cause: error });
  }
}

/** A Date in the unit of its column; where that is no time, as it is, to be refused. */
function momentOf(date: Date, type: DataType): unknown {
  if (type.id === 'date') return type.unit === 'day' ? Math.floor(date.getTime() / DAY_MS) : date.getTime();
  if (type.id !== 'timestamp') return date;
  const perSecond = PER_SECOND[type.unit];
  return (BigInt(date.getTime()) * BigInt(perSecond)) / 1_000n;
}

/** The rows of a batch as objects. */
export function* objectsOf(batch: RecordBatch): Generator<Record<string, unknown>> {
  const columns = batch.schema.fields.map(({ name, type }, i) => {
    const column = batch.columns[i];
    if (column === undefined) throw new Error(`the batch has no column ${i.toString()}`);
    const read = makeReader(column);
    const shape = shapeOf(type);
    return [name, shape === undefined ? read : (row: number) => shape(read(row))] as const;
  });
  for (let row = 0; row < batch.rowCount; row++) {
    const object: Record<string, unknown> = {};
    for (const [name, read] of columns) object[name] = read(row);
    yield object;
  }
}

type Shape = (value: Value) => unknown;

/** What makes objects of structs and Maps of maps within values of a type; undefined where there are none. */
function shapeOf(type: DataType): Shape | undefined {
  switch (type.id) {
    case 'struct': {
      const shapes = type.children.map((child) => shapeOf(child.type));
      return (value) =>
        value === null
          ? null
          : Object.fromEntries(
              (value as [string, Value][]).map(([name, part], i) => [name, shapes[i]?.(part) ?? part]),
            );
    }
    case 'map': {
      const [entries] = childFields(type);
      const [key, item] = (entries === undefined ? [] : childFields(entries.type)).map((field) =>
        shapeOf(field.type),
      );
      return (value) =>
        value === null
          ? null
          : new Map((value as [Value, Value][]).map(([k, v]) => [key?.(k) ?? k, item?.(v) ?? v] as const));
    }
    case 'list':
    case 'large_list':
    case 'fixed_list':
    case 'list_view':
    case 'large_list_view': {
      const [child] = childFields(type);
      const shape = child === undefined ? undefined : shapeOf(child.type);
      if (shape === undefined) return undefined;
      return (value) => (value === null ? null : (value as Value[]).map(shape));
    }
    case 'dictionary':
      return shapeOf(type.value);
    case 'run_end':
      return shapeOf(type.values.type);
    default:
      return undefined;
  }
}
