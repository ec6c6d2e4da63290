/**
 * Makes a data directory of the format that this program writes, for test/fixtures/format-N: every type, tables of many
 * small commits, a dropped one.
 *
 * Usage: node --import tsx test/support/format-fixture.ts N. Run once for each format before it is released; the
 * directory is committed and never made again, so that later programs are held against what was really written.
 * Invariant: content follows from a fixed seed; expected.json has a digest of every table's rows as values.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildVector } from '../../src/arrow/build.ts';
import { makeField, makeSchema } from '../../src/arrow/schema.ts';
import type { Schema } from '../../src/arrow/schema.ts';
import type { RecordBatch, ResultBatch } from '../../src/arrow/batch.ts';
import type { Vector } from '../../src/arrow/vector.ts';
import type { Storage } from '../../src/storage/contract.ts';
import { openStorage } from '../../src/storage/storage.ts';
import { deleting } from '../storage/edits.ts';
import { SAMPLE_TYPES, randomVector } from './random-vector.ts';
import { makeRandom } from './random.ts';
import { FLOAT64, INT64, UTF8, batchOf, rowsOf, schemaOf } from './sample.ts';

const ROWS = 40;

/** What expected.json holds: rows and their digest by table. */
export type Expected = Readonly<Record<string, { readonly rowCount: number; readonly sha256: string }>>;

/** Digest of rows as values; int64 and bytes as text. */
async function digestRows(batches: AsyncIterable<ResultBatch>): Promise<Expected[string]> {
  const rows = await rowsOf(batches);
  const hash = createHash('sha256');
  for (const row of rows) {
    const text = JSON.stringify(row, (_key, value: unknown) => {
      if (typeof value === 'bigint') return `${value.toString()}n`;
      if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
      return typeof value === 'number' && !Number.isFinite(value) ? String(value) : value;
    });
    hash.update(`${text}\n`);
  }
  return { rowCount: rows.length, sha256: hash.digest('hex') };
}

/** Digests of all tables of a storage. */
export async function digestTables(storage: Storage): Promise<Expected> {
  const snapshot = storage.snapshot();
  const expected: Record<string, Expected[string]> = {};
  for (const name of snapshot.tableNames()) {
    const table = snapshot.table(name);
    if (table !== undefined) expected[name] = await digestRows(table.messages());
  }
  snapshot.release();
  return expected;
}

async function put(storage: Storage, name: string, schema: Schema, batches: readonly RecordBatch[]): Promise<void> {
  const append = await storage.beginAppend(name, schema, { create: true });
  for (const batch of batches) await append.write({ ...batch, schema: append.schema });
  await append.commit();
}

async function fill(storage: Storage): Promise<void> {
  const random = makeRandom(1);
  const types = makeSchema(
    SAMPLE_TYPES.map((type, i) => makeField(`c${i.toString()}`, type)),
    [['origin', 'fixture']],
  );
  for (let round = 0; round < 2; round++) {
    const columns = SAMPLE_TYPES.map((type) => randomVector(type, ROWS, random));
    await put(storage, 'every type', types, [{ schema: types, rowCount: ROWS, columns }]);
    await storage.seal();
  }
  const ticks = schemaOf({ id: INT64, price: FLOAT64, name: UTF8 });
  for (let commit = 0; commit < 20; commit++) {
    const ids = Array.from({ length: 10 }, (_, i) => commit * 10 + i);
    const names = ids.map((id) => (id % 7 === 0 ? null : `tick ${id.toString()}`));
    await put(storage, 'ticks', ticks, [batchOf(ticks, [ids, ids.map((id) => id / 4), names])]);
    if (commit % 5 === 4) await storage.seal('ticks');
  }
  await put(storage, 'empty', ticks, []);
  await fillAltered(storage, ticks);
  await put(storage, 'gone', ticks, [batchOf(ticks, [[1], [2], ['three']])]);
  await storage.dropTable('gone');
}

/** From format 2 on: rows under several versions of a schema, rewritten segments, and a producer. */
async function fillAltered(storage: Storage, ticks: Schema): Promise<void> {
  const rows = (from: number): RecordBatch => {
    const ids = Array.from({ length: 20 }, (_, i) => from + i);
    return batchOf(ticks, [ids, ids.map((id) => id / 8), ids.map((id) => `row ${id.toString()}`)]);
  };
  await put(storage, 'altered', ticks, [rows(0)]);
  const added = makeField('level', INT64, false);
  await storage.alterTable('altered', { kind: 'add_column', field: added, default: buildVector(INT64, [7n]) });
  await storage.alterTable('altered', { kind: 'rename_column', column: 'name', to: 'label' });
  await storage.alterTable('altered', { kind: 'drop_column', column: 'price' });
  const append = await storage.beginAppend('altered', ticks, {
    create: false,
    tag: { kind: 'producer', name: 'fixture', epoch: 0, seq: 1 },
  });
  const [id, , label] = rows(20).columns;
  const level = buildVector(INT64, Array<bigint>(20).fill(7n));
  await append.write({ schema: append.schema, rowCount: 20, columns: [id, label, level] as Vector[] });
  await append.commit();
  await put(storage, 'edited', ticks, [rows(0)]);
  await storage.seal();
  await put(storage, 'edited', ticks, [rows(20)]);
  await storage.rewrite(
    'edited',
    'delete',
    deleting(storage, 'edited', (one) => one % 3 === 0),
  );
  await put(storage, 'emptied', ticks, [rows(0)]);
  await storage.truncate('emptied');
  await fillDefined(storage, ticks, rows(0));
}

/** The view of the fixtures from format 4 on. */
export const FIXTURE_VIEW = { name: 'seen', columns: ['n'], sql: 'SELECT id FROM ticks -- é' };

/** From format 4 on: views, one of them dropped, defaults as text, and a table that took the place of another. */
async function fillDefined(storage: Storage, ticks: Schema, rows: RecordBatch): Promise<void> {
  await storage.createView({ ...FIXTURE_VIEW, columns: [] }, { replace: false });
  await storage.createView(FIXTURE_VIEW, { replace: true });
  await storage.createView({ name: 'unseen', columns: [], sql: 'SELECT 1' }, { replace: false });
  await storage.dropView('unseen');
  await storage.createTable('defaulted', ticks, { defaults: ['42', undefined, "'x'"] });
  await storage.alterTable('defaulted', { kind: 'set_default', column: 'id', sql: undefined });
  await storage.alterTable('defaulted', { kind: 'set_default', column: 'price', sql: '1.5' });
  await storage.alterTable('defaulted', { kind: 'set_nullable', column: 'id', nullable: false });
  await put(storage, 'defaulted', ticks, [rows]);
  await put(storage, 'replaced', ticks, [rows]);
  const append = await storage.beginAppend('replaced', ticks, { create: 'replace' });
  await append.write({ ...rows, schema: append.schema });
  await append.commit();
}

async function main(format: string): Promise<void> {
  const root = fileURLToPath(new URL(`../fixtures/format-${format}`, import.meta.url));
  rmSync(root, { recursive: true, force: true });
  mkdirSync(root, { recursive: true });
  const storage = await openStorage({ directory: join(root, 'database') });
  await fill(storage);
  const expected = await digestTables(storage);
  await storage.close();
  writeFileSync(join(root, 'expected.json'), `${JSON.stringify(expected, null, 2)}\n`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main(process.argv[2] ?? '');
