/**
 * Hostile HTTP clients against the real server: malformed heads, floods of headers, lies about lengths, pipelining,
 * slow clients, long queries, damaged bodies of every form.
 *
 * Invariants: each request is answered by a status of the caller's fault, or its connection is closed; a refused
 * insert leaves nothing; the server answers at both doors afterwards, reports no failure of its own, and its memory
 * stays level.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { HTTP_HEAD_BYTES_MAX, SQL_LENGTH_MAX } from '../../src/base/limits.ts';
import type { Random } from '../support/random.ts';
import { damage } from './mutation.ts';
import { below, fuzz, pick, roundsOf } from './rounds.ts';
import { dictionaryMessages, randomMessages, streamOf } from './samples.ts';
import { assertLevel, startTarget, within } from './server.ts';
import type { Target } from './server.ts';

const MIB = 1024 * 1024;
const GROWTH_MIB_MAX = 160;
const HOST = 'Host: localhost\r\n';
const PING = `GET /ping HTTP/1.1\r\n${HOST}\r\n`;
const LAST_PING = `GET /ping HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`;

function post(
  path: string,
  body: string,
  headers = `Content-Length: ${Buffer.byteLength(body).toString()}\r\n`,
): string {
  return `POST ${path} HTTP/1.1\r\n${HOST}${headers}Connection: close\r\n\r\n${body}`;
}

/** Statuses of all answers in what came back. */
function statusesOf(answer: string): number[] {
  return [...answer.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map((match) => Number(match[1]));
}

const MALFORMED: readonly (readonly [name: string, request: string, statuses: readonly number[]])[] = [
  ['no HTTP', 'hello\r\n\r\n', [400]],
  ['TLS', '\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03', [400]],
  ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', [400]],
  ['an unknown version', `GET / HTTP/9.9\r\n${HOST}\r\n`, [400]],
  ['an unknown method', `FROB / HTTP/1.1\r\n${HOST}\r\n`, [400]],
  ['a NUL in the head', `GET /\0 HTTP/1.1\r\n${HOST}\r\n`, [400]],
  ['a bare line feed', `GET /ping HTTP/1.1\n${HOST}A\r\n\r\n`, [400]],
  ['no host', 'GET /tables HTTP/1.1\r\nConnection: close\r\n\r\n', [400]],
  ['two lengths', post('/query', 'SELECT 1', 'Content-Length: 8\r\nContent-Length: 9\r\n'), [400]],
  ['length and chunks', post('/query', '0\r\n\r\n', 'Content-Length: 8\r\nTransfer-Encoding: chunked\r\n'), [400]],
  ['a negative length', post('/query', 'SELECT 1', 'Content-Length: -8\r\n'), [400]],
  ['a length beyond numbers', post('/query', 'SELECT 1', `Content-Length: ${'9'.repeat(40)}\r\n`), [400]],
  ['a length of 2^53', post('/query', 'SELECT 1', 'Content-Length: 9007199254740993\r\n'), [413]],
  [
    'a chunk size that is none',
    post('/query', 'zz\r\nSELECT 1\r\n0\r\n\r\n', 'Transfer-Encoding: chunked\r\n'),
    [400],
  ],
  [
    'a chunk size beyond numbers',
    post('/query', `${'f'.repeat(20)}\r\nSELECT 1`, 'Transfer-Encoding: chunked\r\n'),
    [400],
  ],
  ['chunks that do not end', post('/query', '5\r\nSELECT 1\r\n0\r\n\r\n', 'Transfer-Encoding: chunked\r\n'), [400]],
  ['an unknown transfer', post('/query', 'SELECT 1', 'Transfer-Encoding: frob\r\n'), [400]],
  ['an unknown encoding', post('/query', 'SELECT 1', 'Content-Encoding: frob\r\nContent-Length: 8\r\n'), [415]],
  ['gzip that is none', post('/query', 'SELECT 1', 'Content-Encoding: gzip\r\nContent-Length: 8\r\n'), [400]],
  ['a broken escape', `GET /?query=%zz HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`, [400]],
  ['half of UTF-8', `GET /?query=%c3 HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`, [400]],
  ['a path that climbs', `GET /../../etc/passwd HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`, [404]],
  ['a table that climbs', post('/insert/csv?table=../x', 'a\n1\n'), [400]],
  ['a table with NUL', post('/insert/csv?table=a%00b', 'a\n1\n'), [400]],
  ['a head too large', `GET /ping HTTP/1.1\r\n${HOST}A: ${'a'.repeat(HTTP_HEAD_BYTES_MAX)}\r\n\r\n`, [431]],
  ['a query too long', `GET /?query=${'a'.repeat(HTTP_HEAD_BYTES_MAX)} HTTP/1.1\r\n${HOST}\r\n`, [431]],
  ['a query string of many', `GET /?${'a&'.repeat(30_000)} HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`, [400]],
  ['SQL too long', post('/query', `SELECT ${' '.repeat(SQL_LENGTH_MAX)}1`), [413]],
  ['an upgrade', `GET /ping HTTP/1.1\r\n${HOST}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n`, [200]],
];

test('malformed requests are refused by their status, and the server goes on', async (t) => {
  const target = await startTarget(t);
  const found = new Map<string, number[]>();
  for (const [name, request] of MALFORMED) {
    found.set(name, statusesOf(await target.raw(Buffer.from(request, 'latin1'), 3_000)));
  }
  assert.deepEqual(found, new Map(MALFORMED.map(([name, , statuses]) => [name, [...statuses]])));
  await target.mustServe();
  assert.deepEqual(await target.tables(), []);
});

/** Parts of requests, right and wrong. */
const PARTS = ['GET', 'POST', 'HEAD', 'OPTIONS', ' ', '/', '/query', '/insert/csv?table=t', '?query=SELECT+1', '%00']
  .concat([' HTTP/1.1', ' HTTP/1.0', '\r\n', '\r\n\r\n', '\n', 'Host: localhost', 'Host: x', 'Content-Length: 5'])
  .concat(['Transfer-Encoding: chunked', 'Content-Encoding: gzip', 'Expect: 100-continue', 'Connection: close'])
  .concat(['Content-Type: application/json', '5\r\nabcde\r\n', '0\r\n\r\n', 'SELECT 1', ': ', '\0', '\xff', 'a: b']);

function randomRequest(random: Random): Buffer {
  if (random() < 0.5) {
    const [, request] = pick(random, MALFORMED);
    return Buffer.from(damage(Buffer.from(request.slice(0, 4_000), 'latin1'), random));
  }
  const parts = Array.from({ length: 1 + below(random, 20) }, () => pick(random, PARTS));
  return Buffer.from(random() < 0.5 ? `POST /query HTTP/1.1\r\n${HOST}${parts.join('')}` : parts.join(''), 'latin1');
}

test('random heads are refused or answered, many to a connection', async (t) => {
  const target = await startTarget(t);
  await fuzz(t, 'http heads', 120, async (random) => {
    const requests = Array.from({ length: 1 + below(random, 3) }, () => randomRequest(random));
    const answer = await target.raw(Buffer.concat([...requests, Buffer.from(LAST_PING)]), 50);
    for (const status of statusesOf(answer)) assert.ok(status < 500 || status === 501, answer);
  });
  await target.mustServe();
});

test('pipelined requests are answered in order, however many', async (t) => {
  const target = await startTarget(t);
  const select = post('/query', 'SELECT 7 AS n').replace('Connection: close\r\n', '');
  const answer = await target.raw(`${(PING + select).repeat(300)}${LAST_PING}`);
  assert.deepEqual(
    statusesOf(answer),
    Array.from({ length: 601 }, () => 200),
  );
  await target.mustServe();
});

test('slow clients, and clients that leave, hold up nobody', async (t) => {
  const target = await startTarget(t);
  const sockets = await Promise.all(Array.from({ length: 300 }, () => target.socket()));
  sockets.forEach((socket, i) => {
    // Heads and bodies that are never finished, answers that are never read.
    const begun = [PING.slice(0, 20), post('/insert/csv?table=slow', 'a\n1\n', 'Content-Length: 100\r\n')];
    socket.pause();
    socket.write([...begun, `${HOST}`, post('/query', 'SELECT 1', 'Content-Length: 9\r\n')][i % 4] ?? '');
  });
  const before = target.residentBytes();
  for (let i = 0; i < 8; i++) {
    for (const socket of sockets) socket.write('a');
    await target.mustServe();
  }
  for (const socket of sockets) socket.destroy();
  await target.mustServe();
  assert.deepEqual(await target.tables(), [], 'an upload that did not end leaves nothing');
  assertLevel(t, '300 slow clients', before, target.residentBytes(), GROWTH_MIB_MAX);
});

const CSV = 'a,b,c\n1,x,2.5\n2,"y\ny",\n3,"z""z",1e9\n';
const NDJSON = '{"a":1,"b":"x","c":[1,2],"d":{"e":null}}\n{"a":2,"b":"\\u00e9","c":[],"d":{"e":true}}\n';

interface Upload {
  readonly path: string;
  readonly body: Uint8Array;
}

function randomUpload(random: Random): Upload {
  const form = pick(random, ['arrow', 'csv', 'ndjson'] as const);
  const flat = random() < 0.5 ? dictionaryMessages() : randomMessages(random);
  const texts = { csv: CSV, ndjson: NDJSON };
  const valid = form === 'arrow' ? streamOf(flat) : Buffer.from(texts[form].repeat(1 + below(random, 5)));
  let body: Uint8Array = valid;
  for (let times = below(random, 4); times > 0 && body.byteLength > 0; times--) body = damage(body, random);
  return { path: `/insert/${random() < 0.9 ? form : pick(random, ['arrow', 'csv', 'ndjson'])}`, body };
}

async function send(target: Target, path: string, body: Uint8Array, headers: Record<string, string> = {}) {
  const asked = fetch(`${target.server.url}${path}`, { method: 'POST', body, headers });
  const response = await within(path, asked);
  return { status: response.status, text: await response.text() };
}

test('damaged bodies of every form are stored or refused, whole', async (t) => {
  const target = await startTarget(t);
  const stored = new Map<string, number>();
  let before = 0;
  await fuzz(t, 'http bodies', 150, async (random, seed) => {
    const { path, body } = randomUpload(random);
    const encoding = random();
    const sent = encoding < 0.1 ? gzipSync(body) : encoding < 0.15 ? brotliCompressSync(body) : body;
    const names = encoding < 0.1 ? { 'content-encoding': 'gzip' } : { 'content-encoding': 'br' };
    const bytes = random() < 0.9 ? sent : damage(sent, random);
    const { status, text } = await send(
      target,
      `${path}?table=t${seed.toString()}`,
      bytes,
      encoding < 0.15 ? names : {},
    );
    assert.ok([200, 400, 413, 501].includes(status), `${status.toString()} ${text}`);
    if (status === 200) stored.set(`t${seed.toString()}`, (JSON.parse(text) as { inserted: number }).inserted);
    if (before === 0) before = target.residentBytes();
  });
  await target.mustServe();
  assertLevel(t, 'bodies', before, target.residentBytes(), GROWTH_MIB_MAX);
  assert.deepEqual(new Map(await target.tables()), new Map([...stored].sort(([a], [b]) => (a < b ? -1 : 1))));
});

/** Bodies that are small to send and large to read, or that a naive reader recurses or gathers on. */
const BOMBS: readonly (readonly [string, string, () => Uint8Array, Record<string, string>?])[] = [
  [
    'a CSV field without end',
    '/insert/csv',
    () => Buffer.concat([Buffer.from('a\n"'), Buffer.alloc(72 * MIB, 0x78)]),
  ],
  ['a CSV line of commas', '/insert/csv', () => Buffer.alloc(8 * MIB, 0x2c)],
  [
    'an NDJSON line without end',
    '/insert/ndjson',
    () => Buffer.concat([Buffer.from('{"a":"'), Buffer.alloc(72 * MIB, 0x78)]),
  ],
  ['nested JSON', '/insert/ndjson', () => Buffer.from(`{"a":${'['.repeat(MIB)}`)],
  ['nested JSON objects', '/insert/ndjson', () => Buffer.from('{"a":'.repeat(MIB))],
  [
    'JSON of 20,000 names',
    '/insert/ndjson',
    () => Buffer.from(`{${Array.from({ length: 20_000 }, (_, i) => `"c${i.toString()}":1`).join()}}`),
  ],
  ['JSON of one name many times', '/insert/ndjson', () => Buffer.from(`{${'"a":1,'.repeat(200_000)}"a":2}`)],
  [
    'gzip of a CSV field without end',
    '/insert/csv',
    () => gzipSync(Buffer.concat([Buffer.from('a\n"'), Buffer.alloc(72 * MIB)])),
    { 'content-encoding': 'gzip' },
  ],
  ['gzip of SQL', '/query', () => gzipSync(Buffer.alloc(32 * MIB, 0x20)), { 'content-encoding': 'gzip' }],
  [
    'brotli of an Arrow body',
    '/insert/arrow',
    () => brotliCompressSync(Buffer.alloc(4 * MIB)),
    { 'content-encoding': 'br' },
  ],
  ['an Arrow header of 2 GiB', '/insert/arrow', () => Buffer.from([255, 255, 255, 255, 255, 255, 255, 127, 0, 0])],
  ['SQL of stars', '/query', () => Buffer.from(`SELECT ${'*,'.repeat(500_000)}1 FROM system`)],
];

/** Those of more than 64 MiB but the first are sent by name only: they take seconds. */
test('bombs are refused soon, and memory stays level', async (t) => {
  const target = await startTarget(t);
  await send(target, '/insert/csv?table=warm', Buffer.from(`a\n${'1234567\n'.repeat(MIB)}`));
  const before = target.residentBytes();
  for (const [name, path, make, headers] of BOMBS) {
    if (name.includes('without end') && !name.startsWith('a CSV') && roundsOf(1) === 1) continue;
    const body = make();
    const started = performance.now();
    const place = path.startsWith('/insert') ? `${path}?table=bomb` : path;
    const { status, text } = await send(target, place, body, headers);
    const elapsed = (performance.now() - started).toFixed(0);
    t.diagnostic(
      `${name}: ${status.toString()} in ${elapsed} ms, resident ${(target.residentBytes() / MIB).toFixed(0)} MiB`,
    );
    assert.ok([400, 404, 413].includes(status), `${name}: ${status.toString()} ${text.slice(0, 300)}`);
    await target.mustServe();
  }
  assertLevel(t, 'bombs', before, target.residentBytes(), 2 * GROWTH_MIB_MAX);
  assert.deepEqual(
    (await target.tables()).map(([table]) => table),
    ['warm'],
  );
});
