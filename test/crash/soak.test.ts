/**
 * The soak in its shortest form: all actors, kills, and the checker that knows every acknowledged row.
 *
 * Method: test/soak, which `npm run soak -- --minutes N` runs for longer. The seed is printed.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { playSoak } from '../soak/play.ts';
import { slopeOf } from '../soak/samples.ts';
import { temporaryDirectory } from '../support/sheaf-process.ts';

const DURATION_MS = 20_000;

test(
  'twenty seconds of everything at once, with kills: each acknowledged row once',
  { timeout: 150_000 },
  async (t) => {
    const seed = Date.now() % 1_000_000;
    t.diagnostic(`seed ${seed.toString()}`);
    const report = await playSoak(t, {
      directory: temporaryDirectory(t),
      durationMs: DURATION_MS,
      seed,
      killMs: [2_000, 4_000],
      log: (line) => t.diagnostic(line),
    });
    assert.deepEqual(report.leaks, []);
    assert.ok(report.kills >= 2, `${report.kills.toString()} kills`);
    assert.ok(report.acknowledgedRows > 0);
    assert.ok(report.verifiedRows >= report.acknowledgedRows);
  },
);

test('the slope of a line is its slope', () => {
  assert.equal(slopeOf([0, 1, 2, 3], [5, 7, 9, 11]), 2);
  assert.equal(slopeOf([0, 1, 2, 3], [4, 4, 4, 4]), 0);
});
