/**
 * Parquet files to record batches, row group by row group, by parquet-wasm.
 *
 * Hides the library, its WebAssembly memory, and that it wants a Blob: a file is given to it as an object with a
 * Blob's `size`, `slice` and `arrayBuffer`, so that only the footer and the column bytes of one row group are ever
 * read. Invariants: at most one row group's compressed bytes and about PARQUET_STEP_BYTES_MAX of decoded ones are
 * held at a time (a larger row group is read in steps of rows); batches are copies in JavaScript memory, decoded by
 * our own validating reader, so that nothing a file does to the library's memory reaches a table. Source: Apache
 * Parquet format, "File format"; parquet-wasm 0.8.0.
 */
import type * as Wasm from 'parquet-wasm';
import type { RecordBatch } from '../arrow/batch.ts';
import { readStream, once } from '../arrow/ipc-stream.ts';
import type { Schema } from '../arrow/schema.ts';
import { EngineError } from '../base/errors.ts';
import { BATCH_ROWS_MAX, PARQUET_FOOTER_BYTES_MAX, PARQUET_STEP_BYTES_MAX } from '../base/limits.ts';

/** A file that can be read at any place. Lengths and positions in bytes. */
export interface RandomAccess {
  /** For messages. */
  readonly name: string;
  readonly size: number;
  /** Reads exactly `length` bytes into new memory. */
  read(length: number, position: number): Promise<Uint8Array>;
}

/** An opened Parquet file. */
export interface ParquetInput {
  readonly schema: Schema;
  /** Rows that the footer promises. */
  readonly rowCount: number;
  /**
   * Yields every row once, in file order. @throws `request_invalid` naming the row group, and whatever the file's
   * `read` throws
   */
  readonly batches: AsyncIterable<RecordBatch>;
}

export type Library = typeof Wasm;

const MAGIC = 'PAR1';
const ENCRYPTED_MAGIC = 'PARE';
const TRAILER_BYTES = 8;

/**
 * Opens a Parquet file: checks its two magics, reads the footer and the schema.
 * @throws `request_invalid` when it is no Parquet file, is cut short, encrypted, or holds what cannot be decoded
 */
export async function openParquet(file: RandomAccess): Promise<ParquetInput> {
  await checkEnds(file);
  const library = await loadLibrary();
  const failure = new ReadFailure();
  const parquet = await guarded(file, failure, 'its footer cannot be read', async () =>
    library.ParquetFile.fromFile(new FileView(file, failure, 0, file.size) as unknown as Blob),
  );
  // Not the library's own schema: it reads views as plain text and bytes, and only what it reads says so.
  const { schema } = await guarded(file, failure, 'its schema cannot be read as Arrow', async () =>
    readStream(once((await parquet.read({ rowGroups: [] })).intoIPCStream())),
  );
  return {
    schema,
    rowCount: parquet.metadata().fileMetadata().numRows(),
    batches: readRowGroups(file, failure, parquet),
  };
}

/** Calls that wait for the library; each learns of its crash. */
const waiting = new Set<(crash: Error) => void>();
let library: Promise<Library> | undefined;
let crashed = false;

/** Loads the library when a Parquet file is first met: its WebAssembly costs some 50 ms and 5 MB. */
export async function loadLibrary(): Promise<Library> {
  if (crashed) {
    throw new EngineError(
      'io_error',
      'the Parquet reader crashed on an earlier file; restart the program to read others',
    );
  }
  library ??= importLibrary();
  return library;
}

async function importLibrary(): Promise<Library> {
  catchCrashes();
  try {
    return await import('parquet-wasm');
  } catch (error) {
    library = undefined;
    throw new EngineError('unimplemented', 'Parquet needs the npm package parquet-wasm, which is not installed', {
      cause: error,
    });
  }
}

/**
 * The library runs its tasks by the global queueMicrotask, and a panic (damaged column bytes) leaves them as an error
 * that nobody can catch, while the promise that we wait for stays open for ever. So the global is wrapped once: a
 * WebAssembly trap goes to the calls that wait, everything else on its old way.
 */
function catchCrashes(): void {
  const queue = globalThis.queueMicrotask;
  globalThis.queueMicrotask = (task) => {
    queue(() => {
      try {
        task();
      } catch (error) {
        const trap = error instanceof Error && error.name === 'RuntimeError';
        if (!trap || waiting.size === 0) throw error;
        crashed = true;
        for (const tell of waiting) tell(error);
      }
    });
  };
}

/** The cheap look at both ends of the file, whose messages are better than the library's. */
async function checkEnds(file: RandomAccess): Promise<void> {
  const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');
  if (file.size < MAGIC.length + TRAILER_BYTES) {
    throw refuse(file, `it has ${file.size.toString()} bytes, fewer than any Parquet file`);
  }
  const head = text(await file.read(MAGIC.length, 0));
  if (head !== MAGIC && head !== ENCRYPTED_MAGIC) throw refuse(file, `it does not begin with ${MAGIC}`);
  const trailer = Buffer.from(await file.read(TRAILER_BYTES, file.size - TRAILER_BYTES));
  const tail = text(trailer.subarray(4));
  if (head === ENCRYPTED_MAGIC || tail === ENCRYPTED_MAGIC) {
    throw new EngineError('request_invalid', `${file.name} is an encrypted Parquet file; decrypt it first`);
  }
  if (tail !== MAGIC) throw refuse(file, `it does not end with ${MAGIC}; is it complete?`);
  const footerBytes = trailer.readUInt32LE(0);
  if (footerBytes > file.size - MAGIC.length - TRAILER_BYTES || footerBytes > PARQUET_FOOTER_BYTES_MAX) {
    throw refuse(file, `its footer claims ${footerBytes.toString()} bytes, which cannot be`);
  }
}

async function* readRowGroups(
  file: RandomAccess,
  failure: ReadFailure,
  parquet: Wasm.ParquetFile,
): AsyncGenerator<RecordBatch> {
  // Decoded size per row, learned from a first step of one batch: the footer knows only encoded sizes, and a column of
  // repeated long strings decodes to a thousand times that.
  let measuredRowBytes: number | undefined;
  for (const [i, group] of parquet.metadata().rowGroups().entries()) {
    const rowCount = group.numRows();
    let offset = 0;
    while (offset < rowCount) {
      const rowBytes = Math.max(group.totalByteSize() / rowCount, measuredRowBytes ?? 0, 1);
      const stepRows = measuredRowBytes === undefined ? 0 : Math.floor(PARQUET_STEP_BYTES_MAX / rowBytes);
      const limit = Math.min(Math.max(BATCH_ROWS_MAX, stepRows), rowCount - offset);
      const options = { rowGroups: [i], batchSize: BATCH_ROWS_MAX, offset, limit };
      const table = await guarded(file, failure, `row group ${i.toString()} cannot be decoded`, async () =>
        parquet.read(options),
      );
      let stepBytes = 0;
      for await (const taken of copyBatches(file, failure, table, i)) {
        stepBytes += taken.byteCount;
        yield taken.batch;
      }
      measuredRowBytes = Math.max(measuredRowBytes ?? 0, stepBytes / limit);
      offset += limit;
    }
  }
}

/** Copies a table out of WebAssembly memory, batch by batch, and frees it. */
async function* copyBatches(
  file: RandomAccess,
  failure: ReadFailure,
  table: Wasm.Table,
  rowGroup: number,
): AsyncGenerator<{ readonly batch: RecordBatch; readonly byteCount: number }> {
  const batches = table.recordBatches();
  table.free();
  const what = `row group ${rowGroup.toString()} cannot be taken over`;
  for (const taken of batches) {
    const bytes = taken.intoIPCStream();
    const stream = await guarded(file, failure, what, async () => readStream(once(bytes)));
    let byteCount = bytes.byteLength;
    for await (const batch of stream.batches) {
      yield { batch, byteCount };
      byteCount = 0;
    }
  }
}

/** Remembers what reading the file threw, because the library replaces it by a text of its own. */
class ReadFailure {
  error: unknown = undefined;
}

/** The part of Blob that the library uses, over a range of the file. */
class FileView {
  readonly size: number;
  readonly #file: RandomAccess;
  readonly #failure: ReadFailure;
  readonly #start: number;

  constructor(file: RandomAccess, failure: ReadFailure, start: number, end: number) {
    this.#file = file;
    this.#failure = failure;
    this.#start = start;
    this.size = Math.max(0, end - start);
  }

  slice(start: number, end: number): FileView {
    const last = this.#start + Math.min(end, this.size);
    return new FileView(this.#file, this.#failure, this.#start + start, last);
  }

  async arrayBuffer(): Promise<ArrayBufferLike> {
    try {
      const bytes = await this.#file.read(this.size, this.#start);
      const whole = bytes.byteOffset === 0 && bytes.byteLength === bytes.buffer.byteLength;
      return whole ? bytes.buffer : bytes.slice().buffer;
    } catch (error) {
      this.#failure.error = error;
      throw error;
    }
  }
}

/** Runs one call of the library; what it throws is told as this file's fault, unless reading the file itself failed. */
async function guarded<T>(
  file: RandomAccess,
  failure: ReadFailure,
  what: string,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await untilCrash(work);
  } catch (error) {
    if (failure.error instanceof Error) throw failure.error;
    if (error instanceof EngineError) {
      throw new EngineError(error.code, `${file.name}: ${what}: ${error.message}`, { cause: error });
    }
    const reason = crashed ? 'its bytes are damaged' : error instanceof Error ? error.message : String(error);
    throw new EngineError('request_invalid', `${file.name}: ${what}: ${reason}`, { cause: error });
  }
}

/** Waits for the library, or for the crash after which it never answers. */
export async function untilCrash<T>(work: () => Promise<T>): Promise<T> {
  let tell: (crash: Error) => void = () => undefined;
  const crash = new Promise<never>((_, reject) => {
    tell = reject;
  });
  waiting.add(tell);
  try {
    return await Promise.race([work(), crash]);
  } finally {
    waiting.delete(tell);
  }
}

function refuse(file: RandomAccess, reason: string): EngineError {
  return new EngineError('request_invalid', `${file.name} is not a Parquet file: ${reason}`);
}
