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
import type { Snapshot, Storage } from '../../src/storage/contract.ts';
import { INT64, UTF8, batchOf, rowsOf } from '../support/sample.ts';
import { SCHEMA, numbered } from '../storage/fixture.ts';

/** More than the rows of any stream. */
export const STREAM_STRIDE = 10_000;

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

interface TableLedger {
  readonly kind: Kind;
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
    for (const [name, { kind, sent, acknowledged, dropped }] of this.#tables) {
      const table = { kind, sent: new Map(sent), acknowledged: new Set(acknowledged), dropped };
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
  async put(storage: Storage, name: string, rows: number, kind: Kind = 'plain'): Promise<void> {
    const stream = ++this.#streams;
    const table = this.#table(name, kind);
    table.sent.set(stream, rows);
    const from = stream * STREAM_STRIDE;
    const schema: Schema = kind === 'plain' ? SCHEMA : WORD_SCHEMA;
    const append = await storage.beginAppend(name, schema, { create: true });
    const half = rows >> 1;
    await append.write(rowsFor(kind, from, half));
    await append.write(rowsFor(kind, from + half, rows - half));
    await append.commit();
    table.acknowledged.add(stream);
  }

  /** Drops a table. @throws what storage throws; then it may be there or not */
  async drop(storage: Storage, name: string): Promise<void> {
    const table = this.#table(name, 'plain');
    table.dropped = 'maybe';
    await storage.dropTable(name);
    table.dropped = 'yes';
  }

  /** Marks a table as one that may be created again after a drop. */
  forget(name: string): void {
    this.#tables.delete(name);
  }

  /**
   * Reads every table whole. Returns the names of damaged ones. @throws AssertionError for a lost, foreign, doubled or
   * misplaced row, a stream in part, a lost table
   */
  async check(storage: Storage, leniency: Leniency): Promise<string[]> {
    const snapshot = storage.snapshot();
    try {
      const names = snapshot.tableNames();
      for (const [name, { acknowledged, dropped }] of this.#tables) {
        if (dropped === 'yes') assert.ok(!names.includes(name), `table ${name} is there after its drop`);
        else if (dropped === 'no' && acknowledged.size > 0) assert.ok(names.includes(name), `table ${name} is lost`);
      }
      const damaged: string[] = [];
      for (const name of names) if (!(await this.#checkTable(snapshot, name, leniency))) damaged.push(name);
      return damaged;
    } finally {
      snapshot.release();
    }
  }

  /** False when the table is damaged, and that may be. */
  async #checkTable(snapshot: Snapshot, name: string, leniency: Leniency): Promise<boolean> {
    const ledger = this.#tables.get(name);
    const table = snapshot.table(name);
    assert.ok(ledger !== undefined && table !== undefined, `table ${name} was never sent`);
    let rows: unknown[][];
    try {
      rows = await rowsOf(table.messages());
    } catch (error) {
      if (leniency.damage && namesDamage(error, name)) return false;
      throw new Error(`table ${name} cannot be read: ${String(error)}`, { cause: error });
    }
    assert.equal(rows.length, table.rowCount, `the row count of table ${name}`);
    checkRows(name, ledger, rows);
    return true;
  }

  #table(name: string, kind: Kind): TableLedger {
    let table = this.#tables.get(name);
    if (table === undefined) {
      table = { kind, sent: new Map(), acknowledged: new Set(), dropped: 'no' };
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

function checkRows(name: string, ledger: TableLedger, rows: readonly (readonly unknown[])[]): void {
  const found = new Map<number, number>();
  for (const row of rows) {
    const id = Number(row[0]);
    const stream = Math.floor(id / STREAM_STRIDE);
    assert.ok(ledger.sent.has(stream), `row ${String(row[0])} of table ${name} was never sent`);
    const before = found.get(stream) ?? 0;
    assert.equal(id, stream * STREAM_STRIDE + before, `a row of table ${name} is doubled or out of place`);
    assert.deepEqual(row, expectedRow(ledger.kind, id), `a row of table ${name} is wrong`);
    found.set(stream, before + 1);
  }
  for (const [stream, rowCount] of found) {
    assert.equal(rowCount, ledger.sent.get(stream), `stream ${stream.toString()} of table ${name} is there in part`);
  }
  for (const stream of ledger.acknowledged) {
    assert.ok(found.has(stream), `acknowledged stream ${stream.toString()} of table ${name} is lost`);
  }
}
