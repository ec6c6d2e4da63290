/**
 * What the rows that were there read as in columns that were added to a table: one value each, kept in the catalog,
 * repeated where older segments lack the column. (What new rows get is kept as SQL text: definition.ts.)
 *
 * Hides how they are kept: an Arrow IPC stream of one row, whose fields are named by field ids; nothing when there are
 * none. Invariant: such a value never changes once its column is there, since rows that were written before have no
 * other value.
 */
import { BatchReader } from '../arrow/ipc-read.ts';
import { decodeSchema, encodeSchema, messagePrefix } from '../arrow/ipc-schema.ts';
import { encodeBatch } from '../arrow/ipc-write.ts';
import { repeatVector } from '../arrow/concat.ts';
import { nullVector } from '../arrow/null-vector.ts';
import { makeField, makeSchema } from '../arrow/schema.ts';
import type { DataType } from '../arrow/type.ts';
import type { Vector } from '../arrow/vector.ts';
import { present } from '../base/assert.ts';
import { concatBytes } from '../base/bytes.ts';
import { EngineError } from '../base/errors.ts';
import { hasDictionaries } from './dictionaries.ts';

const PREFIX_BYTES = 8;
/** Continuation marker and a length of zero. */
const END_OF_STREAM = Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0);

/** The stream of one row that keeps `defaults`; empty without any. @throws `unimplemented` for dictionary types */
export function encodeDefaults(defaults: ReadonlyMap<number, Vector>): Uint8Array {
  if (defaults.size === 0) return new Uint8Array(0);
  const schema = makeSchema([...defaults].map(([id, value]) => makeField(id.toString(), value.type)));
  if (hasDictionaries(schema)) {
    throw new EngineError('unimplemented', 'a column of a dictionary type cannot have a default; leave it out');
  }
  const head = encodeSchema(schema);
  const batch = encodeBatch({ schema, rowCount: 1, columns: [...defaults.values()] });
  return concatBytes([
    messagePrefix(head),
    head.header,
    messagePrefix(batch),
    batch.header,
    ...batch.body,
    END_OF_STREAM,
  ]);
}

/** Reads what `encodeDefaults` made. @throws `request_invalid` when it is damaged */
export function decodeDefaults(bytes: Uint8Array): ReadonlyMap<number, Vector> {
  const defaults = new Map<number, Vector>();
  if (bytes.byteLength === 0) return defaults;
  const first = headerAt(bytes, 0);
  const schema = decodeSchema(first);
  const start = PREFIX_BYTES + first.byteLength;
  const second = headerAt(bytes, start);
  const body = bytes.subarray(start + PREFIX_BYTES + second.byteLength, bytes.byteLength - END_OF_STREAM.byteLength);
  const batch = present(new BatchReader(schema, { trusted: true }).read(second, body), 'the row of defaults');
  schema.fields.forEach((field, i) => {
    defaults.set(Number(field.name), present(batch.columns[i], 'default'));
  });
  return defaults;
}

function headerAt(bytes: Uint8Array, start: number): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const from = start + PREFIX_BYTES;
  return bytes.subarray(from, from + view.getInt32(start + 4, true));
}

/** `length` rows of a column that a segment lacks: its default, or nulls. Cost: linear in the bytes. */
export function missingColumn(type: DataType, value: Vector | undefined, length: number): Vector {
  return value === undefined ? nullVector(type, length) : repeatVector(value, length);
}
