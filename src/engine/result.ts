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
import { abortError } from '../base/errors.ts';
import { makeCounter } from '../base/metrics.ts';
import { runPlan } from '../exec/exec.ts';
import type { RunOptions } from '../exec/exec.ts';
import { inputsOf } from '../plan/physical.ts';
import type { PhysicalPlan } from '../plan/physical.ts';
import type { TableSnapshot } from '../storage/contract.ts';
import type { Release } from './admission.ts';
import type { QueryResult } from './contract.ts';
import type { OpenKeptResult } from './kept-result.ts';
import type { RunningQuery } from './query-log.ts';
import type { TicketPart } from './ticket.ts';

const rowsReturned = makeCounter('result_rows_total', 'Rows handed to doors');

/** What a result is made of. */
export interface ResultParts {
  readonly schema: Schema;
  readonly rowCount: number | undefined;
  readonly byteCount: number | undefined;
  /** Undefined for queries. */
  readonly changedCount?: number;
  readonly batches: () => AsyncIterable<ResultBatch>;
  /** Ends it where there is no turn, whose signal counts otherwise. */
  readonly signal?: AbortSignal | undefined;
  /** Undefined where the results that it is made of have turns of their own. */
  readonly turn: Turn | undefined;
  /** Gives back what the batches are read from. */
  readonly unpin: () => void;
}

/** A statement that has been admitted: its place in the log, and its permit. */
export interface Turn {
  readonly query: RunningQuery;
  readonly release: Release;
}

/** Makes a result whose batches can be read once, and which frees its parts whatever happens. */
export function makeResult(parts: ResultParts): QueryResult {
  const query = parts.turn?.query;
  const signal = query?.signal ?? parts.signal;
  let released = false;
  let read = false;
  let ended = false;
  const close = (): void => {
    if (released) return;
    released = true;
    query?.end(ended ? 'done' : 'cancelled');
    parts.unpin();
    parts.turn?.release();
  };
  return {
    schema: parts.schema,
    rowCount: parts.rowCount,
    byteCount: parts.byteCount,
    changedCount: parts.changedCount,
    close,
    async *batches(): AsyncGenerator<ResultBatch> {
      assert(!read, 'a result is read once');
      read = true;
      try {
        for await (const batch of parts.batches()) {
          if (signal?.aborted === true) throw abortError(signal);
          rowsReturned.inc(batch.rowCount);
          if (query !== undefined) query.rowCount += batch.rowCount;
          yield batch;
        }
        ended = true;
      } catch (error) {
        query?.fail(error);
        throw error;
      } finally {
        close();
      }
    },
  };
}

/** The result of a plan; `unpin` gives back the snapshots that it reads. */
export function startPlan(plan: PhysicalPlan, unpin: () => void, run: RunOptions, turn: Turn): QueryResult {
  const { signal } = turn.query;
  return makeResult({
    schema: plan.schema,
    rowCount: knownRowCount(plan),
    byteCount: exactBytes(plan),
    batches: () => planBatches(plan, { ...run, signal }),
    turn,
    unpin,
  });
}

/** The result that was kept for a ticket, or a part of it. */
export function keptResult(kept: OpenKeptResult, part: TicketPart | undefined, turn: Turn): QueryResult {
  return makeResult({
    schema: kept.schema,
    rowCount: part === undefined ? kept.rowCount : part.to - part.from,
    byteCount: part === undefined ? kept.byteCount : undefined,
    batches: () => kept.batches(part?.from, part?.to),
    turn,
    unpin: () => kept.release(),
  });
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

type Scan = Extract<PhysicalPlan, { kind: 'scan' }>;

/**
 * The scan of a stored table that `plan` is, or filters and projects batch by batch; undefined where rows of different
 * batches have to do with each other.
 */
export function tableScan(plan: PhysicalPlan): { readonly scan: Scan; readonly table: TableSnapshot } | undefined {
  if (plan.kind === 'filter' || plan.kind === 'project') return tableScan(plan.input);
  if (plan.kind !== 'scan' || plan.limit !== undefined || !isTableSnapshot(plan.source)) return undefined;
  return { scan: plan, table: plan.source };
}

function isTableSnapshot(source: object): source is TableSnapshot {
  return 'messages' in source;
}

/** Rows of the tables that a plan scans, each as often as it is scanned. */
export function scannedRowCount(plan: PhysicalPlan, seen: Set<number> = new Set()): number {
  if (plan.kind === 'scan') return plan.source.rowCount;
  if (plan.kind !== 'shared') return inputsOf(plan).reduce((sum, input) => sum + scannedRowCount(input, seen), 0);
  const { id, plan: inner } = plan.rows;
  if (seen.has(id)) return 0;
  seen.add(id);
  return scannedRowCount(inner, seen);
}

/** Rows of a plan that need no run to be known: scans, values, and projections and limits over them. */
export function knownRowCount(plan: PhysicalPlan): number | undefined {
  switch (plan.kind) {
    case 'scan':
      return plan.bounds.length > 0 || plan.limit !== undefined ? undefined : plan.source.rowCount;
    case 'values':
      return plan.batches.reduce((sum, batch) => sum + batch.rowCount, 0);
    case 'project':
    case 'window':
      return knownRowCount(plan.input);
    case 'sort': {
      const rows = knownRowCount(plan.input);
      return rows === undefined ? undefined : Math.min(rows, plan.limit ?? rows);
    }
    case 'limit': {
      if (plan.percent !== undefined || plan.counts !== undefined) return undefined;
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
