/**
 * Peers that mean ill, or are only broken: floods of resets and headers, peers that stand still, thousands that say
 * nothing. Goal: whatever one does, others are served at once, and memory stays bounded.
 *
 * Method: the real program; while the peers are at it a well-behaved client asks a query again and again and no answer
 * may take longer than PATIENCE_MS; afterwards the server's memory is near what it was.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { connect as connectHttp2 } from 'node:http2';
import type { ClientHttp2Session } from 'node:http2';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { field, rawFlight, readAll } from '../support/flight-client.ts';
import { startSheaf, temporaryDirectory } from '../support/sheaf-process.ts';
import type { RunningSheaf } from '../support/sheaf-process.ts';

const PATIENCE_MS = 10_000;
const MEMORY_BYTES_MAX = 300 * 2 ** 20;
const TICKET = field(1, Buffer.from('SELECT sum(range) FROM range(1000)'));

/** Resident memory of the server that is its own, not that of mapped files. */
function anonymousBytes({ child }: RunningSheaf): number {
  const status = readFileSync(`/proc/${String(child.pid)}/status`, 'latin1');
  return Number(/RssAnon:\s+(\d+) kB/u.exec(status)?.[1] ?? Number.NaN) * 1_024;
}

/** Runs `attack` while somebody else asks, and holds the answers and the memory to their bounds. */
async function servesMeanwhile(t: TestContext, attack: (server: RunningSheaf) => Promise<void>): Promise<void> {
  const server = await startSheaf(t, ['--data-dir', temporaryDirectory(t)]);
  const others = rawFlight(server.flight);
  t.after(() => others.close());
  const ask = async (): Promise<number> => {
    const beganMs = performance.now();
    const { messages } = await readAll(others.read('DoGet', TICKET, { deadlineMs: PATIENCE_MS }));
    assert.equal(messages.length, 2);
    assert.equal((await fetch(`${server.url}/ping`)).status, 200);
    return performance.now() - beganMs;
  };
  await ask();
  const before = anonymousBytes(server);
  let longestMs = 0;
  let over = false;
  const attacking = attack(server).finally(() => {
    over = true;
  });
  for (let asked = 0; asked < 5 || !over; asked++) longestMs = Math.max(longestMs, await ask());
  await attacking;
  const grown = anonymousBytes(server) - before;
  t.diagnostic(`longest answer ${Math.round(longestMs).toString()} ms, memory grown by ${grown.toString()} bytes`);
  assert.ok(longestMs < PATIENCE_MS);
  assert.ok(grown < MEMORY_BYTES_MAX);
  assert.equal(await server.stop(), 0);
}

/** An HTTP/2 connection whose end, however it comes, is nobody's error. */
function hostile(t: TestContext, { flight }: RunningSheaf): ClientHttp2Session {
  const session = connectHttp2(`http://${flight}`);
  session.on('error', () => undefined);
  t.after(() => session.destroy());
  return session;
}

function callHeaders(extra: Readonly<Record<string, string>> = {}): Record<string, string> {
  return {
    ':method': 'POST',
    ':path': '/arrow.flight.protocol.FlightService/DoGet',
    'content-type': 'application/grpc',
    te: 'trailers',
    ...extra,
  };
}

async function sockets(t: TestContext, address: string, count: number): Promise<Socket[]> {
  const [host = '', port = ''] = address.split(':');
  const open = Array.from({ length: count }, () => connect(Number(port), host).on('error', () => undefined));
  t.after(() => {
    for (const socket of open) socket.destroy();
  });
  await Promise.all(
    open.map((socket) => new Promise((resolve) => socket.once('connect', resolve).once('close', resolve))),
  );
  return open;
}

test('calls that are begun and reset at once, thousands of them, hold nobody up', async (t) => {
  await servesMeanwhile(t, async (server) => {
    for (let round = 0; round < 6; round++) {
      const session = hostile(t, server);
      for (let i = 0; i < 500 && !session.closed && !session.destroyed; i++) {
        const stream = session.request(callHeaders());
        stream.on('error', () => undefined);
        stream.close(8);
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
      session.destroy();
    }
  });
});

test('headers without end are refused, and hold nobody up', async (t) => {
  await servesMeanwhile(t, async (server) => {
    for (let round = 0; round < 50; round++) {
      const session = hostile(t, server);
      const flood = Object.fromEntries(
        Array.from({ length: 200 }, (_, i) => [`x-flood-${i.toString()}`, 'x'.repeat(250)]),
      );
      const stream = session.request(callHeaders(flood), { endStream: true });
      await new Promise<void>((resolve) => {
        stream.on('error', () => undefined).on('close', resolve);
        stream.resume();
      });
      session.destroy();
    }
  });
});

test('clients that do not read their answers hold nobody up, and hold no more than their windows', async (t) => {
  await servesMeanwhile(t, async (server) => {
    const big = field(1, Buffer.from('SELECT range, range AS b, range AS c FROM range(20000000)'));
    const slow = rawFlight(server.flight);
    t.after(() => slow.close());
    const calls = Array.from({ length: 20 }, () => slow.read('DoGet', big).on('error', () => undefined));
    for (const call of calls) call.pause();
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    for (const call of calls) call.cancel();
  });
});

test('clients that put a byte at a time hold nobody up', async (t) => {
  await servesMeanwhile(t, async (server) => {
    const slow = rawFlight(server.flight);
    t.after(() => slow.close());
    const session = hostile(t, server);
    const puts = Array.from({ length: 50 }, () => {
      const stream = session.request(callHeaders({ ':path': '/arrow.flight.protocol.FlightService/DoPut' }));
      return stream.on('error', () => undefined).resume();
    });
    for (const byte of [0, 0, 0, 16, 0, 18]) {
      for (const put of puts) put.write(Buffer.of(byte));
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    for (const put of puts) put.close(8);
  });
});

test('a thousand connections that say nothing, on either port, hold nobody up', async (t) => {
  await servesMeanwhile(t, async (server) => {
    const open = await Promise.all([sockets(t, server.flight, 1_000), sockets(t, server.http, 1_000)]);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    for (const socket of open.flat()) socket.destroy();
  });
});

test('bytes that are neither HTTP/2 nor HTTP are refused', async (t) => {
  await servesMeanwhile(t, async (server) => {
    for (const address of [server.flight, server.http]) {
      const peers = await sockets(t, address, 50);
      const closed = peers.map((socket) => new Promise((resolve) => socket.resume().once('close', resolve)));
      for (const [i, socket] of peers.entries()) socket.end(Buffer.alloc(1_000, i));
      await Promise.all(closed);
    }
  });
});
