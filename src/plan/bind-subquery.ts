/**
 * Queries within expressions: bound, and taken into the list of subqueries.
 *
 * Hides how ALL and NOT IN follow from ANY. Invariant: the comparison's operands are as many as the query's columns.
 */
import type { Field } from '../arrow/schema.ts';
import type { ExprNode, Query } from '../sql/ast.ts';
import { sqlError } from '../sql/frame.ts';
import type { Binding, CommonTables, OuterColumns } from './binding.ts';
import { makeAggregate } from './bind-aggregate.ts';
import { castTo, makeCall } from './coerce.ts';
import type { Expr } from './expr.ts';
import { columnOf } from './expr-walk.ts';
import type { LogicalPlan } from './logical.ts';
import type { Subquery, SubqueryList } from './subquery.ts';
import { QUANTIFIED_PATTERNS } from './subquery.ts';

/** What binding subqueries needs. */
export interface SubqueryBinding {
  readonly binding: Binding;
  readonly common: CommonTables;
  readonly list: SubqueryList;
}

export type SubqueryNode = Extract<
  ExprNode,
  { kind: 'scalar_query' | 'array_query' | 'exists' | 'in_query' | 'quantified' }
>;

const OPPOSITE: Readonly<Record<string, string>> = {
  '=': '<>',
  '!=': '=',
  '<>': '=',
  '<': '>=',
  '<=': '>',
  '>': '<=',
  '>=': '<',
  '~': '!~',
  '!~': '~',
  '~*': '!~*',
  '!~*': '~*',
};

/** Binds one; `outer` takes what it reads of the query that it stands in. @throws `sql_bind`, `sql_unsupported` */
export function bindSubquery(
  outer: OuterColumns,
  { binding, common, list }: SubqueryBinding,
  node: SubqueryNode,
  bindOperand: (operand: ExprNode) => Expr,
): Expr {
  const { sql } = binding;
  const bound = outer.pruned(binding.bind(node.query, common, outer).plan);
  const plan = node.kind === 'array_query' ? listOf(sql, bound, node) : bound;
  const add = (form: Subquery['form'], operator: string, operands: readonly Expr[] = []): Expr => {
    return list.add({ form, plan, outer: outer.exprs, operands, operator, span: node.span });
  };
  switch (node.kind) {
    case 'array_query':
      return add('scalar', '=');
    case 'scalar_query':
      checkWidth(sql, plan, node.query, 1, 'a subquery that is a value gives one column');
      return add('scalar', '=');
    case 'exists':
      return add('exists', '=');
    case 'in_query': {
      const found = add('any', '=', operandsOf(node.operand, plan).map(bindOperand));
      return node.negated ? makeCall(sql, 'not', [found], node.span) : found;
    }
    case 'quantified': {
      const operands = operandsOf(node.operand, plan).map(bindOperand);
      if (operands.length > 1 && QUANTIFIED_PATTERNS[node.operator] !== undefined) {
        throw sqlError('sql_bind', sql, node.span, `${node.operator} takes one text, not a row`);
      }
      if (node.quantifier === 'any') return add('any', node.operator === '!=' ? '<>' : node.operator, operands);
      const found = add('any', OPPOSITE[node.operator] ?? '<>', operands);
      return makeCall(sql, 'not', [found], node.span);
    }
  }

  /** A row is compared value by value, unless the query gives rows as single values. */
  function operandsOf(operand: ExprNode, { schema }: LogicalPlan): readonly ExprNode[] {
    const values = valuesOf(operand);
    const [first] = schema.fields;
    if (values === undefined || (schema.fields.length === 1 && first?.type.id === 'struct')) {
      checkWidth(sql, plan, node.query, 1, `${wordOf(node)} compares one value`);
      return [operand];
    }
    const count = values.length;
    checkWidth(
      sql,
      plan,
      node.query,
      count,
      `${wordOf(node)} compares ${count.toString()} value${count === 1 ? '' : 's'}`,
    );
    return values;
  }
}

/** One row: the list of the plan's values, in their order. */
function listOf(
  sql: string,
  plan: LogicalPlan,
  { query, span }: Extract<SubqueryNode, { kind: 'array_query' }>,
): LogicalPlan {
  checkWidth(sql, plan, query, 1, 'ARRAY takes the values of one column');
  const [field] = plan.schema.fields as [Field];
  const args = [columnOf(0, field, span)];
  const call = makeAggregate('list', args, span);
  const lists = [{ name: field.name, type: call.type, nullable: true, metadata: [] }];
  const input: LogicalPlan = {
    kind: 'aggregate',
    schema: { fields: lists, metadata: [] },
    input: plan,
    groups: [],
    aggregates: [call],
  };
  const none = castTo(sql, makeCall(sql, 'list_value', [], span), call.type, false, span);
  const list = makeCall(sql, 'coalesce', [columnOf(0, lists[0] as Field, span), none], span);
  const fields = [{ name: field.name, type: list.type, nullable: list.nullable, metadata: [] }];
  return { kind: 'project', schema: { fields, metadata: [] }, input, exprs: [list] };
}

/** The values of `(a, b)` and of `row(a, b)`. */
function valuesOf(operand: ExprNode): readonly ExprNode[] | undefined {
  if (operand.kind === 'row') return operand.items;
  const isRow = operand.kind === 'function_call' && operand.name.name.toLowerCase() === 'row';
  return isRow && operand.args.length > 0 ? operand.args : undefined;
}

function wordOf(node: SubqueryNode): string {
  return node.kind === 'quantified' ? node.quantifier.toUpperCase() : 'IN';
}

function checkWidth(sql: string, plan: LogicalPlan, query: Query, wanted: number, what: string): void {
  const width = plan.schema.fields.length;
  if (width === wanted) return;
  throw sqlError('sql_bind', sql, query.span, `${what}, and this query gives ${width.toString()} columns`);
}
