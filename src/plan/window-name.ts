/**
 * Names of windows: calls over a window that WINDOW names, or that add to one, get the window written out.
 *
 * Hides what may be added to a window. Invariants: afterwards a name that is left is one that is not defined; queries
 * within have names of their own. The text of a column's name shows the window written out, as in DuckDB.
 */
import { foldName } from '../base/names.ts';
import type { FunctionCall, Select } from '../sql/ast.ts';
import type { WindowSpec } from '../sql/ast-window.ts';
import { quoteText, sqlError } from '../sql/frame.ts';
import type { Node } from '../sql/walk.ts';
import { mapNodes } from '../sql/walk.ts';
import { missingWindow } from './bind-window.ts';

/** The query with the windows of its calls written out. @throws `sql_bind` */
export function writeWindows(sql: string, select: Select): Select {
  if (select.windows.length === 0) return select;
  const known = new Map<string, WindowSpec>();
  for (const { name, spec } of select.windows) {
    const key = foldName(name.name);
    if (known.has(key)) {
      throw sqlError('sql_bind', sql, name.span, `WINDOW names ${quoteText(name.name)} twice`);
    }
    known.set(key, written(sql, spec, known));
  }
  const bare = { ...select, windows: [] };
  return mapNodes<Select>(bare, (node: Node): Node | undefined => {
    switch (node.kind) {
      case 'select':
      case 'set_operation':
      case 'values_query':
        return node;
      case 'function_call':
        return node.over === undefined ? undefined : { ...node, over: specOf(sql, node.over, known) };
      default:
        return undefined;
    }
  });
}

function specOf(
  sql: string,
  over: NonNullable<FunctionCall['over']>,
  known: ReadonlyMap<string, WindowSpec>,
): WindowSpec {
  if (over.kind === 'window_spec') return written(sql, over, known);
  const found = known.get(foldName(over.name));
  if (found === undefined) throw missingWindow(sql, over.name, over.span);
  return found;
}

/** A specification with that of the window which it adds to. */
function written(sql: string, spec: WindowSpec, known: ReadonlyMap<string, WindowSpec>): WindowSpec {
  const { base } = spec;
  if (base === undefined) return spec;
  const from = known.get(foldName(base.name));
  if (from === undefined) throw missingWindow(sql, base.name, base.span);
  const fail = (what: string): Error => {
    return sqlError('sql_bind', sql, spec.span, `the window ${quoteText(base.name)} ${what}`);
  };
  if (from.frame !== undefined)
    throw fail('has a frame, and nothing can be added to it; write OVER without parentheses');
  if (spec.partitions.length > 0 && from.partitions.length > 0) throw fail('has a PARTITION BY already');
  if (spec.orders.length > 0 && from.orders.length > 0) throw fail('has an ORDER BY already');
  const partitions = spec.partitions.length > 0 ? spec.partitions : from.partitions;
  const orders = spec.orders.length > 0 ? spec.orders : from.orders;
  return { ...spec, base: undefined, partitions, orders };
}
