/**
 * Crash states: what a power cut may leave at any moment of a piece of work (workload.ts), and what a second, third …
 * cut may leave during the recovery from it.
 *
 * Method: at operations chosen by seed, before and after changes of the catalog too, a copy is taken of the disk in
 * memory as a cut may leave it, and of the catalog's files. Each copy is opened and read whole. During that open the
 * same happens again, a few times deep. Every state that was opened counts.
 *
 * As a program (crash-states.ts STATES SEED) it prints one line of JSON: the states, and the failures.
 */
import { realpathSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import assert from 'node:assert/strict';
import { setLogLevel } from '../../src/base/log.ts';
import { watchCatalog } from '../support/watched-catalog.ts';
import { MemoryOs } from '../support/memory-os.ts';
import { makeRandom } from '../support/random.ts';
import type { Random } from '../support/random.ts';
import { withDeadline } from './deadline.ts';
import type { Ledger } from './ledger.ts';
import { World, makeFastDirectory, readCatalog, runSteps, tolerate, writeCatalog } from './workload.ts';
import type { CatalogFiles } from './workload.ts';

const DEPTH_MAX = 5;
const FAILURES_MAX = 3;
const DEADLINE_MS = 20_000;
/** Share of the operations of the work at which the power is cut, and of those of a recovery. */
const WORK_SHARE = 0.2;
const RECOVERY_SHARE = 0.08;

/** What was taken at one moment. */
interface Cut {
  readonly label: string;
  readonly disk: MemoryOs;
  readonly catalog: CatalogFiles;
  readonly ledger: Ledger;
}

export interface CrashOutcome {
  states: number;
  /** Cuts one upon the other, at most. */
  deepest: number;
  acknowledged: number;
  readonly failures: string[];
}

let onCatalog: (moment: string) => void = () => undefined;

/** Once per process. */
export function prepareCrashStates(): void {
  setLogLevel('silent');
  watchCatalog(
    () => onCatalog('before a change of the catalog'),
    () => onCatalog('after a change of the catalog'),
  );
}

/** Runs the work again and again, until `states` states were opened or something was wrong. */
export async function runCrashStates(
  states: number,
  seed: number,
  makeOs: () => MemoryOs = () => new MemoryOs(),
): Promise<CrashOutcome> {
  const random = makeRandom(seed);
  const outcome: CrashOutcome = { states: 0, deepest: 0, acknowledged: 0, failures: [] };
  while (outcome.states < states && outcome.failures.length === 0) {
    const directory = makeFastDirectory();
    try {
      const cuts = await takeCuts(new World(directory, makeOs(), Math.floor(random() * 2 ** 31)), random, outcome);
      for (const cut of cuts) {
        if (outcome.states >= states || outcome.failures.length >= FAILURES_MAX) break;
        await openDeep(directory, cut, random, outcome);
      }
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  }
  return outcome;
}

/** Watches `world` and takes cuts at a share of its moments. Returns a way to stop. */
function watch(world: World, ledger: Ledger, random: Random, share: number, take: (cut: Cut) => void): () => void {
  let step = 0;
  const consider = (moment: string): void => {
    step++;
    if (random() >= share) return;
    const disk = world.os.crash(Math.floor(random() * 2 ** 31));
    const label = `${moment} (${step.toString()})`;
    take({ label, disk, catalog: readCatalog(world.directory), ledger: ledger.copy() });
  };
  world.os.observe = ({ kind }) => consider(kind);
  onCatalog = consider;
  return () => {
    world.os.observe = undefined;
    onCatalog = () => undefined;
  };
}

async function takeCuts(world: World, random: Random, outcome: CrashOutcome): Promise<Cut[]> {
  const cuts: Cut[] = [];
  let at = '';
  const stop = watch(world, world.ledger, random, WORK_SHARE, (cut) => {
    cuts.push({ ...cut, label: `${at}: ${cut.label}` });
  });
  try {
    await runSteps(world, (step) => (at = step));
    await tolerate(() => world.close());
  } catch (error) {
    outcome.failures.push(`${at}: ${String(error)}`);
  } finally {
    stop();
  }
  outcome.acknowledged += world.ledger.acknowledgedCount;
  return cuts;
}

/** Opens what a cut left, and what a cut during that leaves, and so on. */
async function openDeep(directory: string, first: Cut, random: Random, outcome: CrashOutcome): Promise<void> {
  let cut: Cut | undefined = first;
  let label = first.label;
  for (let depth = 1; cut !== undefined && depth <= DEPTH_MAX; depth++) {
    const current: Cut = cut;
    let next: Cut | undefined;
    try {
      await withDeadline(
        DEADLINE_MS,
        () => 'it hangs',
        async () => {
          next = await openOnce(directory, current, random);
        },
      );
    } catch (error) {
      outcome.failures.push(`cut at ${label}: ${String(error)}`);
      return;
    }
    outcome.states++;
    outcome.deepest = Math.max(outcome.deepest, depth);
    if (next !== undefined) label += `, then during recovery at ${next.label}`;
    cut = next;
  }
}

async function openOnce(directory: string, cut: Cut, random: Random): Promise<Cut | undefined> {
  writeCatalog(directory, cut.catalog);
  const world = new World(directory, cut.disk, 0);
  let next: Cut | undefined;
  const stop = watch(world, cut.ledger, random, RECOVERY_SHARE, (taken) => {
    // The last one taken stays: late in a recovery most of it has happened.
    next = taken;
  });
  try {
    await world.open();
    stop();
    const { storage } = world;
    assert.ok(storage !== undefined);
    await cut.ledger.check(storage, { damage: false });
    const ledger = cut.ledger.copy();
    await ledger.put(storage, 'after', 10);
    // What was sent under a number may be sent again after any crash.
    await ledger.retryTagged(storage, 'tagged');
    await ledger.check(storage, { damage: false });
  } finally {
    stop();
    await world.close();
  }
  return next;
}

if (fileURLToPath(import.meta.url) === realpathSync(process.argv[1] ?? '.')) {
  prepareCrashStates();
  const outcome = await runCrashStates(Number(process.argv[2]), Number(process.argv[3]));
  process.stdout.write(`${JSON.stringify(outcome)}\n`);
  process.exit(0);
}
