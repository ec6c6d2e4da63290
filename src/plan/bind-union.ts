/**
 * UNION, INTERSECT and EXCEPT over queries that are bound.
 *
 * Hides how columns are matched. Invariant: the inputs have one type for each column, to which they are cast.
 */
import { makeField, makeSchema } from '../arrow/schema.ts';
import type { Field, Schema } from '../arrow/schema.ts';
import type { DataType } from '../arrow/type.ts';
import { foldName } from '../base/names.ts';
import { resultType } from '../function/registry.ts';
import type { ExprNode, SetOperation } from '../sql/ast.ts';
import { quoteText, sqlError } from '../sql/frame.ts';
import type { Bound } from './binding.ts';
import { castTo } from './coerce.ts';
import type { Expr } from './expr.ts';
import { columnOf } from './expr-walk.ts';
import type { LogicalPlan } from './logical.ts';
import { makeJoin, pickColumns } from './logical.ts';
import { numberRows } from './numbered.ts';
import { sqlTypeName } from './sql-type.ts';

/** The set operation over inputs that are bound. @throws `sql_bind` when their columns do not fit */
export function bindSetOperation(
  sql: string,
  node: SetOperation,
  left: Bound,
  right: Bound,
): Pick<Bound, 'plan' | 'find'> {
  const inputs = unite(sql, node, left.plan, right.plan);
  return { plan: operate(node, inputs), find: (expr) => findIn(sql, expr, inputs.pairs, left, right) };
}

function operate(node: SetOperation, inputs: United): LogicalPlan {
  const [first, second] = inputs.plans;
  if (node.operator === 'union') {
    const union: LogicalPlan = { kind: 'union', schema: inputs.schema, inputs: inputs.plans };
    return node.all ? union : { kind: 'distinct', schema: union.schema, input: union };
  }
  const columns = [...first.schema.fields.keys()];
  // Of ALL the first of equal rows meets the first of the other side, the second the second, and so on.
  const numbered = (plan: LogicalPlan): LogicalPlan => (node.all ? numberRows(plan, columns, []) : plan);
  const input = meet(node, numbered(first), numbered(second));
  return node.all ? pickColumns(input, columns) : { kind: 'distinct', schema: input.schema, input };
}

/** The column that one of the queries calls by a name, the first of them, or computes by an expression. */
function findIn(sql: string, expr: ExprNode, pairs: readonly Pair[], left: Bound, right: Bound): number | undefined {
  const places = [left, right].map(({ find }, side) => {
    const place = find?.(expr);
    const at = place === undefined ? -1 : pairs.findIndex((pair) => pair[side] === place);
    return at < 0 ? undefined : at;
  });
  const [first, second] = places;
  const isName = expr.kind === 'column_name' && expr.path.length === 1;
  if (isName || first === undefined || second === undefined || first === second) return first ?? second;
  const message = 'the queries of this set operation mean different columns by this expression';
  throw sqlError('sql_bind', sql, expr.span, message, 'order by the number of a column');
}

/** The rows of `left` that have an equal one in `right`, or that have none. */
function meet(node: SetOperation, left: LogicalPlan, right: LogicalPlan): LogicalPlan {
  const keys = left.schema.fields.map((field, i) => {
    const other = right.schema.fields[i] ?? field;
    return { left: columnOf(i, field, node.span), right: columnOf(i, other, node.span), nullsEqual: true };
  });
  return makeJoin({ join: node.operator === 'intersect' ? 'semi' : 'anti', left, right, keys, condition: undefined });
}

/** The inputs of a set operation, cast to the schema of what it yields. */
interface United {
  readonly schema: Schema;
  readonly plans: readonly [LogicalPlan, LogicalPlan];
  /** For each column, those of the inputs that it is made of. */
  readonly pairs: readonly Pair[];
}

/** Casts both to what a set operation of them yields. @throws `sql_bind` when their columns do not fit */
export function unite(sql: string, node: SetOperation, left: LogicalPlan, right: LogicalPlan): United {
  const pairs = node.byName ? pairsByName(sql, node, left, right) : pairsByPlace(sql, node, left, right);
  const fields = pairs.map(([l, r], i): Field => {
    const a = l === undefined ? undefined : left.schema.fields[l];
    const b = r === undefined ? undefined : right.schema.fields[r];
    const type =
      a === undefined ? b?.type : b === undefined ? a.type : (resultType(a.type, b.type) ?? textType(a, b));
    if (type === undefined) {
      const types = `${sqlTypeName((a as Field).type)} and ${sqlTypeName((b as Field).type)}`;
      const message = `column ${(i + 1).toString()} of ${node.operator.toUpperCase()} is ${types}`;
      throw sqlError('sql_bind', sql, node.span, message, 'cast one of them');
    }
    const isBoth = a !== undefined && b !== undefined;
    return makeField(a?.name ?? b?.name ?? '', type, !isBoth || a.nullable || b.nullable);
  });
  const schema = makeSchema(fields);
  const plans = [
    fitInput(
      sql,
      node,
      left,
      pairs.map(([l]) => l),
      schema,
    ),
    fitInput(
      sql,
      node,
      right,
      pairs.map(([, r]) => r),
      schema,
    ),
  ] as const;
  return { schema, plans, pairs };
}

/** As DuckDB: text beside anything is text. */
function textType(a: Field, b: Field): DataType | undefined {
  return a.type.id === 'utf8' || b.type.id === 'utf8' ? { id: 'utf8' } : undefined;
}

type Pair = readonly [left: number | undefined, right: number | undefined];

function pairsByPlace(sql: string, node: SetOperation, left: LogicalPlan, right: LogicalPlan): Pair[] {
  const [a, b] = [left.schema.fields.length, right.schema.fields.length];
  if (a === b) return left.schema.fields.map((_, i) => [i, i]);
  const counts = `the first query has ${a.toString()} column${a === 1 ? '' : 's'}, the second ${b.toString()}`;
  throw sqlError(
    'sql_bind',
    sql,
    node.right.span,
    `the queries of ${node.operator.toUpperCase()} do not fit: ${counts}`,
  );
}

function pairsByName(sql: string, node: SetOperation, left: LogicalPlan, right: LogicalPlan): Pair[] {
  const places = (plan: LogicalPlan): Map<string, number> => {
    const map = new Map<string, number>();
    plan.schema.fields.forEach(({ name }, i) => {
      if (map.has(foldName(name))) {
        const message = `BY NAME needs each column once, and ${quoteText(name)} is there twice`;
        throw sqlError('sql_bind', sql, node.span, message);
      }
      map.set(foldName(name), i);
    });
    return map;
  };
  const [a, b] = [places(left), places(right)];
  const both = [...a].map(([name, i]): Pair => [i, b.get(name)]);
  const more = [...b].filter(([name]) => !a.has(name)).map(([, i]): Pair => [undefined, i]);
  return [...both, ...more];
}

/** `plan` with its columns at `places`, NULL for none, as `schema` has them. */
function fitInput(
  sql: string,
  node: SetOperation,
  plan: LogicalPlan,
  places: readonly (number | undefined)[],
  schema: Schema,
): LogicalPlan {
  const exprs = places.map((place, i): Expr => {
    const { type } = schema.fields[i] as Field;
    if (place === undefined) return { kind: 'literal', value: null, type, nullable: true, span: node.span };
    return castTo(sql, columnOf(place, plan.schema.fields[place] as Field, node.span), type, false, node.span);
  });
  const fields = exprs.map(({ type, nullable }, i) => makeField(schema.fields[i]?.name ?? '', type, nullable));
  return { kind: 'project', schema: makeSchema(fields), input: plan, exprs };
}
