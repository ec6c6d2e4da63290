/**
 * What was sent to a database, what it acknowledged, and whether what it holds can be explained by that.
 *
 * Rows say what they should be: `id` is the stream's number times STREAM_STRIDE plus the row's, and the other columns
 * follow from it and from the statements since (table-ledger.ts). So every row that is read proves itself, and a stream
 * proves that it is whole. Numbered streams (`putTagged`) are sent again and must be there once.
 */
import assert from 'node:assert/strict';
import { EngineError } from '../../src/base/errors.ts';
import type { AppendResult, Storage } from '../../src/storage/contract.ts';
import { rowsOf } from '../support/sample.ts';
import { editTable, sendStream } from './statement.ts';
import { STREAM_STRIDE, TableLedger, sumOf } from './table-ledger.ts';
import type { Edit, FoundStream, FoundTable } from './table-ledger.ts';

/** The table of this name has a dictionary; all others are plain. */
export const WORDS_TABLE = 'words';

/** What a check may find besides the truth. */
export interface Leniency {
  /** Reads may fail with `corrupt`, if the message names the table and its file: the disk itself has lied. */
  readonly damage: boolean;
}

/** The last numbered stream to a table; its first result, once it is known. */
interface Tagged {
  readonly seq: number;
  readonly stream: number;
  readonly rows: number;
  result: AppendResult | undefined;
}

export class Ledger {
  readonly #tables = new Map<string, TableLedger>();
  readonly #tagged = new Map<string, Tagged>();
  #streams: number;

  constructor(firstStream = 1) {
    this.#streams = firstStream - 1;
  }

  /** A copy that does not change. */
  copy(): Ledger {
    const copied = new Ledger();
    for (const [name, table] of this.#tables) copied.#tables.set(name, table.copy());
    for (const [name, tagged] of this.#tagged) copied.#tagged.set(name, { ...tagged });
    copied.#streams = this.#streams;
    return copied;
  }

  /** How many streams were acknowledged. */
  get acknowledgedCount(): number {
    return [...this.#tables.values()].reduce((sum, table) => sum + table.acknowledgedStreams, 0);
  }

  /** How many statements that changed rows or columns were. */
  get acknowledgedEdits(): number {
    return [...this.#tables.values()].reduce((sum, table) => sum + table.acknowledgedEdits, 0);
  }

  /** Sends one stream of two batches. @throws what storage throws; then the stream may be there, whole, or not */
  async put(storage: Storage, name: string, rows: number): Promise<void> {
    const stream = ++this.#streams;
    this.sent(name, stream, rows);
    await sendStream(storage, name, stream, rows);
    this.acknowledged(name, stream);
  }

  /**
   * Sends the next numbered stream to a table, or the last one again when it is not known what became of it. @throws as
   * `put`
   */
  async putTagged(storage: Storage, name: string, rows: number): Promise<void> {
    const last = this.#tagged.get(name);
    if (last === undefined || last.result !== undefined) {
      const stream = ++this.#streams;
      this.sent(name, stream, rows);
      this.#tagged.set(name, { seq: (last?.seq ?? 0) + 1, stream, rows, result: undefined });
    }
    await this.retryTagged(storage, name);
  }

  /**
   * Sends the last numbered stream again, if there is one. @throws AssertionError when it was acknowledged before and
   * the answer is not the first one; else as `put`
   */
  async retryTagged(storage: Storage, name: string): Promise<void> {
    const tagged = this.#tagged.get(name);
    if (tagged === undefined) return;
    const { seq, stream, rows, result } = tagged;
    const tag = { kind: 'producer', name: 'p', epoch: 0, seq } as const;
    const answer = await sendStream(storage, name, stream, rows, tag);
    const { commit, rowCount } = result ?? answer;
    const label = `the answer to number ${seq.toString()} of table ${name}`;
    assert.deepEqual([answer.commit, answer.rowCount], [commit, rowCount], `${label} changed`);
    assert.equal(answer.rowCount, rows, label);
    if (result !== undefined) assert.ok(answer.duplicate, `${label}: it was stored a second time`);
    tagged.result ??= answer;
    this.acknowledged(name, stream);
  }

  /** Changes a table. @throws what storage throws; then it may have happened, wholly, or not */
  async edit(storage: Storage, name: string, edit: Edit): Promise<void> {
    this.editing(name, edit);
    await editTable(storage, name, edit);
    this.edited(name);
  }

  /** Takes note of a stream that is being sent. */
  sent(name: string, stream: number, rows: number): void {
    // Another table of the same name.
    if (this.#tables.get(name)?.dropped === 'yes') this.#tables.delete(name);
    this.#table(name).send(stream, rows);
  }

  /** Takes note of a stream that was acknowledged. */
  acknowledged(name: string, stream: number): void {
    this.#table(name).acknowledge(stream);
  }

  /** Takes note of a statement that is being sent. */
  editing(name: string, edit: Edit): void {
    this.#table(name).sendEdit(edit);
  }

  /** Takes note that the last statement to the table was acknowledged. */
  edited(name: string): void {
    this.#table(name).acknowledgeEdit();
  }

  /** Takes note of a drop that was asked for, or has been acknowledged. */
  dropping(name: string, state: 'maybe' | 'yes'): void {
    this.#table(name).dropped = state;
  }

  /** Drops a table. @throws what storage throws; then it may be there or not */
  async drop(storage: Storage, name: string): Promise<void> {
    this.dropping(name, 'maybe');
    await storage.dropTable(name);
    this.dropping(name, 'yes');
  }

  /**
   * Reads every table whole. Returns the names of damaged ones. @throws AssertionError for a lost, foreign, doubled or
   * misplaced row, one that was deleted, a stream or a statement in part, a lost table
   */
  async check(storage: Storage, leniency: Leniency): Promise<string[]> {
    const damaged: string[] = [];
    const found = await readStreams(storage, (name, error) => {
      if (!leniency.damage || !namesDamage(error, name)) {
        throw new Error(`table ${name} cannot be read: ${String(error)}`, { cause: error });
      }
      damaged.push(name);
    });
    this.compare(found, damaged);
    return damaged;
  }

  /** Holds what was found against what was sent. `damaged` tables are there, and not looked at. */
  compare(found: ReadonlyMap<string, FoundTable>, damaged: readonly string[] = []): void {
    for (const [name, { acknowledgedStreams, dropped }] of this.#tables) {
      const isThere = found.has(name) || damaged.includes(name);
      if (dropped === 'yes') assert.ok(!isThere, `table ${name} is there after its drop`);
      else if (dropped === 'no' && acknowledgedStreams > 0) assert.ok(isThere, `table ${name} is lost`);
    }
    for (const [name, table] of found) {
      const expected = this.#tables.get(name);
      assert.ok(expected !== undefined, `table ${name} was never sent`);
      expected.compare(table);
    }
  }

  /** Forgets what a check has found to be gone: tables dropped, streams and statements that did not happen. */
  settle(found: ReadonlyMap<string, FoundTable>): void {
    for (const [name, table] of this.#tables) {
      const there = found.get(name);
      if (there === undefined) this.#tables.delete(name);
      else table.settle(there);
    }
  }

  #table(name: string): TableLedger {
    let table = this.#tables.get(name);
    if (table === undefined) {
      table = new TableLedger(name, name === WORDS_TABLE ? 'words' : 'plain');
      this.#tables.set(name, table);
    }
    return table;
  }
}

/** Whether an error says `corrupt` and names the table and a segment's file. */
export function namesDamage(error: unknown, table: string): boolean {
  if (!(error instanceof EngineError) || error.code !== 'corrupt') return false;
  return error.message.includes(`table "${table}"`) && /\/tables\/[0-9a-f]{32}\/\d{12}\.arrow/.test(error.message);
}

/**
 * Reads all tables of a storage. A table that cannot be read is given to `onFailure`, and left out. @throws
 * AssertionError when the table does not have the rows that it says
 */
export async function readStreams(
  storage: Storage,
  onFailure: (table: string, error: unknown) => void,
): Promise<Map<string, FoundTable>> {
  const found = new Map<string, FoundTable>();
  const snapshot = storage.snapshot();
  try {
    for (const name of snapshot.tableNames()) {
      const table = snapshot.table(name);
      assert.ok(table !== undefined, `table ${name} is named and not there`);
      let rows: unknown[][];
      try {
        rows = await rowsOf(table.messages());
      } catch (error) {
        onFailure(name, error);
        continue;
      }
      assert.equal(rows.length, table.rowCount, `the row count of table ${name}`);
      found.set(name, { columns: table.schema.fields.map((field) => field.name), streams: streamsOf(rows) });
    }
  } finally {
    snapshot.release();
  }
  return found;
}

/** The streams that rows make, in the order of their first rows. */
function streamsOf(rows: readonly (readonly unknown[])[]): FoundStream[] {
  const found = new Map<number, (readonly unknown[])[]>();
  for (const row of rows) {
    const stream = Math.floor(Number(row[0]) / STREAM_STRIDE);
    const before = found.get(stream);
    if (before === undefined) found.set(stream, [row]);
    else before.push(row);
  }
  return [...found].map(([stream, its]) => [stream, its.length, sumOf(its)]);
}
