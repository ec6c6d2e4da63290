/**
 * A producer that does everything to its appends that a client behind a bad network does: sends them twice at once,
 * gives up waiting and sends again, asks again for what was answered long ago, goes on after a restart.
 *
 * Hides what it remembers. Invariants: a number is sent with the same rows always; an answer that comes after the end
 * of the life that gave it counts as lost; of every number at most one answer says that it was stored anew, and all
 * answers say the same commit and rows.
 */
import assert from 'node:assert/strict';
import { EngineError } from '../../src/base/errors.ts';
import type { Append, AppendResult, AppendTag, Storage } from '../../src/storage/contract.ts';
import { SCHEMA, numbered } from '../storage/fixture.ts';
import type { Random } from '../support/random.ts';

/** Results that storage keeps of each producer here. */
export const RESULTS_KEPT = 8;
const PRODUCER_STRIDE = 10_000_000;
const APPEND_STRIDE = 1_000;
const SMALL_ROWS_MAX = 4;
/** So many go through a private segment. */
const LARGE_ROWS = 300;
const LARGE_SHARE = 0.01;
const WINDOW_MAX = 4;

/** Refusals that a failing disk, a stop, or a gap after either may cause. */
const ALLOWED = new Set(['io_error', 'storage_full', 'commit_unknown', 'draining', 'busy', 'request_invalid']);

/** What a producer needs of the database. */
export interface Server {
  readonly storage: Storage | undefined;
  /** Which life of the database this is. */
  readonly life: number;
  /** Resolves when there is a database. */
  ready(): Promise<void>;
  /** Counts one more that is under way, until the returned function is called. */
  enter(): () => void;
}

export interface Counts {
  sent: number;
  /** Sends of a number that was sent before. */
  retries: number;
  duplicates: number;
  /** Answers that nobody waited for, or that came from a life that is over. */
  unheard: number;
  refusals: number;
}

export class RetryProducer {
  readonly table: string;
  readonly #server: Server;
  readonly #random: Random;
  readonly #counts: Counts;
  readonly #index: number;
  readonly #usesKeys: boolean;
  readonly #rows = new Map<number, number>();
  readonly #tries = new Map<number, number>();
  readonly #first = new Map<number, AppendResult>();
  readonly #storedAnew = new Set<number>();
  readonly #answered = new Set<number>();
  readonly #strays = new Set<Promise<void>>();
  #done = 0;

  constructor(server: Server, index: number, random: Random, counts: Counts) {
    this.#server = server;
    this.#index = index;
    this.#random = random;
    this.#counts = counts;
    this.#usesKeys = index % 3 === 2;
    this.table = index % 2 === 0 ? 'a' : 'b';
  }

  /** Ids of all rows that it has sent up to `last`, in order. */
  ids(): number[] {
    return Array.from({ length: this.#done }, (_, i) => this.#idsOf(i + 1)).flat();
  }

  owns(id: number): boolean {
    return Math.floor(id / PRODUCER_STRIDE) === this.#index;
  }

  /** Sends until numbers up to `last` are answered. `between` is called before every turn. */
  async run(last: number, between: () => void): Promise<void> {
    while (this.#done < last) {
      between();
      await this.#server.ready();
      const to = Math.min(last, this.#done + 1 + Math.floor(this.#random() * WINDOW_MAX));
      const seqs = Array.from({ length: to - this.#done }, (_, i) => this.#done + 1 + i);
      // Twice at once, and once more what was answered long ago.
      const again = seqs.filter(() => this.#random() < 0.4);
      const old = this.#done === 0 ? [] : [1 + Math.floor(this.#random() * this.#done)];
      await this.#sendAll([...seqs, ...again, ...old]);
      while (this.#answered.has(this.#done + 1)) this.#done++;
    }
    await Promise.all(this.#strays);
  }

  async #sendAll(seqs: readonly number[]): Promise<void> {
    const { storage, life } = this.#server;
    if (storage === undefined) return;
    const leave = this.#server.enter();
    const commits: Promise<void>[] = [];
    for (const seq of seqs) {
      const append = await this.#begin(storage, seq);
      if (append === undefined) continue;
      const commit = this.#commit(append, seq, life);
      // A timeout: nobody waits for this answer, and the number is sent again at once.
      if (this.#random() < 0.2) this.#strays.add(commit);
      else commits.push(commit);
    }
    void Promise.allSettled([...commits, ...this.#strays]).then(leave);
    await Promise.all(commits);
  }

  async #begin(storage: Storage, seq: number): Promise<Append | undefined> {
    const tries = this.#tries.get(seq) ?? 0;
    this.#tries.set(seq, tries + 1);
    this.#counts.sent++;
    if (tries > 0) this.#counts.retries++;
    try {
      const append = await storage.beginAppend(this.table, SCHEMA, { create: true, tag: this.#tag(seq) });
      const ids = this.#idsOf(seq);
      await append.write(numbered(ids[0] ?? 0, ids.length));
      return append;
    } catch (error) {
      this.#refused(error);
      return undefined;
    }
  }

  async #commit(append: Append, seq: number, life: number): Promise<void> {
    try {
      const result = await append.commit();
      if (life === this.#server.life) this.#hear(seq, result);
      else this.#counts.unheard++;
    } catch (error) {
      this.#refused(error);
    }
  }

  #hear(seq: number, result: AppendResult): void {
    const label = `producer ${this.#index.toString()}, number ${seq.toString()}`;
    const first = this.#first.get(seq);
    if (result.duplicate) this.#counts.duplicates++;
    else {
      assert.ok(!this.#storedAnew.has(seq) && first === undefined, `${label} was stored a second time`);
      this.#storedAnew.add(seq);
    }
    this.#answered.add(seq);
    if (result.commit === -1) {
      const isForgotten =
        !this.#usesKeys && result.duplicate && seq <= Math.max(...this.#tries.keys()) - RESULTS_KEPT;
      assert.ok(isForgotten, `${label}: its result was forgotten too early`);
      return;
    }
    assert.equal(result.rowCount, this.#idsOf(seq).length, `${label}: rows`);
    if (first !== undefined) assert.equal(result.commit, first.commit, `${label}: the first commit`);
    this.#first.set(seq, first ?? result);
  }

  #refused(error: unknown): void {
    if (!(error instanceof EngineError) || !ALLOWED.has(error.code)) throw error;
    this.#counts.refusals++;
  }

  #tag(seq: number): AppendTag {
    const who = this.#index.toString();
    if (this.#usesKeys) return { kind: 'key', name: `key ${seq.toString()} of ${who}`, epoch: 0, seq: 1 };
    return { kind: 'producer', name: `p${who}`, epoch: 0, seq };
  }

  #idsOf(seq: number): number[] {
    let rows = this.#rows.get(seq);
    if (rows === undefined) {
      rows = this.#random() < LARGE_SHARE ? LARGE_ROWS : 1 + Math.floor(this.#random() * SMALL_ROWS_MAX);
      this.#rows.set(seq, rows);
    }
    const from = this.#index * PRODUCER_STRIDE + seq * APPEND_STRIDE;
    return Array.from({ length: rows }, (_, i) => from + i);
  }
}
