/**
 * Rounds of a fuzzer: a seed each, in the suite few and always the same, by name (tools/fuzz.mjs) many and fresh.
 *
 * Hides the environment: SHEAF_FUZZ_SEED is the first seed (1), SHEAF_FUZZ_ROUNDS the count (the test's own),
 * SHEAF_FUZZ_SCALE multiplies the test's own. Invariants: a round depends on its seed alone; whatever breaks or hangs
 * is told with its seed and how to replay it; a hang ends the process, also one that never yields.
 */
import { inspect } from 'node:util';
import { Worker } from 'node:worker_threads';
import type { TestContext } from 'node:test';
import type { Random } from '../support/random.ts';
import { makeRandom } from '../support/random.ts';

const FIRST_SEED = Number(process.env['SHEAF_FUZZ_SEED'] ?? 1);
const SCALE = Number(process.env['SHEAF_FUZZ_SCALE'] ?? 1);
const FIXED_ROUNDS = process.env['SHEAF_FUZZ_ROUNDS'];
/** A round that takes this long is a hang; bounds of single answers are tighter and stand in the tests. */
const HANG_MS = 30_000;

/** How often `fuzz` runs a round that a test wants `own` times. */
export function roundsOf(own: number): number {
  return FIXED_ROUNDS === undefined ? Math.max(1, Math.round(own * SCALE)) : Number(FIXED_ROUNDS);
}

/** What a worker runs: sees the round's number stand still, and ends the process with its name. */
const WATCH = `
  const { workerData } = require('node:worker_threads');
  const { writeSync } = require('node:fs');
  const cell = new Int32Array(workerData.memory);
  for (;;) {
    const round = Atomics.load(cell, 0);
    if (Atomics.wait(cell, 0, round, workerData.hangMs) === 'timed-out' && Atomics.load(cell, 1) === 1) {
      writeSync(2, 'seed ' + (workerData.first + round) + ' of ' + workerData.name + ' hangs\\n');
      process.kill(process.pid, 'SIGKILL');
    }
  }`;

interface Watch {
  begin(round: number): void;
  end(): void;
}

/** Watches from a thread of its own: a loop that never ends leaves this one no chance. */
function watch(name: string): Watch & { close(): Promise<unknown> } {
  const memory = new SharedArrayBuffer(8);
  const cell = new Int32Array(memory);
  const worker = new Worker(WATCH, {
    eval: true,
    execArgv: [],
    workerData: { memory, name, hangMs: HANG_MS, first: FIRST_SEED },
  });
  worker.unref();
  return {
    begin: (round) => {
      Atomics.store(cell, 1, 1);
      Atomics.store(cell, 0, round);
      Atomics.notify(cell, 0);
    },
    end: () => {
      Atomics.store(cell, 1, 0);
    },
    close: () => worker.terminate(),
  };
}

/** Runs `round` with one seed after another. @throws with the seed that failed, and the way to replay it */
export async function fuzz(
  t: TestContext,
  name: string,
  ownRounds: number,
  round: (random: Random, seed: number) => void | Promise<void>,
): Promise<void> {
  const rounds = roundsOf(ownRounds);
  const watched = watch(name);
  try {
    for (let i = 0; i < rounds; i++) {
      const seed = FIRST_SEED + i;
      watched.begin(i);
      try {
        await round(makeRandom(seed), seed);
      } catch (cause) {
        const replay = `npm run fuzz -- --seed ${seed.toString()} ${name.split(' ')[0] ?? ''}`;
        throw new Error(`seed ${seed.toString()} of ${name} fails; again: ${replay}\n${inspect(cause)}`, { cause });
      }
    }
  } finally {
    watched.end();
    await watched.close();
  }
  t.diagnostic(`fuzz ${name}: ${rounds.toString()} rounds, seed ${FIRST_SEED.toString()}`);
}

/** An integer in [0, bound). */
export function below(random: Random, bound: number): number {
  return Math.floor(random() * bound);
}

/** One of `values`, which are not empty. */
export function pick<T>(random: Random, values: readonly T[]): T {
  return values[below(random, values.length)] as T;
}
