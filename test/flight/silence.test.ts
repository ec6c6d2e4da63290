/**
 * Goal: a DoGet whose result makes its client wait is not silent, and what is sent meanwhile is no row.
 *
 * Method: answers of the fake engine that wait as told; a door with a short silence.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import type { RecordBatch, ResultBatch } from '../../src/arrow/batch.ts';
import { BatchReader } from '../../src/arrow/ipc-read.ts';
import { decodeSchema } from '../../src/arrow/ipc-schema.ts';
import { encodeResults } from '../../src/arrow/ipc-stream.ts';
import { makeField, makeSchema } from '../../src/arrow/schema.ts';
import type { Schema } from '../../src/arrow/schema.ts';
import { buildVector } from '../../src/arrow/build.ts';
import { decodeFlightData } from '../../src/flight/encode.ts';
import { startFlightServer } from '../../src/flight/server.ts';
import { FakeEngine } from '../support/fake-engine.ts';
import { field, rawFlight, readAll } from '../support/flight-client.ts';
import { INT64, UTF8, batchOf, schemaOf } from '../support/sample.ts';

const SILENCE_MS = 40;

async function serve(t: TestContext, schema: Schema, batches: () => AsyncIterable<ResultBatch>) {
  const engine = new FakeEngine();
  engine.answers.set('slow', { schema, batches });
  const door = await startFlightServer(engine, { host: '127.0.0.1', port: 0, silenceMs: SILENCE_MS });
  const client = rawFlight(door.address);
  t.after(async () => {
    client.close();
    await door.close(0);
  });
  return { engine, call: () => client.read('DoGet', field(1, Buffer.from('slow'))) };
}

/** Rows of each batch that was sent, read as any client would. */
function rowCounts(messages: readonly Buffer[]): number[] {
  const [first, ...rest] = messages.map((bytes) => decodeFlightData(bytes));
  const reader = new BatchReader(decodeSchema(first?.header ?? Buffer.alloc(0)), { trusted: false });
  return rest.flatMap(({ header, body }) => reader.read(header, body)?.rowCount ?? []);
}

async function* late(batch: RecordBatch, ms: number): AsyncGenerator<RecordBatch> {
  await wait(ms);
  yield batch;
  yield batch;
  await wait(ms);
  yield batch;
}

test('empty batches come while the next one is waited for, and none when it comes in time', async (t) => {
  const schema = schemaOf({ id: INT64, name: UTF8 });
  const batch = batchOf(schema, [
    [1, 2],
    ['a', null],
  ]);
  const { call } = await serve(t, schema, () => encodeResults(schema, late(batch, 10 * SILENCE_MS)));
  const { messages, ending } = await readAll(call());
  assert.equal(ending.grpc, 0, ending.details);
  const counts = rowCounts(messages);
  assert.deepEqual(
    counts.filter((count) => count > 0),
    [2, 2, 2],
  );
  const [begin, end] = [counts.indexOf(2), counts.lastIndexOf(2)];
  assert(begin >= 3 && begin <= 12, counts.join(' '));
  assert.equal(counts[begin + 1], 2);
  assert(end - begin >= 5, counts.join(' '));
  assert.equal(counts.at(-1), 2);
});

test('no empty batch goes before the first dictionary', async (t) => {
  const type = { id: 'dictionary', index: { id: 'int', bitWidth: 32, signed: true }, value: UTF8 } as const;
  const schema = makeSchema([makeField('name', { ...type, dictionaryId: 0n, ordered: false })]);
  const values = buildVector(UTF8, ['x', 'y']);
  const indexes = buildVector(type.index, [0, 1, 0]);
  const [field0] = schema.fields;
  assert(field0 !== undefined, 'there is a field');
  const column = { ...indexes, type: field0.type, dictionary: values };
  const batch = { schema, rowCount: 3, columns: [column] };
  const { call } = await serve(t, schema, () => encodeResults(schema, late(batch, 6 * SILENCE_MS)));
  const { messages, ending } = await readAll(call());
  assert.equal(ending.grpc, 0, ending.details);
  const counts = rowCounts(messages);
  assert.deepEqual(counts.slice(0, 2), [3, 3]);
  assert(counts.filter((count) => count === 0).length >= 2, counts.join(' '));
});

test('a client that leaves while it waits ends the query, and a failure is told', async (t) => {
  const schema = schemaOf({ id: INT64 });
  let ended = false;
  const { engine, call } = await serve(t, schema, async function* () {
    try {
      await wait(20 * SILENCE_MS);
      yield* [];
      throw new Error('late');
    } finally {
      ended = true;
    }
  });
  const left = call();
  left.on('error', () => undefined);
  await new Promise<void>((resolve) => {
    let count = 0;
    left.on('data', () => {
      if (++count === 3) resolve();
    });
  });
  left.cancel();
  while (engine.resultsOpen > 0) await wait(5);
  assert.equal(ended, false, 'the door does not wait for a source that does not listen');
  const { ending } = await readAll(call());
  assert.equal(ending.code, 'internal');
});
