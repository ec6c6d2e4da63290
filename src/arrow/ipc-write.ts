/** STUB: H-arrow writes this. Vectors to record and dictionary batch messages, slices included. */
import type { Message, RecordBatch } from './batch.ts';
import type { Schema } from './schema.ts';

/** Half-open range of rows of one batch. */
export interface RowRange {
  readonly start: number;
  readonly end: number;
}

/** Cuts `batch` into ranges of at most `rowsMax` rows and, unless a single row is larger, `bytesMax` body bytes. No rows: one empty range. */
export function cutRanges(_batch: RecordBatch, _rowsMax: number, _bytesMax: number): RowRange[] {
  throw new Error('not written');
}

/**
 * The record batch message of rows [start, end) of `batch`. Body parts are views on the batch's buffers where that is possible
 * without shifting bits or offsets, new memory otherwise; each buffer is padded to 64 bytes. Bytes beyond a buffer's meaning
 * (padding, bits past the last row) are zero. View types: data buffers are compacted to what the rows use.
 */
export function encodeBatch(_batch: RecordBatch, _range?: RowRange): Message {
  throw new Error('not written');
}

/**
 * Makes the dictionary messages that a stream needs before each batch: remembers what was sent; sends nothing when a
 * dictionary is the same, a delta when the old one is a prefix of it, the whole otherwise. Nested dictionaries come first.
 */
export class DictionaryWriter {
  constructor(_schema: Schema) {}
  messages(_batch: RecordBatch): Message[] {
    throw new Error('not written');
  }
  /** What `messages` would have to do for this batch, without doing it. */
  change(_batch: RecordBatch): 'none' | 'delta' | 'replace' {
    throw new Error('not written');
  }
}
