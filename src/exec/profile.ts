/**
 * What each operator of one run did: rows, batches, time, memory; for EXPLAIN ANALYZE.
 *
 * Hides how time is told apart. Invariants: an operator has one entry however often it is opened; time is that of a
 * clock on the wall, waiting included; an operator's own time is what is left when that of the inputs it pulled is
 * taken away. Operators of a run pull one input at a time, which is what makes that right.
 */
import type { OperatorFigures, PlanFigures } from '../plan/explain-figures.ts';
import type { PhysicalPlan } from '../plan/physical.ts';
import type { RunContext } from './operator.ts';

interface Figures extends OperatorFigures {
  heldBytes: number;
  peakBytes: number;
  leftOutCount?: number;
  rowCount: number;
  batchCount: number;
  totalMs: number;
  selfMs: number;
}

/** Figures of one run, while it runs. */
export class Profile {
  readonly #figures = new Map<PhysicalPlan, Figures>();
  /** Time of inputs that the operators which now pull have spent, outermost first. */
  readonly #spent: number[] = [];

  get figures(): PlanFigures {
    return this.#figures;
  }

  #of(plan: PhysicalPlan): Figures {
    let figures = this.#figures.get(plan);
    if (figures === undefined) {
      figures = { rowCount: 0, batchCount: 0, totalMs: 0, selfMs: 0, heldBytes: 0, peakBytes: 0 };
      this.#figures.set(plan, figures);
    }
    return figures;
  }

  /** The run as the operator of `plan` sees it: what it holds is counted as its own. */
  contextOf(plan: PhysicalPlan, context: RunContext): RunContext {
    return { ...context, memory: context.memory.part(this.#of(plan)) };
  }

  /** Notes that `rowCount` rows were left out because `plan`'s operator had no use for them. */
  leaveOut(plan: PhysicalPlan, rowCount: number): void {
    const figures = this.#of(plan);
    figures.leftOutCount = (figures.leftOutCount ?? 0) + rowCount;
  }

  /** The batches of `plan`'s operator, counted. */
  async *watch<T extends { readonly rowCount: number }>(
    plan: PhysicalPlan,
    batches: AsyncGenerator<T, void, undefined>,
  ): AsyncGenerator<T, void, undefined> {
    const figures = this.#of(plan);
    try {
      for (;;) {
        const result = await this.#timed(figures, () => batches.next());
        if (result.done === true) return;
        figures.rowCount += result.value.rowCount;
        figures.batchCount++;
        yield result.value;
      }
    } finally {
      await batches.return();
    }
  }

  async #timed<T>(figures: Figures, work: () => Promise<T>): Promise<T> {
    const depth = this.#spent.push(0);
    const since = performance.now();
    try {
      return await work();
    } finally {
      const ms = performance.now() - since;
      const inputsMs = this.#spent[depth - 1] ?? 0;
      this.#spent.length = depth - 1;
      figures.totalMs += ms;
      figures.selfMs += ms - inputsMs;
      if (depth > 1) this.#spent[depth - 2] = (this.#spent[depth - 2] ?? 0) + ms;
    }
  }
}
