/**
 * Parts of nested values: fields, subscripts and slices, and values side by side.
 *
 * Hides which functions these are. Invariant: a name that is no column is looked for as a field of the column that its
 * beginning names, the longest beginning first.
 */
import type { ExprNode, Identifier } from '../sql/ast.ts';
import type { ColumnName } from '../sql/ast.ts';
import { quoteText, sqlError } from '../sql/frame.ts';
import { nearestName } from '../base/names.ts';
import { fieldIndex, listOf } from '../function/nested-type.ts';
import { targetOf } from './adapt.ts';
import { makeCall, meetingArgs } from './coerce.ts';
import { makeLiteral } from './constant.ts';
import { constantVector } from '../function/constant.ts';
import type { Expr } from './expr.ts';
import { columnOf } from './expr-walk.ts';
import type { Scope } from './scope.ts';
import { sqlTypeName } from './sql-type.ts';

/** Kinds of nodes that are bound here. */
export type NestedNode = Extract<
  ExprNode,
  { kind: 'row' | 'array' | 'subscript' | 'slice' | 'field' | 'named_argument' | 'lambda' }
>;

/** Binds what has to do with nested values. @throws `sql_bind` */
export function bindNested(sql: string, node: NestedNode, bind: (node: ExprNode) => Expr): Expr {
  switch (node.kind) {
    case 'row':
      return makeCall(sql, 'row', node.items.map(bind), node.span);
    case 'array':
      return makeCall(sql, 'list_value', meetingArgs('list_value', node.items.map(bind)), node.span);
    case 'subscript':
      return makeCall(sql, 'array_extract', [bind(node.operand), bind(node.index)], node.span);
    case 'slice': {
      const bound = (part: ExprNode | undefined): Expr => (part === undefined ? openEnd(node.span) : bind(part));
      const step = node.step === undefined ? [] : [bind(node.step)];
      const args = [bind(node.operand), bound(node.from), bound(node.to), ...step];
      return makeCall(sql, 'array_slice', args, node.span);
    }
    case 'field':
      return bindField(sql, bind(node.operand), node.name);
    case 'named_argument':
      throw sqlError('sql_bind', sql, node.span, 'an argument with a name can only stand in a call');
    case 'lambda': {
      const remedy = 'list_transform, list_filter and list_reduce take one as their second argument';
      throw sqlError('sql_bind', sql, node.span, 'a lambda cannot stand here', remedy);
    }
  }
}

/** What stands for a bound of a slice that is not written: an empty list, as in DuckDB. */
function openEnd(span: Expr['span']): Expr {
  const type = listOf({ id: 'null' });
  const none = { ...constantVector(type, null, 1), nullCount: 0, buffers: [new Uint8Array(0), new Uint8Array(8)] };
  return makeLiteral(none, type, span);
}

/** A field of a struct, or the value of a map. @throws `sql_bind` */
export function bindField(sql: string, operand: Expr, name: Identifier): Expr {
  const span = { start: operand.span.start, end: Math.max(operand.span.end, name.span.end) };
  const type = targetOf(operand.type);
  const key = makeLiteral(name.name, { id: 'utf8' }, name.span);
  if (type.id === 'map') return makeCall(sql, 'array_extract', [operand, key], span);
  if (type.id !== 'struct') {
    const message = `a value of type ${sqlTypeName(operand.type)} has no field ${quoteText(name.name)}`;
    throw sqlError('sql_bind', sql, name.span, message, 'only structs and maps have fields');
  }
  if (fieldIndex(type, name.name) >= 0) return makeCall(sql, 'struct_extract', [operand, key], span);
  const names = type.children.map((field) => field.name);
  const nearest = nearestName(name.name, names);
  const remedy = nearest === undefined ? `it has ${names.join(', ')}` : `did you mean ${quoteText(nearest)}?`;
  throw sqlError('sql_bind', sql, name.span, `the struct has no field ${quoteText(name.name)}`, remedy);
}

/** Parts of a column’s name: catalog, schema, table and column. */
const COLUMN_PARTS = 4;

/** The column of a scope that `node` names, or a field of one; undefined when there is none. @throws `sql_bind` */
export function resolveIn(sql: string, scope: Scope, node: ColumnName): Expr | undefined {
  for (let length = Math.min(node.path.length, COLUMN_PARTS); length > 0; length--) {
    const found = scope.find({ ...node, path: node.path.slice(0, length) });
    if (found === undefined) continue;
    const column = columnOf(found.index, found.field, node.span);
    return node.path.slice(length).reduce((operand, name) => bindField(sql, operand, name), column);
  }
  return undefined;
}

/** The row of a table as a struct, where `node` names a table of the scope and no column; undefined else. */
export function resolveRow(sql: string, scope: Scope, { path, span }: ColumnName): Expr | undefined {
  const relation = path.length === 1 ? scope.relation(path) : undefined;
  if (relation === undefined) return undefined;
  const { start, schema } = relation;
  const columns = schema.fields.map((field, i) => columnOf(start + i, scope.schema.fields[start + i] ?? field, span));
  return makeCall(
    sql,
    'struct_pack',
    columns,
    span,
    schema.fields.map(({ name }) => name),
  );
}
