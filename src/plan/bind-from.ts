/**
 * FROM: tables, queries and joins become one plan, and the names that are in reach of it.
 *
 * Hides which columns USING merges and how LATERAL is run. Invariants: the plan's columns are those of the relations in
 * the order in which they are written, then what joins have added; a query in FROM may read the columns of those before
 * it.
 */
import type { Field } from '../arrow/schema.ts';
import { present } from '../base/assert.ts';
import { foldName } from '../base/names.ts';
import type { ColumnName, FromItem, Identifier, Join, Subquery, TableFunction, TableName } from '../sql/ast.ts';
import type { ShowStatement } from '../sql/ast-view.ts';
import { quoteText, sqlError } from '../sql/frame.ts';
import { joinNearest } from './asof.ts';
import { isOfOuter, misplacedAggregate } from './bind-aggregate.ts';
import { ExpressionBinder } from './bind-expression.ts';
import { resolveIn, resolveRow } from './bind-nested.ts';
import type { SubqueryBinding } from './bind-subquery.ts';
import { bindView, findView } from './bind-view.ts';
import type { Binding, CommonRows, CommonTables } from './binding.ts';
import { commonNamed, OuterColumns } from './binding.ts';
import { makeCall, makeComparison, toCondition } from './coerce.ts';
import { mapOuter, substituteOuter } from './decorrelate.ts';
import type { AggregateCall, Expr, JoinKind } from './expr.ts';
import { columnOf, conjunctsOf, hasLeaf } from './expr-walk.ts';
import { splitCondition } from './join-condition.ts';
import { joinByPairs, ownColumns, placeOnSides } from './join-subquery.ts';
import type { LogicalPlan } from './logical.ts';
import { makeJoin, pickColumns, scanAll } from './logical.ts';
import { numberRows } from './numbered.ts';
import { renameColumns, tellApart } from './rename.ts';
import { Scope } from './scope.ts';
import { bindShown } from './show.ts';
import { openDependent, SubqueryList } from './subquery.ts';
import { bindSummary } from './summarize.ts';
import { SCHEMA_NAME } from './system-name.ts';
import { findSource } from './system-table.ts';
import { bindTableFunction } from './table-function.ts';
import { unnestOver } from './unnest.ts';

/** The rows of FROM, the names over them, and how many queries stand within one another in it. */
export interface From {
  readonly plan: LogicalPlan;
  readonly scope: Scope;
  readonly depth: number;
  /** What the rows read of those before them in FROM; undefined when nothing. */
  readonly lateral?: OuterColumns | undefined;
}

/** The name that rows go by, and the schema that it is in. */
interface RowsName {
  readonly name: string;
  readonly schemaName: string;
}

/** A query in FROM that is given no name has the one that DuckDB gives it. */
const UNNAMED = 'unnamed_subquery';

/** Binds FROM. @throws `sql_bind`, `sql_unsupported`, `limit_exceeded` */
export function bindFrom(
  binding: Binding,
  from: FromItem,
  common: CommonTables,
  outer: OuterColumns | undefined,
): From {
  return new FromBinder(binding, common, outer).bind(from, undefined);
}

/** The rows that SHOW, DESCRIBE or SUMMARIZE answers with. @throws as `bindFrom` */
export function bindShownRows(binding: Binding, statement: ShowStatement, common: CommonTables): LogicalPlan {
  return statement.kind === 'summarize'
    ? bindSummary(binding, statement, common)
    : bindShown(binding, statement, common);
}

/** Binds `item` as it stands beside the rows of `left`, which it cannot read. @throws as `bindFrom` */
export function bindBeside(binding: Binding, left: From, item: FromItem, common: CommonTables): From {
  return new FromBinder(binding, common, undefined).bindBeside(left, item);
}

class FromBinder {
  readonly #binding: Binding;
  readonly #sql: string;
  readonly #common: CommonTables;
  readonly #outer: OuterColumns | undefined;
  #unnamedCount = 0;

  constructor(binding: Binding, common: CommonTables, outer: OuterColumns | undefined) {
    this.#binding = binding;
    this.#sql = binding.sql;
    this.#common = common;
    this.#outer = outer;
  }

  /** Binds one item; `before` is what stands to its left. */
  bind(item: FromItem, before: From | undefined): From {
    switch (item.kind) {
      case 'table_name':
        return this.#bindTable(item);
      case 'subquery':
        return this.#bindSubquery(item, before);
      case 'table_function':
        return this.#bindFunction(item, before);
      case 'shown_rows': {
        const plan = bindShownRows(this.#binding, item.statement, this.#common);
        return this.#named(plan, UNNAMED, item.alias, item.columns, 0);
      }
      case 'join':
        return this.#bindJoin(item, before);
    }
  }

  #named(
    plan: LogicalPlan,
    names: RowsName | string,
    alias: Identifier | undefined,
    columns: readonly Identifier[],
    depth: number,
  ): From {
    const named = typeof names === 'string' ? { name: names } : names;
    const renamed = tellApart(renameColumns(this.#sql, plan, columns, alias?.name ?? named.name));
    return { plan: renamed, scope: Scope.of(this.#sql, { ...named, schema: renamed.schema }, alias), depth };
  }

  #bindTable(item: TableName): From {
    const named = commonNamed(this.#common, item);
    if (named === undefined) {
      const view = findView(this.#sql, this.#binding.catalog, item);
      if (view !== undefined) {
        const { plan, depth } = bindView(this.#binding, view, item.span);
        return this.#named(plan, { name: view.name, schemaName: SCHEMA_NAME }, item.alias, item.columns, depth);
      }
      const { source, schemaName } = findSource(this.#binding, item);
      const { name } = source;
      return this.#named(scanAll(name, source), { name, schemaName }, item.alias, item.columns, 0);
    }
    if (item.at !== undefined) {
      const message = `${quoteText(named.name)} is a query of WITH, and has no other moments`;
      throw sqlError('sql_bind', this.#sql, item.at.span, message, 'write AT after the table within that query');
    }
    return this.#named(this.#within(named), named.name, item.alias, item.columns, named.depth);
  }

  /** The rows of a query of WITH; what they read of the rows around it is reached through the queries between. */
  #within(rows: CommonRows): LogicalPlan {
    const plan = rows.read();
    const { outer } = rows;
    if (outer === undefined || outer === this.#outer) return plan;
    return mapOuter(plan, (leaf) => present(this.#outer?.reach(outer, leaf), `the outer column ${leaf.name}`));
  }

  #bindSubquery(item: Subquery, before: From | undefined): From {
    const { alias, columns, query } = item;
    if (before === undefined) {
      const { plan, depth } = this.#binding.bind(query, this.#common, this.#outer);
      return this.#named(plan, this.#unnamed(alias), alias, columns, depth);
    }
    const lateral = this.#around(before);
    const { plan, depth } = this.#binding.bind(query, this.#common, lateral);
    const name = this.#unnamed(alias);
    return this.#lateral(plan, lateral, (made) => this.#named(made, name, alias, columns, depth));
  }

  /** The name of the next query without an alias: DuckDB numbers all but the first. */
  #unnamed(alias: Identifier | undefined): string {
    if (alias !== undefined) return UNNAMED;
    return ++this.#unnamedCount === 1 ? UNNAMED : `${UNNAMED}${this.#unnamedCount.toString()}`;
  }

  /** The columns of `before`, and of the query around. */
  #around(before: From): OuterColumns {
    const resolve = (node: ColumnName): Expr | undefined => {
      const own = resolveIn(this.#sql, before.scope, node) ?? resolveRow(this.#sql, before.scope, node);
      return own ?? this.#outer?.resolve(node);
    };
    const aggregate = (call: AggregateCall): Expr => {
      if (this.#outer !== undefined && isOfOuter(call)) return this.#outer.aggregate(call);
      throw misplacedAggregate(this.#sql, call, 'FROM');
    };
    return new OuterColumns({ resolve, aggregate }, this.#outer);
  }

  /** `plan` under its names; it depends on the rows before it if it reads any of their columns. */
  #lateral(plan: LogicalPlan, lateral: OuterColumns, name: (plan: LogicalPlan) => From): From {
    if (lateral.exprs.some((expr) => hasLeaf(expr, 'column'))) return { ...name(plan), lateral };
    return name(substituteOuter(plan, lateral.exprs));
  }

  #bindFunction(item: TableFunction, before: From | undefined): From {
    const lateral = before === undefined ? undefined : this.#around(before);
    const { plan, name } = bindTableFunction(this.#binding, item, this.#common, lateral ?? this.#outer);
    const named = (made: LogicalPlan): From => this.#named(made, name, item.alias, item.columns, 0);
    return lateral === undefined ? named(plan) : this.#lateral(plan, lateral, named);
  }

  #bindJoin(item: Join, before: From | undefined): From {
    if (before === undefined) {
      const left = this.bind(item.left, undefined);
      return this.#joined(item, left, this.bind(item.right, left));
    }
    // Each of its items may read what stands before the join, which is like a query around them.
    const lateral = this.#around(before);
    const { plan, scope, depth } = new FromBinder(this.#binding, this.#common, lateral).bind(item, undefined);
    return this.#lateral(plan, lateral, (made) => ({ plan: made, scope, depth }));
  }

  /** What is beside `left`, of which `item` reads nothing. */
  bindBeside(left: From, item: FromItem): From {
    const cross = {
      kind: 'join',
      join: 'cross',
      on: undefined,
      using: [],
      natural: false,
      asof: false,
      span: item.span,
    } as const;
    return this.#joined({ ...cross, left: item, right: item }, left, this.bind(item, undefined));
  }

  #joined(item: Join, left: From, right: From): From {
    const labels = new Set(left.scope.relations.map(({ label }) => foldName(label)));
    const twice = right.scope.relations.find(
      ({ label }) => !label.startsWith(UNNAMED) && labels.has(foldName(label)),
    );
    if (twice !== undefined) {
      const message = `two tables in FROM are called ${quoteText(twice.label)}`;
      throw sqlError('sql_bind', this.#sql, item.right.span, message, 'give one of them an alias');
    }
    const depth = Math.max(left.depth, right.depth);
    if (item.join === 'positional') return { ...this.#bindPositional(item, left, right), depth };
    const join: JoinKind = item.join === 'cross' ? 'inner' : item.join;
    const made = new JoinBinder(this.#binding, this.#common, this.#outer, item, left, right).bind(join);
    return { ...made, depth };
  }

  /** The first row beside the first, the second beside the second, NULLs where one side has ended. */
  #bindPositional(item: Join, left: From, right: From): Pick<From, 'plan' | 'scope'> {
    if (right.lateral !== undefined) {
      const message = 'a query that reads the tables before it cannot stand in a POSITIONAL JOIN';
      throw sqlError('sql_bind', this.#sql, item.right.span, message, 'use JOIN or LEFT JOIN');
    }
    const [l, r] = [left.plan.schema.fields.length, right.plan.schema.fields.length];
    const [a, b] = [left.plan, right.plan].map((plan) => numberRows(plan, [], [])) as [LogicalPlan, LogicalPlan];
    const number = (plan: LogicalPlan, at: number): Expr => columnOf(at, plan.schema.fields[at] as Field, item.span);
    const keys = [{ left: number(a, l), right: number(b, r), nullsEqual: false }];
    const joined = makeJoin({ join: 'full', left: a, right: b, keys, condition: undefined });
    const columns = Array.from({ length: l + r }, (_, i) => (i < l ? i : i + 1));
    const plan = pickColumns(joined, columns);
    return { plan, scope: left.scope.join(right.scope, plan.schema) };
  }
}

class JoinBinder {
  readonly #binding: Binding;
  readonly #sql: string;
  readonly #subqueries: SubqueryBinding;
  readonly #outer: OuterColumns | undefined;
  readonly #item: Join;
  readonly #left: From;
  readonly #right: From;
  readonly #width: number;

  constructor(
    binding: Binding,
    common: CommonTables,
    outer: OuterColumns | undefined,
    item: Join,
    left: From,
    right: From,
  ) {
    this.#binding = binding;
    this.#sql = binding.sql;
    this.#subqueries = { binding, common, list: new SubqueryList(binding.sql, binding.shared) };
    this.#outer = outer;
    this.#item = item;
    this.#left = left;
    this.#right = right;
    this.#width = left.plan.schema.fields.length;
  }

  bind(join: JoinKind): Pick<From, 'plan' | 'scope'> {
    const { on } = this.#item;
    const [left, right] = [this.#left.scope, this.#right.scope];
    const fields = [...left.schema.fields, ...right.schema.fields];
    const both = left.join(right, { fields, metadata: [] });
    const names = this.#mergedNames();
    const equalities = names.map((name, i) => {
      return this.#comparison(this.#item.asof && i === names.length - 1 ? '>=' : '=', name);
    });
    const conditions = on === undefined ? equalities : conjunctsOf(this.#bindOn(both, on));
    const plan = this.#item.asof
      ? this.#nearest(join, conditions)
      : this.#conditional(join, conditions, fields.length);
    if (join === 'semi' || join === 'anti') return { plan, scope: left.over(plan.schema) };
    return this.#merge(join, plan, names);
  }

  /** The join under conditions that may hold subqueries; its columns are the `count` ones of both sides. */
  #conditional(join: JoinKind, conditions: readonly Expr[], count: number): LogicalPlan {
    const pending = conditions.filter((condition) => hasLeaf(condition, 'pending'));
    if (pending.length === 0) return this.#join(join, conditions);
    if (join !== 'inner') return this.#placed(join, conditions);
    const plain = conditions.filter((condition) => !hasLeaf(condition, 'pending'));
    return pending.reduce(
      (plan, condition) => pickColumns(this.#subqueries.list.filter(plan, condition), [...Array(count).keys()]),
      this.#join(join, plain),
    );
  }

  /** A join that keeps rows without a partner: subqueries of its condition are joined to the sides that they read. */
  #placed(join: JoinKind, conditions: readonly Expr[]): LogicalPlan {
    const [left, right] = [this.#left.plan, this.#right.plan];
    const { list } = this.#subqueries;
    if (this.#right.lateral !== undefined) {
      const message = 'a subquery in the condition of an outer join to a query that reads the tables before it';
      const span = this.#item.on?.span ?? this.#item.span;
      throw sqlError('sql_unsupported', this.#sql, span, `${message} is not supported yet`);
    }
    const placed = placeOnSides(list, left, right, conditions);
    if (placed === undefined) {
      return joinByPairs({ list, shared: this.#binding.shared }, join, left, right, conditions);
    }
    const width = placed.left.schema.fields.length;
    const { keys, condition } = splitCondition(placed.conditions, width);
    const plan = makeJoin({ join, left: placed.left, right: placed.right, keys, condition });
    return pickColumns(plan, ownColumns(plan, this.#width, width, right.schema.fields.length));
  }

  #nearest(join: JoinKind, conditions: readonly Expr[]): LogicalPlan {
    const { right, span } = this.#item;
    if (this.#right.lateral !== undefined) {
      const message = 'a query that reads the tables before it cannot stand in an ASOF JOIN';
      throw sqlError('sql_bind', this.#sql, right.span, message);
    }
    const sides = [this.#left.plan, this.#right.plan] as const;
    return joinNearest(this.#sql, this.#binding.shared, join, sides, conditions, span);
  }

  #bindOn(scope: Scope, on: NonNullable<Join['on']>): Expr {
    const around = { outer: this.#outer, subqueries: this.#subqueries };
    const binder = new ExpressionBinder(this.#sql, scope, new Map(), around);
    const bound = binder.bind(on, { name: 'ON', aggregates: undefined, aliasesBefore: 0 });
    return toCondition(this.#sql, bound, 'the condition of ON');
  }

  #join(join: JoinKind, conditions: readonly Expr[]): LogicalPlan {
    const { lateral } = this.#right;
    if (lateral === undefined) {
      const { keys, condition } = splitCondition(conditions, this.#width);
      return makeJoin({ join, left: this.#left.plan, right: this.#right.plan, keys, condition });
    }
    if (join !== 'inner' && join !== 'left') {
      const message = `a query that reads the tables before it cannot stand in a ${join.toUpperCase()} JOIN`;
      throw sqlError('sql_bind', this.#sql, this.#item.right.span, message, 'use JOIN or LEFT JOIN');
    }
    const direct = unnestOver(this.#left.plan, this.#right.plan, lateral.exprs, join, conditions);
    if (direct !== undefined) return direct;
    const { plan: inner } = this.#right;
    const { span } = this.#item.right;
    const dependent = { plan: inner, outer: lateral.exprs, span };
    const opened = openDependent(this.#sql, this.#binding.shared, dependent, this.#left.plan);
    const width = inner.schema.fields.length;
    const { keys, condition } = splitCondition([...opened.conditions, ...conditions], this.#width);
    const plan = makeJoin({ join, left: opened.input, right: opened.plan, keys, condition });
    return pickColumns(
      plan,
      Array.from({ length: this.#width + width }, (_, i) => i),
    );
  }

  /** The names that USING or NATURAL merges. */
  #mergedNames(): readonly Identifier[] {
    const { using, natural, span } = this.#item;
    if (!natural) return using;
    const right = new Set(this.#right.scope.visibleNames().map(foldName));
    const shared = this.#left.scope.visibleNames().filter((name) => right.has(foldName(name)));
    if (shared.length === 0) {
      const message = 'NATURAL JOIN finds no column that both sides have';
      throw sqlError('sql_bind', this.#sql, span, message, 'write ON with a condition');
    }
    return shared.map((name) => ({ kind: 'identifier', name, quoted: true, span }));
  }

  /** The columns that a name of USING stands for. */
  #sides(name: Identifier): readonly [left: number, right: number] {
    const node = { kind: 'column_name', path: [name], span: name.span } as const;
    const [left, right] = [this.#left.scope.find(node), this.#right.scope.find(node)];
    if (left === undefined) throw this.#left.scope.missing(node, []);
    if (right === undefined) throw this.#right.scope.missing(node, []);
    return [left.index, this.#width + right.index];
  }

  #comparison(operator: string, name: Identifier): Expr {
    const [left, right] = this.#sides(name).map((index) => {
      const fields = [...this.#left.scope.schema.fields, ...this.#right.scope.schema.fields];
      const field = fields[index];
      if (field === undefined) throw new TypeError('a column of USING that does not exist');
      return columnOf(index, field, name.span);
    });
    return makeComparison(this.#sql, operator, left as Expr, right as Expr, name.span);
  }

  /** The scope of both sides; of a full join the merged columns are computed behind the others. */
  #merge(join: JoinKind, plan: LogicalPlan, names: readonly Identifier[]): Pick<From, 'plan' | 'scope'> {
    const merged = new Map<string, number>();
    const [left, right] = [this.#left.scope, this.#right.scope];
    const { fields } = plan.schema;
    const more: Expr[] = [];
    for (const name of names) {
      const [l, r] = this.#sides(name);
      if (join !== 'full') {
        merged.set(foldName(name.name), join === 'right' ? r : l);
        continue;
      }
      const sides = [l, r].map((index) => columnOf(index, fields[index] as (typeof fields)[number], name.span));
      merged.set(foldName(name.name), fields.length + more.length);
      more.push(makeCall(this.#sql, 'coalesce', sides, name.span));
    }
    if (more.length === 0) return { plan, scope: left.join(right, plan.schema, merged) };
    const exprs = [...fields.map((field, i) => columnOf(i, field, this.#item.span)), ...more];
    const added = more.map(({ type, nullable }, i) => ({ name: names[i]?.name ?? '', type, nullable, metadata: [] }));
    const schema = { fields: [...fields, ...added], metadata: [] };
    return { plan: { kind: 'project', schema, input: plan, exprs }, scope: left.join(right, schema, merged) };
  }
}
