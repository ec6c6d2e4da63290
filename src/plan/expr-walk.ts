/**
 * Walking and rewriting bound expressions.
 *
 * Hides recursion over the kinds. Invariants: rewriting shares what did not change; two expressions with equal
 * keys yield the same values on the same row.
 */
import type { Field } from '../arrow/schema.ts';
import { childFields, typeName } from '../arrow/type.ts';
import { makeReader } from '../arrow/value.ts';
import type { Span } from '../base/errors.ts';
import { isNestedValue } from '../function/constant.ts';
import { isVolatile } from '../function/registry.ts';
import type { AggregateCall, Expr, FrameBound, LiteralValue, SortKey, WindowCall } from './expr.ts';

/** Calls `visit` with every column reference, in order. */
export function forEachColumn(expr: Expr, visit: (column: Extract<Expr, { kind: 'column' }>) => void): void {
  switch (expr.kind) {
    case 'column':
      visit(expr);
      return;
    case 'literal':
    case 'outer':
    case 'pending':
      return;
    case 'cast':
      forEachColumn(expr.operand, visit);
      return;
    case 'call':
      for (const arg of expr.args) forEachColumn(arg, visit);
      return;
  }
}

/** `list` mapped; the same array when nothing changed, so that plans share and passes can tell. */
export function mapSame<T>(list: readonly T[], map: (item: T) => T): readonly T[] {
  const mapped = list.map(map);
  return mapped.every((item, i) => item === list[i]) ? list : mapped;
}

type Leaf = Extract<Expr, { kind: 'column' | 'literal' | 'outer' | 'pending' }>;

/** Replaces every leaf by what `replace` gives. */
export function mapLeaves(expr: Expr, replace: (leaf: Leaf) => Expr): Expr {
  switch (expr.kind) {
    case 'column':
    case 'literal':
    case 'outer':
    case 'pending':
      return replace(expr);
    case 'cast': {
      const operand = mapLeaves(expr.operand, replace);
      return operand === expr.operand ? expr : { ...expr, operand };
    }
    case 'call': {
      const args = mapSame(expr.args, (arg) => mapLeaves(arg, replace));
      return args === expr.args ? expr : { ...expr, args };
    }
  }
}

/** Replaces every column reference by what `replace` gives. */
export function mapColumns(expr: Expr, replace: (column: Extract<Expr, { kind: 'column' }>) => Expr): Expr {
  return mapLeaves(expr, (leaf) => (leaf.kind === 'column' ? replace(leaf) : leaf));
}

/** True when a leaf of `kind` stands in the expression. */
export function hasLeaf(expr: Expr, kind: Leaf['kind']): boolean {
  switch (expr.kind) {
    case 'cast':
      return hasLeaf(expr.operand, kind);
    case 'call':
      return expr.args.some((arg) => hasLeaf(arg, kind));
    default:
      return expr.kind === kind;
  }
}

/** True when the expression answers anew for each row, whatever its columns hold. */
export function hasVolatile(expr: Expr): boolean {
  if (expr.kind === 'cast') return hasVolatile(expr.operand);
  return expr.kind === 'call' && (isVolatile(expr.name) || expr.args.some(hasVolatile));
}

/** A reference to column `index`, which has the field's type. */
export function columnOf(index: number, field: Pick<Field, 'name' | 'type' | 'nullable'>, span: Span): Expr {
  return { kind: 'column', index, name: field.name, type: field.type, nullable: field.nullable, span };
}

/** The expression with column indexes replaced by `indexOf`. */
export function shiftColumns(expr: Expr, indexOf: (index: number) => number): Expr {
  return mapColumns(expr, (column) => {
    const index = indexOf(column.index);
    return index === column.index ? column : { ...column, index };
  });
}

/** Every expression of an aggregate call: arguments, filter, keys of its order. */
export function exprsOfCall(call: AggregateCall): readonly Expr[] {
  const filter = call.filter === undefined ? [] : [call.filter];
  return [...call.args, ...filter, ...call.order.map((key) => key.expr)];
}

/** The call with each of its expressions mapped; the same call when nothing changed. */
export function mapCall(call: AggregateCall, map: (expr: Expr) => Expr): AggregateCall {
  const args = mapSame(call.args, map);
  const filter = call.filter === undefined ? undefined : map(call.filter);
  const order = mapKeys(call.order, map);
  const isSame = args === call.args && filter === call.filter && order === call.order;
  return isSame ? call : { ...call, args, filter, order };
}

function mapKeys(keys: readonly SortKey[], map: (expr: Expr) => Expr): readonly SortKey[] {
  return mapSame(keys, (key) => {
    const expr = map(key.expr);
    return expr === key.expr ? key : { ...key, expr };
  });
}

/** Every expression of a call over a window, those of the window too. */
export function exprsOfWindow(call: WindowCall): readonly Expr[] {
  const { start, end, rangeKey } = call.frame;
  const ofFrame = [start.value, end.value, rangeKey].filter((expr) => expr !== undefined);
  return [...exprsOfCall(call), ...call.partitions, ...call.keys.map((key) => key.expr), ...ofFrame];
}

/** The call with each of those mapped, in their order; the same call when nothing changed. */
export function mapWindow(call: WindowCall, map: (expr: Expr) => Expr): WindowCall {
  const inner = mapCall(call, map) as WindowCall;
  const partitions = mapSame(call.partitions, map);
  const keys = mapKeys(call.keys, map);
  const bound = (old: FrameBound): FrameBound => {
    const value = old.value === undefined ? undefined : map(old.value);
    return value === old.value ? old : { ...old, value };
  };
  const { frame } = call;
  const [start, end] = [bound(frame.start), bound(frame.end)];
  const rangeKey = frame.rangeKey === undefined ? undefined : map(frame.rangeKey);
  const isFrameSame = start === frame.start && end === frame.end && rangeKey === frame.rangeKey;
  if (inner === call && partitions === call.partitions && keys === call.keys && isFrameSame) return call;
  return { ...inner, partitions, keys, frame: isFrameSame ? frame : { ...frame, start, end, rangeKey } };
}

/** A text that is equal for equal expressions: spans and the names of columns do not count. */
export function exprKey(expr: Expr): string {
  switch (expr.kind) {
    case 'column':
      return `#${expr.index.toString()}`;
    case 'outer':
      return `^${expr.index.toString()}`;
    case 'pending':
      return `?${expr.place.toString()}`;
    case 'literal': {
      const value = literalKey(expr.value);
      // Text is measured, so that no text can imitate the end of a literal.
      const key = `${typeName(expr.type)}:${value.length.toString()}:${value}`;
      // Its value may be another one the next time.
      return expr.place === undefined ? key : `${key}$${expr.place.parameter.toString()}`;
    }
    case 'cast':
      return `${expr.attempt ? 'try' : ''}cast(${exprKey(expr.operand)},${typeName(expr.type)})`;
    case 'call': {
      const body = expr.lambda === undefined ? '' : `;${exprKey(expr.lambda.body)}`;
      const text = `${expr.name}(${expr.args.map(exprKey).join(',')}${body})`;
      // The names of a struct's fields are in its type alone.
      return childFields(expr.type).length === 0 ? text : `${text}:${typeName(expr.type)}`;
    }
  }
}

/** A text that is equal for equal values of one type; -0 and 0 differ. */
export function literalKey(value: LiteralValue): string {
  if (Object.is(value, -0)) return '-0';
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  if (value === null || !isNestedValue(value)) return String(value);
  const parts = makeReader(value)(0);
  return JSON.stringify(parts, (_, part: unknown) => {
    if (part instanceof Uint8Array) return Buffer.from(part).toString('hex');
    return typeof part === 'bigint' ||
      Object.is(part, -0) ||
      !(part === null || typeof part !== 'number' || Number.isFinite(part))
      ? `${typeof part}:${Object.is(part, -0) ? '-0' : String(part)}`
      : part;
  });
}

/** The operands of nested ANDs, or the expression itself. */
export function conjunctsOf(expr: Expr): readonly Expr[] {
  if (expr.kind !== 'call' || expr.name !== 'and') return [expr];
  return expr.args.flatMap(conjunctsOf);
}

/**
 * As `conjunctsOf`, and of an OR what all its operands ask: `(a AND b) OR (a AND c)` is `a` and `b OR c`, also where
 * NULLs are about. Cost: linear in the operands' conjuncts.
 */
export function factoredConjuncts(expr: Expr): readonly Expr[] {
  return conjunctsOf(expr).flatMap((conjunct) => {
    if (conjunct.kind !== 'call' || conjunct.name !== 'or') return [conjunct];
    const operands = conjunct.args.map((arg) => new Map(factoredConjuncts(arg).map((part) => [exprKey(part), part])));
    const [first, ...others] = operands;
    const common = [...(first ?? [])].filter(([key]) => others.every((other) => other.has(key)));
    if (common.length === 0) return [conjunct];
    const keys = new Set(common.map(([key]) => key));
    const shared = common.map(([, part]) => part);
    const rests = operands.map((operand) => {
      return conjunctionOf([...operand].flatMap(([key, part]) => (keys.has(key) ? [] : [part])));
    });
    // Where an operand asks nothing more, the OR does not either.
    if (!rests.every((rest) => rest !== undefined)) return shared;
    const nullable = rests.some((rest) => rest.nullable);
    return [...shared, { ...conjunct, args: rests, nullable }];
  });
}

/** All of `conjuncts` as one condition; undefined for none. */
export function conjunctionOf(conjuncts: readonly Expr[]): Expr | undefined {
  const [first, ...more] = conjuncts;
  if (first === undefined || more.length === 0) return first;
  const last = conjuncts[conjuncts.length - 1] as Expr;
  const span = { start: Math.min(first.span.start, last.span.start), end: Math.max(first.span.end, last.span.end) };
  const nullable = conjuncts.some((conjunct) => conjunct.nullable);
  return { kind: 'call', name: 'and', args: conjuncts, type: first.type, nullable, span };
}
