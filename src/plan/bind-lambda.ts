/**
 * Calls with a lambda: list_transform, list_filter, list_reduce, and invoke, which is its lambda's body; TRY, whose
 * argument is the body of one without parameters.
 *
 * Hides how a body reads what is around it. Invariants: a lambda's body is bound over its parameters' values and
 * then what it reads of the rows around it, which become arguments of the call; so every pass sees these, and none
 * the body.
 */
import type { DataType } from '../arrow/type.ts';
import type { Span } from '../base/errors.ts';
import { elementOf, listOf } from '../function/nested-type.ts';
import { castKind, commonType } from '../function/registry.ts';
import { foldName } from '../base/names.ts';
import type { ExprNode, FunctionCall, Identifier } from '../sql/ast.ts';
import { sqlError } from '../sql/frame.ts';
import { targetOf } from './adapt.ts';
import { castTo, coerce, toCondition } from './coerce.ts';
import { INT64 } from './constant.ts';
import type { Expr } from './expr.ts';
import { exprKey, hasVolatile, mapColumns, mapLeaves } from './expr-walk.ts';
import { foldExpr } from './pass-fold.ts';
import { sqlTypeName } from './sql-type.ts';

export type LambdaKind = 'list_transform' | 'list_filter' | 'list_reduce' | 'invoke' | 'try';
type LambdaNode = Extract<ExprNode, { kind: 'lambda' }>;

const KINDS: ReadonlyMap<string, LambdaKind> = new Map([
  ...['list_transform', 'array_transform', 'list_apply', 'array_apply', 'apply'].map(
    (name) => [name, 'list_transform'] as const,
  ),
  ...['list_filter', 'array_filter', 'filter'].map((name) => [name, 'list_filter'] as const),
  ...['list_reduce', 'array_reduce', 'reduce'].map((name) => [name, 'list_reduce'] as const),
  ['invoke', 'invoke'],
  ['try', 'try'],
]);

/** The function with a lambda that `name` means; undefined when it means none. */
export function lambdaFunction(name: string): LambdaKind | undefined {
  return KINDS.get(name);
}

/** The names that a lambda's body knows, and what it has read of the rows around it. */
export class LambdaFrame {
  readonly #names: readonly Identifier[];
  readonly #types: readonly DataType[];
  /** What the body reads, over the rows around it. */
  readonly reads: Expr[] = [];
  readonly #places = new Map<string, number>();

  constructor(names: readonly Identifier[], types: readonly DataType[]) {
    this.#names = names;
    this.#types = types;
  }

  /** The parameter of that name; undefined when there is none. */
  parameter(name: Identifier): Expr | undefined {
    const index = this.#names.findIndex((own) => foldName(own.name) === foldName(name.name));
    const type = this.#types[index];
    if (type === undefined) return undefined;
    return { kind: 'column', index, name: name.name, type, nullable: true, span: name.span };
  }

  /** A value of the rows around as the body reads it. */
  read(expr: Expr): Expr {
    if (expr.kind === 'literal') return expr;
    const key = exprKey(expr);
    let place = this.#places.get(key);
    if (place === undefined) {
      place = this.reads.push(expr) - 1;
      this.#places.set(key, place);
    }
    const name = expr.kind === 'column' || expr.kind === 'outer' ? expr.name : '';
    const { type, nullable, span } = expr;
    return { kind: 'column', index: this.#names.length + place, name, type, nullable, span };
  }
}

/** How parts of the call are bound: as they stand, and as a lambda's body. */
interface LambdaBinding {
  readonly plain: (node: ExprNode) => Expr;
  readonly within: (frame: LambdaFrame, body: ExprNode) => Expr;
}

/** Binds such a call. @throws `sql_bind`, `sql_unsupported` */
export function bindLambdaCall(sql: string, node: FunctionCall, kind: LambdaKind, binding: LambdaBinding): Expr {
  if (kind === 'invoke') return bindInvoke(sql, node, binding);
  if (kind === 'try') return bindTry(sql, node, binding);
  const [listNode, lambda, initialNode, ...more] = node.args;
  const most = kind === 'list_reduce' ? 3 : 2;
  if (listNode === undefined || lambda?.kind !== 'lambda' || node.args.length > most || more.length > 0) {
    const form = kind === 'list_reduce' ? 'a list, a lambda, and perhaps a first value' : 'a list and a lambda';
    throw sqlError('sql_bind', sql, node.span, `${node.name.name} takes ${form}`, 'write lambda x: x + 1');
  }
  const given = binding.plain(listNode);
  const list = given.type.id === 'null' ? castTo(sql, given, listOf(given.type), false, given.span) : given;
  const element = elementOf(targetOf(list.type));
  if (element === undefined) {
    const message = `${node.name.name} takes a list, not ${sqlTypeName(given.type)}`;
    throw sqlError('sql_bind', sql, listNode.span, message);
  }
  checkParameters(sql, lambda, kind);
  if (kind === 'list_reduce') {
    return bindReduce(
      sql,
      node,
      lambda,
      { list, element, initial: initialNode && binding.plain(initialNode) },
      binding,
    );
  }
  const frame = new LambdaFrame(lambda.parameters, [element, INT64].slice(0, lambda.parameters.length));
  const bound = foldExpr(binding.within(frame, lambda.body));
  const body = kind === 'list_filter' ? toCondition(sql, bound, 'the lambda of list_filter') : bound;
  const type = listOf(kind === 'list_filter' ? element : body.type);
  return {
    kind: 'call',
    name: kind,
    args: [coerce(list, list.type), ...frame.reads],
    lambda: { body, parameters: lambda.parameters.length, leading: 1 },
    type,
    nullable: list.nullable,
    span: node.span,
  };
}

/** `invoke(lambda x, y: …, a, b)`: the body with the values in the places of its parameters. @throws `sql_bind` */
function bindInvoke(sql: string, node: FunctionCall, binding: LambdaBinding): Expr {
  const [lambda, ...values] = node.args;
  if (lambda?.kind !== 'lambda' || lambda.parameters.length !== values.length) {
    const message = 'invoke takes a lambda and a value for each of its parameters';
    throw sqlError('sql_bind', sql, node.span, message, 'write invoke(lambda x: x + 1, 2)');
  }
  const given = values.map(binding.plain);
  const frame = new LambdaFrame(
    lambda.parameters,
    given.map(({ type }) => type),
  );
  const body = binding.within(frame, lambda.body);
  const sources = [...given, ...frame.reads];
  return { ...mapColumns(body, (column) => sources[column.index] ?? column), span: node.span };
}

/** `try(expression)`: NULL for rows for which it fails. @throws `sql_bind` */
function bindTry(sql: string, { args, span }: FunctionCall, binding: LambdaBinding): Expr {
  const [only, ...more] = args;
  if (only === undefined || more.length > 0) throw sqlError('sql_bind', sql, span, 'TRY takes one expression');
  const frame = new LambdaFrame([], []);
  const body = foldExpr(binding.within(frame, only));
  if (hasVolatile(body)) {
    throw sqlError('sql_bind', sql, only.span, 'TRY cannot hold a call that answers anew for each row');
  }
  const lambda = { body, parameters: 0, leading: 0 };
  return { kind: 'call', name: 'try', args: frame.reads, lambda, type: body.type, nullable: true, span };
}

/** What `body` makes of a value, which is computed once for each row also where it would answer anew each time. */
export function onceFor(value: Expr, body: (value: Expr) => Expr, span: Span): Expr {
  if (!hasVolatile(value)) return body(value);
  const frame = new LambdaFrame([], []);
  const once = frame.read(value);
  const made = mapLeaves(body(once), (leaf) => (leaf === once ? leaf : frame.read(leaf)));
  const lambda = { body: made, parameters: 0, leading: 0 };
  return { kind: 'call', name: 'let', args: frame.reads, lambda, type: made.type, nullable: made.nullable, span };
}

function checkParameters(sql: string, { parameters, span }: LambdaNode, kind: LambdaKind): void {
  const [least, most] = kind === 'list_reduce' ? [2, 3] : [1, 2];
  if (parameters.length >= least && parameters.length <= most) return;
  const message = `the lambda of ${kind} has ${least.toString()} or ${most.toString()} parameters`;
  throw sqlError('sql_bind', sql, span, message, 'the last one is the place of the value');
}

interface Reduced {
  readonly list: Expr;
  readonly element: DataType;
  readonly initial: Expr | undefined;
}

/** What is gathered has the type in which values, the first one and what the body makes of them meet. */
function bindReduce(
  sql: string,
  node: FunctionCall,
  lambda: LambdaNode,
  { list, element, initial }: Reduced,
  binding: LambdaBinding,
): Expr {
  const bodyOver = (type: DataType, own: DataType): { readonly frame: LambdaFrame; readonly body: Expr } => {
    const types = [type, own, INT64].slice(0, lambda.parameters.length);
    const frame = new LambdaFrame(lambda.parameters, types);
    return { frame, body: foldExpr(binding.within(frame, lambda.body)) };
  };
  const begins = initial?.type ?? element;
  const first = bodyOver(begins, element);
  const type = commonType(begins, first.body.type);
  if (type === undefined) {
    const types = `${sqlTypeName(begins)} and ${sqlTypeName(first.body.type)}`;
    throw sqlError('sql_bind', sql, lambda.span, `the lambda of list_reduce makes ${types}`, 'cast one of them');
  }
  const { frame, body } =
    castKind(begins, type) === 'same' ? first : bodyOver(type, initial === undefined ? type : element);
  const firsts = initial === undefined ? [] : [coerce(initial, type)];
  // Without a first value it is the list's own, which must be of that type too.
  const values = initial === undefined && castKind(element, type) !== 'same' ? coerce(list, listOf(type)) : list;
  return {
    kind: 'call',
    name: 'list_reduce',
    args: [values, ...firsts, ...frame.reads],
    lambda: { body: coerce(body, type), parameters: lambda.parameters.length, leading: 1 + firsts.length },
    type,
    nullable: true,
    span: node.span,
  };
}
