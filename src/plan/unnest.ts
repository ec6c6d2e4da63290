/**
 * unnest: lists that become rows, in the SELECT list and in FROM.
 *
 * Hides that `recursive := true` is flattening first. Invariants: while binding, an unnest in an expression is a
 * call of that name over its list; before it is run, an operator computes it as a column behind those of its input;
 * lists that are unnested beside one another go side by side.
 */
import type { Field } from '../arrow/schema.ts';
import { makeField } from '../arrow/schema.ts';
import type { DataType } from '../arrow/type.ts';
import type { Span } from '../base/errors.ts';
import { elementOf, isTuple } from '../function/nested-type.ts';
import { sqlError } from '../sql/frame.ts';
import { targetOf } from './adapt.ts';
import { makeCall } from './coerce.ts';
import { INT64, makeLiteral } from './constant.ts';
import type { Expr } from './expr.ts';
import { columnOf, conjunctionOf, exprKey, mapLeaves } from './expr-walk.ts';
import type { LogicalPlan } from './logical.ts';
import { makeFilter, makeUnnest } from './logical.ts';
import { sqlTypeName } from './sql-type.ts';

type Call = Extract<Expr, { kind: 'call' }>;

const UNNEST = 'unnest';

/** Names of the function. */
export function isUnnest(name: string): boolean {
  return name === UNNEST || name === 'unlist';
}

/** What is to be unnested. */
export interface Unnested {
  /** A list, flattened as often as asked for, or NULL. */
  readonly list: Expr;
  /** How many levels are to be opened beside the first: fields of structs become columns of their own. */
  readonly deeper: number;
  /** Names of fields begin with those of the structs that they are in. */
  readonly keepsNames: boolean;
}

/** Reads the arguments of unnest. @throws `sql_bind` */
export function readUnnest(
  sql: string,
  args: readonly Expr[],
  names: readonly (string | undefined)[],
  span: Span,
): Unnested {
  const [given, ...options] = args;
  if (given === undefined) throw sqlError('sql_bind', sql, span, 'unnest takes one list');
  if (hasUnnest(given)) {
    const remedy = 'write unnest(x, recursive := true) to unnest several levels';
    throw sqlError('sql_bind', sql, given.span, 'an unnest within another is not possible', remedy);
  }
  const { depth, keepsNames } = readOptions(sql, options, names.slice(1));
  let list = given;
  let level = 1;
  while (level < depth && isList(elementOf(targetOf(list.type)))) {
    list = makeCall(sql, 'flatten', [list], span);
    level++;
  }
  const type = targetOf(list.type);
  if (type.id !== 'null' && elementOf(type) === undefined && type.id !== 'struct') {
    const message = `unnest takes a list or a struct, not ${sqlTypeName(type)}`;
    throw sqlError('sql_bind', sql, given.span, message);
  }
  const opened = targetOf(elementOf(type) ?? type);
  if (opened.id === 'struct' && opened.children.length === 0 && (type.id === 'struct' || depth > level)) {
    throw sqlError('sql_bind', sql, given.span, 'an empty struct cannot be unnested: it has no fields');
  }
  return { list, deeper: depth - level, keepsNames };
}

/** True for a list of structs. */
export function isStructList(list: Expr): boolean {
  const element = elementOf(targetOf(list.type));
  return element !== undefined && targetOf(element).id === 'struct';
}

function isList(type: DataType | undefined): boolean {
  return type !== undefined && elementOf(targetOf(type)) !== undefined;
}

/** `recursive := true` is any depth, `max_depth := n` so many levels; the last of them holds. */
function readOptions(
  sql: string,
  options: readonly Expr[],
  names: readonly (string | undefined)[],
): { readonly depth: number; readonly keepsNames: boolean } {
  let [depth, keepsNames] = [1, false];
  options.forEach((option, i) => {
    const value = option.kind === 'literal' ? option.value : undefined;
    const name = names[i]?.toLowerCase();
    if (name === 'recursive' && typeof value === 'boolean') depth = value ? Number.POSITIVE_INFINITY : depth;
    else if (name === 'keep_parent_names' && typeof value === 'boolean') keepsNames = value;
    else if (name === 'max_depth' && typeof value === 'number' && value >= 1) depth = value;
    else {
      const message = 'unnest takes recursive := true, max_depth := n and keep_parent_names := true beside its list';
      throw sqlError('sql_bind', sql, option.span, message);
    }
  });
  return { depth, keepsNames };
}

/** An unnest as it stands in an expression while binding. */
export function unnestCall(list: Expr, span: Span): Call {
  const type = elementOf(targetOf(list.type)) ?? list.type;
  return { kind: 'call', name: UNNEST, args: [list], type, nullable: true, span };
}

/** True when an unnest stands in the expression. */
function hasUnnest(expr: Expr): boolean {
  if (expr.kind === 'cast') return hasUnnest(expr.operand);
  return expr.kind === 'call' && (expr.name === UNNEST || expr.args.some(hasUnnest));
}

/**
 * The fields of a struct as expressions, under their names; of structs within it in their place, `deeper` levels, and
 * with their names before those of their fields where `keepsNames`.
 */
export function fieldsOf(
  sql: string,
  struct: Expr,
  span: Span,
  deeper: number,
  keepsNames: boolean,
): readonly NamedExpr[] {
  const type = targetOf(struct.type);
  if (type.id !== 'struct') return [];
  return type.children.flatMap(({ name }): readonly NamedExpr[] => {
    const key = makeLiteral(name, { id: 'utf8' }, span);
    const field = makeCall(sql, 'struct_extract', [struct, key], span);
    const inner = targetOf(field.type);
    if (deeper <= 0 || inner.id !== 'struct') return [[name, field]];
    const fields = fieldsOf(sql, field, span, deeper - 1, keepsNames);
    if (!keepsNames || isTuple(inner)) return fields;
    return fields.map(([own, expr]) => [`${name}.${own}`, expr]);
  });
}

type NamedExpr = readonly [name: string, expr: Expr];

/** `exprs` over rows of `input`, their unnests computed by an operator over it. */
export function placeUnnests(
  input: LogicalPlan,
  exprs: readonly Expr[],
): { readonly plan: LogicalPlan; readonly exprs: readonly Expr[] } {
  if (!exprs.some(hasUnnest)) return { plan: input, exprs };
  const lists: Expr[] = [];
  const fields: Field[] = [];
  const places = new Map<string, number>();
  const width = input.schema.fields.length;
  const place = (expr: Expr): Expr => {
    if (!hasUnnest(expr)) return expr;
    if (expr.kind === 'cast') return { ...expr, operand: place(expr.operand) };
    if (expr.kind !== 'call') return expr;
    const [list] = expr.args;
    if (expr.name !== UNNEST || list === undefined) return { ...expr, args: expr.args.map(place) };
    const key = exprKey(list);
    let at = places.get(key);
    if (at === undefined) {
      at = lists.push(list) - 1;
      fields.push(makeField('', expr.type));
      places.set(key, at);
    }
    return columnOf(width + at, makeField('', expr.type), expr.span);
  };
  const placed = exprs.map(place);
  return { plan: makeUnnest({ input, lists, ordinality: false, keepsEmpty: false }, fields), exprs: placed };
}

/** The columns that an unnest in FROM makes. */
export function unnestFields(list: Expr, name: string, ordinality: boolean): readonly Field[] {
  const type = elementOf(targetOf(list.type)) ?? list.type;
  return [makeField(name, type), ...(ordinality ? [makeField('ordinality', INT64)] : [])];
}

/**
 * The rows of `left`, each with those of `right`, an unnest of one row whose list reads `outer` of them; undefined
 * when `right` is anything else, or a left join asks for more than being there.
 */
export function unnestOver(
  left: LogicalPlan,
  right: LogicalPlan,
  outer: readonly Expr[],
  join: 'inner' | 'left',
  conditions: readonly Expr[],
): LogicalPlan | undefined {
  const unnest = right.kind === 'project' && isRenaming(right) ? right.input : right;
  if (unnest.kind !== 'unnest' || unnest.input.kind !== 'values' || unnest.input.schema.fields.length > 0) {
    return undefined;
  }
  const asked = conditions.filter((condition) => condition.kind !== 'literal' || condition.value !== true);
  if (join === 'left' && asked.length > 0) return undefined;
  const lists = unnest.lists.map((list) =>
    mapLeaves(list, (leaf) => (leaf.kind === 'outer' ? (outer[leaf.index] ?? leaf) : leaf)),
  );
  const parts = { input: left, lists, ordinality: unnest.ordinality, keepsEmpty: join === 'left' };
  const plan = makeUnnest(parts, right.schema.fields);
  const condition = conjunctionOf(asked);
  return condition === undefined ? plan : makeFilter(plan, condition);
}

/** True for a projection that only gives columns other names. */
function isRenaming(plan: Extract<LogicalPlan, { kind: 'project' }>): boolean {
  const isWhole = plan.exprs.length === plan.input.schema.fields.length;
  return isWhole && plan.exprs.every((expr, i) => expr.kind === 'column' && expr.index === i);
}
