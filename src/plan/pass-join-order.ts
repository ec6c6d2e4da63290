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

/** Inner joins that stand together: their inputs, and their conditions over the columns of all of them. */
class Region {
  #parts: Part[] = [];
  #conditions: Expr[] = [];
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
      this.#conditions.push({ kind: 'call', name, args: [left, right], type: { id: 'bool' }, nullable, span });
    }
    if (plan.condition === undefined) return;
    const moved = shiftColumns(plan.condition, (index) => start + index);
    this.#conditions.push(...conjunctsOf(moved));
  }

  /** All parts as one plan of `width` columns. */
  build(width: number): LogicalPlan {
    this.#classify();
    while (this.#parts.length > 1) {
      const [a, b] = this.#cheapest();
      const rest = this.#parts.filter((_, i) => i !== a && i !== b);
      this.#parts = [this.#join(this.#parts[a] as Part, this.#parts[b] as Part), ...rest];
    }
    const [part] = this.#parts;
    if (part === undefined) throw new TypeError('orderJoins: a region without inputs');
    const plan = this.#conditions.reduce((input, condition) => {
      return makeFilter(
        input,
        shiftColumns(condition, (index) => part.columns.indexOf(index)),
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
    const equalities = this.#conditions.filter(isColumnEquality);
    for (const { args } of equalities) {
      const [a, b] = [(args[0] as Column).index, (args[1] as Column).index];
      const joined = new Set([...(classOf.get(a) ?? [a]), ...(classOf.get(b) ?? [b])]);
      for (const column of joined) classOf.set(column, joined);
    }
    const partOf = new Map(this.#parts.flatMap((part, i) => part.columns.map((column) => [column, i])));
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
    this.#conditions = this.#conditions.filter((condition) => {
      return !(isColumnEquality(condition) && classified.has((condition.args[0] as Column).index));
    });
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

  /** The two parts to join next. */
  #cheapest(): readonly [number, number] {
    let [best, found]: [number, readonly [number, number] | undefined] = [Infinity, undefined];
    const parts = this.#parts;
    for (let a = 0; a < parts.length; a++) {
      for (let b = a + 1; b < parts.length; b++) {
        const rows = this.#joinedRows(parts[a] as Part, parts[b] as Part);
        if (rows !== undefined && rows < best) [best, found] = [rows, [a, b]];
      }
    }
    if (found !== undefined) return found;
    // Nothing joins what is left: the two smallest are multiplied.
    const order = parts.map((part, i) => [part.rows, i] as const).sort(([x], [y]) => x - y);
    const [first, second] = [order[0]?.[1] ?? 0, order[1]?.[1] ?? 1];
    return first < second ? [first, second] : [second, first];
  }

  /** Rows of a join as its most telling key has it; undefined without a key. */
  #joinedRows(a: Part, b: Part): number | undefined {
    const [left, right] = [new Set(a.columns), new Set(b.columns)];
    let distinct: number | undefined;
    for (const condition of [...this.#conditions, ...this.#equalities(a, b)]) {
      if (condition.kind !== 'call' || (condition.name !== '=' && condition.name !== 'is_not_distinct_from'))
        continue;
      const columns: number[] = [];
      forEachColumn(condition, ({ index }) => columns.push(index));
      const isKey = columns.some((column) => left.has(column)) && columns.some((column) => right.has(column));
      if (!isKey || !columns.every((column) => left.has(column) || right.has(column))) continue;
      const own = Math.min(...columns.map((column) => this.#distinct[column] ?? 1));
      if (distinct === undefined || own > distinct) distinct = own;
    }
    return distinct === undefined ? undefined : (a.rows * b.rows) / Math.max(1, distinct);
  }

  #join(a: Part, b: Part): Part {
    const [left, right] = a.rows >= b.rows ? [a, b] : [b, a];
    const rows = this.#joinedRows(a, b);
    const columns = [...left.columns, ...right.columns];
    const places = new Map(columns.map((column, i) => [column, i]));
    const own: Expr[] = [];
    const rest: Expr[] = [];
    const move = (expr: Expr): Expr => shiftColumns(expr, (index) => places.get(index) ?? -1);
    for (const condition of this.#conditions) {
      let within = true;
      forEachColumn(condition, ({ index }) => {
        within &&= places.has(index);
      });
      if (within) own.push(move(condition));
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

function isColumnEquality(expr: Expr): expr is Equality {
  return expr.kind === 'call' && expr.name === '=' && expr.args.every(({ kind }) => kind === 'column');
}
