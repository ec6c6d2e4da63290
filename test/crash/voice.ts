/**
 * How a program that will be killed uses a database aloud: every stream is announced before it is sent, and its
 * acknowledgement said. Written synchronously, so that what the parent has read really happened.
 */
import { readSync, writeSync } from 'node:fs';
import type { Storage } from '../../src/storage/contract.ts';
import { namesDamage, readStreams } from './ledger.ts';
import { editTable, sendStream } from './statement.ts';
import type { Edit } from './table-ledger.ts';

/** Says one line. */
export function say(...words: readonly (string | number)[]): void {
  writeSync(1, `${words.join(' ')}\n`);
}

/** Waits until the parent writes something: by then everything is loaded. */
export function awaitStart(): void {
  readSync(0, Buffer.alloc(16));
}

/** Reads every table, says what it found, and `open`. */
export async function sayFound(storage: Storage): Promise<void> {
  const found = await readStreams(storage, (table, error) => {
    say(namesDamage(error, table) ? 'damaged' : 'unreadable', table, String(error));
  });
  for (const [table, there] of found) say('found', table, JSON.stringify(there));
  say('open');
}

/** Numbers of streams, from `first` on. */
export class Speaker {
  readonly #storage: Storage;
  #next: number;

  constructor(storage: Storage, first: number) {
    this.#storage = storage;
    this.#next = first;
  }

  async put(table: string, rows: number): Promise<void> {
    const stream = this.#next++;
    say('send', table, stream, rows);
    await sendStream(this.#storage, table, stream, rows);
    say('ack', table, stream);
  }

  async edit(table: string, edit: Edit): Promise<void> {
    say('edit', table, JSON.stringify(edit));
    await editTable(this.#storage, table, edit);
    say('edited', table);
  }

  async drop(table: string): Promise<void> {
    say('drop', table);
    await this.#storage.dropTable(table);
    say('dropped', table);
  }

  /** A table of its own, made and dropped. */
  makeAndDrop(rows: number): Promise<void> {
    return this.use((table) => this.put(table, rows));
  }

  /** Works with a table of a new name, which is dropped afterwards. */
  async use(work: (table: string) => Promise<void>): Promise<void> {
    const table = `scratch${this.#next.toString()}`;
    await work(table);
    await this.drop(table);
  }
}
