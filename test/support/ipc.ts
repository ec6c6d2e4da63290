/**
 * IPC bytes for tests: hand-made messages, streams in memory, pyarrow as the judge.
 *
 * Hides header encoding. Invariant: `rawMessage` writes what it is told, right or wrong.
 */
import { encodeBatchHeader } from '../../src/arrow/ipc-header.ts';
import { BatchReader } from '../../src/arrow/ipc-read.ts';
import { encodeResults, readStream, writeStream } from '../../src/arrow/ipc-stream.ts';
import { numberDictionaries } from '../../src/arrow/ipc-schema.ts';
import type { Message, RecordBatch } from '../../src/arrow/batch.ts';
import { makeField, makeSchema } from '../../src/arrow/schema.ts';
import type { Schema } from '../../src/arrow/schema.ts';
import type { DataType } from '../../src/arrow/type.ts';
import { concatBytes } from '../../src/base/bytes.ts';

/** A batch as it shall be on the wire. */
export interface RawBatch {
  readonly rows: number;
  /** [rows, nulls] per field, depth first. */
  readonly nodes: readonly (readonly [rows: number, nulls: number])[];
  readonly buffers: readonly Uint8Array[];
  readonly variadic?: readonly number[];
  /** Replaces the (offset, length) pairs that follow from `buffers`. */
  readonly places?: readonly (readonly [offset: number, length: number])[];
  /** What the header declares as body length; what it is unless given. */
  readonly bodyBytes?: number;
}

/** Lays out `buffers` at multiples of 8. */
export function rawMessage(raw: RawBatch): { readonly header: Uint8Array; readonly body: Uint8Array } {
  const parts: Uint8Array[] = [];
  const places: number[] = [];
  let at = 0;
  for (const buffer of raw.buffers) {
    places.push(at, buffer.byteLength);
    const padding = (8 - (buffer.byteLength % 8)) % 8;
    parts.push(buffer, new Uint8Array(padding));
    at += buffer.byteLength + padding;
  }
  const layout = {
    rowCount: raw.rows,
    nodes: raw.nodes.flat(),
    buffers: raw.places?.flat() ?? places,
    variadicCounts: raw.variadic ?? [],
  };
  return { header: encodeBatchHeader(layout, raw.bodyBytes ?? at), body: concatBytes(parts) };
}

/** Reads a hand-made batch of one column "c" as bytes from outside. */
export function readRaw(type: DataType, raw: RawBatch, nullable = true): RecordBatch | undefined {
  const schema = makeSchema([makeField('c', type, nullable)]);
  const { header, body } = rawMessage(raw);
  return new BatchReader(schema, { trusted: false }).read(header, body);
}

/** `bytes` in chunks of `size`. */
export async function* chunksOf(bytes: Uint8Array, size = bytes.byteLength || 1): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += size) yield await Promise.resolve(bytes.subarray(at, at + size));
}

/** Yields the elements of a list. */
export async function* asyncOf<T>(values: Iterable<T>): AsyncGenerator<T> {
  for (const value of values) yield await Promise.resolve(value);
}

/** All of an asynchronous sequence. */
export async function collect<T>(values: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const value of values) all.push(value);
  return all;
}

/** Reads a whole stream. */
export async function readAll(
  bytes: Uint8Array,
  chunkBytes?: number,
): Promise<{ readonly schema: Schema; readonly batches: RecordBatch[] }> {
  const stream = await readStream(chunksOf(bytes, chunkBytes));
  return { schema: stream.schema, batches: await collect(stream.batches) };
}

/** Writes batches as a stream; dictionaries are numbered. */
export async function streamBytes(schema: Schema, batches: Iterable<RecordBatch>): Promise<Uint8Array> {
  const numbered = numberDictionaries(schema);
  return concatBytes(await collect(writeStream(numbered, encodeResults(numbered, asyncOf(batches)))));
}

/** A message's body as one array. */
export function bodyOf(message: Message): Uint8Array {
  return concatBytes(message.body);
}

/** Little-endian memory of numbers. */
export function bytesOf(values: ArrayBufferView): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}
