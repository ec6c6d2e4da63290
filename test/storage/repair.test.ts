/**
 * Repairs: damaged segments give up what is sound, a lost catalog comes back from its copy and the footers, and what
 * was dropped or replaced does not.
 */
import assert from 'node:assert/strict';
import { cpSync, existsSync, readFileSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import Database from 'better-sqlite3';
import { copyCatalog } from '../../src/catalog/copy.ts';
import { realOs } from '../../src/os/real-os.ts';
import { headBytes, readFooter, readHead, segmentEnd } from '../../src/storage/segment-file.ts';
import type { SegmentIdentityText } from '../../src/storage/segment-file.ts';
import { repairDatabase } from '../../src/storage/repair.ts';
import type { RepairReport } from '../../src/storage/repair.ts';
import { stoppingOs } from '../support/stopping-os.ts';
import { count, numbered, put, readRows, temporaryDirectory } from './fixture.ts';
import {
  TABLES,
  assertSound,
  changeCatalog,
  contentOf,
  damagesOf,
  flip,
  makeSample,
  offsetsOf,
  openSmall,
  queryCatalog,
  sampleRows,
  segmentsOf,
} from './sample-database.ts';
import type { SampleSegment } from './sample-database.ts';

const ALONE =
  'the catalog was made anew from the segments alone: views, retention, defaults, producers and the key of tickets are lost';

/** Repairs, and holds that the database is sound afterwards. */
async function repaired(directory: string): Promise<RepairReport> {
  const report = await repairDatabase({ directory });
  await assertSound(directory);
  return report;
}

async function assertWritable(directory: string): Promise<void> {
  const storage = await openSmall(directory);
  try {
    for (const table of ['whole', 'new']) await put(storage, table, [numbered(1_000, 10)]);
    assert.equal((await readRows(storage, 'new')).length, 10);
  } finally {
    await storage.close();
  }
}

function loseCatalog(directory: string): void {
  for (const suffix of ['', '-wal', '-shm']) rmSync(join(directory, `catalog.db${suffix}`), { force: true });
}

/** Writes the segment anew with another footer; `replaces` and the like by hand. */
async function refoot(
  segment: SampleSegment,
  change: Partial<SegmentIdentityText>,
  to = segment.path,
): Promise<void> {
  const file = await realOs().open(segment.path, 'read');
  const size = await file.size();
  const footer = await readFooter(file, size);
  const { header } = await readHead(file, size);
  await file.close();
  const end = segmentEnd({ ...footer, ...change }, headBytes(header), footer.schema, footer.messages);
  writeFileSync(to, Buffer.concat([readFileSync(segment.path).subarray(0, footer.start), end]));
}

/** A segment without batches, whose footer names others. */
async function writeTombstone(segment: SampleSegment, segmentId: number, replaces: number[]): Promise<void> {
  const file = await realOs().open(segment.path, 'read');
  const size = await file.size();
  const footer = await readFooter(file, size);
  const { header } = await readHead(file, size);
  await file.close();
  const head = headBytes(header);
  const end = segmentEnd({ ...footer, segmentId, replaces }, head, footer.schema, []);
  writeFileSync(
    join(dirname(segment.path), `${segmentId.toString().padStart(12, '0')}.arrow`),
    Buffer.concat([head, end]),
  );
}

test('a sound database is left as it is', async (t) => {
  const directory = await makeSample(t);
  const before = contentOf(directory);
  const report = await repairDatabase({ directory });
  assert.deepEqual([report.actions, report.losses, report.doubts], [[], [], []]);
  assert.deepEqual(contentOf(directory), before);
});

test('a damaged batch is lost by name, the others stay in order, the file goes to quarantine', async (t) => {
  const directory = await makeSample(t);
  const rows = await sampleRows(directory);
  const segment = segmentsOf(directory, 'whole')[0]!;
  const offset = offsetsOf(directory, segment.segmentId)[1]!;
  flip(segment.path, offset + 700);
  const damaged = readFileSync(segment.path);
  const before = positions(directory);
  changeCatalog(
    directory,
    `INSERT INTO damages VALUES (${segment.segmentId.toString()}, 7, 'found by the scrub', 0)`,
  );
  const plan = await repairDatabase({ directory, dryRun: true });
  assert.equal((await damagesOf(directory)).length, 2);
  const report = await repaired(directory);
  assert.deepEqual([plan.actions, plan.losses, plan.doubts], [report.actions, report.losses, report.doubts]);
  const id = segment.segmentId.toString();
  assert.deepEqual(report.losses, [
    `table "whole": rows 64 to 127 of segment ${id} are lost (message 1 at offset ${offset.toString()} ` +
      `of ${segment.file}: the checksum of message 1 is wrong)`,
  ]);
  assert.equal(report.actions.length, 1);
  assert.match(
    report.actions[0]!,
    /^table "whole": \S+ was damaged; 128 rows are saved in segment \d+, the damaged file is in quarantine\/$/,
  );
  assert.deepEqual(report.doubts, []);
  const after = await sampleRows(directory);
  const kept = rows['whole']!.filter((row) => Number(row[0]) < 64 || Number(row[0]) >= 128);
  assert.deepEqual(after['whole'], kept);
  assert.deepEqual(positions(directory), before);
  await assertWritable(directory);
  assert.deepEqual([after['words'], after['open']], [rows['words'], rows['open']]);
  const [put] = readdirSync(join(directory, 'quarantine'));
  assert.equal(put, `${segment.directory}-${id.padStart(12, '0')}.arrow`);
  assert.ok(readFileSync(join(directory, 'quarantine', put)).equals(damaged));
  assert.equal(existsSync(segment.path), false);
});

test('a damaged head or footer costs nothing, a dictionary what needs it, a missing file all', async (t) => {
  const directory = await makeSample(t);
  const rows = await sampleRows(directory);
  const [first, second] = segmentsOf(directory, 'whole');
  flip(first!.path, 100);
  flip(second!.path, readFileSync(second!.path).lastIndexOf('sheaf.table_id'));
  const report = await repaired(directory);
  assert.deepEqual([report.losses, report.doubts, report.actions.length], [[], [], 2]);
  assert.deepEqual(await sampleRows(directory), rows);
  const words = segmentsOf(directory, 'words')[0]!;
  const offsets = offsetsOf(directory, words.segmentId);
  // Dictionary, batch, dictionary, batch, dictionary, batch: the second dictionary goes.
  flip(words.path, offsets[2]! + 300);
  const lost = (await repaired(directory)).losses;
  assert.deepEqual(
    lost,
    [
      `a dictionary is lost (message 2 at offset ${offsets[2]!.toString()} of ${words.file}: the checksum of message 2 is wrong)`,
      `rows 64 to 127 of segment ${words.segmentId.toString()} are lost (message 3 at offset ${offsets[3]!.toString()} of ${words.file}: it needs the dictionary of message 2, which is lost)`,
      `a dictionary is lost (message 4 at offset ${offsets[4]!.toString()} of ${words.file}: it needs the dictionary of message 2, which is lost)`,
      `rows 128 to 191 of segment ${words.segmentId.toString()} are lost (message 5 at offset ${offsets[5]!.toString()} of ${words.file}: it needs the dictionary of message 2, which is lost)`,
    ].map((line) => `table "words": ${line}`),
  );
  const after = await sampleRows(directory);
  assert.equal(after['words']!.length, 64);
  assert.deepEqual(new Set(after['words']!.map(String)), new Set(['word 0', 'word 1', 'word 2', 'word 3']));
  const open = segmentsOf(directory, 'open')[0]!;
  rmSync(open.path);
  const gone = await repaired(directory);
  assert.equal(gone.losses.length, 4);
  assert.match(gone.losses[0]!, /^table "open": rows 0 to 63 of segment \d+ are lost \(.*: the file is missing\)$/);
  assert.match(gone.actions[0]!, /nothing could be saved/);
  assert.deepEqual((await sampleRows(directory))['open'], []);
});

test('contradictions of a segment are set right, stray rows go, sound segments are cleared', async (t) => {
  const directory = await makeSample(t);
  const rows = await sampleRows(directory);
  const [first, second] = segmentsOf(directory, 'whole');
  changeCatalog(
    directory,
    `UPDATE segments SET row_count = row_count + 5 WHERE segment_id = ${first!.segmentId.toString()};
     INSERT INTO damages VALUES (${second!.segmentId.toString()}, 7, 'EIO, once', 0);
     INSERT INTO damages VALUES (999, 7, 'x', 0);`,
  );
  const report = await repaired(directory);
  assert.deepEqual([report.losses, report.doubts], [[], []]);
  assert.deepEqual(report.actions.slice(0, 2), [
    '1 segments noted as damaged are sound',
    'rows of the catalog that belong to no segment are removed',
  ]);
  assert.deepEqual(await sampleRows(directory), rows);
});

test('a damaged batch row of the catalog costs no rows, and gets its zone map anew', async (t) => {
  const directory = await makeSample(t);
  const before = await sampleRows(directory);
  const rows = 'SELECT hex(statistics) AS zone FROM batches WHERE ordinal = 1 ORDER BY segment_id';
  const zones = queryCatalog(directory, rows);
  changeCatalog(
    directory,
    `UPDATE batches SET statistics = zeroblob(length(statistics)), row_count = row_count + 1
     WHERE ordinal = 1 AND kind = 0 AND row_count > 0`,
  );
  const told = (await damagesOf(directory)).map(({ what }) => what);
  assert.ok(told.includes('batch row 1 of the catalog contradicts its checksum'), told.join('\n'));
  assert.deepEqual((await repaired(directory)).losses, []);
  assert.deepEqual(await sampleRows(directory), before);
  assert.deepEqual(queryCatalog(directory, rows), zones);
});

test('a lost, cut or foreign catalog is made anew from the footers: the same rows', async (t) => {
  const sample = await makeSample(t);
  const rows = await sampleRows(sample);
  const [{ databaseId }] = queryCatalog<{ databaseId: string }>(
    sample,
    'SELECT database_id AS databaseId FROM database',
  ) as [{ databaseId: string }];
  const harms: readonly ((directory: string) => void)[] = [
    loseCatalog,
    (directory) => truncateSync(join(directory, 'catalog.db'), 8_192),
    (directory) => writeFileSync(join(directory, 'catalog.db'), 'no database'.repeat(1_000)),
    (directory) => writeFileSync(join(directory, 'catalog.db'), ''),
    (directory) => changeCatalog(directory, 'PRAGMA foreign_keys = OFF; DELETE FROM schemas'),
  ];
  for (const harm of harms) {
    const directory = join(temporaryDirectory(t), 'data');
    cpSync(sample, directory, { recursive: true });
    harm(directory);
    const lost = existsSync(join(directory, 'catalog.db')) ? readFileSync(join(directory, 'catalog.db')) : undefined;
    const report = await repaired(directory);
    assert.deepEqual(report.losses, []);
    assert.deepEqual(report.doubts, [ALONE]);
    assert.deepEqual(
      report.actions.slice(1).sort(),
      ['open', 'whole', 'words'].map((name) => {
        const count = name === 'whole' ? '2 segments' : '1 segment';
        return `table "${name}" is back, with ${count} and ${rows[name]!.length.toString()} rows`;
      }),
    );
    if (lost === undefined) assert.deepEqual(await sampleRows(directory), rows);
    const found = queryCatalog<{ id: string; least: number }>(
      directory,
      'SELECT database_id AS id, (SELECT min(length(statistics)) FROM batches WHERE kind = 0) AS least FROM database',
    );
    assert.equal(found[0]!.id, databaseId);
    assert.ok(found[0]!.least > 0, 'zone maps are there again');
    if (lost !== undefined) assert.ok(readFileSync(join(directory, 'quarantine', 'catalog.db')).equals(lost));
  }
});

test('a killed database without catalog gives back its active segments as far as they are sound', async (t) => {
  const directory = await makeSample(t, { killed: true });
  const kept = join(temporaryDirectory(t), 'kept');
  cpSync(directory, kept, { recursive: true });
  const rows = await sampleRows(kept);
  const open = segmentsOf(directory, 'open')[0]!;
  const offsets = offsetsOf(directory, open.segmentId);
  loseCatalog(directory);
  flip(open.path, offsets[2]!);
  const torn = readFileSync(open.path).subarray(offsets[2]);
  const report = await repaired(directory);
  const name = `recovered_${open.directory.slice(0, 8)}`;
  const what = `segment ${open.segmentId.toString()} of table "${name}"`;
  assert.deepEqual(report.doubts, [
    ALONE,
    `${what} has no footer: 128 sound rows were found, perhaps not all acknowledged`,
    `${what}: ${torn.byteLength.toString()} bytes from offset ${offsets[2]!.toString()} on are no sound message ` +
      '(no message begins here) and are put aside',
  ]);
  const storage = await openSmall(directory);
  const found = await readRows(storage, name);
  const whole = await readRows(storage, 'whole');
  await storage.close();
  assert.deepEqual(
    found.map((row) => Number(row[0])),
    count(128),
  );
  assert.equal(whole.length, rows['whole']!.length);
  const aside = `${open.directory}-${open.segmentId.toString().padStart(12, '0')}.arrow-from-${offsets[2]!.toString()}`;
  assert.ok(readFileSync(join(directory, 'quarantine', aside)).equals(torn));
});

test('what was dropped, replaced or emptied does not come back', async (t) => {
  const directory = await makeSample(t);
  const rows = await sampleRows(directory);
  const [first, second] = segmentsOf(directory, 'whole');
  const words = segmentsOf(directory, 'words')[0]!;
  const open = segmentsOf(directory, 'open')[0]!;
  // A rewrite of `first` under a new id; `first` itself is still there, as while it is retired.
  await refoot(
    first!,
    { segmentId: 50, replaces: [first!.segmentId], position: 1_048_576 },
    join(dirname(first!.path), '000000000050.arrow'),
  );
  await refoot(second!, { position: 2_097_152 });
  writeFileSync(join(dirname(words.path), 'dropped'), '');
  await writeTombstone(open, 51, [open.segmentId]);
  loseCatalog(directory);
  const report = await repaired(directory);
  assert.deepEqual(report.losses, []);
  assert.deepEqual(report.doubts, [ALONE]);
  assert.deepEqual(report.actions.slice(1).sort(), [
    `segment ${first!.segmentId.toString()} of table "whole" is left out: segment 50 replaces it`,
    `segment ${open.segmentId.toString()} of table "open" is left out: segment 51 replaces it`,
    'table "open" is back, with 1 segment and 0 rows',
    'table "whole" is back, with 2 segments and 320 rows',
    'table "words" was dropped: it is left out',
  ]);
  const storage = await openSmall(directory);
  assert.deepEqual(new Set((await readRows(storage, 'whole')).map(String)), new Set(rows['whole']!.map(String)));
  assert.deepEqual(await readRows(storage, 'open'), []);
  const snapshot = storage.snapshot();
  assert.deepEqual([...snapshot.tableNames()].sort(), ['open', 'whole']);
  snapshot.release();
  await storage.close();
  assert.equal(readdirSync(join(directory, 'quarantine')).length, 3);
});

test('a copy of the catalog is where a repair begins: later segments are added, what it knew stays', async (t) => {
  const directory = await makeSample(t, { killed: true });
  changeCatalog(
    directory,
    "INSERT INTO producers SELECT table_id, 0, 'p', 0, 7, 64, 0 FROM tables WHERE name = 'open'",
  );
  await copyCatalog(join(directory, 'catalog.db'), join(directory, 'catalog.copy.db'));
  const storage = await openSmall(directory);
  await put(storage, 'whole', [numbered(320, 64)]);
  await put(storage, 'later', [numbered(0, 64)]);
  await storage.dropTable('words');
  await storage.close();
  const [whole] = segmentsOf(directory, 'words');
  assert.equal(whole, undefined);
  writeFileSync(join(directory, 'catalog.db'), 'gone');
  const report = await repaired(directory);
  assert.deepEqual(report.losses, []);
  assert.deepEqual(report.doubts, [
    "the catalog was made anew from the copy of commit 7: drops, settings and producers' progress since then are lost",
  ]);
  assert.ok(report.actions.includes('table "later" is back, with 1 segment and 64 rows'), report.actions.join('\n'));
  const again = await openSmall(directory);
  assert.equal((await readRows(again, 'whole')).length, 384);
  assert.equal((await readRows(again, 'open')).length, 228);
  assert.equal(again.snapshot().table('words'), undefined);
  await again.close();
  assert.deepEqual(queryCatalog(directory, 'SELECT seq FROM producers'), [{ seq: 7 }]);
});

test('a table that was made again keeps its name; swapped and duplicated files are put aside', async (t) => {
  const directory = await makeSample(t);
  const storage = await openSmall(directory);
  const older = segmentsOf(directory, 'words')[0]!;
  await storage.dropTable('words');
  await put(storage, 'words', [numbered(0, 64)]);
  await storage.close();
  const newer = segmentsOf(directory, 'words')[0]!;
  assert.ok(existsSync(older.path));
  const strayPath = join(dirname(newer.path), '000000000077.arrow');
  cpSync(newer.path, strayPath);
  // Without its mark, a dropped table is only told as a doubt.
  rmSync(join(dirname(older.path), 'dropped'));
  loseCatalog(directory);
  const report = await repaired(directory);
  assert.deepEqual(report.doubts.slice(1).sort(), [
    `segment 77 in ${newer.directory} is put aside: its footer says that it is ` +
      `segment ${newer.segmentId.toString()} of table 4 ("words")`,
    `two tables have the name "words": the one in ${older.directory} ` +
      `is now "recovered_${older.directory.slice(0, 8)}", it may be one that was dropped`,
  ]);
  const again = await openSmall(directory);
  assert.equal((await readRows(again, 'words')).length, 64);
  assert.equal((await readRows(again, `recovered_${older.directory.slice(0, 8)}`)).length, 192);
  await again.close();
});

test('a catalog that went back in time is found by its segments, and brought forward', async (t) => {
  const directory = await makeSample(t);
  const old = readFileSync(join(directory, 'catalog.db'));
  const rows = await sampleRows(directory);
  const [first] = segmentsOf(directory, 'whole');
  await refoot(first!, { segmentId: 60, commit: 400 }, join(dirname(first!.path), '000000000060.arrow'));
  writeFileSync(join(directory, 'catalog.db'), old);
  assert.deepEqual(
    (await damagesOf(directory)).map(({ file, what }) => `${file}: ${what}`),
    [
      `catalog.db: the catalog ends with commit 7, but tables/${first!.directory}/000000000060.arrow ` +
        'is of commit 400: commits were lost',
    ],
  );
  const report = await repaired(directory);
  assert.match(
    report.actions[0]!,
    /^catalog\.db: it ends with commit 7, but segment 60 is of commit 400; it is made anew/,
  );
  const after = await sampleRows(directory);
  assert.equal(after['whole']!.length, rows['whole']!.length + 192);
});

test('the log of a lost catalog goes to quarantine with it, and is not replayed over the new one', async (t) => {
  const sample = await makeSample(t);
  const rows = await sampleRows(sample);
  const directory = join(temporaryDirectory(t), 'data');
  const connection = new Database(join(sample, 'catalog.db'));
  connection.pragma('wal_autocheckpoint = 0');
  connection.exec("UPDATE tables SET name = name || ' of the log'; DELETE FROM schemas; VACUUM");
  cpSync(sample, directory, { recursive: true });
  connection.close();
  writeFileSync(join(directory, 'catalog.db'), 'gone');
  const log = readFileSync(join(directory, 'catalog.db-wal'));
  assert.ok(log.byteLength > 4_096);
  await repaired(directory);
  assert.ok(readFileSync(join(directory, 'quarantine', 'catalog.db-wal')).equals(log));
  assert.deepEqual(await sampleRows(directory), rows);
});

test('a dry run changes nothing and tells the same', async (t) => {
  const directory = await makeSample(t, { killed: true });
  const open = segmentsOf(directory, 'open')[0]!;
  flip(segmentsOf(directory, 'whole')[0]!.path, 3_000);
  flip(open.path, offsetsOf(directory, open.segmentId)[1]! + 9);
  loseCatalog(directory);
  writeFileSync(join(directory, 'LOCK.db'), '');
  const before = contentOf(directory);
  const plan = await repairDatabase({ directory, dryRun: true });
  assert.deepEqual(contentOf(directory), before);
  const report = await repaired(directory);
  assert.deepEqual([plan.actions, plan.losses, plan.doubts], [report.actions, report.losses, report.doubts]);
  assert.ok(report.losses.length > 0);
});

test('a repair that is stopped at any operation is gone on with by the next, and loses no more', async (t) => {
  const sample = await makeSample(t, { killed: true });
  const segment = segmentsOf(sample, 'whole')[0]!;
  const [first] = segmentsOf(sample, 'whole');
  await refoot(
    first!,
    { segmentId: 50, replaces: [first!.segmentId] },
    join(dirname(first!.path), '000000000050.arrow'),
  );
  flip(join(dirname(segment.path), '000000000050.arrow'), offsetsOf(sample, segment.segmentId)[1]! + 700);
  writeFileSync(join(sample, 'catalog.db'), 'gone');
  const intact = join(temporaryDirectory(t), 'intact');
  cpSync(sample, intact, { recursive: true });
  await repaired(intact);
  const rows = tableRows(intact);
  let stops = 0;
  for (let stopAt = 1; ; stopAt += 2) {
    const directory = join(temporaryDirectory(t), 'data');
    cpSync(sample, directory, { recursive: true });
    const os = stoppingOs(stopAt);
    await repairDatabase({ directory, os }).catch(() => undefined);
    if (!os.stopped()) break;
    stops++;
    await repairDatabase({ directory });
    await assertSound(directory);
    assert.deepEqual(tableRows(directory), rows, `stopped at ${stopAt.toString()}`);
  }
  assert.ok(stops > 10, `${stops.toString()} stops`);
});

/** Rows of each live table, and how its segments are ordered, as the catalog has it. */
function tableRows(directory: string): unknown[] {
  return queryCatalog(
    directory,
    `SELECT name, position, segments.state, row_count, batch_count FROM segments JOIN tables USING (table_id)
     ORDER BY name, position`,
  );
}

/** Positions of the segments of the table `whole`, in order. */
function positions(directory: string): unknown[] {
  return queryCatalog(
    directory,
    "SELECT position FROM segments JOIN tables USING (table_id) WHERE name = 'whole' ORDER BY position",
  );
}

test('a directory in use or without a database is not repaired', async (t) => {
  const directory = await makeSample(t);
  const storage = await openSmall(directory);
  await assert.rejects(repairDatabase({ directory }), {
    code: 'locked',
    message: `the data directory ${directory} is in use by another process; stop it first, or choose another directory`,
  });
  await storage.close();
  const nothing = temporaryDirectory(t);
  await assert.rejects(repairDatabase({ directory: nothing }), {
    code: 'not_found',
    message: `there is no database in ${nothing}; name another with --data-dir`,
  });
  assert.deepEqual(TABLES.length, 3);
});
