/**
 * Goal: the Flight client holds a few record batches in each direction and no more, and learns every way in which a
 * server can end a put.
 *
 * Method: reading, an endless query of the real server of which one batch is taken: the bytes that it has sent stand
 * still. Writing, a gRPC server that does not read, or that ends the call as the test says: the batches that were
 * taken from the source stand still, and the error is looked at.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { Metadata, Server, ServerCredentials } from '@grpc/grpc-js';
import type { ServerDuplexStream } from '@grpc/grpc-js';
import { tableFromArrays } from 'apache-arrow';
import type { RecordBatch } from 'apache-arrow';
import { FlightClient } from '../../src/client/flight-client.ts';
import { EngineError, connect } from '../../src/client/library.ts';
import { openSource } from '../../src/client/ingest-source.ts';
import { startSheaf, temporaryDirectory } from '../support/sheaf-process.ts';

const MANY = 400;
const MIB = 2 ** 20;

/** Waits until what `count` gives has not changed for a while; gives it. */
async function standing(count: () => Promise<number> | number): Promise<number> {
  let before = -1;
  let now = await count();
  while (now !== before) {
    before = now;
    await new Promise((resolve) => setTimeout(resolve, 300));
    now = await count();
  }
  return now;
}

test('a reader that stops reading stops the server, with a few MiB on the way', async (t) => {
  const server = await startSheaf(t, ['--data-dir', temporaryDirectory(t)]);
  const client = await connect(`grpc://${server.flight}`);
  const sent = async (): Promise<number> => {
    const text = await (await fetch(`${server.url}/metrics`)).text();
    return Number(/^sheaf_flight_bytes_total\{direction="out"\} (\S+)$/m.exec(text)?.[1]);
  };
  // A result of 80 GB.
  const batches = (await client.query('SELECT range FROM range(10000000000)'))[Symbol.asyncIterator]();
  assert.equal((await batches.next()).done, false);
  const bytes = await standing(sent);
  assert.ok(bytes > MIB / 4 && bytes < 64 * MIB, `${bytes.toString()} bytes were sent`);
  for (let i = 0; i < 200; i++) assert.equal((await batches.next()).done, false);
  assert.ok((await sent()) > bytes + 50 * MIB);
  await batches.return?.();
  client.close();
});

type Handler = (call: ServerDuplexStream<Buffer, Buffer>) => void;

/** A server whose DoPut is `handler`. */
async function serverOf(t: TestContext, handler: Handler): Promise<FlightClient> {
  const server = new Server({ 'grpc.max_receive_message_length': -1 });
  const same = (bytes: Buffer): Buffer => bytes;
  const method = {
    path: '/arrow.flight.protocol.FlightService/DoPut',
    requestStream: true,
    responseStream: true,
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  };
  server.addService({ DoPut: method }, { DoPut: handler });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) => {
      if (error === null) resolve(bound);
      else reject(error);
    });
  });
  const client = new FlightClient(`grpc://127.0.0.1:${port.toString()}`);
  t.after(() => {
    client.close();
    server.forceShutdown();
  });
  return client;
}

/** Begins to send 400 batches of 1 MiB; `taken` counts. */
async function begin(
  client: FlightClient,
  taken: { count: number },
): Promise<{ readonly work: Promise<number | EngineError> }> {
  const [batch] = tableFromArrays({ x: new Float64Array(MIB / 8) }).batches;
  async function* many(): AsyncGenerator<RecordBatch> {
    for (; batch !== undefined && taken.count < MANY; taken.count++) yield await Promise.resolve(batch);
  }
  const { schema, batches } = await openSource(many(), () => Promise.resolve({ table: undefined }));
  const work = client.ingest('t', schema, batches).catch((error: unknown) => {
    assert.ok(error instanceof EngineError, String(error));
    return error;
  });
  return { work };
}

test('a server that does not read holds the source back; one that goes on reading gets all', async (t) => {
  let call: ServerDuplexStream<Buffer, Buffer> | undefined;
  const client = await serverOf(t, (opened) => {
    call = opened;
    opened.pause();
  });
  const taken = { count: 0 };
  const { work } = await begin(client, taken);
  const count = await standing(() => (call === undefined ? -2 - taken.count : taken.count));
  assert.ok(count < MANY / 8, `${count.toString()} batches of 1 MiB were taken`);
  let received = 0;
  call?.on('data', (bytes: Buffer) => {
    received += bytes.byteLength;
  });
  // PutResult { app_metadata: DoPutUpdateResult { record_count: 5 } }
  call?.on('end', () => {
    call?.write(Buffer.of(0x0a, 2, 0x08, 5));
    call?.end();
  });
  call?.resume();
  assert.equal(await work, 5);
  assert.ok(received > MANY * MIB);
});

test('how a put ended is told: refused early, cut before its end, cut after its end, without an answer', async (t) => {
  const outcomeOf = async (handler: Handler): Promise<readonly [string, boolean, string]> => {
    const { work } = await begin(await serverOf(t, handler), { count: MANY - 20 });
    const error = await work;
    assert.ok(error instanceof EngineError);
    return [error.code, error.retryable, error.message];
  };
  const busy = new Metadata();
  busy.set('sheaf-code', 'busy');
  const refused = await outcomeOf((call) => {
    call.once('data', () => call.emit('error', { code: 14, details: 'busy: come back later', metadata: busy }));
  });
  assert.deepEqual(refused, ['busy', true, 'come back later']);

  const cut = await outcomeOf((call) => {
    call.once('data', () =>
      call.emit('error', { code: 14, details: 'Connection dropped', metadata: new Metadata() }),
    );
  });
  assert.deepEqual(cut.slice(0, 2), ['io_error', true]);

  const unknown = await outcomeOf((call) => {
    call.resume();
    call.on('end', () => call.emit('error', { code: 14, details: 'Connection dropped', metadata: new Metadata() }));
  });
  assert.deepEqual(unknown.slice(0, 2), ['commit_unknown', false]);

  const silent = await outcomeOf((call) => {
    call.resume();
    call.on('end', () => {
      call.end();
    });
  });
  assert.deepEqual(silent, ['commit_unknown', false, 'the ingest was answered without a row count']);

  const foreign = await outcomeOf((call) => {
    call.resume();
    call.on('end', () => call.emit('error', { code: 12, details: 'not here', metadata: new Metadata() }));
  });
  assert.deepEqual(foreign.slice(0, 2), ['unimplemented', false]);
});
