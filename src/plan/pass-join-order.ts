/**
 * Pass `order_joins`: inner joins that stand together are put into an order that keeps what is between them small.
 *
 * Method: greedy. Of all pairs that a key joins, the one that yields fewest rows is joined first, and so on; only what
 * no key joins is multiplied. An equality is taken as if its key were unique on the smaller side. The larger side of a
 * join is the left one, the smaller is held. Invariant: the columns keep their order. @see guess-rows.ts
 */
import type { Expr } from './expr.ts';
import { conjunctsOf, forEachColumn, shiftColumns } from './expr-walk.ts';
import { baseRows, guessRows } from './guess-rows.ts';
import { splitCondition } from './join-condition.ts';
import type { LogicalPlan } from './logical.ts';
import { makeFilter, makeJoin, mapInputs, pickColumns } from './logical.ts';

/** The whole plan, its inner joins in order. */
export function orderJoins(plan: LogicalPlan): LogicalPlan {
  if (plan.kind !== 'join' || plan.join !== 'inner') return mapInputs(plan, orderJoins);
  const region = new Region();
  region.add(plan, 0);
  return region.build(plan.schema.fields.length);
}

/** A part of the region that is joined already. `columns` are the region's, in the plan's order. */
interface Part {
  readonly plan: LogicalPlan;
  readonly columns: readonly number[];
  readonly rows: number;
}

/** A condition, and the columns of the region that it reads. */
interface Condition {
  readonly expr: Expr;
  readonly columns: readonly number[];
}

function conditionOf(expr: Expr): Condition {
  const columns: number[] = [];
  forEachColumn(expr, ({ index }) => columns.push(index));
  return { expr, columns };
}

/** Two parts, by their places, and the rows of their join as its most telling key has it; undefined without a key. */
interface Pair {
  readonly a: number;
  readonly b: number;
  readonly rows: number | undefined;
}

/** Inner joins that stand together: their inputs, and their conditions over the columns of all of them. */
class Region {
  #parts: Part[] = [];
  #conditions: Condition[] = [];
  /** By column how many values it may have: the rows of its table before they were filtered. */
  readonly #distinct: number[] = [];
  /** Columns that are equal in every row of the region, one of a part each; `#columns` has them as expressions. */
  #classes: readonly (readonly number[])[] = [];
  readonly #columns = new Map<number, Column>();

  /** Takes `plan`'s inputs and conditions in; its columns begin at `start`. */
  add(plan: LogicalPlan, start: number): void {
    if (plan.kind !== 'join' || plan.join !== 'inner') {
      const ordered = orderJoins(plan);
      const columns = plan.schema.fields.map((_, i) => start + i);
      this.#parts.push({ plan: ordered, columns, rows: guessRows(ordered) });
      const distinct = baseRows(ordered);
      for (const column of columns) this.#distinct[column] = distinct;
      return;
    }
    const width = plan.left.schema.fields.length;
    this.add(plan.left, start);
    this.add(plan.right, start + width);
    for (const key of plan.keys) {
      const left = shiftColumns(key.left, (index) => start + index);
      const right = shiftColumns(key.right, (index) => start + width + index);
      const name = key.nullsEqual ? 'is_not_distinct_from' : '=';
      const nullable = !key.nullsEqual && (left.nullable || right.nullable);
      const span = key.left.span;
      const expr = { kind: 'call', name, args: [left, right], type: { id: 'bool' }, nullable, span } as const;
      this.#conditions.push(conditionOf(expr));
    }
    if (plan.condition === undefined) return;
    const moved = shiftColumns(plan.condition, (index) => start + index);
    this.#conditions.push(...conjunctsOf(moved).map(conditionOf));
  }

  /** All parts as one plan of `width` columns. */
  build(width: number): LogicalPlan {
    this.#classify();
    while (this.#parts.length > 1) {
      const { a, b, rows } = this.#cheapest();
      const rest = this.#parts.filter((_, i) => i !== a && i !== b);
      this.#parts = [this.#join(this.#parts[a] as Part, this.#parts[b] as Part, rows), ...rest];
    }
    const [part] = this.#parts;
    if (part === undefined) throw new TypeError('orderJoins: a region without inputs');
    const plan = this.#conditions.reduce((input, { expr }) => {
      return makeFilter(
        input,
        shiftColumns(expr, (index) => part.columns.indexOf(index)),
      );
    }, part.plan);
    const places = Array.from({ length: width }, (_, column) => part.columns.indexOf(column));
    return places.every((place, column) => place === column) ? plan : pickColumns(plan, places);
  }

  /**
   * Takes equalities of bare columns out of the conditions, as classes of columns that are all equal: of `a = b` and
   * `b = c` follows `a = c`. Columns of one part are not made equal by joining it, so their classes stay conditions.
   */
  #classify(): void {
    const classOf = new Map<number, Set<number>>();
    const equalities = this.#conditions.map(({ expr }) => expr).filter(isColumnEquality);
    for (const { args } of equalities) {
      const [a, b] = [(args[0] as Column).index, (args[1] as Column).index];
      const joined = new Set([...(classOf.get(a) ?? [a]), ...(classOf.get(b) ?? [b])]);
      for (const column of joined) classOf.set(column, joined);
    }
    const partOf = this.#partOf();
    const isSpread = (columns: ReadonlySet<number>): boolean => {
      return new Set([...columns].map((column) => partOf.get(column))).size === columns.size;
    };
    const classes = [...new Set(classOf.values())].filter((columns) => columns.size > 2 && isSpread(columns));
    const classified = new Set(classes.flatMap((columns) => [...columns]));
    for (const { args } of equalities)
      for (const arg of args) this.#columns.set((arg as Column).index, arg as Column);
    this.#classes = classes.map((columns) => [...columns].sort((x, y) => x - y));
    for (const columns of this.#classes) {
      const distinct = Math.min(...columns.map((column) => this.#distinct[column] ?? 1));
      for (const column of columns) this.#distinct[column] = distinct;
    }
    this.#conditions = this.#conditions.filter(({ expr, columns: [first] }) => {
      return !(isColumnEquality(expr) && classified.has(first as number));
    });
  }

  /** The place of the part that has each column. */
  #partOf(): ReadonlyMap<number, number> {
    return new Map(this.#parts.flatMap((part, i) => part.columns.map((column) => [column, i])));
  }

  /** An equality for each class that has columns on both sides: those of one side are equal already. */
  #equalities(a: Part, b: Part): readonly Equality[] {
    return this.#classes.flatMap((columns) => {
      const left = columns.find((column) => a.columns.includes(column));
      const right = columns.find((column) => b.columns.includes(column));
      if (left === undefined || right === undefined) return [];
      const args = [this.#columns.get(left) as Column, this.#columns.get(right) as Column];
      const nullable = args.some((arg) => arg.nullable);
      const span = (args[0] as Column).span;
      return [{ kind: 'call', name: '=', args, type: { id: 'bool' }, nullable, span } as const];
    });
  }

  /** The two parts to join next; of equally cheap ones the first. */
  #cheapest(): Pair {
    const parts = this.#parts;
    let found: (Pair & { readonly rows: number }) | undefined;
    for (const [place, distinct] of this.#tellingKeys()) {
      const [a, b] = [Math.floor(place / parts.length), place % parts.length];
      const rows = ((parts[a] as Part).rows * (parts[b] as Part).rows) / Math.max(1, distinct);
      const isFirst = found !== undefined && rows === found.rows && (a < found.a || (a === found.a && b < found.b));
      if (rows < (found?.rows ?? Infinity) || isFirst) found = { a, b, rows };
    }
    if (found !== undefined) return found;
    // Nothing joins what is left: the two smallest are multiplied.
    const order = parts.map((part, i) => [part.rows, i] as const).sort(([x], [y]) => x - y);
    const [first, second] = [order[0]?.[1] ?? 0, order[1]?.[1] ?? 1];
    return { a: Math.min(first, second), b: Math.max(first, second), rows: undefined };
  }

  /** For each two parts that a key joins, a × parts + b with a < b, how many values the most telling one may have. */
  #tellingKeys(): ReadonlyMap<number, number> {
    const partOf = this.#partOf();
    const keys = new Map<number, number>();
    const addKey = (columns: readonly number[]): void => {
      const [a, b, ...more] = [...new Set(columns.map((column) => partOf.get(column) as number))];
      if (a === undefined || b === undefined || more.length > 0) return;
      const place = Math.min(a, b) * this.#parts.length + Math.max(a, b);
      const distinct = Math.min(...columns.map((column) => this.#distinct[column] ?? 1));
      keys.set(place, Math.max(keys.get(place) ?? 0, distinct));
    };
    for (const { expr, columns } of this.#conditions) if (isEquality(expr)) addKey(columns);
    for (const columns of this.#classes) {
      // Those of one part are equal already, so one of each is enough.
      const firsts = [...new Map(columns.map((column) => [partOf.get(column), column])).values()];
      firsts.forEach((left, i) => {
        for (const right of firsts.slice(i + 1)) addKey([left, right]);
      });
    }
    return keys;
  }

  #join(a: Part, b: Part, rows: number | undefined): Part {
    const [left, right] = a.rows >= b.rows ? [a, b] : [b, a];
    const columns = [...left.columns, ...right.columns];
    const places = new Map(columns.map((column, i) => [column, i]));
    const own: Expr[] = [];
    const rest: Condition[] = [];
    const move = (expr: Expr): Expr => shiftColumns(expr, (index) => places.get(index) ?? -1);
    for (const condition of this.#conditions) {
      if (condition.columns.every((column) => places.has(column))) own.push(move(condition.expr));
      else rest.push(condition);
    }
    this.#conditions = rest;
    const { keys, condition } = splitCondition([...own, ...this.#equalities(a, b).map(move)], left.columns.length);
    const plan = makeJoin({ join: 'inner', left: left.plan, right: right.plan, keys, condition });
    return { plan, columns, rows: Math.max(1, rows ?? a.rows * b.rows) };
  }
}

type Column = Extract<Expr, { kind: 'column' }>;
type Equality = Extract<Expr, { kind: 'call' }>;

function isEquality(expr: Expr): boolean {
  return expr.kind === 'call' && (expr.name === '=' || expr.name === 'is_not_distinct_from');
}

function isColumnEquality(expr: Expr): expr is Equality {
  return expr.kind === 'call' && expr.name === '=' && expr.args.every(({ kind }) => kind === 'column');
}
