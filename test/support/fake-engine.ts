/**
 * An engine of memory for the doors' tests: what the real one cannot show (sources that are slow, endless or failing,
 * puts that are slow or fail at the commit), and doors alone. Tagged puts are stored exactly once, by storage's own
 * rules.
 *
 * `SELECT * FROM t` reads a table; other statements are answered by what `answers` holds for their exact text.
 */
import type { RecordBatch, ResultBatch } from '../../src/arrow/batch.ts';
import { encodeResults } from '../../src/arrow/ipc-stream.ts';
import type { Schema } from '../../src/arrow/schema.ts';
import { makeSchema } from '../../src/arrow/schema.ts';
import type { Vector } from '../../src/arrow/vector.ts';
import { EngineError, positionOf } from '../../src/base/errors.ts';
import type {
  Engine,
  EngineStatus,
  PreparedStatement,
  PromisedResult,
  Put,
  PutAnswer,
  PutOptions,
  PutTag,
  QueryOptions,
  QueryResult,
  RenewedTicket,
  TableDescription,
} from '../../src/engine/contract.ts';
import { ContentChecksum } from '../../src/storage/checksum.ts';
import type { CompactionReport, IngestState } from '../../src/storage/contract.ts';
import { ProducerState, producerKey } from '../../src/storage/producer.ts';

interface FakeTable {
  readonly schema: Schema;
  batches: readonly RecordBatch[];
}

/** A statement's answer: its schema, and its batches made anew for each run. */
export interface FakeAnswer {
  readonly schema: Schema;
  readonly batches: (signal: AbortSignal | undefined) => AsyncIterable<ResultBatch>;
}

const TICKET = 0xff;

export class FakeEngine implements Engine {
  readonly directory = 'memory';
  readonly principal = undefined;
  readonly answers = new Map<string, FakeAnswer>();
  readonly stored = new Map<string, FakeTable>();
  /** Runs before each `write` and `commit` of a put. */
  beforeWrite: (batch: RecordBatch) => Promise<void> = () => Promise.resolve();
  beforeCommit: () => Promise<void> = () => Promise.resolve();
  /** Asked before each put; an error refuses it. */
  refuseBegin: () => EngineError | undefined = () => undefined;
  /** What `compact` was called with. */
  readonly compacted: (string | undefined)[] = [];
  readonly #producers = new Map<string, ProducerState>();
  #commit = 100;
  #committed: Promise<void> = Promise.resolve();
  putsOpen = 0;
  putsAborted = 0;
  resultsOpen = 0;
  expiresAtMs = 4_102_444_800_123;

  /** Rights are not looked at here. */
  as(): Engine {
    return this;
  }

  query(sql: string, options: QueryOptions = {}): Promise<QueryResult> {
    return Promise.resolve().then(() => this.#open(this.#find(sql), options));
  }

  async prepare(sql: string): Promise<PreparedStatement> {
    const schema = await this.describe(sql);
    const run = (): Promise<QueryResult> => this.query(sql);
    const promise = (): Promise<PromisedResult> => this.promise(sql);
    return { sql, parameters: makeSchema([]), schema, writes: false, run, runRows: run, promise };
  }

  describe(sql: string): Promise<Schema> {
    return Promise.resolve().then(() => this.#find(sql).schema);
  }

  queries(): readonly [] {
    return [];
  }

  cancelQuery(id: number): void {
    throw new EngineError('not_found', `no statement with the number ${id.toString()} runs`);
  }

  promiseOnce(sql: string): Promise<PromisedResult> {
    return this.promise(sql);
  }

  async promise(sql: string): Promise<PromisedResult> {
    const answer = this.#find(sql);
    let rowCount = 0;
    for await (const batch of answer.batches(undefined)) rowCount += batch.rowCount;
    const { schema } = answer;
    const ticket = ticketOf(sql);
    return { schema, ticket, partTickets: [], rowCount, byteCount: -1, expiresAtMs: this.expiresAtMs };
  }

  promiseTable(name: string): Promise<PromisedResult> {
    return this.promise(`SELECT * FROM ${this.table(name).name}`);
  }

  isTicket(bytes: Uint8Array): boolean {
    return bytes[0] === TICKET;
  }

  cancel(_ticket: Uint8Array): Promise<void> {
    return Promise.resolve();
  }

  renew(ticket: Uint8Array): Promise<RenewedTicket> {
    return Promise.resolve({ ticket, expiresAtMs: this.expiresAtMs });
  }

  redeem(ticket: Uint8Array, options: QueryOptions = {}): Promise<QueryResult> {
    return this.query(Buffer.from(ticket.subarray(1)).toString(), options);
  }

  views(): readonly string[] {
    return [];
  }

  tables(): readonly TableDescription[] {
    return [...this.stored].map(([name, { schema, batches }]) => {
      return { name, schema, rowCount: batches.reduce((sum, batch) => sum + batch.rowCount, 0), byteCount: 0 };
    });
  }

  table(name: string): TableDescription {
    const found = this.tables().find((table) => table.name === name);
    if (found === undefined) throw new EngineError('not_found', `there is no table "${name}"`);
    return found;
  }

  schemaOf(name: string): Promise<Schema> {
    return Promise.resolve().then(() => this.table(name).schema);
  }

  createTable(name: string, schema: Schema): Promise<void> {
    if (this.stored.has(name)) return Promise.reject(new EngineError('already_exists', `there is a table ${name}`));
    this.stored.set(name, { schema, batches: [] });
    return Promise.resolve();
  }

  async dropTable(name: string): Promise<void> {
    await Promise.resolve();
    this.stored.delete(this.table(name).name);
  }

  beginPut(name: string, schema: Schema, { tag }: PutOptions = {}): Promise<Put> {
    const refusal = this.refuseBegin();
    if (refusal !== undefined) return Promise.reject(refusal);
    const taken: RecordBatch[] = [];
    const content = new ContentChecksum(schema);
    let open = true;
    const end = (): void => {
      if (open) this.putsOpen--;
      open = false;
    };
    this.putsOpen++;
    return Promise.resolve({
      write: async (batch) => {
        await this.beforeWrite(batch);
        // The door may use the batch's memory again.
        taken.push({ ...batch, columns: batch.columns.map(copyOf) });
        content.update(batch);
      },
      commit: async () => {
        const rowCount = taken.reduce((sum, batch) => sum + batch.rowCount, 0);
        const before = this.#committed;
        let leave: () => void = () => undefined;
        if (tag !== undefined) this.#committed = new Promise((resolve) => (leave = resolve));
        try {
          await this.beforeCommit();
          // As storage does: in the order in which commits were asked for.
          if (tag !== undefined) await before;
          const known = tag === undefined ? undefined : this.#judge(name, tag, content.digest(), rowCount);
          if (known?.duplicate !== true) {
            const table = this.stored.get(name) ?? { schema, batches: [] };
            this.stored.set(name, { ...table, batches: [...table.batches, ...taken] });
          }
          end();
          return known ?? { commit: 1, rowCount, byteCount: 0, duplicate: false };
        } finally {
          leave();
        }
      },
      abort: () => {
        this.putsAborted++;
        end();
        return Promise.resolve();
      },
    });
  }

  ingestState(table: string, producer: string): Promise<IngestState> {
    return Promise.resolve().then(() => {
      const { epoch, seq, rowCount } = this.#producer(this.table(table).name, { kind: 'producer', name: producer });
      return { epoch, seq, rowCount };
    });
  }

  compact(name?: string): Promise<CompactionReport> {
    this.compacted.push(name);
    return Promise.resolve({ inputCount: 3, outputCount: 1, byteCount: 4096 });
  }

  seal(): Promise<void> {
    return Promise.resolve();
  }

  status(): EngineStatus {
    return {
      version: 1,
      tableCount: this.stored.size,
      segmentCount: 0,
      mapCount: 0,
      readOnlyReason: undefined,
      uptimeMs: 1,
      queriesRunning: 0,
      queriesWaiting: 0,
      putsOpen: this.putsOpen,
      draining: false,
    };
  }

  drain(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #judge(table: string, tag: PutTag, checksum: string, rowCount: number): PutAnswer {
    const state = this.#producer(table, tag);
    const found = state.check(tag, checksum);
    if (found.outcome === 'duplicate') {
      const first = found.result ?? { commit: -1, rowCount: -1 };
      return { commit: first.commit, rowCount: first.rowCount, byteCount: -1, duplicate: true };
    }
    const commit = ++this.#commit;
    state.begin(tag, checksum, rowCount);
    state.settle(commit);
    return { commit, rowCount, byteCount: 0, duplicate: false };
  }

  #producer(table: string, tag: Pick<PutTag, 'kind' | 'name'>): ProducerState {
    const key = `${table} ${producerKey(tag)}`;
    const state = this.#producers.get(key) ?? new ProducerState(table, tag);
    this.#producers.set(key, state);
    return state;
  }

  #find(sql: string): FakeAnswer {
    const answer = this.answers.get(sql);
    if (answer !== undefined) return answer;
    const table = this.stored.get(/^\s*SELECT \* FROM (\w+)$/.exec(sql)?.[1] ?? '');
    if (table !== undefined) return { schema: table.schema, batches: () => encodeAll(table) };
    const position = positionOf(sql, { start: 0, end: sql.length });
    throw new EngineError('sql_syntax', `the fake engine does not know ${JSON.stringify(sql)}`, { position });
  }

  #open(answer: FakeAnswer, options: QueryOptions): QueryResult {
    let open = true;
    this.resultsOpen++;
    return {
      schema: answer.schema,
      rowCount: undefined,
      byteCount: undefined,
      changedCount: undefined,
      batches: () => answer.batches(options.signal),
      close: () => {
        if (open) this.resultsOpen--;
        open = false;
      },
    };
  }
}

function copyOf(vector: Vector): Vector {
  const { buffers, children, dictionary } = vector;
  return {
    ...vector,
    buffers: buffers.map((buffer) => new Uint8Array(buffer)),
    children: children.map(copyOf),
    dictionary: dictionary === undefined ? undefined : copyOf(dictionary),
  };
}

function ticketOf(sql: string): Uint8Array {
  return Buffer.concat([Buffer.of(TICKET), Buffer.from(sql)]);
}

async function* encodeAll(table: FakeTable): AsyncGenerator<ResultBatch> {
  async function* batches(): AsyncGenerator<RecordBatch> {
    await Promise.resolve();
    yield* table.batches;
  }
  yield* encodeResults(table.schema, batches());
}

/** A schema without fields, for answers whose content does not matter. */
export const NO_FIELDS = makeSchema([]);
