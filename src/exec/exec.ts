/**
 * Execution: a physical plan as a stream of batches.
 *
 * Hides operators. Invariants: batches have exactly the plan's schema and at most BATCH_ROWS_MAX rows, none is empty;
 * the stream is cold (nothing runs before the first pull) and closing it closes every operator and the scan; every
 * failure is an EngineError unless it is our bug.
 */
import type { RecordBatch } from '../arrow/batch.ts';
import { QUERY_MEMORY_BYTES_MAX } from '../base/limits.ts';
import type { RunFigures } from '../plan/explain-figures.ts';
import type { PhysicalPlan } from '../plan/physical.ts';
import { runAggregate } from './aggregate.ts';
import { compilePipeline, compileSieve } from './compiled-pipeline.ts';
import type { CompiledPipeline, CompileMode, SelectPipeline } from './compiled-pipeline.ts';
import { runAggregation, runSelect } from './compiled-run.ts';
import type { Interpret } from './compiled-run.ts';
import { runFilter } from './filter.ts';
import { runJoin } from './hash-join.ts';
import { RowSieve, codedFilters, inputFilters, sideFilters } from './key-filter.ts';
import type { RowFilters } from './key-filter.ts';
import { runLimit } from './limit.ts';
import { MemoryBudget, Pace } from './operator.ts';
import type { Batches, MemoryUsage, RowStream, RunContext, ScanProgress } from './operator.ts';
import { Profile } from './profile.ts';
import { runProject } from './project.ts';
import { LazyRows } from './rows.ts';
import { runRecursive, runShared, runUnion, runWorking } from './shared.ts';
import { runSort, runTop } from './sort.ts';
import { runScan, runValues } from './source-scan.ts';
import { runUnnest } from './unnest.ts';
import { runWindow } from './window.ts';

export type { MemoryUsage } from './operator.ts';

/** How a plan is run. */
export interface RunOptions {
  readonly signal?: AbortSignal;
  /** Bytes that operators may hold; QUERY_MEMORY_BYTES_MAX unless given. */
  readonly memoryBytesMax?: number;
  /** Where what operators hold is counted, for others to look at. */
  readonly usage?: MemoryUsage;
  /** Told what scans have read. */
  readonly progress?: ScanProgress;
  /** Which pipelines run as generated code: those over large sources unless given. */
  readonly compile?: CompileMode;
}

/** The rows of a stream, all columns gathered. */
async function* gathered(plan: PhysicalPlan, input: RowStream): Batches {
  for await (const rows of input) yield rows.batch(plan.schema);
}

/** Batches as rows, without those that `filters` leave out. */
async function* sifted(input: Batches, filters: RowFilters): RowStream {
  const sieve = new RowSieve(filters);
  for await (const batch of input) {
    const rows = sieve.pick(LazyRows.of(batch));
    if (rows !== undefined) yield rows;
  }
}

/** Opens an operator for somebody who wants columns. */
function open(plan: PhysicalPlan, context: RunContext): Batches {
  const { profile } = context;
  if (profile === undefined) return openOperator(plan, context, context, []);
  return profile.watch(plan, openOperator(plan, context, profile.contextOf(plan, context), []));
}

/** Opens an operator for somebody who asks for some columns of some rows; those that `filters` name are enough. */
function openRows(plan: PhysicalPlan, context: RunContext, filters: RowFilters = []): RowStream {
  const { profile } = context;
  if (profile === undefined) return openLazy(plan, context, context, filters);
  return profile.watch(plan, openLazy(plan, context, profile.contextOf(plan, context), filters));
}

/** Opens an operator in `own`, and its inputs in `context`. */
function openLazy(plan: PhysicalPlan, context: RunContext, own: RunContext, filters: RowFilters): RowStream {
  switch (plan.kind) {
    case 'filter':
    case 'project': {
      const pipeline = compilePipeline(plan, context.compile);
      if (pipeline?.kind === 'select') return openSelect(pipeline, context, own, sourceFilters(pipeline, filters));
      const input = openRows(plan.input, context, inputFilters(plan, filters));
      return plan.kind === 'filter' ? runFilter(plan, input) : runProject(plan, input);
    }
    case 'join': {
      const sides = sideFilters(plan, filters);
      return runJoin(
        plan,
        {
          left: (more) => openRows(plan.left, context, [...sides.left, ...more]),
          right: (more) => openRows(plan.right, context, [...sides.right, ...more]),
        },
        own,
      );
    }
    case 'scan':
      return openSieve(plan, own, filters);
    default:
      return sifted(openOperator(plan, context, own, filters), filters);
  }
}

/** Opens a pipeline that selects; over a table it applies the filters itself. */
function openSelect(plain: SelectPipeline, context: RunContext, own: RunContext, filters: RowFilters): RowStream {
  const { source } = plain;
  if (source.kind !== 'scan') return runSelect(plain, [], openRows(source, context, filters), own, interpreter(own));
  const { columns, sets, rest } = codedFilters(filters, source.schema);
  const keyed = columns.length === 0 ? plain : compilePipeline(plain.plan, context.compile, columns);
  const pipeline = keyed?.kind === 'select' ? keyed : plain;
  // Zone maps may know of all filters; rows are left out by those only that are not code.
  const { profile } = context;
  const batches = runScan(source, filters, context);
  const input = sifted(profile === undefined ? batches : profile.watch(source, batches), rest);
  return runSelect(pipeline, sets, input, own, interpreter(own));
}

/** Opens a scan, rows that `filters` leave out left out. */
function openSieve(plan: Extract<PhysicalPlan, { kind: 'scan' }>, own: RunContext, filters: RowFilters): RowStream {
  const { columns, sets, rest } = codedFilters(filters, plan.schema);
  const sieve = columns.length === 0 ? undefined : compileSieve(plan, own.compile, columns);
  const batches = runScan(plan, filters, own);
  if (sieve === undefined) return sifted(batches, filters);
  return runSelect(sieve, sets, sifted(batches, rest), own, interpreter(own));
}

function interpreter(own: RunContext): Interpret {
  return (plan) => openRows(plan, { ...own, compile: 'never', profile: undefined });
}

/** What a pipeline's source can be asked. */
function sourceFilters({ operators }: CompiledPipeline, filters: RowFilters): RowFilters {
  return operators.reduce((known, operator) => inputFilters(operator, known), filters);
}

/** Opens an operator in `own`, and its inputs in `context`; `filters` are hints. */
function openOperator(plan: PhysicalPlan, context: RunContext, own: RunContext, filters: RowFilters): Batches {
  const below = inputFilters(plan, filters);
  const again = (inner: PhysicalPlan): Batches => open(inner, context);
  /** The input, without what `below` leaves out where that is known at its source. */
  const lessOf = (inner: PhysicalPlan): Batches =>
    below.length === 0 ? again(inner) : gathered(inner, openRows(inner, context, below));
  switch (plan.kind) {
    case 'scan':
      return runScan(plan, filters, own);
    case 'values':
      return runValues(plan, own);
    case 'filter':
    case 'project':
    case 'join':
      return gathered(plan, openLazy(plan, context, own, filters));
    case 'aggregate': {
      const pipeline = compilePipeline(plan, context.compile);
      if (pipeline?.kind !== 'aggregate') return runAggregate(plan, openRows(plan.input, context, below), own);
      const input = openRows(pipeline.source, context, sourceFilters(pipeline, filters));
      return runAggregation(pipeline, input, own, interpreter(own));
    }
    case 'window':
      return runWindow(plan, again(plan.input), own);
    case 'sort':
      if (plan.limit === undefined) return runSort(plan, lessOf(plan.input), own);
      return runTop(plan, plan.limit, (more) => openRows(plan.input, context, more), own);
    case 'unnest':
      return runUnnest(plan, again(plan.input), own);
    case 'limit':
      return runLimit(plan, again, own);
    case 'shared':
      return runShared(plan, again, own);
    case 'working':
      return runWorking(plan, own);
    case 'union':
      return runUnion(plan, lessOf);
    case 'recursive':
      return runRecursive(plan, again, own);
  }
}

/**
 * Runs a plan; `profile` takes what operators do. @throws from the iteration `cancelled`, `limit_exceeded`,
 * `value_error`, and what the source throws
 */
export async function* runPlan(
  plan: PhysicalPlan,
  options: RunOptions = {},
  profile?: Profile,
): AsyncGenerator<RecordBatch, void, undefined> {
  const memory = new MemoryBudget(options.memoryBytesMax ?? QUERY_MEMORY_BYTES_MAX, options.usage);
  for await (const batch of open(plan, {
    signal: options.signal,
    memory,
    compile: options.compile ?? 'large',
    pace: new Pace(),
    progress: options.progress,
    profile,
    shared: new Map(),
    working: new Map(),
  })) {
    if (batch.rowCount === 0) continue;
    yield batch.schema === plan.schema ? batch : { ...batch, schema: plan.schema };
  }
}

/** Runs a plan to its end, and tells what each operator did; its rows go nowhere. @throws as `runPlan` */
export async function analyzePlan(plan: PhysicalPlan, options: RunOptions = {}): Promise<RunFigures> {
  const profile = new Profile();
  const usage = options.usage ?? { heldBytes: 0, peakBytes: 0 };
  const since = performance.now();
  let rowCount = 0;
  for await (const batch of runPlan(plan, { ...options, usage }, profile)) rowCount += batch.rowCount;
  const totalMs = performance.now() - since;
  return { operators: profile.figures, rowCount, totalMs, peakBytes: usage.peakBytes };
}
