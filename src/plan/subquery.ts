/**
 * Queries within expressions, from binding until they become joins.
 *
 * Hides which join stands for which form. Invariants: an expression holds a subquery as a `pending` leaf with its place
 * in the list; joins add columns behind those of the input, so that other expressions over it keep their meaning.
 */
import type { Field } from '../arrow/schema.ts';
import type { Span } from '../base/errors.ts';
import { present } from '../base/assert.ts';
import type { SharedPlans } from './binding.ts';
import { makeCall, makeComparison } from './coerce.ts';
import { decorrelate, hasOuter, pullConditions } from './decorrelate.ts';
import type { Expr, JoinKey } from './expr.ts';
import { columnOf, conjunctionOf, conjunctsOf, hasLeaf, mapLeaves, shiftColumns } from './expr-walk.ts';
import { splitCondition } from './join-condition.ts';
import type { LogicalPlan } from './logical.ts';
import { makeFilter, makeJoin } from './logical.ts';

/** A bound subquery. Its plan reads the columns `outer` of the rows around it. */
export interface Subquery {
  /** One value; whether there is a row; whether a comparison with some row is true. */
  readonly form: 'scalar' | 'exists' | 'any';
  readonly plan: LogicalPlan;
  /** Over the rows around, as are `operands`. */
  readonly outer: readonly Expr[];
  /** What `any` compares with the plan's columns, one each. */
  readonly operands: readonly Expr[];
  readonly operator: string;
  readonly span: Span;
}

type Pending = Extract<Expr, { kind: 'pending' }>;

/** The subqueries of a query. */
export class SubqueryList {
  readonly #sql: string;
  readonly #shared: SharedPlans;
  readonly #entries: Subquery[] = [];

  constructor(sql: string, shared: SharedPlans) {
    this.#sql = sql;
    this.#shared = shared;
  }

  /** Takes one in; answers what stands for its value. */
  add(entry: Subquery): Pending {
    const place = this.#entries.push(entry) - 1;
    const field = entry.plan.schema.fields[0];
    const { span } = entry;
    if (entry.form === 'scalar' && field !== undefined) {
      return { kind: 'pending', place, type: field.type, nullable: true, span };
    }
    return { kind: 'pending', place, type: { id: 'bool' }, nullable: entry.form === 'any', span };
  }

  /** The same subquery for other rows around it. */
  rewritten(pending: Pending, rewrite: (expr: Expr) => Expr): Pending {
    const entry = this.#at(pending);
    return this.add({ ...entry, outer: entry.outer.map(rewrite), operands: entry.operands.map(rewrite) });
  }

  /** What a subquery reads of the rows around it. */
  reads(pending: Pending): readonly Expr[] {
    const { outer, operands } = this.#at(pending);
    return [...outer, ...operands];
  }

  #at(pending: Pending): Subquery {
    return present(this.#entries[pending.place], 'a subquery');
  }

  /** Rows of `input` for which `condition` is true, under the schema that joins leave; its columns come first. */
  filter(input: LogicalPlan, condition: Expr): LogicalPlan {
    const conjuncts = conjunctsOf(condition);
    const plain = conjunctionOf(conjuncts.filter((conjunct) => !hasLeaf(conjunct, 'pending')));
    let plan = plain === undefined ? input : makeFilter(input, plain);
    for (const conjunct of conjuncts) {
      if (!hasLeaf(conjunct, 'pending')) continue;
      const chosen = this.#choose(plan, conjunct);
      if (chosen !== undefined) {
        plan = chosen;
        continue;
      }
      const placed = this.place(plan, [conjunct]);
      plan = makeFilter(placed.plan, placed.exprs[0] as Expr);
    }
    return plan;
  }

  /** A conjunct that is nothing but EXISTS or IN, or NOT EXISTS, chooses rows by a semi or anti join. */
  #choose(input: LogicalPlan, conjunct: Expr): LogicalPlan | undefined {
    const negated = conjunct.kind === 'call' && conjunct.name === 'not';
    const leaf = negated ? conjunct.args[0] : conjunct;
    if (leaf?.kind !== 'pending') return undefined;
    const entry = this.#at(leaf);
    // NOT IN is not true beside NULL, which an anti join does not know.
    if (entry.form === 'scalar' || (negated && entry.form === 'any')) return undefined;
    if (entry.operands.some((operand) => hasLeaf(operand, 'pending'))) return undefined;
    const { input: left, plan, conditions } = this.#open(input, entry);
    const all = [...conditions, ...comparisons(this.#sql, entry, input.schema.fields.length)];
    const { keys, condition } = splitCondition(all, input.schema.fields.length);
    return makeJoin({ join: negated ? 'anti' : 'semi', left, right: plan, keys, condition });
  }

  /** `exprs` over rows of `input`, their subqueries joined to it. */
  place(input: LogicalPlan, exprs: readonly Expr[]): { readonly plan: LogicalPlan; readonly exprs: readonly Expr[] } {
    let plan = input;
    const places = new Map<number, Expr>();
    const place = (expr: Expr): Expr =>
      mapLeaves(expr, (leaf) => {
        if (leaf.kind !== 'pending') return leaf;
        let value = places.get(leaf.place);
        if (value === undefined) {
          const entry = this.#at(leaf);
          const operands = entry.operands.map(place);
          const column = plan.schema.fields.length;
          plan = this.#join(plan, { ...entry, operands });
          const field = present(plan.schema.fields[column], 'the column of a subquery');
          value = columnOf(column, field, leaf.span);
          places.set(leaf.place, value);
        }
        return value;
      });
    const placed = exprs.map(place);
    return { plan, exprs: placed };
  }

  /** The input with the subquery's value behind its columns. */
  #join(input: LogicalPlan, entry: Subquery): LogicalPlan {
    const width = input.schema.fields.length;
    if (entry.form === 'scalar') {
      const { input: left, plan, conditions } = openDependent(this.#sql, this.#shared, entry, input);
      const { keys, condition } = splitCondition(conditions, width);
      return makeJoin({ join: 'single', left, right: plan, keys, condition });
    }
    if (entry.form === 'exists') {
      const { input: left, plan, conditions } = this.#open(input, entry);
      const { keys, condition } = splitCondition(conditions, width);
      return makeJoin({ join: 'mark', left, right: plan, keys, condition });
    }
    const { input: left, plan, conditions } = openDependent(this.#sql, this.#shared, entry, input);
    const compared = comparisons(this.#sql, entry, width);
    // What is no key compares columns further out: decorrelating the query around makes keys of those, on both sides.
    const domain = splitCondition(conditions, width);
    const own = splitCondition(compared, width);
    const [key] = own.keys;
    if (own.keys.length === 1 && own.condition === undefined && key !== undefined) {
      const keys: JoinKey[] = [...domain.keys, key];
      return makeJoin({ join: 'mark', left, right: plan, keys, condition: undefined, nullAware: true });
    }
    const condition = conjunctionOf(compared);
    return makeJoin({ join: 'mark', left, right: plan, keys: domain.keys, condition, nullAware: true });
  }

  /** The subquery's rows, and the conditions, over both sides, under which they belong to a row around. */
  #open(input: LogicalPlan, entry: Subquery): Opened {
    const pulled = pullConditions(entry.plan, conjunctsOf);
    if (pulled === undefined) return openDependent(this.#sql, this.#shared, entry, input);
    const width = input.schema.fields.length;
    const conditions = pulled.conditions.map((condition) =>
      mapLeaves(condition, (leaf) => {
        if (leaf.kind === 'outer') return present(entry.outer[leaf.index], 'an outer column');
        return leaf.kind === 'column' ? { ...leaf, index: leaf.index + width } : leaf;
      }),
    );
    return { input, plan: pulled.plan, conditions };
  }
}

/** A subquery beside the rows around it. */
interface Opened {
  /** The rows around; where they are read twice, one more reader of them. */
  readonly input: LogicalPlan;
  /** The subquery's rows. */
  readonly plan: LogicalPlan;
  /** Over the columns around and then the plan's: when they belong together. */
  readonly conditions: readonly Expr[];
}

/**
 * Runs a subquery once for all values that the columns which it reads have in `input`; the values stand behind its own
 * columns.
 */
export function openDependent(
  sql: string,
  shared: SharedPlans,
  { plan, outer, span }: Pick<Subquery, 'plan' | 'outer' | 'span'>,
  input: LogicalPlan,
): Opened {
  if (!hasOuter(plan)) return { input, plan, conditions: [] };
  // Rows that depend on the query further out are made where they are needed: there is no one set of them.
  const id = hasOuter(input) ? undefined : shared.add(input);
  const rows = (): LogicalPlan => (id === undefined ? input : shared.read(id));
  const fields = outer.map((expr): Field => {
    const name = expr.kind === 'column' ? expr.name : '';
    return { name, type: expr.type, nullable: expr.nullable, metadata: [] };
  });
  const schema = { fields, metadata: [] };
  const values: LogicalPlan = { kind: 'project', schema, input: rows(), exprs: outer };
  const made = decorrelate(plan, { kind: 'distinct', schema, input: values }, shared);
  const width = plan.schema.fields.length;
  const conditions = outer.map((expr, i) => {
    const field = present(made.schema.fields[width + i], 'a column of the domain');
    const column = columnOf(input.schema.fields.length + width + i, field, span);
    return makeCall(sql, 'is_not_distinct_from', [expr, column], span);
  });
  return { input: rows(), plan: made, conditions };
}

/** The functions of operators that are no comparisons. */
export const QUANTIFIED_PATTERNS: Readonly<Record<string, string>> = {
  '~': 'regexp_matches',
  '!~': '!~',
  '~*': '~*',
  '!~*': '!~*',
};

/** What `any` asks, over the columns around, `width` of them, and then the subquery's. */
function comparisons(sql: string, entry: Subquery, width: number): readonly Expr[] {
  const { operator, operands, span } = entry;
  const pairs = operands.map((operand, i): readonly [Expr, Expr] => {
    const field = present(entry.plan.schema.fields[i], 'a column of a subquery');
    return [operand, shiftColumns(columnOf(i, field, span), (index) => index + width)];
  });
  const pattern = QUANTIFIED_PATTERNS[operator];
  if (pattern !== undefined) return pairs.map((pair) => makeCall(sql, pattern, pair, span));
  const each = (name: string): Expr[] => pairs.map(([a, b]) => makeComparison(sql, name, a, b, span));
  if (pairs.length === 1 || operator === '=') return each(operator);
  if (operator === '<>') return [makeCall(sql, 'or', each('<>'), span)];
  return [rowOrder(sql, operator, pairs, span)];
}

/** Rows are ordered by their first values that differ; as in DuckDB NULL comes last, and no such comparison is NULL. */
function rowOrder(sql: string, operator: string, pairs: readonly (readonly [Expr, Expr])[], span: Span): Expr {
  const call = (name: string, args: readonly Expr[]): Expr => makeCall(sql, name, args, span);
  const isSwapped = operator === '>' || operator === '<=';
  const before = pairs.reduceRight<Expr | undefined>((rest, pair) => {
    const [a, b] = isSwapped ? [pair[1], pair[0]] : pair;
    const beforeNull = call('and', [call('is_not_null', [a]), call('is_null', [b])]);
    const less = call('coalesce', [makeComparison(sql, '<', a, b, span), beforeNull]);
    if (rest === undefined) return less;
    return call('or', [less, call('and', [call('is_not_distinct_from', [a, b]), rest])]);
  }, undefined);
  const strict = present(before, 'a row of values');
  return operator === '<' || operator === '>' ? strict : call('not', [strict]);
}
