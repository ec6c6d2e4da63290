/**
 * What holds for every route: ids, health, methods, hosts and origins, limits of the head, starting and stopping.
 */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { startHttp } from '../../src/http/server.ts';
import { refusal } from '../support/refusal.ts';
import { INT64, batchOf, schemaOf } from '../support/sample.ts';
import { HttpEngine, errorOf, openDoor } from './door.ts';

const SELECT = 'SELECT * FROM t';
const SCHEMA = schemaOf({ a: INT64 });

test('ping, health and ready answer as probes expect', async (context) => {
  const door = await openDoor(context);
  const texts: string[] = [];
  for (const path of ['/ping', '/health', '/healthz', '/ready', '/readyz'])
    texts.push((await door.ask('GET', path)).text);
  assert.deepEqual(texts, [
    'Ok.\n',
    '{"status":"healthy"}\n',
    '{"status":"healthy"}\n',
    '{"status":"ready"}\n',
    '{"status":"ready"}\n',
  ]);
  door.engine.readOnlyReason = 'the disk is full';
  assert.equal((await door.ask('GET', '/ready')).text, '{"status":"ready","read_only":"the disk is full"}\n');
  door.engine.draining = true;
  const stopping = await door.ask('GET', '/ready');
  assert.equal(stopping.status, 503);
  assert.equal(stopping.text, '{"status":"not_ready","reason":"the server is stopping"}\n');
  assert.equal(stopping.headers['retry-after'], '1');
  assert.equal((await door.ask('GET', '/health')).status, 200);
});

test('stats and tables show the engine, metrics are Prometheus text', async (context) => {
  const door = await openDoor(context, { flightAddress: '127.0.0.1:8815' });
  door.engine.stored.set('t', { schema: SCHEMA, batches: [batchOf(SCHEMA, [[1, 2]])] });
  assert.deepEqual(JSON.parse((await door.ask('GET', '/stats')).text), {
    uptime_ms: 1,
    version: 1,
    queries_running: 0,
    queries_waiting: 0,
    puts_open: 0,
    draining: false,
    read_only: null,
    segments: 0,
    maps: 0,
    flight: '127.0.0.1:8815',
    tables: [{ name: 't', rows: 2, bytes: 0 }],
  });
  assert.equal(
    (await door.ask('GET', '/tables')).text,
    '{"tables":[{"name":"t","rows":2,"bytes":0,"columns":[{"name":"a","type":"int64","nullable":true}]}]}\n',
  );
  const metrics = await door.ask('GET', '/metrics');
  assert.match(metrics.headers['content-type'] ?? '', /^text\/plain/);
  assert.match(metrics.text, /^sheaf_http_requests_total\{route="\/stats",status="200"\} \d+$/m);
  assert.match(metrics.text, /^sheaf_nodejs_eventloop_lag_seconds /m);
});

test("every answer has a request id: the sender's when it is plain, else a new one", async (context) => {
  const door = await openDoor(context);
  const given = await door.ask('GET', '/ping', { headers: { 'X-Request-Id': 'abc-1.2:3' } });
  assert.equal(given.headers['x-request-id'], 'abc-1.2:3');
  for (const path of ['/ping', '/nope']) {
    const made = await door.ask('GET', path, { headers: { 'X-Request-Id': 'a b"<' } });
    assert.match(String(made.headers['x-request-id']), /^[0-9a-f-]{36}$/);
  }
});

test('an unknown route is 404 and lists the known ones, a wrong method 405 with Allow', async (context) => {
  const door = await openDoor(context);
  const unknown = await door.ask('GET', '/nope');
  assert.equal(unknown.status, 404);
  assert.deepEqual(errorOf(unknown), { code: 'not_found', message: 'there is no route /nope' });
  const { routes } = JSON.parse(unknown.text) as { routes: string[] };
  assert.ok(routes.includes('POST, OPTIONS /insert/arrow'));
  assert.deepEqual((JSON.parse((await door.ask('GET', '/')).text) as { routes: string[] }).routes, routes);
  const wrong = await door.ask('DELETE', '/query');
  assert.equal(wrong.status, 405);
  assert.equal(wrong.headers.allow, 'GET, HEAD, POST, OPTIONS');
  assert.deepEqual(errorOf(wrong), {
    code: 'unimplemented',
    message: '/query does not take DELETE; it takes GET, HEAD, POST, OPTIONS',
  });
  assert.equal((await door.ask('GET', '/insert/csv?table=t')).headers.allow, 'POST, OPTIONS');
  const head = await door.ask('HEAD', '/ping');
  assert.deepEqual([head.status, head.headers['content-length'], head.body.byteLength], [200, '4', 0]);
});

test('a Host that is not ours is refused: a name may point here from anywhere', async (context) => {
  const door = await openDoor(context);
  const port = door.port.toString();
  for (const host of [
    `127.0.0.1:${port}`,
    `localhost:${port}`,
    'LOCALHOST.',
    `[::1]:${port}`,
    '10.0.0.7',
    'a.localhost',
  ]) {
    assert.equal((await door.ask('GET', '/ping', { headers: { Host: host } })).status, 200, host);
  }
  for (const host of ['evil.example', `evil.example:${port}`, 'localhost.evil.example', 'sheaf']) {
    const answer = await door.ask('GET', '/ping', { headers: { Host: host } });
    assert.equal(answer.status, 403, host);
    assert.deepEqual(errorOf(answer), {
      code: 'forbidden',
      message: `the Host header ${JSON.stringify(host)} does not name this server; use its address or localhost`,
    });
  }
});

test('pages of other origins are refused, our own and allowed ones are not', async (context) => {
  const door = await openDoor(context, { allowedOrigins: ['https://app.example'] });
  door.engine.stored.set('t', { schema: SCHEMA, batches: [] });
  const own = `http://127.0.0.1:${door.port.toString()}`;
  for (const origin of ['http://evil.example', 'null', 'http://127.0.0.1:1', 'https://app.example.evil']) {
    for (const target of ['/', '/insert/csv?table=x']) {
      const answer = await door.sql(SELECT, target, { Origin: origin });
      assert.equal(answer.status, 403, origin);
      assert.equal(answer.headers['access-control-allow-origin'], undefined);
      assert.deepEqual(errorOf(answer), {
        code: 'forbidden',
        message: `a page of the origin ${origin} may not call this server; allow it by its origin to change that`,
      });
    }
  }
  assert.equal(door.engine.stored.has('x'), false);
  const image = await door.ask('GET', '/?query=x', { headers: { 'Sec-Fetch-Site': 'cross-site' } });
  assert.equal(image.status, 403);
  assert.equal((await door.ask('GET', '/ping', { headers: { Origin: 'http://evil.example' } })).status, 200);
  assert.equal((await door.sql(SELECT, '/', { Origin: own })).status, 200);
  const allowed = await door.sql(SELECT, '/', { Origin: 'https://app.example' });
  assert.equal(allowed.status, 200);
  assert.equal(allowed.headers['access-control-allow-origin'], 'https://app.example');
  assert.equal(allowed.headers.vary, 'Origin');
});

test('OPTIONS answers preflights of allowed origins only', async (context) => {
  const door = await openDoor(context, { allowedOrigins: ['https://app.example'] });
  const allowed = await door.ask('OPTIONS', '/query', { headers: { Origin: 'https://app.example' } });
  assert.equal(allowed.status, 204);
  assert.equal(allowed.headers['access-control-allow-methods'], 'GET, HEAD, POST, OPTIONS');
  assert.match(String(allowed.headers['access-control-allow-headers']), /Content-Type/);
  assert.equal((await door.ask('OPTIONS', '/query', { headers: { Origin: 'https://evil.example' } })).status, 403);
  assert.equal((await door.ask('OPTIONS', '/ping')).headers.allow, 'GET, HEAD, OPTIONS');
});

/** Sends raw bytes and returns everything that comes back. */
function raw(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(text));
    let answer = '';
    socket.on('data', (piece) => (answer += piece.toString()));
    socket.on('close', () => {
      resolve(answer);
    });
    socket.on('error', reject);
  });
}

test('what is no HTTP, or has a head too large, is refused with an id', async (context) => {
  const door = await openDoor(context);
  const garbage = await raw(door.port, 'hello\r\n\r\n');
  assert.match(garbage, /^HTTP\/1\.1 400 Bad Request\r\n/);
  assert.match(garbage, /X-Request-Id: [0-9a-f-]{36}\r\n/);
  assert.match(garbage, /"code":"request_invalid","message":"the request is not valid HTTP\/1.1"/);
  const large = await raw(door.port, `GET /?query=${'x'.repeat(70_000)} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
  assert.match(large, /^HTTP\/1\.1 431 /);
  assert.match(
    large,
    /"code":"limit_exceeded","message":"the request's head is larger than 65536 bytes; send long SQL/,
  );
});

test('a port in use is an error that names the port and the remedy', async (context) => {
  const door = await openDoor(context);
  const port = door.port;
  await assert.rejects(
    startHttp(new HttpEngine(), { host: '127.0.0.1', port, flightAddress: undefined }),
    refusal(
      'io_error',
      `port ${port.toString()} on 127.0.0.1 is in use; ` +
        'stop the program that uses it, or choose another by --http-port (0 picks a free one)',
    ),
  );
  await assert.rejects(
    startHttp(new HttpEngine(), { host: '203.0.113.1', port: 0, flightAddress: undefined }),
    refusal('io_error', '203.0.113.1 is no address of this machine; choose another by --host'),
  );
});

test('a stop lets a running query end, and refuses new connections', async (context) => {
  const door = await openDoor(context);
  let release: () => void = () => undefined;
  const gate = new Promise<void>((resolve) => {
    release = resolve;
  });
  let running = false;
  door.engine.answer('SLOW', SCHEMA, async function* () {
    running = true;
    await gate;
    yield batchOf(SCHEMA, [[1]]);
  });
  const answer = door.sql('SLOW', '/?format=csv');
  while (!running) await wait(5);
  const closed = door.door.close(10_000);
  await assert.rejects(door.ask('GET', '/ping'), { code: 'ECONNREFUSED' });
  release();
  assert.equal((await answer).text, 'a\n1\n');
  await closed;
});

test('a stop cancels what does not end in time', async (context) => {
  const door = await openDoor(context);
  let cancelled = false;
  let running = false;
  door.engine.answer('STUCK', SCHEMA, async function* (signal) {
    running = true;
    await new Promise<void>((resolve) => {
      signal?.addEventListener('abort', () => {
        cancelled = true;
        resolve();
      });
    });
    yield batchOf(SCHEMA, [[1]]);
  });
  const answer = door.sql('STUCK').catch((error: unknown) => error);
  while (!running) await wait(5);
  await door.door.close(50);
  await answer;
  assert.equal(cancelled, true);
  assert.equal(door.engine.resultsOpen, 0);
});
