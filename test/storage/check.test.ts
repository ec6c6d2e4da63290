/**
 * Every kind of damage is found, and named by table, file and offset; what is sound is not complained about.
 */
import assert from 'node:assert/strict';
import { appendFileSync, copyFileSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { EngineError } from '../../src/base/errors.ts';
import { checkDatabase } from '../../src/storage/check.ts';
import { put, numbered, temporaryDirectory } from './fixture.ts';
import {
  assertSound,
  changeCatalog,
  contentOf,
  damagesOf,
  flip,
  makeSample,
  offsetsOf,
  openSmall,
  segmentsOf,
} from './sample-database.ts';

test('a database that was closed, and one that was killed, are sound, and checking changes nothing', async (t) => {
  for (const killed of [false, true]) {
    const directory = await makeSample(t, { killed });
    const before = contentOf(directory);
    const report = await checkDatabase({ directory, deep: true });
    assert.deepEqual(report.findings, []);
    assert.equal(report.isSound, true);
    assert.equal(report.tableCount, 3);
    assert.equal(report.segmentCount, 4);
    assert.ok(report.byteCount > 10_000);
    assert.deepEqual(contentOf(directory), before);
  }
});

test('every byte of a sealed segment that is changed is found, with table, file and offset', async (t) => {
  const directory = await makeSample(t);
  const { path, file, committedLength } = segmentsOf(directory, 'whole')[0]!;
  const bytes = readFileSync(path);
  const starts = offsetsOf(directory, segmentsOf(directory, 'whole')[0]!.segmentId);
  const missed: number[] = [];
  for (let at = 0; at < committedLength + 8; at += at < 1_024 ? 23 : 149) {
    flip(path, at, at % 8);
    const found = await damagesOf(directory);
    if (found.length === 0) missed.push(at);
    const place =
      at < starts[0]! ? at : at < committedLength ? starts.findLast((start) => start <= at) : committedLength;
    assert.ok(
      found.some((one) => one.table === 'whole' && one.file === file && one.offset === place),
      `byte ${at.toString()}: ${JSON.stringify(found)}`,
    );
    writeFileSync(path, bytes);
  }
  assert.deepEqual(missed, []);
  await assertSound(directory);
});

test('what a footer says is held against the catalog: its text, its blocks and its checksums', async (t) => {
  const directory = await makeSample(t);
  const { path, segmentId } = segmentsOf(directory, 'whole')[0]!;
  const bytes = readFileSync(path);
  const whole = Buffer.from(bytes);
  whole.write('whale', whole.lastIndexOf('whole'));
  writeFileSync(path, whole);
  assert.deepEqual(
    (await damagesOf(directory)).map((finding) => finding.what),
    ["the checksum of the footer's metadata is wrong"],
  );
  // Without that checksum, as older releases wrote it, the catalog tells.
  bytes.write('sheaf.metadata_sum32', bytes.lastIndexOf('sheaf.metadata_crc32'));
  const change = async (from: string, to: string): Promise<string[]> => {
    const at = bytes.lastIndexOf(from);
    assert.ok(at > 0, `${from} is in the footer`);
    const changed = Buffer.from(bytes);
    changed.write(to, at);
    writeFileSync(path, changed);
    return (await damagesOf(directory)).map((finding) => finding.what);
  };
  const sum = /sheaf\.crc32/.test(bytes.toString('latin1'));
  assert.ok(sum);
  assert.deepEqual(await change('whole', 'whale'), ['the footer says table name whale, the catalog whole']);
  assert.deepEqual(await change('1,2,3', '1,2,4'), ['the footer says field ids 1,2,4, the catalog 1,2,3']);
  assert.deepEqual(await change('sheaf.table_id', 'sheaf.table_iD'), [
    'the footer does not say whose segment this is',
  ]);
  writeFileSync(path, bytes);
  changeCatalog(
    directory,
    `UPDATE batches SET crc32 = crc32 + 1 WHERE segment_id = ${segmentId.toString()} AND ordinal = 1`,
  );
  assert.deepEqual(
    (await damagesOf(directory)).map((finding) => finding.what),
    [
      'batch row 1 of the catalog contradicts its checksum',
      'the checksum of message 1 is wrong',
      "the footer's entry of message 1 is not the catalog's",
    ],
  );
});

test('a segment of a newer format is refused as such and not called damaged', async (t) => {
  const directory = await makeSample(t);
  const { path, segmentId } = segmentsOf(directory, 'whole')[0]!;
  const bytes = readFileSync(path);
  const key = bytes.lastIndexOf('sheaf.format');
  // The value is a flatbuffer string: the digit stands alone after its length 1.
  const at = [...bytes.keys()]
    .slice(committedEnd(bytes))
    .find((i) => bytes.readUInt32LE(i) === 1 && bytes[i + 4] === 49 && bytes[i + 5] === 0 && Math.abs(i - key) < 64)!;
  bytes[at + 4] = 57;
  // Its metadata is right by that program's own lights: a checksum that is wrong by ours would be damage.
  bytes.write('sheaf.metadata_sum32', bytes.lastIndexOf('sheaf.metadata_crc32'));
  writeFileSync(path, bytes);
  await assert.rejects(checkDatabase({ directory }), (error: unknown) => {
    assert.ok(error instanceof EngineError);
    assert.equal(error.code, 'version_unsupported');
    assert.equal(
      error.message,
      `table "whole", segment ${segmentId.toString()}: the segment has format version 9, this program knows versions ` +
        'up to 1; use the newer program that wrote it',
    );
    return true;
  });
});

/** Where to begin to look for the footer's text. */
function committedEnd(bytes: Buffer): number {
  return bytes.lastIndexOf('sheaf.format') - 128;
}

test('files that are missing, short, long, swapped or foreign are named', async (t) => {
  const directory = await makeSample(t);
  const [first, second] = segmentsOf(directory, 'whole');
  const one = first!;
  const other = second!;
  const bytes = readFileSync(one.path);
  const check = async (): Promise<string[]> =>
    (await damagesOf(directory)).map(
      ({ table, file, offset, what }) => `${String(table)} ${file} ${String(offset)} ${what}`,
    );
  renameSync(one.path, `${one.path}.away`);
  assert.deepEqual(await check(), [`whole ${one.file} 0 the file is missing`]);
  renameSync(`${one.path}.away`, one.path);
  truncateSync(one.path, one.committedLength - 5);
  const last = offsetsOf(directory, one.segmentId).at(-1)!;
  assert.deepEqual(await check(), [
    `whole ${one.file} ${(one.committedLength - 5).toString()} the file ends 5 bytes early`,
  ]);
  assert.ok(last > 0);
  writeFileSync(one.path, bytes);
  truncateSync(one.path, bytes.byteLength - 1);
  const short = (bytes.byteLength - 1).toString();
  assert.deepEqual(await check(), [
    `whole ${one.file} ${short} the file has ${short} bytes, sealed with ${bytes.byteLength.toString()}`,
  ]);
  writeFileSync(one.path, bytes);
  appendFileSync(one.path, 'x');
  const long = (bytes.byteLength + 1).toString();
  assert.deepEqual(await check(), [
    `whole ${one.file} ${long} the file has ${long} bytes, sealed with ${bytes.byteLength.toString()}`,
  ]);
  copyFileSync(other.path, one.path);
  assert.ok((await check()).every((line) => line.startsWith(`whole ${one.file} `)));
  assert.ok((await check()).length > 1);
});

test('a catalog that is missing, no database, damaged or another program’s is named', async (t) => {
  const directory = await makeSample(t);
  const path = join(directory, 'catalog.db');
  const bytes = readFileSync(path);
  const check = async (): Promise<string[]> =>
    (await damagesOf(directory)).map(({ file, what }) => `${file}: ${what.replaceAll(directory, 'D')}`);
  rmSync(path);
  assert.deepEqual(await check(), ['catalog.db: the catalog is missing']);
  writeFileSync(path, 'this is no database at all, though it has some bytes'.repeat(100));
  assert.deepEqual(await check(), [
    'catalog.db: cannot read D/catalog.db: file is not a database (SQLITE_NOTADB); ' +
      'the file is not an SQLite database: restore it from a backup, or choose another directory',
  ]);
  writeFileSync(path, '');
  assert.deepEqual(await check(), ['catalog.db: D/catalog.db is empty or of another program: it is no catalog']);
  const foreign = Buffer.from(bytes);
  foreign.writeUInt32BE(7, 68);
  writeFileSync(path, foreign);
  assert.deepEqual(await check(), [
    'catalog.db: D/catalog.db belongs to another program (application id 7): it is no catalog',
  ]);
  const broken = Buffer.from(bytes);
  broken.fill(0x5a, bytes.byteLength - 4_096);
  writeFileSync(path, broken);
  const found = await check();
  assert.ok(found.length > 0 && found.every((line) => line.startsWith('catalog.db: ')), found.join('\n'));
});

test('a catalog that contradicts itself is told', async (t) => {
  const directory = await makeSample(t);
  const pristine = readFileSync(join(directory, 'catalog.db'));
  const [first, second] = segmentsOf(directory, 'whole');
  const [one, two] = [first!.segmentId.toString(), second!.segmentId.toString()];
  const cases: readonly (readonly [sql: string, told: RegExp])[] = [
    [
      `UPDATE segments SET row_count = row_count + 1 WHERE segment_id = ${one}`,
      /^the catalog says 193 rows, its batch rows 192$/,
    ],
    [
      `UPDATE segments SET batch_count = 9 WHERE segment_id = ${one}`,
      /^the catalog says 9 messages, its batch rows 3$/,
    ],
    [
      `UPDATE batches SET offset = offset + 64 WHERE segment_id = ${one} AND ordinal = 1`,
      /^batch row 1 begins there, but the one before ends at \d+$/,
    ],
    [`DELETE FROM batches WHERE segment_id = ${one} AND ordinal = 0`, /^batch row 1 stands at place 0$/],
    [
      `UPDATE segments SET position = (SELECT position FROM segments WHERE segment_id = ${two}) WHERE segment_id = ${one}`,
      /^segments \d+ and \d+ of table \d+ have the same position$/,
    ],
    [
      `UPDATE segments SET schema_version = 5 WHERE segment_id = ${one}`,
      /^segment \d+ has schema version 5, which its table does not have$/,
    ],
    [
      `UPDATE segments SET created_commit = 99 WHERE segment_id = ${one}`,
      /^segment \d+ is of a commit after the last one, \d+$/,
    ],
    [
      'INSERT INTO batches SELECT 77, ordinal, kind, offset, header_length, body_length, row_count, crc32, commit_id, statistics, row_crc32 FROM batches LIMIT 1',
      /^batch rows name segment 77, which is not there$/,
    ],
    [`INSERT INTO damages VALUES (${one}, 5, 'a checksum is wrong', 0)`, /^noted as damaged: a checksum is wrong$/],
    ["INSERT INTO damages VALUES (88, 5, 'x', 0)", /^segment 88 is noted as damaged, but is not there$/],
    ['PRAGMA foreign_keys = OFF; DELETE FROM schemas WHERE table_id = 1', /^table 1 \("whole"\) has no schema$/],
    ["UPDATE tables SET directory = '../x' WHERE table_id = 2", /^table 2 \("words"\) has the directory "\.\.\/x"$/],
  ];
  for (const [sql, told] of cases) {
    changeCatalog(directory, sql);
    const found = await damagesOf(directory);
    assert.ok(
      found.some((finding) => told.test(finding.what)),
      `${sql}\n${JSON.stringify(found, null, 1)}`,
    );
    writeFileSync(join(directory, 'catalog.db'), pristine);
  }
  await assertSound(directory);
});

test('files that nobody knows are notes', async (t) => {
  const directory = await makeSample(t);
  const [first] = segmentsOf(directory, 'whole');
  writeFileSync(join(directory, 'stray.txt'), 'x');
  writeFileSync(join(directory, 'tables', first!.directory, 'note.txt'), 'x');
  writeFileSync(join(directory, 'tables', first!.directory, 'dropped'), '');
  copyFileSync(first!.path, join(directory, 'tables', first!.directory, '000000000099.arrow'));
  const report = await checkDatabase({ directory });
  assert.equal(report.isSound, true);
  assert.deepEqual(
    report.findings.map(({ kind, file, what }) => `${kind} ${file}: ${what}`),
    [
      'note stray.txt: no file of ours; it is left alone',
      `note tables/${first!.directory}/000000000099.arrow: the catalog does not know this segment; it is removed at the next start`,
      `note tables/${first!.directory}/note.txt: no file of ours; it is left alone`,
    ],
  );
});

test('a check beside an open database looks at one snapshot, and at what goes meanwhile again', async (t) => {
  const directory = await makeSample(t);
  const storage = await openSmall(directory);
  try {
    await put(storage, 'open', [numbered(228, 64)]);
    await assertSound(directory);
    await storage.dropTable('whole');
    await assertSound(directory);
  } finally {
    await storage.close();
  }
});

test('no database is told as such', async (t) => {
  const directory = temporaryDirectory(t);
  await assert.rejects(checkDatabase({ directory }), {
    code: 'not_found',
    message: `there is no database in ${directory}; name another with --data-dir`,
  });
});
