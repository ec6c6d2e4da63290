/**
 * What storage tests share: a small table of numbered rows, and short ways to fill and read it.
 *
 * Invariant: a storage opened here is closed when its test ends, before its directory goes away (node:test runs
 * `after` hooks in the order in which they were made, so there is one hook per test, which undoes in reverse). The
 * log is silent: these tests break disks on purpose.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { RecordBatch, ResultBatch } from '../../src/arrow/batch.ts';
import type { Schema } from '../../src/arrow/schema.ts';
import { present } from '../../src/base/assert.ts';
import { setLogLevel } from '../../src/base/log.ts';
import type { AppendResult, Snapshot, Storage, TableSnapshot } from '../../src/storage/contract.ts';
import { openStorage } from '../../src/storage/storage.ts';
import type { OpenStorageOptions } from '../../src/storage/storage.ts';
import { FLOAT64, INT64, UTF8, batchOf, rowsOf, schemaOf } from '../support/sample.ts';

/** Bounds of a database: no maintenance but what is asked for. */
export const QUIET = { sweepMs: 3_600_000, compactSegmentsMin: 0, scrubBytesPerSecond: 0 };

/** `id` counts, `value` is half of it, `name` is its text. */
export const SCHEMA = schemaOf({ id: INT64, value: FLOAT64, name: UTF8 });

/** Rows [from, from + count) of the numbered table. */
export function numbered(from: number, count: number): RecordBatch {
  const ids = Array.from({ length: count }, (_, i) => from + i);
  return batchOf(SCHEMA, [ids, ids.map((id) => id / 2), ids.map((id) => `row ${id.toString()}`)]);
}

setLogLevel('silent');

type Undo = () => void | Promise<void>;
const undos = new WeakMap<TestContext, Undo[]>();

/** Runs `undo` when the test ends, before what was registered earlier. */
export function undoAfter(t: TestContext, undo: Undo): void {
  const known = undos.get(t);
  if (known !== undefined) {
    known.push(undo);
    return;
  }
  const list = [undo];
  undos.set(t, list);
  t.after(async () => {
    for (const each of list.toReversed()) await each();
  });
}

/** A new temporary directory that goes away with the test. */
export function temporaryDirectory(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'sheaf-storage-'));
  undoAfter(t, () => {
    rmSync(directory, { recursive: true, force: true });
  });
  return directory;
}

/** Opens, and closes after the test. */
export async function openFor(t: TestContext, options: OpenStorageOptions): Promise<Storage> {
  const storage = await openStorage(options);
  undoAfter(t, () => storage.close());
  return storage;
}

/** One stream of batches, committed. */
export async function put(
  storage: Storage,
  name: string,
  batches: readonly RecordBatch[],
  schema: Schema = SCHEMA,
): Promise<AppendResult> {
  const append = await storage.beginAppend(name, schema, { create: true });
  for (const batch of batches) await append.write(batch);
  return append.commit();
}

/** The table in a snapshot, which must have it. */
export function tableIn(snapshot: Snapshot, name: string): TableSnapshot {
  return present(snapshot.table(name), `table ${name}`);
}

/** Rows of a table now, as stored bytes are decoded. */
export async function readRows(storage: Storage, name: string): Promise<unknown[][]> {
  const snapshot = storage.snapshot();
  try {
    return await rowsOf(tableIn(snapshot, name).messages());
  } finally {
    snapshot.release();
  }
}

/** The first column of a table now, as numbers. */
export async function readIds(storage: Storage, name: string): Promise<number[]> {
  return (await readRows(storage, name)).map((row) => Number(row[0]));
}

/** 0, 1, 2 … count - 1. */
export function count(to: number): number[] {
  return Array.from({ length: to }, (_, i) => i);
}

/** All of an async sequence. */
export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

/** Bytes of the headers and bodies of a scan's messages, dictionaries included. */
export function sentBytes(batches: readonly ResultBatch[]): number {
  let bytes = 0;
  for (const batch of batches) {
    for (const message of [...batch.dictionaries(), batch.message()]) {
      bytes += message.header.byteLength + message.bodyBytes;
    }
  }
  return bytes;
}
