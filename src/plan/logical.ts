/**
 * Logical plans: what a query asks, before it is decided how to run it. Expressions in them are bound.
 *
 * Hides nothing. Invariants, held by binding and checked after every pass (verify.ts): an operator's expressions refer
 * to columns of its input by index and with the input's types; `schema` is what the operator yields; filter, sort,
 * distinct and limit yield their input's schema.
 */
import type { RecordBatch } from '../arrow/batch.ts';
import type { Field, Schema } from '../arrow/schema.ts';
import type { Bound, Source } from '../arrow/source.ts';
import type { AggregateCall, Expr, JoinKey, JoinKind, SortKey, WindowCall } from './expr.ts';
import { columnOf, mapCall, mapWindow } from './expr-walk.ts';

export type LogicalPlan =
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
  | {
      readonly kind: 'values';
      readonly schema: Schema;
      readonly batches: readonly RecordBatch[];
      /** The rows say how many this one has. */
      readonly counts?: Source;
    }
  /** Rows of a plan that several places read: `LogicalQuery.shared`. */
  | {
      readonly kind: 'shared';
      readonly schema: Schema;
      readonly id: number;
      /** Indexes into the shared plan's schema. */
      readonly columns: readonly number[];
    }
  /** Within the step of the recursive operator of that number: the rows that the step before made. */
  | { readonly kind: 'working'; readonly schema: Schema; readonly id: number }
  | { readonly kind: 'filter'; readonly schema: Schema; readonly input: LogicalPlan; readonly condition: Expr }
  | {
      readonly kind: 'project';
      readonly schema: Schema;
      readonly input: LogicalPlan;
      readonly exprs: readonly Expr[];
    }
  | {
      readonly kind: 'aggregate';
      readonly schema: Schema;
      readonly input: LogicalPlan;
      readonly groups: readonly Expr[];
      readonly aggregates: readonly AggregateCall[];
    }
  /** The input's rows, in their order, each with the calls' values behind its columns. */
  | {
      readonly kind: 'window';
      readonly schema: Schema;
      readonly input: LogicalPlan;
      readonly calls: readonly WindowCall[];
    }
  | { readonly kind: 'distinct'; readonly schema: Schema; readonly input: LogicalPlan }
  | {
      readonly kind: 'sort';
      readonly schema: Schema;
      readonly input: LogicalPlan;
      readonly keys: readonly SortKey[];
      readonly limit: number | undefined;
    }
  | {
      readonly kind: 'limit';
      readonly schema: Schema;
      readonly input: LogicalPlan;
      readonly limit: number | undefined;
      /** In place of `limit`: so many of a hundred of all rows. */
      readonly percent?: number | undefined;
      readonly offset: number;
      /** In place of these: a plan of one row that has them, limit and offset int64, percent double; NULL for none. */
      readonly counts?: LogicalPlan | undefined;
    }
  /**
   * Pairs of rows for which every key is equal and `condition` is true. Yields the left columns and then the right
   * ones; semi and anti only the left; mark the left and the mark.
   */
  | {
      readonly kind: 'join';
      readonly schema: Schema;
      readonly join: JoinKind;
      readonly left: LogicalPlan;
      readonly right: LogicalPlan;
      readonly keys: readonly JoinKey[];
      /** Over the left columns and then the right ones. */
      readonly condition: Expr | undefined;
      /**
       * Of a mark join: NULL where a comparison with NULL, in the last key or else in the condition, leaves it open
       * whether a row joins. Such a join has one of the two.
       */
      readonly nullAware: boolean;
      /** Of semi and anti joins: the left rows are held and the right ones looked up, not the other way round. */
      readonly holdsLeft: boolean;
    }
  /**
   * The input's rows, each as often as the longest of its `lists` has values: columns of the input, one for each list,
   * NULL where it is shorter, and with `ordinality` the number of the value. With `keepsEmpty` a row without values
   * yields one of NULLs.
   */
  | {
      readonly kind: 'unnest';
      readonly schema: Schema;
      readonly input: LogicalPlan;
      /** Of the input, those that it yields: a long list had better not be repeated for each of its values. */
      readonly columns: readonly number[];
      readonly lists: readonly Expr[];
      readonly ordinality: boolean;
      readonly keepsEmpty: boolean;
    }
  /** The rows of one input after those of another, under the types of `schema`. */
  | { readonly kind: 'union'; readonly schema: Schema; readonly inputs: readonly LogicalPlan[] }
  /** The rows of `base`, then of `step` over them, over those, and so on until there are none. */
  | {
      readonly kind: 'recursive';
      readonly schema: Schema;
      readonly id: number;
      readonly base: LogicalPlan;
      readonly step: LogicalPlan;
      /** Rows that came before are left out. */
      readonly distinct: boolean;
    };

/** A plan, and those that it reads in several places; a shared plan reads only ones before it. */
export interface LogicalQuery {
  readonly plan: LogicalPlan;
  readonly shared: ReadonlyMap<number, LogicalPlan>;
}

export type JoinPlan = Extract<LogicalPlan, { kind: 'join' }>;

/** All rows and columns of a source, under the name that EXPLAIN shows. */
export function scanAll(tableName: string, source: Source): Extract<LogicalPlan, { kind: 'scan' }> {
  const columns = [...source.schema.fields.keys()];
  return { kind: 'scan', schema: source.schema, tableName, source, columns, bounds: [], limit: undefined };
}

/** A filter over `input`. */
export function makeFilter(input: LogicalPlan, condition: Expr): LogicalPlan {
  return { kind: 'filter', schema: input.schema, input, condition };
}

/** The fields that a join of two schemas yields. */
export function joinSchema(join: JoinKind, left: Schema, right: Schema, markNullable: boolean): Schema {
  switch (join) {
    case 'semi':
    case 'anti':
      return left;
    case 'mark': {
      const mark: Field = { name: '', type: { id: 'bool' }, nullable: markNullable, metadata: [] };
      return { fields: [...left.fields, mark], metadata: [] };
    }
    case 'inner':
      return { fields: [...left.fields, ...right.fields], metadata: [] };
    case 'left':
    case 'single':
      return { fields: [...left.fields, ...right.fields.map(asNullable)], metadata: [] };
    case 'right':
      return { fields: [...left.fields.map(asNullable), ...right.fields], metadata: [] };
    case 'full':
      return { fields: [...left.fields.map(asNullable), ...right.fields.map(asNullable)], metadata: [] };
  }
}

function asNullable(field: Field): Field {
  return field.nullable ? field : { ...field, nullable: true };
}

/** What a join is made of. */
export interface JoinParts {
  readonly join: JoinKind;
  readonly left: LogicalPlan;
  readonly right: LogicalPlan;
  readonly keys: readonly JoinKey[];
  readonly condition: Expr | undefined;
  readonly nullAware?: boolean;
  readonly holdsLeft?: boolean;
}

/** A join under the schema that it has. */
export function makeJoin(parts: JoinParts): JoinPlan {
  const { join, left, right, keys, condition, nullAware = false, holdsLeft = false } = parts;
  const schema = joinSchema(join, left.schema, right.schema, nullAware);
  return { kind: 'join', schema, join, left, right, keys, condition, nullAware, holdsLeft };
}

/** A window operator under the schema that it has. */
export function makeWindow(input: LogicalPlan, calls: readonly WindowCall[]): LogicalPlan {
  const results = calls.map(({ type, nullable }): Field => ({ name: '', type, nullable, metadata: [] }));
  const schema = { fields: [...input.schema.fields, ...results], metadata: input.schema.metadata };
  return { kind: 'window', schema, input, calls };
}

type UnnestPlan = Extract<LogicalPlan, { kind: 'unnest' }>;

/** An unnesting under the schema that it has: fields of the input, all unless said which, and then `made`. */
export function makeUnnest(
  parts: Omit<UnnestPlan, 'kind' | 'schema' | 'columns'> & Partial<Pick<UnnestPlan, 'columns'>>,
  made: readonly Field[],
): UnnestPlan {
  const { input, lists, ordinality, keepsEmpty } = parts;
  const columns = parts.columns ?? [...input.schema.fields.keys()];
  const fields = columns.map((column) => input.schema.fields[column] as Field);
  const schema = { fields: [...fields, ...made], metadata: [] };
  return { kind: 'unnest', schema, input, columns, lists, ordinality, keepsEmpty };
}

/** A projection of some columns of `input`, in that order, under their own fields. */
export function pickColumns(input: LogicalPlan, columns: readonly number[]): LogicalPlan {
  const fields = columns.map((column) => input.schema.fields[column] as Field);
  const exprs = columns.map((column, i) => columnOf(column, fields[i] as Field, { start: 0, end: 0 }));
  return { kind: 'project', schema: { fields, metadata: input.schema.metadata }, input, exprs };
}

/** The inputs of an operator, in order. */
export function inputsOf(plan: LogicalPlan): readonly LogicalPlan[] {
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
    case 'distinct':
    case 'sort':
    case 'unnest':
      return [plan.input];
    case 'limit':
      return plan.counts === undefined ? [plan.input] : [plan.input, plan.counts];
  }
}

/** The operator over other inputs, as many; `schema` follows them where the operator only passes rows on. */
function withInputs(plan: LogicalPlan, inputs: readonly LogicalPlan[]): LogicalPlan {
  const [first, second] = inputs as readonly [LogicalPlan, LogicalPlan];
  switch (plan.kind) {
    case 'scan':
    case 'values':
    case 'shared':
    case 'working':
      return plan;
    case 'join':
      return makeJoin({ ...plan, left: first, right: second });
    case 'union':
      return { ...plan, inputs };
    case 'recursive':
      return { ...plan, base: first, step: second };
    case 'project':
    case 'aggregate':
      return { ...plan, input: first };
    case 'window':
      return makeWindow(first, plan.calls);
    case 'unnest':
      return makeUnnest({ ...plan, input: first }, plan.schema.fields.slice(plan.columns.length));
    case 'filter':
    case 'distinct':
    case 'sort':
      return { ...plan, input: first, schema: first.schema };
    case 'limit':
      return { ...plan, input: first, schema: first.schema, counts: plan.counts === undefined ? undefined : second };
  }
}

/** The plan with `rewrite` applied to its inputs. */
export function mapInputs(plan: LogicalPlan, rewrite: (input: LogicalPlan) => LogicalPlan): LogicalPlan {
  const inputs = inputsOf(plan);
  const made = inputs.map(rewrite);
  return made.every((input, i) => input === inputs[i]) ? plan : withInputs(plan, made);
}

/** Rewrites every operator, inputs first. */
export function mapPlan(plan: LogicalPlan, rewrite: (plan: LogicalPlan) => LogicalPlan): LogicalPlan {
  return rewrite(mapInputs(plan, (input) => mapPlan(input, rewrite)));
}

/** The operator with every expression of its own rewritten. */
export function mapExprs(plan: LogicalPlan, rewrite: (expr: Expr) => Expr): LogicalPlan {
  switch (plan.kind) {
    case 'filter':
      return { ...plan, condition: rewrite(plan.condition) };
    case 'project':
      return { ...plan, exprs: plan.exprs.map(rewrite) };
    case 'unnest':
      return { ...plan, lists: plan.lists.map(rewrite) };
    case 'aggregate': {
      const aggregates = plan.aggregates.map((call) => mapCall(call, rewrite));
      return { ...plan, groups: plan.groups.map(rewrite), aggregates };
    }
    case 'window':
      return { ...plan, calls: plan.calls.map((call) => mapWindow(call, rewrite)) };
    case 'sort':
      return { ...plan, keys: plan.keys.map((key) => ({ ...key, expr: rewrite(key.expr) })) };
    case 'join': {
      const keys = plan.keys.map((key) => ({ ...key, left: rewrite(key.left), right: rewrite(key.right) }));
      return { ...plan, keys, condition: plan.condition === undefined ? undefined : rewrite(plan.condition) };
    }
    case 'scan':
    case 'values':
    case 'shared':
    case 'working':
    case 'distinct':
    case 'limit':
    case 'union':
    case 'recursive':
      return plan;
  }
}

/** Calls `visit` with every expression of the operator's own. */
export function forEachExpr(plan: LogicalPlan, visit: (expr: Expr) => void): void {
  mapExprs(plan, (expr) => {
    visit(expr);
    return expr;
  });
}

/** One row without columns: what a query without FROM reads. */
export function oneRow(): LogicalPlan {
  const schema: Schema = { fields: [], metadata: [] };
  return { kind: 'values', schema, batches: [{ schema, rowCount: 1, columns: [] }] };
}
