/**
 * kill -9 in the middle of everything: whatever was acknowledged is there, whole streams only, in order.
 *
 * Method: a child process (writer.ts) appends, seals, creates and drops; it is killed after a random number of
 * acknowledgements. The next one says what it found. SHEAF_KILLS: how many; the seed is printed.
 */
import assert from 'node:assert/strict';
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { openStorage } from '../../src/storage/storage.ts';
import { buildSources } from '../support/built-sources.ts';
import { makeRandom } from '../support/random.ts';
import { amount, report } from '../support/report.ts';
import { Doomed } from './doomed.ts';
import { Ledger } from './ledger.ts';
import { KILL_BOUNDS, hear } from './rows.ts';
import { makeFastDirectory } from './workload.ts';

const KILLS = amount('SHEAF_KILLS', 20);
const STREAMS_A_RUN = 100_000;
const ACKNOWLEDGED_MAX = 60;
/** So many of the kills fall into the open. */
const RECOVERY_SHARE = 0.3;

function countOf(text: string): number {
  return text.split('\n').filter((line) => line.startsWith('ack ')).length;
}

test('after kill -9 every acknowledged row is there, and no stream in part', { timeout: 3_600_000 }, async (t) => {
  const program = join(buildSources(), 'test', 'crash', 'writer.js');
  const directory = makeFastDirectory();
  const seed = amount('SHEAF_SEED', Date.now() % 1_000_000);
  const random = makeRandom(seed);
  const ledger = new Ledger();
  let acknowledged = 0;
  try {
    for (let kill = 1; kill <= KILLS; kill++) {
      const child = new Doomed(program, [directory, (kill * STREAMS_A_RUN).toString(), 'wait']);
      const wanted = Math.floor(random() * ACKNOWLEDGED_MAX);
      await child.until((text) => text.includes('loaded'));
      child.child.stdin?.write('go\n');
      if (random() < RECOVERY_SHARE) await new Promise((resolve) => setTimeout(resolve, random() * 50));
      else await child.until((text) => text.includes('\nopen\n') && countOf(text) >= wanted);
      await child.kill();
      assert.equal(child.errors, '', 'the writer came to grief before it was killed');
      hear(child.text, ledger);
      acknowledged += countOf(child.text);
    }
    t.diagnostic(
      `${KILLS.toString()} kills, seed ${seed.toString()}, ${acknowledged.toString()} streams acknowledged`,
    );
    report({
      id: 'kills',
      what: 'kill -9 at random moments of four writers, seals, creates and drops',
      command: `SHEAF_KILLS=${KILLS.toString()} SHEAF_SEED=${seed.toString()} npm run test:suite -- crash/kill.test`,
      count: KILLS,
      unit: 'kills',
      result: `0 lost any of ${acknowledged.toString()} acknowledged streams`,
    });
    // What is left: four tables, and one that each kill found between its making and its drop.
    await (await openStorage({ directory, bounds: KILL_BOUNDS })).close();
    const left = readdirSync(join(directory, 'tables')).length;
    assert.ok(left <= 4 + KILLS, `${left.toString()} directories: those of dropped tables pile up`);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});
