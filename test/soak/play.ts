/**
 * One soak: the actors play on a real server, which is killed in the first half, and everything is verified at the end.
 *
 * Hides the loops. Invariants: the first thing that goes wrong ends the soak and is what is reported; an actor that
 * takes no step, or one that does not come back, is a fault; at the end the server is killed once more and stopped
 * once in order, and every table is read whole after each.
 */
import { setMaxListeners } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { makeRandom } from '../support/random.ts';
import type { TestScope } from '../support/sheaf-process.ts';
import { ACTORS, insist, nextJournal } from './actors.ts';
import type { Actor, Stage } from './actors.ts';
import { MUTATION_ACTORS } from './mutation-actors.ts';
import { takeSample, trendsOf } from './samples.ts';
import type { Sample, Trend } from './samples.ts';
import { World } from './world.ts';

export interface SoakOptions {
  readonly directory: string;
  readonly durationMs: number;
  readonly seed: number;
  /** Milliseconds between kills, at the least and at the most, in the first half. */
  readonly killMs: readonly [number, number];
  /** Told of progress, a line at a time. */
  readonly log: (line: string) => void;
}

export interface SoakReport {
  readonly actors: readonly { readonly name: string; readonly steps: number }[];
  readonly absent: readonly string[];
  readonly kills: number;
  readonly acknowledgedRows: number;
  readonly verifiedRows: number;
  readonly trends: readonly Trend[];
  /** Trends above their bounds; slopes count only when the run is long enough to tell. */
  readonly leaks: readonly string[];
}

const SAMPLES_MAX = 2_000;
const HANG_MS = 120_000;
const ROWS_MAX = 200_000;

/** Plays; the report of a soak in which nothing was wrong but, maybe, its trends. @throws what went wrong first */
export async function playSoak(scope: TestScope, options: SoakOptions): Promise<SoakReport> {
  const world = new World(scope, options.directory);
  const random = makeRandom(options.seed);
  const journal = await nextJournal(world);
  const counts = { rowsMax: ROWS_MAX, acknowledgedRows: 0, verifiedRows: 0 };
  const stage: Stage = { world, random, journal, retired: [], finals: [], ...counts };
  const { present, absent } = await probe(stage);
  options.log(`actors: ${present.map(({ name }) => name).join(', ')}`);
  if (absent.length > 0) options.log(`not offered by this server: ${absent.join(', ')}`);

  const show = new Show(stage, options);
  await show.play(present);
  await verifyEnd(stage, options);
  const trends = trendsOf(show.samples, options.durationMs / 2);
  return {
    actors: present.map(({ name }) => ({ name, steps: show.steps.get(name) ?? 0 })),
    absent,
    kills: world.kills,
    acknowledgedRows: stage.acknowledgedRows,
    verifiedRows: stage.verifiedRows,
    trends,
    leaks: leaksOf(trends),
  };
}

async function probe(stage: Stage): Promise<{ present: Actor[]; absent: string[] }> {
  const present: Actor[] = [];
  const absent: string[] = [];
  for (const actor of [...ACTORS, ...MUTATION_ACTORS]) {
    if (actor.probe === undefined || (await actor.probe(stage))) present.push(actor);
    else absent.push(actor.name);
  }
  return { present, absent };
}

/** The time between beginning and end: actors, the killer and the sampler, side by side. */
class Show {
  readonly samples: Sample[] = [];
  readonly steps = new Map<string, number>();
  readonly #stage: Stage;
  readonly #options: SoakOptions;
  readonly #end = new AbortController();
  readonly #started = performance.now();
  #failure: Error | undefined;

  constructor(stage: Stage, options: SoakOptions) {
    this.#stage = stage;
    this.#options = options;
    setMaxListeners(0, this.#end.signal);
  }

  async play(actors: readonly Actor[]): Promise<void> {
    const { durationMs } = this.#options;
    const timer = setTimeout(() => this.#end.abort(), durationMs);
    const loops = [
      ...actors.map((actor) => this.#guard(actor.name, () => this.#act(actor))),
      this.#guard('killer', () => this.#kill()),
      this.#guard('sampler', () => this.#sample()),
    ];
    const hang = new AbortController();
    const late = pause(durationMs + HANG_MS, undefined, { signal: hang.signal }).then(
      () => this.#fail('soak', new Error(`an actor did not come back within ${(HANG_MS / 1000).toString()} s`)),
      () => undefined,
    );
    await Promise.race([Promise.all(loops), late]);
    hang.abort();
    clearTimeout(timer);
    if (this.#failure !== undefined) throw this.#failure;
    const idle = actors.filter(({ name }) => (this.steps.get(name) ?? 0) === 0);
    if (idle.length > 0) throw new Error(`took no step: ${idle.map(({ name }) => name).join(', ')}`);
  }

  #elapsed(): number {
    return performance.now() - this.#started;
  }

  async #guard(name: string, run: () => Promise<void>): Promise<void> {
    try {
      await run();
    } catch (error) {
      this.#fail(name, error);
    }
  }

  #fail(name: string, error: unknown): void {
    const text = error instanceof Error ? error.message : String(error);
    const at = (this.#elapsed() / 1000).toFixed(1);
    this.#failure ??= new Error(`${name}, after ${at} s: ${text}`, { cause: error });
    this.#end.abort();
  }

  /** Waits, or less when the show ends. */
  async #wait(ms: number): Promise<void> {
    await pause(ms, undefined, { signal: this.#end.signal }).catch(() => undefined);
  }

  async #act(actor: Actor): Promise<void> {
    const step = actor.start(this.#stage);
    while (!this.#end.signal.aborted) {
      await step();
      this.steps.set(actor.name, (this.steps.get(actor.name) ?? 0) + 1);
      await this.#wait(actor.pauseMs * (0.5 + this.#stage.random()));
    }
  }

  async #kill(): Promise<void> {
    const [least, most] = this.#options.killMs;
    const { world, random } = this.#stage;
    for (;;) {
      await this.#wait(least + random() * (most - least));
      if (this.#end.signal.aborted || this.#elapsed() > this.#options.durationMs / 2) return;
      await world.kill();
      this.#options.log(`${(this.#elapsed() / 1000).toFixed(0)} s: kill ${world.kills.toString()}`);
    }
  }

  async #sample(): Promise<void> {
    const { world } = this.#stage;
    const everyMs = Math.max(250, this.#options.durationMs / SAMPLES_MAX);
    while (!this.#end.signal.aborted) {
      const sample = takeSample(await world.pid(), this.#options.directory, this.#elapsed());
      if (sample !== undefined) this.samples.push(sample);
      await this.#wait(everyMs);
    }
  }
}

/** Every table whole: now, after one more kill, and after a stop in order. */
async function verifyEnd(stage: Stage, options: SoakOptions): Promise<void> {
  const { world } = stage;
  const verifyAll = async (when: string): Promise<void> => {
    let rows = 0;
    for (const journal of [...stage.retired, stage.journal]) rows += await insist(world, () => journal.verify(world));
    for (const final of stage.finals) rows += await final();
    stage.verifiedRows += rows;
    options.log(`${when}: ${rows.toString()} rows, each as acknowledged`);
  };
  await verifyAll('at the end');
  await world.kill();
  await verifyAll('after one more kill');
  await world.restart();
  await verifyAll('after a clean stop');
  const code = await world.stop();
  if (code !== 0) throw new Error(`the server ended with ${String(code)}: ${await world.complaints()}`);
}

function leaksOf(trends: readonly Trend[]): readonly string[] {
  return trends.flatMap(({ measure, unit, slope, slopeMax, isSteady, most, valueMax }) => [
    ...(isSteady && slope > slopeMax
      ? [`${measure} grows by ${slope.toFixed(2)} ${unit} a minute, at most ${slopeMax.toString()} is allowed`]
      : []),
    ...(most > valueMax ? [`${measure} reached ${most.toFixed(0)} ${unit}, at most ${valueMax.toString()}`] : []),
  ]);
}
