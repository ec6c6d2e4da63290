/**
 * The scan contract between tables and the engine.
 *
 * Hides where rows come from. Invariants: a source may skip only batches that it can prove to hold no row of interest
 * by `bounds`; it never filters rows, so that the engine applies every condition itself; order is the table's own
 * order.
 */
import type { RecordBatch } from './batch.ts';
import type { Schema } from './schema.ts';
import type { Vector } from './vector.ts';

/**
 * A value that bounds compare with, in the column's own physical form: numbers, or bigint for 64-bit and wider, text,
 * bytes.
 */
export type BoundValue = number | bigint | string | boolean;

/** A condition that is known to hold for every row of interest. `is_null` / `not_null` have no value. */
export interface Bound {
  readonly column: number;
  readonly operator: '=' | '<' | '<=' | '>' | '>=' | 'is_null' | 'not_null';
  readonly value?: BoundValue;
}

/** Bounds that are found while a scan runs. */
export interface MovingBounds {
  /** Another number whenever `bounds` answers others, which hold for every row of interest that is still to come. */
  readonly version: () => number;
  readonly bounds: () => readonly Bound[];
}

export interface ScanRequest {
  /** Indexes into the source's schema, in the order wanted; may be empty (then batches have no columns, but rows). */
  readonly columns: readonly number[];
  readonly bounds: readonly Bound[];
  readonly moving?: MovingBounds | undefined;
  /** The engine will not want more rows than this; a hint. */
  readonly limit: number | undefined;
}

/** What a column gets in rows that are given no value for it: a constant expression's SQL text, or one row. */
export type ColumnDefault = { readonly sql: string } | { readonly value: Vector };

/** Of batches, or of segments. */
interface Counts {
  readonly pruned: number;
  readonly total: number;
}

/** Batches that a scan skips and in all; `segments`: those of whose batches none is read, and all. */
export interface BatchCounts extends Counts {
  readonly segments?: Counts;
}

/** Something that can be scanned again and again, with the same answer each time. */
export interface Source {
  readonly schema: Schema;
  /** Exact rows of an unbounded scan. */
  readonly rowCount: number;
  scan(request: ScanRequest): AsyncIterable<RecordBatch>;
  /** Batches that `scan` would skip and in all, for EXPLAIN. */
  countBatches(bounds: readonly Bound[]): Promise<BatchCounts>;
}
