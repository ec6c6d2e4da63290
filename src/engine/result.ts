/**
 * Query results: a planned statement and its pins, as a stream of batches that is read once.
 *
 * Hides whether bytes go out as stored or are computed. Invariants: the snapshot and the permit are given back
 * exactly once, when the stream ends, fails, or the result is closed; a scan of a whole table never enters exec.
 */
import type { ResultBatch } from '../arrow/batch.ts';
import { encodeResults } from '../arrow/ipc-stream.ts';
import type { Schema } from '../arrow/schema.ts';
import { assert } from '../base/assert.ts';
import { EngineError } from '../base/errors.ts';
import { makeCounter } from '../base/metrics.ts';
import { runPlan } from '../exec/exec.ts';
import type { RunOptions } from '../exec/exec.ts';
import type { PhysicalPlan } from '../plan/physical.ts';
import type { TableSnapshot } from '../storage/contract.ts';
import type { QueryResult } from './contract.ts';

const rowsReturned = makeCounter('result_rows_total', 'Rows handed to doors');

/** What a result is made of. `release` gives back snapshot and permit. */
export interface ResultParts {
  readonly schema: Schema;
  readonly rowCount: number | undefined;
  readonly byteCount: number | undefined;
  readonly batches: () => AsyncIterable<ResultBatch>;
  readonly signal: AbortSignal | undefined;
  readonly release: () => void;
}

/** Makes a result whose batches can be read once, and which frees its parts whatever happens. */
export function makeResult(parts: ResultParts): QueryResult {
  let released = false;
  let read = false;
  const close = (): void => {
    if (released) return;
    released = true;
    parts.release();
  };
  return {
    schema: parts.schema,
    rowCount: parts.rowCount,
    byteCount: parts.byteCount,
    close,
    async *batches(): AsyncGenerator<ResultBatch> {
      assert(!read, 'a result is read once');
      read = true;
      try {
        for await (const batch of parts.batches()) {
          if (parts.signal?.aborted === true) throw new EngineError('cancelled', 'the query was cancelled');
          rowsReturned.inc(batch.rowCount);
          yield batch;
        }
      } finally {
        close();
      }
    },
  };
}

/** The stream of a plan. */
export function planBatches(plan: PhysicalPlan, run: RunOptions): AsyncIterable<ResultBatch> {
  const whole = wholeTable(plan);
  if (whole !== undefined) return whole.messages();
  return encodeResults(plan.schema, runPlan(plan, run));
}

/** Bytes of the answer's messages, where they are known before the run. */
export function exactBytes(plan: PhysicalPlan): number | undefined {
  const table = wholeTable(plan);
  return table?.isByteCountExact === true ? table.byteCount : undefined;
}

/** The table that `plan` is a plain scan of, all columns in order, when its stored bytes are the answer. */
function wholeTable(plan: PhysicalPlan): TableSnapshot | undefined {
  if (plan.kind !== 'scan' || plan.limit !== undefined || plan.bounds.length > 0) return undefined;
  if (plan.columns.length !== plan.source.schema.fields.length) return undefined;
  if (!plan.columns.every((column, i) => column === i)) return undefined;
  return isTableSnapshot(plan.source) ? plan.source : undefined;
}

function isTableSnapshot(source: object): source is TableSnapshot {
  return 'messages' in source;
}

/** Rows of a plan that need no run to be known: scans, values, and projections and limits over them. */
export function knownRowCount(plan: PhysicalPlan): number | undefined {
  switch (plan.kind) {
    case 'scan':
      return plan.bounds.length > 0 || plan.limit !== undefined ? undefined : plan.source.rowCount;
    case 'values':
      return plan.batches.reduce((sum, batch) => sum + batch.rowCount, 0);
    case 'project':
      return knownRowCount(plan.input);
    case 'sort': {
      const rows = knownRowCount(plan.input);
      return rows === undefined ? undefined : Math.min(rows, plan.limit ?? rows);
    }
    case 'limit': {
      // A limit pushed into the scan below does not change how many rows the limit itself lets through.
      const rows =
        plan.input.kind === 'scan' && plan.input.bounds.length === 0
          ? plan.input.source.rowCount
          : knownRowCount(plan.input);
      return rows === undefined ? undefined : Math.min(Math.max(rows - plan.offset, 0), plan.limit ?? rows);
    }
    case 'aggregate':
      return plan.groups.length === 0 ? 1 : undefined;
    case 'filter':
    case 'shared':
    case 'working':
    case 'join':
    case 'recursive':
    case 'unnest':
      return undefined;
    case 'union':
      return plan.inputs.reduce<number | undefined>((sum, input) => {
        const rows = knownRowCount(input);
        return sum === undefined || rows === undefined ? undefined : sum + rows;
      }, 0);
  }
}
