/**
 * Exactly-once ingest: batches with numbers, each stored once, whatever happens to the connection or the server.
 *
 * What is sent and not answered is held, and sent again after a failure that passes: the server knows what it has. A
 * program that dies itself goes on from `seq`, which the server knows too.
 *
 * Hides calls and attempts. Invariants: a batch is let go when the server has said that it is durable; at most
 * CLIENT_UNANSWERED_BATCHES_MAX are held; order is kept; the first failure that does not pass ends it for good.
 * Source: docs/ingest.md.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { RecordBatch } from '../arrow/batch.ts';
import { encodeSchema, numberDictionaries } from '../arrow/ipc-schema.ts';
import { DictionaryWriter, encodeBatch } from '../arrow/ipc-write.ts';
import type { Schema } from '../arrow/schema.ts';
import { sameType } from '../arrow/type.ts';
import { vectorBytes } from '../arrow/vector.ts';
import { EngineError } from '../base/errors.ts';
import {
  CLIENT_PATIENCE_MS,
  CLIENT_RECONNECT_MS,
  CLIENT_RECONNECT_MS_MAX,
  CLIENT_UNANSWERED_BATCHES_MAX,
  CLIENT_UNANSWERED_BYTES_MAX,
} from '../base/limits.ts';
import { CopiedMessage } from '../flight/encode.ts';
import { decodeMessage, encodeMessage } from '../flight/message.ts';
import { abortedError } from './call-error.ts';
import type { PutCall } from './flight-call.ts';
import type { FlightClient } from './flight-client.ts';
import type { KnownColumns } from './object-rows.ts';

const PATH_DESCRIPTOR = 1;

/** What the server said about one batch. */
export interface Ack {
  readonly seq: number;
  /** Number of the commit; undefined for a repetition that was stored long ago. */
  readonly commit: number | undefined;
  readonly rows: number | undefined;
  /** True when it had been stored before this answer's attempt. */
  readonly duplicate: boolean;
}

export interface ProducerOptions {
  /** A higher one shuts out writers of the same name with a lower one; 0 unless given. */
  readonly epoch?: number | undefined;
  /** Called for each batch once it is durable, in order. */
  readonly onDurable?: ((ack: Ack) => void) | undefined;
  /** Milliseconds without any progress after which it gives up. */
  readonly patienceMs?: number | undefined;
  /** Gives up: what was not answered may or may not be stored, and the next producer of this name is told. */
  readonly signal?: AbortSignal | undefined;
}

interface Held {
  readonly seq: number;
  readonly batch: RecordBatch;
  readonly bytes: number;
}

interface ServerState {
  readonly epoch: number;
  readonly seq: number;
}

/** Failures that an attempt later may not have. */
const PASSING = new Set(['io_error', 'busy', 'draining', 'storage_full', 'commit_unknown', 'deadline', 'cancelled']);

export class Producer {
  readonly table: string;
  readonly name: string;
  readonly #client: FlightClient;
  readonly #options: ProducerOptions;
  readonly #epoch: number;
  readonly #held: Held[] = [];
  #heldBytes = 0;
  #seq: number;
  #nextSeq: number;
  /** Of the table, when this was opened. */
  #table: Schema | undefined;
  /** Of the batches. */
  #schema: Schema | undefined;
  #isClosing = false;
  #failure: Error | undefined;
  #progressMs = performance.now();
  /** Those that wait for a change of any of the above. */
  #waiting: (() => void)[] = [];
  #work: Promise<void> | undefined;

  /** Asks the server where to go on. @throws EngineError, `forbidden` where a newer epoch has taken over */
  static async open(
    client: FlightClient,
    table: string,
    name: string,
    options: ProducerOptions = {},
  ): Promise<Producer> {
    const producer = new Producer(client, table, name, options);
    const { epoch, seq } = await producer.#patiently(async () => {
      producer.#table = await client.tableSchema(table, { signal: options.signal });
      return producer.#askState();
    });
    if (epoch > producer.#epoch) {
      const message = `producer ${JSON.stringify(name)} of table ${table} has gone on under epoch ${epoch.toString()}`;
      throw new EngineError('forbidden', `${message}; yours is ${producer.#epoch.toString()}`);
    }
    producer.#seq = seq;
    producer.#nextSeq = seq + 1;
    return producer;
  }

  private constructor(client: FlightClient, table: string, name: string, options: ProducerOptions) {
    this.#client = client;
    this.table = table;
    this.name = name;
    this.#options = options;
    this.#epoch = options.epoch ?? 0;
    this.#seq = 0;
    this.#nextSeq = 1;
    options.signal?.addEventListener('abort', () => {
      this.#fail(abortedError(options.signal as AbortSignal));
    });
  }

  /** The last number that is durable; 0 when there is none. */
  get seq(): number {
    return this.#seq;
  }

  /** What batches are made of that are no Arrow data yet. */
  get columns(): KnownColumns {
    return { table: this.#table, sent: this.#schema };
  }

  /**
   * Takes the next batch, as one transaction of its own; resolves with its number when there is room for another. All
   * batches have the same columns. @throws what does not pass, of this batch or one before
   */
  async write(batch: RecordBatch): Promise<number> {
    this.#refuseIfOver();
    this.#schema ??= numberDictionaries(batch.schema);
    checkSchema(this.#schema, batch.schema);
    const bytes = batch.columns.reduce((sum, column) => sum + vectorBytes(column), 0);
    const seq = this.#nextSeq++;
    if (this.#held.length === 0) this.#progressMs = performance.now();
    this.#held.push({ seq, batch, bytes });
    this.#heldBytes += bytes;
    this.#work ??= this.#run();
    this.#notify();
    await this.#until(
      () => this.#held.length < CLIENT_UNANSWERED_BATCHES_MAX && this.#heldBytes < CLIENT_UNANSWERED_BYTES_MAX,
    );
    return seq;
  }

  /** Resolves with `seq` when everything that was written is durable. @throws as `write` */
  async flush(): Promise<number> {
    await this.#until(() => this.#held.length === 0);
    return this.#seq;
  }

  /** As `flush`, and ends. */
  async close(): Promise<number> {
    try {
      return await this.flush();
    } finally {
      this.#isClosing = true;
      this.#notify();
      await this.#work;
    }
  }

  /** Attempts until it is closed or has failed for good. Never throws. */
  async #run(): Promise<void> {
    try {
      while (!this.#isOver()) {
        await this.#patiently(
          () => this.#attempt(),
          () => this.#held.length === 0,
        );
      }
    } catch (error) {
      this.#fail(error);
    }
  }

  #isOver(): boolean {
    return this.#failure !== undefined || (this.#isClosing && this.#held.length === 0);
  }

  /** Repeats what fails in a way that passes, for as long as there was progress lately, or nothing to make. */
  async #patiently<T>(work: () => Promise<T>, isIdle: () => boolean = () => false): Promise<T> {
    const patienceMs = this.#options.patienceMs ?? CLIENT_PATIENCE_MS;
    let waitMs = CLIENT_RECONNECT_MS;
    this.#progressMs = performance.now();
    for (;;) {
      const before = this.#seq;
      try {
        return await work();
      } catch (error) {
        const passes = error instanceof EngineError && PASSING.has(error.code);
        if (!passes || this.#failure !== undefined) throw this.#failure ?? error;
        if (this.#seq > before) waitMs = CLIENT_RECONNECT_MS;
        if (isIdle()) this.#progressMs = performance.now();
        if (performance.now() - this.#progressMs > patienceMs) throw error;
        // Many clients of one server should not all come back at once.
        await sleep(waitMs * (0.5 + Math.random() / 2));
        waitMs = Math.min(2 * waitMs, CLIENT_RECONNECT_MS_MAX);
      }
    }
  }

  /** One call: sends what is held and what comes, until the call breaks or this is closed. */
  async #attempt(): Promise<void> {
    if (this.#isOver()) return;
    this.#check(await this.#askState());
    await this.#until(() => this.#held.length > 0 || this.#isClosing);
    const schema = this.#schema;
    if (schema === undefined || this.#isOver()) return;
    const call = this.#client.connection.put({ signal: this.#options.signal });
    let isOver = false;
    const answers = this.#readAnswers(call).finally(() => {
      isOver = true;
      this.#notify();
    });
    answers.catch(() => undefined);
    try {
      await this.#sendAll(call, schema, () => isOver);
    } catch (error) {
      call.cancel();
      throw error;
    }
    call.end();
    await answers;
    if (this.#held.length > 0) throw new EngineError('io_error', 'the call ended before all batches were answered');
  }

  async #sendAll(call: PutCall, schema: Schema, isOver: () => boolean): Promise<void> {
    const path = { type: PATH_DESCRIPTOR, path: [this.table] };
    const descriptor = encodeMessage('FlightDescriptor', path);
    const dictionaries = new DictionaryWriter(schema);
    if (!(await call.send(new CopiedMessage(encodeSchema(schema), { descriptor })))) return;
    for (let sent = this.#seq; ;) {
      const next = this.#held.find(({ seq }) => seq > sent);
      if (next === undefined) {
        if (this.#isOver()) return;
        await this.#until(() => isOver() || this.#isClosing || (this.#held.at(-1)?.seq ?? 0) > sent);
        if (isOver()) return;
        continue;
      }
      sent = next.seq;
      for (const message of dictionaries.messages(next.batch)) await call.send(new CopiedMessage(message));
      const tag = JSON.stringify({ producer: this.name, epoch: this.#epoch, seq: next.seq });
      const message = new CopiedMessage(encodeBatch(next.batch), { appMetadata: Buffer.from(tag) });
      if (!(await call.send(message))) return;
    }
  }

  async #readAnswers(call: PutCall): Promise<void> {
    for await (const bytes of call.answers) {
      const text = Buffer.from(decodeMessage('PutResult', bytes).app_metadata).toString();
      const { seq, commit, rows, duplicate } = JSON.parse(text) as Partial<Ack>;
      if (seq !== this.#held[0]?.seq || seq === undefined) {
        throw new EngineError('internal', `the server answered ${text.slice(0, 200)} where it was not asked`);
      }
      this.#letGo({ seq, commit, rows, duplicate: duplicate === true });
    }
  }

  async #askState(): Promise<ServerState> {
    const body = Buffer.from(JSON.stringify({ table: this.table, producer: this.name }));
    const answer = await this.#client.action('ingest-state', body, { signal: this.#options.signal });
    return JSON.parse(Buffer.from(answer).toString()) as ServerState;
  }

  /**
   * What is held is sent again even where the server has stored that number: it compares the rows, and tells whether
   * they were these. @throws `already_exists`, `corrupt` where the count cannot be ours
   */
  #check({ seq }: ServerState): void {
    const who = `producer ${JSON.stringify(this.name)} of table ${this.table}`;
    if (seq >= this.#nextSeq) {
      const message = `${who} has stored number ${seq.toString()}, which this one has not written`;
      throw new EngineError('already_exists', `${message}; give each writer a name of its own`);
    }
    if (seq < this.#seq) {
      const known = `the server knows numbers up to ${seq.toString()} of it, and had acknowledged`;
      throw new EngineError('corrupt', `${who}: ${known} ${this.#seq.toString()}; its data is not what it was`);
    }
  }

  #letGo(ack: Ack): void {
    const [first] = this.#held.splice(0, 1);
    this.#heldBytes -= first?.bytes ?? 0;
    this.#seq = ack.seq;
    this.#progressMs = performance.now();
    this.#options.onDurable?.(ack);
    this.#notify();
  }

  #fail(error: unknown): void {
    this.#failure ??= error instanceof Error ? error : new EngineError('internal', String(error));
    this.#notify();
  }

  #refuseIfOver(): void {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#isClosing) throw new EngineError('request_invalid', 'this producer is closed; open another');
  }

  #notify(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }

  /** @throws the failure, when there is one first */
  async #until(condition: () => boolean): Promise<void> {
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure;
      if (condition()) return;
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
      });
    }
  }
}

/** @throws `schema_mismatch` unless the columns are the same */
function checkSchema(first: Schema, { fields }: Schema): void {
  const isSame =
    fields.length === first.fields.length &&
    fields.every(({ name, type }, i) => {
      const other = first.fields[i];
      return other !== undefined && other.name === name && sameType(other.type, type);
    });
  if (isSame) return;
  throw new EngineError('schema_mismatch', 'this batch has other columns than those before; open another producer');
}
