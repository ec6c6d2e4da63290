/**
 * Files to record batches: one way in for all forms.
 *
 * Hides which reader a form has. Invariants: a file is read once, front to back, a piece at a time (Parquet: a row
 * group at a time); messages about it begin with its name.
 */
import { createGunzip } from 'node:zlib';
import { pipeline } from 'node:stream';
import type { RecordBatch } from '../arrow/batch.ts';
import { readStream } from '../arrow/ipc-stream.ts';
import type { Schema } from '../arrow/schema.ts';
import { EngineError } from '../base/errors.ts';
import { FILE_READ_BYTES } from '../base/limits.ts';
import { readCsv } from './csv-read.ts';
import type { CsvReadOptions } from './csv-read.ts';
import { readNdjson } from './ndjson-read.ts';
import { openParquet } from './parquet.ts';
import type { RandomAccess } from './parquet.ts';

/** Forms of files that are read. */
export type FileFormat = 'parquet' | 'arrow' | 'csv' | 'ndjson';

/** Options of CSV, and the schema that NDJSON takes too. */
export interface FileReadOptions extends CsvReadOptions {
  /** The bytes are compressed by gzip; never so for Parquet. */
  readonly gzip?: boolean;
}

/** A file that is being read. */
export interface FileInput {
  readonly schema: Schema;
  /** Yields all rows once. @throws what the form's reader throws, with the file's name */
  readonly batches: AsyncIterable<RecordBatch>;
}

/** Begins to read a file; its rows are known beforehand for Parquet. @throws as the form's reader, with the file's name */
export async function readFile(
  file: RandomAccess,
  format: FileFormat,
  options: FileReadOptions = {},
): Promise<FileInput & { readonly rowCount?: number }> {
  return format === 'parquet' ? openParquet(file) : readPieces(file.name, piecesOf(file), format, options);
}

/** Begins to read bytes that come one after another. @throws as `readFile` */
export async function readPieces(
  name: string,
  pieces: AsyncIterable<Uint8Array>,
  format: Exclude<FileFormat, 'parquet'>,
  options: FileReadOptions = {},
): Promise<FileInput> {
  try {
    const { schema, batches } = await readerOf(format, options)(options.gzip === true ? unzipped(pieces) : pieces);
    return { schema, batches: namingErrors(name, batches) };
  } catch (error) {
    throw named(name, error);
  }
}

/** The file's bytes, front to back. */
export async function* piecesOf(file: RandomAccess): AsyncGenerator<Uint8Array> {
  for (let position = 0; position < file.size; position += FILE_READ_BYTES) {
    yield await file.read(Math.min(FILE_READ_BYTES, file.size - position), position);
  }
}

async function* unzipped(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* pipeline(pieces, createGunzip(), () => undefined) as AsyncIterable<Uint8Array>;
  } catch (error) {
    const isZip = error instanceof Error && 'code' in error && String(error.code).startsWith('Z_');
    if (!isZip) throw error;
    throw new EngineError('request_invalid', `it does not decompress as gzip: ${error.message}`, { cause: error });
  }
}

function readerOf(
  format: Exclude<FileFormat, 'parquet'>,
  options: FileReadOptions,
): (pieces: AsyncIterable<Uint8Array>) => Promise<FileInput> {
  switch (format) {
    case 'arrow':
      return readStream;
    case 'csv':
      return (pieces) => readCsv(pieces, options);
    case 'ndjson':
      return (pieces) => readNdjson(pieces, options.schema === undefined ? {} : { schema: options.schema });
  }
}

/** Puts the file's name before the messages of the reader, which knows only bytes. */
async function* namingErrors(name: string, batches: AsyncIterable<RecordBatch>): AsyncGenerator<RecordBatch> {
  const iterator = batches[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await iterator.next().catch((error: unknown) => {
        throw named(name, error);
      });
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    await iterator.return?.();
  }
}

function named(name: string, error: unknown): unknown {
  if (!(error instanceof EngineError) || error.message.startsWith(name)) return error;
  return new EngineError(error.code, `${name}: ${error.message}`, { cause: error });
}
