/**
 * Restores: all or nothing, from a backup that is proved first and only read.
 */
import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { crc32 } from 'node:zlib';
import { backUpDatabase } from '../../src/storage/backup.ts';
import { restoreDatabase } from '../../src/storage/restore.ts';
import { stoppingOs } from '../support/stopping-os.ts';
import { temporaryDirectory } from './fixture.ts';
import { assertSound, contentOf, flip, makeSample, sampleRows, segmentsOf } from './sample-database.ts';

interface Backed {
  readonly directory: string;
  readonly backup: string;
}

async function backedUp(t: TestContext): Promise<Backed> {
  const directory = await makeSample(t);
  const backup = join(temporaryDirectory(t), 'backup');
  await backUpDatabase({ directory, target: backup, copy: true });
  return { directory, backup };
}

/** Restores and expects `what` as the reason of damage. */
async function assertDamaged(t: TestContext, backup: string, what: string): Promise<void> {
  const directory = join(temporaryDirectory(t), 'restored');
  await assert.rejects(restoreDatabase({ backup, directory }), {
    code: 'corrupt',
    message: `the backup in ${backup} is damaged: ${what}; use another backup`,
  });
  assert.equal(existsSync(directory), false);
  assert.deepEqual(readdirSync(join(directory, '..')), []);
}

test('a restored database has the rows, shares no file with the backup, and takes an empty directory', async (t) => {
  const { directory, backup } = await backedUp(t);
  const before = contentOf(backup);
  const restored = temporaryDirectory(t);
  const report = await restoreDatabase({ backup, directory: restored });
  assert.deepEqual([report.tableCount, report.segmentCount], [3, 4]);
  const { file } = segmentsOf(directory, 'whole')[0]!;
  assert.notEqual(statSync(join(restored, file)).ino, statSync(join(backup, file)).ino);
  assert.equal(statSync(join(restored, file)).mode & 0o777, 0o600);
  assert.equal(statSync(restored).mode & 0o777, 0o700);
  assert.deepEqual(await sampleRows(restored), await sampleRows(directory));
  assert.deepEqual(contentOf(backup), before);
});

test('a backup with something missing, short or changed is refused by name', async (t) => {
  const { directory, backup } = await backedUp(t);
  const { file, committedLength } = segmentsOf(directory, 'whole')[0]!;
  const path = join(backup, file);
  const bytes = readFileSync(path);
  rmSync(path);
  await assertDamaged(t, backup, `${file} is missing`);
  writeFileSync(path, bytes);
  truncateSync(path, committedLength);
  await assertDamaged(
    t,
    backup,
    `${file} has ${committedLength.toString()} bytes, of ${bytes.byteLength.toString()}`,
  );
  writeFileSync(path, bytes);
  flip(path, 2_000);
  const first = Number(/offset (\d+)/.exec(await messageOf(t, backup))?.[1]);
  await assertDamaged(t, backup, `${file}, offset ${first.toString()}: the checksum of message 0 is wrong`);
  writeFileSync(path, bytes);
  const catalog = join(backup, 'catalog-000000000001.db');
  flip(catalog, 5_000);
  await assertDamaged(t, backup, 'catalog-000000000001.db is not as it was written');
  flip(catalog, 5_000);
  await restoreDatabase({ backup, directory: join(temporaryDirectory(t), 'restored') });
});

async function messageOf(t: TestContext, backup: string): Promise<string> {
  return restoreDatabase({ backup, directory: join(temporaryDirectory(t), 'x') }).then(
    () => '',
    (error: Error) => error.message,
  );
}

test('a manifest that is missing, changed or of a newer program is told', async (t) => {
  const { directory, backup } = await backedUp(t);
  const path = join(backup, 'manifest.json');
  const text = readFileSync(path, 'utf8');
  const restored = join(temporaryDirectory(t), 'restored');
  const restore = (from: string): Promise<unknown> => restoreDatabase({ backup: from, directory: restored });
  rmSync(path);
  await assert.rejects(restore(backup), {
    code: 'corrupt',
    message:
      `${backup} holds no finished backup: there is no manifest.json; run \`sheaf backup\` to its end, or use ` +
      'another backup',
  });
  writeFileSync(path, text.replace('"commit":', '"commit":1'));
  await assert.rejects(restore(backup), {
    code: 'corrupt',
    message: `the backup's ${path} is damaged: its checksum is wrong; use another backup`,
  });
  const line = `${text.split('\n')[0]!.replace('"version":1', '"version":2')}\n`;
  writeFileSync(path, `${line}crc32 ${crc32(line).toString(16).padStart(8, '0')}\n`);
  await assert.rejects(restore(backup), {
    code: 'version_unsupported',
    message: `${path} has version 2, this program knows version 1; use the newer program that wrote it`,
  });
  await assert.rejects(restore(directory), {
    code: 'request_invalid',
    message:
      `${directory} is a database and no backup; start it with --data-dir, or make a backup of it with ` +
      '`sheaf backup`',
  });
  await assert.rejects(restore(join(backup, 'nothing')), {
    code: 'not_found',
    message: `there is no backup in ${join(backup, 'nothing')}; check the path`,
  });
  assert.equal(existsSync(restored), false);
});

test('a directory that holds something is not restored to', async (t) => {
  const { backup } = await backedUp(t);
  const directory = temporaryDirectory(t);
  writeFileSync(join(directory, 'thesis.txt'), 'x');
  await assert.rejects(restoreDatabase({ backup, directory }), {
    code: 'already_exists',
    message: `${directory} is not empty; restore to a directory that is missing or empty`,
  });
  const parent = temporaryDirectory(t);
  const work = join(parent, 'data.restoring');
  mkdirSync(work);
  writeFileSync(join(work, 'thesis.txt'), 'x');
  await assert.rejects(restoreDatabase({ backup, directory: join(parent, 'data') }), {
    code: 'already_exists',
    message: `${work}, where a restore works, holds thesis.txt; move it elsewhere`,
  });
  assert.deepEqual(readdirSync(work), ['thesis.txt']);
});

test('a restore that is stopped at any operation leaves nothing, or all; the next one does it', async (t) => {
  const { backup } = await backedUp(t);
  const before = contentOf(backup);
  let stops = 0;
  for (let stopAt = 1; ; stopAt++) {
    const directory = join(temporaryDirectory(t), 'restored');
    const os = stoppingOs(stopAt);
    const outcome = await restoreDatabase({ backup, directory, os }).then(
      () => 'done',
      (error: unknown) => String(error),
    );
    if (!os.stopped()) {
      assert.equal(outcome, 'done');
      break;
    }
    stops++;
    assert.match(outcome, /stopped at operation/);
    if (existsSync(directory)) await assertSound(directory);
    else {
      await restoreDatabase({ backup, directory });
      await assertSound(directory);
      assert.deepEqual(readdirSync(join(directory, '..')), ['restored']);
    }
  }
  assert.ok(stops > 20, `${stops.toString()} operations`);
  assert.deepEqual(contentOf(backup), before);
});
