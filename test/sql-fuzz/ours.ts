/**
 * Sheaf as the one that is judged: over the storage of an engine, and over tables in memory in other ways.
 *
 * Hides the engine's directory. Invariant: a failure that is no EngineError is told as one of ours, never as a
 * refusal.
 */
import assert from 'node:assert/strict';
import type { RecordBatch } from '../../src/arrow/batch.ts';
import { EngineError } from '../../src/base/errors.ts';
import { open } from '../../src/engine/engine.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { runPlan } from '../../src/exec/exec.ts';
import { PASS_NAMES } from '../../src/plan/optimize.ts';
import { planStatement } from '../../src/plan/plan.ts';
import { catalogOf } from '../support/memory-source.ts';
import type { MemorySource } from '../support/memory-source.ts';
import { answerOf } from './answer.ts';
import type { Answer } from './answer.ts';

/** Ways to run a query: `engine` over segments on disk, the others over memory. */
export const MODES = ['engine', 'unoptimized', 'compiled', 'interpreted'] as const;
export type Mode = (typeof MODES)[number];

/** After this a query is given up. */
const TIMEOUT_MS = 20_000;

function failure(error: unknown): Answer {
  if (error instanceof EngineError && error.code !== 'internal') {
    return { kind: 'error', text: `${error.code}: ${error.message}` };
  }
  return { kind: 'error', text: `BUG: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}` };
}

/** An engine, and the tables that it has. */
export class Ours {
  readonly #engine: Engine;
  #tables: readonly MemorySource[] = [];

  private constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** Opens an engine in an empty directory. */
  static async open(directory: string): Promise<Ours> {
    return new Ours(await open(directory));
  }

  /** Puts these tables in the place of all that were there: in several segments where there are several batches. */
  async load(tables: readonly MemorySource[]): Promise<void> {
    for (const { name } of this.#tables) await this.#engine.dropTable(name);
    for (const table of tables) {
      await this.#engine.createTable(table.name, table.schema);
      const half = Math.floor(table.batches.length / 2);
      for (const batches of [table.batches.slice(0, half), table.batches.slice(half)]) {
        if (batches.length === 0) continue;
        const put = await this.#engine.beginPut(table.name, table.schema);
        for (const batch of batches) await put.write(batch);
        await put.commit();
        await this.#engine.seal(table.name);
      }
    }
    this.#tables = tables;
  }

  async query(sql: string, mode: Mode = 'engine'): Promise<Answer> {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const batches: RecordBatch[] = [];
    try {
      if (mode === 'engine') {
        const result = await this.#engine.query(sql, { signal });
        for await (const batch of result.batches()) batches.push(batch.batch());
        return answerOf(result.schema, batches);
      }
      const disabledPasses = mode === 'unoptimized' ? PASS_NAMES : [];
      const compile = mode === 'compiled' ? 'always' : 'never';
      const planned = planStatement(sql, catalogOf(this.#tables), { disabledPasses });
      assert(planned.kind === 'query');
      for await (const batch of runPlan(planned.plan, { signal, compile })) batches.push(batch);
      return answerOf(planned.schema, batches);
    } catch (error) {
      return failure(error);
    }
  }

  async close(): Promise<void> {
    await this.#engine.close();
  }
}
