/**
 * SELECT: from clauses to a logical plan.
 *
 * Hides the order in which clauses are bound and the columns that exist only to sort by. Invariant: the plan's
 * clauses run in SQL's order: FROM, WHERE, GROUP BY, HAVING, the list, DISTINCT, ORDER BY, LIMIT; expressions over
 * groups refer to the aggregate's output.
 */
import type { Field, Metadata, Schema } from '../arrow/schema.ts';
import type { Span } from '../base/errors.ts';
import { EngineError } from '../base/errors.ts';
import { COLUMNS_MAX } from '../base/limits.ts';
import { foldName } from '../base/names.ts';
import { isComparable } from '../function/registry.ts';
import type { ExprNode, OrderItem, Select } from '../sql/ast.ts';
import { sqlError } from '../sql/frame.ts';
import { columnLabel } from '../sql/print.ts';
import { AggregateList } from './bind-aggregate.ts';
import { ExpressionBinder, GROUPING } from './bind-expression.ts';
import type { From } from './bind-from.ts';
import type { Clause } from './clause.ts';
import { aliasesOf } from './clause.ts';
import { bindFrom } from './bind-from.ts';
import { aggregateOver, expandGroups, groupRewriter } from './bind-group.ts';
import { expandColumns, expandExpr, expandItem } from './bind-star.ts';
import { bindLimit } from './bind-limit.ts';
import type { SubqueryBinding } from './bind-subquery.ts';
import { WindowList, WINDOWS_FROM } from './bind-window.ts';
import { writeWindows } from './window-name.ts';
import { atPlace, isConstant, positionOf, sortsNothing } from './bind-order.ts';
import type { Binding, Bound, CommonTables, OuterColumns, SharedPlans } from './binding.ts';
import { toCondition } from './coerce.ts';
import type { Expr, SortKey } from './expr.ts';
import { columnOf, exprKey, exprsOfCall, exprsOfWindow, hasLeaf, mapCall, mapColumns } from './expr-walk.ts';
import { mapLeaves, mapWindow } from './expr-walk.ts';
import type { LogicalPlan } from './logical.ts';
import { makeWindow, oneRow, pickColumns } from './logical.ts';
import { firstOfEach } from './numbered.ts';
import { Scope } from './scope.ts';
import { sqlTypeName } from './sql-type.ts';
import { placeUnnests } from './unnest.ts';
import { SubqueryList } from './subquery.ts';

/** One column of the result, or one that only ORDER BY needs. */
interface Output {
  readonly name: string;
  readonly expr: Expr;
  readonly metadata: Metadata;
  /** The name is one that the query gives. */
  readonly isAlias: boolean;
}

/** Binds one SELECT; without FROM over `rows`, where there are some. @throws `sql_bind`, `sql_unsupported`, `limit_exceeded` */
export function bindSelect(
  binding: Binding,
  select: Select,
  common: CommonTables,
  outer: OuterColumns | undefined,
  rows?: From,
): Bound {
  const from = select.from === undefined ? rows : bindFrom(binding, select.from, common, outer);
  const written = writeWindows(binding.sql, select);
  const binder = new SelectBinder(binding, written, from, common, outer);
  return { plan: binder.bind(), depth: 1 + (from?.depth ?? 0), find: (node) => binder.find(node) };
}

class SelectBinder {
  readonly #sql: string;
  readonly #select: Select;
  readonly #from: LogicalPlan;
  readonly #scope: Scope;
  readonly #binder: ExpressionBinder;
  readonly #aggregates = new AggregateList();
  readonly #windows = new WindowList();
  readonly #subqueries: SubqueryList;
  readonly #around: SubqueryBinding;
  /** Bound GROUP BY expressions; over the table. */
  #groups: Expr[] = [];
  /** The groups of each of GROUPING SETS, by their places; undefined without. */
  #sets: readonly (readonly number[])[] | undefined;
  readonly #shared: SharedPlans;
  /** Once they are bound: the list, over the table. */
  #outputs: readonly Output[] = [];

  constructor(
    binding: Binding,
    select: Select,
    from: From | undefined,
    common: CommonTables,
    outer: OuterColumns | undefined,
  ) {
    this.#sql = binding.sql;
    this.#shared = binding.shared;
    this.#select = select;
    this.#from = from?.plan ?? oneRow();
    this.#scope = from?.scope ?? Scope.of(binding.sql, undefined);
    this.#subqueries = new SubqueryList(binding.sql, binding.shared);
    const subqueries = { binding, common, list: this.#subqueries };
    this.#around = subqueries;
    this.#binder = new ExpressionBinder(binding.sql, this.#scope, aliasesOf(select.items), { outer, subqueries });
  }

  bind(): LogicalPlan {
    const select = this.#select;
    let plan = this.#from;
    if (select.where !== undefined) {
      plan = this.#subqueries.filter(plan, this.#bindCondition(select.where, 'WHERE', false));
    }
    const outputs = this.#bindItems();
    this.#outputs = outputs;
    this.#bindGroups(outputs);
    const having = select.having === undefined ? undefined : this.#bindCondition(select.having, 'HAVING', true);
    const qualify = this.#bindQualify();
    const { keys, hidden } = this.#bindOrders(outputs);
    const distinctOn = select.distinctOn
      .flatMap((node) => expandExpr(this.#sql, this.#scope, node)?.map((column) => column.node) ?? [node])
      .map((node) => this.#bindDistinctOn(node, outputs, hidden));
    const all = [...outputs, ...hidden];
    const visible = { count: outputs.length, distinctOn };
    const isGrouped =
      this.#groups.length > 0 ||
      this.#sets !== undefined ||
      select.groupAll ||
      having !== undefined ||
      this.#aggregates.calls.length > 0;
    if (!isGrouped) return this.#finish(this.#openWindows(plan, qualify, all), visible, keys);
    const rewrite = groupRewriter(this.#sql, this.#subqueries, this.#groups, this.#sets);
    plan = this.#aggregate(plan);
    if (having !== undefined) plan = this.#subqueries.filter(plan, rewrite(having));
    const rewritten = all.map((output) => ({ ...output, expr: rewrite(output.expr) }));
    this.#windows.calls.forEach((call, i) => {
      this.#windows.calls[i] = mapWindow(call, rewrite);
    });
    const filter = qualify === undefined ? undefined : rewrite(qualify);
    return this.#finish(this.#openWindows(plan, filter, rewritten), visible, keys);
  }

  /** @see ColumnFinder; for the ORDER BY of a set operation that the query is part of */
  find(node: ExprNode): number | undefined {
    const [name, ...more] = node.kind === 'column_name' ? node.path : [];
    if (name !== undefined && more.length === 0) {
      const named = this.#outputs.findIndex((output) => sameText(output.name, name.name));
      if (named >= 0) return named;
    }
    const key = this.#keyOf(node);
    const found = key === undefined ? -1 : this.#outputs.findIndex((output) => exprKey(output.expr) === key);
    return found < 0 ? undefined : found;
  }

  /** The key of an expression over the table; undefined where it cannot stand over this one. */
  #keyOf(node: ExprNode): string | undefined {
    try {
      return exprKey(this.#binder.bind(node, this.#clause('ORDER BY', true, 0)));
    } catch (error) {
      if (error instanceof EngineError && error.code === 'sql_bind') return undefined;
      throw error;
    }
  }

  #bindQualify(): Expr | undefined {
    const { qualify } = this.#select;
    if (qualify === undefined) return undefined;
    const condition = this.#bindCondition(qualify, 'QUALIFY', true);
    if (this.#windows.calls.length > 0) return condition;
    const remedy = this.#aggregates.calls.length > 0 ? 'filter groups with HAVING' : 'filter rows with WHERE';
    throw sqlError(
      'sql_bind',
      this.#sql,
      qualify.span,
      'QUALIFY filters by window functions, and there is none',
      remedy,
    );
  }

  /** `outputs` over `input` with the values of windows behind its columns, and filtered by QUALIFY. */
  #openWindows(input: LogicalPlan, qualify: Expr | undefined, outputs: readonly Output[]): Opened {
    const { calls } = this.#windows;
    if (calls.length === 0) return { plan: input, outputs };
    const placed = this.#subqueries.place(input, calls.flatMap(exprsOfWindow));
    let next = 0;
    const bound = calls.map((call) => mapWindow(call, (expr) => placed.exprs[next++] ?? expr));
    const width = placed.plan.schema.fields.length;
    const open = (expr: Expr): Expr =>
      mapLeaves(expr, (leaf) => {
        if (leaf.kind === 'pending') return this.#subqueries.rewritten(leaf, open);
        const isCall = leaf.kind === 'column' && leaf.index <= WINDOWS_FROM;
        return isCall ? { ...leaf, index: width + WINDOWS_FROM - leaf.index } : leaf;
      });
    const windows = makeWindow(placed.plan, bound);
    const plan = qualify === undefined ? windows : this.#subqueries.filter(windows, open(qualify));
    return { plan, outputs: outputs.map((output) => ({ ...output, expr: open(output.expr) })) };
  }

  /** The output, hidden if need be, that an expression of DISTINCT ON means. */
  #bindDistinctOn(node: ExprNode, outputs: readonly Output[], hidden: Output[]): number {
    if (isConstant(node) && positionOf(node) === undefined) throw sortsNothing(this.#sql, node.span);
    const known = this.#namedPlace(node, outputs, 'DISTINCT ON');
    const expr = known === undefined ? this.#binder.bind(node, this.#clause('DISTINCT ON', true)) : undefined;
    if (expr === undefined) {
      this.#requireOrder({ ...(outputs[known ?? 0] as Output).expr, span: node.span }, 'take distinct rows');
      return known ?? 0;
    }
    this.#requireOrder(expr, 'take distinct rows');
    const same = [...outputs, ...hidden].findIndex((output) => exprKey(output.expr) === exprKey(expr));
    return same >= 0
      ? same
      : outputs.length + hidden.push({ name: columnLabel(node), expr, metadata: [], isAlias: false }) - 1;
  }

  #clause(name: string, withAggregates: boolean, aliasesBefore = Number.POSITIVE_INFINITY): Clause {
    const windows = withAggregates && name !== 'HAVING' ? this.#windows : undefined;
    return { name, aggregates: withAggregates ? this.#aggregates : undefined, windows, aliasesBefore };
  }

  /** Where COLUMNS stands in a condition, it must hold for each of them. */
  #bindCondition(written: ExprNode, name: string, withAggregates: boolean): Expr {
    const columns = expandColumns(this.#sql, this.#scope, written);
    const operands = columns?.map(({ node }) => node) ?? [];
    const node: ExprNode =
      operands.length > 1
        ? { kind: 'logical', operator: 'and', operands, span: written.span }
        : (operands[0] ?? written);
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
      const columns = expandItem(this.#sql, this.#scope, item);
      if (columns !== undefined) {
        this.#checkCount(outputs.length + columns.length - 1, item.span);
        for (const { name, node } of columns) {
          const expr = this.#binder.bind(node, this.#clause('the SELECT list', true, place));
          const isAlias = item.alias !== undefined;
          outputs.push({ name, expr, metadata: this.#metadataOf(expr), isAlias });
        }
        return;
      }
      const opened = this.#binder.bindOpened(item.expr, this.#clause('the SELECT list', true, place));
      if (opened !== undefined) {
        outputs.push(...opened.map(([name, expr]) => ({ name, expr, metadata: [], isAlias: false })));
        return;
      }
      const expr = this.#binder.bind(item.expr, this.#clause('the SELECT list', true, place));
      const name = item.alias?.name ?? this.#labelOf(item.expr, expr);
      const isAlias = item.alias !== undefined;
      outputs.push({ name, expr, metadata: this.#metadataOf(expr), isAlias });
    });
    if (outputs.length === 0) {
      throw sqlError(
        'sql_bind',
        this.#sql,
        this.#select.items[0]?.span ?? this.#select.span,
        'no column is left to select',
      );
    }
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
      const list = expandGroups(this.#sql, groups);
      this.#groups = list.nodes.map((node) => this.#bindGroup(node, outputs));
      this.#sets = list.sets;
    }
    for (const group of this.#groups) this.#requireOrder(group, 'group');
  }

  #bindGroup(node: ExprNode, outputs: readonly Output[]): Expr {
    const place = positionOf(node);
    const named = this.#aliasGroup(node, outputs);
    if (named !== undefined) return named;
    // As in DuckDB an alias stands for a group by itself only.
    const aliases = node.kind === 'column_name' ? undefined : 0;
    if (place === undefined) return this.#binder.bind(node, this.#clause('GROUP BY', false, aliases));
    const output = atPlace(this.#sql, outputs, place, node.span, 'GROUP BY');
    if (!hasAggregate(output.expr)) return output.expr;
    const message = `column ${place.toString()} is an aggregate or a window function, and cannot stand in GROUP BY`;
    throw sqlError('sql_bind', this.#sql, node.span, message);
  }

  /** The output that an alias by itself means: the very expression, since a subquery bound anew would be another one. */
  #aliasGroup(node: ExprNode, outputs: readonly Output[]): Expr | undefined {
    const [name, ...more] = node.kind === 'column_name' ? node.path : [];
    if (name === undefined || more.length > 0 || node.kind !== 'column_name') return undefined;
    const output = outputs.find((one) => one.isAlias && sameText(one.name, name.name));
    if (output === undefined || hasAggregate(output.expr) || !hasLeaf(output.expr, 'pending')) return undefined;
    return this.#scope.find(node) === undefined ? output.expr : undefined;
  }

  #requireOrder(expr: Expr, verb: string): void {
    if (isComparable(expr.type)) return;
    throw sqlError('sql_bind', this.#sql, expr.span, `cannot ${verb} by a value of type ${sqlTypeName(expr.type)}`);
  }

  /** Sort keys as places in the outputs; expressions that are no output are appended as hidden ones. */
  #bindOrders(outputs: readonly Output[]): { keys: OrderKey[]; hidden: Output[] } {
    const { orders, orderAll, distinctOn } = this.#select;
    const distinct = this.#select.distinct && distinctOn.length === 0;
    const hidden: Output[] = [];
    if (distinct) for (const output of outputs) this.#requireOrder(output.expr, 'take distinct rows');
    if (orderAll !== undefined) return { keys: outputs.map((_, place) => ({ place, item: orderAll })), hidden };
    const places =
      orders.length === 0 ? undefined : new Map(outputs.map((o, i) => [exprKey(o.expr), i] as const).reverse());
    const keys = orders
      .flatMap((item) => this.#orderItems(item))
      .map((item) => {
        const known = this.#namedPlace(item.expr, outputs, 'ORDER BY');
        if (known !== undefined) return { place: known, item };
        const expr = this.#binder.bind(item.expr, this.#clause('ORDER BY', true));
        if (isConstant(item.expr)) throw sortsNothing(this.#sql, item.expr.span);
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
        hidden.push({ name: columnLabel(item.expr), expr, metadata: [], isAlias: false });
        return { place: outputs.length + hidden.length - 1, item };
      });
    return { keys, hidden };
  }

  /** An item of ORDER BY, or one for each column of its COLUMNS. */
  #orderItems(item: OrderItem): readonly OrderItem[] {
    const columns = expandExpr(this.#sql, this.#scope, item.expr);
    return columns === undefined ? [item] : columns.map(({ node }) => ({ ...item, expr: node }));
  }

  /** The output that an expression of ORDER BY or DISTINCT ON names by number or by alias. */
  #namedPlace(expr: ExprNode, outputs: readonly Output[], clause: string): number | undefined {
    const place = positionOf(expr);
    if (place !== undefined) {
      const output = atPlace(this.#sql, outputs, place, expr.span, clause);
      this.#requireOrder({ ...output.expr, span: expr.span }, 'order');
      return outputs.indexOf(output);
    }
    if (expr.kind !== 'column_name' || expr.path.length !== 1) return undefined;
    const name = expr.path[0]?.name ?? '';
    const found = outputs.findIndex((output) => output.isAlias && sameText(output.name, name));
    const output = outputs[found];
    if (output === undefined) return undefined;
    this.#requireOrder({ ...output.expr, span: expr.span }, 'order');
    return found;
  }

  #aggregate(input: LogicalPlan): LogicalPlan {
    const aggregates = this.#aggregates.calls;
    const marks = this.#marks();
    const joined = this.#subqueries.place(input, [...this.#groups, ...aggregates.flatMap(exprsOfCall)]);
    const placed = placeUnnests(joined.plan, joined.exprs);
    const groups = placed.exprs.slice(0, this.#groups.length);
    let next = groups.length;
    const calls = aggregates.map((call) => mapCall(call, (expr) => placed.exprs[next++] ?? expr));
    const names = this.#groups.map((group): Pick<Field, 'name' | 'metadata'> => {
      return { name: group.kind === 'column' ? group.name : '', metadata: this.#metadataOf(group) };
    });
    return aggregateOver(this.#shared, placed.plan, { groups, calls, marks, names, sets: this.#sets });
  }

  /** The groups that each GROUPING asks about: all of them where it names none. */
  #marks(): ReadonlyMap<number, readonly number[]> {
    const keys = this.#groups.map(exprKey);
    const marks = new Map<number, readonly number[]>();
    this.#aggregates.calls.forEach(({ name, args, span }, i) => {
      if (name !== GROUPING) return;
      const asked = args.map((arg) => {
        const place = keys.indexOf(exprKey(arg));
        if (place >= 0) return place;
        throw sqlError('sql_bind', this.#sql, arg.span, 'GROUPING takes only what GROUP BY names');
      });
      if (keys.length === 0) throw sqlError('sql_bind', this.#sql, span, 'GROUPING needs GROUP BY');
      marks.set(i, args.length === 0 ? [...keys.keys()] : asked);
    });
    return marks;
  }

  /** The list, DISTINCT, ORDER BY and LIMIT over `input`. */
  #finish({ plan: input, outputs }: Opened, visible: Visible, keys: readonly OrderKey[]): LogicalPlan {
    const fields = outputs.map(({ name, expr, metadata }) => ({
      name,
      type: expr.type,
      nullable: expr.nullable,
      metadata,
    }));
    const schema: Schema = { fields, metadata: this.#schemaMetadata() };
    const joined = this.#subqueries.place(
      input,
      outputs.map((output) => output.expr),
    );
    const placed = placeUnnests(joined.plan, joined.exprs);
    let plan: LogicalPlan = { kind: 'project', schema, input: placed.plan, exprs: placed.exprs };
    const sortKeys = keys.map(({ place, item }) => sortKey(place, fields[place] as Field, item));
    if (visible.distinctOn.length > 0) plan = firstOfEach(this.#sql, plan, visible.distinctOn, sortKeys);
    else if (this.#select.distinct) plan = { kind: 'distinct', schema, input: plan };
    if (keys.length > 0) {
      plan = { kind: 'sort', schema: plan.schema, input: plan, keys: sortKeys, limit: undefined };
    }
    if (outputs.length > visible.count) plan = pickColumns(plan, [...fields.keys()].slice(0, visible.count));
    return bindLimit(this.#sql, this.#select, plan, this.#around);
  }

  /** The table's own metadata stays with a result that is just its columns. */
  #schemaMetadata(): Metadata {
    const [item, ...more] = this.#select.items;
    const isStar = item?.expr.kind === 'star' && more.length === 0 && this.#select.groups.length === 0;
    return isStar && !this.#select.groupAll ? this.#scope.schema.metadata : [];
  }
}

/** What the list and ORDER BY ask, over a plan. */
interface Opened {
  readonly plan: LogicalPlan;
  readonly outputs: readonly Output[];
}

/** How many outputs are seen, and the places of those that DISTINCT ON goes by. */
interface Visible {
  readonly count: number;
  readonly distinctOn: readonly number[];
}

interface OrderKey {
  readonly place: number;
  readonly item: OrderItem;
}

function sameText(a: string, b: string): boolean {
  return a === b || foldName(a) === foldName(b);
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
  const expr = columnOf(place, field, item.span);
  return { expr, descending: item.descending, nullsFirst: item.nullsFirst ?? false };
}
