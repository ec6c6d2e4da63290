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
  /** Rows of the tables before they were filtered, the fewest: how many values a key of theirs may have. */
  readonly distinct: number;
}

/** Inner joins that stand together: their inputs, and their conditions over the columns of all of them. */
class Region {
  #parts: Part[] = [];
  #conditions: Expr[] = [];

  /** Takes `plan`'s inputs and conditions in; its columns begin at `start`. */
  add(plan: LogicalPlan, start: number): void {
    if (plan.kind !== 'join' || plan.join !== 'inner') {
      const ordered = orderJoins(plan);
      const columns = plan.schema.fields.map((_, i) => start + i);
      this.#parts.push({ plan: ordered, columns, rows: guessRows(ordered), distinct: baseRows(ordered) });
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

  /** The two parts to join next. */
  #cheapest(): readonly [number, number] {
    let [best, found]: [number, readonly [number, number] | undefined] = [Infinity, undefined];
    const owner = new Map<number, number>();
    this.#parts.forEach((part, i) => part.columns.forEach((column) => owner.set(column, i)));
    const pairs = new Map<string, readonly [number, number]>();
    for (const condition of this.#conditions) {
      if (condition.kind !== 'call' || (condition.name !== '=' && condition.name !== 'is_not_distinct_from'))
        continue;
      const owners = ownersOf(condition, owner);
      const [a, b] = owners;
      if (owners.length === 2 && a !== undefined && b !== undefined)
        pairs.set(`${a.toString()} ${b.toString()}`, [a, b]);
    }
    for (const [a, b] of pairs.values()) {
      const [left, right] = [this.#parts[a] as Part, this.#parts[b] as Part];
      const rows = joinedRows(left, right);
      if (rows < best) [best, found] = [rows, [a, b]];
    }
    if (found !== undefined) return found;
    // Nothing joins what is left: the two smallest are multiplied.
    const order = this.#parts.map((part, i) => [part.rows, i] as const).sort(([x], [y]) => x - y);
    const [first, second] = [order[0]?.[1] ?? 0, order[1]?.[1] ?? 1];
    return first < second ? [first, second] : [second, first];
  }

  #join(a: Part, b: Part): Part {
    const [left, right] = a.rows >= b.rows ? [a, b] : [b, a];
    const columns = [...left.columns, ...right.columns];
    const places = new Map(columns.map((column, i) => [column, i]));
    const own: Expr[] = [];
    const rest: Expr[] = [];
    for (const condition of this.#conditions) {
      let within = true;
      forEachColumn(condition, ({ index }) => {
        within &&= places.has(index);
      });
      if (within) own.push(shiftColumns(condition, (index) => places.get(index) ?? -1));
      else rest.push(condition);
    }
    this.#conditions = rest;
    const { keys, condition } = splitCondition(own, left.columns.length);
    const plan = makeJoin({ join: 'inner', left: left.plan, right: right.plan, keys, condition });
    const rows = keys.length === 0 ? a.rows * b.rows : joinedRows(a, b);
    return { plan, columns, rows: Math.max(1, rows), distinct: Math.min(a.distinct, b.distinct) };
  }
}

function joinedRows(a: Part, b: Part): number {
  return (a.rows * b.rows) / Math.max(1, Math.min(a.distinct, b.distinct));
}

function ownersOf(expr: Expr, owner: ReadonlyMap<number, number>): readonly number[] {
  const owners = new Set<number>();
  forEachColumn(expr, ({ index }) => owners.add(owner.get(index) ?? -1));
  return [...owners].sort((a, b) => a - b);
}
