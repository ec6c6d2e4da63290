/**
 * Decorrelation: a query that reads columns of the rows around it becomes one that is run once, for all their values.
 *
 * Method: the domain, the distinct values of those columns, is joined to the query's leaves and carried through its
 * operators, so that each row says which values it belongs to. Invariants: the result has the query's columns and then
 * the domain's; for each row of the domain it has the rows that the query would yield for it.
 * Source: Neumann and Kemper, "Unnesting Arbitrary Queries" (BTW 2015).
 */
import type { Field, Schema } from '../arrow/schema.ts';
import { EngineError } from '../base/errors.ts';
import type { Span } from '../base/errors.ts';
import type { SharedPlans } from './binding.ts';
import { makeCall } from './coerce.ts';
import type { AggregateCall, Expr, JoinKey } from './expr.ts';
import { columnOf, hasLeaf, mapLeaves, mapWindow, shiftColumns } from './expr-walk.ts';
import type { JoinPlan, LogicalPlan } from './logical.ts';
import {
  forEachExpr,
  inputsOf,
  makeFilter,
  makeJoin,
  makeUnnest,
  makeWindow,
  mapExprs,
  mapInputs,
  pickColumns,
} from './logical.ts';
import { rowsNumbered } from './numbered.ts';

const NOWHERE: Span = { start: 0, end: 0 };
type OuterColumn = Extract<Expr, { kind: 'outer' }>;

const known = new WeakMap<LogicalPlan, boolean>();

/** True when the plan reads columns of the query around it. */
export function hasOuter(plan: LogicalPlan): boolean {
  let found = known.get(plan);
  if (found === undefined) {
    found = readsOuter(plan) || inputsOf(plan).some(hasOuter);
    known.set(plan, found);
  }
  return found;
}

/** True when an expression of the operator's own reads columns of the query around it. */
function readsOuter(plan: LogicalPlan): boolean {
  let found = false;
  forEachExpr(plan, (expr) => {
    found ||= hasLeaf(expr, 'outer');
  });
  return found;
}

/** The expression with outer columns read from the domain, which begins at column `start`. */
function bindOuter(expr: Expr, start: number): Expr {
  return mapLeaves(expr, (leaf) => {
    return leaf.kind === 'outer' ? { ...leaf, kind: 'column', index: start + leaf.index } : leaf;
  });
}

/** Runs `plan` for every row of `domain`, whose columns are the outer ones in order. */
export function decorrelate(plan: LogicalPlan, domain: LogicalPlan, shared: SharedPlans): LogicalPlan {
  return new Decorrelation(domain, shared).push(plan);
}

class Decorrelation {
  readonly #domain: LogicalPlan;
  readonly #fields: readonly Field[];
  readonly #shared: SharedPlans;
  /** Recursions whose rows are the domain's: what reads the rows of their last round depends on it, too. */
  readonly #recursions = new Set<number>();

  constructor(domain: LogicalPlan, shared: SharedPlans) {
    this.#domain = domain;
    this.#fields = domain.schema.fields;
    this.#shared = shared;
  }

  #depends(plan: LogicalPlan): boolean {
    return hasOuter(plan) || (this.#recursions.size > 0 && this.#readsRound(plan));
  }

  #readsRound(plan: LogicalPlan): boolean {
    if (plan.kind === 'working') return this.#recursions.has(plan.id);
    if (plan.kind === 'shared') return this.#readsRound(this.#shared.at(plan.id));
    return inputsOf(plan).some((input) => this.#readsRound(input));
  }

  push(plan: LogicalPlan): LogicalPlan {
    if (!this.#depends(plan))
      return makeJoin({ join: 'inner', left: plan, right: this.#domain, keys: [], condition: undefined });
    switch (plan.kind) {
      case 'filter': {
        const input = this.push(plan.input);
        return makeFilter(input, bindOuter(plan.condition, plan.input.schema.fields.length));
      }
      case 'project': {
        const input = this.push(plan.input);
        const start = plan.input.schema.fields.length;
        const exprs = [...plan.exprs.map((expr) => bindOuter(expr, start)), ...this.#domainColumns(start)];
        return { kind: 'project', schema: this.#append(plan.schema), input, exprs };
      }
      case 'unnest':
        return this.#pushUnnest(plan);
      case 'aggregate':
        return this.#pushAggregate(plan);
      case 'distinct': {
        const input = this.push(plan.input);
        return { kind: 'distinct', schema: input.schema, input };
      }
      case 'sort': {
        const input = this.push(plan.input);
        const start = plan.input.schema.fields.length;
        const keys = plan.keys.map((key) => ({ ...key, expr: bindOuter(key.expr, start) }));
        return { ...plan, schema: input.schema, input, keys };
      }
      case 'window': {
        const width = plan.input.schema.fields.length;
        const input = this.push(plan.input);
        const domain = this.#domainColumns(width);
        const calls = plan.calls.map((call) => {
          const bound = mapWindow(call, (expr) => bindOuter(expr, width));
          return { ...bound, partitions: [...bound.partitions, ...domain] };
        });
        const results = plan.calls.map((_, i) => width + domain.length + i);
        const own = [...Array.from({ length: width }, (_, i) => i), ...results];
        return pickColumns(makeWindow(input, calls), [...own, ...domain.map((_, i) => width + i)]);
      }
      case 'join':
        return this.#pushJoin(plan);
      case 'union':
        return { ...plan, schema: this.#append(plan.schema), inputs: plan.inputs.map((input) => this.push(input)) };
      case 'limit': {
        if (plan.counts !== undefined) {
          const message = 'a limit that a query says, in one that reads the rows around it, is not supported yet';
          throw new EngineError('sql_unsupported', message);
        }
        // Rows are numbered for each row of the domain, in the order in which they come.
        const input = this.push(plan.input);
        const width = plan.input.schema.fields.length;
        const by = this.#fields.map((_, i) => width + i);
        const upTo = plan.limit === undefined ? undefined : plan.limit + plan.offset;
        return rowsNumbered('', input, by, [], plan.offset, upTo);
      }
      case 'recursive': {
        this.#recursions.add(plan.id);
        const [base, step] = [this.push(plan.base), this.push(plan.step)];
        return { ...plan, schema: this.#append(plan.schema), base, step };
      }
      case 'working':
        return { ...plan, schema: this.#append(plan.schema) };
      case 'shared':
        return this.push(pickColumns(this.#shared.at(plan.id), plan.columns));
      case 'scan':
      case 'values':
        throw new TypeError(`decorrelate: ${plan.kind} reads no outer columns`);
    }
  }

  #append(schema: Schema): Schema {
    return { fields: [...schema.fields, ...this.#fields], metadata: [] };
  }

  /** References to the domain's columns, which begin at `start`. */
  #domainColumns(start: number): Expr[] {
    return this.#fields.map((field, i) => columnOf(start + i, field, NOWHERE));
  }

  /** Keys that join rows of the same domain row, whose columns begin at `left` and `right`. */
  #domainKeys(left: number, right: number): JoinKey[] {
    return this.#fields.map((field, i) => {
      const key = columnOf(left + i, field, NOWHERE);
      return { left: key, right: columnOf(right + i, field, NOWHERE), nullsEqual: true };
    });
  }

  #pushUnnest(plan: Extract<LogicalPlan, { kind: 'unnest' }>): LogicalPlan {
    const input = this.push(plan.input);
    const own = plan.input.schema.fields.length;
    const lists = plan.lists.map((expr) => bindOuter(expr, own));
    const kept = plan.columns.length;
    const width = this.#fields.length;
    const columns = [...plan.columns, ...this.#fields.map((_, i) => own + i)];
    const unnest = makeUnnest({ ...plan, input, columns, lists }, plan.schema.fields.slice(kept));
    const results = [...plan.schema.fields.keys()].map((i) => (i < kept ? i : i + width));
    return pickColumns(unnest, [...results, ...this.#fields.map((_, i) => kept + i)]);
  }

  #pushAggregate(plan: Extract<LogicalPlan, { kind: 'aggregate' }>): LogicalPlan {
    const input = this.push(plan.input);
    const start = plan.input.schema.fields.length;
    const bound = mapExprs(plan, (expr) => bindOuter(expr, start)) as typeof plan;
    const groups = [...bound.groups, ...this.#domainColumns(start)];
    const [own, count] = [plan.groups.length, plan.schema.fields.length];
    const { fields } = plan.schema;
    const schema = { fields: [...fields.slice(0, own), ...this.#fields, ...fields.slice(own)], metadata: [] };
    const grouped: LogicalPlan = { kind: 'aggregate', schema, input, groups, aggregates: bound.aggregates };
    const width = this.#fields.length;
    if (own > 0) {
      const results = fields.map((_, i) => (i < own ? i : i + width));
      return pickColumns(grouped, [...results, ...this.#fields.map((_, i) => own + i)]);
    }
    // Without groups there is a row for each row of the domain, also where there was nothing to aggregate.
    const keys = this.#domainKeys(0, 0);
    const join = makeJoin({ join: 'left', left: this.#domain, right: grouped, keys, condition: undefined });
    const exprs = bound.aggregates.map((call, i) =>
      ofNothing(call, columnOf(2 * width + i, { ...(fields[i] as Field), nullable: true }, NOWHERE)),
    );
    const results = exprs.map((expr, i): Field => ({ ...(fields[i] as Field), nullable: expr.nullable }));
    return {
      kind: 'project',
      schema: { fields: [...results.slice(0, count), ...this.#fields], metadata: [] },
      input: join,
      exprs: [...exprs, ...this.#domainColumns(0)],
    };
  }

  #pushJoin(plan: JoinPlan): LogicalPlan {
    const [l, r] = [plan.left.schema.fields.length, plan.right.schema.fields.length];
    const width = this.#fields.length;
    const own = readsOuter(plan);
    const keepsRight = plan.join !== 'semi' && plan.join !== 'anti' && plan.join !== 'mark';
    const isInner = plan.join === 'inner';
    if (isInner && !own && !this.#depends(plan.left)) {
      return makeJoin({ ...plan, right: this.push(plan.right) });
    }
    const left = this.push(plan.left);
    // The domain is between the columns of the two sides now, and conditions read it there.
    const moved = (expr: Expr): Expr =>
      mapLeaves(expr, (leaf) => {
        if (leaf.kind === 'outer') return { ...leaf, kind: 'column', index: l + leaf.index };
        return leaf.kind === 'column' && leaf.index >= l ? { ...leaf, index: leaf.index + width } : leaf;
      });
    const condition = plan.condition === undefined ? undefined : moved(plan.condition);
    const needsBoth =
      this.#depends(plan.right) ||
      plan.join === 'right' ||
      plan.join === 'full' ||
      plan.keys.some((key) => hasLeaf(key.right, 'outer'));
    const right = needsBoth ? this.push(plan.right) : plan.right;
    const bound = plan.keys.map((key): JoinKey => ({
      ...key,
      left: bindOuter(key.left, l),
      right: bindOuter(key.right, r),
    }));
    // The last key of a null-aware join is what NULL is about.
    const keys = needsBoth ? [...this.#domainKeys(l, r), ...bound] : bound;
    const join = makeJoin({ ...plan, left, right, keys, condition });
    if (!keepsRight) {
      const results = Array.from({ length: join.schema.fields.length - width }, (_, i) => (i < l ? i : i + width));
      return pickColumns(join, [...results, ...this.#fields.map((_, i) => l + i)]);
    }
    const results = plan.schema.fields.map((_, i) => (i < l ? i : i + width));
    const domainAt = plan.join === 'right' ? l + width + r : l;
    const picked = pickColumns(join, [...results, ...this.#fields.map((_, i) => domainAt + i)]);
    return plan.join === 'full' ? this.#mergeDomain(picked, join, l, r) : picked;
  }

  /** Of a full join, whose rows have the domain's values on one side or the other. */
  #mergeDomain(picked: LogicalPlan, join: JoinPlan, l: number, r: number): LogicalPlan {
    if (picked.kind !== 'project') return picked;
    const width = this.#fields.length;
    const merged = this.#fields.map((field, i) => {
      const sides = [l + i, l + width + r + i].map((at) => columnOf(at, join.schema.fields[at] as Field, NOWHERE));
      return { ...makeCall('', 'coalesce', sides, NOWHERE), nullable: field.nullable };
    });
    const exprs = [...picked.exprs.slice(0, l + r), ...merged];
    return { ...picked, exprs, schema: this.#append({ fields: picked.schema.fields.slice(0, l + r), metadata: [] }) };
  }
}

/** What an aggregate of no rows yields: nothing but NULL, or 0 of those that count. */
function ofNothing(call: AggregateCall, column: Expr): Expr {
  if (call.nullable) return column;
  const zero: Expr = { kind: 'literal', value: 0n, type: call.type, nullable: false, span: NOWHERE };
  return makeCall('', 'coalesce', [column, zero], NOWHERE);
}

/** What a subquery asks of its rows beside being there: conditions that read columns of the query around it. */
export interface Pulled {
  /** The subquery without those conditions; columns that they read may stand behind its own. */
  readonly plan: LogicalPlan;
  /** Over the plan's columns and the outer ones. */
  readonly conditions: readonly Expr[];
}

/**
 * Takes the conditions that read outer columns out of a query whose other parts read none; undefined where that
 * cannot be done. The order of its rows is lost.
 */
export function pullConditions(plan: LogicalPlan, conjunctsOf: (expr: Expr) => readonly Expr[]): Pulled | undefined {
  if (!hasOuter(plan)) return { plan, conditions: [] };
  if (plan.kind === 'sort' && plan.limit === undefined) return pullConditions(plan.input, conjunctsOf);
  if (plan.kind === 'filter') {
    const inner = pullConditions(plan.input, conjunctsOf);
    if (inner === undefined) return undefined;
    const conjuncts = conjunctsOf(plan.condition);
    const open = conjuncts.filter((conjunct) => hasLeaf(conjunct, 'outer'));
    const rest = conjuncts.filter((conjunct) => !hasLeaf(conjunct, 'outer'));
    const filtered = rest.reduce((input, conjunct) => makeFilter(input, conjunct), inner.plan);
    return { plan: filtered, conditions: [...inner.conditions, ...open] };
  }
  if (plan.kind !== 'project' || readsOuter(plan)) return undefined;
  const inner = pullConditions(plan.input, conjunctsOf);
  if (inner === undefined) return undefined;
  // The projection keeps what the conditions read behind its own columns.
  const width = plan.exprs.length;
  const all = inner.plan.schema.fields;
  const schema = { fields: [...plan.schema.fields, ...all], metadata: [] };
  const exprs = [...plan.exprs, ...all.map((field, i) => columnOf(i, field, NOWHERE))];
  const conditions = inner.conditions.map((condition) => shiftColumns(condition, (index) => width + index));
  return { plan: { kind: 'project', schema, input: inner.plan, exprs }, conditions };
}

/** The plan with its outer columns replaced by `exprs`, which are over the rows further out. */
export function substituteOuter(plan: LogicalPlan, exprs: readonly Expr[]): LogicalPlan {
  return mapOuter(plan, (leaf) => exprs[leaf.index] ?? leaf);
}

/** The plan with each of its outer columns rewritten. */
export function mapOuter(plan: LogicalPlan, rewrite: (leaf: OuterColumn) => Expr): LogicalPlan {
  if (!hasOuter(plan)) return plan;
  const replaced = mapExprs(plan, (expr) =>
    mapLeaves(expr, (leaf) => (leaf.kind === 'outer' ? { ...rewrite(leaf), span: leaf.span } : leaf)),
  );
  return mapInputs(replaced, (input) => mapOuter(input, rewrite));
}
