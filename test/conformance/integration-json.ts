/**
 * The JSON of Apache Arrow's integration tests as a schema and rows of values, to hold what a server gives back
 * against.
 *
 * Hides the form: buffers as arrays, 64-bit numbers as text, bytes in hexadecimal. Invariants: values are those that
 * arrow/value.ts gives; nothing is rounded but floats to their width. Source: Arrow documentation, "Integration
 * testing", "JSON test data format".
 */
import { gunzipSync } from 'node:zlib';
import { decimalText } from '../../src/arrow/value.ts';
import type { Value } from '../../src/arrow/value.ts';
import type { Schema } from '../../src/arrow/schema.ts';
import type { DataType } from '../../src/arrow/type.ts';
import { schemaOfJson } from './integration-schema.ts';
import type { JsonSchema } from './integration-schema.ts';

type Scalar = number | string | boolean | Readonly<Record<string, number | string>>;

interface View {
  readonly SIZE: number;
  readonly INLINED?: string;
  readonly BUFFER_INDEX: number;
  readonly OFFSET: number;
}

interface Column {
  readonly count: number;
  readonly VALIDITY?: readonly number[];
  readonly DATA?: readonly Scalar[];
  readonly OFFSET?: readonly (number | string)[];
  readonly SIZE?: readonly (number | string)[];
  readonly TYPE_ID?: readonly number[];
  readonly VIEWS?: readonly View[];
  readonly VARIADIC_DATA_BUFFERS?: readonly string[];
  readonly children?: readonly Column[];
}

interface JsonFile {
  readonly schema: JsonSchema;
  readonly dictionaries?: readonly {
    readonly id: number;
    readonly data: { readonly columns: readonly Column[] };
  }[];
  readonly batches: readonly { readonly count: number; readonly columns: readonly Column[] }[];
}

type Dictionaries = ReadonlyMap<bigint, Column>;
type Reader = (row: number) => Value;

/** A file's content; `batches[i][c][r]` is the value of a row of a column of a batch. */
export interface IntegrationData {
  readonly schema: Schema;
  readonly batches: readonly (readonly (readonly Value[])[])[];
}

/** Reads a `.json.gz`. */
export function readIntegrationJson(gzipped: Uint8Array): IntegrationData {
  // Numbers that JavaScript would round become text.
  const text = gunzipSync(gzipped)
    .toString()
    .replaceAll(/(?<=[:[,]\s*)-?\d{16,}(?=\s*[,\]}])/g, '"$&"');
  const file = JSON.parse(text) as JsonFile;
  const schema = schemaOfJson(file.schema);
  const dictionaries = new Map(
    (file.dictionaries ?? []).map(({ id, data }) => [BigInt(id), present(data.columns[0])]),
  );
  const batches = file.batches.map(({ columns }) =>
    schema.fields.map(({ type }, i) => valuesOf(type, present(columns[i]), dictionaries)),
  );
  return { schema, batches };
}

function present<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('the integration JSON lacks a part that its schema asks for');
  return value;
}

function valuesOf(type: DataType, column: Column, dictionaries: Dictionaries): Value[] {
  const read = readerOf(type, column, dictionaries);
  return Array.from({ length: column.count }, (_, row) => read(row));
}

function readerOf(type: DataType, column: Column, dictionaries: Dictionaries): Reader {
  const read = contentReader(type, column, dictionaries);
  if (type.id === 'null' || type.id === 'union' || type.id === 'run_end') return read;
  const validity = present(column.VALIDITY);
  return (row) => (validity[row] === 1 ? read(row) : null);
}

const bytesOf = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, 'hex'));

function contentReader(type: DataType, column: Column, dictionaries: Dictionaries): Reader {
  const data = (row: number): Scalar => present(column.DATA?.[row]);
  switch (type.id) {
    case 'null':
      return () => null;
    case 'bool':
      return (row) => Boolean(data(row));
    case 'int':
      return type.bitWidth === 64 ? (row) => BigInt(data(row) as string) : (row) => Number(data(row));
    case 'float':
      return type.bitWidth === 32 ? (row) => Math.fround(Number(data(row))) : (row) => Number(data(row));
    case 'decimal':
      return (row) => decimalText(BigInt(data(row) as string), type.scale);
    case 'date':
      return type.unit === 'day' ? (row) => Number(data(row)) : (row) => BigInt(data(row) as string);
    case 'time':
      return type.bitWidth === 32 ? (row) => Number(data(row)) : (row) => BigInt(data(row) as string);
    case 'timestamp':
    case 'duration':
      return (row) => BigInt(data(row) as string);
    case 'interval':
      return (row) => intervalOf(data(row));
    case 'utf8':
    case 'large_utf8':
      return data;
    case 'binary':
    case 'large_binary':
    case 'fixed_binary':
      return (row) => bytesOf(data(row) as string);
    case 'utf8_view':
    case 'binary_view':
      return viewReader(column, type.id === 'utf8_view');
    case 'dictionary': {
      const read = readerOf(type.value, present(dictionaries.get(type.dictionaryId)), dictionaries);
      return (row) => read(Number(data(row)));
    }
    default:
      return nestedReader(type, column, dictionaries);
  }
}

function intervalOf(value: Scalar): Value {
  if (typeof value !== 'object') return { months: Number(value) };
  const { months, days, milliseconds, nanoseconds } = value;
  if (nanoseconds === undefined) return { days: Number(days), milliseconds: Number(milliseconds) };
  return { months: Number(months), days: Number(days), nanoseconds: BigInt(nanoseconds) };
}

function viewReader({ VIEWS: views, VARIADIC_DATA_BUFFERS: buffers }: Column, isText: boolean): Reader {
  return (row) => {
    const { INLINED: inlined, SIZE: size, BUFFER_INDEX: buffer, OFFSET: offset } = present(views?.[row]);
    if (inlined !== undefined) return isText ? inlined : bytesOf(inlined);
    const bytes = bytesOf(present(buffers?.[buffer])).subarray(offset, offset + size);
    return isText ? Buffer.from(bytes).toString() : bytes;
  };
}

type NestedId =
  'list' | 'large_list' | 'list_view' | 'large_list_view' | 'fixed_list' | 'struct' | 'map' | 'union' | 'run_end';

function nestedReader(
  type: Extract<DataType, { readonly id: NestedId }>,
  column: Column,
  dictionaries: Dictionaries,
): Reader {
  const child = (index: number): Column => present(column.children?.[index]);
  const offset = (row: number): number => Number(present(column.OFFSET?.[row]));
  const between = (read: Reader, start: number, end: number): Value[] =>
    Array.from({ length: end - start }, (_, i) => read(start + i));
  switch (type.id) {
    case 'list':
    case 'large_list': {
      const read = readerOf(type.child.type, child(0), dictionaries);
      return (row) => between(read, offset(row), offset(row + 1));
    }
    case 'list_view':
    case 'large_list_view': {
      const read = readerOf(type.child.type, child(0), dictionaries);
      return (row) => between(read, offset(row), offset(row) + Number(present(column.SIZE?.[row])));
    }
    case 'fixed_list': {
      const read = readerOf(type.child.type, child(0), dictionaries);
      return (row) => between(read, row * type.listSize, (row + 1) * type.listSize);
    }
    case 'struct': {
      const parts = type.children.map(
        ({ name, type: part }, i) => [name, readerOf(part, child(i), dictionaries)] as const,
      );
      return (row) => parts.map(([name, read]) => [name, read(row)]);
    }
    case 'map': {
      const entries = child(0);
      const pair = type.child.type.id === 'struct' ? type.child.type.children : [];
      const [key, value] = pair.map((part, i) => readerOf(part.type, present(entries.children?.[i]), dictionaries));
      return (row) => between((i) => [present(key)(i), present(value)(i)], offset(row), offset(row + 1));
    }
    case 'union': {
      const readers = type.children.map((part, i) => readerOf(part.type, child(i), dictionaries));
      return (row) => {
        const read = present(readers[type.typeIds.indexOf(present(column.TYPE_ID?.[row]))]);
        return read(type.mode === 'dense' ? offset(row) : row);
      };
    }
    case 'run_end': {
      const ends = valuesOf(type.runEnds.type, child(0), dictionaries).map(Number);
      const read = readerOf(type.values.type, child(1), dictionaries);
      return (row) => read(ends.findIndex((end) => end > row));
    }
  }
}
