/**
 * Real power cuts on ext4 (power-cuts.ts): what was acknowledged before is there after.
 *
 * SHEAF_POWER_CUTS: how many. Needs root, loop devices, mkfs.ext4 and python3; says so otherwise.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildSources } from '../support/built-sources.ts';
import { makeLoopDisk } from '../support/loop-disk.ts';
import { amount, report } from '../support/report.ts';
import { runPowerCuts } from './power-cuts.ts';

const CUTS = amount('SHEAF_POWER_CUTS', 100);
/** In the suite, a machine that is busy with other things makes fewer. */
const MS_MAX = process.env['SHEAF_POWER_CUTS'] === undefined ? 40_000 : Infinity;

test('when the power is cut, what was acknowledged is on the disk', { timeout: 36_000_000 }, async (t) => {
  const disk = await makeLoopDisk();
  if (typeof disk === 'string') {
    t.diagnostic(`NOT TESTED: ${disk}`);
    t.skip(disk);
    return;
  }
  try {
    const seed = amount('SHEAF_SEED', Date.now() % 1_000_000);
    const started = Date.now();
    const outcome = await runPowerCuts(disk, buildSources(), CUTS, seed, MS_MAX);
    const { cuts, duringRecovery, acknowledged, failures } = outcome;
    const ms = ((Date.now() - started) / Math.max(1, cuts)).toFixed(0);
    t.diagnostic(
      `${cuts.toString()} cuts, ${duringRecovery.toString()} of them during recovery, seed ${seed.toString()}, ` +
        `${acknowledged.toString()} streams acknowledged, ${ms} ms a cut`,
    );
    report({
      id: 'power-cuts',
      what: `real power cuts on ext4 (${duringRecovery.toString()} during recovery)`,
      command: `SHEAF_POWER_CUTS=${CUTS.toString()} SHEAF_SEED=${seed.toString()} npm run test:suite -- power-cut`,
      count: cuts,
      unit: 'cuts',
      result: `${failures.length.toString()} lost any of ${acknowledged.toString()} acknowledged streams`,
    });
    assert.deepEqual(failures, []);
    assert.ok(acknowledged >= cuts, 'hardly anything was acknowledged, so hardly anything was tested');
  } finally {
    disk.dispose();
  }
});
