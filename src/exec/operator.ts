/**
 * What operators share: the run's context, and the memory that it may hold.
 *
 * Hides nothing. Invariants: an operator is an async generator of batches; closing it (`return`) closes its input;
 * the signal is looked at, and others get their turn, before each batch; what an operator holds across batches is
 * charged to the budget.
 */
import { setImmediate as turn } from 'node:timers/promises';
import type { RecordBatch } from '../arrow/batch.ts';
import { formatBytes } from '../base/bytes.ts';
import { abortError, EngineError } from '../base/errors.ts';
import { QUERY_TURN_MS } from '../base/limits.ts';
import type { PhysicalPlan } from '../plan/physical.ts';
import type { CompileMode } from './compiled-pipeline.ts';
import type { RowFilters } from './key-filter.ts';
import type { Profile } from './profile.ts';
import type { LazyRows } from './rows.ts';

/** A stream of batches of one schema. */
export type Batches = AsyncGenerator<RecordBatch, void, undefined>;

/** A stream of rows of one schema, whose columns may not be gathered yet. */
export type RowStream = AsyncGenerator<LazyRows, void, undefined>;

/** The inputs of a join, opened when it is their turn, with what is known of the rows of interest. */
export interface JoinInputs {
  readonly left: (filters: RowFilters) => RowStream;
  readonly right: (filters: RowFilters) => RowStream;
}

/** Bytes that the operators of a query hold, and held at most. */
export interface MemoryUsage {
  heldBytes: number;
  peakBytes: number;
}

/** Bytes that the operators of one query may hold. */
export class MemoryBudget {
  readonly #max: number;
  readonly #usage: MemoryUsage;
  readonly #whole: MemoryBudget | undefined;

  /** Counts on in `usage`, so that others see it while the query runs. */
  constructor(max: number, usage: MemoryUsage = { heldBytes: 0, peakBytes: 0 }, whole?: MemoryBudget) {
    this.#max = max;
    this.#usage = usage;
    this.#whole = whole;
  }

  /** The same budget, where what is held is counted in `usage` too. */
  part(usage: MemoryUsage): MemoryBudget {
    return new MemoryBudget(Infinity, usage, this);
  }

  /** Notes that `operator` now holds `bytes`, `before` until now; answers `bytes`. @throws `limit_exceeded` */
  change(operator: string, before: number, bytes: number): number {
    this.#whole?.change(operator, before, bytes);
    const usage = this.#usage;
    usage.heldBytes += bytes - before;
    if (usage.heldBytes > usage.peakBytes) usage.peakBytes = usage.heldBytes;
    if (bytes > before && usage.heldBytes > this.#max) {
      const text = `${operator} needs more than the ${formatBytes(this.#max)} that one query may hold`;
      throw new EngineError('limit_exceeded', `${text}; filter rows, select fewer columns or add a LIMIT`);
    }
    return bytes;
  }
}

/** Rows that the scans of a query have read. */
export interface ScanProgress {
  scannedRows: number;
}

/** One run of a plan. */
export interface RunContext {
  readonly signal: AbortSignal | undefined;
  readonly memory: MemoryBudget;
  readonly compile: CompileMode;
  readonly pace: Pace;
  readonly progress: ScanProgress | undefined;
  /** Where operators are counted; nothing is unless given. */
  readonly profile: Profile | undefined;
  /** Rows of shared plans, by their numbers, once somebody reads them. */
  readonly shared: Map<number, Promise<readonly RecordBatch[]>>;
  /** Rows of the last round of recursive operators, by their numbers. */
  readonly working: Map<number, readonly RecordBatch[]>;
}

/** Opens an operator within the run. */
export type Open = (plan: PhysicalPlan) => Batches;

/** Keeps a run from holding the event loop: operators that pass batches on never wait for anything by themselves. */
export class Pace {
  #since = performance.now();

  /** Resolves when others had a turn, if it is their time; undefined otherwise. */
  rest(): Promise<void> | undefined {
    return performance.now() - this.#since < QUERY_TURN_MS ? undefined : this.#rest();
  }

  async #rest(): Promise<void> {
    await turn();
    this.#since = performance.now();
  }
}

/**
 * Stands between two batches of work: lets others have the event loop when it is time, which is also when a signal can
 * fire. @throws `cancelled` when it has
 */
export async function step(context: RunContext): Promise<void> {
  await context.pace.rest();
  if (context.signal?.aborted === true) throw abortError(context.signal);
}
