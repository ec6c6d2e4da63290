/**
 * Real power cuts: a writer on a real file system, the file system stopped at a random moment, the writer killed, the
 * file system mounted again; the next writer says what it finds there.
 *
 * Hides processes and mounts. The next writer has loaded everything before it is its turn, so a cycle costs what the
 * database costs. A share of the cuts falls into the first moments: into recovery.
 */
import { join } from 'node:path';
import type { LoopDisk } from '../support/loop-disk.ts';
import { makeRandom } from '../support/random.ts';
import { Ledger } from './ledger.ts';
import { Doomed } from './doomed.ts';
import { hear } from './rows.ts';

const STREAMS_A_CYCLE = 100_000;
/** The file system is made anew after so many cuts. */
const CUTS_A_FORMAT = 50;
const RECOVERY_SHARE = 0.25;
/** A cut falls after so many acknowledgements at most, and so many milliseconds later. */
const ACKNOWLEDGED_MAX = 24;
const LATER_MS_MAX = 12;
const RECOVERY_MS_MAX = 40;

export interface CutOutcome {
  cuts: number;
  /** Cuts before the writer had opened the database. */
  duringRecovery: number;
  acknowledged: number;
  readonly failures: string[];
}

function count(text: string, word: string): number {
  return text.split('\n').filter((line) => line.startsWith(word)).length;
}

/**
 * Cuts the power `cuts` times, or until something is lost, or `msMax` have passed. `built`: where the program lies
 * (built-sources.ts).
 */
export async function runPowerCuts(
  disk: LoopDisk,
  built: string,
  cuts: number,
  seed: number,
  msMax = Infinity,
): Promise<CutOutcome> {
  const deadline = Date.now() + msMax;
  const random = makeRandom(seed);
  const outcome: CutOutcome = { cuts: 0, duringRecovery: 0, acknowledged: 0, failures: [] };
  const program = join(built, 'test', 'crash', 'writer.js');
  let cycle = 0;
  const load = (): Doomed => {
    const first = ++cycle * STREAMS_A_CYCLE;
    return new Doomed(program, [join(disk.path, 'database'), first.toString(), 'wait']);
  };
  let ledger = new Ledger();
  let next = load();
  try {
    for (; outcome.cuts < cuts && outcome.failures.length === 0 && Date.now() < deadline; outcome.cuts++) {
      if (outcome.cuts % CUTS_A_FORMAT === 0) {
        disk.format();
        ledger = new Ledger();
      }
      const writer = next;
      await writer.until((text) => text.includes('loaded'));
      next = load();
      disk.mount();
      try {
        await cutOne(disk, writer, random, outcome);
      } finally {
        await writer.kill();
        disk.unmount();
      }
      listen(writer, ledger, outcome);
    }
  } finally {
    await next.kill();
  }
  return outcome;
}

async function cutOne(disk: LoopDisk, writer: Doomed, random: () => number, outcome: CutOutcome): Promise<void> {
  const inRecovery = outcome.cuts % CUTS_A_FORMAT > 0 && random() < RECOVERY_SHARE;
  const wanted = Math.floor(random() * ACKNOWLEDGED_MAX);
  const laterMs = random() * (inRecovery ? RECOVERY_MS_MAX : LATER_MS_MAX);
  writer.child.stdin?.write('go\n');
  if (!inRecovery) await writer.until((text) => text.includes('\nopen\n') && count(text, 'ack ') >= wanted);
  await new Promise((resolve) => setTimeout(resolve, laterMs));
  // Ended before the disk failed: it did not open the database, or was refused.
  if (writer.child.exitCode !== null) outcome.failures.push(`cut ${outcome.cuts.toString()}: ${writer.errors}`);
  await disk.cut();
}

function listen(writer: Doomed, ledger: Ledger, outcome: CutOutcome): void {
  try {
    const { found } = hear(writer.text, ledger);
    if (found === undefined) outcome.duringRecovery++;
    // A disk that stops under an open database may refuse to open it, but a bug must not show.
    if (writer.errors.includes('BUG')) throw new Error(writer.errors);
  } catch (error) {
    outcome.failures.push(`cut ${outcome.cuts.toString()}: ${String(error)}`);
  }
  outcome.acknowledged += count(writer.text, 'ack ');
}
