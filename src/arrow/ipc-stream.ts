/** STUB: H-arrow writes this. IPC streams and files as byte sequences. */
import type { RecordBatch, ResultBatch } from './batch.ts';
import type { Schema } from './schema.ts';

/** A stream read from outside: its schema, then its batches as they come, each validated. */
export interface IncomingStream {
  readonly schema: Schema;
  readonly batches: AsyncIterable<RecordBatch>;
}
/** Reads an IPC stream, or a file (`ARROW1`, read as its embedded stream), from chunks of any size; holds one message at a time. An empty input is `request_invalid`. */
export function readStream(_chunks: AsyncIterable<Uint8Array>): Promise<IncomingStream> {
  throw new Error('not written');
}
/** Yields the bytes of an IPC stream: schema, batches with their dictionaries, end-of-stream. */
export function writeStream(_schema: Schema, _batches: AsyncIterable<ResultBatch>): AsyncGenerator<Uint8Array> {
  throw new Error('not written');
}
/** Wraps computed batches as result batches that encode when asked, dictionaries included; cuts those above the batch limits. */
export function encodeResults(_schema: Schema, _batches: AsyncIterable<RecordBatch>): AsyncGenerator<ResultBatch> {
  throw new Error('not written');
}
/** `ARROW1` and padding, 8 bytes. */
export const FILE_MAGIC = new Uint8Array([65, 82, 82, 79, 87, 49, 0, 0]);
/** Where a message lies in a file: offset of its prefix, length of prefix and header, length of body. */
export interface FileBlock {
  readonly offset: number;
  readonly headerLength: number;
  readonly bodyLength: number;
}
/** The bytes that end a file: end-of-stream, footer flatbuffer, its length, `ARROW1`. `metadata` becomes the footer's custom metadata. */
export function encodeFileEnd(
  _schema: Schema,
  _dictionaries: readonly FileBlock[],
  _batches: readonly FileBlock[],
  _metadata: readonly (readonly [string, string])[],
): Uint8Array {
  throw new Error('not written');
}
export interface FileFooter {
  readonly schema: Schema;
  readonly dictionaries: readonly FileBlock[];
  readonly batches: readonly FileBlock[];
  readonly metadata: readonly (readonly [string, string])[];
}
/** Reads the footer that ends `file` (validated). @throws `corrupt` */
export function decodeFileEnd(_tail: Uint8Array, _fileLength: number): FileFooter {
  throw new Error('not written');
}
