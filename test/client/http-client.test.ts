/**
 * The HTTP client against servers that answer well, badly, early, late or not at all. (The real server's side is in
 * test/http, and both together are in test/cli.)
 */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { tableFromArrays, tableFromIPC, tableToIPC } from 'apache-arrow';
import type { RecordBatch } from '../../src/arrow/batch.ts';
import { readStream } from '../../src/arrow/ipc-stream.ts';
import type { IncomingStream } from '../../src/arrow/ipc-stream.ts';
import { EngineError } from '../../src/base/errors.ts';
import { HttpClient } from '../../src/client/http-client.ts';

const MANY = 100;

type Answerer = (request: IncomingMessage, response: ServerResponse) => void;

async function serverOf(t: TestContext, answer: Answerer): Promise<HttpClient> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return new HttpClient(`http://127.0.0.1:${(server.address() as AddressInfo).port.toString()}`);
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of request as AsyncIterable<Buffer>) parts.push(part);
  return Buffer.concat(parts);
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(bytes);
}

function rows(count: number): Uint8Array {
  return tableToIPC(tableFromArrays({ x: Int32Array.from({ length: count }, (_, i) => i) }), 'stream');
}

function sample(count: number): Promise<IncomingStream> {
  return readStream(once(rows(count)));
}

async function failureOf(work: Promise<unknown>): Promise<EngineError> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof EngineError, String(error));
  return error;
}

async function countOf(stream: IncomingStream): Promise<number> {
  let count = 0;
  for await (const batch of stream.batches) count += batch.rowCount;
  return count;
}

test('a query sends its text and streams the result', async (t) => {
  const seen: string[] = [];
  const client = await serverOf(t, (request, response) => {
    void readBody(request).then((body) => {
      seen.push(`${request.method ?? ''} ${request.url ?? ''} ${body.toString()}`);
      response.setHeader('content-type', 'application/vnd.apache.arrow.stream');
      response.end(rows(1_000));
    });
  });
  const result = await client.query('SELECT x FROM t');
  assert.deepEqual(
    result.schema.fields.map((field) => field.name),
    ['x'],
  );
  assert.equal(await countOf(result), 1_000);
  assert.deepEqual(seen, ['POST /query?format=arrow SELECT x FROM t']);
});

test('an error keeps its code, message and position', async (t) => {
  const position = { start: 7, end: 8, line: 1, column: 8 };
  const body = { error: { code: 'sql_bind', message: 'there is no column "y"', ...position } };
  const client = await serverOf(t, (request, response) => {
    request.resume();
    response.statusCode = 400;
    response.end(JSON.stringify(body));
  });
  const error = await failureOf(client.query('SELECT y'));
  assert.equal(error.code, 'sql_bind');
  assert.equal(error.message, 'there is no column "y"');
  assert.deepEqual(error.position, position);
});

test('an answer that is not ours is told with its status and text', async (t) => {
  const client = await serverOf(t, (request, response) => {
    request.resume();
    response.statusCode = 502;
    response.end('<html>bad gateway</html>');
  });
  const error = await failureOf(client.query('SELECT 1'));
  assert.equal(error.code, 'io_error');
  assert.equal(error.message, "the server answered 502 without an error of Sheaf's: <html>bad gateway</html>");
});

test('an insert streams its batches and gives the rows that the server counted', async (t) => {
  let received = 0;
  let route = '';
  const client = await serverOf(t, (request, response) => {
    route = request.url ?? '';
    void readBody(request).then((body) => {
      received = tableFromIPC(body).numRows;
      response.end(JSON.stringify({ inserted: received }));
    });
  });
  const { schema, batches } = await sample(500_000);
  assert.deepEqual(await client.insert('a table & more', schema, batches), { rowCount: 500_000 });
  assert.equal(received, 500_000);
  assert.equal(route, '/insert/arrow?table=a%20table%20%26%20more');
});

/** Many batches of 4 MB, counting how many were asked for. */
async function* many(batch: RecordBatch, counter: { count: number }): AsyncGenerator<RecordBatch> {
  while (counter.count < MANY) {
    counter.count++;
    yield await Promise.resolve(batch);
  }
}

async function oneBatch(): Promise<{ stream: IncomingStream; batch: RecordBatch }> {
  const stream = await sample(1_000_000);
  for await (const batch of stream.batches) return { stream, batch };
  throw new Error('the sample has no batch');
}

test('a refusal that comes before the body has ended stops the body', async (t) => {
  const client = await serverOf(t, (request, response) => {
    request.once('data', () => {
      response.statusCode = 400;
      response.end(JSON.stringify({ error: { code: 'schema_mismatch', message: 'no column x' } }));
    });
  });
  const { stream, batch } = await oneBatch();
  const counter = { count: 0 };
  const error = await failureOf(client.insert('t', stream.schema, many(batch, counter)));
  assert.equal(error.code, 'schema_mismatch');
  assert.equal(error.message, 'no column x');
});

test('a server that does not read holds the body back', async (t) => {
  let paused: IncomingMessage | undefined;
  const reached = new Promise<void>((resolve) => {
    void serverOf(t, (request) => {
      paused = request;
      resolve();
    }).then(async (client) => {
      const { stream, batch } = await oneBatch();
      const work = client.insert('t', stream.schema, many(batch, counter));
      work.catch(() => undefined);
    });
  });
  const counter = { count: 0 };
  await reached;
  let before = -1;
  // The count stands still once the sockets are full; a client without backpressure would take all.
  while (before !== counter.count) {
    before = counter.count;
    for (let i = 0; i < 50; i++) await new Promise((resolve) => setImmediate(resolve));
  }
  assert.ok(counter.count < MANY / 2, `${counter.count.toString()} batches of 4 MB were taken`);
  paused?.socket.destroy();
});

test('an insert whose answer is lost has an unknown outcome', async (t) => {
  const client = await serverOf(t, (request, response) => {
    void readBody(request).then(() => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('{"inserted":', () => {
        response.destroy();
      });
    });
  });
  const { schema, batches } = await sample(10);
  const error = await failureOf(client.insert('t', schema, batches));
  assert.equal(error.code, 'commit_unknown');
  assert.equal(error.message, 'the connection ended before the answer was complete; the server may have stopped');
});

test('a result that breaks off is an error, not a short result', async (t) => {
  const client = await serverOf(t, (request, response) => {
    request.resume();
    const bytes = rows(100_000);
    response.writeHead(200, { 'content-length': bytes.byteLength.toString() });
    response.write(bytes.subarray(0, bytes.byteLength / 2), () => {
      response.destroy();
    });
  });
  const error = await failureOf(client.query('SELECT 1').then(countOf));
  assert.equal(error.code, 'io_error');
  assert.equal(error.message, 'the connection ended before the answer was complete; the server may have stopped');
});

test('a batch source that fails ends the request with its own error', async (t) => {
  let arrive: () => void = () => undefined;
  let abort: () => void = () => undefined;
  const arrived = new Promise<void>((resolve) => {
    arrive = resolve;
  });
  const aborted = new Promise<void>((resolve) => {
    abort = resolve;
  });
  const client = await serverOf(t, (request) => {
    arrive();
    request.on('error', () => undefined);
    request.on('close', () => {
      abort();
    });
    request.resume();
  });
  const { schema, batches } = await sample(10);
  async function* failing(): AsyncGenerator<RecordBatch> {
    yield* batches;
    await arrived;
    throw new EngineError('request_invalid', 'line 7 is no row');
  }
  const error = await failureOf(client.insert('t', schema, failing()));
  assert.equal(error.message, 'line 7 is no row');
  await aborted;
});

test('a server that is not there is told, and ping says false', async () => {
  const client = new HttpClient('http://127.0.0.1:9');
  assert.equal(await client.ping(), false);
  const error = await failureOf(client.query('SELECT 1'));
  assert.equal(error.code, 'io_error');
  assert.match(error.message, /^no server answers at http:\/\/127\.0\.0\.1:9: /);
});

test('ping says true when the server answers', async (t) => {
  const client = await serverOf(t, (request, response) => {
    request.resume();
    response.end(request.url === '/ping' ? 'Ok.\n' : '');
  });
  assert.equal(await client.ping(), true);
});

test('an address that is no http URL is refused', () => {
  for (const url of ['localhost:8123', 'ftp://x', '', 'http:']) {
    assert.throws(() => new HttpClient(url), {
      code: 'request_invalid',
      message: `${JSON.stringify(url)} is not an http or https URL; give one such as http://127.0.0.1:8123`,
    });
  }
});
