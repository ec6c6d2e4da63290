/**
 * SELECT: from clauses to a logical plan.
 *
 * Hides the order in which clauses are bound and the columns that exist only to sort by. Invariant: the plan's
 * clauses run in SQL's order: FROM, WHERE, GROUP BY, HAVING, the list, DISTINCT, ORDER BY, LIMIT; expressions over
 * groups refer to the aggregate's output.
 */
import type { Field, Metadata, Schema } from '../arrow/schema.ts';
import type { Span } from '../base/errors.ts';
import { COLUMNS_MAX, SQL_DEPTH_MAX } from '../base/limits.ts';
import { foldName } from '../base/names.ts';
import { isOrdered } from '../function/registry.ts';
import type { ExprNode, OrderItem, Select, SelectItem } from '../sql/ast.ts';
import { quoteText, sqlError } from '../sql/frame.ts';
import { columnLabel } from '../sql/print.ts';
import type { Alias, Clause } from './bind-expression.ts';
import { AggregateList, ExpressionBinder } from './bind-expression.ts';
import { bindRowCount } from './bind-limit.ts';
import { toCondition } from './coerce.ts';
import type { Expr, SortKey } from './expr.ts';
import { exprKey, mapColumns } from './expr-walk.ts';
import type { LogicalPlan } from './logical.ts';
import { makeFilter } from './logical.ts';
import type { PlanCatalog } from './physical.ts';
import { findTable, Scope } from './scope.ts';
import { sqlTypeName } from './sql-type.ts';
import { catalogAt } from './time-point.ts';

/** One column of the result, or one that only ORDER BY needs. */
interface Output {
  readonly name: string;
  readonly expr: Expr;
  readonly metadata: Metadata;
}

/** What FROM gives: rows, and the name that they are known by. */
interface Rows extends Bound {
  readonly name: string;
}

/** A bound query, and how many queries stand within one another in it. */
interface Bound {
  readonly plan: LogicalPlan;
  readonly depth: number;
}

/** Queries that WITH has named, by folded name. */
type CommonRows = ReadonlyMap<string, Rows>;

/** A query in FROM that is given no name has the one that DuckDB gives it. */
const UNNAMED = 'unnamed_subquery';

/** Binds one query. @throws `sql_bind`, `sql_unsupported`, `limit_exceeded` */
export function bindSelect(sql: string, select: Select, catalog: PlanCatalog): LogicalPlan {
  return bindInner(sql, select, catalog, new Map()).plan;
}

/** Binds a query within one that has named `outer`. */
function bindInner(sql: string, select: Select, catalog: PlanCatalog, outer: CommonRows): Bound {
  const common = bindCommon(sql, select.common, catalog, outer);
  const rows = bindRows(sql, select.from, catalog, common);
  const depth = 1 + (rows?.depth ?? 0);
  // The text bounds how deep parentheses go, but a query of WITH can stand on any number of others.
  if (depth > SQL_DEPTH_MAX) {
    const message = `queries stand on one another more than ${SQL_DEPTH_MAX.toString()} levels deep`;
    throw sqlError('limit_exceeded', sql, select.from?.span ?? select.span, message, 'join some of them into one');
  }
  return { plan: new SelectBinder(sql, select, rows).bind(), depth };
}

function bindCommon(sql: string, tables: Select['common'], catalog: PlanCatalog, outer: CommonRows): CommonRows {
  if (tables.length === 0) return outer;
  const known = new Map(outer);
  const taken = new Set<string>();
  for (const { name, query } of tables) {
    const key = foldName(name.name);
    if (taken.has(key)) {
      throw sqlError('sql_bind', sql, name.span, `WITH names ${quoteText(name.name)} twice`);
    }
    taken.add(key);
    known.set(key, { name: name.name, ...bindInner(sql, query, catalog, known) });
  }
  return known;
}

function bindRows(sql: string, from: Select['from'], catalog: PlanCatalog, common: CommonRows): Rows | undefined {
  if (from === undefined) return undefined;
  if (from.kind === 'subquery') {
    return { name: from.alias?.name ?? UNNAMED, ...bindInner(sql, from.query, catalog, common) };
  }
  const [first, ...more] = from.path;
  const named = more.length === 0 && first !== undefined ? common.get(foldName(first.name)) : undefined;
  if (named !== undefined) {
    if (from.at === undefined) return named;
    const message = `${quoteText(named.name)} is a query of WITH, and has no other moments`;
    throw sqlError('sql_bind', sql, from.at.span, message, 'write AT after the table within that query');
  }
  const table = findTable(sql, catalogAt(sql, catalog, from), from);
  const columns = table.schema.fields.map((_, i) => i);
  const { schema, name } = table;
  return {
    name,
    depth: 0,
    plan: { kind: 'scan', schema, tableName: name, source: table, columns, bounds: [], limit: undefined },
  };
}

class SelectBinder {
  readonly #sql: string;
  readonly #select: Select;
  readonly #rows: Rows | undefined;
  readonly #scope: Scope;
  readonly #binder: ExpressionBinder;
  readonly #aggregates = new AggregateList();
  /** Bound GROUP BY expressions; over the table. */
  #groups: Expr[] = [];

  constructor(sql: string, select: Select, rows: Rows | undefined) {
    this.#sql = sql;
    this.#select = select;
    this.#rows = rows;
    const table = rows === undefined ? undefined : { name: rows.name, schema: rows.plan.schema };
    this.#scope = new Scope(sql, table, select.from?.alias);
    this.#binder = new ExpressionBinder(sql, this.#scope, aliasesOf(select.items));
  }

  bind(): LogicalPlan {
    const select = this.#select;
    let plan = this.#bindFrom();
    if (select.where !== undefined) plan = makeFilter(plan, this.#bindCondition(select.where, 'WHERE', false));
    const outputs = this.#bindItems();
    this.#bindGroups(outputs);
    const having = select.having === undefined ? undefined : this.#bindCondition(select.having, 'HAVING', true);
    const { keys, hidden } = this.#bindOrders(outputs);
    const all = [...outputs, ...hidden];
    const isGrouped =
      this.#groups.length > 0 || select.groupAll || having !== undefined || this.#aggregates.calls.length > 0;
    if (!isGrouped) return this.#finish(plan, all, outputs.length, keys);
    const rewrite = this.#groupRewriter();
    plan = this.#aggregate(plan);
    if (having !== undefined) plan = makeFilter(plan, rewrite(having));
    const rewritten = all.map((output) => ({ ...output, expr: rewrite(output.expr) }));
    return this.#finish(plan, rewritten, outputs.length, keys);
  }

  #bindFrom(): LogicalPlan {
    if (this.#rows !== undefined) return this.#rows.plan;
    const schema: Schema = { fields: [], metadata: [] };
    return { kind: 'values', schema, batches: [{ schema, rowCount: 1, columns: [] }] };
  }

  #clause(name: string, withAggregates: boolean, aliasesBefore = Number.POSITIVE_INFINITY): Clause {
    return { name, aggregates: withAggregates ? this.#aggregates : undefined, aliasesBefore };
  }

  #bindCondition(node: ExprNode, name: string, withAggregates: boolean): Expr {
    return toCondition(
      this.#sql,
      this.#binder.bind(node, this.#clause(name, withAggregates)),
      `the condition of ${name}`,
    );
  }

  /** The list, stars expanded. */
  #bindItems(): Output[] {
    const outputs: Output[] = [];
    this.#select.items.forEach((item, place) => {
      this.#checkCount(outputs.length, item.span);
      if (item.expr.kind === 'star') {
        for (const { index, field } of this.#scope.star(item.expr.table, item.expr.span)) {
          const { name, type, nullable, metadata } = field;
          const expr: Expr = { kind: 'column', index, name, type, nullable, span: item.span };
          outputs.push({ name, expr, metadata });
        }
        return;
      }
      const expr = this.#binder.bind(item.expr, this.#clause('the SELECT list', true, place));
      const name = item.alias?.name ?? this.#labelOf(item.expr, expr);
      outputs.push({ name, expr, metadata: this.#metadataOf(expr) });
    });
    this.#checkCount(outputs.length - 1, this.#select.items.at(-1)?.span ?? this.#select.span);
    return outputs;
  }

  /** A few stars over a wide table would otherwise unfold to any number of columns. */
  #checkCount(before: number, span: Span): void {
    if (before < COLUMNS_MAX) return;
    const message = `the result would have more than ${COLUMNS_MAX.toString()} columns`;
    throw sqlError('limit_exceeded', this.#sql, span, message, 'select fewer');
  }

  /** A column is named as the table has it, however the query's case is. */
  #labelOf(node: ExprNode, expr: Expr): string {
    const isColumn = node.kind === 'column_name' && expr.kind === 'column' && expr.index >= 0;
    return isColumn && sameText(expr.name, columnLabel(node)) ? expr.name : columnLabel(node);
  }

  /** A bare column keeps its field's metadata. */
  #metadataOf(expr: Expr): Metadata {
    return expr.kind === 'column' ? (this.#scope.schema.fields[expr.index]?.metadata ?? []) : [];
  }

  #bindGroups(outputs: readonly Output[]): void {
    const { groups, groupAll } = this.#select;
    if (groupAll) {
      this.#groups = outputs
        .map((output) => output.expr)
        .filter((expr) => !hasAggregate(expr) && expr.kind !== 'literal');
    } else {
      this.#groups = groups.map((node) => {
        const place = positionOf(node);
        if (place === undefined) return this.#binder.bind(node, this.#clause('GROUP BY', false));
        const output = this.#outputAt(place, node.span, outputs, 'GROUP BY');
        if (!hasAggregate(output.expr)) return output.expr;
        throw sqlError(
          'sql_bind',
          this.#sql,
          node.span,
          `column ${place.toString()} is an aggregate and cannot stand in GROUP BY`,
        );
      });
    }
    for (const group of this.#groups) this.#requireOrder(group, 'group');
  }

  #outputAt(place: bigint, span: Span, outputs: readonly Output[], clause: string): Output {
    const output = place >= 1n && place <= BigInt(outputs.length) ? outputs[Number(place) - 1] : undefined;
    if (output !== undefined) return output;
    const range =
      outputs.length === 1 ? 'there is only column 1' : `there are columns 1 to ${outputs.length.toString()}`;
    throw sqlError('sql_bind', this.#sql, span, `${clause} names column ${place.toString()} of the list`, range);
  }

  #requireOrder(expr: Expr, verb: string): void {
    if (isOrdered(expr.type)) return;
    throw sqlError('sql_bind', this.#sql, expr.span, `cannot ${verb} by a value of type ${sqlTypeName(expr.type)}`);
  }

  /** Sort keys as places in the outputs; expressions that are no output are appended as hidden ones. */
  #bindOrders(outputs: readonly Output[]): { keys: OrderKey[]; hidden: Output[] } {
    const { orders, orderAll, distinct } = this.#select;
    const hidden: Output[] = [];
    if (distinct) for (const output of outputs) this.#requireOrder(output.expr, 'take distinct rows');
    if (orderAll !== undefined) return { keys: outputs.map((_, place) => ({ place, item: orderAll })), hidden };
    const places =
      orders.length === 0 ? undefined : new Map(outputs.map((o, i) => [exprKey(o.expr), i] as const).reverse());
    const keys = orders.map((item) => {
      const known = this.#orderPlace(item, outputs);
      if (known !== undefined) return { place: known, item };
      const expr = this.#binder.bind(item.expr, this.#clause('ORDER BY', true));
      if (expr.kind === 'literal') {
        const remedy = 'name a column, or its number in the list';
        throw sqlError('sql_bind', this.#sql, item.expr.span, 'ORDER BY a constant sorts nothing', remedy);
      }
      this.#requireOrder(expr, 'order');
      const same = places?.get(exprKey(expr));
      if (same !== undefined) return { place: same, item };
      if (distinct) {
        const remedy = 'add it to the list';
        throw sqlError(
          'sql_bind',
          this.#sql,
          item.expr.span,
          'with DISTINCT, ORDER BY takes only columns of the list',
          remedy,
        );
      }
      hidden.push({ name: columnLabel(item.expr), expr, metadata: [] });
      return { place: outputs.length + hidden.length - 1, item };
    });
    return { keys, hidden };
  }

  /** The output that an ORDER BY item names by number or by alias. */
  #orderPlace(item: OrderItem, outputs: readonly Output[]): number | undefined {
    const place = positionOf(item.expr);
    if (place !== undefined) {
      const output = this.#outputAt(place, item.expr.span, outputs, 'ORDER BY');
      this.#requireOrder({ ...output.expr, span: item.expr.span }, 'order');
      return outputs.indexOf(output);
    }
    const { expr } = item;
    if (expr.kind !== 'column_name' || expr.path.length !== 1) return undefined;
    const name = expr.path[0]?.name ?? '';
    const isAlias = this.#select.items.some(
      (candidate) => candidate.alias !== undefined && sameText(candidate.alias.name, name),
    );
    if (!isAlias) return undefined;
    const found = outputs.findIndex((output) => sameText(output.name, name));
    const output = outputs[found];
    if (output === undefined) return undefined;
    this.#requireOrder({ ...output.expr, span: expr.span }, 'order');
    return found;
  }

  #aggregate(input: LogicalPlan): LogicalPlan {
    const aggregates = this.#aggregates.calls;
    const groups = this.#groups;
    const fields: Field[] = [];
    for (const group of groups) {
      const name = group.kind === 'column' ? group.name : '';
      fields.push({ name, type: group.type, nullable: group.nullable, metadata: this.#metadataOf(group) });
    }
    for (const { name, type, nullable } of aggregates) fields.push({ name, type, nullable, metadata: [] });
    return { kind: 'aggregate', schema: { fields, metadata: [] }, input, groups, aggregates };
  }

  /** Turns expressions over the table into ones over the aggregate's output. */
  #groupRewriter(): (expr: Expr) => Expr {
    const groupCount = this.#groups.length;
    const places = new Map(this.#groups.map((group, i) => [exprKey(group), i] as const).reverse());
    const output = (expr: Expr, index: number): Expr => {
      const name = expr.kind === 'column' ? expr.name : '';
      return { kind: 'column', index, name, type: expr.type, nullable: expr.nullable, span: expr.span };
    };
    const rewrite = (expr: Expr): Expr => {
      if (expr.kind === 'column' && expr.index < 0) return output(expr, groupCount - 1 - expr.index);
      if (expr.kind !== 'literal') {
        const place = places.get(exprKey(expr));
        if (place !== undefined) return output(expr, place);
      }
      switch (expr.kind) {
        case 'literal':
          return expr;
        case 'column': {
          const remedy = 'add it there, or aggregate it, for example with min()';
          const message = `column ${quoteText(expr.name)} is neither in GROUP BY nor in an aggregate`;
          throw sqlError('sql_bind', this.#sql, expr.span, message, remedy);
        }
        case 'cast':
          return { ...expr, operand: rewrite(expr.operand) };
        case 'call':
          return { ...expr, args: expr.args.map(rewrite) };
      }
    };
    return rewrite;
  }

  /** The list, DISTINCT, ORDER BY and LIMIT over `input`. */
  #finish(input: LogicalPlan, outputs: readonly Output[], visible: number, keys: readonly OrderKey[]): LogicalPlan {
    const fields = outputs.map(({ name, expr, metadata }) => ({
      name,
      type: expr.type,
      nullable: expr.nullable,
      metadata,
    }));
    const schema: Schema = { fields, metadata: this.#schemaMetadata() };
    let plan: LogicalPlan = { kind: 'project', schema, input, exprs: outputs.map((output) => output.expr) };
    if (this.#select.distinct) plan = { kind: 'distinct', schema, input: plan };
    if (keys.length > 0) {
      const sortKeys = keys.map(({ place, item }) => sortKey(place, fields[place] as Field, item));
      plan = { kind: 'sort', schema, input: plan, keys: sortKeys, limit: undefined };
    }
    if (outputs.length > visible) plan = dropHidden(plan, visible);
    const limit = bindRowCount(this.#sql, this.#select.limit, 'LIMIT');
    const offset = bindRowCount(this.#sql, this.#select.offset, 'OFFSET') ?? 0;
    if (limit === undefined && offset === 0) return plan;
    return { kind: 'limit', schema: plan.schema, input: plan, limit, offset };
  }

  /** The table's own metadata stays with a result that is just its columns. */
  #schemaMetadata(): Metadata {
    const [item, ...more] = this.#select.items;
    const isStar = item?.expr.kind === 'star' && more.length === 0 && this.#select.groups.length === 0;
    return isStar && !this.#select.groupAll ? this.#scope.schema.metadata : [];
  }
}

interface OrderKey {
  readonly place: number;
  readonly item: OrderItem;
}

function sameText(a: string, b: string): boolean {
  return a === b || foldName(a) === foldName(b);
}

/** The first item with an alias wins when several have the same. */
function aliasesOf(items: readonly SelectItem[]): ReadonlyMap<string, Alias> {
  const aliases = new Map<string, Alias>();
  items.forEach(({ alias, expr }, item) => {
    const key = alias === undefined ? undefined : foldName(alias.name);
    if (alias !== undefined && key !== undefined && !aliases.has(key))
      aliases.set(key, { name: alias.name, expr, item });
  });
  return aliases;
}

/** The number of a GROUP BY or ORDER BY item that is a bare integer. */
function positionOf(node: ExprNode): bigint | undefined {
  return node.kind === 'number' && /^-?\d+$/u.test(node.text) ? BigInt(node.text) : undefined;
}

function hasAggregate(expr: Expr): boolean {
  let found = false;
  mapColumns(expr, (column) => {
    found ||= column.index < 0;
    return column;
  });
  return found;
}

function sortKey(place: number, field: Field, item: OrderItem): SortKey {
  const { name, type, nullable } = field;
  const expr: Expr = { kind: 'column', index: place, name, type, nullable, span: item.span };
  return { expr, descending: item.descending, nullsFirst: item.nullsFirst ?? false };
}

/** A projection of the first `visible` columns. */
function dropHidden(input: LogicalPlan, visible: number): LogicalPlan {
  const fields = input.schema.fields.slice(0, visible);
  const exprs = fields.map(({ name, type, nullable }, index): Expr => {
    return { kind: 'column', index, name, type, nullable, span: { start: 0, end: 0 } };
  });
  return { kind: 'project', schema: { fields, metadata: input.schema.metadata }, input, exprs };
}
