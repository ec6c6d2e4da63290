/**
 * What binding the queries of one statement shares: the catalog, names of WITH, plans that several places read, and
 * the columns of the queries around.
 *
 * Hides numbering. Invariants: a column of a query further out is reached through each query between, so that a plan
 * only ever refers to the query right around it; a shared plan refers to none.
 */
import { present } from '../base/assert.ts';
import type { Span } from '../base/errors.ts';
import { foldName } from '../base/names.ts';
import type { ColumnName, ExprNode, Query, TableName } from '../sql/ast.ts';
import type { BindCatalog, ReadView } from './bind-catalog.ts';
import { mapOuter } from './decorrelate.ts';
import type { AggregateCall, Expr } from './expr.ts';
import { exprKey, mapCall, mapLeaves } from './expr-walk.ts';
import type { LogicalPlan } from './logical.ts';

/** A bound query, and how many queries stand within one another in it. */
export interface Bound {
  readonly plan: LogicalPlan;
  readonly depth: number;
  /** Finds the columns that the query's own list gives; absent where it has none. */
  readonly find?: ColumnFinder | undefined;
}

/**
 * The place of the column that a list calls by a name, or computes by the same expression; undefined when there is
 * none. @throws `sql_bind` when it means several
 */
export type ColumnFinder = (node: ExprNode) => number | undefined;

/** A query that WITH has named. */
export interface CommonRows {
  readonly name: string;
  readonly depth: number;
  /** The query's rows, for one more place that reads them. */
  read(): LogicalPlan;
  /** The columns around that the query reads; undefined when it reads none. */
  readonly outer: OuterColumns | undefined;
}

/** Queries that WITH has named, by folded name. */
export type CommonTables = ReadonlyMap<string, CommonRows>;

/** The query of WITH that `table` names, or undefined. */
export function commonNamed(common: CommonTables, { path }: TableName): CommonRows | undefined {
  const [first, ...more] = path;
  return more.length === 0 && first !== undefined ? common.get(foldName(first.name)) : undefined;
}

/** What binds a query that stands within another. */
export interface Binding {
  readonly sql: string;
  readonly catalog: BindCatalog;
  readonly shared: SharedPlans;
  readonly views: BoundViews;
  /** The binding of another text, a view's, within the same statement. */
  over(sql: string, catalog: BindCatalog): Binding;
  /** One for plans that are no part of the statement's; views that are being bound are so there, too. */
  apart(): Binding;
  /** Binds a query; `outer` takes what it reads of the query around it. @throws as `bindQuery` */
  bind(query: Query, common: CommonTables, outer: OuterColumns | undefined): Bound;
}

/** The views that a statement reads. */
export interface BoundViews {
  /** Those that are bound: which shared plan has their rows, and how many queries stand within one another in it. */
  readonly bound: Map<ReadView, { readonly id: number; readonly depth: number }>;
  /** Those that are being bound, each read by the one before. */
  readonly open: ReadView[];
}

/** Where a name that a query does not know itself may be found. */
export interface NameResolver {
  /** The column, over the rows that the resolver stands for, or undefined. @throws `sql_bind` when it is ambiguous */
  resolve(node: ColumnName): Expr | undefined;
  /** An aggregate over those rows, as an expression. @throws `sql_bind` where none may stand */
  aggregate(call: AggregateCall): Expr;
}

/** The columns of the query around that a query reads. */
export class OuterColumns {
  readonly #around: NameResolver;
  readonly #parent: OuterColumns | undefined;
  /** Over the rows of the query around; a column is known by its place here. */
  readonly exprs: Expr[] = [];
  readonly #places = new Map<string, number>();
  /** Columns may be here that nothing reads. */
  #isLoose = false;

  /** `parent` has what the query around reads of those further out. */
  constructor(around: NameResolver, parent: OuterColumns | undefined) {
    this.#around = around;
    this.#parent = parent;
  }

  /** The column as an expression of the query within, or undefined when nothing around has it. */
  resolve(node: ColumnName): Expr | undefined {
    const found = this.#around.resolve(node);
    return found === undefined ? undefined : this.#take(found, node.path.at(-1)?.name ?? '', node.span);
  }

  /** The column `leaf` of `owner`, from a query within its one; undefined when this one is not within it. */
  reach(owner: OuterColumns, leaf: OuterColumn): OuterColumn | undefined {
    if (owner === this) return leaf;
    const found = this.#parent?.reach(owner, leaf);
    return found === undefined ? undefined : this.#take(found, leaf.name, leaf.span);
  }

  /** The aggregate of the query around that a call within means. @throws `sql_bind` where it cannot stand */
  aggregate(call: AggregateCall): Expr {
    this.#isLoose = true;
    const over = mapCall(call, (expr) => {
      return mapLeaves(expr, (leaf) => (leaf.kind === 'outer' ? (this.exprs[leaf.index] ?? leaf) : leaf));
    });
    return this.#take(this.#around.aggregate(over), call.name, call.span);
  }

  /** The query within, once it is bound, without columns that only aggregates of the query around read. */
  pruned(plan: LogicalPlan): LogicalPlan {
    if (!this.#isLoose) return plan;
    const used = new Set<number>();
    mapOuter(plan, (leaf) => {
      used.add(leaf.index);
      return leaf;
    });
    const kept = [...used].sort((a, b) => a - b);
    const exprs = kept.map((index) => present(this.exprs[index], 'an outer column'));
    this.exprs.splice(0, this.exprs.length, ...exprs);
    return mapOuter(plan, (leaf) => ({ ...leaf, index: kept.indexOf(leaf.index) }));
  }

  #take(found: Expr, name: string, span: Span): OuterColumn {
    const key = exprKey(found);
    let index = this.#places.get(key);
    if (index === undefined) {
      index = this.exprs.push(found) - 1;
      this.#places.set(key, index);
    }
    const { type, nullable } = found;
    return { kind: 'outer', index, name, type, nullable, span };
  }
}

type OuterColumn = Extract<Expr, { kind: 'outer' }>;

/** Plans that several places read. */
export class SharedPlans {
  readonly plans = new Map<number, LogicalPlan>();
  #next = 0;

  /** A number that no shared plan and no recursion of the statement has. */
  number(): number {
    return this.#next++;
  }

  /** Takes a plan in. */
  add(plan: LogicalPlan): number {
    const id = this.number();
    this.plans.set(id, plan);
    return id;
  }

  /** A shared plan itself. */
  at(id: number): LogicalPlan {
    return present(this.plans.get(id), `shared plan ${id.toString()}`);
  }

  /** One more reader of a shared plan. */
  read(id: number): LogicalPlan {
    const { schema } = this.at(id);
    return { kind: 'shared', schema, id, columns: schema.fields.map((_, i) => i) };
  }
}
