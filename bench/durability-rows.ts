/**
 * The rows of the durability benches, and what they take on the disk.
 *
 * Hides packing. Invariant: a batch has four columns of eight bytes, so its raw Arrow bytes are 32 a row; the ids of
 * a table count on, so that sums and counts tell whether all of them are there.
 */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { RecordBatch } from '../src/arrow/batch.ts';
import { makeField, makeSchema } from '../src/arrow/schema.ts';
import type { Schema } from '../src/arrow/schema.ts';
import type { DataType } from '../src/arrow/type.ts';
import { makeVector, typedView } from '../src/arrow/vector.ts';
import type { Storage } from '../src/storage/contract.ts';

const INT64: DataType = { id: 'int', bitWidth: 64, signed: true };
const FLOAT64: DataType = { id: 'float', bitWidth: 64 };

/** Raw Arrow bytes of one row. */
export const ROW_BYTES = 32;

export const TRADES: Schema = makeSchema([
  makeField('id', INT64),
  makeField('symbol', INT64),
  makeField('price', FLOAT64),
  makeField('volume', FLOAT64),
]);

/** Rows [from, from + count), values that do not compress to nothing. */
export function trades(from: number, count: number): RecordBatch {
  const ids = BigInt64Array.from({ length: count }, (_, i) => BigInt(from + i));
  const symbols = BigInt64Array.from({ length: count }, (_, i) => BigInt(((from + i) * 7919) % 100));
  const prices = Float64Array.from({ length: count }, (_, i) => 100 + Math.sin(from + i));
  const volumes = Float64Array.from({ length: count }, (_, i) => ((from + i) * 31) % 1000);
  const buffers = [ids.buffer, symbols.buffer, prices.buffer, volumes.buffer];
  return {
    schema: TRADES,
    rowCount: count,
    columns: TRADES.fields.map((field, i) => {
      return makeVector(field.type, count, undefined, 0, [new Uint8Array(buffers[i] ?? new ArrayBuffer(0))]);
    }),
  };
}

/** Appends `batches` as one durable commit. */
export async function appendTrades(storage: Storage, table: string, batches: Iterable<RecordBatch>): Promise<void> {
  const append = await storage.beginAppend(table, TRADES, { create: true });
  for (const batch of batches) await append.write(batch);
  await append.commit();
}

/** Reads a table whole; its rows and the sum of its ids. */
export async function tally(
  storage: Storage,
  table: string,
): Promise<{ readonly rows: number; readonly sum: bigint }> {
  const snapshot = storage.snapshot();
  try {
    let rows = 0;
    let sum = 0n;
    for await (const batch of snapshot.table(table)?.scan({ columns: [0], bounds: [], limit: undefined }) ?? []) {
      rows += batch.rowCount;
      const bytes = batch.columns[0]?.buffers[1] ?? new Uint8Array(0);
      for (const id of typedView(BigInt64Array, bytes, batch.rowCount)) sum += id;
    }
    return { rows, sum };
  } finally {
    snapshot.release();
  }
}

/** @throws unless the table holds the ids 0 … rows - 1, each `times` times as far as count and sum can tell */
export async function checkTrades(storage: Storage, table: string, rows: number, times = 1): Promise<void> {
  const found = await tally(storage, table);
  const expected = (BigInt(times) * BigInt(rows) * BigInt(rows - 1)) / 2n;
  if (found.rows === rows * times && found.sum === expected) return;
  throw new Error(
    `${table} holds ${found.rows.toString()} rows, ids add up to ${found.sum.toString()}, not as written`,
  );
}

/** Bytes that the files below `directory` take on the disk. */
export function takenBytes(directory: string): number {
  const unitBytes = 512;
  let bytes = 0;
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) bytes += statSync(join(entry.parentPath, entry.name)).blocks * unitBytes;
  }
  return bytes;
}
