/** STUB: H-arrow writes this. Schema messages: flatbuffer to Schema and back. */
import type { Message } from './batch.ts';
import type { Schema } from './schema.ts';

/** The Schema message of `schema` (body empty). Dictionary ids are written as the types have them. */
export function encodeSchema(_schema: Schema): Message {
  throw new Error('not written');
}
/** Reads a Schema message's header (no 8-byte prefix). Fully validated. @throws `request_invalid`, `limit_exceeded` */
export function decodeSchema(_header: Uint8Array): Schema {
  throw new Error('not written');
}
/** The 8 bytes (continuation marker, header length) that precede a message in streams, files and FlightInfo.schema. */
export function messagePrefix(_message: Message): Uint8Array {
  throw new Error('not written');
}
/** `schema` with dictionary ids renumbered 0, 1, 2 … in depth-first order, so that they are unique. */
export function numberDictionaries(_schema: Schema): Schema {
  throw new Error('not written');
}
