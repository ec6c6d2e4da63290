/**
 * What binding the queries of one statement shares: the catalog, names of WITH, plans that several places read, and
 * the columns of the queries around.
 *
 * Hides numbering. Invariants: a column of a query further out is reached through each query between, so that a plan
 * only ever refers to the query right around it; a shared plan refers to none.
 */
import { present } from '../base/assert.ts';
import type { ColumnName, Query } from '../sql/ast.ts';
import type { BindCatalog, ReadView } from './bind-catalog.ts';
import type { Expr } from './expr.ts';
import { exprKey } from './expr-walk.ts';
import type { LogicalPlan } from './logical.ts';

/** A bound query, and how many queries stand within one another in it. */
export interface Bound {
  readonly plan: LogicalPlan;
  readonly depth: number;
}

/** A query that WITH has named. */
export interface CommonRows {
  readonly name: string;
  readonly depth: number;
  /** The query's rows, for one more place that reads them. */
  read(): LogicalPlan;
  /** The columns around that the query reads; a place with others around it cannot read it. */
  readonly outer: OuterColumns | undefined;
}

/** Queries that WITH has named, by folded name. */
export type CommonTables = ReadonlyMap<string, CommonRows>;

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
}

/** The columns of the query around that a query reads. */
export class OuterColumns {
  readonly #around: NameResolver;
  /** Over the rows of the query around; a column is known by its place here. */
  readonly exprs: Expr[] = [];
  readonly #places = new Map<string, number>();

  constructor(around: NameResolver) {
    this.#around = around;
  }

  /** The column as an expression of the query within, or undefined when nothing around has it. */
  resolve(node: ColumnName): Expr | undefined {
    const found = this.#around.resolve(node);
    if (found === undefined) return undefined;
    const key = exprKey(found);
    let index = this.#places.get(key);
    if (index === undefined) {
      index = this.exprs.push(found) - 1;
      this.#places.set(key, index);
    }
    const { type, nullable } = found;
    return { kind: 'outer', index, name: node.path.at(-1)?.name ?? '', type, nullable, span: node.span };
  }
}

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

  /** One more reader of a shared plan. */
  read(id: number): LogicalPlan {
    const { schema } = present(this.plans.get(id), `shared plan ${id.toString()}`);
    return { kind: 'shared', schema, id, columns: schema.fields.map((_, i) => i) };
  }
}
