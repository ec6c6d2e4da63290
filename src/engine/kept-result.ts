/**
 * Kept results: the answer of a query that GetFlightInfo ran, held for the DoGet that follows.
 *
 * Hides where the bytes are: in memory up to RESULT_MEMORY_BYTES_MAX, then in a spool file, past
 * RESULT_SPOOL_BYTES_MAX nowhere (only the counts stay). Invariants: bounded in number, memory and disk; the oldest
 * goes first when a bound is met; one that is gone is made again from its ticket's snapshot, so dropping is always
 * safe.
 */
import { randomBytes } from 'node:crypto';
import type { Message, RecordBatch, ResultBatch } from '../arrow/batch.ts';
import { BatchReader } from '../arrow/ipc-read.ts';
import type { Schema } from '../arrow/schema.ts';
import { present } from '../base/assert.ts';
import { asBuffer, concatBytes } from '../base/bytes.ts';
import {
  RESULTS_MAX,
  RESULT_MEMORY_BYTES_MAX,
  RESULT_MEMORY_TOTAL_BYTES_MAX,
  RESULT_SPOOL_BYTES_MAX,
  RESULT_SPOOL_TOTAL_BYTES_MAX,
} from '../base/limits.ts';
import { makeLog } from '../base/log.ts';
import { makeGauge } from '../base/metrics.ts';
import type { Os, OsFile } from '../os/os.ts';

/** One batch of a kept result: its messages, in memory or by place in the spool file. */
interface KeptBatch {
  readonly rowCount: number;
  readonly dictionaries: readonly Message[];
  readonly message: Message;
}

interface SpooledMessage {
  readonly header: Uint8Array;
  readonly offset: number;
  readonly bodyBytes: number;
}

interface SpooledBatch {
  readonly rowCount: number;
  readonly dictionaries: readonly SpooledMessage[];
  readonly message: SpooledMessage;
}

interface Spool {
  readonly file: OsFile;
  readonly path: string;
  readonly batches: SpooledBatch[];
  length: number;
}

/** A kept result, pinned. */
export interface OpenKeptResult {
  readonly schema: Schema;
  readonly rowCount: number;
  readonly byteCount: number;
  /** Yields its batches, or those that begin at the rows `from` … `to` - 1; not after `release`. */
  batches(from?: number, to?: number): AsyncIterable<ResultBatch>;
  release(): void;
}

interface Entry {
  readonly id: string;
  readonly schema: Schema;
  readonly rowCount: number;
  readonly byteCount: number;
  expiresAtMs: number;
  readonly memory: readonly KeptBatch[];
  readonly memoryBytes: number;
  readonly spool: Spool | undefined;
  readers: number;
  dropped: boolean;
}

let memoryHeld = 0;
makeGauge('kept_results_bytes', 'Bytes of kept results in memory', () => memoryHeld);

/** A result while it is being collected. */
interface Collection {
  readonly memory: KeptBatch[];
  memoryBytes: number;
  rowCount: number;
  byteCount: number;
  spool: Spool | undefined;
  /** Too large even for the disk: only counted. */
  countOnly: boolean;
}

export class KeptResults {
  readonly #os: Os;
  readonly #directory: string;
  readonly #entries = new Map<string, Entry>();
  #memoryBytes = 0;
  #spoolBytes = 0;

  constructor(os: Os, directory: string) {
    this.#os = os;
    this.#directory = directory;
  }

  /**
   * Runs `batches` to their end and keeps them under a new id until `expiresAtMs`. The id is undefined when the
   * result is too large to be kept; the counts are exact all the same.
   */
  async keep(
    schema: Schema,
    batches: AsyncIterable<ResultBatch>,
    expiresAtMs: number,
  ): Promise<{ readonly id: string | undefined; readonly rowCount: number; readonly byteCount: number }> {
    const kept: Collection = {
      memory: [],
      memoryBytes: 0,
      rowCount: 0,
      byteCount: 0,
      spool: undefined,
      countOnly: false,
    };
    try {
      for await (const batch of batches) await this.#collect(kept, batch);
    } catch (error) {
      await this.#discard(kept.spool);
      throw error;
    }
    const { rowCount, byteCount } = kept;
    if (kept.countOnly) return { id: undefined, rowCount, byteCount };
    const id = randomBytes(12).toString('hex');
    this.#entries.set(id, {
      id,
      schema,
      rowCount,
      byteCount,
      expiresAtMs,
      memory: kept.memory,
      memoryBytes: kept.memoryBytes,
      spool: kept.spool,
      readers: 0,
      dropped: false,
    });
    this.#account(kept.memoryBytes, kept.spool?.length ?? 0);
    await this.#makeRoom();
    return { id, rowCount, byteCount };
  }

  /**
   * Opens the kept result of `id`; undefined when it is gone. It stays readable until `release`, which must be called
   * once, even when it is dropped meanwhile.
   */
  open(id: string): OpenKeptResult | undefined {
    const entry = this.#entries.get(id);
    if (entry === undefined) return undefined;
    entry.readers++;
    let open = true;
    return {
      schema: entry.schema,
      rowCount: entry.rowCount,
      byteCount: entry.byteCount,
      batches: (from = 0, to = Infinity) => readEntry(entry, from, to),
      release: () => {
        if (!open) return;
        open = false;
        entry.readers--;
        if (entry.dropped && entry.readers === 0) void this.#discard(entry.spool).catch(logDiscard);
      },
    };
  }

  /** Keeps the result of `id` until `expiresAtMs` at least; false when it is gone. */
  extend(id: string, expiresAtMs: number): boolean {
    const entry = this.#entries.get(id);
    if (entry === undefined) return false;
    entry.expiresAtMs = Math.max(entry.expiresAtMs, expiresAtMs);
    return true;
  }

  /** The rows at which the batches of the result of `id` begin; none when it is gone. */
  starts(id: string): readonly number[] {
    const entry = this.#entries.get(id);
    if (entry === undefined) return [];
    let row = 0;
    return [...entry.memory, ...(entry.spool?.batches ?? [])].map(({ rowCount }) => {
      const start = row;
      row += rowCount;
      return start;
    });
  }

  /** Drops the result of `id`, if it is still there. */
  async drop(id: string): Promise<void> {
    const entry = this.#entries.get(id);
    if (entry !== undefined) await this.#drop(entry);
  }

  /** Drops what has expired at `nowMs`. */
  async sweep(nowMs: number): Promise<void> {
    for (const entry of this.#entries.values()) if (entry.expiresAtMs <= nowMs) await this.#drop(entry);
  }

  async close(): Promise<void> {
    for (const entry of this.#entries.values()) await this.#drop(entry);
  }

  async #collect(kept: Collection, batch: ResultBatch): Promise<void> {
    const dictionaries = batch.dictionaries();
    const message = batch.message();
    const bytes = [...dictionaries, message].reduce((sum, each) => sum + each.header.byteLength + each.bodyBytes, 0);
    kept.rowCount += batch.rowCount;
    kept.byteCount += bytes;
    if (kept.countOnly) return;
    if (kept.spool === undefined && kept.memoryBytes + bytes <= RESULT_MEMORY_BYTES_MAX) {
      kept.memory.push({ rowCount: batch.rowCount, dictionaries, message });
      kept.memoryBytes += bytes;
      return;
    }
    if ((kept.spool?.length ?? 0) + bytes > RESULT_SPOOL_BYTES_MAX) {
      await this.#discard(kept.spool);
      kept.spool = undefined;
      kept.memory.length = 0;
      kept.memoryBytes = 0;
      kept.countOnly = true;
      return;
    }
    kept.spool ??= await this.#openSpool();
    await writeSpooled(kept.spool, batch.rowCount, dictionaries, message);
  }

  async #openSpool(): Promise<Spool> {
    const path = `${this.#directory}/${randomBytes(12).toString('hex')}.spool`;
    return { file: await this.#os.open(path, 'create'), path, batches: [], length: 0 };
  }

  /** Drops the oldest results until all bounds hold again. */
  async #makeRoom(): Promise<void> {
    for (const entry of this.#entries.values()) {
      const fits =
        this.#entries.size <= RESULTS_MAX &&
        this.#memoryBytes <= RESULT_MEMORY_TOTAL_BYTES_MAX &&
        this.#spoolBytes <= RESULT_SPOOL_TOTAL_BYTES_MAX;
      if (fits) return;
      await this.#drop(entry);
    }
  }

  async #drop(entry: Entry): Promise<void> {
    if (!this.#entries.delete(entry.id)) return;
    this.#account(-entry.memoryBytes, -(entry.spool?.length ?? 0));
    entry.dropped = true;
    if (entry.readers === 0) await this.#discard(entry.spool);
  }

  #account(memoryBytes: number, spoolBytes: number): void {
    this.#memoryBytes += memoryBytes;
    this.#spoolBytes += spoolBytes;
    memoryHeld += memoryBytes;
  }

  async #discard(spool: Spool | undefined): Promise<void> {
    if (spool === undefined) return;
    await spool.file.close();
    await this.#os.unlink(spool.path);
  }
}

const log = makeLog('engine');

function logDiscard(error: unknown): void {
  log.error('a spool file could not be removed; the next start removes it', error);
}

async function* readEntry(entry: Entry, from: number, to: number): AsyncGenerator<ResultBatch> {
  const reader = new BatchReader(entry.schema, { trusted: true });
  /** Those of batches that were left out: what is read needs them too. */
  const before: Message[] = [];
  let row = 0;
  for (const { rowCount, dictionaries, message } of entry.memory) {
    if (row >= to) return;
    before.push(...dictionaries);
    if (row >= from) yield keptResultBatch({ rowCount, dictionaries: before.splice(0), message }, reader);
    row += rowCount;
  }
  const { spool } = entry;
  if (spool === undefined) return;
  const read = (each: SpooledMessage): Promise<Message> => readSpooled(spool.file, each);
  for (const { rowCount, dictionaries: places, message } of spool.batches) {
    if (row >= to) return;
    before.push(...(await Promise.all(places.map(read))));
    if (row >= from)
      yield keptResultBatch({ rowCount, dictionaries: before.splice(0), message: await read(message) }, reader);
    row += rowCount;
  }
}

async function writeSpooled(
  spool: Spool,
  rowCount: number,
  dictionaries: readonly Message[],
  message: Message,
): Promise<void> {
  const place = async (each: Message): Promise<SpooledMessage> => {
    const offset = spool.length;
    await spool.file.write(each.body, offset);
    spool.length += each.bodyBytes;
    return { header: each.header, offset, bodyBytes: each.bodyBytes };
  };
  const placed: SpooledMessage[] = [];
  for (const dictionary of dictionaries) placed.push(await place(dictionary));
  spool.batches.push({ rowCount, dictionaries: placed, message: await place(message) });
}

async function readSpooled(file: OsFile, message: SpooledMessage): Promise<Message> {
  const body = message.bodyBytes === 0 ? new Uint8Array(0) : await file.read(message.bodyBytes, message.offset);
  return { header: message.header, body: [body], bodyBytes: message.bodyBytes };
}

function keptResultBatch(kept: KeptBatch, reader: BatchReader): ResultBatch {
  let decoded: RecordBatch | undefined;
  return {
    rowCount: kept.rowCount,
    dictionaries: () => kept.dictionaries,
    message: () => kept.message,
    batch: () => {
      if (decoded === undefined) {
        for (const dictionary of kept.dictionaries) reader.read(dictionary.header, bodyOf(dictionary));
        decoded = present(reader.read(kept.message.header, bodyOf(kept.message)), 'a record batch');
      }
      return decoded;
    },
  };
}

function bodyOf(message: Message): Uint8Array {
  const only = message.body[0];
  return message.body.length === 1 && only !== undefined ? asBuffer(only) : concatBytes(message.body);
}
