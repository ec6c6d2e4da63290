/**
 * Hand-made changes of rows, and a look at the disk, for the tests of rewrites.
 *
 * Hides gathering of rows. Invariant: an edit here needs the first column to be int64 numbers.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { RecordBatch } from '../../src/arrow/batch.ts';
import { joinVectors } from '../../src/arrow/concat.ts';
import type { Bound } from '../../src/arrow/source.ts';
import { sliceVector } from '../../src/arrow/slice.ts';
import { makeReader } from '../../src/arrow/value.ts';
import type { Clock } from '../../src/base/clock.ts';
import { decodeFileEnd } from '../../src/arrow/ipc-stream.ts';
import type { RowEdit, Snapshot, Storage } from '../../src/storage/contract.ts';
import type { MemoryOs } from '../support/memory-os.ts';
import { rowsOf } from '../support/sample.ts';
import { numbered, put, tableIn, undoAfter } from './fixture.ts';

/** The first column as numbers. */
export function idsOf(batch: RecordBatch): number[] {
  const column = batch.columns[0];
  if (column === undefined) return [];
  const read = makeReader(column);
  return Array.from({ length: batch.rowCount }, (_, i) => Number(read(i)));
}

/** Rows `wanted` of a batch, in this order. */
export function pick(batch: RecordBatch, wanted: readonly number[]): RecordBatch {
  if (wanted.length === batch.rowCount) return batch;
  const columns = batch.columns.map((column) =>
    wanted.length === 0
      ? sliceVector(column, 0, 0)
      : joinVectors(wanted.map((row) => sliceVector(column, row, row + 1))),
  );
  return { schema: batch.schema, rowCount: wanted.length, columns };
}

/** Deletes the rows whose id `goes`. */
export function deleting(
  storage: Storage,
  name: string,
  goes: (id: number) => boolean,
  bounds: readonly Bound[] = [],
) {
  const snapshot = storage.snapshot();
  const { schema } = tableIn(snapshot, name);
  snapshot.release();
  const edit: RowEdit = {
    schema,
    bounds,
    edit: (batch) => {
      const ids = idsOf(batch);
      const kept = ids.flatMap((id, row) => (goes(id) ? [] : [row]));
      if (kept.length === ids.length) return undefined;
      return { batch: pick(batch, kept), changedCount: ids.length - kept.length };
    },
  };
  return edit;
}

/** Deletes by id; gives the rows deleted. */
export function remove(storage: Storage, name: string, goes: (id: number) => boolean): Promise<number> {
  return storage.rewrite(name, 'delete', deleting(storage, name, goes));
}

/** Files in all table directories, but marks of drops: "directory/file", sorted. */
export function segmentFiles(directory: string): string[] {
  const tables = join(directory, 'tables');
  return readdirSync(tables)
    .flatMap((table) => readdirSync(join(tables, table)).map((file) => `${table}/${file}`))
    .filter((path) => path.endsWith('.arrow'))
    .sort();
}

/** The same on a disk in memory. */
export async function memoryFiles(os: MemoryOs, directory: string): Promise<string[]> {
  const tables = join(directory, 'tables');
  const found: string[] = [];
  for (const table of await os.list(tables)) {
    for (const file of await os.list(join(tables, table))) {
      if (file.endsWith('.arrow')) found.push(join(tables, table, file));
    }
  }
  return found.sort();
}

/** What a segment's footer says of itself. */
export function footerOf(bytes: Uint8Array): ReadonlyMap<string, string> {
  return new Map(decodeFileEnd(bytes, bytes.byteLength).metadata);
}

/** Ids of a table in a snapshot, by stored bytes and by scan, which must agree. */
export async function idsIn(snapshot: Snapshot, name: string): Promise<number[]> {
  const rows = await rowsOf(tableIn(snapshot, name).messages());
  return rows.map((row) => Number(row[0]));
}

/** A snapshot that is released with the test. */
export function pinFor(t: TestContext, storage: Storage): Snapshot {
  const snapshot = storage.snapshot();
  undoAfter(t, () => snapshot.release());
  return snapshot;
}

/** A clock that moves only when told to. */
export function stoppedClock(now = 1_700_000_000_000): Clock & { now: number } {
  return {
    now,
    wallMs() {
      return this.now;
    },
    monotonicMs() {
      return this.now;
    },
  };
}

/** Resolves when `check` holds; fails loudly when it never does. */
export async function until(what: string, check: () => boolean | Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 20_000; Date.now() < end;) {
    if (await check()) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error(`never came true: ${what}`);
}

/** `parts` sealed segments of `rows` rows. */
export async function fillSealed(storage: Storage, name: string, parts: number, rows: number): Promise<void> {
  for (let part = 0; part < parts; part++) {
    await put(storage, name, [numbered(part * rows, rows)]);
    await storage.seal(name);
  }
}

export const isEven = (id: number): boolean => id % 2 === 0;
export const isOdd = (id: number): boolean => id % 2 === 1;
