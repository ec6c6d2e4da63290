/**
 * A server that is shut: tokens, TLS and client certificates, as stock clients meet them.
 *
 * Method: the real program and pyarrow in processes of their own; certificates are made by openssl; tokens are made and
 * revoked by `sheaf token` while the server runs.
 */
import assert from 'node:assert/strict';
import { copyFileSync, existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { connect } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { OPENSSL_MISSING, hasOpenssl, makeAuthority } from '../support/certificates.ts';
import type { Pair } from '../support/certificates.ts';
import { PYTHON_MISSING, pythonPath } from '../support/python.ts';
import { startDialog } from '../support/python-dialog.ts';
import type { Dialog } from '../support/python-dialog.ts';
import { runSheaf, startSheaf, temporaryDirectory } from '../support/sheaf-process.ts';
import type { RunningSheaf } from '../support/sheaf-process.ts';

const python = pythonPath() ?? '';
const skipPython = python === '' ? PYTHON_MISSING : false;
const skipTls = hasOpenssl() ? skipPython : OPENSSL_MISSING;
const SCRIPT = fileURLToPath(new URL('auth.py', import.meta.url));

async function makeToken(directory: string, name: string, ...words: readonly string[]): Promise<string> {
  const { code, text, stderr } = await runSheaf(['token', 'create', name, ...words, '--data-dir', directory]);
  assert.equal(code, 0, stderr);
  return text.trim();
}

function bearer(token: string): Readonly<Record<string, unknown>> {
  return { headers: { authorization: `Bearer ${token}` } };
}

async function ask(server: RunningSheaf, sql: string, headers: Readonly<Record<string, string>>): Promise<Response> {
  return fetch(`${server.url}/query`, { method: 'POST', body: sql, headers });
}

async function fill(server: RunningSheaf, token: string): Promise<void> {
  for (const sql of ['CREATE TABLE seen AS SELECT 1 AS id', 'CREATE TABLE hidden AS SELECT 2 AS id']) {
    assert.equal((await ask(server, sql, { authorization: `Bearer ${token}` })).status, 200);
  }
}

test('with --auth required a token decides, on both doors and at every call', { skip: skipPython }, async (t) => {
  const directory = temporaryDirectory(t);
  const server = await startSheaf(t, ['--data-dir', directory, '--auth', 'required', '--log-level', 'debug']);
  assert.match(server.stderr(), /nobody can come in yet.*sheaf token create NAME --role admin/);
  const root = await makeToken(directory, 'root', '--role', 'admin');
  const ann = await makeToken(directory, 'ann', '--table', 'seen');
  await fill(server, root);
  const say = startDialog(t, python, SCRIPT);
  await say({ do: 'connect', uri: `grpc://${server.flight}` });

  await everybodyMay(say, server);
  const unknown = /^FlightUnauthenticatedError .*unauthenticated: /;
  for (const step of [
    { do: 'get', sql: 'FROM seen' },
    { do: 'info', sql: 'FROM seen' },
    { do: 'list' },
    { do: 'put', table: 'seen', rows: 3 },
    { do: 'put', table: 'seen', rows: 3_000_000 },
    { do: 'action', type: 'seal' },
    { do: 'action', type: 'nothing' },
    { do: 'get', sql: 'FROM seen', ...bearer(`${root.slice(0, -1)}x`) },
    { do: 'get', sql: 'FROM seen', ...bearer(root.replace(/.$/, (last) => (last === '0' ? '1' : '0'))) },
    { do: 'get', sql: 'FROM seen', headers: { authorization: 'Basic cm9vdA==' } },
    { do: 'get', sql: 'FROM seen', headers: { authorization: root } },
    { do: 'basic', user: 'ann', password: root },
    { do: 'basic', user: 'root', password: 'root' },
    { do: 'handler', user: 'root', password: '' },
  ]) {
    assert.match(await say(step), unknown, JSON.stringify(step));
  }
  assert.equal(await say({ do: 'get', sql: 'FROM seen', ...bearer(ann) }), 'ok [{"id": 1}]');
  assert.equal(await say({ do: 'info', sql: 'FROM seen', ...bearer(ann) }), 'ok [{"id": 1}]');
  assert.equal(await say({ do: 'list', ...bearer(ann) }), 'ok ["seen"]');
  assert.equal(await say({ do: 'list', ...bearer(root) }), 'ok ["hidden", "seen"]');
  assert.match(await say({ do: 'get', sql: 'FROM hidden', ...bearer(ann) }), /sql_bind: there is no table "hidden"/);
  const forbidden = /^FlightUnauthorizedError .*forbidden: ann does not have the right "ingest" on table "seen"/;
  assert.match(await say({ do: 'put', table: 'seen', rows: 3, ...bearer(ann) }), forbidden);
  await logsIn(t, server, root);
  await httpAsks(server, ann);

  const revoked = await runSheaf(['token', 'revoke', 'ann', '--data-dir', directory]);
  assert.deepEqual([revoked.code, revoked.text], [0, 'revoked 1 token\n']);
  assert.match(await say({ do: 'get', sql: 'FROM seen', ...bearer(ann) }), unknown);
  assert.equal((await ask(server, 'FROM seen', { authorization: `Bearer ${ann}` })).status, 401);
  const metrics = await fetch(`${server.url}/metrics`, { headers: { authorization: `Bearer ${root}` } });
  const text = await metrics.text();
  assert.match(text, /sheaf_auth_failures_total\{door="flight",reason="missing"\} [1-9]/);
  assert.match(text, /sheaf_auth_failures_total\{door="http",reason="unknown"\} [1-9]/);
  for (const secret of [root, ann]) {
    assert.equal((text + server.stderr() + server.stdout()).includes(secret.slice(-40)), false, 'a token was told');
  }
  assert.match(server.stderr(), /"principal":"ann"/);
  assert.equal(await server.stop(), 0);
});

/** What nobody needs a token for. */
async function everybodyMay(say: Dialog, server: RunningSheaf): Promise<void> {
  assert.equal(await say({ do: 'action', type: 'ping' }), 'ok pong');
  assert.match(await say({ do: 'action', type: 'healthcheck' }), /^ok \{"status":"ok".*"tables":0/);
  assert.equal(await say({ do: 'actions' }), 'ok True');
  for (const route of ['/ping', '/health', '/healthz', '/ready', '/readyz']) {
    assert.equal((await fetch(`${server.url}${route}`)).status, 200, route);
  }
}

/** Both forms of Handshake, and what a client then sends. */
async function logsIn(t: TestContext, server: RunningSheaf, root: string): Promise<void> {
  const say = startDialog(t, python, SCRIPT);
  await say({ do: 'connect', uri: `grpc://${server.flight}` });
  assert.equal(await say({ do: 'basic', user: 'root', password: root }), `ok authorization Bearer ${root}`);
  assert.match(await say({ do: 'get', sql: 'FROM hidden', ...bearer(root) }), /^ok/);
  assert.equal(await say({ do: 'handler', user: 'root', password: root }), 'ok logged in');
  assert.equal(await say({ do: 'get', sql: 'FROM hidden' }), 'ok [{"id": 2}]');
}

async function httpAsks(server: RunningSheaf, ann: string): Promise<void> {
  for (const route of ['/', '/query?query=FROM+seen', '/tables', '/stats', '/metrics']) {
    const response = await fetch(`${server.url}${route}`);
    assert.equal(response.status, 401, route);
    assert.match(response.headers.get('www-authenticate') ?? '', /^Bearer realm="sheaf", Basic realm="sheaf"/);
    const { error } = (await response.json()) as { error: { code: string } };
    assert.equal(error.code, 'unauthenticated');
  }
  const basic = `Basic ${Buffer.from(`ann:${ann}`).toString('base64')}`;
  assert.equal((await ask(server, 'FROM seen', { authorization: basic })).status, 200);
  assert.equal((await ask(server, 'INSERT INTO seen VALUES (1)', { authorization: basic })).status, 403);
  assert.equal((await ask(server, 'FROM hidden', { authorization: `bearer ${ann}` })).status, 400);
  const tables = await fetch(`${server.url}/tables`, { headers: { authorization: basic } });
  assert.doesNotMatch(await tables.text(), /hidden/);
  const insert = await fetch(`${server.url}/insert/csv?table=other`, {
    method: 'POST',
    body: 'id\n1\n',
    headers: { authorization: basic },
  });
  assert.equal(insert.status, 403);
}

test('without --auth nobody is asked, and who logs in all the same is let in', { skip: skipPython }, async (t) => {
  const server = await startSheaf(t, ['--data-dir', temporaryDirectory(t)]);
  assert.equal(server.stderr(), '');
  const say = startDialog(t, python, SCRIPT);
  await say({ do: 'connect', uri: `grpc://${server.flight}` });
  assert.match(await say({ do: 'basic', user: 'a', password: 'b' }), /^ok authorization Bearer /);
  assert.equal(await say({ do: 'handler', user: 'a', password: 'b' }), 'ok logged in');
  assert.equal(await say({ do: 'get', sql: 'SELECT 1 AS x' }), 'ok [{"x": 1}]');
});

interface Served {
  readonly server: RunningSheaf;
  readonly directory: string;
  readonly files: Pair;
  readonly words: readonly string[];
}

async function serveTls(t: TestContext, signed: Pair, ...words: readonly string[]): Promise<Served> {
  const directory = temporaryDirectory(t);
  const place = temporaryDirectory(t);
  const files = { cert: join(place, 'server.pem'), key: join(place, 'server.key') };
  install(signed, files);
  const flags = ['--data-dir', directory, '--tls-cert', files.cert, '--tls-key', files.key, ...words];
  return { server: await startSheaf(t, flags), directory, files, words: flags };
}

function install(signed: Pair, files: Pair): void {
  copyFileSync(signed.cert, files.cert);
  copyFileSync(signed.key, files.key);
}

test(
  'TLS on both doors: the fast lane, puts, the sheaf command, and certificates renewed',
  { skip: skipTls },
  async (t) => {
    const authority = makeAuthority(temporaryDirectory(t), 'first');
    const { server, directory, files } = await serveTls(t, authority.sign('localhost'), '--auth', 'required');
    const root = await makeToken(directory, 'root', '--role', 'admin');
    const say = startDialog(t, python, SCRIPT);
    const uri = `grpc+tls://localhost:${server.flight.split(':')[1] ?? ''}`;
    await say({ do: 'connect', uri, ca: authority.cert });
    assert.equal(await say({ do: 'put', table: 'many', rows: 1_000_000, ...bearer(root) }), 'ok stored');
    assert.equal(await say({ do: 'get_large', sql: 'FROM many', ...bearer(root) }), 'ok 1000000');
    const lane = { do: 'get', sql: "SELECT labels FROM sheaf_metrics WHERE name = 'sheaf_flight_lane_calls_total'" };
    const lanes = await say({ ...lane, ...bearer(root) });
    assert.match(lanes, /in\\",kind=\\"direct/);
    assert.match(lanes, /out\\",kind=\\"direct/);
    assert.doesNotMatch(lanes, /messages/);
    await commandAsks(server, directory, authority.cert, root);

    // New certificates, of another CA: new connections have them, and the old one goes on.
    const second = makeAuthority(temporaryDirectory(t), 'second');
    writeFileSync(files.cert, 'half writt');
    server.child.kill('SIGHUP');
    await until(() => server.stderr().includes('the old ones stay'));
    assert.equal(await issuer(server.http), 'first');
    install(second.sign('localhost'), files);
    server.child.kill('SIGHUP');
    await until(async () => (await issuer(server.http)) === 'second');
    assert.equal(await issuer(server.flight, ['h2']), 'second');
    assert.equal(await say({ do: 'get_large', sql: 'FROM many', ...bearer(root) }), 'ok 1000000');
    await say({ do: 'connect', as: 'new', uri, ca: second.cert });
    assert.equal(await say({ do: 'get_large', as: 'new', sql: 'FROM many', ...bearer(root) }), 'ok 1000000');
    await say({ do: 'connect', as: 'stale', uri, ca: authority.cert });
    assert.match(await say({ do: 'list', as: 'stale', ...bearer(root), timeout: 3 }), /^Flight/);
    assert.equal(await server.stop(), 0);
  },
);

async function commandAsks(server: RunningSheaf, directory: string, ca: string, root: string): Promise<void> {
  const query = ['query', 'SELECT count(*) AS n FROM many', '--format', 'csv'];
  const url = `https://${server.http}`;
  const asked = await runSheaf([...query, '--url', url, '--tls-ca', ca], { env: { SHEAF_TOKEN: root } });
  assert.deepEqual([asked.code, asked.text], [0, 'n\n1000000\n'], asked.stderr);
  const path = join(directory, '..', `token-${process.pid.toString()}`);
  writeFileSync(path, `${root}\n`);
  const found = await runSheaf([...query, '--data-dir', directory, '--tls-ca', ca], {
    env: { SHEAF_TOKEN_FILE: path },
  });
  assert.deepEqual([found.code, found.text], [0, 'n\n1000000\n'], found.stderr);
  const bare = await runSheaf([...query, '--url', url, '--tls-ca', ca]);
  assert.equal(bare.code, 1);
  assert.match(bare.stderr, /this database asks who you are/);
  const strange = await runSheaf([...query, '--url', url, '--token', root]);
  assert.match(strange.stderr, /certificate/);
}

async function until(done: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await done())) await new Promise((resolve) => setTimeout(resolve, 20));
}

/** Who has signed the certificate that is served at `address`. */
function issuer(address: string, protocols: readonly string[] = []): Promise<string> {
  const [host = '', port = ''] = address.split(':');
  return new Promise((resolve, reject) => {
    const options = { host, port: Number(port), rejectUnauthorized: false, ALPNProtocols: [...protocols] };
    const socket = connect(options, () => {
      resolve(String(socket.getPeerCertificate().issuer.CN));
      socket.destroy();
    });
    socket.on('error', reject);
  });
}

test('mutual TLS: no certificate, no connection; its name is a principal', { skip: skipTls }, async (t) => {
  const authority = makeAuthority(temporaryDirectory(t), 'clients');
  const others = makeAuthority(temporaryDirectory(t), 'others');
  const { server, directory } = await serveTls(t, authority.sign('localhost'), '--tls-client-ca', authority.cert);
  const root = await makeToken(directory, 'root', '--role', 'admin');
  await makeToken(directory, 'loader', '--role', 'ingest', '--table', 'seen');
  const say = startDialog(t, python, SCRIPT);
  const uri = `grpc+tls://localhost:${server.flight.split(':')[1] ?? ''}`;
  const connectAs = async (name: string, pair: Pair | undefined): Promise<void> => {
    await say({ do: 'connect', as: name, uri, ca: authority.cert, ...pair });
  };
  const loader = authority.sign('loader');
  await connectAs('loader', loader);
  await connectAs('nobody', undefined);
  await connectAs('stranger', others.sign('loader'));
  await connectAs('unknown', authority.sign('unknown'));
  assert.equal(await say({ do: 'put', as: 'loader', table: 'seen', rows: 5 }), 'ok stored');
  assert.equal(await say({ do: 'get', as: 'loader', sql: 'SELECT count(*) AS n FROM seen' }), 'ok [{"n": 5}]');
  assert.match(await say({ do: 'put', as: 'loader', table: 'other', rows: 5 }), /^FlightUnauthorizedError/);
  assert.match(await say({ do: 'list', as: 'unknown' }), /^FlightUnauthenticatedError .*names no principal/);
  assert.equal(await say({ do: 'list', as: 'unknown', ...bearer(root) }), 'ok ["seen"]');
  for (const name of ['nobody', 'stranger']) {
    assert.match(await say({ do: 'action', as: name, type: 'ping', timeout: 3 }), /^Flight/, name);
  }
  assert.equal(await httpsAsk(server, authority.cert, loader), 200);
  await assert.rejects(httpsAsk(server, authority.cert, undefined));
  // The token's end is the end of the name.
  await runSheaf(['token', 'revoke', 'loader', '--data-dir', directory]);
  assert.match(await say({ do: 'list', as: 'loader' }), /^FlightUnauthenticatedError/);
  assert.equal(await httpsAsk(server, authority.cert, loader), 401);
});

function httpsAsk(server: RunningSheaf, ca: string, pair: Pair | undefined): Promise<number> {
  const client = pair === undefined ? {} : { cert: readFileSync(pair.cert), key: readFileSync(pair.key) };
  return new Promise((resolve, reject) => {
    const options = { ca: readFileSync(ca), ...client, agent: false };
    const call = request(`https://${server.http}/query?query=FROM+seen`, options, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    call.on('error', reject);
    call.end();
  });
}

test('an address that others can reach needs TLS and tokens, or --insecure', { skip: skipTls }, async (t) => {
  const pair = makeAuthority(temporaryDirectory(t), 'ca').sign('localhost');
  const tls = ['--tls-cert', pair.cert, '--tls-key', pair.key];
  const refused = async (...words: readonly string[]): Promise<string> => {
    const flags = ['serve', '--data-dir', temporaryDirectory(t), '--flight-port', '0', '--http-port', '0', ...words];
    const { code, stderr } = await runSheaf(flags);
    assert.equal(code, 2, stderr);
    return stderr;
  };
  assert.match(await refused('--host', '0.0.0.0'), /it needs TLS \(--tls-cert, --tls-key\); add --insecure/);
  const both = /needs TLS \(--tls-cert, --tls-key\) and authentication \(--auth required\)/;
  assert.match(await refused('--host', '0.0.0.0', '--auth', 'off'), both);
  assert.match(await refused('--host', '0.0.0.0', '--auth', 'off', ...tls), /it needs authentication/);
  assert.match(await refused('--tls-cert', pair.cert), /go together/);
  assert.match(await refused('--tls-client-ca', pair.cert), /needs TLS/);
  const wrong = makeAuthority(temporaryDirectory(t), 'x').sign('x');
  const flags = ['serve', '--data-dir', temporaryDirectory(t), '--tls-cert', pair.cert, '--tls-key', wrong.key];
  assert.match((await runSheaf(flags)).stderr, /certificate and key do not serve/);
  const open = await startSheaf(t, ['--data-dir', temporaryDirectory(t), '--host', '0.0.0.0', ...tls]);
  assert.match(open.stderr(), /nobody can come in yet/);
  assert.equal(await fetchStatus(`https://${open.http.replace('0.0.0.0', '127.0.0.1')}/tables`), 401);
});

function fetchStatus(url: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const call = request(url, { rejectUnauthorized: false, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    call.on('error', reject);
    call.end();
  });
}

test('tokens go with a backup, and come back with it', async (t) => {
  const directory = temporaryDirectory(t);
  const root = await makeToken(directory, 'root', '--role', 'admin');
  const server = await startSheaf(t, ['--data-dir', directory, '--auth', 'required']);
  await fill(server, root);
  const backup = join(temporaryDirectory(t), 'backup');
  for (let i = 0; i < 2; i++) {
    const made = await runSheaf(['backup', backup, '--data-dir', directory]);
    assert.equal(made.code, 0, made.stderr);
  }
  assert.equal(readdirSync(backup).filter((name) => name.startsWith('access-')).length, 1);
  assert.equal(await server.stop(), 0);
  for (const place of [directory, backup]) {
    const { code, text } = await runSheaf(['check', '--data-dir', place]);
    assert.equal(code, 0, text);
    assert.doesNotMatch(text, /note/);
  }
  const restored = join(temporaryDirectory(t), 'restored');
  assert.equal((await runSheaf(['restore', backup, '--data-dir', restored])).code, 0);
  assert.equal(existsSync(join(restored, 'access.db')), true);
  const again = await startSheaf(t, ['--data-dir', restored, '--auth', 'required']);
  assert.equal((await ask(again, 'FROM hidden', { authorization: `Bearer ${root}` })).status, 200);
  await again.stop();
  const damaged = readdirSync(backup).find((name) => name.startsWith('access-')) ?? '';
  writeFileSync(join(backup, damaged), 'x', { flag: 'r+' });
  const failed = await runSheaf(['restore', backup, '--data-dir', join(temporaryDirectory(t), 'second')]);
  assert.match(failed.stderr, /is not as it was written/);
});
