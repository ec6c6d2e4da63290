/**
 * Queries within expressions, from binding until they become joins.
 *
 * Hides which join stands for which form. Invariants: an expression holds a subquery as a `pending` leaf with its place
 * in the list; joins add columns behind those of the input, so that other expressions over it keep their meaning.
 */
import { EngineError } from '../base/errors.ts';
import type { Span } from '../base/errors.ts';
import { present } from '../base/assert.ts';
import { sqlError } from '../sql/frame.ts';
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
    const { plan, conditions } = this.#open(input, entry);
    const all = [...conditions, ...comparisons(this.#sql, entry, input.schema.fields.length)];
    const { keys, condition } = splitCondition(all, input.schema.fields.length);
    return makeJoin({ join: negated ? 'anti' : 'semi', left: input, right: plan, keys, condition });
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
      const { plan, conditions } = this.#domain(input, entry);
      const { keys, condition } = splitCondition(conditions, width);
      return makeJoin({ join: 'single', left: input, right: plan, keys, condition });
    }
    if (entry.form === 'exists') {
      const { plan, conditions } = this.#open(input, entry);
      const { keys, condition } = splitCondition(conditions, width);
      return makeJoin({ join: 'mark', left: input, right: plan, keys, condition });
    }
    const { plan, conditions } = this.#domain(input, entry);
    const compared = comparisons(this.#sql, entry, width);
    const domain = splitCondition(conditions, width);
    const own = splitCondition(compared, width);
    const [key] = own.keys;
    if (own.keys.length === 1 && own.condition === undefined && key !== undefined) {
      const keys: JoinKey[] = [...domain.keys, key];
      return makeJoin({ join: 'mark', left: input, right: plan, keys, condition: undefined, nullAware: true });
    }
    const condition = conjunctionOf(compared);
    return makeJoin({ join: 'mark', left: input, right: plan, keys: domain.keys, condition, nullAware: true });
  }

  /** The subquery's rows, and the conditions, over both sides, under which they belong to a row around. */
  #open(input: LogicalPlan, entry: Subquery): Opened {
    const pulled = pullConditions(entry.plan, conjunctsOf);
    if (pulled === undefined) return this.#domain(input, entry);
    const width = input.schema.fields.length;
    const conditions = pulled.conditions.map((condition) =>
      mapLeaves(condition, (leaf) => {
        if (leaf.kind === 'outer') return present(entry.outer[leaf.index], 'an outer column');
        return leaf.kind === 'column' ? { ...leaf, index: leaf.index + width } : leaf;
      }),
    );
    return { plan: pulled.plan, conditions };
  }

  /** The same by way of the values that the columns around have: the subquery is run for each of them once. */
  #domain(input: LogicalPlan, entry: Subquery): Opened {
    if (!hasOuter(entry.plan)) return { plan: entry.plan, conditions: [] };
    // Rows that depend on the query further out are made where they are needed: there is no one set of them.
    const rows = hasOuter(input) ? input : this.#shared.read(this.#shared.add(input));
    const made = dependent(this.#sql, entry, rows);
    const width = input.schema.fields.length;
    const start = width + entry.plan.schema.fields.length;
    const conditions = entry.outer.map((outer, i) => {
      const column = columnOf(start + i, made.schema.fields[start - width + i] ?? emptyField(), entry.span);
      return makeCall(this.#sql, 'is_not_distinct_from', [outer, column], entry.span);
    });
    return { plan: made, conditions };
  }
}

function emptyField(): { readonly name: string; readonly type: { readonly id: 'null' }; readonly nullable: true } {
  return { name: '', type: { id: 'null' }, nullable: true };
}

interface Opened {
  readonly plan: LogicalPlan;
  /** Over the columns around and then the plan's. */
  readonly conditions: readonly Expr[];
}

/** What a subquery yields for each of the distinct values that `outer` has in `rows`, which stand behind its columns. */
export function dependent(
  sql: string,
  { plan, outer, span }: Pick<Subquery, 'plan' | 'outer' | 'span'>,
  rows: LogicalPlan,
): LogicalPlan {
  const fields = outer.map((expr) => {
    const name = expr.kind === 'column' ? expr.name : '';
    return { name, type: expr.type, nullable: expr.nullable, metadata: [] };
  });
  const schema = { fields, metadata: [] };
  const values: LogicalPlan = { kind: 'project', schema, input: rows, exprs: outer };
  try {
    return decorrelate(plan, { kind: 'distinct', schema, input: values });
  } catch (error) {
    if (!(error instanceof EngineError) || error.code !== 'sql_unsupported') throw error;
    throw sqlError('sql_unsupported', sql, span, error.message);
  }
}

/** What `any` asks, over the columns around, `width` of them, and then the subquery's. */
function comparisons(sql: string, entry: Subquery, width: number): readonly Expr[] {
  return entry.operands.map((operand, i) => {
    const field = present(entry.plan.schema.fields[i], 'a column of a subquery');
    const column = shiftColumns(columnOf(i, field, entry.span), (index) => index + width);
    return makeComparison(sql, entry.operator, operand, column, entry.span);
  });
}
