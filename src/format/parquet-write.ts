/**
 * Record batches to a Parquet file, by parquet-wasm.
 *
 * Hides the library and its WebAssembly memory. Invariants: a row group is encoded while its batches come and leaves
 * when it is full, so memory is bounded by one; the schema stands in the file as Arrow's own too, so that Arrow readers
 * get the very types back. Source: Apache Parquet format; parquet-wasm 0.8.0.
 */
import type { RecordBatch } from '../arrow/batch.ts';
import { encodeResults, writeStream } from '../arrow/ipc-stream.ts';
import { numberDictionaries } from '../arrow/ipc-schema.ts';
import type { Schema } from '../arrow/schema.ts';
import { emptyVector } from '../arrow/slice.ts';
import { childFields, typeName } from '../arrow/type.ts';
import type { DataType } from '../arrow/type.ts';
import { concatBytes } from '../base/bytes.ts';
import { EngineError } from '../base/errors.ts';
import { PARQUET_GROUP_BYTES, PARQUET_GROUP_ROWS } from '../base/limits.ts';
import { loadLibrary, untilCrash } from './parquet.ts';
import type { Library } from './parquet.ts';

/** How the columns of a Parquet file are compressed. */
export type ParquetCompression = 'none' | 'gzip' | 'snappy' | 'zstd' | 'lz4_raw' | 'brotli';

/** Yields the file's bytes. @throws `unimplemented` for a type that the library does not write */
export async function* writeParquet(
  schema: Schema,
  batches: AsyncIterable<RecordBatch>,
  compression: ParquetCompression = 'snappy',
): AsyncGenerator<Uint8Array> {
  for (const field of schema.fields) {
    if (isWritable(field.type)) continue;
    const what = `column "${field.name}" is ${typeName(field.type)}, which cannot be written as Parquet here`;
    throw new EngineError('unimplemented', `${what}; cast it to VARCHAR, or write Arrow`);
  }
  const library = await loadLibrary();
  const numbered = numberDictionaries(schema);
  const source = new Source(library, numbered, batches);
  let file: ReadableStream<Uint8Array>;
  try {
    const properties = propertiesOf(library, compression);
    const pieces = ReadableStream.from(source.pieces());
    file = (await untilCrash(() => library.transformParquetStream(pieces, properties))) as ReadableStream<Uint8Array>;
  } catch (error) {
    throw source.failure ?? refused(error);
  }
  const reader = file.getReader();
  try {
    for (;;) {
      const next = await untilCrash(() => reader.read()).catch((error: unknown) => {
        throw source.failure ?? refused(error);
      });
      // The library ends the file where its source fails, as if all had come.
      if (source.failure !== undefined) throw source.failure;
      if (next.done) return;
      yield next.value;
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

/** What the library does not write it leaves out in silence, writes wrongly, or dies of. */
function isWritable(type: DataType): boolean {
  switch (type.id) {
    case 'decimal':
      return type.bitWidth <= 128;
    case 'interval':
      return type.unit !== 'month_day_nano';
    case 'dictionary':
    case 'run_end':
    case 'union':
      return false;
    default:
      return childFields(type).every((field) => isWritable(field.type));
  }
}

function propertiesOf(library: Library, compression: ParquetCompression) {
  const { Compression, WriterPropertiesBuilder } = library;
  const codes = {
    none: Compression.UNCOMPRESSED,
    gzip: Compression.GZIP,
    snappy: Compression.SNAPPY,
    zstd: Compression.ZSTD,
    lz4_raw: Compression.LZ4_RAW,
    brotli: Compression.BROTLI,
  };
  return new WriterPropertiesBuilder()
    .setCompression(codes[compression])
    .setMaxRowGroupSize(PARQUET_GROUP_ROWS)
    .setMaxRowGroupBytes(PARQUET_GROUP_BYTES)
    .build();
}

function refused(error: unknown): EngineError {
  const reason = error instanceof Error ? error.message : String(error);
  const remedy = 'cast columns of unusual types, or write Arrow';
  return new EngineError('unimplemented', `these rows cannot be written as Parquet: ${reason}; ${remedy}`, {
    cause: error,
  });
}

/** The batches in the library's memory, one at a time. */
class Source {
  failure: Error | undefined;
  readonly #library: Library;
  readonly #schema: Schema;
  readonly #batches: AsyncIterable<RecordBatch>;

  constructor(library: Library, schema: Schema, batches: AsyncIterable<RecordBatch>) {
    this.#library = library;
    this.#schema = schema;
    this.#batches = batches;
  }

  async *pieces(): AsyncGenerator<unknown> {
    try {
      let count = 0;
      for await (const batch of this.#batches) {
        count++;
        yield* await this.#inLibrary([batch]);
      }
      // The library takes the schema from the first batch.
      if (count === 0) yield* await this.#inLibrary([emptyBatch(this.#schema)]);
    } catch (error) {
      this.failure = error instanceof Error ? error : new Error(String(error));
      throw error;
    }
  }

  async #inLibrary(batches: readonly RecordBatch[]): Promise<readonly unknown[]> {
    const parts: Uint8Array[] = [];
    for await (const part of writeStream(this.#schema, encodeResults(this.#schema, each(batches)))) parts.push(part);
    try {
      return this.#library.Table.fromIPCStream(concatBytes(parts)).recordBatches();
    } catch (error) {
      throw refused(error);
    }
  }
}

function emptyBatch(schema: Schema): RecordBatch {
  return { schema, rowCount: 0, columns: schema.fields.map(({ type }) => emptyVector(type)) };
}

async function* each<T>(values: readonly T[]): AsyncGenerator<T> {
  for (const value of values) yield await Promise.resolve(value);
}
