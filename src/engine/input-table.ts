/**
 * Rows that a caller brings with a statement, as a table of that statement alone.
 *
 * Hides nothing. Invariants: every scan gives the same batches in the same order; columns may be null where their
 * fields say so.
 */
import type { RecordBatch } from '../arrow/batch.ts';
import { makeSchema } from '../arrow/schema.ts';
import type { Schema } from '../arrow/schema.ts';
import { sliceBatch } from '../arrow/slice.ts';
import type { ScanRequest, Source } from '../arrow/source.ts';
import { BATCH_ROWS_MAX } from '../base/limits.ts';
import type { NamedSource } from '../plan/row-source.ts';
import type { InputTable } from './contract.ts';

/** The table as the planner takes it. */
export function inputSource({ name, schema, batches }: InputTable): NamedSource {
  return { name, ...batchSource(schema, batches) };
}

/** Batches as a source, each cut to what operators take at a time. */
export function batchSource(schema: Schema, batches: readonly RecordBatch[]): Source {
  const rowCount = batches.reduce((sum, batch) => sum + batch.rowCount, 0);
  const total = batches.reduce((sum, batch) => sum + Math.ceil(batch.rowCount / BATCH_ROWS_MAX), 0);
  async function* scan({ columns }: ScanRequest): AsyncGenerator<RecordBatch> {
    const chosen = makeSchema(columns.flatMap((column) => schema.fields[column] ?? []));
    for (const batch of batches) {
      for (let at = 0; at < batch.rowCount; at += BATCH_ROWS_MAX) {
        const piece = sliceBatch(batch, at, Math.min(at + BATCH_ROWS_MAX, batch.rowCount));
        const vectors = columns.flatMap((column) => piece.columns[column] ?? []);
        yield await Promise.resolve({ schema: chosen, rowCount: piece.rowCount, columns: vectors });
      }
    }
  }
  return { schema, rowCount, scan, countBatches: () => Promise.resolve({ pruned: 0, total }) };
}
