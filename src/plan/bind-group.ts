/**
 * GROUP BY: the expressions that rows are grouped by, and the sets of them that GROUPING SETS, ROLLUP and CUBE make.
 *
 * Hides how several sets become one plan. Invariant: the plan yields all groups in order, NULL where a set does not
 * have them, and then the aggregates.
 */
import type { Field, Schema } from '../arrow/schema.ts';
import { GROUPING_SETS_MAX } from '../base/limits.ts';
import type { ExprNode, GroupItem } from '../sql/ast.ts';
import { quoteText, sqlError } from '../sql/frame.ts';
import { printExpression } from '../sql/print.ts';
import { WINDOWS_FROM } from './bind-window.ts';
import type { SharedPlans } from './binding.ts';
import { hasOuter } from './decorrelate.ts';
import type { AggregateCall, Expr } from './expr.ts';
import { columnOf, exprKey } from './expr-walk.ts';
import type { LogicalPlan } from './logical.ts';
import type { SubqueryList } from './subquery.ts';

/** Distinct expressions, and the sets of their places; undefined when there is one set of all of them. */
interface GroupList {
  readonly nodes: readonly ExprNode[];
  readonly sets: readonly (readonly number[])[] | undefined;
}

/** Writes the items of GROUP BY out. @throws `limit_exceeded` for too many sets */
export function expandGroups(sql: string, items: readonly GroupItem[]): GroupList {
  const expansion = new Expansion(sql);
  const sets = items.reduce<Sets>((made, item) => expansion.multiply(made, expansion.setsOf(item), item), [[]]);
  const isPlain = items.every((item) => item.kind !== 'grouping_sets' && item.kind !== 'empty_group');
  return { nodes: expansion.nodes, sets: isPlain ? undefined : sets };
}

/** Sets of places. */
type Sets = readonly (readonly number[])[];

/** The distinct expressions met so far, and what items make of their places. */
class Expansion {
  readonly nodes: ExprNode[] = [];
  readonly #sql: string;
  readonly #places = new Map<string, number>();

  constructor(sql: string) {
    this.#sql = sql;
  }

  /** The sets that one item makes. */
  setsOf(item: GroupItem): Sets {
    if (item.kind !== 'grouping_sets') return [this.#step(item)];
    switch (item.form) {
      case 'sets':
        return item.items.reduce<Sets>((made, inner) => this.#checked([...made, ...this.setsOf(inner)], item), []);
      case 'rollup': {
        const steps = this.#checked(
          item.items.map((inner) => this.#step(inner)),
          item,
        );
        return this.#checked([...steps.map((_, i) => steps.slice(0, steps.length - i).flat()), []], item);
      }
      case 'cube':
        // With the step and without it, in DuckDB's order.
        return item.items.reduce<Sets>((made, inner) => this.multiply(made, [this.#step(inner), []], item), [[]]);
    }
  }

  /** Each set of one together with each of the other. @throws `limit_exceeded` */
  multiply(sets: Sets, others: Sets, item: GroupItem): Sets {
    const made = sets.flatMap((set) => others.map((other) => [...new Set([...set, ...other])]));
    return this.#checked(made, item);
  }

  /** Columns of one step: `(a, b)` is one of two, anything else of one. */
  #step(item: GroupItem): readonly number[] {
    if (item.kind === 'empty_group' || item.kind === 'grouping_sets') return [];
    return item.kind === 'row' ? item.items.map((node) => this.#placeOf(node)) : [this.#placeOf(item)];
  }

  #placeOf(node: ExprNode): number {
    const key = printExpression(node);
    const known = this.#places.get(key);
    if (known !== undefined) return known;
    const place = this.nodes.push(node) - 1;
    this.#places.set(key, place);
    return place;
  }

  #checked(sets: Sets, item: GroupItem): Sets {
    if (sets.length <= GROUPING_SETS_MAX) return sets;
    const message = `GROUP BY makes more than ${GROUPING_SETS_MAX.toString()} grouping sets`;
    throw sqlError('limit_exceeded', this.#sql, item.span, message, 'write the ones that are needed');
  }
}

/** What an aggregate operator is made of. */
export interface Grouping {
  readonly groups: readonly Expr[];
  readonly calls: readonly AggregateCall[];
  /** For each call of GROUPING, by its place among the calls: the groups that it asks about. */
  readonly marks: ReadonlyMap<number, readonly number[]>;
  /** What the groups are called. */
  readonly names: readonly Pick<Field, 'name' | 'metadata'>[];
  readonly sets: readonly (readonly number[])[] | undefined;
}

/** The aggregate of `input`, for each of the sets. */
export function aggregateOver(shared: SharedPlans, input: LogicalPlan, grouping: Grouping): LogicalPlan {
  const { groups, marks } = grouping;
  const sets = grouping.sets ?? [[...groups.keys()]];
  const [only] = sets;
  const isAll = sets.length === 1 && only?.length === groups.length;
  if (isAll) {
    const all = [...groups.keys()];
    const plan = aggregateOf(input, grouping, all);
    return marks.size === 0 ? plan : widen(plan, grouping, all);
  }
  // What reads columns of the query around it means other rows for each of that one's, and cannot be shared.
  const id = hasOuter(input) ? undefined : shared.add(input);
  const read = (): LogicalPlan => (id === undefined ? input : shared.read(id));
  const inputs = sets.map((set) => widen(aggregateOf(read(), grouping, set), grouping, set));
  const isSure = (place: number): boolean => sets.every((set) => set.includes(place));
  const schema = schemaOf(grouping, [...groups.keys()], isSure);
  return { kind: 'union', schema, inputs };
}

function schemaOf(
  { groups, calls, names }: Grouping,
  set: readonly number[],
  isSure: (place: number) => boolean,
): Schema {
  const fields = set.map((place): Field => {
    const group = groups[place] as Expr;
    const { name, metadata } = names[place] ?? { name: '', metadata: [] };
    return { name, type: group.type, nullable: group.nullable || !isSure(place), metadata };
  });
  for (const { name, type, nullable } of calls) fields.push({ name, type, nullable, metadata: [] });
  return { fields, metadata: [] };
}

function aggregateOf(input: LogicalPlan, grouping: Grouping, set: readonly number[]): LogicalPlan {
  const calls = grouping.calls.filter((_, i) => !grouping.marks.has(i));
  const schema = schemaOf({ ...grouping, calls }, set, () => true);
  const groups = set.map((place) => grouping.groups[place] as Expr);
  return { kind: 'aggregate', schema, input, groups, aggregates: calls };
}

/** What GROUPING answers for the rows of a set: a bit for each group asked about, 1 where the set has it not. */
function markOf(asked: readonly number[], set: readonly number[]): bigint {
  return asked.reduce((bits, place) => bits * 2n + (set.includes(place) ? 0n : 1n), 0n);
}

/** The aggregate of one set with all groups, and with what GROUPING answers. */
function widen(input: LogicalPlan, grouping: Grouping, set: readonly number[]): LogicalPlan {
  const span = { start: 0, end: 0 };
  const { fields } = input.schema;
  const exprs = grouping.groups.map(({ type }, place): Expr => {
    const at = set.indexOf(place);
    if (at < 0) return { kind: 'literal', value: null, type, nullable: true, span };
    return columnOf(at, fields[at] as Field, span);
  });
  let at = set.length;
  grouping.calls.forEach(({ type }, i) => {
    const asked = grouping.marks.get(i);
    if (asked === undefined) exprs.push(columnOf(at, fields[at++] as Field, span));
    else exprs.push({ kind: 'literal', value: markOf(asked, set), type, nullable: false, span });
  });
  const schema = schemaOf(grouping, [...grouping.groups.keys()], (place) => set.includes(place));
  return { kind: 'project', schema, input, exprs };
}

/**
 * Turns expressions over the table into ones over the aggregate's output, whose groups are `groups`; `sets` are the
 * places of those that each of GROUPING SETS has.
 */
export function groupRewriter(
  sql: string,
  subqueries: SubqueryList,
  groups: readonly Expr[],
  sets: readonly (readonly number[])[] | undefined,
): (expr: Expr) => Expr {
  const groupCount = groups.length;
  const places = new Map(groups.map((group, i) => [exprKey(group), i] as const).reverse());
  // A group that not every grouping set has is NULL in the others.
  const isSure = (place: number): boolean => sets?.every((set) => set.includes(place)) !== false;
  const output = (expr: Expr, index: number): Expr => {
    const name = expr.kind === 'column' ? expr.name : '';
    const nullable = expr.nullable || (index < groupCount && !isSure(index));
    return { kind: 'column', index, name, type: expr.type, nullable, span: expr.span };
  };
  const rewrite = (expr: Expr): Expr => {
    if (expr.kind === 'column' && expr.index <= WINDOWS_FROM) return expr;
    if (expr.kind === 'column' && expr.index < 0) return output(expr, groupCount - 1 - expr.index);
    // A constant is itself in every group, but NULL in the sets that lack it.
    if (expr.kind !== 'literal' || sets !== undefined) {
      const place = places.get(exprKey(expr));
      if (place !== undefined) return output(expr, place);
    }
    switch (expr.kind) {
      case 'literal':
      case 'outer':
        return expr;
      case 'pending':
        return subqueries.rewritten(expr, rewrite);
      case 'column': {
        const remedy = 'add it there, or aggregate it, for example with min()';
        const message = `column ${quoteText(expr.name)} is neither in GROUP BY nor in an aggregate`;
        throw sqlError('sql_bind', sql, expr.span, message, remedy);
      }
      case 'cast':
        return { ...expr, operand: rewrite(expr.operand) };
      case 'call':
        return { ...expr, args: expr.args.map(rewrite) };
    }
  };
  return rewrite;
}
