/**
 * Appends: what becomes visible when, in which pieces it is stored, and what is refused.
 */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { makeField, makeSchema } from '../../src/arrow/schema.ts';
import { makeReader } from '../../src/arrow/value.ts';
import { makeVector } from '../../src/arrow/vector.ts';
import { present } from '../../src/base/assert.ts';
import { metricsText } from '../../src/base/metrics.ts';
import { pythonPath, PYTHON_MISSING, runPython } from '../support/python.ts';
import { FLOAT64, INT32, INT64, batchOf, schemaOf } from '../support/sample.ts';
import { openStorage } from '../../src/storage/storage.ts';
import {
  SCHEMA,
  collect,
  count,
  numbered,
  openFor,
  put,
  readIds,
  readRows,
  sentBytes,
  tableIn,
  temporaryDirectory,
} from './fixture.ts';

/** Every file below the tables' directories, as directory/file. */
function segmentFiles(directory: string): string[] {
  const tables = join(directory, 'tables');
  return readdirSync(tables).flatMap((table) => readdirSync(join(tables, table)).map((file) => `${table}/${file}`));
}

async function metric(name: string): Promise<number> {
  const line = (await metricsText()).split('\n').find((each) => each.startsWith(`${name} `));
  return Number(line?.split(' ')[1] ?? 0);
}

test('an append is invisible until its commit, and there with all of its rows after', async (t) => {
  const storage = await openFor(t, { directory: temporaryDirectory(t) });
  const before = storage.snapshot();
  const append = await storage.beginAppend('t', SCHEMA, { create: true });
  await append.write(numbered(0, 3));
  assert.equal(storage.snapshot().table('t'), undefined);
  await append.write(numbered(3, 2));
  assert.deepEqual(await append.commit(), { commit: 1, rowCount: 5, byteCount: 1008, duplicate: false });
  assert.equal(before.table('t'), undefined);
  assert.deepEqual(before.tableNames(), []);
  assert.deepEqual(await readIds(storage, 'T'), count(5));
  assert.deepEqual((await readRows(storage, 't'))[3], [3n, 1.5, 'row 3']);
});

test('an aborted append leaves no row, no table and no file', async (t) => {
  const directory = temporaryDirectory(t);
  const storage = await openFor(t, { directory, bounds: { privateSegmentBytesMin: 1_000 } });
  for (const rows of [10, 10_000]) {
    const append = await storage.beginAppend('t', SCHEMA, { create: true });
    await append.write(numbered(0, rows));
    await append.abort();
    await append.abort();
    await assert.rejects(append.write(numbered(0, 1)), {
      code: 'request_invalid',
      message: 'this append to table "t" is aborted already',
    });
  }
  assert.equal(storage.status().version, 0);
  assert.deepEqual(segmentFiles(directory), []);
  assert.deepEqual(readdirSync(join(directory, 'tables')), []);
});

test('rows survive a restart, and a clean stop leaves only sealed segments that pyarrow opens', async (t) => {
  const directory = temporaryDirectory(t);
  const first = await openStorage({ directory });
  await put(first, 't', [numbered(0, 1_000)]);
  await put(first, 't', [numbered(1_000, 1_000)]);
  await first.close();
  const second = await openFor(t, { directory });
  assert.deepEqual(await readIds(second, 't'), count(2_000));
  const files = segmentFiles(directory);
  assert.equal(files.length, 1);
  if (pythonPath() === undefined) {
    t.diagnostic(PYTHON_MISSING);
    return;
  }
  const script =
    'import pyarrow as pa, sys; r = pa.ipc.open_file(sys.argv[1]); t = r.read_all(); t.validate(full=True); ';
  const outcome = await runPython(`${script}print(t.num_rows, t["id"][1999], t["name"][7], r.num_record_batches)`, [
    join(directory, 'tables', files[0] ?? ''),
  ]);
  assert.equal(outcome.stderr, '');
  assert.equal(outcome.stdout.trim(), '2000 1999 row 7 2');
});

test('many concurrent small appends share a few catalog transactions', async (t) => {
  const storage = await openFor(t, { directory: temporaryDirectory(t) });
  await storage.createTable('t', SCHEMA);
  const commits = await metric('sheaf_storage_commits_total');
  const results = await Promise.all(count(200).map((i) => put(storage, 't', [numbered(i * 10, 10)])));
  const groups = (await metric('sheaf_storage_commits_total')) - commits;
  assert.ok(groups <= 5, `200 streams made ${groups.toString()} commits`);
  assert.equal(new Set(results.map((result) => result.commit)).size, groups);
  assert.deepEqual(
    (await readIds(storage, 't')).sort((a, b) => a - b),
    count(2_000),
  );
  assert.equal(storage.status().segmentCount, 1);
});

test('streams that create the same table at once all get in; another schema is refused', async (t) => {
  const storage = await openFor(t, { directory: temporaryDirectory(t) });
  const other = schemaOf({ id: INT32 });
  const outcomes = await Promise.allSettled([
    put(storage, 't', [numbered(0, 5)]),
    put(storage, 'T', [numbered(5, 5)]),
    put(storage, 't', [batchOf(other, [[1]])], other),
    put(storage, 'u', [numbered(0, 1)]),
  ]);
  assert.deepEqual(
    outcomes.map((outcome) => outcome.status),
    ['fulfilled', 'fulfilled', 'rejected', 'fulfilled'],
  );
  const refused = outcomes[2] as PromiseRejectedResult;
  const error = refused.reason as { code: string; message: string };
  assert.equal(error.code, 'schema_mismatch');
  assert.equal(
    error.message,
    'table "t" was created by another stream meanwhile, with other columns; look at them and send the rows again',
  );
  assert.deepEqual(await readIds(storage, 't'), count(10));
});

test('large streams that create the same table at once both get in, through private segments', async (t) => {
  const directory = temporaryDirectory(t);
  const bounds = { privateSegmentBytesMin: 1_000 };
  const storage = await openStorage({ directory, bounds });
  await Promise.all([put(storage, 't', [numbered(0, 500)]), put(storage, 't', [numbered(500, 500)])]);
  assert.equal(storage.status().segmentCount, 2);
  const order = await readIds(storage, 't');
  assert.deepEqual(
    [...order].sort((a, b) => a - b),
    count(1_000),
  );
  await storage.close();
  assert.equal(new Set(segmentFiles(directory).map((file) => file.split('/')[0])).size, 1);
  const again = await openFor(t, { directory });
  assert.deepEqual(await readIds(again, 't'), order);
  assert.equal(readdirSync(join(directory, 'tables')).length, 1);
});

test('a stream without rows makes its table, and no commit when the table is there', async (t) => {
  const storage = await openFor(t, { directory: temporaryDirectory(t) });
  assert.deepEqual(await put(storage, 't', []), { commit: 1, rowCount: 0, byteCount: 0, duplicate: false });
  assert.deepEqual(await put(storage, 't', [numbered(0, 0)]), {
    commit: 1,
    rowCount: 0,
    byteCount: 0,
    duplicate: false,
  });
  assert.deepEqual(storage.snapshot().tableNames(), ['t']);
  assert.deepEqual(await readRows(storage, 't'), []);
  await assert.rejects(storage.createTable('T', SCHEMA), {
    code: 'already_exists',
    message: 'table "t" exists already; drop it first or choose another name',
  });
});

test('a batch of a million rows is stored in batches of at most 65,536 rows and 2 MiB', async (t) => {
  const storage = await openFor(t, { directory: temporaryDirectory(t) });
  const rows = 1_000_000;
  const schema = makeSchema([makeField('a', INT64), makeField('b', FLOAT64)]);
  const ids = BigInt64Array.from({ length: rows }, (_, i) => BigInt(i));
  const values = Float64Array.from({ length: rows }, (_, i) => i / 4);
  const columns = [
    makeVector(INT64, rows, undefined, 0, [new Uint8Array(ids.buffer)]),
    makeVector(FLOAT64, rows, undefined, 0, [new Uint8Array(values.buffer)]),
  ];
  await put(storage, 't', [{ schema, rowCount: rows, columns }], schema);
  const table = tableIn(storage.snapshot(), 't');
  const batches = await collect(table.messages());
  assert.equal(batches.length, Math.ceil(rows / 65_536));
  assert.ok(batches.every((batch) => batch.rowCount <= 65_536 && batch.message().bodyBytes <= 2 << 20));
  assert.equal(sentBytes(batches), table.byteCount);
  assert.equal(table.rowCount, rows);
  let next = 0;
  for (const batch of batches) {
    const bytes = batch.batch().columns[0]?.buffers[1] ?? new Uint8Array(0);
    const view = new BigInt64Array(bytes.buffer, bytes.byteOffset, batch.rowCount);
    for (const id of view) assert.equal(id, BigInt(next++));
  }
});

test('the memory of a batch may change once its write resolved', async (t) => {
  for (const privateSegmentBytesMin of [1 << 20, 1_000]) {
    const storage = await openFor(t, { directory: temporaryDirectory(t), bounds: { privateSegmentBytesMin } });
    const append = await storage.beginAppend('t', SCHEMA, { create: true });
    for (let i = 0; i < 20; i++) {
      const batch = numbered(i * 200, 200);
      await append.write(batch);
      for (const column of batch.columns) for (const buffer of column.buffers) buffer.fill(0xff);
    }
    await append.commit();
    assert.deepEqual(await readIds(storage, 't'), count(4_000));
  }
});

test('a stream above a segment fills several, in one commit and in order, each within the bound', async (t) => {
  const directory = temporaryDirectory(t);
  const bounds = { segmentBytesMax: 100_000, privateSegmentBytesMin: 10_000, batchRowsMax: 256 };
  const storage = await openStorage({ directory, bounds });
  await put(storage, 't', [numbered(0, 100)]);
  const result = await put(storage, 't', [numbered(100, 9_900)]);
  assert.equal(result.commit, 2);
  const { segmentCount } = storage.status();
  assert.ok(segmentCount > 4, segmentCount.toString());
  await put(storage, 't', [numbered(10_000, 100)]);
  assert.deepEqual(await readIds(storage, 't'), count(10_100));
  await storage.close();
  const again = await openFor(t, { directory, bounds });
  assert.deepEqual(await readIds(again, 't'), count(10_100));
  const table = tableIn(again.snapshot(), 't');
  assert.equal(sentBytes(await collect(table.messages())), table.byteCount);
});

test('small streams roll over to a new segment when the active one is full', async (t) => {
  const bounds = { segmentBytesMax: 60_000 };
  const storage = await openFor(t, { directory: temporaryDirectory(t), bounds });
  for (let i = 0; i < 20; i++) await put(storage, 't', [numbered(i * 100, 100)]);
  assert.ok(storage.status().segmentCount > 1);
  assert.deepEqual(await readIds(storage, 't'), count(2_000));
});

test('a scan sees an active segment grow, through its tail and through new maps', async (t) => {
  const storage = await openFor(t, { directory: temporaryDirectory(t) });
  const schema = schemaOf({ id: INT64 });
  let rows = 0;
  for (let i = 0; i < 12; i++) {
    const batch = batchOf(schema, [Array.from({ length: 150_000 }, (_, j) => rows + j)]);
    await put(storage, 't', [batch], schema);
    rows += 150_000;
    const table = tableIn(storage.snapshot(), 't');
    const batches = await collect(table.scan({ columns: [0], bounds: [], limit: undefined }));
    assert.equal(
      batches.reduce((sum, each) => sum + each.rowCount, 0),
      rows,
    );
    const last = makeReader(present(batches.at(-1)?.columns[0], 'column'));
    assert.equal(last((batches.at(-1)?.rowCount ?? 0) - 1), BigInt(rows - 1));
  }
  assert.equal(storage.status().segmentCount, 1);
  assert.equal(storage.status().mapCount, 1);
});

test('batches that do not fit the table are refused, and the append is over', async (t) => {
  const storage = await openFor(t, { directory: temporaryDirectory(t) });
  const schema = makeSchema([makeField('id', INT64, false)]);
  await storage.createTable('t', schema);
  const refuse = async (batch: Parameters<typeof put>[2][number], message: string): Promise<void> => {
    const append = await storage.beginAppend('t', schema, { create: false });
    await assert.rejects(append.write(batch), { code: 'schema_mismatch', message });
  };
  const two = schemaOf({ id: INT64, b: INT64 });
  const prefix = 'cannot add rows to table "t": ';
  await refuse(batchOf(two, [[1], [2]]), `${prefix}the batch has 2 columns, the table has 1`);
  await refuse(batchOf(schemaOf({ id: INT32 }), [[1]]), `${prefix}column "id" is int64, not int32`);
  await refuse(batchOf(schemaOf({ id: INT64 }), [[null]]), `${prefix}column "id" must not be null`);
  await assert.rejects(storage.beginAppend('u', schema, { create: false }), {
    code: 'not_found',
    message: 'there is no table "u"',
  });
});

test('writes are refused while the storage closes, and close may be called again', async (t) => {
  const storage = await openStorage({ directory: temporaryDirectory(t) });
  const append = await storage.beginAppend('t', SCHEMA, { create: true });
  await append.write(numbered(0, 1));
  const closing = storage.close();
  const draining = {
    code: 'draining',
    message: 'the database is closing; send it again when it is back',
  };
  await assert.rejects(append.commit(), draining);
  await assert.rejects(storage.beginAppend('t', SCHEMA, { create: true }), draining);
  await closing;
  await storage.close();
});

test('secrets are made once and kept', async (t) => {
  const directory = temporaryDirectory(t);
  const first = await openStorage({ directory });
  const [secret, same] = await Promise.all([first.secret('key', 32), first.secret('key', 32)]);
  assert.equal(secret.byteLength, 32);
  assert.deepEqual(secret, same);
  assert.notDeepEqual(await first.secret('other', 32), secret);
  await first.close();
  const second = await openFor(t, { directory });
  assert.deepEqual(new Uint8Array(await second.secret('key', 32)), new Uint8Array(secret));
});
