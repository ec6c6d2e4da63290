/**
 * The producers of one table that are known in memory.
 *
 * Hides when they are read from the catalog. Invariants: there is one state per producer as long as somebody uses it;
 * what is not in use is forgotten, the oldest first, past PRODUCERS_LOADED_MAX; a table that was made in this life
 * has no producers in the catalog that are not here, unless some were forgotten since.
 */
import { PRODUCERS_LOADED_MAX } from '../base/limits.ts';
import type { Catalog } from '../catalog/catalog.ts';
import type { AppendTag } from './contract.ts';
import { ProducerState, producerKey } from './producer.ts';

interface Entry {
  readonly reading: Promise<ProducerState>;
  /** Once it is read. */
  state: ProducerState | undefined;
  users: number;
}

export class Producers {
  readonly #entries = new Map<string, Entry>();
  readonly #kept: number;
  /** True while the catalog has no producer of the table that is not here. */
  #isComplete: boolean;

  /** `kept`: results kept of each. `isNew`: the table is made in this life. */
  constructor(kept: number, isNew: boolean) {
    this.#kept = kept;
    this.#isComplete = isNew;
  }

  /** Reads a producer unless it is in memory, and keeps it there until the returned function is called. */
  async hold(
    catalog: Pick<Catalog, 'readProducer'>,
    table: { readonly tableId: number; readonly name: string },
    tag: AppendTag,
  ): Promise<() => void> {
    const key = producerKey(tag);
    const entry = this.#entries.get(key) ?? this.#enter(key, this.#read(catalog, table, tag));
    entry.users++;
    let released = false;
    const release = (): void => {
      if (!released) entry.users--;
      released = true;
      this.#forget();
    };
    try {
      entry.state = await entry.reading;
      return release;
    } catch (error) {
      this.#entries.delete(key);
      release();
      throw error;
    }
  }

  /** A producer that is in memory, or that nobody knows yet; undefined when it has to be read first. */
  get(name: string, tag: AppendTag): ProducerState | undefined {
    const key = producerKey(tag);
    const known = this.#entries.get(key);
    if (known !== undefined || !this.#isComplete) return known?.state;
    const state = new ProducerState(name, tag, undefined, this.#kept);
    this.#enter(key, Promise.resolve(state)).state = state;
    return state;
  }

  #enter(key: string, reading: Promise<ProducerState>): Entry {
    const entry: Entry = { reading, state: undefined, users: 0 };
    this.#entries.set(key, entry);
    return entry;
  }

  async #read(
    catalog: Pick<Catalog, 'readProducer'>,
    { tableId, name }: { readonly tableId: number; readonly name: string },
    tag: AppendTag,
  ): Promise<ProducerState> {
    const record = await catalog.readProducer({ tableId, kind: tag.kind, name: tag.name });
    return new ProducerState(name, tag, record, this.#kept);
  }

  #forget(): void {
    if (this.#entries.size <= PRODUCERS_LOADED_MAX) return;
    for (const [key, entry] of this.#entries) {
      if (this.#entries.size <= PRODUCERS_LOADED_MAX) return;
      if (entry.users > 0 || entry.state?.begun.length !== 0) continue;
      this.#entries.delete(key);
      this.#isComplete = false;
    }
  }
}
