/** STUB: H-arrow writes this. Record and dictionary batch messages to vectors, validated. */
import type { RecordBatch } from './batch.ts';
import type { Schema } from './schema.ts';

/**
 * Reads the messages that follow a schema, in stream order, and keeps the dictionaries they bring. With `trusted` (bytes that
 * we wrote and whose checksum holds) only bounds are checked; otherwise everything of STORAGE 6 "Wire" is.
 */
export class BatchReader {
  readonly schema: Schema;
  constructor(schema: Schema, _options: { readonly trusted: boolean }) {
    this.schema = schema;
  }
  /** Takes one message: a record batch returns a batch of views on `body` (or on new memory when it was compressed), a dictionary undefined. @throws `request_invalid`, `limit_exceeded` */
  read(_header: Uint8Array, _body: Uint8Array): RecordBatch | undefined {
    throw new Error('not written');
  }
  /** Throws unless every dictionary that the schema needs was there. Call at the end of a stream with batches. */
}
