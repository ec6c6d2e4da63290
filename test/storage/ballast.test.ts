/**
 * The ballast on a real small file system that somebody else fills to the last byte (root only).
 *
 * Invariant under test: reads, drops, truncations and a new start work on a disk without a free byte; appends are
 * refused; nothing acknowledged is lost.
 */
import assert from 'node:assert/strict';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { openStorage } from '../../src/storage/storage.ts';
import { temporaryMount } from '../support/temporary.ts';
import { count, numbered, openFor, put, readIds } from './fixture.ts';

const BOUNDS = { sweepMs: 20, housekeepingMs: 0, snapshotRetentionMs: 0, compactSegmentsMin: 0 };

/** Writes until the file system has no free byte. */
function fillUp(directory: string): void {
  const path = join(directory, 'somebody-elses');
  for (const bytes of [1 << 20, 1 << 16, 1 << 12]) {
    for (let i = 0; ; i++) {
      try {
        writeFileSync(`${path}.${bytes.toString()}.${i.toString()}`, new Uint8Array(bytes));
      } catch {
        break;
      }
    }
  }
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 10));
}

test('on a disk without a free byte tables are dropped and truncated, and a new start works', async (t) => {
  const directory = temporaryMount(t, '64m');
  if (directory === undefined) return;
  const ballast = join(directory, 'ballast');
  const storage = await openStorage({ directory, bounds: BOUNDS });
  for (const name of ['kept', 'dropped', 'emptied']) await put(storage, name, [numbered(0, 20_000)]);
  await storage.seal();
  await until(() => existsSync(ballast));
  fillUp(directory);
  await assert.rejects(put(storage, 'kept', [numbered(0, 10)]), { code: 'storage_full' });
  assert.equal((await readIds(storage, 'kept')).length, 20_000);
  await storage.dropTable('dropped');
  assert.equal(await storage.truncate('emptied'), 20_000);
  assert.deepEqual(await readIds(storage, 'emptied'), []);
  await storage.close();
  // Filled again, what the drop gave back included.
  rmSync(ballast, { force: true });
  writeFileSync(ballast, new Uint8Array(1 << 20));
  fillUp(directory);
  const again = await openFor(t, { directory, bounds: BOUNDS });
  assert.deepEqual(await readIds(again, 'kept'), count(20_000));
  assert.equal(again.snapshot().table('dropped'), undefined);
  await again.dropTable('kept');
});
