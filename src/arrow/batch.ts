/**
 * Record batches, and record batches as messages.
 *
 * Hides whether a batch was computed or lies on disk. Invariants: all columns have `rowCount` rows; a message's
 * header and body are exactly what Flight's data_header and data_body carry.
 */
import type { Schema } from './schema.ts';
import type { Vector } from './vector.ts';

/** Equal-length columns under a schema. */
export interface RecordBatch {
  readonly schema: Schema;
  readonly rowCount: number;
  readonly columns: readonly Vector[];
}

/**
 * An IPC message without its 8-byte prefix: `header` is the Message flatbuffer (padded so that prefix + header is a
 * multiple of 8), `body` the concatenation of the parts, a multiple of 8 bytes in all. Parts may be views on a map:
 * never write to them.
 */
export interface Message {
  readonly header: Uint8Array;
  readonly body: readonly Uint8Array[];
  readonly bodyBytes: number;
}

/**
 * One batch of a query's result on its way to a door. A stored batch gives its bytes as they lie on disk and decodes
 * only when asked; a computed one encodes only when asked. `dictionaries` are the dictionary messages that must
 * precede this batch in a stream (whole or delta), empty when the ones sent before still hold.
 */
export interface ResultBatch {
  readonly rowCount: number;
  dictionaries(): readonly Message[];
  message(): Message;
  batch(): RecordBatch;
}
