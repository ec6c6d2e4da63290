/**
 * Logical plans: what a query asks, before it is decided how to run it. Expressions in them are bound.
 *
 * Hides nothing. Invariants, held by binding and checked after every pass: an operator's expressions refer to
 * columns of its input by index and with the input's types; `schema` is what the operator yields; filter, sort,
 * distinct and limit yield their input's schema.
 */
import type { RecordBatch } from '../arrow/batch.ts';
import type { Field, Schema } from '../arrow/schema.ts';
import type { Bound, Source } from '../arrow/source.ts';
import { sameType } from '../arrow/type.ts';
import { assert } from '../base/assert.ts';
import type { AggregateCall, Expr, SortKey } from './expr.ts';
import { exprsOfCall, forEachColumn } from './expr-walk.ts';

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
  | { readonly kind: 'values'; readonly schema: Schema; readonly batches: readonly RecordBatch[] }
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
      readonly offset: number;
    };

/** A filter over `input`; adjacent filters become one. */
export function makeFilter(input: LogicalPlan, condition: Expr): LogicalPlan {
  return { kind: 'filter', schema: input.schema, input, condition };
}

/**
 * The plan with `rewrite` applied to its input; `schema` follows the input's where the operator only passes rows
 * on.
 */
export function mapInput(plan: LogicalPlan, rewrite: (input: LogicalPlan) => LogicalPlan): LogicalPlan {
  if (plan.kind === 'scan' || plan.kind === 'values') return plan;
  const input = rewrite(plan.input);
  if (input === plan.input) return plan;
  if (plan.kind === 'project' || plan.kind === 'aggregate') return { ...plan, input };
  return { ...plan, input, schema: input.schema };
}

/** Rewrites every operator, inputs first. */
export function mapPlan(plan: LogicalPlan, rewrite: (plan: LogicalPlan) => LogicalPlan): LogicalPlan {
  return rewrite(mapInput(plan, (input) => mapPlan(input, rewrite)));
}

/** Checks the invariants above for the whole plan; `when` names the stage, for the message. O(size of the plan). */
export function verifyPlan(plan: LogicalPlan, when: string): void {
  const { fields } = plan.schema;
  switch (plan.kind) {
    case 'scan':
      assert(plan.columns.length === fields.length, () => `${when}: a scan's columns and fields differ in number`);
      plan.columns.forEach((column, i) => {
        checkField(plan.source.schema.fields[column], fields[i], `${when}: scan`);
      });
      for (const bound of plan.bounds) {
        assert(plan.source.schema.fields[bound.column] !== undefined, () => `${when}: a bound on no column`);
      }
      return;
    case 'values':
      for (const batch of plan.batches)
        assert(batch.columns.length === fields.length, `${when}: values of another width`);
      return;
    case 'project':
      assert(
        plan.exprs.length === fields.length,
        () => `${when}: a projection's expressions and fields differ in number`,
      );
      plan.exprs.forEach((expr, i) => {
        checkExpr(expr, plan.input, when);
        checkField(expr, fields[i], `${when}: project`);
      });
      break;
    case 'aggregate': {
      const outputs = [...plan.groups, ...plan.aggregates];
      assert(outputs.length === fields.length, () => `${when}: an aggregate's outputs and fields differ in number`);
      outputs.forEach((output, i) => checkField(output, fields[i], `${when}: aggregate`));
      for (const group of plan.groups) checkExpr(group, plan.input, when);
      for (const expr of plan.aggregates.flatMap(exprsOfCall)) checkExpr(expr, plan.input, when);
      break;
    }
    case 'filter':
      checkExpr(plan.condition, plan.input, when);
      checkSchema(plan, when);
      break;
    case 'sort':
      for (const key of plan.keys) checkExpr(key.expr, plan.input, when);
      checkSchema(plan, when);
      break;
    case 'distinct':
    case 'limit':
      checkSchema(plan, when);
      break;
  }
  verifyPlan(plan.input, when);
}

interface Typed {
  readonly type: Field['type'];
  readonly nullable: boolean;
}

function checkField(made: Typed | undefined, field: Typed | undefined, when: string): void {
  assert(made !== undefined && field !== undefined, () => `${when}: a column that does not exist`);
  assert(sameType(made.type, field.type), () => `${when}: a column's type is not its field's`);
  assert(field.nullable || !made.nullable, () => `${when}: a nullable column under a field that is not`);
}

function checkExpr(expr: Expr, input: LogicalPlan, when: string): void {
  forEachColumn(expr, (column) => {
    const field = input.schema.fields[column.index];
    assert(field !== undefined, () => `${when}: column ${column.index.toString()} of ${input.kind} does not exist`);
    assert(
      sameType(field.type, column.type),
      () => `${when}: column ${column.name} has another type in ${input.kind}`,
    );
  });
}

function checkSchema(plan: Extract<LogicalPlan, { input: LogicalPlan }>, when: string): void {
  assert(plan.schema === plan.input.schema, () => `${when}: ${plan.kind} changes the schema`);
}
