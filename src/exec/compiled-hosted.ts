/**
 * Aggregates that the interpreter accumulates beside generated code, which finds the groups.
 *
 * Hides how a row's group comes out of the code. Invariants: the accumulators see the rows that the pipeline's
 * condition selects, batch by batch and in order, as those of an interpreted aggregate do.
 */
import type { Vector } from '../arrow/vector.ts';
import { RunningCall } from './aggregate-call.ts';
import type { PipelineMemory } from './compiled-memory.ts';
import type { AggregatePipeline } from './compiled-pipeline.ts';
import type { LazyRows } from './rows.ts';

/** Rows of one block: their numbers in the batch and their groups. */
interface Block {
  readonly rows: Uint32Array;
  readonly groups: Uint32Array;
}

function joined(parts: readonly Uint32Array[], count: number): Uint32Array {
  const out = new Uint32Array(count);
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** The hosted calls of one run. */
export class HostedCalls {
  readonly #pipeline: AggregatePipeline;
  /** By the call's place among all aggregates. */
  readonly #calls = new Map<number, RunningCall>();
  #blocks: Block[] = [];

  constructor(pipeline: AggregatePipeline) {
    this.#pipeline = pipeline;
    pipeline.aggregates.forEach((call, i) => {
      if (pipeline.calls[i] === undefined) this.#calls.set(i, new RunningCall(call));
    });
  }

  get byteCount(): number {
    let sum = 0;
    for (const call of this.#calls.values()) sum += call.byteCount();
    return sum;
  }

  /** Takes the groups of a block's `selected` rows out of memory. `entries`: where the first entry lies. */
  note(memory: PipelineMemory, entries: number, start: number, selected: number): void {
    const { owners, selection, condition, stride } = this.#pipeline;
    if (owners === undefined) return;
    const { words } = memory;
    const rows = new Uint32Array(selected);
    const groups = new Uint32Array(selected);
    for (let k = 0; k < selected; k++) {
      rows[k] = start + (condition === undefined ? k : (words[selection / 4 + k] as number));
      groups[k] = (((words[owners / 4 + k] as number) >>> 0) - entries) / stride;
    }
    this.#blocks.push({ rows, groups });
  }

  /** Lets the calls see those of a batch's rows that were noted. */
  update(all: LazyRows, groupCount: number): void {
    const blocks = this.#blocks;
    this.#blocks = [];
    const count = blocks.reduce((sum, { rows }) => sum + rows.length, 0);
    if (count === 0) return;
    const groups = joined(
      blocks.map((block) => block.groups),
      count,
    );
    const noted = (): Uint32Array =>
      joined(
        blocks.map((block) => block.rows),
        count,
      );
    const rows = count === all.rowCount ? all : all.pick(noted());
    for (const call of this.#calls.values()) call.update(rows, groups, groupCount);
  }

  /** The column of the call at place `index`. */
  finish(index: number, groupCount: number): Vector {
    return (this.#calls.get(index) as RunningCall).finish(groupCount);
  }
}
