/**
 * Physical plans: what exec runs. A closed union; every switch on it is exhaustive.
 *
 * Invariants: `schema` of an operator is that of every batch it yields; expressions refer to the input's schema by
 * index; readers of one shared plan hold the same `SharedRows` object.
 */
import type { RecordBatch } from '../arrow/batch.ts';
import type { Field, Schema } from '../arrow/schema.ts';
import type { Bound, ColumnDefault, Source } from '../arrow/source.ts';
import type { Vector } from '../arrow/vector.ts';
import type { AggregateCall, Expr, JoinKey, JoinKind, SortKey, WindowCall } from './expr.ts';
import type { ParsedStatement } from './needs.ts';
import type { NamedSource } from './row-source.ts';
import type { SettingName, Settings } from './setting.ts';
import type { EngineTable } from './system-name.ts';

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
  /** The input's rows in their order, and behind their columns the values of the calls. */
  | {
      readonly kind: 'window';
      readonly schema: Schema;
      readonly input: PhysicalPlan;
      readonly calls: readonly WindowCall[];
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
      /** In place of `limit`: so many of a hundred of all rows. */
      readonly percent?: number | undefined;
      readonly offset: number;
      /** @see LogicalPlan */
      readonly counts?: PhysicalPlan | undefined;
    }
  /** Rows of a plan that several operators read; it is run once. */
  | {
      readonly kind: 'shared';
      readonly schema: Schema;
      readonly rows: SharedRows;
      /** Indexes into the shared plan's schema. */
      readonly columns: readonly number[];
    }
  /** Within the step of the recursive operator with that number: the rows that the round before made. */
  | { readonly kind: 'working'; readonly schema: Schema; readonly id: number }
  /** @see LogicalPlan. Left rows keep their order, but for those of right and full joins that only the right has. */
  | {
      readonly kind: 'join';
      readonly schema: Schema;
      readonly join: JoinKind;
      readonly left: PhysicalPlan;
      readonly right: PhysicalPlan;
      readonly keys: readonly JoinKey[];
      readonly condition: Expr | undefined;
      readonly nullAware: boolean;
      readonly holdsLeft: boolean;
    }
  /**
   * @see LogicalPlan. The input's rows, each as often as the longest of its `lists` has values: the input's columns,
   * one for each list, NULL where it is shorter, and with `ordinality` the number of the value. With `keepsEmpty` a
   * row without values yields one of NULLs.
   */
  | {
      readonly kind: 'unnest';
      readonly schema: Schema;
      readonly input: PhysicalPlan;
      /** Of the input, those that it yields: a long list had better not be repeated for each of its values. */
      readonly columns: readonly number[];
      readonly lists: readonly Expr[];
      readonly ordinality: boolean;
      readonly keepsEmpty: boolean;
    }
  /** One input after another. */
  | { readonly kind: 'union'; readonly schema: Schema; readonly inputs: readonly PhysicalPlan[] }
  | {
      readonly kind: 'recursive';
      readonly schema: Schema;
      readonly id: number;
      readonly base: PhysicalPlan;
      readonly step: PhysicalPlan;
      readonly distinct: boolean;
    };

/** The inputs of an operator; a shared plan is none of its readers' alone. */
export function inputsOf(plan: PhysicalPlan): readonly PhysicalPlan[] {
  switch (plan.kind) {
    case 'scan':
    case 'values':
    case 'shared':
    case 'working':
      return [];
    case 'join':
      return [plan.left, plan.right];
    case 'union':
      return plan.inputs;
    case 'recursive':
      return [plan.base, plan.step];
    case 'filter':
    case 'project':
    case 'aggregate':
    case 'window':
    case 'sort':
    case 'unnest':
      return [plan.input];
    case 'limit':
      return plan.counts === undefined ? [plan.input] : [plan.input, plan.counts];
  }
}

/** A plan that several operators read. */
export interface SharedRows {
  readonly id: number;
  readonly plan: PhysicalPlan;
}

/** A change of a table's definition. `name` is the table's. */
export type TableChange =
  /**
   * `default`: a vector of one row of the field's type, what the rows that are there read as; undefined means null, and
   * the field is nullable then. `sql`: what new rows get.
   */
  | {
      readonly kind: 'add_column';
      readonly field: Field;
      readonly default: Vector | undefined;
      readonly sql: string | undefined;
      readonly ifNotExists: boolean;
    }
  /** What new rows get; undefined for NULL. */
  | { readonly kind: 'set_default'; readonly column: string; readonly sql: string | undefined }
  | { readonly kind: 'set_nullable'; readonly column: string; readonly nullable: boolean }
  | { readonly kind: 'drop_column'; readonly column: string; readonly ifExists: boolean }
  | { readonly kind: 'rename_column'; readonly column: string; readonly to: string }
  /** Retention; undefined takes it away. */
  | { readonly kind: 'set_ttl'; readonly ttl: { readonly column: string; readonly ms: number } | undefined };

/** A statement, planned. Expressions of DELETE and UPDATE refer to the table's columns by index, all of them in order. */
export type PlannedStatement =
  | { readonly kind: 'query'; readonly schema: Schema; readonly plan: PhysicalPlan }
  /** `value` is one that the setting of that name takes. */
  | { readonly kind: 'set'; readonly name: SettingName; readonly value: Settings[SettingName] }
  | {
      readonly kind: 'create_table';
      readonly name: string;
      readonly schema: Schema;
      readonly ifNotExists: boolean;
      /** A table of that name is dropped in the same commit. */
      readonly orReplace: boolean;
      /** SQL text of what new rows get, by column. */
      readonly defaults: readonly (string | undefined)[];
      /** Gives the rows that it is created with, in columns of the schema's types; undefined: none. */
      readonly plan: PhysicalPlan | undefined;
    }
  /** `prepared` is kept by the session under `name`. */
  | { readonly kind: 'prepare'; readonly name: string; readonly prepared: ParsedStatement }
  | { readonly kind: 'deallocate'; readonly name: string }
  /** Rows of a file are appended: `planFile` plans the INSERT, once the file says what it holds. */
  | {
      readonly kind: 'copy_from';
      readonly name: string;
      /** The table's columns that are filled, in the order of the file's. */
      readonly targets: Schema;
      readonly file: CopyFile;
      readonly statement: ParsedStatement;
    }
  | { readonly kind: 'copy_to'; readonly plan: PhysicalPlan; readonly file: CopyFile }
  | { readonly kind: 'drop_table'; readonly name: string; readonly ifExists: boolean }
  | {
      readonly kind: 'create_view';
      readonly name: string;
      readonly view: PlanView;
      readonly ifNotExists: boolean;
      readonly orReplace: boolean;
    }
  | { readonly kind: 'drop_view'; readonly name: string; readonly ifExists: boolean }
  | { readonly kind: 'truncate'; readonly name: string }
  /**
   * The rows of `plan` are appended: its column i is column `columns[i]` of the table, of its type or, where the
   * column is dictionary or run-end encoded, of the type of its values. Other columns get the value of their default,
   * or NULL; a default that is SQL text is among the plan's columns.
   */
  | {
      readonly kind: 'insert';
      readonly name: string;
      /** The table's. */
      readonly schema: Schema;
      readonly columns: readonly number[];
      readonly plan: PhysicalPlan;
      readonly returning: Returning | undefined;
    }
  | {
      readonly kind: 'alter_table';
      readonly name: string;
      readonly ifExists: boolean;
      readonly change: TableChange;
    }
  /** Rows whose `condition` is true go, or all rows without one. `bounds` follow from the condition. */
  | {
      readonly kind: 'delete';
      readonly name: string;
      readonly schema: Schema;
      readonly condition: Expr | undefined;
      readonly bounds: readonly Bound[];
      readonly rows: RowPlan | undefined;
      readonly returning: Returning | undefined;
    }
  /**
   * The same for rows that get new values: `exprs[i]` for column `columns[i]`, of its own type or, where the column is
   * dictionary or run-end encoded, of the type of its values.
   */
  | {
      readonly kind: 'update';
      readonly name: string;
      readonly schema: Schema;
      readonly condition: Expr | undefined;
      readonly bounds: readonly Bound[];
      readonly columns: readonly number[];
      readonly exprs: readonly Expr[];
      readonly rows: RowPlan | undefined;
      readonly returning: Returning | undefined;
    };

/**
 * Which rows of a table change, where other rows decide that: the plan yields the number of a row, a float64 that
 * counts from 0 in the table's order, and then the new values in the order of the statement's columns. The same row may
 * come more than once. Condition and expressions of the statement say nothing then. Holds for the snapshot that it was
 * planned on.
 */
export type RowPlan = PhysicalPlan;

/** RETURNING: the plan, over the rows that were added, changed or taken away, which whoever runs the statement fills in. */
export interface Returning {
  readonly plan: PhysicalPlan;
  readonly rows: ChangedRows;
}

/** Rows that a statement has changed, to be read when it has ended. */
export interface ChangedRows extends Source {
  add(batch: RecordBatch): void;
}

/** A file of COPY, and how it is written. Options that were not given are undefined. */
export interface CopyFile {
  /** As written. */
  readonly path: string;
  readonly format: CopyFormat;
  readonly header: boolean | undefined;
  /** One ASCII character each. */
  readonly delimiter: string | undefined;
  readonly quote: string | undefined;
  readonly escape: string | undefined;
  /** What stands for NULL in text. */
  readonly nullText: string | undefined;
  readonly compression: 'none' | 'gzip' | 'snappy' | 'zstd' | 'lz4_raw' | 'brotli' | undefined;
}

/** `arrows` is an Arrow stream, `arrow` an Arrow file. */
export type CopyFormat = 'csv' | 'ndjson' | 'arrow' | 'arrows' | 'parquet';

/** A moment that a query reads a table at: AT (VERSION => n) or AT (TIMESTAMP => t), t in microseconds since 1970 UTC. */
export type TimePoint =
  { readonly kind: 'version'; readonly version: number } | { readonly kind: 'timestamp'; readonly micros: bigint };

/** A table of a catalog. */
export interface PlanTable extends Source {
  readonly name: string;
  /** By column, what new rows get that are given no value for it; without a list they all get NULL. */
  readonly defaults?: readonly (ColumnDefault | undefined)[];
}

/** A view of a catalog. */
export interface PlanView {
  readonly name: string;
  /** New names for the query's first columns. */
  readonly columns: readonly string[];
  /** The query's text. */
  readonly sql: string;
}

/** What the planner asks about the world: one snapshot's tables and views, which have no name in common. */
export interface PlanCatalog {
  table(name: string): PlanTable | undefined;
  tableNames(): readonly string[];
  view(name: string): PlanView | undefined;
  viewNames(): readonly string[];
  /** The tables at another moment; each one that `readNeeds` found in the text is there. */
  at(point: TimePoint): PlanCatalog;
  /** A system table, the same all over the statement; undefined for one that `readNeeds` did not find in the text. */
  system(name: EngineTable): NamedSource | undefined;
}
