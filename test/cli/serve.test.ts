/**
 * `sheaf serve` as a process: readiness, stops, restarts, refusals, and life without Flight.
 *
 * Method: the real program is spawned on free ports; rows go in and out by HTTP and by the sheaf command itself.
 */
import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { tableFromArrays, tableToIPC } from 'apache-arrow';
import { SIGNAL_ECHO_MS } from '../../src/base/limits.ts';
import { runSheaf, startSheaf, temporaryDirectory } from '../support/sheaf-process.ts';
import type { RunningSheaf } from '../support/sheaf-process.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

async function post(server: RunningSheaf, route: string, body: string | Uint8Array): Promise<Answer> {
  const response = await fetch(`${server.url}${route}`, { method: 'POST', body });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

function someRows(count: number): Uint8Array {
  return tableToIPC(tableFromArrays({ x: Int32Array.from({ length: count }, (_, i) => i) }), 'stream');
}

async function insert(server: RunningSheaf, count: number): Promise<void> {
  assert.equal((await post(server, '/insert/arrow?table=t', someRows(count))).status, 200);
}

async function countRows(server: RunningSheaf): Promise<unknown> {
  return (await post(server, '/query', 'SELECT COUNT(*) AS n FROM t')).body['data'];
}

test('one ready line tells both addresses, and SIGTERM ends with 0 and keeps the rows', async (t) => {
  const directory = join(temporaryDirectory(t), 'made', 'when-missing');
  const first = await startSheaf(t, ['--data-dir', directory]);
  assert.match(first.flight, /^127\.0\.0\.1:\d+$/);
  assert.match(first.http, /^127\.0\.0\.1:\d+$/);
  await insert(first, 1_000);
  assert.equal(await first.stop('SIGTERM'), 0);
  assert.equal(first.stdout(), `ready flight=${first.flight} http=${first.http}\n`);
  assert.equal(first.stderr(), '');
  const second = await startSheaf(t, ['--data-dir', directory]);
  assert.deepEqual(await countRows(second), [[1_000]]);
  assert.equal(await second.stop('SIGINT'), 0);
});

test('after kill -9 every acknowledged row is there', async (t) => {
  const directory = temporaryDirectory(t);
  const first = await startSheaf(t, ['--data-dir', directory]);
  for (let i = 0; i < 5; i++) await insert(first, 100);
  assert.equal(await first.stop('SIGKILL'), null);
  assert.ok(existsSync(join(directory, 'server.json')), 'a killed server leaves its record');
  const second = await startSheaf(t, ['--data-dir', directory]);
  assert.deepEqual(await countRows(second), [[500]]);
});

test('server.json tells process and addresses while the server runs', async (t) => {
  const directory = temporaryDirectory(t);
  const server = await startSheaf(t, ['--data-dir', directory]);
  const path = join(directory, 'server.json');
  assert.deepEqual(JSON.parse(readFileSync(path, 'utf8')), {
    pid: server.child.pid,
    http: server.http,
    flight: server.flight,
  });
  assert.equal(await server.stop(), 0);
  assert.equal(existsSync(path), false);
});

test('a directory that another server holds is refused with exit code 3', async (t) => {
  const directory = temporaryDirectory(t);
  const server = await startSheaf(t, ['--data-dir', directory]);
  const second = await runSheaf(['serve', '--flight-port', '0', '--http-port', '0', '--data-dir', directory]);
  assert.equal(second.code, 3);
  assert.equal(second.text, '');
  assert.match(second.stderr, /^error: .*\n$/);
  assert.ok(second.stderr.includes(directory), second.stderr);
  assert.ok(second.stderr.includes(String(server.child.pid)), second.stderr);
});

for (const [flag, other] of [
  ['--http-port', '--flight-port'],
  ['--flight-port', '--http-port'],
] as const) {
  test(`a ${flag} in use is told with the remedy, ends with 1, and leaves the directory free`, async (t) => {
    const directory = temporaryDirectory(t);
    const holder = createServer();
    await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve));
    t.after(() => holder.close());
    const port = (holder.address() as AddressInfo).port.toString();
    const outcome = await runSheaf(['serve', '--data-dir', directory, flag, port, other, '0']);
    const remedy = `stop the program that uses it, or choose another by ${flag} (0 picks a free one)`;
    assert.equal(outcome.stderr, `error: port ${port} on 127.0.0.1 is in use; ${remedy}\n`);
    assert.equal(outcome.code, 1);
    assert.equal(outcome.text, '');
    assert.equal(await (await startSheaf(t, ['--data-dir', directory])).stop(), 0);
  });
}

test('--no-flight serves HTTP alone and says so', async (t) => {
  const server = await startSheaf(t, ['--no-flight', '--data-dir', temporaryDirectory(t)]);
  assert.equal(server.flight, 'off');
  await insert(server, 3);
  assert.deepEqual(await countRows(server), [[3]]);
  assert.equal(await server.stop(), 0);
});

/** A copy of the program whose node_modules really lack the gRPC packages. */
function checkoutWithoutGrpc(t: TestContext): string {
  const copy = temporaryDirectory(t);
  for (const name of ['src', 'proto', 'migrations', 'package.json', 'tsconfig.json']) {
    if (existsSync(join(ROOT, name))) cpSync(join(ROOT, name), join(copy, name), { recursive: true });
  }
  mkdirSync(join(copy, 'node_modules'));
  for (const name of readdirSync(join(ROOT, 'node_modules'))) {
    if (name !== '@grpc') symlinkSync(join(ROOT, 'node_modules', name), join(copy, 'node_modules', name));
  }
  return copy;
}

test('without the gRPC packages HTTP serves alone and says so', async (t) => {
  const root = checkoutWithoutGrpc(t);
  const server = await startSheaf(t, ['--data-dir', join(root, 'data')], { root });
  assert.equal(server.flight, 'off');
  assert.match(server.stderr(), /@grpc/);
  await insert(server, 3);
  assert.deepEqual(await countRows(server), [[3]]);
  assert.equal(await server.stop(), 0);
});

test('a host that others can reach needs --insecure', async (t) => {
  const directory = temporaryDirectory(t);
  const refused = await runSheaf(['serve', '--host', '0.0.0.0', '--data-dir', directory]);
  const lacks = 'it needs TLS (--tls-cert, --tls-key)';
  const remedy = `${lacks}; add --insecure if it is meant to go without, or leave --host out`;
  assert.equal(refused.stderr, `error: --host 0.0.0.0 can be reached from other machines; ${remedy}\n`);
  assert.equal(refused.code, 2);
  const server = await startSheaf(t, ['--host', '0.0.0.0', '--insecure', '--data-dir', directory]);
  assert.match(server.http, /^0\.0\.0\.0:\d+$/);
  assert.equal(await server.stop(), 0);
});

test('a host that is no address of this machine is told', async (t) => {
  const directory = temporaryDirectory(t);
  const words = [
    '--host',
    '192.0.2.1',
    '--insecure',
    '--data-dir',
    directory,
    '--flight-port',
    '0',
    '--http-port',
    '0',
  ];
  const message = 'error: 192.0.2.1 is no address of this machine; choose another by --host\n';
  for (const extra of [[], ['--no-flight']]) {
    const outcome = await runSheaf(['serve', ...words, ...extra]);
    assert.equal(outcome.stderr, message);
    assert.equal(outcome.code, 1);
  }
});

test('wrong flags end with 2 and name the flag', async () => {
  const unknown = await runSheaf(['serve', '--htp-port', '1']);
  assert.equal(unknown.code, 2);
  assert.match(unknown.stderr, /^error: unknown option '--htp-port'\n\(Did you mean --http-port\?\)/);
  const badPort = await runSheaf(['serve', '--http-port', 'x']);
  assert.equal(badPort.code, 2);
  assert.equal(
    badPort.stderr,
    'error: http-port is "x" (from --http-port); expected a whole number from 0 to 65535 (0 picks a free port)\n',
  );
  const command = await runSheaf(['sreve']);
  assert.equal(command.code, 2);
  assert.match(command.stderr, /^error: unknown command 'sreve'\n\(Did you mean serve\?\)/);
});

test('--print-config prints and serves nothing', async (t) => {
  const path = join(temporaryDirectory(t), 'sheaf.json');
  writeFileSync(path, '{"http-port": 1}');
  const env = { SHEAF_FLIGHT_PORT: '2' };
  const outcome = await runSheaf(['serve', '--config', path, '--no-flight', '--print-config'], { env });
  assert.equal(outcome.code, 0);
  const lines = outcome.text.split('\n').map((line) => line.split(/\s{2,}/));
  assert.deepEqual(
    lines.find(([name]) => name === 'http-port'),
    ['http-port', '1', path],
  );
  assert.deepEqual(
    lines.find(([name]) => name === 'flight-port'),
    ['flight-port', '2', 'SHEAF_FLIGHT_PORT'],
  );
  assert.deepEqual(
    lines.find(([name]) => name === 'no-flight'),
    ['no-flight', 'true', '--no-flight'],
  );
});

/** Begins an insert whose body stays open until `finish`. */
function openInsert(server: RunningSheaf): { readonly begun: Promise<void>; finish(): Promise<number> } {
  const bytes = someRows(2_000_000);
  const half = Math.floor(bytes.byteLength / 2);
  const sent = request(`${server.url}/insert/arrow?table=t`, { method: 'POST', agent: false });
  const status = new Promise<number>((resolve, reject) => {
    sent.on('error', reject);
    sent.on('response', (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
  });
  // Half the body is more than the sockets' buffers hold, so once it is written the server is reading.
  const begun = new Promise<void>((resolve, reject) => {
    sent.on('error', reject);
    sent.write(bytes.subarray(0, half), () => {
      resolve();
    });
  });
  status.catch(() => undefined);
  return {
    begun,
    finish() {
      sent.end(bytes.subarray(half));
      return status;
    },
  };
}

test('a stop lets a running insert end, and refuses new connections meanwhile', async (t) => {
  const directory = temporaryDirectory(t);
  const server = await startSheaf(t, ['--data-dir', directory, '--log-level', 'info', '--grace-seconds', '60']);
  const running = openInsert(server);
  await running.begun;
  const stopping = logLine(server, '"stopping"');
  server.child.kill('SIGTERM');
  await stopping;
  await assert.rejects(post(server, '/query', 'SELECT 1'));
  assert.equal(await running.finish(), 200);
  assert.equal(await server.ended, 0);
  const again = await startSheaf(t, ['--data-dir', directory]);
  assert.deepEqual(await countRows(again), [[2_000_000]]);
});

test('a second signal stops at once, but not one that comes in the same moment as the first', async (t) => {
  const directory = temporaryDirectory(t);
  const server = await startSheaf(t, ['--data-dir', directory, '--log-level', 'info', '--grace-seconds', '3600']);
  const running = openInsert(server);
  await running.begun;
  const stopping = logLine(server, '"stopping"');
  server.child.kill('SIGINT');
  await stopping;
  const firstMs = performance.now();
  const timer = setInterval(() => server.child.kill('SIGINT'), 50);
  assert.equal(await server.ended, 1);
  clearInterval(timer);
  assert.ok(performance.now() - firstMs > SIGNAL_ECHO_MS / 2);
  assert.match(server.stderr(), /SIGINT again: stopping at once\n$/);
  await assert.rejects(running.finish());
});

test('what still runs after the grace time is cut off, and nothing of it appears', async (t) => {
  const directory = temporaryDirectory(t);
  const server = await startSheaf(t, ['--data-dir', directory, '--grace-seconds', '0']);
  const running = openInsert(server);
  await running.begun;
  assert.equal(await server.stop(), 0);
  await assert.rejects(running.finish());
  const again = await startSheaf(t, ['--data-dir', directory]);
  assert.deepEqual((await post(again, '/query', 'SHOW TABLES')).body['data'], []);
});

/** Resolves when the server's log shows `text`. */
function logLine(server: RunningSheaf, text: string): Promise<void> {
  return new Promise((resolve) => {
    server.child.stderr?.on('data', () => {
      if (server.stderr().includes(text)) resolve();
    });
  });
}
