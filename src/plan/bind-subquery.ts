/**
 * Queries within expressions: bound, and taken into the list of subqueries.
 *
 * Hides how ALL and NOT IN follow from ANY. Invariant: the comparison's operands are as many as the query's columns.
 */
import type { ExprNode, Query } from '../sql/ast.ts';
import { sqlError } from '../sql/frame.ts';
import type { Binding, CommonTables, NameResolver } from './binding.ts';
import { OuterColumns } from './binding.ts';
import { makeCall } from './coerce.ts';
import type { Expr } from './expr.ts';
import type { LogicalPlan } from './logical.ts';
import type { Subquery, SubqueryList } from './subquery.ts';

/** What binding subqueries needs. */
export interface SubqueryBinding {
  readonly binding: Binding;
  readonly common: CommonTables;
  readonly list: SubqueryList;
}

export type SubqueryNode = Extract<ExprNode, { kind: 'scalar_query' | 'exists' | 'in_query' | 'quantified' }>;

const OPPOSITE: Readonly<Record<string, string>> = {
  '=': '<>',
  '!=': '=',
  '<>': '=',
  '<': '>=',
  '<=': '>',
  '>': '<=',
  '>=': '<',
};

/** Binds one. `around` knows the columns of the query that it stands in. @throws `sql_bind`, `sql_unsupported` */
export function bindSubquery(
  around: NameResolver,
  { binding, common, list }: SubqueryBinding,
  node: SubqueryNode,
  operands: readonly Expr[],
): Expr {
  const { sql } = binding;
  const outer = new OuterColumns(around);
  const { plan } = binding.bind(node.query, common, outer);
  const add = (form: Subquery['form'], operator: string): Expr => {
    return list.add({ form, plan, outer: outer.exprs, operands, operator, span: node.span });
  };
  switch (node.kind) {
    case 'scalar_query':
      checkWidth(sql, plan, node.query, 1, 'a subquery that is a value gives one column');
      return add('scalar', '=');
    case 'exists':
      return add('exists', '=');
    case 'in_query': {
      const what = `IN compares ${operands.length.toString()} value${operands.length === 1 ? '' : 's'}`;
      checkWidth(sql, plan, node.query, operands.length, what);
      const found = add('any', '=');
      return node.negated ? makeCall(sql, 'not', [found], node.span) : found;
    }
    case 'quantified': {
      checkWidth(sql, plan, node.query, operands.length, `${node.quantifier.toUpperCase()} compares one value`);
      if (node.quantifier === 'any') return add('any', node.operator === '!=' ? '<>' : node.operator);
      const found = add('any', OPPOSITE[node.operator] ?? '<>');
      return makeCall(sql, 'not', [found], node.span);
    }
  }
}

function checkWidth(sql: string, plan: LogicalPlan, query: Query, wanted: number, what: string): void {
  const width = plan.schema.fields.length;
  if (width === wanted) return;
  throw sqlError('sql_bind', sql, query.span, `${what}, and this query gives ${width.toString()} columns`);
}
