/**
 * How far one producer came in one table, and what a request with its next number, or an old one, means.
 *
 *     seq      1 … forgotten … | kept results | begun | next → new | beyond → a gap
 *                              |  settled     | in this group
 *
 * Hides how many results are kept. Invariants: pure and synchronous: the committer calls it in the order of its
 * queue, and one group is under way at a time; numbers are taken without gaps; what is begun counts at once for those
 * that come later in the same group, and is gone after `undo`; a result that was told once is told again as long as it
 * is kept, and nothing is ever invented for one that is not. An idempotency key is the same thing with one number:
 * epoch 0, seq 1. Source: docs/ingest.md.
 */
import { assert, present } from '../base/assert.ts';
import { EngineError } from '../base/errors.ts';
import { PRODUCER_RESULTS_KEPT } from '../base/limits.ts';
import type { AppendTag } from './contract.ts';

/** What became of one numbered append. */
export interface ProducerResult {
  readonly seq: number;
  readonly checksum: string;
  readonly commit: number;
  readonly rowCount: number;
}

/** A producer as the catalog has it. */
export interface ProducerRecord {
  readonly epoch: number;
  readonly seq: number;
  /** Rows that it stored in all. */
  readonly rowCount: number;
  /** The last results, in any order. */
  readonly results: Iterable<ProducerResult>;
}

/**
 * What a request means. `new`: store it, and call `begin`. `duplicate`: store nothing; `result` is the first one, or
 * undefined when it is not kept any more: then it is known to be durable, and not in which commit, with how many rows,
 * or whether its content was the same. `pending`: the same request is in this very group; after `settle` the result is
 * `resultOf(seq)`, after `undo` it has failed with the first.
 */
export type ProducerOutcome =
  | { readonly outcome: 'new' }
  | { readonly outcome: 'duplicate'; readonly result: ProducerResult | undefined }
  | { readonly outcome: 'pending' };

interface Begun {
  readonly epoch: number;
  readonly seq: number;
  readonly checksum: string;
  readonly rowCount: number;
}

/** A begun append, as the catalog is told of it. */
export interface BegunAppend extends Begun {
  readonly forgetBelow: number;
}

/** Identifies a producer within a table, as a key of maps. */
export function producerKey(tag: Pick<AppendTag, 'kind' | 'name'>): string {
  return `${tag.kind} ${tag.name}`;
}

export class ProducerState {
  readonly #table: string;
  readonly #kind: AppendTag['kind'];
  readonly #name: string;
  readonly #kept: number;
  /** By seq, oldest first: without gaps up to #seq. */
  readonly #results = new Map<number, ProducerResult>();
  #begun: Begun[] = [];
  #epoch: number;
  #seq: number;
  #rowCount: number;

  /** `record` undefined: nothing was stored under this name yet. `kept`: how many results are. */
  constructor(
    table: string,
    tag: Pick<AppendTag, 'kind' | 'name'>,
    record?: ProducerRecord,
    kept = PRODUCER_RESULTS_KEPT,
  ) {
    this.#table = table;
    this.#kept = kept;
    this.#kind = tag.kind;
    this.#name = tag.name;
    this.#epoch = record?.epoch ?? 0;
    this.#seq = record?.seq ?? 0;
    this.#rowCount = record?.rowCount ?? 0;
    const results = [...(record?.results ?? [])].sort((a, b) => a.seq - b.seq);
    for (const result of results) this.#keep(result);
  }

  /** The epoch, seq and rows that are settled. */
  get epoch(): number {
    return this.#epoch;
  }

  get seq(): number {
    return this.#seq;
  }

  get rowCount(): number {
    return this.#rowCount;
  }

  /**
   * Says what a request means, and changes nothing. @throws `forbidden` for an older epoch, also when it repeats what
   * is stored; `request_invalid` for a gap; `already_exists` when the number was used for other content
   */
  check(tag: AppendTag, checksum: string): ProducerOutcome {
    assert(this.#kind === 'producer' || (tag.epoch === 0 && tag.seq === 1), 'expected a key to have one number');
    const { epoch, seq } = this.#latest();
    if (tag.epoch < epoch) throw this.#fenced(tag, epoch);
    if (tag.seq === seq + 1) return { outcome: 'new' };
    if (tag.seq > seq) throw this.#gap(tag, seq);
    const begun = this.#begun.find((each) => each.seq === tag.seq);
    const known = begun ?? this.#results.get(tag.seq);
    if (known !== undefined && known.checksum !== checksum) throw this.#otherContent(tag, seq);
    if (begun !== undefined) return { outcome: 'pending' };
    return { outcome: 'duplicate', result: this.#results.get(tag.seq) };
  }

  /** Takes the number of a request that is new; a higher epoch fences the older ones from here on. */
  begin(tag: AppendTag, checksum: string, rowCount: number): void {
    const { epoch, seq } = this.#latest();
    assert(tag.seq === seq + 1 && tag.epoch >= epoch, 'expected the next number of a producer');
    this.#begun.push({ epoch: tag.epoch, seq: tag.seq, checksum, rowCount });
  }

  /** What was begun is durable in `commit`. */
  settle(commit: number): void {
    const latest = this.#latest();
    for (const { seq, checksum, rowCount } of this.#begun) this.#keep({ seq, checksum, commit, rowCount });
    this.#epoch = latest.epoch;
    this.#seq = latest.seq;
    this.#rowCount = latest.rowCount;
    this.#begun = [];
  }

  /** What was begun failed; its numbers are free again. */
  undo(): void {
    this.#begun = [];
  }

  /** What was begun, in order: for the catalog's transaction. Results below `forgetBelow` are kept no more then. */
  get begun(): readonly BegunAppend[] {
    return this.#begun.map((each) => ({ ...each, forgetBelow: Math.max(1, each.seq - this.#kept + 1) }));
  }

  /** A settled result that is kept. */
  resultOf(seq: number): ProducerResult {
    return present(this.#results.get(seq), 'a settled result of a producer');
  }

  #latest(): { readonly epoch: number; readonly seq: number; readonly rowCount: number } {
    const last = this.#begun.at(-1);
    if (last === undefined) return { epoch: this.#epoch, seq: this.#seq, rowCount: this.#rowCount };
    const begunRows = this.#begun.reduce((sum, each) => sum + each.rowCount, 0);
    return { epoch: last.epoch, seq: last.seq, rowCount: this.#rowCount + begunRows };
  }

  #keep(result: ProducerResult): void {
    this.#results.set(result.seq, result);
    if (this.#results.size <= this.#kept) return;
    const [oldest] = this.#results.keys();
    if (oldest !== undefined) this.#results.delete(oldest);
  }

  #who(): string {
    return `producer ${JSON.stringify(this.#name)} of table "${this.#table}"`;
  }

  #fenced(tag: AppendTag, epoch: number): EngineError {
    const epochs = `is at epoch ${epoch.toString()}, and this request has epoch ${tag.epoch.toString()}`;
    const remedy = 'another writer has taken over: stop, or take over in turn with a higher epoch';
    return new EngineError('forbidden', `${this.#who()} ${epochs}; ${remedy}`);
  }

  #gap(tag: AppendTag, seq: number): EngineError {
    const numbers = `has to send seq ${(seq + 1).toString()} next, and sent ${tag.seq.toString()}`;
    return new EngineError('request_invalid', `${this.#who()} ${numbers}; send what lies between first`);
  }

  #otherContent(tag: AppendTag, seq: number): EngineError {
    if (this.#kind === 'key') {
      const key = `the idempotency key ${JSON.stringify(this.#name)} of table "${this.#table}"`;
      return new EngineError('already_exists', `${key} was used for other rows; send new rows with a new key`);
    }
    const number = `has stored other rows as seq ${tag.seq.toString()}`;
    const remedy = `send new rows with seq ${(seq + 1).toString()}; two writers need two names`;
    return new EngineError('already_exists', `${this.#who()} ${number}; ${remedy}`);
  }
}
