/**
 * VALUES as a query.
 *
 * Hides that constants become a batch at once. Invariant: the cells of a column have one type, to which they are cast.
 */
import { joinVectors } from '../arrow/concat.ts';
import { makeField, makeSchema } from '../arrow/schema.ts';
import type { Field } from '../arrow/schema.ts';
import { sameType } from '../arrow/type.ts';
import type { DataType } from '../arrow/type.ts';
import type { Vector } from '../arrow/vector.ts';
import { constantVector } from '../function/constant.ts';
import { resultType } from '../function/registry.ts';
import type { ValuesQuery } from '../sql/ast.ts';
import { sqlError } from '../sql/frame.ts';
import { ExpressionBinder } from './bind-expression.ts';
import type { Binding, CommonTables, OuterColumns } from './binding.ts';
import { coerce, comparable } from './coerce.ts';
import type { Expr } from './expr.ts';
import type { LogicalPlan } from './logical.ts';
import { oneRow } from './logical.ts';
import { foldExpr } from './pass-fold.ts';
import { Scope } from './scope.ts';
import { sqlTypeName } from './sql-type.ts';
import { SubqueryList } from './subquery.ts';

/** Binds VALUES: rows of constants at once, others as a union of rows. @throws `sql_bind` */
export function bindValues(
  binding: Binding,
  node: ValuesQuery,
  common: CommonTables,
  outer: OuterColumns | undefined,
): LogicalPlan {
  const { sql } = binding;
  const list = new SubqueryList(sql, binding.shared);
  const subqueries = { binding, common, list };
  const binder = new ExpressionBinder(sql, Scope.of(sql, undefined), new Map(), { outer, subqueries });
  const clause = { name: 'VALUES', aggregates: undefined, aliasesBefore: 0 };
  const width = node.rows[0]?.values.length ?? 0;
  const rows = node.rows.map(({ values, span }) => {
    if (values.length !== width) {
      const message = `this row has ${values.length.toString()} value${values.length === 1 ? '' : 's'}, the first one has ${width.toString()}`;
      throw sqlError('sql_bind', sql, span, message);
    }
    return values.map((value) => {
      if (value.kind !== 'default_value') return foldExpr(binder.bind(value, clause));
      throw sqlError('sql_unsupported', sql, value.span, 'DEFAULT in a query of VALUES is not supported');
    });
  });
  const columns = Array.from({ length: width }, (_, i) =>
    columnAmong(
      sql,
      rows.map((row) => row[i] as Expr),
    ),
  );
  const fields = columns.map((column, i) => {
    const nullable = column.some((expr) => expr.nullable);
    return makeField(`col${i.toString()}`, column[0]?.type ?? { id: 'null' }, nullable);
  });
  const schema = makeSchema(fields);
  const vectors = columns.map((column, i) => constantColumn(column, fields[i] as Field));
  if (vectors.every((vector) => vector !== undefined)) {
    return { kind: 'values', schema, batches: [{ schema, rowCount: rows.length, columns: vectors }] };
  }
  const inputs = rows.map((_, r): LogicalPlan => {
    const exprs = columns.map((column) => column[r] as Expr);
    const own = makeSchema(exprs.map(({ type, nullable }, i) => makeField(fields[i]?.name ?? '', type, nullable)));
    const placed = list.place(oneRow(), exprs);
    return { kind: 'project', schema: own, input: placed.plan, exprs: placed.exprs };
  });
  return { kind: 'union', schema, inputs };
}

/** The cells of one column, brought to one type. */
function columnAmong(sql: string, cells: readonly Expr[]): readonly Expr[] {
  let type: DataType = { id: 'null' };
  const model = cells.find((cell) => cell.type.id !== 'utf8' && cell.type.id !== 'null');
  const read = cells.map((cell) => (model === undefined ? cell : comparable(sql, cell, model)));
  for (const cell of read) {
    const common = resultType(type, cell.type);
    if (common === undefined) {
      const types = `${sqlTypeName(type)} and ${sqlTypeName(cell.type)}`;
      throw sqlError('sql_bind', sql, cell.span, `a column of VALUES is ${types}`, 'cast one of them');
    }
    type = common;
  }
  return read.map((cell) => (sameType(cell.type, type) ? cell : foldExpr(coerce(cell, type))));
}

function constantColumn(cells: readonly Expr[], field: Field): Vector | undefined {
  const { id } = field.type;
  if (!cells.every((cell) => cell.kind === 'literal')) return undefined;
  if (id === 'list' || id === 'struct') return undefined;
  return joinVectors(cells.map((cell) => constantVector(field.type, cell.kind === 'literal' ? cell.value : null, 1)));
}
