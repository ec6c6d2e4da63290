/**
 * The real engine behind the real Flight door, and a raw caller of it that keeps cookies or does not.
 *
 * Hides what a browser does with Set-Cookie. Invariant: everything ends with the test.
 */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { open } from '../../src/engine/engine.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { decodeFlightData } from '../../src/flight/encode.ts';
import { decodeMessage } from '../../src/flight/message.ts';
import type { MessageTypes } from '../../src/flight/message-type.ts';
import { startFlightServer } from '../../src/flight/server.ts';
import type { FlightServerOptions } from '../../src/flight/server.ts';
import { BatchReader } from '../../src/arrow/ipc-read.ts';
import { decodeSchema } from '../../src/arrow/ipc-schema.ts';
import { rawFlight, field, readAll } from './flight-client.ts';
import type { Ending, RawFlight } from './flight-client.ts';
import { rowsOf } from './sample.ts';
import { temporaryDirectory } from './temporary.ts';

export interface FlightServer {
  readonly engine: Engine;
  readonly address: string;
}

/** Opens an engine on a new directory, and its door. */
export async function serveFlight(t: TestContext, options: Partial<FlightServerOptions> = {}): Promise<FlightServer> {
  const engine = await open(temporaryDirectory(t));
  const door = await startFlightServer(engine, { host: '127.0.0.1', port: 0, ...options });
  t.after(async () => {
    await door.close(0);
    await engine.close();
  });
  return { engine, address: door.address };
}

/** What a call was answered with. */
export interface Reply {
  readonly messages: readonly Buffer[];
  readonly cookies: readonly string[];
  readonly ending: Ending;
}

/** A client on a connection of its own. */
export class FlightCaller {
  readonly client: RawFlight;
  readonly #keepsCookies: boolean;
  /** The Cookie header that it sends. */
  cookie: string | undefined;

  constructor(t: TestContext, address: string, { keepsCookies = true } = {}) {
    this.client = rawFlight(address);
    this.#keepsCookies = keepsCookies;
    t.after(() => {
      this.client.close();
    });
  }

  async call(rpc: string, request: Uint8Array, options: { readonly deadlineMs?: number } = {}): Promise<Reply> {
    const headers = this.cookie === undefined ? {} : { cookie: this.cookie };
    const reply = await readAll(this.client.read(rpc, request, { ...options, headers }));
    for (const cookie of this.#keepsCookies ? reply.cookies : []) {
      this.cookie = cookie.includes('Max-Age=0') ? undefined : cookie;
    }
    return reply;
  }

  /** Sends an action; answers its one result. @throws the status as `code: text` */
  async act(type: string, body: Uint8Array = new Uint8Array(0)): Promise<Buffer> {
    const reply = await this.call('DoAction', Buffer.concat([field(1, Buffer.from(type)), field(2, body)]));
    if (reply.ending.grpc !== 0) throw new Error(reply.ending.details);
    const [result = Buffer.alloc(0)] = reply.messages;
    return Buffer.from(decodeMessage('Result', result).body);
  }

  /** GetFlightInfo of a command. @throws as `act` */
  async info(command: Uint8Array): Promise<MessageTypes['FlightInfo']> {
    const { messages, ending } = await this.call('GetFlightInfo', descriptorOf(command));
    if (ending.grpc !== 0) throw new Error(ending.details);
    return decodeMessage('FlightInfo', messages[0] ?? Buffer.alloc(0));
  }

  /** The rows of a ticket. @throws as `act` */
  async rows(ticket: Uint8Array | string): Promise<unknown[][]> {
    const { messages, ending } = await this.call('DoGet', field(1, Buffer.from(ticket)));
    if (ending.grpc !== 0) throw new Error(ending.details);
    return rowsIn(messages);
  }
}

/** A command descriptor as a request. */
export function descriptorOf(command: Uint8Array): Buffer {
  return Buffer.concat([Buffer.of(0x08, 2), field(2, command)]);
}

/** The rows of an answer in FlightData. */
export async function rowsIn(messages: readonly Buffer[]): Promise<unknown[][]> {
  const [first, ...rest] = messages.map((bytes) => decodeFlightData(bytes));
  assert(first !== undefined, 'there is a schema');
  const reader = new BatchReader(decodeSchema(first.header), { trusted: true });
  async function* batches() {
    for (const { header, body } of rest) {
      await Promise.resolve();
      const batch = reader.read(header, body);
      if (batch !== undefined) yield batch;
    }
  }
  return rowsOf(batches());
}

/** A query that computes a microsecond or so for each row that it scans of the table `slow`; it answers 8. */
export const SLOW_SCAN = "SELECT max(levenshtein(x::VARCHAR, 'abcdefgh')) AS far FROM slow";

/** Makes the table of SLOW_SCAN. */
export async function makeSlowTable(engine: Engine, rowCount: number): Promise<void> {
  await rowsOfStatement(
    engine,
    `CREATE TABLE slow AS SELECT 10_000_000 + range AS x FROM range(${rowCount.toString()})`,
  );
}

/** Runs a statement to its end. */
export async function rowsOfStatement(engine: Engine, sql: string): Promise<unknown[][]> {
  return rowsOf((await engine.query(sql)).batches());
}
