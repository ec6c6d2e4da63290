/**
 * Stars and COLUMNS: which columns they stand for, and expressions written out for each of them.
 *
 * Hides patterns for names. Invariants: a column of a star is a place in the scope, so that it is found whatever other
 * columns are called; an expression with COLUMNS is written out before it is bound. Queries within keep theirs.
 */
import type { DataType } from '../arrow/type.ts';
import { foldName } from '../base/names.ts';
import type { ColumnName, ColumnsNode, ExprNode, SelectItem, Star } from '../sql/ast.ts';
import { quoteText, sqlError } from '../sql/frame.ts';
import { plainCall as call } from '../sql/plain-select.ts';
import type { Node } from '../sql/walk.ts';
import { forEachChild, mapChildren, mapNodes } from '../sql/walk.ts';
import { targetOf } from './adapt.ts';
import { ExpressionBinder } from './bind-expression.ts';
import { resolveIn } from './bind-nested.ts';
import { foldExpr } from './pass-fold.ts';
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

/** A column that a star may stand for, and the name of its table where it has one. */
interface Candidate extends StarColumn {
  readonly label: string | undefined;
}

/** True when `path` names the column. */
function names(path: ColumnName['path'], { name, label }: Candidate): boolean {
  const table = path.at(-2);
  return (
    sameText(path.at(-1)?.name ?? '', name) &&
    (table === undefined || label === undefined || sameText(table.name, label))
  );
}

function pathOf({ expr }: SelectItem): ColumnName['path'] {
  return expr.kind === 'column_name' ? expr.path : [];
}

/** All columns of the tables, or of one, or the fields of a struct. @throws `sql_bind` */
function candidates(sql: string, scope: Scope, { table, span }: Star): readonly Candidate[] {
  const isTable = table.length !== 1 || scope.relation(table) !== undefined;
  const value = isTable ? undefined : structNamed(sql, scope, table, span);
  if (value === undefined) {
    return scope.star(table, span).map(({ index, field, label }) => {
      return { name: field.name, label, node: { kind: 'position', place: index, all: true, span } };
    });
  }
  return value.children.map(({ name }) => {
    const field = { kind: 'identifier', name, quoted: true, span } as const;
    return { name, label: undefined, node: { kind: 'field', operand: columnNamed(table, span), name: field, span } };
  });
}

/** The type of the struct that `s.*` opens; undefined when there is none of that name. */
function structNamed(
  sql: string,
  scope: Scope,
  path: ColumnName['path'],
  span: Star['span'],
): StructType | undefined {
  const found = resolveIn(sql, scope, columnNamed(path, span));
  const type = found === undefined ? undefined : targetOf(found.type);
  return type?.id === 'struct' ? type : undefined;
}

type StructType = Extract<DataType, { id: 'struct' }>;

function columnNamed(path: ColumnName['path'], span: Star['span']): ColumnName {
  return { kind: 'column_name', path, span };
}

/** The columns of a star, without those it leaves out, and with those that it replaces. @throws `sql_bind` */
function starColumns(sql: string, scope: Scope, star: Star): StarColumn[] {
  const columns = candidates(sql, scope, star);
  checkLists(sql, scope, star, columns);
  const made = columns.flatMap((column): StarColumn[] => {
    const { name, node } = column;
    if (star.exclude.some(({ path }) => names(path, column))) return [];
    const replaced = star.replace.find(({ alias }) => sameText(alias?.name ?? '', name));
    if (replaced !== undefined) return [{ name, node: replaced.expr }];
    const renamed = star.rename.find((item) => names(pathOf(item), column));
    return [{ name: renamed?.alias?.name ?? name, node }];
  });
  const { filter } = star;
  if (filter === undefined) return made;
  const { span } = filter.pattern;
  return fitting(sql, star, made, (name) => ({ ...filter, operand: { kind: 'string', value: name, span } }));
}

/** Refuses names that the star has not, names that are listed twice, and those of two lists. @throws `sql_bind` */
function checkLists(sql: string, scope: Scope, star: Star, columns: readonly Candidate[]): void {
  const lists = [
    ['EXCLUDE', star.exclude.map(({ path }) => path)],
    ['REPLACE', star.replace.map(({ alias }) => (alias === undefined ? [] : [alias]))],
    ['RENAME', star.rename.map(pathOf)],
  ] as const;
  const taken: { readonly list: string; readonly path: ColumnName['path'] }[] = [];
  for (const [list, paths] of lists) {
    for (const path of paths) {
      const name = path.at(-1);
      if (name === undefined) continue;
      const refuse = (message: string): Error => sqlError('sql_bind', sql, name.span, message);
      const inScope = path.length > 1 && scope.find(columnNamed(path, name.span)) !== undefined;
      if (!inScope && !columns.some((column) => names(path, column))) {
        throw refuse(`* has no column ${quoteText(path.map((part) => part.name).join('.'))}`);
      }
      const other = taken.find((one) => mayBeSame(one.path, path))?.list;
      if (other === list) throw refuse(`column ${quoteText(name.name)} is twice in ${list}`);
      if (other !== undefined) throw refuse(`column ${quoteText(name.name)} is in ${other} and in ${list}`);
      taken.push({ list, path });
    }
  }
}

/** As DuckDB has it: a name without its table is that of every table. */
function mayBeSame(a: ColumnName['path'], b: ColumnName['path']): boolean {
  const count = Math.min(a.length, b.length);
  return a.slice(-count).every((part, i) => sameText(part.name, b.slice(-count)[i]?.name ?? ''));
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

function columnsOf(sql: string, scope: Scope, { star, pattern, choice, span }: ColumnsNode): StarColumn[] {
  const all = starColumns(sql, scope, star);
  if (choice !== undefined) return chosen(sql, all, choice);
  if (pattern === undefined) return all;
  return fitting(sql, { span }, all, (name) => patternCall('regexp_matches', name, pattern, star.span));
}

/** The columns whose names a lambda is true for, or a list has. @throws `sql_bind` for a name that no column has */
function chosen(sql: string, all: readonly StarColumn[], choice: ExprNode): StarColumn[] {
  const { span } = choice;
  const names = all.map(({ name }): ExprNode => ({ kind: 'string', value: name, span }));
  const every = call('list_value', names, span);
  const inList = (node: Node): Node | undefined => (node.kind === 'star' ? every : undefined);
  if (choice.kind === 'lambda') return fitting(sql, { span }, all, (name) => ofName(choice, name));
  const list = mapNodes(choice, inList);
  const length = constantOf(sql, call('len', [list], span));
  if (typeof length !== 'bigint') {
    throw sqlError('sql_bind', sql, span, 'COLUMNS takes *, a pattern in quotes, a lambda or a list of names');
  }
  const wanted = Array.from({ length: Number(length) }, (_, i) => {
    const place: ExprNode = { kind: 'number', text: (i + 1).toString(), span };
    return String(constantOf(sql, call('list_extract', [list, place], span)));
  });
  const missing = wanted.find((name) => !all.some((column) => sameText(column.name, name)));
  if (missing !== undefined) {
    throw sqlError('sql_bind', sql, span, `COLUMNS names ${quoteText(missing)}, and there is no such column`);
  }
  const fit = all.filter((column) => wanted.some((name) => sameText(column.name, name)));
  if (fit.length > 0) return fit;
  throw sqlError('sql_bind', sql, span, 'COLUMNS chooses no column');
}

/** The body of a lambda with a name in place of its first parameter. */
function ofName({ parameters, body, span }: Extract<ExprNode, { kind: 'lambda' }>, name: string): ExprNode {
  const text: ExprNode = { kind: 'string', value: name, span };
  const isParameter = (node: Node): boolean => {
    const [first, ...more] = node.kind === 'column_name' ? node.path : [];
    return first !== undefined && more.length === 0 && sameText(first.name, parameters[0]?.name ?? '');
  };
  return isParameter(body) ? text : mapNodes(body, (node) => (isParameter(node) ? text : undefined));
}

function patternCall(name: string, text: string, pattern: string, span: Star['span'], group?: number): ExprNode {
  const more: ExprNode[] = group === undefined ? [] : [{ kind: 'number', text: group.toString(), span }];
  const values = [text, pattern].map((value): ExprNode => ({ kind: 'string', value, span }));
  return call(name, [...values, ...more], span);
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
  if (node.kind !== 'columns' && !MAY_HAVE_COLUMNS.test(sql.slice(node.span.start, node.span.end))) return undefined;
  const first = columnsWithin(node);
  if (first === undefined) return undefined;
  return columnsOf(sql, scope, first).map(({ name, node: column }) => {
    return { name, node: node.kind === 'columns' ? column : replaceColumns(node, column) };
  });
}

/** The same for a star as well, which is that of the columns of FROM. @throws `sql_bind` */
export function expandExpr(sql: string, scope: Scope, expr: ExprNode): readonly StarColumn[] | undefined {
  return expr.kind === 'star' ? starColumns(sql, scope, expr) : expandColumns(sql, scope, expr);
}

/** The items of a list with each star and each COLUMNS written out; `\1` in an alias is what a pattern's group found. */
export function expandItem(sql: string, scope: Scope, item: SelectItem): readonly StarColumn[] | undefined {
  const { expr, alias } = item;
  const columns = expandExpr(sql, scope, expr);
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
