/**
 * Batches that are each an append of their own, several of them under way at a time.
 *
 *     take 17 ──write──commit─────────────┐
 *     take 18 ─────────write──commit──────┤ one group commit
 *     answers                             17, 18, in order, each as soon as it is durable
 *
 * Hides the pipeline. Invariants: batches are written and their commits asked for in the order in which they came;
 * answers leave in that order; a batch counts as under way until its answer is with the transport, so that a client
 * that does not read its answers is not read from either; after the first failure nothing more is begun, what was
 * begun before it is answered, and that failure is the call's.
 */
import type { RecordBatch } from '../arrow/batch.ts';
import type { Schema } from '../arrow/schema.ts';
import { EngineError } from '../base/errors.ts';
import { PRODUCER_BATCHES_IN_FLIGHT_MAX } from '../base/limits.ts';
import type { Engine, Put, PutAnswer, PutTag } from '../engine/contract.ts';
import { encodeAnswer } from './ingest-tag.ts';

/** Sends one PutResult; resolves when the transport has it. */
export type SendAnswer = (appMetadata: Uint8Array) => Promise<void>;

export class BatchPuts {
  readonly #engine: Engine;
  readonly #table: string;
  readonly #schema: Schema;
  readonly #send: SendAnswer;
  readonly #onFailure: (error: unknown) => void;
  /** One for each batch under way, oldest first; none ever rejects. */
  readonly #open = new Set<Promise<void>>();
  #answered: Promise<void> = Promise.resolve();
  #failure: { readonly error: unknown } | undefined;

  /** `onFailure` is called at once when a batch fails that was taken before. */
  constructor(engine: Engine, table: string, schema: Schema, send: SendAnswer, onFailure: (error: unknown) => void) {
    this.#engine = engine;
    this.#table = table;
    this.#schema = schema;
    this.#send = send;
    this.#onFailure = onFailure;
  }

  /** Begins the append of one batch; resolves when its memory is not needed any more. @throws what fails */
  async take(batch: RecordBatch, tag: PutTag): Promise<void> {
    while (this.#open.size >= PRODUCER_BATCHES_IN_FLIGHT_MAX) await this.#oldest();
    this.#throwFailure();
    const put = await this.#begin(tag);
    try {
      await put.write(batch);
    } catch (error) {
      await put.abort();
      throw error;
    }
    this.#throwFailure();
    this.#follow(put, tag);
  }

  /** Waits until all that was begun is answered. @throws the first failure among it */
  async settle(): Promise<void> {
    await this.#answered;
    this.#throwFailure();
  }

  /** Begins a put; while all of the server's are taken, waits for those of this call. */
  async #begin(tag: PutTag): Promise<Put> {
    for (;;) {
      try {
        return await this.#engine.beginPut(this.#table, this.#schema, { tag });
      } catch (error) {
        if (!(error instanceof EngineError && error.code === 'busy') || this.#open.size === 0) throw error;
        await this.#oldest();
        this.#throwFailure();
      }
    }
  }

  async #oldest(): Promise<void> {
    const [oldest] = this.#open;
    await oldest;
  }

  #follow(put: Put, tag: PutTag): void {
    // Asked for at once: the order of the commits is the order of the batches.
    const commit = commitOrAbort(put);
    // Its failure is met in its turn.
    commit.catch(() => undefined);
    const before = this.#answered;
    const answered = before.then(() => this.#answer(commit, tag));
    this.#answered = answered;
    this.#open.add(answered);
    void answered.then(() => this.#open.delete(answered));
  }

  async #answer(commit: Promise<PutAnswer>, tag: PutTag): Promise<void> {
    try {
      const result = await commit;
      // The client numbers on from the first failure; an answer beyond it would tell of a gap.
      if (this.#failure === undefined) await this.#send(encodeAnswer(tag, result));
    } catch (error) {
      if (this.#failure !== undefined) return;
      this.#failure = { error };
      this.#onFailure(error);
    }
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }
}

async function commitOrAbort(put: Put): Promise<PutAnswer> {
  try {
    return await put.commit();
  } catch (error) {
    await put.abort();
    throw error;
  }
}
