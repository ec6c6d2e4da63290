/**
 * Parts of an answer: how a promise is cut so that several readers can share it, and what each part reads.
 *
 * What a scan with filters and projections answers is cut by the batches of its table, since nothing in it looks at two
 * batches: each part runs by itself. Any other answer is cut by its own rows, once it has been kept.
 *
 * Hides which plans can be cut. Invariants: the parts, one after another, are the whole in its order, whatever has been
 * put or compacted since; a part that has to be made again is the same rows.
 */
import type { RecordBatch, ResultBatch } from '../arrow/batch.ts';
import { encodeResults } from '../arrow/ipc-stream.ts';
import { sliceBatch } from '../arrow/slice.ts';
import { EngineError } from '../base/errors.ts';
import { ENDPOINTS_MAX } from '../base/limits.ts';
import type { PhysicalPlan } from '../plan/physical.ts';
import type { QueryResult } from './contract.ts';
import { tableScan } from './result.ts';
import type { TicketPart } from './ticket.ts';

/** At most `most` parts by the batches of the table that `plan` scans; none where it cannot be cut. */
export async function tableParts(plan: PhysicalPlan, most: number): Promise<readonly TicketPart[]> {
  const scanned = tableScan(plan);
  if (scanned === undefined || most <= 1) return [];
  const { table, scan } = scanned;
  return partsAt('table', await table.cuts(scan.bounds, Math.min(most, ENDPOINTS_MAX)), table.rowCount);
}

/** Parts of a kept answer whose batches begin at the rows `starts`. */
export function answerParts(starts: readonly number[], rowCount: number, count: number): readonly TicketPart[] {
  const parts = Math.min(count, starts.length, ENDPOINTS_MAX);
  const cuts = Array.from({ length: Math.max(parts - 1, 0) }, (_, k) => {
    return starts[Math.floor(((k + 1) * starts.length) / parts)] ?? rowCount;
  });
  return partsAt('answer', cuts, rowCount);
}

function partsAt(of: TicketPart['of'], cuts: readonly number[], rowCount: number): readonly TicketPart[] {
  if (cuts.length === 0) return [];
  const ends = [...cuts, rowCount];
  return ends.map((to, k) => ({ of, from: k === 0 ? 0 : (cuts[k - 1] ?? 0), to }));
}

/** `plan` over a part of its table. @throws `snapshot_gone` for one that another version has cut otherwise */
export async function planOfPart(plan: PhysicalPlan, part: TicketPart | undefined): Promise<PhysicalPlan> {
  if (part === undefined) return plan;
  const scanned = tableScan(plan);
  if (scanned === undefined) {
    throw new EngineError('snapshot_gone', 'the ticket was made by another version; ask GetFlightInfo for a new one');
  }
  const source = await scanned.table.part(part.from, part.to);
  const replaced = (inner: PhysicalPlan): PhysicalPlan => {
    if (inner.kind === 'scan') return { ...inner, source };
    return inner.kind === 'filter' || inner.kind === 'project' ? { ...inner, input: replaced(inner.input) } : inner;
  };
  return replaced(plan);
}

/** The rows of `part` of a whole answer that has been made again. */
export function resultOfPart(whole: QueryResult, { from, to }: TicketPart): QueryResult {
  return {
    ...whole,
    rowCount: to - from,
    byteCount: undefined,
    batches: () => encodeResults(whole.schema, rowsOf(whole.batches(), from, to)),
  };
}

async function* rowsOf(batches: AsyncIterable<ResultBatch>, from: number, to: number): AsyncGenerator<RecordBatch> {
  let start = 0;
  for await (const each of batches) {
    const end = start + each.rowCount;
    if (end > from) {
      const batch = each.batch();
      const first = Math.max(from - start, 0);
      const last = Math.min(to - start, batch.rowCount);
      yield first === 0 && last === batch.rowCount ? batch : sliceBatch(batch, first, last);
    }
    if (end >= to) return;
    start = end;
  }
}
