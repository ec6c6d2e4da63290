/**
 * The check of logical plans after binding and after every pass.
 *
 * Hides nothing. Invariant: a plan that passes keeps logical.ts's promises; one that does not is our bug.
 */
import type { Field } from '../arrow/schema.ts';
import { sameType } from '../arrow/type.ts';
import { assert } from '../base/assert.ts';
import type { Expr } from './expr.ts';
import { forEachColumn, hasLeaf } from './expr-walk.ts';
import type { JoinPlan, LogicalPlan, LogicalQuery } from './logical.ts';
import { forEachExpr, inputsOf, joinSchema } from './logical.ts';

/** Checks a query's plans whole; `when` names the stage, for the message. O(size of the plans). */
export function verifyQuery(query: LogicalQuery, when: string): void {
  for (const shared of query.shared.values()) verifyPlan(shared, query, when);
  verifyPlan(query.plan, query, when);
}

function verifyPlan(plan: LogicalPlan, query: LogicalQuery, when: string): void {
  forEachExpr(plan, (expr) => {
    const isBound = !hasLeaf(expr, 'outer') && !hasLeaf(expr, 'pending');
    assert(isBound, () => `${when}: an expression of ${plan.kind} is not wholly bound`);
  });
  verifyOperator(plan, query, when);
  for (const input of inputsOf(plan)) verifyPlan(input, query, when);
}

function verifyOperator(plan: LogicalPlan, query: LogicalQuery, when: string): void {
  const { fields } = plan.schema;
  switch (plan.kind) {
    case 'scan':
      checkFields(
        plan.columns.map((column) => plan.source.schema.fields[column]),
        fields,
        `${when}: scan`,
      );
      for (const bound of plan.bounds) {
        assert(plan.source.schema.fields[bound.column] !== undefined, () => `${when}: a bound on no column`);
      }
      return;
    case 'shared': {
      const shared = query.shared.get(plan.id);
      assert(shared !== undefined, () => `${when}: a shared plan that does not exist`);
      checkFields(
        plan.columns.map((column) => shared.schema.fields[column]),
        fields,
        `${when}: shared`,
      );
      return;
    }
    case 'working':
      return;
    case 'values':
      for (const batch of plan.batches)
        assert(batch.columns.length === fields.length, `${when}: values of another width`);
      return;
    case 'project':
      checkFields(plan.exprs, fields, `${when}: project`);
      checkExprs(plan.exprs, plan.input.schema.fields, when);
      return;
    case 'aggregate':
      checkFields([...plan.groups, ...plan.aggregates], fields, `${when}: aggregate`);
      checkExprs(exprsOf(plan), plan.input.schema.fields, when);
      return;
    case 'window':
      checkFields([...plan.input.schema.fields, ...plan.calls], fields, `${when}: window`);
      checkExprs(exprsOf(plan), plan.input.schema.fields, when);
      return;
    case 'filter':
    case 'sort':
    case 'distinct':
    case 'limit':
      checkExprs(exprsOf(plan), plan.input.schema.fields, when);
      assert(plan.schema === plan.input.schema, () => `${when}: ${plan.kind} changes the schema`);
      return;
    case 'unnest': {
      const own = plan.input.schema.fields;
      checkExprs(plan.lists, own, when);
      const kept = plan.columns.map((column) => own[column]);
      checkFields(kept, fields.slice(0, kept.length), `${when}: unnest`);
      const made = plan.lists.length + (plan.ordinality ? 1 : 0);
      assert(fields.length === kept.length + made, () => `${when}: an unnest of another width`);
      return;
    }
    case 'join':
      verifyJoin(plan, when);
      return;
    case 'union':
    case 'recursive':
      for (const input of inputsOf(plan)) checkFields(input.schema.fields, fields, `${when}: ${plan.kind}`);
      return;
  }
}

function verifyJoin(plan: JoinPlan, when: string): void {
  const [left, right] = [plan.left.schema.fields, plan.right.schema.fields];
  checkExprs(
    plan.keys.map((key) => key.left),
    left,
    when,
  );
  checkExprs(
    plan.keys.map((key) => key.right),
    right,
    when,
  );
  if (plan.condition !== undefined) checkExprs([plan.condition], [...left, ...right], when);
  const { fields } = joinSchema(plan.join, plan.left.schema, plan.right.schema, plan.nullAware);
  checkFields(fields, plan.schema.fields, `${when}: join`);
  const isOpen = plan.join === 'mark' && plan.keys.length + (plan.condition === undefined ? 0 : 1) > 0;
  assert(!plan.nullAware || isOpen, () => `${when}: a join that is null-aware of nothing`);
}

interface Typed {
  readonly type: Field['type'];
  readonly nullable: boolean;
}

function checkFields(made: readonly (Typed | undefined)[], fields: readonly Field[], when: string): void {
  assert(made.length === fields.length, () => `${when}: what is made and the fields differ in number`);
  made.forEach((one, i) => {
    const field = fields[i];
    assert(one !== undefined && field !== undefined, () => `${when}: a column that does not exist`);
    assert(sameType(one.type, field.type), () => `${when}: a column's type is not its field's`);
    assert(field.nullable || !one.nullable, () => `${when}: a nullable column under a field that is not`);
  });
}

function exprsOf(plan: LogicalPlan): readonly Expr[] {
  const exprs: Expr[] = [];
  forEachExpr(plan, (expr) => exprs.push(expr));
  return exprs;
}

/** Checks that expressions read columns that there are, `fields`. */
function checkExprs(exprs: readonly Expr[], fields: readonly Field[], when: string): void {
  for (const expr of exprs) {
    forEachColumn(expr, (column) => {
      const field = fields[column.index];
      assert(field !== undefined, () => `${when}: column ${column.index.toString()} of an input does not exist`);
      assert(sameType(field.type, column.type), () => `${when}: column ${column.name} has another type in its input`);
    });
  }
}
