/**
 * Stars and COLUMNS: which columns they stand for, and expressions written out for each of them.
 *
 * Hides patterns for names. Invariants: a column of a star is a place in the scope, so that it is found whatever other
 * columns are called; an expression with COLUMNS is written out before it is bound. Queries within keep theirs.
 */
import { foldName } from '../base/names.ts';
import type { ColumnName, ColumnsNode, ExprNode, SelectItem, Star } from '../sql/ast.ts';
import { quoteText, sqlError } from '../sql/frame.ts';
import type { Node } from '../sql/walk.ts';
import { forEachChild, mapChildren } from '../sql/walk.ts';
import { ExpressionBinder } from './bind-expression.ts';
import { foldExpr } from './pass-fold.ts';
import type { ScopeColumn } from './scope.ts';
import { Scope } from './scope.ts';

/** What stands for one column: its name, and the expression that reads it. */
export interface StarColumn {
  readonly name: string;
  readonly node: ExprNode;
}

/** A look at the text, so that most expressions are not searched. */
const MAY_HAVE_COLUMNS = /\bcolumns\s*\(/iu;
const QUERIES: ReadonlySet<string> = new Set(['select', 'set_operation', 'values_query']);

function sameText(a: string, b: string): boolean {
  return a === b || foldName(a) === foldName(b);
}

/** True when `path` names the column. */
function names(path: ColumnName['path'], { field, label }: ScopeColumn): boolean {
  const table = path.at(-2);
  return (
    sameText(path.at(-1)?.name ?? '', field.name) &&
    (table === undefined || label === undefined || sameText(table.name, label))
  );
}

function pathOf({ expr }: SelectItem): ColumnName['path'] {
  return expr.kind === 'column_name' ? expr.path : [];
}

/** The columns of a star, without those it leaves out, and with those that it replaces. @throws `sql_bind` */
function starColumns(sql: string, scope: Scope, star: Star): StarColumn[] {
  const columns = scope.star(star.table, star.span);
  checkLists(sql, scope, star, columns);
  const made = columns.flatMap((column): StarColumn[] => {
    const { index, field } = column;
    if (star.exclude.some(({ path }) => names(path, column))) return [];
    const replaced = star.replace.find(({ alias }) => sameText(alias?.name ?? '', field.name));
    if (replaced !== undefined) return [{ name: field.name, node: replaced.expr }];
    const renamed = star.rename.find((item) => names(pathOf(item), column));
    const node = { kind: 'position', place: index, all: true, span: star.span } as const;
    return [{ name: renamed?.alias?.name ?? field.name, node }];
  });
  const { filter } = star;
  if (filter === undefined) return made;
  const { span } = filter.pattern;
  return fitting(sql, star, made, (name) => ({ ...filter, operand: { kind: 'string', value: name, span } }));
}

/** Refuses names that the star has not, names that are listed twice, and those of two lists. @throws `sql_bind` */
function checkLists(sql: string, scope: Scope, star: Star, columns: readonly ScopeColumn[]): void {
  const lists = [
    ['EXCLUDE', star.exclude.map(({ path }) => path)],
    ['REPLACE', star.replace.map(({ alias }) => (alias === undefined ? [] : [alias]))],
    ['RENAME', star.rename.map(pathOf)],
  ] as const;
  const taken = new Map<string, string>();
  for (const [list, paths] of lists) {
    for (const path of paths) {
      const name = path.at(-1);
      if (name === undefined) continue;
      const refuse = (message: string): Error => sqlError('sql_bind', sql, name.span, message);
      const inScope = path.length > 1 && scope.find({ kind: 'column_name', path, span: name.span }) !== undefined;
      if (!inScope && !columns.some((column) => names(path, column))) {
        throw refuse(`* has no column ${quoteText(path.map((part) => part.name).join('.'))}`);
      }
      const key = path.map((part) => foldName(part.name)).join('.');
      const other = taken.get(key);
      if (other === list) throw refuse(`column ${quoteText(name.name)} is twice in ${list}`);
      if (other !== undefined) throw refuse(`column ${quoteText(name.name)} is in ${other} and in ${list}`);
      taken.set(key, list);
    }
  }
}

/** The columns whose names pass a test that is written in SQL. @throws `sql_bind` when there are none */
function fitting(
  sql: string,
  written: { readonly span: Star['span'] },
  columns: readonly StarColumn[],
  test: (name: string) => ExprNode,
): StarColumn[] {
  const fit = columns.filter(({ name }) => constantOf(sql, test(name)) === true);
  if (fit.length > 0) return fit;
  throw sqlError('sql_bind', sql, written.span, 'no column has a name that fits the pattern');
}

/** The value of an expression over names. @throws `sql_bind` when it reads columns */
function constantOf(sql: string, node: ExprNode): unknown {
  const binder = new ExpressionBinder(sql, Scope.of(sql, undefined), new Map());
  const clause = { name: 'a pattern for names', aggregates: undefined, aliasesBefore: 0 };
  const value = foldExpr(binder.bind(node, clause));
  return value.kind === 'literal' ? value.value : undefined;
}

function columnsOf(sql: string, scope: Scope, { star, pattern, span }: ColumnsNode): StarColumn[] {
  const all = starColumns(sql, scope, star);
  if (pattern === undefined) return all;
  return fitting(sql, { span }, all, (name) => patternCall('regexp_matches', name, pattern, star.span));
}

function patternCall(name: string, text: string, pattern: string, span: Star['span'], group?: number): ExprNode {
  const more: ExprNode[] = group === undefined ? [] : [{ kind: 'number', text: group.toString(), span }];
  const values = [text, pattern].map((value): ExprNode => ({ kind: 'string', value, span }));
  return {
    kind: 'function_call',
    name: { kind: 'identifier', name, quoted: false, span },
    args: [...values, ...more],
    star: false,
    distinct: false,
    orders: [],
    withinGroup: false,
    nulls: undefined,
    over: undefined,
    filter: undefined,
    span,
  };
}

/** The first COLUMNS within an expression, not those of queries within it. */
function columnsWithin(node: Node): ColumnsNode | undefined {
  if (node.kind === 'columns') return node;
  if (QUERIES.has(node.kind)) return undefined;
  let found: ColumnsNode | undefined;
  forEachChild(node, (child) => {
    found ??= columnsWithin(child);
  });
  return found;
}

function replaceColumns<N extends Node>(node: N, column: ExprNode): N {
  return mapChildren(node, (child) => {
    if (child.kind === 'columns') return column;
    return QUERIES.has(child.kind) ? child : replaceColumns(child, column);
  });
}

/** An expression for each column of the COLUMNS within it; undefined without one. @throws `sql_bind` */
export function expandColumns(sql: string, scope: Scope, node: ExprNode): readonly StarColumn[] | undefined {
  // Its own text alone: a look at all of it for each item would take time that is quadratic in the length.
  if (!MAY_HAVE_COLUMNS.test(sql.slice(node.span.start, node.span.end))) return undefined;
  const first = columnsWithin(node);
  if (first === undefined) return undefined;
  return columnsOf(sql, scope, first).map(({ name, node: column }) => {
    return { name, node: node.kind === 'columns' ? column : replaceColumns(node, column) };
  });
}

/** The items of a list with each star and each COLUMNS written out; `\1` in an alias is what a pattern's group found. */
export function expandItem(sql: string, scope: Scope, item: SelectItem): readonly StarColumn[] | undefined {
  const { expr, alias } = item;
  const columns = expr.kind === 'star' ? starColumns(sql, scope, expr) : expandColumns(sql, scope, expr);
  if (columns === undefined || alias === undefined) return columns;
  const pattern = expr.kind === 'star' ? filterPattern(sql, expr) : columnsWithin(expr)?.pattern;
  return columns.map(({ name, node }) => {
    const group = (_: string, digit: string): string => {
      if (pattern === undefined) return digit === '0' ? name : '';
      return String(constantOf(sql, patternCall('regexp_extract', name, pattern, alias.span, Number(digit))));
    };
    return { name: alias.name.replace(/\\(\d)/gu, group), node };
  });
}

/** The regular expression that a star's names must match. */
function filterPattern(sql: string, { filter }: Star): string | undefined {
  if (filter?.operator !== 'similar' || filter.negated) return undefined;
  return String(constantOf(sql, filter.pattern));
}
