/**
 * Record batches to the bytes of a file: one way out for all forms that COPY writes.
 *
 * Hides which writer a form has. Invariants: bytes come as the rows do, in bounded memory; without the last piece the
 * file is not whole.
 */
import { pipeline } from 'node:stream';
import { createGzip } from 'node:zlib';
import type { RecordBatch, ResultBatch } from '../arrow/batch.ts';
import { writeFile as writeArrowFile, writeStream } from '../arrow/ipc-stream.ts';
import type { Schema } from '../arrow/schema.ts';
import type { JsonForm } from './json-write.ts';
import { writeCsv } from './csv-write.ts';
import type { CsvWriteOptions } from './csv-write.ts';
import { writeNdjson } from './ndjson-write.ts';
import { writeParquet } from './parquet-write.ts';
import type { ParquetCompression } from './parquet-write.ts';

/** `arrows` is an Arrow stream, `arrow` an Arrow file. */
export type WrittenFormat = 'csv' | 'ndjson' | 'arrow' | 'arrows' | 'parquet';

export interface FileWriteOptions extends CsvWriteOptions {
  /** Text takes `none` and `gzip`; Parquet's default is snappy. */
  readonly compression?: ParquetCompression;
}

/** NaN and infinities are text, which reads back. */
const EXACT_JSON: JsonForm = { int64: 'number', nonfinite: 'string' };

/** Yields the file's bytes. @throws what the form's writer and the batches throw */
export function writeFile(
  schema: Schema,
  batches: AsyncIterable<ResultBatch>,
  format: WrittenFormat,
  options: FileWriteOptions = {},
): AsyncIterable<Uint8Array> {
  const { compression } = options;
  switch (format) {
    case 'csv':
      return zipped(writeCsv(schema, decoded(batches), options), compression);
    case 'ndjson':
      return zipped(writeNdjson(schema, decoded(batches), EXACT_JSON), compression);
    case 'arrows':
      return writeStream(schema, batches);
    case 'arrow':
      return writeArrowFile(schema, batches);
    case 'parquet':
      return writeParquet(schema, decoded(batches), compression);
  }
}

function zipped(pieces: AsyncIterable<Uint8Array>, compression: string | undefined): AsyncIterable<Uint8Array> {
  // Errors of the pieces reach the reader through the compressor, which pipeline destroys with them.
  return compression === 'gzip' ? pipeline(pieces, createGzip(), () => undefined) : pieces;
}

async function* decoded(batches: AsyncIterable<ResultBatch>): AsyncGenerator<RecordBatch> {
  for await (const batch of batches) yield batch.batch();
}
