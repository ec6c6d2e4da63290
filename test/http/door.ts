/** A door on a free port before an engine of memory, and a client that shows raw answers. */
import { request } from 'node:http';
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http';
import type { TestContext } from 'node:test';
import type { RecordBatch, ResultBatch } from '../../src/arrow/batch.ts';
import { encodeResults } from '../../src/arrow/ipc-stream.ts';
import type { Schema } from '../../src/arrow/schema.ts';
import type { EngineStatus, QueryOptions, QueryResult } from '../../src/engine/contract.ts';
import { EngineError } from '../../src/base/errors.ts';
import { startHttp } from '../../src/http/server.ts';
import type { HttpDoor, HttpOptions } from '../../src/http/server.ts';
import { FakeEngine } from '../support/fake-engine.ts';

/** The shared fake, with what only this door asks for: read-only queries and a state that tests set. */
export class HttpEngine extends FakeEngine {
  draining = false;
  readOnlyReason: string | undefined;

  override query(sql: string, options: QueryOptions = {}): Promise<QueryResult> {
    if (options.readOnly === true && /^\s*(create|drop)\b/i.test(sql)) {
      return Promise.reject(new EngineError('request_invalid', 'CREATE TABLE writes, and this door only reads'));
    }
    return super.query(sql, options);
  }

  override status(): EngineStatus {
    return { ...super.status(), draining: this.draining, readOnlyReason: this.readOnlyReason };
  }

  /** Lets `sql` be answered by batches made anew for each run. */
  answer(
    sql: string,
    schema: Schema,
    batches: (signal: AbortSignal | undefined) => AsyncIterable<RecordBatch>,
  ): void {
    const encoded = (signal: AbortSignal | undefined): AsyncIterable<ResultBatch> =>
      encodeResults(schema, batches(signal));
    this.answers.set(sql, { schema, batches: encoded });
  }
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly text: string;
  /** True when the connection broke before the body's end. */
  readonly torn: boolean;
}

/** A door that listens until the test ends. */
export interface TestDoor {
  readonly engine: HttpEngine;
  readonly door: HttpDoor;
  readonly port: number;
  ask(method: string, target: string, options?: AskOptions): Promise<Answer>;
  /** POSTs SQL. */
  sql(text: string, target?: string, headers?: OutgoingHttpHeaders): Promise<Answer>;
}

export interface AskOptions {
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: string | Uint8Array;
}

/** Starts a door and stops it after the test. */
export async function openDoor(context: TestContext, options: Partial<HttpOptions> = {}): Promise<TestDoor> {
  const engine = new HttpEngine();
  const door = await startHttp(engine, { host: '127.0.0.1', port: 0, flightAddress: undefined, ...options });
  context.after(() => door.close(0));
  const port = Number(door.address.split(':').at(-1));
  const ask = (method: string, target: string, asked: AskOptions = {}): Promise<Answer> =>
    askRaw(port, method, target, asked);
  const sql = (text: string, target = '/query', headers: OutgoingHttpHeaders = {}): Promise<Answer> =>
    ask('POST', target, { body: text, headers });
  return { engine, door, port, ask, sql };
}

function askRaw(port: number, method: string, path: string, options: AskOptions): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const call = request({ host: '127.0.0.1', port, method, path, headers: options.headers ?? {}, agent: false });
    call.on('error', reject);
    call.on('response', (response) => {
      const pieces: Buffer[] = [];
      let torn = false;
      response.on('data', (piece: Buffer) => pieces.push(piece));
      response.on('error', () => {
        torn = true;
      });
      response.on('close', () => {
        const body = Buffer.concat(pieces);
        const { statusCode = 0, headers } = response;
        resolve({ status: statusCode, headers, body, text: body.toString(), torn: torn || !response.complete });
      });
    });
    call.end(options.body);
  });
}

/** Code and message of an error body. */
export function errorOf(answer: Answer): { readonly code: string; readonly message: string } {
  const { error } = JSON.parse(answer.text) as { error: { code: string; message: string } };
  return error;
}
