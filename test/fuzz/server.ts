/**
 * The real server as the target of hostile clients: raw sockets, raw HTTP/2, and proof that it still serves.
 *
 * Hides processes. Invariants: `mustServe` asks both doors and looks that the process lives and reported no failure
 * of its own (an `internal` error, an unhandled rejection); memory is the resident set of the server's process.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { connect as connectSession } from 'node:http2';
import type { ClientHttp2Session, ClientHttp2Stream } from 'node:http2';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { field, rawFlight, readAll } from '../support/flight-client.ts';
import { startSheaf, temporaryDirectory } from '../support/sheaf-process.ts';
import type { RunningSheaf } from '../support/sheaf-process.ts';

/** Within which any answer must come, also on a busy machine. */
const ANSWER_MS_MAX = 10_000;
/** Silence in the middle of answers, after which nothing more is waited for. */
const SPEAKING_MS = 1_000;
const MIB = 1024 * 1024;

export interface Target {
  readonly server: RunningSheaf;
  /** Asks `/ping` and a Flight ping. @throws when one does not answer, or the server reported a failure of its own */
  mustServe(): Promise<void>;
  /** Resident bytes of the server. */
  residentBytes(): number;
  /** Names of all tables and their row counts. */
  tables(): Promise<readonly (readonly [string, number])[]>;
  /** Sends bytes on a new connection and gives all that comes back until it closes or `quietMs` pass. */
  raw(bytes: string | Uint8Array, quietMs?: number): Promise<string>;
  socket(): Promise<Socket>;
  session(): ClientHttp2Session;
}

/** Gives what `work` gives. @throws when it takes longer than an answer may */
export async function within<T>(what: string, work: Promise<T>, ms = ANSWER_MS_MAX): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`${what}: no answer within ${ms.toString()} ms`));
    }, ms);
  });
  return Promise.race([work, late]).finally(() => {
    clearTimeout(timer);
  });
}

/** Starts a server in a directory of its own. */
export async function startTarget(t: TestContext, env: Readonly<Record<string, string>> = {}): Promise<Target> {
  const server = await startSheaf(t, ['--data-dir', temporaryDirectory(t)], { env });
  const [host = '', port = ''] = server.http.split(':');
  const socket = (): Promise<Socket> =>
    new Promise((resolve, reject) => {
      const made = connect(Number(port), host, () => {
        made.off('error', reject);
        made.on('error', () => undefined);
        resolve(made);
      });
      made.once('error', reject);
    });
  const query = async (sql: string): Promise<unknown[][]> => {
    const response = await fetch(`${server.url}/query`, { method: 'POST', body: sql });
    return ((await response.json()) as { data: unknown[][] }).data;
  };
  return {
    server,
    socket,
    mustServe: () => mustServe(server),
    residentBytes: () => {
      const status = readFileSync(`/proc/${String(server.child.pid)}/status`, 'utf8');
      return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? NaN) * 1024;
    },
    tables: async () => (await query('SHOW TABLES')).map(([name, rows]) => [String(name), Number(rows)] as const),
    raw: async (bytes, quietMs = ANSWER_MS_MAX) => exchange(await socket(), bytes, quietMs),
    session: () => {
      const session = connectSession(`http://${server.flight}`);
      session.on('error', () => undefined);
      t.after(() => {
        session.destroy();
      });
      return session;
    },
  };
}

async function mustServe(server: RunningSheaf): Promise<void> {
  assert.equal(server.child.exitCode, null, `the server ended: ${server.stderr()}`);
  const http = await within('GET /ping', fetch(`${server.url}/ping`));
  assert.equal(http.status, 200);
  await http.text();
  const client = rawFlight(server.flight);
  try {
    const ping = readAll(client.read('DoAction', field(1, Buffer.from('ping'))));
    const { messages, ending } = await within('a Flight ping', ping);
    assert.deepEqual([ending.grpc, messages.map(String)], [0, [String(field(1, Buffer.from('pong')))]]);
  } finally {
    client.close();
  }
  const reported = `${server.stdout()}\n${server.stderr()}`;
  assert.doesNotMatch(reported, /incident|unhandled|uncaught|AssertionError|RangeError|TypeError|MaxListeners/i);
}

function exchange(socket: Socket, bytes: string | Uint8Array, quietMs: number): Promise<string> {
  return new Promise((resolve) => {
    const pieces: Buffer[] = [];
    const done = (): void => {
      socket.destroy();
      resolve(Buffer.concat(pieces).toString('latin1'));
    };
    socket.setTimeout(quietMs, done);
    socket.on('data', (piece: Buffer) => {
      pieces.push(piece);
      // Once it speaks, what is left comes soon.
      socket.setTimeout(Math.min(quietMs, SPEAKING_MS), done);
    });
    socket.on('close', done);
    socket.write(bytes);
  });
}

/** A call on a bare HTTP/2 connection. */
export function bareCall(
  session: ClientHttp2Session,
  rpc: string,
  headers: Readonly<Record<string, string>> = {},
): ClientHttp2Stream {
  const stream = session.request({
    ':method': 'POST',
    ':path': `/arrow.flight.protocol.FlightService/${rpc}`,
    'content-type': 'application/grpc',
    te: 'trailers',
    ...headers,
  });
  stream.on('error', () => undefined);
  return stream;
}

function textOf(header: unknown): string {
  return typeof header === 'string' || typeof header === 'number' ? header.toString() : '';
}

/** How a bare call ends: gRPC status and message; -1 when the stream was reset or the connection lost. */
export function endOf(stream: ClientHttp2Stream): Promise<readonly [status: number, message: string]> {
  return new Promise((resolve) => {
    const look = (headers: Readonly<Record<string, unknown>>): void => {
      const status = headers['grpc-status'];
      if (status !== undefined) resolve([Number(status), decodeURIComponent(textOf(headers['grpc-message']))]);
    };
    stream.on('response', look);
    stream.on('trailers', look);
    stream.on('close', () => {
      resolve([-1, 'reset']);
    });
    stream.resume();
  });
}

/** A gRPC frame. */
export function framed(message: Uint8Array, flag = 0, length = message.byteLength): Buffer {
  const prefix = Buffer.alloc(5);
  prefix[0] = flag;
  prefix.writeUInt32BE(length, 1);
  return Buffer.concat([prefix, message]);
}

/** Memory after hostile work, held against before: what a bounded server may keep. */
export function assertLevel(t: TestContext, what: string, before: number, after: number, mostMib: number): void {
  const grown = (after - before) / MIB;
  t.diagnostic(`${what}: resident ${(before / MIB).toFixed(0)} to ${(after / MIB).toFixed(0)} MiB`);
  assert.ok(grown < mostMib, `${what}: ${grown.toFixed(0)} MiB more, at most ${mostMib.toString()}`);
}
