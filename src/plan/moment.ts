/**
 * The moment of a statement: now() and its kin, frozen before anything is bound.
 *
 * Hides where in a statement they stand. Invariants: all of them in one statement mean one moment; what is planned
 * again with the same moment (a ticket) answers the same; a statement without them is left as it is.
 */
import { isNowFunction, isNowWord } from '../function/registry.ts';
import type { ExprNode, Statement } from '../sql/ast.ts';
import type { Node } from '../sql/walk.ts';
import { mapNodes } from '../sql/walk.ts';

/** A look at the text, so that most statements are not walked. */
const MAY_MEAN_NOW = /\b(?:now|today|age|current_\w+|get_current_\w+|transaction_timestamp|local\w+)\b/iu;

/** False when a statement surely says nothing of now(). */
export function mayMeanNow(sql: string): boolean {
  return MAY_MEAN_NOW.test(sql);
}

/** The statement with its moment (microseconds since 1970 UTC) in the place of every now(). */
export function freezeMoment(sql: string, statement: Statement, micros: bigint): Statement {
  if (!mayMeanNow(sql)) return statement;
  return mapNodes(statement, (node) => frozen(node, micros));
}

/** The same for an expression alone. */
export function freezeExpression(expr: ExprNode, micros: bigint): ExprNode {
  return (frozen(expr, micros) as ExprNode | undefined) ?? mapNodes(expr, (node) => frozen(node, micros));
}

function frozen(node: Node, micros: bigint): Node | undefined {
  if (node.kind === 'column_name') {
    const [only, ...more] = node.path;
    if (only === undefined || more.length > 0 || only.quoted || !isNowWord(only.name)) return undefined;
    return { kind: 'moment', written: node, micros, span: node.span };
  }
  if (node.kind !== 'function_call' || node.star || node.distinct) return undefined;
  const name = node.name.name.toLowerCase();
  if (node.args.length === 0 ? !isNowFunction(name) : node.args.length !== 1 || name !== 'age') return undefined;
  const written = mapNodes(node, (inner) => frozen(inner, micros));
  return { kind: 'moment', written, micros, span: node.span };
}
