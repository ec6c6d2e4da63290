/**
 * The file of an import: which format it has, and its schema and batches as they are read.
 *
 * Hides formats and file reading. Invariants: a file is read once, front to back, a piece at a time (Parquet: a row
 * group at a time); `--format` wins over the name's ending, and the ending over the first bytes.
 */
import type { RecordBatch } from '../arrow/batch.ts';
import type { Schema } from '../arrow/schema.ts';
import { EngineError } from '../base/errors.ts';
import { piecesOf, readFile, readPieces } from '../format/file-read.ts';
import type { CliHost, InputFile } from './host.ts';
import { UsageError } from './host.ts';

/** Formats that can be imported, as `--format` names them. */
export const INPUT_FORMATS = ['parquet', 'arrow', 'csv', 'ndjson'] as const;
export type InputFormat = (typeof INPUT_FORMATS)[number];

/** What the flags say about reading. */
export interface InputOptions {
  readonly format: InputFormat | undefined;
  /** CSV: the byte between fields; undefined lets the reader find out. */
  readonly delimiter: string | undefined;
  /** CSV: whether the first line names the columns; undefined lets the reader find out. */
  readonly header: boolean | undefined;
}

/** An input that is being read. */
export interface Input {
  readonly schema: Schema;
  readonly batches: AsyncIterable<RecordBatch>;
  /** Bytes of the file; undefined for standard input. */
  readonly totalBytes: number | undefined;
  /** Bytes of the file behind the batches that were yielded so far; an estimate for Parquet. */
  readBytes(rows: number): number;
}

const ENDINGS: Readonly<Record<string, InputFormat>> = {
  parquet: 'parquet',
  pq: 'parquet',
  arrow: 'arrow',
  arrows: 'arrow',
  feather: 'arrow',
  ipc: 'arrow',
  csv: 'csv',
  tsv: 'csv',
  ndjson: 'ndjson',
  jsonl: 'ndjson',
};

/** An input whose format is known and whose reading has not begun. */
export interface FoundInput {
  /**
   * Begins to read; `schema` is the table's that the rows go to, for formats without types. @throws what the format's
   * reader throws
   */
  read(schema: Schema | undefined): Promise<Input>;
  close(): Promise<void>;
}

/**
 * Finds `path`, or standard input for `-`, and its format.
 * @throws UsageError for a format that cannot be told or read so; `not_found`, `request_invalid`
 */
export async function findInput(host: CliHost, path: string, options: InputOptions): Promise<FoundInput> {
  if (path === '-') return standardInput(host, options);
  const file = await host.openFile(path);
  try {
    if (file.size === 0) {
      const remedy = 'pipe it in with - and --format';
      throw new EngineError('request_invalid', `${path} is empty, or not a regular file; ${remedy}`);
    }
    const format = options.format ?? formatOfName(path) ?? (await formatOfContent(file));
    const close = (): Promise<void> => file.close();
    if (format === 'parquet') return { read: () => readParquet(file), close };
    const reading = delimiterOf(path, options);
    return { read: (schema) => readCounted(path, piecesOf(file), file.size, format, reading, schema), close };
  } catch (error) {
    await file.close();
    throw error;
  }
}

function standardInput(host: CliHost, options: InputOptions): FoundInput {
  const { format } = options;
  if (format === undefined) {
    const choice = INPUT_FORMATS.filter((one) => one !== 'parquet').join(', ');
    throw new UsageError(`standard input has no name to tell its format; add --format (${choice})`);
  }
  if (format === 'parquet') {
    throw new UsageError('Parquet cannot be read from standard input, its footer is at its end; name a file');
  }
  return {
    read: (schema) => readCounted('standard input', host.stdin, undefined, format, options, schema),
    close: () => Promise.resolve(),
  };
}

async function readParquet(file: InputFile): Promise<Input> {
  const { schema, rowCount, batches } = await readFile(file, 'parquet');
  const readBytes = (rows: number): number =>
    rowCount === undefined || rowCount === 0 ? file.size : Math.round((rows / rowCount) * file.size);
  return { schema, batches, totalBytes: file.size, readBytes };
}

async function readCounted(
  name: string,
  pieces: AsyncIterable<Uint8Array>,
  totalBytes: number | undefined,
  format: Exclude<InputFormat, 'parquet'>,
  options: InputOptions,
  schema: Schema | undefined,
): Promise<Input> {
  const counter = new CountedBytes(pieces);
  const { delimiter, header } = options;
  const read = await readPieces(name, counter, format, {
    ...(schema === undefined ? {} : { schema }),
    ...(delimiter === undefined ? {} : { delimiter }),
    ...(header === undefined ? {} : { header }),
  });
  return { ...read, totalBytes, readBytes: () => counter.count };
}

function delimiterOf(path: string, options: InputOptions): InputOptions {
  const tabs = options.delimiter === undefined && path.toLowerCase().endsWith('.tsv');
  return tabs ? { ...options, delimiter: '\t' } : options;
}

function formatOfName(path: string): InputFormat | undefined {
  const ending = /\.([A-Za-z0-9]+)$/.exec(path)?.[1]?.toLowerCase();
  return ending === undefined ? undefined : ENDINGS[ending];
}

/** The format that the first bytes give away. */
async function formatOfContent(file: InputFile): Promise<InputFormat> {
  const head = Buffer.from(await file.read(Math.min(8, file.size), 0));
  const text = head.toString('latin1');
  if (text.startsWith('PAR1')) return 'parquet';
  if (text.startsWith('ARROW1') || head.subarray(0, 4).equals(Buffer.of(255, 255, 255, 255))) return 'arrow';
  if (text.startsWith('\x1f\x8b')) {
    throw new UsageError(
      `${file.name} is compressed by gzip; pipe it in: gzip -dc ${file.name} | sheaf import - --format …`,
    );
  }
  if (/^\s*\{/.test(text)) return 'ndjson';
  throw new UsageError(
    `neither name nor first bytes of ${file.name} tell its format; add --format (${INPUT_FORMATS.join(', ')})`,
  );
}

/** Passes pieces on and counts their bytes. */
class CountedBytes implements AsyncIterable<Uint8Array> {
  count = 0;
  readonly #pieces: AsyncIterable<Uint8Array>;

  constructor(pieces: AsyncIterable<Uint8Array>) {
    this.#pieces = pieces;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    for await (const piece of this.#pieces) {
      this.count += piece.byteLength;
      yield piece;
    }
  }
}
