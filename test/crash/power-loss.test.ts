/**
 * Power cuts on the disk in memory, which drops, tears and reorders what was not synced: acknowledged rows must be
 * there all the same, after a cut during the recovery, too (crash-states.ts).
 *
 * The harness is itself tested: with syncs left out, for files or for directories, it must find losses.
 * SHEAF_CRASH_STATES: how many states are opened; SHEAF_SEED: which.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { OpenMode, OsFile } from '../../src/os/os.ts';
import { MemoryOs } from '../support/memory-os.ts';
import { amount, report } from '../support/report.ts';
import { prepareCrashStates, runCrashStates } from './crash-states.ts';

const STATES = amount('SHEAF_CRASH_STATES', 250);
/** States within which a broken disk has to be found out. */
const BROKEN_STATES = 200;

/** A disk whose syncs of one kind do nothing. */
class LyingOs extends MemoryOs {
  readonly #lie: 'dataSync' | 'syncDirectory';

  constructor(lie: 'dataSync' | 'syncDirectory') {
    super();
    this.#lie = lie;
  }

  override async open(path: string, mode: OpenMode): Promise<OsFile> {
    const file = await super.open(path, mode);
    if (this.#lie === 'dataSync') file.dataSync = () => Promise.resolve();
    return file;
  }

  override syncDirectory(path: string): Promise<void> {
    return this.#lie === 'syncDirectory' ? Promise.resolve() : super.syncDirectory(path);
  }
}

prepareCrashStates();

test('whenever the power is cut, what was acknowledged is there', { timeout: 3_600_000 }, async (t) => {
  const seed = amount('SHEAF_SEED', Date.now() % 1_000_000);
  t.diagnostic(`seed ${seed.toString()}`);
  const { states, deepest, acknowledged, failures } = await runCrashStates(STATES, seed);
  t.diagnostic(
    `${states.toString()} states, up to ${deepest.toString()} cuts one upon the other, ` +
      `${acknowledged.toString()} streams acknowledged`,
  );
  report({
    id: 'crash-states',
    what: `seeded power cuts on the disk in memory, during recovery too (${deepest.toString()} deep)`,
    command: `SHEAF_CRASH_STATES=${STATES.toString()} SHEAF_SEED=${seed.toString()} npm run test:suite -- power-loss`,
    count: states,
    unit: 'states opened',
    result: `${failures.length.toString()} with a loss, a part of a stream, or a wrong row`,
  });
  assert.deepEqual(failures, []);
});

for (const lie of ['dataSync', 'syncDirectory'] as const) {
  test(`a disk that leaves out ${lie} is found out`, async (t) => {
    const { states, failures } = await runCrashStates(BROKEN_STATES, 3, () => new LyingOs(lie));
    t.diagnostic(`after ${states.toString()} states: ${failures[0] ?? 'nothing'}`);
    assert.ok(failures.length > 0, `${states.toString()} states showed nothing`);
  });
}
