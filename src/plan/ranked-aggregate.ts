/**
 * The first rows by a value as a list: `max(x, 3)`, `arg_min(x, y, 3)`, and `arg_max_nulls_last`, written with list.
 *
 * Hides the writing. Invariants: `max(x, 3)` is the first three of `list(x ORDER BY x DESC)` over the rows where x is
 * not NULL; where NULLs are last, no row is left out; of equal rows those that come first are taken.
 */
import { RANKED_ROWS_MAX } from '../base/limits.ts';
import type { ExprNode, FunctionCall, Identifier, OrderItem } from '../sql/ast.ts';
import { sqlError } from '../sql/frame.ts';

/** How one name ranks rows. */
interface Ranking {
  /** How many arguments there are before the number of rows. */
  readonly arity: 1 | 2;
  readonly descending: boolean;
  readonly keepsNulls: boolean;
}

const RANKINGS: ReadonlyMap<string, Ranking> = new Map<string, Ranking>([
  ['min', { arity: 1, descending: false, keepsNulls: false }],
  ['max', { arity: 1, descending: true, keepsNulls: false }],
  ...['arg_min', 'argmin', 'min_by'].map((name) => [name, ranking(false, false)] as const),
  ...['arg_max', 'argmax', 'max_by'].map((name) => [name, ranking(true, false)] as const),
  ['arg_min_nulls_last', ranking(false, true)],
  ['arg_max_nulls_last', ranking(true, true)],
]);

function ranking(descending: boolean, keepsNulls: boolean): Ranking {
  return { arity: 2, descending, keepsNulls };
}

/** The call written with list or first; undefined for calls that need not be. @throws `sql_bind` */
export function rankedCall(sql: string, node: FunctionCall): ExprNode | undefined {
  const found = RANKINGS.get(node.name.name.toLowerCase());
  if (found === undefined) return undefined;
  const [value, second] = node.args;
  const by = found.arity === 1 ? value : second;
  const count = node.args[found.arity];
  if (value === undefined || by === undefined || node.args.length > found.arity + 1) return undefined;
  if (count === undefined) return found.keepsNulls ? firstOf(node, 'first', found, value, by) : undefined;
  checkCount(sql, node, count);
  const list = firstOf(node, 'list', found, value, by);
  const one: ExprNode = { kind: 'number', text: '1', span: count.span };
  return { ...plainCall('list_slice', node), args: [list, one, count] };
}

/** `name(value ORDER BY by)` over the rows that count. */
function firstOf(node: FunctionCall, name: string, rank: Ranking, value: ExprNode, by: ExprNode): FunctionCall {
  const key: OrderItem = {
    kind: 'order_item',
    expr: by,
    descending: rank.descending,
    directed: true,
    nullsFirst: false,
    span: by.span,
  };
  const parts = value === by ? [value] : [value, by];
  const present = parts.map((part): ExprNode => {
    return { kind: 'is', operand: part, test: 'null', negated: true, span: part.span };
  });
  const conditions = [...(rank.keepsNulls ? [] : present), ...(node.filter === undefined ? [] : [node.filter])];
  const [only, ...more] = conditions;
  const filter: ExprNode | undefined =
    more.length === 0 ? only : { kind: 'logical', operator: 'and', operands: conditions, span: node.span };
  return { ...node, name: named(name, node), args: [value], orders: [key, ...node.orders], filter };
}

function plainCall(name: string, node: FunctionCall): FunctionCall {
  return { ...node, name: named(name, node), distinct: false, orders: [], filter: undefined, over: undefined };
}

function named(name: string, node: FunctionCall): Identifier {
  return { ...node.name, name };
}

function checkCount(sql: string, node: FunctionCall, count: ExprNode): void {
  const isOutside = count.kind === 'number' && !(Number(count.text) > 0 && Number(count.text) <= RANKED_ROWS_MAX);
  const isWrong = isOutside || count.kind === 'null' || count.kind === 'unary';
  if (!isWrong) return;
  const message = `${node.name.name} takes a number of rows from 1 to ${RANKED_ROWS_MAX.toString()}`;
  throw sqlError('sql_bind', sql, count.span, message);
}
