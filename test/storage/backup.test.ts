/**
 * Backups: beside a database in use, one after another into the same directory, and stopped at every operation.
 */
import assert from 'node:assert/strict';
import { cpSync, existsSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { backUpDatabase } from '../../src/storage/backup.ts';
import { copyCatalog } from '../../src/catalog/copy.ts';
import { restoreDatabase } from '../../src/storage/restore.ts';
import { realOs } from '../../src/os/real-os.ts';
import { stoppingOs } from '../support/stopping-os.ts';
import { SCHEMA, numbered, put, readIds, temporaryDirectory, undoAfter } from './fixture.ts';
import {
  assertSound,
  contentOf,
  damagesOf,
  changeCatalog,
  flip,
  makeSample,
  openSmall,
  sampleRows,
  segmentsOf,
} from './sample-database.ts';

test('a backup links sealed segments, copies active ones, and becomes a database with the same rows', async (t) => {
  const directory = await makeSample(t, { killed: true });
  const before = contentOf(directory);
  const target = join(temporaryDirectory(t), 'backup');
  const report = await backUpDatabase({ directory, target });
  assert.deepEqual([report.linkedCount, report.copiedCount, report.keptCount], [3, 1, 0]);
  assert.equal(report.segmentCount, 4);
  assert.ok(report.verifiedBytes >= report.byteCount - 4);
  assert.deepEqual(contentOf(directory), before);
  assert.deepEqual(readdirSync(target).sort(), ['LOCK.db', 'catalog-000000000001.db', 'manifest.json', 'tables']);
  const [sealed] = segmentsOf(directory, 'whole');
  assert.equal(statSync(join(target, sealed!.file)).ino, statSync(sealed!.path).ino);
  const [active] = segmentsOf(directory, 'open');
  assert.notEqual(statSync(join(target, active!.file)).ino, statSync(active!.path).ino);
  assert.equal(statSync(join(target, active!.file)).size, active!.committedLength);
  await assertSound(target);
  const saved = contentOf(target);
  const restored = join(temporaryDirectory(t), 'restored');
  await restoreDatabase({ backup: target, directory: restored });
  await assertSound(restored);
  const rows = await sampleRows(restored);
  assert.deepEqual(contentOf(target), saved);
  assert.deepEqual(rows, await sampleRows(directory));
});

test('a second backup into the same directory copies only what is new, and drops what went', async (t) => {
  const directory = await makeSample(t);
  const target = join(temporaryDirectory(t), 'backup');
  const first = await backUpDatabase({ directory, target, copy: true });
  assert.deepEqual([first.linkedCount, first.copiedCount, first.keptCount], [0, 4, 0]);
  const again = await backUpDatabase({ directory, target, copy: true });
  assert.deepEqual([again.linkedCount, again.copiedCount, again.keptCount], [0, 0, 4]);
  const unverified = await backUpDatabase({ directory, target, copy: true, verify: false });
  assert.deepEqual([unverified.keptCount, unverified.verifiedBytes], [4, 0]);
  const gone = segmentsOf(directory, 'whole')[0]!;
  const storage = await openSmall(directory);
  await storage.dropTable('whole');
  await put(storage, 'more', [numbered(0, 64)]);
  await storage.close();
  const third = await backUpDatabase({ directory, target, copy: true });
  assert.deepEqual([third.copiedCount, third.keptCount, third.segmentCount], [1, 2, 3]);
  assert.equal(existsSync(join(target, 'tables', gone.directory)), false);
  assert.deepEqual(readdirSync(target).sort(), ['LOCK.db', 'catalog-000000000004.db', 'manifest.json', 'tables']);
  await assertSound(target);
});

test('a segment of the backup that rotted is copied anew', async (t) => {
  const directory = await makeSample(t);
  const target = join(temporaryDirectory(t), 'backup');
  await backUpDatabase({ directory, target, copy: true });
  const { file } = segmentsOf(directory, 'whole')[0]!;
  flip(join(target, file), 2_000);
  assert.equal((await damagesOf(target)).length, 1);
  const report = await backUpDatabase({ directory, target, copy: true });
  assert.deepEqual([report.copiedCount, report.keptCount], [1, 3]);
  await assertSound(target);
});

test('a backup beside appends holds one commit, and all of it', async (t) => {
  const directory = join(temporaryDirectory(t), 'data');
  const storage = await openSmall(directory);
  undoAfter(t, () => storage.close());
  const target = join(temporaryDirectory(t), 'backup');
  await put(storage, 'a', [numbered(0, 1)]);
  let isDone = false;
  let next = 1;
  const writing = (async (): Promise<void> => {
    while (!isDone) {
      await put(storage, 'a', [numbered(next, 1)]);
      next++;
      if (next % 10 === 0) await storage.seal();
    }
  })();
  try {
    for (let round = 0; round < 5; round++) {
      const least = next;
      await backUpDatabase({ directory, target });
      const restored = join(temporaryDirectory(t), 'restored');
      await restoreDatabase({ backup: target, directory: restored });
      const copy = await openSmall(restored);
      const ids = await readIds(copy, 'a');
      await copy.close();
      assert.ok(
        ids.length >= least && ids.length <= next + 1,
        `${ids.length.toString()} rows, ${least.toString()} before`,
      );
      assert.deepEqual(
        ids,
        ids.map((_, i) => i),
      );
    }
  } finally {
    isDone = true;
    await writing;
  }
});

test('a backup that is stopped at any operation leaves the source as it was, and the older backup valid', async (t) => {
  const directory = await makeSample(t);
  const old = join(temporaryDirectory(t), 'old');
  await backUpDatabase({ directory, target: old, copy: true });
  const storage = await openSmall(directory);
  await put(storage, 'open', [numbered(228, 64)]);
  await put(storage, 'more', [numbered(0, 64)], SCHEMA);
  await storage.close();
  const before = contentOf(directory);
  let stops = 0;
  for (const isFirst of [true, false]) {
    for (let stopAt = 1; ; stopAt++) {
      const target = join(temporaryDirectory(t), 'backup');
      if (!isFirst) cpSync(old, target, { recursive: true });
      const os = stoppingOs(stopAt);
      const outcome = await backUpDatabase({ directory, target, copy: true, os }).then(
        () => 'done',
        (error: unknown) => String(error),
      );
      if (!os.stopped()) {
        assert.equal(outcome, 'done');
        break;
      }
      stops++;
      if (stopAt % 5 !== 1) continue;
      const restored = join(temporaryDirectory(t), 'restored');
      const restoring = restoreDatabase({ backup: target, directory: restored });
      if (existsSync(join(target, 'manifest.json'))) {
        await restoring;
        await assertSound(restored);
      } else {
        assert.ok(isFirst);
        const code = existsSync(target) ? 'corrupt' : 'not_found';
        await assert.rejects(restoring, { code });
        assert.equal(existsSync(restored), false);
      }
      await backUpDatabase({ directory, target, copy: true });
      await assertSound(target);
    }
  }
  assert.ok(stops > 40, `${stops.toString()} operations`);
  assert.deepEqual(contentOf(directory), before);
});

test('what cannot be a target is refused, and left alone', async (t) => {
  const directory = await makeSample(t);
  const other = temporaryDirectory(t);
  writeFileSync(join(other, 'thesis.txt'), 'x');
  await assert.rejects(backUpDatabase({ directory, target: other }), {
    code: 'request_invalid',
    message: `${other} is no backup: it holds thesis.txt; choose an empty directory, or one that an earlier backup made`,
  });
  assert.deepEqual(readdirSync(other), ['thesis.txt']);
  const inside = join(directory, 'backup');
  await assert.rejects(backUpDatabase({ directory, target: inside }), {
    code: 'request_invalid',
    message: `${inside} lies in the database itself; choose a directory outside`,
  });
  assert.equal(existsSync(inside), false);
  const target = join(temporaryDirectory(t), 'backup');
  await backUpDatabase({ directory, target });
  const stranger = await makeSample(t);
  changeCatalog(stranger, "UPDATE database SET database_id = 'another'");
  await assert.rejects(backUpDatabase({ directory: stranger, target }), (error: Error) => {
    assert.match(error.message, /^\S+ is a backup of another database \([0-9a-f-]{36}\); choose an empty directory$/);
    return true;
  });
  await assertSound(target);
  const nothing = temporaryDirectory(t);
  await assert.rejects(backUpDatabase({ directory: nothing, target }), {
    code: 'not_found',
    message: `there is no database in ${nothing}; name another with --data-dir`,
  });
});

test('a damaged or missing segment is not backed up silently', async (t) => {
  const directory = await makeSample(t);
  const { path } = segmentsOf(directory, 'whole')[0]!;
  const bytes = readFileSync(path);
  flip(path, 2_000);
  const target = join(temporaryDirectory(t), 'backup');
  await assert.rejects(backUpDatabase({ directory, target }), (error: Error) => {
    assert.match(
      error.message,
      /^\S+\.arrow is damaged: the checksum of message 0 is wrong \(offset \d+\); see `sheaf check`, and `sheaf repair`$/,
    );
    return true;
  });
  assert.equal(existsSync(join(target, 'manifest.json')), false);
  rmSync(path);
  await assert.rejects(backUpDatabase({ directory, target }), {
    code: 'corrupt',
    message: `the file ${path} is missing: the database is damaged; see \`sheaf check\`, and \`sheaf repair\``,
  });
  writeFileSync(path, bytes);
  await backUpDatabase({ directory, target });
  await assertSound(target);
});

test('a segment that is retired while the backup runs makes it begin anew', async (t) => {
  const directory = await makeSample(t);
  const gone = segmentsOf(directory, 'whole');
  const target = join(temporaryDirectory(t), 'backup');
  const os = realOs();
  let isDropped = false;
  const dropping = {
    ...os,
    async link(from: string, to: string): Promise<boolean> {
      if (!isDropped) {
        isDropped = true;
        const ids = gone.map((segment) => segment.segmentId).join(',');
        changeCatalog(
          directory,
          `DELETE FROM batches WHERE segment_id IN (${ids}); DELETE FROM segments WHERE segment_id IN (${ids});`,
        );
        for (const segment of gone) rmSync(segment.path);
      }
      return os.link(from, to);
    },
  };
  const report = await backUpDatabase({ directory, target, os: dropping });
  assert.equal(report.segmentCount, 2);
  await assertSound(target);
});

test('a copy of a catalog is one file, and takes the place of the one before', async (t) => {
  const directory = await makeSample(t, { killed: true });
  const copy = join(directory, 'catalog.copy.db');
  const commit = await copyCatalog(join(directory, 'catalog.db'), copy);
  assert.equal(commit, await copyCatalog(join(directory, 'catalog.db'), copy));
  assert.equal(commit, 7);
  assert.deepEqual(
    readdirSync(directory).filter((name) => name.startsWith('catalog.copy')),
    ['catalog.copy.db'],
  );
});
