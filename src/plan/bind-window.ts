/**
 * Calls over windows: which function it is, and the window, with the frame's distances turned into what is compared.
 *
 * Hides how a distance of RANGE becomes a bound: the key less or plus the distance, so that any type that can be
 * subtracted from will do, as in DuckDB. Invariants: while binding, a call is a column with the index WINDOWS_FROM - k,
 * k being its place in the list; bind-select replaces these before anything else sees them.
 */
import type { DataType } from '../arrow/type.ts';
import type { Span } from '../base/errors.ts';
import { nearestName } from '../base/names.ts';
import { castKind, functionNames, isComparable, resolveFunction, resultType } from '../function/registry.ts';
import { aggregateOf, resolveWindow, windowFunctionOf } from '../function/registry.ts';
import type { WindowEntry } from '../function/registry.ts';
import type { ExprNode, FunctionCall, OrderItem } from '../sql/ast.ts';
import type { FrameBound as BoundNode, WindowFrame as FrameNode, WindowSpec } from '../sql/ast-window.ts';
import { quoteText, sqlError } from '../sql/frame.ts';
import { aggregateName, bindAggregateCall } from './bind-aggregate.ts';
import { castTo, coerce, makeArithmetic, readText, unresolvedError } from './coerce.ts';
import { DOUBLE, INT64 } from './constant.ts';
import type { AggregateCall, Expr, FrameBound, SortKey, WindowCall, WindowFrame } from './expr.ts';
import { exprKey, literalKey } from './expr-walk.ts';
import { foldExpr } from './pass-fold.ts';
import { sqlTypeName } from './sql-type.ts';
import { fillArguments } from './window-fill.ts';

/** Indexes from here down stand for calls over windows; those above, below zero, for aggregates. */
export const WINDOWS_FROM = -0x40000000;

/** The calls over windows of a query, each once. */
export class WindowList {
  readonly calls: WindowCall[] = [];
  readonly #places = new Map<string, number>();

  /** What stands for the call's value. */
  add(call: WindowCall): Expr {
    const key = windowKey(call);
    let place = this.#places.get(key);
    if (place === undefined) {
      place = this.calls.push(call) - 1;
      this.#places.set(key, place);
    }
    const { name, type, nullable, span } = call;
    return { kind: 'column', index: WINDOWS_FROM - place, name, type, nullable, span };
  }
}

/** A text that is equal for equal calls. */
function windowKey(call: WindowCall): string {
  const keysText = (keys: readonly SortKey[]): string => {
    return keys.map((key) => `${exprKey(key.expr)}${key.descending ? 'd' : ''}${key.nullsFirst ? 'f' : ''}`).join();
  };
  const { unit, start, end, exclude } = call.frame;
  const [from, to] = [start, end].map(({ kind, value }) => `${kind}${value === undefined ? '' : exprKey(value)}`);
  const constants = call.constants.map((value) => JSON.stringify(literalKey(value)));
  const filter = call.filter === undefined ? '' : exprKey(call.filter);
  const rows = `${call.distinct ? 'd' : ''}${call.ignoresNulls ? 'i' : ''}:${filter}`;
  const args = `${[...call.args.map(exprKey), ...constants].join()};${keysText(call.order)}`;
  const window = `${call.partitions.map(exprKey).join()};${keysText(call.keys)};${unit};${from ?? ''};${to ?? ''}`;
  return `${call.name}:${rows}(${args})${window};${exclude}`;
}

/** Reads an expression as it stands in the part of the call that is named. */
type Bind = (node: ExprNode, part: string) => Expr;

const PART = 'a window function';

/** Binds a call with OVER. @throws `sql_bind`, `sql_unsupported` */
export function bindWindowCall(sql: string, node: FunctionCall, bind: Bind): WindowCall {
  const spec = specOf(sql, node);
  const call = bindCall(sql, node, bind);
  const partitions = spec.partitions.map((part) => ordered(sql, bind(part, PART), 'partition'));
  const keys = spec.orders.map((item) => bindKey(sql, item, bind));
  const frame = bindFrame(sql, spec.frame, keys, bind);
  if (frame.exclude !== 'nothing' && node.orders.length > 0 && !call.isAggregate && !FRAMED.has(call.name)) {
    throw sqlError('sql_bind', sql, node.span, `${call.name} with ORDER BY of its own takes no EXCLUDE`);
  }
  if (call.name === 'fill') return fillCall(sql, call, partitions, keys, frame);
  // A constant orders nothing, but a distance may count from it.
  const kept = frame.rangeKey === undefined ? keys.filter(({ expr }) => foldExpr(expr).kind !== 'literal') : keys;
  return { ...call, partitions, keys: kept, frame };
}

/** fill goes by its own order, if it has one, and by no frame. */
function fillCall(
  sql: string,
  call: Call,
  partitions: readonly Expr[],
  keys: readonly SortKey[],
  frame: WindowFrame,
): WindowCall {
  const by = call.order.length > 0 ? call.order : keys;
  const args = fillArguments(sql, call.args[0] as Expr, by, call.span);
  return { ...call, args, order: [], type: DOUBLE, partitions, keys: by, frame };
}

function specOf(sql: string, { over, span }: FunctionCall): WindowSpec {
  const missing = over?.kind === 'identifier' ? over : over?.base;
  if (missing !== undefined) throw missingWindow(sql, missing.name, missing.span);
  if (over?.kind === 'window_spec') return over;
  throw sqlError('sql_bind', sql, span, 'a window function needs OVER');
}

/** The error for a window that WINDOW does not name. */
export function missingWindow(sql: string, name: string, span: Span): Error {
  const remedy = `define it with WINDOW ${name} AS (…), before the windows that use it`;
  return sqlError('sql_bind', sql, span, `there is no window ${quoteText(name)}`, remedy);
}

type Call = AggregateCall & Pick<WindowCall, 'isAggregate' | 'ignoresNulls'>;

function bindCall(sql: string, node: FunctionCall, bind: Bind): Call {
  const name = node.name.name.toLowerCase();
  const entry = node.withinGroup ? undefined : windowFunctionOf(name);
  if (entry !== undefined) return bindOwn(sql, node, entry, bind);
  const aggregate = aggregateName(sql, node);
  if (aggregate === undefined) throw noWindowFunction(sql, node, name);
  if (node.nulls !== undefined) {
    const message = `${name} takes no ${node.nulls.toUpperCase()} NULLS: it is an aggregate`;
    throw sqlError('sql_bind', sql, node.span, message, 'choose rows with FILTER');
  }
  if (node.star && aggregate !== 'count') {
    throw sqlError('sql_bind', sql, node.span, `${name}(*) is not possible; only count takes *`);
  }
  return { ...bindAggregateCall(sql, node, aggregate, bind), isAggregate: true, ignoresNulls: false };
}

function noWindowFunction(sql: string, { span, name: { name: written } }: FunctionCall, name: string): Error {
  const answer = resolveFunction(name, []);
  if ('parameters' in answer || answer.known) {
    return sqlError('sql_bind', sql, span, `${name} is no aggregate and no window function`, 'write it without OVER');
  }
  const nearest = nearestName(written, functionNames());
  const remedy = nearest === undefined ? undefined : `did you mean ${quoteText(nearest)}?`;
  return sqlError('sql_bind', sql, span, `there is no function ${quoteText(written)}`, remedy);
}

/** Names that the arguments of lag and lead may be given by. */
const SHIFT_NAMES = ['col', 'offset', 'default'];

/** The arguments in their order; an offset before a default that is given by name is 1. @throws `sql_bind` */
function argumentsOf(sql: string, { args }: FunctionCall, { name }: WindowEntry): readonly ExprNode[] {
  if ((name !== 'lag' && name !== 'lead') || !args.some(({ kind }) => kind === 'named_argument')) return args;
  const placed: (ExprNode | undefined)[] = [];
  args.forEach((arg, i) => {
    const place = arg.kind === 'named_argument' ? SHIFT_NAMES.indexOf(arg.name.name.toLowerCase()) : i;
    if (place < 0 || placed[place] !== undefined) {
      throw sqlError('sql_bind', sql, arg.span, `${name} takes col, offset and default, each once`);
    }
    placed[place] = arg.kind === 'named_argument' ? arg.value : arg;
  });
  return Array.from(placed, (arg, i): ExprNode => {
    const span = args[0]?.span ?? { start: 0, end: 0 };
    if (arg === undefined && i === 0) throw sqlError('sql_bind', sql, span, `${name} needs col, the value`);
    return arg ?? { kind: 'number', text: '1', span };
  });
}

/** Functions that a frame says something to. */
const FRAMED = new Set(['first_value', 'last_value', 'nth_value']);

/** A function that only stands over windows. */
function bindOwn(sql: string, node: FunctionCall, entry: WindowEntry, bind: Bind): Call {
  const { name } = entry;
  const mark = node.star ? '*' : node.distinct ? 'DISTINCT' : node.filter === undefined ? undefined : 'FILTER';
  if (mark !== undefined) {
    const remedy = aggregateOf(name) === undefined ? undefined : 'aggregates do';
    throw sqlError('sql_bind', sql, node.span, `the window function ${name} takes no ${mark}`, remedy);
  }
  if (entry.skipsNulls !== true && (node.nulls === 'ignore' || (node.nulls !== undefined && name === 'fill'))) {
    throw sqlError(
      'sql_bind',
      sql,
      node.span,
      `the window function ${name} takes no ${node.nulls.toUpperCase()} NULLS`,
    );
  }
  const given = argumentsOf(sql, node, entry).map((arg) => bind(arg, PART));
  const answer = resolveWindow(
    name,
    given.map((arg) => arg.type),
  );
  if (!('parameters' in answer)) throw unresolvedError(sql, name, given, answer, node.span);
  const args = given.map((arg, i) => {
    const type = answer.parameters[i] ?? arg.type;
    // The value for where there is no row is cast by any cast there is.
    return i === 2 ? castTo(sql, arg, type, false, arg.span) : coerce(arg, type);
  });
  const order = node.orders.map((item) => bindKey(sql, item, bind));
  if (order.length > 0 && name === 'dense_rank') {
    throw sqlError('sql_unsupported', sql, node.span, 'ORDER BY inside dense_rank is not supported yet');
  }
  return {
    name,
    args,
    constants: [],
    distinct: false,
    filter: undefined,
    order,
    type: answer.type,
    nullable: answer.nulls !== 'never',
    span: node.span,
    isAggregate: false,
    ignoresNulls: node.nulls === 'ignore',
  };
}

function ordered(sql: string, expr: Expr, verb: string): Expr {
  if (isComparable(expr.type)) return expr;
  throw sqlError('sql_bind', sql, expr.span, `cannot ${verb} by a value of type ${sqlTypeName(expr.type)}`);
}

function bindKey(sql: string, item: OrderItem, bind: Bind): SortKey {
  const expr = ordered(sql, bind(item.expr, PART), 'order');
  return { expr, descending: item.descending, nullsFirst: item.nullsFirst ?? false };
}

const USUAL: WindowFrame = {
  unit: 'range',
  start: { kind: 'unbounded', value: undefined },
  end: { kind: 'current', value: undefined },
  exclude: 'nothing',
  rangeKey: undefined,
};

function bindFrame(sql: string, node: FrameNode | undefined, keys: readonly SortKey[], bind: Bind): WindowFrame {
  if (node === undefined) return USUAL;
  const { unit } = node;
  const bounds = [node.start, node.end].map((bound) => bindBound(bound, bind));
  const [start, end] = bounds as [FrameBound, FrameBound];
  const frame: WindowFrame = { unit, start, end, exclude: node.exclude ?? 'nothing', rangeKey: undefined };
  if (unit !== 'range') {
    const counted = (bound: FrameBound): FrameBound => {
      return bound.value === undefined ? bound : { ...bound, value: asCount(sql, bound.value) };
    };
    return { ...frame, start: counted(start), end: counted(end) };
  }
  return start.value === undefined && end.value === undefined ? frame : rangeFrame(sql, node, frame, keys);
}

function bindBound({ bound, value }: BoundNode, bind: Bind): FrameBound {
  switch (bound) {
    case 'unbounded_preceding':
    case 'unbounded_following':
      return { kind: 'unbounded', value: undefined };
    case 'current_row':
      return { kind: 'current', value: undefined };
    case 'preceding':
    case 'following':
      return { kind: bound, value: value === undefined ? undefined : foldExpr(bind(value, "a window's frame")) };
  }
}

function asCount(sql: string, expr: Expr): Expr {
  if (expr.kind === 'literal' && typeof expr.value === 'string') return readText(sql, expr, INT64);
  return foldExpr(castTo(sql, expr, INT64, false, expr.span));
}

/** Distances along the one key, as values of the key that far away. */
function rangeFrame(sql: string, node: FrameNode, frame: WindowFrame, keys: readonly SortKey[]): WindowFrame {
  const [key, ...more] = keys;
  if (key === undefined || more.length > 0) {
    const remedy = 'or count with ROWS or GROUPS';
    throw sqlError('sql_bind', sql, node.span, 'RANGE with a distance needs exactly one ORDER BY expression', remedy);
  }
  const far = ({ kind, value }: FrameBound): Expr | undefined => {
    if (value === undefined) return undefined;
    if (value.kind === 'literal' && value.value === null) {
      throw sqlError('sql_bind', sql, value.span, 'a distance of RANGE cannot be NULL');
    }
    const isLess = (kind === 'preceding') !== key.descending;
    return makeArithmetic(sql, isLess ? '-' : '+', key.expr, value, value.span);
  };
  const [start, end] = [far(frame.start), far(frame.end)];
  const type = [start, end].reduce<DataType>((common, bound) => {
    return bound === undefined ? common : (resultType(common, bound.type) ?? bound.type);
  }, key.expr.type);
  const asKey = (expr: Expr): Expr => {
    if (castKind(expr.type, type) !== 'none') return castTo(sql, expr, type, false, expr.span);
    const types = `${sqlTypeName(expr.type)} and ${sqlTypeName(type)}`;
    throw sqlError('sql_bind', sql, expr.span, `${types} cannot be compared in a frame`);
  };
  const bound = (old: FrameBound, value: Expr | undefined): FrameBound => {
    return value === undefined ? old : { ...old, value: asKey(value) };
  };
  return { ...frame, start: bound(frame.start, start), end: bound(frame.end, end), rangeKey: asKey(key.expr) };
}
