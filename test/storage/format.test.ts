/**
 * Formats: data directories of every released format are opened by this build, and newer ones are refused.
 *
 * Method: each directory under test/fixtures/format-N is copied, opened (which migrates its catalog), and held against
 * the digests of what was written; then it is used as any other database.
 */
import assert from 'node:assert/strict';
import { cpSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import Database from 'better-sqlite3';
import { makeField } from '../../src/arrow/schema.ts';
import { buildVector } from '../../src/arrow/build.ts';
import { openStorage } from '../../src/storage/storage.ts';
import type { Snapshot, Storage } from '../../src/storage/contract.ts';
import { digestTables, FIXTURE_VIEW } from '../support/format-fixture.ts';
import type { Expected } from '../support/format-fixture.ts';
import { refusal } from '../support/refusal.ts';
import { FLOAT64, INT64, UTF8, batchOf, schemaOf } from '../support/sample.ts';
import { footerOf, pinFor, remove, segmentFiles } from './edits.ts';
import { QUIET, count, numbered, openFor, put, readIds, readRows, tableIn, temporaryDirectory } from './fixture.ts';

const fixtures = fileURLToPath(new URL('../fixtures', import.meta.url));
const formats = readdirSync(fixtures).filter((name) => /^format-\d+$/.test(name));

/** A copy of a fixture's directory; git keeps no empty directories, and a database has them. */
function copyOf(t: TestContext, format: string): string {
  const directory = join(temporaryDirectory(t), 'database');
  cpSync(join(fixtures, format, 'database'), directory, { recursive: true });
  return directory;
}

function expectedOf(format: string): Expected {
  return JSON.parse(readFileSync(join(fixtures, format, 'expected.json'), 'utf8')) as Expected;
}

async function checkTables(storage: Storage, expected: Expected, what: string): Promise<void> {
  assert.deepEqual(await digestTables(storage), expected, what);
}

test('there is a data directory of every format', () => {
  assert.ok(formats.includes('format-1'), 'test/fixtures/format-1 is missing');
});

for (const format of formats) {
  test(`a data directory of ${format} opens with every row, and can be used from then on`, async (t) => {
    const directory = copyOf(t, format);
    const expected = expectedOf(format);
    assert.ok(Object.keys(expected).length >= 3, 'the fixture has tables');
    let storage = await openStorage({ directory, bounds: QUIET });
    await checkTables(storage, expected, 'at the first open');
    assert.equal((await storage.scrub()).damagedCount, 0);
    await storage.compact();
    await checkTables(storage, expected, 'compacted');
    await storage.close();
    storage = await openStorage({ directory, bounds: QUIET });
    await checkTables(storage, expected, 'opened again');
    const ticks = schemaOf({ id: INT64, price: FLOAT64, name: UTF8 });
    const before = await readRows(storage, 'ticks');
    await put(
      storage,
      'ticks',
      [
        batchOf(ticks, [
          [200, 201],
          [50, null],
          ['a', 'b'],
        ]),
      ],
      ticks,
    );
    const added = makeField('extra', INT64);
    await storage.alterTable('ticks', { kind: 'add_column', field: added, default: buildVector(INT64, [7n]) });
    await storage.alterTable('ticks', { kind: 'drop_column', column: 'price' });
    await storage.alterTable('ticks', { kind: 'rename_column', column: 'name', to: 'label' });
    await storage.compact();
    await remove(storage, 'ticks', (id) => id % 2 === 1);
    await storage.close();
    storage = await openFor(t, { directory, bounds: QUIET });
    const rows = [...before, [200n, 50, 'a'], [201n, null, 'b']].filter(([id]) => Number(id) % 2 === 0);
    assert.deepEqual(
      await readRows(storage, 'ticks'),
      rows.map(([id, , name]) => [id, name, 7n]),
    );
    const names = tableIn(pinFor(t, storage), 'ticks').schema.fields.map((field) => field.name);
    assert.deepEqual(names, ['id', 'label', 'extra']);
    const { 'every type': types } = await digestTables(storage);
    assert.deepEqual(types, expected['every type']);
    checkDefined(pinFor(t, storage), format);
  });
}

/** Views and defaults as text: a directory of an older format has none, and takes them. */
function checkDefined(snapshot: Snapshot, format: string): void {
  if (Number(format.slice('format-'.length)) < 4) {
    assert.deepEqual(snapshot.viewNames(), []);
    return;
  }
  assert.deepEqual(snapshot.viewNames(), ['seen']);
  const view = snapshot.view('SEEN');
  assert.deepEqual({ name: view?.name, columns: view?.columns, sql: view?.sql }, FIXTURE_VIEW);
  const { defaults, schema } = tableIn(snapshot, 'defaulted');
  assert.deepEqual(defaults, [undefined, { sql: '1.5' }, { sql: "'x'" }]);
  assert.equal(schema.fields[0]?.nullable, false);
}

test('a catalog of a newer version is refused, named, and left as it is', async (t) => {
  const directory = copyOf(t, formats[0] ?? '');
  const path = join(directory, 'catalog.db');
  await (await openStorage({ directory, bounds: QUIET })).close();
  const catalog = new Database(path);
  const known = Number(catalog.pragma('user_version', { simple: true }));
  catalog.pragma(`user_version = ${(known + 1).toString()}`);
  catalog.close();
  const bytes = readFileSync(path);
  await assert.rejects(openStorage({ directory, bounds: QUIET }), (error: unknown) => {
    const { code, message } = error as { code: string; message: string };
    assert.equal(code, 'version_unsupported');
    assert.ok(message.includes(`${(known + 1).toString()}`), message);
    assert.ok(message.includes('use the newer program that wrote it'), message);
    return true;
  });
  assert.equal(Buffer.compare(readFileSync(path), bytes), 0, 'the catalog was changed');
});

/**
 * A database of one table of two sealed segments; the second's footer says `key` is `value`, in as many bytes, and
 * has no checksum of its metadata, as older releases wrote it.
 */
async function forged(t: TestContext, key: string, value: string): Promise<{ directory: string; path: string }> {
  const directory = temporaryDirectory(t);
  const storage = await openStorage({ directory, bounds: QUIET });
  for (const part of [0, 1]) {
    await put(storage, 't', [numbered(part * 10, 10)]);
    await storage.seal();
  }
  await storage.close();
  const [, second = ''] = segmentFiles(directory);
  const path = join(directory, 'tables', second);
  const bytes = readFileSync(path);
  bytes.write('sheaf.metadata_sum32', bytes.lastIndexOf('sheaf.metadata_crc32'));
  const now = footerOf(bytes).get(key) ?? '';
  assert.equal(now.length, value.length);
  // A flatbuffer string: its length, then its bytes; the value's stands before the key's or after it.
  const keyAt = bytes.lastIndexOf(key);
  const text = Buffer.concat([Buffer.from(Uint32Array.of(value.length).buffer), Buffer.from(`${now}\0`)]);
  const around = [bytes.indexOf(text, keyAt), bytes.lastIndexOf(text, keyAt)].filter((at) => at >= 0);
  for (const at of around) {
    const copy = Buffer.from(bytes);
    copy.write(value, at + 4);
    if (footerOf(copy).get(key) !== value) continue;
    writeFileSync(path, copy);
    return { directory, path };
  }
  throw new Error(`the value of ${key} was not found`);
}

test('a segment of a newer format is refused at its first touch, by both versions, and is no damage', async (t) => {
  const { directory, path } = await forged(t, 'sheaf.format', '9');
  const storage = await openFor(t, { directory, bounds: QUIET });
  const versions = 'the segment has format version 9, this program knows versions up to 1';
  const message = `table "t" cannot be read: ${path}: ${versions}; use the newer program that wrote it`;
  const newer = refusal('version_unsupported', message);
  await assert.rejects(readIds(storage, 't'), newer);
  await assert.rejects(
    remove(storage, 't', () => true),
    newer,
  );
  await assert.rejects(storage.compact('t'), newer);
  // It is told by the file, not remembered as damage; other tables serve.
  await put(storage, 'u', [numbered(0, 3)]);
  assert.deepEqual(await readIds(storage, 'u'), count(3));
  await put(storage, 't', [numbered(20, 1)]);
});

test('a segment that says it is of another table is damage', async (t) => {
  const { directory, path } = await forged(t, 'sheaf.table_id', '7');
  const storage = await openFor(t, { directory, bounds: QUIET });
  await assert.rejects(readIds(storage, 't'), (error: unknown) => {
    const { code, message } = error as { code: string; message: string };
    assert.equal(code, 'corrupt');
    assert.ok(message.startsWith('table "t" is damaged: its footer is of table 7 at offset '), message);
    assert.ok(message.includes(path), message);
    return true;
  });
  await assert.rejects(put(storage, 't', [numbered(0, 1)]), { code: 'corrupt' });
});

test('a sealed segment is not read at the open, and its zeros are found at the first touch', async (t) => {
  const directory = temporaryDirectory(t);
  const storage = await openStorage({ directory, bounds: QUIET });
  await put(storage, 't', [numbered(0, 10)]);
  await storage.close();
  const [file = ''] = segmentFiles(directory);
  const path = join(directory, 'tables', file);
  writeFileSync(path, new Uint8Array(readFileSync(path).byteLength));
  const again = await openFor(t, { directory, bounds: QUIET });
  assert.equal(again.status().segmentCount, 1);
  assert.equal(tableIn(pinFor(t, again), 't').rowCount, 10);
  await assert.rejects(readIds(again, 't'), { code: 'corrupt' });
});
