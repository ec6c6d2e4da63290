/**
 * What was sent to a database, what it acknowledged, and whether what it holds can be explained by that.
 *
 * Rows say what they should be: `id` is the stream's number times STREAM_STRIDE plus the row's, and the other columns
 * follow from it. So every row that is read proves itself, and a stream proves that it is whole.
 */
import assert from 'node:assert/strict';
import { buildVector } from '../../src/arrow/build.ts';
import type { RecordBatch } from '../../src/arrow/batch.ts';
import { makeField, makeSchema } from '../../src/arrow/schema.ts';
import type { Schema } from '../../src/arrow/schema.ts';
import { EngineError } from '../../src/base/errors.ts';
import type { Storage } from '../../src/storage/contract.ts';
import { INT64, UTF8, batchOf, rowsOf } from '../support/sample.ts';
import { SCHEMA, numbered } from '../storage/fixture.ts';

/** More than the rows of any stream. */
const STREAM_STRIDE = 10_000;

const WORD_TYPE = {
  id: 'dictionary',
  index: { id: 'int', bitWidth: 8, signed: true },
  value: UTF8,
  ordered: false,
  dictionaryId: 7n,
} as const;

/** `id`, and a word out of a dictionary that grows within three streams and is another in the fourth. */
const WORD_SCHEMA = makeSchema([makeField('id', INT64), makeField('word', WORD_TYPE)]);

function wordsOf(stream: number): string[] {
  return Array.from({ length: 2 + (stream % 4) }, (_, i) => `word ${i.toString()} of ${(stream >> 2).toString()}`);
}

/** How the rows of a table are made: plain columns, or a dictionary. */
export type Kind = 'plain' | 'words';

function rowsFor(kind: Kind, from: number, count: number): RecordBatch {
  if (kind === 'plain') return numbered(from, count);
  const words = wordsOf(Math.floor(from / STREAM_STRIDE));
  const ids = Array.from({ length: count }, (_, i) => from + i);
  const plain = batchOf(makeSchema([makeField('id', INT64)]), [ids]);
  const column = {
    type: WORD_TYPE,
    length: count,
    nullCount: 0,
    buffers: [new Uint8Array(0), new Uint8Array(Int8Array.from(ids, (id) => id % words.length).buffer)],
    children: [],
    dictionary: buildVector(UTF8, words),
  };
  return { schema: WORD_SCHEMA, rowCount: count, columns: [...plain.columns, column] };
}

/** The row that `id` must be. */
function expectedRow(kind: Kind, id: number): unknown[] {
  if (kind === 'plain') return [BigInt(id), id / 2, `row ${id.toString()}`];
  const words = wordsOf(Math.floor(id / STREAM_STRIDE));
  return [BigInt(id), words[id % words.length]];
}

/** The table of this name has a dictionary; all others are plain. */
export const WORDS_TABLE = 'words';

function kindOf(name: string): Kind {
  return name === WORDS_TABLE ? 'words' : 'plain';
}

/** Streams found in a table, in order: number and rows of each. */
export type FoundStreams = readonly (readonly [stream: number, rows: number])[];

interface TableLedger {
  /** Rows of every stream that was tried, by its number. */
  readonly sent: Map<number, number>;
  readonly acknowledged: Set<number>;
  /** Set when the table was dropped, or it is not known whether it was. */
  dropped: 'no' | 'maybe' | 'yes';
}

/** What a check may find besides the truth. */
export interface Leniency {
  /** Reads may fail with `corrupt`, if the message names the table and its file: the disk itself has lied. */
  readonly damage: boolean;
}

export class Ledger {
  readonly #tables = new Map<string, TableLedger>();
  #streams: number;

  constructor(firstStream = 1) {
    this.#streams = firstStream - 1;
  }

  /** A copy that does not change. */
  copy(): Ledger {
    const copied = new Ledger();
    for (const [name, { sent, acknowledged, dropped }] of this.#tables) {
      const table = { sent: new Map(sent), acknowledged: new Set(acknowledged), dropped };
      copied.#tables.set(name, table);
    }
    copied.#streams = this.#streams;
    return copied;
  }

  /** How many streams were acknowledged. */
  get acknowledgedCount(): number {
    return [...this.#tables.values()].reduce((sum, table) => sum + table.acknowledged.size, 0);
  }

  /** Sends one stream of two batches. @throws what storage throws; then the stream may be there, whole, or not */
  async put(storage: Storage, name: string, rows: number): Promise<void> {
    const stream = ++this.#streams;
    this.sent(name, stream, rows);
    await sendStream(storage, name, stream, rows);
    this.acknowledged(name, stream);
  }

  /** Takes note of a stream that is being sent. */
  sent(name: string, stream: number, rows: number): void {
    // Another table of the same name.
    if (this.#tables.get(name)?.dropped === 'yes') this.#tables.delete(name);
    this.#table(name).sent.set(stream, rows);
  }

  /** Takes note of a stream that was acknowledged. */
  acknowledged(name: string, stream: number): void {
    this.#table(name).acknowledged.add(stream);
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
   * misplaced row, a stream in part, a lost table
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
  compare(found: ReadonlyMap<string, FoundStreams>, damaged: readonly string[] = []): void {
    for (const [name, { acknowledged, dropped }] of this.#tables) {
      const isThere = found.has(name) || damaged.includes(name);
      if (dropped === 'yes') assert.ok(!isThere, `table ${name} is there after its drop`);
      else if (dropped === 'no' && acknowledged.size > 0) assert.ok(isThere, `table ${name} is lost`);
    }
    for (const [name, streams] of found) {
      const table = this.#tables.get(name);
      assert.ok(table !== undefined, `table ${name} was never sent`);
      compareStreams(name, table, streams);
    }
  }

  /** Forgets what a check has found to be gone: tables dropped, and streams that were not acknowledged. */
  settle(found: ReadonlyMap<string, FoundStreams>): void {
    for (const [name, table] of this.#tables) {
      const streams = found.get(name);
      if (streams === undefined) {
        this.#tables.delete(name);
        continue;
      }
      const there = new Set(streams.map(([stream]) => stream));
      for (const stream of table.sent.keys()) if (!there.has(stream)) table.sent.delete(stream);
      for (const stream of there) table.acknowledged.add(stream);
      table.dropped = 'no';
    }
  }

  #table(name: string): TableLedger {
    let table = this.#tables.get(name);
    if (table === undefined) {
      table = { sent: new Map(), acknowledged: new Set(), dropped: 'no' };
      this.#tables.set(name, table);
    }
    return table;
  }
}

/** Sends stream `stream` of `rows` rows to a table, in two batches, and commits it. */
export async function sendStream(storage: Storage, name: string, stream: number, rows: number): Promise<void> {
  const kind = kindOf(name);
  const from = stream * STREAM_STRIDE;
  const schema: Schema = kind === 'plain' ? SCHEMA : WORD_SCHEMA;
  const append = await storage.beginAppend(name, schema, { create: true });
  const half = rows >> 1;
  await append.write(rowsFor(kind, from, half));
  await append.write(rowsFor(kind, from + half, rows - half));
  await append.commit();
}

/** Whether an error says `corrupt` and names the table and a segment's file. */
export function namesDamage(error: unknown, table: string): boolean {
  if (!(error instanceof EngineError) || error.code !== 'corrupt') return false;
  return error.message.includes(`table "${table}"`) && /\/tables\/[0-9a-f]{32}\/\d{12}\.arrow/.test(error.message);
}

/**
 * Reads all tables of a storage. A table that cannot be read is given to `onFailure`, and left out. @throws
 * AssertionError for a row that is not what its id says, or is doubled or out of place
 */
export async function readStreams(
  storage: Storage,
  onFailure: (table: string, error: unknown) => void,
): Promise<Map<string, FoundStreams>> {
  const found = new Map<string, FoundStreams>();
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
      found.set(name, streamsOf(name, rows));
    }
  } finally {
    snapshot.release();
  }
  return found;
}

/** The streams that rows make. @throws AssertionError as `readStreams` does */
function streamsOf(name: string, rows: readonly (readonly unknown[])[]): FoundStreams {
  const found = new Map<number, number>();
  for (const row of rows) {
    const id = Number(row[0]);
    const stream = Math.floor(id / STREAM_STRIDE);
    const before = found.get(stream) ?? 0;
    assert.equal(id, stream * STREAM_STRIDE + before, `a row of table ${name} is doubled or out of place`);
    assert.deepEqual(row, expectedRow(kindOf(name), id), `a row of table ${name} is wrong`);
    found.set(stream, before + 1);
  }
  return [...found];
}

function compareStreams(name: string, table: TableLedger, streams: FoundStreams): void {
  for (const [stream, rows] of streams) {
    const label = `stream ${stream.toString()} of table ${name}`;
    assert.ok(table.sent.has(stream), `${label} was never sent`);
    assert.equal(rows, table.sent.get(stream), `${label} is there in part`);
  }
  const there = new Set(streams.map(([stream]) => stream));
  for (const stream of table.acknowledged) {
    assert.ok(there.has(stream), `acknowledged stream ${stream.toString()} of table ${name} is lost`);
  }
}
