/** Byte and batch streams for the format tests. */
import type { RecordBatch } from '../../src/arrow/batch.ts';

/** Yields the items of a list. */
export async function* streamOf<T>(items: Iterable<T>): AsyncGenerator<T> {
  await Promise.resolve();
  yield* items;
}

/** Yields a text's bytes in pieces of `size`. */
export function bytesOf(text: string | Uint8Array, size = 65_536): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text);
  const pieces: Uint8Array[] = [];
  // Readers may keep no reference to a piece, so each is memory of its own.
  for (let at = 0; at < bytes.byteLength; at += size) pieces.push(new Uint8Array(bytes.subarray(at, at + size)));
  return streamOf(pieces);
}

/** All bytes as text. */
export async function textFrom(pieces: AsyncIterable<Uint8Array>): Promise<string> {
  const all: Uint8Array[] = [];
  for await (const piece of pieces) all.push(piece);
  return Buffer.concat(all).toString();
}

/** All items as a list. */
export async function listFrom<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

/** One batch of columns under their own schema. */
export function streamOfBatch(batch: RecordBatch): AsyncGenerator<RecordBatch> {
  return streamOf([batch]);
}
