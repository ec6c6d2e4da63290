/**
 * kill -9 in the middle of everything: whatever was acknowledged is there, whole streams only, in order.
 *
 * Method: a child process (writer.ts) appends, seals, creates and drops; it is killed after a random number of
 * acknowledgements plus a random busy moment. Then the database is opened here and every table is read whole. The
 * seed is printed.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { openStorage } from '../../src/storage/storage.ts';
import { readIds, temporaryDirectory } from '../storage/fixture.ts';
import { makeRandom } from '../support/random.ts';
import { KILL_BOUNDS, LARGE_ROWS, STREAM_ROWS } from './rows.ts';

const WRITER = fileURLToPath(new URL('./writer.ts', import.meta.url));
const KILLS = Number(process.env['SHEAF_KILLS'] ?? 20);

/** Runs the writer until it has acknowledged `streams` more, kills it, and adds what it said to `acknowledged`. */
async function runAndKill(directory: string, streams: number, acknowledged: Map<string, number>): Promise<void> {
  const child = spawn(process.execPath, ['--import', 'tsx', WRITER, directory], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  let errors = '';
  let lines = 0;
  child.stderr.on('data', (bytes: Buffer) => (errors += bytes.toString()));
  child.stdout.on('data', (bytes: Buffer) => {
    text += bytes.toString();
    lines += bytes.toString().split('\n').length - 1;
    if (lines > streams) child.kill('SIGKILL');
  });
  const signal = await new Promise((resolve) => child.on('close', (_code, by) => resolve(by)));
  assert.equal(signal, 'SIGKILL', `the writer ended by itself: ${errors}`);
  for (const line of text.split('\n').slice(0, -1)) {
    const [word, writer = '', rows = ''] = line.split(' ');
    if (word === 'ack') acknowledged.set(`w${writer}`, Number(rows));
  }
}

test('after kill -9 every acknowledged row is there, and no stream in part', { timeout: 300_000 }, async (t) => {
  const directory = temporaryDirectory(t);
  const seed = Date.now() % 1_000_000;
  const random = makeRandom(seed);
  const acknowledged = new Map<string, number>();
  t.diagnostic(`${KILLS.toString()} kills, seed ${seed.toString()}`);
  for (let kill = 0; kill < KILLS; kill++) {
    await runAndKill(directory, Math.floor(random() * 60), acknowledged);
    const storage = await openStorage({ directory, bounds: KILL_BOUNDS });
    for (const [name, rows] of acknowledged) {
      const ids = await readIds(storage, name);
      assert.ok(ids.length >= rows, `${name} has ${ids.length.toString()} of ${rows.toString()} acknowledged rows`);
      // At most the one stream that was under way may be there unacknowledged, and then whole.
      const more = ids.length - rows;
      assert.ok(
        [0, STREAM_ROWS, LARGE_ROWS].includes(more),
        `${name} has ${more.toString()} rows of a stream in part`,
      );
      const wrong = ids.findIndex((id, i) => id !== i);
      assert.equal(wrong, -1, `row ${wrong.toString()} of ${name} is out of place`);
      // What was seen once must stay; else a second run that is killed early would look like two streams at once.
      acknowledged.set(name, ids.length);
    }
    await storage.close();
  }
  const total = [...acknowledged.values()].reduce((sum, rows) => sum + rows, 0);
  t.diagnostic(`${total.toString()} rows were acknowledged or seen, and found again`);
  assert.ok(acknowledged.size === 3);
  assert.ok(readdirSync(join(directory, 'tables')).length <= 4);
});
