/**
 * COPY: rows of a file into a table, and of a query into a file.
 *
 * Hides where files lie: below the directory that the operator named, if any. Invariants: a file's rows are one commit,
 * or none; a file is written whole, or what was there before stays; both ways hold a few batches at a time.
 */
import type { ResultBatch } from '../arrow/batch.ts';
import { makeField, makeSchema } from '../arrow/schema.ts';
import type { Schema } from '../arrow/schema.ts';
import type { Source } from '../arrow/source.ts';
import type { DataType } from '../arrow/type.ts';
import { present } from '../base/assert.ts';
import { abortError, EngineError } from '../base/errors.ts';
import type { RunOptions } from '../exec/exec.ts';
import { readFile } from '../format/file-read.ts';
import type { FileFormat, FileInput, FileReadOptions } from '../format/file-read.ts';
import { writeFile } from '../format/file-write.ts';
import { confineTo } from '../os/confined.ts';
import type { ConfinedFiles } from '../os/confined.ts';
import { bindFile } from '../plan/bind-copy.ts';
import type { CopyFile, PlanCatalog, PlannedStatement } from '../plan/physical.ts';
import { planBatches } from './result.ts';

type Planned<Kind> = Extract<PlannedStatement, { kind: Kind }>;

/** The directory of COPY. */
export class CopyFiles {
  readonly #files: ConfinedFiles | undefined;

  private constructor(files: ConfinedFiles | undefined) {
    this.#files = files;
  }

  /**
   * Files below `directory`, or none at all; the database is in `database`, and `key` is no other's. @throws `not_found`,
   * `request_invalid` when one lies within the other
   */
  static async open(directory: string | undefined, database: string, key: Uint8Array): Promise<CopyFiles> {
    return new CopyFiles(directory === undefined ? undefined : await confineTo(directory, database, key));
  }

  /** @throws `forbidden` when no directory was named */
  files(): ConfinedFiles {
    if (this.#files !== undefined) return this.#files;
    const remedy = 'the operator of the server allows it by --copy-dir (SHEAF_COPY_DIR)';
    throw new EngineError('forbidden', `COPY is switched off: no directory is set for its files; ${remedy}`);
  }
}

/** What COPY FROM needs of the engine. */
export interface CopyTarget {
  readonly files: CopyFiles;
  /** Runs `work` on the tables as they are. */
  withCatalog<T>(work: (catalog: PlanCatalog) => T): T;
  /** Appends the rows of an INSERT's plan in one commit; resolves with their count. */
  insert(command: Planned<'insert'>): Promise<number>;
}

/** Runs COPY FROM; resolves with the rows added. @throws what the file, its form and the casts throw */
export async function copyFrom(command: Planned<'copy_from'>, target: CopyTarget): Promise<number> {
  const { file, targets } = command;
  const input = await target.files.files().read(file.path);
  try {
    if (input.size === 0 && file.format !== 'ndjson') {
      throw new EngineError('request_invalid', `${file.path} is empty`);
    }
    if (input.size === 0) return 0;
    const read = await readFile(input, formatOf(file), readOptions(file, targets));
    const insert = target.withCatalog((catalog) => bindFile(command, sourceOf(read), catalog));
    return await target.insert(insert as Planned<'insert'>);
  } finally {
    await input.close();
  }
}

function formatOf({ format }: CopyFile): FileFormat {
  return format === 'arrows' ? 'arrow' : format;
}

function readOptions({ header, compression, ...file }: CopyFile, targets: Schema): FileReadOptions {
  const { delimiter, quote, escape, nullText } = file;
  return {
    // NOT NULL is looked at when the rows are appended; bytes are text that a cast reads.
    schema: makeSchema(targets.fields.map(({ name, type }) => makeField(name, textTypeOf(type)))),
    positional: true,
    ...(header === undefined ? {} : { header }),
    ...(delimiter === undefined ? {} : { delimiter }),
    ...(quote === undefined ? {} : { quote }),
    ...(escape === undefined ? {} : { escape }),
    ...(nullText === undefined ? {} : { nullText }),
    gzip: compression === 'gzip' && file.format !== 'parquet',
  };
}

function textTypeOf(type: DataType): DataType {
  return type.id === 'binary' || type.id === 'large_binary' ? { id: 'utf8' } : type;
}

/** The file's rows, which can be scanned once. */
function sourceOf({ schema, batches }: FileInput): Source {
  return {
    schema,
    rowCount: 0,
    async *scan({ columns }) {
      for await (const batch of batches) {
        const chosen = columns.map((column) => present(batch.columns[column], 'a column of the file'));
        yield { schema, rowCount: batch.rowCount, columns: chosen };
      }
    },
    countBatches: () => Promise.resolve({ pruned: 0, total: 0 }),
  };
}

/** Runs COPY TO; resolves with the rows written. @throws what the plan, the form and the disk throw */
export async function copyTo({ plan, file }: Planned<'copy_to'>, files: CopyFiles, run: RunOptions): Promise<number> {
  const output = await files.files().write(file.path);
  try {
    const counted = new CountedRows(planBatches(plan, run));
    const { format, header, delimiter, quote, escape, nullText, compression } = file;
    const pieces = writeFile(plan.schema, counted, format, {
      ...(header === undefined ? {} : { header }),
      ...(delimiter === undefined ? {} : { delimiter }),
      ...(quote === undefined ? {} : { quote }),
      ...(escape === undefined ? {} : { escape }),
      ...(nullText === undefined ? {} : { nullText }),
      ...(compression === undefined ? {} : { compression }),
    });
    for await (const piece of pieces) {
      if (run.signal?.aborted === true) throw abortError(run.signal);
      await output.write(piece);
    }
    await output.finish();
    return counted.count;
  } catch (error) {
    await output.abandon();
    throw error;
  }
}

/** Passes batches on and counts their rows. */
class CountedRows implements AsyncIterable<ResultBatch> {
  count = 0;
  readonly #batches: AsyncIterable<ResultBatch>;

  constructor(batches: AsyncIterable<ResultBatch>) {
    this.#batches = batches;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<ResultBatch> {
    for await (const batch of this.#batches) {
      yield batch;
      this.count += batch.rowCount;
    }
  }
}
