/**
 * Execution: a physical plan as a stream of batches.
 *
 * Hides operators. Invariants: batches have exactly the plan's schema and at most BATCH_ROWS_MAX rows, none is empty;
 * the stream is cold (nothing runs before the first pull) and closing it closes every operator and the scan; every
 * failure is an EngineError unless it is our bug.
 */
import type { RecordBatch } from '../arrow/batch.ts';
import { QUERY_MEMORY_BYTES_MAX } from '../base/limits.ts';
import type { PhysicalPlan } from '../plan/physical.ts';
import { runAggregate } from './aggregate.ts';
import { compilePipeline } from './compiled-pipeline.ts';
import type { CompiledPipeline, CompileMode } from './compiled-pipeline.ts';
import { runAggregation, runSelect } from './compiled-run.ts';
import { runFilter } from './filter.ts';
import { runJoin } from './hash-join.ts';
import { runLimit } from './limit.ts';
import { MemoryBudget, Pace } from './operator.ts';
import type { Batches, RunContext } from './operator.ts';
import { runProject } from './project.ts';
import { runRecursive, runShared, runUnion, runWorking } from './shared.ts';
import { runSort } from './sort.ts';
import { runScan, runValues } from './source-scan.ts';

/** How a plan is run. */
export interface RunOptions {
  readonly signal?: AbortSignal;
  /** Bytes that operators may hold; QUERY_MEMORY_BYTES_MAX unless given. */
  readonly memoryBytesMax?: number;
  /** Which pipelines run as generated code: those over large sources unless given. */
  readonly compile?: CompileMode;
}

function openCompiled(pipeline: CompiledPipeline, context: RunContext): Batches {
  const input = open(pipeline.source, context);
  const interpret = (plan: PhysicalPlan): Batches => open(plan, { ...context, compile: 'never' });
  if (pipeline.kind === 'select') return runSelect(pipeline, input, context, interpret);
  return runAggregation(pipeline, input, context, interpret);
}

function open(plan: PhysicalPlan, context: RunContext): Batches {
  const pipeline = compilePipeline(plan, context.compile);
  if (pipeline !== undefined) return openCompiled(pipeline, context);
  const again = (inner: PhysicalPlan): Batches => open(inner, context);
  switch (plan.kind) {
    case 'scan':
      return runScan(plan, context);
    case 'values':
      return runValues(plan, context);
    case 'filter':
      return runFilter(plan, open(plan.input, context));
    case 'project':
      return runProject(plan, open(plan.input, context));
    case 'aggregate':
      return runAggregate(plan, open(plan.input, context), context);
    case 'sort':
      return runSort(plan, open(plan.input, context), context);
    case 'limit':
      return runLimit(plan, open(plan.input, context));
    case 'shared':
      return runShared(plan, again, context);
    case 'working':
      return runWorking(plan, context);
    case 'join':
      return runJoin(plan, open(plan.left, context), open(plan.right, context), context);
    case 'union':
      return runUnion(plan, again);
    case 'recursive':
      return runRecursive(plan, again, context);
  }
}

/**
 * Runs a plan. @throws `cancelled`, `limit_exceeded`, `value_error`, and what the source throws, from the iteration
 */
export async function* runPlan(
  plan: PhysicalPlan,
  options: RunOptions = {},
): AsyncGenerator<RecordBatch, void, undefined> {
  const memory = new MemoryBudget(options.memoryBytesMax ?? QUERY_MEMORY_BYTES_MAX);
  for await (const batch of open(plan, {
    signal: options.signal,
    memory,
    compile: options.compile ?? 'large',
    pace: new Pace(),
    shared: new Map(),
    working: new Map(),
  })) {
    if (batch.rowCount === 0) continue;
    yield batch.schema === plan.schema ? batch : { ...batch, schema: plan.schema };
  }
}
