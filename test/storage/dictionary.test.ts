/**
 * Dictionaries: one per column per segment, growing by deltas; another one begins a new segment; scans send each
 * only once.
 */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { RecordBatch, ResultBatch } from '../../src/arrow/batch.ts';
import { buildVector } from '../../src/arrow/build.ts';
import { BatchReader } from '../../src/arrow/ipc-read.ts';
import { concatBytes } from '../../src/base/bytes.ts';
import { makeField, makeSchema } from '../../src/arrow/schema.ts';
import { makeReader } from '../../src/arrow/value.ts';
import type { Vector } from '../../src/arrow/vector.ts';
import { openStorage } from '../../src/storage/storage.ts';
import { pythonPath, PYTHON_MISSING, runPython } from '../support/python.ts';
import { UTF8, rowsOf } from '../support/sample.ts';
import { collect, openFor, put, readRows, tableIn, temporaryDirectory } from './fixture.ts';

const SCHEMA = makeSchema([
  makeField('word', {
    id: 'dictionary',
    index: { id: 'int', bitWidth: 8, signed: true },
    value: UTF8,
    ordered: false,
    dictionaryId: 7n,
  }),
]);

/** One row per index into `words`. */
function encoded(words: readonly string[], indices: readonly number[]): RecordBatch {
  const type = SCHEMA.fields[0]?.type ?? UTF8;
  const column: Vector = {
    type,
    length: indices.length,
    nullCount: 0,
    buffers: [new Uint8Array(0), new Uint8Array(Int8Array.from(indices).buffer)],
    children: [],
    dictionary: buildVector(UTF8, words),
  };
  return { schema: SCHEMA, rowCount: indices.length, columns: [column] };
}

/** What a client makes of the messages, reading them in order as they come. */
function readAsClient(batches: readonly ResultBatch[], schema: RecordBatch['schema']): string[] {
  const reader = new BatchReader(schema, { trusted: false });
  const words: string[] = [];
  for (const batch of batches) {
    for (const { header, body } of batch.dictionaries()) reader.read(header, concatBytes(body));
    const message = batch.message();
    const decoded = reader.read(message.header, concatBytes(message.body));
    const column = decoded?.columns[0];
    if (decoded === undefined || column === undefined) throw new Error('expected a batch');
    const read = makeReader(column);
    for (let row = 0; row < decoded.rowCount; row++) words.push(JSON.stringify(read(row)).slice(1, -1));
  }
  return words;
}

test('a dictionary that grows stays in its segment; another one begins a new segment', async (t) => {
  const directory = temporaryDirectory(t);
  const storage = await openStorage({ directory });
  await put(storage, 't', [encoded(['a', 'b'], [0, 1])], SCHEMA);
  await put(storage, 't', [encoded(['a', 'b', 'c'], [2, 0])], SCHEMA);
  assert.equal(storage.status().segmentCount, 1);
  await put(storage, 't', [encoded(['x'], [0]), encoded(['x', 'y'], [1])], SCHEMA);
  assert.equal(storage.status().segmentCount, 2);
  const expected = ['a', 'b', 'c', 'a', 'x', 'y'];
  const words = async (opened: typeof storage): Promise<unknown[]> => (await readRows(opened, 't')).flat();
  assert.deepEqual(await words(storage), expected);
  await storage.close();
  const again = await openFor(t, { directory });
  assert.deepEqual(await words(again), expected);
  const table = tableIn(again.snapshot(), 't');
  const batches = await collect(table.messages());
  assert.deepEqual(
    batches.map((batch) => batch.dictionaries().length),
    [1, 1, 1, 1],
  );
  assert.deepEqual(readAsClient(batches, table.schema), expected);
  const scanned = await rowsOf(table.scan({ columns: [0], bounds: [], limit: undefined }));
  assert.deepEqual(scanned.flat(), expected);
  if (pythonPath() === undefined) {
    t.diagnostic(PYTHON_MISSING);
    return;
  }
  const [tableDirectory = ''] = readdirSync(join(directory, 'tables'));
  const files = readdirSync(join(directory, 'tables', tableDirectory)).map((file) =>
    join(directory, 'tables', tableDirectory, file),
  );
  const script =
    'import pyarrow as pa, sys\nfor f in sys.argv[1:]: print(pa.ipc.open_file(f).read_all()["word"].to_pylist())';
  const outcome = await runPython(script, files);
  assert.equal(outcome.stderr, '');
  assert.equal(outcome.stdout, "['a', 'b', 'c', 'a']\n['x', 'y']\n");
});

test('a scan sends the dictionary of a later segment only when its content differs', async (t) => {
  const storage = await openFor(t, { directory: temporaryDirectory(t) });
  const steps: [readonly string[], readonly number[]][] = [
    [['a', 'b'], [0]],
    [['a', 'b'], [1]],
    [['a', 'b', 'c'], [2]],
    [['a', 'b', 'd'], [2]],
    [['a', 'b'], [0]],
  ];
  for (const [words, indices] of steps) {
    await put(storage, 't', [encoded(words, indices)], SCHEMA);
    await storage.seal('t');
  }
  assert.equal(storage.status().segmentCount, 5);
  const table = tableIn(storage.snapshot(), 't');
  const batches = await collect(table.messages());
  assert.deepEqual(readAsClient(batches, table.schema), ['a', 'b', 'c', 'd', 'a']);
  assert.equal(batches[1]?.dictionaries().length, 0);
  assert.deepEqual((await rowsOf(table.messages())).flat(), ['a', 'b', 'c', 'd', 'a']);
});

test('batches decode out of order and after later dictionaries were read', async (t) => {
  const storage = await openFor(t, { directory: temporaryDirectory(t), bounds: { privateSegmentBytesMin: 100 } });
  const batches = [encoded(['a'], [0]), encoded(['a', 'b'], [1]), encoded(['z'], [0]), encoded(['z', 'a'], [1, 0])];
  await put(storage, 't', batches, SCHEMA);
  assert.equal(storage.status().segmentCount, 2);
  const stored = await collect(tableIn(storage.snapshot(), 't').messages());
  const words = stored.toReversed().map((batch) => makeReader(batch.batch().columns[0] ?? buildVector(UTF8, []))(0));
  assert.deepEqual(words, ['a', 'z', 'b', 'a']);
});
