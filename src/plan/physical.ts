/**
 * Physical plans: what exec runs. A closed union; every switch on it is exhaustive.
 *
 * Invariants: `schema` of an operator is that of every batch it yields; expressions refer to the input's schema by
 * index; an operator with more than one input does not exist yet.
 */
import type { RecordBatch } from '../arrow/batch.ts';
import type { Schema } from '../arrow/schema.ts';
import type { Bound, Source } from '../arrow/source.ts';
import type { AggregateCall, Expr, SortKey } from './expr.ts';

export type PhysicalPlan =
  | {
      readonly kind: 'scan';
      readonly schema: Schema;
      readonly tableName: string;
      readonly source: Source;
      /** Indexes into source.schema. */
      readonly columns: readonly number[];
      readonly bounds: readonly Bound[];
      readonly limit: number | undefined;
    }
  /** Rows that stand in the plan: FROM-less SELECT (one row, no columns), SHOW TABLES, DESCRIBE, EXPLAIN. */
  | { readonly kind: 'values'; readonly schema: Schema; readonly batches: readonly RecordBatch[] }
  /** Keeps rows whose `condition` is true (not null). */
  | { readonly kind: 'filter'; readonly schema: Schema; readonly input: PhysicalPlan; readonly condition: Expr }
  | {
      readonly kind: 'project';
      readonly schema: Schema;
      readonly input: PhysicalPlan;
      readonly exprs: readonly Expr[];
    }
  /** Output columns: groups, then aggregates. Without groups always one row. Group order is first appearance. */
  | {
      readonly kind: 'aggregate';
      readonly schema: Schema;
      readonly input: PhysicalPlan;
      readonly groups: readonly Expr[];
      readonly aggregates: readonly AggregateCall[];
    }
  /** Stable. `limit`: only the first rows are wanted (top-N). */
  | {
      readonly kind: 'sort';
      readonly schema: Schema;
      readonly input: PhysicalPlan;
      readonly keys: readonly SortKey[];
      readonly limit: number | undefined;
    }
  | {
      readonly kind: 'limit';
      readonly schema: Schema;
      readonly input: PhysicalPlan;
      readonly limit: number | undefined;
      readonly offset: number;
    };

/** A statement, planned. */
export type PlannedStatement =
  | { readonly kind: 'query'; readonly schema: Schema; readonly plan: PhysicalPlan }
  | { readonly kind: 'create_table'; readonly name: string; readonly schema: Schema; readonly ifNotExists: boolean }
  | { readonly kind: 'drop_table'; readonly name: string; readonly ifExists: boolean };

/** What the planner asks about the world: one snapshot's tables. */
export interface PlanCatalog {
  table(name: string): (Source & { readonly name: string }) | undefined;
  tableNames(): readonly string[];
}
