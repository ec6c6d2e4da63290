/**
 * WITH RECURSIVE: a query that reads its own rows.
 *
 * Hides how the step reads the rows before it. Invariants: the columns have the types of the first query; every one
 * may be NULL, for what the step makes is not known before.
 */
import { foldName } from '../base/names.ts';
import type { Field, Schema } from '../arrow/schema.ts';
import { makeSchema } from '../arrow/schema.ts';
import type { CommonTable } from '../sql/ast.ts';
import { sqlError } from '../sql/frame.ts';
import { bindLimit } from './bind-limit.ts';
import { bindOrder } from './bind-order.ts';
import { unite } from './bind-union.ts';
import type { Binding, Bound, CommonTables, OuterColumns } from './binding.ts';
import { castTo } from './coerce.ts';
import { hasOuter } from './decorrelate.ts';
import { columnOf } from './expr-walk.ts';
import type { LogicalPlan } from './logical.ts';
import { renameColumns } from './rename.ts';

/** Binds a query of WITH RECURSIVE; undefined when it is not written so, or does not read itself. @throws `sql_bind` */
export function bindRecursive(
  binding: Binding,
  table: CommonTable,
  known: CommonTables,
  outer: OuterColumns | undefined,
): Bound | undefined {
  const { query, name, columns, recursive } = table;
  if (!recursive || query.kind !== 'set_operation' || query.operator !== 'union') return undefined;
  const { sql, shared } = binding;
  const first = binding.bind(query.left, known, outer);
  const base = renameColumns(sql, first.plan, columns, name.name);
  const schema = makeSchema(base.schema.fields.map((field): Field => ({ ...field, nullable: true })));
  const id = shared.number();
  let isRead = false;
  const within = new Map(known);
  within.set(foldName(name.name), {
    name: name.name,
    depth: 0,
    read: () => {
      isRead = true;
      return { kind: 'working', schema, id };
    },
    outer: undefined,
  });
  const second = binding.bind(query.right, within, outer);
  if (!isRead) return undefined;
  if (hasOuter(base) || hasOuter(second.plan)) {
    const message = 'a recursive query that reads columns of the query around it is not supported yet';
    throw sqlError('sql_unsupported', sql, table.span, message);
  }
  const [, step] = unite(sql, query, base, second.plan).plans;
  const plan: LogicalPlan = {
    kind: 'recursive',
    schema,
    id,
    base: castColumns(sql, base, schema),
    step: castColumns(sql, step, schema),
    distinct: !query.all,
  };
  return { plan: bindLimit(sql, query, bindOrder(sql, query, plan)), depth: 1 + Math.max(first.depth, second.depth) };
}

function castColumns(sql: string, plan: LogicalPlan, schema: Schema): LogicalPlan {
  const span = { start: 0, end: 0 };
  const exprs = plan.schema.fields.map((field, i) => {
    return castTo(sql, columnOf(i, field, span), schema.fields[i]?.type ?? field.type, false, span);
  });
  return { kind: 'project', schema, input: plan, exprs };
}
