/**
 * Which plans are worth sharing: those that several places read, and that cost more than reading a table again.
 *
 * Hides counting. Invariants: a shared plan that one place reads, or that is cheap, stands in that place itself; a
 * shared plan reads only ones with lower numbers; no two recursions have one number.
 */
import { present } from '../base/assert.ts';
import { hasVolatile } from './expr-walk.ts';
import type { LogicalPlan, LogicalQuery } from './logical.ts';
import { inputsOf, mapPlan, pickColumns } from './logical.ts';

/** The query with those shared plans put in place that need not be shared. */
export function inlineShared(query: LogicalQuery): LogicalQuery {
  if (query.shared.size === 0) return { ...query, plan: new Recursions(0).renumbered(query.plan) };
  const readers = new Map<number, number>();
  const kept = new Map<number, LogicalPlan>();
  const ids = [...query.shared.keys()].sort((a, b) => b - a);
  // A plan is read by the query itself and by those after it, so that going back each one's readers are known.
  countReaders(query.plan, readers);
  for (const id of ids) {
    if ((readers.get(id) ?? 0) === 0) continue;
    const plan = present(query.shared.get(id), 'a shared plan');
    if ((readers.get(id) ?? 0) > 1 && !isCheap(plan)) kept.set(id, plan);
    for (let i = 0; i < (kept.has(id) ? 1 : (readers.get(id) ?? 0)); i++) countReaders(plan, readers);
  }
  const inlined = new Map<number, LogicalPlan>();
  const place = (plan: LogicalPlan): LogicalPlan => {
    return mapPlan(plan, (operator) => {
      if (operator.kind !== 'shared' || kept.has(operator.id)) return operator;
      return pickIfFewer(present(inlined.get(operator.id), 'a shared plan'), operator.columns);
    });
  };
  const shared = new Map<number, LogicalPlan>();
  for (const id of ids.reverse()) {
    const plan = query.shared.get(id);
    if (plan === undefined || (readers.get(id) ?? 0) === 0) continue;
    const placed = place(plan);
    if (kept.has(id)) shared.set(id, placed);
    else inlined.set(id, placed);
  }
  const recursions = new Recursions(ids.at(-1) ?? 0);
  for (const [id, plan] of shared) shared.set(id, recursions.renumbered(plan));
  return { plan: recursions.renumbered(place(query.plan)), shared };
}

/** The recursions of a query: a copy of one has rounds of its own, and so another number. */
class Recursions {
  readonly #taken = new Set<number>();
  #last: number;

  /** `last`: no shared plan has a number above it. */
  constructor(last: number) {
    this.#last = last;
  }

  renumbered(plan: LogicalPlan): LogicalPlan {
    return mapPlan(plan, (operator) => {
      if (operator.kind !== 'recursive') return operator;
      const { id } = operator;
      this.#last = Math.max(this.#last, id);
      if (!this.#taken.has(id)) {
        this.#taken.add(id);
        return operator;
      }
      const other = ++this.#last;
      this.#taken.add(other);
      const step = mapPlan(operator.step, (inner) => {
        return inner.kind === 'working' && inner.id === id ? { ...inner, id: other } : inner;
      });
      return { ...operator, id: other, step };
    });
  }
}

function pickIfFewer(plan: LogicalPlan, columns: readonly number[]): LogicalPlan {
  const isWhole = columns.length === plan.schema.fields.length && columns.every((column, i) => column === i);
  return isWhole ? plan : pickColumns(plan, columns);
}

function countReaders(plan: LogicalPlan, readers: Map<number, number>): void {
  if (plan.kind === 'shared') readers.set(plan.id, (readers.get(plan.id) ?? 0) + 1);
  for (const input of inputsOf(plan)) countReaders(input, readers);
}

/** Whether reading the plan anew gives the same rows and costs little more than reading them from memory. */
function isCheap(plan: LogicalPlan): boolean {
  switch (plan.kind) {
    case 'scan':
    case 'values':
    case 'shared':
    case 'working':
      return true;
    case 'filter':
      return isCheap(plan.input) && !hasVolatile(plan.condition);
    case 'project':
      return isCheap(plan.input) && !plan.exprs.some(hasVolatile);
    default:
      return false;
  }
}
