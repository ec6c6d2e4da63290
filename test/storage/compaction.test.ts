/**
 * Compaction: which segments it takes, what it leaves, and whom it does not disturb.
 *
 * Method: the policy is held against simulated tables; merging is done by storage, inline on the in-memory disk and in
 * the maintenance thread on the machine's own.
 */
import assert from 'node:assert/strict';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { RecordBatch } from '../../src/arrow/batch.ts';
import { makeField, makeSchema } from '../../src/arrow/schema.ts';
import type { Schema } from '../../src/arrow/schema.ts';
import type { DataType } from '../../src/arrow/type.ts';
import { AssertionError } from '../../src/base/assert.ts';
import { systemClock } from '../../src/base/clock.ts';
import { SEGMENT_WEIGHT_BYTES_MIN } from '../../src/base/limits.ts';
import { chooseInputs } from '../../src/storage/compaction.ts';
import type { Storage } from '../../src/storage/contract.ts';
import { newDefinition } from '../../src/storage/definition.ts';
import { databasePaths } from '../../src/storage/filename.ts';
import { MapBudget } from '../../src/storage/map-budget.ts';
import { keepApart } from '../../src/storage/rewrite.ts';
import { Segment } from '../../src/storage/segment.ts';
import { openStorage } from '../../src/storage/storage.ts';
import { Producers } from '../../src/storage/producers.ts';
import { Table } from '../../src/storage/table.ts';
import { MemoryOs } from '../support/memory-os.ts';
import { SAMPLE_TYPES, randomVector } from '../support/random-vector.ts';
import { makeRandom } from '../support/random.ts';
import { refusal } from '../support/refusal.ts';
import { INT64, UTF8, batchOf, rowsOf, schemaOf } from '../support/sample.ts';
import { pinFor, remove, segmentFiles, stoppedClock, until, idsIn } from './edits.ts';
import {
  QUIET,
  SCHEMA,
  collect,
  count,
  numbered,
  openFor,
  put,
  readIds,
  readRows,
  tableIn,
  temporaryDirectory,
} from './fixture.ts';

const MIB = 1_024 * 1_024;

const POLICY = { batchRowsMax: 65_536, batchBytesMax: 2 * MIB, segmentBytesMax: 1_024 * MIB, compactSegmentsMin: 4 };

/** A table whose segments are only numbers. */
class Simulation {
  readonly table: Table;
  copiedBytes = 0;
  addedBytes = 0;
  #nextId = 1;

  constructor() {
    this.table = new Table(newDefinition(databasePaths('/nowhere'), 1, 't', SCHEMA), 1, new Producers(10, true));
  }

  add(bytes: number, messages = 1): void {
    this.addedBytes += bytes;
    this.table.segments.push(this.#segment(bytes, messages));
  }

  #segment(bytes: number, messages: number): Segment {
    const { definition } = this.table;
    const id = this.#nextId++;
    const context = {
      os: new MemoryOs(),
      catalog: {
        readBatches: () => {
          throw new AssertionError('nothing is read');
        },
      },
      maps: new MapBudget(1),
      clock: systemClock,
      onDamage: () => undefined,
    };
    const stored = {
      state: 'sealed' as const,
      committedLength: bytes,
      rowCount: 100 * messages,
      messageCount: messages,
      createdCommit: 1,
      position: id,
    };
    return new Segment({ segmentId: id, definition, path: `/nowhere/${id.toString()}` }, context, stored, undefined);
  }

  /** Merges as compaction would. `split`: into how many segments each merge ends. Returns the merges. */
  settle(thorough = false, split: (inputs: readonly Segment[]) => number = () => 1): number {
    for (let merges = 0; ; merges++) {
      assert.ok(merges < 20_000, 'it never ends');
      const inputs = chooseInputs(this.table, POLICY, thorough);
      const [first] = inputs;
      if (first === undefined) return merges;
      const bytes = inputs.reduce((sum, segment) => sum + segment.committedLength, 0);
      this.copiedBytes += bytes;
      const parts = split(inputs);
      const made = Array.from({ length: parts }, () => this.#segment(Math.ceil(bytes / parts), 1));
      for (const segment of made) segment.isCompacted = true;
      const at = this.table.segments.indexOf(first);
      keepApart(this.table.segments[at - 1], inputs, made);
      this.table.segments.splice(at, inputs.length, ...made);
    }
  }
}

test('ten thousand equal small segments are copied a few times each, and few are left', (t) => {
  const simulation = new Simulation();
  for (let i = 0; i < 10_000; i++) {
    simulation.add(MIB / 2);
    simulation.settle();
    assert.ok(simulation.table.segments.length < 40, `${simulation.table.segments.length.toString()} segments`);
  }
  const amplification = simulation.copiedBytes / simulation.addedBytes;
  t.diagnostic(`each byte is copied ${amplification.toFixed(2)} times, ${simulation.table.segments.length} segments`);
  // log2 of the segments that make a full one is 10; equal ones are merged four at a time.
  assert.ok(amplification < 10, `each byte is copied ${amplification.toFixed(2)} times`);
});

test('tiny segments cost as their least weight says, and are merged as well', () => {
  const simulation = new Simulation();
  for (let i = 0; i < 2_000; i++) {
    simulation.add(1_000);
    simulation.settle();
  }
  assert.ok(simulation.table.segments.length < 30);
  const rounds = simulation.copiedBytes / simulation.addedBytes;
  // Below the least weight all count the same, so that the first that are merged are merged every three times.
  assert.ok(rounds < 40, `each byte is copied ${rounds.toFixed(2)} times`);
  assert.ok(SEGMENT_WEIGHT_BYTES_MIN > 1_000);
});

test('whatever the segments are, compaction comes to an end, also when what it merges does not fit together', (t) => {
  for (let seed = 1; seed <= 60; seed++) {
    const random = makeRandom(seed);
    const simulation = new Simulation();
    for (let i = 0; i < 60; i++) {
      const bytes = Math.ceil(10 ** (3 + random() * 6));
      simulation.add(Math.min(bytes, 1_023 * MIB), random() < 0.1 ? 5_000 : 1);
      if (random() < 0.3) simulation.settle(random() < 0.3, (inputs) => 1 + Math.floor(random() * inputs.length));
    }
    simulation.settle(false, (inputs) => inputs.length);
    simulation.settle(true, (inputs) => inputs.length);
    simulation.settle(true);
    assert.equal(chooseInputs(simulation.table, POLICY, true).length, 0, `seed ${seed.toString()}`);
    assert.equal(chooseInputs(simulation.table, POLICY, false).length, 0, `seed ${seed.toString()}`);
  }
  t.diagnostic('seeds 1 to 60');
});

test('large neighbours, full ones and the active one are left alone', () => {
  const simulation = new Simulation();
  simulation.add(600 * MIB);
  for (let i = 0; i < 3; i++) simulation.add(MIB);
  assert.deepEqual(chooseInputs(simulation.table, POLICY, false), []);
  assert.equal(chooseInputs(simulation.table, POLICY, true).length, 3);
  simulation.add(MIB);
  assert.equal(chooseInputs(simulation.table, POLICY, false).length, 4);
  const last = simulation.table.segments.at(-1);
  if (last !== undefined) last.state = 'active';
  assert.deepEqual(chooseInputs(simulation.table, POLICY, false), []);
  const wasteful = new Simulation();
  wasteful.add(600 * MIB, 100_000);
  assert.equal(chooseInputs(wasteful.table, POLICY, false).length, 1);
  assert.equal(wasteful.settle(), 1);
});

/** Many commits of a few rows, sealed every so often. */
async function small(storage: Storage, commits: number, rows: number, every: number): Promise<void> {
  for (let i = 0; i < commits; i++) {
    await put(storage, 't', [numbered(i * rows, rows)]);
    if (i % every === every - 1) await storage.seal('t');
  }
}

for (const where of ['in the maintenance thread', 'inline on a disk in memory'] as const) {
  test(`many small commits become few full batches with equal rows in the same order, ${where}`, async (t) => {
    const directory = temporaryDirectory(t);
    const options = where.startsWith('inline') ? { directory, os: new MemoryOs() } : { directory };
    let storage = await openStorage({ ...options, bounds: QUIET });
    await small(storage, 120, 7, 30);
    const before = await readRows(storage, 't');
    const snapshot = pinFor(t, storage);
    const report = await storage.compact('t');
    assert.deepEqual({ inputs: report.inputCount, outputs: report.outputCount }, { inputs: 4, outputs: 1 });
    const batches = await collect(tableIn(pinFor(t, storage), 't').messages());
    assert.deepEqual(
      batches.map((batch) => batch.rowCount),
      [840],
    );
    assert.deepEqual(await readRows(storage, 't'), before);
    assert.deepEqual(await idsIn(snapshot, 't'), count(840));
    const table = tableIn(pinFor(t, storage), 't');
    const bounds = [{ column: 0, operator: '>', value: 840n } as const];
    assert.deepEqual(await table.countBatches(bounds), { pruned: 1, total: 1, segments: { pruned: 1, total: 1 } });
    assert.deepEqual(await storage.compact(), { inputCount: 0, outputCount: 0, byteCount: 0 });
    await put(storage, 't', [numbered(840, 5)]);
    await storage.close();
    storage = await openFor(t, { ...options, bounds: QUIET });
    assert.deepEqual(await readIds(storage, 't'), count(845));
  });
}

test('background compaction merges by itself, while puts and scans go on', async (t) => {
  const directory = temporaryDirectory(t);
  const bounds = { sweepMs: 5, sealIdleMs: 0, compactSegmentsMin: 4, snapshotRetentionMs: 0 };
  const storage = await openFor(t, { directory, bounds });
  let rows = 0;
  const pinned = [];
  for (let i = 0; i < 40; i++) {
    await put(storage, 't', [numbered(rows, 10)]);
    rows += 10;
    if (i % 10 === 0) pinned.push({ rows, snapshot: pinFor(t, storage) });
    if (i % 8 === 0) assert.deepEqual(await readIds(storage, 't'), count(rows));
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  const whats = async (): Promise<string[]> => (await storage.snapshots(1_000)).map((one) => one.what);
  await until('something was merged', async () => (await whats()).includes('compact'));
  for (const { snapshot, rows: had } of pinned) assert.deepEqual(await idsIn(snapshot, 't'), count(had));
  for (const { snapshot } of pinned) snapshot.release();
  assert.deepEqual(await readIds(storage, 't'), count(rows));
});

const WORDS: DataType = {
  id: 'dictionary',
  index: { id: 'int', bitWidth: 8, signed: true },
  value: UTF8,
  ordered: false,
  dictionaryId: 0n,
};
const TAGGED: Schema = makeSchema([makeField('tag', WORDS), makeField('id', INT64)]);

/** Rows whose tags are `words`, which are also their dictionary. */
function tagged(words: readonly string[], from: number): RecordBatch {
  const [values] = batchOf(schemaOf({ v: UTF8 }), [words]).columns;
  const [ids] = batchOf(schemaOf({ id: INT64 }), [words.map((_, i) => from + i)]).columns;
  if (values === undefined || ids === undefined) throw new Error('no column');
  const buffers = [new Uint8Array(0), Uint8Array.from(words, (_, i) => i)];
  const tag = { type: WORDS, length: words.length, nullCount: 0, buffers, children: [], dictionary: values };
  return { schema: TAGGED, rowCount: words.length, columns: [tag, ids] };
}

test('dictionaries that differ from segment to segment become one', async (t) => {
  const storage = await openFor(t, { directory: temporaryDirectory(t), os: new MemoryOs(), bounds: QUIET });
  const parts = [['a', 'b'], ['b', 'c', 'd'], ['d', 'a'], ['e']];
  for (const [i, words] of parts.entries()) {
    await put(storage, 't', [tagged(words, i * 10)], TAGGED);
    await storage.seal();
  }
  const before = await readRows(storage, 't');
  await storage.compact('t');
  assert.equal((await collect(tableIn(pinFor(t, storage), 't').messages())).length, 1);
  assert.deepEqual(await readRows(storage, 't'), before);
  const [batch] = await collect(tableIn(pinFor(t, storage), 't').messages());
  assert.equal(batch?.batch().columns[0]?.dictionary?.length, 5);
});

test('dictionaries that cannot become one stay apart, and are not tried again and again', async (t) => {
  const storage = await openFor(t, { directory: temporaryDirectory(t), os: new MemoryOs(), bounds: QUIET });
  const words = (from: number): string[] => count(100).map((i) => `w${(from + i).toString()}`);
  for (let i = 0; i < 5; i++) {
    await put(storage, 't', [tagged(words(i * 100), i * 100)], TAGGED);
    await storage.seal();
  }
  const before = await readRows(storage, 't');
  const report = await storage.compact('t');
  assert.equal(report.inputCount, report.outputCount);
  assert.deepEqual(await storage.compact('t'), { inputCount: 0, outputCount: 0, byteCount: 0 });
  assert.deepEqual(await readRows(storage, 't'), before);
});

test('every type comes out of a compaction as it went in', async (t) => {
  const seed = 11;
  const random = makeRandom(seed);
  const storage = await openFor(t, { directory: temporaryDirectory(t), bounds: { ...QUIET, batchRowsMax: 50 } });
  const schema = makeSchema(SAMPLE_TYPES.map((type, i) => makeField(`c${i.toString()}`, type)));
  for (let part = 0; part < 5; part++) {
    const rowCount = 1 + Math.floor(random() * 40);
    const columns = SAMPLE_TYPES.map((type) => randomVector(type, rowCount, random));
    await put(storage, 't', [{ schema, rowCount, columns }], schema);
    await storage.seal();
  }
  const before = await readRows(storage, 't');
  const report = await storage.compact('t');
  assert.equal(report.inputCount, 5, `seed ${seed.toString()}`);
  assert.deepEqual(await readRows(storage, 't'), before, `seed ${seed.toString()}`);
  const all = { columns: schema.fields.map((_, i) => i), bounds: [], limit: undefined };
  assert.deepEqual(await rowsOf(tableIn(pinFor(t, storage), 't').scan(all)), before);
});

test('damage that compaction meets marks the table and changes nothing', async (t) => {
  const directory = temporaryDirectory(t);
  let storage = await openStorage({ directory, bounds: QUIET });
  await small(storage, 6, 10, 2);
  await put(storage, 'u', [numbered(0, 3)]);
  await storage.close();
  const before = segmentFiles(directory);
  // Segment ids are given in order: t's come first.
  const second = before.find((file) => file.endsWith('/000000000002.arrow')) ?? '';
  const path = join(directory, 'tables', second);
  const bytes = readFileSync(path);
  bytes[400] = (bytes[400] ?? 0) ^ 4;
  writeFileSync(path, bytes);
  storage = await openFor(t, { directory, bounds: QUIET });
  const message =
    `table "t" is damaged: checksum of message 0 is wrong at offset 320 of ${path}; ` +
    'it is read-only: stop the server and run `sheaf repair`, restore it from a backup, or drop it';
  await assert.rejects(storage.compact('t'), refusal('corrupt', message));
  assert.deepEqual(segmentFiles(directory), before);
  await assert.rejects(put(storage, 't', [numbered(0, 1)]), refusal('corrupt', message));
  await assert.rejects(
    remove(storage, 't', () => true),
    refusal('corrupt', message),
  );
  const rename = { kind: 'rename_column', column: 'id', to: 'x' } as const;
  await assert.rejects(storage.alterTable('t', rename), refusal('corrupt', message));
  assert.deepEqual(await storage.compact(), { inputCount: 0, outputCount: 0, byteCount: 0 });
  await put(storage, 'u', [numbered(3, 1)]);
  assert.deepEqual(await readIds(storage, 'u'), [0, 1, 2, 3]);
});

test('a close in the middle of a compaction waits for it, and nothing is lost or left', async (t) => {
  const directory = temporaryDirectory(t);
  const storage = await openStorage({ directory, bounds: QUIET });
  await small(storage, 60, 100, 10);
  const compacting = storage.compact('t').then(
    () => undefined,
    (error: unknown) => error,
  );
  await new Promise((resolve) => setTimeout(resolve, 20));
  await storage.close();
  const failure = await compacting;
  if (failure !== undefined) refusal('draining', 'the database is closing; send it again when it is back')(failure);
  const files = segmentFiles(directory);
  const again = await openFor(t, { directory, bounds: QUIET });
  assert.deepEqual(segmentFiles(directory), files);
  assert.equal(again.status().segmentCount, files.length);
  assert.deepEqual(await readIds(again, 't'), count(6_000));
});

test('a database that is read-only or closing refuses to compact', async (t) => {
  const directory = temporaryDirectory(t);
  const os = new MemoryOs();
  const storage = await openStorage({ directory, os, bounds: QUIET });
  await small(storage, 4, 10, 1);
  os.inject({ nth: 1, kind: 'dataSync', errno: 'EIO', forever: true });
  await assert.rejects(put(storage, 't', [numbered(40, 1)]), { code: 'io_error' });
  os.heal();
  await assert.rejects(storage.compact('t'), { code: 'io_error', message: /^the database is read-only: / });
  await assert.rejects(storage.truncate('t'), { code: 'io_error', message: /^the database is read-only: / });
  await storage.close();
  await assert.rejects(storage.compact(), { code: 'draining' });
});

test('a failure of the disk during a compaction leaves no file, and the next one succeeds', async (t) => {
  const directory = temporaryDirectory(t);
  const os = new MemoryOs();
  const clock = stoppedClock();
  const storage = await openFor(t, { directory, os, clock, bounds: QUIET });
  await small(storage, 8, 10, 2);
  const files = async (): Promise<number> => {
    const [table = ''] = await os.list(join(directory, 'tables'));
    return (await os.list(join(directory, 'tables', table))).length;
  };
  for (const [kind, errno] of [
    ['create', 'EMFILE'],
    ['write', 'ENOSPC'],
    ['dataSync', 'EIO'],
    ['syncDirectory', 'EIO'],
    ['read', 'EIO'],
  ] as const) {
    os.inject({ nth: 1, kind, errno });
    await assert.rejects(storage.compact('t'), { code: errno === 'ENOSPC' ? 'storage_full' : 'io_error' });
    os.heal();
    assert.equal(await files(), 4, kind);
    assert.equal(storage.status().readOnlyReason, undefined);
  }
  assert.equal((await storage.compact('t')).inputCount, 4);
  assert.deepEqual(await readIds(storage, 't'), count(80));
  assert.equal(readdirSync(directory).includes('catalog.db'), true);
});
