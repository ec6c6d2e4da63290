/**
 * WITH RECURSIVE: a query that reads its own rows.
 *
 * Hides how the step reads the rows before it. Invariants: the columns have the types of the first query; every one
 * may be NULL, for what the step makes is not known before.
 */
import { foldName } from '../base/names.ts';
import type { Field, Schema } from '../arrow/schema.ts';
import { makeSchema } from '../arrow/schema.ts';
import type { CommonTable, SetOperation } from '../sql/ast.ts';
import { sqlError } from '../sql/frame.ts';
import { unite } from './bind-union.ts';
import type { Binding, Bound, CommonTables, OuterColumns } from './binding.ts';
import { castTo } from './coerce.ts';
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
  refuseBounds(sql, query);
  const [, step] = unite(sql, query, base, second.plan).plans;
  const plan: LogicalPlan = {
    kind: 'recursive',
    schema,
    id,
    base: castColumns(sql, base, schema),
    step: castColumns(sql, step, schema),
    distinct: !query.all,
  };
  return { plan, depth: 1 + Math.max(first.depth, second.depth) };
}

/** As in DuckDB: rounds have no order that could be asked for. @throws `sql_bind` */
function refuseBounds(sql: string, { orders, orderAll, limit, offset }: SetOperation): void {
  const [written, span] =
    orderAll !== undefined || orders.length > 0
      ? ['ORDER BY', (orderAll ?? orders[0])?.span]
      : ['LIMIT and OFFSET', (limit ?? offset)?.span];
  if (span === undefined) return;
  const message = `${written} cannot stand in a query that reads itself`;
  throw sqlError('sql_bind', sql, span, message, 'write it in the query that reads this one');
}

function castColumns(sql: string, plan: LogicalPlan, schema: Schema): LogicalPlan {
  const span = { start: 0, end: 0 };
  const exprs = plan.schema.fields.map((field, i) => {
    return castTo(sql, columnOf(i, field, span), schema.fields[i]?.type ?? field.type, false, span);
  });
  return { kind: 'project', schema, input: plan, exprs };
}
