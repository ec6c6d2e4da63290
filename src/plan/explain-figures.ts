/**
 * What a run of a plan did, and how EXPLAIN ANALYZE writes it behind the operators.
 *
 * Hides layout. Invariant: an operator that has run has one entry; those of a pipeline that runs as one piece have
 * that of the topmost.
 */
import { formatBytes } from '../base/bytes.ts';
import type { PhysicalPlan } from './physical.ts';

/** What one operator did. Times in ms; `selfMs` leaves out that of its inputs. */
export interface OperatorFigures {
  /** Rows and batches that it yielded. */
  readonly rowCount: number;
  readonly batchCount: number;
  readonly totalMs: number;
  readonly selfMs: number;
  /** The most bytes that it held at one time. */
  readonly peakBytes: number;
  /** Of a top-N: rows that were read and left out because enough others come before them. */
  readonly leftOutCount?: number;
}

/** By operator. */
export type PlanFigures = ReadonlyMap<PhysicalPlan, OperatorFigures>;

/** What a whole run did. */
export interface RunFigures {
  readonly operators: PlanFigures;
  readonly rowCount: number;
  readonly totalMs: number;
  readonly peakBytes: number;
}

/** The end of an operator's line; of a scan the figures tell which segments it looked into. */
export async function figuresText(plan: PhysicalPlan, figures: OperatorFigures | undefined): Promise<string> {
  if (figures === undefined) return '(not run)';
  const words = [
    `rows=${figures.rowCount.toString()}`,
    `batches=${figures.batchCount.toString()}`,
    `time=${msText(figures.totalMs)}`,
    `self=${msText(figures.selfMs)}`,
  ];
  if (figures.peakBytes > 0) words.push(`memory=${formatBytes(figures.peakBytes)}`);
  if (figures.leftOutCount !== undefined) words.push(`left_out=${figures.leftOutCount.toString()}`);
  if (plan.kind === 'scan') {
    const { segments } = await plan.source.countBatches(plan.bounds);
    if (segments !== undefined) {
      words.push(`segments=${(segments.total - segments.pruned).toString()} of ${segments.total.toString()}`);
    }
  }
  return `(${words.join(' ')})`;
}

/** The last line. */
export function totalText(run: RunFigures, planningMs: number): string {
  const words = [`rows=${run.rowCount.toString()}`, `time=${msText(run.totalMs)}`];
  if (run.peakBytes > 0) words.push(`memory=${formatBytes(run.peakBytes)}`);
  words.push(`planning=${msText(planningMs)}`);
  return `Total ${words.join(' ')}`;
}

function msText(ms: number): string {
  return `${Math.max(ms, 0).toFixed(3)}ms`;
}
