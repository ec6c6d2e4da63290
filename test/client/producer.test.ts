/**
 * Goal: an exactly-once ingest of `sheaf/client` stores every batch once and in order, whatever happens to the server:
 * killed again and again in the middle, stopped in order, gone for good; and says what does not pass.
 *
 * Method: the real server in a child process, SIGKILL while batches are under way, a new one on the same directory and
 * port; at the end the table is read back.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { tableFromArrays } from 'apache-arrow';
import { EngineError, connect } from '../../src/client/library.ts';
import type { Ack, Client, ExactlyOnce } from '../../src/client/library.ts';
import { startSheaf, temporaryDirectory } from '../support/sheaf-process.ts';
import type { RunningSheaf } from '../support/sheaf-process.ts';

const ROWS = 500;

/** A directory with a server that can be killed and started again at the same address. */
class Place {
  server: RunningSheaf;
  readonly #t: TestContext;
  readonly #directory: string;
  readonly #port: string;

  static async open(t: TestContext): Promise<Place> {
    const directory = temporaryDirectory(t);
    return new Place(t, directory, await startSheaf(t, ['--data-dir', directory]));
  }

  private constructor(t: TestContext, directory: string, server: RunningSheaf) {
    this.#t = t;
    this.#directory = directory;
    this.server = server;
    this.#port = server.flight.split(':').at(-1) ?? '';
  }

  async connect(): Promise<Client> {
    const client = await connect(`grpc://${this.server.flight}`);
    this.#t.after(() => {
      client.close();
    });
    return client;
  }

  async again(signal: NodeJS.Signals): Promise<void> {
    await this.server.stop(signal);
    this.server = await startSheaf(this.#t, ['--data-dir', this.#directory, '--flight-port', this.#port]);
  }
}

/** Batch `seq`, the same at every call. */
function batchOf(seq: number): { id: bigint; text: string }[] {
  return Array.from({ length: ROWS }, (_, i) => ({ id: BigInt((seq - 1) * ROWS + i), text: `row ${i.toString()}` }));
}

async function checkRows(client: Client, table: string, batches: number): Promise<void> {
  const rows = (await client.query(`SELECT id FROM "${table}"`)).rows();
  let count = 0n;
  for await (const { id } of rows) {
    assert.equal(id, count);
    count++;
  }
  assert.equal(count, BigInt(batches * ROWS));
}

async function failureOf(work: Promise<unknown>): Promise<EngineError> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof EngineError, String(error));
  return error;
}

async function writeAll(producer: ExactlyOnce, from: number, to: number): Promise<void> {
  for (let seq = from; seq <= to; seq++) assert.equal(await producer.write(batchOf(seq)), seq);
}

test('batches are answered in order, and a repetition goes on behind what is stored', async (t) => {
  const place = await Place.open(t);
  const client = await place.connect();
  const acks: Ack[] = [];
  const first = await client.exactlyOnce('readings', 'p', { onDurable: (ack) => acks.push(ack) });
  assert.equal(first.seq, 0);
  await writeAll(first, 1, 40);
  assert.equal(await first.close(), 40);
  assert.deepEqual(
    acks.map(({ seq, rows, duplicate }) => [seq, rows, duplicate]),
    Array.from({ length: 40 }, (_, i) => [i + 1, ROWS, false]),
  );
  assert.equal((await failureOf(first.write(batchOf(41)))).code, 'request_invalid');
  const second = await client.exactlyOnce('readings', 'p');
  assert.equal(second.seq, 40);
  await writeAll(second, 41, 41);
  assert.equal(await second.flush(), 41);
  // A table keeps each producer's count for itself.
  assert.equal((await client.exactlyOnce('readings', 'q')).seq, 0);
  await checkRows(client, 'readings', 41);
  await second.close();
});

test('the server is killed four times in the middle and stopped once, and every row is there once', async (t) => {
  const place = await Place.open(t);
  const client = await place.connect();
  const last = 150;
  let told = 0;
  let wake: () => void = () => undefined;
  const producer = await client.exactlyOnce('readings', 'p', {
    onDurable: ({ seq }) => {
      assert.equal(seq, told + 1);
      told = seq;
      wake();
    },
  });
  const writing = writeAll(producer, 1, last);
  for (let kill = 1; kill <= 5; kill++) {
    while (told < kill * 25) {
      const more = new Promise<void>((resolve) => {
        wake = resolve;
      });
      await Promise.race([more, writing]);
    }
    await place.again(kill === 4 ? 'SIGTERM' : 'SIGKILL');
  }
  await writing;
  assert.equal(await producer.close(), last);
  assert.equal(told, last);
  await checkRows(client, 'readings', last);
});

test('a producer that waited while the server was away goes on', async (t) => {
  const place = await Place.open(t);
  const client = await place.connect();
  const producer = await client.exactlyOnce('readings', 'p', { patienceMs: 5_000 });
  await writeAll(producer, 1, 1);
  await producer.flush();
  await place.again('SIGKILL');
  await writeAll(producer, 2, 3);
  assert.equal(await producer.close(), 3);
  await checkRows(client, 'readings', 3);
});

test('what does not pass is told to the next call: other columns, two of one name, a newer epoch', async (t) => {
  const place = await Place.open(t);
  const client = await place.connect();
  const producer = await client.exactlyOnce('readings', 'p');
  await writeAll(producer, 1, 1);
  assert.equal(
    (await failureOf(producer.write(tableFromArrays({ id: BigInt64Array.of(1n) })))).code,
    'schema_mismatch',
  );
  await producer.flush();

  const twin = await client.exactlyOnce('readings', 'p');
  await writeAll(producer, 2, 2);
  await producer.flush();
  await twin.write(batchOf(7));
  const clash = await failureOf(twin.flush());
  assert.equal(clash.code, 'already_exists');

  const newer = await client.exactlyOnce('readings', 'p', { epoch: 1 });
  await writeAll(newer, 3, 3);
  await newer.close();
  await producer.write(batchOf(4));
  assert.equal((await failureOf(producer.close())).code, 'forbidden');
  assert.equal((await failureOf(client.exactlyOnce('readings', 'p'))).code, 'forbidden');
  await checkRows(client, 'readings', 3);

  const wrong = await client.exactlyOnce('readings', 'w');
  await wrong.write([{ other: 'x' }]);
  assert.equal((await failureOf(wrong.flush())).code, 'schema_mismatch');
});

test('patience ends, and so does a signal', async (t) => {
  const place = await Place.open(t);
  const client = await place.connect();
  const impatient = await client.exactlyOnce('readings', 'p', { patienceMs: 300 });
  const controller = new AbortController();
  const given = await client.exactlyOnce('readings', 'q', { signal: controller.signal });
  await writeAll(given, 1, 1);
  await given.flush();
  await place.server.stop('SIGKILL');
  await impatient.write(batchOf(1));
  const error = await failureOf(impatient.close());
  assert.equal(error.code, 'io_error');
  await given.write(batchOf(2));
  controller.abort();
  assert.equal((await failureOf(given.close())).code, 'cancelled');
});
