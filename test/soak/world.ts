/**
 * The server under soak, and the ways in: HTTP statements, inserts, Flight puts and reads, actions; killed at will.
 *
 * Hides addresses, which change with every start, and what tells a refusal from a lost connection. Invariants: a
 * `Refused` is the server's own word, so what was asked has not happened; any other error of a call leaves its outcome
 * unknown, and `settled` resolves only when a server that was started after the loss serves, so that nothing of the
 * old one can still happen.
 */
import { encodeSchema } from '../../src/arrow/ipc-schema.ts';
import { encodeBatch } from '../../src/arrow/ipc-write.ts';
import type { RecordBatch } from '../../src/arrow/batch.ts';
import { dataFields, field, pathField, rawFlight, readAll } from '../support/flight-client.ts';
import type { RawFlight } from '../support/flight-client.ts';
import { TICKET_LIFE_MS } from '../../src/base/limits.ts';
import { startSheaf } from '../support/sheaf-process.ts';
import type { RunningSheaf, TestScope } from '../support/sheaf-process.ts';

/** The server answered that it did not do it. */
export class Refused extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(`${code}: ${message}`);
    this.code = code;
  }
}

/** gRPC's status of a call that its client gave up. */
const CANCELLED = 1;
/** Refusals that a server under load may give. */
const PASSING: ReadonlySet<string> = new Set(['busy', 'draining']);

interface Life {
  readonly number: number;
  readonly server: RunningSheaf;
  readonly flight: RawFlight;
}

export type Row = readonly unknown[];

export class World {
  readonly directory: string;
  readonly #scope: TestScope;
  #life: Promise<Life>;
  #lives = 0;
  kills = 0;

  constructor(scope: TestScope, directory: string) {
    this.#scope = scope;
    this.directory = directory;
    this.#life = this.#start();
  }

  async #start(): Promise<Life> {
    const words = ['--data-dir', this.directory, '--log-level', 'error'];
    words.push('--snapshot-retention-seconds', (TICKET_LIFE_MS / 1_000).toString());
    const server = await startSheaf(this.#scope, words);
    return { number: ++this.#lives, server, flight: rawFlight(server.flight) };
  }

  /** Process id of the server that serves. */
  async pid(): Promise<number> {
    return (await this.#life).server.child.pid ?? 0;
  }

  /** How many servers were started; calls that span two lives lost their connection. */
  async life(): Promise<number> {
    return (await this.#life).number;
  }

  /** kill -9, and a new server on the same directory. */
  async kill(): Promise<void> {
    const life = await this.#life;
    this.#life = (async () => {
      await life.server.stop('SIGKILL');
      life.flight.close();
      return this.#start();
    })();
    this.kills++;
    await this.#life;
  }

  /** A clean stop, and a new server on the same directory. */
  async restart(): Promise<void> {
    const code = await this.stop();
    if (code !== 0) throw new Error(`the server ended with ${String(code)}`);
    this.#life = this.#start();
    await this.#life;
  }

  /** A clean stop; the exit code. */
  async stop(): Promise<number | null> {
    const { server, flight } = await this.#life;
    flight.close();
    return server.stop();
  }

  /** What the servers that live wrote to stderr. */
  async complaints(): Promise<string> {
    return (await this.#life).server.stderr();
  }

  /** Resolves when the outcome of a call that failed in life `number` cannot change any more. @throws when it can */
  async settled(number: number, error: unknown): Promise<void> {
    if (error instanceof Refused) {
      if (PASSING.has(error.code)) return;
      throw error;
    }
    if ((await this.life()) === number) throw error;
  }

  /** Runs one statement. @throws Refused; other errors leave it unknown whether it ran */
  async query(sql: string): Promise<readonly Row[]> {
    const { server } = await this.#life;
    const body = await post(`${server.url}/query`, sql);
    return (body as { readonly data: readonly Row[] }).data;
  }

  /** Inserts rows by HTTP. @throws as `query` */
  async insert(table: string, rows: readonly object[]): Promise<number> {
    const { server } = await this.#life;
    const text = rows.map((row) => JSON.stringify(row)).join('\n');
    const body = await post(`${server.url}/insert/ndjson?table=${table}`, text);
    return (body as { readonly inserted: number }).inserted;
  }

  /** One DoPut stream. @throws as `query` */
  async put(table: string, batches: readonly RecordBatch[]): Promise<void> {
    const { flight } = await this.#life;
    const call = flight.stream('DoPut');
    const ended = readAll(call);
    for (const message of putMessages(table, batches)) call.write(message);
    call.end();
    refuse((await ended).ending);
  }

  /** Begins a DoPut stream and vanishes before its end: the connection is gone, and nothing may be stored. */
  async vanish(table: string, batches: readonly RecordBatch[]): Promise<void> {
    const { server } = await this.#life;
    const flight = rawFlight(server.flight);
    const call = flight.stream('DoPut');
    const ended = readAll(call);
    for (const message of putMessages(table, batches)) {
      await new Promise<void>((resolve) => call.write(message, () => resolve()));
    }
    call.cancel();
    flight.close();
    await ended;
  }

  /** A DoGet whose reader pauses `pauseMs` after each message; bytes read. @throws as `query` */
  async readSlowly(sql: string, pauseMs: number): Promise<number> {
    const { flight } = await this.#life;
    const call = flight.read('DoGet', field(1, Buffer.from(sql)));
    let bytes = 0;
    call.on('data', (message: Buffer) => {
      bytes += message.byteLength;
      call.pause();
      setTimeout(() => call.resume(), pauseMs);
    });
    refuse((await readAll(call)).ending);
    return bytes;
  }

  /** A DoGet that is cancelled at its first message. */
  async readAndCancel(sql: string): Promise<void> {
    const { flight } = await this.#life;
    const call = flight.read('DoGet', field(1, Buffer.from(sql)));
    call.once('data', () => call.cancel());
    const { ending } = await readAll(call);
    // The rest may have been there before the cancellation was.
    if (ending.grpc !== CANCELLED) refuse(ending);
  }

  /** Runs an action with a JSON body. @throws as `query` */
  async act(type: string, body: object): Promise<void> {
    const { flight } = await this.#life;
    const request = Buffer.concat([field(1, Buffer.from(type)), field(2, Buffer.from(JSON.stringify(body)))]);
    refuse((await readAll(flight.read('DoAction', request))).ending);
  }
}

function* putMessages(table: string, batches: readonly RecordBatch[]): Generator<Buffer> {
  const [first] = batches;
  if (first === undefined) return;
  yield Buffer.concat([pathField(table), field(2, encodeSchema(first.schema).header)]);
  for (const batch of batches) {
    const { header, body } = encodeBatch(batch);
    yield dataFields(header, body);
  }
}

/** @throws Refused when the trailers carry a code of ours, an error otherwise */
function refuse(ending: { readonly grpc: number; readonly details: string; readonly code: string }): void {
  if (ending.grpc === 0) return;
  if (ending.code !== '') throw new Refused(ending.code, ending.details);
  throw new Error(`a call was lost: ${ending.details}`);
}

async function post(url: string, body: string): Promise<unknown> {
  const response = await fetch(url, { method: 'POST', body });
  const answer = (await response.json()) as { readonly error?: { readonly code: string; readonly message: string } };
  if (answer.error !== undefined) throw new Refused(answer.error.code, answer.error.message);
  return answer;
}
