/**
 * What the binding of an expression is told by where it stands.
 *
 * Hides nothing.
 */
import { foldName } from '../base/names.ts';
import type { ExprNode, SelectItem } from '../sql/ast.ts';
import type { AggregateList } from './bind-aggregate.ts';
import type { WindowList } from './bind-window.ts';

/** An alias of the SELECT list, and the place of its item. */
export interface Alias {
  readonly name: string;
  readonly expr: ExprNode;
  readonly item: number;
}

/** What differs between the clauses of one query. */
export interface Clause {
  /** As messages name it: 'WHERE'. */
  readonly name: string;
  /** Where aggregates go; undefined where none may stand. */
  readonly aggregates: AggregateList | undefined;
  /** Where calls over windows go; undefined where none may stand. */
  readonly windows?: WindowList | undefined;
  /** Aliases of items before this one are in reach. */
  readonly aliasesBefore: number;
}

/** The aliases of a list, by folded name; the first item with an alias wins when several have the same. */
export function aliasesOf(items: readonly SelectItem[]): ReadonlyMap<string, Alias> {
  const aliases = new Map<string, Alias>();
  items.forEach(({ alias, expr }, item) => {
    const key = alias === undefined ? undefined : foldName(alias.name);
    if (alias !== undefined && key !== undefined && !aliases.has(key))
      aliases.set(key, { name: alias.name, expr, item });
  });
  return aliases;
}
